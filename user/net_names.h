/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of what struct net_counts tells apart. All are NULL past the end. */
#ifndef TALLYMAN_NET_NAMES_H
#define TALLYMAN_NET_NAMES_H

#include "bpf/wire.h"

/* The class of a peer; "": it is a container of this node. By enum net_peer, "other" for NET_PEER_MAX. */
extern const char *const net_peer_names[NET_PEER_MAX + 1];
extern const char *const net_failure_names[NET_FAILED_MAX + 1];
extern const char *const net_end_names[NET_END_MAX + 1];
extern const char *const net_resend_names[NET_RESEND_MAX + 1];
extern const char *const net_direction_names[NET_DIRECTIONS + 1];
extern const char *const net_stall_names[NET_STALL_MAX + 1];

/* Open now. A connection that was counted as open ends in the same row. */
uint64_t net_open(const struct net_counts *n);
uint64_t net_sum(const uint64_t *counts, unsigned int n);

#endif
