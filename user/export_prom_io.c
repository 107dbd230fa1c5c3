/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of block I/O and memory stalls. In: a view's rows. Out: text by way of
 * export_prom_parts.h. Devices are named by number: a replay elsewhere has no other name for them.
 */
#include "user/export_prom_parts.h"

static const struct family family_block_requests = {
	"tallyman_block_requests", "counter", NULL,
	"Block requests completed, by the container that asked or dirtied the pages."
};
static const struct family family_block_bytes = { "tallyman_block_bytes", "counter", "bytes",
						  "Bytes of completed block requests." };
static const struct family family_block_errors = { "tallyman_block_errors", "counter", NULL,
						   "Block requests that failed." };
static const struct family family_block_queue = {
	"tallyman_block_queue_seconds", "counter", "seconds",
	"Time that block requests waited in the node's queues before the device got them."
};
static const struct family family_block_device = {
	"tallyman_block_device_seconds", "counter", "seconds",
	"Time that block requests were with the device, each of those at the same time counted."
};
static const struct family family_block = {
	"tallyman_block_seconds", "histogram", "seconds",
	"Time of a block request from being made to its end, queue and device."
};
static const struct family family_stall = {
	"tallyman_memory_stall_seconds", "counter", "seconds",
	"Time that tasks freed memory instead of going on: the node is short of it (node), or "
	"their container's limit is reached (limit)."
};
static const struct family family_stalls = { "tallyman_memory_stalls", "counter", NULL,
					     "How often that happened." };
static const struct family family_pages = { "tallyman_memory_reclaimed_pages", "counter", NULL,
					    "Pages that were freed in these stalls." };
static const struct family family_kills = {
	"tallyman_oom_kills", "counter", NULL,
	"Victims of the OOM killer, by the container that they ran in."
};

static const char *const op_names[IO_OP_MAX] = {
	[IO_READ] = "read",
	[IO_WRITE] = "write",
	[IO_FLUSH] = "flush",
	[IO_DISCARD] = "discard",
};

static void disk_labels(struct writer *w, const struct agg_disk_row *row, const char *op)
{
	prom_parts.labels_begin(w);
	if (op)
		prom_parts.label(w, "op", op);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
	prom_parts.label(w, "device", row->device);
}

static void ops_write(struct writer *w, const struct agg_view *v, const struct family *f,
		      bool bytes)
{
	prom_parts.family(w, f);
	for (size_t i = 0; i < v->ndisks; i++) {
		const struct agg_disk_row *row = &v->disks[i];

		for (int op = 0; op < IO_OP_MAX; op++) {
			if (!row->requests[op] && !row->bytes[op])
				continue;
			disk_labels(w, row, op_names[op]);
			prom_parts.u64(w, f, "_total", bytes ? row->bytes[op] : row->requests[op]);
		}
	}
}

static void disks_write(struct writer *w, const struct agg_view *v)
{
	ops_write(w, v, &family_block_requests, false);
	ops_write(w, v, &family_block_bytes, true);
	prom_parts.family(w, &family_block_errors);
	for (size_t i = 0; i < v->ndisks; i++) {
		disk_labels(w, &v->disks[i], NULL);
		prom_parts.u64(w, &family_block_errors, "_total", v->disks[i].errors);
	}
	prom_parts.family(w, &family_block_queue);
	for (size_t i = 0; i < v->ndisks; i++) {
		disk_labels(w, &v->disks[i], NULL);
		prom_parts.seconds(w, &family_block_queue, "_total", v->disks[i].queue_ns);
	}
	prom_parts.family(w, &family_block_device);
	for (size_t i = 0; i < v->ndisks; i++) {
		disk_labels(w, &v->disks[i], NULL);
		prom_parts.seconds(w, &family_block_device, "_total", v->disks[i].device_ns);
	}
	prom_parts.family(w, &family_block);
	for (size_t i = 0; i < v->ndisks; i++) {
		disk_labels(w, &v->disks[i], NULL);
		prom_parts.histogram(w, &family_block, &v->disks[i].time);
	}
}

static void memory_labels(struct writer *w, const struct agg_memory_row *row, const char *reason)
{
	prom_parts.labels_begin(w);
	if (reason)
		prom_parts.label(w, "reason", reason);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
}

static void memories_write(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_stall);
	for (size_t i = 0; i < v->nmemories; i++) {
		memory_labels(w, &v->memories[i], "node");
		prom_parts.seconds(w, &family_stall, "_total", v->memories[i].node_ns);
		memory_labels(w, &v->memories[i], "limit");
		prom_parts.seconds(w, &family_stall, "_total", v->memories[i].limit_ns);
	}
	prom_parts.family(w, &family_stalls);
	for (size_t i = 0; i < v->nmemories; i++) {
		memory_labels(w, &v->memories[i], "node");
		prom_parts.u64(w, &family_stalls, "_total", v->memories[i].node_stalls);
		memory_labels(w, &v->memories[i], "limit");
		prom_parts.u64(w, &family_stalls, "_total", v->memories[i].limit_stalls);
	}
	prom_parts.family(w, &family_pages);
	for (size_t i = 0; i < v->nmemories; i++) {
		memory_labels(w, &v->memories[i], NULL);
		prom_parts.u64(w, &family_pages, "_total", v->memories[i].pages);
	}
	prom_parts.family(w, &family_kills);
	for (size_t i = 0; i < v->nmemories; i++) {
		memory_labels(w, &v->memories[i], NULL);
		prom_parts.u64(w, &family_kills, "_total", v->memories[i].oom_kills);
	}
}

void export_prom_io(struct writer *w, const struct agg_view *v)
{
	disks_write(w, v);
	memories_write(w, v);
}
