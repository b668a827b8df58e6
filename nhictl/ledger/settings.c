/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ledger.json: one table of members. */

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/http/setup.h"
#include "nhictl/ledger/ledger.h"
#include "nhictl/store/store.h"
#include "nhictl/when.h"

#include <stdio.h>
#include <sys/stat.h>

/* The set's own offline limit may not be longer than a host accepts. */
#define SET_LIFETIME_MAX_SEC (7 * 86400)
#define FRESH_MAX_SEC        (7 * 86400) /* agentd.conf's default */

static int read_format(const json_t *value, void *target)
{
        return json_is_integer(value) && json_integer_value(value) == LEDGER_FORMAT ? 0 : -EBADMSG;
}

static int read_issuer(const json_t *value, void *target)
{
        const char *text = json_string_value(value);

        if (!text || *text == '\0' || strlen(text) > 512)
                return -EBADMSG;
        *(const char **)target = text;
        return 0;
}

/* A file URL is kept as the directory that it names. */
static int read_publish(const json_t *value, void *target)
{
        const char *text = json_string_value(value);

        if (!text || !store_url_is_valid(text))
                return -EBADMSG;
        *(const char **)target = store_directory(text) ? store_directory(text) : text;
        return 0;
}

static int read_file(const json_t *value, void *target)
{
        const char *text = json_string_value(value);

        if (!text || *text != '/')
                return -EBADMSG;
        *(const char **)target = text;
        return 0;
}

/* What an entry must be is said when the list is published: it is read back. */
static int read_entries(const json_t *value, void *target)
{
        if (!json_is_array(value))
                return -EBADMSG;
        *(const json_t **)target = value;
        return 0;
}

static int read_pins(const json_t *value, void *target)
{
        const char *text = json_string_value(value);

        if (!text || !http_pins_are_valid(text))
                return -EBADMSG;
        *(const char **)target = text;
        return 0;
}

static int read_flag(const json_t *value, void *target)
{
        if (!json_is_boolean(value))
                return -EBADMSG;
        *(bool *)target = json_is_true(value);
        return 0;
}

static int read_id(const json_t *value, void *target)
{
        json_int_t n = json_integer_value(value);

        if (!json_is_integer(value) || n < 0 || !id_is_assignable((uint64_t)n))
                return -EBADMSG;
        *(int64_t *)target = n;
        return 0;
}

static int read_duration(const json_t *value, void *target)
{
        const char *text = json_string_value(value);

        return text && when_parse_duration(text, target) == 0 ? 0 : -EBADMSG;
}

typedef struct SettingRow {
        const char *name;
        int (*read)(const json_t *value, void *target);
        size_t offset;
        bool required;
        const char *wanted;
} SettingRow;

#define FILE_WANTED     "must be the absolute path of a file"
#define SETTING(member) offsetof(LedgerSettings, member)
static const SettingRow top_rows[] = {
        { "format", read_format, 0, true, "must be 1" },
        { "issuer", read_issuer, SETTING(issuer), true, "must be the issuer's name, a URI" },
        { "publish", read_publish, SETTING(publish), false, "must be " STORE_URL_WANTED },
        { "revoked", read_entries, SETTING(revoked), false,
          "must be a list of entries, nhi-grants(5)" },
        { "reports", read_publish, SETTING(reports), false, "must be " STORE_URL_WANTED },
        { "publish_with", NULL, 0, false, "must be an object" },
        { "uid_min", read_id, SETTING(uid_min), true, "must be from 65536 to 99999" },
        { "uid_max", read_id, SETTING(uid_max), true, "must be from 65536 to 99999" },
        { "limits", NULL, 0, true, "must be an object" },
};
static const SettingRow limit_rows[] = {
        { "lifetime_max", read_duration, SETTING(lifetime_max_sec), true,
          "must be a duration such as \"24h\"" },
        { "set_lifetime", read_duration, SETTING(set_lifetime_sec), true,
          "must be a duration such as \"24h\"" },
        { "fresh_max", read_duration, SETTING(fresh_max_sec), false,
          "must be a duration such as \"7d\"" },
};

