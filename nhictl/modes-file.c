/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/modes-file.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <stdio.h>

#define GATE_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static const char *const mode_words[] = { "observe", "enforce" };

static const char *mode_word(const char *text, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(mode_words); i++)
                if (strlen(mode_words[i]) == size && strncmp(mode_words[i], text, size) == 0)
                        return mode_words[i];
        return NULL;
}

const char *modes_get(const Modes *m, const char *gate)
{
        for (size_t i = 0; i < m->n; i++)
                if (streq(m->entries[i].gate, gate))
                        return m->entries[i].mode;
        return NULL;
}

int modes_set(Modes *m, const char *gate, const char *mode)
{
        const char *word = mode_word(mode, strlen(mode));
        struct ModesEntry *entries;
        char *copy;

        if (!word || !*gate || gate[strspn(gate, GATE_NAME_CHARS)] != '\0')
                return -EINVAL;
        for (size_t i = 0; i < m->n; i++)
                if (streq(m->entries[i].gate, gate)) {
                        m->entries[i].mode = word;
                        return 0;
                }
        if (m->n >= MODES_MAX)
                return -ENOSPC;

        entries = reallocarray(m->entries, m->n + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        m->entries = entries;
        copy = strdup(gate);
        if (!copy)
                return -ENOMEM;
        m->entries[m->n++] = (struct ModesEntry){ copy, word };
        return 0;
}

/* `        NAME = "MODE";` */
static int line_parse(const char *line, Modes *m)
{
        size_t indent = strspn(line, " "), size = strspn(line + indent, GATE_NAME_CHARS);
        const char *name = line + indent, *quote = name + size, *mode, *end;
        _cleanup_free_ char *gate = strndup(name, size);

        if (!gate)
                return -ENOMEM;
        if (size == 0 || strncmp(quote, " = \"", 4) != 0)
                return -EBADMSG;
        end = strchr(quote + 4, '"');
        if (!end || !streq(end, "\";"))
                return -EBADMSG;
        mode = mode_word(quote + 4, (size_t)(end - quote - 4));
        return mode ? modes_set(m, gate, mode) : -EBADMSG;
}

static bool line_is_frame(const char *line)
{
        return line[0] == '\0' || line[0] == '#' || streq(line, "modes:") || streq(line, "{") ||
               streq(line, "};");
}

int modes_parse(const char *text, Modes *ret)
{
        _cleanup_free_ char *copy = strdup(text);
        Modes m = { 0 };
        char *at = copy, *line;
        int r = 0;

        if (!copy)
                return -ENOMEM;
        while (r == 0 && (line = strsep(&at, "\n")))
                if (!line_is_frame(line))
                        r = line_parse(line, &m);
        if (r < 0) {
                modes_done(&m);
                return r;
        }
        *ret = m;
        return 0;
}

int modes_text_load(const char *path, char **ret)
{
        size_t size = 0;
        char *text;
        int r;

        r = file_read_trusted(path, owner_trusted(), MODES_SIZE_MAX, &text, &size);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = r == -ENOENT ? NULL : text;
        return 0;
}

int modes_text_save(const char *path, const char *text)
{
        if (!text)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        return file_replace(path, text, strlen(text), 0644, owner_trusted(), (gid_t)-1, true);
}

int modes_load(const char *path, Modes *ret)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = modes_text_load(path, &text);
        if (r == 0 && !text)
                *ret = (Modes){ .was_absent = true };
        return r < 0 || !text ? r : modes_parse(text, ret);
}

int modes_format(const Modes *m, char **ret)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        fputs("# Written by nhictl observe and nhictl enforce; the gates themselves stand in\n"
              "# agentd.conf and its other parts.\nmodes:\n{\n",
              f);
        for (size_t i = 0; i < m->n; i++)
                fprintf(f, "        %s = \"%s\";\n", m->entries[i].gate, m->entries[i].mode);
        fputs("};\n", f);
        if (fclose(f) == EOF) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

int modes_save(const char *path, const Modes *m)
{
        _cleanup_free_ char *text = NULL;
        int r;

        if (m->n == 0 && m->was_absent)
                return modes_text_save(path, NULL);
        r = modes_format(m, &text);
        return r < 0 ? r : modes_text_save(path, text);
}

void modes_done(Modes *m)
{
        for (size_t i = 0; i < m->n; i++)
                free(m->entries[i].gate);
        free(m->entries);
        *m = (Modes){ 0 };
}
