/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a cgroup's path. Out: container, pod, service class and unit, see the header.
 * One pass over the segments from the root to the leaf, so that what lies deeper replaces what lies
 * above it. Each segment is looked at by a fixed number of length-checked scans.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/cgroup_path.h"

struct walk {
	enum cgroup_runtime runtime; /* of the innermost container so far */
	enum cgroup_runtime hint;    /* whose a bare id would be, by what lies above it */
	enum cgroup_qos qos;
	struct str container;
	struct str pod_uid;
	struct str unit;
	struct str parent; /* the segment before this one */
};

/* clang-format off */
static const char *const runtime_names[CGROUP_RUNTIME_MAX] = {
	[CGROUP_RUNTIME_NONE] = "none",
	[CGROUP_RUNTIME_SYSTEMD] = "systemd",
	[CGROUP_RUNTIME_DOCKER] = "docker",
	[CGROUP_RUNTIME_CONTAINERD] = "containerd",
	[CGROUP_RUNTIME_CRIO] = "crio",
	[CGROUP_RUNTIME_PODMAN] = "podman",
	[CGROUP_RUNTIME_LXC] = "lxc",
};
/* clang-format on */

static const char *const qos_names[CGROUP_QOS_MAX] = {
	[CGROUP_QOS_NONE] = "",
	[CGROUP_QOS_GUARANTEED] = "guaranteed",
	[CGROUP_QOS_BURSTABLE] = "burstable",
	[CGROUP_QOS_BESTEFFORT] = "besteffort",
};

struct word {
	struct str text;
	enum cgroup_runtime runtime;
};

/* WORD-<id>.scope, WORD-<id> and SLICE:WORD:<id>. Monitors (crio-conmon, libpod-conmon) are absent. */
static const struct word id_words[] = {
	{ { "cri-containerd", 14 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "containerd", 10 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "nerdctl", 7 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "docker", 6 }, CGROUP_RUNTIME_DOCKER },
	{ { "crio", 4 }, CGROUP_RUNTIME_CRIO },
	{ { "libpod", 6 }, CGROUP_RUNTIME_PODMAN },
	{ { "libpod-payload", 14 }, CGROUP_RUNTIME_PODMAN },
};

/* Parents that tell whose the bare ids below them are. */
static const struct word parent_words[] = {
	{ { "docker", 6 }, CGROUP_RUNTIME_DOCKER },
	{ { "docker.service", 14 }, CGROUP_RUNTIME_DOCKER },
	{ { "containerd", 10 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "containerd.service", 18 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "cri-containerd", 14 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "k8s.io", 6 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "default", 7 }, CGROUP_RUNTIME_CONTAINERD },
	{ { "crio", 4 }, CGROUP_RUNTIME_CRIO },
	{ { "libpod_parent", 13 }, CGROUP_RUNTIME_PODMAN },
	{ { "libpod-parent", 13 }, CGROUP_RUNTIME_PODMAN },
};

static enum cgroup_runtime word_runtime(const struct word *words, size_t n, struct str text)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(words[i].text, text))
			return words[i].runtime;
	return CGROUP_RUNTIME_NONE;
}

#define WORD_RUNTIME(words, text) word_runtime(words, sizeof(words) / sizeof(*(words)), text)

static struct str str_from(struct str s, size_t at)
{
	return (struct str){ s.s + at, s.len - at };
}

static bool take_prefix(struct str *s, struct str prefix)
{
	if (s->len < prefix.len || memcmp(s->s, prefix.s, prefix.len))
		return false;
	*s = str_from(*s, prefix.len);
	return true;
}

static bool take_suffix(struct str *s, struct str suffix)
{
	if (s->len < suffix.len || memcmp(s->s + s->len - suffix.len, suffix.s, suffix.len))
		return false;
	s->len -= suffix.len;
	return true;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.s[i] >= '0' && s.s[i] <= '9') || (s.s[i] >= 'a' && s.s[i] <= 'f')))
			return false;
	return true;
}

static bool is_id(struct str s)
{
	return s.len == CGROUP_ID_LEN && is_hex(s);
}

/* A name that may be shown as it is: printable ASCII without blanks. */
static bool is_name(struct str s)
{
	if (!s.len || s.len > CGROUP_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.s[i] <= ' ' || s.s[i] > '~')
			return false;
	return true;
}

static bool is_unit(struct str seg)
{
	struct str stem = seg;

	return is_name(seg) &&
	       (take_suffix(&stem, STR(".service")) || take_suffix(&stem, STR(".scope")) ||
		take_suffix(&stem, STR(".slice"))) &&
	       stem.len;
}

