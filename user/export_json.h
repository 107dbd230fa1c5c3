/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agg's view as JSON lines: one object a row, told apart by "kind". docs/metrics.md names the
 * fields.
 */
#ifndef TALLYMAN_EXPORT_JSON_H
#define TALLYMAN_EXPORT_JSON_H

#include <stdio.h>

#include "user/agg_view.h"

/* 0, -ENOMEM, or -EIO if writing failed. */
int export_json_write(FILE *out, const struct agg_view *v);

/* Only these rows of the kind "waits", as they come. */
int export_json_waits(FILE *out, const struct wait_row *rows, size_t n);

/* Only those of the kinds "network" and "listener". */
int export_json_net(FILE *out, const struct agg_view *v);
int export_json_stack(FILE *out, const struct agg_view *v);
int export_json_dns(FILE *out, const struct agg_view *v);

#endif
