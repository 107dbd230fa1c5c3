/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the files that preload/calls.c wrote. Out: requests with their replies, and the bounds of their
 * quantiles. Knows no protocol: a connection's bytes go to and fro, and whoever begins is known.
 */
#define _GNU_SOURCE
#include "tests/live/calls.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"

#define FDS 1024
#define FILE_SIZE (CALLS_MAX * sizeof(struct call))

uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Servers write as users of their own. */
char *calls_prefix(void)
{
	char *folder = file_name("calls"), *prefix = NULL;

	if (mkdir(folder, 0755) || chmod(folder, 01777) || asprintf(&prefix, "%s/of", folder) < 0)
		fail_msg("cannot make %s", folder);
	free(folder);
	return prefix;
}

/* It is built beside the test. */
void calls_env(const char *prefix)
{
	char self[PATH_MAX] = "", *preload;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || !strrchr(self, '/'))
		fail_msg("/proc/self/exe: not there");
	*strrchr(self, '/') = '\0';
	if (asprintf(&preload, "%s/preload/calls.so", self) < 0)
		abort();
	if (prefix && access(preload, R_OK))
		fail_msg("%s: not built", preload);
	if (prefix) {
		setenv("LD_PRELOAD", preload, 1);
		setenv(CALLS_ENV, prefix, 1);
	} else {
		unsetenv("LD_PRELOAD");
		unsetenv(CALLS_ENV);
	}
	free(preload);
}

static const struct call *file_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct call *calls = fd < 0 ? MAP_FAILED
					  : mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);

	if (calls == MAP_FAILED || calls[CALLS_MAX - 1].begin_ns)
		fail_msg("%s: cannot be read, or is full", path);
	close(fd);
	return calls;
}

static bool counts(const struct call *c, uint64_t since_ns)
{
	return c->begin_ns >= since_ns && c->fd >= 0 && c->fd < FDS;
}

static int direction(const struct call *c)
{
	return (c->bytes > 0) - (c->bytes < 0);
}

/* The connection that turns most often, and how often: files are read or written, not both. */
static size_t busiest(const struct call *calls, uint64_t since_ns, int *fd)
{
	struct {
		size_t turns;
		int last;
	} seen[FDS] = {};

	*fd = 0;
	for (const struct call *c = calls; c->begin_ns; c++) {
		if (!counts(c, since_ns))
			continue;
		seen[c->fd].turns += seen[c->fd].last * direction(c) < 0;
		seen[c->fd].last = direction(c);
		if (seen[c->fd].turns > seen[*fd].turns)
			*fd = c->fd;
	}
	return seen[*fd].turns;
}

/* `first` is the direction of requests: a turn ends where the next request begins, or is closed. */
static struct turns turns_read(const struct call *calls, int fd, uint64_t since_ns, size_t max,
			       int first)
{
	struct turns t = { .v = calloc(max + 2, sizeof(*t.v)) };
	bool asking = false;

	for (const struct call *c = calls; t.v && c->begin_ns; c++) {
		bool request = direction(c) == first;

		if (!counts(c, since_ns) || c->fd != fd)
			continue;
		if (request ? !asking : !c->bytes) {
			t.n += t.v[t.n].reply.begin_ns != 0;
			t.v[t.n] = request ? (struct turn){ .request = *c } : (struct turn){};
		} else if (!request && t.v[t.n].request.begin_ns) {
			t.v[t.n].reply = *c;
		}
		asking = request;
	}
	t.n += t.v && t.v[t.n].reply.begin_ns;
	return t;
}

static struct turns turns_of(const char *prefix, uint64_t since_ns, int first)
{
	struct turns t = {};
	size_t most = 0;
	char *pattern;
	glob_t files;

	if (asprintf(&pattern, "%s.*", prefix) < 0)
		abort();
	if (glob(pattern, 0, NULL, &files))
		fail_msg("%s: nothing was written", pattern);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const struct call *calls = file_map(files.gl_pathv[i]);
		int fd;
		size_t n = busiest(calls, since_ns, &fd);

		if (n > most) {
			most = n;
			turns_free(&t);
			t = turns_read(calls, fd, since_ns, n, first);
		}
		munmap((void *)calls, FILE_SIZE);
	}
	globfree(&files);
	free(pattern);
	return t;
}

struct turns turns_of_client(const char *prefix, uint64_t since_ns)
{
	return turns_of(prefix, since_ns, 1);
}

struct turns turns_of_server(const char *prefix, uint64_t since_ns)
{
	return turns_of(prefix, since_ns, -1);
}

void turns_keep_last(struct turns *t, size_t n)
{
	if (t->n < n)
		fail_msg("%zu turns where %zu were expected", t->n, n);
	memmove(t->v, t->v + t->n - n, n * sizeof(*t->v));
	t->n = n;
}

void turns_free(struct turns *t)
{
	free(t->v);
	*t = (struct turns){};
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One rank to either side: what is between two ranks is a matter of taste. Frees both. */
static struct bracket bracket(double *low, double *high, size_t n, double q)
{
	size_t below = floor(q * n), above = ceil(q * n);
	struct bracket b;

	if (!n)
		fail_msg("no turns");
	qsort(low, n, sizeof(*low), compare);
	qsort(high, n, sizeof(*high), compare);
	b.low_ns = low[below ? below - 1 : 0];
	b.high_ns = high[above < n ? above : n - 1];
	free(low);
	free(high);
	return b;
}

static double since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

struct bracket turns_service(const struct turns *t, double q)
{
	double *low = calloc(t->n + 1, sizeof(*low)), *high = calloc(t->n + 1, sizeof(*high));

	for (size_t i = 0; low && high && i < t->n; i++) {
		low[i] = since(t->v[i].request.end_ns, t->v[i].reply.begin_ns);
		high[i] = since(t->v[i].request.begin_ns, t->v[i].reply.end_ns);
	}
	return bracket(low, high, t->n, q);
}

/* The server's turn from *s on that is the client's: those before it are of another connection. */
static const struct turn *turn_at_server(const struct turn *client, const struct turns *server,
					 size_t *s)
{
	while (*s < server->n && server->v[*s].request.end_ns < client->request.begin_ns)
		(*s)++;
	return *s < server->n ? &server->v[(*s)++] : NULL;
}

void turns_sent_when_received(struct turns *client, const struct turns *server)
{
	const struct turn *at;

	for (size_t c = 0, s = 0; c < client->n; c++) {
		struct call *sent = &client->v[c].request;

		at = turn_at_server(&client->v[c], server, &s);
		if (at && at->request.end_ns < sent->end_ns)
			sent->end_ns = at->request.end_ns;
	}
}

struct bracket turns_queue(const struct turns *client, const struct turns *server, double q)
{
	double *low = calloc(client->n + 1, sizeof(*low));
	double *high = calloc(client->n + 1, sizeof(*high));
	size_t n = 0;

	for (size_t s = 0; low && high && n < client->n; n++) {
		const struct call *sent = &client->v[n].request;
		const struct turn *at = turn_at_server(&client->v[n], server, &s);

		if (!at)
			break;
		low[n] = since(sent->end_ns, at->request.begin_ns);
		high[n] = since(sent->begin_ns, at->request.end_ns);
	}
	return bracket(low, high, n, q);
}
