/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for PostgreSQL's locks from records to rows: who holds is named by what it did in its transaction
 * before the wait began, whenever the record of it comes.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/sock/past.h"
#include "user/export_json.h"
#include "user/pipeline.h"

#define MS 1000000ULL
#define ROW(cause, waiter, occupant, did, ns, waits)                                \
	"\"resource\":\"lock\",\"cause\":\"" cause "\",\"waiter_tenant\":\"" waiter \
	"\",\"waiter_workflow\":\"billing\",\"occupant_tenant\":\"" occupant        \
	"\",\"occupant_workflow\":\"" did "\",\"wait_ns\":" #ns ",\"waits\":" #waits "}"
#define TAKE "UPDATE stock SET n = 1"
#define WANT "UPDATE invoice SET n = 1"
#define NEITHER "SELECT pg_advisory_xact_lock(42)"

static struct config *config;
static struct pipeline *p;
static char culprit[64]; /* of the last request: "tenant/workflow part" */
static struct end {
	uint64_t pos;
	uint32_t seq, done;
} ends[16];

static void on_request(void *ctx, const struct pipeline_request *r)
{
	(void)ctx;
	snprintf(culprit, sizeof(culprit), "%s/%s %d", r->culprit_tenant, r->culprit_workflow,
		 r->event->culprit_part);
}

static int setup(void **state)
{
	static const char rules[] = "tenants: [{match: {cgroup: '/t/{name}'}, name: '{name}'}]\n"
				    "workflows: [{match: {sql.table: stock}, name: warehouse},"
				    " {match: {sql.table: invoice}, name: billing}]";
	char err[CONFIG_ERR_MAX];

	(void)state;
	memset(ends, 0, sizeof(ends));
	culprit[0] = '\0';
	if (config_parse(&config, "test", STR(rules), err, sizeof(err)))
		return -1;
	p = pipeline_new(&(struct pipeline_config){ .config = config, .request = on_request });
	pipeline_cgroup(p, 11, "/t/acme", 7, 1);
	pipeline_cgroup(p, 12, "/t/globex", 9, 1);
	pipeline_cgroup(p, 13, "/postgres", 9, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pipeline_free(p);
	config_free(config);
	return 0;
}

static void has(const char *part, bool wanted)
{
	struct agg_view *v;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(pipeline_view(p, &v), 0);
	assert_int_equal(export_json_write(out, v), 0);
	agg_view_free(v);
	fclose(out);
	if (!strstr(text, part) == wanted)
		fail_msg("%s\n%s", part, text);
	free(text);
}

/* Connection n, of a client in that cgroup, is served by backend 600 + n. */
static void connect_to(uint64_t n, uint64_t cgroup)
{
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
			      .conn = 2 * n,
			      .peer_conn = 2 * n + 1,
			      .cgroup = 13,
			      .pid = 600 + n,
			      .family = CONN_UNIX,
			      .role = ROLE_SERVER,
			      .protocol = PROTO_POSTGRESQL };

	pipeline_record(p, &r, sizeof(r));
	r.conn = 2 * n + 1;
	r.peer_conn = 2 * n;
	r.cgroup = cgroup;
	r.pid = 700 + n;
	r.role = ROLE_CLIENT;
	pipeline_record(p, &r, sizeof(r));
}

static void ask(uint64_t n, const char *sql, uint64_t time_ns)
{
	size_t len = strlen(sql) + 6;
	union {
		struct rec_request r;
		char bytes[sizeof(struct rec_request) + 256];
	} u = { .r = { .hdr = { REC_REQUEST, sizeof(struct rec_request) + len, 0, time_ns },
		       .conn = 2 * n,
		       .arrival_ns = time_ns,
		       .pos = ends[n].pos,
		       .seq = ends[n].seq++,
		       .requests = 1,
		       .text_len = len,
		       .role = ROLE_SERVER,
		       .protocol = PROTO_POSTGRESQL,
		       .phase = PHASE_READY } };

	u.r.text[0] = 'Q';
	u.r.text[4] = (char)(len - 1);
	memcpy(u.r.text + 5, sql, len - 5);
	ends[n].pos += len;
	pipeline_record(p, &u, u.r.hdr.len);
}

