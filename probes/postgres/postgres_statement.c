/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of one connection: start-up facts, Parse, Bind, Close, portals, and what DEALLOCATE,
 * DISCARD and SET do to them. Names are kept as hashes: only equality matters.
 */
#include "probes/postgres/postgres.h"

#include <stdlib.h>

#include "probes/postgres/sql.h"
#include "user/lib/cursor.h"
#include "user/lib/hash.h"
#include "user/lib/label.h"
#include "user/statement.h"

#define COMMENT_VALUE 128

static uint64_t name_key(struct str name)
{
	return hash_bytes(name.s, name.len, 0);
}

void *postgres_new(const struct probe_env *env)
{
	struct postgres *pg = calloc(1, sizeof(*pg));

	if (!pg)
		return NULL;
	pg->unseen = statement_bare(env->statements, PROTO_POSTGRESQL, STR("unknown"),
				    STR("prepared before attach"));
	u64map_init(&pg->prepared, PG_PREPARED_MAX);
	u64map_init(&pg->portals, PG_PORTALS_MAX);
	return pg;
}

void postgres_free(void *state)
{
	struct postgres *pg = state;

	if (!pg)
		return;
	u64map_clear(&pg->prepared);
	u64map_clear(&pg->portals);
	free(pg);
}

/* As the server reads a boolean; "database" is a walsender that takes SQL, too. */
static bool is_walsender(struct str value)
{
	static const char *const no[] = { "", "false", "off", "no", "0", "f", "n" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (str_ieq(value, str_of(no[i])))
			return false;
	return true;
}

void postgres_startup(struct peer *peer, struct str body)
{
	struct cursor c = cursor_of(body.s, body.len);
	struct postgres *pg = peer->state;
	struct str key, value, database = { NULL, 0 }, user = STR(""), name = STR("");
	uint32_t code;

	if (!cursor_be32(&c, &code) || code >> 16 != 3)
		return; /* asks for TLS, or cancels: the start-up packet is another one */
	while (cursor_cstr(&c, &key) && key.len && cursor_cstr(&c, &value)) {
		if (str_eq(key, STR("user")))
			user = value;
		else if (str_eq(key, STR("database")))
			database = value;
		else if (str_eq(key, STR("application_name")))
			name = value;
		else if (str_eq(key, STR("replication")))
			pg->walsender = peer->walsender = is_walsender(value);
	}
	label_clean(pg->startup_name, sizeof(pg->startup_name), name);
	peer->identify(peer, database.s ? database : user, user, str_of(pg->startup_name));
}

static void comments(const struct probe_env *env, struct str text, struct statement_facts *f,
		     char values[STATEMENT_COMMENTS][COMMENT_VALUE])
{
	const char *const *key = env->comment_keys;

	f->ncomments = 0;
	for (; key && *key && f->ncomments < STATEMENT_COMMENTS; key++) {
		int len =
			sql_comment_value(text, str_of(*key), values[f->ncomments], COMMENT_VALUE);

		if (len < 0)
			continue;
		f->comment_keys[f->ncomments] = str_of(*key);
		f->comment_values[f->ncomments] = (struct str){ values[f->ncomments], len };
		f->ncomments++;
	}
}

const struct statement *postgres_statement(const struct probe_env *env, struct str text, bool cut)
{
	struct sql_info info; /* about 7 KiB */
	char values[STATEMENT_COMMENTS][COMMENT_VALUE];
	struct statement_facts f;

	_Static_assert(SQL_TABLES_MAX <= STATEMENT_TABLES, "all tables fit");
	sql_analyze(&info, text, cut);
	f.protocol = PROTO_POSTGRESQL;
	f.operation = str_of(info.operation);
	f.summary = info.summary;
	f.text = info.text;
	f.key_pattern = STR("");
	f.host = STR("");
	f.ntables = info.ntables;
	memcpy(f.tables, info.tables, info.ntables * sizeof(info.tables[0]));
	comments(env, text, &f, values);
	return statement_intern(env->statements, &f);
}

const struct statement *postgres_replication(const struct probe_env *env, struct str text)
{
	static const char *const commands[] = {
		"BASE_BACKUP",	    "CREATE_REPLICATION_SLOT", "DROP_REPLICATION_SLOT",
		"IDENTIFY_SYSTEM",  "READ_REPLICATION_SLOT",   "START_REPLICATION",
		"TIMELINE_HISTORY", "UPLOAD_MANIFEST",	       "ALTER_REPLICATION_SLOT",
	};
	struct str first = text;

	first.len = 0;
	while (first.len < text.len && !strchr(" \t\r\n;(", text.s[first.len]))
		first.len++;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct str command = str_of(commands[i]);

		if (str_ieq(first, command))
			return statement_bare(env->statements, PROTO_POSTGRESQL, command, command);
	}
	return NULL;
}

