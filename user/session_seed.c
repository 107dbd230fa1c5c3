/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the kernel go through all open files once, to mark the sockets that are there before us. Without it
 * (an old kernel, or no right to) connections that are open already are left alone: which end is the
 * server's would be a guess.
 */
#include <string.h>

#include "tallyman.skel.h"
#include "user/iter.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/session_parts.h"

int session_seed(struct session *s)
{
	int err = iter_run(s->skel->progs.conns_seed);

	if (err)
		log_warn(
			"open sockets cannot be listed (%s): connections that are open already are "
			"left alone",
			strerror(-err));
	else if (!s->skel->bss->seeded_ns)
		s->skel->bss->seeded_ns = clock_mono_ns();
	return 0;
}
