/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long packets are queued by the traffic control of a device that they leave by. In: a packet gets into the
 * queue, and out of it to the device. Out: a row by container. A device without a queue (loopback, veth) runs
 * nothing of this, and one that is idle takes most packets past its queue.
 */
#ifndef TALLYMAN_STACK_EGRESS_BPF_H
#define TALLYMAN_STACK_EGRESS_BPF_H

#define EGRESS_BULK 32 /* packets that a device takes at once; more of them are not followed */

/* When a packet was queued, by its address. Those that are dropped in the queue are forgotten in time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} egress_queued SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct stack_egress);
} egress_table SEC(".maps");

static const struct stack_egress egress_none;

static __always_inline struct stack_egress *egress_row(__u64 cgroup)
{
	struct stack_egress *row = bpf_map_lookup_elem(&egress_table, &cgroup);

	if (row)
		return row;
	bpf_map_update_elem(&egress_table, &cgroup, &egress_none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&egress_table, &cgroup);
}

/* The packet may be gone already, where the queue has cut it into segments: only its address is used. */
SEC("tp_btf/qdisc_enqueue")
int BPF_PROG(egress_enter, struct Qdisc *qdisc, const struct netdev_queue *txq, struct sk_buff *skb)
{
	__u64 at = (__u64)skb, now_ns = bpf_ktime_get_ns();

	bpf_map_update_elem(&egress_queued, &at, &now_ns, BPF_ANY);
	return 0;
}

/* 0: not known. A segment has the time at which TCP made the packet that it was cut from. */
static __always_inline __u64 egress_since(const struct sk_buff *skb)
{
	__u64 at = (__u64)skb, *found = bpf_map_lookup_elem(&egress_queued, &at), since_ns;
	const struct sock *sk = skb->sk;

	if (found) {
		since_ns = *found;
		bpf_map_delete_elem(&egress_queued, &at);
		return since_ns;
	}
	if (!sk || sk->__sk_common.skc_state == TCP_TIME_WAIT ||
	    sk->__sk_common.skc_state == TCP_NEW_SYN_RECV || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	return skb->tstamp;
}

/* A function of its own for the verifier, which has one way less through it for each packet of the list. */
__noinline int egress_add(__u64 cgroup, __u64 wait_ns)
{
	struct stack_egress *row = egress_row(cgroup);
	struct lane *l = lane_get();

	if (!l)
		return 0;
	if (!row) {
		count_lost(l, PROBE_STACK, LOST_TABLE_FULL, 1);
		return 0;
	}
	count_coarse(l);
	__sync_fetch_and_add(&row->packets, 1);
	__sync_fetch_and_add(&row->wait_ns, wait_ns);
	__sync_fetch_and_add(&row->buckets[bucket_index(wait_ns) & (SCHED_BUCKETS - 1)], 1);
	return 0;
}

static __noinline int egress_packet(const struct sk_buff *skb, __u64 now_ns)
{
	struct lane *l = lane_get();
	__u64 since_ns;

	if (!l || !skb)
		return 0;
	since_ns = egress_since(skb);
	if (since_ns)
		egress_add(packet_cgroup(skb), now_ns > since_ns ? now_ns - since_ns : 0);
	else
		count_lost(l, PROBE_STACK, LOST_UNSYNCHRONISED, 1);
	return 0;
}

/* A device takes packets: a list of them, or, with none, it was only asked. */
SEC("tp_btf/qdisc_dequeue")
int BPF_PROG(egress_leave, struct Qdisc *qdisc, const struct netdev_queue *txq, int packets,
	     struct sk_buff *skb)
{
	struct lane *l = lane_get();
	__u64 now_ns;

	if (!l || !skb || packets <= 0)
		return 0;
	softirq_packet(skb);
	if (packets > EGRESS_BULK)
		count_lost(l, PROBE_STACK, LOST_UNSYNCHRONISED, packets - EGRESS_BULK);
	now_ns = bpf_ktime_get_ns();
	for (int i = 0; i < EGRESS_BULK && i < packets && skb; i++) {
		egress_packet(skb, now_ns);
		skb = skb->next;
	}
	return 0;
}

#endif
