/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One encoder and one decoder for both directions, driven by the tables of schema.c.
 *
 *  C1 What is decoded MUST have stood in the message exactly once, within its limit.
 *  C2 A field that its type does not know, and a required one that is missing or empty, MUST
 *     refuse the message.
 *  C3 Enumerations MUST be in range. */

#include "lib/wire/codec.h"

#include "lib/wire/schema.h"

#include <string.h>

/* The member of message that field describes. */
static void *member_of(const void *message, const WireField *field)
{
        return (uint8_t *)message + field->offset;
}

/* Does the caller's message say anything in this field? */
static bool field_is_set(const void *message, const WireField *f)
{
        const void *m = member_of(message, f);

        switch (f->kind) {
        case WIRE_KIND_U32:
                return *(const uint32_t *)m != 0;
        case WIRE_KIND_U64:
                return *(const uint64_t *)m != 0;
        case WIRE_KIND_TEXT:
                return ((const WireText *)m)->data != NULL;
        case WIRE_KIND_LIST:
                return ((const WireList *)m)->n > 0;
        case WIRE_KIND_GIDS:
                return ((const WireGids *)m)->n > 0;
        }
        return false;
}

/* Is what stands in the member lawful? Shared by both directions, so that we never send what we
 * would refuse. */
static bool field_is_lawful(const void *message, const WireField *f, bool required)
{
        const void *m = member_of(message, f);
        const WireText *t = m;

        switch (f->kind) {
        case WIRE_KIND_U32:
                return wire_value_in_range(f->tag, *(const uint32_t *)m);
        case WIRE_KIND_U64:
                return true;
        case WIRE_KIND_TEXT:
                if (required && t->size == 0)
                        return false;
                return t->size == 0 || !memchr(t->data, 0, t->size);
        case WIRE_KIND_LIST:
        case WIRE_KIND_GIDS:
                return true; /* checked where they are taken apart */
        }
        return false;
}

static bool field_fits(const void *message, const WireField *f)
{
        const void *m = member_of(message, f);

        switch (f->kind) {
        case WIRE_KIND_U32:
        case WIRE_KIND_U64:
                return true;
        case WIRE_KIND_TEXT:
                return ((const WireText *)m)->size <= f->limit;
        case WIRE_KIND_LIST:
                return ((const WireList *)m)->n <= f->limit;
        case WIRE_KIND_GIDS:
                return ((const WireGids *)m)->n <= f->limit;
        }
        return false;
}

static void span_put(Buf *b, Span s)
{
        buf_put_bytes(b, s.data, s.size);
}

static void field_put(Buf *b, const void *message, const WireField *f)
{
        const void *m = member_of(message, f);
        size_t size_at = b->pos + 2, begin = b->pos + WIRE_FIELD_SIZE;
        Buf size;

        buf_put_u16(b, f->tag);
        buf_put_u32(b, 0);
        switch (f->kind) {
        case WIRE_KIND_U32:
                buf_put_u32(b, *(const uint32_t *)m);
                break;
        case WIRE_KIND_U64:
                buf_put_u64(b, *(const uint64_t *)m);
                break;
        case WIRE_KIND_TEXT:
                span_put(b, *(const WireText *)m);
                break;
        case WIRE_KIND_LIST:
                buf_put_u32(b, ((const WireList *)m)->n);
                span_put(b, ((const WireList *)m)->bytes);
                break;
        case WIRE_KIND_GIDS:
                span_put(b, ((const WireGids *)m)->bytes);
                break;
        }
        if (buf_failed(b))
                return;
        size = buf_over(b->data + size_at, sizeof(uint32_t));
        buf_put_u32(&size, (uint32_t)(b->pos - begin));
}

static void header_put(Buf *b, uint32_t type, size_t size, uint64_t nonce)
{
        buf_put_u32(b, WIRE_MAGIC);
        buf_put_u16(b, WIRE_VERSION);
        buf_put_u16(b, (uint16_t)type);
        buf_put_u32(b, (uint32_t)size);
        buf_put_u64(b, nonce);
}

static int message_encode(const WireSchema *s, uint32_t type, uint64_t nonce, const void *message,
                          uint8_t *out, size_t capacity, size_t *ret_size)
{
        const WireRule *rule = wire_rule_find(s, type);
        Buf b = buf_over(out, capacity < WIRE_MSG_MAX ? capacity : WIRE_MSG_MAX), header;

        if (!rule)
                return WIRE_E_MALFORMED;
        header_put(&b, type, 0, nonce);
        for (size_t i = 0; i < s->n_fields; i++) {
                const WireField *f = &s->fields[i];
                bool required = rule->required & 1u << i, optional = rule->optional & 1u << i;

                if (!required && !field_is_set(message, f))
                        continue;
                if ((!required && !optional) || !field_is_lawful(message, f, required))
                        return WIRE_E_MALFORMED;
                if (!field_fits(message, f))
                        return WIRE_E_TOO_LARGE;
                field_put(&b, message, f);
        }
        if (buf_failed(&b))
                return WIRE_E_TOO_LARGE;

        header = buf_over(out, WIRE_HEADER_SIZE);
        header_put(&header, type, b.pos, nonce);
        *ret_size = b.pos;
        return 0;
}

