/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network's facts by name in the aggregation: sums are exact at any limit, rows with equal labels are
 * one, those of a container that is gone go, exporters print them, and records that no kernel would
 * write are refused.
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

static struct owner owner_of(struct world *w, const char *container)
{
	return (struct owner){ .tenant = intern_id(w->names, STR("acme")),
			       .container = intern_id(w->names, str_of(container)) };
}

static struct rec_named some(enum net_named what, enum net_peer peer, const char *name)
{
	struct rec_named r = { .hdr = { .kind = REC_NAMED, .len = sizeof(r) },
			       .n = { 3 },
			       .what = what,
			       .peer_kind = peer };

	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static void drop(struct world *w, struct owner owner, struct owner peer, const char *reason)
{
	struct rec_named r = some(NET_NAMED_DROPS, NET_PEER_NODE, reason);

	agg_named(w->agg, owner, peer, &r);
}

static void overflow_is_exact(void **state)
{
	struct world w = world_new(4);
	struct owner peer = owner_of(&w, "/p");
	uint64_t packets = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "reason_%d", i);
		drop(&w, peer, peer, name);
	}
	world_view(&w);
	assert_in_range(w.view->nnamed, 2, 65);
	for (size_t i = 0; i < w.view->nnamed; i++)
		packets += w.view->named[i].n[0];
	assert_int_equal(packets, 9000);
	assert_string_equal(w.view->named[0].container, "/p");
	agg_clear(w.agg);
	world_view(&w);
	assert_int_equal(w.view->nnamed, 0);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(1000);
	struct owner gone = owner_of(&w, "/gone"), stays = owner_of(&w, "/stays");

	(void)state;
	drop(&w, gone, stays, "a");
	drop(&w, stays, gone, "a");
	drop(&w, stays, stays, "a");
	agg_forget_container(w.agg, gone.container, 0);
	agg_expire(w.agg, 5000);
	world_view(&w);
	assert_int_equal(w.view->nnamed, 1);
	assert_string_equal(w.view->named[0].peer, "/stays");
	world_free(&w);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("no %s in:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void exports_say_so(void **state)
{
	struct world w = world_new(100);
	struct owner a = owner_of(&w, "/a"), nobody = { 0 };
	struct rec_named r = some(NET_NAMED_WINDOWS, NET_PEER_PUBLIC, "sent");
	struct rec_named s = some(NET_NAMED_SERVICES, NET_PEER_PRIVATE, "10.96.0.10:443");
	const struct export_info info = { .version = "1", .libbpf = "1", .abi = "1" };
	struct export_buf b = { 0 };
	char *json = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&json, &len);

	(void)state;
	drop(&w, a, owner_of(&w, "/b"), "tcp_csum");
	drop(&w, a, owner_of(&w, "/b"), "tcp_csum");
	drop(&w, nobody, nobody, "no_socket");
	agg_named(w.agg, a, nobody, &r);
	agg_named(w.agg, a, nobody, &s);
	world_view(&w);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_OPENMETRICS), 0);
	export_buf_put(&b, "", 1);
	assert_has(b.s,
		   "tallyman_network_dropped_packets_total{reason=\"tcp_csum\",tenant=\"acme\","
		   "container=\"/a\",peer_tenant=\"acme\",peer=\"/b\"} 6\n");
	assert_has(b.s,
		   "tallyman_network_zero_window_samples_total{direction=\"sent\",tenant=\"acme\","
		   "container=\"/a\",peer_tenant=\"\",peer=\"public\"} 3\n");
	assert_int_equal(export_json_net(out, w.view), 0);
	fclose(out);
	assert_has(json, "{\"kind\":\"drops\",\"tenant\":\"unattributed\","
			 "\"container\":\"unattributed\",\"peer_tenant\":\"unattributed\","
			 "\"peer\":\"unattributed\",\"reason\":\"no_socket\",\"packets\":3}");
	assert_has(json, "\"peer\":\"private\",\"service\":\"10.96.0.10:443\",\"opened\":3,"
			 "\"failed\":0}");
	assert_null(strstr(b.s, "10.96.0.10"));
	assert_has(json, "\"direction\":\"sent\",\"samples\":3}");
	free(b.s);
	free(json);
	world_free(&w);
}

static void take(void *ctx, const struct event *ev)
{
	*(unsigned int *)ctx += ev->kind == EVENT_NAMED;
}

static void no_kernel_wrote_it(void **state)
{
	static const char *const no_keys[] = { NULL };
	struct decode *d = decode_new(&(struct decode_config){ .comment_keys = no_keys });
	struct rec_named r = some(NET_NAMED_MAX - 1, NET_PEER_MAX - 1, "x");
	unsigned int events = 0;

	(void)state;
	assert_non_null(d);
	assert_int_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	assert_int_equal(events, 1);
	r.what = NET_NAMED_MAX;
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	r = some(NET_NAMED_DROPS, NET_PEER_MAX, "x");
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	r = some(NET_NAMED_DROPS, NET_PEER_LINK, "");
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	r = some(NET_NAMED_DROPS, NET_PEER_LINK, "x");
	memset(r.name, 'x', sizeof(r.name));
	assert_int_not_equal(decode_record(d, &r, sizeof(r), take, &events), 0);
	assert_int_equal(events, 1);
	decode_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overflow_is_exact),
		cmocka_unit_test(gone_are_dropped),
		cmocka_unit_test(exports_say_so),
		cmocka_unit_test(no_kernel_wrote_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
