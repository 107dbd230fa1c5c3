/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the bytes of a YAML file. Out: the document's nodes, one message if something is wrong. A
 * first pass over the events refuses what would make the document costly (deep nesting, very many
 * anchors), so that the second can build it without surprises. Knows no key of the configuration.
 */
#include "user/config_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "user/config_suggest.h"

#define DEPTH_MAX 16
#define ANCHORS_MAX 1000

static void message(struct config_reader *r, size_t line, const char *fmt, va_list ap)
{
	int n;

	if (!r->errcap)
		return;
	if (line)
		n = snprintf(r->err, r->errcap, "%s:%zu: ", r->name, line);
	else
		n = snprintf(r->err, r->errcap, "%s: ", r->name);
	if (n >= 0 && (size_t)n < r->errcap)
		vsnprintf(r->err + n, r->errcap - (size_t)n, fmt, ap);
}

int reader_fail_line(struct config_reader *r, size_t line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(r, line, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int reader_fail(struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(r, at ? at->start_mark.line + 1 : 0, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int reader_nomem(struct config_reader *r)
{
	reader_fail(r, NULL, "out of memory");
	return -ENOMEM;
}

struct reader_quote reader_quote(struct str text)
{
	struct reader_quote q;
	size_t len = text.len < READER_QUOTE_BYTES ? text.len : READER_QUOTE_BYTES;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.s[i];

		q.s[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	if (len < text.len) /* not in the middle of a character */
		while (len && ((unsigned char)text.s[len] & 0xc0) == 0x80)
			len--;
	memcpy(q.s + len, len < text.len ? "..." : "", len < text.len ? 4 : 1);
	return q;
}

static size_t line_of_offset(struct str bytes, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < bytes.len; i++)
		line += bytes.s[i] == '\n';
	return line;
}

static int parser_fail(struct config_reader *r, const yaml_parser_t *p)
{
	/* libyaml has nothing to say where it found no memory, whatever it calls that. */
	if (p->error == YAML_MEMORY_ERROR || !p->problem)
		return reader_nomem(r);
	if (p->error == YAML_READER_ERROR)
		return reader_fail_line(r, line_of_offset(r->bytes, p->problem_offset),
					"not readable as text: %s (save the file as UTF-8)",
					p->problem);
	return reader_fail_line(r, p->problem_mark.line + 1,
				"not valid YAML: %s%s%s (check indentation, colons and quotes)",
				p->problem, p->context ? " " : "", p->context ? p->context : "");
}

struct screen {
	int depth;
	int anchors;
	int documents;
};

static int screen_event(struct config_reader *r, struct screen *s, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL;
	size_t line = e->start_mark.line + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		s->documents++;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		s->depth++;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		s->depth++;
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		s->depth--;
		break;
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		break;
	default:
		break;
	}
	s->anchors += anchor != NULL;
	if (s->documents > 1)
		return reader_fail_line(r, line, "a second document (remove the line \"---\")");
	if (s->depth > DEPTH_MAX)
		return reader_fail_line(r, line, "nested too deep (%d levels at most)", DEPTH_MAX);
	if (s->anchors > ANCHORS_MAX)
		return reader_fail_line(r, line, "too many anchors (%d at most)", ANCHORS_MAX);
	return 0;
}

static int reader_screen(struct config_reader *r)
{
	struct screen s = { 0 };
	yaml_parser_t p;
	bool more = true;
	int err = 0;

	if (!yaml_parser_initialize(&p))
		return reader_nomem(r);
	yaml_parser_set_input_string(&p, (const unsigned char *)r->bytes.s, r->bytes.len);
	while (more && !err) {
		yaml_event_t e;

		if (!yaml_parser_parse(&p, &e)) {
			err = parser_fail(r, &p);
			break;
		}
		more = e.type != YAML_STREAM_END_EVENT;
		err = screen_event(r, &s, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return err;
}

int reader_open(struct config_reader *r)
{
	yaml_parser_t p;
	int err = reader_screen(r);

	if (err)
		return err;
	if (!yaml_parser_initialize(&p))
		return reader_nomem(r);
	yaml_parser_set_input_string(&p, (const unsigned char *)r->bytes.s, r->bytes.len);
	if (yaml_parser_load(&p, &r->doc))
		r->open = true;
	else
		err = parser_fail(r, &p);
	yaml_parser_delete(&p);
	return err;
}

void reader_close(struct config_reader *r)
{
	if (r->open)
		yaml_document_delete(&r->doc);
	r->open = false;
}

yaml_node_t *reader_root(struct config_reader *r)
{
	return yaml_document_get_root_node(&r->doc);
}

yaml_node_t *reader_node(struct config_reader *r, int id)
{
	return yaml_document_get_node(&r->doc, id);
}

static struct str node_str(const yaml_node_t *node)
{
	return (struct str){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

bool reader_is_null(const yaml_node_t *node)
{
	struct str s;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	s = node_str(node);
	return !s.len || str_eq(s, STR("~")) || str_ieq(s, STR("null"));
}

int reader_text(struct config_reader *r, const yaml_node_t *node, const char *what, struct str *out)
{
	if (node->type != YAML_SCALAR_NODE)
		return reader_fail(r, node, "%s must be text, not a %s", what,
				   node->type == YAML_MAPPING_NODE ? "mapping" : "list");
	if (reader_is_null(node))
		return reader_fail(r, node, "%s has no value (give one or remove the key)", what);
	*out = node_str(node);
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->s[i] < 0x20 || out->s[i] == 0x7f)
			return reader_fail(r, node, "%s has a control character (remove it)", what);
	return 0;
}

int reader_expect_mapping(struct config_reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type == YAML_MAPPING_NODE)
		return 0;
	return reader_fail(r, node, "%s must be a mapping (lines of \"key: value\")", what);
}

int reader_fail_unknown(struct config_reader *r, const yaml_node_t *at, const char *what,
			struct str word, const char *const *names)
{
	const char *meant = suggest_nearest(word, names);
	char known[256];

	if (meant)
		return reader_fail(r, at, "unknown %s \"%s\" (did you mean \"%s\"?)", what,
				   reader_quote(word).s, meant);
	suggest_list(known, sizeof(known), names);
	return reader_fail(r, at, "unknown %s \"%s\" (there are: %s)", what, reader_quote(word).s,
			   known);
}

int reader_key(struct config_reader *r, const yaml_node_t *key, const char *what,
	       const char *const *names, const yaml_node_t **seen)
{
	struct str word;
	int err = reader_text(r, key, "a key", &word);

	if (err)
		return err;
	for (int i = 0; names[i]; i++) {
		if (!str_eq(word, str_of(names[i])))
			continue;
		if (seen[i])
			return reader_fail(r, key, "%s \"%s\" is here twice (first in line %zu)",
					   what, names[i], seen[i]->start_mark.line + 1);
		seen[i] = key;
		return i;
	}
	return reader_fail_unknown(r, key, what, word, names);
}
