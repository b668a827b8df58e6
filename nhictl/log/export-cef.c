/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"
#include "nhictl/log/export.h"
#include "nhictl/log/plain.h"
#include "nhictl/log/print.h"
#include "nhictl/reply.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>

/* Which extension a member becomes. What is not named here becomes nhiName: nhiTargetGroup of
 * target_group. */
static const struct CefKey {
        LogField field;
        const char *key, *label; /* a custom string has a label of its own: cs1Label=grant */
} keys[] = {
        { LOG_FIELD_ACCOUNT, "duser", NULL }, { LOG_FIELD_UID, "duid", NULL },
        { LOG_FIELD_CLASS, "app", NULL },     { LOG_FIELD_SERVICE, "destinationServiceName", NULL },
        { LOG_FIELD_VERDICT, "act", NULL },   { LOG_FIELD_REASON, "reason", NULL },
        { LOG_FIELD_GRANT, "cs1", "grant" },  { LOG_FIELD_SUBJECT, "suser", NULL },
        { LOG_FIELD_ACTOR, "cs5", "actor" },  { LOG_FIELD_OWNER, "cs2", "owner" },
        { LOG_FIELD_WHY, "cs3", "why" },      { LOG_FIELD_TICKET, "cs4", "ticket" },
        { LOG_FIELD_SET, "cs6", "set" },      { LOG_FIELD_PID, "spid", NULL },
        { LOG_FIELD_DETAIL, "msg", NULL },    { LOG_FIELD_COUNT, "cnt", NULL },
};

/* By syslog priority: 0 to 10. */
static int severity(const json_t *json)
{
        static const int by_priority[] = { 10, 10, 9, 8, 6, 4, 2, 1 };

        return by_priority[log_event_priority(json) & 7];
}

/* Backslashes and, in the header, bars or, behind it, equal signs have a backslash before them.
 * Line ends and all other control characters are text by then. */
static int put_value(FILE *f, const char *text, char special)
{
        const char specials[] = { '\\', special, '\0' };
        char plain[LOG_MEMBER_MAX];

        for (const char *p = plain_line(plain, sizeof(plain), text); *p;) {
                const size_t n = strcspn(p, specials);

                if (fwrite(p, 1, n, f) != n)
                        return -EIO;
                p += n;
                if (*p && fprintf(f, "\\%c", *p++) < 0)
                        return -EIO;
        }
        return 0;
}

static int put(FILE *f, const char *key, const char *text)
{
        if (!text || !*text)
                return 0;
        return fprintf(f, " %s=", key) < 0 ? -EIO : put_value(f, text, '=');
}

/* nhiTargetGroup */
static void own_key(LogField field, char ret[static 40])
{
        bool upper = true;
        size_t n = 3;

        memcpy(ret, "nhi", 3);
        for (const char *c = log_fields[field].name; *c && n < 39; c++) {
                if (*c == '_') {
                        upper = true;
                        continue;
                }
                ret[n++] = (char)(upper ? toupper((unsigned char)*c) : *c);
                upper = false;
        }
        ret[n] = '\0';
}

static int put_labelled(FILE *f, const struct CefKey *k, const char *text)
{
        char label[16];
        int r = put(f, k->key, text);

        if (r < 0 || !k->label)
                return r;
        (void)snprintf(label, sizeof(label), "%sLabel", k->key);
        return put(f, label, k->label);
}

/* An address has its own key, by its version. */
static int put_rhost(FILE *f, const char *text)
{
        static const struct CefKey v6 = { LOG_FIELD_RHOST, "c6a2", "Source IPv6 Address" };
        uint8_t address[16];

        if (inet_pton(AF_INET, text, address) == 1)
                return put(f, "src", text);
        return inet_pton(AF_INET6, text, address) == 1 ? put_labelled(f, &v6, text)
                                                       : put(f, "shost", text);
}

/* Of denials. One that is none is left out: 0 would be 1970. */
static int put_time(FILE *f, const char *key, int64_t sec)
{
        return sec > 0 && fprintf(f, " %s=%" PRId64, key, sec * 1000) < 0 ? -EIO : 0;
}

static int put_member(FILE *f, const LogRecord *record, LogField field)
{
        const bool is_denials = streq_ptr(member_text(record->json, "event"), "denials");
        char text[LOG_MEMBER_MAX], key[40];

        if (field == LOG_FIELD_EVENT || field == LOG_FIELD_HOST || field == LOG_FIELD_LOG ||
            *log_member_format(text, record->json, field) == '\0')
                return 0;
        if (field == LOG_FIELD_RHOST)
                return put_rhost(f, text);
        if (is_denials && (field == LOG_FIELD_FIRST || field == LOG_FIELD_LAST))
                return put_time(f, field == LOG_FIELD_FIRST ? "start" : "end",
                                member_sec(record->json, log_fields[field].name));
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (keys[i].field == field)
                        return put_labelled(f, &keys[i], text);
        own_key(field, key);
        return put(f, key, text);
}

static int put_header(FILE *f, const LogRecord *record)
{
        const char *event = member_text(record->json, "event");

        if (fputs("CEF:0|nhi|nhi|" NHI_VERSION "|", f) == EOF || put_value(f, event, '|') < 0 ||
            fputs("|", f) == EOF || put_value(f, event, '|') < 0)
                return -EIO;
        return fprintf(f, "|%d|rt=%" PRId64 " externalId=%" PRIu64, severity(record->json),
                       record->real_usec / 1000, record->head.seq) < 0
                       ? -EIO
                       : 0;
}

static int cef_record(FILE *f, const LogRecord *record)
{
        char hash[LOG_HASH_TEXT_SIZE + 1];
        int r = put_header(f, record);

        if (r == 0)
                r = put(f, "dvchost", member_text(record->json, "host") ?: record->host);
        if (r == 0)
                r = put(f, "deviceExternalId", member_text(record->json, "log") ?: record->log_id);
        for (unsigned i = 0; r == 0 && i < LOG_FIELD_N; i++)
                r = put_member(f, record, (LogField)i);
        if (r == 0)
                r = put(f, "nhiHash", log_record_hash(record, hash));
        return r < 0 || fputc('\n', f) == EOF ? -EIO : 0;
}

const LogFormat log_format_cef = { .name = "cef", .begin = NULL, .record = cef_record };
