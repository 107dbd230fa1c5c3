/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment stays if it is a word as programmers choose them: "orders", "stock.picking", "v2",
 * "l10n_de". What makes it an id is decided by its characters alone, so that a scrubbed segment is
 * still one.
 */
#include "probes/http/http_route.h"

#define SEGMENT_MAX 48 /* bytes of a segment that may stay */
#define SEGMENTS_MAX 10
#define DIGITS_MAX 2
#define HEX_MIN 8	/* of a run of hexadecimal digits, one of them a number */
#define MIXED_MIN 10	/* of a run with both cases and a number */
#define CAPITALS_MIN 12 /* of a run with more capitals than camelCase has */
#define RUN_MAX 32	/* of letters and digits: no word is longer */

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch)
{
	return (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
}

/* A run of letters and digits in which machines may have had a hand. */
static bool is_token(const char *s, size_t n)
{
	size_t digits = 0, upper = 0, hex = 0;

	for (size_t i = 0; i < n; i++) {
		digits += is_digit(s[i]);
		upper += s[i] >= 'A' && s[i] <= 'Z';
		hex += is_digit(s[i]) || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f');
	}
	if (n >= HEX_MIN && hex == n && digits)
		return true;
	if (n > RUN_MAX || (n >= MIXED_MIN && digits && upper && upper + digits < n))
		return true;
	return n >= CAPITALS_MIN && upper * 4 > n && upper < n;
}

/* Whatever follows, the segment that begins so does not stay. */
static bool is_lost(struct str s)
{
	size_t digits = 0;

	if (s.len > SEGMENT_MAX || is_digit(s.s[0]))
		return true;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_letter(s.s[i]) && !is_digit(s.s[i]) && !memchr("._-~", s.s[i], 4))
			return true;
		digits += is_digit(s.s[i]);
	}
	return digits > DIGITS_MAX;
}

static bool ends_in_id(struct str s)
{
	size_t n = s.len;

	while (n && is_digit(s.s[n - 1]))
		n--;
	if (n == s.len || (n == 1 && s.s[0] == 'v'))
		return false;
	return s.len - n > 1 || !n || !is_letter(s.s[n - 1]);
}

static bool stays(struct str s)
{
	size_t begin = 0;

	if (is_lost(s) || ends_in_id(s))
		return false;
	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && (is_letter(s.s[i]) || is_digit(s.s[i])))
			continue;
		if (is_token(s.s + begin, i - begin))
			return false;
		begin = i + 1;
	}
	return true;
}

/* The length of "http://" or "https://"; 0: neither. */
static size_t scheme_of(struct str t)
{
	if (t.len >= 7 && !strncasecmp(t.s, "http://", 7))
		return 7;
	return t.len >= 8 && !strncasecmp(t.s, "https://", 8) ? 8 : 0;
}

/* Where the path begins; t.len: there is none. */
static size_t path_begin(struct str t)
{
	size_t at = scheme_of(t);

	if (!at)
		return t.len && t.s[0] == '/' ? 0 : t.len;
	while (at < t.len && !memchr("/?#", t.s[at], 3))
		at++;
	return at < t.len && t.s[at] == '/' ? at : t.len;
}

static size_t path_end(struct str t, size_t at)
{
	while (at < t.len && t.s[at] != '?' && t.s[at] != '#')
		at++;
	return at;
}

/* The segment that p begins with. */
static struct str segment_of(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', end - p);

	return (struct str){ p, (slash ? slash : end) - p };
}

size_t http_route(char out[HTTP_ROUTE_MAX + 1], struct str target, bool cut)
{
	size_t begin = path_begin(target), o = 0;
	const char *p = target.s + begin, *end = target.s + path_end(target, begin);
	bool open = cut && end == target.s + target.len;

	for (unsigned int n = 0; p < end; n++) {
		struct str s = segment_of(p + 1, end);
		bool last = s.s + s.len == end, room = o + s.len + 3 <= HTTP_ROUTE_MAX;

		out[o++] = '/';
		if (s.len && stays(s) && room && n < SEGMENTS_MAX && !(last && open)) {
			memcpy(out + o, s.s, s.len);
			o += s.len;
		} else if (s.len || (last && open)) {
			out[o++] = '*';
		}
		if (n == SEGMENTS_MAX || o + 2 > HTTP_ROUTE_MAX)
			break;
		p = s.s + s.len;
	}
	out[o] = 0;
	return o;
}

/* Of a target without a path, as far as it is there, may only the scheme stay. */
static size_t prefix_kept(struct str t, bool open)
{
	if (open && t.len < 8 &&
	    (!strncasecmp(t.s, "http://", t.len) || !strncasecmp(t.s, "https://", t.len)))
		return t.len;
	return scheme_of(t);
}

void http_route_scrub(char *target, size_t len, bool open)
{
	struct str t = { target, len };
	size_t begin = path_begin(t), end = path_end(t, begin), kept = prefix_kept(t, open);
	char *p = target + begin;

	for (size_t i = kept; i < begin; i++)
		if (t.s[i] != '?' && t.s[i] != '#') /* they say that no path follows */
			target[i] = HTTP_SCRUBBED;
	if (end + 1 < len)
		memset(target + end + 1, HTTP_SCRUBBED, len - end - 1);
	while (p < target + end) {
		struct str s = segment_of(p + 1, target + end);
		bool goes_on = open && s.s + s.len == target + len;

		if (s.len && (goes_on ? is_lost(s) : !stays(s)))
			memset(p + 1, HTTP_SCRUBBED, s.len);
		p += 1 + s.len;
	}
}
