/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing text. In: strings, numbers, label values of any bytes. Out: text that is valid UTF-8.
 */
#include "user/export_buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 65536
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void buf_grow(struct export_buf *b, size_t len)
{
	size_t room = b->room ? b->room : ROOM_MIN;
	char *s;

	while (room - b->len < len)
		room *= 2;
	s = realloc(b->s, room);
	if (!s) {
		b->err = -ENOMEM;
		return;
	}
	b->s = s;
	b->room = room;
}

void export_buf_put(struct export_buf *b, const char *s, size_t len)
{
	if (b->room - b->len < len && !b->err)
		buf_grow(b, len);
	if (b->err)
		return;
	memcpy(b->s + b->len, s, len);
	b->len += len;
}

void export_buf_puts(struct export_buf *b, const char *s)
{
	export_buf_put(b, s, strlen(s));
}

void export_buf_u64(struct export_buf *b, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	export_buf_put(b, digits + i, sizeof(digits) - i);
}

void export_buf_seconds(struct export_buf *b, unsigned __int128 ns)
{
	uint32_t rest = (uint32_t)(ns % 1000000000);
	char fraction[10] = ".";
	size_t len = sizeof(fraction);

	export_buf_u64(b, (uint64_t)(ns / 1000000000));
	if (!rest)
		return;
	for (size_t i = sizeof(fraction) - 1; i; i--, rest /= 10)
		fraction[i] = (char)('0' + rest % 10);
	while (fraction[len - 1] == '0')
		len--;
	export_buf_put(b, fraction, len);
}

static bool is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t export_utf8_len(const char *s)
{
	unsigned char a = (unsigned char)s[0], b = (unsigned char)s[1];

	if (a < 0x80)
		return 1;
	if (a < 0xc2 || a > 0xf4 || !is_tail(s[1]))
		return 0;
	if (a < 0xe0)
		return 2;
	/* Overlong forms, surrogates, and what is past U+10FFFF. */
	if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) ||
	    (a == 0xf4 && b > 0x8f))
		return 0;
	if (!is_tail(s[2]))
		return 0;
	if (a < 0xf0)
		return 3;
	return is_tail(s[3]) ? 4 : 0;
}

static void put_escaped(struct export_buf *b, const char *s, bool quotes)
{
	while (*s) {
		size_t n = export_utf8_len(s);

		if (*s == '\n')
			export_buf_put(b, "\\n", 2);
		else if (*s == '\\')
			export_buf_put(b, "\\\\", 2);
		else if (*s == '"' && quotes)
			export_buf_put(b, "\\\"", 2);
		else if (n)
			export_buf_put(b, s, n);
		else
			export_buf_puts(b, REPLACEMENT);
		s += n ? n : 1;
	}
}

void export_buf_label(struct export_buf *b, const char *value)
{
	put_escaped(b, value, true);
}

void export_buf_help(struct export_buf *b, const char *text)
{
	put_escaped(b, text, false);
}
