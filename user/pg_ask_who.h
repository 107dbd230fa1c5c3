/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose sessions these are that were open before us: those that are to be asked for, for pg_ask.c only. In: a
 * connection and its backend. Out: what the server says of it, once; nothing if it is gone by then.
 */
#ifndef TALLYMAN_PG_ASK_WHO_H
#define TALLYMAN_PG_ASK_WHO_H

#include <stdbool.h>
#include <stdint.h>

#define PG_WHO_MAX 4096

struct pg_ask_conn;
struct pg_who;

/* As the server's pg_stat_activity has it; "" where it has nothing. Valid during the call. */
struct pg_who_answer {
	const char *database;
	const char *user;
	const char *application_name;
};

typedef void (*pg_who_fn)(void *ctx, uint64_t conn, const struct pg_who_answer *answer);

/* NULL: no memory. */
struct pg_who *pg_who_new(pg_who_fn fn, void *ctx);
void pg_who_free(struct pg_who *w);

/* When there are too many, it is left out: its facts stay unknown. */
void pg_who_add(struct pg_who *w, uint64_t conn, uint32_t postmaster, uint32_t server_pid);

/* Is any of that server's waiting to be asked for? */
bool pg_who_waits(const struct pg_who *w, uint32_t postmaster);

/* Up to max of them, which `asked` is asked for now. */
unsigned int pg_who_take(struct pg_who *w, uint32_t postmaster, const struct pg_ask_conn *asked,
			 uint32_t *server_pids, unsigned int max);

void pg_who_told(struct pg_who *w, const struct pg_ask_conn *asked, uint32_t server_pid,
		 const struct pg_who_answer *answer);

/* No answer to that question will come any more. */
void pg_who_settle(struct pg_who *w, const struct pg_ask_conn *asked);

#endif
