/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log: the journal's account of who got in, who did not, when and why. Only what the agent's
 * own unit logged as uid 0 counts, and what nhictl, as uid 0, says about an enforcement: anybody
 * may log the same fields. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/log-event.h"
#include "nhictl/output.h"
#include "nhictl/verb.h"

#include <stdio.h>
#include <systemd/sd-journal.h>

#define AGENT_UNIT        "nhi-agentd.service"
#define LOG_SINCE_DEFAULT (24 * 3600)

typedef struct LogOptions {
        const char *account, *grant;
        int64_t since_sec;
        bool follow, would_deny;
} LogOptions;

static const Option log_options[] = {
        { "follow", 'f', OPTION_FLAG, offsetof(LogOptions, follow), NULL,
          "go on with what happens, one line each" },
        { "account", 0, OPTION_STRING, offsetof(LogOptions, account), "A", "of one account" },
        { "grant", 0, OPTION_STRING, offsetof(LogOptions, grant), "ID", "of one grant" },
        { "since", 0, OPTION_SINCE, offsetof(LogOptions, since_sec), "T",
          "from this time or so long ago (1d)" },
        { "would-deny", 0, OPTION_FLAG, offsetof(LogOptions, would_deny), NULL,
          "only what gates in observe mode would have denied" },
        OPTION_END,
};

/* Where rows go. */
typedef struct Log {
        const Call *call;
        sd_journal *journal;
        Table *table;  /* at the end */
        json_t *array; /* at the end, with --json */
        size_t n_shown;
} Log;

static bool journal_get(void *userdata, const char *field, char *ret, size_t size)
{
        const void *data;
        size_t n, skip = strlen(field) + 1;

        if (sd_journal_get_data(userdata, field, &data, &n) < 0 || n < skip)
                return false;
        n -= skip;
        if (n >= size)
                n = size - 1;
        memcpy(ret, (const char *)data + skip, n);
        ret[n] = '\0';
        return true;
}

static int match(sd_journal *j, const char *field, const char *value)
{
        char text[LOG_TEXT_MAX];

        if (!value)
                return 0;
        if ((size_t)snprintf(text, sizeof(text), "%s=%s", field, value) >= sizeof(text))
                return -ENAMETOOLONG;
        return sd_journal_add_match(j, text, 0);
}

/* Matches on one field are alternatives, on several fields all must hold. */
static int matches_of_agent(sd_journal *j, const LogOptions *o)
{
        int r;

        r = match(j, "_SYSTEMD_UNIT", AGENT_UNIT);
        if (r >= 0)
                r = match(j, "_UID", "0");
        if (r >= 0)
                r = match(j, "NHI_ACCOUNT", o->account);
        if (r >= 0)
                r = match(j, "NHI_GRANT", o->grant);
        if (o->would_deny)
                return r < 0 ? r : match(j, "MESSAGE_ID", log_message_id("would-deny"));
        for (size_t i = 0; r >= 0 && log_message_ids[i]; i++)
                r = match(j, "MESSAGE_ID", log_message_ids[i]);
        return r;
}

/* Those that root's nhictl sends, from whatever unit or session. */
static int matches_of_nhictl(sd_journal *j, const LogOptions *o)
{
        static const char *const names[] = { "enforce-pending", "enforce-confirmed",
                                             "enforce-reverted" };
        int r = match(j, "_UID", "0");

        if (r >= 0)
                r = match(j, "NHI_ACCOUNT", o->account);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++)
                r = match(j, "MESSAGE_ID", log_message_id(names[i]));
        return r;
}

static int matches_add(sd_journal *j, const LogOptions *o)
{
        int r = matches_of_agent(j, o);

        if (r < 0 || o->grant || o->would_deny)
                return r;
        r = sd_journal_add_disjunction(j);
        return r < 0 ? r : matches_of_nhictl(j, o);
}

static Shade row_shade(const LogRow *row)
{
        const char *verdict = row->cells[2];

        if (streq(verdict, "deny"))
                return SHADE_BAD;
        return streq(row->cells[1], "would-deny") ? SHADE_WARN : SHADE_PLAIN;
}

static int row_line(const LogRow *row)
{
        for (size_t i = 0; i < LOG_COLUMNS; i++)
                show("%s%s", i > 0 ? "  " : "", *row->cells[i] ? row->cells[i] : "-");
        return fputc('\n', stdout) == EOF || fflush(stdout) == EOF ? -EIO : 0;
}

