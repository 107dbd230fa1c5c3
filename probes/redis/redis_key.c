/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key is split into runs: of letters and digits, of bytes that cannot be printed, and single marks.
 * What a run becomes depends on the classes of its characters only, never on which they are; that is
 * what lets a recording be scrubbed and still give the same patterns.
 */
#include "probes/redis/redis_key.h"

#define UUID_LEN 36
#define HEX_MIN 8    /* hexadecimal with a digit in it */
#define MIXED_MIN 10 /* both cases and a digit */
#define ID_MIN 16    /* one case and at least two digits */
#define ANY_MIN 32   /* no word is that long */

enum class { MARK, DIGIT, LETTER, BINARY };

struct run {
	size_t len;
	bool star;
};

static enum class class_of(unsigned char ch) {
	if (ch >= '0' && ch <= '9') return DIGIT;
	if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') return LETTER;
	return ch < 0x20 || ch >= 0x7f ? BINARY : MARK;
}

static bool is_hex(unsigned char ch)
{
	return class_of(ch) == DIGIT || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f');
}

static bool is_word(unsigned char ch)
{
	enum class c = class_of(ch);

	return c == DIGIT || c == LETTER;
}

static bool is_uuid(struct str s)
{
	if (s.len < UUID_LEN || (s.len > UUID_LEN && is_word(s.s[UUID_LEN])))
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.s[i] != '-' : !is_hex(s.s[i]))
			return false;
	}
	return true;
}

/* Does a run of letters and digits look made up by a machine? */
static bool is_token(const char *s, size_t n)
{
	size_t digits = 0, upper = 0, hex = 0;

	if (n < HEX_MIN)
		return false;
	for (size_t i = 0; i < n; i++) {
		digits += class_of(s[i]) == DIGIT;
		upper += s[i] >= 'A' && s[i] <= 'Z';
		hex += is_hex(s[i]);
	}
	if (hex == n && digits)
		return true;
	if (n >= MIXED_MIN && digits && upper && upper + digits < n)
		return true;
	return (n >= ID_MIN && digits > 1) || n >= ANY_MIN;
}

/* The run that s begins with. `cut`: s goes on, so its last word may be the start of a token. */
static struct run run_of(struct str s, bool cut)
{
	enum class c = class_of(s.s[0]);
	size_t n = 1;

	if (c == MARK)
		return (struct run){ 1, false };
	if (c == BINARY) {
		while (n < s.len && class_of(s.s[n]) == BINARY)
			n++;
		return (struct run){ n, true };
	}
	if (is_uuid(s))
		return (struct run){ UUID_LEN, true };
	while (n < s.len && is_word(s.s[n]))
		n++;
	return (struct run){ n, is_token(s.s, n) || (cut && n == s.len) };
}

/* "*-*" and "*.*" are one thing: a date, a UUID of another kind, a decimal number, an address. */
static size_t put_star(char *out, size_t o)
{
	if (o >= 2 && out[o - 2] == '*' && (out[o - 1] == '-' || out[o - 1] == '.'))
		return o - 1;
	if (!o || out[o - 1] != '*')
		out[o++] = '*';
	return o;
}

size_t redis_key_pattern(char out[REDIS_PATTERN_MAX + 1], struct str key, bool cut)
{
	size_t o = 0;

	if (key.len > REDIS_PATTERN_MAX) {
		key.len = REDIS_PATTERN_MAX;
		cut = true;
	}
	while (key.len) {
		struct run r = run_of(key, cut);

		if (r.star)
			o = put_star(out, o);
		for (size_t i = 0; i < r.len && !r.star; i++) {
			if (class_of(key.s[i]) == DIGIT)
				o = put_star(out, o);
			else
				out[o++] = key.s[i];
		}
		key.s += r.len;
		key.len -= r.len;
	}
	out[o] = 0;
	return o;
}

/* Another character of the same class. */
static char blank(char ch)
{
	switch (class_of(ch)) {
	case DIGIT:
		return '0';
	case BINARY:
		return 1;
	case LETTER:
		return (ch & 0x20) | (is_hex(ch) ? 'A' : 'X');
	default:
		return ch;
	}
}

void redis_key_scrub(char *key, size_t len, bool open)
{
	struct str s = { key, len < REDIS_PATTERN_MAX ? len : REDIS_PATTERN_MAX };

	open |= len > s.len;
	memset(key + s.len, 'x', len - s.len);
	while (s.len) {
		struct run r = run_of(s, false);
		bool sure = !open || r.len < s.len;

		for (size_t i = 0; i < r.len; i++)
			if ((r.star && sure) || class_of(s.s[i]) == DIGIT)
				key[i] = blank(s.s[i]);
		key += r.len;
		s.s += r.len;
		s.len -= r.len;
	}
}
