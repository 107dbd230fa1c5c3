/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Lines of HTTP/1.x (RFC 9112), byte by byte where they matter: a request's method, a reply's status, the
 * fields that frame a body, the sizes of chunks. In: bytes, cut anywhere. Out: a framer that knows
 * where it is, and what ended. Knows no request and no reply as such.
 */
#ifndef TALLYMAN_HTTP_LINE_BPF_H
#define TALLYMAN_HTTP_LINE_BPF_H

#define HTTP_STEP_BYTES 40 /* of what matters, per step */
#define HTTP_STEP_WORDS 24 /* of what does not, 8 bytes each */
#define HTTP_METHOD_MAX 20
#define HTTP_LENGTH_MAX (1ULL << 48)
#define HTTP_WORD_HEAD 0x48454144ULL
#define HTTP_WORD_CONNECT 0x434f4e4e454354ULL

/* framer.state */
enum http_state {
	HTTP_START, /* before a message: blank lines may precede it */
	HTTP_METHOD,
	HTTP_VERSION,
	HTTP_STATUS,
	HTTP_NAME, /* in the name of a header field, or in the blank line that ends the header */
	HTTP_LENGTH,
	HTTP_CODING,
	HTTP_LINE, /* in the rest of a line that does not matter */
	HTTP_BODY,
	HTTP_SIZE, /* in the size of a chunk */
	HTTP_SIZE_LINE,
	HTTP_CHUNK,
	HTTP_TRAILER,
	HTTP_TRAILER_LINE,
	HTTP_UNTIL_CLOSE,
	HTTP_TUNNEL, /* it is another protocol now */
};

/* framer.fatal */
enum http_framing { HTTP_CODED = 1, HTTP_CHUNKED = 2, HTTP_SIZED = 4 };

/* framer.type of a request: what its reply's framing must know */
enum http_kind { HTTP_ORDINARY, HTTP_HEAD, HTTP_CONNECT };

/* What a byte ends. */
enum http_end { HTTP_BAD = -1, HTTP_NOTHING, HTTP_HEADER, HTTP_MESSAGE };

static const char http_version[8] = "HTTP/1.";
static const char http_chunked[8] = "chunked";
static const char http_names[2][32] = { "content-length:", "transfer-encoding:" };

static __always_inline bool http_in_line(const struct framer *f)
{
	return f->state == HTTP_LINE || f->state == HTTP_SIZE_LINE || f->state == HTTP_TRAILER_LINE;
}

static __always_inline bool http_in_header(const struct framer *f)
{
	return f->state > HTTP_START && f->state <= HTTP_LINE;
}

static __always_inline void http_reset(struct framer *f)
{
	f->state = HTTP_START;
	f->num = 0;
	f->items = 0;
	f->have = 0;
	f->type = 0;
	f->field = 0;
	f->field_len = 0;
	f->fatal = 0;
}

/* The line feed of a line whose rest did not matter. */
static __always_inline void http_line_end(struct framer *f)
{
	f->have = 0;
	f->field = 0;
	if (f->state == HTTP_LINE) {
		f->state = HTTP_NAME;
	} else if (f->state == HTTP_SIZE_LINE && f->num) {
		f->state = HTTP_CHUNK;
		f->skip = f->num + 2;
	} else {
		f->state = HTTP_TRAILER;
	}
}

/* The first byte of a line that is no field we want, or any of a blank line. */
static __always_inline int http_blank(struct framer *f, char ch, enum http_state otherwise,
				      enum http_end end)
{
	if (ch == '\n')
		return end;
	f->state = ch == '\r' && !f->have ? f->state : otherwise;
	f->have = 1;
	return HTTP_NOTHING;
}

