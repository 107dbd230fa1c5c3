/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels one by one, each behind its length, up to an empty one. A question is the first name in its message: a
 * pointer to an earlier one is malformed, and is not followed.
 */
#include "user/dns_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 255
#define LABEL_MAX 63
#define LABELS_MAX 127
#define LABELS_KEPT 5
#define LABEL_KEPT 24 /* longer ones are nobody's choice */
#define HEX_ID_MIN 8
#define NUMBERS_MAX 2 /* in a label: with more it is an id */

struct label {
	const unsigned char *s;
	size_t len;
};

/* -1: malformed. */
static int labels_read(const unsigned char *p, size_t len, struct label labels[LABELS_MAX])
{
	size_t at = 0;
	int n = 0;

	while (at < len && at < NAME_BYTES_MAX) {
		size_t size = p[at++];

		if (!size)
			return n;
		if (size > LABEL_MAX || size > len - at || n == LABELS_MAX)
			return -1;
		labels[n++] = (struct label){ p + at, size };
		at += size;
	}
	return -1;
}

static bool is_id(const struct label *l)
{
	size_t digits = 0, numbers = 0, hex = 0;

	for (size_t i = 0; i < l->len; i++) {
		bool digit = isdigit(l->s[i]);

		if (!isalnum(l->s[i]) && l->s[i] != '-' && l->s[i] != '_')
			return true;
		digits += digit;
		numbers += digit && (!i || !isdigit(l->s[i - 1]));
		hex += isxdigit(l->s[i]) || l->s[i] == '-';
	}
	return l->len == 1 || l->len > LABEL_KEPT || numbers > NUMBERS_MAX ||
	       (digits && hex == l->len && l->len >= HEX_ID_MIN);
}

/* Into out[LABEL_KEPT + 1]; numbers as `*`. */
static void label_fold(const struct label *l, char *out)
{
	size_t n = 0;

	if (is_id(l)) {
		memcpy(out, "*", 2);
		return;
	}
	for (size_t i = 0; i < l->len; i++) {
		if (!isdigit(l->s[i]))
			out[n++] = (char)tolower(l->s[i]);
		else if (!n || out[n - 1] != '*')
			out[n++] = '*';
	}
	out[n] = '\0';
}

/* Puts `label` and a dot before what is there. false: there is no room. */
static bool put_before(char out[NET_NAME_MAX], const char *label)
{
	size_t n = strlen(label), old = strlen(out), room = NET_NAME_MAX - sizeof("*.");

	if (!strcmp(label, "*") && out[0] == '*' && (!out[1] || out[1] == '.'))
		return true;
	if (n + !!old + old > room)
		return false;
	if (old) {
		memmove(out + n + 1, out, old + 1);
		out[n] = '.';
		memcpy(out, label, n);
	} else {
		memcpy(out, label, n + 1);
	}
	return true;
}

/* What was left out before it. */
static void star_before(char out[NET_NAME_MAX])
{
	size_t n = strlen(out);

	if (out[0] == '*' && (!out[1] || out[1] == '.'))
		return;
	memmove(out + 2, out, n + 1);
	memcpy(out, "*.", 2);
}

void dns_name_pattern(const unsigned char *name, size_t len, char out[NET_NAME_MAX])
{
	struct label labels[LABELS_MAX];
	char label[LABEL_KEPT + 1];
	int n = labels_read(name, len, labels), i = n;

	if (n < 0) {
		snprintf(out, NET_NAME_MAX, len ? "malformed" : "unread");
		return;
	}
	out[0] = '\0';
	for (; i > 0 && n - i < LABELS_KEPT; i--) {
		label_fold(&labels[i - 1], label);
		if (!put_before(out, label))
			break;
	}
	if (i > 0)
		star_before(out);
	if (n < 2)
		strcat(out, ".");
}
