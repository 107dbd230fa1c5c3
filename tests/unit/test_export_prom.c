/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus exposition: exact lines, hostile labels, negotiation, promtool's opinion, and its
 * cost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/export_prom.h"
#include "tests/unit/test_export_fixture.h"

#define SELECT                                                                            \
	"role=\"server\",protocol=\"postgresql\",operation=\"SELECT\",%stenant=\"acme\"," \
	"workflow=\"orders\",container=\"db\""

static char *render(struct fixture *f, enum prom_format format)
{
	struct export_buf b = { 0 };

	assert_int_equal(export_prom_write(&b, f->view, &fixture_info, format), 0);
	export_buf_put(&b, "", 1);
	return b.s;
}

/* The line must be there, whole, exactly once. */
static void assert_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	int found = 0;

	for (const char *at = text; (at = strstr(at, line)); at += len)
		found += (at == text || at[-1] == '\n') && at[len] == '\n';
	if (found != 1)
		fail_msg("%d times: %s", found, line);
}

static void assert_no_line(const char *text, const char *start)
{
	char at_start[128];

	snprintf(at_start, sizeof(at_start), "\n%s", start);
	assert_null(strstr(text, at_start));
}

static void text_lines_of_requests(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_TEXT);
	assert_line(text, "# TYPE tallyman_requests_total counter");
	assert_line(
		text,
		"tallyman_requests_total{role=\"server\",protocol=\"postgresql\",operation="
		"\"SELECT\",outcome=\"ok\",tenant=\"acme\",workflow=\"orders\",container=\"db\"} 2");
	assert_line(
		text,
		"tallyman_requests_total{role=\"server\",protocol=\"postgresql\",operation="
		"\"SELECT\",outcome=\"23505\",tenant=\"acme\",workflow=\"orders\",container=\"db\"} 1");
	assert_line(
		text,
		"tallyman_requests_total{role=\"server\",protocol=\"redis\",operation=\"unknown\","
		"outcome=\"unknown\",tenant=\"acme\",workflow=\"orders\",container=\"db\"} 5");
	assert_line(
		text,
		"tallyman_requests_total{role=\"client\",protocol=\"redis\",operation=\"GET\",outcome="
		"\"ok\",tenant=\"acme\",workflow=\"unattributed\",container=\"web\"} 1");
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	free(text);
	fixture_free(&f);
}

static void text_lines_of_containers_and_agent(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_TEXT);
	assert_line(text, "# TYPE tallyman_run_queue_seconds histogram");
	assert_line(
		text,
		"tallyman_run_queue_seconds_bucket{tenant=\"acme\",container=\"db\",le=\"7.62939453125e-06\"} 1");
	assert_line(
		text,
		"tallyman_run_queue_seconds_bucket{tenant=\"acme\",container=\"db\",le=\"0.5\"} 1");
	assert_line(
		text,
		"tallyman_run_queue_seconds_bucket{tenant=\"acme\",container=\"db\",le=\"1.0\"} 3");
	assert_line(
		text,
		"tallyman_run_queue_seconds_bucket{tenant=\"acme\",container=\"db\",le=\"2.0\"} 4");
	assert_line(
		text,
		"tallyman_run_queue_seconds_bucket{tenant=\"acme\",container=\"db\",le=\"+Inf\"} 4");
	assert_line(text, "tallyman_run_queue_seconds_sum{tenant=\"acme\",container=\"db\"} 3");
	assert_line(text, "tallyman_run_queue_seconds_count{tenant=\"acme\",container=\"db\"} 4");
	assert_line(
		text,
		"tallyman_cpu_seconds_total{tenant=\"acme\",workflow=\"orders\",container=\"db\"} 2.5");
	assert_line(text, "tallyman_events_total{probe=\"sock\",fate=\"detailed\",cause=\"\"} 10");
	assert_line(text, "tallyman_events_total{probe=\"sock\",fate=\"coarse\",cause=\"\"} 5");
	assert_line(text,
		    "tallyman_events_total{probe=\"sock\",fate=\"lost\",cause=\"ring_full\"} 2");
	assert_line(text,
		    "tallyman_events_total{probe=\"sock\",fate=\"lost\",cause=\"recursion\"} 3");
	assert_line(text,
		    "tallyman_events_total{probe=\"proc\",fate=\"lost\",cause=\"unreadable\"} 0");
	assert_line(text, "tallyman_events_seen_total{probe=\"sock\"} 20");
	assert_line(text, "tallyman_program_runs_total{program=\"sock_read\"} 11");
	assert_line(text, "tallyman_program_run_seconds_total{program=\"sock_read\"} 0.000001001");
	assert_line(
		text,
		"tallyman_probe_info{probe=\"sock\",hook=\"read\",variant=\"sock_read\",state=\"attached\"} 1");
	assert_line(
		text,
		"tallyman_probe_info{probe=\"sched\",hook=\"switch\",variant=\"\",state=\"missing\"} 1");
	assert_line(text, "# TYPE tallyman_tls_library_processes gauge");
	assert_line(
		text,
		"tallyman_tls_library_processes{file=\"fd00:18446744073709551615\",state=\"attached\",reason=\"\"} 7");
	assert_line(
		text,
		"tallyman_tls_library_processes{file=\"2a:9\",state=\"failed\",reason=\"Bad message\"} 1");
	assert_line(text, "tallyman_build_info{version=\"0.1.0\",libbpf=\"1.1\",abi=\"1\"} 1");
	assert_line(text, "tallyman_series_limit 100");
	assert_line(text, "tallyman_series 10");
	assert_line(text, "process_cpu_seconds_total 1.5");
	assert_line(text, "process_resident_memory_bytes 4096");
	free(text);
	fixture_free(&f);
}

