/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP server of the agent: GET (and HEAD) of /metrics, /healthz and /readyz. It has no thread:
 * the caller watches http_fd() with its own epoll and calls http_run(). What the paths answer
 * comes from the caller's functions, called from within http_run().
 */
#ifndef TALLYMAN_HTTP_H
#define TALLYMAN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_ops {
	/*
	 * /metrics: sets *body (from malloc; the server frees it), *len and *content_type (static).
	 * `accept` is the header's value or NULL. A negative errno is answered with 500.
	 */
	int (*metrics)(void *ctx, const char *accept, char **body, size_t *len,
		       const char **content_type);
	/* /healthz, /readyz: true is 200 "ok"; else 503 and the reason, which must be set. */
	bool (*healthy)(void *ctx, const char **reason);
	bool (*ready)(void *ctx, const char **reason);
};

struct http;

/*
 * Listens on "127.0.0.1:9464" or "[::1]:9464": a literal address; none (":9464") is 127.0.0.1;
 * port 0 is any free one. Errors are logged: -EINVAL not of that form, -EADDRINUSE and what else
 * bind(2) says, -ENOMEM. `ops` must live as long as the server.
 */
int http_new(struct http **out, const char *listen, const struct http_ops *ops, void *ctx);
void http_free(struct http *h);

/* For the caller's epoll, EPOLLIN, level-triggered. */
int http_fd(const struct http *h);
uint16_t http_port(const struct http *h);

/*
 * Does what there is to do, without waiting. Call it when http_fd() is readable, and on every
 * tick.
 */
void http_run(struct http *h);

/* At most this long until the next http_run(), in ms; -1: no hurry. */
int http_timeout_ms(const struct http *h);

#endif
