/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of a PostgreSQL connection: how each way to end one is told, what is lost with lost records, and that
 * of two ends on one node only the server's tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/decode.h"

static struct decode *decode;
static char told[4096], commits[512];
static uint32_t seq;
static uint64_t pos, now_ns;

static void see(void *ctx, const struct event *ev)
{
	static const char *const ends[] = { "committed", "rolled_back", "failed", "abandoned",
					    "unknown" };
	const struct event_transaction *t = &ev->transaction;
	size_t len = strlen(told);

	(void)ctx;
	if (ev->kind == EVENT_REQUEST && ev->request.nbefore) {
		len = strlen(commits);
		for (unsigned int i = 0; i < ev->request.nbefore; i++)
			len += (size_t)snprintf(commits + len, sizeof(commits) - len, "%s%s",
						ev->request.before[i]->text,
						i + 1 < ev->request.nbefore ? "; " : "\n");
		len = strlen(told);
	}
	if (ev->kind == EVENT_REFUSED)
		snprintf(told + len, sizeof(told) - len, "refused %s %s\n", ev->refused.outcome,
			 ev->refused.source);
	if (ev->kind == EVENT_TRANSACTION)
		snprintf(told + len, sizeof(told) - len, "%s %u %d %d %s\n", ends[t->end],
			 t->statements, (int)t->duration_ns, (int)t->idle_ns,
			 t->timed ? t->of.statement->text : "-");
}

static int setup(void **state)
{
	(void)state;
	told[0] = 0;
	commits[0] = 0;
	seq = 0;
	pos = 0;
	now_ns = 1000;
	decode = decode_new(&(struct decode_config){ .conns_max = 64 });
	return !decode;
}

static int teardown(void **state)
{
	(void)state;
	decode_free(decode);
	return 0;
}

static void feed(void *rec)
{
	assert_int_equal(decode_record(decode, rec, ((struct rec_hdr *)rec)->len, see, NULL), 0);
}

static void conn(uint64_t id, int role, uint64_t peer, int late)
{
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 10 },
			      .conn = id,
			      .peer_conn = peer,
			      .family = CONN_UNIX,
			      .role = role,
			      .protocol = PROTO_POSTGRESQL,
			      .late = late };

	feed(&r);
}

/* A simple query; 10 ns after the last reply. */
static void ask(const char *sql)
{
	static union {
		struct rec_request r;
		char bytes[sizeof(struct rec_request) + 256];
	} u;
	uint32_t len = strlen(sql) + 5, big = __builtin_bswap32(len);

	now_ns += 10;
	u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + len + 1, 0, now_ns },
				    .conn = 1,
				    .arrival_ns = now_ns,
				    .pos = pos,
				    .seq = seq,
				    .requests = 1,
				    .text_len = len + 1,
				    .role = ROLE_SERVER,
				    .protocol = PROTO_POSTGRESQL,
				    .phase = PHASE_READY };
	u.r.text[0] = 'Q';
	memcpy(u.r.text + 1, &big, 4);
	memcpy(u.r.text + 5, sql, len - 4);
	pos += len + 1;
	feed(&u.r);
}

/* Its reply, 100 ns later. */
static void answer(int tx_status, int tx_end, const char *error)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, now_ns += 100 },
			       .conn = 1,
			       .seq = seq++,
			       .count = 1,
			       .tx_status = tx_status,
			       .tx_end = tx_end,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_POSTGRESQL };

	if (error) {
		r.nerrors = 1;
		r.hdr.len += sizeof(r.errors[0]);
		memcpy(r.errors[0].text, error, 6);
	}
	feed(&r);
}

static void query(const char *sql, int tx_status, int tx_end, const char *error)
{
	ask(sql);
	answer(tx_status, tx_end, error);
}

static void leave(void)
{
	struct rec_close r = { .hdr = { REC_CLOSE, sizeof(r), 0, now_ns += 10 }, .conn = 1 };

	feed(&r);
}

static void ends(void **state)
{
	(void)state;
	conn(1, ROLE_SERVER, 0, 0);
	query("SELECT a FROM t", 'I', 0, NULL);
	query("SELECT a FROM u", 'I', 0, "42P01");
	query("BEGIN", 'T', 0, NULL);
	query("DELETE FROM t", 'T', 0, NULL);
	query("COMMIT", 'I', TX_COMMIT, NULL);
	query("BEGIN", 'T', 0, NULL);
	query("ROLLBACK", 'I', TX_ROLLBACK, NULL);
	query("BEGIN", 'T', 0, NULL);
	query("DELETE FROM u", 'E', 0, "42P01");
	query("COMMIT", 'I', TX_ROLLBACK, NULL);
	query("BEGIN", 'T', 0, NULL);
	query("COMMIT", 'I', 0, "23505"); /* a deferred constraint */
	query("BEGIN", 'T', 0, NULL);
	query("PREPARE TRANSACTION 'x'", 'I', 0, NULL);
	query("BEGIN", 'T', 0, NULL);
	query("DELETE FROM u", 'E', 0, "42P01");
	query("ROLLBACK TO s", 'T', TX_ROLLBACK, NULL);
	query("COMMIT AND CHAIN", 'T', TX_COMMIT, NULL);
	query("COMMIT", 'I', TX_COMMIT, NULL);
	query("BEGIN", 'T', 0, NULL);
	leave();
	assert_string_equal(told, "committed 1 100 0 SELECT a FROM t\n"
				  "failed 1 100 0 SELECT a FROM u\n"
				  "committed 3 320 20 COMMIT\n"
				  "rolled_back 2 210 10 ROLLBACK\n"
				  "failed 3 320 20 COMMIT\n"
				  "failed 2 210 10 COMMIT\n"
				  "unknown 2 210 10 PREPARE TRANSACTION ?\n"
				  "committed 4 430 30 COMMIT AND CHAIN\n"
				  "committed 1 110 10 COMMIT\n"
				  "abandoned 1 110 10 BEGIN\n");
}

