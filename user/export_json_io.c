/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines of block I/O ("block") and memory stalls ("memory"). In: a view's rows. Out: one object a
 * line, by way of export_json_parts.h.
 */
#include "user/export_json_parts.h"

static int disk_put(FILE *out, const struct agg_disk_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "block");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_string(o, "device", row->device);
	json_parts.set_number(o, "reads", row->requests[IO_READ]);
	json_parts.set_number(o, "writes", row->requests[IO_WRITE]);
	json_parts.set_number(o, "flushes", row->requests[IO_FLUSH]);
	json_parts.set_number(o, "discards", row->requests[IO_DISCARD]);
	json_parts.set_number(o, "read_bytes", row->bytes[IO_READ]);
	json_parts.set_number(o, "write_bytes", row->bytes[IO_WRITE]);
	json_parts.set_number(o, "discard_bytes", row->bytes[IO_DISCARD]);
	json_parts.set_number(o, "errors", row->errors);
	json_parts.set_number(o, "count", row->time.count);
	json_parts.set_number(o, "queue_sum_ns", row->queue_ns);
	json_parts.set_number(o, "device_sum_ns", row->device_ns);
	json_parts.set_quantile(o, "p50_ns", &row->time, 0.5);
	json_parts.set_quantile(o, "p99_ns", &row->time, 0.99);
	return json_parts.put(out, o, 17);
}

static int memory_put(FILE *out, const struct agg_memory_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "memory");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_number(o, "node_stalls", row->node_stalls);
	json_parts.set_number(o, "node_ns", row->node_ns);
	json_parts.set_number(o, "limit_stalls", row->limit_stalls);
	json_parts.set_number(o, "limit_ns", row->limit_ns);
	json_parts.set_number(o, "pages", row->pages);
	json_parts.set_number(o, "oom_kills", row->oom_kills);
	return json_parts.put(out, o, 9);
}

int export_json_io(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ndisks; i++)
		err = disk_put(out, &v->disks[i]);
	for (size_t i = 0; !err && i < v->nmemories; i++)
		err = memory_put(out, &v->memories[i]);
	return err;
}
