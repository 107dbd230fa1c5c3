/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the Prometheus exposition: only for export_prom*.c. A row's labels are made once, then used. */
#ifndef TALLYMAN_EXPORT_PROM_PARTS_H
#define TALLYMAN_EXPORT_PROM_PARTS_H

#include <stdbool.h>

#include "user/export_prom.h"

struct family {
	const char *name; /* OpenMetrics' name: without _total */
	const char *type;
	const char *unit; /* NULL: none */
	const char *help;
};

struct writer {
	struct export_buf *out;
	struct export_buf labels; /* of the row at hand, without braces */
	enum prom_format format;
};

/* What a family is written with. Samples get the labels at hand. */
struct prom_parts {
	void (*family)(struct writer *w, const struct family *f);
	void (*labels_begin)(struct writer *w);
	void (*label)(struct writer *w, const char *name, const char *value);
	void (*u64)(struct writer *w, const struct family *f, const char *suffix, uint64_t n);
	void (*i64)(struct writer *w, const struct family *f, const char *suffix, int64_t n);
	void (*seconds)(struct writer *w, const struct family *f, const char *suffix,
			unsigned __int128 ns);
	void (*histogram)(struct writer *w, const struct family *f, const struct hist *h);
};

extern const struct prom_parts prom_parts;

void export_prom_io(struct writer *w, const struct agg_view *v);
void export_prom_net(struct writer *w, const struct agg_view *v);
void export_prom_trip(struct writer *w, const struct agg_view *v);
void export_prom_ingress(struct writer *w, const struct agg_view *v);
void export_prom_stack(struct writer *w, const struct agg_view *v);
void export_prom_dns(struct writer *w, const struct agg_view *v);
void export_prom_dns_names(struct writer *w, const struct agg_view *v);
void export_prom_sleep(struct writer *w, const struct agg_view *v);
void export_prom_pg(struct writer *w, const struct agg_view *v);
void export_prom_detail(struct writer *w, const struct agg_view *v);
void export_prom_price(struct writer *w, const struct agg_view *v);

#endif
