/* SPDX-License-Identifier: Apache-2.0 */
/* Runs BPF iterators. In: a program or its link. Out: nothing but how it went. */
#include "user/iter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

int iter_run_link(int link_fd)
{
	int fd = bpf_iter_create(link_fd);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, nothing, sizeof(nothing));
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

int iter_run(const struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach_iter(prog, NULL);
	int err = link ? iter_run_link(bpf_link__fd(link)) : -errno;

	bpf_link__destroy(link);
	return err;
}
