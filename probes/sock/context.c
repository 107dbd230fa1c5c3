/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records come in the order of time, so what a process serves is known when what it sends is read. Only
 * times decide: a request is done for the HTTP request between whose read and reply it was sent.
 */
#include "probes/sock/context.h"

#include <stdlib.h>

#include "probes/sock/conn.h"

/* Arrivals have the clock of the network's stack, which may be that much behind. */
#define CLOCK_SLACK_NS 1000

void context_init(struct u64map *processes)
{
	u64map_init(processes, CONTEXT_PROCESSES_MAX);
}

void context_clear(struct u64map *processes)
{
	u64map_clear(processes);
}

static bool serves_http(const struct conn *c)
{
	return c->role == ROLE_SERVER && c->protocol && c->protocol->id == PROTO_HTTP;
}

static struct context_process *process_of(struct u64map *processes, uint32_t pid)
{
	struct context_process *p = u64map_get(processes, pid);
	void *old;

	if (p || processes->count >= processes->max)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	p->by_pid = processes;
	if (!u64map_put(processes, pid, p, &old))
		return p;
	free(p);
	return NULL;
}

void context_conn(struct u64map *processes, struct conn *c, uint32_t pid)
{
	if (c->process && c->process->pid == pid)
		return;
	context_leave(c);
	if (!pid || (c->role != ROLE_CLIENT && !serves_http(c)))
		return;
	c->process = process_of(processes, pid);
	if (c->process)
		c->process->refs++;
}

static struct served *newest(struct context_process *p)
{
	return &p->kept[(p->made - 1) & (CONTEXT_KEPT - 1)];
}

/* What c has unanswered counts for its process. */
static void count(struct conn *c, uint32_t n)
{
	c->process->open += n - c->open;
	c->open = n;
}

void context_leave(struct conn *c)
{
	struct context_process *p = c->process;

	if (!p)
		return;
	if (c->open) {
		count(c, 0);
		if (!p->open && newest(p)->reply_ns == UINT64_MAX)
			newest(p)->reply_ns = newest(p)->read_ns;
	}
	c->process = NULL;
	if (--p->refs)
		return;
	u64map_remove(p->by_pid, p->pid);
	free(p);
}

static void serve(struct conn *c)
{
	struct context_process *p = c->process;
	const struct request *r = requests_newest(&c->requests);

	count(c, c->requests.count);
	if (p->open > 1 || !r) {
		p->interleaves = true;
		p->calm = 0;
		for (int i = 0; i < CONTEXT_KEPT; i++)
			p->kept[i] = (struct served){ 0 };
		return;
	}
	if (p->interleaves && ++p->calm < CONTEXT_TRUST)
		return;
	p->interleaves = false;
	p->made++;
	*newest(p) = (struct served){ r->begin.read_ns, UINT64_MAX, r->statement };
	p->asked_ns = 0;
	p->asked_until_ns = r->begin.read_ns;
}

/* NULL: none. */
static const struct statement *served_at(const struct context_process *p, uint64_t time_ns)
{
	for (int i = 0; i < CONTEXT_KEPT; i++) {
		const struct served *s = &p->kept[i];

		if (s->statement && time_ns + CLOCK_SLACK_NS >= s->read_ns && time_ns < s->reply_ns)
			return s->statement;
	}
	return NULL;
}

/* The process that sends what c has in its request direction. */
static const struct context_process *sender(const struct conn *c)
{
	if (c->role == ROLE_CLIENT)
		return c->process;
	return c->other && c->other->role == ROLE_CLIENT ? c->other->process : NULL;
}

void context_read(struct conn *c, uint32_t before)
{
	uint32_t n = c->requests.pushed - before;
	const struct context_process *p;

	if (!n)
		return;
	if (serves_http(c)) {
		if (c->process)
			serve(c);
		return;
	}
	p = c->protocol && c->protocol->id != PROTO_HTTP ? sender(c) : NULL;
	if (!p || !p->made)
		return;
	n = n < c->requests.count ? n : c->requests.count;
	while (n) {
		struct request *r = requests_at(&c->requests, --n);

		r->context = served_at(p, r->begin.arrival_ns ?: r->begin.read_ns);
	}
}

void context_answered(struct conn *c, uint64_t time_ns)
{
	struct context_process *p = c->process;

	if (!p || !c->open)
		return;
	count(c, c->requests.count);
	if (!p->open && newest(p)->reply_ns == UINT64_MAX)
		newest(p)->reply_ns = time_ns;
}

/* Answers come in the order of time: what overlaps with an earlier one is told by it. */
void context_asked(const struct conn *c, uint64_t from_ns, uint64_t to_ns)
{
	struct context_process *p = c ? c->process : NULL;

	if (!p || !p->open || p->interleaves)
		return;
	if (from_ns < p->asked_until_ns)
		from_ns = p->asked_until_ns;
	if (from_ns >= to_ns)
		return;
	p->asked_ns += to_ns - from_ns;
	p->asked_until_ns = to_ns;
}

uint64_t context_downstream(const struct conn *c, const struct moment *begin)
{
	struct context_process *p = c->process;

	if (!p || p->interleaves || !p->made || newest(p)->read_ns != begin->read_ns)
		return 0;
	return p->asked_ns;
}
