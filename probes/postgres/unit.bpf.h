/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * PostgreSQL's units: what one ReadyForQuery answers, which is all up to a Query or Sync. In: that one of them was
 * asked, or answered. Out: how many requests an answer is for, however many units are outstanding.
 */
#ifndef TALLYMAN_UNIT_BPF_H
#define TALLYMAN_UNIT_BPF_H

static __always_inline struct unit_run *pg_run(struct conn *c, __u32 number)
{
	return &c->unit_runs[number & (UNIT_RUNS - 1)];
}

/* Is every Query and Sync answered? */
static __always_inline bool pg_units_answered(struct conn *c)
{
	__u32 left = c->runs - c->runs_done;

	return !left || (left == 1 && c->run_done == pg_run(c, c->runs_done)->units);
}

/*
 * A Query or Sync: a ReadyForQuery will answer all up to here. A run that is answered stays until there is a newer
 * one, so that this may add to it.
 */
static __always_inline void pg_unit(struct conn *c)
{
	__u32 requests = c->requests - c->units_end, left = c->runs - c->runs_done;
	struct unit_run *newest = pg_run(c, c->runs - 1);

	c->units_end = c->requests;
	if (left == UNIT_RUNS || c->units_merged) {
		newest->requests += requests;
		c->units_merged++;
		return;
	}
	if (left && newest->requests == requests) {
		newest->units++;
		return;
	}
	newest = pg_run(c, c->runs);
	newest->requests = requests;
	newest->units = 1;
	c->runs++;
}

/* Whatever is unanswered is not waited for any more. */
static __always_inline void pg_units_drop(struct conn *c)
{
	c->runs_done = c->runs;
	c->run_done = 0;
	c->units_end = c->requests;
	c->units_merged = 0;
}

/* A ReadyForQuery answers the oldest unit: c->count. false: it is one of several merged ones. */
static __always_inline bool pg_unit_done(struct conn *c)
{
	struct unit_run *run = pg_run(c, c->runs_done);

	c->count = 0;
	if (pg_units_answered(c))
		return true;
	if (c->run_done == run->units) {
		c->runs_done++;
		c->run_done = 0;
		run = pg_run(c, c->runs_done);
	}
	if (c->units_merged && c->runs - c->runs_done == 1 && c->run_done + 1 == run->units) {
		c->units_merged--;
		return false;
	}
	c->run_done++;
	c->count = run->requests;
	return true;
}

#endif