/* A UUID with '-' (cgroupfs driver) or '_' (systemd driver) between its parts, or 32 digits. */
static bool is_pod_uid(struct str s)
{
	if (s.len == 32)
		return is_hex(s);
	if (s.len != CGROUP_POD_UID_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.s[i] != s.s[8] : !is_hex((struct str){ s.s + i, 1 }))
			return false;
	}
	return s.s[8] == '-' || s.s[8] == '_';
}

static void walk_pod(struct walk *w, struct str uid, enum cgroup_qos qos)
{
	w->pod_uid = uid;
	w->qos = qos;
}

/* A service class's own cgroup, without a pod yet; within a pod it belongs to a nested node. */
static void walk_class(struct walk *w, enum cgroup_qos qos)
{
	if (!w->pod_uid.len)
		w->qos = qos;
}

/* What follows "kubepods" in a slice's name; slices carry all their parents' names before it. */
static bool take_kubepods(struct str *s)
{
	static const struct str word = { "kubepods", 8 };
	const char *at = s->s, *end = s->s + s->len;

	while ((at = memmem(at, end - at, word.s, word.len))) {
		const char *after = at + word.len;

		if ((at == s->s || at[-1] == '-') && (after == end || *after == '-')) {
			*s = str_from(*s, after - s->s);
			return true;
		}
		at = after;
	}
	return false;
}

/* [PARENT-]kubepods[-burstable|-besteffort][-pod<uid>].slice */
static bool walk_pod_slice(struct walk *w, struct str slice)
{
	enum cgroup_qos qos = CGROUP_QOS_GUARANTEED;

	if (!take_suffix(&slice, STR(".slice")) || !take_kubepods(&slice))
		return false;
	if (take_prefix(&slice, STR("-burstable")))
		qos = CGROUP_QOS_BURSTABLE;
	else if (take_prefix(&slice, STR("-besteffort")))
		qos = CGROUP_QOS_BESTEFFORT;
	if (take_prefix(&slice, STR("-pod")) && is_pod_uid(slice))
		walk_pod(w, slice, qos);
	else if (!slice.len && qos != CGROUP_QOS_GUARANTEED)
		walk_class(w, qos);
	return true;
}

/* kubepods[/burstable|/besteffort][/pod<uid>] */
static bool walk_pod_dir(struct walk *w, struct str seg)
{
	struct str kubepods = STR("kubepods"), uid = seg;
	enum cgroup_qos qos = CGROUP_QOS_NONE;

	if (str_eq(seg, kubepods))
		return true;
	if (str_eq(w->parent, kubepods) &&
	    (str_eq(seg, STR("burstable")) || str_eq(seg, STR("besteffort")))) {
		walk_class(w, seg.s[1] == 'u' ? CGROUP_QOS_BURSTABLE : CGROUP_QOS_BESTEFFORT);
		return true;
	}
	if (!take_prefix(&uid, STR("pod")) || !is_pod_uid(uid))
		return false;
	if (str_eq(w->parent, STR("burstable")))
		qos = CGROUP_QOS_BURSTABLE;
	else if (str_eq(w->parent, STR("besteffort")))
		qos = CGROUP_QOS_BESTEFFORT;
	else if (str_eq(w->parent, kubepods))
		qos = CGROUP_QOS_GUARANTEED;
	walk_pod(w, uid, qos);
	return true;
}

static void walk_container(struct walk *w, enum cgroup_runtime runtime, struct str id)
{
	w->runtime = runtime;
	w->container = id;
}

/* Splits WORD<sep><rest> at the last separator. */
static bool split_last(struct str s, char sep, struct str *word, struct str *rest)
{
	const char *at = s.len ? memrchr(s.s, sep, s.len) : NULL;

	if (!at)
		return false;
	*word = (struct str){ s.s, at - s.s };
	*rest = str_from(s, at - s.s + 1);
	return true;
}

/* SLICE:WORD:<id>, which runtimes make when told to use systemd's form without using systemd. */
static bool walk_colons(struct walk *w, struct str seg)
{
	struct str head, id, slice, word;
	enum cgroup_runtime runtime;
	bool pod;

	if (!split_last(seg, ':', &head, &id) || !split_last(head, ':', &slice, &word))
		return false;
	pod = walk_pod_slice(w, slice);
	runtime = is_id(id) ? WORD_RUNTIME(id_words, word) : CGROUP_RUNTIME_NONE;
	if (runtime)
		walk_container(w, runtime, id);
	return pod || runtime;
}

