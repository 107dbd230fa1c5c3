/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: one rule's keys, patterns and name as written. Out: the rule compiled, or what is wrong with
 * it; later, its name with the captures filled in. Does not know the file that the texts come from.
 */
#include "user/rules_rule.h"

#include <errno.h>
#include <stdlib.h>

static const char comment_prefix[] = "sql.comment.";

/* In the order of enum rule_key. */
const char *const rule_key_names[] = {
	"cgroup",	    "container",   "process",	    "database",	 "user",
	"application_name", "sql.table",   "sql.operation", "redis.key", "redis.command",
	"http.route",	    "http.method", "host",	    "protocol",	 NULL,
};

struct rule *rule_new(unsigned int line)
{
	struct rule *r = calloc(1, sizeof(*r));

	if (r)
		r->line = line;
	return r;
}

void rule_free(struct rule *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < r->nconds; i++) {
		struct rule_cond *c = &r->conds[i];

		for (unsigned int p = 0; p < c->npatterns; p++)
			glob_free(c->patterns[p]);
		free(c->patterns);
		free(c->dotted);
		free(c->comment_key);
	}
	free(r->conds);
	free(r->parts);
	free(r->name);
	free(r);
}

unsigned int rule_line(const struct rule *r)
{
	return r->line;
}

const char *rule_comment_key(const struct rule *r, unsigned int i)
{
	if (i >= r->nconds)
		return NULL;
	return r->conds[i].key == RULE_SQL_COMMENT ? r->conds[i].comment_key : "";
}

static int key_find(struct str key, struct str *comment)
{
	const size_t len = sizeof(comment_prefix) - 1;

	*comment = STR("");
	if (key.len >= len && !memcmp(key.s, comment_prefix, len)) {
		*comment = (struct str){ key.s + len, key.len - len };
		if (!comment->len || comment->len > RULE_COMMENT_KEY_MAX)
			return -EINVAL;
		return RULE_SQL_COMMENT;
	}
	for (int i = 0; rule_key_names[i]; i++)
		if (str_eq(key, str_of(rule_key_names[i])))
			return i;
	return -ENOENT;
}

int rule_add_key(struct rule *r, struct str key)
{
	struct rule_cond *conds;
	struct str comment;
	char *copy;
	int found = key_find(key, &comment);

	if (found < 0)
		return found;
	for (unsigned int i = 0; i < r->nconds; i++)
		if ((int)r->conds[i].key == found &&
		    (!comment.len || str_eq(comment, str_of(r->conds[i].comment_key))))
			return -EEXIST;
	if (r->nconds == RULE_KEYS_MAX)
		return -E2BIG;
	conds = realloc(r->conds, (r->nconds + 1) * sizeof(*conds));
	if (!conds)
		return -ENOMEM;
	r->conds = conds;
	copy = strndup(comment.s, comment.len);
	if (!copy)
		return -ENOMEM;
	conds[r->nconds++] = (struct rule_cond){ .key = (enum rule_key)found, .comment_key = copy };
	return 0;
}

static enum glob_mode key_mode(enum rule_key key)
{
	if (key == RULE_CGROUP)
		return GLOB_PATH;
	if (key == RULE_SQL_OPERATION || key == RULE_REDIS_COMMAND || key == RULE_PROTOCOL ||
	    key == RULE_HTTP_METHOD || key == RULE_HOST)
		return GLOB_TEXT_NOCASE;
	return GLOB_TEXT;
}

static int cond_reserve(struct rule_cond *c)
{
	unsigned int room = c->room ? c->room * 2 : 4;
	struct glob **patterns;
	bool *dotted;

	if (c->npatterns < c->room)
		return 0;
	patterns = realloc(c->patterns, room * sizeof(struct glob *));
	if (!patterns)
		return -ENOMEM;
	c->patterns = patterns;
	dotted = realloc(c->dotted, room * sizeof(*dotted));
	if (!dotted)
		return -ENOMEM;
	c->dotted = dotted;
	c->room = room;
	return 0;
}

/* Notes the captures of a pattern of the key added last. */
static const char *captures_note(struct rule *r, const struct glob *g)
{
	const unsigned int cond = r->nconds - 1;
	const char *name;

	for (unsigned int i = 0; (name = glob_capture_name(g, i)); i++) {
		unsigned int k = 0;

		while (k < r->ncaptures && strcmp(r->captures[k].name, name))
			k++;
		if (k == GLOB_CAPTURES_MAX)
			return "more than 8 captures in one match";
		/* Which of the two would the name mean? */
		if (k < r->ncaptures && r->captures[k].cond != cond)
			return "another key of this match has a capture of the same name";
		if (k < r->ncaptures)
			continue;
		r->captures[k].name = name;
		r->captures[k].cond = cond;
		r->ncaptures++;
	}
	return NULL;
}

static const char *protocol_check(struct str name)
{
	if (str_ieq(name, STR("postgresql")) || str_ieq(name, STR("redis")) ||
	    str_ieq(name, STR("http")))
		return NULL;
	return "must be postgresql, redis or http";
}

