/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line ends stay, so the header ends where it ended. What goes becomes a mark that no method, segment,
 * field name or host has: a line of which a part had to stay, because it could have become one that
 * stays, does not become one by what follows.
 */
#include "probes/http/http_scrub.h"

#define TRACE_MAX 55 /* "00-" and 32, 16 and 2 hexadecimal digits with dashes between */

static void blank(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n')
			p[i] = HTTP_SCRUBBED;
}

static bool is_version(const char *p, size_t n)
{
	return n == 9 && !memcmp(p, " HTTP/1.", 8) && (p[8] == '0' || p[8] == '1');
}

static bool has_only(struct str s, const char *chars, size_t max)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.s[i] || !strchr(chars, s.s[i]))
			return false;
	return s.len <= max;
}

/* n: without its line end. */
static void scrub_request_line(char *p, size_t n, bool open)
{
	struct http_line line;
	char *target;

	http_line_parse(&line, p, n);
	target = p + (line.target.s - p);
	if (open && line.method_cut ? !http_method_begins(line.method)
				    : !http_method_find(line.method))
		blank(p, line.method.len);
	if (str_eq(line.method, STR("CONNECT")))
		blank(target, line.target.len);
	else
		http_route_scrub(target, line.target.len, open && line.target_cut);
	if (!is_version(p + line.end, n - line.end) && line.end < n)
		blank(p + line.end + 1, n - line.end - 1);
}

static bool field_stays(struct str line, bool open)
{
	struct str value;

	switch (http_field_of(line, open, &value)) {
	case HTTP_FIELD_HOST:
		return http_host_is_valid(value);
	case HTTP_FIELD_LENGTH:
		return has_only(value, "0123456789", HTTP_LENGTH_DIGITS);
	case HTTP_FIELD_TRACE:
		return has_only(value, "0123456789abcdef-", TRACE_MAX);
	default:
		return false;
	}
}

void http_scrub(char *p, size_t n)
{
	char *end = p + n;
	bool first = true;

	while (p < end) {
		char *nl = memchr(p, '\n', end - p);
		size_t len = (nl ? nl : end) - p;
		bool open = !nl;

		if (len && p[len - 1] == '\r')
			len--;
		if (first)
			scrub_request_line(p, len, open);
		else if (!field_stays((struct str){ p, len }, open))
			blank(p, len);
		first = false;
		p = nl ? nl + 1 : end;
	}
}
