/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live loop. The ring is looked at on a timer whose period follows the load: nothing in the kernel
 * wakes us, so an idle node costs a few wake-ups a second. Signals and HTTP come through one epoll.
 */
#include "user/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "user/agent_parts.h"
#include "user/agent_start.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/lib/shortage.h"

#define DRAIN_NS NS_PER_SEC
#define SCAN_PAUSE_MIN_NS NS_PER_SEC
#define SCAN_PAUSE_MAX_NS (64 * NS_PER_SEC)
#define PERIOD_MIN_MS 2
#define PERIOD_BUSY_MS 20
#define PERIOD_IDLE_MS 50
#define FILL_HIGH_PERCENT 25
#define FILL_LOW_PERCENT 5

static void forget_gone(struct agent *a)
{
	for (size_t i = 0; i < a->ngone; i++)
		session_forget(a->session, a->gone[i]);
	a->ngone = 0;
}

void agent_record(void *agent, const void *rec, size_t len)
{
	struct agent *a = agent;

	pipeline_record(a->pipeline, rec, len);
	agent_pg_record(a->pg, rec, len);
	agent_tls_record(a->tls, rec, len);
}

static int agent_poll(struct agent *a)
{
	uint64_t begin_ns = clock_cpu_ns();
	int n = session_poll(a->session, agent_record, a);

	a->details_ns += clock_cpu_ns() - begin_ns;
	return n;
}

/*
 * Somebody is scheduled in a cgroup that we were not told of: the hook is missing, or its record was
 * lost. A cgroup that was removed and is still in use is never found, hence the pause.
 */
static void look_for_strangers(struct agent *a)
{
	if (pipeline_strangers(a->pipeline) == a->strangers || a->drained_ns < a->scan_ns)
		return;
	if (agent_scan(a) > 0 || !a->scan_pause_ns)
		a->scan_pause_ns = SCAN_PAUSE_MIN_NS;
	else if (a->scan_pause_ns < SCAN_PAUSE_MAX_NS)
		a->scan_pause_ns *= 2;
	a->scan_ns = a->drained_ns + a->scan_pause_ns;
}

int agent_drain(struct agent *a)
{
	int err;

	agent_poll(a);
	err = session_drain(a->session, agent_record, a);
	a->drained_ns = clock_mono_ns();
	agent_price_step(a->price, a->drained_ns, a->details_ns, agent_record, a);
	if (!err)
		forget_gone(a);
	look_for_strangers(a);
	if (err && !a->behind)
		log_error("cannot read the kernel's counters: %s", strerror(-err));
	a->put_off += shortage_of(err);
	a->behind = err;
	return err;
}

/* Of a shortage nothing is lost but time, unless it is the last drain of all. */
static int drain_or_later(struct agent *a)
{
	int err = agent_drain(a);

	return shortage_of(err) ? 0 : err;
}

/* Faster while the ring fills, slower while there is nothing in it. */
static void period_adapt(struct agent *a, unsigned int fill, int records)
{
	if (fill > FILL_HIGH_PERCENT)
		a->period_ms = a->period_ms / 2 > PERIOD_MIN_MS ? a->period_ms / 2 : PERIOD_MIN_MS;
	else if (!records)
		a->period_ms = a->period_ms * 2 < PERIOD_IDLE_MS ? a->period_ms * 2
								 : PERIOD_IDLE_MS;
	else if (a->period_ms > PERIOD_BUSY_MS)
		a->period_ms = PERIOD_BUSY_MS;
	else if (fill < FILL_LOW_PERCENT && a->period_ms < PERIOD_BUSY_MS)
		a->period_ms++;
}

static void reload(struct agent *a)
{
	char err[CONFIG_ERR_MAX];
	struct config *config;

	if (!a->options->config_path)
		return;
	if (config_load(&config, a->options->config_path, a->options->config_must_exist, err,
			sizeof(err))) {
		log_error("%s; the old configuration stays", err);
		return;
	}
	if (pipeline_reconfigure(a->pipeline, config)) {
		log_error("out of memory; the old configuration stays");
		config_free(config);
		return;
	}
	config_free(a->config);
	a->config = config;
	log_info("%s: rules read again: %u for tenants, %u for workflows; other keys are read at "
		 "start only",
		 a->options->config_path, rules_count(config->tenants),
		 rules_count(config->workflows));
}