static void reply(uint64_t n, char status, uint64_t time_ns)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, time_ns },
			       .conn = 2 * n,
			       .first_ns = time_ns,
			       .seq = ends[n].done++,
			       .count = 1,
			       .completes = 1,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_POSTGRESQL,
			       .flags = REPLY_FOLLOWED,
			       .tx_status = status };

	pipeline_record(p, &r, REC_REPLY_FIXED);
}

static void did(uint64_t n, const char *sql, char status, uint64_t time_ns)
{
	ask(n, sql, time_ns);
	reply(n, status, time_ns + 10);
}

/* Connection n waited, for those pids. */
static void blocked(uint64_t n, uint64_t from_ns, uint64_t to_ns, unsigned int nblockers,
		    const uint32_t *pids)
{
	struct rec_blocked r = { .hdr = { REC_BLOCKED, sizeof(r), 0, to_ns },
				 .waiter = { 13, 11 },
				 .conn = 2 * n,
				 .from_ns = from_ns,
				 .to_ns = to_ns,
				 .nblockers = nblockers,
				 .flags = BLOCKED_LAST };

	for (unsigned int i = 0; i < nblockers && i < BLOCKED_BY_MAX; i++)
		r.blockers[i] = pids[i];
	pipeline_record(p, &r, sizeof(r));
}

static void parts(uint64_t n, uint64_t lock_ns)
{
	struct rec_parts r = { .hdr = { REC_PARTS, sizeof(r), 0, 1 },
			       .conn = 2 * n,
			       .seq = ends[n].done,
			       .culprit = { 12, 0 },
			       .culprit_ns = 3 * MS };

	r.parts[PART_LOCK] = lock_ns;
	r.parts[PART_RUN_NEIGHBOUR] = 5 * MS;
	pipeline_record(p, &r, sizeof(r));
}

/* The holder is idle; its last statement tells no workflow, the one before does. */
static void an_idle_holder_is_named(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, "UPDATE invoice SET n = 2", 'I', 1 * MS);
	did(2, "BEGIN", 'T', 2 * MS);
	did(2, TAKE, 'T', 3 * MS);
	did(2, NEITHER, 'T', 4 * MS);
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 41 * MS, 1, (uint32_t[]){ 602 });
	parts(1, 30 * MS);
	reply(1, 'I', 50 * MS);
	has(ROW("neighbour", "acme", "globex", "warehouse", 30000000, 1), true);
	assert_string_equal(culprit, "globex/warehouse 9");
	assert_int_equal(PART_LOCK, 9);
	/* The next one waits for a CPU, and for a lock that nobody was asked about. */
	ask(1, WANT, 60 * MS);
	parts(1, 7 * MS);
	reply(1, 'I', 75 * MS);
	assert_string_equal(culprit, "globex/unattributed 2");
	assert_int_equal(PART_RUN_NEIGHBOUR, 2);
}

/* Told when it was over for long: holder and waiter have gone on, in other transactions. */
static void late_news_are_of_then(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, "BEGIN", 'T', 2 * MS);
	did(2, TAKE, 'T', 3 * MS);
	ask(1, WANT, 10 * MS);
	did(2, "COMMIT", 'I', 40 * MS);
	did(2, "UPDATE invoice SET n = 2", 'I', 41 * MS);
	reply(1, 'I', 42 * MS);
	did(1, TAKE, 'I', 43 * MS);
	blocked(1, 11 * MS, 40 * MS, 1, (uint32_t[]){ 602 });
	has(ROW("neighbour", "acme", "globex", "warehouse", 29000000, 1), true);
}

/* A transaction that has no workflow is not named after the one before it. */
static void another_transaction_does_not_count(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, TAKE, 'I', 1 * MS);
	did(2, "BEGIN", 'T', 2 * MS);
	did(2, NEITHER, 'T', 3 * MS);
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 12 * MS, 1, (uint32_t[]){ 602 });
	has(ROW("neighbour", "acme", "globex", "unattributed", 1000000, 1), true);
}

