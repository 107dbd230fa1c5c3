/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the kernel go through all open files once, to mark the sockets that are there before us. Without it
 * (an old kernel, or no right to) connections that are open already are left alone: which end is the
 * server's would be a guess.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tallyman.skel.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/session_parts.h"

/* Runs the iterator to its end; it writes nothing. */
static int run(int iter_fd)
{
	char nothing[64];
	ssize_t n;

	do {
		n = read(iter_fd, nothing, sizeof(nothing));
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	return n < 0 ? -errno : 0;
}

int session_seed(struct session *s)
{
	struct bpf_link *link = bpf_program__attach_iter(s->skel->progs.conns_seed, NULL);
	int err, fd = link ? bpf_iter_create(bpf_link__fd(link)) : -errno;

	err = fd < 0 ? fd : run(fd);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (err)
		log_warn(
			"open sockets cannot be listed (%s): connections that are open already are "
			"left alone",
			strerror(-err));
	else if (!s->skel->bss->seeded_ns)
		s->skel->bss->seeded_ns = clock_mono_ns();
	return 0;
}
