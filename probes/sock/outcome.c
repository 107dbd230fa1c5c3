/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reply record in, the outcome of one of its requests out. An error's text is taken only if it is
 * made as the protocol's own are; anything else is "error".
 */
#include "probes/sock/outcome.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "user/lib/intern.h"

#define OUTCOMES_MAX 512
#define SQLSTATE_LEN 5

struct outcomes {
	struct intern *texts; /* NULL: none was made up so far */
};

/* In order. Known from the start, so that made-up ones cannot take their place. */
static const char *const known[] = {
	"00000",    "08006",	 "08P01",      "0A000",	      "22001",	     "22003",
	"22012",    "22023",	 "22P02",      "23502",	      "23503",	     "23505",
	"23514",    "23P01",	 "25001",      "25006",	      "25P02",	     "25P03",
	"26000",    "28000",	 "28P01",      "34000",	      "3D000",	     "3F000",
	"40001",    "40P01",	 "42501",      "42601",	      "42703",	     "42704",
	"42804",    "42846",	 "42883",      "42P01",	      "42P02",	     "42P05",
	"42P07",    "42P18",	 "53100",      "53200",	      "53300",	     "53400",
	"54001",    "55000",	 "55006",      "55P03",	      "57000",	     "57014",
	"57P01",    "57P02",	 "57P03",      "57P05",	      "58000",	     "58030",
	"ASK",	    "BUSY",	 "BUSYGROUP",  "BUSYKEY",     "CLUSTERDOWN", "CROSSSLOT",
	"ERR",	    "EXECABORT", "INPROG",     "INVALIDOBJ",  "LOADING",     "MASTERDOWN",
	"MISCONF",  "MOVED",	 "NOAUTH",     "NOGOODSLAVE", "NOGROUP",     "NOPERM",
	"NOPROTO",  "NOQUORUM",	 "NOREPLICAS", "NOSCRIPT",    "NOTBUSY",     "OOM",
	"P0001",    "P0002",	 "P0003",      "READONLY",    "SLOWLOG",     "STALE",
	"TRYAGAIN", "UNBLOCKED", "UNKILLABLE", "WRONGPASS",   "WRONGTYPE",   "XX000",
	"XX001",    "XX002",
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

struct outcomes *outcomes_new(void)
{
	return calloc(1, sizeof(struct outcomes));
}

void outcomes_free(struct outcomes *o)
{
	if (!o)
		return;
	intern_free(o->texts);
	free(o);
}

static bool well_made(struct str s, enum protocol protocol)
{
	if (!s.len || (protocol == PROTO_POSTGRESQL && s.len != SQLSTATE_LEN))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char ch = s.s[i];

		if (!(ch >= 'A' && ch <= 'Z') && !(ch >= '0' && ch <= '9') && ch != '_')
			return false;
	}
	return true;
}

static const char *status_class(struct str status)
{
	if (status.len == 3 && (status.s[0] == '4' || status.s[0] == '5'))
		return status.s[0] == '4' ? "4xx" : "5xx";
	return "error";
}

static int compare(const void *text, const void *name)
{
	return strcmp(text, *(const char *const *)name);
}

/* Of an error's text, which is well made. */
static const char *made_text(struct outcomes *o, struct str text)
{
	char name[sizeof(((struct rec_error *)0)->text) + 1];
	const char *const *found;

	memcpy(name, text.s, text.len);
	name[text.len] = 0;
	found = bsearch(name, known, KNOWN, sizeof(known[0]), compare);
	if (found)
		return *found;
	if (!o->texts)
		o->texts = intern_new(OUTCOMES_MAX - KNOWN);
	return o->texts ? intern_cstr(o->texts, intern_id(o->texts, text)) : "error";
}

static const char *error_text(struct outcomes *o, const struct rec_reply *r,
			      const struct rec_error *e)
{
	struct str s = { e->text, strnlen(e->text, sizeof(e->text)) };

	if (r->protocol == PROTO_HTTP)
		return status_class(s);
	if (!well_made(s, r->protocol))
		return "error";
	return made_text(o, s);
}

const char *outcome_error(struct outcomes *o, const struct rec_reply *r)
{
	return r->nerrors ? error_text(o, r, &r->errors[0]) : OUTCOME_OK;
}

const char *outcome_of(struct outcomes *o, const struct rec_reply *r, unsigned int index)
{
	unsigned int n = r->nerrors < REPLY_ERRORS ? r->nerrors : REPLY_ERRORS, at = 0;

	if (!n)
		return OUTCOME_OK;
	for (unsigned int i = 0; i < n; i++) {
		at = r->errors[i].index;
		if (r->protocol == PROTO_POSTGRESQL && at >= r->count)
			at = r->count - 1u; /* a Query of several statements is one request */
		if (at == index)
			return error_text(o, r, &r->errors[i]);
	}
	if (index < at)
		return OUTCOME_OK;
	if (r->protocol == PROTO_POSTGRESQL)
		return "skipped";
	return r->flags & REPLY_MORE_ERRORS ? "unknown" : OUTCOME_OK;
}
