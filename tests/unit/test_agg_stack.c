/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network stack's time in the aggregation: sums are exact at any limit, what is no container's is the
 * kernel's, the gone are dropped, and exporters print what was counted.
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

static struct owner owner_of(struct world *w, const char *tenant, const char *container)
{
	return (struct owner){ intern_id(w->names, str_of(tenant)), intern_id(w->names, str_of("")),
			       intern_id(w->names, str_of(container)) };
}

static void softirq(struct world *w, struct owner o, uint64_t cgroup)
{
	agg_softirq(w->agg, o,
		    &(struct rec_softirq){ .cgroup = cgroup, .softirq_ns = 3000, .softirqs = 2 });
}

/* A packet that waited for 5 ms. */
static void egress(struct world *w, struct owner o)
{
	struct rec_egress r = { .packets = 1, .wait_ns = 5000000 };

	r.buckets[25] = 1;
	assert_int_equal(agg_egress(w->agg, o, &r), 0);
}

static void rows_are_added_up(void **state)
{
	struct world w = world_new(100);

	(void)state;
	softirq(&w, owner_of(&w, "acme", "/a"), 7);
	softirq(&w, owner_of(&w, "acme", "/a"), 8);
	egress(&w, owner_of(&w, "acme", "/a"));
	/* Of no container: both kinds are told apart. */
	softirq(&w, owner_of(&w, "", ""), 0);
	egress(&w, owner_of(&w, "", ""));
	world_view(&w);
	assert_int_equal(w.view->nstacks, 3);
	assert_string_equal(w.view->stacks[0].tenant, "acme");
	assert_int_equal(w.view->stacks[0].softirq_ns, 6000);
	assert_int_equal(w.view->stacks[0].softirqs, 4);
	assert_int_equal(w.view->stacks[0].packets, 1);
	assert_int_equal(w.view->stacks[0].egress.count, 1);
	assert_string_equal(w.view->stacks[1].container, "kernel");
	assert_int_equal(w.view->stacks[1].softirqs, 2);
	assert_int_equal(w.view->stacks[1].packets, 0);
	assert_string_equal(w.view->stacks[2].container, "unattributed");
	assert_int_equal(w.view->stacks[2].egress_ns, 5000000);
	world_free(&w);
}

static void overflow_is_exact(void **state)
{
	struct world w = world_new(1);

	(void)state;
	softirq(&w, owner_of(&w, "acme", "/a"), 7);
	softirq(&w, owner_of(&w, "globex", "/b"), 8);
	egress(&w, owner_of(&w, "globex", "/b"));
	world_view(&w);
	assert_int_equal(w.view->nstacks, 2);
	assert_string_equal(w.view->stacks[1].container, "other");
	assert_int_equal(w.view->stacks[1].softirq_ns, 3000);
	assert_int_equal(w.view->stacks[1].egress.count, 1);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(100);
	struct owner a = owner_of(&w, "acme", "/a");

	(void)state;
	softirq(&w, a, 7);
	softirq(&w, owner_of(&w, "", ""), 0);
	agg_forget_container(w.agg, a.container, 1);
	agg_expire(w.agg, UINT64_MAX);
	world_view(&w);
	assert_int_equal(w.view->nstacks, 1);
	assert_string_equal(w.view->stacks[0].container, "kernel");
	world_free(&w);
}

static void exports_say_so(void **state)
{
	struct world w = world_new(100);
	struct export_info info = { .version = "1", .libbpf = "1", .abi = "1" };
	struct export_buf b = { 0 };
	char *json, *table;
	size_t size;
	FILE *f;

	(void)state;
	softirq(&w, owner_of(&w, "acme", "/a"), 7);
	egress(&w, owner_of(&w, "acme", "/a"));
	world_view(&w);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_TEXT), 0);
	assert_non_null(strstr(b.s, "tallyman_network_softirq_seconds_total{tenant=\"acme\","
				    "container=\"/a\"} 0.000003"));
	assert_non_null(strstr(b.s, "tallyman_network_egress_seconds_count{tenant=\"acme\","
				    "container=\"/a\"} 1"));
	f = open_memstream(&json, &size);
	assert_int_equal(export_json_stack(f, w.view), 0);
	fclose(f);
	assert_non_null(strstr(json, "{\"kind\":\"stack\",\"tenant\":\"acme\",\"container\":\"/a\","
				     "\"softirqs\":2,\"softirq_ns\":3000,\"queued_packets\":1,"
				     "\"egress_sum_ns\":5000000,"));
	f = open_memstream(&table, &size);
	assert_int_equal(export_table_net(f, w.view, &(struct table_options){ 0 }), 0);
	fclose(f);
	assert_non_null(strstr(
		table, "acme (/a): its packets took 3.00 µs of CPUs in 2 softirqs, 1 packets "
		       "waited 5.00 ms to be sent\n"));
	free(b.s);
	free(json);
	free(table);
	world_free(&w);
}

static void take(void *ctx, const struct event *ev)
{
	unsigned int *n = ctx;

	*n += ev->kind == EVENT_SOFTIRQ || ev->kind == EVENT_EGRESS;
}

static void no_kernel_wrote_it(void **state)
{
	static const char *const no_keys[] = { NULL };
	struct decode *d = decode_new(&(struct decode_config){ .comment_keys = no_keys });
	struct rec_softirq s = { .hdr = { .kind = REC_SOFTIRQ, .len = sizeof(s) } };
	struct rec_egress e = { .hdr = { .kind = REC_EGRESS, .len = sizeof(e) } };
	unsigned int events = 0;

	(void)state;
	assert_non_null(d);
	assert_int_equal(decode_record(d, &s, sizeof(s), take, &events), 0);
	assert_int_equal(decode_record(d, &e, sizeof(e), take, &events), 0);
	assert_int_equal(events, 2);
	assert_int_not_equal(decode_record(d, &s, sizeof(s) - 1, take, &events), 0);
	e.hdr.len--;
	assert_int_not_equal(decode_record(d, &e, sizeof(e), take, &events), 0);
	assert_int_equal(events, 2);
	decode_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_added_up),  cmocka_unit_test(overflow_is_exact),
		cmocka_unit_test(gone_are_dropped),   cmocka_unit_test(exports_say_so),
		cmocka_unit_test(no_kernel_wrote_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
