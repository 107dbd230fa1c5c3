/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in a container has a network, file names and process numbers of its own, so none of them says
 * which it is. Our own connection does: its backend is a process that was not there before, has the
 * number that the server told, and a postmaster as its parent. If two fit, neither is taken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/pg_ask_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/clock.h"
#include "user/pg_proc.h"

struct search {
	struct pg_clusters *clusters;
	uint32_t server_pid;
	uint64_t since_ticks;
	uint32_t parent; /* 0: any */
	uint32_t found;
	unsigned int count;
};

/* A process' start is counted in ticks of a clock that goes on while the machine sleeps. */
static uint64_t ticks_of(uint64_t mono_ns)
{
	uint64_t now_ns = clock_mono_ns(), ago_ns = now_ns > mono_ns ? now_ns - mono_ns : 0;
	long hz = sysconf(_SC_CLK_TCK);
	struct timespec boot;
	uint64_t boot_ns;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	boot_ns = (uint64_t)boot.tv_sec * NS_PER_SEC + (uint64_t)boot.tv_nsec;
	return (boot_ns > ago_ns ? boot_ns - ago_ns : 0) / (NS_PER_SEC / (uint64_t)hz);
}

static int backend_check(void *ctx, uint32_t pid)
{
	struct search *s = ctx;
	struct pg_cluster cluster;
	uint32_t postmaster;
	struct pg_proc p;

	if (pg_proc_read(&p, pid) || p.inner_pid != s->server_pid ||
	    p.start_ticks + 1 < s->since_ticks ||
	    pg_cluster_find(s->clusters, pid, &postmaster, &cluster) || postmaster == pid ||
	    (s->parent && postmaster != s->parent))
		return 0;
	s->found = postmaster;
	s->count++;
	return 0;
}

uint32_t pg_ask_peer(struct pg_clusters *clusters, int socket_fd, uint32_t server_pid,
		     uint64_t begun_ns)
{
	struct search s = { .clusters = clusters,
			    .server_pid = server_pid,
			    .since_ticks = ticks_of(begun_ns) };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	/* Of a Unix socket it is who listens: the postmaster. Of another, nobody. */
	if (!getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid > 0)
		s.parent = (uint32_t)peer.pid;
	if (server_pid)
		pg_proc_each(backend_check, &s);
	return s.count == 1 ? s.found : 0;
}

struct child_search {
	uint32_t postmaster;
	uint32_t server_pid;
	uint32_t found;
};

static int child_check(void *ctx, uint32_t pid)
{
	struct child_search *s = ctx;
	struct pg_proc p;

	if (pg_proc_read(&p, pid) || p.parent != s->postmaster || p.inner_pid != s->server_pid)
		return 0;
	s->found = pid;
	return 1;
}

/* The kernel's own list of children where it has one, else all there are. */
static void children_each(uint32_t pid, pg_proc_fn fn, void *ctx)
{
	char path[64];
	uint32_t child;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/children", pid, pid);
	f = fopen(path, "re");
	if (!f) {
		pg_proc_each(fn, ctx);
		return;
	}
	while (fscanf(f, "%u", &child) == 1)
		if (fn(ctx, child))
			break;
	fclose(f);
}

uint32_t pg_ask_child(uint32_t postmaster, uint32_t server_pid)
{
	struct child_search s = { .postmaster = postmaster, .server_pid = server_pid };

	/* Outside of any process namespace of its own, it is the same number. */
	if (!child_check(&s, server_pid))
		children_each(postmaster, child_check, &s);
	return s.found;
}
