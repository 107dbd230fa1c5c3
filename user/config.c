/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a file's path, or its bytes. Out: a whole struct config, or one message and nothing. Built-in
 * workflows go through the same reader as the operator's. Knows nothing of who uses the values.
 */
#include "user/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/config_parts.h"

#define PATTERNS_MAX 65536 /* of one file */

static struct config *config_new(void)
{
	struct config *cfg = calloc(1, sizeof(*cfg));

	if (!cfg)
		return NULL;
	*cfg = (struct config){
		.tenants = rules_new(),
		.workflows = rules_new(),
		.builtin_odoo = true,
		.listen_address = "127.0.0.1",
		.listen_port = 9464,
		.cgroup_hierarchy = "auto",
		.text_window_bytes = WIRE_TEXT_DEFAULT,
		.ring_bytes = 8 << 20,
		.series_limit = 10000,
		.cpu_budget = CONFIG_CPU_BUDGET,
		.lock_ask_ms = CONFIG_LOCK_ASK_MS,
		.ports = { [PROTO_POSTGRESQL] = { { 5432 }, 1 }, [PROTO_REDIS] = { { 6379 }, 1 } },
		.capture_text = true,
	};
	if (cfg->tenants && cfg->workflows)
		return cfg;
	config_free(cfg);
	return NULL;
}

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	rules_free(cfg->tenants);
	rules_free(cfg->workflows);
	for (unsigned int i = 0; i < cfg->nservers; i++)
		free(cfg->servers[i].connect);
	free(cfg->comment_keys);
	free(cfg);
}

static bool comment_key_known(const struct config *cfg, const char *key)
{
	for (unsigned int i = 0; i < cfg->ncomment_keys; i++)
		if (!strcmp(cfg->comment_keys[i], key))
			return true;
	return false;
}

/* Lets cfg->comment_keys name what the list asks for; the texts stay the rules'. */
static int comment_keys_collect(struct config_reader *r, struct config *cfg,
				const struct rules *list)
{
	const struct rule *rule;
	const char *key;

	for (unsigned int i = 0; (rule = rules_at(list, i)); i++) {
		for (unsigned int k = 0; (key = rule_comment_key(rule, k)); k++) {
			if (!*key || comment_key_known(cfg, key))
				continue;
			if (cfg->ncomment_keys == CONFIG_COMMENT_KEYS_MAX)
				return reader_fail_line(r, rule_line(rule),
							"more than %d different sql.comment keys",
							CONFIG_COMMENT_KEYS_MAX);
			cfg->comment_keys[cfg->ncomment_keys++] = key;
		}
	}
	return 0;
}

static int read_document(struct config_reader *r, struct config *cfg)
{
	int err = reader_open(r);

	if (!err)
		err = config_read_keys(r, cfg);
	reader_close(r);
	return err;
}

static int read_builtin(struct config_reader *r, struct config *cfg)
{
	struct config_reader builtin = *r;
	struct config *odoo = config_new();
	int err;

	if (!odoo)
		return reader_nomem(r);
	builtin.name = "built-in workflows (odoo)";
	builtin.bytes = config_builtin_odoo();
	builtin.patterns_left = PATTERNS_MAX;
	err = read_document(&builtin, odoo);
	if (!err && rules_append(cfg->workflows, odoo->workflows))
		err = reader_nomem(r);
	config_free(odoo);
	return err;
}

int config_parse(struct config **out, const char *name, struct str bytes, char *err, size_t errcap)
{
	struct config_reader r = { .name = name,
				   .bytes = bytes,
				   .err = err,
				   .errcap = errcap,
				   .patterns_left = PATTERNS_MAX };
	struct config *cfg = config_new();
	int rc;

	if (cfg)
		cfg->comment_keys = calloc(CONFIG_COMMENT_KEYS_MAX + 1, sizeof(char *));
	if (!cfg || !cfg->comment_keys) {
		rc = reader_nomem(&r);
	} else if (bytes.len > CONFIG_BYTES_MAX) {
		reader_fail(&r, NULL, "larger than 1 MiB (use wildcards)");
		rc = -EFBIG;
	} else {
		rc = read_document(&r, cfg);
	}
	if (!rc)
		rc = comment_keys_collect(&r, cfg, cfg->tenants);
	if (!rc)
		rc = comment_keys_collect(&r, cfg, cfg->workflows);
	if (!rc && cfg->builtin_odoo)
		rc = read_builtin(&r, cfg);
	if (rc)
		config_free(cfg);
	else
		*out = cfg;
	return rc;
}

/* At most cap bytes. A file may be a pipe, so its size is known at its end only. */
static ssize_t file_read(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && len < cap) {
		n = read(fd, buf + len, cap - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	n = n < 0 ? -errno : (ssize_t)len;
	close(fd);
	return n;
}

int config_load(struct config **out, const char *path, bool must_exist, char *err, size_t errcap)
{
	const size_t cap = CONFIG_BYTES_MAX + 1;
	char *buf = malloc(cap);
	ssize_t len;
	int rc;

	if (!buf) {
		snprintf(err, errcap, "%s: out of memory", path);
		return -ENOMEM;
	}
	len = file_read(path, buf, cap);
	if (len == -ENOENT && !must_exist)
		len = 0;
	if (len < 0) {
		rc = (int)len;
		snprintf(err, errcap, "%s: cannot be read: %s%s", path, strerror(-rc),
			 rc == -ENOENT ? " (check the path given)" : "");
	} else {
		rc = config_parse(out, path, (struct str){ buf, (size_t)len }, err, errcap);
	}
	free(buf);
	return rc;
}

const char *const *config_comment_keys(const struct config *cfg, unsigned int *count)
{
	*count = cfg->ncomment_keys;
	return cfg->comment_keys;
}
