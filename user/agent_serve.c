/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's answers over HTTP. In: the agent's state. Out: an exposition that is fresh, because the
 * counters are read for it unless that was just done.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "user/agent_parts.h"
#include "user/export_prom.h"
#include "user/lib/clock.h"

#define FRESH_NS (100 * NS_PER_MS)
#define STRINGIFY(x) #x
#define TO_STRING(x) STRINGIFY(x)

static size_t hooks_describe(const struct agent *a, struct export_hook hooks[HOOKS_MAX])
{
	const struct hook_status *status;
	int n;

	status = session_hooks(a->session, &n);
	for (int i = 0; i < n; i++)
		hooks[i] = (struct export_hook){
			.probe = status[i].probe->name,
			.hook = status[i].hook->name,
			.variant = status[i].variant ? status[i].variant->program : "",
			.state = hook_state_name(status[i].state),
		};
	return n;
}

static int metrics(void *ctx, const char *accept, char **body, size_t *len,
		   const char **content_type)
{
	enum prom_format format = export_prom_format(accept);
	struct agent *a = ctx;
	struct export_hook hooks[HOOKS_MAX];
	struct export_library libraries[TLS_LIBRARIES_MAX];
	struct export_info info = { .version = TALLYMAN_VERSION,
				    .libbpf = libbpf_version_string(),
				    .abi = TO_STRING(WIRE_VERSION),
				    .hooks = hooks,
				    .libraries = libraries };
	struct export_buf b = { 0 };
	struct pipeline_counts counts;
	struct agg_view *view;
	int err = 0;

	if (a->behind || clock_mono_ns() - a->drained_ns > FRESH_NS)
		err = agent_drain(a);
	err = err ?: pipeline_view(a->pipeline, &view);
	if (err)
		return err;
	counts = pipeline_counts(a->pipeline);
	info.nhooks = hooks_describe(a, hooks);
	info.nlibraries = agent_tls_libraries(a->tls, libraries);
	export_self_read(&info.self);
	info.self.reads_put_off = a->put_off;
	info.self.containers_refused = counts.refused_containers;
	info.self.uncounted = counts.agg_errors;
	err = export_prom_write(&b, view, &info, format);
	agg_view_free(view);
	if (err) {
		free(b.s);
		return err;
	}
	*body = b.s;
	*len = b.len;
	*content_type = export_prom_content_type(format);
	return 0;
}

static bool healthy(void *ctx, const char **reason)
{
	const struct agent *a = ctx;

	*reason = "stopping";
	return !a->stop;
}

/* Ready: attached (else nobody would answer), and the counters were read once. */
static bool ready(void *ctx, const char **reason)
{
	const struct agent *a = ctx;

	*reason = a->stop ? "stopping" : "no counters were read yet";
	return !a->stop && a->drained_ns;
}

const struct http_ops agent_http_ops = { .metrics = metrics, .healthy = healthy, .ready = ready };
