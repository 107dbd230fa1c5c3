/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the session: its state, which session_load.c puts into the kernel and session.c reads. */
#ifndef TALLYMAN_SESSION_PARTS_H
#define TALLYMAN_SESSION_PARTS_H

#include <bpf/libbpf.h>

#include "user/drain.h"
#include "user/drain_block.h"
#include "user/drain_dns.h"
#include "user/drain_drop.h"
#include "user/drain_mem.h"
#include "user/drain_net.h"
#include "user/drain_pg.h"
#include "user/drain_service.h"
#include "user/drain_stack.h"
#include "user/netns.h"
#include "user/session.h"
#include "user/session_tls.h"
#include "user/sweep.h"

#define SCHED_SLOTS 1024
#define PROGRAMS_MAX (1 + HOOK_WITH_MAX) /* of one variant */
#define CONNS_MAX 16384			 /* some 10 MB: see probes/sock/conn.bpf.h */

struct tallyman_bpf;

struct session {
	struct session_config cfg;
	struct tallyman_bpf *skel;
	struct btf *kernel;
	struct hook_status hooks[HOOKS_MAX];
	struct bpf_link *links[HOOKS_MAX][PROGRAMS_MAX];
	struct drain_program programs[HOOKS_MAX * PROGRAMS_MAX + TLS_FN_MAX];
	int nhooks;
	int nprograms;
	struct lanes *lanes;
	uint32_t lane_bytes;	 /* of one CPU's ring */
	uint32_t lane_max_bytes; /* what the kernel takes */
	bool direct;		 /* see cfg_direct */
	bool tls;		 /* see cfg_tls */
	struct drain *drain;
	struct drain_block *block;
	struct drain_mem *mem;
	struct drain_net *net;
	struct drain_drop *drop;
	struct drain_service *service;
	struct drain_dns *dns;
	struct drain_pg *pg;
	struct sweep *sweep;
	struct bpf_link *iter;	    /* over the sockets; NULL: the kernel does not offer it */
	struct bpf_link *net_iter;  /* the network probe's; the same */
	struct bpf_link *net_files; /* over open files; the same */
	struct netns *netns;
	struct drain_stack *stack;
	struct bpf_link *stack_iter; /* over the tasks; the same */
	bool stack_timed;	     /* softirqs are, now */
	uint32_t stack_epochs;	     /* times that they were */
	uint64_t stack_softirqs;     /* as of stack_watched_ns */
	uint64_t stack_watched_ns;   /* when looking began or ended last */
	uint32_t stack_floor;	     /* the least preempt_count that was known then */
	uint64_t stack_many_ns;	     /* when there were many last */
	int net_refused; /* its iterators are not loaded because of that error; 0: they are */
	void *sched;	 /* NULL: not mapped */
	size_t sched_bytes;
	void *cells; /* the same */
	size_t cells_bytes;
	void *stolen; /* the same */
	size_t stolen_bytes;
	struct allowance *allowances; /* NULL: not mapped */
	size_t allowances_bytes;
	int stats_fd; /* -1: the kernel does not measure the programs for us */
};

/* Loads the best variants that the kernel takes, and attaches them. */
int session_load(struct session *s);

/* Has this kernel the one helper that no hook can do without? */
bool session_kernel_loops(void);
void session_attach(struct session *s);

/* Of a hook that is attached on demand, if session_attach() found that it can be. 0 or a negative errno. */
int session_hook_attach(struct session *s, const struct hook_status *hook);
void session_hook_detach(struct session *s, const struct hook_status *hook);

/* Marks the connections that are open now, see probes/sock/seed.bpf.h. 0 or a negative errno. */
int session_seed(struct session *s);

/* -ENOTSUP, with a line in err[]: a hook of the minimum set is missing. */
int session_required(const struct session *s, char *err, size_t cap);

#endif
