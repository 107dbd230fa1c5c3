/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of cgroup paths against paths as real nodes have them: what each runtime, both of the
 * kubelet's drivers and systemd write, with every field of the answer given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/cgroup_path.h"

#define DOCKER CGROUP_RUNTIME_DOCKER
#define CONTAINERD CGROUP_RUNTIME_CONTAINERD
#define CRIO CGROUP_RUNTIME_CRIO
#define PODMAN CGROUP_RUNTIME_PODMAN
#define LXC CGROUP_RUNTIME_LXC
#define SYSTEMD CGROUP_RUNTIME_SYSTEMD
#define NONE CGROUP_RUNTIME_NONE

#define GUARANTEED CGROUP_QOS_GUARANTEED
#define BURSTABLE CGROUP_QOS_BURSTABLE
#define BESTEFFORT CGROUP_QOS_BESTEFFORT
#define NOQOS CGROUP_QOS_NONE

/* Two containers, a node container, two pods and a static pod's hash. */
#define A "3e74d3fd9db4c9dd921ae05c2502fb984d0cde1b36e581b13f79c639da4518a1"
#define A12 "3e74d3fd9db4"
#define B "b469ca5b54e01e7724b7a990f01d54f571dd7669b87851a87bd8b849c438c580"
#define B12 "b469ca5b54e0"
#define NODE "89ac90181a86fdea23d87ab993ceb698aa61528123c23135ef43fe5246a1b11e"
#define NODE12 "89ac90181a86"
#define POD "3d274242-8ee0-11e9-a8a6-1e68d864ef1a"
#define POD_ "3d274242_8ee0_11e9_a8a6_1e68d864ef1a"
#define POD2 "dd1bf9d1-241d-47f5-8e25-12de83135812"
#define POD2_ "dd1bf9d1_241d_47f5_8e25_12de83135812"
#define HASH "b1e89a2fcc688644de3eb95aee8025ce"

#define KUBE_BU "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
#define KUBE_BE "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
#define KUBE_GU "/kubepods.slice/kubepods-pod"
#define KIND_BU                                                                   \
	"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/" \
	"kubelet-kubepods-burstable-pod"
#define USER1000 "/user.slice/user-1000.slice/user@1000.service"

struct expectation {
	const char *path;
	enum cgroup_runtime runtime;
	const char *container_id;
	const char *pod_uid;
	enum cgroup_qos qos;
	const char *unit;
	const char *label;
};

