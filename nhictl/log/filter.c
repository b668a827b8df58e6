/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/filter.h"

#include "lib/base/macro.h"
#include "lib/log/record.h"
#include "nhictl/reply.h"

static const char *text_of(const json_t *json, LogField f)
{
        return member_text(json, log_fields[f].name);
}

int64_t log_record_usec(const LogLine *head, const json_t *json)
{
        const char *at = text_of(json, LOG_FIELD_AT);
        int64_t usec = 0;

        return at && log_time_parse(at, strlen(at), &usec) == 0 ? usec : head->real_usec;
}

static bool fits_text(const json_t *json, LogField f, const char *wanted)
{
        return !wanted || streq_ptr(text_of(json, f), wanted);
}

static bool fits_service(const json_t *json, const char *wanted)
{
        return fits_text(json, LOG_FIELD_CLASS, wanted) ||
               fits_text(json, LOG_FIELD_SERVICE, wanted);
}

static bool fits_actor(const json_t *json, const char *wanted)
{
        const json_t *item;
        size_t i;

        if (fits_text(json, LOG_FIELD_SUBJECT, wanted))
                return true;
        json_array_foreach(json_object_get(json, log_fields[LOG_FIELD_ACTOR].name), i, item)
                if (streq_ptr(json_string_value(item), wanted))
                        return true;
        return false;
}

static bool fits_seq(const LogFilter *f, uint64_t seq)
{
        return seq >= f->seq_first && (f->seq_last == 0 || seq <= f->seq_last);
}

static bool fits_event(const LogFilter *f, const LogLine *head)
{
        for (size_t i = 0; i < f->events.n; i++)
                if (strlen(f->events.items[i]) == head->event_size &&
                    memcmp(f->events.items[i], head->event, head->event_size) == 0)
                        return true;
        return f->events.n == 0;
}

static bool fits_time(const LogFilter *f, int64_t usec)
{
        return (f->since_usec == 0 || usec >= f->since_usec) &&
               (f->until_usec == 0 || usec < f->until_usec);
}

bool log_filter_fits(const LogFilter *f, const LogLine *head, const json_t *json)
{
        return fits_seq(f, head->seq) && fits_event(f, head) &&
               fits_time(f, log_record_usec(head, json)) &&
               fits_text(json, LOG_FIELD_ACCOUNT, f->account) &&
               fits_text(json, LOG_FIELD_GRANT, f->grant) &&
               fits_text(json, LOG_FIELD_VERDICT, f->verdict) && fits_service(json, f->service) &&
               fits_actor(json, f->actor);
}

/* A text that stands in a record as it is, or with an escape in it. */
static bool may_hold(const char *line, size_t size, const char *wanted)
{
        return !wanted || memmem(line, size, wanted, strlen(wanted)) || memchr(line, '\\', size);
}

bool log_filter_may_fit(const LogFilter *f, const LogLine *head, const char *line, size_t size)
{
        static const char carried[] = "\"at\":";

        if (!fits_seq(f, head->seq) || !fits_event(f, head))
                return false;
        if (!fits_time(f, head->real_usec) && !memmem(line, size, carried, sizeof(carried) - 1))
                return false;
        return may_hold(line, size, f->account) && may_hold(line, size, f->grant) &&
               may_hold(line, size, f->verdict) && may_hold(line, size, f->service) &&
               may_hold(line, size, f->actor);
}

static int take_number(const char **p, uint64_t *ret)
{
        const char *begin = *p;
        uint64_t value = 0;

        for (; **p >= '0' && **p <= '9'; (*p)++) {
                value = 10 * value + (uint64_t)(**p - '0');
                if (value > LOG_SEQ_MAX)
                        return -EINVAL;
        }
        *ret = value;
        return *p > begin && value == 0 ? -EINVAL : 0;
}

int log_filter_parse_seq(const char *text, LogFilter *f)
{
        uint64_t first = 0, last = 0;
        const char *p = text;
        bool is_range;

        if (take_number(&p, &first) < 0)
                return -EINVAL;
        is_range = strncmp(p, "..", 2) == 0;
        if (is_range)
                p += 2;
        else
                last = first;
        if (*p && take_number(&p, &last) < 0)
                return -EINVAL;
        if (*p || (first == 0 && last == 0) || (last > 0 && last < first))
                return -EINVAL;
        f->seq_first = first;
        f->seq_last = last;
        return 0;
}
