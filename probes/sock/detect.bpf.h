/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which protocol a connection speaks, by its first bytes. One whose first bytes were before us is turn.bpf.h's.
 */
#ifndef TALLYMAN_DETECT_BPF_H
#define TALLYMAN_DETECT_BPF_H

#define DETECT_BYTES 16
#define TLS_HEADER 5
#define TLS_CHANGE_CIPHER 20 /* the first of the records' types */
#define TLS_HANDSHAKE_RECORD 22
#define TLS_DATA 23
#define TLS_RECORD_MAX (16384 + 2048)
#define TLS_CLIENT_HELLO 1
#define HTTP2_HEAD 0x5448202a20495250ULL /* "PRI * HT" */
#define HTTP2_TAIL 0x0a0d302e322f5054ULL /* "TP/2.0\r\n" */

struct detected {
	__u8 protocol;
	__u8 phase;
};

/*
 * "*<n>\r\n$" or "PING\r" at the start of a request, or as much of it as there is: what follows, and the
 * reply, decides.
 */
static __always_inline bool looks_like_resp(const unsigned char *b, __u32 n)
{
	if (n > 1 && b[0] == 'P' && b[1] == 'I')
		return (n < 3 || b[2] == 'N') && (n < 4 || b[3] == 'G') && (n < 5 || b[4] == '\r');
	if (b[0] != '*' || (n > 1 && !digit(b[1])))
		return false;
	if (n < 3)
		return true;
	if (b[2] == '\r')
		return (n < 4 || b[3] == '\n') && (n < 5 || b[4] == '$');
	if (!digit(b[2]))
		return false;
	if (n < 4)
		return true;
	if (b[3] == '\r')
		return (n < 5 || b[4] == '\n') && (n < 6 || b[5] == '$');
	return digit(b[3]);
}

/* A start-up packet, whole in its first read as every client sends it. */
static __always_inline bool looks_like_pg_startup(const unsigned char *b, __u32 n, __u32 bytes)
{
	__u32 len, code;

	if (n < 8)
		return false;
	len = be32(b);
	code = be32(b + 4);
	if (code == PG_SSL || code == PG_GSSENC)
		return len == 8;
	return code >> 16 == PG_PROTOCOL_3 && len >= 8 && len <= PG_STARTUP_MAX && len <= bytes;
}

static __always_inline bool method_is(const unsigned char *b, __u32 n, const char *method,
				      __u32 len)
{
	for (__u32 i = 0; i < len; i++)
		if (i < n && b[i] != method[i])
			return false;
	return n <= len || b[len] == '/' || b[len] == '*' || (b[len] | 0x20) == 'h' ||
	       len == sizeof("CONNECT");
}

#define METHOD(m) method_is(b, n, m " ", sizeof(m))

/*
 * A method and the beginning of a target, in the lane where a slice is. A first read that is shorter may
 * still become one: what follows, and the reply, decides. Verified once, as a function of its own.
 */
__noinline int looks_like_http(__u32 n)
{
	struct lane *l = lane_get();
	const unsigned char *b;

	if (!l)
		return false;
	b = (const unsigned char *)((struct rec_request *)lane_at(l))->text;
	switch (b[0]) {
	case 'G':
		return METHOD("GET");
	case 'H':
		return METHOD("HEAD");
	case 'P':
		return METHOD("POST") || METHOD("PUT") || METHOD("PATCH");
	case 'D':
		return METHOD("DELETE");
	case 'O':
		return METHOD("OPTIONS");
	case 'C':
		return METHOD("CONNECT");
	}
	return false;
}

/*
 * The header of a TLS record; of the first one also that it is a ClientHello. A library reads the five bytes
 * alone, as a rule.
 */
static __always_inline bool looks_like_tls(const unsigned char *b, __u32 n)
{
	__u32 len;

	if (n < TLS_HEADER || b[0] < TLS_CHANGE_CIPHER || b[0] > TLS_DATA || b[1] != 3 || b[2] > 4)
		return false;
	len = b[3] << 8 | b[4];
	return len && len <= TLS_RECORD_MAX &&
	       (b[0] != TLS_HANDSHAKE_RECORD || n == TLS_HEADER || b[5] == TLS_CLIENT_HELLO);
}

/* The preface of HTTP/2, whole in its first write as every client sends it. */
static __always_inline bool looks_like_http2(const unsigned char *b, __u32 n)
{
	const __u64 *head = (const __u64 *)b;

	return n >= 16 && head[0] == HTTP2_HEAD && head[1] == HTTP2_TAIL;
}

/* Redis takes commands as lines, too, which may be anything: the port decides. */
static __always_inline bool looks_like_inline(struct sock *sk, unsigned char ch)
{
	__u16 local = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 remote = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	return resp_is_letter(ch) && (local == cfg_redis_port || remote == cfg_redis_port) &&
	       BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX;
}

static __always_inline struct detected detect_bytes(const unsigned char *b, __u32 n, __u32 bytes)
{
	if (looks_like_resp(b, n))
		return (struct detected){ PROTO_REDIS, CONN_PHASE_READY };
	if (looks_like_pg_startup(b, n, bytes))
		return (struct detected){ PROTO_POSTGRESQL, CONN_PHASE_STARTUP };
	if (looks_like_http(n))
		return (struct detected){ PROTO_HTTP, CONN_PHASE_READY };
	if (looks_like_tls(b, n))
		return (struct detected){ PROTO_TLS, CONN_PHASE_READY };
	return (struct detected){};
}

/* As detect_bytes(), of bytes that are a socket's own. */
static __always_inline struct detected detect_plain(struct sock *sk, const unsigned char *b,
						    __u32 n, __u32 bytes)
{
	if (looks_like_inline(sk, b[0]))
		return (struct detected){ PROTO_REDIS, CONN_PHASE_READY };
	if (looks_like_http2(b, n))
		return (struct detected){ PROTO_HTTP2, CONN_PHASE_READY };
	return detect_bytes(b, n, bytes);
}

#endif