static __always_inline int http_name_byte(struct framer *f, char ch)
{
	char low = ch | 0x20, want;

	if (!f->have)
		f->field = low == 'c' ? 1 : low == 't' ? 2 : 0;
	if (!f->field)
		return http_blank(f, ch, HTTP_LINE, HTTP_HEADER);
	want = http_names[(f->field - 1) & 1][f->have & 31];
	if (ch == '\n') {
		http_line_end(f);
		f->state = HTTP_NAME;
		return HTTP_NOTHING;
	}
	f->have++;
	if ((want == ':' ? ch : low) != want) {
		f->state = HTTP_LINE;
		return HTTP_NOTHING;
	}
	if (want != ':')
		return HTTP_NOTHING;
	f->state = f->field == 1 ? HTTP_LENGTH : HTTP_CODING;
	f->fatal |= f->field == 1 ? HTTP_SIZED : HTTP_CODED;
	f->field_len = 0;
	f->num = f->field == 1 ? 0 : f->num;
	return HTTP_NOTHING;
}

static __always_inline int http_length_byte(struct framer *f, char ch)
{
	if (ch == '\n') {
		f->state = HTTP_LINE;
		http_line_end(f);
		return HTTP_NOTHING;
	}
	if (ch == ' ' || ch == '\t' || ch == '\r')
		return HTTP_NOTHING;
	if (ch < '0' || ch > '9' || f->num > HTTP_LENGTH_MAX)
		return HTTP_BAD;
	f->num = f->num * 10 + (ch - '0');
	return HTTP_NOTHING;
}

/* Looks for the word "chunked". */
static __always_inline int http_coding_byte(struct framer *f, char ch)
{
	char low = ch | 0x20;

	if (ch == '\n') {
		f->state = HTTP_LINE;
		http_line_end(f);
		return HTTP_NOTHING;
	}
	f->field_len = low == http_chunked[f->field_len & 7] ? f->field_len + 1 : low == 'c';
	if (f->field_len == 7) {
		f->fatal |= HTTP_CHUNKED;
		f->state = HTTP_LINE;
	}
	return HTTP_NOTHING;
}

static __always_inline int http_size_byte(struct framer *f, char ch)
{
	char low = ch | 0x20;
	__u32 digit = ch >= '0' && ch <= '9' ? ch - '0' : low - 'a' + 10;

	if (ch >= '0' && (ch <= '9' || (low >= 'a' && low <= 'f'))) {
		f->num = f->num << 4 | digit;
		f->have = 1;
		return f->num > HTTP_LENGTH_MAX ? HTTP_BAD : HTTP_NOTHING;
	}
	if (!f->have)
		return HTTP_BAD;
	f->state = HTTP_SIZE_LINE;
	if (ch == '\n')
		http_line_end(f);
	return HTTP_NOTHING;
}

static __always_inline int http_method_byte(struct framer *f, char ch)
{
	if (ch == ' ' && f->have > 2) {
		f->type = f->num == HTTP_WORD_HEAD	? HTTP_HEAD
			  : f->num == HTTP_WORD_CONNECT ? HTTP_CONNECT
							: HTTP_ORDINARY;
		f->num = 0;
		f->state = HTTP_LINE;
		return HTTP_NOTHING;
	}
	if (!(ch >= 'A' && ch <= 'Z') && ch != '-' && ch != '_')
		return HTTP_BAD;
	f->num = f->num << 8 | (__u8)ch;
	return ++f->have > HTTP_METHOD_MAX ? HTTP_BAD : HTTP_NOTHING;
}

static __always_inline int http_version_byte(struct framer *f, char ch)
{
	__u32 at = f->have++;
	bool good = at < 7 ? ch == http_version[at & 7] : at == 7 ? digit(ch) : ch == ' ';

	if (at == 8) {
		f->state = HTTP_STATUS;
		f->have = 0;
	}
	return good ? HTTP_NOTHING : HTTP_BAD;
}

static __always_inline int http_status_byte(struct framer *f, char ch)
{
	f->items = f->items * 10 + (ch - '0');
	if (++f->have == 3)
		f->state = HTTP_LINE;
	return digit(ch) ? HTTP_NOTHING : HTTP_BAD;
}