static void on_signal(struct agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(a);
		else
			a->stop = true;
	}
}

static uint64_t ms_until(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns > now_ns ? (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

/* The shorter of two times; less than 0 is for ever. */
static uint64_t ms_within(uint64_t ms, int64_t limit_ms)
{
	return limit_ms >= 0 && (uint64_t)limit_ms < ms ? (uint64_t)limit_ms : ms;
}

/* Sleeps until something comes or the next poll, drain, report or end is due. */
static int agent_wait(struct agent *a, uint64_t end_ns)
{
	const struct agent_options *o = a->options;
	struct epoll_event events[3];
	uint64_t now = clock_mono_ns(), ms = a->period_ms;
	int n, http_ms = a->http ? http_timeout_ms(a->http) : -1;

	if (end_ns && ms_until(end_ns, now) < ms)
		ms = ms_until(end_ns, now);
	if (o->interval_ns && ms_until(a->reported_ns + o->interval_ns, now) < ms)
		ms = ms_until(a->reported_ns + o->interval_ns, now);
	ms = ms_within(ms, http_ms);
	ms = ms_within(ms, agent_pg_timeout_ms(a->pg, now));
	n = epoll_wait(a->epoll_fd, events, 3, (int)ms);
	if (n < 0 && errno != EINTR) {
		n = -errno;
		log_error("cannot wait for events: %s", strerror(-n));
		return n;
	}
	for (int i = 0; i < n; i++)
		if (events[i].data.fd == a->signal_fd)
			on_signal(a);
	if (a->http && (n > 0 || !http_ms))
		http_run(a->http);
	return 0;
}

static int agent_report(struct agent *a, uint64_t now_ns)
{
	a->reported_ns = now_ns;
	return a->options->report ? a->options->report(a->options->ctx, a->pipeline) : 0;
}

/* One turn of the loop, after a sleep. */
static int agent_turn(struct agent *a, uint64_t end_ns)
{
	const struct agent_options *o = a->options;
	unsigned int fill = session_fill(a->session);
	uint64_t now = clock_mono_ns();
	bool due = o->interval_ns && now - a->reported_ns >= o->interval_ns;
	int err = 0;

	period_adapt(a, fill, agent_poll(a));
	agent_pg_poll(a->pg, now);
	agent_tls_poll(a->tls, now);
	if (a->recorder)
		err = recorder_error(a->recorder);
	a->stop |= end_ns && now >= end_ns;
	if (err || a->stop)
		return err;
	if (due || now - a->drained_ns >= DRAIN_NS) {
		err = drain_or_later(a);
		if (a->http)
			http_run(a->http);
	}
	return due && !err ? agent_report(a, now) : err;
}

static int agent_loop(struct agent *a)
{
	uint64_t start = clock_mono_ns();
	uint64_t end = a->options->for_ns ? start + a->options->for_ns : 0;
	int err = 0;

	a->period_ms = PERIOD_BUSY_MS;
	a->reported_ns = start;
	while (!err && !a->stop) {
		err = agent_wait(a, end);
		err = err ?: agent_turn(a, end);
	}
	return err;
}

/* Nothing may follow the last numbers that are reported. */
static int agent_finish(struct agent *a)
{
	int err, closed;

	agent_tls_free(a->tls);
	a->tls = NULL;
	session_detach(a->session);
	err = agent_drain(a);
	agent_pg_finish(a->pg, clock_mono_ns());
	pipeline_finish(a->pipeline);
	closed = recorder_close(a->recorder);
	a->recorder = NULL;
	err = err ?: closed;
	return err ?: agent_report(a, clock_mono_ns());
}

int agent_run(const struct agent_options *options)
{
	struct agent a = { .options = options, .config = options->config };
	int err = agent_start(&a);

	err = err ?: agent_loop(&a);
	err = err ?: agent_finish(&a);
	agent_stop(&a);
	return err;
}