/* The tables want void *; statements are never written to. */
static void keep(struct u64map *m, struct str name, const struct statement *st)
{
	void *old;

	if (u64map_put(m, name_key(name), (void *)(uintptr_t)st, &old) < 0)
		u64map_remove(m, name_key(name));
}

void postgres_parse(struct peer *peer, struct str body, bool cut)
{
	struct cursor c = cursor_of(body.s, body.len);
	struct postgres *pg = peer->state;
	const struct statement *st;
	struct str name, sql;
	bool whole;

	if (!cursor_cstr(&c, &name))
		return;
	whole = cursor_cstr(&c, &sql);
	st = postgres_statement(peer->env, sql, cut && !whole);
	if (name.len) {
		keep(&pg->prepared, name, st);
		return;
	}
	pg->unnamed.statement = st;
	pg->unnamed.effect = pg_effect_of(sql);
	if (!pg->unnamed.effect.kind || !pg->unnamed.effect.value.len)
		return;
	/* The text is gone when it is executed. */
	pg->unnamed.effect.value.len =
		label_clean(pg->unnamed_value, sizeof(pg->unnamed_value), pg->unnamed.effect.value);
	pg->unnamed.effect.value.s = pg->unnamed_value;
}

void postgres_bind(struct postgres *pg, struct str body)
{
	struct cursor c = cursor_of(body.s, body.len);
	struct str portal, name;
	struct pg_bound b = { .statement = pg->unseen };
	const struct statement *st;

	if (!cursor_cstr(&c, &portal))
		return;
	if (cursor_cstr(&c, &name)) {
		st = name.len ? u64map_get(&pg->prepared, name_key(name)) : pg->unnamed.statement;
		b.statement = st ? st : pg->unseen;
		if (!name.len)
			b.effect = pg->unnamed.effect;
	}
	if (portal.len)
		keep(&pg->portals, portal, b.statement);
	else
		pg->portal = b;
}

void postgres_close(struct postgres *pg, struct str body)
{
	struct cursor c = cursor_of(body.s, body.len);
	struct str name;
	bool statement = body.len && *body.s == 'S';

	if (!cursor_skip(&c, 1) || !cursor_cstr(&c, &name))
		return;
	if (name.len)
		u64map_remove(statement ? &pg->prepared : &pg->portals, name_key(name));
	else if (statement)
		pg->unnamed.statement = NULL;
	else
		pg->portal.statement = NULL;
}

const struct pg_bound *postgres_portal(struct postgres *pg, struct str body, struct pg_bound *room)
{
	struct cursor c = cursor_of(body.s, body.len);
	const struct statement *st = NULL;
	struct str name;
	bool named = cursor_cstr(&c, &name);

	if (named && !name.len && pg->portal.statement)
		return &pg->portal;
	if (named && name.len)
		st = u64map_get(&pg->portals, name_key(name));
	*room = (struct pg_bound){ .statement = st ? st : pg->unseen };
	return room;
}

void postgres_apply(struct peer *peer, const struct pg_effect *effect)
{
	struct postgres *pg = peer->state;
	struct str none = { NULL, 0 };

	switch (effect->kind) {
	case PG_NOTHING:
		return;
	case PG_DEALLOCATE:
		u64map_remove(&pg->prepared, name_key(effect->value));
		return;
	case PG_SET_NAME:
		peer->identify(peer, none, none, effect->value);
		return;
	case PG_DISCARD_ALL:
		u64map_clear(&pg->portals);
		peer->identify(peer, none, none, str_of(pg->startup_name));
		/* fall through */
	case PG_DEALLOCATE_ALL:
		u64map_clear(&pg->prepared);
		return;
	case PG_RESET_NAME:
		peer->identify(peer, none, none, str_of(pg->startup_name));
		return;
	}
}
