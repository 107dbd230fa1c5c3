/* SPDX-License-Identifier: Apache-2.0 */
/* The table of containers: names that outlive the cgroup, dense indexes, a bound that holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/container.h"

#define A "3e74d3fd9db4c9dd921ae05c2502fb984d0cde1b36e581b13f79c639da4518a1"
#define GRACE 1000
#define MAX 4

struct fixture {
	struct container_table *t;
	uint32_t gone;
	uint64_t gone_id;
	uint32_t gone_index;
	char gone_label[CGROUP_LABEL_MAX + 1];
};

/* What is handed over is still whole, and still found. */
static void note_gone(void *ctx, const struct container *c)
{
	struct fixture *f = ctx;

	f->gone++;
	f->gone_id = c->id;
	f->gone_index = c->index;
	strcpy(f->gone_label, c->label);
	assert_ptr_equal(container_get(f->t, c->id), c);
	assert_ptr_equal(container_at(f->t, c->index), c);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->t = container_table_new(MAX, GRACE, note_gone, f);
	*state = f;
	return f->t ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	uint32_t gone = f->gone;

	container_table_free(f->t);
	assert_int_equal(f->gone, gone);
	free(f);
	return 0;
}

static void added_is_found(void **state)
{
	struct fixture *f = *state;
	uint64_t id = 0x123456789abcdef0;
	const struct container *c = container_add(f->t, id, STR("/docker/" A), 5);

	assert_non_null(c);
	assert_ptr_equal(container_get(f->t, id), c);
	assert_null(container_get(f->t, (uint32_t)id));
	assert_null(container_get(f->t, 0));
	assert_true(c->id == id);
	assert_int_equal(c->index, 0);
	assert_false(c->removed);
	assert_string_equal(c->path, "/docker/" A);
	assert_string_equal(c->label, "3e74d3fd9db4");
	assert_int_equal(c->parsed.runtime, CGROUP_RUNTIME_DOCKER);
	assert_string_equal(c->parsed.container_id, A);
	assert_int_equal(container_count(f->t), 1);
}

static void known_id_keeps_its_container(void **state)
{
	struct fixture *f = *state;
	const struct container *c = container_add(f->t, 7, STR("/a"), 5);

	assert_ptr_equal(container_add(f->t, 7, STR("/a"), 6), c);
	assert_int_equal(container_count(f->t), 1);
	assert_int_equal(f->gone, 0);
}

static void removed_keeps_its_names_for_the_grace_period(void **state)
{
	struct fixture *f = *state;
	const struct container *c = container_add(f->t, 7, STR("/a"), 5);

	assert_int_equal(container_remove(f->t, 7, 100), 0);
	assert_ptr_equal(container_get(f->t, 7), c);
	assert_true(c->removed);
	assert_true(c->removed_ns == 100);
	assert_string_equal(c->label, "/a");
	assert_int_equal(container_expire(f->t, 50), 0); /* a clock that is behind */
	assert_int_equal(container_expire(f->t, 100 + GRACE - 1), 0);
	assert_ptr_equal(container_get(f->t, 7), c);
	assert_int_equal(container_expire(f->t, 100 + GRACE), 1);
	assert_null(container_get(f->t, 7));
	assert_null(container_at(f->t, 0));
	assert_int_equal(f->gone, 1);
	assert_true(f->gone_id == 7);
	assert_string_equal(f->gone_label, "/a");
	assert_int_equal(container_count(f->t), 0);
}

static void removal_counts_once(void **state)
{
	struct fixture *f = *state;
	const struct container *c = container_add(f->t, 7, STR("/a"), 5);

	assert_int_equal(container_remove(f->t, 8, 100), -ENOENT);
	assert_int_equal(container_remove(f->t, 7, 100), 0);
	assert_int_equal(container_remove(f->t, 7, 200), -ENOENT);
	assert_true(c->removed_ns == 100);
}

static void removed_may_come_back(void **state)
{
	struct fixture *f = *state;
	const struct container *c = container_add(f->t, 7, STR("/a"), 5);

	assert_int_equal(container_remove(f->t, 7, 100), 0);
	assert_ptr_equal(container_add(f->t, 7, STR("/a"), 200), c);
	assert_false(c->removed);
	assert_true(c->removed_ns == 0);
	assert_int_equal(container_expire(f->t, 100 + 2 * GRACE), 0);
	assert_int_equal(container_remove(f->t, 7, 300), 0);
	assert_int_equal(container_expire(f->t, 300 + GRACE), 1);
}

static void another_path_is_another_container(void **state)
{
	struct fixture *f = *state;
	const struct container *c;

	container_add(f->t, 7, STR("/a"), 5);
	c = container_add(f->t, 7, STR("/b"), 6);
	assert_int_equal(f->gone, 1);
	assert_string_equal(f->gone_label, "/a");
	assert_string_equal(c->label, "/b");
	assert_int_equal(container_count(f->t), 1);
	container_remove(f->t, 7, 10);
	c = container_add(f->t, 7, STR("/c"), 11);
	assert_int_equal(f->gone, 2);
	assert_false(c->removed);
	assert_int_equal(container_expire(f->t, 10 + GRACE), 0);
}

