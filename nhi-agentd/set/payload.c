/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/payload.h"

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "nhi-agentd/set/scan.h"

#define BLOCK_TEXT_SIZE (64u * 1024) /* characters, a multiple of 4 */
#define BLOCK_SIZE      (BLOCK_TEXT_SIZE / 4 * 3)
/* A payload as small as this stays decoded: it is read twice. */
#define KEPT_TEXT_SIZE (1024u * 1024)

static bool is_kept(const Payload *p)
{
        return p->size <= KEPT_TEXT_SIZE;
}

void payload_init(Payload *p, const char *text, size_t size)
{
        *p = (Payload){ .text = text, .size = size };
}

void payload_done(Payload *p)
{
        free(p->buffer);
        *p = (Payload){ 0 };
}

/* Room for a block behind what is not read yet. */
static int make_room(Payload *p)
{
        char *grown;

        if (p->start > 0 && !is_kept(p)) {
                memmove(p->buffer, p->buffer + p->start, p->end - p->start);
                p->end -= p->start;
                p->start = 0;
        }
        if (p->capacity - p->end >= BLOCK_SIZE)
                return 0;
        grown = reallocarray(p->buffer, p->capacity + BLOCK_SIZE, 2);
        if (!grown)
                return -ENOMEM;
        p->buffer = grown;
        p->capacity = (p->capacity + BLOCK_SIZE) * 2;
        return 0;
}

/* Decode the next block. *ret: there was one. */
static int fill(Payload *p, bool *ret)
{
        size_t left = p->size - p->next, n = left < BLOCK_TEXT_SIZE ? left : BLOCK_TEXT_SIZE;
        size_t decoded = 0;
        int r;

        *ret = n > 0;
        if (n == 0)
                return 0;
        r = make_room(p);
        if (r < 0)
                return r;
        if (base64url_decode_public(p->text + p->next, n, (uint8_t *)p->buffer + p->end,
                                    p->capacity - p->end, &decoded) < 0) {
                p->detail = "a segment is not canonical base64url";
                return PAYLOAD_E_BASE64;
        }
        p->next += n;
        p->end += decoded;
        return 0;
}

static void read_over(Payload *p, size_t n)
{
        p->start += n;
        p->offset += n;
}

int payload_seek(Payload *p, size_t offset)
{
        const size_t inside = offset % 3;
        bool more = true;
        int r = 0;

        if (is_kept(p) && offset <= p->end) {
                p->start = p->offset = offset;
                return 0;
        }
        p->next = offset / 3 * 4;
        p->start = p->end = 0;
        p->offset = offset - inside;
        if (inside > 0)
                r = fill(p, &more);
        if (r == 0 && inside > 0)
                read_over(p, inside < p->end ? inside : p->end);
        return r;
}

int payload_peek(Payload *p, int *ret)
{
        bool more = true;
        int r;

        for (;;) {
                while (p->start < p->end && scan_is_space(p->buffer[p->start]))
                        read_over(p, 1);
                if (p->start < p->end || !more)
                        break;
                r = fill(p, &more);
                if (r != 0)
                        return r;
        }
        *ret = p->start < p->end ? (unsigned char)p->buffer[p->start] : PAYLOAD_END;
        return 0;
}

void payload_skip(Payload *p)
{
        read_over(p, 1);
}

static int fail(Payload *p, int code, const char *detail)
{
        p->detail = detail;
        return code;
}

/* The end of the value at start. Without max it is read over as it comes, and *ret_size is what
 * remains of it. */
static int find_end(Payload *p, size_t max, size_t *ret_size)
{
        size_t size = 0, used = 0;
        Scan s = { 0 };
        bool more = true;
        int r;

        for (;;) {
                ScanResult result = scan_value(&s, p->buffer + p->start + size,
                                               p->end - p->start - size, &used);

                if (result > SCAN_END)
                        return fail(p, PAYLOAD_E_JSON, scan_result_text(result));
                size += used;
                if (max > 0 && size > max)
                        return fail(p, PAYLOAD_E_SIZE, "a value is too large");
                if (result == SCAN_END)
                        break;
                if (max == 0) {
                        read_over(p, size);
                        size = 0;
                }
                r = fill(p, &more);
                if (r != 0)
                        return r;
                if (!more && !scan_may_end(&s))
                        return fail(p, PAYLOAD_E_JSON, scan_result_text(SCAN_MORE));
                if (!more)
                        break;
        }
        *ret_size = size;
        return 0;
}

int payload_value(Payload *p, size_t max, const char **ret, size_t *ret_size)
{
        size_t size = 0;
        int c, r;

        r = payload_peek(p, &c);
        if (r == 0 && c == PAYLOAD_END)
                return fail(p, PAYLOAD_E_JSON, scan_result_text(SCAN_MORE));
        if (r == 0)
                r = find_end(p, max, &size);
        if (r != 0)
                return r;
        *ret = p->buffer + p->start;
        *ret_size = size;
        read_over(p, size);
        return 0;
}

int payload_skip_value(Payload *p)
{
        const char *rest;
        size_t size;

        return payload_value(p, 0, &rest, &size);
}

int payload_line(const Payload *p, size_t offset)
{
        Payload again;
        bool more = true;
        int line = 1;

        payload_init(&again, p->text, p->size);
        while (more && again.offset < offset && fill(&again, &more) == 0) {
                for (; again.start < again.end && again.offset < offset; read_over(&again, 1))
                        line += again.buffer[again.start] == '\n';
        }
        payload_done(&again);
        return line;
}
