/* SPDX-License-Identifier: Apache-2.0 */
/* Queue and CPU are what the kernel's parts leave of a request's time. In PART_CPU's place it tells PART_SOFTIRQ. */
#include "probes/sock/parts.h"

#include <stddef.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t part_told(const __u64 *off, int part)
{
	return off ? off[part == PART_SOFTIRQ ? PART_CPU : part] : 0;
}

void parts_fill(uint64_t parts[PART_MAX], const __u64 *off, uint64_t queue_ns, uint64_t service_ns)
{
	unsigned __int128 sum = 0;
	uint64_t told = 0, woke_ns, room_ns;

	for (int i = PART_CPU + 1; off && i < PART_MAX; i++)
		sum += part_told(off, i);
	/* The thread's wait for a CPU before the read is taken out of the queue. */
	woke_ns = off ? least(least(off[PART_QUEUE], queue_ns), sum < UINT64_MAX ? sum : UINT64_MAX)
		      : 0;
	woke_ns = least(woke_ns, UINT64_MAX - service_ns);
	room_ns = service_ns + woke_ns;
	for (int i = PART_CPU + 1; i < PART_MAX; i++) {
		parts[i] = part_told(off, i);
		if (sum > room_ns)
			parts[i] = (uint64_t)((unsigned __int128)parts[i] * room_ns / sum);
		told += parts[i];
	}
	parts[PART_QUEUE] = queue_ns - woke_ns;
	parts[PART_CPU] = room_ns - told;
}

void parts_downstream(uint64_t parts[PART_MAX], uint64_t asked_ns)
{
	uint64_t ns = asked_ns < parts[PART_OTHER] ? asked_ns : parts[PART_OTHER];

	parts[PART_OTHER] -= ns;
	parts[PART_DOWNSTREAM] += ns;
}

/* The kernel follows the thread from the read that made the request whole: what was before is all told as CPU. */
static void parts_received(uint64_t parts[PART_MAX], uint64_t receive_ns)
{
	uint64_t ns = least(receive_ns, parts[PART_CPU]);

	parts[PART_CPU] -= ns;
	parts[PART_CLIENT] += ns;
}

void parts_tell(const struct rec_parts *took, uint64_t downstream_ns, struct event_request *e,
		uint64_t parts[PART_MAX])
{
	parts_fill(parts, took ? took->parts : NULL, e->queue_ns, e->service_ns);
	parts_downstream(parts, downstream_ns);
	parts_received(parts, e->receive_ns);
	e->parts_ns = parts;
	if (!took)
		return;
	e->pg_event = took->pg_event;
	/* The kernel's candidate: only more than half shows that it is the one. */
	if (took->culprit_ns <= took->parts[PART_RUN_NEIGHBOUR] / 2)
		return;
	e->culprit.owner = took->culprit;
	e->culprit_part = PART_RUN_NEIGHBOUR;
}