static const struct expectation kubernetes_systemd[] = {
	{ KUBE_BU POD_ ".slice/cri-containerd-" A ".scope", CONTAINERD, A, POD, BURSTABLE,
	  "cri-containerd-" A ".scope", A12 },
	{ KUBE_BE POD_ ".slice/cri-containerd-" A ".scope", CONTAINERD, A, POD, BESTEFFORT,
	  "cri-containerd-" A ".scope", A12 },
	{ KUBE_GU POD_ ".slice/cri-containerd-" A ".scope", CONTAINERD, A, POD, GUARANTEED,
	  "cri-containerd-" A ".scope", A12 },
	{ KUBE_BU HASH ".slice/cri-containerd-" A ".scope", CONTAINERD, A, HASH, BURSTABLE,
	  "cri-containerd-" A ".scope", A12 },
	{ KUBE_BE POD_ ".slice/crio-" A ".scope", CRIO, A, POD, BESTEFFORT, "crio-" A ".scope",
	  A12 },
	{ KUBE_BE POD_ ".slice/crio-" A ".scope/container", CRIO, A, POD, BESTEFFORT,
	  "crio-" A ".scope", A12 },
	{ KUBE_BU POD_ ".slice/crio-" A, CRIO, A, POD, BURSTABLE,
	  "kubepods-burstable-pod" POD_ ".slice", A12 },
	{ KUBE_BU HASH ".slice/crio-conmon-" A ".scope", SYSTEMD, "", HASH, BURSTABLE,
	  "crio-conmon-" A ".scope", "crio-conmon-" A ".scope" },
	{ KUBE_BE POD_ ".slice/docker-" A ".scope", DOCKER, A, POD, BESTEFFORT,
	  "docker-" A ".scope", A12 },
	{ KUBE_BE POD_ ".slice/docker-" A ".scope/kube-proxy", DOCKER, A, POD, BESTEFFORT,
	  "docker-" A ".scope", A12 },
	/* containerd's CRI with the kubelet on systemd, but runc on cgroupfs */
	{ "/kubepods-besteffort-pod" POD_ ".slice:cri-containerd:" A, CONTAINERD, A, POD,
	  BESTEFFORT, "", A12 },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" POD_ ".slice:cri-containerd:" A,
	  CONTAINERD, A, POD, BURSTABLE, "containerd.service", A12 },
	{ "/system.slice/containerd.service/kubepods-pod" HASH ".slice:cri-containerd:" A,
	  CONTAINERD, A, HASH, GUARANTEED, "containerd.service", A12 },
	{ "/kubepods-burstable-pod" POD_ ".slice:crio:" A, CRIO, A, POD, BURSTABLE, "", A12 },
	{ "/kubepods-burstable-pod" POD_ ".slice:crio-conmon:" A, NONE, "", POD, BURSTABLE, "",
	  "...le-pod" POD_ ".slice:crio-conmon:" A },
	/* the slices themselves */
	{ "/kubepods.slice", SYSTEMD, "", "", NOQOS, "kubepods.slice", "kubepods.slice" },
	{ "/kubepods.slice/kubepods-besteffort.slice", SYSTEMD, "", "", BESTEFFORT,
	  "kubepods-besteffort.slice", "kubepods-besteffort.slice" },
	{ KUBE_BU POD_ ".slice", SYSTEMD, "", POD, BURSTABLE,
	  "kubepods-burstable-pod" POD_ ".slice", "kubepods-burstable-pod" POD_ ".slice" },
	/* a pod's uid is a UUID or a hash, nothing else is guessed to be one */
	{ "/xkubepods-pod" POD_ ".slice", SYSTEMD, "", "", NOQOS, "xkubepods-pod" POD_ ".slice",
	  "xkubepods-pod" POD_ ".slice" },
	{ KUBE_BU "cast.slice/cri-containerd-" A ".scope", CONTAINERD, A, "", BURSTABLE,
	  "cri-containerd-" A ".scope", A12 },
	/* a cgroupfs runtime below a systemd pod; Kata's hypervisor is outside of its containers */
	{ KUBE_BU POD_ ".slice/cri-containerd/" A, CONTAINERD, A, POD, BURSTABLE,
	  "kubepods-burstable-pod" POD_ ".slice", A12 },
	{ "/kata_overhead/" A, NONE, "", "", NOQOS, "", "/kata_overhead/" A },
	/* another container runtime's shim in the pod's slice is no container we know */
	{ KUBE_BU POD_ ".slice/foo-" A ".scope", SYSTEMD, "", POD, BURSTABLE, "foo-" A ".scope",
	  "foo-" A ".scope" },
};

