/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A published gates file with some of its gates in mode observe: what undoes an enforcement while
 * no agent writes the file. Definitions (`account` lines) MUST stay as they are: they are enforced
 * whatever the gates say. */

#include "lib/base/macro.h"
#include "lib/gate/gate.h"

#define GATE_WORD "gate "
#define ENFORCE   " enforce "
#define OBSERVE   " observe "

DEFINE_CLEANUP(Gates *, gates_free)

static bool is_named(const char *const *names, size_t n_names, const char *name, size_t size)
{
        for (size_t i = 0; i < n_names; i++)
                if (strlen(names[i]) == size && strncmp(names[i], name, size) == 0)
                        return true;
        return false;
}

/* Where the mode of one of these gates stands as enforce: the blank before the word; else NULL. */
static char *enforce_find(char *line, const char *const *names, size_t n_names)
{
        char *name = line + strlen(GATE_WORD), *mode;

        if (strncmp(line, GATE_WORD, strlen(GATE_WORD)) != 0)
                return NULL;
        mode = name + strcspn(name, " \n");
        if (strncmp(mode, ENFORCE, strlen(ENFORCE)) != 0)
                return NULL;
        return is_named(names, n_names, name, (size_t)(mode - name)) ? mode : NULL;
}

int gates_text_observe(const char *text, size_t size, const char *const *names, size_t n_names,
                       char **ret)
{
        _Static_assert(sizeof(ENFORCE) == sizeof(OBSERVE), "the words are of one length");
        _cleanup_(gates_freep) Gates *parsed = NULL;
        _cleanup_free_ char *copy = NULL;
        int r;

        r = gates_parse(text, size, &parsed);
        if (r < 0)
                return r;
        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        for (char *line = copy; line && *line; line = strchr(line, '\n') + 1) {
                char *mode = enforce_find(line, names, n_names);

                if (mode)
                        memcpy(mode, OBSERVE, strlen(OBSERVE));
        }
        *ret = TAKE_PTR(copy);
        return 0;
}