int rule_add_pattern(struct rule *r, struct str pattern, const char **why)
{
	struct rule_cond *c = &r->conds[r->nconds - 1];
	struct glob *g;
	int err;

	*why = c->key == RULE_PROTOCOL ? protocol_check(pattern) : NULL;
	if (c->npatterns == RULE_PATTERNS_MAX)
		*why = "more than 1024 patterns";
	if (*why)
		return -EINVAL;
	err = cond_reserve(c);
	if (err)
		return err;
	err = glob_new(&g, pattern, key_mode(c->key), why);
	if (err)
		return err;
	c->dotted[c->npatterns] = memchr(pattern.s, '.', pattern.len) != NULL;
	c->patterns[c->npatterns++] = g; /* the rule's from here on, also if it is refused */
	*why = captures_note(r, g);
	return *why ? -EINVAL : 0;
}

static bool glob_captures(const struct glob *g, struct str name)
{
	const char *have;

	for (unsigned int i = 0; (have = glob_capture_name(g, i)); i++)
		if (str_eq(name, str_of(have)))
			return true;
	return false;
}

/* Whichever pattern of a list matches, the name needs a value: so all of one key must define it. */
static bool capture_defined(const struct rule *r, struct str name)
{
	for (unsigned int k = 0; k < r->nconds; k++) {
		const struct rule_cond *c = &r->conds[k];
		unsigned int p = 0;

		while (p < c->npatterns && glob_captures(c->patterns[p], name))
			p++;
		if (p && p == c->npatterns)
			return true;
	}
	return false;
}

static const char *part_capture(struct rule *r, struct str rest, struct str *bad)
{
	const char *close = rest.len ? memchr(rest.s, '}', rest.len) : NULL;
	struct rule_part *part = &r->parts[r->nparts];

	if (!close)
		return "a '{' is not closed (write \\{ for the character)";
	*bad = (struct str){ rest.s, (size_t)(close - rest.s) };
	if (!glob_capture_name_valid(*bad))
		return "a name in {} is letters, digits and '_' (write \\{ for the character)";
	if (!capture_defined(r, *bad))
		return "no pattern of the match captures it (every pattern of one key must)";
	*part = (struct rule_part){ .capture = true, .text = *bad };
	r->nparts++;
	return NULL;
}

static void part_literal(struct rule *r, char *at, char c)
{
	struct rule_part *last = r->nparts ? &r->parts[r->nparts - 1] : NULL;

	*at = c;
	if (last && !last->capture && last->text.s + last->text.len == at) {
		last->text.len++;
		return;
	}
	r->parts[r->nparts++] = (struct rule_part){ .text = { at, 1 } };
}

/* r->name holds the name as written; escapes are taken out in place. */
static const char *name_split(struct rule *r, size_t len, struct str *bad)
{
	char *name = r->name;
	size_t put = 0;

	for (size_t i = 0; i < len; i++) {
		if (name[i] == '{') {
			const char *why =
				part_capture(r, (struct str){ name + i + 1, len - i - 1 }, bad);

			if (why)
				return why;
			i += bad->len + 1;
			put = i + 1;
			continue;
		}
		if (name[i] == '\\' && ++i == len)
			return "a '\\' at the end (write \\\\ for the character)";
		part_literal(r, name + put++, name[i]);
	}
	return NULL;
}

int rule_set_name(struct rule *r, struct str name, const char **why, struct str *bad)
{
	*why = NULL;
	*bad = name;
	if (!name.len)
		*why = "is empty";
	else if (name.len > RULE_NAME_MAX)
		*why = "longer than 255 bytes";
	else if (memchr(name.s, '\0', name.len))
		*why = "holds a NUL character";
	if (*why)
		return -EINVAL;
	r->name = strndup(name.s, name.len);
	r->parts = calloc(name.len, sizeof(*r->parts));
	if (!r->name || !r->parts)
		return -ENOMEM;
	*why = name_split(r, name.len, bad);
	return *why ? -EINVAL : 0;
}

static struct str capture_value(const struct glob_captures *caps, struct str name)
{
	for (unsigned int i = 0; i < caps->count; i++)
		if (str_eq(name, str_of(caps->of[i].name)))
			return caps->of[i].value;
	return STR("");
}

void rule_render(const struct rule *r, const struct glob_captures *caps, struct rule_name *out)
{
	size_t len = 0;

	for (unsigned int i = 0; i < r->nparts; i++) {
		const struct rule_part *p = &r->parts[i];
		struct str s = p->capture ? capture_value(caps, p->text) : p->text;

		if (s.len > RULE_NAME_MAX - len) {
			/* A cut name could be somebody else's. */
			s = STR("other");
			len = 0;
			i = r->nparts;
		}
		memcpy(out->s + len, s.s, s.len);
		len += s.len;
	}
	out->s[len] = '\0';
	out->len = len;
}
