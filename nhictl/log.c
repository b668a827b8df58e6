/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log: the decision log's account of who got in, who did not, when and why. */

#include "lib/base/io.h"
#include "nhictl/log/options.h"
#include "nhictl/log/plain.h"
#include "nhictl/log/print.h"

#include <signal.h>
#include <stdio.h>

#define SINCE_DEFAULT_SEC (24 * 3600)
/* A signal that comes just before the wait is seen after it. */
#define WAIT_USEC USEC_PER_SEC

typedef struct LogVerb {
        LogSelect select;
        bool follow, would_deny;
} LogVerb;

static const Option log_options[] = {
        { "follow", 'f', OPTION_FLAG, offsetof(LogVerb, follow), NULL, "go on with what happens" },
        LOG_SELECT_OPTIONS(LogVerb, select),
        { "would-deny", 0, OPTION_FLAG, offsetof(LogVerb, would_deny), NULL,
          "only what gates in observe mode would have denied" },
        OPTION_END,
};

/* Where records go. */
typedef struct Show {
        const Call *call;
        const char *dir;
        LogReader *reader;
        uint64_t n_shown, n_bad;
        bool raw_is_safe; /* no terminal reads it */
} Show;

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal)
{
        is_interrupted = 1;
}

/* A line as it stands; for a terminal in ASCII, since a line that was written by somebody else than
 * the agent may hold anything. */
static int show_json(const Show *s, const LogRecord *record)
{
        if (s->raw_is_safe)
                return fwrite(record->line, 1, record->size, stdout) == record->size ? 0 : -EIO;
        return plain_json(stdout, record->json);
}

static int show_row(const Show *s, const LogRecord *record)
{
        const Output *out = &s->call->out;
        const Shade shade = log_row_shade(record->json);
        char row[LOG_ROW_MAX];

        if (s->n_shown == 0 && !((const LogVerb *)s->call->options)->follow)
                (void)puts(log_row_headings(row));
        return printf("%s%s%s", shade_begin(out, shade),
                      log_row_format(row, &record->head, record->json), shade_end(out)) < 0
                       ? -EIO
                       : 0;
}

static int show_record(Show *s, const LogRecord *record)
{
        int r = s->call->out.json ? show_json(s, record) : show_row(s, record);

        if (r == 0 && fputc('\n', stdout) == EOF)
                r = -EIO;
        s->n_shown++;
        return r;
}

/* All that is there. */
static int show_all(Show *s)
{
        LogRecord record;
        int r;

        while (!is_interrupted && (r = log_reader_next(s->reader, &record)) != LOG_READER_END) {
                if (r < 0)
                        return r;
                if (r == LOG_READER_BAD) {
                        log_say_bad(s->dir, &record);
                        s->n_bad++;
                        continue;
                }
                r = show_record(s, &record);
                if (r < 0)
                        return r;
        }
        return fflush(stdout) == EOF ? -EIO : 0;
}

/* Until somebody has seen enough. */
static int show_on(Show *s)
{
        struct sigaction action = { .sa_handler = on_interrupt };
        int r;

        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
        while (!is_interrupted) {
                r = show_all(s);
                if (r == 0)
                        r = log_reader_wait(s->reader, WAIT_USEC);
                if (r < 0 && r != -EINTR && !is_interrupted)
                        return r;
        }
        return 0;
}

static VerbStatus log_end(const Show *s, int r)
{
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", s->dir, strerror(-r));
        if (s->n_shown == 0 && s->n_bad == 0)
                say("nothing is recorded for that");
        return s->n_bad > 0 ? VERB_PROBLEM : VERB_OK;
}

/* From where: asked, or now when following, or a day ago; but all of another host's. */
static void set_since(const Call *call, LogFilter *f)
{
        const LogVerb *o = call->options;
        const int64_t before_sec = o->follow ? 0 : SINCE_DEFAULT_SEC;

        if (f->since_usec == 0 && !o->select.seq && (o->follow || !o->select.dir) &&
            (f->until_usec == 0 || o->follow))
                f->since_usec = (call->now_sec - before_sec) * (int64_t)USEC_PER_SEC;
}

static VerbStatus log_run(Call *call)
{
        static const char *would_deny[] = { "would-deny" };
        const LogVerb *o = call->options;
        char own_dir[LOG_DIR_MAX];
        Show s = { .call = call, .raw_is_safe = isatty(STDOUT_FILENO) != 1 };
        LogFilter f;
        VerbStatus status;
        int r;

        status = log_select_filter(&o->select, &f);
        if (status != VERB_OK)
                return status;
        if (o->would_deny)
                f.events = (ArgList){ .items = would_deny, .n = 1 };
        set_since(call, &f);
        s.dir = log_select_dir(&o->select, own_dir);
        status = log_select_open(s.dir, &f, &s.reader);
        if (status != VERB_OK)
                return status;
        r = o->follow ? show_on(&s) : show_all(&s);
        status = log_end(&s, r);
        (void)log_reader_free(s.reader);
        return status;
}

const Verb verb_log = {
        .name = "log",
        .synopsis = "[--follow] [--account A] [--grant ID] [--since T] [--would-deny] ...",
        .help = "show what the agent recorded: who got in or did not, when and why\n"
                "Also sessions, sets and changes. Without --since, --until, --seq or --dir: of the "
                "last day.\n"
                "With --json: the records as they stand, nhi-log(5), one a line. For root and the\n"
                "group nhi-audit; with --dir for who may read the files. Exit status 1: there are\n"
                "lines that are no records.",
        .options = log_options,
        .options_size = sizeof(LogVerb),
        .run = log_run,
};
