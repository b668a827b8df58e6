/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The question that comes before every other. Its promises:
 *
 *  G1 Whatever cannot be read or understood MUST be GATE_ENFORCE.
 *  G2 Exemptions MUST hold whatever became of the gates files and of the agent.
 *  G3 Only files of the trusted owner, which nobody else can write, MUST be believed. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/gates.h"

const GatePaths gate_paths = {
        .run = PATH_GATES_RUN,
        .state = PATH_GATES_STATE,
        .exempt_file = PATH_EXEMPT_FILE,
        .exempt_dir = PATH_EXEMPT_DIR,
        .owner = 0,
};

DEFINE_CLEANUP(Gates *, gates_free)

/* 0 and an owned *ret, -ENOENT where there is no file, or another negative errno: unusable. */
static int gates_load(const char *path, uid_t owner, Gates **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner, GATES_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        return gates_parse(text, size, ret);
}

/* Not a file's fault but the caller's limits, which somebody may have chosen: the copy may be older
 * than the file that could not be read. */
static bool is_shortage(int r)
{
        return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

static GateMode mode_from_files(const GatePaths *paths, const GateSubject *subject,
                                const char *class, char *ret_gate, size_t ret_gate_size)
{
        _cleanup_(gates_freep) Gates *g = NULL;
        int run, state;

        run = gates_load(paths->run, paths->owner, &g);
        if (run == 0)
                return gates_match(g, subject, class, ret_gate, ret_gate_size);
        if (is_shortage(run))
                return GATE_ENFORCE;
        state = gates_load(paths->state, paths->owner, &g);
        if (state == 0)
                return gates_match(g, subject, class, ret_gate, ret_gate_size);
        return run == -ENOENT && state == -ENOENT ? GATE_UNGATED : GATE_ENFORCE;
}

GateMode gate_mode(const GatePaths *paths, const GateSubject *subject, const char *class,
                   char *ret_gate, size_t ret_gate_size)
{
        int saved = errno;
        GateMode mode;

        if (ret_gate && ret_gate_size > 0)
                ret_gate[0] = '\0';
        if (exempt_files_match(paths, subject->name, class))
                mode = GATE_EXEMPT;
        else
                mode = mode_from_files(paths, subject, class, ret_gate, ret_gate_size);
        errno = saved;
        return mode;
}
