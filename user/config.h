/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one YAML file, or the defaults. Read once at start; never changes after. Every
 * key is described in docs/configuration.md. Owned by whoever loaded it; stages borrow it.
 */
#ifndef TALLYMAN_CONFIG_H
#define TALLYMAN_CONFIG_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "user/lib/str.h"
#include "user/rules.h"

#define CONFIG_DEFAULT_PATH "/etc/tallyman/tallyman.yaml"
#define CONFIG_BYTES_MAX (1 << 20) /* of the file */
#define CONFIG_ERR_MAX 512	   /* room that every message fits */
#define CONFIG_PORTS_MAX 16
#define CONFIG_SERVERS_MAX 64
#define CONFIG_LOCK_ASK_MS 10
#define CONFIG_CPU_BUDGET 1000 /* 1 % */
#define CONFIG_COMMENT_KEYS_MAX 32

struct config_ports {
	uint16_t port[CONFIG_PORTS_MAX];
	unsigned int count;
};

/* A PostgreSQL server of this node that may be asked who holds a lock. */
struct config_server {
	char *connect; /* libpq's connection string */
};

struct config {
	struct rules *tenants;
	struct rules *workflows; /* the file's, then the built-in ones */
	bool builtin_odoo;
	char listen_address[46];    /* numeric IPv4 or IPv6, no brackets */
	uint16_t listen_port;	    /* 0: any that is free */
	char cgroup_hierarchy[16];  /* "auto", "unified" or a version 1 controller */
	uint32_t text_window_bytes; /* WIRE_TEXT_MIN to WIRE_TEXT_MAX */
	uint32_t ring_bytes;	    /* a power of two, at least a page */
	uint32_t series_limit;
	uint32_t cpu_budget; /* of the node's CPU time, in thousandths of a percent; 0: no limit */
	struct config_ports ports[PROTO_MAX]; /* hints only */
	bool capture_text;
	bool dns_names;	  /* tell DNS queries by patterns of their names */
	bool tls_openssl; /* hook OpenSSL's functions */
	struct config_server servers[CONFIG_SERVERS_MAX];
	unsigned int nservers;
	uint32_t lock_ask_ms; /* a wait for a lock that lasts as long is asked for */
	const char **
		comment_keys; /* sqlcommenter keys that rules ask for, each once; NULL at the end */
	unsigned int ncomment_keys;
};

/*
 * Reads a file. With must_exist false a file that is not there means the defaults. On error *out is
 * left alone and err holds one line without a line end: "FILE:LINE: what is wrong (what to do)".
 * -EINVAL: contents; -EFBIG: too big; -ENOMEM; or why it cannot be read.
 */
int config_load(struct config **out, const char *path, bool must_exist, char *err, size_t errcap);

/* As config_load(), of bytes; `name` stands for FILE in messages. No bytes: the defaults. */
int config_parse(struct config **out, const char *name, struct str bytes, char *err, size_t errcap);

void config_free(struct config *cfg);

/* ADDR:PORT, as the key `listen` takes it; for the command line. -EINVAL: cfg is left alone. */
int config_set_listen(struct config *cfg, struct str text);

/* "0.5" (percent) or "off", as the key `cpu_budget` takes it. -EINVAL: cfg is left alone. */
int config_set_budget(struct config *cfg, struct str text);

/* cfg->comment_keys and their number. */
const char *const *config_comment_keys(const struct config *cfg, unsigned int *count);

#endif
