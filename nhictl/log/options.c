/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/options.h"

#include "lib/base/io.h"
#include "nhi-agentd/event.h"
#include "nhictl/log/plain.h"

#include <inttypes.h>
#include <stdio.h>

#define EVENT_LIST_ITEM(name, text, id, priority) " " text
static const char event_list[] = EVENTS(EVENT_LIST_ITEM);
#undef EVENT_LIST_ITEM

/* A whole word of the list. */
static bool is_event_name(const char *name)
{
        const size_t size = strlen(name);

        if (size == 0 || strchr(name, ' '))
                return false;
        for (const char *p = strstr(event_list, name); p; p = strstr(p + 1, name))
                if (p[-1] == ' ' && (p[size] == ' ' || p[size] == '\0'))
                        return true;
        return false;
}

static VerbStatus check_words(const LogSelect *s)
{
        if (s->verdict && !streq(s->verdict, "allow") && !streq(s->verdict, "deny"))
                return fail(VERB_USAGE, "--verdict is allow or deny, not \"%s\"", s->verdict);
        for (size_t i = 0; i < s->events.n; i++)
                if (!is_event_name(s->events.items[i]))
                        return fail(VERB_USAGE, "there is no event \"%s\"; there are:%s",
                                    s->events.items[i], event_list);
        return VERB_OK;
}

VerbStatus log_select_filter(const LogSelect *s, LogFilter *ret)
{
        LogFilter f = {
                .account = s->account,
                .grant = s->grant,
                .verdict = s->verdict,
                .service = s->service,
                .actor = s->actor,
                .events = s->events,
                .since_usec = s->since_sec * (int64_t)USEC_PER_SEC,
                .until_usec = s->until_sec * (int64_t)USEC_PER_SEC,
        };

        if (check_words(s) != VERB_OK)
                return VERB_USAGE;
        if (s->seq && log_filter_parse_seq(s->seq, &f) < 0)
                return fail(VERB_USAGE, "--seq is A, A..B, A.. or ..B, not \"%s\"", s->seq);
        *ret = f;
        return VERB_OK;
}

const char *log_select_dir(const LogSelect *s, char ret[static LOG_DIR_MAX])
{
        return s->dir ? s->dir : log_config_dir(ret);
}

VerbStatus log_select_open(const char *dir, const LogFilter *f, LogReader **ret)
{
        LogReader *reader = NULL;
        const int r = log_reader_open(dir, f, &reader);

        if (r == -EACCES || r == -EPERM)
                return fail(VERB_FAILED,
                            "%s is for root and members of group nhi-audit; your own denials: "
                            "nhictl why",
                            dir);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", dir, strerror(-r));
        if (log_reader_is_empty(reader)) {
                (void)log_reader_free(reader);
                return fail(VERB_FAILED, "%s: no decision log is there", dir);
        }
        *ret = reader;
        return VERB_OK;
}

void log_say_bad(const char *dir, const LogRecord *bad)
{
        char wrong[256];

        (void)plain_line(wrong, sizeof(wrong), bad->wrong);
        if (bad->after_seq > 0)
                say("%s/%s: after record %" PRIu64 ": %s", dir, bad->file, bad->after_seq, wrong);
        else
                say("%s/%s: %s", dir, bad->file, wrong);
}
