/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections and listening sockets in the aggregation: sums are exact at any limit, labels are never
 * repeated, series of either end that is gone are dropped, exporters print what was counted, and records
 * that no kernel would write are refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/agg_world.h"
#include "user/decode.h"
#include "user/export_json.h"
#include "user/export_prom.h"
#include "user/export_table.h"
#include "user/net_names.h"

static struct owner owner_of(struct world *w, const char *tenant, const char *container)
{
	return (struct owner){ .tenant = intern_id(w->names, str_of(tenant)),
			       .container = intern_id(w->names, str_of(container)) };
}

/* Three connections opened in 3 ms together, one closed in order; two failed. */
static struct rec_net some(enum role role, enum net_peer peer)
{
	struct rec_net r = { .hdr = { .kind = REC_NET, .len = sizeof(r) },
			     .cgroup = 7,
			     .role = role,
			     .peer_kind = peer };

	r.n.opened = 3;
	r.n.closed[NET_END_LOCAL] = 1;
	r.n.failed[NET_FAILED_REFUSED] = 2;
	r.n.connect_ns = 3000000;
	r.n.bytes[NET_SENT] = 100;
	r.n.resent[NET_RESEND_FAST] = 5;
	r.n.stall_ns[NET_STALL_MAX - 1] = 4000000;
	r.n.rtt_ns = 50000;
	r.n.rtt_min_ns = 40000;
	r.connects[20] = 3;
	r.rtt[11] = 1;
	return r;
}

static void add(struct world *w, struct owner owner, struct owner peer, enum net_peer kind)
{
	struct rec_net r = some(ROLE_CLIENT, kind);

	assert_int_equal(agg_net(w->agg, owner, peer, &r), 0);
}

static void listener(struct world *w, struct owner owner, uint64_t time_ns, uint32_t backlog,
		     uint32_t limit, uint64_t drops)
{
	struct rec_listener r = { .hdr = { .time_ns = time_ns },
				  .backlog = backlog,
				  .limit = limit,
				  .drops = drops,
				  .port = 80 };

	assert_int_equal(agg_listener(w->agg, owner, &r), 0);
}

static void rows_are_added_up(void **state)
{
	struct world w = world_new(100);
	struct owner a = owner_of(&w, "acme", "/a"), b = owner_of(&w, "globex", "/b"), none = { 0 };
	const struct agg_net_row *row;

	(void)state;
	add(&w, a, b, NET_PEER_NODE);
	add(&w, a, b, NET_PEER_NODE);
	add(&w, a, none, NET_PEER_PUBLIC);
	/* What is said of a peer that is not on this node is no label. */
	add(&w, a, b, NET_PEER_PUBLIC);
	/* Nobody's, and one that is called as nobody's are. */
	add(&w, owner_of(&w, "", "/c"), none, NET_PEER_LINK);
	add(&w, owner_of(&w, "unattributed", "/c"), none, NET_PEER_LINK);
	world_view(&w);
	assert_int_equal(w.view->nnets, 3);
	row = &w.view->nets[0];
	assert_string_equal(row->container, "/a");
	assert_string_equal(row->peer_tenant, "");
	assert_string_equal(row->peer, "public");
	assert_int_equal(row->n.opened, 6);
	row = &w.view->nets[1];
	assert_string_equal(row->peer_tenant, "globex");
	assert_string_equal(row->peer, "/b");
	assert_int_equal(row->n.opened, 6);
	assert_int_equal(net_open(&row->n), 4);
	assert_int_equal(row->n.stall_ns[NET_STALL_MAX - 1], 8000000);
	assert_int_equal(row->n.rtt_min_ns, 80000);
	assert_int_equal(row->connects.count, 6);
	assert_int_equal((long)row->connects.sum_ns, 6000000);
	assert_int_equal((long)row->rtt.sum_ns, 100000);
	row = &w.view->nets[2];
	assert_string_equal(row->tenant, "unattributed");
	assert_int_equal(row->n.failed[NET_FAILED_REFUSED], 4);
	assert_int_equal(row->connects.count, 6);
	world_free(&w);
}

