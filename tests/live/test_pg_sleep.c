/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of PostgreSQL's wait events while pgbench writes. The truth is pg_stat_activity, sampled a thousand
 * times: of all samples in which a backend waited, as many are in an event as of all time that was slept.
 * A thorough run takes 60 seconds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/pg_session.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define SAMPLES 1000
#define EVENTS_MAX 64
#define CLIENTS 8

struct event_share {
	char name[128]; /* "Lock:transactionid" */
	double sampled;
	double waited_ns;
};

struct shares {
	struct event_share v[EVENTS_MAX];
	unsigned int n;
	unsigned int looks;
	double samples; /* with or without an event */
	double sampled;
	double waited_ns;
};

static struct server pg;

static int server_begin(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	postgres_start(&pg);
	postgres_bench(&pg, "live_acme");
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

static int seconds(void)
{
	return thorough() ? 60 : 20;
}

static struct event_share *share_of(struct shares *s, const char *name)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	assert_true(s->n < EVENTS_MAX);
	snprintf(s->v[s->n].name, sizeof(s->v[0].name), "%s", name);
	return &s->v[s->n++];
}

/* One look at all backends of pgbench. */
static void sample(PGconn *judge, struct shares *s)
{
	PGresult *res = PQexec(judge, "EXECUTE look");

	assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
	s->looks++;
	for (int i = 0; i < PQntuples(res); i++) {
		double n = atof(PQgetvalue(res, i, 1));

		s->samples += n;
		if (!*PQgetvalue(res, i, 0))
			continue;
		s->sampled += n;
		share_of(s, PQgetvalue(res, i, 0))->sampled += n;
	}
	PQclear(res);
}

static PGconn *judge_start(void)
{
	PGconn *judge = pg_session(&pg, "postgres");

	/* At once: a sample that comes when the backend on its CPU goes to sleep finds it asleep. */
	free(shell(NULL, "chrt -f -p 10 %d", PQbackendPID(judge)));
	pg_run(judge, "PREPARE look AS "
		      "SELECT coalesce(wait_event_type || ':' || wait_event, ''), count(*) "
		      "FROM pg_stat_activity WHERE application_name = 'pgbench' GROUP BY 1");
	return judge;
}

static void slept(const json_t *facts, struct shares *s)
{
	char name[128];
	json_t *o;
	size_t i;

	json_array_foreach(facts, i, o) {
		const char *kind = json_string_value(json_object_get(o, "kind"));
		const char *tenant = json_string_value(json_object_get(o, "tenant"));
		double ns = (double)json_integer_value(json_object_get(o, "wait_ns"));

		if (strcmp(kind, "sleeps") || strcmp(tenant, "acme"))
			continue;
		snprintf(name, sizeof(name), "%s:%s",
			 json_string_value(json_object_get(o, "wait_event_type")),
			 json_string_value(json_object_get(o, "wait_event")));
		share_of(s, name)->waited_ns += ns;
		s->waited_ns += ns;
	}
}

static void look(PGconn *judge, struct shares *s)
{
	double end;

	nap_ms(500);
	/* As the asking backend: what is asked must not wait for those that are asked about. */
	assert_int_equal(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 10 }), 0);
	end = now_seconds() + seconds() - 1.5;
	while (now_seconds() < end) {
		sample(judge, s);
		nap_ms(seconds() * 800 / SAMPLES);
	}
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }), 0);
}

/*
 * Shares of all waiting. Of all time a backend is a little longer in ClientRead than it is off the CPU: the
 * event begins before the system call and ends after it.
 */
static bool compare(const struct shares *s)
{
	double all_ns = 1e9 * CLIENTS * seconds(), worst = 0;

	print_message("%u looks, %.0f samples, %.0f waiting; waited %.1f s of %d\n", s->looks,
		      s->samples, s->sampled, s->waited_ns / 1e9, CLIENTS * seconds());
	for (unsigned int i = 0; i < s->n; i++) {
		double sampled = 100 * s->v[i].sampled / s->sampled;
		double told = 100 * s->v[i].waited_ns / s->waited_ns;

		print_message("%-28s sampled %5.1f %%, told %5.1f %%; of all time %5.1f, %5.1f\n",
			      s->v[i].name, sampled, told, 100 * s->v[i].sampled / s->samples,
			      100 * s->v[i].waited_ns / all_ns);
		worst = fmax(worst, fabs(sampled - told));
	}
	truth_figure("wait events of a pgbench write run, against pg_stat_activity",
		     "within 5 points per event", "%.2f points at most, %u looks in %d s", worst,
		     s->looks, seconds());
	return worst <= 5 && s->looks >= SAMPLES / 2 && s->sampled >= SAMPLES &&
	       s->waited_ns > 0.9 * all_ns * s->sampled / s->samples - 0.05 * all_ns &&
	       s->waited_ns <= all_ns;
}

static bool measure(void *acme)
{
	struct shares s = { .n = 0 };
	struct agent agent;
	json_t *facts;
	PGconn *judge;
	pid_t bench;
	bool agrees;

	agent_record(&agent, tenant_config, "");
	judge = judge_start();
	bench = shell_start(acme, "pgbench -h 127.0.0.1 -p %d -n -c %d -j 2 -T %d live_acme",
			    pg.port, CLIENTS, seconds());
	look(judge, &s);
	shell_end(bench);
	PQfinish(judge);
	facts = agent_finish(&agent);
	slept(facts, &s);
	agrees = compare(&s);
	json_decref(facts);
	return agrees;
}

/* A thousand looks miss the truth now and then, and a busy machine delays them: noise never helps. */
static void totals_are_the_servers(void **state)
{
	char *acme;

	(void)state;
	need_live();
	acme = tenant_cgroup("acme");
	truth_holds(measure, acme);
	free(acme);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(totals_are_the_servers) };

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
