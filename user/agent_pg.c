/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glue between the records, the table of servers and the questions to them. A server is looked for when a
 * backend's first connection is told, so one that starts later is found, too.
 */
#include "user/agent_pg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/pg_ask.h"
#include "user/pg_cluster.h"

struct agent_pg {
	struct agent_pg_config cfg;
	struct pg_clusters *clusters;
	struct pg_ask *ask;
};

static void on_cluster(void *ctx, uint32_t postmaster, const struct pg_cluster *cluster)
{
	struct agent_pg *p = ctx;
	int err = session_pg_cluster(p->cfg.session, postmaster, cluster);

	if (err)
		log_warn("wait events of the PostgreSQL server with pid %u are not known: %s",
			 postmaster, strerror(-err));
}

static void on_piece(void *ctx, const struct pg_ask_piece *piece)
{
	struct rec_blocked r = {
		.hdr = { .kind = REC_BLOCKED, .len = sizeof(r), .time_ns = piece->to_ns },
		.waiter = piece->wait->owner,
		.conn = piece->wait->conn,
		.from_ns = piece->from_ns,
		.to_ns = piece->to_ns,
		.pid = piece->wait->pid,
		.pg_event = piece->wait->pg_event,
		.flags = piece->last ? BLOCKED_LAST : 0,
	};
	struct agent_pg *p = ctx;

	r.nblockers = piece->nblockers < BLOCKED_BY_MAX ? piece->nblockers : BLOCKED_BY_MAX;
	for (unsigned int i = 0; i < r.nblockers; i++)
		r.blockers[i] = piece->blockers[i].pid;
	p->cfg.record(p->cfg.ctx, &r, sizeof(r));
}

static void on_who(void *ctx, uint64_t conn, const struct pg_who_answer *answer)
{
	struct rec_session r = {
		.hdr = { .kind = REC_SESSION, .len = sizeof(r), .time_ns = clock_mono_ns() },
		.conn = conn,
	};
	struct agent_pg *p = ctx;

	snprintf(r.database, sizeof(r.database), "%s", answer->database);
	snprintf(r.user, sizeof(r.user), "%s", answer->user);
	snprintf(r.application_name, sizeof(r.application_name), "%s", answer->application_name);
	p->cfg.record(p->cfg.ctx, &r, sizeof(r));
}

int agent_pg_new(struct agent_pg **out, const struct agent_pg_config *cfg)
{
	const char *connect[CONFIG_SERVERS_MAX];
	struct agent_pg *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	for (unsigned int i = 0; i < cfg->config->nservers; i++)
		connect[i] = cfg->config->servers[i].connect;
	err = pg_clusters_new(&p->clusters, on_cluster, p);
	err = err
		      ?: pg_ask_new(&p->ask,
				    &(struct pg_ask_config){
					    .connect = connect,
					    .nconnect = cfg->config->nservers,
					    .after_ns = cfg->config->lock_ask_ms * NS_PER_MS,
					    .clusters = p->clusters,
					    .fn = on_piece,
					    .who = on_who,
					    .ctx = p,
				    });
	p->cfg.config = NULL;
	if (err) {
		agent_pg_free(p);
		return err;
	}
	pg_clusters_scan(p->clusters);
	*out = p;
	return 0;
}

void agent_pg_free(struct agent_pg *p)
{
	if (!p)
		return;
	pg_ask_free(p->ask);
	pg_clusters_free(p->clusters);
	free(p);
}

static void on_conn(struct agent_pg *p, const struct rec_conn *r)
{
	struct pg_cluster cluster;
	uint32_t postmaster;

	/* What cannot be followed is no error: its backends have no wait events then. */
	if (r->role == ROLE_SERVER && r->protocol == PROTO_POSTGRESQL && r->pid)
		pg_cluster_find(p->clusters, r->pid, &postmaster, &cluster);
	if (r->role == ROLE_SERVER && r->protocol == PROTO_POSTGRESQL && r->pid && r->late)
		pg_ask_session(p->ask, r->conn, r->pid);
}

static void on_process(struct agent_pg *p, const struct rec_process *r)
{
	if (r->change != PROCESS_EXIT)
		return;
	pg_ask_exit(p->ask, r->pid, r->hdr.time_ns);
	if (pg_cluster_gone(p->clusters, r->pid))
		session_pg_cluster(p->cfg.session, r->pid, NULL);
}

void agent_pg_record(struct agent_pg *p, const void *rec, size_t len)
{
	const struct rec_hdr *hdr = rec;

	if (!p || len < sizeof(*hdr))
		return;
	if (hdr->kind == REC_CONN && len >= sizeof(struct rec_conn))
		on_conn(p, rec);
	else if (hdr->kind == REC_PROCESS && len >= sizeof(struct rec_process))
		on_process(p, rec);
	else if (hdr->kind == REC_LOCK && len >= sizeof(struct rec_lock) &&
		 pg_ask_lock(p->ask, rec))
		log_warn("out of memory: a wait for a lock is left out");
}

int agent_pg_fd(const struct agent_pg *p)
{
	return pg_ask_fd(p->ask);
}

int64_t agent_pg_timeout_ms(const struct agent_pg *p, uint64_t now_ns)
{
	uint64_t due_ns = pg_ask_due_ns(p->ask);

	if (due_ns == UINT64_MAX)
		return -1;
	return due_ns > now_ns ? (int64_t)((due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

void agent_pg_poll(struct agent_pg *p, uint64_t now_ns)
{
	pg_ask_poll(p->ask, now_ns);
}

void agent_pg_finish(struct agent_pg *p, uint64_t now_ns)
{
	pg_ask_finish(p->ask, now_ns);
}
