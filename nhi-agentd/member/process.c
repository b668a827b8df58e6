/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/member/process.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define STATUS_SIZE_MIN 16384u
#define STATUS_SIZE_MAX (1024u * 1024)
#define STAT_SIZE       2048u
#define STAT_START      22 /* proc_pid_stat(5) */

void process_text_done(ProcessText *t)
{
        free(t->text);
        *t = (ProcessText){};
}

/* What stands behind the name of a line. The process's own name stands before all of them, with
 * every newline escaped. */
static const char *line_find(const char *text, const char *name)
{
        const char *at = strstr(text, name);

        return at ? at + strlen(name) : NULL;
}

static bool four_parse(const char *at, uint32_t ret[static 4])
{
        return at && sscanf(at, "%" SCNu32 "\t%" SCNu32 "\t%" SCNu32 "\t%" SCNu32, &ret[0], &ret[1],
                            &ret[2], &ret[3]) == 4;
}

int process_ids_parse(const char *text, ProcessIds *ret)
{
        ProcessIds ids = {};

        if (!four_parse(line_find(text, "\nUid:\t"), ids.uid) ||
            !four_parse(line_find(text, "\nGid:\t"), ids.gid))
                return -EBADMSG;
        ids.groups = line_find(text, "\nGroups:\t");
        /* A line that is cut may hide any group. */
        if (!ids.groups || !strchr(ids.groups, '\n'))
                return -EBADMSG;
        *ret = ids;
        return 0;
}

static int text_grow(ProcessText *t)
{
        const size_t capacity = t->capacity ? 2 * t->capacity : STATUS_SIZE_MIN;
        char *grown;

        if (capacity > STATUS_SIZE_MAX)
                return -E2BIG;
        grown = realloc(t->text, capacity);
        if (!grown)
                return -ENOMEM;
        t->text = grown;
        t->capacity = capacity;
        return 0;
}

static int text_read(int fd, ProcessText *t)
{
        for (t->size = 0;;) {
                ssize_t n;
                int r;

                if (t->size + 1 >= t->capacity) {
                        r = text_grow(t);
                        if (r < 0)
                                return r;
                }
                n = read(fd, t->text + t->size, t->capacity - t->size - 1);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                t->size += (size_t)n;
        }
        t->text[t->size] = '\0';
        return 0;
}

int process_ids_read(pid_t pid, ProcessText *t, ProcessIds *ret)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        r = text_read(fd, t);
        return r < 0 ? r : process_ids_parse(t->text, ret);
}

static bool is_listed(const char *groups, gid_t gid)
{
        while (*groups && *groups != '\n') {
                char *end;
                const unsigned long v = strtoul(groups, &end, 10);

                if (end == groups)
                        return false;
                if (v == gid)
                        return true;
                groups = end + strspn(end, " ");
        }
        return false;
}

Carries process_carries(const ProcessIds *ids, gid_t gid)
{
        if (ids->gid[0] == gid || is_listed(ids->groups, gid))
                return CARRIES;
        for (size_t i = 1; i < ELEMENTSOF(ids->gid); i++)
                if (ids->gid[i] == gid)
                        return CARRIES_BY_PROGRAM;
        return CARRIES_NOT;
}

bool process_has_uid(const ProcessIds *ids, uid_t uid)
{
        for (size_t i = 0; i < ELEMENTSOF(ids->uid); i++)
                if (ids->uid[i] == uid)
                        return true;
        return false;
}

/* Counted from behind the name, which may hold anything. */
int process_start_parse(const char *text, uint64_t *ret)
{
        const char *at = strrchr(text, ')');
        char *end;
        uint64_t v;

        for (int field = 2; at && field < STAT_START; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return -EBADMSG;
        errno = 0;
        v = strtoull(at + 1, &end, 10);
        if (errno != 0 || end == at + 1)
                return -EBADMSG;
        *ret = v;
        return 0;
}

int process_start_read(pid_t pid, uint64_t *ret)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64], text[STAT_SIZE];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return process_start_parse(text, ret);
}

uint64_t process_ticks_of_usec(int64_t boot_usec)
{
        return (uint64_t)boot_usec / (USEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

bool process_shares_namespace(pid_t pid, const char *name)
{
        char path[64], theirs[64], ours[64];
        ssize_t n, k;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
        n = readlink(path, theirs, sizeof(theirs));
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
        k = readlink(path, ours, sizeof(ours));
        return n > 0 && n == k && memcmp(ours, theirs, (size_t)n) == 0;
}
