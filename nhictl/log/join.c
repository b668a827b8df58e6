/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/join.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/log/format.h"
#include "nhictl/journal-field.h"
#include "nhictl/log/plain.h"
#include "nhictl/reply.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define TEXT_MAX 2048u

static bool has(const json_t *record, LogField f)
{
        return json_object_get(record, log_fields[f].name) != NULL;
}

static int add(json_t *list, size_t *n, int64_t usec, const char *from, const char *message)
{
        char when[WHEN_TIME_SIZE], plain_from[128], plain_message[TEXT_MAX];
        json_t *line;

        if ((*n)++ >= JOIN_LINES_MAX)
                return 0;
        (void)when_format_time(when, usec / (int64_t)USEC_PER_SEC);
        (void)plain_line(plain_from, sizeof(plain_from), from);
        (void)plain_line(plain_message, sizeof(plain_message), message);
        line = json_pack("{s:s, s:s, s:s}", "time", when, "from", plain_from, "message",
                         plain_message);
        return !line || json_array_append_new(list, line) < 0 ? -ENOMEM : 0;
}

/* ---- the journal -------------------------------------------------------------------------------
 */

/* A member of a record, and the journal's field that names the same. */
typedef struct Key {
        LogField field;
        const char *name;
} Key;

static int match_text(sd_journal *j, const char *name, const char *value)
{
        char text[TEXT_MAX];

        if ((size_t)snprintf(text, sizeof(text), "%s=%s", name, value) >= sizeof(text))
                return 0;
        return sd_journal_add_match(j, text, 0);
}

static int match_member(sd_journal *j, const Key *key, const json_t *record)
{
        const json_t *v = json_object_get(record, log_fields[key->field].name);
        char digits[24];

        if (json_is_string(v))
                return match_text(j, key->name, json_string_value(v));
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(v));
        return match_text(j, key->name, digits);
}

/* Alternatives; for the kernel's records the transport holds in each as well. *n counts them:
 * without one everything would match. Not the boot: within a minute numbers mean one thing, and in
 * a container the agent and journald may not be told the same one. */
static int match_any(sd_journal *j, const Key *keys, size_t n_keys, const char *transport,
                     const json_t *record, size_t *n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_keys; i++) {
                if (!has(record, keys[i].field))
                        continue;
                r = *n > 0 ? sd_journal_add_disjunction(j) : 0;
                if (r >= 0)
                        r = match_member(j, &keys[i], record);
                if (r >= 0 && transport)
                        r = match_text(j, "_TRANSPORT", transport);
                (*n)++;
        }
        return r;
}

static int take_entry(sd_journal *j, uint64_t usec, json_t *list, size_t *n)
{
        char from[128], message[TEXT_MAX], pid[24], name[160];

        (void)journal_field(j, "SYSLOG_IDENTIFIER", from, sizeof(from));
        if (!*from)
                (void)journal_field(j, "_COMM", from, sizeof(from));
        if (!*from)
                (void)journal_field(j, "_TRANSPORT", from, sizeof(from));
        (void)journal_field(j, "_PID", pid, sizeof(pid));
        (void)journal_field(j, "MESSAGE", message, sizeof(message));
        (void)snprintf(name, sizeof(name), *pid ? "%s[%s]" : "%s", from, pid);
        return add(list, n, (int64_t)usec, name, message);
}

static int take_entries(sd_journal *j, int64_t real_usec, json_t *list, size_t *n)
{
        const int64_t begin = real_usec - JOIN_WINDOW_USEC;
        uint64_t usec = 0;
        int r = sd_journal_seek_realtime_usec(j, begin > 0 ? (uint64_t)begin : 0);

        while (r >= 0 && (r = sd_journal_next(j)) > 0) {
                r = sd_journal_get_realtime_usec(j, &usec);
                if (r < 0 || usec > (uint64_t)(real_usec + JOIN_WINDOW_USEC))
                        break;
                r = take_entry(j, usec, list, n);
        }
        return r < 0 ? r : 0;
}

