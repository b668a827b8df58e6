/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/record.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <time.h>

#define USEC         INT64_C(1000000)
#define YEAR_0       (INT64_C(-62167219200) * USEC)
#define YEAR_9999    (INT64_C(253402300800) * USEC - 1)
#define DAYS_TO_1970 719528 /* from 0000-01-01, by today's calendar */

void log_time_format(int64_t real_usec, char ret[static LOG_TIME_SIZE + 1])
{
        const int64_t usec = real_usec < YEAR_0      ? YEAR_0
                             : real_usec > YEAR_9999 ? YEAR_9999
                                                     : real_usec;
        const int64_t fraction = (usec % USEC + USEC) % USEC;
        const time_t sec = (time_t)((usec - fraction) / USEC);
        struct tm tm = {};
        char text[80];

        (void)gmtime_r(&sec, &tm);
        (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)fraction);
        memcpy(ret, text, LOG_TIME_SIZE);
        ret[LOG_TIME_SIZE] = '\0';
}

/* n digits at *p, which moves on; -1 where one is none. */
static int digits(const char **p, int n)
{
        int value = 0;

        for (; n > 0; n--, (*p)++) {
                if (**p < '0' || **p > '9')
                        return -1;
                value = 10 * value + (**p - '0');
        }
        return value;
}

static bool is_leap(int year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01; -1 in *ret is 1969-12-31. False where the calendar has no such day. */
static bool days_of(int year, int month, int day, int64_t *ret)
{
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        int64_t days =
                year * INT64_C(365) + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;

        if (month < 1 || month > 12 || day < 1 ||
            day > lengths[month - 1] + (month == 2 && is_leap(year)))
                return false;
        for (int m = 1; m < month; m++)
                days += lengths[m - 1] + (m == 2 && is_leap(year));
        *ret = days + day - 1 - DAYS_TO_1970;
        return true;
}

/* Every record that is verified comes by here: no timegm(3). */
int log_time_parse(const char *text, size_t size, int64_t *ret_real_usec)
{
        static const char separators[] = "--T::.Z";
        static const int widths[] = { 4, 2, 2, 2, 2, 2, 6 };
        int v[ELEMENTSOF(widths)];
        const char *p = text;
        int64_t days = 0;

        if (size != LOG_TIME_SIZE)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(widths); i++) {
                v[i] = digits(&p, widths[i]);
                if (v[i] < 0 || *p++ != separators[i])
                        return -EBADMSG;
        }
        if (!days_of(v[0], v[1], v[2], &days) || v[3] > 23 || v[4] > 59 || v[5] > 59)
                return -EBADMSG;
        *ret_real_usec = (((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5]) * USEC + v[6];
        return 0;
}
