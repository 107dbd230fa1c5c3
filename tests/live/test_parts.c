/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of 100,000 mixed requests went: the parts of every one add up to its queue and service
 * time, and next to nothing is "other"; and what is told of each protocol is their sum.
 */
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
#include "tests/live/server.h"
#include "tests/live/truth.h"
#include "user/config.h"
#include "user/lib/hist.h"
#include "user/pipeline.h"
#include "user/recording.h"

#define SCALE (getenv("TALLYMAN_QUICK") ? 1 : 5)

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (server_pair_start(&pg, &redis))
		postgres_bench(&pg, "bench");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

/* Of the rows of a protocol: one part (NULL: all of them). */
static json_int_t part_sum(const json_t *facts, const char *protocol, const char *part)
{
	json_int_t sum = 0;
	json_t *line, *value;
	const char *name;
	size_t i;

	json_array_foreach((json_t *)facts, i, line) {
		const char *of = json_string_value(json_object_get(line, "protocol"));

		if (!json_object_get(line, "parts_ns") || strcmp(of, protocol))
			continue;
		json_object_foreach(json_object_get(line, "parts_ns"), name, value)
			if (!part || !strcmp(name, part))
				sum += json_integer_value(value);
	}
	return sum;
}

/* What each request says for itself. */
struct each {
	uint64_t requests, unknown;
	uint64_t off; /* whose parts are not their time, by more than 1 % */
	double worst;
	struct hist other; /* per mille of its time */
};

static void on_request(void *ctx, const struct pipeline_request *r)
{
	const struct event_request *e = r->event;
	double wall = (double)e->queue_ns + (double)e->service_ns, sum = 0, off;
	struct each *each = ctx;

	if (e->role != ROLE_SERVER || !wall)
		return;
	each->requests++;
	if (!e->parts_ns) {
		each->unknown++;
		return;
	}
	for (int i = 0; i < PART_MAX; i++)
		sum += (double)e->parts_ns[i];
	off = sum > wall ? sum / wall - 1 : 1 - sum / wall;
	each->worst = off > each->worst ? off : each->worst;
	each->off += off > 0.01;
	hist_add(&each->other, (uint64_t)(1000 * (double)e->parts_ns[PART_OTHER] / wall));
}

/* The recording once more, request by request. */
static void read_each(const char *tape, struct each *each)
{
	struct pipeline_config cfg = { .request = on_request, .request_ctx = each };
	FILE *f = fopen(tape, "r");
	struct recording *recording;
	struct config *config;
	struct pipeline *p;
	const void *rec;
	char err[256];
	size_t len;

	assert_non_null(f);
	*each = (struct each){ 0 };
	hist_init(&each->other, 4);
	assert_int_equal(config_load(&config, "/nowhere", false, err, sizeof(err)), 0);
	cfg.config = config;
	p = pipeline_new(&cfg);
	assert_non_null(p);
	assert_int_equal(recording_open(&recording, f, tape, err, sizeof(err)), 0);
	while (recording_next(recording, &rec, &len, err, sizeof(err)) > 0)
		pipeline_record(p, rec, len);
	pipeline_finish(p);
	pipeline_free(p);
	recording_free(recording);
	config_free(config);
	fclose(f);
}

static void each_adds_up(const char *tape)
{
	struct each each;

	read_each(tape, &each);
	truth_figure("parts: of each request, against its time", "within 1 %",
		     "%.4f %% at most, %lu requests", 100 * each.worst, each.requests);
	truth_figure("parts: the median of `other`", "at most 5 %", "%.1f %%",
		     hist_quantile(&each.other, 0.5) / 10);
	assert_true(each.requests >= 20000 * SCALE - each.unknown);
	assert_int_equal(each.unknown, 0);
	assert_int_equal(each.off, 0);
	assert_true(hist_quantile(&each.other, 0.5) <= 50);
	hist_clear(&each.other);
}

static void parts_are_the_whole(void **state)
{
	static const char *const protocols[] = { "postgresql", "redis" };
	json_int_t requests = 0, coarse;
	struct agent agent;
	pid_t pids[3];
	json_t *facts;

	(void)state;
	need_live();
	agent_record(&agent, "", "");
	pids[0] = shell_start(NULL, "pgbench -n -S -M prepared -h %s -p %d -c 2 -t %d bench",
			      pg.dir, pg.port, 5000 * SCALE);
	pids[1] = shell_start(NULL, "pgbench -n -h 127.0.0.1 -p %d -c 2 -t %d bench", pg.port,
			      150 * SCALE);
	pids[2] = shell_start(NULL, "redis-benchmark -s %s -c 4 -n %d -t set,get -q", redis.socket,
			      6000 * SCALE);
	for (int i = 0; i < 3; i++)
		shell_end(pids[i]);
	facts = agent_finish(&agent);
	coarse = facts_sum(facts, "coarse", "kind=events probe=sock");
	for (int i = 0; i < 2; i++) {
		const char *p = protocols[i];
		json_int_t whole = facts_sum(facts, "queue_sum_ns",
					     "kind=requests role=server protocol=%s", p) +
				   facts_sum(facts, "service_sum_ns",
					     "kind=requests role=server protocol=%s", p);
		json_int_t other = part_sum(facts, p, "other");

		requests += facts_sum(facts, "count", "kind=parts protocol=%s", p);
		print_message("%s: %.3f s, parts %.3f s, of it other %.2f %%\n", p, whole / 1e9,
			      part_sum(facts, p, NULL) / 1e9, 100.0 * other / whole);
		/* Each request's parts are exact; one that was answered and never seen has none. */
		assert_true(part_sum(facts, p, NULL) <= whole);
		if (!coarse)
			assert_true(part_sum(facts, p, NULL) >= 0.99 * whole);
		assert_true(other <= whole / 20);
	}
	assert_true(coarse || requests >= 20000 * SCALE);
	each_adds_up(agent.tape);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parts_are_the_whole) };

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
