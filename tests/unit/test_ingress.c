/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies are told by their process' name; what they served and what they asked add up, whatever finds room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "user/ingress.h"
#include "user/lib/intern.h"
#include "user/trips.h"

static const struct statement http = { .protocol = PROTO_HTTP },
			      redis = { .protocol = PROTO_REDIS };

static void request(struct ingress *g, const char *process, enum role role, uint32_t container,
		    uint32_t peer, uint16_t port, const char *outcome)
{
	const struct subject subject = { .process = process };
	const struct event_request r = { .role = role,
					 .subject = &subject,
					 .statement = &http,
					 .outcome = outcome,
					 .queue_ns = 1,
					 .service_ns = 2,
					 .port = port };

	ingress_request(g, (struct owner){ .container = container }, peer, &r);
}

static void proxies_are_told_by_name(void **state)
{
	const struct subject subject = { .process = "nginx" };
	const struct event_request other = {
		.role = ROLE_SERVER, .subject = &subject, .statement = &redis, .outcome = "ok"
	};
	const struct event_unanswered left = {
		.subject = &subject, .protocol = PROTO_HTTP, .port = 8080, .requests = 2
	};
	struct intern *names = intern_new(16);
	struct ingress *g = ingress_new(16);
	uint32_t edge = intern_id(names, STR("/edge")), app = intern_id(names, STR("/app"));
	struct ingress_row *rows;
	size_t n;

	(void)state;
	request(g, "nginx", ROLE_SERVER, edge, app, 80, "ok");
	request(g, "nginx", ROLE_SERVER, edge, edge, 80, "5xx"); /* whoever asks */
	request(g, "nginx", ROLE_CLIENT, edge, app, 8080, "5xx");
	request(g, "nginx", ROLE_CLIENT, edge, app, 8080, "error");
	request(g, "wrk:worker_3", ROLE_SERVER, edge, app, 443, "4xx");
	request(g, "nginx-agent", ROLE_SERVER, edge, app, 80, "ok");
	request(g, "", ROLE_SERVER, edge, app, 80, "ok");
	ingress_request(g, (struct owner){ .container = edge }, app, &other);
	ingress_unanswered(g, (struct owner){ .container = edge }, app, &left);
	assert_int_equal(ingress_read(g, names, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(rows[0].proxy, "envoy");
	assert_int_equal(rows[0].requests[INGRESS_4XX], 1);
	assert_string_equal(rows[1].container, "/edge");
	assert_string_equal(rows[1].peer, "");
	assert_int_equal(rows[1].port, 80);
	assert_int_equal(rows[1].requests[INGRESS_OK], 1);
	assert_int_equal(rows[1].requests[INGRESS_5XX], 1);
	assert_int_equal(rows[1].time_ns, 6);
	assert_true(rows[2].upstream);
	assert_string_equal(rows[2].peer, "/app");
	assert_int_equal(rows[2].requests[INGRESS_5XX], 1);
	assert_int_equal(rows[2].requests[INGRESS_OTHER], 1);
	assert_int_equal(rows[2].requests[INGRESS_UNANSWERED], 2);
	free(rows);
	ingress_clear(g);
	assert_int_equal(ingress_read(g, names, &rows, &n), 0);
	assert_int_equal(n, 0);
	free(rows);
	ingress_free(g);
	intern_free(names);
}

static void what_finds_no_room_is_other(void **state)
{
	struct intern *names = intern_new(16);
	struct ingress *g = ingress_new(2);
	struct ingress_row *rows;
	uint64_t sum = 0;
	bool other = false;
	size_t n;

	(void)state;
	for (int port = 1; port <= 100; port++)
		request(g, "haproxy", ROLE_SERVER, 0, 0, port, "ok");
	assert_int_equal(ingress_read(g, names, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		sum += rows[i].requests[INGRESS_OK];
		other |= rows[i].is_other;
	}
	assert_int_equal(sum, 100);
	assert_int_equal(n, 3);
	assert_true(other);
	free(rows);
	ingress_free(g);
	intern_free(names);
}

/* The same of clients' time. */
static void trips_add_up(void **state)
{
	struct event_trip trip = { .basis = TRIP_ESTIMATED };
	struct event_request r = { .statement = &http, .service_ns = 10, .trip = &trip };
	struct intern *names = intern_new(16);
	struct trips *t = trips_new(2);
	struct trip_row *rows;
	uint64_t sum = 0, count = 0;
	size_t n;

	(void)state;
	trip.part_ns[TRIP_NETWORK] = 4;
	trip.part_ns[TRIP_REMOTE] = 6;
	for (uint32_t peer = 1; peer <= 50; peer++)
		trips_request(t, (struct owner){ 0 }, peer, &r);
	r.trip = NULL;
	trips_request(t, (struct owner){ 0 }, 1, &r);
	assert_int_equal(trips_read(t, names, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(rows[i].basis, "estimated");
		count += rows[i].count;
		for (int part = 0; part < TRIP_PART_MAX; part++)
			sum += rows[i].part_ns[part];
	}
	assert_int_equal(count, 50);
	assert_int_equal(sum, 500);
	free(rows);
	trips_free(t);
	intern_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxies_are_told_by_name),
		cmocka_unit_test(what_finds_no_room_is_other),
		cmocka_unit_test(trips_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
