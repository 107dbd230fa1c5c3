/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the path of a cgroup from its hierarchy's root, as the kernel or a recording gave it: hostile,
 * of any length. Out: which runtime's container, pod and systemd unit it belongs to, and its label.
 * Pure: knows nothing of the running node, of mounts or of ids.
 */
#ifndef TALLYMAN_CGROUP_PATH_H
#define TALLYMAN_CGROUP_PATH_H

#include "user/lib/str.h"

/* The kernel allows no longer name for one cgroup; a longer segment is taken for a plain cgroup. */
#define CGROUP_NAME_MAX 255
#define CGROUP_POD_UID_MAX 36
/* Bytes of a label, without the NUL. */
#define CGROUP_LABEL_MAX 128
/* A runtime's container id, and how much of it is its label. */
#define CGROUP_ID_LEN 64
#define CGROUP_SHORT_ID_LEN 12

enum cgroup_runtime {
	CGROUP_RUNTIME_NONE,	/* plain cgroup */
	CGROUP_RUNTIME_SYSTEMD, /* a unit that is no container */
	CGROUP_RUNTIME_DOCKER,
	CGROUP_RUNTIME_CONTAINERD,
	CGROUP_RUNTIME_CRIO,
	CGROUP_RUNTIME_PODMAN,
	CGROUP_RUNTIME_LXC,
	CGROUP_RUNTIME_MAX
};

enum cgroup_qos {
	CGROUP_QOS_NONE,
	CGROUP_QOS_GUARANTEED,
	CGROUP_QOS_BURSTABLE,
	CGROUP_QOS_BESTEFFORT,
	CGROUP_QOS_MAX
};

/*
 * Strings are NUL-terminated printable ASCII, "" is none. Of nested containers it is the innermost;
 * a cgroup below a container's own still belongs to that container.
 *
 * Kubernetes' cgroupfs driver does not name the runtime: a bare id within a pod is reported as
 * containerd. A bare id that nothing else explains is Docker's (--cgroup-parent).
 */
struct cgroup_path {
	enum cgroup_runtime runtime;
	enum cgroup_qos qos;
	char container_id[CGROUP_NAME_MAX + 1]; /* 64 hex digits; lxc, podman: or a name */
	char pod_uid[CGROUP_POD_UID_MAX + 1]; /* UUID with dashes, or 32 hex digits (static pod) */
	char unit[CGROUP_NAME_MAX + 1];	      /* .service, .scope or .slice nearest to the leaf */
};

/* Never fails: what is not recognised is a plain cgroup. Linear in path.len. */
void cgroup_path_parse(struct str path, struct cgroup_path *out);

/* Is it a container of a runtime (not a systemd unit, not a plain cgroup)? */
bool cgroup_path_is_container(const struct cgroup_path *parsed);

/*
 * Writes the `container` label of metrics, of 1 to CGROUP_LABEL_MAX bytes, valid UTF-8 without
 * control characters: the short id (a container that has a name: its name), the unit's name, the
 * path, or "host" for the root. What is too long keeps its tail behind "...". Returns its length.
 */
size_t cgroup_path_label(struct str path, const struct cgroup_path *parsed,
			 char label[CGROUP_LABEL_MAX + 1]);

/* "docker", "containerd", "crio", "podman", "lxc", "systemd" or "none". */
const char *cgroup_runtime_name(enum cgroup_runtime runtime);
/* "guaranteed", "burstable", "besteffort" or "" for none. */
const char *cgroup_qos_name(enum cgroup_qos qos);

#endif
