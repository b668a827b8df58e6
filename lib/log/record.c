/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises, cited by tests/unit/test-log-record.c:
 *  R1 Whatever the texts are, a record MUST be one line of valid JSON of at most LOG_LINE_MAX
 * bytes. R2 What was cut MUST be named. */

#include "lib/log/record.h"

#include "lib/base/macro.h"
#include "lib/log/text.h"

#include <inttypes.h>
#include <stdio.h>

/* What log_body_done() may still need: all names, whatever was cut. */
#define TAIL_MAX 640u

static void put(LogBody *b, const char *data, size_t size)
{
        memcpy(b->data + b->size, data, size);
        b->size += size;
}

static size_t room(const LogBody *b)
{
        return LOG_BODY_MAX - TAIL_MAX - b->size;
}

/* Write ,"name": where the field may come now and is of this type. */
static bool begin(LogBody *b, LogField f, LogType type, size_t need)
{
        const char *name;

        if ((unsigned)f >= LOG_FIELD_N || f < b->next || log_fields[f].type != type)
                return false;
        name = log_fields[f].name;
        if (room(b) < strlen(name) + 4 + need) {
                b->cut |= UINT64_C(1) << f;
                return false;
        }
        if (b->size > 0)
                put(b, ",", 1);
        put(b, "\"", 1);
        put(b, name, strlen(name));
        put(b, "\":", 2);
        b->next = f + 1;
        return true;
}

/* "text", its inside at most max bytes. */
static bool put_text(LogBody *b, const char *text, size_t max)
{
        size_t size = 0;
        bool whole;

        put(b, "\"", 1);
        whole = log_text_encode(text, b->data + b->size, max, &size);
        b->size += size;
        put(b, "\"", 1);
        return whole;
}

void log_body_init(LogBody *b, const char *event)
{
        b->size = 0;
        b->cut = 0;
        b->next = LOG_FIELD_EVENT;
        log_body_text(b, LOG_FIELD_EVENT, event);
}

void log_body_text(LogBody *b, LogField f, const char *text)
{
        size_t max;

        if (!text || !*text || !begin(b, f, LOG_TEXT, 2))
                return;
        max = room(b) - 2;
        if (max > log_fields[f].max)
                max = log_fields[f].max;
        if (!put_text(b, text, max))
                b->cut |= UINT64_C(1) << f;
}

void log_body_texts(LogBody *b, LogField f, const char *const *items, size_t n)
{
        size_t end;

        if (n == 0 || !begin(b, f, LOG_TEXTS, 2))
                return;
        put(b, "[", 1);
        end = b->size + (room(b) - 1 < log_fields[f].max ? room(b) - 1 : log_fields[f].max);
        for (size_t i = 0; i < n; i++) {
                const size_t before = b->size, quotes = i > 0 ? 3 : 2;
                bool whole = end - before >= quotes;

                if (whole) {
                        if (i > 0)
                                put(b, ",", 1);
                        whole = put_text(b, items[i], end - before - quotes);
                }
                if (!whole) {
                        b->size = before;
                        b->cut |= UINT64_C(1) << f;
                        break;
                }
        }
        put(b, "]", 1);
}

void log_body_number(LogBody *b, LogField f, int64_t value)
{
        char text[24];
        int n = snprintf(text, sizeof(text), "%" PRId64, value);

        if (n > 0 && begin(b, f, LOG_NUMBER, (size_t)n))
                put(b, text, (size_t)n);
}

void log_body_flag(LogBody *b, LogField f)
{
        if (begin(b, f, LOG_FLAG, 4))
                put(b, "true", 4);
}

void log_body_done(LogBody *b)
{
        bool first = true;

        for (size_t i = 0; i < LOG_FIELD_N; i++) {
                if (!(b->cut & UINT64_C(1) << i))
                        continue;
                put(b, first ? ",\"cut\":[\"" : ",\"", first ? 9 : 2);
                put(b, log_fields[i].name, strlen(log_fields[i].name));
                put(b, "\"", 1);
                first = false;
        }
        if (!first)
                put(b, "]", 1);
        put(b, "}", 1);
}

int log_body_carry(const char *body, size_t size, int64_t real_usec, LogBody *ret)
{
        static const char event[] = "\"event\":\"";
        const char *end;
        char time[LOG_TIME_SIZE + 1];
        int n;

        if (size < sizeof(event) || memcmp(body, event, sizeof(event) - 1) != 0)
                return -EBADMSG;
        end = memchr(body + sizeof(event) - 1, '"', size - sizeof(event) + 1);
        if (!end)
                return -EBADMSG;
        end++;
        log_time_format(real_usec, time);
        ret->size = (size_t)(end - body);
        memcpy(ret->data, body, ret->size);
        n = snprintf(ret->data + ret->size, LOG_BODY_MAX - ret->size,
                     ",\"at\":\"%s\",\"carried\":true", time);
        if (n < 0 || size + (size_t)n > LOG_BODY_MAX)
                return -ENOBUFS;
        memcpy(ret->data + ret->size + n, end, size - ret->size);
        ret->size = size + (size_t)n;
        return 0;
}
