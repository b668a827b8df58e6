/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/gates-file.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/gate.h"

static json_t *split(char *list)
{
        json_t *array = json_array();
        char *at = list, *item;

        while ((item = strsep(&at, ",")))
                (void)json_array_append_new(array, json_string(item));
        return array;
}

/* gate NAME MODE CLASSES PATTERNS; NULL for any other line. The text was parsed before. */
static json_t *gate_read(char *text)
{
        char *fields[5] = { NULL }, *at = text;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                fields[i] = strsep(&at, " ");
        if (!fields[4] || !streq(fields[0], "gate"))
                return NULL;
        return json_pack("{s:s, s:s, s:o, s:o}", "name", fields[1], "mode", fields[2], "services",
                         split(fields[3]), "accounts", split(fields[4]));
}

/* account NAME UID, its name; NULL for any other line. */
static json_t *account_read(char *text)
{
        char *at = text, *first = strsep(&at, " ");

        return at && streq(first, "account") ? json_string(strsep(&at, " ")) : NULL;
}

/* What read makes of the lines of a usable file. */
static json_t *lines_of(const char *path, json_t *(*read)(char *text))
{
        _cleanup_free_ char *text = NULL;
        Gates *parsed = NULL;
        json_t *list, *item;
        char *at, *text_line;
        size_t size = 0;

        if (file_read_trusted(path, owner_trusted(), GATES_SIZE_MAX, &text, &size) < 0 ||
            gates_parse(text, size, &parsed) < 0)
                return NULL;
        (void)gates_free(parsed);

        list = json_array();
        at = text;
        while ((text_line = strsep(&at, "\n"))) {
                item = read(text_line);
                if (item)
                        (void)json_array_append_new(list, item);
        }
        return list;
}

static json_t *published(json_t *(*read)(char *text))
{
        json_t *list = lines_of(PATH_GATES_RUN, read);

        return list ? list : lines_of(PATH_GATES_STATE, read);
}

json_t *gates_published(void)
{
        return published(gate_read);
}

json_t *accounts_published(void)
{
        return published(account_read);
}
