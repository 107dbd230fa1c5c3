/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a libpq connection string. Out: the same as lists, with our own defaults behind. libpq looks a host
 * name up with a call that blocks, so a host is a socket's directory or a numeric address.
 */
#include "user/pg_conninfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <postgresql/libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Those that make libpq ask other services, or change what our own statements mean. */
static const char *const refused[] = { "service", "replication", "gssencmode", "krbsrvname" };

static bool is_address(const char *s)
{
	char binary[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, binary) == 1 || inet_pton(AF_INET6, s, binary) == 1;
}

static int option_check(const PQconninfoOption *o, char *err, size_t cap)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!strcmp(o->keyword, refused[i])) {
			snprintf(err, cap, "\"%s\" cannot be set here", refused[i]);
			return -EINVAL;
		}
	if (!strcmp(o->keyword, "host") && !is_address(o->val) &&
	    (o->val[0] != '/' || strchr(o->val, ','))) {
		snprintf(err, cap,
			 "host must be the directory of one socket or a numeric address (a "
			 "name would have to be looked up)");
		return -EINVAL;
	}
	if (!strcmp(o->keyword, "hostaddr") && !is_address(o->val)) {
		snprintf(err, cap, "hostaddr must be one numeric address");
		return -EINVAL;
	}
	return 0;
}

static void add(struct pg_conninfo *c, unsigned int *n, const char *keyword, const char *value)
{
	c->keywords[*n] = keyword;
	c->values[(*n)++] = value;
}

int pg_conninfo_parse(struct pg_conninfo *out, const char *text, char *err, size_t cap)
{
	PQconninfoOption *all = PQconninfoParse(text, NULL);
	struct pg_conninfo c = { .parsed = all };
	bool place = false;
	unsigned int n = 0;
	int bad = 0;

	if (!all) { /* libpq's own message quotes the string */
		snprintf(err, cap,
			 "not a connection string of libpq, as in \"host=/run/postgresql "
			 "user=tallyman dbname=postgres\"");
		return -EINVAL;
	}
	for (PQconninfoOption *o = all; o->keyword && !bad; o++) {
		if (!o->val || !o->val[0])
			continue;
		bad = option_check(o, err, cap);
		place |= !strcmp(o->keyword, "host") || !strcmp(o->keyword, "hostaddr");
		if (n < PG_CONNINFO_KEYS - 3)
			add(&c, &n, o->keyword, o->val);
	}
	if (!bad && !place) {
		snprintf(err, cap,
			 "says no host: the directory of the server's socket, or a "
			 "numeric address");
		bad = -EINVAL;
	}
	if (bad) {
		PQconninfoFree(all);
		return bad;
	}
	add(&c, &n, "fallback_application_name", "tallyman");
	add(&c, &n, "gssencmode", "disable");
	*out = c;
	return 0;
}

void pg_conninfo_free(struct pg_conninfo *c)
{
	PQconninfoFree(c->parsed);
	*c = (struct pg_conninfo){ 0 };
}
