/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus exposition: an agg's view as Prometheus text 0.0.4 or OpenMetrics 1.0.0.
 * docs/metrics.md is the reference of what comes out.
 */
#ifndef TALLYMAN_EXPORT_PROM_H
#define TALLYMAN_EXPORT_PROM_H

#include "user/agg_view.h"
#include "user/export_buf.h"
#include "user/export_info.h"

/*
 * Histogram buckets end at 2^EXPORT_PROM_LE_MIN to 2^EXPORT_PROM_LE_MAX seconds, one per doubling.
 */
#define EXPORT_PROM_LE_MIN (-17)
#define EXPORT_PROM_LE_MAX 6

enum prom_format { PROM_TEXT, PROM_OPENMETRICS };

/* What an Accept header (NULL: none) prefers. Anything that is not understood: PROM_TEXT. */
enum prom_format export_prom_format(const char *accept);

const char *export_prom_content_type(enum prom_format format);

/* Appends the whole exposition. 0 or -ENOMEM. */
int export_prom_write(struct export_buf *b, const struct agg_view *v,
		      const struct export_info *info, enum prom_format format);

#endif
