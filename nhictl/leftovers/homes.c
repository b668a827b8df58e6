/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Home directories: of accounts and targets of sessions; where one had root, everybody's. Those of
 * the local passwd file, and of the accounts themselves wherever they come from. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>

#define HOMES_MAX 4096u

static bool home_is_known(const Scan *s, const char *path)
{
        for (size_t i = 0; i < s->n_homes; i++)
                if (streq(s->homes[i].path, path))
                        return true;
        return false;
}

static void home_add(Scan *s, const struct passwd *pw)
{
        const char *path = pw->pw_dir;
        Home *homes;

        if (!path || path[0] != '/' || path[1] == '\0' || home_is_known(s, path) ||
            !(s->uses->has_root || uses_concern(s->uses, pw->pw_uid)) || !walk_is_real(s, path))
                return;
        if (s->n_homes == HOMES_MAX) {
                s->n_unseen++;
                return;
        }
        homes = reallocarray(s->homes, s->n_homes + 1, sizeof(*homes));
        if (homes)
                s->homes = homes;
        if (!homes || !(homes[s->n_homes].path = strdup(path))) {
                s->is_failed = true;
                return;
        }
        homes[s->n_homes++].uid = pw->pw_uid;
}

static void homes_local(Scan *s)
{
        const int fd = openat(s->root_fd, "etc/passwd", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
        const struct passwd *pw;

        if (!f) {
                if (fd >= 0)
                        (void)close(fd);
                return;
        }
        while ((pw = fgetpwent(f)))
                home_add(s, pw);
        (void)fclose(f);
}

void scan_homes(Scan *s)
{
        for (size_t i = 0; i < s->uses->n; i++) {
                const Use *u = &s->uses->items[i];
                const struct passwd *pw = u->uid != USE_NOBODY ? getpwuid(u->uid) : NULL;

                if (pw)
                        home_add(s, pw);
        }
        homes_local(s);
}
