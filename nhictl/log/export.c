/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log export: the records in formats that other programs read. */

#include "nhictl/log/export.h"

#include "lib/base/io.h"
#include "nhi-agentd/event.h"
#include "nhictl/log/options.h"
#include "nhictl/reply.h"

typedef struct ExportOptions {
        LogSelect select;
        const char *format;
} ExportOptions;

static const Option export_options[] = {
        { "format", 0, OPTION_STRING, offsetof(ExportOptions, format), "F", "ocsf, cef or csv" },
        LOG_SELECT_OPTIONS(ExportOptions, select),
        OPTION_END,
};

int log_event_priority(const json_t *json)
{
        static const EventRow events[EVENT_N] = { EVENTS(EVENT_ROW) };
        const char *event = member_text(json, "event");

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (streq_ptr(events[i].name, event))
                        return events[i].priority;
        return 6;
}

char *log_record_hash(const LogRecord *r, char ret[static LOG_HASH_TEXT_SIZE + 1])
{
        uint8_t hash[LOG_HASH_SIZE];

        log_hash(r->line, r->size, hash);
        log_hash_format(hash, ret);
        return ret;
}

static const LogFormat *find_format(const char *name)
{
        static const LogFormat *const formats[] = { &log_format_ocsf, &log_format_cef,
                                                    &log_format_csv };

        for (size_t i = 0; name && i < ELEMENTSOF(formats); i++)
                if (streq(formats[i]->name, name))
                        return formats[i];
        return NULL;
}

/* Every record; *n_bad lines are none, and are named. */
static int export_all(const LogFormat *format, const char *dir, LogReader *reader, uint64_t *n_bad)
{
        LogRecord record;
        int r = format->begin ? format->begin(stdout) : 0;

        while (r == 0 && (r = log_reader_next(reader, &record)) != LOG_READER_END) {
                if (r == LOG_READER_BAD) {
                        log_say_bad(dir, &record);
                        (*n_bad)++;
                        r = 0;
                } else if (r == 0) {
                        r = format->record(stdout, &record);
                }
        }
        if (r < 0)
                return r;
        return fflush(stdout) == EOF ? -EIO : 0;
}

static VerbStatus export_run(Call *call)
{
        const ExportOptions *o = call->options;
        const LogFormat *format = find_format(o->format);
        char own_dir[LOG_DIR_MAX];
        const char *dir = log_select_dir(&o->select, own_dir);
        LogReader *reader = NULL;
        uint64_t n_bad = 0;
        LogFilter f;
        VerbStatus status;
        int r;

        if (!format)
                return fail(VERB_USAGE, "--format is ocsf, cef or csv");
        status = log_select_filter(&o->select, &f);
        if (status == VERB_OK)
                status = log_select_open(dir, &f, &reader);
        if (status != VERB_OK)
                return status;
        r = export_all(format, dir, reader, &n_bad);
        (void)log_reader_free(reader);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", dir, strerror(-r));
        return n_bad > 0 ? VERB_PROBLEM : VERB_OK;
}

const Verb verb_log_export = {
        .name = "log export",
        .synopsis = "--format ocsf|cef|csv [--since T] [--until T] [--account A] ...",
        .help = "write the records in a format that other programs read\n"
                "ocsf: OCSF 1.3.0 (Authentication, Authorize Session, ...), JSON Lines. cef: "
                "Common "
                "Event\n"
                "Format. csv: RFC 4180. nhi-log(5) says what becomes of each member. Without "
                "--since:\n"
                "from the first record on. Exit status 1: there are lines that are no records.",
        .options = export_options,
        .options_size = sizeof(ExportOptions),
        .run = export_run,
};
