/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a cgroup's path: every string stays in its bounds and is fit to be shown. */
#include <stdint.h>
#include <stdlib.h>

#include "user/cgroup_path.h"

#define CHECK(what)              \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

static void check_printable(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	CHECK(len < size);
	for (size_t i = 0; i < len; i++)
		CHECK(s[i] > ' ' && s[i] <= '~');
}

static void check_pod_uid(const char *uid)
{
	size_t len = strlen(uid);

	CHECK(len == 0 || len == 32 || len == 36);
	for (size_t i = 0; i < len; i++)
		CHECK((uid[i] >= '0' && uid[i] <= '9') || (uid[i] >= 'a' && uid[i] <= 'f') ||
		      (uid[i] == '-' && len == 36));
}

/* Code points, decoded the long way round: not by the table that the label is made with. */
static void check_utf8(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	while (*s) {
		size_t n = *s < 0x80	   ? 1
			   : *s >> 5 == 6  ? 2
			   : *s >> 4 == 14 ? 3
			   : *s >> 3 == 30 ? 4
					   : 0;
		uint32_t c = n == 1 ? *s : *s & (0xff >> (n + 1));

		CHECK(n);
		for (size_t i = 1; i < n; i++) {
			CHECK(s[i] >> 6 == 2);
			c = c << 6 | (s[i] & 0x3f);
		}
		CHECK(c >= least[n] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000));
		CHECK(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
		s += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = { (const char *)data, size };
	struct cgroup_path p;
	char label[CGROUP_LABEL_MAX + 1];
	size_t len;

	memset(&p, 0xff, sizeof(p));
	cgroup_path_parse(path, &p);
	CHECK((unsigned int)p.runtime < CGROUP_RUNTIME_MAX);
	CHECK((unsigned int)p.qos < CGROUP_QOS_MAX);
	check_printable(p.container_id, sizeof(p.container_id));
	check_printable(p.unit, sizeof(p.unit));
	check_pod_uid(p.pod_uid);
	CHECK(cgroup_path_is_container(&p) == (p.container_id[0] != 0));
	CHECK(p.runtime != CGROUP_RUNTIME_SYSTEMD || p.unit[0]);
	CHECK(p.runtime != CGROUP_RUNTIME_NONE || !p.unit[0]);

	len = cgroup_path_label(path, &p, label);
	CHECK(len >= 1 && len <= CGROUP_LABEL_MAX && strlen(label) == len);
	check_utf8((const unsigned char *)label);
	return 0;
}
