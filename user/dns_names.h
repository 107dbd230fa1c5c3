/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked by name, added up by container and pattern between two drains. In: queries with their answers,
 * as the kernel keeps them. Out: REC_NAMED. So many names are told apart, the others are `other`.
 */
#ifndef TALLYMAN_DNS_NAMES_H
#define TALLYMAN_DNS_NAMES_H

#include <stdint.h>

#include "user/lanes.h"

struct dns_named;
struct dns_names;

struct dns_names *dns_names_new(void);
void dns_names_free(struct dns_names *n);
void dns_names_add(struct dns_names *n, const struct dns_named *query);

/* Answers whose containers and names are not known. */
void dns_names_add_lost(struct dns_names *n, uint64_t answers);
void dns_names_emit(struct dns_names *n, uint64_t now_ns, record_fn fn, void *ctx);
void dns_names_forget(struct dns_names *n, uint64_t cgroup);

#endif
