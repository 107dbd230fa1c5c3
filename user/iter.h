/* SPDX-License-Identifier: Apache-2.0 */
/* BPF iterators that are run for what they do in the kernel, and write nothing. */
#ifndef TALLYMAN_ITER_H
#define TALLYMAN_ITER_H

struct bpf_program;

/* Attaches it, and runs it to its end. 0 or a negative errno. */
int iter_run(const struct bpf_program *prog);

/* The same of one that is attached: the descriptor of its link. */
int iter_run_link(int link_fd);

#endif
