/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/nss-switch.h"

#include "lib/base/macro.h"
#include "nhictl/doctor/people.h"

#include <strings.h>

void switch_done(SwitchLine *s)
{
        free(s->text);
}

/* A copy with a blank before each '[', which may stand right behind a service. */
static char *text_spaced(const char *text)
{
        char *ret = malloc(2 * strlen(text) + 1), *at = ret;

        if (!ret)
                return NULL;
        for (; *text; text++) {
                if (*text == '[')
                        *at++ = ' ';
                *at++ = *text;
        }
        *at = '\0';
        return ret;
}

/* "[NOTFOUND=return TRYAGAIN=return]" is one word. */
static void switch_split(SwitchLine *s)
{
        char *at = s->text + strspn(s->text, " \t\r");

        while (*at && s->n < SWITCH_WORDS_MAX) {
                char *end = at + (*at == '[' ? strcspn(at, "]") : strcspn(at, " \t\r"));

                end += *end == ']';
                s->words[s->n++] = at;
                if (*end)
                        *end++ = '\0';
                at = end + strspn(end, " \t\r");
        }
}

int switch_load(const char *conf, const char *database, SwitchLine *ret)
{
        _cleanup_free_ char *copy = strdup(conf);
        SwitchLine s = { .n = 0 };
        size_t size = strlen(database);
        unsigned number = 0;
        char *at = copy, *line;

        if (!copy)
                return -ENOMEM;
        while ((line = text_line(&at))) {
                number++;
                line[strcspn(line, "#")] = '\0';
                line += strspn(line, " \t");
                if (strncmp(line, database, size) != 0 || line[size] != ':')
                        continue;
                free(s.text);
                s.text = text_spaced(line + size + 1);
                if (!s.text)
                        return -ENOMEM;
                s.line = number;
        }
        if (s.line > 0)
                switch_split(&s);
        *ret = s;
        return 0;
}

size_t switch_find(const SwitchLine *s, const char *word)
{
        size_t i = 0;

        while (i < s->n && !streq(s->words[i], word))
                i++;
        return i;
}

static bool status_is_meant(const char *item, const char *status)
{
        bool turned = *item == '!';
        size_t size = strlen(status);
        bool same;

        item += turned;
        same = strncasecmp(item, status, size) == 0 && item[size] == '=';
        return turned ? !same : same;
}

Blocks action_judge(const char *word)
{
        _cleanup_free_ char *copy = strdup(word + 1);
        Blocks b = { .always = !copy };
        char *save = NULL, *item;

        if (!copy)
                return b;
        for (item = strtok_r(copy, " \t]", &save); item; item = strtok_r(NULL, " \t]", &save)) {
                const char *action = strchr(item, '=');

                if (!action || strcasecmp(action + 1, "return") != 0)
                        continue;
                b.when_unavailable |= status_is_meant(item, "UNAVAIL");
                b.always |= status_is_meant(item, "NOTFOUND");
                b.in_outage |=
                        status_is_meant(item, "UNAVAIL") || status_is_meant(item, "TRYAGAIN");
        }
        return b;
}
