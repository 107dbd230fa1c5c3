/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On whose behalf work is done, and where. The three are ids of one table: the attribution's intern
 * table, in which id 0 is "". Whoever prints an owner needs that table; nobody else does.
 */
#ifndef TALLYMAN_OWNER_H
#define TALLYMAN_OWNER_H

#include <stdint.h>

struct owner {
	uint32_t tenant;
	uint32_t workflow;
	uint32_t container;
};

#endif
