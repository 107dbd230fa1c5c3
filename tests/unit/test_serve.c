/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger from records to rows: two clients of one Redis server, parts of their requests, and the
 * kernel's waits with the owners that rules give them.
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

#include "user/export_json.h"
#include "user/pipeline.h"

#define MS 1000000ULL
#define WAIT(cause, waiter, occupant)                                                \
	"\"resource\":\"redis\",\"cause\":\"" cause "\",\"waiter_tenant\":\"" waiter \
	"\",\"waiter_workflow\":\"unattributed\",\"occupant_tenant\":\"" occupant "\""

static struct config *config;
static struct pipeline *p;

static int setup(void **state)
{
	static const char rules[] = "tenants: [{match: {cgroup: '/t/{name}'}, name: '{name}'},"
				    " {match: {cgroup: '/t/{name}/*'}, name: '{name}'}]";
	char err[CONFIG_ERR_MAX];

	(void)state;
	if (config_parse(&config, "test", STR(rules), err, sizeof(err)))
		return -1;
	p = pipeline_new(&(struct pipeline_config){ .config = config });
	pipeline_cgroup(p, 11, "/t/acme", 7, 1);
	pipeline_cgroup(p, 12, "/t/globex", 9, 1);
	pipeline_cgroup(p, 13, "/redis", 6, 1);
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

	pipeline_finish(p);
	assert_int_equal(pipeline_view(p, &v), 0);
	assert_int_equal(export_json_write(out, v), 0);
	agg_view_free(v);
	fclose(out);
	if (!strstr(text, part) == wanted)
		fail_msg("%s\n%s", part, text);
	free(text);
}

/* Connection n: its server's end is 2 n, its client's 2 n + 1 in that cgroup. */
static void connect_to(uint64_t n, uint64_t cgroup)
{
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
			      .conn = 2 * n,
			      .peer_conn = 2 * n + 1,
			      .cgroup = 13,
			      .pid = 600,
			      .family = CONN_UNIX,
			      .role = ROLE_SERVER,
			      .protocol = PROTO_REDIS };

	pipeline_record(p, &r, sizeof(r));
	r.conn = 2 * n + 1;
	r.peer_conn = 2 * n;
	r.cgroup = cgroup;
	r.pid = 700 + n;
	r.role = ROLE_CLIENT;
	pipeline_record(p, &r, sizeof(r));
}

/* Both ends' nth request of connection n: "PING\r\n". */
static void ask(uint64_t n, uint32_t seq, uint64_t arrival_ns, uint64_t read_ns)
{
	union {
		struct rec_request r;
		char bytes[sizeof(struct rec_request) + 8];
	} u = { .r = { .hdr = { REC_REQUEST, sizeof(struct rec_request) + 6, 0, read_ns },
		       .conn = 2 * n,
		       .arrival_ns = arrival_ns,
		       .pos = 6 * seq,
		       .seq = seq,
		       .requests = 1,
		       .text_len = 6,
		       .role = ROLE_SERVER,
		       .protocol = PROTO_REDIS,
		       .phase = PHASE_READY } };

	memcpy(u.r.text, "PING\r\n", 6);
	pipeline_record(p, &u, u.r.hdr.len);
}

static bool followed = true; /* the thread that answers */

static void reply(uint64_t n, uint32_t seq, uint64_t time_ns)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, time_ns },
			       .conn = 2 * n,
			       .first_ns = time_ns,
			       .pos = 7 * (seq + 1),
			       .seq = seq,
			       .count = 1,
			       .reply_bytes = 7,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_REDIS,
			       .flags = followed ? REPLY_FOLLOWED : 0 };

	pipeline_record(p, &r, REC_REPLY_FIXED);
}

static void parts(uint64_t n, uint32_t seq, uint64_t block_ns)
{
	struct rec_parts r = { .hdr = { REC_PARTS, sizeof(r), 0, 1 }, .conn = 2 * n, .seq = seq };

	r.parts[PART_BLOCK] = block_ns;
	pipeline_record(p, &r, sizeof(r));
}

/* Globex comes while acme is served, is read after it, and read together with acme the next time. */
static void a_neighbour_is_charged(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	followed = false;
	ask(1, 0, 10 * MS, 10 * MS);
	reply(1, 0, 60 * MS);
	ask(2, 0, 20 * MS, 61 * MS);
	reply(2, 0, 62 * MS);
	followed = true;
	has(WAIT("neighbour", "globex", "acme") ",\"occupant_workflow\":\"unattributed\","
						"\"wait_ns\":40000000,\"waits\":1}",
	    true);
	has(WAIT("idle", "globex", "") ",\"occupant_workflow\":\"\",\"wait_ns\":1000000,", true);
	has(WAIT("neighbour", "acme", "globex"), false);
	has("\"kind\":\"parts\"", false); /* the kernel did not follow the thread */
}