static int find_entries(sd_journal *j, const json_t *record, int64_t real_usec, Join *ret)
{
        static const Key own[] = {
                { LOG_FIELD_INVOCATION, "_SYSTEMD_INVOCATION_ID" },
                { LOG_FIELD_LOGIND_SESSION, "_SYSTEMD_SESSION" },
                { LOG_FIELD_AUDIT_SESSION, "_AUDIT_SESSION" },
                { LOG_FIELD_PID, "_PID" },
        };
        static const Key unit[] = { { LOG_FIELD_UNIT, "_SYSTEMD_UNIT" } };
        static const Key kernel[] = {
                { LOG_FIELD_AUDIT_SESSION, "_AUDIT_SESSION" },
                { LOG_FIELD_LOGINUID, "_AUDIT_LOGINUID" },
        };
        size_t n = 0;
        int r = match_any(j, own, ELEMENTSOF(own), NULL, record, &n);

        if (r >= 0 && !has(record, LOG_FIELD_INVOCATION))
                r = match_any(j, unit, 1, NULL, record, &n);
        if (r >= 0 && n > 0)
                r = take_entries(j, real_usec, ret->journal, &ret->n_journal);
        if (r < 0)
                return r;
        sd_journal_flush_matches(j);
        n = 0;
        r = match_any(j, kernel, ELEMENTSOF(kernel), "audit", record, &n);
        return r >= 0 && n > 0 ? take_entries(j, real_usec, ret->audit, &ret->n_audit) : r;
}

/* ---- audit.log ---------------------------------------------------------------------------------
 */

/* " ses=12", and no digit behind it. */
static bool names(const char *line, const char *key, json_int_t value)
{
        char wanted[48];
        const char *p;
        size_t n;

        n = (size_t)snprintf(wanted, sizeof(wanted), " %s=%lld", key, (long long)value);
        for (p = strstr(line, wanted); p; p = strstr(p + 1, wanted))
                if (p[n] == ' ' || p[n] == '\0')
                        return true;
        return false;
}

static bool is_about(const char *line, const json_t *record)
{
        return (has(record, LOG_FIELD_AUDIT_SESSION) &&
                names(line, "ses", member_number(record, "audit_session"))) ||
               (has(record, LOG_FIELD_LOGINUID) &&
                names(line, "auid", member_number(record, "loginuid")));
}

/* msg=audit(1763760000.123:456): */
static bool audit_time(const char *line, int64_t *ret_usec)
{
        const char *p = strstr(line, "msg=audit(");
        long long sec;
        unsigned msec;

        if (!p || sscanf(p, "msg=audit(%12lld.%3u:", &sec, &msec) != 2 || sec < 0)
                return false;
        *ret_usec = sec * (int64_t)USEC_PER_SEC + (int64_t)msec * 1000;
        return true;
}

static int take_audit_line(char *line, const json_t *record, int64_t real_usec, Join *j)
{
        int64_t usec;

        if (!is_about(line, record) || !audit_time(line, &usec) ||
            usec < real_usec - JOIN_WINDOW_USEC || usec > real_usec + JOIN_WINDOW_USEC)
                return 0;
        return add(j->audit, &j->n_audit, usec, "audit.log", line);
}

int join_audit_text(char *text, const json_t *record, int64_t real_usec, Join *j)
{
        char *state = NULL;
        int r = 0;

        for (char *line = strtok_r(text, "\n", &state); line && r == 0;
             line = strtok_r(NULL, "\n", &state))
                r = take_audit_line(line, record, real_usec, j);
        return r;
}

/* The file's end: where the record is recent, what is about it stands there. */
static int find_in_audit_log(const json_t *record, int64_t real_usec, Join *j)
{
        enum { AUDIT_READ_MAX = 16 * 1024 * 1024 };
        _cleanup_close_ int fd = open(JOIN_AUDIT_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        text = malloc(AUDIT_READ_MAX + 1);
        if (!text)
                return -ENOMEM;
        n = pread(fd, text, AUDIT_READ_MAX,
                  st.st_size > AUDIT_READ_MAX ? st.st_size - AUDIT_READ_MAX : 0);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        return join_audit_text(text, record, real_usec, j);
}

/* ---- both --------------------------------------------------------------------------------------
 */

int join_find(const char *journal_dir, const json_t *record, int64_t real_usec, Join *ret)
{
        Join j = { .journal = json_array(), .audit = json_array() };
        sd_journal *journal = NULL;
        int r;

        r = journal_dir ? sd_journal_open_directory(&journal, journal_dir, 0)
                        : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = find_entries(journal, record, real_usec, &j);
        sd_journal_close(journal);
        if (r < 0 && r != -ENOMEM)
                j.error = r;
        if (r != -ENOMEM && !journal_dir && json_array_size(j.audit) == 0)
                r = find_in_audit_log(record, real_usec, &j);
        if (r == -ENOMEM) {
                join_done(&j);
                return r;
        }
        *ret = j;
        return 0;
}

void join_done(Join *j)
{
        json_decref(j->journal);
        json_decref(j->audit);
        *j = (Join){};
}
