/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of one rule, for rules*.c only. */
#ifndef TALLYMAN_RULES_RULE_H
#define TALLYMAN_RULES_RULE_H

#include "user/rules.h"
#include "user/rules_glob.h"

struct rule_cond {
	enum rule_key key;
	char *comment_key; /* RULE_SQL_COMMENT only */
	struct glob **patterns;
	bool *dotted; /* of each pattern: it has a '.' */
	unsigned int npatterns;
	unsigned int room;
};

/* A piece of the name: text, or (capture set) what that capture took. */
struct rule_part {
	bool capture;
	struct str text; /* points into rule.name */
};

struct rule {
	unsigned int line;
	struct rule_cond *conds;
	unsigned int nconds;
	char *name; /* the parts' bytes */
	struct rule_part *parts;
	unsigned int nparts;
	struct {
		const char *name; /* in one of the globs */
		unsigned int cond;
	} captures[GLOB_CAPTURES_MAX];
	unsigned int ncaptures;
};

void rule_render(const struct rule *r, const struct glob_captures *caps, struct rule_name *out);

#endif
