/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a misspelt word and the words that exist. Out: the one that was likely meant. Distance counts
 * letters put in, left out, changed, and neighbours swapped (the most common slip). Bounded: long
 * words are not looked at.
 */
#include "user/config_suggest.h"

#include <stdio.h>

#define WORD_MAX 40

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned int distance(struct str a, struct str b)
{
	unsigned int rows[3][WORD_MAX + 1];
	unsigned int *before = rows[0], *last = rows[1], *now = rows[2];

	for (unsigned int j = 0; j <= b.len; j++)
		now[j] = j;
	for (unsigned int i = 1; i <= a.len; i++) {
		unsigned int *spare = before;

		before = last;
		last = now;
		now = spare;
		now[0] = i;
		for (unsigned int j = 1; j <= b.len; j++) {
			unsigned int change = a.s[i - 1] != b.s[j - 1];

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + change);
			if (i > 1 && j > 1 && a.s[i - 1] == b.s[j - 2] &&
			    a.s[i - 2] == b.s[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return now[b.len];
}

const char *suggest_nearest(struct str word, const char *const *names)
{
	unsigned int best = (unsigned int)(word.len / 3 < 3 ? word.len / 3 : 3) + 1;
	const char *found = NULL;

	if (word.len > WORD_MAX)
		return NULL;
	for (; *names; names++) {
		struct str name = str_of(*names);
		unsigned int d = name.len > WORD_MAX ? best : distance(word, name);

		if (d < best) {
			best = d;
			found = *names;
		}
	}
	return found;
}

void suggest_list(char *out, size_t cap, const char *const *names)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; names[i]; i++) {
		int n = snprintf(out + used, cap - used, "%s%s", i ? ", " : "", names[i]);

		if (n < 0 || (size_t)n >= cap - used)
			return;
		used += (size_t)n;
	}
}
