/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of HTTP/1.x requests (RFC 9112) from bytes, and what a request is about: its operation, its
 * route and its host. Queries, other fields and bodies are never kept.
 */
#ifndef TALLYMAN_HTTP_DECODER_H
#define TALLYMAN_HTTP_DECODER_H

#include <stdint.h>

#include "probes/http/http_route.h"
#include "user/lib/str.h"

#define HTTP_METHOD_MAX 9
#define HTTP_HOST_MAX 255
#define HTTP_LENGTH_DIGITS 20

/* The scan of one header; zero: none. Goes on where it was when more bytes have come. */
struct http_scan {
	size_t line; /* where the current line begins */
};

/*
 * 1: *bytes is the length of the header with its blank line; *counted is false for blank lines before a
 * request. 0: more bytes are needed, at least *bytes in all.
 */
int http_scan(struct http_scan *s, const char *p, size_t n, uint64_t *bytes, bool *counted);

/* A request line, as far as it is there. */
struct http_line {
	struct str method;
	struct str target;
	bool method_cut; /* it goes on behind what is there */
	bool target_cut;
	size_t end; /* offset behind the target */
};

/* The lines of a header. */
enum http_field { HTTP_FIELD_OTHER, HTTP_FIELD_HOST, HTTP_FIELD_LENGTH, HTTP_FIELD_TRACE };

/*
 * Which field the line is, its value without blanks in *value. `open`: the line goes on behind what is
 * there, and may yet become that field.
 */
enum http_field http_field_of(struct str line, bool open, struct str *value);

/* A host's characters, and no more of them than a host has. */
bool http_host_is_valid(struct str host);

void http_line_parse(struct http_line *out, const char *p, size_t n);

/* NULL: a method that we do not know, or not all of one. */
const char *http_method_find(struct str method);
/* Is `method` the beginning of one that we know, or all of it? */
bool http_method_begins(struct str method);

/* What a request is about. */
struct http_facts {
	char operation[HTTP_METHOD_MAX + 1 + HTTP_ROUTE_MAX + 1]; /* "GET /web/login", or "unknown" */
	char route[HTTP_ROUTE_MAX + 1];				  /* "": none */
	char host[HTTP_HOST_MAX + 1]; /* lower case, without a port; "": none */
	uint64_t body_bytes;	      /* as announced; 0: none, or not known */
};

/* Of a header, or the first bytes of one. */
void http_describe(const char *p, size_t n, struct http_facts *out);

#endif