static void buckets_are_exact_at_their_bounds(void **state)
{
	static const struct {
		const char *metric, *le, *value;
	} want[] = {
		{ "service", "0.125", "0" },
		{ "service", "0.25", "1" },
		{ "service", "0.5", "1" },
		{ "service", "1.0", "2" },
		{ "service", "2.0", "3" },
		{ "service", "64.0", "3" },
		{ "service", "+Inf", "3" },
		{ "queue", "7.62939453125e-06", "2" },
		{ "queue", "1.52587890625e-05", "3" },
	};
	struct fixture f;
	char line[512], labels[256];
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_TEXT);
	snprintf(labels, sizeof(labels), SELECT, "");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		snprintf(line, sizeof(line), "tallyman_request_%s_seconds_bucket{%s,le=\"%s\"} %s",
			 want[i].metric, labels, want[i].le, want[i].value);
		assert_line(text, line);
	}
	snprintf(line, sizeof(line), "tallyman_request_service_seconds_sum{%s} 2.250000001",
		 labels);
	assert_line(text, line);
	snprintf(line, sizeof(line), "tallyman_request_queue_seconds_count{%s} 3", labels);
	assert_line(text, line);
	/* Clients have no queue; what is over the last bound is in +Inf only. */
	assert_no_line(text, "tallyman_request_queue_seconds_bucket{role=\"client\"");
	assert_no_line(text,
		       "tallyman_request_service_seconds_bucket{role=\"server\",protocol=\"redis\","
		       "operation=\"unknown\"");
	free(text);
	fixture_free(&f);
}

