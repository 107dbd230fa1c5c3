/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What scrubbing promises: the same events, and no secret left. Random conversations, cut at random,
 * with windows and lost records, are decoded as they are and scrubbed, side by side.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/session.h"
#include "user/scrub.h"

/* All that must not survive is made of these: the digits in literals, keys and values; the word. */
#define DIGITS "7391"
#define SECRET "hunter"

static const char *const comment_keys[] = { "tenant", "route", NULL };

static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char *const queries[] = {
	"SELECT * FROM sale_order WHERE id = 7391 AND note = 'hunter''s' AND x IN (7391, 7391.5e-3)",
	"INSERT INTO t (a, b) VALUES (E'hunter\\'7391', $tag$hunter 7391 $1$ $ta $tag$, 7391e+2)",
	"SELECT E'hunter' /* c */\n 'hunter\\'s 7391', U&'hunter', x'7391' FROM \"T\" -- hunter 7391\n",
	"UPDATE t SET a = $1, b = 'hunter' /* tenant='acme',secret='hunter7391',route='%2Fa' */",
	"SET application_name = 'app one'",
	"SET application_name TO web2",
	"SET application_name = $n$three$n$",
	"DISCARD ALL",
	"DEALLOCATE p1",
	"SELECT $$hunter$$, 0x7391hunter, 'hunter",
	"/* hunter, tenant='t2' */ DELETE FROM res_partner WHERE name LIKE '%hunter%'",
	"SELECT $1$$hunter /* tenant='t5' */",
	"SELECT 7391 /* te%6Eant='t3',%74\\enant='t4',sec%72et='hunter7391' */",
	"BEGIN",
};

static const char *random_query(void)
{
	static char q[8192];
	size_t n = sprintf(q, "%s", queries[rnd(sizeof(queries) / sizeof(queries[0]))]);

	if (rnd(6) == 0 && q[0] != 'S')
		for (uint32_t i = rnd(90); i; i--)
			n += sprintf(q + n, ", 'hunter %u 7391'", i);
	return q;
}

static void random_postgres(struct session *s)
{
	pg_startup(s, "user", "alice", "database", "shop", "options", "-c x=hunter7391", NULL);
	session_reply(s, 0);
	for (int i = 0; i < 12; i++) {
		int count = 1;

		switch (rnd(5)) {
		case 0:
			pg(s, 'P', "ssh", "p1", random_query(), 0);
			/* fall through */
		case 1:
			pg(s, 'B', "sshhbbh", "", "p1", 0, 2, SECRET, DIGITS, 0);
			pg(s, 'E', "si", "", 0);
			pg(s, 'S', "");
			break;
		case 2:
			pg(s, 'P', "ssh", "", random_query(), 0);
			pg(s, 'B', "sshhbh", "c1", "", 0, 1, SECRET DIGITS, 0);
			pg(s, 'D', "1s", 'P', "c1");
			pg(s, 'E', "si", "c1", 0);
			pg(s, 'S', "");
			break;
		case 3:
			pg(s, 'Q', "s", "COPY t FROM STDIN");
			pg(s, 'd', "s", SECRET "\t" DIGITS);
			pg(s, 'c', "");
			break;
		default:
			pg(s, 'Q', "s", random_query());
		}
		session_reply(s, count);
	}
}

static void random_command(struct session *s)
{
	char value[3000] = SECRET DIGITS;

	switch (rnd(10)) {
	case 0:
		redis(s, 2, "GET", "cart:7391:items");
		break;
	case 1:
		memset(value + 10, 'h', rnd(2900));
		redis(s, 5, "set", "sess:7391abcdef7391", value, "EX", DIGITS);
		break;
	case 2:
		redis(s, 3, "AUTH", "alice", SECRET);
		break;
	case 3:
		redis(s, 6, "EVAL", "return '" SECRET "'", "1", "k-7391-7391.x", DIGITS, SECRET);
		break;
	case 4:
		redis(s, 6, "xread", "COUNT", DIGITS, "streams", "ev:7391", DIGITS "-7391");
		break;
	case 5:
		redis(s, 4, "CONFIG", "SET", "requirepass", SECRET);
		break;
	case 6:
		redis(s, 3, SECRET DIGITS SECRET, DIGITS, SECRET);
		break;
	case 7:
		redis(s, 2, "DEL", "user:73917391-7391-7391-7391-739173917391:Zh7391QxyW:7391");
		break;
	case 8: /* a command's name but for its first byte */
		session_message(s, "yread 7391\r\n", 12, 1, PHASE_READY);
		break;
	default:
		session_message(s, "set user:7391 \"hunter 7391\"\r\n", 29, 1, PHASE_READY);
	}
}