static const struct expectation kubernetes_cgroupfs[] = {
	{ "/kubepods/burstable/pod" POD "/" A, CONTAINERD, A, POD, BURSTABLE, "", A12 },
	{ "/kubepods/besteffort/pod" POD "/" A, CONTAINERD, A, POD, BESTEFFORT, "", A12 },
	{ "/kubepods/pod" POD "/" A, CONTAINERD, A, POD, GUARANTEED, "", A12 },
	{ "/kubepods/burstable/pod" HASH "/" A, CONTAINERD, A, HASH, BURSTABLE, "", A12 },
	{ "/kubepods/besteffort/pod" POD "/" A "/kube-proxy", CONTAINERD, A, POD, BESTEFFORT, "",
	  A12 },
	{ "/kubepods/burstable/pod" POD "/crio-" A, CRIO, A, POD, BURSTABLE, "", A12 },
	{ "/kubepods/pod" POD "/crio-conmon-" A, NONE, "", POD, GUARANTEED, "",
	  "/kubepods/pod" POD "/crio-conmon-" A },
	{ "/kubepods/burstable/pod" POD, NONE, "", POD, BURSTABLE, "",
	  "/kubepods/burstable/pod" POD },
	{ "/kubepods/burstable", NONE, "", "", BURSTABLE, "", "/kubepods/burstable" },
	{ "/kubepods", NONE, "", "", NOQOS, "", "/kubepods" },
	/* seen through a cgroup namespace: what is above is not shown */
	{ "/../../pod" POD "/" A, CONTAINERD, A, POD, NOQOS, "", A12 },
	/* k3s runs its pods below its own service when the host has no systemd driver */
	{ "/system.slice/k3s.service/kubepods/burstable/pod" POD "/" A, CONTAINERD, A, POD,
	  BURSTABLE, "k3s.service", A12 },
	/* containers of containerd's CRI without a kubelet */
	{ "/k8s.io/" A, CONTAINERD, A, "", NOQOS, "", A12 },
	{ "/system.slice/containerd.service/k8s.io/" A, CONTAINERD, A, "", NOQOS,
	  "containerd.service", A12 },
};

static const struct expectation docker_containerd[] = {
	{ "/docker/" A, DOCKER, A, "", NOQOS, "", A12 },
	{ "/docker/" A "/", DOCKER, A, "", NOQOS, "", A12 },
	{ "/docker", NONE, "", "", NOQOS, "", "/docker" },
	{ "/system.slice/docker-" A ".scope", DOCKER, A, "", NOQOS, "docker-" A ".scope", A12 },
	{ "/system.slice/docker-" A ".scope/init.scope", DOCKER, A, "", NOQOS, "init.scope", A12 },
	{ USER1000 "/user.slice/docker-" A ".scope", DOCKER, A, "", NOQOS, "docker-" A ".scope",
	  A12 },
	{ "/tenants.slice/docker-" A ".scope", DOCKER, A, "", NOQOS, "docker-" A ".scope", A12 },
	{ "/ecs/shop/5a0d5ceddf6c44c1928d367a815d890f/" A, DOCKER, A, "", NOQOS, "", A12 },
	{ "/ecstasks.slice/ecstasks-5a0d5ceddf6c44c1928d367a815d890f.slice/docker-" A ".scope",
	  DOCKER, A, "", NOQOS, "docker-" A ".scope", A12 },
	{ "/actions_job/" A, DOCKER, A, "", NOQOS, "", A12 },
	{ "/" A, DOCKER, A, "", NOQOS, "", A12 },
	{ "/system.slice/docker.service/BestEffort.slice/BestEffort-pod0d33f94b.slice/" A, DOCKER,
	  A, "", NOQOS, "BestEffort-pod0d33f94b.slice", A12 },
	{ "/system.slice/docker.service", SYSTEMD, "", "", NOQOS, "docker.service",
	  "docker.service" },
	{ "/system.slice:docker:" A, DOCKER, A, "", NOQOS, "", A12 },
	{ "/docker/" A "/buildkit/rwqyoz9vbdo6p3ojqqrv8v7dc", DOCKER, A, "", NOQOS, "", A12 },
	{ "/default/" A, CONTAINERD, A, "", NOQOS, "", A12 },
	{ "/system.slice/nerdctl-" A ".scope", CONTAINERD, A, "", NOQOS, "nerdctl-" A ".scope",
	  A12 },
	{ USER1000 "/user.slice/nerdctl-" A ".scope", CONTAINERD, A, "", NOQOS,
	  "nerdctl-" A ".scope", A12 },
	/* an id is 64 lower-case hexadecimal digits */
	{ "/docker/3e74d3fd9db4", NONE, "", "", NOQOS, "", "/docker/3e74d3fd9db4" },
	{ "/docker/" A "0", NONE, "", "", NOQOS, "", "/docker/" A "0" },
	{ "/docker/x" A, NONE, "", "", NOQOS, "", "/docker/x" A },
	{ "/docker/3E74D3FD9DB4C9DD921AE05C2502FB984D0CDE1B36E581B13F79C639DA4518A1", NONE, "", "",
	  NOQOS, "", "/docker/3E74D3FD9DB4C9DD921AE05C2502FB984D0CDE1B36E581B13F79C639DA4518A1" },
	{ "/system.slice/docker-" A ".mount", SYSTEMD, "", "", NOQOS, "system.slice",
	  "system.slice" },
};

