/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a child died, for whoever reads the report: a fault that moves with addresses may not come
 * back under a debugger. */

#include "tests/fault/fault.h"

#include "tests/fault/alloc.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_MAX 12

static const char *file_of(const Dl_info *where)
{
        const char *slash = strrchr(where->dli_fname, '/');

        return slash ? slash + 1 : where->dli_fname;
}

static void note_frame(const void *frame)
{
        const size_t size = strlen(fault->crash);
        char *end = fault->crash + size;
        const size_t room = sizeof(fault->crash) - size;
        Dl_info where;

        if (dladdr(frame, &where) == 0 || !where.dli_fname)
                (void)snprintf(end, room, " ?");
        else if (where.dli_sname)
                (void)snprintf(end, room, " %s:%s", file_of(&where), where.dli_sname);
        else
                (void)snprintf(end, room, " %s+%#tx", file_of(&where),
                               (const char *)frame - (const char *)where.dli_fbase);
}

/* Not safe in a signal handler, and good enough in a process that is lost. */
static void on_crash(int signal)
{
        void *frames[FRAMES_MAX];
        int n;

        alloc_arm(false);
        n = backtrace(frames, FRAMES_MAX);
        fault->crash[0] = '\0';
        for (int i = 1; i < n; i++)
                note_frame(frames[i]);
        /* SA_RESETHAND: whatever it was happens again, and is the end. */
}

void crash_report(void)
{
        static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT };
        const struct sigaction act = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

        for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
                (void)sigaction(signals[i], &act, NULL);
}
