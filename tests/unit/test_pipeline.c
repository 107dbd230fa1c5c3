/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The joined stages: records in, JSON lines out. A recording through a second pipeline gives the same
 * bytes, containers live and end by the records' own time, and rules can be exchanged while counts go on.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/session.h"
#include "user/export_json.h"
#include "user/pipeline.h"
#include "user/recording.h"

#define SECOND 1000000000ULL
#define SHOP "/tenants.slice-shop"

static struct config *config_of(const char *yaml)
{
	char err[CONFIG_ERR_MAX];
	struct config *c = NULL;

	if (config_parse(&c, "test", str_of(yaml), err, sizeof(err)))
		fail_msg("%s", err);
	return c;
}

static char *json_of(struct pipeline *p)
{
	struct agg_view *v;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(pipeline_view(p, &v), 0);
	assert_int_equal(export_json_write(out, v), 0);
	agg_view_free(v);
	fclose(out);
	return text;
}

static bool json_has(struct pipeline *p, const char *part)
{
	char *text = json_of(p);
	bool has = strstr(text, part);

	free(text);
	return has;
}

static void tell(void *ctx, void *rec, size_t len)
{
	pipeline_record(ctx, rec, len);
}

/* A PostgreSQL server in cgroup 7 answers two statements, one of them with an error. */
static void converse(struct pipeline *p)
{
	struct session *s = calloc(1, sizeof(*s));
	struct rec_conn conn;

	s->protocol = PROTO_POSTGRESQL;
	s->role = ROLE_SERVER;
	s->conn = 1;
	pg_startup(s, "user", "odoo", "database", "prod", NULL);
	session_reply(s, 0);
	pg(s, 'Q', "s", "SELECT id FROM stock_picking WHERE name = 'Mrs Secret'");
	session_reply(s, 1);
	pg(s, 'Q', "s", "SELECT 1 FROM nowhere");
	session_error(s, 1, 0, "42P01");
	s->tell = tell;
	s->ctx = p;
	conn = session_conn(s);
	pipeline_record(p, &conn, sizeof(conn));
	session_tell(s, NULL, NULL);
	free(s);
}

static void sched(struct pipeline *p, uint64_t cgroup, uint64_t time_ns)
{
	struct rec_sched r = { .hdr = { REC_SCHED, sizeof(r), 0, time_ns },
			       .cgroup = cgroup,
			       .on_cpu_ns = 5,
			       .switches = 1 };

	pipeline_record(p, &r, sizeof(r));
}

static void cgroup_removed(struct pipeline *p, uint64_t cgroup, uint64_t time_ns)
{
	struct rec_cgroup r = { .hdr = { REC_CGROUP, sizeof(r), 0, time_ns },
				.cgroup = cgroup,
				.change = CGROUP_REMOVED };

	pipeline_record(p, &r, sizeof(r));
}

static const char rules[] = "tenants: [{match: {cgroup: '/tenants.slice-{name}'}, name: '{name}'}]";

static void requests_get_their_owner(void **state)
{
	struct config *c = config_of(rules);
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });

	(void)state;
	pipeline_cgroup(p, 7, SHOP, strlen(SHOP), 500);
	converse(p);
	assert_true(json_has(p,
			     "\"kind\":\"requests\",\"tenant\":\"shop\",\"workflow\":\"warehouse\","
			     "\"container\":\"/tenants.slice-shop\",\"role\":\"server\","
			     "\"protocol\":\"postgresql\",\"operation\":\"SELECT\","
			     "\"outcome\":\"ok\",\"count\":1"));
	assert_true(json_has(p, "\"outcome\":\"42P01\",\"count\":1"));
	pipeline_free(p);
	config_free(c);
}

static void a_replay_gives_the_same(void **state)
{
	char path[] = "/tmp/test_pipeline.XXXXXX", err[256];
	int fd = mkstemp(path);
	struct config *c = config_of(rules);
	struct recorder *w;
	struct recording *r;
	struct pipeline *live, *again = pipeline_new(&(struct pipeline_config){ .config = c });
	char *want, *got;
	const void *rec;
	size_t len;
	FILE *in;

	(void)state;
	assert_int_equal(recorder_new(&w, &(struct recorder_config){ .path = path,
								     .version = "",
								     .layout = "",
								     .controller = "" }),
			 0);
	live = pipeline_new(
		&(struct pipeline_config){ .config = c, .tap = recorder_record, .tap_ctx = w });
	pipeline_cgroup(live, 7, SHOP, strlen(SHOP), 500);
	converse(live);
	sched(live, 7, 9000);
	assert_int_equal(recorder_close(w), 0);
	in = fopen(path, "r");
	assert_int_equal(recording_open(&r, in, path, err, sizeof(err)), 0);
	while (recording_next(r, &rec, &len, err, sizeof(err)) > 0)
		pipeline_record(again, rec, len);
	want = json_of(live);
	got = json_of(again);
	assert_string_equal(got, want);
	assert_non_null(strstr(want, "warehouse"));
	assert_int_equal(pipeline_span_ns(again), pipeline_span_ns(live));
	assert_int_equal(pipeline_counts(again).records, pipeline_counts(live).records);
	free(want);
	free(got);
	recording_free(r);
	fclose(in);
	close(fd);
	unlink(path);
	pipeline_free(live);
	pipeline_free(again);
	config_free(c);
}

static void gone(void *ctx, uint64_t cgroup)
{
	*(uint64_t *)ctx = *(uint64_t *)ctx * 100 + cgroup;
}

