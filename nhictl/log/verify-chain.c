/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does each record follow the one before? A hash that does not fit tells of one record by the next
 * one, so what is named is the line that the fewest changes explain. */

#include "nhictl/log/verify-internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const char *verify_code_text(VerifyCode code)
{
        static const char *const texts[] = {
#define VERIFY_CODE_TEXT(name, text, meaning) [VERIFY_##name] = text,
                VERIFY_CODES(VERIFY_CODE_TEXT)
#undef VERIFY_CODE_TEXT
        };

        return texts[code];
}

VerifyProblem *verify_problem(Verify *v, VerifyCode code, const VerifyPlace *place, uint64_t seq,
                              const char *format, ...)
{
        static VerifyProblem nowhere;
        VerifyReport *report = v->report;
        VerifyProblem *p = &nowhere;
        va_list ap;

        if (report->n_problems < VERIFY_PROBLEMS_MAX)
                p = &report->problems[report->n_problems];
        report->n_problems++;
        *p = (VerifyProblem){ .code = code, .seq = seq };
        if (place) {
                memcpy(p->file, place->file, sizeof(p->file));
                p->line = place->line;
        }
        va_start(ap, format);
        (void)vsnprintf(p->text, sizeof(p->text), format, ap);
        va_end(ap);
        return p;
}

uint64_t verify_expected(const Verify *v)
{
        const uint64_t n_before = v->here.line > 0 ? v->here.line - 1 : 0;

        if (v->has_begun)
                return v->chain.seq + 1;
        return (v->name_seq > 0 ? v->name_seq : 1) + n_before;
}

void verify_lose(Verify *v)
{
        if (!v->has_begun && v->begin_seq == 0)
                v->begin_seq = verify_expected(v);
        v->is_lost = v->has_begun;
        v->suspect = 0;
}

/* ---- the chain ---------------------------------------------------------------------------------
 */

/* The first record of what is left of the log: the one before is taken at its word. */
static void begin(Verify *v, const VerifyLine *l)
{
        static const uint8_t zeros[LOG_HASH_SIZE];

        v->has_begun = true;
        v->begin_seq = v->begin_seq > 0 ? v->begin_seq : l->record.seq;
        v->first = v->here;
        v->report->first_seq = l->record.seq;
        v->report->first_usec = l->record.real_usec;
        v->chain.seq = l->record.seq - 1;
        memcpy(v->chain.hash, l->record.prev, LOG_HASH_SIZE);
        if (l->record.seq == 1 && memcmp(l->record.prev, zeros, sizeof(zeros)) != 0)
                (void)verify_problem(v, VERIFY_CHANGED, &v->here, 1,
                                     "the first record of all has another prev than 64 zeros");
}

/* The record before has another hash than this one says: one of the two was changed. Where this
 * one's own hash does not fit the next one either, it was this. */
static void blame(Verify *v)
{
        VerifyReport *report = v->report;

        if (v->is_blamed)
                return;
        if (v->suspect > 0) {
                VerifyProblem *p = &report->problems[v->suspect - 1];

                memcpy(p->file, v->last.file, sizeof(p->file));
                p->line = v->last.line;
                p->seq = v->chain.seq;
                (void)snprintf(p->text, sizeof(p->text),
                               "neither does its prev fit the record before, nor its hash the "
                               "record behind it: its line was changed, and maybe record %" PRIu64,
                               v->chain.seq - 1);
                v->suspect = 0;
                return;
        }
        (void)verify_problem(v, VERIFY_CHANGED, &v->last, v->chain.seq,
                             "its hash is not the prev of record %" PRIu64 ": its line was changed",
                             v->chain.seq + 1);
        v->suspect = report->n_problems <= VERIFY_PROBLEMS_MAX ? report->n_problems : 0;
}

static void check_sequence(Verify *v, const VerifyLine *l, bool follows)
{
        const uint64_t expected = v->chain.seq + 1, seq = l->record.seq;
        const bool at_border = v->n_file_lines == 1;

        if (follows) {
                (void)verify_problem(v, VERIFY_CHANGED, &v->here, expected,
                                     "it says that it is record %" PRIu64, seq);
                v->chain.seq = expected;
                v->is_blamed = true;
                return;
        }
        if (seq <= v->chain.seq)
                (void)verify_problem(v, VERIFY_ORDER, &v->here, seq,
                                     "record %" PRIu64 " stands behind record %" PRIu64
                                     ": it is there twice, or not in its place",
                                     seq, v->chain.seq);
        else if (seq == expected + 1)
                (void)verify_problem(v, VERIFY_MISSING, &v->here, expected,
                                     "it is missing%s: record %" PRIu64 " stands there",
                                     at_border ? ", and with it its segment" : "", seq);
        else
                (void)verify_problem(v, VERIFY_MISSING, &v->here, expected,
                                     "records %" PRIu64 " to %" PRIu64
                                     " are missing%s: record %" PRIu64 " stands there",
                                     expected, seq - 1, at_border ? ", a segment or more" : "",
                                     seq);
        v->chain.seq = seq;
        v->is_blamed = false;
}