/* Read first and answered last: it waits for who was read after it. */
static void a_reply_that_is_kept_waiting(void **state)
{
	(void)state;
	connect_to(1, 11);
	connect_to(2, 12);
	ask(2, 0, 10 * MS, 10 * MS);
	ask(1, 0, 11 * MS, 11 * MS);
	reply(2, 0, 61 * MS);
	reply(1, 0, 61 * MS + 10);
	has(WAIT("neighbour", "globex", "acme") ",\"occupant_workflow\":\"unattributed\","
						"\"wait_ns\":50000000,\"waits\":1}",
	    true);
	has(WAIT("neighbour", "acme", "globex"), false);
}

static void parts_come_before_their_reply(void **state)
{
	(void)state;
	connect_to(1, 11);
	ask(1, 0, 10 * MS, 12 * MS);
	parts(1, 0, 3 * MS);
	reply(1, 0, 20 * MS);
	ask(1, 1, 30 * MS, 30 * MS);
	parts(1, 7, 3 * MS); /* of another request */
	reply(1, 1, 31 * MS);
	parts(9, 0, 1);	  /* of nobody */
	followed = false; /* where its time went is not known */
	ask(1, 2, 40 * MS, 41 * MS);
	reply(1, 2, 50 * MS);
	followed = true;
	has("\"kind\":\"parts\",\"tenant\":\"acme\",\"workflow\":\"unattributed\",\"protocol\":"
	    "\"redis\",\"operation\":\"PING\",\"count\":2,\"parts_ns\":{\"queue\":2000000,"
	    "\"cpu\":6000000,\"run_queue_neighbour\":0,\"run_queue_self\":0,\"run_queue_idle\":0,"
	    "\"run_queue_kernel\":0,\"run_queue_quota\":0,\"run_queue_unknown\":0,"
	    "\"block\":3000000,",
	    true);
}

static void cpu_wait(struct rec_owner waiter, struct rec_owner occupant, uint64_t ns)
{
	struct rec_wait r = { .hdr = { REC_WAIT, sizeof(r), 0, 1 },
			      .waiter = waiter,
			      .occupant = occupant,
			      .wait_ns = ns,
			      .waits = 1,
			      .cause = WAIT_NEIGHBOUR };

	pipeline_record(p, &r, sizeof(r));
}

/* A payer's tenant it is; what turns out to be one container is no neighbour. */
static void owners_of_the_kernel(void **state)
{
	static const char pod[] = "/docker/0123456789abcdef0123456789abcdef0123456789abcdef"
				  "0123456789abcdef";
	char below[128];

	(void)state;
	snprintf(below, sizeof(below), "%s/init", pod);
	pipeline_cgroup(p, 21, pod, strlen(pod), 1);
	pipeline_cgroup(p, 22, below, strlen(below), 1);
	cpu_wait((struct rec_owner){ 13, 11 }, (struct rec_owner){ 13, 12 }, 5);
	cpu_wait((struct rec_owner){ 21, 0 }, (struct rec_owner){ 22, 0 }, 7);
	cpu_wait((struct rec_owner){ 98, 0 }, (struct rec_owner){ 99, 0 }, 9);
	has("\"resource\":\"cpu\",\"cause\":\"neighbour\",\"waiter_tenant\":\"acme\","
	    "\"waiter_workflow\":\"unattributed\",\"occupant_tenant\":\"globex\","
	    "\"occupant_workflow\":\"unattributed\",\"wait_ns\":5,\"waits\":1}",
	    true);
	has("\"cause\":\"self\",\"waiter_tenant\":\"unattributed\",\"waiter_workflow\":"
	    "\"unattributed\",\"occupant_tenant\":\"unattributed\",\"occupant_workflow\":"
	    "\"unattributed\",\"wait_ns\":7,",
	    true);
	has("\"cause\":\"neighbour\",\"waiter_tenant\":\"unattributed\",\"waiter_workflow\":"
	    "\"unattributed\",\"occupant_tenant\":\"unattributed\",\"occupant_workflow\":"
	    "\"unattributed\",\"wait_ns\":9,",
	    true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_neighbour_is_charged),
		T(a_reply_that_is_kept_waiting),
		T(parts_come_before_their_reply),
		T(owners_of_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
