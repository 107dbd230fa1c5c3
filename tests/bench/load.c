/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A closed-loop Redis client: so many connections, each of which sends the next GETs, so many at once, when it has
 * all replies to the last ones. One line each 100 ms until the time is up: when it ended (CLOCK_MONOTONIC, ns),
 * requests, and the median, 99th percentile and longest of the time that a pipeline took (us), by this client's own clock.
 * Usage: load PORT CONNECTIONS DEPTH SECONDS
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define LINE_NS 100000000ULL
#define REQUEST "*2\r\n$3\r\nGET\r\n$16\r\ntallyman:nothing\r\n"
#define REPLY_BYTES 5 /* "$-1\r\n": there is no such key */
#define CONNECTIONS_MAX 10000
#define DEPTH_MAX 1000
#define MICROSECONDS_MAX 100000

struct connection {
	int fd;
	size_t missing; /* bytes of replies */
	uint64_t sent_ns;
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned int counts[MICROSECONDS_MAX + 1]; /* of pipelines, by how long they took */
static char pipeline[DEPTH_MAX * sizeof(REQUEST)];
static size_t pipeline_bytes;
static int depth;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void ask(struct connection *c)
{
	c->sent_ns = now_ns();
	c->missing = (size_t)depth * REPLY_BYTES;
	if (write(c->fd, pipeline, pipeline_bytes) != (ssize_t)pipeline_bytes)
		fail("load: write");
}

static void join(struct connection *c, int port, int epoll_fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		fail("load: connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
		fail("load: epoll_ctl");
	ask(c);
}

/* true: a pipeline is complete, and the next one sent. */
static int answered(struct connection *c)
{
	char replies[DEPTH_MAX * REPLY_BYTES];
	ssize_t n = read(c->fd, replies, sizeof(replies));
	uint64_t us;

	if (n <= 0 || (size_t)n > c->missing)
		fail("load: read");
	c->missing -= (size_t)n;
	if (c->missing)
		return 0;
	us = (now_ns() - c->sent_ns) / 1000;
	counts[us < MICROSECONDS_MAX ? us : MICROSECONDS_MAX]++;
	ask(c);
	return 1;
}

static int percentile(uint64_t total, double part)
{
	uint64_t before = 0;

	for (int us = 0; us <= MICROSECONDS_MAX; us++) {
		before += counts[us];
		if (before >= (uint64_t)((double)total * part) && before)
			return us;
	}
	return MICROSECONDS_MAX;
}

static void tell(uint64_t end_ns, uint64_t pipelines)
{
	printf("%llu %llu %d %d %d\n", (unsigned long long)end_ns,
	       (unsigned long long)pipelines * (unsigned int)depth, percentile(pipelines, 0.5),
	       percentile(pipelines, 0.99), percentile(pipelines, 1));
	fflush(stdout);
	memset(counts, 0, sizeof(counts));
}

static void run(int epoll_fd, uint64_t end_ns)
{
	uint64_t line_ns = now_ns() + LINE_NS, now, pipelines = 0;
	struct epoll_event events[256];

	do {
		int n = epoll_wait(epoll_fd, events, 256, 100);

		for (int i = 0; i < n; i++)
			pipelines += (unsigned int)answered(events[i].data.ptr);
		now = now_ns();
		if (now >= line_ns) {
			tell(now, pipelines);
			pipelines = 0;
			line_ns = now + LINE_NS;
		}
	} while (now < end_ns);
}

int main(int argc, char **argv)
{
	int n = argc == 5 ? atoi(argv[2]) : 0, epoll_fd = epoll_create1(0);

	depth = argc == 5 ? atoi(argv[3]) : 0;
	if (n < 1 || n > CONNECTIONS_MAX || depth < 1 || depth > DEPTH_MAX) {
		fprintf(stderr, "usage: load PORT CONNECTIONS DEPTH SECONDS\n");
		return 2;
	}
	for (int i = 0; i < depth; i++)
		pipeline_bytes += (size_t)sprintf(pipeline + pipeline_bytes, REQUEST);
	for (int i = 0; i < n; i++)
		join(&connections[i], atoi(argv[1]), epoll_fd);
	run(epoll_fd, now_ns() + strtoull(argv[4], NULL, 10) * 1000000000ULL);
	return 0;
}
