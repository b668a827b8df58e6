/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a record says, made by whoever has something to say; seq, time and prev are added when its
 * place in the chain is known (chain.h). Any bytes may be put in: what comes out is one valid JSON
 * text without a newline, whatever they were (O13). */

#include "lib/log/format.h"

#include <stdbool.h>

/* {"seq":...,"time":"...","prev":"...", and the newline. */
#define LOG_PREFIX_MAX 160u
#define LOG_BODY_MAX   (LOG_LINE_MAX - LOG_PREFIX_MAX)

/* Members from event on, with the closing brace once it is done. All fields of the table but sets
 * fit in at their longest; sets stands only in records of the log itself. */
typedef struct LogBody {
        char data[LOG_BODY_MAX];
        size_t size;
        uint64_t cut;  /* bits by LogField */
        LogField next; /* fields come in the order of the table */
} LogBody;

void log_body_init(LogBody *b, const char *event);
/* NULL and "" are left out. Fields must come in the order of the table and fit its type; what does
 * not is left out, too. */
void log_body_text(LogBody *b, LogField f, const char *text);
void log_body_texts(LogBody *b, LogField f, const char *const *items, size_t n);
void log_body_number(LogBody *b, LogField f, int64_t value);
void log_body_flag(LogBody *b, LogField f);
void log_body_done(LogBody *b);
/* A body that is done and was not written when it should have been: the same with at and carried.
 * -ENOBUFS where these do not fit in. */
int log_body_carry(const char *body, size_t size, int64_t real_usec, LogBody *ret);

/* "2026-11-22T08:15:04.123456Z"; years 0 to 9999, else their nearest end. */
#define LOG_TIME_SIZE 27u
void log_time_format(int64_t real_usec, char ret[static LOG_TIME_SIZE + 1]);
/* Exactly that form: 0 or -EBADMSG. */
int log_time_parse(const char *text, size_t size, int64_t *ret_real_usec);
