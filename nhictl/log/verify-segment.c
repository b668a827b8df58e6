/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Segments: how each begins and ends, and which sets it cites. */

#include "nhictl/log/verify-internal.h"

#include <inttypes.h>
#include <stdio.h>

static bool text_is(const LogLine *l, LogField f, const char *wanted)
{
        size_t size = 0;
        const char *text = log_line_text(l, f, &size);

        return text && size == strlen(wanted) && memcmp(text, wanted, size) == 0;
}

/* The text of a field, as it is encoded; "" where it is not there. */
static void copy_text(const LogLine *l, LogField f, char *ret, size_t capacity)
{
        size_t size = 0;
        const char *text = log_line_text(l, f, &size);

        (void)snprintf(ret, capacity, "%.*s", text ? (int)size : 0, text ? text : "");
}

/* ---- the first record --------------------------------------------------------------------------
 */

static void note_change(Verify *v, const char *what, const LogLine *l, LogField f, char *known,
                        size_t capacity)
{
        VerifyReport *report = v->report;
        VerifyChange *change = &report->changes[report->n_changes];

        if (text_is(l, f, known))
                return;
        copy_text(l, f, known, capacity);
        if (report->n_changes == VERIFY_CHANGES_MAX)
                return;
        *change = (VerifyChange){ .seq = v->chain.seq, .what = what };
        (void)snprintf(change->value, sizeof(change->value), "%s", known);
        report->n_changes++;
}

static void begin_log(Verify *v, const VerifyLine *l)
{
        VerifyReport *report = v->report;
        const bool is_first = v->chain.seq == 1;

        if (l->event != (is_first ? VERIFY_EVENT_CREATED : VERIFY_EVENT_SEGMENT))
                (void)verify_problem(
                        v, VERIFY_SEGMENT, &v->here, v->chain.seq, "the first record of %s",
                        is_first ? "a log must be log-created" : "a segment must be segment");
        copy_text(&l->record, LOG_FIELD_LOG, report->log_id, sizeof(report->log_id));
        copy_text(&l->record, LOG_FIELD_HOST, report->host, sizeof(report->host));
        copy_text(&l->record, LOG_FIELD_KEY, report->key, sizeof(report->key));
}

static void check_before(Verify *v, const VerifyLine *l)
{
        char before[LOG_NAME_SIZE + 1];

        log_name_format(LOG_FILE_CLOSED, v->file_before, before);
        if (v->file_before > 0 && !text_is(&l->record, LOG_FIELD_SEGMENT, before))
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "it names another segment as the one before than %s", before);
}

static void begin_segment(Verify *v, const VerifyLine *l)
{
        VerifyReport *report = v->report;

        if (l->event != VERIFY_EVENT_SEGMENT) {
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "the first record of a segment must be segment");
                return;
        }
        check_before(v, l);
        if (!text_is(&l->record, LOG_FIELD_LOG, report->log_id))
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "the segment is of another log than %s", report->log_id);
        note_change(v, "host", &l->record, LOG_FIELD_HOST, report->host, sizeof(report->host));
        note_change(v, "key", &l->record, LOG_FIELD_KEY, report->key, sizeof(report->key));
}

static void check_first(Verify *v, const VerifyLine *l)
{
        int64_t format = 0;

        /* Its first line was no record, which has been said. */
        if (v->n_file_lines > 1)
                return;
        v->file_seq = v->chain.seq;
        if (v->name_seq > 0 && v->name_seq != v->chain.seq)
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "the file's name says that its first record is %" PRIu64,
                                     v->name_seq);
        if (v->report->log_id[0] == '\0')
                begin_log(v, l);
        else
                begin_segment(v, l);
        if (log_line_number(&l->record, LOG_FIELD_FORMAT, &format) < 0 || format != LOG_FORMAT)
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "its format is not %d", LOG_FORMAT);
}

/* ---- the others --------------------------------------------------------------------------------
 */

static void add_set(Verify *v, const char *text, uint8_t met)
{
        uint8_t hash[LOG_HASH_SIZE];

        if (log_hash_parse(text, LOG_HASH_TEXT_SIZE, hash) == 0 &&
            verify_sets_add(&v->sets, hash, met) < 0)
                v->error = -ENOMEM;
}

