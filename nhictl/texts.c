/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/texts.h"

json_t *texts_new(const ArgList *words)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < words->n; i++) {
                if (json_array_append_new(list, json_string(words->items[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

char *texts_line(char ret[static TEXTS_LINE_MAX], const json_t *list)
{
        const json_t *item;
        size_t i, used = 0;

        ret[0] = '\0';
        json_array_foreach(list, i, item) {
                const char *text = json_is_string(item) ? json_string_value(item) : "?";
                int n = snprintf(ret + used, TEXTS_LINE_MAX - used, "%s%s", i ? "," : "", text);

                if (n < 0 || (size_t)n >= TEXTS_LINE_MAX - used) {
                        memcpy(ret + TEXTS_LINE_MAX - 4, "...", 4);
                        break;
                }
                used += (size_t)n;
        }
        return ret;
}

/* One word from *text, which is moved behind it, into word (room for all of the text). */
static int split_word(const char **text, char *word)
{
        char quote = '\0';

        for (; **text && (quote || !strchr(" \t\n", **text)); (*text)++) {
                char c = **text;

                if (c == quote) {
                        quote = '\0';
                } else if (!quote && (c == '\'' || c == '"')) {
                        quote = c;
                } else if (c == '\\' && (!quote || (quote == '"' && strchr("\"\\", (*text)[1])))) {
                        if ((*text)[1] == '\0')
                                return -EINVAL;
                        *word++ = *++*text;
                } else {
                        *word++ = c;
                }
        }
        *word = '\0';
        return quote ? -EINVAL : 0;
}

int texts_split(const char *line, json_t **ret)
{
        _cleanup_free_ char *word = malloc(strlen(line) + 1);
        json_t *words = json_array();
        int r = word && words ? 0 : -ENOMEM;

        while (r == 0) {
                line += strspn(line, " \t\n");
                if (*line == '\0')
                        break;
                r = split_word(&line, word);
                if (r == 0 && json_array_append_new(words, json_string(word)) < 0)
                        r = -EINVAL; /* not UTF-8 */
        }
        if (r == 0 && json_array_size(words) == 0)
                r = -EINVAL;
        if (r < 0) {
                json_decref(words);
                return r;
        }
        *ret = words;
        return 0;
}
