/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log-event.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/event.h"
#include "nhictl/when.h"

#include <stdio.h>

typedef enum LogColumn {
        LOG_TIME,
        LOG_EVENT,
        LOG_VERDICT,
        LOG_ACCOUNT,
        LOG_CLASS,
        LOG_REASON,
        LOG_GRANT,
        LOG_OWNER,
        LOG_WHY,
} LogColumn;

const char *const log_headings[LOG_COLUMNS + 1] = {
        "TIME", "EVENT", "VERDICT", "ACCOUNT", "CLASS", "REASON", "GRANT", "OWNER", "WHY", NULL,
};

/* What an entry can carry (nhi-agentd/event.h), in the order in which --json says it. */
static const struct LogField {
        const char *field, *name;
        bool is_number;
} log_fields[] = {
        { "NHI_EVENT", "event", false },
        { "NHI_VERDICT", "verdict", false },
        { "NHI_REASON", "reason", false },
        { "NHI_ACCOUNT", "account", false },
        { "NHI_UID", "uid", true },
        { "NHI_KIND", "kind", false },
        { "NHI_CLASS", "class", false },
        { "NHI_SERVICE", "service", false },
        { "NHI_PHASE", "phase", false },
        { "NHI_TARGET", "target", false },
        { "NHI_TARGET_GROUP", "target_group", false },
        { "NHI_COMMAND", "command", false },
        { "NHI_MODE", "mode", false },
        { "NHI_GRANT", "grant", false },
        { "NHI_SUBJECT", "sub", false },
        { "NHI_ACTOR", "act", false },
        { "NHI_OWNER", "owner", false },
        { "NHI_WHY", "why", false },
        { "NHI_TICKET", "ticket", false },
        { "NHI_ISSUED_BY", "issued_by", false },
        { "NHI_SET", "set", false },
        { "NHI_UNTIL", "until", true },
        { "NHI_RHOST", "rhost", false },
        { "NHI_TTY", "tty", false },
        { "NHI_RUSER", "ruser", false },
        { "NHI_PID", "pid", true },
        { "NHI_UNIT", "unit", false },
        { "NHI_INVOCATION", "invocation", false },
        { "NHI_AUDIT_SESSION", "audit_session", true },
        { "NHI_LOGINUID", "loginuid", true },
        { "NHI_SESSION", "session", false },
        { "NHI_SCOPE", "scope", false },
        { "NHI_CODE", "code", false },
        { "NHI_DETAIL", "detail", false },
        { "NHI_TOOK_USEC", "took_usec", true },
        { "NHI_SURVIVORS", "survivors", true },
        { "NHI_DECISION", "decision", true },
        { "NHI_COUNT", "count", true },
        { "NHI_FIRST", "first", true },
        { "NHI_LAST", "last", true },
        { "NHI_JOURNAL_DROPPED", "journal_dropped", true },
        { "MESSAGE", "message", false },
};

static const struct {
        const char *name, *id;
} log_events[] = {
#define LOG_EVENT_ROW(name, text, id, priority) { text, id },
        EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
};

const char *const log_message_ids[] = {
#define LOG_EVENT_ID(name, text, id, priority) id,
        EVENTS(LOG_EVENT_ID)
#undef LOG_EVENT_ID
                NULL,
};

const char *log_message_id(const char *event)
{
        for (size_t i = 0; i < ELEMENTSOF(log_events); i++)
                if (streq(log_events[i].name, event))
                        return log_events[i].id;
        return NULL;
}

/* The first of these fields that is there. */
static void cell_first(LogGetter get, void *userdata, const char *const *fields,
                       char ret[static LOG_TEXT_MAX])
{
        ret[0] = '\0';
        for (; *fields; fields++)
                if (get(userdata, *fields, ret, LOG_TEXT_MAX) && *ret)
                        return;
        ret[0] = '\0';
}

/* "sudo as postgres" */
static void cell_class(LogGetter get, void *userdata, char ret[static LOG_TEXT_MAX])
{
        char class[64], target[256];

        ret[0] = '\0';
        if (!get(userdata, "NHI_CLASS", class, sizeof(class)))
                return;
        if (get(userdata, "NHI_TARGET", target, sizeof(target)) && *target)
                (void)snprintf(ret, LOG_TEXT_MAX, "%s as %s", class, target);
        else
                (void)snprintf(ret, LOG_TEXT_MAX, "%s", class);
}

void log_row_read(LogGetter get, void *userdata, int64_t time_usec, LogRow *ret)
{
        static const char *const single[LOG_COLUMNS][4] = {
                [LOG_EVENT] = { "NHI_EVENT" },
                [LOG_VERDICT] = { "NHI_VERDICT" },
                [LOG_ACCOUNT] = { "NHI_ACCOUNT" },
                [LOG_REASON] = { "NHI_REASON", "NHI_CODE" },
                [LOG_GRANT] = { "NHI_GRANT" },
                [LOG_OWNER] = { "NHI_OWNER" },
                [LOG_WHY] = { "NHI_WHY", "NHI_DETAIL", "MESSAGE" },
        };
        char when[WHEN_TIME_SIZE];

        ret->time_usec = time_usec;
        for (size_t i = 0; i < LOG_COLUMNS; i++)
                cell_first(get, userdata, single[i], ret->cells[i]);
        cell_class(get, userdata, ret->cells[LOG_CLASS]);
        (void)snprintf(ret->cells[LOG_TIME], LOG_TEXT_MAX, "%s",
                       when_format_time(when, time_usec / (int64_t)USEC_PER_SEC));
}

/* A number where the text is one in full, else the text. */
static json_t *value_json(const char *text, bool is_number)
{
        char *end;
        long long number;

        if (!is_number || !*text)
                return json_string(text);
        errno = 0;
        number = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' ? json_integer(number) : json_string(text);
}

json_t *log_json(LogGetter get, void *userdata, int64_t time_usec)
{
        json_t *object = json_pack("{s:I}", "time", (json_int_t)(time_usec / 1000000));
        char text[8 * LOG_TEXT_MAX];

        for (size_t i = 0; object && i < ELEMENTSOF(log_fields); i++) {
                const struct LogField *f = &log_fields[i];
                json_t *value;

                if (!get(userdata, f->field, text, sizeof(text)))
                        continue;
                value = value_json(text, f->is_number);
                /* NULL: the entry holds bytes that are no UTF-8; such a value is left out. */
                if (value && json_object_set_new(object, f->name, value) < 0) {
                        json_decref(object);
                        return NULL;
                }
        }
        return object;
}
