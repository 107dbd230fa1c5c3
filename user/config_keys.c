/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the document's top level. Out: the values in struct config. One function a kind of value, one
 * table that names the keys; rules are read elsewhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "user/config_parts.h"

#define RING_BYTES_MAX (1U << 30)
#define SERIES_LIMIT_MAX 1000000U
#define NUMBER_MAX (1ULL << 40)

/* Controllers as the kernel names them; whether a node has one is for the session to see. */
static const char *const hierarchies[] = {
	"auto",	   "unified", "cpu",	 "cpuacct", "cpuset",	"memory",
	"blkio",   "devices", "freezer", "net_cls", "net_prio", "perf_event",
	"hugetlb", "pids",    "rdma",	 "misc",    NULL,
};

static const char *const builtins[] = { "none", "odoo", NULL };
static const char *const tls_libraries[] = { "none", "openssl", NULL };
static const char *const bools[] = { "false", "true", NULL };

/* Digits only, up to NUMBER_MAX. */
static bool number_parse(struct str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9' || *out > NUMBER_MAX / 10)
			return false;
		*out = *out * 10 + (uint64_t)(s.s[i] - '0');
	}
	return s.len > 0;
}

int config_read_number(struct config_reader *r, const yaml_node_t *node, const char *what,
		       uint64_t min, uint64_t max, uint64_t *out)
{
	struct str text;
	int err = reader_text(r, node, what, &text);

	if (err)
		return err;
	if (!number_parse(text, out) || *out < min || *out > max)
		return reader_fail(r, node, "%s \"%s\" must be a number from %llu to %llu", what,
				   reader_quote(text).s, (unsigned long long)min,
				   (unsigned long long)max);
	return 0;
}

/* Which of `names` the value is. */
static int read_choice(struct config_reader *r, const yaml_node_t *node, const char *what,
		       const char *const *names)
{
	struct str text;
	int err = reader_text(r, node, what, &text);

	if (err)
		return err;
	for (int i = 0; names[i]; i++)
		if (str_eq(text, str_of(names[i])))
			return i;
	return reader_fail_unknown(r, node, what, text, names);
}

static int read_tenants(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	return config_read_rules(r, node, "tenants", cfg->tenants);
}

static int read_workflows(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	return config_read_rules(r, node, "workflows", cfg->workflows);
}

static int read_builtin(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int i = read_choice(r, node, "builtin_workflows", builtins);

	cfg->builtin_odoo = i == 1;
	return i < 0 ? i : 0;
}

static int read_capture_text(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int i = read_choice(r, node, "capture_text", bools);

	cfg->capture_text = i == 1;
	return i < 0 ? i : 0;
}

static int read_dns_names(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int i = read_choice(r, node, "dns_names", bools);

	cfg->dns_names = i == 1;
	return i < 0 ? i : 0;
}

static int read_tls(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int i = read_choice(r, node, "tls", tls_libraries);

	cfg->tls_openssl = i == 1;
	return i < 0 ? i : 0;
}

static int read_hierarchy(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int i = read_choice(r, node, "cgroup_hierarchy", hierarchies);

	if (i < 0)
		return i;
	memcpy(cfg->cgroup_hierarchy, hierarchies[i], strlen(hierarchies[i]) + 1);
	return 0;
}

static int read_listen(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	struct str text;
	int err = reader_text(r, node, "listen", &text);

	if (err)
		return err;
	if (config_set_listen(cfg, text))
		return reader_fail(r, node,
				   "listen \"%s\" is not ADDR:PORT (as in 127.0.0.1:9464 or "
				   "[::1]:9464; a numeric address)",
				   reader_quote(text).s);
	return 0;
}

static int read_window(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	uint64_t n;
	int err = config_read_number(r, node, "text_window", WIRE_TEXT_MIN, WIRE_TEXT_MAX, &n);

	if (!err)
		cfg->text_window_bytes = (uint32_t)n;
	return err;
}

static int read_series(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	uint64_t n;
	int err = config_read_number(r, node, "series_limit", 1, SERIES_LIMIT_MAX, &n);

	if (!err)
		cfg->series_limit = (uint32_t)n;
	return err;
}

static int read_budget(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	struct str text;
	int err = reader_text(r, node, "cpu_budget", &text);

	if (!err && config_set_budget(cfg, text))
		err = reader_fail(
			r, node,
			"cpu_budget \"%s\" must be a percentage from 0.001 to 100 (as in 0.5), "
			"or off",
			reader_quote(text).s);
	return err;
}

static int read_ring(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	uint64_t n, size = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned int shift = 0;
	struct str text, digits;
	int err = reader_text(r, node, "ring_size", &text);

	if (err)
		return err;
	digits = text;
	if (text.len && (text.s[text.len - 1] == 'K' || text.s[text.len - 1] == 'M')) {
		digits.len--;
		shift = text.s[digits.len] == 'K' ? 10 : 20;
	}
	if (!number_parse(digits, &n) || !n || n > RING_BYTES_MAX >> shift)
		return reader_fail(r, node,
				   "ring_size \"%s\" must be bytes, or K or M behind, up to "
				   "1024M (as in 8M)",
				   reader_quote(text).s);
	while (size < n << shift)
		size *= 2;
	cfg->ring_bytes = (uint32_t)size;
	return 0;
}

