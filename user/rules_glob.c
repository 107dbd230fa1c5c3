/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a pattern once, texts many times. Out: match or not, and what the captures took. A pattern is
 * a row of tokens; matching fills, from the text's end, which tokens can match from each position
 * (one bit each), so no text makes it backtrack. Knows nothing of rules.
 */
#include "user/rules_glob.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum token_kind {
	TOKEN_LITERAL,
	TOKEN_ONE,
	TOKEN_RUN,
	TOKEN_DEEP, /* a run that may hold '/' */
	TOKEN_CAPTURE,
};

struct token {
	uint8_t kind;
	uint8_t capture;
	uint16_t at; /* literal: its bytes in glob.bytes; capture: its name */
	uint16_t len;
};

struct glob {
	enum glob_mode mode;
	bool floating; /* a path pattern without '/' in front */
	unsigned int ntokens;
	unsigned int ncaptures;
	size_t nbytes;
	const char *capture_names[GLOB_CAPTURES_MAX];
	char *bytes; /* behind the tokens; never more than the pattern has */
	struct token tokens[];
};

bool glob_capture_name_valid(struct str name)
{
	if (!name.len || name.len > GLOB_CAPTURE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';

		if (!letter && (!i || c < '0' || c > '9'))
			return false;
	}
	return true;
}

static struct token *token_last(struct glob *g)
{
	return g->ntokens ? &g->tokens[g->ntokens - 1] : NULL;
}

static const char *token_add(struct glob *g, enum token_kind kind)
{
	struct token *last = token_last(g);

	if (last && last->kind == TOKEN_CAPTURE && kind != TOKEN_LITERAL)
		return "a capture must be followed by literal text or the end";
	if (g->ntokens == GLOB_TOKENS_MAX)
		return "too many wildcards";
	g->tokens[g->ntokens++] =
		(struct token){ .kind = (uint8_t)kind, .at = (uint16_t)g->nbytes };
	return NULL;
}

static const char *token_literal(struct glob *g, char c)
{
	struct token *last = token_last(g);
	const char *why = NULL;

	if (!last || last->kind != TOKEN_LITERAL)
		why = token_add(g, TOKEN_LITERAL);
	if (why)
		return why;
	g->bytes[g->nbytes++] = c;
	token_last(g)->len++;
	return NULL;
}

static const char *token_stars(struct glob *g, unsigned int stars)
{
	return token_add(g, g->mode != GLOB_PATH || stars > 1 ? TOKEN_DEEP : TOKEN_RUN);
}

/* `text` starts after the brace; *used is set to what the capture takes, closing brace included. */
static const char *token_capture(struct glob *g, struct str text, size_t *used)
{
	const char *close = text.len ? memchr(text.s, '}', text.len) : NULL;
	struct str name = { text.s, close ? (size_t)(close - text.s) : 0 };
	const char *why;

	if (!close)
		return "a '{' is not closed (write \\{ for the character)";
	if (!glob_capture_name_valid(name))
		return "a name in {} is letters, digits and '_' (write \\{ for the character)";
	if (g->ncaptures == GLOB_CAPTURES_MAX)
		return "more than 8 captures";
	for (unsigned int i = 0; i < g->ncaptures; i++)
		if (str_eq(str_of(g->capture_names[i]), name))
			return "the same capture twice";
	why = token_add(g, TOKEN_CAPTURE);
	if (why)
		return why;
	token_last(g)->capture = (uint8_t)g->ncaptures;
	g->capture_names[g->ncaptures++] = g->bytes + g->nbytes;
	memcpy(g->bytes + g->nbytes, name.s, name.len);
	g->bytes[g->nbytes + name.len] = '\0';
	g->nbytes += name.len + 1;
	*used = name.len + 1;
	return NULL;
}

static const char *glob_compile(struct glob *g, struct str p)
{
	const char *why = NULL;
	size_t used;

	for (size_t i = 0; i < p.len && !why; i += used) {
		used = 1;
		if (p.s[i] == '*') {
			while (i + used < p.len && p.s[i + used] == '*')
				used++;
			why = token_stars(g, (unsigned int)used);
		} else if (p.s[i] == '?') {
			why = token_add(g, TOKEN_ONE);
		} else if (p.s[i] == '{') {
			why = token_capture(g, (struct str){ p.s + i + 1, p.len - i - 1 }, &used);
			used++;
		} else if (p.s[i] == '\\') {
			used = 2;
			if (i + 1 == p.len)
				return "a '\\' at the end (write \\\\ for the character)";
			why = token_literal(g, p.s[i + 1]);
		} else {
			why = token_literal(g, p.s[i]);
		}
	}
	return why;
}

int glob_new(struct glob **out, struct str pattern, enum glob_mode mode, const char **why)
{
	struct glob *g;
	size_t max;

	*why = NULL;
	if (!pattern.len)
		*why = "an empty pattern matches nothing";
	else if (pattern.len > GLOB_PATTERN_MAX)
		*why = "longer than 512 bytes";
	if (*why)
		return -EINVAL;
	max = pattern.len < GLOB_TOKENS_MAX ? pattern.len : GLOB_TOKENS_MAX;
	g = calloc(1, sizeof(*g) + max * sizeof(struct token) + pattern.len);
	if (!g)
		return -ENOMEM;
	g->bytes = (char *)(g->tokens + max);
	g->mode = mode;
	if (mode == GLOB_PATH) {
		g->floating = pattern.s[0] != '/';
		/* What is below matches anyway; of "/" nothing is left, which is every path. */
		while (pattern.len && pattern.s[pattern.len - 1] == '/')
			pattern.len--;
	}
	*why = glob_compile(g, pattern);
	if (*why) {
		glob_free(g);
		return -EINVAL;
	}
	*out = g;
	return 0;
}

