/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP server: real sockets on loopback, client and server in one thread as in the agent's own
 * loop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/http.h"

#define BIG_BYTES (4 << 20)

struct fixture {
	struct http *http;
	char accept[128];
	const char *unhealthy;
	size_t big; /* /metrics answers this many bytes */
	int fail;
};

static int metrics(void *ctx, const char *accept, char **body, size_t *len,
		   const char **content_type)
{
	struct fixture *f = ctx;

	snprintf(f->accept, sizeof(f->accept), "%s", accept ? accept : "(none)");
	if (f->fail)
		return f->fail;
	*len = f->big ? f->big : 4;
	*body = malloc(*len);
	memset(*body, 'm', *len);
	*content_type = "text/plain; version=0.0.4";
	return 0;
}

static bool healthy(void *ctx, const char **reason)
{
	struct fixture *f = ctx;

	*reason = f->unhealthy;
	return !f->unhealthy;
}

static bool ready(void *ctx, const char **reason)
{
	(void)ctx;
	*reason = "starting";
	return false;
}

static const struct http_ops ops = { .metrics = metrics, .healthy = healthy, .ready = ready };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return f ? http_new(&f->http, "127.0.0.1:0", &ops, f) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	free(f);
	return 0;
}

static int client_open(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Sends a request and drives the server from an epoll of our own until it closes the connection. */
static size_t exchange(struct fixture *f, const char *request, char *reply, size_t room)
{
	int client = client_open(http_port(f->http));
	int loop = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event server_ev = { .events = EPOLLIN, .data.u32 = 1 };
	struct epoll_event client_ev = { .events = EPOLLIN, .data.u32 = 2 };
	size_t len = 0;
	bool open = true;

	assert_int_equal(send(client, request, strlen(request), 0), strlen(request));
	epoll_ctl(loop, EPOLL_CTL_ADD, http_fd(f->http), &server_ev);
	epoll_ctl(loop, EPOLL_CTL_ADD, client, &client_ev);
	while (open) {
		int timeout = http_timeout_ms(f->http);
		struct epoll_event ev;
		int n = epoll_wait(loop, &ev, 1, timeout < 0 || timeout > 5000 ? 5000 : timeout);

		assert_true(n > 0 || timeout == 0);
		if (n > 0 && ev.data.u32 == 2) {
			ssize_t got = recv(client, reply + len, room - 1 - len, 0);

			open = got > 0;
			len += open ? (size_t)got : 0;
		} else {
			http_run(f->http);
		}
	}
	reply[len] = '\0';
	close(client);
	close(loop);
	return len;
}

static const char *get(struct fixture *f, const char *method, const char *path, const char *header)
{
	static char reply[8192];
	char request[512];

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, header);
	exchange(f, request, reply, sizeof(reply));
	return reply;
}

static void assert_answer(const char *reply, const char *status, const char *body)
{
	const char *at = strstr(reply, "\r\n\r\n");

	assert_non_null(at);
	assert_memory_equal(reply, "HTTP/1.1 ", 9);
	assert_memory_equal(reply + 9, status, 3);
	assert_string_equal(at + 4, body);
}

static void paths(void **state)
{
	struct fixture *f = *state;
	const char *reply = get(f, "GET", "/metrics", "Accept: text/plain;q=0.5\r\n");

	assert_answer(reply, "200", "mmmm");
	assert_non_null(strstr(reply, "Content-Type: text/plain; version=0.0.4\r\n"));
	assert_string_equal(f->accept, "text/plain;q=0.5");
	assert_answer(get(f, "GET", "/metrics?x=1", ""), "200", "mmmm");
	assert_string_equal(f->accept, "(none)");
	assert_answer(get(f, "GET", "/healthz", ""), "200", "ok\n");
	f->unhealthy = "the ring was not read for 30 s";
	assert_answer(get(f, "GET", "/healthz", ""), "503", "the ring was not read for 30 s\n");
	assert_answer(get(f, "GET", "/readyz", ""), "503", "starting\n");
	assert_answer(get(f, "GET", "/", ""), "404", "not here: /metrics, /healthz, /readyz\n");
	assert_answer(get(f, "GET", "/metrics/", ""), "404",
		      "not here: /metrics, /healthz, /readyz\n");
	f->fail = -ENOMEM;
	assert_answer(get(f, "GET", "/metrics", ""), "500", "cannot collect the metrics\n");
}

static void methods(void **state)
{
	static const char *const refused[] = { "POST", "PUT", "DELETE", "OPTIONS", "BREW" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *reply = get(f, refused[i], "/metrics", "");

		assert_answer(reply, "405", "only GET and HEAD\n");
		assert_non_null(strstr(reply, "Allow: GET, HEAD\r\n"));
	}
	assert_answer(get(f, "POST", "/metrics", "Content-Length: 0\r\n"), "405",
		      "only GET and HEAD\n");
	assert_answer(get(f, "HEAD", "/metrics", ""), "200", "");
}

static void a_big_answer_arrives_whole(void **state)
{
	struct fixture *f = *state;
	char *reply = malloc(BIG_BYTES + 4096);
	size_t len;

	f->big = BIG_BYTES;
	len = exchange(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", reply,
		       BIG_BYTES + 4096);
	assert_int_equal(len - (size_t)(strstr(reply, "\r\n\r\n") + 4 - reply), BIG_BYTES);
	free(reply);
}

/* Connections that say nothing must not make the loop wait. */
static void silent_clients_do_not_block_the_loop(void **state)
{
	struct fixture *f = *state;
	int fds[20];

	for (int i = 0; i < 20; i++) {
		fds[i] = client_open(http_port(f->http));
		http_run(f->http);
	}
	assert_answer(get(f, "GET", "/healthz", ""), "200", "ok\n");
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void addresses(void **state)
{
	static const char *const bad[] = {
		"",
		"9464",
		"localhost:9464",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:http",
		"::1:9464",
		"[::1]",
		"[]:1",
		"[:1",
		"[::1:1",
		"[127.0.0.1]:1",
		"1.2.3.4.5:1",
		"999999999999999999999999999999999999999999999999999999:1",
	};
	struct fixture *f = *state;
	struct http *h = NULL;
	char taken[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(http_new(&h, bad[i], &ops, f), -EINVAL);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_port(f->http));
	assert_int_equal(http_new(&h, taken, &ops, f), -EADDRINUSE);
	assert_int_equal(http_new(&h, "192.0.2.1:0", &ops, f), -EADDRNOTAVAIL);
	assert_int_equal(http_new(&h, ":0", &ops, f), 0);
	assert_true(http_port(h) != 0);
	http_free(h);
	if (http_new(&h, "[::1]:0", &ops, f) == 0) {
		assert_true(http_port(h) != 0);
		http_free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(paths, setup, teardown),
		cmocka_unit_test_setup_teardown(methods, setup, teardown),
		cmocka_unit_test_setup_teardown(a_big_answer_arrives_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_clients_do_not_block_the_loop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(addresses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
