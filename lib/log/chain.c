/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/chain.h"

#include "lib/base/macro.h"
#include "lib/log/record.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define PREFIX_SEQ  "{\"seq\":"
#define PREFIX_TIME ",\"time\":\""
#define PREFIX_PREV "\",\"prev\":\""
#define PREFIX_BODY "\","
#define BODY_EVENT  "\"event\":\""

void log_hash(const void *data, size_t size, uint8_t ret[static LOG_HASH_SIZE])
{
        (void)crypto_generichash(ret, LOG_HASH_SIZE, data, size, NULL, 0);
}

void log_hash_format(const uint8_t hash[static LOG_HASH_SIZE],
                     char ret[static LOG_HASH_TEXT_SIZE + 1])
{
        (void)sodium_bin2hex(ret, LOG_HASH_TEXT_SIZE + 1, hash, LOG_HASH_SIZE);
}

/* Of digits 0x10 and the value. */
static const uint8_t hex_digits[256] = {
        ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
        ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['a'] = 0x1a, ['b'] = 0x1b,
        ['c'] = 0x1c, ['d'] = 0x1d, ['e'] = 0x1e, ['f'] = 0x1f
};

/* Every record that is verified comes by here: no branch for each digit. */
int log_hash_parse(const char *text, size_t size, uint8_t ret[static LOG_HASH_SIZE])
{
        uint8_t hash[LOG_HASH_SIZE], are_digits = 0x10;

        if (size != LOG_HASH_TEXT_SIZE)
                return -EBADMSG;
        for (size_t i = 0; i < LOG_HASH_SIZE; i++) {
                const uint8_t high = hex_digits[(uint8_t)text[2 * i]];
                const uint8_t low = hex_digits[(uint8_t)text[2 * i + 1]];

                are_digits &= high & low;
                hash[i] = (uint8_t)(high << 4 | (low & 0xf));
        }
        if (are_digits == 0)
                return -EBADMSG;
        memcpy(ret, hash, sizeof(hash));
        return 0;
}

int log_line_make(LogChain *chain, int64_t real_usec, const char *body, size_t body_size, char *ret,
                  size_t capacity, size_t *ret_size)
{
        char time[LOG_TIME_SIZE + 1], prev[LOG_HASH_TEXT_SIZE + 1];
        size_t size;
        int n;

        if (chain->seq >= LOG_SEQ_MAX)
                return -EOVERFLOW;
        if (body_size > LOG_BODY_MAX || capacity < LOG_PREFIX_MAX + body_size)
                return -ENOBUFS;
        log_time_format(real_usec, time);
        log_hash_format(chain->hash, prev);
        n = snprintf(ret, LOG_PREFIX_MAX,
                     PREFIX_SEQ "%" PRIu64 PREFIX_TIME "%s" PREFIX_PREV "%s" PREFIX_BODY,
                     chain->seq + 1, time, prev);
        size = (size_t)n;
        memcpy(ret + size, body, body_size);
        size += body_size;
        log_chain_follow(chain, chain->seq + 1, ret, size);
        ret[size++] = '\n';
        *ret_size = size;
        return 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

typedef struct Cursor {
        const char *p, *end;
} Cursor;

static bool take(Cursor *c, const char *literal, size_t size)
{
        if ((size_t)(c->end - c->p) < size || memcmp(c->p, literal, size) != 0)
                return false;
        c->p += size;
        return true;
}
#define TAKE(c, literal) take(c, literal, sizeof(literal) - 1)

/* A JSON integer from 0 to LOG_SEQ_MAX. */
static bool take_number(Cursor *c, uint64_t *ret)
{
        const char *begin = c->p;
        uint64_t value = 0;

        for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
                value = 10 * value + (uint64_t)(*c->p - '0');
                if (value > LOG_SEQ_MAX)
                        return false;
        }
        *ret = value;
        return c->p > begin && (*begin != '0' || c->p == begin + 1);
}

/* Eight bytes at a time: every byte that is verified comes by here. */
static bool has_control(const char *data, size_t size)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
        uint64_t word;

        for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, data, sizeof(word));
                if (((word - ones * 0x20) & ~word & high) != 0)
                        return true;
        }
        for (; size > 0; data++, size--)
                if ((uint8_t)*data < 0x20)
                        return true;
        return false;
}

int log_line_parse(const char *line, size_t size, LogLine *ret)
{
        Cursor c = { .p = line, .end = line + size };
        LogLine l = {};
        const char *quote;

        if (size >= LOG_LINE_MAX || !TAKE(&c, PREFIX_SEQ) || !take_number(&c, &l.seq) ||
            l.seq == 0 || !TAKE(&c, PREFIX_TIME) || (size_t)(c.end - c.p) < LOG_TIME_SIZE ||
            log_time_parse(c.p, LOG_TIME_SIZE, &l.real_usec) < 0)
                return -EBADMSG;
        c.p += LOG_TIME_SIZE;
        if (!TAKE(&c, PREFIX_PREV) || (size_t)(c.end - c.p) < LOG_HASH_TEXT_SIZE ||
            log_hash_parse(c.p, LOG_HASH_TEXT_SIZE, l.prev) < 0)
                return -EBADMSG;
        c.p += LOG_HASH_TEXT_SIZE;
        if (!TAKE(&c, PREFIX_BODY))
                return -EBADMSG;
        l.body = c.p;
        l.body_size = (size_t)(c.end - c.p);
        if (!TAKE(&c, BODY_EVENT))
                return -EBADMSG;
        quote = memchr(c.p, '"', (size_t)(c.end - c.p));
        if (!quote || line[size - 1] != '}' || has_control(l.body, l.body_size))
                return -EBADMSG;
        l.event = c.p;
        l.event_size = (size_t)(quote - c.p);
        *ret = l;
        return 0;
}

int log_chain_check(const LogChain *chain, const LogLine *line)
{
        if (line->seq != chain->seq + 1)
                return LOG_E_SEQUENCE;
        return memcmp(line->prev, chain->hash, LOG_HASH_SIZE) == 0 ? LOG_FOLLOWS : LOG_E_CHAIN;
}

void log_chain_follow(LogChain *chain, uint64_t seq, const char *line, size_t size)
{
        chain->seq = seq;
        log_hash(line, size, chain->hash);
}
