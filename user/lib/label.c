/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels end up in terminals, JSON and Prometheus text: every byte that could upset one of them is
 * replaced here, once, and a cut never splits a character.
 */
#include "user/lib/label.h"

/* Length of the valid UTF-8 character at s, 0 if there is none. */
static size_t utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.s;
	size_t n;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 2)
		return p[1] < 0xa0 && p[0] == 0xc2 ? 0 : n; /* C1 controls */
	/* Longer than needed, surrogates, or beyond the last plane. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

size_t label_clean(char *out, size_t size, struct str in)
{
	size_t o = 0;

	while (in.len) {
		size_t n = utf8_len(in), take = n ? n : 1;

		if (o + take >= size)
			break;
		if (n)
			memcpy(out + o, in.s, n);
		else
			out[o] = '?';
		o += take;
		in.s += take;
		in.len -= take;
	}
	out[o] = 0;
	return o;
}
