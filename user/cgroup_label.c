/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a cgroup's path and what was found in it. Out: the text of its `container` label, bounded,
 * valid UTF-8, without control characters, whatever bytes the path has.
 */
#include "user/cgroup_path.h"

static const struct str ellipsis = { "...", 3 };

/*
 * Length of the character at s if it is well-formed UTF-8 and no control character (C0, DEL, C1),
 * else 0. The bounds of the second byte rule out overlong forms, surrogates and what is above U+10FFFF.
 */
static size_t utf8_char(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xc2 || s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < need || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static void utf8_clean(char *out, struct str s)
{
	const unsigned char *in = (const unsigned char *)s.s;

	for (size_t i = 0; i < s.len;) {
		size_t n = utf8_char(in + i, s.len - i);

		if (n)
			memcpy(out + i, in + i, n);
		else
			out[i] = '?';
		i += n ? n : 1;
	}
}

/* The end of a text names more than its start does; it begins at a whole character. */
static struct str tail(struct str s, size_t max)
{
	size_t from = s.len - max;

	for (size_t skipped = 0; skipped < 3 && from < s.len; skipped++, from++)
		if (((unsigned char)s.s[from] & 0xc0) != 0x80)
			break;
	return (struct str){ s.s + from, s.len - from };
}

static bool is_root(struct str path)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.s[i] != '/')
			return false;
	return true;
}

static struct str label_text(struct str path, const struct cgroup_path *parsed)
{
	struct str id = str_of(parsed->container_id);

	if (cgroup_path_is_container(parsed)) {
		/* Names are told apart by their ends, ids by their starts. */
		if (id.len == CGROUP_ID_LEN && parsed->runtime != CGROUP_RUNTIME_LXC)
			id.len = CGROUP_SHORT_ID_LEN;
		return id;
	}
	if (parsed->runtime == CGROUP_RUNTIME_SYSTEMD)
		return str_of(parsed->unit);
	return is_root(path) ? STR("host") : path;
}

size_t cgroup_path_label(struct str path, const struct cgroup_path *parsed,
			 char label[CGROUP_LABEL_MAX + 1])
{
	struct str text = label_text(path, parsed);
	size_t at = 0;

	if (text.len > CGROUP_LABEL_MAX) {
		at = ellipsis.len;
		memcpy(label, ellipsis.s, at);
		text = tail(text, CGROUP_LABEL_MAX - at);
	}
	utf8_clean(label + at, text);
	label[at + text.len] = 0;
	return at + text.len;
}