/* A reply that is missing may have ended it, and begun another one. */
static void lost(void **state)
{
	(void)state;
	conn(1, ROLE_SERVER, 0, 0);
	query("BEGIN", 'T', 0, NULL);
	seq++;
	query("DELETE FROM t", 'T', 0, NULL);
	query("COMMIT", 'I', TX_COMMIT, NULL);
	query("BEGIN", 'T', 0, NULL);
	seq++;
	query("SELECT 1", 'I', 0, NULL);
	query("SELECT 1", 'I', 0, NULL);
	assert_string_equal(told,
			    "committed 3 0 0 -\nunknown 2 0 0 -\ncommitted 1 100 0 SELECT ?\n");
}

/* When one began that was open before we came is not known; how it ends is. */
static void late(void **state)
{
	(void)state;
	conn(1, ROLE_SERVER, 0, 1);
	query("DELETE FROM t", 'T', 0, NULL);
	query("ROLLBACK", 'I', TX_ROLLBACK, NULL);
	query("DELETE FROM t", 'I', 0, NULL);
	assert_string_equal(told, "rolled_back 2 0 0 -\ncommitted 1 100 0 DELETE FROM t\n");
}

/* What a COMMIT ends: its own transaction, also where the next one was read before the reply. */
static void what_it_ends(void **state)
{
	(void)state;
	conn(1, ROLE_SERVER, 0, 0);
	query("BEGIN", 'T', 0, NULL);
	query("DELETE FROM t", 'T', 0, NULL);
	query("SELECT 1", 'T', 0, NULL);
	query("ROLLBACK TO s", 'T', 0, NULL);
	query("COMMIT", 'I', TX_COMMIT, NULL);
	query("COMMIT", 'I', 0, NULL); /* of nothing */
	ask("BEGIN");
	seq++;
	ask("DELETE FROM u");
	seq++;
	ask("COMMIT");
	seq++;
	ask("BEGIN");
	seq++;
	ask("DELETE FROM v");
	seq++;
	ask("COMMIT");
	seq -= 5;
	for (int i = 0; i < 2; i++) {
		answer('T', 0, NULL);
		answer('T', 0, NULL);
		answer('I', TX_COMMIT, NULL);
	}
	assert_string_equal(commits, "ROLLBACK TO ?; SELECT ?; DELETE FROM t; BEGIN\n"
				     "COMMIT; ROLLBACK TO ?; SELECT ?; DELETE FROM t; BEGIN\n"
				     "COMMIT\n"
				     "COMMIT; DELETE FROM u; BEGIN\n"
				     "COMMIT; DELETE FROM v; BEGIN\n");
}

static void told_once(void **state)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, 5000 },
			       .conn = 2,
			       .count = 1,
			       .tx_status = 'I',
			       .role = ROLE_CLIENT,
			       .protocol = PROTO_POSTGRESQL };

	(void)state;
	conn(2, ROLE_CLIENT, 1, 0);
	conn(1, ROLE_SERVER, 2, 0);
	query("SELECT 1", 'I', 0, NULL);
	feed(&r);
	assert_string_equal(told, "committed 1 100 0 SELECT ?\n");
	conn(3, ROLE_CLIENT, 0, 0); /* its server is elsewhere */
	r.conn = 3;
	feed(&r);
	assert_string_equal(told, "committed 1 100 0 SELECT ?\ncommitted 1 0 0 -\n");
}

static void refused(void **state)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED + sizeof(r.errors[0]), 0, 5000 },
			       .conn = 1,
			       .flags = REPLY_FATAL | REPLY_STARTUP,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_POSTGRESQL,
			       .nerrors = 1,
			       .errors = { { .text = "28P01" } } };

	(void)state;
	conn(1, ROLE_SERVER, 0, 0);
	feed(&r);
	r.flags = REPLY_FATAL; /* later: the session is ended */
	feed(&r);
	assert_string_equal(told, "refused 28P01 local\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends, setup, teardown),
		cmocka_unit_test_setup_teardown(lost, setup, teardown),
		cmocka_unit_test_setup_teardown(late, setup, teardown),
		cmocka_unit_test_setup_teardown(what_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
