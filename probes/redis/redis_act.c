/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which commands count for what. The list of reads is that of commands for which Redis counts keyspace_hits
 * and keyspace_misses, as far as their reply says which of the two it was.
 */
#include "probes/redis/redis_act.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	const char *name;
	uint8_t act;
	uint8_t first; /* argument: of what is read, pushed or acknowledged */
};

/* Sorted by name. */
static const struct entry entries[] = {
	{ "AUTH", ACT_WHO, 0 },		 { "BLMOVE", ACT_POP, 0 },
	{ "BLPOP", ACT_POP, 0 },	 { "BRPOP", ACT_POP, 0 },
	{ "BRPOPLPUSH", ACT_POP, 0 },	 { "CLIENT SETNAME", ACT_WHO, 0 },
	{ "DISCARD", ACT_DISCARD, 0 },	 { "DUMP", ACT_READ, 1 },
	{ "EXEC", ACT_EXEC, 0 },	 { "EXISTS", ACT_READ, 1 },
	{ "EXPIRETIME", ACT_READ, 1 },	 { "GET", ACT_READ, 1 },
	{ "GETDEL", ACT_READ, 1 },	 { "GETEX", ACT_READ, 1 },
	{ "GETSET", ACT_READ, 1 },	 { "HELLO", ACT_WHO, 0 },
	{ "HGET", ACT_READ, 1 },	 { "HGETALL", ACT_READ, 1 },
	{ "HKEYS", ACT_READ, 1 },	 { "HLEN", ACT_READ, 1 },
	{ "HMGET", ACT_READ_EACH, 2 },	 { "HVALS", ACT_READ, 1 },
	{ "JSON.GET", ACT_READ, 1 },	 { "LINDEX", ACT_READ, 1 },
	{ "LLEN", ACT_READ, 1 },	 { "LMOVE", ACT_POP, 0 },
	{ "LPOP", ACT_POP, 0 },		 { "LPUSH", ACT_PUSH, 2 },
	{ "LPUSHX", ACT_PUSH, 2 },	 { "LRANGE", ACT_READ, 1 },
	{ "MGET", ACT_READ_EACH, 1 },	 { "MULTI", ACT_MULTI, 0 },
	{ "PEXPIRETIME", ACT_READ, 1 },	 { "PTTL", ACT_READ, 1 },
	{ "RPOP", ACT_POP, 0 },		 { "RPOPLPUSH", ACT_POP, 0 },
	{ "RPUSH", ACT_PUSH, 2 },	 { "RPUSHX", ACT_PUSH, 2 },
	{ "SCARD", ACT_READ, 1 },	 { "SMEMBERS", ACT_READ, 1 },
	{ "STRLEN", ACT_READ, 1 },	 { "TTL", ACT_READ, 1 },
	{ "XACK", ACT_ACK, 3 },		 { "XADD", ACT_PUSH, 0 },
	{ "XLEN", ACT_READ, 1 },	 { "ZCARD", ACT_READ, 1 },
	{ "ZMSCORE", ACT_READ_EACH, 2 }, { "ZSCORE", ACT_READ, 1 },
};

static const char *const blocking[] = { "BLMOVE", "BLMPOP",   "BLPOP",	  "BRPOP", "BRPOPLPUSH",
					"BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT",  "WAITAOF" };

static int entry_cmp(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->name);
}

static const struct entry *entry_of(const struct redis_facts *facts)
{
	static const struct entry none = { "", ACT_NONE, 0 };
	const struct entry *e = bsearch(facts->operation, entries,
					sizeof(entries) / sizeof(entries[0]), sizeof(entries[0]),
					entry_cmp);

	return e ? e : &none;
}

static bool has_word(const struct redis_args *a, unsigned int from, unsigned int to,
		     struct str word)
{
	for (unsigned int i = from; i < to && i < a->n; i++)
		if (!a->cut[i] && str_ieq(a->arg[i], word))
			return true;
	return false;
}

bool redis_blocks(const struct redis_facts *facts, const struct redis_args *args)
{
	if (facts->operation[0] == 'X')
		return (!strcmp(facts->operation, "XREAD") ||
			!strcmp(facts->operation, "XREADGROUP")) &&
		       has_word(args, 1, facts->key ? facts->key : args->n, STR("BLOCK"));
	if (facts->operation[0] != 'B' && facts->operation[0] != 'W')
		return false;
	for (size_t i = 0; i < sizeof(blocking) / sizeof(blocking[0]); i++)
		if (!strcmp(facts->operation, blocking[i]))
			return true;
	return false;
}