/* Names are good for a minute, series for two more: by the records' time. */
static void containers_end_by_the_records_time(void **state)
{
	struct config *c = config_of("");
	uint64_t told = 0;
	struct pipeline *p = pipeline_new(
		&(struct pipeline_config){ .config = c, .cgroup_gone = gone, .cgroup_ctx = &told });

	(void)state;
	pipeline_cgroup(p, 7, "/a", 2, SECOND);
	pipeline_cgroup(p, 8, "/b", 2, SECOND);
	sched(p, 7, 2 * SECOND);
	cgroup_removed(p, 7, 3 * SECOND);
	assert_int_equal(told, 7);
	sched(p, 8, 62 * SECOND);
	assert_true(pipeline_knows(p, 7));
	sched(p, 8, 64 * SECOND);
	assert_false(pipeline_knows(p, 7));
	sched(p, 8, 183 * SECOND);
	assert_true(json_has(p, "\"container\":\"/a\""));
	sched(p, 8, 186 * SECOND);
	assert_false(json_has(p, "\"container\":\"/a\""));
	assert_true(json_has(p, "\"container\":\"/b\""));
	pipeline_free(p);
	config_free(c);
}

/* A group below a container's has the container's label: its end is not the container's. */
static void a_shared_label_stays(void **state)
{
	static const char id[] = "/docker/0123456789abcdef0123456789abcdef0123456789abcdef"
				 "0123456789abcdef";
	struct config *c = config_of("");
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });
	char below[128];

	(void)state;
	snprintf(below, sizeof(below), "%s/init", id);
	pipeline_cgroup(p, 7, id, strlen(id), SECOND);
	pipeline_cgroup(p, 8, below, strlen(below), SECOND);
	sched(p, 7, 2 * SECOND);
	cgroup_removed(p, 8, 3 * SECOND);
	for (uint64_t t = 4; t < 400; t++)
		sched(p, 1, t * SECOND);
	assert_true(json_has(p, "\"container\":\"0123456789ab\""));
	pipeline_free(p);
	config_free(c);
}

static void a_path_that_comes_late_counts_from_then(void **state)
{
	struct config *c = config_of("");
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });

	(void)state;
	sched(p, 7, SECOND);
	assert_int_equal(pipeline_strangers(p), 1);
	pipeline_cgroup(p, 7, "/late", 5, SECOND);
	sched(p, 7, SECOND);
	assert_int_equal(pipeline_strangers(p), 1);
	assert_true(json_has(p, "\"container\":\"/late\",\"cpu_ns\":5"));
	assert_true(json_has(p, "\"container\":\"unattributed\",\"cpu_ns\":5"));
	pipeline_free(p);
	config_free(c);
}

static void rules_can_be_exchanged(void **state)
{
	struct config *c = config_of(rules), *other;
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });

	(void)state;
	other = config_of("tenants: [{match: {cgroup: '**'}, name: new}]\n"
			  "workflows: [{match: {sql.comment.route: x}, name: y}]");
	pipeline_cgroup(p, 7, SHOP, strlen(SHOP), SECOND);
	sched(p, 7, 2 * SECOND);
	assert_int_equal(pipeline_reconfigure(p, other), 0);
	config_free(c);
	sched(p, 7, 3 * SECOND);
	sched(p, 7, 4 * SECOND);
	assert_true(json_has(p, "\"tenant\":\"shop\",\"workflow\":\"unattributed\","
				"\"container\":\"/tenants.slice-shop\",\"cpu_ns\":5,"));
	assert_true(json_has(p, "\"tenant\":\"new\",\"workflow\":\"unattributed\","
				"\"container\":\"/tenants.slice-shop\",\"cpu_ns\":10,"));
	pipeline_free(p);
	config_free(other);
}

static void clearing_starts_a_new_span(void **state)
{
	struct config *c = config_of("");
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });

	(void)state;
	sched(p, 1, 10 * SECOND);
	sched(p, 1, 12 * SECOND);
	sched(p, 1, 11 * SECOND); /* late, changes nothing */
	assert_int_equal(pipeline_span_ns(p), 2 * SECOND);
	assert_int_equal(pipeline_now_ns(p), 12 * SECOND);
	pipeline_clear(p);
	assert_int_equal(pipeline_span_ns(p), 0);
	assert_false(json_has(p, "cpu_ns"));
	sched(p, 1, 13 * SECOND);
	assert_int_equal(pipeline_span_ns(p), SECOND);
	assert_true(json_has(p, "\"cpu_ns\":5"));
	pipeline_free(p);
	config_free(c);
}

/* A hostile recording's times and sizes. */
static void nonsense_is_counted_only(void **state)
{
	struct config *c = config_of("");
	struct pipeline *p = pipeline_new(&(struct pipeline_config){ .config = c });
	struct rec_cgroup liar = { .hdr = { REC_CGROUP, sizeof(liar), 0, UINT64_MAX },
				   .cgroup = 1,
				   .change = CGROUP_PRESENT,
				   .path_len = 60000 };

	(void)state;
	pipeline_record(p, &liar, sizeof(liar));
	pipeline_record(p, &liar, 7);
	cgroup_removed(p, 99, 5);
	sched(p, 1, 0);
	assert_int_equal(pipeline_counts(p).decode.bad_records, 2);
	assert_int_equal(pipeline_counts(p).records, 4);
	pipeline_free(p);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_get_their_owner),
		cmocka_unit_test(a_replay_gives_the_same),
		cmocka_unit_test(containers_end_by_the_records_time),
		cmocka_unit_test(a_shared_label_stays),
		cmocka_unit_test(a_path_that_comes_late_counts_from_then),
		cmocka_unit_test(rules_can_be_exchanged),
		cmocka_unit_test(clearing_starts_a_new_span),
		cmocka_unit_test(nonsense_is_counted_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
