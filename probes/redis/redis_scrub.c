/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a command stay: its framing, a name that is in the table, what says where the key is, and the
 * pattern of the key. All other bytes of arguments are overwritten.
 */
#include "probes/redis/redis_scrub.h"

#include "probes/redis/redis_act.h"

#define STREAMS_LEN 7

/* A command while it is scrubbed: what is known of it before anything is overwritten. */
struct scrub {
	struct redis_args args;
	struct redis_facts facts;
	struct redis_who who;
	bool blocks;
};

static bool may_be_streams(struct str s)
{
	return s.len <= STREAMS_LEN && !strncasecmp(s.s, "STREAMS", s.len);
}

/* Must argument i stay as it is? */
static bool stays(const struct scrub *s, unsigned int i)
{
	const struct redis_command *c = s->facts.command;
	const struct str *arg = &s->args.arg[i];
	bool cut = s->args.cut[i];

	if (i == 0)
		return c || (cut && redis_command_begins(*arg, (struct str){ NULL, 0 }));
	if (!c)
		return false;
	if (i == 1 && c->container)
		return cut && redis_command_begins(s->args.arg[0], *arg);
	if (i == 1 && strchr(c->name, ' '))
		return true;
	if (s->who.stays >> i & 1 || redis_says_reply(&s->facts, &s->args, i))
		return true;
	if (s->blocks && c->keys == KEYS_STREAMS && (!s->facts.key || i < s->facts.key) && !cut &&
	    str_ieq(*arg, STR("BLOCK")))
		return true;
	if (c->keys == KEYS_NUMBER && i + 1u == c->key)
		return arg->len <= 1;
	if (c->keys == KEYS_STREAMS && i >= c->key && (!s->facts.key || i < s->facts.key))
		return may_be_streams(*arg) && (cut || arg->len == STREAMS_LEN);
	return false;
}

static void scrub_arg(const struct scrub *s, unsigned int i, char *p, size_t n)
{
	if (i >= s->args.n)
		memset(p, 'x', n);
	else if (s->facts.key && i == s->facts.key)
		redis_key_scrub(p, n, s->args.cut[i]);
	else if (!stays(s, i))
		memset(p, i ? 'x' : '?', n); /* '?' is in no command's name */
}

static void scrub_array(const struct scrub *s, char *p, size_t n)
{
	int64_t items = 0, len = 0;
	int r = redis_header(p, n, '*', &items);
	size_t off = r > 0 ? (size_t)r : n;

	for (int64_t i = 0; i < items && off < n; i++) {
		size_t have;

		r = redis_header(p + off, n - off, '$', &len);
		if (r <= 0 || len < 0)
			return;
		off += r;
		have = n - off < (size_t)len ? n - off : (size_t)len;
		scrub_arg(s, i < REDIS_ARGS ? i : REDIS_ARGS, p + off, have);
		off += len;
		for (size_t k = 0; k < 2; k++, off++)
			if (off < n)
				p[off] = "\r\n"[k];
	}
}

/* Blanks, quotes and backslashes are what a line is split by. */
static void blank(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!p[i] || !strchr(" \t\r\n'\"\\", p[i]))
			p[i] = 'x';
}

/*
 * '?' is in no command's name; a letter is what makes a line a command, and with this one none begins, whatever
 * comes in the next record.
 */
static void scrub_name(char *p, size_t n)
{
	memset(p, '?', n);
	if (n)
		*p = 'y';
}

static void scrub_line(const struct scrub *s, char *p, size_t n)
{
	char *at = p;

	for (unsigned int i = 0; i < s->args.n; i++) {
		char *arg = (char *)s->args.arg[i].s;

		if (s->facts.key && i == s->facts.key)
			redis_key_scrub(arg, s->args.arg[i].len, s->args.cut[i]);
		else if (!stays(s, i) && !i)
			scrub_name(arg, s->args.arg[i].len);
		else if (!stays(s, i))
			blank(arg, s->args.arg[i].len);
		at = arg + s->args.arg[i].len;
	}
	blank(at, p + n - at);
}

void redis_scrub(const struct redis_scan *scan, char *p, size_t n)
{
	struct scrub s;

	redis_scan_args(scan, p, n, &s.args);
	redis_describe(&s.args, &s.facts);
	redis_who(&s.facts, &s.args, scan->begun ? scan->total : 0, &s.who);
	s.blocks = redis_blocks(&s.facts, &s.args);
	if (scan->begun)
		scrub_array(&s, p, n);
	else if (n && p[0] != '*')
		scrub_line(&s, p, n);
}
