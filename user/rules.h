/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: an ordered list of (match, name). A match is a set of keys, all of which must hold; a key
 * has one or more patterns, any of which may match. The first rule that matches gives its name, in
 * which {capture} stands for what the patterns took. A fact that is empty matches nothing, not even
 * "*".
 */
#ifndef TALLYMAN_RULES_H
#define TALLYMAN_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "user/event.h"
#include "user/lib/str.h"

enum rule_key {
	RULE_CGROUP,
	RULE_CONTAINER,
	RULE_PROCESS,
	RULE_DATABASE,
	RULE_USER,
	RULE_APPLICATION_NAME,
	RULE_SQL_TABLE,
	RULE_SQL_OPERATION,
	RULE_REDIS_KEY,
	RULE_REDIS_COMMAND,
	RULE_HTTP_ROUTE,
	RULE_HTTP_METHOD,
	RULE_HOST,
	RULE_PROTOCOL,
	RULE_SQL_COMMENT, /* "sql.comment." and the comment's key */
	RULE_KEY_MAX
};

#define RULE_KEYS_MAX 32       /* of one match */
#define RULE_PATTERNS_MAX 1024 /* of one key */
#define RULE_COMMENT_KEY_MAX 63
#define RULE_NAME_MAX 255 /* a name that captures make longer is "other" */

/* What is known. NULL and "" are unknown. */
struct rule_facts {
	const char *cgroup; /* path in its hierarchy */
	const char *container;
	const char *process;
	const char *database;
	const char *user;
	const char *application_name;
	const struct statement *statement; /* NULL: not about a statement */
	bool is_context; /* attrib's own: the statement is what the request is done for */
};

struct rule_name {
	size_t len;
	char s[RULE_NAME_MAX + 1]; /* NUL at the end */
};

struct rule;
struct rules;

/*
 * A rule is made in this order: keys, each followed by its patterns, then the name. After any error
 * it can only be freed.
 */
struct rule *rule_new(unsigned int line);
void rule_free(struct rule *r);

/*
 * -ENOENT: no such key. -EEXIST: the rule has it already. -E2BIG: too many keys. -EINVAL: bad
 * comment key.
 */
int rule_add_key(struct rule *r, struct str key);

/* A pattern of the key added last. -EINVAL: *why says what is wrong. */
int rule_add_pattern(struct rule *r, struct str pattern, const char **why);

/* -EINVAL: *why says what is wrong; *bad is the part of the name that it is about. */
int rule_set_name(struct rule *r, struct str name, const char **why, struct str *bad);

/* Line of the file that the rule is from. */
unsigned int rule_line(const struct rule *r);

/*
 * The comment's key if key i of the rule is RULE_SQL_COMMENT; "" if another, NULL past the last
 * key.
 */
const char *rule_comment_key(const struct rule *r, unsigned int i);

/* The names of all keys but sql.comment.*, NULL at the end. */
extern const char *const rule_key_names[];

/* Does a key of it ask about an HTTP request? */
bool rule_is_of_http(const struct rule *r);

struct rules *rules_new(void);
void rules_free(struct rules *list);

/* Takes the rule over, whatever comes of it. */
int rules_add(struct rules *list, struct rule *r);

/* Moves all rules of `from` behind those of `list`; `from` is empty then. */
int rules_append(struct rules *list, struct rules *from);

unsigned int rules_count(const struct rules *list);
const struct rule *rules_at(const struct rules *list, unsigned int i);

/* The first rule that matches, and the name it gives; NULL if none does. Does not allocate. */
const struct rule *rules_match(const struct rules *list, const struct rule_facts *facts,
			       struct rule_name *name);

#endif
