/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the JSON lines: only for export_json*.c. A field that did not fit into memory is missing. */
#ifndef TALLYMAN_EXPORT_JSON_PARTS_H
#define TALLYMAN_EXPORT_JSON_PARTS_H

#include <jansson.h>

#include "user/export_json.h"

/* What a line is made with. */
struct json_parts {
	void (*set_string)(json_t *o, const char *name, const char *value);
	void (*set_number)(json_t *o, const char *name, uint64_t n);
	void (*set_quantile)(json_t *o, const char *name, const struct hist *h, double q);
	/* Prints the line and frees it. `fields`: how many it must have. 0, -ENOMEM or -EIO. */
	int (*put)(FILE *out, json_t *o, size_t fields);
};

extern const struct json_parts json_parts;

int export_json_io(FILE *out, const struct agg_view *v);
int export_json_trip(FILE *out, const struct agg_view *v);
int export_json_ingress(FILE *out, const struct agg_view *v);
int export_json_sleep(FILE *out, const struct agg_view *v);
int export_json_pg(FILE *out, const struct agg_view *v);
int export_json_detail(FILE *out, const struct agg_view *v);

#endif
