/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From lines to records: what is none, what is a crash's, what the filter wants. */

#include "nhictl/log/reader-internal.h"

#include "lib/jose/json.h"
#include "nhictl/reply.h"

#include <stdio.h>

int reader_bad(LogReader *r, LogRecord *ret, const char *wrong)
{
        if (wrong != r->wrong)
                (void)snprintf(r->wrong, sizeof(r->wrong), "%s", wrong);
        *ret = (LogRecord){
                .file = r->file,
                .log_id = r->log_id,
                .host = r->host,
                .wrong = r->wrong,
                .after_seq = r->seq,
        };
        return LOG_READER_BAD;
}

static void doubt_begin(Doubt *d, const char *line, size_t size)
{
        uint8_t hash[LOG_HASH_SIZE];

        log_hash(line, size, hash);
        log_hash_format(hash, d->hash);
        d->size = size;
        d->is_there = true;
}

/* Does this record say that the line before it is a torn fragment? */
static bool doubt_is_settled(const Doubt *d, const LogLine *l)
{
        size_t size = 0;
        const char *hash = log_line_text(l, LOG_FIELD_TORN_HASH, &size);
        int64_t bytes = 0;

        return log_line_is(l, LOG_EVENT_TORN) && hash && size == LOG_HASH_TEXT_SIZE &&
               memcmp(hash, d->hash, size) == 0 &&
               log_line_number(l, LOG_FIELD_TORN_BYTES, &bytes) == 0 && (size_t)bytes == d->size;
}

int reader_end_doubt(LogReader *r, LogRecord *ret)
{
        r->doubt.is_there = false;
        return reader_bad(r, ret, "a line that is no record");
}

static int load(LogReader *r)
{
        json_error_t error;

        json_decref(r->json);
        r->json = json_read(r->line, r->line_size, JSON_REJECT_DUPLICATES, &error);
        if (r->json)
                return 0;
        return errno == ENOMEM ? -ENOMEM : -EBADMSG;
}

/* Whose log it is, the first record of each segment says. */
static void learn_origin(LogReader *r)
{
        const char *log_id = member_text(r->json, log_fields[LOG_FIELD_LOG].name);
        const char *host = member_text(r->json, log_fields[LOG_FIELD_HOST].name);

        if (log_id)
                (void)snprintf(r->log_id, sizeof(r->log_id), "%s", log_id);
        if (host)
                (void)snprintf(r->host, sizeof(r->host), "%s", host);
}

static void record_fill(const LogReader *r, const LogLine *l, LogRecord *ret)
{
        *ret = (LogRecord){
                .line = r->line,
                .size = r->line_size,
                .head = *l,
                .json = r->json,
                .real_usec = log_record_usec(l, r->json),
                .file = r->file,
                .log_id = r->log_id,
                .host = r->host,
        };
}

/* What a failed disk may have kept behind the last record that was durable: the reserve has those
 * numbers anew. */
static bool is_void(const LogReader *r, const LogLine *l)
{
        const Glance *next = r->i < r->source->segments.n ? &r->glances[r->i + 1] : NULL;

        return next && next->is_known && r->source->segments.items[r->i].first_seq == 0 &&
               l->seq >= next->seq;
}

static int take_record(LogReader *r, const LogLine *l, LogRecord *ret)
{
        const bool is_origin = r->is_first_line;
        int e;

        r->is_first_line = false;
        if (is_void(r, l))
                return NOT_WANTED;
        if (!is_origin && !log_filter_may_fit(&r->filter, l, r->line, r->line_size)) {
                r->seq = l->seq;
                return NOT_WANTED;
        }
        e = load(r);
        if (e == -EBADMSG)
                return reader_bad(r, ret, "a line that begins as a record does and is no JSON");
        if (e < 0)
                return e;
        if (is_origin)
                learn_origin(r);
        r->seq = l->seq;
        if (!log_filter_fits(&r->filter, l, r->json))
                return NOT_WANTED;
        record_fill(r, l, ret);
        return 0;
}

static int take_line(LogReader *r, LogRecord *ret)
{
        LogLine l;
        int e;

        if (log_line_parse(r->line, r->line_size, &l) < 0) {
                if (r->doubt.is_there)
                        return reader_end_doubt(r, ret);
                doubt_begin(&r->doubt, r->line, r->line_size);
                e = NOT_WANTED;
        } else if (r->doubt.is_there && !doubt_is_settled(&r->doubt, &l)) {
                return reader_end_doubt(r, ret);
        } else {
                r->doubt.is_there = false;
                e = take_record(r, &l, ret);
        }
        r->line = NULL;
        return e;
}

int reader_read_stream(LogReader *r, LogStream *stream, LogRecord *ret)
{
        int e;

        for (;;) {
                if (!r->line) {
                        e = log_stream_line(stream, &r->line, &r->line_size);
                        if (e != 1) {
                                r->line = NULL;
                                return e == 0 ? NOT_WANTED : e;
                        }
                }
                e = take_line(r, ret);
                if (e != NOT_WANTED)
                        return e;
        }
}
