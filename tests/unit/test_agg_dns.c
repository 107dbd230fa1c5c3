/* SPDX-License-Identifier: Apache-2.0 */
/* DNS in the aggregation: sums are exact at any limit, containers that are gone go, exporters say it. */
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

static struct owner owner_of(struct world *w, const char *container)
{
	return (struct owner){ .tenant = intern_id(w->names, STR("acme")),
			       .container = intern_id(w->names, str_of(container)) };
}

/* Five asked: three answered after 3 ms together, one not at all, one is open. */
static void add(struct world *w, const char *container)
{
	struct rec_dns r = { .n = { .queries = 5, .retried = 2, .timeouts = 1 },
			     .wait_ns = 3000000 };

	r.n.answers[DNS_NOERROR] = 1;
	r.n.answers[DNS_NXDOMAIN] = 2;
	r.waits[20] = 3;
	assert_int_equal(agg_dns(w->agg, owner_of(w, container), &r), 0);
}

static void sums_are_exact(void **state)
{
	struct world w = world_new(3);
	uint64_t queries = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "/c%d", i);
		add(&w, name);
	}
	world_view(&w);
	assert_int_equal(w.view->ndns, 4);
	for (size_t i = 0; i < w.view->ndns; i++)
		queries += w.view->dns[i].n.queries;
	assert_int_equal(queries, 50);
	agg_clear(w.agg);
	world_view(&w);
	assert_int_equal(w.view->ndns, 0);
	world_free(&w);
}

static void gone_are_dropped(void **state)
{
	struct world w = world_new(100);

	(void)state;
	add(&w, "/gone");
	add(&w, "/stays");
	agg_forget_container(w.agg, owner_of(&w, "/gone").container, 0);
	agg_expire(w.agg, 5000);
	world_view(&w);
	assert_int_equal(w.view->ndns, 1);
	assert_string_equal(w.view->dns[0].container, "/stays");
	world_free(&w);
}

static void exports_say_so(void **state)
{
	const struct export_info info = { .version = "1", .libbpf = "1", .abi = "1" };
	struct world w = world_new(100);
	struct export_buf b = { 0 };
	char *json = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&json, &len);

	(void)state;
	add(&w, "/a");
	add(&w, "/a");
	world_view(&w);
	assert_int_equal(export_prom_write(&b, w.view, &info, PROM_OPENMETRICS), 0);
	export_buf_put(&b, "", 1);
	assert_non_null(strstr(b.s, "tallyman_dns_queries_total{tenant=\"acme\",container=\"/a\"} "
				    "10\n"));
	assert_non_null(strstr(b.s,
			       "tallyman_dns_answers_total{answer=\"nxdomain\",tenant=\"acme\","
			       "container=\"/a\"} 4\n"));
	assert_non_null(strstr(b.s, "tallyman_dns_seconds_count{tenant=\"acme\",container=\"/a\"} "
				    "6\n"));
	assert_int_equal(export_json_dns(out, w.view), 0);
	fclose(out);
	assert_non_null(strstr(json, "\"queries\":10,\"retried\":4,\"timeouts\":2,"
				     "\"answers_noerror\":2,"));
	assert_non_null(strstr(json, "\"answers\":6,\"sum_ns\":6000000,"));
	free(b.s);
	free(json);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_exact),
		cmocka_unit_test(gone_are_dropped),
		cmocka_unit_test(exports_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
