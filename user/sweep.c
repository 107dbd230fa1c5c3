/* SPDX-License-Identifier: Apache-2.0 */
/* Marks and frees; whoever makes `used` 0 returns the number, so no number is returned twice. */
#include "user/sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "probes/sock/conn_slot.h"
#include "user/iter.h"
#include "user/lib/clock.h"

#define SWEEP_PERIOD_NS (10 * NS_PER_SEC)
#define SWEEP_FULL_PERCENT 75

struct sweep {
	struct sweep_config cfg;
	struct conn_slot *slots;
	uint64_t due_ns;
};

int sweep_new(struct sweep **out, const struct sweep_config *cfg)
{
	struct sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->slots = mmap(NULL, cfg->slots * sizeof(*s->slots), PROT_READ | PROT_WRITE, MAP_SHARED,
			cfg->slots_fd, 0);
	if (s->slots == MAP_FAILED) {
		free(s);
		return -errno;
	}
	*out = s;
	return 0;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	munmap(s->slots, s->cfg.slots * sizeof(*s->slots));
	free(s);
}

static void release(struct sweep *s, uint32_t number, uint64_t now_ns, record_fn fn, void *ctx)
{
	struct conn_slot *slot = &s->slots[number];
	struct rec_close r = { .hdr = { REC_CLOSE, sizeof(r), 0, now_ns },
			       .conn = slot->id,
			       .reason = CLOSE_GONE };
	uint32_t used = 1;

	if (!__atomic_compare_exchange_n(&slot->used, &used, 0, 0, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return;
	if (r.conn)
		fn(ctx, &r, sizeof(r));
	bpf_map_update_elem(s->cfg.free_fd, NULL, &number, 0);
}

static uint32_t used(const struct sweep *s)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < s->cfg.slots; i++)
		n += s->slots[i].used;
	return n;
}

int sweep_run(struct sweep *s, uint64_t now_ns, record_fn fn, void *ctx)
{
	uint32_t epoch;
	int err;

	if (s->cfg.iter_fd < 0 ||
	    (now_ns < s->due_ns && used(s) < s->cfg.slots / 100 * SWEEP_FULL_PERCENT))
		return 0;
	s->due_ns = now_ns + SWEEP_PERIOD_NS;
	/* What is taken from now on has the new epoch from the start. */
	epoch = __atomic_add_fetch(s->cfg.epoch, 1, __ATOMIC_SEQ_CST);
	err = iter_run_link(s->cfg.iter_fd);
	for (uint32_t i = 1; !err && i < s->cfg.slots; i++)
		if (s->slots[i].used && s->slots[i].epoch != epoch)
			release(s, i, now_ns, fn, ctx);
	return err;
}
