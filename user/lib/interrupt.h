/* SPDX-License-Identifier: Apache-2.0 */
/* What an interrupt takes from the task that it interrupts, as it is on this machine. */
#ifndef TALLYMAN_LIB_INTERRUPT_H
#define TALLYMAN_LIB_INTERRUPT_H

#include <stdint.h>

/*
 * Of one that does next to nothing, the hypervisor's time included; a quarter of those measured took less. Takes some
 * 10 ms, 50 at the most. 0: it cannot be measured, as with one CPU.
 */
uint32_t interrupt_ns(void);

#endif
