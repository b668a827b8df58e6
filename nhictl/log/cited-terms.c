/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/cited-terms.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/log/record.h"
#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/reply.h"

/* A record is appended after it was decided: a slow disk may take the whole of a login's time. */
#define APPEND_SEC 60

bool cited_is_allowed(const json_t *record)
{
        return streq_ptr(member_text(record, "event"), "decision") &&
               streq_ptr(member_text(record, "verdict"), "allow");
}

static bool has(const json_t *list, const char *word)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (streq_ptr(json_string_value(item), word))
                        return true;
        return false;
}

bool cited_was_cut(const json_t *record, const char *name)
{
        return has(json_object_get(record, "cut"), name);
}

/* ---- terms -------------------------------------------------------------------------------------
 */

/* What was asked for. */
typedef struct Asked {
        const char *class, *unit, *target, *group, *command; /* NULL: the record does not say */
        bool is_cut;                                         /* the command */
} Asked;

static bool fits_service(const json_t *term, const char *type, const Asked *a)
{
        if (!a->class)
                return false;
        if (streq(a->class, "unit"))
                return streq(type, "nhi_unit") &&
                       (!a->unit || has(json_object_get(term, "units"), a->unit));
        if (streq(a->class, "systemd-user"))
                return streq(type, "nhi_login") && member_is_true(term, "user_manager");
        return has(json_object_get(term, "services"), a->class);
}

static bool fits_name(const json_t *list, const char *name)
{
        return !name || has(list, name) || has(list, "*");
}

/* PATH ARGUMENT... with one space between, as the record has it. */
static bool is_joined(const json_t *argv, const char *text, bool is_cut)
{
        const json_t *item;
        size_t i;

        json_array_foreach(argv, i, item) {
                const char *word = json_string_value(item) ?: "";
                const size_t n = strlen(word);

                if (i > 0 && *text != ' ')
                        return is_cut && *text == '\0';
                text += i > 0;
                if (strncmp(text, word, n) != 0)
                        return is_cut && strncmp(text, word, strlen(text)) == 0;
                text += n;
        }
        return *text == '\0';
}

/* How much of text the longest of these files is. */
static size_t file_size(const json_t *files, const char *text, bool is_cut)
{
        const json_t *item;
        size_t longest = 0, i;

        json_array_foreach(files, i, item) {
                const char *file = json_string_value(item) ?: "";
                const size_t n = strlen(file);

                if (is_cut && strncmp(text, file, strlen(text)) == 0)
                        return strlen(text);
                if (n > longest && strncmp(text, file, n) == 0 &&
                    (text[n] == ' ' || text[n] == '\0'))
                        longest = n;
        }
        return longest;
}

static bool are_files(const json_t *files, const char *text, bool is_cut)
{
        while (*text == ' ') {
                const size_t n = file_size(files, text + 1, is_cut);

                if (n == 0)
                        return is_cut && text[1] == '\0';
                text += 1 + n;
        }
        return *text == '\0';
}

static bool fits_command(const json_t *term, const Asked *a)
{
        static const char sudoedit[] = "sudoedit ";
        const json_t *commands = json_object_get(term, "commands"), *command;
        const json_t *edit = json_object_get(term, "edit");
        size_t i;

        if (a->command && strncmp(a->command, sudoedit, sizeof(sudoedit) - 1) == 0)
                return are_files(edit, a->command + sizeof(sudoedit) - 2, a->is_cut);
        if (!commands && json_array_size(edit) == 0)
                return true;
        if (!a->command) /* nobody but sudo keeps a limit */
                return streq(a->class, "sudo");
        json_array_foreach(commands, i, command)
                if (is_joined(command, a->command, a->is_cut))
                        return true;
        return false;
}

bool cited_terms_allow(const json_t *record, const json_t *grant)
{
        const Asked a = { .class = member_text(record, "class"),
                          .unit = member_text(record, "unit"),
                          .target = member_text(record, "target"),
                          .group = member_text(record, "target_group"),
                          .command = member_text(record, "command"),
                          .is_cut = cited_was_cut(record, "command") };
        const json_t *term;
        size_t i;

        json_array_foreach(json_object_get(grant, "authorization_details"), i, term) {
                const char *type = member_text(term, "type") ?: "";

                if (!fits_service(term, type, &a))
                        continue;
                if (!streq(type, "nhi_elevate"))
                        return true;
                if (fits_name(json_object_get(term, "run_as"), a.target) &&
                    fits_name(json_object_get(term, "run_as_groups"), a.group) &&
                    fits_command(term, &a))
                        return true;
        }
        return false;
}

/* ---- time --------------------------------------------------------------------------------------
 */

int64_t cited_time(const json_t *record)
{
        const char *text = member_text(record, "at") ?: member_text(record, "time");
        int64_t sec = 0;

        return text && log_time_parse(text, strlen(text), &sec) == 0 ? sec / (int64_t)USEC_PER_SEC
                                                                     : 0;
}

bool cited_time_allows(const json_t *record, const json_t *grant, const json_t *set,
                       int64_t set_end_sec)
{
        const int64_t begin = member_sec(grant, "nbf"), end = member_sec(grant, "exp");
        const int64_t sec = cited_time(record), iat = member_sec(set, "iat");

        if (iat == 0 || (begin == 0 && json_object_get(grant, "nbf")))
                return false; /* no host takes it */
        return sec > 0 && sec >= begin - NBF_LEEWAY_SEC && sec < end + APPEND_SEC &&
               sec >= iat - SET_AHEAD_SEC && sec < set_end_sec + APPEND_SEC;
}
