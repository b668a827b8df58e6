/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/verify-show.h"

#include "nhictl/when.h"

#include <inttypes.h>
#include <stdio.h>

#define LABEL "%-12s"

bool verify_is_whole(const VerifyResult *v)
{
        return v->report.n_records > 0 && v->report.n_problems == 0 && v->heads->n_bad == 0;
}

bool verify_is_proven(const VerifyResult *v)
{
        return verify_is_whole(v) && v->report.n_heads > 0;
}

static char *at(char ret[static WHEN_TIME_SIZE], int64_t usec)
{
        return when_format_time(ret, usec / 1000000);
}

static size_t n_shown(const VerifyReport *r)
{
        return r->n_problems < VERIFY_PROBLEMS_MAX ? r->n_problems : VERIFY_PROBLEMS_MAX;
}

/* ---- what was not checked (Y3) -----------------------------------------------------------------
 */

static _printf_(2, 3) void note(json_t *list, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)json_array_append_new(list, json_vsprintf(format, ap));
        va_end(ap);
}

static void note_tail(json_t *list, const VerifyResult *v)
{
        const VerifyReport *r = &v->report;

        if (r->n_records == 0)
                note(list, "anything: there is no record");
        else if (r->n_heads == 0)
                note(list,
                     "that nothing behind record %" PRIu64
                     " was cut off, and that the log was not made anew as a whole: no head of it "
                     "that can be believed is known%s",
                     r->last_seq, v->is_own ? "" : " (--head)");
        else if (r->head_seq < r->last_seq)
                note(list,
                     "that nothing behind record %" PRIu64 " was cut off, and what stands behind "
                     "record %" PRIu64 ", the last that a head knows",
                     r->last_seq, r->head_seq);
        if (r->rest_size > 0)
                note(list,
                     "%zu bytes behind record %" PRIu64 ": being written, torn by a crash, or cut",
                     r->rest_size, r->last_seq);
        if (r->n_void > 0)
                note(list,
                     "%" PRIu64 " lines that were never synced: the reserve's records stand in "
                     "their place",
                     r->n_void);
}

static json_t *list_notes(const VerifyResult *v)
{
        const VerifyReport *r = &v->report;
        json_t *list = json_array();

        if (r->first_seq > 1)
                note(list, "records before %" PRIu64 "%s", r->first_seq,
                     r->pruned_by > 0 ? ": they were pruned" : "");
        note_tail(list, v);
        if (r->n_heads_before > 0)
                note(list, "%" PRIu64 " heads of records that were pruned", r->n_heads_before);
        if (r->n_damaged > 0)
                note(list,
                     "what stands in %" PRIu64 " file%s that the agent put aside, such as %s: "
                     "records of theirs may be missing here",
                     r->n_damaged, r->n_damaged == 1 ? "" : "s", r->damaged);
        if (v->heads->n_unchecked > 0)
                note(list, "who signed %zu heads: not a key that is known here (--key)",
                     v->heads->n_unchecked);
        return list;
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *list_problems(const VerifyReport *r)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_shown(r); i++) {
                const VerifyProblem *p = &r->problems[i];

                (void)json_array_append_new(list, json_pack("{s:s, s:s*, s:I, s:I, s:s}", "code",
                                                            verify_code_text(p->code), "file",
                                                            *p->file ? p->file : NULL, "line",
                                                            (json_int_t)p->line, "seq",
                                                            (json_int_t)p->seq, "detail", p->text));
        }
        return list;
}

static json_t *list_changes(const VerifyReport *r)
{
        json_t *list = json_array();

        for (size_t i = 0; i < r->n_changes; i++)
                (void)json_array_append_new(
                        list, json_pack("{s:I, s:s}", "seq", (json_int_t)r->changes[i].seq,
                                        r->changes[i].what, r->changes[i].value));
        return list;
}

static json_t *heads_json(const VerifyResult *v)
{
        const VerifyReport *r = &v->report;
        const LogHeads *h = v->heads;
        char when[WHEN_TIME_SIZE];

        return json_pack("{s:I, s:I, s:s*, s:s*, s:I, s:s*, s:I, s:I, s:I, s:s*}", "agree",
                         (json_int_t)r->n_heads, "seq", (json_int_t)r->head_seq, "time",
                         r->head_usec != 0 ? at(when, r->head_usec) : NULL, "from", r->head_from,
                         "not_believed", (json_int_t)r->n_heads_weak, "not_believed_from",
                         r->weak_from, "pruned", (json_int_t)r->n_heads_before, "unsigned",
                         (json_int_t)h->n_unchecked, "bad", (json_int_t)h->n_bad, "bad_detail",
                         h->n_bad > 0 ? h->bad : NULL);
}

static json_t *document(const VerifyResult *v)
{
        const VerifyReport *r = &v->report;
        char first[WHEN_TIME_SIZE], last[WHEN_TIME_SIZE];

        return json_pack(
                "{s:b, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I,"
                " s:o, s:o, s:o, s:I, s:o}",
                "whole", verify_is_whole(v), "proven", verify_is_proven(v), "dir", v->dir, "log",
                r->log_id, "host", r->host, "key", r->key, "files", (json_int_t)r->n_files,
                "records", (json_int_t)r->n_records, "bytes", (json_int_t)r->n_bytes, "first_seq",
                (json_int_t)r->first_seq, "last_seq", (json_int_t)r->last_seq, "first_time",
                at(first, r->first_usec), "last_time", at(last, r->last_usec), "pruned_by",
                (json_int_t)r->pruned_by, "torn", (json_int_t)r->n_torn, "put_aside",
                (json_int_t)r->n_damaged, "heads", heads_json(v), "changes", list_changes(r),
                "not_proven", list_notes(v), "n_problems", (json_int_t)r->n_problems, "problems",
                list_problems(r));
}

