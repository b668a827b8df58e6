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

static json_t *gates_of(const char *path)
{
        _cleanup_free_ char *text = NULL;
        Gates *parsed = NULL;
        json_t *list, *gate;
        char *at, *text_line;
        size_t size = 0;

        if (file_read_trusted(path, owner_trusted(), GATES_SIZE_MAX, &text, &size) < 0 ||
            gates_parse(text, size, &parsed) < 0)
                return NULL;
        (void)gates_free(parsed);

        list = json_array();
        at = text;
        while ((text_line = strsep(&at, "\n"))) {
                gate = gate_read(text_line);
                if (gate)
                        (void)json_array_append_new(list, gate);
        }
        return list;
}

json_t *gates_published(void)
{
        json_t *gates = gates_of(PATH_GATES_RUN);

        return gates ? gates : gates_of(PATH_GATES_STATE);
}
