/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program's own clock says about its system calls on sockets: tests/live/preload/calls.c is loaded
 * into it and writes them down; this reads them. Needs no change to the program and no tracing.
 */
#ifndef TALLYMAN_LIVE_CALLS_H
#define TALLYMAN_LIVE_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* The start of the names of the files to write, one for each process; a process without it writes none. */
#define CALLS_ENV "TALLYMAN_CALLS"
#define CALLS_MAX (4 << 20) /* in one file */

/* A call that moved bytes or closed, CLOCK_MONOTONIC before and after it. A read's data was there already. */
struct call {
	uint64_t begin_ns; /* 0: after the last one */
	uint64_t end_ns;
	int32_t fd;
	int32_t bytes; /* sent; less than 0: received; 0: closed */
};

/* A request and its reply, each from one end: the first call of the one, the last call of the other. */
struct turn {
	struct call request;
	struct call reply;
};

struct turns {
	struct turn *v;
	size_t n;
};

/* A new prefix, in a folder that any user may write to. The caller frees it. */
char *calls_prefix(void);

/* What this process starts from now on writes with that prefix; NULL: writes nothing. */
void calls_env(const char *prefix);

/*
 * The turns since that moment of the connection with the most of them, among all processes that wrote with
 * that prefix. A client sends first, a server receives first. The test fails if a file was too small.
 */
struct turns turns_of_client(const char *prefix, uint64_t since_ns);
struct turns turns_of_server(const char *prefix, uint64_t since_ns);

/* Only the last n: what comes before them is the connection's start. Fails the test if there are fewer. */
void turns_keep_last(struct turns *t, size_t n);

/* A request is sent no later than its server has it, though the client's call may return after that. */
void turns_sent_when_received(struct turns *client, const struct turns *server);

void turns_free(struct turns *t);

/* Between these a quantile must lie, whatever the clocks were interrupted by. */
struct bracket {
	double low_ns;
	double high_ns;
};

/* From the request's call to the reply's: the hooks are somewhere within the two calls. */
struct bracket turns_service(const struct turns *t, double q);

/* From a client's sending to its server's receiving of the same request. */
struct bracket turns_queue(const struct turns *client, const struct turns *server, double q);

uint64_t monotonic_ns(void);

#endif
