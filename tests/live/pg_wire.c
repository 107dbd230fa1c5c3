/* SPDX-License-Identifier: Apache-2.0 */
/* Raw messages to a real server. Replies are only followed to their ReadyForQuerys. */
#include "tests/live/pg_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

/* For the server to read what was sent before; more does no harm, less makes a cut that is none. */
#define CUT_US 300

static void put(struct wire *w, const void *p, size_t n)
{
	if (n > sizeof(w->bytes) - w->len)
		fail_msg("message does not fit");
	memcpy(w->bytes + w->len, p, n);
	w->len += n;
}

static void put_int(struct wire *w, uint32_t value, size_t size)
{
	uint32_t big = htonl(value);

	put(w, (char *)&big + 4 - size, size);
}

void wire_put(struct wire *w, char type, const char *fmt, ...)
{
	size_t begin = w->len + (type != 0), len;
	const char *text;
	uint32_t big;
	va_list args;

	if (type)
		put(w, &type, 1);
	put_int(w, 0, 4);
	va_start(args, fmt);
	for (; *fmt; fmt++) {
		if (*fmt == 'h' || *fmt == 'i') {
			put_int(w, va_arg(args, int), *fmt == 'h' ? 2 : 4);
			continue;
		}
		text = va_arg(args, const char *);
		if (*fmt == 'b')
			put_int(w, strlen(text), 4);
		put(w, text, strlen(text) + (*fmt == 's'));
	}
	va_end(args);
	len = w->len - begin;
	big = htonl(len);
	memcpy(w->bytes + begin, &big, 4);
	w->answers += type == 'Q' || type == 'S' || type == 'F';
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0)
			fail_msg("send: %s", strerror(errno));
		p += sent;
		n -= sent;
	}
}

/* Where a reader is in the stream of replies. */
struct replies {
	unsigned char head[5];
	size_t have;
	size_t skip;
	int ready;
};

static void follow(struct replies *r, const unsigned char *p, size_t n)
{
	while (n) {
		size_t part = r->skip < n ? r->skip : n;

		r->skip -= part;
		p += part;
		n -= part;
		if (!n)
			return;
		r->head[r->have++] = *p++;
		n--;
		if (r->have < 5)
			continue;
		r->have = 0;
		r->skip = ((size_t)r->head[1] << 24 | r->head[2] << 16 | r->head[3] << 8 |
			   r->head[4]) -
			  4;
		r->ready += r->head[0] == 'Z';
	}
}

static void read_answers(int fd, int answers, size_t first, size_t each)
{
	struct replies r = { .have = 0 };
	unsigned char buf[4096];

	while (r.ready < answers || r.skip || r.have) {
		size_t want = first ? first : each;
		ssize_t n = recv(fd, buf, want < sizeof(buf) ? want : sizeof(buf), 0);

		if (n <= 0)
			fail_msg("recv: %s", n ? strerror(errno) : "closed");
		follow(&r, buf, n);
		first = 0;
	}
}

static int socket_to(const struct server *s, bool over_unix)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(s->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(over_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/.s.PGSQL.%d", s->dir, s->port);
	if (connect(fd, over_unix ? (void *)&un : (void *)&in, over_unix ? sizeof(un) : sizeof(in)))
		fail_msg("connect: %s", strerror(errno));
	if (!over_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int wire_connect(const struct server *s, bool over_unix, const char *database)
{
	struct wire w = { .len = 0 };
	int fd = socket_to(s, over_unix);

	wire_put(&w, 0, "isssss", 3 << 16, "user", "postgres", "database", database, "");
	send_all(fd, w.bytes, w.len);
	read_answers(fd, 1, 0, sizeof(w.bytes));
	return fd;
}

void wire_run(int fd, const struct wire *w, size_t cut, size_t first)
{
	send_all(fd, w->bytes, cut);
	if (cut)
		usleep(CUT_US);
	send_all(fd, w->bytes + cut, w->len - cut);
	read_answers(fd, w->answers, first, sizeof(w->bytes));
}

void wire_run_single(int fd, const struct wire *w)
{
	for (size_t i = 0; i < w->len; i++) {
		send_all(fd, w->bytes + i, 1);
		usleep(CUT_US);
	}
	read_answers(fd, w->answers, 0, 1);
}
