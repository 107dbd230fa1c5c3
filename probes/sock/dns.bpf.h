/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS at the client: a message to port 53 is asked, one that has its number is the answer. In: datagrams of sockets
 * that have no connection of ours; dns_stream.bpf.h has TCP. Out: counts by container. Only the first four bytes of a
 * message are looked at, unless names are wanted: those are for user space alone.
 */
#ifndef TALLYMAN_DNS_BPF_H
#define TALLYMAN_DNS_BPF_H

#include "bpf/bucket.h"
#include "probes/net/dns_stats.h"

#define DNS_PORT 53
#define DNS_HEADER_BYTES 12
#define MMSGHDR_BYTES 64 /* struct mmsghdr, of 64-bit callers */

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_ARG5(r) ((r)->r8)
#define NR_SENDMMSG 307
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_ARG5(r) ((r)->user_regs.regs[4])
#define NR_SENDMMSG 269
#endif

/* Queries without an answer. Who asks many more than there is room for loses the oldest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct dns_key);
	__type(value, struct dns_query);
} dns_asked SEC(".maps");

/* Sockets that are not connected, and asked. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} dns_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct dns_stats);
} dns_table SEC(".maps");

static const struct dns_stats dns_stats_none;

/* Are names wanted? If not, the three maps have no room for any. */
const volatile bool cfg_dns_names;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct dns_key);
	__type(value, struct dns_named);
} dns_names SEC(".maps");

/* Those that are answered: user space takes them out. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, struct dns_named);
} dns_told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns_named);
} dns_scratch SEC(".maps");

/* Answers whose names found no room in the queue. */
__u64 dns_names_lost;

static __always_inline struct dns_stats *dns_stats_of(__u64 cgroup)
{
	struct dns_stats *st = bpf_map_lookup_elem(&dns_table, &cgroup);

	if (st)
		return st;
	bpf_map_update_elem(&dns_table, &cgroup, &dns_stats_none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&dns_table, &cgroup);
}

static __always_inline void dns_count(bool kept)
{
	struct lane *l = lane_get();

	if (!l)
		return;
	__sync_fetch_and_add(&l->counts[PROBE_NET].seen, 1);
	if (kept)
		__sync_fetch_and_add(&l->counts[PROBE_NET].coarse, 1);
	else
		__sync_fetch_and_add(&l->counts[PROBE_NET].lost[LOST_TABLE_FULL], 1);
}

/* The message's number, and its flags in host order. False: not there. */
static __always_inline bool dns_header(struct payload *p, __u16 head[2])
{
	if (p->iovs_left && payload_seek(p, 0))
		return false;
	if (p->len < DNS_HEADER_BYTES || bpf_probe_read_user(head, 4, (void *)p->base))
		return false;
	head[1] = bpf_ntohs(head[1]);
	return true;
}

/* The question's name is at `at`, in no more than len bytes; with others behind it. */
static __always_inline void dns_name_keep(struct dns_key *key, __u64 cgroup, __u64 at, __u32 len)
{
	__u32 zero = 0;
	struct dns_named *n = bpf_map_lookup_elem(&dns_scratch, &zero);

	if (!n)
		return;
	if (len > DNS_NAME_BYTES - 1)
		len = DNS_NAME_BYTES - 1;
	n->cgroup = cgroup;
	n->len = len && !payload_copy(n->bytes, at, len, DNS_NAME_BYTES - 1) ? len : 0;
	bpf_map_update_elem(&dns_names, key, n, BPF_ANY);
}

static __always_inline void dns_name_tell(struct dns_key *key, __u8 answer, __u64 wait_ns)
{
	struct dns_named *n = bpf_map_lookup_elem(&dns_names, key);

	if (!n)
		return;
	n->answer = answer;
	n->wait_ns = wait_ns;
	if (bpf_map_push_elem(&dns_told, n, 0))
		__sync_fetch_and_add(&dns_names_lost, 1);
	bpf_map_delete_elem(&dns_names, key);
}

