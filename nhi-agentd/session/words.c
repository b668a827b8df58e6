/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/words.h"

#include "lib/base/io.h"
#include "lib/base/name.h"
#include "nhi-agentd/core/reason.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LINE_BEGIN "\r\nnhi: "
#define LINE_END   "\r\n"

static void _printf_(2, 3) line_format(char ret[static WORDS_SIZE], const char *format, ...)
{
        char text[WORDS_SIZE + 1 - sizeof(LINE_BEGIN LINE_END)];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void)snprintf(ret, WORDS_SIZE, LINE_BEGIN "%s" LINE_END, text);
}

/* "this session", "sudo": what ends. */
static const char *words_what(const Words *w)
{
        return w->elevation ? w->class : "this session";
}

static void left_format(int64_t left_usec, char *ret, size_t size)
{
        const int64_t second = (int64_t)USEC_PER_SEC;
        int64_t sec = left_usec > 0 ? (left_usec + second / 2) / second : 0;

        if (sec >= 60 && sec % 60 == 0)
                (void)snprintf(ret, size, "%" PRId64 " min", sec / 60);
        else
                (void)snprintf(ret, size, "%" PRId64 " s", sec);
}

void words_before(const Words *w, int64_t left_usec, int64_t end_sec, char ret[static WORDS_SIZE])
{
        char left[32], at[32] = "";
        time_t end = (time_t)end_sec;
        struct tm tm;

        left_format(left_usec, left, sizeof(left));
        if (gmtime_r(&end, &tm))
                (void)strftime(at, sizeof(at), " (%H:%M:%S UTC)", &tm);
        line_format(ret, "%s ends in %s%s with the grant %s; to go on, have it extended",
                    words_what(w), left, at, w->jti);
}

void words_over(const Words *w, const char *why, const char *detail, char ret[static WORDS_SIZE])
{
        const int reason = reason_from_token(why);
        char shown[WORDS_SIZE / 2];

        if (reason >= 0)
                line_format(ret, "%s ends now with the grant %s: %s (%s); %s; more: nhictl why",
                            words_what(w), w->jti, reason_sentence((Reason)reason), why,
                            reason_advice((Reason)reason));
        else
                line_format(ret, "%s ends now: %s; the grant %s goes on: nhictl mine",
                            words_what(w),
                            text_visible(shown, sizeof(shown), detail && *detail ? detail : why),
                            w->jti);
}
