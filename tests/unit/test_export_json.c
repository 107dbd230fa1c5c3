/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines: every line parses, the fields are there and exact, hostile names survive as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "user/export_json.h"
#include "tests/unit/test_export_fixture.h"

static char *render(struct fixture *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(export_json_write(out, f->view), 0);
	fclose(out);
	return text;
}

/* Parses all lines into an array. */
static json_t *parse(char *text)
{
	json_t *lines = json_array();

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		json_error_t error;
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);

		if (!o)
			fail_msg("%s: %s", error.text, line);
		json_array_append_new(lines, o);
	}
	return lines;
}

static json_int_t number(json_t *o, const char *name)
{
	json_t *value = json_object_get(o, name);

	if (!json_is_integer(value))
		fail_msg("%s is no number", name);
	return json_integer_value(value);
}

static const char *string(json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));

	if (!value)
		fail_msg("%s is no string", name);
	return value;
}

static void first_line_to_the_byte(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f);
	*strchr(text, '\n') = '\0';
	assert_string_equal(
		text,
		"{\"kind\":\"requests\",\"tenant\":\"acme\",\"workflow\":\"orders\",\"container\":\"db\","
		"\"role\":\"server\",\"protocol\":\"postgresql\",\"operation\":\"SELECT\",\"outcome\":\"23505\","
		"\"count\":1,\"coarse\":0,\"errors\":1,\"request_bytes\":10,\"reply_bytes\":100,\"rows\":0,"
		"\"queue_sum_ns\":7630,\"queue_p50_ns\":7466,\"queue_p99_ns\":7957,"
		"\"service_sum_ns\":250000000,\"service_p50_ns\":978572062,\"service_p99_ns\":1042917473}");
	free(text);
	fixture_free(&f);
}

static void fields(void **state)
{
	struct fixture f;
	json_t *lines, *o;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f);
	lines = parse(text);
	/* 5 request series, 1 container, 1 cause of coarse ones, 7 probes, 1 program. */
	assert_int_equal(json_array_size(lines), 15);
	o = json_array_get(lines, 1);
	assert_string_equal(string(o, "outcome"), "ok");
	assert_int_equal(number(o, "count"), 2);
	assert_int_equal(number(o, "service_sum_ns"), 2000000001);
	o = json_array_get(lines, 2);
	assert_string_equal(string(o, "operation"), "unknown");
	assert_int_equal(number(o, "coarse"), 5);
	assert_int_equal(number(o, "service_sum_ns"), 50);
	assert_true(json_is_null(json_object_get(o, "service_p99_ns")));
	o = json_array_get(lines, 3);
	assert_string_equal(string(o, "workflow"), "unattributed");
	assert_string_equal(string(o, "role"), "client");
	assert_true(json_is_null(json_object_get(o, "queue_p50_ns")));
	o = json_array_get(lines, 4);
	assert_string_equal(string(o, "tenant"),
			    "e\"v\\i\nl\x1b[2J\xef\xbf\xbd\xc2\x9b\xe2\x82\xac");
	o = json_array_get(lines, 5);
	assert_string_equal(string(o, "kind"), "container");
	assert_string_equal(string(o, "container"), "db");
	assert_int_equal(number(o, "cpu_ns"), 2500000000);
	assert_int_equal(number(o, "switches"), 7);
	assert_int_equal(number(o, "preemptions"), 2);
	assert_int_equal(number(o, "count"), 4);
	assert_int_equal(number(o, "run_queue_sum_ns"), 3000000000);
	o = json_array_get(lines, 6);
	assert_string_equal(string(o, "kind"), "coarse");
	assert_string_equal(string(o, "cause"), "unread");
	assert_int_equal(number(o, "requests"), 5);
	o = json_array_get(lines, 7);
	assert_string_equal(string(o, "kind"), "events");
	assert_string_equal(string(o, "probe"), "sock");
	assert_int_equal(number(o, "seen"), 20);
	assert_int_equal(number(o, "detailed"), 10);
	assert_int_equal(number(o, "coarse"), 5);
	assert_int_equal(number(o, "lost"), 5);
	assert_int_equal(number(json_object_get(o, "lost_by_cause"), "ring_full"), 2);
	assert_int_equal(number(json_object_get(o, "lost_by_cause"), "unreadable"), 0);
	o = json_array_get(lines, 14);
	assert_string_equal(string(o, "kind"), "program");
	assert_string_equal(string(o, "program"), "sock_read");
	assert_int_equal(number(o, "runs"), 11);
	assert_int_equal(number(o, "run_ns"), 1001);
	json_decref(lines);
	free(text);
	fixture_free(&f);
}

static void a_full_disk_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct fixture f;

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	fixture_empty(&f, 100);
	fixture_fill(&f);
	assert_int_equal(export_json_write(full, f.view), -EIO);
	fclose(full);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_line_to_the_byte),
		cmocka_unit_test(fields),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