/* Walk the list once, so that wire_list_next() meets only whole items afterwards. */
static bool list_take(Buf *value, uint32_t limit, WireList *ret)
{
        WireList l = { .n = buf_get_u32(value) };
        size_t pos = 0;
        uint32_t n = 0;
        WireText item;

        l.bytes = buf_get_span(value, buf_left(value));
        if (buf_failed(value) || l.n > limit)
                return false;
        while (wire_list_next(&l, &pos, &item)) {
                if (item.size > 0 && memchr(item.data, 0, item.size))
                        return false;
                n++;
        }
        if (n != l.n || pos != l.bytes.size)
                return false;
        *ret = l;
        return true;
}

static bool gids_take(Buf *value, WireGids *ret)
{
        Span bytes = buf_get_span(value, buf_left(value));

        if (bytes.size % sizeof(uint32_t) != 0)
                return false;
        *ret = (WireGids){ .bytes = bytes, .n = (uint32_t)(bytes.size / sizeof(uint32_t)) };
        return true;
}

/* Decode one field's bytes into its member; the value must be used up. */
static bool field_take(Span bytes, void *message, const WireField *f, bool required)
{
        Buf value = buf_over((void *)bytes.data, bytes.size);
        void *m = member_of(message, f);

        switch (f->kind) {
        case WIRE_KIND_U32:
                *(uint32_t *)m = buf_get_u32(&value);
                break;
        case WIRE_KIND_U64:
                *(uint64_t *)m = buf_get_u64(&value);
                break;
        case WIRE_KIND_TEXT:
                *(WireText *)m = buf_get_span(&value, bytes.size);
                break;
        case WIRE_KIND_LIST:
                if (!list_take(&value, f->limit, m))
                        return false;
                break;
        case WIRE_KIND_GIDS:
                if (!gids_take(&value, m))
                        return false;
                break;
        }
        return !buf_failed(&value) && buf_left(&value) == 0 && field_fits(message, f) &&
               field_is_lawful(message, f, required);
}

static bool header_take(Buf *b, size_t size, uint32_t *ret_type, uint64_t *ret_nonce)
{
        uint32_t magic = buf_get_u32(b);
        uint16_t version = buf_get_u16(b);

        *ret_type = buf_get_u16(b);
        if (buf_get_u32(b) != size)
                return false;
        *ret_nonce = buf_get_u64(b);
        return !buf_failed(b) && magic == WIRE_MAGIC && version == WIRE_VERSION &&
               size <= WIRE_MSG_MAX;
}

/* Fields of the message until its end; false for any breach of format.h. */
static bool fields_take(const WireSchema *s, const WireRule *rule, Buf *b, void *message)
{
        uint32_t seen = 0;

        while (buf_left(b) > 0) {
                size_t i = wire_field_find(s, buf_get_u16(b));
                Span bytes = buf_get_span(b, buf_get_u32(b));
                bool required;

                if (buf_failed(b) || i == s->n_fields || seen & 1u << i)
                        return false;
                if (!((rule->required | rule->optional) & 1u << i))
                        return false;
                required = rule->required & 1u << i;
                if (!field_take(bytes, message, &s->fields[i], required))
                        return false;
                seen |= 1u << i;
        }
        return (seen & rule->required) == rule->required;
}

static int message_decode(const WireSchema *s, const uint8_t *data, size_t size, uint32_t *ret_type,
                          uint64_t *ret_nonce, void *message)
{
        Buf b = buf_over((void *)data, size);
        const WireRule *rule;

        if (!header_take(&b, size, ret_type, ret_nonce))
                return WIRE_E_MALFORMED;
        rule = wire_rule_find(s, *ret_type);
        if (!rule || !fields_take(s, rule, &b, message))
                return WIRE_E_MALFORMED;
        return 0;
}

int wire_request_encode(const WireRequest *r, uint8_t *out, size_t capacity, size_t *ret_size)
{
        return message_encode(&wire_request_schema, r->type, r->nonce, r, out, capacity, ret_size);
}

int wire_reply_encode(const WireReply *r, uint8_t *out, size_t capacity, size_t *ret_size)
{
        return message_encode(&wire_reply_schema, r->type, r->nonce, r, out, capacity, ret_size);
}

int wire_request_decode(const uint8_t *data, size_t size, WireRequest *ret)
{
        WireRequest m = { 0 };
        uint32_t type = 0;
        int r;

        r = message_decode(&wire_request_schema, data, size, &type, &m.nonce, &m);
        if (r != 0)
                return r;
        m.type = type;
        *ret = m;
        return 0;
}

int wire_reply_decode(const uint8_t *data, size_t size, WireReply *ret)
{
        WireReply m = { 0 };
        uint32_t type = 0;
        int r;

        r = message_decode(&wire_reply_schema, data, size, &type, &m.nonce, &m);
        if (r != 0)
                return r;
        m.type = type;
        *ret = m;
        return 0;
}