/* Argument i is a name: it stays, though it is one only when all of it is there. */
static void name_at(const struct redis_args *a, unsigned int i, struct str *name,
		    struct redis_who *out)
{
	out->stays |= 1u << i;
	if (i < a->n && !a->cut[i])
		*name = a->arg[i];
}

static bool is_word(const struct redis_args *a, unsigned int i, struct str word)
{
	return !a->cut[i] && str_ieq(a->arg[i], word);
}

/* It goes on behind what is there, and may become the word. */
static bool begins_word(const struct redis_args *a, unsigned int i, struct str word)
{
	return a->cut[i] && a->arg[i].len < word.len &&
	       !strncasecmp(a->arg[i].s, word.s, a->arg[i].len);
}

static bool may_be_word(const struct redis_args *a, unsigned int i, struct str word)
{
	return is_word(a, i, word) || begins_word(a, i, word);
}

bool redis_says_reply(const struct redis_facts *facts, const struct redis_args *a, unsigned int i)
{
	if (i != 2 || i >= a->n || strcmp(facts->operation, "CLIENT REPLY"))
		return false;
	return may_be_word(a, i, STR("ON")) || may_be_word(a, i, STR("OFF")) ||
	       may_be_word(a, i, STR("SKIP"));
}

/* Of commands that were missed those had no reply to which none was asked for. */
static void missed(struct redis_session *s, uint32_t number)
{
	if (!s->next || number == s->next)
		return;
	if (s->replies == REPLIES_NONE) {
		s->unanswered += number - s->next;
	} else if (s->replies == REPLIES_NOT_NEXT) {
		s->unanswered++;
		s->replies = REPLIES_ALL;
	}
}

bool redis_replies(struct redis_session *s, const struct redis_facts *facts,
		   const struct redis_args *a, uint32_t *number)
{
	bool says = redis_says_reply(facts, a, 2) && !s->multi;
	enum redis_replies now;

	missed(s, *number);
	s->next = *number + 1;
	now = s->replies;
	if (now == REPLIES_NOT_NEXT)
		s->replies = REPLIES_ALL;
	if (says && is_word(a, 2, STR("OFF")))
		s->replies = now = REPLIES_NONE;
	else if (says && is_word(a, 2, STR("ON")))
		s->replies = now = REPLIES_ALL;
	else if (says && is_word(a, 2, STR("SKIP")) && now != REPLIES_NONE)
		s->replies = now = REPLIES_NOT_NEXT;
	*number -= s->unanswered;
	s->unanswered += now != REPLIES_ALL;
	return now == REPLIES_ALL;
}

/* HELLO [version [AUTH user password] [SETNAME name]] */
static void who_hello(const struct redis_args *a, uint32_t total, struct redis_who *out)
{
	unsigned int i = 2;

	out->stays |= 1u << 1;
	while (i < a->n && i + 2 < REDIS_ARGS) {
		if (is_word(a, i, STR("AUTH")) && i + 2 < total) {
			name_at(a, i + 1, &out->user, out);
			out->stays |= 1u << i;
			i += 3;
		} else if (is_word(a, i, STR("SETNAME")) && i + 1 < total) {
			name_at(a, i + 1, &out->application_name, out);
			out->stays |= 1u << i;
			i += 2;
		} else {
			if (begins_word(a, i, STR("AUTH")) || begins_word(a, i, STR("SETNAME")))
				out->stays |= 1u << i;
			return;
		}
	}
}

void redis_who(const struct redis_facts *facts, const struct redis_args *a, uint32_t total,
	       struct redis_who *out)
{
	*out = (struct redis_who){ 0 };
	if (!strcmp(facts->operation, "AUTH") && total == 3) /* else it is a password */
		name_at(a, 1, &out->user, out);
	else if (!strcmp(facts->operation, "CLIENT SETNAME") && total == 3)
		name_at(a, 2, &out->application_name, out);
	else if (!strcmp(facts->operation, "HELLO"))
		who_hello(a, total, out);
}

static void keep(char room[REDIS_WHO_MAX], struct str s)
{
	size_t n = s.len < REDIS_WHO_MAX ? s.len : REDIS_WHO_MAX - 1;

	if (!s.s)
		return;
	memcpy(room, s.s, n);
	room[n] = 0;
}

