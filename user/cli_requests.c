/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command requests: a line for each slow request as it ends, live or of a recording: those that were served
 * on this node, and clients' whose time was not their server's, or whose server is elsewhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/agent.h"
#include "user/cli.h"
#include "user/export_request.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/slow.h"

struct watcher {
	const struct cli_options *o;
	struct slow *slow;
	uint64_t first_ns; /* of the first request: a recording knows no time of day */
	int err;
};

static uint64_t wall_ns(const struct event_request *e)
{
	return e->queue_ns + e->service_ns + (e->trip ? e->trip->part_ns[TRIP_CONNECT] : 0);
}

/*
 * At a client's end: of a request whose server is on this node only if it was not the server that took most of
 * it; else it is the same request again.
 */
static bool is_own(const struct event_request *e)
{
	const struct event_trip *trip = e->trip;

	if (e->role == ROLE_SERVER || !trip)
		return e->role == ROLE_SERVER;
	return trip->basis == TRIP_ESTIMATED ||
	       trip->part_ns[TRIP_QUEUE] + trip->part_ns[TRIP_SERVICE] < wall_ns(e) / 2;
}

static bool wanted(const struct cli_options *o, const struct pipeline_request *r)
{
	return is_own(r->event) && (!o->tenant || !strcmp(o->tenant, r->tenant)) &&
	       (!o->workflow || !strcmp(o->workflow, r->workflow));
}

/* The time of day, or of a recording the seconds since its first request. */
static const char *when(char *buf, size_t size, const struct watcher *w, uint64_t time_ns)
{
	struct timespec now;
	uint64_t real_ns;
	struct tm tm;
	time_t second;
	size_t n;

	if (w->o->replay) {
		snprintf(buf, size, "+%.6f", (double)(time_ns - w->first_ns) / 1e9);
		return buf;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	real_ns = (uint64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec - (clock_mono_ns() - time_ns);
	second = (time_t)(real_ns / NS_PER_SEC);
	localtime_r(&second, &tm);
	n = strftime(buf, size, "%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03d", (int)(real_ns % NS_PER_SEC / NS_PER_MS));
	return buf;
}

static void tell_left_out(const struct watcher *w, uint64_t n)
{
	if (n && w->o->json)
		printf("{\"kind\":\"left_out\",\"count\":%" PRIu64 "}\n", n);
	else if (n)
		printf("... and %" PRIu64 " more\n", n);
}

static void on_request(void *ctx, const struct pipeline_request *r)
{
	const struct event_request *e = r->event;
	struct watcher *w = ctx;
	uint64_t left_out;
	char buf[48];

	if (!w->first_ns)
		w->first_ns = r->time_ns;
	if (!wanted(w->o, r) || !slow_take(w->slow, r->owner, wall_ns(e), r->time_ns, &left_out))
		return;
	tell_left_out(w, left_out);
	if (!w->o->json)
		export_request_text(stdout, r, when(buf, sizeof(buf), w, r->time_ns));
	else if (!w->err)
		w->err = export_request_json(stdout, r);
}

/* Lines are there when something is to be seen, not when a buffer is full. */
static int flush(void *ctx, struct pipeline *p)
{
	struct watcher *w = ctx;

	(void)p;
	if (!w->err && fflush(stdout))
		w->err = errno ? -errno : -EIO;
	if (w->err)
		log_error("cannot print: %s", strerror(-w->err));
	return w->err;
}

static int live(const struct cli_options *o, struct watcher *w)
{
	struct agent_options a;
	struct config *config;
	int status = cli_config(o, &config);

	if (status != CLI_OK)
		return status;
	a = cli_agent_options(o, config);
	a.interval_ns = NS_PER_SEC / 2;
	a.report = flush;
	a.request = on_request;
	a.ctx = w;
	return agent_run(&a) ? CLI_FAILED : CLI_OK;
}

int cli_requests(const struct cli_options *o)
{
	struct watcher w = { .o = o, .slow = slow_new(o->slower_ns) };
	const struct cli_replay replay = { .report = flush, .request = on_request, .ctx = &w };
	int status;

	if (!w.slow) {
		log_error("out of memory");
		return CLI_FAILED;
	}
	status = o->replay ? cli_replay_file(o, o->replay, &replay) : live(o, &w);
	tell_left_out(&w, slow_left_out(w.slow));
	slow_free(w.slow);
	return cli_finish(status);
}
