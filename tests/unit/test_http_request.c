/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP decoder: requests from headers, whatever cuts them; and that secrets go nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probes/http/http_scrub.h"
#include "tests/unit/session.h"

static struct session s;

static void begin(void)
{
	memset(&s, 0, sizeof(s));
	s.protocol = PROTO_HTTP;
	s.role = ROLE_SERVER;
	s.conn = 3;
}

static void request(const char *text)
{
	session_message(&s, text, strlen(text), 1, PHASE_READY);
}

static size_t at(void *arg, size_t from, size_t to)
{
	size_t p = *(size_t *)arg;

	return from < p && p < to ? p : to;
}

static size_t single(void *arg, size_t from, size_t to)
{
	(void)arg;
	(void)to;
	return from + 1;
}

static void gives(const char *expected)
{
	char *lines = session_lines(&s, NULL, NULL);

	assert_string_equal(lines, expected);
	free(lines);
	lines = session_lines(&s, single, NULL);
	assert_string_equal(lines, expected);
	free(lines);
	for (size_t p = 1; p < s.len; p++) {
		lines = session_lines(&s, at, &p);
		assert_string_equal(lines, expected);
		free(lines);
	}
}

static void requests(void **state)
{
	(void)state;
	begin();
	request("GET /orders/17?key=hunter HTTP/1.1\r\nHost: ACME.example.com:80\r\n\r\n");
	session_reply(&s, 1);
	request("POST /web/login HTTP/1.1\r\ncontent-length: 200\r\nHost: a\r\n\r\n");
	session_message(&s, "\r\n", 2, 0, PHASE_READY);
	request("HEAD / HTTP/1.0\n\n");
	session_error(&s, 2, 0, "404");
	request("BREW /pot HTTP/1.1\r\n\r\n");
	request("CONNECT shop.example.com:443 HTTP/1.1\r\n\r\n");
	session_error(&s, 2, 1, "502");
	gives("GET /orders/*|ok||||7|1000|65|100\n"
	      "POST /web/login|4xx||||7|1000|258|100\n"
	      "HEAD /|ok||||7|1000|17|100\n"
	      "unknown|ok||||7|1000|22|100\n"
	      "CONNECT|5xx||||7|1000|41|100\n");
}

static void headers_beyond_the_window(void **state)
{
	char text[3000];
	char *lines;

	(void)state;
	memset(text, 'c', sizeof(text));
	memcpy(text, "GET /long/route HTTP/1.1\r\nCookie: ", 34);
	memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
	begin();
	s.window = 128;
	session_message(&s, text, sizeof(text), 1, PHASE_READY);
	session_reply(&s, 1);
	request("GET /next HTTP/1.1\r\n\r\n");
	session_reply(&s, 1);
	lines = session_lines(&s, NULL, NULL);
	assert_memory_equal(lines, "GET /long/route|ok|", 19);
	assert_non_null(strstr(lines, "\nGET /next|ok|"));
	free(lines);
}

static void facts(void **state)
{
	static const struct {
		const char *text, *operation, *host;
		unsigned int body_bytes;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nhost:\t Shop.Example \r\n\r\n", "GET /", "shop.example", 0 },
		{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /", "[::1]", 0 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\nHost: c\r\n\r\n", "GET /", "c", 0 },
		{ "GET / HTTP/1.1\r\nHost : a\r\nX-Host: b\r\n\r\n", "GET /", "", 0 },
		{ "PUT /a HTTP/1.1\r\nContent-Length: 12x\r\n\r\n", "PUT /a", "", 0 },
		{ "PUT /a HTTP/1.1\r\nContent-Length: 12\r\n\r\n", "PUT /a", "", 12 },
		{ "PUT /a HTTP/1.1\r\nHost: cut.exam", "PUT /a", "", 0 },
		{ "PUT /a/b", "PUT /a/*", "", 0 },
		{ "PU", "unknown", "", 0 },
	};
	struct http_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		http_describe(cases[i].text, strlen(cases[i].text), &f);
		assert_string_equal(f.operation, cases[i].operation);
		assert_string_equal(f.host, cases[i].host);
		assert_int_equal(f.body_bytes, cases[i].body_bytes);
	}
}

static void scrubbed(void **state)
{
	char text[] = "POST /o/17/x?hunter=2 HTTP/1.1\r\nHost: acme.example\r\nCookie: hunter\r\n"
		      "authorization: hunter\r\nContent-Length: 5\r\ntraceparent: 00-ab-cd-01\r\n"
		      "traceparent: hunter\r\n\r\n";

	(void)state;
	http_scrub(text, sizeof(text) - 1);
	assert_string_equal(
		text, "POST /o/**/x?******** HTTP/1.1\r\nHost: acme.example\r\n**************\r\n"
		      "*********************\r\nContent-Length: 5\r\ntraceparent: 00-ab-cd-01\r\n"
		      "*******************\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(headers_beyond_the_window),
		cmocka_unit_test(facts),
		cmocka_unit_test(scrubbed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