static void say_who(struct redis_session *s, const struct redis_facts *facts,
		    const struct redis_args *args, uint32_t total)
{
	struct redis_who who;

	redis_who(facts, args, total, &who);
	keep(s->user, who.user);
	keep(s->application_name, who.application_name);
}

/* What ends a transaction tells how many commands it had, and since when. */
static void end_multi(struct redis_session *s, struct act *out)
{
	out->items = s->queued;
	out->since_ns = s->multi ? s->multi_ns : 0;
	s->multi = s->unsure = false;
	s->queued = 0;
}

/* In a transaction a reply only says that the command is queued. */
static void queue(struct redis_session *s, struct act *out)
{
	s->queued += s->multi;
	if (out->kind != ACT_PUSH)
		out->kind = ACT_NONE;
	out->blocks = false;
}

static void plain(const struct entry *e, const struct redis_facts *facts,
		  const struct redis_args *args, uint32_t total, struct act *out)
{
	out->kind = e->act;
	out->blocks = redis_blocks(facts, args);
	out->items = !e->first ? 1 : total > e->first ? total - e->first : 0;
	if (e->act == ACT_READ && out->items != 1 && !strcmp(e->name, "EXISTS"))
		out->kind = ACT_NONE; /* how many of several: the record does not say */
	if (args->n > 2 && (!strcmp(e->name, "LPOP") || !strcmp(e->name, "RPOP")))
		out->kind = ACT_POP_MANY;
}

void redis_act(struct redis_session *s, const struct redis_facts *facts,
	       const struct redis_args *args, uint32_t sent, uint64_t read_ns, struct act *out)
{
	const struct entry *e = entry_of(facts);
	uint32_t total = sent ? sent : args->n;

	*out = (struct act){ .kind = e->act };
	switch (e->act) {
	case ACT_MULTI:
		s->unsure = false;
		if (!s->multi) {
			s->multi = s->had_multi = true;
			s->multi_ns = read_ns;
			s->queued = 0;
		}
		return;
	case ACT_EXEC:
	case ACT_DISCARD:
		end_multi(s, out);
		return;
	case ACT_WHO:
		say_who(s, facts, args, sent);
		return;
	}
	if (!strcmp(facts->operation, "RESET"))
		s->multi = s->unsure = false;
	plain(e, facts, args, total, out);
	if (s->multi || s->unsure)
		queue(s, out);
}

static void acted_multi(const struct act *a, const struct rec_reply *r, bool ok, bool nil,
			struct event_request *e)
{
	struct event_redis *out = &e->redis;

	if (a->kind == ACT_DISCARD)
		out->transaction = ok ? MULTI_DISCARDED : MULTI_NONE;
	else if (!ok)
		out->transaction = strcmp(e->outcome, "EXECABORT") ? MULTI_NONE : MULTI_ABORTED;
	else
		/* An empty transaction has an empty array, which looks like nil here. */
		out->transaction = nil && (a->items || !a->since_ns) ? MULTI_CONFLICT
								     : MULTI_EXECUTED;
	if (out->transaction == MULTI_NONE)
		return;
	out->commands = a->items;
	out->transaction_ns =
		a->since_ns && a->since_ns < r->hdr.time_ns ? r->hdr.time_ns - a->since_ns : 0;
}

void redis_acted(const struct act *a, const struct rec_reply *r, unsigned int index, bool ok,
		 struct event_request *e)
{
	bool last = index + 1u == r->count, nil = index < 64 && r->nils >> index & 1;
	struct event_redis *out = &e->redis;

	if (a->blocks) {
		out->blocks = true;
		out->blocked_ns = e->service_ns;
		e->service_ns = 0;
	}
	if (a->kind == ACT_EXEC || a->kind == ACT_DISCARD)
		acted_multi(a, r, ok, nil, e);
	if (!ok)
		return;
	switch (a->kind) {
	case ACT_READ:
		out->misses = nil;
		out->hits = !nil;
		return;
	case ACT_READ_EACH:
		if (last && r->nil_items == NIL_ITEMS_MAX)
			return; /* more than can be told */
		out->misses = !last ? 0 : r->nil_items < a->items ? r->nil_items : a->items;
		out->hits = a->items - out->misses;
		return;
	case ACT_PUSH:
		out->pushed = nil ? 0 : a->items;
		return;
	case ACT_POP:
		out->popped = !nil;
		return;
	case ACT_POP_MANY:
		out->popped = last && !nil ? r->completes : 0;
		return;
	case ACT_ACK:
		out->popped = nil ? 0 : a->items;
		return;
	}
}
