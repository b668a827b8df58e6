/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An exempt file, and globs. Input: account NUL class NUL file. Nobody is exempt whom no line names
 * in two fields: held against a reading of the file that is written another way. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gate.h"
#include "tests/fuzz/fuzz.h"

/* glob_match() by recursion, for patterns without a set or a backslash. */
static bool glob_is_simple(const char *pattern)
{
        return !strpbrk(pattern, "[\\");
}

static bool simple_match(const char *pattern, const char *text, unsigned *budget)
{
        if (*budget == 0)
                return false;
        (*budget)--;
        if (*pattern == '\0')
                return *text == '\0';
        if (*pattern == '*')
                return simple_match(pattern + 1, text, budget) ||
                       (*text && simple_match(pattern, text + 1, budget));
        return *text && (*pattern == '?' || *pattern == *text) &&
               simple_match(pattern + 1, text + 1, budget);
}

static void glob_check(const char *pattern, const char *text)
{
        bool matches = glob_match(pattern, text);
        unsigned budget = 2000;

        if (!glob_is_simple(pattern))
                return;
        if (simple_match(pattern, text, &budget))
                FUZZ_HOLDS(matches, "a glob matches what it should");
        else if (budget > 0)
                FUZZ_HOLDS(!matches, "a glob matches nothing else");
}

/* The same question of one line, taken apart with strtok_r(3). */
static bool line_exempts(char *line, const char *name, const char *class, bool *ret_is_bad)
{
        char *save = NULL, *account, *classes, *more;
        bool is_clean = true;

        *ret_is_bad = false;
        line += strspn(line, " \t");
        if (*line == '\0' || *line == '#')
                return false;
        for (const char *p = line; *p; p++)
                is_clean &= *p == '\t' || ((unsigned char)*p >= 0x20 && *p != 0x7f);
        account = strtok_r(line, " \t", &save);
        classes = strtok_r(NULL, " \t", &save);
        more = strtok_r(NULL, " \t", &save);
        *ret_is_bad = !is_clean || !account || !classes || more ||
                      strlen(account) > LABEL_SIZE_MAX || strlen(classes) > LABEL_SIZE_MAX;
        return !*ret_is_bad && glob_match(account, name) && glob_match(classes, class);
}

static bool file_exempts(const char *text, const char *name, const char *class, unsigned *ret_bad)
{
        char *copy = strdup(text), *rest = copy, *line;
        unsigned number = 0;
        bool found = false, bad;

        *ret_bad = 0;
        while (copy && (line = strsep(&rest, "\n"))) {
                number++;
                found |= line_exempts(line, name, class, &bad);
                if (bad && *ret_bad == 0)
                        *ret_bad = number;
        }
        free(copy);
        return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        char *name = input_text(&in), *class = input_text(&in), *text = input_text(&in);
        unsigned bad = 0, expected_bad = 0;
        bool expected = file_exempts(text, name, class, &expected_bad);

        FUZZ_HOLDS(exempt_match(text, name, class, &bad) == expected, "exempt is who is listed");
        FUZZ_HOLDS(bad == expected_bad, "the first line that does not parse is told");
        glob_check(name, class);
        glob_check(class, name);
        free(name);
        free(class);
        free(text);
        return 0;
}
