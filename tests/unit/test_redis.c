/* SPDX-License-Identifier: Apache-2.0 */
/* The Redis decoder: commands from bytes, whatever cuts them; and that values go nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/session.h"

static struct session s;

static void begin(void)
{
	memset(&s, 0, sizeof(s));
	s.protocol = PROTO_REDIS;
	s.role = ROLE_SERVER;
	s.conn = 3;
}

static size_t at(void *arg, size_t from, size_t to)
{
	size_t p = *(size_t *)arg;

	return from < p && p < to ? p : to;
}

static size_t single(void *arg, size_t from, size_t to)
{
	(void)arg;
	(void)to;
	return from + 1;
}

static void gives(const char *expected)
{
	char *lines = session_lines(&s, NULL, NULL);

	assert_string_equal(lines, expected);
	free(lines);
	lines = session_lines(&s, single, NULL);
	assert_string_equal(lines, expected);
	free(lines);
	for (size_t p = 1; p < s.len; p++) {
		lines = session_lines(&s, at, &p);
		assert_string_equal(lines, expected);
		free(lines);
	}
}

static void commands(void **state)
{
	(void)state;
	begin();
	redis(&s, 2, "GET", "cart:1001");
	session_reply(&s, 1);
	redis(&s, 3, "set", "sess:3f2a8b7c6d5e", "secret");
	redis(&s, 2, "auth", "hunter2");
	session_error(&s, 2, 1, "WRONGPASS");
	redis(&s, 5, "EVAL", "return 1", "1", "k:9", "arg");
	redis(&s, 6, "XREAD", "COUNT", "2", "STREAMS", "st:1", "0");
	redis(&s, 3, "CONFIG", "get", "*");
	redis(&s, 2, "evil'cmd", "x:1");
	redis(&s, 1, "");
	session_error(&s, 5, 3, "ERR");
	gives("GET cart:*|ok||||7|1000|28|100\n"
	      "SET sess:*|ok||||7|1000|49|100\n"
	      "AUTH|WRONGPASS||||7|1000|27|100\n"
	      "EVAL k:*|ok||||7|1000|53|100\n"
	      "XREAD st:*|ok||||7|1000|63|100\n"
	      "CONFIG GET|ok||||7|1000|32|100\n"
	      "unknown|ERR||||7|1000|27|100\n"
	      "unknown|ok||||7|1000|10|100\n");
}

static void lines_and_empty_commands(void **state)
{
	(void)state;
	begin();
	session_message(&s, "PING\r\n", 6, 1, PHASE_READY);
	session_reply(&s, 1);
	session_message(&s, "\r\n", 2, 0, PHASE_READY);
	session_message(&s, "*0\r\n", 4, 0, PHASE_READY);
	session_message(&s, "*-1\r\n", 5, 0, PHASE_READY);
	session_message(&s, "get \"a b:12\"\n", 13, 1, PHASE_READY);
	redis(&s, 2, "INCR", "n:1");
	session_reply(&s, 2);
	gives("PING|ok||||7|1000|6|100\n"
	      "GET a b:*|ok||||7|1000|13|100\n"
	      "INCR n:*|ok||||7|1000|23|100\n");
}

static void values_beyond_the_window(void **state)
{
	static char value[9000];
	char *lines;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	begin();
	redis(&s, 5, "SET", "doc:1", value, "EX", "60");
	session_reply(&s, 1);
	redis(&s, 2, "GET", "doc:1");
	redis(&s, 3, "SET", "doc:2", value);
	redis(&s, 2, "DEL", "doc:2");
	session_reply(&s, 3);
	for (s.window = 64; s.window < 9100; s.window += 333) {
		lines = session_lines(&s, NULL, NULL);
		/* What comes behind the value of the first one is not known to be there. */
		assert_memory_equal(lines, "SET doc:*|ok||||7|1000|", 23);
		assert_int_equal(atoi(lines + 23), s.window < 9048 ? 9033 : 9048);
		assert_string_equal(strchr(lines, '\n'), "\n"
							 "GET doc:*|ok||||7|1000|24|100\n"
							 "SET doc:*|ok||||7|1000|9032|100\n"
							 "DEL doc:*|ok||||7|1000|24|100\n");
		free(lines);
	}
}

/* The kernel sends no more than the beginning of a last value, and counts the command. */
static void the_last_value_is_left_out(void **state)
{
	static struct lines l;
	static union {
		struct rec_request r;
		char room[256];
	} u;
	struct rec_reply reply = {
		.hdr = { .kind = REC_REPLY, .len = REC_REPLY_FIXED, .time_ns = 90 },
		.conn = 1,
		.role = ROLE_SERVER,
		.protocol = PROTO_REDIS
	};
	static const char text[] = "*3\r\n$3\r\nSET\r\n$3\r\nk:1\r\n$500\r\nabc";

	(void)state;
	memset(&l, 0, sizeof(l));
	l.decode = decode_new(&(struct decode_config){ 0 });
	for (int i = 0; i < 3; i++) {
		u.r = (struct rec_request){
			.hdr = { REC_REQUEST, sizeof(u.r) + sizeof(text) - 1, 0, 50 },
			.conn = 1,
			.pos = 1000 * i,
			.seq = i,
			.requests = 1,
			.text_len = sizeof(text) - 1,
			.role = ROLE_SERVER,
			.protocol = PROTO_REDIS,
			.phase = PHASE_READY,
		};
		memcpy(u.r.text, text, sizeof(text) - 1);
		lines_record(&l, &u.r, u.r.hdr.len);
	}
	reply.count = 3;
	lines_record(&l, &reply, reply.hdr.len);
	assert_string_equal(l.text, "SET k:*|ok||||0|40|530|0\n"
				    "SET k:*|ok||||0|40|530|0\n"
				    "SET k:*|ok||||0|40|530|0\n");
	decode_free(l.decode);
}

