/* SPDX-License-Identifier: Apache-2.0 */
/* What an interrupt takes from the task that it interrupts, as it is on this machine. */
#ifndef TALLYMAN_LIB_INTERRUPT_H
#define TALLYMAN_LIB_INTERRUPT_H

#include <stdint.h>

/*
 * Of one that does next to nothing, the hypervisor's time included, while it is at its shortest. Takes some 15 ms, 50 and
 * more where CPUs are busy. 0: it cannot be measured, as with one CPU.
 */
uint32_t interrupt_ns(void);

#endif
