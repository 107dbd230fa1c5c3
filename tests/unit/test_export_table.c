/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal tables: exact text, durations for people, and nothing that drives a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "user/export_buf.h"
#include "user/export_table.h"
#include "tests/unit/test_export_fixture.h"

static char *render(struct fixture *f, struct table_options options)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(export_table_write(out, f->view, &options), 0);
	fclose(out);
	return text;
}

static void durations(void **state)
{
	static const struct {
		double ns;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ NAN, "-" },
		{ 1, "1.00 ns" },
		{ 0.5, "0.50 ns" },
		{ 9.994, "9.99 ns" },
		{ 9.996, "10.0 ns" },
		{ 99.94, "99.9 ns" },
		{ 99.96, "100 ns" },
		{ 999.4, "999 ns" },
		{ 999.6, "1.00 \u00b5s" },
		{ 12345, "12.3 \u00b5s" },
		{ 999400, "999 \u00b5s" },
		{ 999600, "1.00 ms" },
		{ 1234567, "1.23 ms" },
		{ 1e9, "1.00 s" },
		{ 123456e9, "123456 s" },
	};
	char buf[TABLE_DURATION_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(export_table_duration(buf, cases[i].ns), cases[i].want);
	export_table_duration(buf, 1.9e28); /* cut, not overrun */
	assert_int_equal(strlen(buf), TABLE_DURATION_MAX - 1);
}

static void whole_text(void **state)
{
	/* clang-format off */
	static const char want[] =
		"TENANT    WORKFLOW  CONTAINER  ROLE    PROTOCOL  OPERATION  REQUESTS   /S  ERRORS  QUEUE P50  QUEUE P99  SERVICE P50  SERVICE P99\n"
		"acme      orders    db         server  postgre~  SELECT            3  1.5       1    7.47 µs    7.96 µs       979 ms       1.04 s\n"
		"acme      orders    db         server  redis     unknown           5  2.5       0          -          -            -            -\n"
		"acme      unattri~  web        client  redis     GET               1  0.5       0          -          -      2.04 µs      2.08 µs\n"
		"e\"v\\i?l~  w         c          server  redis     GET               1  0.5       0    0.99 ns    1.02 ns        202 s        206 s\n"
		"\n"
		"TENANT  WORKFLOW  CONTAINER     CPU  RUN QUEUE P50  RUN QUEUE P99  RUN QUEUE TOTAL  SWITCHES  PREEMPTED\n"
		"acme    orders    db         2.50 s         841 ms         1.39 s           3.00 s         7          2\n"
		"\n"
		"sock   seen 20 = detailed 10 + coarse 5 + lost 5 (ring_full 2, recursion 3)\n"
		"sched  seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"proc   seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"block  seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"mem    seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"net    seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"stack  seen 0 = detailed 0 + coarse 0 + lost 0\n"
		"coarse 5 requests of acme, db (server) were only counted: unread\n";
	/* clang-format on */
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, (struct table_options){ .seconds = 2, .name_width = 8 });
	assert_string_equal(text, want);
	free(text);
	fixture_free(&f);
}

static void rows_and_rates_can_be_left_out(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, (struct table_options){ .rows_max = 1 });
	assert_non_null(strstr(text, "\n... and 3 more\n"));
	assert_null(strstr(text, "... and 0 more"));
	assert_non_null(strstr(text, " SELECT            3   -       1 "));
	assert_null(strstr(text, "GET"));
	free(text);
	fixture_free(&f);
}

static void names_cannot_drive_the_terminal(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, (struct table_options){ 0 });
	for (const char *s = text; *s; s += export_utf8_len(s)) {
		assert_int_not_equal(export_utf8_len(s), 0);
		assert_true((unsigned char)*s >= 0x20 || *s == '\n');
		assert_false((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0);
	}
	assert_non_null(strstr(text, "e\"v\\i?l?[2J??\xe2\x82\xac "));
	free(text);
	fixture_free(&f);
}

static void counts_that_do_not_add_up_are_shown(void **state)
{
	const struct rec_counts counts = { .probe = PROBE_PROC, .seen = 3, .detailed = 2 };
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	agg_counts(f.agg, &counts);
	fixture_view(&f);
	text = render(&f, (struct table_options){ 0 });
	assert_non_null(strstr(text, "proc   seen 3 != detailed 2 + coarse 0 + lost 0\n"));
	assert_non_null(strstr(text, "sched  seen 0 = detailed 0 + coarse 0 + lost 0\n"));
	free(text);
	fixture_free(&f);
}

static void a_full_disk_is_told(void **state)
{
	const struct table_options options = { 0 };
	FILE *full = fopen("/dev/full", "w");
	struct fixture f;

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	fixture_empty(&f, 100);
	fixture_fill(&f);
	assert_int_equal(export_table_write(full, f.view, &options), -EIO);
	fclose(full);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(whole_text),
		cmocka_unit_test(rows_and_rates_can_be_left_out),
		cmocka_unit_test(names_cannot_drive_the_terminal),
		cmocka_unit_test(counts_that_do_not_add_up_are_shown),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