static int read_port(struct config_reader *r, const yaml_node_t *node, struct config_ports *ports)
{
	uint64_t n;
	int err = config_read_number(r, node, "a port", 1, UINT16_MAX, &n);

	if (err)
		return err;
	if (ports->count == CONFIG_PORTS_MAX)
		return reader_fail(r, node, "more than %d ports", CONFIG_PORTS_MAX);
	ports->port[ports->count++] = (uint16_t)n;
	return 0;
}

static int read_ports(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	static const char *const names[] = { "postgresql", "redis", NULL };
	static const enum protocol protocols[] = { PROTO_POSTGRESQL, PROTO_REDIS };
	const yaml_node_t *seen[2] = { NULL, NULL };
	int err = reader_expect_mapping(r, node, "ports");

	if (err)
		return err;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top && !err; p++) {
		const yaml_node_t *value = reader_node(r, p->value);
		int i = reader_key(r, reader_node(r, p->key), "protocol", names, seen);
		struct config_ports *ports;

		if (i < 0)
			return i;
		ports = &cfg->ports[protocols[i]];
		ports->count = 0;
		if (value->type != YAML_SEQUENCE_NODE) {
			err = read_port(r, value, ports);
			continue;
		}
		for (yaml_node_item_t *item = value->data.sequence.items.start;
		     item < value->data.sequence.items.top && !err; item++)
			err = read_port(r, reader_node(r, *item), ports);
	}
	return err;
}

static const struct {
	const char *name;
	int (*read)(struct config_reader *r, struct config *cfg, const yaml_node_t *node);
} keys[] = {
	{ "tenants", read_tenants },
	{ "workflows", read_workflows },
	{ "builtin_workflows", read_builtin },
	{ "listen", read_listen },
	{ "cgroup_hierarchy", read_hierarchy },
	{ "text_window", read_window },
	{ "ring_size", read_ring },
	{ "series_limit", read_series },
	{ "cpu_budget", read_budget },
	{ "ports", read_ports },
	{ "capture_text", read_capture_text },
	{ "postgresql", config_read_servers },
	{ "lock_ask_ms", config_read_lock_ask },
	{ "tls", read_tls },
	{ "dns_names", read_dns_names },
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

int config_read_keys(struct config_reader *r, struct config *cfg)
{
	const char *names[NKEYS + 1] = { NULL };
	const yaml_node_t *seen[NKEYS] = { NULL };
	yaml_node_t *root = reader_root(r);
	int err;

	if (!root || reader_is_null(root))
		return 0;
	err = reader_expect_mapping(r, root, "the file");
	if (err)
		return err;
	for (size_t i = 0; i < NKEYS; i++)
		names[i] = keys[i].name;
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		int i = reader_key(r, reader_node(r, p->key), "key", names, seen);

		err = i < 0 ? i : keys[i].read(r, cfg, reader_node(r, p->value));
		if (err)
			return err;
	}
	return 0;
}

int config_set_budget(struct config *cfg, struct str text)
{
	uint64_t whole, thousandths = 0, unit = 100;
	size_t dot = 0;

	if (str_eq(text, str_of("off"))) {
		cfg->cpu_budget = 0;
		return 0;
	}
	while (dot < text.len && text.s[dot] != '.')
		dot++;
	if (!number_parse((struct str){ text.s, dot }, &whole) || dot + 1 == text.len)
		return -EINVAL;
	for (size_t i = dot + 1; i < text.len; i++, unit /= 10) {
		if (text.s[i] < '0' || text.s[i] > '9' || !unit)
			return -EINVAL;
		thousandths += (text.s[i] - '0') * unit;
	}
	if (whole > 100 || whole * 1000 + thousandths > 100000 || !(whole + thousandths))
		return -EINVAL;
	cfg->cpu_budget = (uint32_t)(whole * 1000 + thousandths);
	return 0;
}

int config_set_listen(struct config *cfg, struct str text)
{
	char address[sizeof(cfg->listen_address)], binary[sizeof(struct in6_addr)];
	struct str host, port;
	size_t colon = text.len;
	int family = AF_INET;
	uint64_t n;

	while (colon && text.s[colon - 1] != ':')
		colon--;
	if (!colon)
		return -EINVAL;
	port = (struct str){ text.s + colon, text.len - colon };
	host = (struct str){ text.s, colon - 1 };
	if (host.len >= 2 && host.s[0] == '[' && host.s[host.len - 1] == ']') {
		family = AF_INET6;
		host = (struct str){ host.s + 1, host.len - 2 };
	}
	if (!number_parse(port, &n) || n > UINT16_MAX || host.len >= sizeof(address))
		return -EINVAL;
	memcpy(address, host.s, host.len);
	address[host.len] = '\0';
	if (inet_pton(family, address, binary) != 1)
		return -EINVAL;
	memcpy(cfg->listen_address, address, host.len + 1);
	cfg->listen_port = (uint16_t)n;
	return 0;
}