static void overflow_is_exact(void **state)
{
	struct world w = world_new(4);
	uint64_t opened = 0, drops = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct owner o;

		snprintf(name, sizeof(name), "/c%d", i);
		o = owner_of(&w, "t", name);
		add(&w, o, o, NET_PEER_NODE);
		listener(&w, o, 1, 1, 10, 2);
	}
	world_view(&w);
	assert_int_equal(agg_series_count(w.agg), 4);
	assert_int_equal(w.view->nnets + w.view->nlisteners, 6);
	for (size_t i = 0; i < w.view->nnets; i++)
		opened += w.view->nets[i].n.opened;
	for (size_t i = 0; i < w.view->nlisteners; i++)
		drops += w.view->listeners[i].drops;
	assert_int_equal(opened, 60);
	assert_int_equal(drops, 40);
	agg_clear(w.agg);
	world_view(&w);
	assert_int_equal(w.view->nnets + w.view->nlisteners, 0);
	assert_int_equal(agg_series_count(w.agg), 0);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(100);
	struct owner gone = owner_of(&w, "acme", "/gone"), stays = owner_of(&w, "acme", "/stays");

	(void)state;
	add(&w, gone, stays, NET_PEER_NODE);
	add(&w, stays, gone, NET_PEER_NODE);
	add(&w, stays, stays, NET_PEER_NODE);
	listener(&w, gone, 1, 1, 10, 0);
	listener(&w, stays, 1, 1, 10, 0);
	agg_forget_container(w.agg, gone.container, 0);
	add(&w, stays, gone, NET_PEER_NODE); /* it renews the grace */
	assert_int_equal(agg_expire(w.agg, 1500), 0);
	agg_expire(w.agg, 5000);
	assert_int_equal(agg_series_count(w.agg), 2);
	world_view(&w);
	assert_int_equal(w.view->nnets, 1);
	assert_string_equal(w.view->nets[0].peer, "/stays");
	assert_int_equal(w.view->nlisteners, 1);
	assert_string_equal(w.view->listeners[0].container, "/stays");
	world_free(&w);
}

static void the_fullest_queue_is_shown(void **state)
{
	struct world w = world_new(100);
	struct owner o = owner_of(&w, "acme", "/a");
	const struct agg_listener_row *row;

	(void)state;
	listener(&w, o, 1, 50, 1000, 1);
	listener(&w, o, 1, 4, 5, 1);
	listener(&w, o, 1, 100, 1000, 1);
	world_view(&w);
	assert_int_equal(w.view->nlisteners, 1);
	row = &w.view->listeners[0];
	assert_int_equal(row->sockets, 3);
	assert_int_equal(row->backlog, 4);
	assert_int_equal(row->limit, 5);
	assert_int_equal(row->drops, 3);
	/* A second later it is what is read then; what was dropped stays. */
	listener(&w, o, 2, 1, 1000, 0);
	world_view(&w);
	row = &w.view->listeners[0];
	assert_int_equal(row->sockets, 1);
	assert_int_equal(row->backlog, 1);
	assert_int_equal(row->drops, 3);
	/* Others listen still, this one does not. */
	listener(&w, owner_of(&w, "acme", "/b"), 3, 0, 7, 0);
	world_view(&w);
	row = &w.view->listeners[0];
	assert_int_equal(row->sockets, 0);
	assert_int_equal(row->limit, 0);
	assert_int_equal(row->drops, 3);
	world_free(&w);
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

#define LABELS \
	"role=\"client\",tenant=\"acme\",container=\"/a\",peer_tenant=\"globex\",peer=\"/b\"} "

/* Three accepted after 3 ms together, on one port; at another time some waited. */
static void accept_waits_are_told(void **state)
{
	struct world w = world_new(100);
	struct owner o = owner_of(&w, "acme", "/a");
	struct rec_accept r = { .hdr = { .time_ns = 1 }, .waiting = 2, .oldest_ns = 5, .port = 80 };

	(void)state;
	listener(&w, o, 1, 2, 10, 0);
	agg_accept(w.agg, o, &r);
	r = (struct rec_accept){ .hdr = { .time_ns = 1 }, .wait_ns = 3000000, .port = 80 };
	r.waits[20] = 3;
	agg_accept(w.agg, o, &r);
	world_view(&w);
	assert_int_equal(w.view->nlisteners, 1);
	assert_int_equal(w.view->listeners[0].waiting, 2);
	assert_int_equal(w.view->listeners[0].oldest_ns, 5);
	assert_int_equal(w.view->listeners[0].waits.count, 3);
	listener(&w, o, 2, 0, 10, 0); /* and now they are accepted */
	world_view(&w);
	assert_int_equal(w.view->listeners[0].waiting, 0);
	assert_int_equal(w.view->listeners[0].oldest_ns, 0);
	assert_int_equal((long)w.view->listeners[0].waits.sum_ns, 3000000);
	world_free(&w);
}

static void exports_say_so(void **state)
{
	struct world w = world_new(100);
	struct export_info info = { .version = "1", .libbpf = "1", .abi = "1" };
	struct export_buf b = { 0 };
	char *json = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&json, &len);

	(void)state;
	add(&w, owner_of(&w, "acme", "/a"), owner_of(&w, "globex", "/b"), NET_PEER_NODE);
	listener(&w, owner_of(&w, "globex", "/b"), 1, 4, 5, 6);
	world_view(&w);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_TEXT), 0);
	export_buf_put(&b, "", 1);
	assert_has(b.s, "tallyman_network_connections_total{" LABELS "3\n");
	assert_has(b.s, "tallyman_network_open_connections{" LABELS "2\n");
	assert_has(b.s, "tallyman_network_connect_failures_total{reason=\"refused\"," LABELS "2\n");
	assert_has(b.s, "tallyman_network_bytes_total{direction=\"sent\"," LABELS "100\n");
	assert_has(b.s,
		   "tallyman_network_retransmitted_segments_total{cause=\"fast\"," LABELS "5\n");
	assert_has(b.s, "tallyman_network_connect_seconds_sum{" LABELS "0.003\n");
	assert_has(b.s, "tallyman_network_rtt_seconds_count{" LABELS "1\n");
	assert_has(b.s, "tallyman_network_listen_backlog{tenant=\"globex\",container=\"/b\","
			"port=\"80\"} 4\n");
	assert_has(b.s, "tallyman_network_listen_drops_total{tenant=\"globex\",container=\"/b\","
			"port=\"80\"} 6\n");
	assert_int_equal(export_json_write(f, w.view), 0);
	fclose(f);
	assert_has(json, "{\"kind\":\"network\",\"role\":\"client\",\"tenant\":\"acme\","
			 "\"container\":\"/a\",\"peer_tenant\":\"globex\",\"peer\":\"/b\","
			 "\"opened\":3,\"opened_before\":0,\"open\":2,\"failed_refused\":2,");
	assert_has(json, "{\"kind\":\"listener\",\"tenant\":\"globex\",\"container\":\"/b\","
			 "\"port\":80,\"sockets\":1,\"backlog\":4,\"limit\":5,\"drops\":6,");
	free(b.s);
	free(json);
	world_free(&w);
}

