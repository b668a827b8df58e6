/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/glance.h"

bool log_line_is(const LogLine *l, const char *event)
{
        return l->event_size == strlen(event) && memcmp(l->event, event, l->event_size) == 0;
}

static int glance_at(const LogSource *source, size_t i, Glance *ret)
{
        _cleanup_(log_stream_freep) LogStream *stream = NULL;
        const char *line = NULL;
        size_t size = 0;
        LogLine l;
        int r = log_stream_open(source, i, &stream);

        if (r == -ENOMEM)
                return r;
        if (r < 0 || log_stream_line(stream, &line, &size) != 1 ||
            log_line_parse(line, size, &l) < 0)
                return 0;
        ret->is_known = true;
        ret->seq = l.seq;
        ret->real_usec = l.real_usec;
        ret->is_resumed = log_stream_line(stream, &line, &size) == 1 &&
                          log_line_parse(line, size, &l) == 0 && log_line_is(&l, LOG_EVENT_RESUMED);
        return 0;
}

/* What a closed one begins with its name says; when, only the file. */
static int glance(const LogFilter *f, const LogSource *source, size_t i, Glance *ret)
{
        const uint64_t first_seq = source->segments.items[i].first_seq;

        if (f->since_usec != 0 || f->until_usec != 0 || first_seq == 0)
                return glance_at(source, i, ret);
        *ret = (Glance){ .is_known = true, .seq = first_seq };
        return 0;
}

int glances_new(const LogFilter *f, const LogSource *source, Glance **ret)
{
        _cleanup_free_ Glance *glances = calloc(source->segments.n + 1, sizeof(*glances));

        if (!glances)
                return -ENOMEM;
        for (size_t i = 0; i < source->segments.n; i++) {
                int e = glance(f, source, i, &glances[i]);

                if (e < 0)
                        return e;
        }
        *ret = TAKE_PTR(glances);
        return 0;
}

/* All of it was written before the window, or before the first seq. */
static bool is_before(const LogFilter *f, const Glance *this, const Glance *next)
{
        const int64_t since = f->since_usec - LOG_WINDOW_MARGIN_USEC;

        if (!this->is_known || !next->is_known)
                return false;
        return next->seq <= f->seq_first ||
               (f->since_usec != 0 && this->real_usec < since && next->real_usec < since);
}

/* All of it was written behind it, and is not of before all the same. */
static bool is_behind(const LogFilter *f, const Glance *this)
{
        if (!this->is_known)
                return false;
        return (f->seq_last != 0 && this->seq > f->seq_last) ||
               (f->until_usec != 0 && !this->is_resumed &&
                this->real_usec - LOG_WINDOW_MARGIN_USEC > f->until_usec);
}

bool glance_is_wanted(const LogFilter *f, const Glance *this, const Glance *next)
{
        return !is_before(f, this, next) && !is_behind(f, this);
}