/* Even shares, to the nanosecond; one of the three is not known, one is the waiter's own tenant. */
static void several_holders_share(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	connect_to(3, 11);
	did(2, TAKE, 'T', 3 * MS);
	did(3, TAKE, 'T', 3 * MS);
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 12 * MS, 3, (uint32_t[]){ 602, 603, 999 });
	has(ROW("neighbour", "acme", "globex", "warehouse", 333334, 1), true);
	has(ROW("self", "acme", "acme", "warehouse", 333333, 1), true);
	has(ROW("unknown", "acme", "", "", 333333, 1), true);
}

static void nobody_is_guessed(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, TAKE, 'T', 3 * MS);
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 12 * MS, 0, NULL);
	blocked(1, 12 * MS, 14 * MS, 1, (uint32_t[]){ 0 });
	blocked(1, 14 * MS, 14 * MS, 1, (uint32_t[]){ 602 }); /* no time at all */
	has(ROW("unknown", "acme", "", "", 3000000, 2), true);
	has("\"cause\":\"neighbour\"", false);
	/* A connection that was never told of: the kernel knew the container. */
	blocked(7, 11 * MS, 12 * MS, 1, (uint32_t[]){ 602 });
	has("\"cause\":\"neighbour\",\"waiter_tenant\":\"acme\",\"waiter_workflow\":"
	    "\"unattributed\",\"occupant_tenant\":\"globex\",\"occupant_workflow\":\"warehouse\"",
	    true);
}

/* The holder let go and left before the waiter was awake. */
static void a_closed_connection_is_named(void **state)
{
	struct rec_close gone = { .hdr = { REC_CLOSE, sizeof(gone), 0, 5 * MS }, .conn = 4 };

	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, TAKE, 'T', 3 * MS);
	pipeline_record(p, &gone, sizeof(gone));
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 12 * MS, 1, (uint32_t[]){ 602 });
	has(ROW("neighbour", "acme", "globex", "warehouse", 1000000, 1), true);
}

/* A long transaction: more statements than are kept, one of them again and again. */
static void the_past_is_bounded(void **state)
{
	char sql[64];

	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	did(2, TAKE, 'T', 1 * MS);
	for (int i = 0; i < 1000; i++)
		did(2, NEITHER, 'T', 2 * MS);
	ask(1, WANT, 10 * MS);
	blocked(1, 11 * MS, 12 * MS, 1, (uint32_t[]){ 602 });
	has(ROW("neighbour", "acme", "globex", "warehouse", 1000000, 1), true);
	for (int i = 0; i < PAST_MAX; i++) {
		snprintf(sql, sizeof(sql), "SELECT * FROM t%d", i);
		did(2, sql, 'T', 13 * MS);
	}
	blocked(1, 12 * MS, 15 * MS, 1, (uint32_t[]){ 602 });
	has(ROW("neighbour", "acme", "globex", "unattributed", 3000000, 1), true);
}

static void lies_are_refused(void **state)
{
	(void)state;
	connect_to(1, 11);
	blocked(1, 12 * MS, 11 * MS, 0, NULL);
	blocked(1, 11 * MS, 12 * MS, BLOCKED_BY_MAX + 1, (uint32_t[BLOCKED_BY_MAX]){ 602 });
	assert_int_equal(pipeline_counts(p).decode.bad_records, 2);
	blocked(1, 0, UINT64_MAX, BLOCKED_BY_MAX, (uint32_t[BLOCKED_BY_MAX]){ 601 });
	assert_int_equal(pipeline_counts(p).decode.bad_records, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_idle_holder_is_named),
		T(late_news_are_of_then),
		T(another_transaction_does_not_count),
		T(several_holders_share),
		T(nobody_is_guessed),
		T(a_closed_connection_is_named),
		T(the_past_is_bounded),
		T(lies_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
