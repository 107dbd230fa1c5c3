/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the other end of a connection is: its cgroup where it is on this node, else the class of its address.
 * The classes are those of probes/net/peer.bpf.h.
 */
#ifndef TALLYMAN_PEER_H
#define TALLYMAN_PEER_H

#include "bpf/wire.h"
#include "probes/probe.h"
#include "user/event.h"

struct conn;

/* By the address that this end has for the other one. */
enum net_peer peer_of(const struct rec_conn *r);

void peer_conn(struct conn *c, const struct rec_conn *r);

/* Into *e, a request of c. */
void peer_tell(const struct conn *c, struct event_request *e);

/* c is about to go: a client's end that told its requests itself had these unanswered. */
void peer_unanswered(const struct conn *c, uint64_t time_ns, const struct probe_sink *sink);

#endif
