/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of commands: arrays of bulk strings, and lines of words. In: bytes of the request direction
 * from a command's first one on. Out: its length and where its first arguments are. Bodies are passed
 * over by their length, so they need not be there.
 */
#include <errno.h>

#include "probes/redis/redis.h"

#define HEADER_MAX 32 /* "*<n>\r\n" */
#define BULK_MAX (512u << 20)
#define ITEMS_MAX (1 << 20)

int redis_header(const char *p, size_t n, char type, int64_t *num)
{
	bool negative = n > 1 && p[1] == '-';
	size_t i = 1 + negative;
	int64_t v = 0;

	if (!n)
		return 0;
	if (p[0] != type)
		return -EBADMSG;
	for (; i < n && i < HEADER_MAX && p[i] >= '0' && p[i] <= '9'; i++)
		v = v <= BULK_MAX ? v * 10 + (p[i] - '0') : v;
	if (i == n)
		return n < HEADER_MAX ? 0 : -EBADMSG;
	if (p[i] == '\r' && ++i == n)
		return 0;
	if (p[i] != '\n' || v > BULK_MAX)
		return -EBADMSG;
	*num = negative ? -1 : v;
	return i + 1;
}

/* A line of words: Redis calls it an inline command. */
static int scan_line(struct redis_scan *s, const char *p, size_t n, uint64_t *bytes, bool *counted)
{
	const char *nl = s->off < n ? memchr(p + s->off, '\n', n - s->off) : NULL;

	*counted = (p[0] | 0x20) >= 'a' && (p[0] | 0x20) <= 'z';
	if (!nl) {
		s->off = n;
		*bytes = n + 1;
		return 0;
	}
	*bytes = nl - p + 1;
	return 1;
}

static int scan_begin(struct redis_scan *s, const char *p, size_t n)
{
	int64_t items = 0;
	int len = redis_header(p, n, '*', &items);

	if (len <= 0)
		return len;
	if (items > ITEMS_MAX)
		return -EBADMSG;
	s->begun = true;
	s->off = len;
	s->nargs = 0;
	s->items = s->total = items > 0 ? items : 0;
	return 1;
}

int redis_scan(struct redis_scan *s, const char *p, size_t n, uint64_t *bytes, bool *counted)
{
	bool word = (p[0] | 0x20) >= 'a' && (p[0] | 0x20) <= 'z';
	int64_t len = 0;
	int r;

	if (word || p[0] == '\r' || p[0] == '\n')
		return scan_line(s, p, n, bytes, counted);
	*bytes = n + 1;
	if (!s->begun) {
		r = scan_begin(s, p, n);
		if (r <= 0)
			return r;
		*counted = s->items;
	}
	while (s->items) {
		r = s->off < n ? redis_header(p + s->off, n - s->off, '$', &len) : 0;
		if (r < 0 || len < 0)
			return -EBADMSG;
		if (!r) {
			*bytes = s->off < n ? n + 1 : s->off + 1;
			return 0;
		}
		s->off += r;
		if (s->nargs < REDIS_ARGS && s->off <= UINT32_MAX)
			s->args[s->nargs++] = (struct redis_arg){ s->off, len };
		s->off += len + 2;
		s->items--;
	}
	*bytes = s->off;
	return 1;
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* Splits at blanks; quotes hold an argument together, but not beyond the line. */
static void line_args(const char *p, size_t n, struct redis_args *out)
{
	size_t i = 0, begin;

	out->n = 0;
	while (out->n < REDIS_ARGS) {
		char quote = 0;

		while (i < n && is_blank(p[i]))
			i++;
		if (i == n)
			break;
		if (p[i] == '"' || p[i] == '\'')
			quote = p[i++];
		begin = i;
		while (i < n && p[i] != '\n' && (quote ? p[i] != quote : !is_blank(p[i])))
			i += quote == '"' && p[i] == '\\' && i + 1 < n && p[i + 1] != '\n' ? 2 : 1;
		out->cut[out->n] = i == n;
		out->arg[out->n++] = (struct str){ p + begin, i - begin };
		i += i < n && quote;
	}
}

void redis_scan_args(const struct redis_scan *s, const char *p, size_t n, struct redis_args *out)
{
	if (!s->begun) {
		out->n = 0;
		if (n && p[0] != '*' && p[0] != '$')
			line_args(p, n, out);
		return;
	}
	out->n = s->nargs;
	for (unsigned int i = 0; i < s->nargs; i++) {
		size_t have = s->args[i].at < n ? n - s->args[i].at : 0;

		out->cut[i] = have < s->args[i].len;
		out->arg[i] =
			(struct str){ p + s->args[i].at, out->cut[i] ? have : s->args[i].len };
	}
}

void redis_describe_line(struct str line, struct redis_facts *out)
{
	struct redis_args args;

	line_args(line.s, line.len, &args);
	if (args.n)
		args.cut[args.n - 1] = false;
	redis_describe(&args, out);
}
