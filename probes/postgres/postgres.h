/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the PostgreSQL decoder: what one connection has prepared, and what is being asked. Message
 * formats: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
#ifndef TALLYMAN_POSTGRES_H
#define TALLYMAN_POSTGRES_H

#include "probes/postgres/postgres_effect.h"
#include "probes/sock/protocol.h"
#include "user/lib/u64map.h"
#include "user/subject.h"

#define PG_PREPARED_MAX 1024
#define PG_PORTALS_MAX 64
#define PG_HEADER_BYTES 5
#define PG_STARTUP_BYTES 8
#define PG_STARTUP_MAX 10000

/* Messages since the last request or Sync: they belong to the next request. */
struct pg_group {
	bool open;
	struct moment begin;
	uint64_t bytes;
};

/* What a statement name or a portal stands for. */
struct pg_bound {
	const struct statement *statement; /* NULL: nothing */
	struct pg_effect effect;
};

struct postgres {
	const struct statement *unseen; /* its Parse was before us */
	struct pg_bound unnamed;
	struct pg_bound portal; /* the unnamed one */
	struct u64map prepared; /* name's hash to const struct statement */
	struct u64map portals;
	struct pg_group group;
	bool walsender;			    /* a replica's, or a backup's */
	uint64_t copy_bytes;		    /* of COPY data since the last other message */
	char unnamed_value[PG_EFFECT_TEXT]; /* what unnamed.effect.value points to */
	char startup_name[SUBJECT_LABEL];   /* application_name of the start-up packet */
};

void *postgres_new(const struct probe_env *env);
void postgres_free(void *state);

/* 1: *bytes is the length of the message at p, 0: more bytes are needed, -EBADMSG. */
int postgres_scan(uint8_t phase, const char *p, size_t n, uint64_t *bytes);

/* One message each; body is what follows the header, as far as it is there. */
void postgres_startup(struct peer *peer, struct str body);
void postgres_parse(struct peer *peer, struct str body, bool cut);
void postgres_bind(struct postgres *pg, struct str body);
void postgres_close(struct postgres *pg, struct str body);
/* What an Execute of this body runs. */
const struct pg_bound *postgres_portal(struct postgres *pg, struct str body, struct pg_bound *room);

/* Interns what sql_analyze() tells. */
const struct statement *postgres_statement(const struct probe_env *env, struct str text, bool cut);
/* The statement of a walsender's command; NULL: it is SQL. */
const struct statement *postgres_replication(const struct probe_env *env, struct str text);
void postgres_apply(struct peer *peer, const struct pg_effect *effect);

#endif
