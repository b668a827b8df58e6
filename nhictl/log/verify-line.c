/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line by itself. Every byte that is verified comes by here: no JSON parser, but for what the
 * agent would not have written so. */

#include "nhictl/log/verify-internal.h"

#include "lib/jose/json.h"

#include <endian.h>

typedef struct Cursor {
        const char *p, *end;
} Cursor;

/* ---- texts -------------------------------------------------------------------------------------
 */

/* How many of the next eight bytes are neither a quote, nor a backslash, nor other than ASCII:
 * those before the first that is. */
static unsigned count_plain(const char *p)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
        uint64_t word, quote, escape, found;

        memcpy(&word, p, sizeof(word));
        word = le64toh(word);
        quote = word ^ ones * '"';
        escape = word ^ ones * '\\';
        /* Of bits that are set above the first one, some are not meant. */
        found = (((quote - ones) & ~quote) | ((escape - ones) & ~escape) | word) & high;
        return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. Halves of surrogate pairs are the parser's, and so is NUL. */
static bool take_escape(Cursor *c)
{
        if (c->p == c->end)
                return false;
        if (*c->p != 'u')
                return *c->p != '\0' && strchr("\"\\/bfnrt", *c->p++) != NULL;
        if (c->end - c->p < 5 || ((c->p[1] | 0x20) == 'd' && c->p[2] >= '8') ||
            memcmp(c->p + 1, "0000", 4) == 0)
                return false;
        for (size_t i = 1; i < 5; i++)
                if (!is_hex(c->p[i]))
                        return false;
        c->p += 5;
        return true;
}

/* One character of more than a byte (RFC 3629). */
static bool take_wide(Cursor *c)
{
        const uint8_t *p = (const uint8_t *)c->p;
        const size_t n = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

        if (*p < 0xc2 || *p > 0xf4 || (size_t)(c->end - c->p) < n)
                return false;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return false;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
                return false;
        c->p += n;
        return true;
}

/* From behind the opening quote to behind the closing one. */
static bool take_text(Cursor *c)
{
        while (c->p < c->end) {
                if (c->end - c->p >= 8) {
                        const unsigned n = count_plain(c->p);

                        c->p += n;
                        if (n == 8)
                                continue;
                }
                if (*c->p == '"') {
                        c->p++;
                        return true;
                }
                if (*c->p == '\\') {
                        c->p++;
                        if (!take_escape(c))
                                return false;
                } else if ((uint8_t)*c->p < 0x80)
                        c->p++;
                else if (!take_wide(c))
                        return false;
        }
        return false;
}

/* ---- members -----------------------------------------------------------------------------------
 */

static bool take_char(Cursor *c, char wanted)
{
        if (c->p == c->end || *c->p != wanted)
                return false;
        c->p++;
        return true;
}

static bool take_number(Cursor *c)
{
        const char *begin;

        (void)take_char(c, '-');
        begin = c->p;
        while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
                c->p++;
        return c->p > begin && (*begin != '0' || c->p == begin + 1);
}

static bool take_list(Cursor *c)
{
        if (take_char(c, ']'))
                return true;
        do
                if (!take_char(c, '"') || !take_text(c))
                        return false;
        while (take_char(c, ','));
        return take_char(c, ']');
}

static bool take_value(Cursor *c)
{
        if (take_char(c, '"'))
                return take_text(c);
        if (take_char(c, '['))
                return take_list(c);
        if (c->end - c->p >= 4 && memcmp(c->p, "true", 4) == 0) {
                c->p += 4;
                return true;
        }
        return take_number(c);
}

static bool take_members(Cursor *c, const char **ret_set)
{
        do {
                const char *name = c->p + 1, *value;

                if (!take_char(c, '"') || !take_text(c) || !take_char(c, ':'))
                        return false;
                value = c->p + 1;
                if (!take_value(c))
                        return false;
                if (value - name == 6 && memcmp(name, "set\":\"", 6) == 0 &&
                    c->p - value == LOG_HASH_TEXT_SIZE + 1)
                        *ret_set = value;
        } while (take_char(c, ','));
        return take_char(c, '}') && c->p == c->end;
}

bool verify_body_is_json(const char *body, size_t size, const char **ret_set)
{
        Cursor c = { .p = body, .end = body + size };

        *ret_set = NULL;
        return take_members(&c, ret_set);
}

/* ---- lines -------------------------------------------------------------------------------------
 */

/* Members that are not known may be of any kind. */
static bool is_json(const char *line, size_t size)
{
        json_t *v = json_read(line, size, JSON_REJECT_DUPLICATES, NULL);
        const bool is = v && json_is_object(v);

        json_decref(v);
        return is;
}

static VerifyEvent event_of(const LogLine *l)
{
        static const struct {
                const char *name;
                VerifyEvent event;
        } events[] = {
                { LOG_EVENT_CREATED, VERIFY_EVENT_CREATED },
                { LOG_EVENT_SEGMENT, VERIFY_EVENT_SEGMENT },
                { LOG_EVENT_SEGMENT_END, VERIFY_EVENT_SEGMENT_END },
                { LOG_EVENT_TORN, VERIFY_EVENT_TORN },
                { LOG_EVENT_PRUNED, VERIFY_EVENT_PRUNED },
        };

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (l->event_size == strlen(events[i].name) &&
                    memcmp(l->event, events[i].name, l->event_size) == 0)
                        return events[i].event;
        return VERIFY_EVENT_OTHER;
}

void verify_line_read(VerifyLine *l)
{
        log_hash(l->data, l->size, l->hash);
        l->set = NULL;
        l->event = VERIFY_EVENT_OTHER;
        l->is_record = log_line_parse(l->data, l->size, &l->record) == 0 &&
                       (verify_body_is_json(l->record.body, l->record.body_size, &l->set) ||
                        is_json(l->data, l->size));
        if (l->is_record)
                l->event = event_of(&l->record);
}
