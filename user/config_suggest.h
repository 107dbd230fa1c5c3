/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a few words was likely meant by one that is misspelt. */
#ifndef TALLYMAN_CONFIG_SUGGEST_H
#define TALLYMAN_CONFIG_SUGGEST_H

#include "user/lib/str.h"

/* The nearest of `names` (NULL at the end) by edit distance; NULL: none is near. */
const char *suggest_nearest(struct str word, const char *const *names);

/* "a, b, c", cut to fit. */
void suggest_list(char *out, size_t cap, const char *const *names);

#endif
