/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS queries as REC_DNS by container. In: descriptors of the table of counts, and of that of queries which
 * are not answered yet: those that wait for 5 s are taken out of it, as timeouts.
 */
#ifndef TALLYMAN_DRAIN_DNS_H
#define TALLYMAN_DRAIN_DNS_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_dns;

/* Borrows the descriptors. 0 or -ENOMEM. */
int drain_dns_new(struct drain_dns **out, int table_fd, int asked_fd);
void drain_dns_free(struct drain_dns *d);
int drain_dns_run(struct drain_dns *d, record_fn fn, void *ctx);
void drain_dns_forget(struct drain_dns *d, uint64_t cgroup);

#endif
