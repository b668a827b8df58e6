/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source type "file": a grant set in a file, put there by a publisher on this host, by
 * configuration management or by hand. Promises, cited by tests/unit/test-fetch-file.c:
 *
 *  F1 A symlink, a FIFO, a device or a file that everybody may write MUST NOT be read (V37).
 *  F2 No file MUST hold up the loop: opened O_NONBLOCK, read up to FEED_SET_MAX.
 *  F3 A file that changes while it is read MUST NOT be delivered; it is read again. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/path-watch.h"
#include "nhi-agentd/fetch/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define RETRY_FIRST_USEC (250u * 1000)
#define RETRY_MAX_USEC   (60u * 1000 * 1000)

typedef struct FileSource {
        const SourceSpec *spec;
        const SourceSink *sink;
        PathWatch *watch;
        sd_event_source *retry;
        unsigned n_failures;
        struct stat delivered; /* what was handed over last; st_ino 0: nothing yet */
} FileSource;

static bool stat_is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* NULL, or why this file is not one to read. */
static const char *file_objection(const struct stat *st)
{
        if (!S_ISREG(st->st_mode))
                return "is not a regular file";
        if (st->st_mode & S_IWOTH)
                return "may be written by everybody: chmod o-w";
        if (st->st_size > (off_t)FEED_SET_MAX)
                return "is larger than a grant set may be";
        return NULL;
}

static const char *open_objection(int error)
{
        if (error == ELOOP)
                return "is a symlink: name the file itself in agentd.conf";
        if (error == ENXIO)
                return "is not a regular file";
        return strerror(error);
}

static void report(const FileSource *s, const char *objection)
{
        char sentence[512];

        (void)snprintf(sentence, sizeof(sentence), "%s %s", s->spec->path, objection);
        s->sink->report(s->sink->userdata, sentence);
}

static void retry_later(FileSource *s)
{
        uint64_t usec = backoff_usec(++s->n_failures, RETRY_FIRST_USEC, RETRY_MAX_USEC);

        sink_next(s->sink, usec);
        (void)sd_event_source_set_time_relative(s->retry, usec);
        (void)sd_event_source_set_enabled(s->retry, SD_EVENT_ONESHOT);
}

/* The open file's bytes, if it stayed the same meanwhile: 0; -EAGAIN where it did not. */
static int read_stable(int fd, const struct stat *before, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *bytes = malloc((size_t)before->st_size + 1);
        struct stat after;
        size_t size = 0;
        int r;

        if (!bytes)
                return -ENOMEM;
        r = fd_read_all(fd, bytes, (size_t)before->st_size, &size);
        if (r == -EFBIG)
                return -EAGAIN;
        if (r < 0)
                return r;
        if (fstat(fd, &after) < 0)
                return -errno;
        if (size != (size_t)before->st_size || !stat_is_same(before, &after))
                return -EAGAIN;

        *ret = TAKE_PTR(bytes);
        *ret_size = size;
        return 0;
}

static void be_well(FileSource *s)
{
        s->n_failures = 0;
        s->sink->report(s->sink->userdata, NULL);
}

static void deliver(FileSource *s, int fd, const struct stat *st)
{
        _cleanup_free_ char *bytes = NULL;
        size_t size = 0;
        int r;

        r = read_stable(fd, st, &bytes, &size);
        if (r == 0)
                r = s->sink->deliver(s->sink->userdata, bytes, size);
        if (r < 0) {
                if (r != -EAGAIN)
                        report(s, strerror(-r));
                retry_later(s);
                return;
        }

        s->delivered = *st;
        be_well(s);
}

/* An absent file is waited for; so is an empty one, which is about to be written. What is wrong
 * with a file is said, and its next change looks again. */
static void on_changed(void *userdata)
{
        FileSource *s = userdata;
        _cleanup_close_ int fd = -EBADF;
        const char *objection;
        struct stat st;

        (void)sd_event_source_set_enabled(s->retry, SD_EVENT_OFF);
        fd = open(s->spec->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
                if (s->spec->is_optional)
                        s->sink->report(s->sink->userdata, NULL);
                else
                        report(s, "is not there yet");
                return;
        }
        if (fd < 0 || fstat(fd, &st) < 0) {
                report(s, open_objection(errno));
                retry_later(s);
                return;
        }

        objection = file_objection(&st);
        if (objection) {
                report(s, objection);
                return;
        }
        if (st.st_size > 0 && stat_is_same(&st, &s->delivered))
                be_well(s); /* the way to it was away for a moment */
        else if (st.st_size > 0)
                deliver(s, fd, &st);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        on_changed(userdata);
        return 0;
}

static void file_stop(void *source)
{
        FileSource *s = source;

        if (!s)
                return;
        (void)path_watch_free(s->watch);
        (void)sd_event_source_disable_unref(s->retry);
        free(s);
}

static int file_start(sd_event *event, const SourceSpec *spec, const SourceSink *sink, void **ret)
{
        FileSource *s;
        int r;

        if (!spec->path)
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->spec = spec;
        s->sink = sink;

        r = sd_event_add_time_relative(event, &s->retry, CLOCK_MONOTONIC, 0, 0, on_retry, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = path_watch_new(event, spec->path, on_changed, s, &s->watch);
        if (r < 0) {
                file_stop(s);
                return r;
        }
        (void)sd_event_source_set_description(s->retry, "source-file-retry");
        *ret = s;
        return 0;
}

const SourceType source_file = { "file", false, file_start, file_stop, true };