static void random_redis(struct session *s)
{
	for (int i = 0; i < 10; i++) {
		uint32_t n = 1 + rnd(4);

		for (uint32_t k = 0; k < n; k++)
			random_command(s);
		session_reply(s, n);
	}
}

/* Both ways at once: a record is decoded, scrubbed, and decoded again. */
struct both {
	struct lines raw, scrubbed;
	struct scrub *scrub;
	uint32_t lose; /* one record in so many; 0: none */
	uint64_t leaks;
};

static int holds(const char *p, size_t n, const char *what)
{
	return memmem(p, n, what, strlen(what)) != NULL;
}

static void both_record(void *ctx, void *rec, size_t len)
{
	struct both *b = ctx;
	struct rec_request *r = rec;
	uint64_t aligned[9000];

	if (b->lose && rnd(b->lose) == 0)
		return;
	memcpy(aligned, rec, len);
	lines_record(&b->raw, rec, len);
	scrub_record(b->scrub, aligned, len);
	r = (struct rec_request *)aligned;
	lines_record(&b->scrubbed, r, len);
	if (r->hdr.kind == REC_REQUEST)
		b->leaks += holds(r->text, r->text_len, DIGITS) ||
			    holds(r->text, r->text_len, SECRET);
}

static size_t random_cut(void *arg, size_t from, size_t to)
{
	uint32_t most = *(uint32_t *)arg;
	size_t end = from + 1 + rnd(most);

	return end < to ? end : to;
}

static void run_random(int protocol, uint32_t most, size_t window, uint32_t lose)
{
	static struct session s;
	struct both *b = calloc(1, sizeof(*b));
	struct rec_conn r;

	memset(&s, 0, sizeof(s));
	s.protocol = protocol;
	s.role = ROLE_SERVER;
	s.conn = 1 + rnd(1000);
	s.window = window;
	if (protocol == PROTO_REDIS)
		random_redis(&s);
	else
		random_postgres(&s);
	b->raw.decode = decode_new(&(struct decode_config){ .comment_keys = comment_keys });
	b->scrubbed.decode = decode_new(&(struct decode_config){ .comment_keys = comment_keys });
	b->scrub = scrub_new(comment_keys);
	s.tell = both_record;
	s.ctx = b;
	r = session_conn(&s);
	both_record(b, &r, sizeof(r));
	b->lose = lose;
	session_tell(&s, random_cut, &most);
	assert_true(b->raw.n > 0);
	assert_string_equal(b->raw.text, b->scrubbed.text);
	assert_int_equal(b->raw.bad, 0);
	/* A name that a cut goes through cannot be told from a secret; else nothing may be left. */
	if (most > SESSION_BYTES / 2)
		assert_int_equal(b->leaks, 0);
	decode_free(b->raw.decode);
	decode_free(b->scrubbed.decode);
	scrub_free(b->scrub);
	free(b);
}

static void whole_reads(void **state)
{
	(void)state;
	for (seed = 1; seed < 200; seed += 1) {
		uint32_t keep = seed;

		run_random(PROTO_POSTGRESQL, SESSION_BYTES, 0, 0);
		run_random(PROTO_REDIS, SESSION_BYTES, 0, 0);
		seed = keep;
	}
}

static void cut_reads(void **state)
{
	static const uint32_t most[] = { 1, 3, 40, 700 };

	(void)state;
	for (uint32_t i = 0; i < 160; i++) {
		seed = i + 1000;
		run_random(PROTO_POSTGRESQL, most[i % 4], 0, 0);
		run_random(PROTO_REDIS, most[i % 4], 0, 0);
	}
}

static void windows_and_losses(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		seed = i + 5000;
		run_random(PROTO_POSTGRESQL, i % 2 ? SESSION_BYTES : 300, 64 + i, i % 3 ? 0 : 9);
		run_random(PROTO_REDIS, i % 2 ? SESSION_BYTES : 100, 64 + i, i % 3 ? 0 : 9);
	}
}

static void times_pass_unchanged(void **state)
{
	struct rec_progress r = { .hdr = { REC_PROGRESS, sizeof(r), 3, 77 },
				  .conn = 5,
				  .pos = 7391,
				  .bytes = 44,
				  .direction = PROGRESS_REPLY };
	struct rec_progress before = r;
	struct scrub *s = scrub_new(NULL);

	(void)state;
	scrub_record(s, &r, sizeof(r));
	assert_memory_equal(&r, &before, sizeof(r));
	scrub_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_reads),
		cmocka_unit_test(cut_reads),
		cmocka_unit_test(windows_and_losses),
		cmocka_unit_test(times_pass_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