static void hostile_labels_are_escaped(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_TEXT);
	assert_line(
		text,
		"tallyman_requests_total{role=\"server\",protocol=\"redis\",operation=\"GET\",outcome="
		"\"ok\",tenant=\"e\\\"v\\\\i\\nl\x1b[2J\xef\xbf\xbd\xc2\x9b\xe2\x82\xac\","
		"workflow=\"w\",container=\"c\"} 1");
	for (const char *s = text; *s; s += export_utf8_len(s))
		assert_int_not_equal(export_utf8_len(s), 0);
	free(text);
	fixture_free(&f);
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t len;
	} want[] = {
		{ "a", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\x80", 0 },
		{ "\xc0\xaf", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x80\xaf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x80\x80\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xe2\x82", 0 },
		{ "\xe2", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xed\x9f\xbf", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(export_utf8_len(want[i].s), want[i].len);
}

static void openmetrics_lines(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_OPENMETRICS);
	assert_line(text, "# TYPE tallyman_requests counter");
	assert_line(text, "# TYPE tallyman_cpu_seconds counter");
	assert_line(text, "# UNIT tallyman_cpu_seconds seconds");
	assert_line(text, "# UNIT tallyman_request_queue_seconds seconds");
	assert_line(text, "# UNIT process_resident_memory_bytes bytes");
	assert_line(
		text,
		"tallyman_cpu_seconds_total{tenant=\"acme\",workflow=\"orders\",container=\"db\"} 2.5");
	assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
	free(text);
	fixture_free(&f);
}

static void accept_headers(void **state)
{
	static const struct {
		const char *accept;
		enum prom_format want;
	} cases[] = {
		{ NULL, PROM_TEXT },
		{ "", PROM_TEXT },
		{ "*/*", PROM_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", PROM_TEXT },
		{ "text/plain", PROM_TEXT },
		{ "application/openmetrics-text", PROM_OPENMETRICS },
		{ "Application/OpenMetrics-Text ; Version=1.0.0", PROM_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
		  "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  PROM_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2",
		  PROM_TEXT },
		{ "text/plain;q=0.3, application/openmetrics-text;q=0.4", PROM_OPENMETRICS },
		{ "text/plain;q=0.4, application/openmetrics-text;q=0.3", PROM_TEXT },
		{ "application/openmetrics-text;q=0", PROM_TEXT },
		{ "application/openmetrics-text;version=2.0.0", PROM_TEXT },
		{ "application/openmetrics-text;version=2.0.0,*/*;q=0.1", PROM_TEXT },
		{ "application/*", PROM_OPENMETRICS },
		{ "application/openmetrics-text;q=zebra", PROM_TEXT },
		{ ",,;;=,q=1,/", PROM_TEXT },
		{ "application/openmetrics-text;q=1.000,text/plain", PROM_OPENMETRICS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (export_prom_format(cases[i].accept) != cases[i].want)
			fail_msg("%s", cases[i].accept);
	assert_string_equal(export_prom_content_type(PROM_TEXT),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(export_prom_content_type(PROM_OPENMETRICS),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

/* promtool reads text 0.0.4 only; it must accept it and have nothing to remark. */
static void promtool_is_content(void **state)
{
	char said[4096] = "";
	struct fixture f;
	char path[] = "/tmp/test_export_prom.XXXXXX";
	char command[128];
	char *text;
	FILE *tool;
	int fd;

	(void)state;
	if (access("/usr/bin/promtool", X_OK))
		skip();
	fixture_empty(&f, 100);
	fixture_fill(&f);
	text = render(&f, PROM_TEXT);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(command, sizeof(command), "/usr/bin/promtool check metrics < %s 2>&1", path);
	tool = popen(command, "r");
	assert_non_null(tool);
	said[fread(said, 1, sizeof(said) - 1, tool)] = '\0';
	assert_string_equal(said, "");
	assert_int_equal(pclose(tool), 0);
	unlink(path);
	free(text);
	fixture_free(&f);
}

static double seconds_since(const struct timespec *t0)
{
	struct timespec t1;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
	return (double)(t1.tv_sec - t0->tv_sec) + (double)(t1.tv_nsec - t0->tv_nsec) / 1e9;
}

/* A full house of 10,000 series, prints its time; sanitisers make a limit meaningless here. */
static void cost(void **state)
{
	static struct statement st[25];
	static char ops[25][8];
	struct timespec t0;
	struct fixture f;
	char c[32];
	char *text;
	double view;

	(void)state;
	fixture_empty(&f, 10000);
	for (int i = 0; i < 25; i++) {
		snprintf(ops[i], sizeof(ops[i]), "OP%d", i);
		st[i] = (struct statement){ .protocol = PROTO_REDIS, .operation = ops[i] };
	}
	for (int i = 0; i < 30000; i++) {
		snprintf(c, sizeof(c), "container-%d", i / 25 % 400);
		fixture_request(&f, fixture_owner(&f, "some-tenant", "some-workflow", c),
				ROLE_SERVER, &st[i % 25], "ok", 1000 + (uint64_t)i,
				20000 + 1000 * (uint64_t)i);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	fixture_view(&f);
	view = seconds_since(&t0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	text = render(&f, PROM_TEXT);
	print_message("10,000 series: view %.0f ms, text %.0f ms, %zu bytes\n", view * 1e3,
		      seconds_since(&t0) * 1e3, strlen(text));
	free(text);
	fixture_free(&f);
}

/* The example alerts are rules, and ask for metrics that there are. */
static void promtool_takes_the_alerts(void **state)
{
	(void)state;
	if (access("/usr/bin/promtool", X_OK))
		skip();
	assert_int_equal(system("/usr/bin/promtool check rules docs/ingress.rules.yaml >/dev/null"),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines_of_requests),
		cmocka_unit_test(text_lines_of_containers_and_agent),
		cmocka_unit_test(buckets_are_exact_at_their_bounds),
		cmocka_unit_test(hostile_labels_are_escaped),
		cmocka_unit_test(utf8),
		cmocka_unit_test(openmetrics_lines),
		cmocka_unit_test(accept_headers),
		cmocka_unit_test(promtool_is_content),
		cmocka_unit_test(promtool_takes_the_alerts),
		cmocka_unit_test(cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
