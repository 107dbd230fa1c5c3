/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name in a DNS message as a pattern that may be shown. In: the bytes of a question, from whoever asked. Out: a
 * short line without digits. Knows no message but this part of it.
 */
#ifndef TALLYMAN_DNS_NAME_H
#define TALLYMAN_DNS_NAME_H

#include <stddef.h>

#include "bpf/wire.h"

/*
 * The name's last labels, in small letters, where what looks like a number or an id is `*`, as is all before them:
 * "db-*.prod.svc.cluster.local", "*.in-addr.arpa". One of a single label has a dot behind it, so "malformed" and
 * "unread" (len is 0) are no names.
 */
void dns_name_pattern(const unsigned char *name, size_t len, char out[NET_NAME_MAX]);

#endif