static const SettingRow access_rows[] = {
        { "ca_file", read_file, SETTING(access.ca_file), false, FILE_WANTED },
        { "pins", read_pins, SETTING(access.pins), false,
          "must be sha256//BASE64, several parted by ';'" },
        { "certificate", read_file, SETTING(access.certificate), false, FILE_WANTED },
        { "certificate_key", read_file, SETTING(access.certificate_key), false, FILE_WANTED },
        { "token_file", read_file, SETTING(access.token_file), false, FILE_WANTED },
        { "user_file", read_file, SETTING(access.user_file), false, FILE_WANTED },
        { "password_file", read_file, SETTING(access.password_file), false, FILE_WANTED },
        { "single_publisher", read_flag, SETTING(access.single_publisher), false,
          "must be true or false" },
};

static int refuse(char *error, const char *name, const char *why)
{
        (void)snprintf(error, DOCUMENT_ERROR_MAX, "%s: %s", name, why);
        return -EBADMSG;
}

static const SettingRow *row_find(const SettingRow *rows, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++) {
                if (streq(rows[i].name, name))
                        return &rows[i];
        }
        return NULL;
}

static int read_rows(json_t *object, const SettingRow *rows, size_t n, LedgerSettings *s,
                     char *error)
{
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value) {
                if (!row_find(rows, n, name))
                        return refuse(error, name, "unknown member");
        }
        for (size_t i = 0; i < n; i++) {
                value = json_object_get(object, rows[i].name);
                if (!value && !rows[i].required)
                        continue;
                if (!value)
                        return refuse(error, rows[i].name, "is missing");
                if (rows[i].read && rows[i].read(value, (char *)s + rows[i].offset) < 0)
                        return refuse(error, rows[i].name, rows[i].wanted);
        }
        return 0;
}

int ledger_settings_read(const json_t *doc, LedgerSettings *ret,
                         char ret_error[static DOCUMENT_ERROR_MAX])
{
        json_t *limits = json_object_get(doc, "limits");
        json_t *access = json_object_get(doc, "publish_with");
        LedgerSettings s = { .fresh_max_sec = FRESH_MAX_SEC };
        int r;

        r = read_rows((json_t *)doc, top_rows, ELEMENTSOF(top_rows), &s, ret_error);
        if (r < 0)
                return r;
        if (!json_is_object(limits))
                return refuse(ret_error, "limits", "must be an object");
        r = read_rows(limits, limit_rows, ELEMENTSOF(limit_rows), &s, ret_error);
        if (r < 0)
                return r;
        if (access && !json_is_object(access))
                return refuse(ret_error, "publish_with", "must be an object");
        r = read_rows(access, access_rows, ELEMENTSOF(access_rows), &s, ret_error);
        if (r < 0)
                return r;
        if (s.uid_min > s.uid_max)
                return refuse(ret_error, "uid_min", "is greater than uid_max");
        if (s.set_lifetime_sec > SET_LIFETIME_MAX_SEC)
                return refuse(ret_error, "set_lifetime", "is over 7d, which hosts refuse");
        *ret = s;
        return 0;
}

/* As open as the directory, and never over a file that is there. */
static int write_new(const char *dir, const char *name, const char *text)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (asprintf(&path, "%s/%s", dir, name) < 0)
                return -ENOMEM;
        if (lstat(path, &st) == 0)
                return -EEXIST;
        if (stat(dir, &st) < 0)
                return -errno;
        return file_replace(path, text, strlen(text), st.st_mode & 0664, geteuid(), getegid(),
                            true);
}

int ledger_write_git_files(const char *path)
{
        static const struct {
                const char *name, *text;
        } files[] = {
                { ".gitattributes", LEDGER_HISTORY_ATTRIBUTES "revisions merge=union\n" },
                { ".gitignore", ".lock\n.reports*\n" },
        };
        int r = 0;

        for (size_t i = 0; (r == 0 || r == -EEXIST) && i < ELEMENTSOF(files); i++)
                r = write_new(path, files[i].name, files[i].text);
        return r == -EEXIST ? 0 : r;
}

int ledger_create(const char *path, const json_t *settings, char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_free_ char *text = document_format(settings), *existing = NULL;
        struct stat st;
        int r = 0;

        if (!text || asprintf(&existing, "%s/ledger.json", path) < 0)
                r = -ENOMEM;
        else if (mkdir(path, 0700) < 0 && errno != EEXIST)
                r = -errno;
        else if (lstat(existing, &st) == 0)
                r = -EEXIST;
        if (r == 0)
                r = ledger_write_git_files(path);
        if (r == 0) /* last: with it the directory is a ledger */
                r = write_new(path, "ledger.json", text);
        if (r < 0)
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s: %s", path, strerror(-r));
        return r;
}
