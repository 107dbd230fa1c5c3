/* SPDX-License-Identifier: Apache-2.0 */
/* A small table; it is filled in the first seconds and empty afterwards. */
#include "user/pg_ask_who.h"

#include <stdlib.h>

struct who {
	uint64_t conn;
	uint32_t postmaster;
	uint32_t server_pid;
	const struct pg_ask_conn *asked; /* NULL: not yet */
};

struct pg_who {
	pg_who_fn fn;
	void *ctx;
	unsigned int n;
	struct who v[PG_WHO_MAX];
};

struct pg_who *pg_who_new(pg_who_fn fn, void *ctx)
{
	struct pg_who *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fn = fn;
	w->ctx = ctx;
	return w;
}

void pg_who_free(struct pg_who *w)
{
	free(w);
}

void pg_who_add(struct pg_who *w, uint64_t conn, uint32_t postmaster, uint32_t server_pid)
{
	if (w->n < PG_WHO_MAX)
		w->v[w->n++] = (struct who){ conn, postmaster, server_pid, NULL };
}

bool pg_who_waits(const struct pg_who *w, uint32_t postmaster)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (!w->v[i].asked && w->v[i].postmaster == postmaster)
			return true;
	return false;
}

unsigned int pg_who_take(struct pg_who *w, uint32_t postmaster, const struct pg_ask_conn *asked,
			 uint32_t *server_pids, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n && n < max; i++) {
		if (w->v[i].asked || w->v[i].postmaster != postmaster)
			continue;
		w->v[i].asked = asked;
		server_pids[n++] = w->v[i].server_pid;
	}
	return n;
}

void pg_who_told(struct pg_who *w, const struct pg_ask_conn *asked, uint32_t server_pid,
		 const struct pg_who_answer *answer)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].asked == asked && w->v[i].server_pid == server_pid)
			w->fn(w->ctx, w->v[i].conn, answer);
}

void pg_who_settle(struct pg_who *w, const struct pg_ask_conn *asked)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].asked != asked)
			w->v[n++] = w->v[i];
	w->n = n;
}