static __always_inline int http_start_byte(struct framer *f, char ch, bool request)
{
	if (ch == '\r' || ch == '\n')
		return HTTP_NOTHING;
	if (request) {
		f->state = HTTP_METHOD;
		return http_method_byte(f, ch);
	}
	f->state = HTTP_VERSION;
	return http_version_byte(f, ch);
}

/* One byte of what matters: enum http_end. A function of its own for the verifier's sake. */
__noinline int http_byte(struct framer *f, __u32 byte, __u32 request)
{
	char ch = byte;

	if (!f)
		return HTTP_BAD;
	switch (f->state) {
	case HTTP_START:
		return http_start_byte(f, ch, request);
	case HTTP_METHOD:
		return http_method_byte(f, ch);
	case HTTP_VERSION:
		return http_version_byte(f, ch);
	case HTTP_STATUS:
		return http_status_byte(f, ch);
	case HTTP_NAME:
		return http_name_byte(f, ch);
	case HTTP_LENGTH:
		return http_length_byte(f, ch);
	case HTTP_CODING:
		return http_coding_byte(f, ch);
	case HTTP_SIZE:
		return http_size_byte(f, ch);
	case HTTP_TRAILER:
		return http_blank(f, ch, HTTP_TRAILER_LINE, HTTP_MESSAGE);
	}
	return HTTP_BAD;
}

#define HTTP_ONES 0x0101010101010101ULL

/* Which of the 8 bytes at p is the first line feed; 8: none. */
static __always_inline __u32 http_line_feed(const char *p)
{
	__u64 x = *(const __u64 *)p ^ HTTP_ONES * '\n';
	__u64 zero = (x - HTTP_ONES) & ~x & HTTP_ONES << 7;

	return zero ? (((zero - 1) & HTTP_ONES) * HTTP_ONES >> 56) - 1 : 8;
}

/*
 * What http_read() looks at, of the lane. Volatile for the verifier's sake: what comes from memory it does
 * not follow, so all ways through a loop look alike to it.
 */
struct http_text {
	const char *text;
	volatile __u32 *at;
	__u32 len;
};

/* Passes over the rest of a line, or as much of it as there is. */
static __always_inline void http_pass_line(struct framer *f, const struct http_text *t)
{
	__u32 n;

	for (int i = 0; i < HTTP_STEP_WORDS; i++) {
		if (*t->at >= t->len)
			return;
		n = http_line_feed(t->text + (*t->at & WALK_TEXT_MASK));
		*t->at += n;
		if (n < 8)
			break;
	}
	if (*t->at >= t->len || t->text[*t->at & WALK_TEXT_MASK] != '\n')
		return;
	*t->at += 1;
	http_line_end(f);
}

/*
 * Reads from offset `at` of the slice in the lane up to the end of something, or a while: what ended, the
 * offset behind it in walk_vars.next. Functions of their own are verified once.
 */
__noinline int http_read(struct framer *f, __u32 at, __u32 len, __u32 request)
{
	struct lane *l = lane_get();
	struct http_text t;
	int r;

	if (!f || !l)
		return HTTP_BAD;
	t.text = ((struct rec_request *)lane_at(l))->text;
	t.at = &((struct walk_vars *)l->work)->next;
	t.len = len;
	*t.at = at;
	if (http_in_line(f))
		http_pass_line(f, &t);
	for (int i = 0; i < HTTP_STEP_BYTES; i++) {
		if (*t.at >= t.len || f->skip || http_in_line(f))
			break;
		r = http_byte(f, t.text[*t.at & WALK_TEXT_MASK], request);
		*t.at += 1;
		if (r)
			return r;
	}
	if (*t.at > t.len)
		*t.at = t.len;
	return HTTP_NOTHING;
}

#endif
