/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS queries as REC_DNS by container. In: descriptors of the table of counts, and of that of queries which
 * are not answered yet: those that wait for 5 s are taken out of it, as timeouts.
 */
#ifndef TALLYMAN_DRAIN_DNS_H
#define TALLYMAN_DRAIN_DNS_H

#include <linux/types.h>
#include <stdint.h>

#include "user/lanes.h"

struct drain_dns;

struct drain_dns_config {
	int table_fd;
	int asked_fd;
	int names_fd; /* names of those that are asked; -1: names are not wanted */
	int told_fd;  /* and of those that are answered */
	__u64 *names_lost;
};

/* Borrows the descriptors and the number. 0 or -ENOMEM. */
int drain_dns_new(struct drain_dns **out, const struct drain_dns_config *cfg);
void drain_dns_free(struct drain_dns *d);
int drain_dns_run(struct drain_dns *d, record_fn fn, void *ctx);
void drain_dns_forget(struct drain_dns *d, uint64_t cgroup);

#endif