static const struct expectation podman_lxc[] = {
	{ "/machine.slice/libpod-" A ".scope", PODMAN, A, "", NOQOS, "libpod-" A ".scope", A12 },
	{ "/machine.slice/libpod-" A ".scope/container", PODMAN, A, "", NOQOS, "libpod-" A ".scope",
	  A12 },
	{ "/machine.slice/libpod-conmon-" A ".scope", SYSTEMD, "", "", NOQOS,
	  "libpod-conmon-" A ".scope", "libpod-conmon-" A ".scope" },
	{ "/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope/container", PODMAN, A,
	  "", NOQOS, "libpod-" A ".scope", A12 },
	{ USER1000 "/user.slice/libpod-" A ".scope/container", PODMAN, A, "", NOQOS,
	  "libpod-" A ".scope", A12 },
	{ USER1000 "/user.slice/user-libpod_pod_" B ".slice/libpod-" A ".scope/container", PODMAN,
	  A, "", NOQOS, "libpod-" A ".scope", A12 },
	{ "/libpod_parent/libpod-" A, PODMAN, A, "", NOQOS, "", A12 },
	{ "/libpod_parent/libpod-" A "/system.slice/var-lib-docker-" B "-mounts-shm.mount", PODMAN,
	  A, "", NOQOS, "system.slice", A12 },
	{ "/libpod_parent/conmon", NONE, "", "", NOQOS, "", "/libpod_parent/conmon" },
	{ "/libpod_parent/libpod-conmon-" A, NONE, "", "", NOQOS, "",
	  "/libpod_parent/libpod-conmon-" A },
	{ "/libpod-parent/libpod-conmon-" A "/" A, PODMAN, A, "", NOQOS, "", A12 },
	/* --cgroups=split, as quadlet has it */
	{ "/system.slice/nginx.service/libpod-payload-" A, PODMAN, A, "", NOQOS, "nginx.service",
	  A12 },
	{ "/system.slice/nginx.service/runtime", SYSTEMD, "", "", NOQOS, "nginx.service",
	  "nginx.service" },
	{ USER1000 "/app.slice/app-shop.slice/shop@8000.service/libpod-payload-" A, PODMAN, A, "",
	  NOQOS, "shop@8000.service", A12 },
	{ "/machine.slice/libpod-odoo-web-production.scope", PODMAN, "odoo-web-production", "",
	  NOQOS, "libpod-odoo-web-production.scope", "odoo-web-production" },
	{ "/lxc/web01", LXC, "web01", "", NOQOS, "", "web01" },
	{ "/lxc/x1/system.slice/snapd.service", LXC, "x1", "", NOQOS, "snapd.service", "x1" },
	{ "/lxc/101/ns/init.scope", LXC, "101", "", NOQOS, "init.scope", "101" },
	{ "/lxc", NONE, "", "", NOQOS, "", "/lxc" },
	{ "/lxc.payload.web01", LXC, "web01", "", NOQOS, "", "web01" },
	{ "/lxc.payload.prod_shop-database-01/system.slice/postgresql@15-main.service", LXC,
	  "prod_shop-database-01", "", NOQOS, "postgresql@15-main.service",
	  "prod_shop-database-01" },
	{ "/lxc.payload/web01/init.scope", LXC, "web01", "", NOQOS, "init.scope", "web01" },
	{ "/lxc/lxc.payload.web01", LXC, "web01", "", NOQOS, "", "web01" },
	{ "/lxc.monitor.web01", NONE, "", "", NOQOS, "", "/lxc.monitor.web01" },
	{ "/lxc.monitor/101", NONE, "", "", NOQOS, "", "/lxc.monitor/101" },
	{ "/lxc/lxc.monitor.web01", NONE, "", "", NOQOS, "", "/lxc/lxc.monitor.web01" },
	{ "/lxc.pivot", NONE, "", "", NOQOS, "", "/lxc.pivot" },
	{ "/user.slice/user-1000.slice/session-3.scope/lxc/c1", LXC, "c1", "", NOQOS,
	  "session-3.scope", "c1" },
	{ "/lxc.payload." A, LXC, A, "", NOQOS, "", A },
	{ "/lxc.payload.", NONE, "", "", NOQOS, "", "/lxc.payload." },
	{ "/lxc.payload.a:b:c", LXC, "a:b:c", "", NOQOS, "", "a:b:c" },
	{ "/machine.slice/libpod-conmon-web.scope", SYSTEMD, "", "", NOQOS,
	  "libpod-conmon-web.scope", "libpod-conmon-web.scope" },
};