static __always_inline void dns_ask(struct dns_key *key, __u64 name_at, __u32 name_len)
{
	struct dns_query new = {}, *q = bpf_map_lookup_elem(&dns_asked, key);
	struct dns_stats *st;

	new.cgroup = cgroup_of(bpf_get_current_task_btf());
	new.asked_ns = bpf_ktime_get_ns();
	st = dns_stats_of(new.cgroup);
	dns_count(st);
	if (!st)
		return;
	if (q) {
		__sync_fetch_and_add(&st->retried, 1);
		return;
	}
	__sync_fetch_and_add(&st->queries, 1);
	if (cfg_dns_names)
		dns_name_keep(key, new.cgroup, name_at, name_len);
	bpf_map_update_elem(&dns_asked, key, &new, BPF_ANY);
}

static __always_inline void dns_answer(struct dns_key *key, __u16 flags)
{
	struct dns_query *q = bpf_map_lookup_elem(&dns_asked, key);
	__u32 answer = (flags & 15) < DNS_OTHER ? flags & 15 : DNS_OTHER;
	struct dns_stats *st;
	__u64 wait_ns;

	if (!q)
		return;
	wait_ns = bpf_ktime_get_ns() - q->asked_ns;
	st = dns_stats_of(q->cgroup);
	bpf_map_delete_elem(&dns_asked, key);
	if (cfg_dns_names)
		dns_name_tell(key, answer, wait_ns);
	if (!st)
		return;
	__sync_fetch_and_add(&st->answers[answer], 1);
	__sync_fetch_and_add(&st->wait_ns, wait_ns);
	__sync_fetch_and_add(&st->waits[bucket_index(wait_ns) & (SCHED_BUCKETS - 1)], 1);
}

/* Of a socket that is not connected: is it sent to port 53? */
static __always_inline bool dns_is_called(struct pt_regs *regs)
{
	__u64 address = SYSCALL_ARG5(regs);
	__u16 port = 0;

	if (SYSCALL_NR(regs) == NR_SENDMSG) /* msg_name is its first member */
		bpf_probe_read_user(&address, sizeof(address), (void *)SYSCALL_ARG2(regs));
	else if (SYSCALL_NR(regs) != NR_SENDTO)
		return false;
	bpf_probe_read_user(&port, sizeof(port), (void *)(address + 2)); /* IPv4 and IPv6 */
	return port == bpf_htons(DNS_PORT);
}

/* sendmmsg() sends two at once, as resolvers do: the second one once the first is asked. */
static __always_inline bool dns_next(struct payload *p, struct dns_key *key, __u64 messages,
				     __u16 head[2])
{
	if (payload_message(p, messages) || !dns_header(p, head))
		return false;
	key->id = head[0];
	if (!bpf_map_lookup_elem(&dns_asked, key))
		return true;
	return !payload_message(p, messages + MMSGHDR_BYTES) && dns_header(p, head);
}

static __noinline int dns_sent(__u64 socket, __u32 bytes, bool connected)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct dns_key key = { .socket = socket };
	struct payload p = {};
	struct pt_regs *regs;
	__u16 head[2] = {};
	__u32 yes = 1;
	bool found;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (SYSCALL_COMPAT(regs) || (!connected && !dns_is_called(regs)))
		return 0;
	if (SYSCALL_NR(regs) == NR_SENDMMSG)
		found = dns_next(&p, &key, SYSCALL_ARG2(regs), head);
	else
		found = !payload_find(&p, task, bytes) && dns_header(&p, head);
	if (!found || head[1] & 0x8000)
		return 0;
	if (!connected)
		bpf_map_update_elem(&dns_sockets, &socket, &yes, BPF_ANY);
	key.id = head[0];
	dns_ask(&key, p.base + DNS_HEADER_BYTES, p.len - DNS_HEADER_BYTES);
	return 0;
}

static __noinline int dns_received(__u64 socket, __u32 bytes, bool connected)
{
	struct dns_key key = { .socket = socket };
	struct payload p = {};
	__u16 head[2] = {};

	if (!connected && !bpf_map_lookup_elem(&dns_sockets, &socket))
		return 0;
	if (payload_find(&p, bpf_get_current_task_btf(), bytes) || !dns_header(&p, head) ||
	    !(head[1] & 0x8000))
		return 0;
	key.id = head[0];
	dns_answer(&key, head[1]);
	return 0;
}

#endif
