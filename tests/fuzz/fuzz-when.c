/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times, durations and windows, one text for all. What parses can be written and read again; a
 * window is open when a count of its minutes says so. */

#include "lib/base/macro.h"
#include "nhi-agentd/core/window.h"
#include "nhictl/when.h"
#include "tests/fuzz/fuzz.h"

#define NOW_SEC INT64_C(1763760000)

static void time_check(const char *text)
{
        char written[WHEN_TIME_SIZE];
        int64_t sec = 0, again = 0;

        if (when_parse_time(text, &sec) < 0)
                return;
        (void)when_format_time(written, sec);
        if (streq(written, "-"))
                return; /* the epoch itself, or before the year 1 by its offset */
        FUZZ_HOLDS(when_parse_time(written, &again) == 0 && again == sec,
                   "a time is written as it was read");
}

static void duration_check(const char *text)
{
        char written[WHEN_DURATION_SIZE];
        int64_t sec = 0, again = 0;

        if (when_parse_duration(text, &sec) < 0)
                return;
        FUZZ_HOLDS(sec >= 1 && sec <= WHEN_DURATION_MAX_SEC, "a duration is within its range");
        (void)when_format_duration(written, sec);
        FUZZ_HOLDS(when_parse_duration(written, &again) == 0 && again <= sec && sec - again < 86400,
                   "its two largest units are written");
}

static void point_check(const char *text)
{
        int64_t later = 0, earlier = 0, sec = 0;
        int r = when_parse_point(text, NOW_SEC, 1, &later);

        FUZZ_HOLDS(when_parse_point(text, NOW_SEC, -1, &earlier) == r, "in both directions");
        if (r == 0 && when_parse_duration(text, &sec) == 0)
                FUZZ_HOLDS(later == NOW_SEC + sec && earlier == NOW_SEC - sec,
                           "a duration counts from now");
        else if (r == 0)
                FUZZ_HOLDS(later == earlier, "a time is itself");
}

/* Minute by minute of the week that the window opens in, or of the one before. */
static bool minute_is_open(const Window *w, int64_t minute_of_week)
{
        for (int day = 0; day < 7; day++) {
                int64_t begin = day * 1440 + w->begin, end = day * 1440 + w->end;

                if (!(w->days & 1u << day))
                        continue;
                if ((minute_of_week >= begin && minute_of_week < end) ||
                    (minute_of_week + 7 * 1440 >= begin && minute_of_week + 7 * 1440 < end))
                        return true;
        }
        return false;
}

static void window_check(const char *text)
{
        const int64_t monday = INT64_C(1763337600); /* 2025-11-17T00:00:00Z */
        Window w;

        if (window_parse(text, &w) < 0)
                return;
        FUZZ_HOLDS(w.days != 0 && w.days < 128, "days of a week");
        FUZZ_HOLDS(w.begin < 1440 && w.end > w.begin && w.end <= 2880, "an end after its begin");
        for (int64_t minute = 7; minute < 7 * 1440; minute += 97) {
                int64_t sec = monday + minute * 60, end = 0;
                bool open = window_is_open(&w, sec, &end);

                FUZZ_HOLDS(open == minute_is_open(&w, minute), "open when its minutes say so");
                FUZZ_HOLDS(!open || (end > sec && end - sec <= 1440 * 60), "until its end");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        char *text = input_text(&in);

        time_check(text);
        duration_check(text);
        point_check(text);
        window_check(text);
        free(text);
        return 0;
}
