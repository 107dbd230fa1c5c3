/* SPDX-License-Identifier: Apache-2.0 */
/* In: a container that was found by looking. Out: the record that the kernel would have told of it, into the pipeline. */
#include <string.h>

#include "user/pipeline.h"

void pipeline_cgroup(struct pipeline *p, uint64_t cgroup, const char *path, size_t len,
		     uint64_t now_ns)
{
	union {
		struct rec_cgroup rec;
		char bytes[sizeof(struct rec_cgroup) + WIRE_PATH_MAX];
	} r = { 0 };

	len = len < WIRE_PATH_MAX ? len : WIRE_PATH_MAX - 1;
	r.rec = (struct rec_cgroup){
		.hdr = { .kind = REC_CGROUP, .len = sizeof(r.rec) + len, .time_ns = now_ns },
		.cgroup = cgroup,
		.change = CGROUP_PRESENT,
		.path_len = len,
	};
	memcpy(r.bytes + sizeof(r.rec), path, len);
	pipeline_record(p, &r, r.rec.hdr.len);
}
