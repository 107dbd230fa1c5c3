/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message in, the same one without values out. Names of statements and portals stay, as do the
 * start-up facts that events are made of; bodies that the decoder does not read are zeroed.
 */
#include "probes/postgres/postgres_scrub.h"

#include "probes/postgres/postgres.h"
#include "user/lib/cursor.h"

static void zero_rest(struct cursor *c)
{
	memset((char *)c->p, 0, cursor_left(c));
}

static bool is_fact(struct str key)
{
	return str_eq(key, STR("user")) || str_eq(key, STR("database")) ||
	       str_eq(key, STR("application_name"));
}

static void scrub_startup(struct cursor *c)
{
	struct str key, value;

	if (!cursor_skip(c, PG_STARTUP_BYTES))
		return;
	while (cursor_cstr(c, &key) && key.len) {
		bool whole = cursor_cstr(c, &value);

		if (!is_fact(key))
			memset((char *)value.s, 'x', value.len);
		if (!whole)
			return;
	}
}

static void scrub_text(struct cursor *c, const char *const *comment_keys)
{
	struct str sql;
	bool whole = cursor_cstr(c, &sql);

	postgres_scrub_sql((char *)sql.s, sql.len, comment_keys);
	if (whole)
		zero_rest(c);
}

void postgres_scrub(uint8_t phase, char *message, size_t len, const char *const *comment_keys)
{
	struct cursor c = cursor_of(message, len);
	struct str name;

	if (phase == PHASE_STARTUP) {
		scrub_startup(&c);
		return;
	}
	if (!cursor_skip(&c, PG_HEADER_BYTES))
		return;
	switch (*message) {
	case 'Q':
		scrub_text(&c, comment_keys);
		break;
	case 'P':
		if (cursor_cstr(&c, &name))
			scrub_text(&c, comment_keys);
		break;
	case 'B':
		if (cursor_cstr(&c, &name) && cursor_cstr(&c, &name))
			zero_rest(&c);
		break;
	case 'E':
		if (cursor_cstr(&c, &name))
			zero_rest(&c);
		break;
	case 'C':
	case 'D':
		if (cursor_skip(&c, 1) && cursor_cstr(&c, &name))
			zero_rest(&c);
		break;
	default:
		zero_rest(&c);
	}
}
