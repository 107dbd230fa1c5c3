/* SPDX-License-Identifier: Apache-2.0 */
/* A small agg with one of everything, names that no exporter may print as they are among it. */
#ifndef TEST_EXPORT_FIXTURE_H
#define TEST_EXPORT_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "user/agg.h"
#include "user/agg_view.h"
#include "user/export_info.h"
#include "user/lib/intern.h"

#define EVIL "e\"v\\i\nl\x1b[2J\xff\xc2\x9b\xe2\x82\xac"

struct fixture {
	struct intern *owners;
	struct agg *agg;
	struct agg_view *view;
};

static const struct export_hook fixture_hooks[] = {
	{ "sock", "read", "sock_read", "attached" },
	{ "sched", "switch", "", "missing" },
};

static const struct export_library fixture_libraries[] = {
	{ 0xfd00, UINT64_MAX, 7, "" },
	{ 0x2a, 9, 1, "Bad message" },
};

static const struct export_info fixture_info = {
	.version = "0.1.0",
	.libbpf = "1.1",
	.abi = "1",
	.hooks = fixture_hooks,
	.nhooks = 2,
	.libraries = fixture_libraries,
	.nlibraries = 2,
	.self = { .cpu_ns = 1500000000, .resident_bytes = 4096 },
};

static struct owner fixture_owner(struct fixture *f, const char *t, const char *w, const char *c)
{
	return (struct owner){ intern_id(f->owners, str_of(t)), intern_id(f->owners, str_of(w)),
			       intern_id(f->owners, str_of(c)) };
}

static void fixture_request(struct fixture *f, struct owner o, enum role role,
			    const struct statement *st, const char *outcome, uint64_t queue_ns,
			    uint64_t service_ns)
{
	const struct event_request r = { .role = role,
					 .statement = st,
					 .outcome = outcome,
					 .queue_ns = queue_ns,
					 .service_ns = service_ns,
					 .request_bytes = 10,
					 .reply_bytes = 100 };

	agg_request(f->agg, o, &r);
}

static void fixture_view(struct fixture *f)
{
	agg_view_free(f->view);
	f->view = NULL;
	if (agg_view_new(&f->view, f->agg, f->owners))
		abort();
}

static void fixture_empty(struct fixture *f, size_t series_max)
{
	*f = (struct fixture){ .owners = intern_new(100000), .agg = agg_new(series_max, 0) };
}

static __attribute__((unused)) void fixture_fill(struct fixture *f)
{
	static const struct statement select = { .protocol = PROTO_POSTGRESQL,
						 .operation = "SELECT" };
	static const struct statement get = { .protocol = PROTO_REDIS, .operation = "GET" };
	const struct rec_coarse coarse = {
		.requests = 5, .service_ns = 50, .role = ROLE_SERVER, .protocol = PROTO_REDIS
	};
	const struct rec_sched sched = { .on_cpu_ns = 2500000000,
					 .switches = 7,
					 .preemptions = 2,
					 .run_queue_ns = 3000000000,
					 .buckets = { [0] = 1, [40] = 2, [41] = 1 } };
	const struct rec_counts counts = { .probe = PROBE_SOCK,
					   .seen = 20,
					   .detailed = 10,
					   .coarse = 5,
					   .lost = { [LOST_RING_FULL] = 2, [LOST_RECURSION] = 3 } };
	struct rec_program program = { .runs = 11, .run_ns = 1001, .name = "sock_read" };
	struct owner db = fixture_owner(f, "acme", "orders", "db");

	/* 1 s is the last of bucket le="1.0"; one ns more is not. */
	fixture_request(f, db, ROLE_SERVER, &select, "ok", 0, 1000000000);
	fixture_request(f, db, ROLE_SERVER, &select, "ok", 7629, 1000000001);
	fixture_request(f, db, ROLE_SERVER, &select, "23505", 7630, 250000000);
	fixture_request(f, fixture_owner(f, "acme", "", "web"), ROLE_CLIENT, &get, "ok", 0, 2000);
	fixture_request(f, fixture_owner(f, EVIL, "w", "c"), ROLE_SERVER, &get, "ok", 1,
			200000000000);
	agg_coarse(f->agg, db, &coarse);
	agg_sched(f->agg, db, &sched);
	agg_counts(f->agg, &counts);
	agg_program(f->agg, &program);
	fixture_view(f);
}

static void fixture_free(struct fixture *f)
{
	agg_view_free(f->view);
	agg_free(f->agg);
	intern_free(f->owners);
}

#endif
