/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel and user space both know of a place in the table of connections, to find those whose
 * socket went without a word, as Unix sockets do. User space maps the array: it raises the epoch, has the
 * kernel mark the places of all live sockets with it, and frees those that stayed behind.
 */
#ifndef TALLYMAN_CONN_SLOT_H
#define TALLYMAN_CONN_SLOT_H

struct conn_slot {
	__u64 id;    /* conn of the last REC_CONN; 0: none was sent */
	__u32 epoch; /* when it was last seen alive */
	__u32 used;  /* 1: a socket's; whoever makes it 0 returns its number */
};

#endif
