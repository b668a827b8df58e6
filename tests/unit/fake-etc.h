/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory with passwd, group, subuid and subgid for tests of nhi-agentd/set. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhi-agentd/set/localdb.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct FakeEtc {
        char dir[PATH_MAX];
} FakeEtc;

static const char *const fake_etc_files[] = { "passwd", "group", "subuid", "subgid" };

/* Below the test root of the build; 0 or -1. */
static inline int fake_etc_init(FakeEtc *e)
{
        char *slash;

        snprintf(e->dir, sizeof(e->dir), "%s/etc-XXXXXX", PATH_ROOT);
        slash = strrchr(e->dir, '/');
        *slash = '\0';
        for (char *p = strchr(e->dir + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                (void)mkdir(e->dir, 0755);
                *p = '/';
        }
        (void)mkdir(e->dir, 0755);
        *slash = '/';
        return mkdtemp(e->dir) ? 0 : -1;
}

/* NULL removes the file. */
static inline int fake_etc_write(const FakeEtc *e, const char *name, const char *text)
{
        char path[PATH_MAX + 16];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", e->dir, name);
        if (!text)
                return unlink(path);
        f = fopen(path, "we");
        if (!f)
                return -1;
        fputs(text, f);
        return fclose(f);
}

static inline void fake_etc_done(FakeEtc *e)
{
        for (size_t i = 0; i < ELEMENTSOF(fake_etc_files); i++)
                (void)fake_etc_write(e, fake_etc_files[i], NULL);
        (void)rmdir(e->dir);
}

/* A small host of its own. */
static inline int fake_etc_fill(const FakeEtc *e)
{
        if (fake_etc_write(e, "passwd",
                           "root:x:0:0:root:/root:/bin/bash\n"
                           "daemon:x:1:1::/:/usr/sbin/nologin\n"
                           "postgres:x:110:115::/var/lib/postgresql:/bin/bash\n"
                           "operator1:x:1000:1000::/home/operator1:/bin/bash\n"
                           "taken:x:70900:70900::/:/bin/sh\n") < 0 ||
            fake_etc_write(e, "group",
                           "root:x:0:\n"
                           "wheelish:x:0:\n"
                           "postgres:x:115:\n"
                           "pay-ops:x:2000:operator1,postgres\n"
                           "ours:x:70901:\n") < 0 ||
            fake_etc_write(e, "subuid", "operator1:80000:1000\n") < 0)
                return -1;
        return fake_etc_write(e, "subgid", "operator1:81000:1000\n");
}
