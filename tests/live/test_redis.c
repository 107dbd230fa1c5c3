/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis by clients of every kind, against what the server says of itself: commands by INFO commandstats, errors
 * by errorstats, hits and misses by its keyspace, at both ends, to the last one.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/made.h"
#include "tests/live/redis_info.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

static struct server redis;

static int server_begin(void **state)
{
	(void)state;
	if (live_possible())
		redis_start(&redis);
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&redis);
	return 0;
}

/* What was counted while a client worked, by both sides. */
struct account {
	struct agent agent;
	char *before;
	char *after;
	json_t *facts;
	char *said; /* by the client */
};

/* Commands as lines are Redis' on its port only. Room for all that comes at once. */
static void account_begin(struct account *a)
{
	char *config;

	if (asprintf(&config, "%sports: {redis: %d}\n", tenant_config, redis.port) < 0)
		abort();
	free(shell(NULL, "redis-cli -s %s flushall", redis.socket));
	a->said = NULL;
	a->before = redis_info(&redis);
	agent_record(&a->agent, config, "--ring-size 64M");
	free(config);
}

/* Commands agree always. How many there were. */
static long account_end(struct account *a)
{
	long n;

	a->facts = agent_finish(&a->agent);
	a->after = redis_info(&redis);
	n = redis_info_commands(a->before, a->after, a->facts);
	made_nothing_lost(a->facts);
	return n;
}

static void account_free(struct account *a)
{
	free(a->before);
	free(a->after);
	free(a->said);
	json_decref(a->facts);
}

static long account_python(struct account *a, const char *task, const char *version)
{
	need_live();
	account_begin(a);
	a->said = shell(NULL, "tests/live/redis_client.py %d %s %s", redis.port, task, version);
	return account_end(a);
}

static void redis_cli(void **state)
{
	struct account a;

	(void)state;
	need_live();
	account_begin(&a);
	free(shell(NULL, "for i in 1 2 3; do redis-cli -p %d get cart:$i; done", redis.port));
	free(shell(NULL,
		   "for i in $(seq 200); do echo set cart:$i x; echo get cart:$i; "
		   "echo get none:$i; echo incr cart:$i; done | redis-cli -p %d",
		   redis.port));
	free(shell(NULL,
		   "for i in $(seq 500); do echo set cart:$i x; done | redis-cli -p %d --pipe",
		   redis.port));
	free(shell(NULL, "redis-cli -3 -p %d mget cart:1 cart:2 none:1", redis.port));
	account_end(&a);
	redis_info_hits(a.before, a.after, a.facts);
	assert_int_equal(redis_info_errors(a.before, a.after, a.facts), 200);
	account_free(&a);
}

/* One kind of command after the other: at a million a second what is too much at once is only counted. */
static void benchmark(int depth, long n)
{
	struct account a;

	need_live();
	account_begin(&a);
	free(shell(
		NULL,
		"for t in ping_inline ping_mbulk set get incr lpush rpush lpop sadd hset spop zadd "
		"lrange_100; do redis-benchmark -p %d -t $t -n %ld -c 10 -P %d -r 1000 -q; "
		"sleep 0.1; done",
		redis.port, n, depth));
	assert_true(account_end(&a) > 13 * n);
	account_free(&a);
}

static void benchmark_1(void **state)
{
	(void)state;
	benchmark(1, 2000);
}

static void benchmark_16(void **state)
{
	(void)state;
	benchmark(16, 8000);
}

static void benchmark_1000(void **state)
{
	(void)state;
	benchmark(1000, 10000);
}

static void drain(redisContext *c, int n)
{
	redisReply *reply;

	while (n--) {
		assert_int_equal(redisGetReply(c, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

static void hiredis(void **state)
{
	struct account a;
	redisContext *c;

	(void)state;
	need_live();
	account_begin(&a);
	c = redisConnect("127.0.0.1", redis.port);
	assert_true(c && !c->err);
	for (int i = 0; i < 1000; i++)
		freeReplyObject(redisCommand(c, i % 3 ? "GET cart:%d" : "SET cart:%d v", i % 50));
	for (int depth = 1; depth <= 4096; depth *= 4) {
		for (int i = 0; i < depth; i++)
			redisAppendCommand(c, "GET cart:%d", i % 100);
		drain(c, depth);
	}
	redisFree(c);
	assert_int_equal(account_end(&a), 1000 + (4096 * 4 - 1) / 3);
	redis_info_hits(a.before, a.after, a.facts);
	account_free(&a);
}

static void commands(const char *version)
{
	struct account a;

	assert_true(account_python(&a, "commands", version) > 650);
	redis_info_hits(a.before, a.after, a.facts);
	account_free(&a);
	assert_true(account_python(&a, "pipelines", version) > 14000);
	redis_info_hits(a.before, a.after, a.facts);
	account_free(&a);
}

static void errors(const char *version)
{
	struct account a;

	account_python(&a, "errors", version);
	assert_true(redis_info_errors(a.before, a.after, a.facts) > 150);
	assert_int_equal(facts_sum(a.facts, "count",
				   "kind=requests role=server operation=AUTH outcome=WRONGPASS"),
			 5);
	account_free(&a);
}

static void packaged(void **state)
{
	(void)state;
	commands("py");
	errors("py");
}

static void resp2(void **state)
{
	struct account a;

	(void)state;
	commands("2");
	errors("2");
	account_python(&a, "pubsub", "2");
	account_free(&a);
}

static void resp3(void **state)
{
	struct account a;

	(void)state;
	commands("3");
	errors("3");
	account_python(&a, "pubsub", "3");
	account_free(&a);
}

static void large(void **state)
{
	struct account a;

	(void)state;
	account_python(&a, "large", "2");
	redis_info_hits(a.before, a.after, a.facts);
	account_free(&a);
	account_python(&a, "large", "3");
	redis_info_hits(a.before, a.after, a.facts);
	account_free(&a);
}

/* What has a reply is told as what it is, whatever went without one before. */
static void unanswered(void **state)
{
	struct agent agent;
	json_t *facts;
	char *said;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "");
	said = shell(NULL, "tests/live/redis_client.py %d unanswered 2", redis.port);
	facts = agent_finish(&agent);
	made_nothing_lost(facts);
	assert_int_equal(made_compare(facts, "redis", said), 81);
	for (int i = 0; i < 2; i++)
		assert_int_equal(made_counted(facts, "redis", i ? "client" : "server", NULL, NULL),
				 81);
	free(said);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_cli),	cmocka_unit_test(benchmark_1),
		cmocka_unit_test(benchmark_16), cmocka_unit_test(benchmark_1000),
		cmocka_unit_test(hiredis),	cmocka_unit_test(packaged),
		cmocka_unit_test(resp2),	cmocka_unit_test(resp3),
		cmocka_unit_test(large),	cmocka_unit_test(unanswered),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
