/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL servers by their postmaster. A postmaster is the process that its own working directory's
 * postmaster.pid names; the directory is the data directory, so its PG_VERSION is the server's. Knows
 * nothing of the maps that the kernel reads.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/pg_cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "user/pg_proc.h"
#include "user/pg_symbol.h"

#define BINARIES_MAX 64

struct server {
	uint32_t postmaster;
	uint64_t start_ticks; /* tells a pid that was used again */
	struct pg_cluster cluster;
	UT_hash_handle hh;
};

/* Whose symbols were read: a node has few binaries, and each has thousands of symbols. */
struct binary {
	dev_t dev;
	ino_t inode;
	off_t bytes;
	struct timespec changed;
	const struct pg_symbol_name *name;
	struct pg_symbol symbol;
	int err;
};

struct pg_clusters {
	struct server *servers;
	struct binary binaries[BINARIES_MAX];
	unsigned int nbinaries; /* ever; the oldest is written over */
	pg_cluster_fn fn;
	void *ctx;
};

int pg_clusters_new(struct pg_clusters **out, pg_cluster_fn fn, void *ctx)
{
	struct pg_clusters *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->fn = fn;
	c->ctx = ctx;
	*out = c;
	return 0;
}

static void server_drop(struct pg_clusters *c, struct server *s)
{
	HASH_DEL(c->servers, s);
	free(s);
}

void pg_clusters_free(struct pg_clusters *c)
{
	struct server *s, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->servers, s, next)
		server_drop(c, s);
	free(c);
}

static struct server *server_get(struct pg_clusters *c, uint32_t postmaster)
{
	struct server *s;

	HASH_FIND(hh, c->servers, &postmaster, sizeof(postmaster), s);
	return s;
}

static bool same_binary(const struct binary *b, const struct stat *st,
			const struct pg_symbol_name *name)
{
	return b->inode == st->st_ino && b->dev == st->st_dev && b->bytes == st->st_size &&
	       b->changed.tv_sec == st->st_ctim.tv_sec &&
	       b->changed.tv_nsec == st->st_ctim.tv_nsec && b->name == name;
}

static int symbol_of(struct pg_clusters *c, int fd, const struct pg_symbol_name *name,
		     struct pg_symbol *out)
{
	struct binary *b;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	for (unsigned int i = 0; i < BINARIES_MAX; i++) {
		b = &c->binaries[i];
		if (same_binary(b, &st, name)) {
			*out = b->symbol;
			return b->err;
		}
	}
	b = &c->binaries[c->nbinaries++ % BINARIES_MAX];
	*b = (struct binary){ st.st_dev, st.st_ino, st.st_size, st.st_ctim, name, { 0 }, 0 };
	b->err = pg_symbol_find(&b->symbol, fd, name->name);
	*out = b->symbol;
	return b->err;
}

/* Is that process the postmaster of the data directory that it is in? */
static int postmaster_check(const struct pg_proc *p)
{
	char text[64];
	int n = pg_proc_cwd_file(p->pid, "postmaster.pid", text, sizeof(text));

	if (n < 0)
		return n == -EACCES || n == -EPERM ? n : -ENOENT;
	return strtoul(text, NULL, 10) == p->inner_pid ? 0 : -ENOENT;
}

static int cluster_read(struct pg_clusters *c, const struct pg_proc *p, struct pg_cluster *out)
{
	const struct pg_symbol_name *name;
	struct pg_symbol symbol = { 0 };
	char version[16];
	uint64_t entry;
	int err, fd;

	err = postmaster_check(p);
	if (err)
		return err;
	err = pg_proc_cwd_file(p->pid, "PG_VERSION", version, sizeof(version));
	if (err < 0)
		return err;
	out->major = (uint32_t)strtoul(version, NULL, 10);
	name = out->major && out->major < 256 ? pg_symbol_of_major(out->major) : NULL;
	if (!name)
		return -ENOTSUP;
	fd = pg_proc_exe(p->pid);
	if (fd < 0)
		return fd;
	err = symbol_of(c, fd, name, &symbol);
	close(fd);
	err = err ?: pg_proc_entry(p->pid, &entry);
	if (err)
		return err;
	/* Unsigned on purpose: a file that lies gives an address in its own process, or none. */
	out->variable = symbol.address + entry - symbol.entry;
	out->image_start = symbol.image_start + entry - symbol.entry;
	out->image_end = symbol.image_end + entry - symbol.entry;
	out->offset = name->offset;
	return 0;
}

static int server_of(struct pg_clusters *c, const struct pg_proc *p, struct server **out)
{
	struct server *s = server_get(c, p->pid);
	struct pg_cluster cluster = { 0 };
	int err;

	if (s && s->start_ticks == p->start_ticks) {
		*out = s;
		return 0;
	}
	if (s)
		server_drop(c, s);
	err = cluster_read(c, p, &cluster);
	if (err)
		return err;
	if (HASH_COUNT(c->servers) >= PG_CLUSTERS_MAX)
		return -ENOSPC;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct server){ .postmaster = p->pid,
			      .start_ticks = p->start_ticks,
			      .cluster = cluster };
	HASH_ADD(hh, c->servers, postmaster, sizeof(s->postmaster), s);
	*out = s;
	c->fn(c->ctx, s->postmaster, &s->cluster);
	return 0;
}

int pg_cluster_find(struct pg_clusters *c, uint32_t pid, uint32_t *postmaster,
		    struct pg_cluster *out)
{
	struct pg_proc self, parent;
	struct server *s = NULL;
	int err = pg_proc_read(&self, pid);

	if (err)
		return err;
	/* The parent first: a backend's working directory is the data directory, too. */
	err = self.parent ? pg_proc_read(&parent, self.parent) : -ENOENT;
	err = err ?: server_of(c, &parent, &s);
	if (err == -ENOENT || err == -ESRCH)
		err = server_of(c, &self, &s);
	if (err)
		return err;
	*postmaster = s->postmaster;
	*out = s->cluster;
	return 0;
}

static int scan_one(void *ctx, uint32_t pid)
{
	struct pg_clusters *c = ctx;
	struct server *s;
	struct pg_proc p;

	if (!pg_proc_read(&p, pid) &&
	    (!strcmp(p.comm, "postgres") || !strcmp(p.comm, "postmaster")))
		server_of(c, &p, &s);
	return 0;
}

void pg_clusters_scan(struct pg_clusters *c)
{
	pg_proc_each(scan_one, c);
}

bool pg_cluster_gone(struct pg_clusters *c, uint32_t pid)
{
	struct server *s = server_get(c, pid);

	if (!s)
		return false;
	server_drop(c, s);
	return true;
}
