/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of rules. `*` any run of characters, `?` one character, `{name}` a capture: a run of at
 * least one character without '/'. `\` takes the next character as it is. Matching is linear in
 * (text x pieces of the pattern), whatever the text.
 *
 * GLOB_PATH: `*` and `?` stop at '/', `**` does not; a pattern that starts with '/' is anchored at
 * the root, any other at any '/'; and what lies below a matching path matches too.
 */
#ifndef TALLYMAN_RULES_GLOB_H
#define TALLYMAN_RULES_GLOB_H

#include <stdbool.h>

#include "user/lib/str.h"

#define GLOB_PATTERN_MAX 512 /* bytes of a pattern */
#define GLOB_TEXT_MAX 4096   /* a longer text matches nothing */
#define GLOB_TOKENS_MAX 63
#define GLOB_CAPTURES_MAX 8 /* of one pattern, and of one rule */
#define GLOB_CAPTURE_NAME_MAX 31

enum glob_mode { GLOB_TEXT, GLOB_TEXT_NOCASE, GLOB_PATH };

struct glob;

/* What captures took; values point into the matched texts, names into the globs. */
struct glob_captures {
	unsigned int count;
	struct {
		const char *name;
		struct str value;
	} of[GLOB_CAPTURES_MAX];
};

/* -EINVAL: *why (static text) says what is wrong with the pattern. -ENOMEM: *why is NULL. */
int glob_new(struct glob **out, struct str pattern, enum glob_mode mode, const char **why);
void glob_free(struct glob *g);

/* Adds to caps only where the whole text matches. An empty text matches nothing. */
bool glob_match(const struct glob *g, struct str text, struct glob_captures *caps);

/* The names of the captures, in order; NULL past the last one. */
const char *glob_capture_name(const struct glob *g, unsigned int i);

/* Letters, digits and '_', not a digit first, at most GLOB_CAPTURE_NAME_MAX. */
bool glob_capture_name_valid(struct str name);

#endif
