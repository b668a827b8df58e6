/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/local.h"

#include "lib/base/macro.h"
#include "nhictl/output.h"

#include <stdio.h>

#define KEY_SIZE 512u
#define BLANKS   " \t\r\n"

static const char *const kinds[] = { "auth", "account", "password", "session",
                                     "session-noninteractive" };

/* The comments between which lines are pam-auth-update's own, in their order. */
static const char *const marks[] = {
        "# here are the per-package modules (the \"Primary\" block)",
        "# here's the fallback if no module succeeds",
        "# and here are more per-package modules (the \"Additional\" block)",
        "# end of pam-auth-update config",
};

/* "[success=2 default=ignore] pam_unix.so" without what pam-auth-update itself does not compare:
 * the lengths of jumps ("end" in its notes), and options. */
static void key_of(char ret[static KEY_SIZE], const char *text)
{
        size_t n = 0, words = 0;
        bool bracket = false, blank = true;

        for (text += strspn(text, BLANKS); *text && n + 1 < KEY_SIZE; text++) {
                bool is_blank = strchr(BLANKS, *text) != NULL;

                bracket = *text == '[' || (bracket && *text != ']');
                if (is_blank && !bracket && !blank && ++words == 2)
                        break;
                blank = is_blank;
                if (bracket && strncmp(text, "end", 3) == 0)
                        text += 2;
                else if (!is_blank && !(bracket && *text >= '0' && *text <= '9'))
                        ret[n++] = *text;
        }
        ret[n] = '\0';
}

/* Is there such a line in the notes on this kind? */
static bool is_noted(FILE *notes, const char *key)
{
        _cleanup_free_ char *text = NULL;
        char noted[KEY_SIZE];
        size_t capacity = 0;

        rewind(notes);
        while (getline(&text, &capacity, notes) >= 0) {
                key_of(noted, text);
                if (streq(noted, key))
                        return true;
        }
        return false;
}

/* A line of the part that is kept: said where it is not noted. The kind's word is not in the notes.
 */
static unsigned line_judge(FILE *notes, const char *file, unsigned number, char *text)
{
        char key[KEY_SIZE];
        size_t kind = strcspn(text, BLANKS);

        key_of(key, text[kind] && *text != '#' ? text + kind : text);
        if (is_noted(notes, key))
                return 0;
        text[strcspn(text, "\n")] = '\0';
        say("%s:%u: %s: an administrator's line in the part that pam-auth-update keeps", file,
            number, text);
        return 1;
}

static unsigned file_judge(FILE *current, FILE *notes, const char *file)
{
        _cleanup_free_ char *text = NULL;
        size_t capacity = 0, mark = 0;
        unsigned number = 0, n = 0;

        while (getline(&text, &capacity, current) >= 0 && mark < ELEMENTSOF(marks)) {
                number++;
                if (strncmp(text, marks[mark], strlen(marks[mark])) == 0)
                        mark++;
                else if (mark == 1 || mark == 3)
                        n += line_judge(notes, file, number, text);
        }
        if (mark >= 3)
                return n;
        say("%s: the comments between which pam-auth-update keeps its lines are not all there",
            file);
        return n + 1;
}

unsigned pam_local_edits(const char *root)
{
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                char file[64], path[4096];
                FILE *current, *notes;

                (void)snprintf(file, sizeof(file), "/etc/pam.d/common-%s", kinds[i]);
                (void)snprintf(path, sizeof(path), "%s%s", root, file);
                current = fopen(path, "re");
                (void)snprintf(path, sizeof(path), "%s/var/lib/pam/%s", root, kinds[i]);
                notes = fopen(path, "re");
                if (current && notes) {
                        n += file_judge(current, notes, file);
                } else {
                        say("%s is not there, or not pam-auth-update's notes on it (%s)", file,
                            path);
                        n++;
                }
                if (current)
                        (void)fclose(current);
                if (notes)
                        (void)fclose(notes);
        }
        return n;
}