static int row_table(Table *t, const LogRow *row)
{
        const char *texts[LOG_COLUMNS];
        int r;

        for (size_t i = 0; i < LOG_COLUMNS; i++)
                texts[i] = row->cells[i];
        r = table_row(t, texts);
        if (r >= 0)
                table_shade(t, -1, row_shade(row));
        return r;
}

static int entry_json(const Log *log, int64_t time_usec)
{
        json_t *entry = log_json(journal_get, log->journal, time_usec);
        int r;

        if (!entry)
                return -ENOMEM;
        if (log->array)
                return json_array_append_new(log->array, entry) < 0 ? -ENOMEM : 0;

        (void)json_object_set_new(entry, "schema", json_integer(OUTPUT_SCHEMA));
        r = json_dumpf(entry, stdout, JSON_COMPACT);
        json_decref(entry);
        return r < 0 || fputc('\n', stdout) == EOF || fflush(stdout) == EOF ? -EIO : 0;
}

static int entry_show(const Log *log)
{
        uint64_t time_usec = 0;
        LogRow row;
        int r;

        r = sd_journal_get_realtime_usec(log->journal, &time_usec);
        if (r < 0)
                return r;
        if (log->call->out.json)
                return entry_json(log, (int64_t)time_usec);

        log_row_read(journal_get, log->journal, (int64_t)time_usec, &row);
        return log->table ? row_table(log->table, &row) : row_line(&row);
}

static int entries_show(Log *log)
{
        int r;

        while ((r = sd_journal_next(log->journal)) > 0) {
                r = entry_show(log);
                if (r < 0)
                        return r;
                log->n_shown++;
        }
        return r;
}

static int entries_follow(Log *log)
{
        int r;

        for (;;) {
                r = entries_show(log);
                if (r < 0)
                        return r;
                r = sd_journal_wait(log->journal, (uint64_t)-1);
                if (r < 0)
                        return r;
        }
}

/* From where: asked, or now when following, or a day ago. */
static int log_seek(const Log *log)
{
        const LogOptions *o = log->call->options;
        int64_t since_sec = o->since_sec ? o->since_sec
                                         : log->call->now_sec - (o->follow ? 0 : LOG_SINCE_DEFAULT);

        return sd_journal_seek_realtime_usec(
                log->journal, (uint64_t)(since_sec > 0 ? since_sec : 0) * USEC_PER_SEC);
}

static int log_all(Log *log)
{
        int r;

        if (log->call->out.json)
                log->array = json_array();
        else {
                r = table_new(&log->call->out, log_headings, &log->table);
                if (r < 0)
                        return r;
        }
        r = entries_show(log);
        if (r < 0)
                return r;
        if (log->array)
                return output_document(json_pack("{s:O}", "events", log->array));
        return table_print(log->table);
}

/* Who may not read the system's journal is shown an empty one: that is said. */
static VerbStatus log_end(const Log *log, int r)
{
        if (r < 0)
                return fail(VERB_FAILED, "the journal cannot be read: %s", strerror(-r));
        if (log->n_shown == 0)
                say("nothing is recorded for that%s",
                    geteuid() == 0 ? ""
                                   : "; the journal is for root and group systemd-journal, "
                                     "your own denials: nhictl why");
        return VERB_OK;
}

static VerbStatus log_run(Call *call)
{
        const LogOptions *options = call->options;
        Log log = { .call = call };
        int r;

        r = sd_journal_open(&log.journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = matches_add(log.journal, options);
        if (r >= 0)
                r = log_seek(&log);
        if (r >= 0)
                r = options->follow ? entries_follow(&log) : log_all(&log);

        sd_journal_close(log.journal);
        (void)table_free(log.table);
        json_decref(log.array);
        return log_end(&log, r);
}

const Verb verb_log = {
        .name = "log",
        .synopsis = "[--follow] [--account A] [--grant ID] [--since T] [--would-deny]",
        .help = "show what the agent recorded: who got in or did not, when and why\n"
                "Also sessions, sets and changes. With --follow --json: one JSON object a line.",
        .options = log_options,
        .options_size = sizeof(LogOptions),
        .run = log_run,
};
