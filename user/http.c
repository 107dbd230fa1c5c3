/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP server on libmicrohttpd. In: a listen address and the functions that know the answers. Out:
 * responses, on the caller's own thread. Knows nothing of metrics. Clients are anybody who can
 * reach the address: connections are few, short-lived, and get nothing but these three paths.
 */
#include "user/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "user/lib/log.h"

#define CONNECTIONS_MAX 32
#define CONNECTION_TIMEOUT_S 15
#define CONNECTION_MEMORY 16384 /* of request headers */
#define BACKLOG 32
#define HOST_MAX INET6_ADDRSTRLEN

struct http {
	struct MHD_Daemon *daemon;
	const struct http_ops *ops;
	void *ctx;
	int fd;
	uint16_t port;
};

static bool port_parse(const char *s, uint16_t *port)
{
	unsigned int n = 0;

	if (!*s || strlen(s) > 5)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (unsigned int)(*s - '0');
	}
	*port = (uint16_t)n;
	return n <= UINT16_MAX;
}

/* "[host]:port" or "host:port" to a socket address. */
static int address_parse(const char *listen, struct sockaddr_storage *addr, socklen_t *len)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	const char *colon = strrchr(listen, ':');
	bool bracketed = *listen == '[';
	char host[HOST_MAX] = "127.0.0.1";
	const char *from = listen + bracketed;
	size_t n = colon ? (size_t)(colon - from) : 0;
	uint16_t port;

	if (!colon || !port_parse(colon + 1, &port))
		return -EINVAL;
	if (bracketed && (n < 2 || from[--n] != ']'))
		return -EINVAL;
	if (n >= sizeof(host))
		return -EINVAL;
	if (n) {
		memcpy(host, from, n);
		host[n] = '\0';
	}
	memset(addr, 0, sizeof(*addr));
	if (bracketed) {
		*len = sizeof(*in6);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	*len = sizeof(*in);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : -EINVAL;
}

/* Our own socket: libmicrohttpd would not say why it could not bind. */
static int socket_listen(const struct sockaddr_storage *addr, socklen_t len)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (addr->ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    bind(fd, (const struct sockaddr *)addr, len) || listen(fd, BACKLOG))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int socket_port(int fd, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return -errno;
	*port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
						 : ((struct sockaddr_in *)&addr)->sin_port);
	return 0;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status,
			     const char *content_type, struct MHD_Response *r)
{
	enum MHD_Result result = MHD_NO;

	if (!r)
		return MHD_NO;
	if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD")))
		result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned int status, const char *text)
{
	size_t len = strlen(text);
	char *line = malloc(len + 1);
	struct MHD_Response *r;

	if (!line)
		return MHD_NO;
	memcpy(line, text, len);
	line[len] = '\n';
	r = MHD_create_response_from_buffer(len + 1, line, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(line);
	return reply(c, status, "text/plain; charset=utf-8", r);
}

static enum MHD_Result reply_metrics(struct http *h, struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const char *content_type = "text/plain";
	struct MHD_Response *r;
	char *body = NULL;
	size_t len = 0;

	if (h->ops->metrics(h->ctx, accept, &body, &len, &content_type)) {
		free(body);
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot collect the metrics");
	}
	r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(body);
	return reply(c, MHD_HTTP_OK, content_type, r);
}

static enum MHD_Result reply_state(struct http *h, struct MHD_Connection *c,
				   bool (*state)(void *ctx, const char **reason))
{
	const char *reason = "";

	if (state(h->ctx, &reason))
		return reply_text(c, MHD_HTTP_OK, "ok");
	return reply_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, reason);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **state)
{
	struct http *h = ctx;

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
	if (!strcmp(url, "/metrics"))
		return reply_metrics(h, c);
	if (!strcmp(url, "/healthz"))
		return reply_state(h, c, h->ops->healthy);
	if (!strcmp(url, "/readyz"))
		return reply_state(h, c, h->ops->ready);
	return reply_text(c, MHD_HTTP_NOT_FOUND, "not here: /metrics, /healthz, /readyz");
}

static int daemon_start(struct http *h, int listen_fd)
{
	const union MHD_DaemonInfo *info;

	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, h, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!h->daemon) {
		close(listen_fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	h->fd = info ? info->epoll_fd : -1;
	return h->fd < 0 ? -ENOTSUP : 0;
}

int http_new(struct http **out, const char *listen, const struct http_ops *ops, void *ctx)
{
	struct http *h = calloc(1, sizeof(*h));
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, err;

	if (!h)
		return -ENOMEM;
	h->ops = ops;
	h->ctx = ctx;
	err = address_parse(listen, &addr, &len);
	if (err) {
		log_error("cannot listen on \"%s\": need ADDRESS:PORT, as 127.0.0.1:9464 "
			  "or [::1]:9464",
			  listen);
		goto out;
	}
	fd = socket_listen(&addr, len);
	err = fd < 0 ? fd : socket_port(fd, &h->port);
	if (!err)
		err = daemon_start(h, fd);
	else if (fd >= 0)
		close(fd);
	if (err)
		log_error("cannot listen on %s: %s%s", listen, strerror(-err),
			  err == -EADDRINUSE ? "; is another tallyman running?" : "");
out:
	if (err)
		http_free(h);
	else
		*out = h;
	return err;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	free(h);
}

int http_fd(const struct http *h)
{
	return h->fd;
}

uint16_t http_port(const struct http *h)
{
	return h->port;
}

void http_run(struct http *h)
{
	MHD_run(h->daemon);
}

int http_timeout_ms(const struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return -1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