/* v->chain.seq becomes this record's. */
static void check_chain(Verify *v, const VerifyLine *l)
{
        const bool follows = memcmp(l->record.prev, v->chain.hash, LOG_HASH_SIZE) == 0;

        if (v->is_lost && l->record.seq > v->chain.seq) {
                /* How many records that line had been cannot be known. */
                v->chain.seq = l->record.seq;
                v->is_blamed = false;
        } else if (l->record.seq != v->chain.seq + 1) {
                v->suspect = 0;
                check_sequence(v, l, follows && !v->is_lost);
        } else {
                if (follows)
                        v->suspect = 0;
                else
                        blame(v);
                v->is_blamed = false;
                v->chain.seq++;
        }
        v->is_lost = false;
}

/* ---- torn fragments ----------------------------------------------------------------------------
 */

static bool names_fragment(const VerifyLine *torn, const VerifyLine *fragment)
{
        char hash[LOG_HASH_TEXT_SIZE + 1];
        const char *text;
        size_t size = 0;
        int64_t n = 0;

        text = log_line_text(&torn->record, LOG_FIELD_TORN_HASH, &size);
        log_hash_format(fragment->hash, hash);
        return text && size == LOG_HASH_TEXT_SIZE && memcmp(text, hash, size) == 0 &&
               log_line_number(&torn->record, LOG_FIELD_TORN_BYTES, &n) == 0 && n > 0 &&
               (uint64_t)n == fragment->size && fragment->size <= LOG_TORN_MAX;
}

/* A fragment may be a whole record that was never synced, but for its newline: then log-torn has
 * its place in the chain. */
static bool is_fragment(const Verify *v, const VerifyLine *l, const VerifyLine *next)
{
        if (v->is_torn_next || v->n_file_records == 0 || !next || !next->is_record ||
            next->event != VERIFY_EVENT_TORN || !names_fragment(next, l))
                return false;
        return !l->is_record || log_chain_check(&v->chain, &next->record) == LOG_FOLLOWS;
}

static void judge_no_record(Verify *v, const VerifyLine *l, const VerifyLine *next)
{
        if (next && next->is_record && next->event == VERIFY_EVENT_TORN) {
                (void)verify_problem(v, VERIFY_TORN, &v->here, next->record.seq,
                                     "log-torn tells of another fragment than the one before it");
                v->is_torn_next = true;
                return;
        }
        (void)verify_problem(v, VERIFY_NO_RECORD, &v->here, verify_expected(v),
                             "the line of %zu bytes that stands there is no record", l->size);
        verify_lose(v);
}

/* ---- records -----------------------------------------------------------------------------------
 */

/* What the reserve has from its first record on was answered upon; what stands here in its place
 * never was. */
static bool is_replaced(const Verify *v, const VerifyLine *l)
{
        return v->kind == LOG_FILE_ACTIVE && v->void_from > 0 && l->is_record &&
               l->record.seq >= v->void_from;
}

static void judge_record(Verify *v, const VerifyLine *l)
{
        if (!v->has_begun)
                begin(v, l);
        check_chain(v, l);
        if (l->event == VERIFY_EVENT_TORN && !v->is_torn_next)
                (void)verify_problem(v, VERIFY_TORN, &v->here, v->chain.seq,
                                     "no torn fragment stands before it");
        v->is_torn_next = false;
        memcpy(v->chain.hash, l->hash, LOG_HASH_SIZE);
        v->report->n_records++;
        v->report->last_seq = v->chain.seq;
        v->report->last_usec = l->record.real_usec;
        verify_segment_record(v, l);
        verify_heads_record(v, l);
        v->last = v->here;
}

void verify_judge(Verify *v, const VerifyLine *l, const VerifyLine *next)
{
        v->here.line++;
        v->n_file_lines++;
        v->report->n_bytes += l->size + 1;
        v->is_void = v->is_void || is_replaced(v, l);
        if (v->is_void)
                v->report->n_void++;
        else if (is_fragment(v, l, next)) {
                v->is_torn_next = true;
                v->report->n_torn++;
        } else if (!l->is_record)
                judge_no_record(v, l, next);
        else
                judge_record(v, l);
}
