/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O and memory stalls in the aggregation: sums are exact at any limit, labels are never repeated,
 * the gone are dropped, and exporters print what was counted.
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
#include "user/export_json.h"
#include "user/export_prom.h"

static struct owner owner_of(struct world *w, const char *tenant, const char *workflow,
			     const char *container)
{
	return (struct owner){ intern_id(w->names, str_of(tenant)),
			       intern_id(w->names, str_of(workflow)),
			       intern_id(w->names, str_of(container)) };
}

/* One write of 4 KiB: 1 ms queued, 2 ms on the device. */
static void write_one(struct world *w, struct owner o, uint32_t device)
{
	struct rec_io r = { .device = device, .queue_ns = 1000000, .device_ns = 2000000 };

	r.requests[IO_WRITE] = 1;
	r.bytes[IO_WRITE] = 4096;
	r.buckets[23] = 1;
	assert_int_equal(agg_io(w->agg, o, &r), 0);
}

static void stall_one(struct world *w, struct owner o)
{
	const struct rec_memory r = { .limit_ns = 500, .limits = 1, .pages = 32, .oom_kills = 2 };

	assert_int_equal(agg_mem(w->agg, o, &r), 0);
}

static void rows_are_added_up(void **state)
{
	struct world w = world_new(100);
	const struct agg_disk_row *row;

	(void)state;
	write_one(&w, owner_of(&w, "acme", "", "/a"), 8 << 20 | 16);
	write_one(&w, owner_of(&w, "acme", "billing", "/a"), 8 << 20 | 16);
	write_one(&w, owner_of(&w, "acme", "", "/a"), 8 << 20);
	/* Nobody's, and one that is called as nobody's are. */
	write_one(&w, owner_of(&w, "", "", "/b"), 8 << 20);
	write_one(&w, owner_of(&w, "unattributed", "", "/b"), 8 << 20);
	world_view(&w);
	assert_int_equal(w.view->ndisks, 3);
	row = &w.view->disks[1];
	assert_string_equal(row->device, "8:16");
	assert_int_equal(row->requests[IO_WRITE], 2);
	assert_int_equal(row->bytes[IO_WRITE], 8192);
	assert_int_equal(row->queue_ns, 2000000);
	assert_int_equal(row->device_ns, 4000000);
	assert_int_equal(row->time.count, 2);
	assert_int_equal((long)row->time.sum_ns, 6000000);
	row = &w.view->disks[2];
	assert_string_equal(row->tenant, "unattributed");
	assert_int_equal(row->requests[IO_WRITE], 2);
	assert_int_equal(row->time.count, 2);
	world_free(&w);
}

static void overflow_is_exact(void **state)
{
	struct world w = world_new(4);
	uint64_t writes = 0, kills = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/c%d", i);
		write_one(&w, owner_of(&w, "t", "", name), 8 << 20);
		stall_one(&w, owner_of(&w, "t", "", name));
	}
	world_view(&w);
	assert_int_equal(agg_series_count(w.agg), 4);
	assert_int_equal(w.view->ndisks + w.view->nmemories, 6);
	for (size_t i = 0; i < w.view->ndisks; i++)
		writes += w.view->disks[i].requests[IO_WRITE];
	for (size_t i = 0; i < w.view->nmemories; i++)
		kills += w.view->memories[i].oom_kills;
	assert_int_equal(writes, 20);
	assert_int_equal(kills, 40);
	agg_clear(w.agg);
	world_view(&w);
	assert_int_equal(w.view->ndisks + w.view->nmemories, 0);
	assert_int_equal(agg_series_count(w.agg), 0);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(100);
	struct owner gone = owner_of(&w, "acme", "", "/gone");

	(void)state;
	write_one(&w, gone, 8 << 20);
	stall_one(&w, gone);
	write_one(&w, owner_of(&w, "acme", "", "/stays"), 8 << 20);
	agg_forget_container(w.agg, gone.container, 0);
	write_one(&w, gone, 8 << 20); /* it renews the grace */
	assert_int_equal(agg_expire(w.agg, 1500), 0);
	assert_int_equal(agg_expire(w.agg, 5000), 2);
	world_view(&w);
	assert_int_equal(w.view->ndisks, 1);
	assert_string_equal(w.view->disks[0].container, "/stays");
	assert_int_equal(w.view->nmemories, 0);
	world_free(&w);
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
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
	write_one(&w, owner_of(&w, "acme", "", "/a"), 259 << 20 | 3);
	stall_one(&w, owner_of(&w, "acme", "", "/a"));
	world_view(&w);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_TEXT), 0);
	export_buf_put(&b, "", 1);
	assert_has(b.s,
		   "tallyman_block_requests_total{op=\"write\",tenant=\"acme\",container=\"/a\","
		   "device=\"259:3\"} 1\n");
	assert_has(b.s, "tallyman_block_queue_seconds_total{tenant=\"acme\",container=\"/a\","
			"device=\"259:3\"} 0.001\n");
	assert_has(b.s, "tallyman_block_seconds_sum{tenant=\"acme\",container=\"/a\","
			"device=\"259:3\"} 0.003\n");
	assert_has(b.s, "tallyman_memory_stalls_total{reason=\"limit\",tenant=\"acme\","
			"container=\"/a\"} 1\n");
	assert_has(b.s, "tallyman_oom_kills_total{tenant=\"acme\",container=\"/a\"} 2\n");
	assert_int_equal(export_json_write(f, w.view), 0);
	fclose(f);
	assert_has(json, "{\"kind\":\"block\",\"tenant\":\"acme\",\"container\":\"/a\","
			 "\"device\":\"259:3\",\"reads\":0,\"writes\":1,");
	assert_has(json, "\"limit_stalls\":1,\"limit_ns\":500,\"pages\":32,\"oom_kills\":2}");
	free(b.s);
	free(json);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_added_up),
		cmocka_unit_test(overflow_is_exact),
		cmocka_unit_test(gone_are_dropped),
		cmocka_unit_test(exports_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
