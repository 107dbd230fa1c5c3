/* SPDX-License-Identifier: Apache-2.0 */
/* The network probe's iterators: over the sockets that were there before us, and over all it knows. */
#ifndef TALLYMAN_SESSION_NET_H
#define TALLYMAN_SESSION_NET_H

struct session;

/* Before the load: the iterators are loaded if the probe's main hook is. */
void session_net_tune(struct session *s);

/* After the hooks are attached: those that are open become known. 0 or a negative errno. */
int session_net_adopt(struct session *s);

/* The drain, with the iterator that it reads. 0 or a negative errno. */
int session_net_drain_new(struct session *s);

#endif
