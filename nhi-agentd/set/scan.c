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
        const char *quote = s->escaped ? NULL : memchr(data + i, '"', size - i);

        if (quote && !memchr(data + i, '\\', (size_t)(quote - data) - i))
                return (size_t)(quote - data);
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

/* Behind the white space and, where it is wanted, the character that follows it. */
static size_t skip_to(const char *text, size_t size, size_t i, char wanted)
{
        while (i < size && (scan_is_space(text[i]) || text[i] == wanted))
                i++;
        return i;
}

/* The value that begins at i; 0 where none does. */
static size_t value_size(const char *text, size_t size, size_t i)
{
        Scan s = { 0 };
        size_t used = 0;

        return i < size && scan_value(&s, text + i, size - i, &used) == SCAN_END ? used : 0;
}

bool scan_member(const char *object, size_t size, const char *name, size_t *ret_offset,
                 size_t *ret_size)
{
        const size_t name_size = strlen(name);
        size_t i = 1, n;

        if (size == 0 || object[0] != '{')
                return false;
        for (;;) {
                const char *key;
                bool is_it;

                i = skip_to(object, size, i, ',');
                key = object + i;
                n = value_size(object, size, i);
                if (n == 0)
                        return false;
                is_it = n == name_size + 2 && memcmp(key + 1, name, name_size) == 0;
                i = skip_to(object, size, i + n, ':');
                n = value_size(object, size, i);
                if (n == 0)
                        return false;
                if (is_it)
                        break;
                i += n;
        }
        *ret_offset = i;
        *ret_size = n;
        return true;
}

size_t scan_compact(const char *json, size_t size, char *ret)
{
        bool in_text = false;
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                const char c = json[i];

                if (!in_text && scan_is_space(c))
                        continue;
                if (c < ' ' || c > '~' || c == '\\')
                        return 0;
                in_text ^= c == '"';
                ret[n++] = c;
        }
        return n;
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