static const struct expectation nested[] = {
	/* kind, both drivers; minikube with CRI-O */
	{ "/docker/" NODE "/kubelet/kubepods/burstable/pod" POD "/" A, CONTAINERD, A, POD,
	  BURSTABLE, "", A12 },
	{ "/docker/" NODE KIND_BU POD_ ".slice/cri-containerd-" A ".scope", CONTAINERD, A, POD,
	  BURSTABLE, "cri-containerd-" A ".scope", A12 },
	{ "/system.slice/docker-" NODE ".scope" KIND_BU HASH ".slice/cri-containerd-" A ".scope",
	  CONTAINERD, A, HASH, BURSTABLE, "cri-containerd-" A ".scope", A12 },
	{ KIND_BU POD_ ".slice/cri-containerd-" A ".scope", CONTAINERD, A, POD, BURSTABLE,
	  "cri-containerd-" A ".scope", A12 },
	{ "/docker/" NODE KUBE_BE POD_ ".slice/crio-" A ".scope", CRIO, A, POD, BESTEFFORT,
	  "crio-" A ".scope", A12 },
	{ "/system.slice/docker-" NODE ".scope/system.slice/containerd.service", DOCKER, NODE, "",
	  NOQOS, "containerd.service", NODE12 },
	{ "/docker/" NODE KUBE_BE POD_ ".slice/crio-conmon-" A ".scope", DOCKER, NODE, POD,
	  BESTEFFORT, "crio-conmon-" A ".scope", NODE12 },
	{ "/docker/" NODE "/kubepods/burstable", DOCKER, NODE, "", BURSTABLE, "", NODE12 },
	/* Docker in Docker, in a pod, in LXC; LXC in LXC */
	{ "/docker/" A "/docker/" B, DOCKER, B, "", NOQOS, "", B12 },
	{ KUBE_BU POD_ ".slice/cri-containerd-" A ".scope/docker/" B, DOCKER, B, POD, BURSTABLE,
	  "cri-containerd-" A ".scope", B12 },
	{ "/lxc.payload.ci/system.slice/docker-" B ".scope", DOCKER, B, "", NOQOS,
	  "docker-" B ".scope", B12 },
	{ "/lxc.payload.a/lxc.payload.b/init.scope", LXC, "b", "", NOQOS, "init.scope", "b" },
	{ "/lxc.payload.a/lxc.monitor.b", LXC, "a", "", NOQOS, "", "a" },
	/* a node within a pod: the inner pod, but only once there is one */
	{ "/kubepods/pod" POD "/" NODE "/kubepods/besteffort/pod" POD2 "/" B, CONTAINERD, B, POD2,
	  BESTEFFORT, "", B12 },
	{ "/kubepods/pod" POD "/" NODE "/kubepods/besteffort", CONTAINERD, NODE, POD, GUARANTEED,
	  "", NODE12 },
	{ "/machine.slice/libpod-" NODE ".scope/container" KIND_BU POD2_ ".slice/cri-containerd-" B
	  ".scope",
	  CONTAINERD, B, POD2, BURSTABLE, "cri-containerd-" B ".scope", B12 },
};

