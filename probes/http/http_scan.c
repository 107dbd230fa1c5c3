/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a header. In: bytes of the request direction from a request's first one on, whole or
 * cut. Out: where the header ends, its request line, its fields. The kernel's framing goes by the same
 * rule: a header ends with the first line that is empty but for a carriage return.
 */
#include "probes/http/http.h"

#define LENGTH_MAX (1ull << 48)

int http_scan(struct http_scan *s, const char *p, size_t n, uint64_t *bytes, bool *counted)
{
	size_t blank = 0;

	*counted = true;
	while (!s->line && blank < n && (p[blank] == '\r' || p[blank] == '\n'))
		blank++;
	if (blank) {
		*counted = false;
		*bytes = blank;
		return 1;
	}
	while (s->line < n) {
		const char *nl = memchr(p + s->line, '\n', n - s->line);
		size_t len = nl ? (size_t)(nl - p) - s->line : 0;

		if (!nl)
			break;
		if (!len || (len == 1 && p[s->line] == '\r')) {
			*bytes = nl - p + 1;
			return 1;
		}
		s->line = nl - p + 1;
	}
	*bytes = n + 1;
	return 0;
}

static bool ends_line(char ch)
{
	return ch == '\r' || ch == '\n';
}

/* From p[*at] up to a blank or the line's end; *cut: neither came. */
static struct str word(const char *p, size_t n, size_t *at, bool *cut)
{
	struct str s = { p + *at, 0 };

	while (*at < n && p[*at] != ' ' && !ends_line(p[*at]))
		++*at;
	s.len = p + *at - s.s;
	*cut = *at == n;
	return s;
}

void http_line_parse(struct http_line *out, const char *p, size_t n)
{
	size_t at = 0;

	out->method = word(p, n, &at, &out->method_cut);
	if (at < n && p[at] == ' ')
		at++;
	out->target = word(p, n, &at, &out->target_cut);
	out->end = at;
}

static const struct {
	enum http_field field;
	struct str name;
} fields[] = {
	{ HTTP_FIELD_HOST, { "host:", 5 } },
	{ HTTP_FIELD_LENGTH, { "content-length:", 15 } },
	{ HTTP_FIELD_TRACE, { "traceparent:", 12 } },
};

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

enum http_field http_field_of(struct str line, bool open, struct str *value)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct str name = fields[i].name;
		size_t n = line.len < name.len ? line.len : name.len;

		if (strncasecmp(line.s, name.s, n) || (n < name.len && !open))
			continue;
		*value = (struct str){ line.s + n, line.len - n };
		while (value->len && is_blank(value->s[0])) {
			value->s++;
			value->len--;
		}
		while (value->len && is_blank(value->s[value->len - 1]))
			value->len--;
		return fields[i].field;
	}
	return HTTP_FIELD_OTHER;
}

bool http_host_is_valid(struct str host)
{
	if (host.len > HTTP_HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char ch = host.s[i], low = ch | 0x20;

		if (!(low >= 'a' && low <= 'z') && !(ch >= '0' && ch <= '9') &&
		    !memchr(".-_:[]", ch, 6))
			return false;
	}
	return true;
}

static void host_take(struct http_facts *out, struct str host)
{
	const char *colon = host.len && host.s[0] != '[' ? memchr(host.s, ':', host.len) : NULL;
	const char *bracket = host.len && host.s[0] == '[' ? memchr(host.s, ']', host.len) : NULL;
	size_t n = colon ? (size_t)(colon - host.s) : host.len;

	if (bracket)
		n = bracket - host.s + 1;
	for (size_t i = 0; i < n; i++)
		out->host[i] = host.s[i] >= 'A' && host.s[i] <= 'Z' ? host.s[i] | 0x20 : host.s[i];
	out->host[n] = 0;
}

static void length_take(struct http_facts *out, struct str value)
{
	uint64_t v = 0;

	if (value.len > HTTP_LENGTH_DIGITS)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if (value.s[i] < '0' || value.s[i] > '9' || v > LENGTH_MAX)
			return;
		v = v * 10 + (value.s[i] - '0');
	}
	out->body_bytes = v;
}

/* The fields behind the request line. A line that is not all there is left out. */
static void fields_take(struct http_facts *out, const char *p, size_t n)
{
	const char *end = p + n, *nl = n ? memchr(p, '\n', n) : NULL;

	while (nl) {
		struct str line = { nl + 1, 0 }, value;

		nl = line.s < end ? memchr(line.s, '\n', end - line.s) : NULL;
		if (!nl)
			return;
		line.len = nl - line.s;
		if (line.len && nl[-1] == '\r')
			line.len--;
		switch (http_field_of(line, false, &value)) {
		case HTTP_FIELD_HOST:
			if (!*out->host && http_host_is_valid(value))
				host_take(out, value);
			break;
		case HTTP_FIELD_LENGTH:
			length_take(out, value);
			break;
		default:
			break;
		}
	}
}

/* "GET /route"; of a path that we cannot tell, the method alone. */
static void operation_put(struct http_facts *out, const char *method, size_t route_len)
{
	size_t len = strlen(method);

	memcpy(out->operation, method, len);
	if (route_len) {
		out->operation[len++] = ' ';
		memcpy(out->operation + len, out->route, route_len);
		len += route_len;
	}
	out->operation[len] = 0;
}

void http_describe(const char *p, size_t n, struct http_facts *out)
{
	struct http_line line;
	const char *method;
	size_t route_len = 0;

	http_line_parse(&line, p, n);
	method = line.method_cut ? NULL : http_method_find(line.method);
	out->route[0] = 0;
	out->host[0] = 0;
	out->body_bytes = 0;
	if (method && strcmp(method, "CONNECT"))
		route_len = http_route(out->route, line.target, line.target_cut);
	operation_put(out, method ? method : "unknown", route_len);
	fields_take(out, p, n);
}

static const char *const methods[] = { "GET",	"POST",	   "HEAD",  "PUT",    "DELETE",
				       "PATCH", "OPTIONS", "TRACE", "CONNECT" };

const char *http_method_find(struct str method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_eq(method, str_of(methods[i])))
			return methods[i];
	return NULL;
}

bool http_method_begins(struct str method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (method.len <= strlen(methods[i]) && !memcmp(method.s, methods[i], method.len))
			return true;
	return false;
}
