/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which BPF programs, maps and links the kernel holds. Only those that were not there before are ours: others may
 * use BPF on this machine too. Strings are the caller's to free.
 */
#ifndef TALLYMAN_LIVE_KERNEL_OBJECTS_H
#define TALLYMAN_LIVE_KERNEL_OBJECTS_H

/* One line for each program, map and link. */
char *bpf_objects(void);

/* What was not there `before` and is nobody's: "" if the kernel lets go of all of it soon enough. */
char *bpf_objects_left(const char *before);

int lines_of(const char *text);

#endif
