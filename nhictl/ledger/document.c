/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/document.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "lib/jose/json.h"
#include "lib/log/text.h"
#include "nhictl/when.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int document_read(int dir_fd, const char *path, size_t size_max, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || (st.st_mode & S_IWOTH))
                return -EPERM;
        if (st.st_size < 0 || (uint64_t)st.st_size > size_max)
                return -EFBIG;
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, (size_t)st.st_size, &size);
        if (r < 0)
                return r;
        text[size] = '\0';
        *ret_size = size;
        *ret = TAKE_PTR(text);
        return 0;
}

int document_parse(const char *text, size_t size, json_t **ret,
                   char ret_error[static DOCUMENT_ERROR_MAX])
{
        json_error_t error;
        json_t *doc = json_read(text, size, JSON_REJECT_DUPLICATES, &error);

        if (!doc) {
                (void)snprintf(ret_error, DOCUMENT_ERROR_MAX, "line %d: %s", error.line,
                               error.text);
                return -EBADMSG;
        }
        if (!json_is_object(doc)) {
                json_decref(doc);
                (void)snprintf(ret_error, DOCUMENT_ERROR_MAX, "not a JSON object");
                return -EBADMSG;
        }
        *ret = doc;
        return 0;
}

char *document_format(const json_t *doc)
{
        _cleanup_free_ char *text = json_write(doc, JSON_INDENT(2) | JSON_SORT_KEYS);
        char *line = NULL;

        if (!text || asprintf(&line, "%s\n", text) < 0)
                return NULL;
        return line;
}

const char *document_text(const json_t *doc, const char *member)
{
        const char *text = json_string_value(json_object_get(doc, member));

        return text ? text : "";
}

int document_time(const json_t *doc, const char *member, int64_t *ret_sec)
{
        const json_t *value = json_object_get(doc, member);

        if (!value)
                return -ENOENT;
        if (!json_is_string(value) || when_parse_time(json_string_value(value), ret_sec) < 0)
                return -EBADMSG;
        return 0;
}

json_t *document_time_new(int64_t sec)
{
        char text[WHEN_TIME_SIZE];

        return json_string(when_format_time(text, sec));
}

json_t *document_text_new(const char *text, size_t max)
{
        char encoded[DOCUMENT_TEXT_MAX + 2];
        size_t size = 0;

        (void)log_text_encode(text, encoded + 1, max < DOCUMENT_TEXT_MAX ? max : DOCUMENT_TEXT_MAX,
                              &size);
        encoded[0] = encoded[size + 1] = '"';
        return json_loadb(encoded, size + 2, JSON_DECODE_ANY, NULL);
}

bool document_list_has(const json_t *list, const char *text)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item) {
                if (streq_ptr(json_string_value(item), text))
                        return true;
        }
        return false;
}

/* What stands before the next point; *ret_rest stands behind it. */
static json_t *next_part(const char *from, const char *end, const char **ret_rest)
{
        const char *point = from < end ? memchr(from, '.', (size_t)(end - from)) : NULL;
        _cleanup_free_ uint8_t *text = NULL;
        size_t size = 0;

        if (!point)
                return NULL;
        *ret_rest = point + 1;
        text = malloc((size_t)(point - from) + 1);
        if (!text || base64url_decode_public(from, (size_t)(point - from), text,
                                             (size_t)(point - from) + 1, &size) < 0)
                return NULL;
        return json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
}

json_t *document_unverified(const char *jws, size_t size, const char *typ)
{
        const char *rest;
        json_t *header = next_part(jws, jws + size, &rest);
        const bool is_wanted = header && (!typ || streq(document_text(header, "typ"), typ));

        json_decref(header);
        return is_wanted ? next_part(rest, jws + size, &rest) : NULL;
}
