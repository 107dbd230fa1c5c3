/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines of proxies ("ingress") and their upstreams ("upstream"). In: a view's rows. Out: one object a line, by
 * way of export_json_parts.h.
 */
#include "user/export_json.h"
#include "user/export_json_parts.h"

static int ingress_put(FILE *out, const struct ingress_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", row->upstream ? "upstream" : "ingress");
	json_parts.set_string(o, "proxy", row->proxy);
	json_parts.set_string(o, "container", row->container);
	if (row->upstream)
		json_parts.set_string(o, "upstream", row->peer);
	json_parts.set_number(o, "port", row->port);
	for (unsigned int i = 0; i < INGRESS_OUTCOME_MAX; i++)
		json_parts.set_number(o, ingress_outcome_name(i), row->requests[i]);
	json_parts.set_number(o, "time_ns", row->time_ns);
	return json_parts.put(out, o, 5 + row->upstream + INGRESS_OUTCOME_MAX);
}

int export_json_ingress(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ningress; i++)
		err = ingress_put(out, &v->ingress[i]);
	return err;
}