/* ---- text --------------------------------------------------------------------------------------
 */

/* What stands in a damaged log may be anything. */
static void print_plain(const char *text)
{
        for (; *text; text++)
                (void)fputc(*text >= ' ' && *text <= '~' ? *text : '?', stdout);
}

static void line(const Output *o, Shade shade, const char *label, const char *text)
{
        printf(LABEL "%s", label, shade_begin(o, shade));
        print_plain(text);
        printf("%s\n", shade_end(o));
}

static _printf_(4, 5) void say_line(const Output *o, Shade shade, const char *label,
                                    const char *format, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        line(o, shade, label, text);
}

static void print_log(const Output *o, const VerifyResult *v)
{
        const VerifyReport *r = &v->report;
        char first[WHEN_TIME_SIZE], last[WHEN_TIME_SIZE];

        say_line(o, SHADE_PLAIN, "log", "%s: %s of %s", v->dir, *r->log_id ? r->log_id : "?",
                 *r->host ? r->host : "?");
        if (r->n_records > 0)
                say_line(o, SHADE_PLAIN, "records",
                         "%" PRIu64 " to %" PRIu64 ", %s to %s, %" PRIu64 " bytes", r->first_seq,
                         r->last_seq, at(first, r->first_usec), at(last, r->last_usec), r->n_bytes);
        if (r->pruned_by > 0)
                say_line(o, SHADE_PLAIN, "pruned",
                         "what was before record %" PRIu64 ", as record %" PRIu64 " says",
                         r->first_seq, r->pruned_by);
        if (r->n_torn > 0)
                say_line(o, SHADE_WARN, "torn",
                         "%" PRIu64
                         " by crashes, or cut by who can write to the log; each is marked",
                         r->n_torn);
        for (size_t i = 0; i < r->n_changes; i++)
                say_line(o, SHADE_WARN, "changed", "%s: %s from record %" PRIu64 " on",
                         r->changes[i].what, r->changes[i].value, r->changes[i].seq);
}

static void print_heads(const Output *o, const VerifyResult *v)
{
        const VerifyReport *r = &v->report;
        char when[WHEN_TIME_SIZE];

        if (r->n_heads > 0)
                say_line(o, SHADE_GOOD, "heads",
                         "%" PRIu64 " agree, the last for record %" PRIu64 "%s%s (%s)", r->n_heads,
                         r->head_seq, r->head_usec != 0 ? ", of " : "",
                         r->head_usec != 0 ? at(when, r->head_usec) : "", r->head_from);
        if (r->n_heads_weak > 0)
                say_line(o, SHADE_WARN, "heads", "%" PRIu64 " agree, but prove nothing: %s (%s)",
                         r->n_heads_weak, "nobody who is known here has signed them", r->weak_from);
        if (v->heads->n_bad > 0)
                say_line(o, SHADE_BAD, "heads", "%zu are none: %s", v->heads->n_bad, v->heads->bad);
}

static void print_problems(const Output *o, const VerifyReport *r)
{
        for (size_t i = 0; i < n_shown(r); i++) {
                const VerifyProblem *p = &r->problems[i];
                char place[96] = "";

                if (*p->file && p->line > 0)
                        (void)snprintf(place, sizeof(place), " %s:%" PRIu64 ":", p->file, p->line);
                say_line(o, SHADE_BAD, i == 0 ? "first bad" : "bad", "record %" PRIu64 ":%s %s: %s",
                         p->seq, place, verify_code_text(p->code), p->text);
        }
        if (r->n_problems > VERIFY_PROBLEMS_MAX)
                say_line(o, SHADE_BAD, "bad", "and %zu more", r->n_problems - VERIFY_PROBLEMS_MAX);
}

static int print_all(const Output *o, const VerifyResult *v)
{
        json_t *notes = list_notes(v), *item;
        size_t i;

        print_log(o, v);
        print_heads(o, v);
        json_array_foreach(notes, i, item)
                line(o, SHADE_WARN, i == 0 ? "not proven" : "", json_string_value(item) ?: "?");
        json_decref(notes);
        print_problems(o, &v->report);
        if (verify_is_proven(v))
                line(o, SHADE_GOOD, "whole", "every record is there and follows the one before it");
        else if (verify_is_whole(v))
                line(o, SHADE_WARN, "unproven",
                     "each record follows the one before it; that none is gone, no head says");
        else
                line(o, SHADE_BAD, "NOT whole",
                     v->report.n_records == 0 ? "there is no record"
                     : v->report.n_problems > 0
                             ? "keep a copy of the log as it is, and of its heads"
                             : "a head cannot be believed");
        return fflush(stdout) == EOF ? -EIO : 0;
}

int verify_show(const Output *o, const VerifyResult *v)
{
        return o->json ? output_document(document(v)) : print_all(o, v);
}