static void index_is_dense_and_reused_only_after_expiry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(container_add(f->t, 10, STR("/0"), 1)->index, 0);
	assert_int_equal(container_add(f->t, 11, STR("/1"), 1)->index, 1);
	assert_int_equal(container_index_end(f->t), 2);
	container_remove(f->t, 10, 100);
	assert_int_equal(container_add(f->t, 12, STR("/2"), 101)->index, 2);
	assert_int_equal(container_expire(f->t, 100 + GRACE), 1);
	assert_int_equal(f->gone_index, 0);
	assert_null(container_at(f->t, 0));
	assert_int_equal(container_add(f->t, 13, STR("/3"), 5000)->index, 0);
	assert_int_equal(container_index_end(f->t), 3);
	assert_true(container_at(f->t, 0)->id == 13);
	assert_true(container_at(f->t, 2)->id == 12);
	assert_null(container_at(f->t, 3));
	assert_null(container_at(f->t, UINT32_MAX));
}

static void full_table_refuses_and_counts(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= MAX; id++)
		assert_non_null(container_add(f->t, id, STR("/x"), 1));
	assert_null(container_add(f->t, 99, STR("/y"), 1));
	assert_null(container_add(f->t, 98, STR("/y"), 1));
	assert_true(container_refused(f->t) == 2);
	assert_null(container_get(f->t, 99));
	assert_non_null(container_add(f->t, 1, STR("/x"), 1)); /* known: not refused */
	assert_true(container_refused(f->t) == 2);

	/* within its grace period a removed one keeps its place, after that it does not */
	container_remove(f->t, 3, 100);
	assert_null(container_add(f->t, 99, STR("/y"), 100 + GRACE - 1));
	assert_true(container_refused(f->t) == 3);
	assert_int_equal(container_add(f->t, 99, STR("/y"), 100 + GRACE)->index, 2);
	assert_true(f->gone_id == 3);
	assert_true(container_refused(f->t) == 3);
	assert_int_equal(container_count(f->t), MAX);
}

static void table_of_none(void **state)
{
	struct container_table *t = container_table_new(0, 0, NULL, NULL);

	(void)state;
	assert_non_null(t);
	assert_null(container_add(t, 1, STR("/a"), 1));
	assert_true(container_refused(t) == 1);
	container_table_free(t);
	container_table_free(NULL);
}

static void expiry_goes_by_the_order_of_removal(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= 3; id++)
		container_add(f->t, id, STR("/x"), 1);
	container_remove(f->t, 2, 100);
	container_remove(f->t, 1, 200);
	container_remove(f->t, 3, 300);
	assert_int_equal(container_expire(f->t, 199 + GRACE), 1);
	assert_true(f->gone_id == 2);
	assert_int_equal(container_expire(f->t, 200 + GRACE), 1);
	assert_true(f->gone_id == 1);
	assert_int_equal(container_expire(f->t, UINT64_MAX), 1);
	assert_true(f->gone_id == 3);
	assert_int_equal(f->gone, 3);
}

static void path_ends_at_a_nul(void **state)
{
	struct fixture *f = *state;
	const struct container *c = container_add(f->t, 7, STR("/a\0b"), 1);

	assert_string_equal(c->path, "/a");
	assert_ptr_equal(container_add(f->t, 7, STR("/a\0c"), 1), c);
	c = container_add(f->t, 8, (struct str){ NULL, 0 }, 1);
	assert_string_equal(c->path, "");
	assert_string_equal(c->label, "host");
	assert_int_equal(f->gone, 0);
}

/* 100,000 come and go through 1,000 places; each is found at its id and at its index all the time. */
static void churn(void **state)
{
	struct fixture f = { 0 };
	const struct container *c;
	char path[32];

	(void)state;
	f.t = container_table_new(1000, 500, note_gone, &f);
	assert_non_null(f.t);
	for (uint64_t now = 1; now <= 100000; now++) {
		int len = snprintf(path, sizeof(path), "/jobs/%llu", (unsigned long long)now);

		c = container_add(f.t, now << 32, (struct str){ path, len }, now);
		assert_non_null(c);
		assert_true(c->index < 1000);
		assert_ptr_equal(container_at(f.t, c->index), c);
		if (now > 499)
			assert_int_equal(container_remove(f.t, (now - 499) << 32, now), 0);
		container_expire(f.t, now);
	}
	assert_int_equal(container_index_end(f.t), 1000);
	assert_int_equal(f.gone, 100000 - 999);
	assert_true(container_refused(f.t) == 0);
	container_table_free(f.t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(added_is_found),
		TEST(known_id_keeps_its_container),
		TEST(removed_keeps_its_names_for_the_grace_period),
		TEST(removal_counts_once),
		TEST(removed_may_come_back),
		TEST(another_path_is_another_container),
		TEST(index_is_dense_and_reused_only_after_expiry),
		TEST(full_table_refuses_and_counts),
		cmocka_unit_test(table_of_none),
		TEST(expiry_goes_by_the_order_of_removal),
		TEST(path_ends_at_a_nul),
		cmocka_unit_test(churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
