/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the configuration's reading ask of each other; for config*.c only. */
#ifndef TALLYMAN_CONFIG_PARTS_H
#define TALLYMAN_CONFIG_PARTS_H

#include "user/config_reader.h"

/* Every top-level key of an open document. */
int config_read_keys(struct config_reader *r, struct config *cfg);

/* A list of rules, put behind those of `list`. `what` is the key's name. */
int config_read_rules(struct config_reader *r, const yaml_node_t *node, const char *what,
		      struct rules *list);

/* The keys `postgresql` and `lock_ask_ms`. */
int config_read_servers(struct config_reader *r, struct config *cfg, const yaml_node_t *node);
int config_read_lock_ask(struct config_reader *r, struct config *cfg, const yaml_node_t *node);

/* A number of digits only, within limits. */
int config_read_number(struct config_reader *r, const yaml_node_t *node, const char *what,
		       uint64_t min, uint64_t max, uint64_t *out);

/* The text of user/workflows_odoo.yaml, from the binary itself. */
struct str config_builtin_odoo(void);

#endif
