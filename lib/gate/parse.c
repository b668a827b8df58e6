/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gates file, read strictly: a damaged file MUST never be taken for one that gates fewer. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gates.h"

#define FIELDS_MAX 5

DEFINE_CLEANUP(Gates *, gates_free)

Gates *gates_free(Gates *g)
{
        if (!g)
                return NULL;
        free(g->text);
        free(g->rules);
        free(g->accounts);
        free(g);
        return NULL;
}

/* Digits only, in range; the base of neither octal nor sign is ever guessed. */
static bool number_parse(const char *text, uint32_t *ret)
{
        uint64_t v = 0;

        if (*text == '\0')
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                v = v * 10 + (uint64_t)(*text - '0');
                if (v > UINT32_MAX)
                        return false;
        }
        *ret = (uint32_t)v;
        return true;
}

/* Comma-separated, at least one item, none empty. */
static bool list_is_lawful(const char *list)
{
        size_t item = 0;

        for (;; list++) {
                if (*list && *list != ',') {
                        item++;
                        continue;
                }
                if (item == 0)
                        return false;
                if (*list == '\0')
                        return true;
                item = 0;
        }
}

/* Split a line in place at single blanks. The number of fields, or 0 where one is empty, there are
 * too many, or another control character stands in it. */
static size_t line_split(char *line, char *ret_fields[static FIELDS_MAX])
{
        size_t n = 0;
        char *begin = line;

        for (char *p = line;; p++) {
                if (*p != ' ' && *p != '\0') {
                        if ((unsigned char)*p < 0x20 || *p == 0x7f)
                                return 0;
                        continue;
                }
                if (p == begin || n == FIELDS_MAX)
                        return 0;
                ret_fields[n++] = begin;
                if (*p == '\0')
                        return n;
                *p = '\0';
                begin = p + 1;
        }
}

static bool rule_take(Gates *g, char *fields[static FIELDS_MAX], size_t n)
{
        GateRule rule = { .name = fields[1], .classes = fields[3], .patterns = fields[4] };

        if (n != 5 || g->n_rules == GATES_N_MAX)
                return false;
        if (streq(fields[2], "observe"))
                rule.mode = GATE_OBSERVE;
        else if (streq(fields[2], "enforce"))
                rule.mode = GATE_ENFORCE;
        else
                return false;
        if (!list_is_lawful(rule.classes) || !list_is_lawful(rule.patterns))
                return false;
        g->rules[g->n_rules++] = rule;
        return true;
}

static bool account_take(Gates *g, char *fields[static FIELDS_MAX], size_t n)
{
        GateDefinition account = { .name = fields[1] };

        if (n != 3 || g->n_accounts == GATES_ACCOUNTS_MAX)
                return false;
        if (!name_is_sane(account.name) || !number_parse(fields[2], &account.uid))
                return false;
        g->accounts[g->n_accounts++] = account;
        return true;
}

/* The last line: how many there should have been. */
static bool end_is_lawful(const Gates *g, char *fields[static FIELDS_MAX], size_t n)
{
        uint32_t count = 0;

        return n == 2 && number_parse(fields[1], &count) && count == g->n_rules + g->n_accounts;
}

/* Read the lines behind the header; true when the end line was right and is the last. */
static bool lines_take(Gates *g, char *text)
{
        while (*text) {
                char *fields[FIELDS_MAX] = { NULL }, *end = strchr(text, '\n');
                size_t n;

                if (!end)
                        return false;
                *end = '\0';
                n = line_split(text, fields);
                text = end + 1;
                if (n == 0)
                        return false;
                if (streq(fields[0], "end"))
                        return end_is_lawful(g, fields, n) && *text == '\0';
                if (!(streq(fields[0], "gate") && rule_take(g, fields, n)) &&
                    !(streq(fields[0], "account") && account_take(g, fields, n)))
                        return false;
        }
        return false;
}

static size_t lines_count(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += *text == '\n';
        return n;
}

/* Room for what the text can hold at most: never more rules or accounts than lines, of which the
 * header makes at least one. */
static Gates *gates_new(const char *text, size_t size)
{
        Gates *g = calloc(1, sizeof(*g));
        size_t n_lines;

        if (!g)
                return NULL;
        g->text = strndup(text, size);
        if (!g->text)
                return gates_free(g);
        n_lines = lines_count(g->text);
        g->rules = calloc(n_lines < GATES_N_MAX ? n_lines : GATES_N_MAX, sizeof(*g->rules));
        g->accounts = calloc(n_lines < GATES_ACCOUNTS_MAX ? n_lines : GATES_ACCOUNTS_MAX,
                             sizeof(*g->accounts));
        return g->rules && g->accounts ? g : gates_free(g);
}

int gates_parse(const char *text, size_t size, Gates **ret)
{
        static const char header[] = GATES_HEADER "\n";
        _cleanup_(gates_freep) Gates *g = NULL;

        if (size > GATES_SIZE_MAX || memchr(text, 0, size))
                return -EBADMSG;
        if (size < strlen(header) || memcmp(text, header, strlen(header)) != 0)
                return -EBADMSG;

        g = gates_new(text, size);
        if (!g)
                return -ENOMEM;
        if (!lines_take(g, g->text + strlen(header)))
                return -EBADMSG;

        *ret = TAKE_PTR(g);
        return 0;
}