/* lxc.payload.NAME, and NAME below lxc or lxc.payload. A monitor is no container. */
static bool walk_lxc(struct walk *w, struct str seg)
{
	bool below = str_eq(w->parent, STR("lxc")) || str_eq(w->parent, STR("lxc.payload"));
	struct str name = seg;

	if (take_prefix(&name, STR("lxc.payload."))) {
		if (is_name(name))
			walk_container(w, CGROUP_RUNTIME_LXC, name);
		return true;
	}
	if (take_prefix(&name, STR("lxc.")))
		return true;
	if (!below || !is_name(seg))
		return false;
	walk_container(w, CGROUP_RUNTIME_LXC, seg);
	return true;
}

/* libpod-NAME: podman's own ids are hexadecimal, but a name in their place is still podman's. */
static void walk_podman_name(struct walk *w, struct str base, bool scope)
{
	bool payload;

	if (!take_prefix(&base, STR("libpod-")))
		return;
	payload = take_prefix(&base, STR("payload-"));
	if (!payload && !scope && !str_eq(w->parent, STR("libpod_parent")))
		return;
	if (is_name(base) && !take_prefix(&base, STR("conmon-")))
		walk_container(w, CGROUP_RUNTIME_PODMAN, base);
}

/* WORD-<id>.scope and WORD-<id> */
static void walk_scope(struct walk *w, struct str seg)
{
	struct str word, id, base = seg;
	bool scope = take_suffix(&base, STR(".scope"));
	enum cgroup_runtime runtime;

	if (split_last(base, '-', &word, &id) && is_id(id)) {
		runtime = WORD_RUNTIME(id_words, word);
		if (runtime)
			walk_container(w, runtime, id);
		else if (str_eq(word, STR("libpod-conmon")))
			w->hint = CGROUP_RUNTIME_PODMAN; /* early podman kept <id> below it */
		return;
	}
	walk_podman_name(w, base, scope);
}

static bool is_monitor_dir(struct str seg)
{
	return str_eq(seg, STR("lxc.monitor")) || str_eq(seg, STR("lxc.pivot")) ||
	       str_eq(seg, STR("kata_overhead"));
}

static void walk_segment(struct walk *w, struct str seg)
{
	enum cgroup_runtime hint;

	if (is_unit(seg))
		w->unit = seg;
	if (walk_colons(w, seg) || is_monitor_dir(w->parent) || walk_lxc(w, seg))
		return;
	if (walk_pod_slice(w, seg) || walk_pod_dir(w, seg)) {
		w->hint = CGROUP_RUNTIME_CONTAINERD;
		return;
	}
	if (is_id(seg)) {
		walk_container(w, w->hint ? w->hint : CGROUP_RUNTIME_DOCKER, seg);
		return;
	}
	hint = WORD_RUNTIME(parent_words, seg);
	if (hint)
		w->hint = hint;
	walk_scope(w, seg);
}

static void str_copy(char *out, struct str s)
{
	if (s.len)
		memcpy(out, s.s, s.len);
	out[s.len] = 0;
}

void cgroup_path_parse(struct str path, struct cgroup_path *out)
{
	struct walk w = { 0 };
	size_t from = 0;

	for (size_t i = 0; i <= path.len; i++) {
		if (i < path.len && path.s[i] != '/')
			continue;
		if (i > from) {
			struct str seg = { path.s + from, i - from };

			walk_segment(&w, seg);
			w.parent = seg;
		}
		from = i + 1;
	}
	out->runtime = w.runtime;
	if (!w.runtime && w.unit.len)
		out->runtime = CGROUP_RUNTIME_SYSTEMD;
	out->qos = w.qos;
	str_copy(out->container_id, w.container);
	str_copy(out->unit, w.unit);
	str_copy(out->pod_uid, w.pod_uid);
	for (char *c = out->pod_uid; *c; c++)
		if (*c == '_')
			*c = '-';
}

bool cgroup_path_is_container(const struct cgroup_path *parsed)
{
	return parsed->runtime > CGROUP_RUNTIME_SYSTEMD;
}

const char *cgroup_runtime_name(enum cgroup_runtime runtime)
{
	return (unsigned int)runtime < CGROUP_RUNTIME_MAX ? runtime_names[runtime] : "none";
}

const char *cgroup_qos_name(enum cgroup_qos qos)
{
	return (unsigned int)qos < CGROUP_QOS_MAX ? qos_names[qos] : "";
}