static size_t lost;
static size_t told;

static void record_but_one(void *ctx, void *rec, size_t len)
{
	if (told++ != lost)
		lines_record(ctx, rec, len);
}

/* Cut at odd places, one record lost: every request is told once, right or as unknown. */
static void a_lost_record_costs_only_itself(void **state)
{
	static struct lines l;
	size_t size = 50;

	(void)state;
	begin();
	for (int i = 0; i < 6; i++) {
		char key[16] = "k:x";

		key[2] = 'a' + i;
		redis(&s, 2, "GET", key);
		redis(&s, 3, "SET", key, "value");
		redis(&s, 2, "DEL", key);
		session_reply(&s, 3);
	}
	for (size = 5; size < 80; size += 3) {
		for (lost = 0; lost < 60; lost++) {
			unsigned int replies = 0;

			memset(&l, 0, sizeof(l));
			l.decode = decode_new(&(struct decode_config){ 0 });
			s.tell = record_but_one;
			s.ctx = &l;
			told = 0;
			session_tell(&s, session_pieces, &size);
			for (char *p = l.text; (p = strchr(p, '\n')); p++)
				replies++;
			assert_int_equal(l.n, replies);
			assert_true(l.n == 18 || l.n == 15);
			/* In order; what is known is at its place. */
			for (unsigned int i = 0, k = 0; i < l.n && l.n == 18; i++) {
				static const char *const ops[] = { "GET k:", "SET k:", "DEL k:" };
				char expected[16];

				sprintf(expected, "%s%c|", ops[i % 3], (int)('a' + i / 3));
				/* A cut may have taken the key, and then the operation. */
				if (l.text[k] != '|' && memcmp(l.text + k, "unknown|", 8))
					assert_memory_equal(l.text + k, expected, 3);
				if (!memcmp(l.text + k + 3, " k:", 3) && l.text[k + 7] == '|')
					assert_true(l.text[k + 6] == expected[6] ||
						    l.text[k + 6] == '*');
				k = strchr(l.text + k, '\n') - l.text + 1;
			}
			/* One record touches this many commands at most. */
			assert_true(decode_counts(l.decode).unknown_requests <= size / 20 + 2);
			decode_free(l.decode);
		}
	}
}

/* CLIENT REPLY: what has no reply is not told, and the replies that come are to what they answer. */
static void without_replies(void **state)
{
	(void)state;
	begin();
	redis(&s, 2, "GET", "a:1");
	redis(&s, 3, "CLIENT", "REPLY", "off");
	redis(&s, 3, "SET", "b:1", "x");
	redis(&s, 3, "CLIENT", "reply", "skip");
	redis(&s, 2, "DEL", "b:1");
	session_reply(&s, 1); /* to the GET */
	redis(&s, 3, "CLIENT", "REPLY", "ON");
	session_reply(&s, 1);
	redis(&s, 3, "CLIENT", "REPLY", "SKIP");
	redis(&s, 2, "INCR", "c:1");
	redis(&s, 2, "LPUSH", "d:1");
	redis(&s, 3, "CLIENT", "REPLY", "maybe");
	session_error(&s, 2, 1, "ERR");
	redis(&s, 2, "GET", "e:1");
	session_reply(&s, 1);
	gives("GET a:*|ok||||7|1000|22|100\n"
	      "CLIENT REPLY|ok||||7|1000|35|100\n"
	      "LPUSH d:*|ok||||7|1000|24|100\n"
	      "CLIENT REPLY|ERR||||7|1000|38|100\n"
	      "GET e:*|ok||||7|1000|22|100\n");
}

static void many_in_a_pipeline(void **state)
{
	static struct lines l;
	uint64_t forgotten;

	(void)state;
	memset(&l, 0, sizeof(l));
	l.decode = decode_new(&(struct decode_config){ 0 });
	for (int round = 0; round < 5000; round++) {
		static union {
			struct rec_request r;
			char room[256];
		} u;
		static const char text[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";

		u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + 20, 0, 50 },
					    .conn = 1,
					    .pos = 20 * round,
					    .seq = UINT32_MAX - 100 + round, /* wraps */
					    .requests = 1,
					    .text_len = 20,
					    .role = ROLE_CLIENT,
					    .protocol = PROTO_REDIS,
					    .phase = PHASE_READY };
		memcpy(u.r.text, text, 20);
		lines_record(&l, &u.r, u.r.hdr.len);
	}
	for (int round = 0; round < 5000; round += 50) {
		struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, 90 },
				       .conn = 1,
				       .seq = UINT32_MAX - 100 + round,
				       .count = 50,
				       .role = ROLE_CLIENT,
				       .protocol = PROTO_REDIS };

		lines_record(&l, &r, r.hdr.len);
	}
	forgotten = decode_counts(l.decode).forgotten_requests;
	assert_int_equal(l.n, 5000);
	assert_int_equal(forgotten, 5000 - 4096);
	assert_int_equal(decode_counts(l.decode).unknown_requests, 5000 - 4096);
	decode_free(l.decode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(lines_and_empty_commands),
		cmocka_unit_test(values_beyond_the_window),
		cmocka_unit_test(the_last_value_is_left_out),
		cmocka_unit_test(a_lost_record_costs_only_itself),
		cmocka_unit_test(without_replies),
		cmocka_unit_test(many_in_a_pipeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
