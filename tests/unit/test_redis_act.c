/* SPDX-License-Identifier: Apache-2.0 */
/* What commands count for besides their time, and which of their arguments say who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "probes/redis/redis_act.h"

/* A command as an array, whole. */
static void command(struct redis_session *s, const char *line, struct act *act,
		    struct redis_who *who)
{
	static struct redis_args args;
	struct redis_facts facts;

	args.n = 0;
	while (*line) {
		size_t n = strcspn(line, " ");

		args.cut[args.n] = false;
		args.arg[args.n++] = (struct str){ line, n };
		line += n + (line[n] == ' ');
	}
	redis_describe(&args, &facts);
	redis_act(s, &facts, &args, args.n, 100, act);
	redis_who(&facts, &args, args.n, who);
}

static struct act act_of(struct redis_session *s, const char *line)
{
	struct redis_who who;
	struct act act;

	command(s, line, &act, &who);
	return act;
}

static void kinds(void **state)
{
	static const struct {
		const char *line;
		uint8_t kind;
		uint32_t items;
		bool blocks;
	} cases[] = {
		{ "AUTH pw", ACT_WHO, 0, false },
		{ "BLMOVE a b LEFT LEFT 0", ACT_POP, 1, true },
		{ "blpop a 0", ACT_POP, 1, true },
		{ "CLIENT SETNAME x", ACT_WHO, 0, false },
		{ "DUMP a", ACT_READ, 1, false },
		{ "EXISTS a", ACT_READ, 1, false },
		{ "EXISTS a b", ACT_NONE, 2, false },
		{ "GET a", ACT_READ, 1, false },
		{ "HMGET h a b c", ACT_READ_EACH, 3, false },
		{ "LPOP q", ACT_POP, 1, false },
		{ "LPOP q 10", ACT_POP_MANY, 1, false },
		{ "LPUSH q a b c", ACT_PUSH, 3, false },
		{ "MGET a b", ACT_READ_EACH, 2, false },
		{ "RPOPLPUSH a b", ACT_POP, 1, false },
		{ "SET a b", ACT_NONE, 1, false },
		{ "TTL a", ACT_READ, 1, false },
		{ "WAIT 1 0", ACT_NONE, 1, true },
		{ "XACK s g 1-1 2-2", ACT_ACK, 2, false },
		{ "XADD s * a b", ACT_PUSH, 1, false },
		{ "XREAD BLOCK 0 STREAMS s $", ACT_NONE, 1, true },
		{ "XREAD STREAMS BLOCK $", ACT_NONE, 1, false },
		{ "XREADGROUP GROUP g c BLOCK 5 STREAMS s >", ACT_NONE, 1, true },
		{ "ZSCORE z a", ACT_READ, 2, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct redis_session s = { 0 };
		struct act act = act_of(&s, cases[i].line);

		assert_int_equal(act.kind, cases[i].kind);
		assert_int_equal(act.items, cases[i].items);
		assert_int_equal(act.blocks, cases[i].blocks);
	}
}

/* Queued commands read and wait for nothing yet, but what they push is pushed. */
static void transaction(void **state)
{
	struct redis_session s = { 0 };
	struct act act;

	(void)state;
	assert_int_equal(act_of(&s, "MULTI").kind, ACT_MULTI);
	assert_int_equal(act_of(&s, "GET a").kind, ACT_NONE);
	assert_false(act_of(&s, "BLPOP a 0").blocks);
	assert_int_equal(act_of(&s, "LPUSH a b").kind, ACT_PUSH);
	act = act_of(&s, "EXEC");
	assert_int_equal(act.kind, ACT_EXEC);
	assert_int_equal(act.items, 3);
	assert_int_equal(act.since_ns, 100);
	assert_int_equal(act_of(&s, "GET a").kind, ACT_READ);
	act = act_of(&s, "EXEC"); /* of a MULTI that was not seen */
	assert_int_equal(act.since_ns, 0);
}

static void acted(void **state)
{
	struct act get = { .kind = ACT_READ, .items = 1 },
		   mget = { .kind = ACT_READ_EACH, .items = 5 };
	struct rec_reply r = { .count = 2, .nils = 1, .nil_items = 2 };
	struct event_request e = { .outcome = "ok" };

	(void)state;
	redis_acted(&get, &r, 0, true, &e);
	assert_int_equal(e.redis.misses, 1);
	assert_int_equal(e.redis.hits, 0);
	redis_acted(&mget, &r, 1, true, &e);
	assert_int_equal(e.redis.misses, 2);
	assert_int_equal(e.redis.hits, 3);
	r.nil_items = NIL_ITEMS_MAX - 1; /* a recording may say anything */
	redis_acted(&mget, &r, 1, true, &e);
	assert_int_equal(e.redis.misses, 5);
	assert_int_equal(e.redis.hits, 0);
	e = (struct event_request){ .outcome = "ERR", .service_ns = 7 };
	redis_acted(&(struct act){ .kind = ACT_POP, .blocks = true }, &r, 1, false, &e);
	assert_int_equal(e.redis.popped, 0);
	assert_int_equal(e.redis.blocked_ns, 7);
	assert_int_equal(e.service_ns, 0);
}

static bool is(struct str s, const char *text)
{
	return text ? str_eq(s, str_of(text)) : !s.s;
}

/* A password is never taken for a name, and stays in no recording. */
static void who(void **state)
{
	static const struct {
		const char *line, *user, *name;
		uint32_t stays;
	} cases[] = {
		{ "AUTH secret", NULL, NULL, 0 },
		{ "AUTH alice secret", "alice", NULL, 1 << 1 },
		{ "AUTH alice secret more", NULL, NULL, 0 },
		{ "CLIENT SETNAME worker", NULL, "worker", 1 << 2 },
		{ "HELLO 3", NULL, NULL, 1 << 1 },
		{ "HELLO 3 AUTH alice secret", "alice", NULL, 1 << 1 | 3 << 2 },
		{ "HELLO 3 AUTH alice secret SETNAME w", "alice", "w", 1 << 1 | 3 << 2 | 3 << 5 },
		{ "HELLO 3 SETNAME AUTH AUTH alice secret", "alice", "AUTH",
		  1 << 1 | 3 << 2 | 3 << 4 },
		{ "HELLO 3 AUTH alice", NULL, NULL, 1 << 1 },
		{ "SELECT 3", NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct redis_session s = { 0 };
		struct redis_who got;
		struct act act;

		command(&s, cases[i].line, &act, &got);
		assert_true(is(got.user, cases[i].user));
		assert_true(is(got.application_name, cases[i].name));
		assert_int_equal(got.stays, cases[i].stays);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(transaction),
		cmocka_unit_test(acted),
		cmocka_unit_test(who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
