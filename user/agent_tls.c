/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library is a file, whatever it is called: containers of one image share theirs, others have their own. A
 * process that was just executed is looked at a little later, when its libraries are loaded. From time to
 * time all processes are looked at, and what none of them has loaded any more is let go.
 */
#include "user/agent_tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf/wire.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/pg_proc.h"
#include "user/session.h"
#include "user/session_tls.h"
#include "user/tls_maps.h"

#define STARTED_MAX 256
#define LOAD_NS (50 * NS_PER_MS)
#define SCAN_NS (60 * NS_PER_SEC)
#define STRANGERS_A_POLL 64

/* hooks NULL: it was read, and cannot be hooked. */
struct library {
	dev_t dev;
	ino_t inode;
	unsigned int scan;	/* the last one that saw it ... */
	unsigned int processes; /* ... and how many have it, since then */
	unsigned int look; /* at the process that was counted last: it may map the file twice */
	int err;	   /* why it is not hooked */
	struct session_tls *hooks;
};

/* A process that was executed. */
struct started {
	uint32_t pid;
	uint64_t due_ns;
};

struct agent_tls {
	struct session *session;
	struct library libraries[TLS_LIBRARIES_MAX];
	unsigned int nlibraries;
	struct started started[STARTED_MAX]; /* oldest at `first`, nstarted of them */
	unsigned int first, nstarted;
	unsigned int scan, look;
	uint64_t scan_ns; /* the next one */
	bool scanning;
	bool full; /* told so */
};

static struct library *library_find(struct agent_tls *t, const struct stat *st)
{
	for (unsigned int i = 0; i < t->nlibraries; i++)
		if (t->libraries[i].inode == st->st_ino && t->libraries[i].dev == st->st_dev)
			return &t->libraries[i];
	return NULL;
}

static struct library *library_add(struct agent_tls *t, const struct stat *st)
{
	struct library *l;

	if (t->nlibraries == TLS_LIBRARIES_MAX) {
		if (!t->full)
			log_warn("more than %d TLS libraries: what others encrypt is only counted",
				 TLS_LIBRARIES_MAX);
		t->full = true;
		return NULL;
	}
	l = &t->libraries[t->nlibraries++];
	*l = (struct library){ .dev = st->st_dev, .inode = st->st_ino };
	return l;
}

static void on_library(void *ctx, int fd, const char *name)
{
	struct agent_tls *t = ctx;
	struct tls_library where;
	struct library *l;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return;
	l = library_find(t, &st);
	if (l) {
		if (t->scanning &&
		    l->look != t->look) /* or it may be one that was counted before */
			l->processes = l->scan == t->scan ? l->processes + 1 : 1;
		l->scan = t->scan;
		l->look = t->look;
		return;
	}
	l = library_add(t, &st);
	if (!l)
		return;
	l->scan = t->scan;
	l->look = t->look;
	l->processes = 1;
	err = tls_library_read(&where, fd);
	err = err ?: session_tls_attach(t->session, fd, &where, &l->hooks);
	l->err = err;
	if (err)
		log_warn("a TLS library of inode %" PRIu64 " is not hooked: %s",
			 (uint64_t)st.st_ino, strerror(-err));
	else
		log_info("TLS: hooked a library, inode %" PRIu64 "%s", (uint64_t)st.st_ino,
			 strstr(name, " (deleted)") ? " (deleted)" : "");
}

static int look_at(void *ctx, uint32_t pid)
{
	struct agent_tls *t = ctx;

	t->look++;
	tls_maps_each(pid, on_library, t); /* one that is gone has none */
	return 0;
}

/* What no process has loaded keeps nothing but its file. */
static void libraries_sweep(struct agent_tls *t)
{
	for (unsigned int i = t->nlibraries; i-- > 0;) {
		struct library *l = &t->libraries[i];

		if (l->scan == t->scan)
			continue;
		session_tls_detach(l->hooks);
		*l = t->libraries[--t->nlibraries];
	}
}

static void scan(struct agent_tls *t, uint64_t now_ns)
{
	t->scan++;
	t->scan_ns = now_ns + SCAN_NS;
	t->scanning = true;
	pg_proc_each(look_at, t);
	t->scanning = false;
	libraries_sweep(t);
}

int agent_tls_new(struct agent_tls **out, struct session *session, uint64_t now_ns)
{
	struct agent_tls *t;

	*out = NULL;
	if (!session_has_tls(session))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->session = session;
	scan(t, now_ns);
	*out = t;
	return 0;
}

void agent_tls_free(struct agent_tls *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < t->nlibraries; i++)
		session_tls_detach(t->libraries[i].hooks);
	free(t);
}

void agent_tls_record(struct agent_tls *t, const void *rec, size_t len)
{
	const struct rec_process *r = rec;

	if (!t || len < sizeof(*r) || r->hdr.kind != REC_PROCESS || r->change != PROCESS_EXEC)
		return;
	if (t->nstarted == STARTED_MAX) {
		t->scan_ns = 0;
		return;
	}
	t->started[(t->first + t->nstarted++) % STARTED_MAX] =
		(struct started){ .pid = r->pid, .due_ns = r->hdr.time_ns + LOAD_NS };
}

void agent_tls_poll(struct agent_tls *t, uint64_t now_ns)
{
	uint32_t pid;

	if (!t)
		return;
	while (t->nstarted && t->started[t->first].due_ns <= now_ns) {
		look_at(t, t->started[t->first].pid);
		t->first = (t->first + 1) % STARTED_MAX;
		t->nstarted--;
	}
	for (int i = 0; i < STRANGERS_A_POLL && !session_tls_stranger(t->session, &pid); i++)
		look_at(t, pid);
	if (now_ns >= t->scan_ns)
		scan(t, now_ns);
}

unsigned int agent_tls_libraries(const struct agent_tls *t,
				 struct export_library out[TLS_LIBRARIES_MAX])
{
	unsigned int n = t ? t->nlibraries : 0;

	for (unsigned int i = 0; i < n; i++)
		out[i] = (struct export_library){
			.device = t->libraries[i].dev,
			.inode = t->libraries[i].inode,
			.processes = t->libraries[i].processes,
			.reason = t->libraries[i].err ? strerror(-t->libraries[i].err) : "",
		};
	return n;
}
