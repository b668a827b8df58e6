/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/when.h"

#include "lib/base/macro.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

static const struct Unit {
        char letter;
        int64_t sec;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

int when_parse_duration(const char *text, int64_t *ret_sec)
{
        int64_t total = 0;
        size_t next = 0;

        while (*text) {
                int64_t n = 0;
                const char *begin = text;

                for (; isdigit((unsigned char)*text); text++) {
                        n = n * 10 + (*text - '0');
                        if (n > WHEN_DURATION_MAX_SEC)
                                return -EINVAL;
                }
                if (text == begin)
                        return -EINVAL;
                while (next < ELEMENTSOF(units) && units[next].letter != *text)
                        next++;
                if (next == ELEMENTSOF(units))
                        return -EINVAL;
                total += n * units[next++].sec;
                if (total > WHEN_DURATION_MAX_SEC)
                        return -EINVAL;
                text++;
        }
        if (total == 0)
                return -EINVAL;
        *ret_sec = total;
        return 0;
}

/* n digits at *text, moved on: their value, or -1. */
static int take_digits(const char **text, int n)
{
        int value = 0;

        for (int i = 0; i < n; i++, (*text)++) {
                if (!isdigit((unsigned char)**text))
                        return -1;
                value = value * 10 + (**text - '0');
        }
        return value;
}

/* One of the characters in set, moved on. */
static bool take_char(const char **text, const char *set)
{
        if (**text == '\0' || !strchr(set, **text))
                return false;
        (*text)++;
        return true;
}

static int days_of_month(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "Z" or "+hh:mm", to the end of the text. RFC 3339 section 4.3: -00:00 means that the local offset
 * is unknown, which is no promise about when access ends. */
static int parse_offset(const char *text, int64_t *ret_sec)
{
        bool negative = *text == '-';
        int hours, minutes;

        if (take_char(&text, "Zz")) {
                *ret_sec = 0;
                return *text ? -EINVAL : 0;
        }
        if (!take_char(&text, "+-"))
                return -EINVAL;
        hours = take_digits(&text, 2);
        if (hours < 0 || hours > 23 || !take_char(&text, ":"))
                return -EINVAL;
        minutes = take_digits(&text, 2);
        if (minutes < 0 || minutes > 59 || *text || (negative && hours == 0 && minutes == 0))
                return -EINVAL;
        *ret_sec = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
        return 0;
}

/* ".123", moved on. */
static bool take_fraction(const char **text)
{
        if (!take_char(text, "."))
                return true;
        if (!isdigit((unsigned char)**text))
                return false;
        while (isdigit((unsigned char)**text))
                (*text)++;
        return true;
}

int when_parse_time(const char *text, int64_t *ret_sec)
{
        /* field, digits, separator behind it, lowest and highest value */
        static const struct Field {
                int digits;
                const char *end;
                int min, max;
        } fields[] = {
                { 4, "-", 1, 9999 }, { 2, "-", 1, 12 }, { 2, "Tt ", 1, 31 },
                { 2, ":", 0, 23 },   { 2, ":", 0, 59 }, { 2, NULL, 0, 59 },
        };
        int value[ELEMENTSOF(fields)];
        int64_t offset;
        struct tm tm;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                value[i] = take_digits(&text, fields[i].digits);
                if (value[i] < fields[i].min || value[i] > fields[i].max)
                        return -EINVAL;
                if (fields[i].end && !take_char(&text, fields[i].end))
                        return -EINVAL;
        }
        if (value[2] > days_of_month(value[0], value[1]) || !take_fraction(&text))
                return -EINVAL;
        r = parse_offset(text, &offset);
        if (r < 0)
                return r;
        tm = (struct tm){ .tm_year = value[0] - 1900,
                          .tm_mon = value[1] - 1,
                          .tm_mday = value[2],
                          .tm_hour = value[3],
                          .tm_min = value[4],
                          .tm_sec = value[5] };
        *ret_sec = (int64_t)timegm(&tm) - offset;
        return 0;
}

int when_parse_point(const char *text, int64_t now_sec, int direction, int64_t *ret_sec)
{
        int64_t duration;

        if (when_parse_duration(text, &duration) < 0)
                return when_parse_time(text, ret_sec);
        *ret_sec = now_sec + direction * duration;
        return 0;
}

char *when_format_time(char ret[static WHEN_TIME_SIZE], int64_t sec)
{
        time_t t = (time_t)sec;
        struct tm tm;

        if (sec == 0 || !gmtime_r(&t, &tm) || tm.tm_year < 1 - 1900 || tm.tm_year > 9999 - 1900 ||
            strftime(ret, WHEN_TIME_SIZE, "%4Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                memcpy(ret, "-", 2);
        return ret;
}

char *when_format_duration(char ret[static WHEN_DURATION_SIZE], int64_t sec)
{
        size_t used = 0;

        memcpy(ret, "0s", 3);
        for (size_t i = 0, n = 0; i < ELEMENTSOF(units) && n < 2 && sec > 0; i++) {
                int64_t count = sec / units[i].sec;

                n += n > 0 || count > 0;
                if (count == 0)
                        continue;
                used += (size_t)snprintf(ret + used, WHEN_DURATION_SIZE - used, "%lld%c",
                                         (long long)count, units[i].letter);
                sec -= count * units[i].sec;
        }
        return ret;
}
