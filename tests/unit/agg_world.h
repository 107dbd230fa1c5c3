/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the aggregation begin and end with: names, an aggregation, and its newest view. */
#ifndef TALLYMAN_TEST_AGG_WORLD_H
#define TALLYMAN_TEST_AGG_WORLD_H

#include <cmocka.h>

#include "user/agg.h"
#include "user/agg_view.h"
#include "user/lib/intern.h"

struct world {
	struct intern *names;
	struct agg *agg;
	struct agg_view *view; /* NULL until world_view() */
};

static inline struct world world_new(size_t limit)
{
	struct world w = { .names = intern_new(64), .agg = agg_new(limit, 1000) };

	assert_non_null(w.names);
	assert_non_null(w.agg);
	return w;
}

static inline void world_view(struct world *w)
{
	agg_view_free(w->view);
	assert_int_equal(agg_view_new(&w->view, w->agg, w->names), 0);
}

static inline void world_free(struct world *w)
{
	agg_view_free(w->view);
	agg_free(w->agg);
	intern_free(w->names);
}

#endif