static const struct expectation systemd_plain[] = {
	{ "/system.slice/postgresql.service", SYSTEMD, "", "", NOQOS, "postgresql.service",
	  "postgresql.service" },
	{ "/system.slice/system-postgresql.slice/postgresql@15-main.service", SYSTEMD, "", "",
	  NOQOS, "postgresql@15-main.service", "postgresql@15-main.service" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", SYSTEMD, "", "", NOQOS,
	  "getty@tty1.service", "getty@tty1.service" },
	{ "/user.slice/user-1000.slice/session-3.scope", SYSTEMD, "", "", NOQOS, "session-3.scope",
	  "session-3.scope" },
	{ USER1000 "/app.slice/redis.service", SYSTEMD, "", "", NOQOS, "redis.service",
	  "redis.service" },
	{ USER1000 "/init.scope", SYSTEMD, "", "", NOQOS, "init.scope", "init.scope" },
	{ "/init.scope", SYSTEMD, "", "", NOQOS, "init.scope", "init.scope" },
	{ "/system.slice", SYSTEMD, "", "", NOQOS, "system.slice", "system.slice" },
	{ "/-.slice", SYSTEMD, "", "", NOQOS, "-.slice", "-.slice" },
	{ "/system.slice/odoo.service/workers/3", SYSTEMD, "", "", NOQOS, "odoo.service",
	  "odoo.service" },
	{ "/tenants.slice/tenants-acme.slice/odoo@acme.service", SYSTEMD, "", "", NOQOS,
	  "odoo@acme.service", "odoo@acme.service" },
	{ "/machine.slice/systemd-nspawn@web.service/payload", SYSTEMD, "", "", NOQOS,
	  "systemd-nspawn@web.service", "systemd-nspawn@web.service" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", SYSTEMD, "", "", NOQOS,
	  "machine-qemu\\x2d1\\x2dvm.scope", "machine-qemu\\x2d1\\x2dvm.scope" },
	{ "/tenants/acme", NONE, "", "", NOQOS, "", "/tenants/acme" },
	{ "/tenants.slice-acme", NONE, "", "", NOQOS, "", "/tenants.slice-acme" },
	{ "/.service", NONE, "", "", NOQOS, "", "/.service" },
	{ "/bad name.service", NONE, "", "", NOQOS, "", "/bad name.service" },
	{ "relative/path", NONE, "", "", NOQOS, "", "relative/path" },
	{ "/", NONE, "", "", NOQOS, "", "host" },
	{ "//", NONE, "", "", NOQOS, "", "host" },
	{ "", NONE, "", "", NOQOS, "", "host" },
};

static void check(const struct expectation *e)
{
	struct cgroup_path got;
	char label[CGROUP_LABEL_MAX + 1];

	memset(&got, 0xa5, sizeof(got));
	cgroup_path_parse(str_of(e->path), &got);
	cgroup_path_label(str_of(e->path), &got, label);
	if (got.runtime != e->runtime || got.qos != e->qos ||
	    strcmp(got.container_id, e->container_id) || strcmp(got.pod_uid, e->pod_uid) ||
	    strcmp(got.unit, e->unit) || strcmp(label, e->label))
		fail_msg("%s: runtime %s id '%s' pod '%s' qos '%s' unit '%s' label '%s'", e->path,
			 cgroup_runtime_name(got.runtime), got.container_id, got.pod_uid,
			 cgroup_qos_name(got.qos), got.unit, label);
}

#define CHECK_ALL(table)                                              \
	for (size_t i = 0; i < sizeof(table) / sizeof(*(table)); i++) \
	check(&(table)[i])

static void kubernetes_with_systemd_driver(void **state)
{
	(void)state;
	CHECK_ALL(kubernetes_systemd);
}

static void kubernetes_with_cgroupfs_driver(void **state)
{
	(void)state;
	CHECK_ALL(kubernetes_cgroupfs);
}

static void docker_and_containerd(void **state)
{
	(void)state;
	CHECK_ALL(docker_containerd);
}

