/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML document being read, for config*.c only: nodes with types checked, and messages that say
 * file and line. Every function that fails has written the message.
 */
#ifndef TALLYMAN_CONFIG_READER_H
#define TALLYMAN_CONFIG_READER_H

#include <yaml.h>

#include "user/config.h"

struct config_reader {
	const char *name; /* of the file, for messages */
	struct str bytes;
	char *err;
	size_t errcap;
	unsigned int patterns_left; /* what aliases can multiply needs a limit */
	bool open;
	yaml_document_t doc;
};

#define READER_QUOTE_BYTES 48

/* Text of the file as messages show it: short, on one line. */
struct reader_quote {
	char s[READER_QUOTE_BYTES + 8];
};

int reader_open(struct config_reader *r);
void reader_close(struct config_reader *r);

/* NULL: the file is empty. */
yaml_node_t *reader_root(struct config_reader *r);
yaml_node_t *reader_node(struct config_reader *r, int id);
bool reader_is_null(const yaml_node_t *node);

/* Writes "FILE:LINE: message", without LINE if `at` is NULL. Returns -EINVAL. */
int reader_fail(struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int reader_fail_line(struct config_reader *r, size_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int reader_nomem(struct config_reader *r);

struct reader_quote reader_quote(struct str text);

/* A scalar's text: not null, no control characters. `what` names it in messages. */
int reader_text(struct config_reader *r, const yaml_node_t *node, const char *what,
		struct str *out);

/* -EINVAL unless node is a mapping. */
int reader_expect_mapping(struct config_reader *r, const yaml_node_t *node, const char *what);

/*
 * Which of `names` (NULL at the end) a mapping's key is. Unknown and repeated ones are errors;
 * `seen` has a place for each name, NULLs at first. `what` as in: unknown WHAT "txet".
 */
int reader_key(struct config_reader *r, const yaml_node_t *key, const char *what,
	       const char *const *names, const yaml_node_t **seen);

/* Says that `word` is none of `names`, and which is likely meant. */
int reader_fail_unknown(struct config_reader *r, const yaml_node_t *at, const char *what,
			struct str word, const char *const *names);

#endif
