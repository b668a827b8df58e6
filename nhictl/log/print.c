/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/print.h"

#include "lib/base/io.h"
#include "nhictl/log/plain.h"
#include "nhictl/reply.h"

#include <inttypes.h>

#define CELL_MAX 1536u

static void join_list(char ret[static LOG_MEMBER_MAX], const json_t *list)
{
        const json_t *item;
        size_t i, n = 0;

        ret[0] = '\0';
        json_array_foreach(list, i, item) {
                const int size = snprintf(ret + n, LOG_MEMBER_MAX - n, "%s%s", i > 0 ? " < " : "",
                                          json_string_value(item) ?: "?");

                if (size < 0 || (size_t)size >= LOG_MEMBER_MAX - n)
                        return;
                n += (size_t)size;
        }
}

char *log_member_format(char ret[static LOG_MEMBER_MAX], const json_t *json, LogField f)
{
        const json_t *v = json_object_get(json, log_fields[f].name);

        ret[0] = '\0';
        if (json_is_string(v))
                (void)snprintf(ret, LOG_MEMBER_MAX, "%s", json_string_value(v));
        else if (json_is_integer(v))
                (void)snprintf(ret, LOG_MEMBER_MAX, "%lld", (long long)json_integer_value(v));
        else if (json_is_true(v))
                (void)snprintf(ret, LOG_MEMBER_MAX, "yes");
        else if (json_is_array(v))
                join_list(ret, v);
        return ret;
}

/* ---- cells -------------------------------------------------------------------------------------
 */

typedef struct Cell {
        char text[CELL_MAX];
} Cell;

/* The first of these members that is there; ends with LOG_FIELD_N. */
static void cell_first(const json_t *json, const LogField *fields, Cell *ret)
{
        char text[LOG_MEMBER_MAX];

        for (text[0] = '\0'; *fields != LOG_FIELD_N && text[0] == '\0'; fields++)
                (void)log_member_format(text, json, *fields);
        (void)plain_text(ret->text, sizeof(ret->text), text);
}

#define CELL_OF(...)                                                                               \
        (const LogField[])                                                                         \
        {                                                                                          \
                __VA_ARGS__, LOG_FIELD_N                                                           \
        }

static void cell_seq(const LogLine *head, const json_t *json, Cell *ret)
{
        (void)snprintf(ret->text, sizeof(ret->text), "%" PRIu64, head->seq);
}

static void cell_time(const LogLine *head, const json_t *json, Cell *ret)
{
        (void)when_format_time(ret->text, log_record_usec(head, json) / (int64_t)USEC_PER_SEC);
}

static void cell_event(const LogLine *head, const json_t *json, Cell *ret)
{
        cell_first(json, CELL_OF(LOG_FIELD_EVENT), ret);
}

static void cell_verdict(const LogLine *head, const json_t *json, Cell *ret)
{
        cell_first(json, CELL_OF(LOG_FIELD_VERDICT), ret);
}

/* "svc-deploy", or "svc-deploy by agent:release-bot" */
static void cell_account(const LogLine *head, const json_t *json, Cell *ret)
{
        const char *account = member_text(json, "account"), *actor;
        char text[LOG_MEMBER_MAX];

        actor = json_string_value(json_array_get(json_object_get(json, "actor"), 0));
        (void)snprintf(text, sizeof(text), "%s%s%s", account ?: "", actor ? " by " : "",
                       actor ?: "");
        (void)plain_text(ret->text, sizeof(ret->text), text);
}

/* "sudo as postgres" */
static void cell_class(const LogLine *head, const json_t *json, Cell *ret)
{
        const char *class = member_text(json, "class") ?: member_text(json, "service");
        const char *target = member_text(json, "target");
        char text[LOG_MEMBER_MAX];

        (void)snprintf(text, sizeof(text), "%s%s%s", class ?: "", class && target ? " as " : "",
                       class && target ? target : "");
        (void)plain_text(ret->text, sizeof(ret->text), text);
}

static void cell_reason(const LogLine *head, const json_t *json, Cell *ret)
{
        cell_first(json, CELL_OF(LOG_FIELD_REASON, LOG_FIELD_CODE), ret);
}

static void cell_grant(const LogLine *head, const json_t *json, Cell *ret)
{
        cell_first(json, CELL_OF(LOG_FIELD_GRANT), ret);
}

static void cell_owner(const LogLine *head, const json_t *json, Cell *ret)
{
        cell_first(json, CELL_OF(LOG_FIELD_OWNER), ret);
}

static void cell_why(const LogLine *head, const json_t *json, Cell *ret)
{
        const int64_t n = member_number(json, "count");

        if (streq_ptr(member_text(json, "event"), "denials"))
                (void)snprintf(ret->text, sizeof(ret->text), "%lld times", (long long)n);
        else
                cell_first(json,
                           CELL_OF(LOG_FIELD_WHY, LOG_FIELD_DETAIL, LOG_FIELD_COMMAND,
                                   LOG_FIELD_SCOPE, LOG_FIELD_SEGMENT, LOG_FIELD_SET,
                                   LOG_FIELD_HOST),
                           ret);
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static const struct Column {
        const char *heading;
        int width; /* at least; 0: of its text */
        void (*cell)(const LogLine *head, const json_t *json, Cell *ret);
} columns[] = {
        { "SEQ", 6, cell_seq },          { "TIME", 20, cell_time },
        { "EVENT", 13, cell_event },     { "VERDICT", 7, cell_verdict },
        { "ACCOUNT", 12, cell_account }, { "CLASS", 8, cell_class },
        { "REASON", 14, cell_reason },   { "GRANT", 28, cell_grant },
        { "OWNER", 10, cell_owner },     { "WHY", 0, cell_why },
};

/* One more column behind n bytes: how many there are then. Widths are of bytes: names that are no
 * ASCII stand a little to the left. */
static size_t put(char ret[static LOG_ROW_MAX], size_t n, const struct Column *c, const char *text)
{
        const bool is_last = c->width == 0;
        const int size = snprintf(ret + n, LOG_ROW_MAX - n, "%-*s%s", c->width, *text ? text : "-",
                                  is_last ? "" : "  ");

        return size < 0 || (size_t)size >= LOG_ROW_MAX - n ? LOG_ROW_MAX - 1 : n + (size_t)size;
}

char *log_row_headings(char ret[static LOG_ROW_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                n = put(ret, n, &columns[i], columns[i].heading);
        return ret;
}

char *log_row_format(char ret[static LOG_ROW_MAX], const LogLine *head, const json_t *json)
{
        size_t n = 0;
        Cell cell;

        for (size_t i = 0; i < ELEMENTSOF(columns); i++) {
                columns[i].cell(head, json, &cell);
                n = put(ret, n, &columns[i], cell.text);
        }
        return ret;
}

Shade log_row_shade(const json_t *json)
{
        if (streq_ptr(member_text(json, "event"), "would-deny"))
                return SHADE_WARN;
        return streq_ptr(member_text(json, "verdict"), "deny") ? SHADE_BAD : SHADE_PLAIN;
}
