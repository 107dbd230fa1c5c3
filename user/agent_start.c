/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a configuration to a running session: which cgroup hierarchy, what to load, which containers
 * are there, where to listen. Whatever goes wrong is told here, in one line, and undone by agent_stop().
 */
#include "user/agent_start.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "user/container.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"

#define PROC_CGROUP "/proc/self/cgroup"
#define LISTEN_MAX 64
#define NICE (-10) /* a little work often: the lanes must not fill up because we wait for a CPU */

static bool names_controller(char *list, const char *controller)
{
	char *rest = NULL;

	for (char *c = strtok_r(list, ",", &rest); c; c = strtok_r(NULL, ",", &rest))
		if (!strcmp(c, controller))
			return true;
	return false;
}

int agent_hierarchy_id(const char *cgroup, const char *controller)
{
	char line[WIRE_PATH_MAX], list[sizeof(line)];
	int id, found = -ENOENT;
	FILE *f;

	if (!controller[0])
		return 0;
	f = fopen(cgroup, "re");
	if (!f)
		return -errno;
	while (found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%d:%[^:]:", &id, list) == 2 && names_controller(list, controller))
			found = id;
	fclose(f);
	return found;
}

static int start_hierarchy(struct agent *a)
{
	char why[256];
	int err = cgroup_hierarchy_find(&a->hierarchy, "/proc/mounts", "/proc",
					a->config->cgroup_hierarchy, why, sizeof(why));

	if (err) {
		log_error("%s", why);
		return err;
	}
	a->hierarchy_id = agent_hierarchy_id(PROC_CGROUP, a->hierarchy.controller);
	if (a->hierarchy_id < 0)
		log_error("%s has no line for the cgroup controller %s", PROC_CGROUP,
			  a->hierarchy.controller);
	return a->hierarchy_id < 0 ? a->hierarchy_id : 0;
}

static int start_session(struct agent *a)
{
	const struct config *c = a->config;
	const struct session_config cfg = {
		.text_window_bytes = c->capture_text ? c->text_window_bytes : 0,
		.ring_bytes = c->ring_bytes,
		.postgresql_port = c->ports[PROTO_POSTGRESQL].port[0],
		.redis_port = c->ports[PROTO_REDIS].port[0],
		.controller = a->hierarchy.controller,
		.hierarchy_id = a->hierarchy_id,
		.program_stats = a->options->program_stats,
		.refuse = a->options->refuse,
		.dns_names = c->dns_names,
		.tls = c->tls_openssl,
	};
	char why[256];
	int err = session_start(&a->session, &cfg, why, sizeof(why));

	if (err)
		log_error("%s", why);
	return err;
}

static int start_recorder(struct agent *a)
{
	unsigned int n;
	const struct recorder_config cfg = {
		.path = a->options->record_path,
		.version = TALLYMAN_VERSION,
		.layout = cgroup_layout_name(a->hierarchy.layout),
		.controller = a->hierarchy.controller,
		.comment_keys = config_comment_keys(a->config, &n),
		.raw = a->options->record_raw,
	};

	return cfg.path ? recorder_new(&a->recorder, &cfg) : 0;
}

static void cgroup_gone(void *ctx, uint64_t cgroup)
{
	struct agent *a = ctx;

	if (a->ngone == a->gone_room) {
		size_t room = a->gone_room ? 2 * a->gone_room : 64;
		uint64_t *gone = realloc(a->gone, room * sizeof(*gone));

		if (!gone)
			return;
		a->gone = gone;
		a->gone_room = room;
	}
	a->gone[a->ngone++] = cgroup;
}

static void cgroup_found(void *ctx, uint64_t id, struct str path)
{
	struct agent *a = ctx;

	if (pipeline_knows(a->pipeline, id))
		return;
	pipeline_cgroup(a->pipeline, id, path.s, path.len, clock_mono_ns());
	a->scan_found++;
}

int agent_scan(struct agent *a)
{
	int err;

	a->scan_found = 0;
	err = container_scan(a->hierarchy.mount, cgroup_found, a);
	a->strangers = pipeline_strangers(a->pipeline);
	return err < 0 ? err : (int)a->scan_found;
}

/* After the session's start: what is created from then on comes through the ring. */
static int start_pipeline(struct agent *a)
{
	const struct pipeline_config cfg = {
		.config = a->config,
		.tap = a->recorder ? recorder_record : NULL,
		.tap_ctx = a->recorder,
		.cgroup_gone = cgroup_gone,
		.cgroup_ctx = a,
		.request = a->options->request,
		.request_ctx = a->options->ctx,
	};
	int n;

	a->pipeline = pipeline_new(&cfg);
	if (!a->pipeline) {
		log_error("out of memory");
		return -ENOMEM;
	}
	n = agent_scan(a);
	if (n < 0)
		log_error("cannot read %s: %s", a->hierarchy.mount, strerror(-n));
	return n < 0 ? n : 0;
}

static int watch_fd(struct agent *a, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int start_price(struct agent *a)
{
	int err = agent_price_new(&a->price, a->session, a->config->cpu_budget);

	if (err)
		log_error("out of memory");
	return err;
}

/* After the session's start: a server that starts from then on is found by its first connection. */
static int start_pg(struct agent *a)
{
	const struct agent_pg_config cfg = {
		.config = a->config,
		.session = a->session,
		.record = pipeline_record,
		.ctx = a->pipeline,
	};
	int err = agent_pg_new(&a->pg, &cfg);

	err = err ?: watch_fd(a, agent_pg_fd(a->pg));
	if (err)
		log_error("cannot follow PostgreSQL servers: %s", strerror(-err));
	return err;
}

static int start_tls(struct agent *a)
{
	int err = agent_tls_new(&a->tls, a->session, clock_mono_ns());

	if (err)
		log_error("cannot look for TLS libraries: %s", strerror(-err));
	return err;
}

/* First of all: a signal during the start ends the run as soon as it begins. */
static int start_signals(struct agent *a)
{
	sigset_t set;
	int err = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->epoll_fd < 0 || a->signal_fd < 0)
		err = -errno;
	err = err ?: watch_fd(a, a->signal_fd);
	if (err)
		log_error("cannot wait for signals: %s", strerror(-err));
	return err;
}

/* listen: where metrics are served then; "" nowhere. */
static int start_http(struct agent *a, char *listen, size_t size)
{
	const struct config *c = a->config;
	const char *format = strchr(c->listen_address, ':') ? "[%s]:%u" : "%s:%u";
	int err;

	if (!a->options->serve)
		return 0;
	snprintf(listen, size, format, c->listen_address, c->listen_port);
	err = http_new(&a->http, listen, &agent_http_ops, a); /* tells */
	err = err ?: watch_fd(a, http_fd(a->http));
	if (!err)
		snprintf(listen, size, format, c->listen_address, http_port(a->http));
	return err;
}

/* "tp_btf 9, fexit 2": how many hooks are attached in which way. Returns their number. */
static int hooks_summary(const struct hook_status *st, int n, char *line, size_t size)
{
	int kinds[HOOK_TRACEPOINT + 1] = { 0 }, attached = 0;
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		if (st[i].state != HOOK_ATTACHED)
			continue;
		kinds[st[i].variant->kind]++;
		attached++;
	}
	line[0] = '\0';
	for (int k = 0; k <= HOOK_TRACEPOINT; k++)
		if (kinds[k] && at < size)
			at += snprintf(line + at, size - at, "%s%s %d", at ? ", " : "",
				       hook_kind_name(k), kinds[k]);
	return attached;
}

