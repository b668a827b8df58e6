/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/segment.h"

#include "lib/base/macro.h"
#include "lib/base/sort.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define PREFIX     "decisions-"
#define SEQ_DIGITS 20u

static const char *const suffixes[] = {
        [LOG_FILE_CLOSED] = ".log",
        [LOG_FILE_COMPRESSED] = ".log.zst",
        [LOG_FILE_SETS] = ".sets",
};

void log_name_format(LogFileKind kind, uint64_t first_seq, char ret[static LOG_NAME_SIZE + 1])
{
        ret[0] = '\0';
        if ((unsigned)kind < ELEMENTSOF(suffixes) && suffixes[kind])
                (void)snprintf(ret, LOG_NAME_SIZE + 1, PREFIX "%0*" PRIu64 "%s", (int)SEQ_DIGITS,
                               first_seq, suffixes[kind]);
}

LogFileKind log_name_parse(const char *name, uint64_t *ret_first_seq)
{
        const char *digits = name + sizeof(PREFIX) - 1;
        uint64_t seq = 0;

        *ret_first_seq = 0;
        if (streq(name, LOG_ACTIVE_NAME))
                return LOG_FILE_ACTIVE;
        if (streq(name, LOG_RESERVE_NAME))
                return LOG_FILE_RESERVE;
        if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0 ||
            strspn(digits, "0123456789") != SEQ_DIGITS)
                return LOG_FILE_NONE;
        for (size_t i = 0; i < SEQ_DIGITS; i++) {
                seq = 10 * seq + (uint64_t)(digits[i] - '0');
                if (seq > LOG_SEQ_MAX)
                        return LOG_FILE_NONE;
        }
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (seq > 0 && suffixes[i] && streq(digits + SEQ_DIGITS, suffixes[i])) {
                        *ret_first_seq = seq;
                        return (LogFileKind)i;
                }
        return LOG_FILE_NONE;
}

static int by_place(const void *a, const void *b)
{
        static const int places[] = {
                [LOG_FILE_CLOSED] = 0,
                [LOG_FILE_COMPRESSED] = 0,
                [LOG_FILE_ACTIVE] = 1,
                [LOG_FILE_RESERVE] = 2,
        };
        const LogSegment *x = a, *y = b;

        if (places[x->kind] != places[y->kind])
                return places[x->kind] - places[y->kind];
        if (x->first_seq != y->first_seq)
                return x->first_seq < y->first_seq ? -1 : 1;
        return (int)x->kind - (int)y->kind; /* what is not compressed first */
}

static int add(LogSegments *s, size_t *capacity, const char *name)
{
        LogSegment item = {};

        item.kind = log_name_parse(name, &item.first_seq);
        if (item.kind == LOG_FILE_NONE || item.kind == LOG_FILE_SETS)
                return 0;
        memcpy(item.name, name, strlen(name) + 1);
        if (s->n == *capacity) {
                const size_t more = *capacity > 0 ? 2 * *capacity : 64;
                LogSegment *items = reallocarray(s->items, more, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                s->items = items;
                *capacity = more;
        }
        s->items[s->n++] = item;
        return 0;
}

static void drop_doubles(LogSegments *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                if (n == 0 || s->items[i].first_seq == 0 ||
                    s->items[i].first_seq != s->items[n - 1].first_seq)
                        s->items[n++] = s->items[i];
        s->n = n;
}

static void closedirp(DIR **d)
{
        if (*d)
                (void)closedir(*d);
}

int log_segments_list(int dir_fd, LogSegments *ret)
{
        _cleanup_(log_segments_done) LogSegments s = {};
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        size_t capacity = 0;
        int fd, r;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                (void)close(fd);
                return r;
        }
        while ((errno = 0, entry = readdir(dir))) {
                r = add(&s, &capacity, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;
        sort_items(s.items, s.n, by_place);
        drop_doubles(&s);
        *ret = s;
        s = (LogSegments){};
        return 0;
}

void log_segments_done(LogSegments *s)
{
        free(s->items);
        *s = (LogSegments){};
}
