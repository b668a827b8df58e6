/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* System V IPC, as /proc/sysvipc shows it: a line of headings, then one object a line. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <stdio.h>

#define COLUMNS_MAX 24u

typedef struct Columns {
        size_t id, uid, cuid, ctime, n;
} Columns;

static size_t split(char *line, char *fields[static COLUMNS_MAX])
{
        size_t n = 0;
        char *save = NULL;

        for (char *p = strtok_r(line, " \t\n", &save); p && n < COLUMNS_MAX;
             p = strtok_r(NULL, " \t\n", &save))
                fields[n++] = p;
        return n;
}

static bool columns_read(char *line, Columns *ret)
{
        char *fields[COLUMNS_MAX];
        Columns c = { .n = split(line, fields) };
        const struct {
                const char *name;
                size_t *column;
        } wanted[] = { { "uid", &c.uid }, { "cuid", &c.cuid }, { "ctime", &c.ctime } };

        c.id = 1;
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                size_t k = 0;

                while (k < c.n && !streq(fields[k], wanted[i].name))
                        k++;
                if (k == c.n)
                        return false;
                *wanted[i].column = k;
        }
        *ret = c;
        return true;
}

static void see_object(Scan *s, const char *kind, const Columns *c, char *line)
{
        char *fields[COLUMNS_MAX], what[64];
        int64_t usec;
        uint32_t uid, cuid;

        if (split(line, fields) < c->n)
                return;
        usec = strtoll(fields[c->ctime], NULL, 10) * (int64_t)USEC_PER_SEC;
        uid = (uint32_t)strtoul(fields[c->uid], NULL, 10);
        cuid = (uint32_t)strtoul(fields[c->cuid], NULL, 10);
        (void)snprintf(what, sizeof(what), "%s %s", kind, fields[c->id]);
        scan_found(s, LEFTOVER_SYSV_IPC, what, uses_concern(s->uses, cuid) ? cuid : uid, usec,
                   false);
}

static void look_at(Scan *s, const char *kind)
{
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        char path[32];
        Columns c;
        FILE *f;
        int fd;

        (void)snprintf(path, sizeof(path), "proc/sysvipc/%s", kind);
        fd = openat(s->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        f = fd >= 0 ? fdopen(fd, "re") : NULL;
        if (!f) {
                if (fd >= 0)
                        (void)close(fd);
                return;
        }
        if (getline(&line, &size, f) > 0 && columns_read(line, &c))
                while (s->n_entries++ < s->entries_max && getline(&line, &size, f) > 0)
                        see_object(s, kind, &c, line);
        (void)fclose(f);
}

void scan_ipc(Scan *s)
{
        look_at(s, "shm");
        look_at(s, "msg");
        look_at(s, "sem");
}
