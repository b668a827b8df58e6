/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/window.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
        DAYS = 7,
        DAY_MINUTES = 24 * 60,
        DAY_SEC = 24 * 60 * 60,
        EPOCH_DAY = 3,        /* 1970-01-01 was a Thursday; 0 is Monday */
        WINDOW_TIME_SIZE = 5, /* hh:mm */
};

static const char *const day_names[DAYS] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* Step over the literal, or leave *p alone. */
static bool skip_text(const char **p, const char *literal)
{
        size_t n = strlen(literal);

        if (strncmp(*p, literal, n) != 0)
                return false;
        *p += n;
        return true;
}

static int parse_day(const char **p)
{
        for (int i = 0; i < DAYS; i++)
                if (skip_text(p, day_names[i]))
                        return i;
        return -1;
}

/* One `day [ ".." day ]`. A range may run over Sunday: Sat..Mon. */
static bool parse_day_range(const char **p, uint8_t *days)
{
        int first = parse_day(p), last = first;

        if (first < 0)
                return false;
        if (skip_text(p, ".."))
                last = parse_day(p);
        if (last < 0)
                return false;
        for (int d = first;; d = (d + 1) % DAYS) {
                *days |= (uint8_t)(1u << d);
                if (d == last)
                        return true;
        }
}

static bool parse_days(const char **p, uint8_t *ret)
{
        uint8_t days = 0;

        do {
                if (!parse_day_range(p, &days))
                        return false;
        } while (skip_text(p, ","));
        if (!skip_text(p, " "))
                return false;
        *ret = days;
        return true;
}

static bool parse_two_digits(const char *p, unsigned *ret)
{
        if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
                return false;
        *ret = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
        return true;
}

/* hh:mm as minutes from midnight, at most 24:00. */
static bool parse_time(const char **p, uint16_t *ret)
{
        unsigned hours, minutes;

        if (!parse_two_digits(*p, &hours) || (*p)[2] != ':' || !parse_two_digits(*p + 3, &minutes))
                return false;
        if (minutes > 59 || hours * 60 + minutes > DAY_MINUTES)
                return false;
        *ret = (uint16_t)(hours * 60 + minutes);
        *p += WINDOW_TIME_SIZE;
        return true;
}

int window_parse(const char *text, Window *ret)
{
        Window w = { .days = (1u << DAYS) - 1 };
        const char *p = text;

        if (!p)
                return -EINVAL;
        if ((*p < '0' || *p > '9') && !parse_days(&p, &w.days))
                return -EINVAL;
        if (!parse_time(&p, &w.begin) || !skip_text(&p, "..") || !parse_time(&p, &w.end))
                return -EINVAL;
        if (strcmp(p, " UTC") != 0 || w.begin == DAY_MINUTES)
                return -EINVAL;
        if (w.end <= w.begin)
                w.end += DAY_MINUTES;
        *ret = w;
        return 0;
}

/* Is the window that begins on this day (counted from the epoch) open now? */
static bool opening_contains(const Window *w, int64_t day, int64_t real_sec, int64_t *ret_end_sec)
{
        int64_t midnight = day * DAY_SEC;
        unsigned weekday = (unsigned)((day % DAYS + DAYS + EPOCH_DAY) % DAYS);

        if (!(w->days & (1u << weekday)))
                return false;
        if (real_sec < midnight + w->begin * 60 || real_sec >= midnight + w->end * 60)
                return false;
        *ret_end_sec = midnight + w->end * 60;
        return true;
}

bool window_is_open(const Window *w, int64_t real_sec, int64_t *ret_end_sec)
{
        int64_t day = real_sec / DAY_SEC;

        if (real_sec < 0 || real_sec > INT64_MAX - 3 * DAY_SEC)
                return false;
        /* Today's opening ends later than yesterday's. */
        return opening_contains(w, day, real_sec, ret_end_sec) ||
               opening_contains(w, day - 1, real_sec, ret_end_sec);
}
