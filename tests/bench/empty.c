/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an empty program costs by the kernel's own statistics. In: the object file of empty.bpf.c. Two
 * processes pass a byte to and fro over a socket pair for two seconds, so that all five programs run.
 * Out: ns per run over all of them, one number on stdout.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 2

static void echo(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			break;
	_exit(0);
}

static int ping_pong(void)
{
	time_t end = time(NULL) + SECONDS;
	char byte = 0;
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -1;
	pid = fork();
	if (!pid) {
		close(fd[0]);
		echo(fd[1]);
	}
	close(fd[1]);
	while (time(NULL) < end)
		for (int i = 0; i < 1000; i++)
			if (write(fd[0], &byte, 1) != 1 || read(fd[0], &byte, 1) != 1)
				return -1;
	close(fd[0]);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void add_program(struct bpf_program *program, double *runs, double *ns)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return;
	*runs += info.run_cnt;
	*ns += info.run_time_ns;
}

int main(int argc, char **argv)
{
	struct bpf_object *object = argc == 2 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *program;
	double runs = 0, ns = 0;

	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "usage: empty OBJECT (as root)\n");
		return 1;
	}
	bpf_object__for_each_program(program, object)
		if (!bpf_program__attach(program))
			return 1;
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0 || ping_pong())
		return 1;
	bpf_object__for_each_program(program, object)
		add_program(program, &runs, &ns);
	printf("%.1f\n", ns / runs);
	bpf_object__close(object);
	return 0;
}
