/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of an agg: DNS by container. Only for agg*.c. Counts as series under the agg's limit. */
#ifndef TALLYMAN_AGG_DNS_H
#define TALLYMAN_AGG_DNS_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/agg_view.h"
#include "user/lib/hist.h"

struct agg_dns_key {
	uint32_t tenant;
	uint32_t container;
};

struct agg_dns {
	struct agg_dns_key key;
	struct dns_counts n;
	struct hist waits;
	UT_hash_handle hh;
};

/* Part of struct agg. */
struct agg_dnses {
	struct agg_dns *rows;
	struct agg_dns other;
};

void agg_dns_init(struct agg_dnses *dns);
void agg_dns_clear(struct agg *a);

/* Anything that changes when something is added to the container's series. */
uint64_t agg_dns_activity(const struct agg *a, uint32_t container);
void agg_dns_drop(struct agg *a, uint32_t container);
size_t agg_dns_memory(const struct agg *a);

/* Fills the view's rows. 0 or -ENOMEM; agg_dns_view_free() after both. */
int agg_dns_view(struct agg_view *v, const struct agg *a, const struct intern *owners);
void agg_dns_view_free(struct agg_view *v);

#endif
