/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: what stays of a target, what is collapsed, and that a scrubbed target has the same route. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "probes/http/http_route.h"

static const struct {
	const char *target;
	const char *route;
} cases[] = {
	{ "/", "/" },
	{ "/web/login?redirect=/web&token=hunter", "/web/login" },
	{ "/web/dataset/call_kw/stock.picking/action_assign",
	  "/web/dataset/call_kw/stock.picking/action_assign" },
	{ "/web/dataset/call_kw/l10n_de.report/get_lines",
	  "/web/dataset/call_kw/l10n_de.report/get_lines" },
	{ "/api/v2/orders/1001/lines", "/api/v2/orders/*/lines" },
	{ "/api/v12", "/api/v12" },
	{ "/api/v123", "/api/*" },
	{ "/u/7", "/u/*" },
	{ "/u/a12", "/u/*" },
	{ "/oauth2/token", "/oauth2/token" },
	{ "/shop/acoustic-bloc-screens-16", "/shop/*" },
	{ "/f/123e4567-e89b-12d3-a456-426614174000.pdf", "/f/*" },
	{ "/f/deadbeef1", "/f/*" },
	{ "/reset/AbCdEfGhIjKlMnOp", "/reset/*" },
	{ "/reset/aZ3bYq9xWc/", "/reset/*/" },
	{ "/getUserAccountInformation", "/getUserAccountInformation" },
	{ "/who/joe@example.com", "/who/*" },
	{ "/a%20b/c", "/*/c" },
	{ "//x", "//x" },
	{ "/a;jsessionid=hunter", "/*" },
	{ "/a/b/c/d/e/f/g/h/i/j/k/l/m", "/a/b/c/d/e/f/g/h/i/j/*" },
	{ "http://user:pass@shop.example.com:8069/web?x", "/web" },
	{ "HTTPS://shop.example.com/web#top", "/web" },
	{ "http://shop.example.com", "" },
	{ "http://shop?/web", "" },
	{ "*", "" },
	{ "shop.example.com:443", "" },
	{ "", "" },
};

static void routes(void **state)
{
	char out[HTTP_ROUTE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = http_route(out, str_of(cases[i].target), false);

		assert_string_equal(out, cases[i].route);
		assert_int_equal(n, strlen(out));
	}
}

static void a_cut_segment_is_not_told(void **state)
{
	char out[HTTP_ROUTE_MAX + 1];

	(void)state;
	http_route(out, STR("/web/log"), true);
	assert_string_equal(out, "/web/*");
	http_route(out, STR("/web/"), true);
	assert_string_equal(out, "/web/*");
	http_route(out, STR("/web?log"), true);
	assert_string_equal(out, "/web");
}

static void long_paths_are_bounded(void **state)
{
	char target[4096], out[HTTP_ROUTE_MAX + 1];

	(void)state;
	for (size_t len = 1; len < 200; len++) {
		for (size_t i = 0; i < sizeof(target); i++)
			target[i] = i % len ? 'a' : '/';
		assert_in_range(http_route(out, (struct str){ target, sizeof(target) }, false), 1,
				HTTP_ROUTE_MAX);
	}
}

/* A target is scrubbed in two parts, as the records bring them, and then has the route that it had. */
static void scrubbed_alike(void **state)
{
	char text[64], before[HTTP_ROUTE_MAX + 1], after[HTTP_ROUTE_MAX + 1], held[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].target);

		for (size_t part = 0; part <= n; part++) {
			memcpy(text, cases[i].target, n + 1);
			http_route_scrub(text, part, true);
			memcpy(held, text, n + 1);
			http_route_scrub(held, n, false);
			memcpy(text + part, held + part, n - part);
			http_route(before, str_of(cases[i].target), false);
			http_route(after, (struct str){ text, n }, false);
			assert_string_equal(before, after);
			assert_null(strstr(held, "hunter"));
			assert_null(strstr(held, "1001"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(a_cut_segment_is_not_told),
		cmocka_unit_test(long_paths_are_bounded),
		cmocka_unit_test(scrubbed_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
