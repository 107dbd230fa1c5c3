/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks in TLS libraries: each function of a file once, for all processes that have it loaded now or later.
 * In: an open file and where its functions are. The kernel holds the file as long as it is hooked.
 */
#include "user/session_tls.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "probes/sock/tls_kind.h"
#include "tallyman.skel.h"
#include "user/session_parts.h"

struct session_tls {
	struct bpf_link *enter[TLS_FN_MAX];
	struct bpf_link *leave[TLS_FN_MAX];
};

/* The hooks' cookie; 0: the call's end does not matter. */
static const unsigned int kinds[TLS_FN_MAX] = {
	[TLS_FN_READ] = TLS_READ,
	[TLS_FN_WRITE] = TLS_WRITE,
	[TLS_FN_READ_EX] = TLS_READ | TLS_EX,
	[TLS_FN_WRITE_EX] = TLS_WRITE | TLS_EX,
	[TLS_FN_HANDSHAKE] = TLS_HANDSHAKE,
	[TLS_FN_FREE] = 0,
};

static struct bpf_link *attach(struct bpf_program *p, int fd, int64_t offset, unsigned int kind,
			       bool leave)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = kind, .retprobe = leave);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return bpf_program__attach_uprobe_opts(p, -1, path, (size_t)offset, &opts);
}

static int attach_function(struct session *s, struct session_tls *t, int fd, int64_t offset, int fn)
{
	/* First where it returns: what is entered is left. */
	if (kinds[fn]) {
		t->leave[fn] = attach(s->skel->progs.tls_leave, fd, offset, 0, true);
		if (!t->leave[fn])
			return -errno;
	}
	t->enter[fn] = attach(kinds[fn] ? s->skel->progs.tls_enter : s->skel->progs.tls_free, fd,
			      offset, kinds[fn], false);
	return t->enter[fn] ? 0 : -errno;
}

bool session_has_tls(const struct session *s)
{
	return s->tls;
}

int session_tls_attach(struct session *s, int fd, const struct tls_library *library,
		       struct session_tls **out)
{
	struct session_tls *t;
	int err = 0;

	if (!s->tls)
		return -ENOTSUP;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	for (int i = 0; i < TLS_FN_MAX && !err; i++)
		if (library->offset[i] >= 0)
			err = attach_function(s, t, fd, library->offset[i], i);
	if (err)
		session_tls_detach(t);
	else
		*out = t;
	return err;
}

void session_tls_detach(struct session_tls *t)
{
	if (!t)
		return;
	for (int i = 0; i < TLS_FN_MAX; i++)
		bpf_link__destroy(t->enter[i]);
	for (int i = 0; i < TLS_FN_MAX; i++)
		bpf_link__destroy(t->leave[i]);
	free(t);
}

int session_tls_stranger(struct session *s, uint32_t *pid)
{
	return bpf_map_lookup_and_delete_elem(bpf_map__fd(s->skel->maps.tls_strangers), NULL, pid)
		       ? -ENOENT
		       : 0;
}

void session_tls_tune(struct session *s)
{
	struct tallyman_bpf *skel = s->skel;

	if (!s->tls)
		return;
	skel->rodata->cfg_tls = true;
	bpf_map__set_max_entries(skel->maps.tls_ends, CONNS_MAX);
	bpf_map__set_max_entries(skel->maps.tls_strangers, TLS_STRANGERS_MAX);
	bpf_program__set_autoload(skel->progs.tls_enter, true);
	bpf_program__set_autoload(skel->progs.tls_leave, true);
	bpf_program__set_autoload(skel->progs.tls_free, true);
}

void session_tls_list(struct session *s)
{
	const struct bpf_program *programs[] = { s->skel->progs.tls_enter, s->skel->progs.tls_leave,
						 s->skel->progs.tls_free };

	for (int i = 0; s->tls && i < 3; i++)
		s->programs[s->nprograms++] =
			(struct drain_program){ .fd = bpf_program__fd(programs[i]),
						.name = bpf_program__name(programs[i]),
						.probe = PROBE_SOCK };
}