static void tell_start(const struct agent *a, const char *listen)
{
	const struct hook_status *st;
	char kinds[128];
	int n, attached;

	st = session_hooks(a->session, &n);
	for (int i = 0; i < n; i++)
		if (st[i].state != HOOK_ATTACHED)
			log_warn("%s: hook %s is missing: %s; lost: %s", st[i].probe->name,
				 st[i].hook->name, st[i].reason, st[i].hook->loss);
	attached = hooks_summary(st, n, kinds, sizeof(kinds));
	log_info("tracing: %d of %d hooks (%s); containers by cgroup hierarchy %s at %s (%s node; "
		 "%s)%s%s",
		 attached, n, kinds,
		 a->hierarchy.controller[0] ? a->hierarchy.controller : "unified",
		 a->hierarchy.mount, cgroup_layout_name(a->hierarchy.layout), a->hierarchy.reason,
		 listen[0] ? "; metrics on http://" : "", listen);
}

int agent_start(struct agent *a)
{
	char listen[LISTEN_MAX] = "";
	int err;

	a->epoll_fd = a->signal_fd = -1;
	prctl(PR_SET_DUMPABLE, 0);	    /* see docs/threat-model.md */
	setpriority(PRIO_PROCESS, 0, NICE); /* if we may not, more is counted without details */
	err = start_signals(a);
	err = err ?: start_hierarchy(a);
	err = err ?: start_session(a);
	err = err ?: start_recorder(a);
	err = err ?: start_pipeline(a);
	err = err ?: start_price(a);
	err = err ?: start_pg(a);
	err = err ?: start_tls(a);
	err = err ?: start_http(a, listen, sizeof(listen));
	if (!err)
		tell_start(a, listen);
	return err;
}

void agent_stop(struct agent *a)
{
	http_free(a->http);
	agent_pg_free(a->pg);
	agent_price_free(a->price);
	agent_tls_free(a->tls);
	session_free(a->session);
	recorder_close(a->recorder);
	pipeline_free(a->pipeline);
	config_free(a->config);
	if (a->signal_fd >= 0)
		close(a->signal_fd);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	free(a->gone);
}