/* ["HASH","HASH"]: a list that is no such one leaves sets out, which then shows. */
static void add_listed(Verify *v, const LogLine *l)
{
        static const char name[] = "\"sets\":[";
        const char *end = l->body + l->body_size, *p;

        p = memmem(l->body, l->body_size, name, sizeof(name) - 1);
        if (!p)
                return;
        for (p += sizeof(name) - 1; (size_t)(end - p) > LOG_HASH_TEXT_SIZE + 2 && *p == '"';) {
                add_set(v, p + 1, VERIFY_SET_LISTED);
                p += LOG_HASH_TEXT_SIZE + 2;
                if (*p == ',')
                        p++;
        }
}

static void note_pruned(Verify *v, const LogLine *l)
{
        int64_t last = 0;

        if (v->report->pruned_by == 0 && log_line_number(l, LOG_FIELD_LAST, &last) == 0 &&
            last > 0 && (uint64_t)last + 1 == v->begin_seq)
                v->report->pruned_by = l->seq;
}

void verify_segment_record(Verify *v, const VerifyLine *l)
{
        if (v->n_file_records++ == 0)
                check_first(v, l);
        else if (l->event == VERIFY_EVENT_CREATED || l->event == VERIFY_EVENT_SEGMENT)
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->chain.seq,
                                     "a segment begins where none may");
        v->is_ended = l->event == VERIFY_EVENT_SEGMENT_END;
        if (l->set && memcmp(l->set, v->last_set, LOG_HASH_TEXT_SIZE) != 0) {
                memcpy(v->last_set, l->set, LOG_HASH_TEXT_SIZE);
                add_set(v, l->set, VERIFY_SET_CITED);
        }
        if (v->is_ended)
                add_listed(v, &l->record);
        if (l->event == VERIFY_EVENT_PRUNED)
                note_pruned(v, &l->record);
}

/* ---- files -------------------------------------------------------------------------------------
 */

void verify_file_begin(Verify *v, const char *name, const LogSegment *segment, uint64_t void_from)
{
        if (v->n_file_lines > 0 || v->name_seq > 0)
                v->file_before = v->file_seq;
        v->file_seq = segment->first_seq;
        (void)snprintf(v->here.file, sizeof(v->here.file), "%s", name);
        v->here.line = 0;
        v->kind = segment->kind;
        v->name_seq = segment->first_seq;
        v->void_from = void_from;
        v->n_file_lines = v->n_file_records = 0;
        v->is_void = v->is_ended = v->is_torn_next = false;
        memset(v->last_set, 0, sizeof(v->last_set));
        verify_sets_clear(&v->sets);
        v->report->n_files++;
}

static void check_sets(Verify *v)
{
        const size_t n = v->is_ended ? verify_sets_odd(&v->sets) : 0;

        if (n > 0)
                (void)verify_problem(v, VERIFY_SETS, &v->last, v->chain.seq,
                                     "%zu set%s cited or listed, but not both", n,
                                     n == 1 ? " is" : "s are");
}

/* Only what is still being written may end in something else than a record. */
void verify_file_end(Verify *v, size_t rest_size)
{
        v->here.line++;
        if (v->name_seq > 0 && rest_size > 0)
                (void)verify_problem(v, VERIFY_NO_RECORD, &v->here, verify_expected(v),
                                     "%zu bytes that are no record end the segment", rest_size);
        else if (rest_size > 0 && v->void_from == 0)
                v->report->rest_size += rest_size;
        if (v->name_seq > 0 && v->n_file_lines == 0 && rest_size == 0)
                (void)verify_problem(v, VERIFY_SEGMENT, &v->here, v->name_seq,
                                     "the segment is empty");
        check_sets(v);
        if (v->name_seq > 0 && (rest_size > 0 || v->n_file_lines == 0))
                verify_lose(v);
}

void verify_file_unread(Verify *v, int r)
{
        v->here.line++;
        (void)verify_problem(
                v, VERIFY_FILE, &v->here,
                v->n_file_lines == 0 && v->name_seq > 0 ? v->name_seq : verify_expected(v), "%s",
                r == -EBADMSG  ? "what was compressed is damaged or cut off"
                : r == -EFBIG  ? "it has more in it than any segment may have"
                : r == -ENOENT ? "it was removed while this ran; verify again"
                : r == -EPERM  ? "it is no regular file"
                               : strerror(-r));
        verify_lose(v);
}