static void take(void *ctx, const struct event *ev)
{
	unsigned int *n = ctx;

	*n += ev->kind == EVENT_NET || ev->kind == EVENT_LISTENER;
}

static void no_kernel_wrote_it(void **state)
{
	static const char *const no_keys[] = { NULL };
	struct decode *d = decode_new(&(struct decode_config){ .comment_keys = no_keys });
	struct rec_listener l = { .hdr = { .kind = REC_LISTENER, .len = sizeof(l) } };
	struct rec_net r = some(ROLE_MAX - 1, NET_PEER_MAX - 1);
	unsigned int events = 0;

	(void)state;
	assert_non_null(d);
	assert_int_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	assert_int_equal(decode_record(d, &l, sizeof(l), take, &events), 0);
	assert_int_equal(events, 2);
	r.role = ROLE_MAX;
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	r = some(ROLE_CLIENT, NET_PEER_MAX);
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	r = some(ROLE_CLIENT, NET_PEER_LINK);
	assert_int_not_equal(decode_record(d, &r, sizeof(r) - 1, take, &events), 0);
	l.hdr.len--;
	assert_int_not_equal(decode_record(d, &l, sizeof(l), take, &events), 0);
	assert_int_equal(events, 2);
	decode_free(d);
}

/* A watch has one row for a container, whoever its peers are. */
static void a_watch_adds_up_containers(void **state)
{
	const struct table_options options = { .seconds = 1 };
	struct world w = world_new(100);
	struct owner a = owner_of(&w, "acme", "/a"), none = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	add(&w, a, owner_of(&w, "globex", "/b"), NET_PEER_NODE);
	add(&w, a, none, NET_PEER_PUBLIC);
	add(&w, owner_of(&w, "globex", "/b"), none, NET_PEER_PUBLIC);
	world_view(&w);
	assert_int_equal(export_table_write(f, w.view, &options), 0);
	fclose(f);
	assert_has(text, "TENANT  CONTAINER  CONNECTED  CLOSED  FAILED  RESENT  RESETS  RTT P50");
	assert_has(text, "\nacme    /a                 6       2       4      10       0  ");
	assert_has(text, "\nglobex  /b                 3       1       2       5       0  ");
	free(text);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_added_up),
		cmocka_unit_test(overflow_is_exact),
		cmocka_unit_test(gone_are_dropped),
		cmocka_unit_test(the_fullest_queue_is_shown),
		cmocka_unit_test(accept_waits_are_told),
		cmocka_unit_test(exports_say_so),
		cmocka_unit_test(a_watch_adds_up_containers),
		cmocka_unit_test(no_kernel_wrote_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
