/* SPDX-License-Identifier: Apache-2.0 */
/* Which server of this node is at the other end of a connection of ours; which process a server's pid is. */
#ifndef TALLYMAN_PG_ASK_PEER_H
#define TALLYMAN_PG_ASK_PEER_H

#include <stdint.h>

#include "user/pg_cluster.h"

/*
 * The postmaster whose child serves the connection; 0: none for certain. `server_pid` is what the
 * server says that the child's pid is, `begun_ns` when the connection was begun (CLOCK_MONOTONIC).
 */
uint32_t pg_ask_peer(struct pg_clusters *clusters, int socket_fd, uint32_t server_pid,
		     uint64_t begun_ns);

/* The child of a postmaster that the server itself numbers so; 0: gone, or not to be told. */
uint32_t pg_ask_child(uint32_t postmaster, uint32_t server_pid);

#endif
