/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/usage.h"

/* The first line of the help text. */
static int first_line(const char *help)
{
        return (int)strcspn(help, "\n");
}

static void verb_line(const Verb *v, FILE *f)
{
        fprintf(f, "  %-16s %.*s\n", v->name, first_line(v->help), v->help);
}

void usage_all(FILE *f)
{
        fputs("usage: nhictl VERB [OPTION...] [WORD...]\n\n", f);
        for (const Verb *const *v = verbs; *v; v++)
                verb_line(*v, f);
        fputs("\nnhictl help VERB says more; nhictl --version; every verb knows --json, --color "
              "and "
              "--help.\n"
              "Exit status: 0 allowed or well, 1 denied or problem found, 2 usage, 3 no agent, "
              "4 stale or untrusted data, 5 could not do it.\n",
              f);
}

void usage_verb(const Verb *v, FILE *f)
{
        fprintf(f, "usage: nhictl %s%s%s\n\n%s\n\n", v->name, *v->synopsis ? " " : "", v->synopsis,
                v->help);
        args_help(v->options, f);
}

bool usage_noun(const char *noun, FILE *f)
{
        size_t size = strlen(noun);
        bool found = false;

        for (const Verb *const *v = verbs; *v; v++) {
                if (strncmp((*v)->name, noun, size) != 0 || (*v)->name[size] != ' ')
                        continue;
                if (!found)
                        fprintf(f, "usage: nhictl %s ACTION ...\n\n", noun);
                found = true;
                verb_line(*v, f);
        }
        return found;
}
