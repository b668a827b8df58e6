/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/source.h"

#include <fcntl.h>
#include <poll.h>

/* A rotation takes two syncs; after a crash, or in a copy, there is no active segment at all. */
#define SETTLE_MSEC 20
#define SETTLE_MAX  25
#define LIST_MAX    100

static int open_if_there(int dir_fd, const char *name, int *ret)
{
        const int fd =
                openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 && errno != ENOENT)
                return -errno;
        *ret = fd < 0 ? -EBADF : fd;
        return 0;
}

static bool has(const LogSegments *list, LogFileKind kind)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].kind == kind)
                        return true;
        return false;
}

/* Compressed meanwhile is the same. */
static bool is_same(const LogSegments *a, const LogSegments *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->items[i].first_seq != b->items[i].first_seq ||
                    (a->items[i].first_seq == 0 && a->items[i].kind != b->items[i].kind))
                        return false;
        return true;
}

/* What is opened between two lists that are the same belongs to them: a name that goes to another
 * file leaves a closed segment behind. False: look again. */
static int look(LogSource *s, bool *ret_stable)
{
        _cleanup_(log_segments_done) LogSegments before = {};
        int r = log_segments_list(s->dir_fd, &before);

        if (r == 0)
                r = open_if_there(s->dir_fd, LOG_ACTIVE_NAME, &s->active_fd);
        if (r == 0)
                r = open_if_there(s->dir_fd, LOG_RESERVE_NAME, &s->reserve_fd);
        if (r == 0)
                r = log_segments_list(s->dir_fd, &s->segments);
        if (r < 0)
                return r;
        *ret_stable = is_same(&before, &s->segments) &&
                      has(&s->segments, LOG_FILE_ACTIVE) == (s->active_fd >= 0) &&
                      has(&s->segments, LOG_FILE_RESERVE) == (s->reserve_fd >= 0);
        return 0;
}

static void forget(LogSource *s)
{
        closep(&s->active_fd);
        closep(&s->reserve_fd);
        s->active_fd = s->reserve_fd = -EBADF;
        log_segments_done(&s->segments);
}

static bool is_between_segments(const LogSource *s)
{
        return s->active_fd < 0 && s->segments.n > 0 && s->segments.items[0].first_seq > 0;
}

int log_source_open(const char *dir, LogSource **ret)
{
        _cleanup_(log_source_freep) LogSource *s = calloc(1, sizeof(*s));
        unsigned n_settle = 0;
        bool is_stable;
        int r;

        if (!s)
                return -ENOMEM;
        s->active_fd = s->reserve_fd = -EBADF;
        s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->dir_fd < 0)
                return -errno;
        for (unsigned i = 0; i < LIST_MAX; i++) {
                forget(s);
                r = look(s, &is_stable);
                if (r < 0)
                        return r;
                if (!is_stable)
                        continue;
                if (!is_between_segments(s) || n_settle++ == SETTLE_MAX) {
                        *ret = TAKE_PTR(s);
                        return 0;
                }
                (void)poll(NULL, 0, SETTLE_MSEC);
        }
        return -EAGAIN;
}

LogSource *log_source_free(LogSource *s)
{
        if (!s)
                return NULL;
        forget(s);
        closep(&s->dir_fd);
        free(s);
        return NULL;
}