void glob_free(struct glob *g)
{
	free(g);
}

const char *glob_capture_name(const struct glob *g, unsigned int i)
{
	return i < g->ncaptures ? g->capture_names[i] : NULL;
}

static bool literal_at(const struct glob *g, const struct token *t, struct str text, size_t pos)
{
	const char *bytes = g->bytes + t->at;

	if (text.len - pos < t->len)
		return false;
	if (g->mode == GLOB_TEXT_NOCASE)
		return !strncasecmp(text.s + pos, bytes, t->len);
	return !memcmp(text.s + pos, bytes, t->len);
}

/* Bytes of the UTF-8 character at pos; a stray byte counts as a character. */
static size_t char_len(struct str text, size_t pos)
{
	size_t n = 1;

	if ((unsigned char)text.s[pos] >= 0xc0)
		while (n < 4 && pos + n < text.len && (text.s[pos + n] & 0xc0) == 0x80)
			n++;
	return n;
}

static bool match_ends_at(const struct glob *g, struct str text, size_t pos)
{
	return pos == text.len || (g->mode == GLOB_PATH && text.s[pos] == '/');
}

/*
 * can[p] bit t: tokens t and after match the text from byte p. Needs can[] of all positions after
 * pos.
 */
static uint64_t tokens_from(const struct glob *g, struct str text, size_t pos, const uint64_t *can)
{
	bool more = pos < text.len;
	bool slash = more && text.s[pos] == '/';
	uint64_t next = more ? can[pos + 1] : 0;
	uint64_t now = match_ends_at(g, text, pos) ? 1ULL << g->ntokens : 0;

	for (unsigned int t = g->ntokens; t-- > 0;) {
		const struct token *tok = &g->tokens[t];
		uint64_t self = 1ULL << t, after = self << 1;
		bool ok = false;

		switch (tok->kind) {
		case TOKEN_LITERAL:
			ok = literal_at(g, tok, text, pos) && (can[pos + tok->len] & after);
			break;
		case TOKEN_ONE:
			ok = more && !(slash && g->mode == GLOB_PATH) &&
			     (can[pos + char_len(text, pos)] & after);
			break;
		case TOKEN_RUN:
			ok = (now & after) || (!slash && (next & self));
			break;
		case TOKEN_DEEP:
			ok = (now & after) || (next & self);
			break;
		case TOKEN_CAPTURE:
			ok = !slash && (next & (self | after));
			break;
		}
		if (ok)
			now |= self;
	}
	return now;
}

/* Walks a match from `pos`, each wildcard as short as can be, and notes what the captures took. */
static void captures_take(const struct glob *g, struct str text, size_t pos, const uint64_t *can,
			  struct glob_captures *caps)
{
	for (unsigned int t = 0; t < g->ntokens; t++) {
		const struct token *tok = &g->tokens[t];
		uint64_t after = 2ULL << t;
		size_t start = pos;

		if (tok->kind == TOKEN_LITERAL)
			pos += tok->len;
		else if (tok->kind == TOKEN_ONE)
			pos += char_len(text, pos);
		else
			for (pos += tok->kind == TOKEN_CAPTURE; !(can[pos] & after);)
				pos++;
		if (tok->kind != TOKEN_CAPTURE || caps->count == GLOB_CAPTURES_MAX)
			continue;
		caps->of[caps->count].name = g->capture_names[tok->capture];
		caps->of[caps->count++].value = (struct str){ text.s + start, pos - start };
	}
}

/* Where a match starts; -1: nowhere. Fills can[0..text.len]. */
static long match_start(const struct glob *g, struct str text, uint64_t *can)
{
	for (size_t pos = text.len + 1; pos-- > 0;)
		can[pos] = tokens_from(g, text, pos, can);
	if (!g->floating)
		return can[0] & 1 ? 0 : -1;
	for (size_t pos = 0; pos < text.len; pos++)
		if (text.s[pos] == '/' && (can[pos + 1] & 1))
			return (long)pos + 1;
	return -1;
}

bool glob_match(const struct glob *g, struct str text, struct glob_captures *caps)
{
	const struct token *first = g->tokens;
	uint64_t can[GLOB_TEXT_MAX + 1];
	long start;

	if (!text.len || text.len > GLOB_TEXT_MAX)
		return false;
	/* Most patterns are a name or "name*": no need to look at every byte for these. */
	if (!g->floating && g->ntokens && first->kind == TOKEN_LITERAL) {
		if (!literal_at(g, first, text, 0))
			return false;
		if (g->ntokens == 1)
			return match_ends_at(g, text, first->len);
		if (g->ntokens == 2 && g->tokens[1].kind == TOKEN_DEEP)
			return true;
	}
	start = match_start(g, text, can);
	if (start < 0)
		return false;
	captures_take(g, text, (size_t)start, can, caps);
	return true;
}
