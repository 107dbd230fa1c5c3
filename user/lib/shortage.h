/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that say nothing of what was asked for: there is no memory or no file descriptor now, and may be later. */
#ifndef TALLYMAN_SHORTAGE_H
#define TALLYMAN_SHORTAGE_H

#include <errno.h>
#include <stdbool.h>

static inline bool shortage_of(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

#endif
