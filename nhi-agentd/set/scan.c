/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/scan.h"

#include "lib/base/macro.h"

typedef enum Class {
        PLAIN = 0,
        QUOTE,
        OPEN,
        CLOSE,
        BETWEEN, /* separates values: white space, ',' and ':' */
} Class;

static const uint8_t classes[256] = {
        ['"'] = QUOTE,    ['{'] = OPEN,     ['['] = OPEN,     ['}'] = CLOSE,
        [']'] = CLOSE,    [','] = BETWEEN,  [':'] = BETWEEN,  [' '] = BETWEEN,
        ['\t'] = BETWEEN, ['\n'] = BETWEEN, ['\r'] = BETWEEN,
};

/* Up to the quote that ends the text; size where it goes on. */
static size_t skip_text(Scan *s, const char *data, size_t i, size_t size)
{
        for (; i < size; i++) {
                if (s->escaped)
                        s->escaped = false;
                else if (data[i] == '\\')
                        s->escaped = true;
                else if (data[i] == '"')
                        return i;
        }
        return i;
}

static ScanResult open_bracket(Scan *s, char c)
{
        uint64_t bit;

        if (s->depth == SCAN_DEPTH_MAX)
                return SCAN_E_DEPTH;
        bit = UINT64_C(1) << s->depth;
        s->objects = c == '{' ? s->objects | bit : s->objects & ~bit;
        s->depth++;
        return SCAN_MORE;
}

static ScanResult close_bracket(Scan *s, char c)
{
        const bool is_object = s->objects >> (s->depth - 1) & 1;

        if (is_object != (c == '}'))
                return SCAN_E_BRACKET;
        s->depth--;
        return s->depth == 0 ? SCAN_END : SCAN_MORE;
}

/* The next character outside texts; SCAN_END counts it in. */
static ScanResult take(Scan *s, char c)
{
        switch ((Class)classes[(unsigned char)c]) {
        case QUOTE:
                s->in_text = true;
                return SCAN_MORE;
        case OPEN:
                return open_bracket(s, c);
        case CLOSE:
                return close_bracket(s, c);
        case BETWEEN:
                return SCAN_MORE;
        case PLAIN:
                s->in_word = s->depth == 0;
                return SCAN_MORE;
        }
        return SCAN_E_EMPTY;
}

ScanResult scan_value(Scan *s, const char *data, size_t size, size_t *ret_used)
{
        ScanResult r = SCAN_MORE;

        for (size_t i = 0; i < size; i++) {
                if (s->in_text) {
                        i = skip_text(s, data, i, size);
                        if (i == size)
                                break;
                        s->in_text = false;
                        r = s->depth == 0 ? SCAN_END : SCAN_MORE;
                } else if (s->depth == 0 && s->in_word && classes[(unsigned char)data[i]]) {
                        *ret_used = i;
                        return SCAN_END;
                } else if (s->depth == 0 && !s->in_word &&
                           classes[(unsigned char)data[i]] >= CLOSE) {
                        return SCAN_E_EMPTY;
                } else {
                        r = take(s, data[i]);
                }
                if (r == SCAN_MORE)
                        continue;
                if (r == SCAN_END)
                        *ret_used = i + 1;
                return r;
        }
        *ret_used = size;
        return SCAN_MORE;
}

bool scan_may_end(const Scan *s)
{
        return s->depth == 0 && s->in_word;
}

const char *scan_result_text(ScanResult r)
{
        static const char *const texts[] = {
                [SCAN_MORE] = "it ends within a value",
                [SCAN_END] = "a value ends",
                [SCAN_E_EMPTY] = "a value is expected",
                [SCAN_E_BRACKET] = "a bracket closes what another opened",
                [SCAN_E_DEPTH] = "arrays and objects are nested too deep",
        };
        size_t i = (size_t)r;

        return i < ELEMENTSOF(texts) && texts[i] ? texts[i] : "not JSON";
}
