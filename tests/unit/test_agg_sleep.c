/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's wait events in the aggregation: sums are exact at any limit, two versions' numbers of one
 * event are one row, the gone are dropped, and exporters print what was counted.
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

#define TRANSACTIONID(major) (0x03000005U | (uint32_t)(major) << 16)

static struct owner owner_of(struct world *w, const char *tenant, const char *container)
{
	return (struct owner){ intern_id(w->names, str_of(tenant)), 0,
			       intern_id(w->names, str_of(container)) };
}

static void sleep_one(struct world *w, struct owner o, uint32_t pg_event)
{
	const struct rec_event r = {
		.sleep_ns = 2000000000, .run_queue_ns = 500000000, .sleeps = 3, .pg_event = pg_event
	};

	agg_sleep(w->agg, o, &r);
}

static void versions_are_one_row(void **state)
{
	struct world w = world_new(100);

	(void)state;
	for (int major = 13; major <= 18; major++)
		sleep_one(&w, owner_of(&w, "acme", "/pg"), TRANSACTIONID(major));
	sleep_one(&w, owner_of(&w, "acme", "/pg"), 0x06110000);
	sleep_one(&w, owner_of(&w, "", "/pg"), TRANSACTIONID(15));
	world_view(&w);
	assert_int_equal(agg_series_count(w.agg), 8);
	assert_int_equal(w.view->nsleeps, 3);
	assert_string_equal(w.view->sleeps[0].wait_event_type, "Client");
	assert_string_equal(w.view->sleeps[0].wait_event.s, "ClientRead");
	assert_string_equal(w.view->sleeps[1].wait_event.s, "transactionid");
	assert_int_equal(w.view->sleeps[1].wait_ns, 6 * 2500000000);
	assert_int_equal(w.view->sleeps[1].run_queue_ns, 6 * 500000000L);
	assert_int_equal(w.view->sleeps[1].sleeps, 18);
	assert_string_equal(w.view->sleeps[2].tenant, "unattributed");
	world_free(&w);
}

static void overflow_is_exact(void **state)
{
	struct world w = world_new(4);
	uint64_t sleeps = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/c%d", i);
		sleep_one(&w, owner_of(&w, "t", name), TRANSACTIONID(15));
	}
	world_view(&w);
	assert_int_equal(agg_series_count(w.agg), 4);
	assert_int_equal(w.view->nsleeps, 5);
	for (size_t i = 0; i < w.view->nsleeps; i++)
		sleeps += w.view->sleeps[i].sleeps;
	assert_int_equal(sleeps, 60);
	assert_string_equal(w.view->sleeps[4].tenant, "other");
	assert_string_equal(w.view->sleeps[4].wait_event.s, "other");
	agg_clear(w.agg);
	world_view(&w);
	assert_int_equal(w.view->nsleeps, 0);
	assert_int_equal(agg_series_count(w.agg), 0);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(100);
	struct owner gone = owner_of(&w, "acme", "/gone");

	(void)state;
	sleep_one(&w, gone, TRANSACTIONID(15));
	sleep_one(&w, owner_of(&w, "acme", "/stays"), TRANSACTIONID(15));
	agg_forget_container(w.agg, gone.container, 0);
	sleep_one(&w, gone, TRANSACTIONID(15)); /* it renews the grace */
	assert_int_equal(agg_expire(w.agg, 1500), 0);
	assert_int_equal(agg_expire(w.agg, 5000), 1);
	world_view(&w);
	assert_int_equal(w.view->nsleeps, 1);
	assert_string_equal(w.view->sleeps[0].container, "/stays");
	world_free(&w);
}

static void exporters_print_them(void **state)
{
	const struct export_info info = { .version = "1", .libbpf = "1", .abi = "1" };
	struct world w = world_new(100);
	struct export_buf b = { 0 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	sleep_one(&w, owner_of(&w, "acme", "/pg"), TRANSACTIONID(15));
	world_view(&w);
	assert_int_equal(export_json_write(out, w.view), 0);
	fclose(out);
	assert_non_null(strstr(text, "{\"kind\":\"sleeps\",\"wait_event_type\":\"Lock\","
				     "\"wait_event\":\"transactionid\",\"tenant\":\"acme\","
				     "\"container\":\"/pg\",\"wait_ns\":2500000000,"
				     "\"run_queue_ns\":500000000,\"waits\":3}\n"));
	free(text);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_TEXT), 0);
	assert_non_null(strstr(b.s, "tallyman_postgresql_wait_seconds_total{wait_event_type="
				    "\"Lock\",wait_event=\"transactionid\",tenant=\"acme\","
				    "container=\"/pg\"} 2.5"));
	assert_non_null(strstr(b.s, "tallyman_postgresql_waits_total{wait_event_type=\"Lock\","
				    "wait_event=\"transactionid\",tenant=\"acme\","
				    "container=\"/pg\"} 3\n"));
	free(b.s);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_one_row),
		cmocka_unit_test(overflow_is_exact),
		cmocka_unit_test(gone_are_dropped),
		cmocka_unit_test(exporters_print_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
