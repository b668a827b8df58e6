/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gate.h"

#include <stdio.h>

typedef enum Line {
        LINE_EMPTY,
        LINE_RULE,
        LINE_BAD,
} Line;

typedef struct Rule {
        char account[LABEL_SIZE_MAX + 1], class[LABEL_SIZE_MAX + 1];
} Rule;

#define BLANKS " \t"

/* Take the field at *p, which ends at a blank or at end; false where it does not fit or holds a
 * control character (a carriage return would make a rule that never matches). */
static bool field_take(const char **p, const char *end, char ret[static LABEL_SIZE_MAX + 1])
{
        size_t size = 0;

        while (*p < end && !strchr(BLANKS, **p)) {
                unsigned char c = (unsigned char)**p;

                if (size == LABEL_SIZE_MAX || c < 0x20 || c == 0x7f)
                        return false;
                ret[size++] = *(*p)++;
        }
        ret[size] = '\0';
        while (*p < end && strchr(BLANKS, **p))
                (*p)++;
        return size > 0;
}

static Line line_parse(const char *p, const char *end, Rule *ret)
{
        while (p < end && strchr(BLANKS, *p))
                p++;
        if (p == end || *p == '#')
                return LINE_EMPTY;
        if (!field_take(&p, end, ret->account) || !field_take(&p, end, ret->class))
                return LINE_BAD;
        return p == end ? LINE_RULE : LINE_BAD;
}

bool exempt_match(const char *text, const char *name, const char *class, unsigned *ret_bad_line)
{
        unsigned number = 0, bad = 0;
        bool found = false;
        Rule rule;

        while (*text) {
                const char *end = text + strcspn(text, "\n");
                Line line = line_parse(text, end, &rule);

                number++;
                if (line == LINE_BAD && bad == 0)
                        bad = number;
                if (line == LINE_RULE && glob_match(rule.account, name) &&
                    glob_match(rule.class, class))
                        found = true;
                text = *end ? end + 1 : end;
        }
        if (ret_bad_line)
                *ret_bad_line = bad;
        return found;
}

bool exempt_names(const char *text, const char *name)
{
        Rule rule;

        while (*text) {
                const char *end = text + strcspn(text, "\n");

                if (line_parse(text, end, &rule) == LINE_RULE && glob_match(rule.account, name))
                        return true;
                text = *end ? end + 1 : end;
        }
        return false;
}