static void podman_and_lxc(void **state)
{
	(void)state;
	CHECK_ALL(podman_lxc);
}

static void innermost_container_wins(void **state)
{
	(void)state;
	CHECK_ALL(nested);
}

static void systemd_units_and_plain_cgroups(void **state)
{
	(void)state;
	CHECK_ALL(systemd_plain);
}

static void only_a_runtime_makes_a_container(void **state)
{
	struct cgroup_path p;

	(void)state;
	cgroup_path_parse(STR("/lxc.payload.web01"), &p);
	assert_true(cgroup_path_is_container(&p));
	cgroup_path_parse(STR("/system.slice/redis.service"), &p);
	assert_false(cgroup_path_is_container(&p));
	cgroup_path_parse(STR("/plain"), &p);
	assert_false(cgroup_path_is_container(&p));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(cgroup_runtime_name(DOCKER), "docker");
	assert_string_equal(cgroup_runtime_name(CONTAINERD), "containerd");
	assert_string_equal(cgroup_runtime_name(CRIO), "crio");
	assert_string_equal(cgroup_runtime_name(PODMAN), "podman");
	assert_string_equal(cgroup_runtime_name(LXC), "lxc");
	assert_string_equal(cgroup_runtime_name(SYSTEMD), "systemd");
	assert_string_equal(cgroup_runtime_name(NONE), "none");
	assert_string_equal(cgroup_runtime_name((enum cgroup_runtime)99), "none");
	assert_string_equal(cgroup_qos_name(GUARANTEED), "guaranteed");
	assert_string_equal(cgroup_qos_name(BURSTABLE), "burstable");
	assert_string_equal(cgroup_qos_name(BESTEFFORT), "besteffort");
	assert_string_equal(cgroup_qos_name(NOQOS), "");
}

/* A name of exactly the kernel's limit is kept whole, one byte more is no name. */
static void longest_unit(void **state)
{
	char path[1 + CGROUP_NAME_MAX + 2] = "/";
	struct cgroup_path p;
	size_t len = 1 + CGROUP_NAME_MAX;

	(void)state;
	memset(path + 1, 'u', CGROUP_NAME_MAX + 1);
	memcpy(path + len - 8, ".service", 8);
	cgroup_path_parse((struct str){ path, len }, &p);
	assert_int_equal(p.runtime, SYSTEMD);
	assert_int_equal(strlen(p.unit), CGROUP_NAME_MAX);
	memset(path + len - 8, 'u', 8);
	memcpy(path + len + 1 - 8, ".service", 8);
	cgroup_path_parse((struct str){ path, len + 1 }, &p);
	assert_int_equal(p.runtime, NONE);
	assert_string_equal(p.unit, "");
}

/* 16 MiB of each piece: a parser that is not linear would not end within the test's lifetime. */
static void linear_in_hostile_paths(void **state)
{
	static const char *const pieces[] = { "/",	"a",	    ":",
					      "-",	"kubepods", "-kubepods",
					      "/lxc/",	"libpod-",  "/kubepods/pod",
					      ".slice", "0",	    "/docker/0a",
					      "\xff" };
	size_t size = 16 << 20;
	char *path = malloc(size);
	struct cgroup_path p;

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		size_t len = strlen(pieces[i]);

		for (size_t at = 0; at < size; at++)
			path[at] = pieces[i][at % len];
		cgroup_path_parse((struct str){ path, size }, &p);
		assert_int_equal(p.pod_uid[0], 0);
	}
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kubernetes_with_systemd_driver),
		cmocka_unit_test(kubernetes_with_cgroupfs_driver),
		cmocka_unit_test(docker_and_containerd),
		cmocka_unit_test(podman_and_lxc),
		cmocka_unit_test(innermost_container_wins),
		cmocka_unit_test(systemd_units_and_plain_cgroups),
		cmocka_unit_test(only_a_runtime_makes_a_container),
		cmocka_unit_test(names),
		cmocka_unit_test(longest_unit),
		cmocka_unit_test(linear_in_hostile_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
