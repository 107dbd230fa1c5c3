/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers and clients of another Debian suite in the place of this one's, with their libraries: for what
 * today's packages no longer have. They are unpacked (scripts/unpack.sh) and copied to workdir().
 */
#ifndef TALLYMAN_LIVE_OLDER_H
#define TALLYMAN_LIVE_OLDER_H

struct older {
	const char *suite;
	const char *packages;	     /* with the libraries that they need, by spaces */
	const char *const *programs; /* paths in the packages, NULL at the end */
};

/*
 * From here on these programs are found first, under their own names. NULL: done; else why it cannot be,
 * freed by the caller. `root` gets the folder that the packages are in.
 */
char *older_programs(const struct older *o, char root[128]);

#endif
