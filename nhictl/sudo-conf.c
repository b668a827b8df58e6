/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/sudo-conf.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <strings.h>

typedef struct Word {
        const char *text;
        size_t size;
} Word;

/* A line and its first words; those that are not there are empty. */
typedef struct Line {
        const char *text;
        size_t size; /* with its newline */
        Word words[3];
} Line;

static bool line_next(const char **text, Line *ret)
{
        const char *at = *text;
        Line l = { .text = at };

        if (*at == '\0')
                return false;
        for (size_t i = 0; i < ELEMENTSOF(l.words); i++) {
                at += strspn(at, " \t\r");
                l.words[i] = (Word){ at, strcspn(at, " \t\r\n") };
                at += l.words[i].size;
        }
        at += strcspn(at, "\n");
        at += *at == '\n';
        l.size = (size_t)(at - l.text);
        *text = at;
        *ret = l;
        return true;
}

/* Keywords are compared without case (sudo.conf(5) does). */
static bool word_is(Word w, const char *text)
{
        return w.size == strlen(text) && strncasecmp(w.text, text, w.size) == 0;
}

static bool line_is(const Line *l, const char *text)
{
        return l->size == strlen(text) && strncmp(l->text, text, l->size) == 0;
}

static bool line_is_plugin(const Line *l)
{
        size_t size = strlen(SUDO_PLUGIN_FILE);
        const Word *path = &l->words[2];

        if (!word_is(l->words[0], "Plugin") || path->size < size ||
            strncmp(path->text + path->size - size, SUDO_PLUGIN_FILE, size) != 0)
                return false;
        return path->size == size || path->text[path->size - size - 1] == '/';
}

static void word_copy(char ret[static SUDO_CONF_PATH_MAX], Word w)
{
        (void)snprintf(ret, SUDO_CONF_PATH_MAX, "%.*s", (int)w.size, w.text);
}

void sudo_conf_read(const char *text, SudoConf *ret)
{
        SudoConf c = { .has_plugin = false };
        Line l;

        while (line_next(&text, &l)) {
                if (line_is_plugin(&l)) {
                        c.has_plugin = true;
                        word_copy(c.plugin, l.words[2]);
                }
                if (word_is(l.words[0], "Set") && word_is(l.words[1], "group_source"))
                        c.is_dynamic = word_is(l.words[2], "dynamic");
                if (word_is(l.words[0], "Path") && word_is(l.words[1], "plugin_dir"))
                        word_copy(c.plugin_dir, l.words[2]);
        }
        *ret = c;
}

/* Copy all but our block and, where asked, the lines that load the plugin. A block that is not
 * closed is no block: its lines may be the administrator's. */
static int text_without(const char *text, bool plugin_lines, char **ret)
{
        _cleanup_free_ char *copy = NULL;
        const char *end;
        size_t size = 0;
        FILE *f = open_memstream(&copy, &size);
        Line l;

        if (!f)
                return -ENOMEM;
        while (line_next(&text, &l)) {
                if (line_is(&l, SUDO_CONF_BEGIN) && (end = strstr(text, "\n" SUDO_CONF_END))) {
                        text = end + strlen("\n" SUDO_CONF_END);
                        continue;
                }
                if (!plugin_lines || !line_is_plugin(&l))
                        (void)fwrite(l.text, 1, l.size, f);
        }
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(copy);
        return 0;
}

int sudo_conf_enable(const char *text, char **ret)
{
        _cleanup_free_ char *rest = NULL;
        const char *newline;
        SudoConf c;
        int r;

        sudo_conf_read(text, &c);
        if (c.has_plugin && c.is_dynamic) {
                *ret = strdup(text);
                return *ret ? 0 : -ENOMEM;
        }
        r = text_without(text, false, &rest);
        if (r < 0)
                return r;
        sudo_conf_read(rest, &c);
        newline = *rest && rest[strlen(rest) - 1] != '\n' ? "\n" : "";
        r = asprintf(ret, "%s%s" SUDO_CONF_BEGIN "%s%s" SUDO_CONF_END, rest, newline,
                     c.has_plugin ? "" : "Plugin " SUDO_PLUGIN_SYMBOL " " SUDO_PLUGIN_FILE "\n",
                     c.is_dynamic ? "" : "Set group_source dynamic\n");
        return r < 0 ? -ENOMEM : 0;
}

int sudo_conf_disable(const char *text, char **ret)
{
        return text_without(text, true, ret);
}
