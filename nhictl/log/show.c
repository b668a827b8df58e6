/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log show: one record in full, the signature behind it, and what others wrote about it. */

#include "nhictl/log/cited.h"
#include "nhictl/log/join.h"
#include "nhictl/log/options.h"
#include "nhictl/log/plain.h"
#include "nhictl/log/print.h"
#include "nhictl/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

typedef struct ShowOptions {
        const char *dir, *journal;
        ArgList keys;
} ShowOptions;

static const Option show_options[] = {
        { "dir", 0, OPTION_STRING, offsetof(ShowOptions, dir), "DIR",
          "another log's files than this host's" },
        { "key", 0, OPTION_LIST, offsetof(ShowOptions, keys), "FILE",
          "a public JWK of the issuer; else those of agentd.conf" },
        { "journal", 0, OPTION_STRING, offsetof(ShowOptions, journal), "DIR",
          "another journal's files; else this host's, but not with --dir" },
        OPTION_END,
};

/* All that is known about a record. */
typedef struct Shown {
        const char *dir;
        LogReader *reader;
        LogRecord record;
        char hash[LOG_HASH_TEXT_SIZE + 1]; /* of its line */
        LogKeys keys;
        Cited cited;
        Join join;
        bool has_join;
} Shown;

static void shown_done(Shown *s)
{
        (void)log_reader_free(s->reader);
        log_keys_done(&s->keys);
        join_done(&s->join);
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static VerbStatus find_record(Shown *s, const char *seq)
{
        LogFilter f = {};
        VerbStatus status;
        int r;

        if (log_filter_parse_seq(seq, &f) < 0 || f.seq_first != f.seq_last)
                return fail(VERB_USAGE, "\"%s\" is no record's number", seq);
        status = log_select_open(s->dir, &f, &s->reader);
        if (status != VERB_OK)
                return status;
        while ((r = log_reader_next(s->reader, &s->record)) == LOG_READER_BAD)
                log_say_bad(s->dir, &s->record);
        if (r == LOG_READER_END)
                return fail(VERB_FAILED, "%s: there is no record %s", s->dir, seq);
        return r < 0 ? fail(VERB_FAILED, "%s: %s", s->dir, strerror(-r)) : VERB_OK;
}

static void hash_line(Shown *s)
{
        uint8_t hash[LOG_HASH_SIZE];

        log_hash(s->record.line, s->record.size, hash);
        log_hash_format(hash, s->hash);
}

static VerbStatus load_keys(Shown *s, const ArgList *files)
{
        int r = files->n == 0 ? log_config_keys(&s->keys) : 0;

        for (size_t i = 0; r == 0 && i < files->n; i++) {
                r = log_keys_add(&s->keys, "", files->items[i]);
                if (r == -EBADMSG)
                        return fail(VERB_USAGE, "%s: not a public Ed25519 JWK (RFC 8037)",
                                    files->items[i]);
                if (r < 0 && r != -ENOMEM)
                        return fail(VERB_USAGE, "%s: %s", files->items[i], strerror(-r));
        }
        return r < 0 ? fail(VERB_FAILED, "out of memory") : VERB_OK;
}

static VerbStatus find_all(Shown *s, const ShowOptions *o)
{
        VerbStatus status = load_keys(s, &o->keys);
        int r;

        if (status != VERB_OK)
                return status;
        hash_line(s);
        r = cited_verify(s->dir, s->record.json, &s->keys, &s->cited);
        s->has_join = o->journal || !o->dir;
        if (r == 0 && s->has_join)
                r = join_find(o->journal, s->record.json, s->record.real_usec, &s->join);
        return r < 0 ? fail(VERB_FAILED, "out of memory") : VERB_OK;
}

/* ---- for people --------------------------------------------------------------------------------
 */

static void print_line(const char *name, const char *text)
{
        char plain[LOG_MEMBER_MAX];

        printf("%-15s %s\n", name, plain_line(plain, sizeof(plain), text));
}

static void print_record(const LogRecord *r, const char *hash)
{
        const json_t *json = r->json;
        const char *name;
        json_t *value;

        printf("%-15s %" PRIu64 " in %s\n", "record", r->head.seq, r->file);
        print_line("hash", hash);
        json_object_foreach((json_t *)(uintptr_t)json, name, value) {
                char text[LOG_MEMBER_MAX], plain_name[64];
                const int f = log_field_find(name, strlen(name));

                if (streq(name, "seq"))
                        continue;
                if (f >= 0)
                        (void)log_member_format(text, json, (LogField)f);
                else
                        (void)snprintf(text, sizeof(text), "%s", json_string_value(value) ?: "?");
                print_line(plain_text(plain_name, sizeof(plain_name), name), text);
        }
}

static void print_cited(const Output *o, const Cited *c, const json_t *record)
{
        static const struct {
                const char *word;
                Shade shade;
        } words[] = {
                [CITED_NONE] = { "none is cited", SHADE_DIM },
                [CITED_GOOD] = { "signature good", SHADE_GOOD },
                [CITED_WRONG] = { "WRONG", SHADE_BAD },
                [CITED_AWAY] = { "not verified", SHADE_WARN },
        };
        char text[1024], plain[1024];

        if (c->state == CITED_GOOD)
                (void)snprintf(text, sizeof(text), " (%s, key %s)%s%s%s", c->issuer, c->kid,
                               c->has_grant ? "; grant " : "",
                               c->has_grant ? member_text(record, "grant") : "",
                               c->has_grant ? " is in it as the record says" : "");
        else
                (void)snprintf(text, sizeof(text), "%s%s", *c->text ? ": " : "", c->text);
        printf("%-15s %s%s%s%s\n", "grant set", shade_begin(o, words[c->state].shade),
               words[c->state].word, shade_end(o), plain_line(plain, sizeof(plain), text));
}

static void print_lines(const char *title, const json_t *lines, size_t n, const char *none)
{
        const json_t *line;
        size_t i;

        if (n == 0)
                printf("%-15s %s\n", title, none);
        else if (n > json_array_size(lines))
                printf("%-15s the first %zu of %zu\n", title, json_array_size(lines), n);
        else
                printf("%-15s %zu\n", title, n);
        json_array_foreach(lines, i, line)
                printf("  %s  %s: %s\n", member_text(line, "time"), member_text(line, "from"),
                       member_text(line, "message"));
}

static void print_join(const Join *j)
{
        if (j->error < 0)
                printf("%-15s cannot be read: %s\n", "journal", strerror(-j->error));
        else
                print_lines("journal", j->journal, j->n_journal,
                            geteuid() == 0 ? "nothing, a minute before and after"
                                           : "nothing that you may read, a minute before and "
                                             "after");
        print_lines("kernel audit", j->audit, j->n_audit, "nothing, a minute before and after");
}

/* ---- for programs ------------------------------------------------------------------------------
 */

static json_t *cited_json(const Cited *c)
{
        static const char *const states[] = {
                [CITED_NONE] = "none",
                [CITED_GOOD] = "good",
                [CITED_WRONG] = "wrong",
                [CITED_AWAY] = "unknown",
        };
        const bool is_good = c->state == CITED_GOOD;

        return json_pack("{s:s, s:s*, s:s*, s:s*, s:b}", "signature", states[c->state], "issuer",
                         is_good ? c->issuer : NULL, "kid", is_good ? c->kid : NULL, "error",
                         *c->text ? c->text : NULL, "has_grant", c->has_grant);
}

static int print_json(const Shown *s)
{
        json_t *document = json_pack("{s:O, s:s, s:s, s:o}", "record", s->record.json, "file",
                                     s->record.file, "hash", s->hash, "set", cited_json(&s->cited));

        if (document && s->has_join &&
            (json_object_set(document, "journal", s->join.journal) < 0 ||
             json_object_set(document, "audit", s->join.audit) < 0)) {
                json_decref(document);
                document = NULL;
        }
        return output_document(document);
}

/* ------------------------------------------------------------------------------------------------
 */

static VerbStatus print_shown(const Shown *s, const Output *out)
{
        static const VerbStatus statuses[] = {
                [CITED_NONE] = VERB_OK,
                [CITED_GOOD] = VERB_OK,
                [CITED_WRONG] = VERB_PROBLEM,
                [CITED_AWAY] = VERB_STALE,
        };

        if (out->json) {
                if (print_json(s) < 0)
                        return VERB_FAILED;
        } else {
                print_record(&s->record, s->hash);
                print_cited(out, &s->cited, s->record.json);
                if (s->has_join)
                        print_join(&s->join);
        }
        return fflush(stdout) == EOF ? VERB_FAILED : statuses[s->cited.state];
}

static VerbStatus show_run(Call *call)
{
        const ShowOptions *o = call->options;
        char own_dir[LOG_DIR_MAX];
        Shown s = { .dir = o->dir ? o->dir : log_config_dir(own_dir) };
        VerbStatus status = find_record(&s, call->operands.items[0]);

        if (status == VERB_OK)
                status = find_all(&s, o);
        if (status == VERB_OK)
                status = print_shown(&s, &call->out);
        shown_done(&s);
        return status;
}

const Verb verb_log_show = {
        .name = "log show",
        .synopsis = "SEQ [--key FILE]... [--dir DIR] [--journal DIR]",
        .help = "show one record in full, and verify the signature behind it\n"
                "The grant set that it cites is verified again: its hash, its signature, and that "
                "the\n"
                "grant is in it with what the record says. Then what the journal and the kernel's\n"
                "audit have of the same unit, session or process, a minute before and after.\n"
                "Exit status: 1 where something is wrong, 4 where the set or its key is not there.",
        .options = show_options,
        .options_size = sizeof(ShowOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = show_run,
};
