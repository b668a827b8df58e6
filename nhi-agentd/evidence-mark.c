/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The marker that the log has failed. What fills the log's disk mostly fills that of the marker, so
 * it is there before, under another name: to be renamed takes no space. Its first line is for who
 * finds it; a second one says how many records were lost. */

#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define MARK     "the decision log failed; nhictl log resume\n"
#define LOST     "lost "
#define MARK_MAX 128u

static void on_marked(void *userdata, int r)
{
}

static int put(const char *path, const char *text)
{
        return file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), true);
}

static int move(const char *from, const char *to)
{
        _cleanup_close_ int dir = open(PATH_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (rename(from, to) < 0)
                return -errno;
        return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

static int prepare(void *userdata)
{
        if (access(PATH_LOG_FAILED, F_OK) == 0 || access(PATH_LOG_UNFAILED, F_OK) == 0)
                return 0;
        return put(PATH_LOG_UNFAILED, MARK);
}

static int fail(void *userdata)
{
        int r = access(PATH_LOG_FAILED, F_OK) == 0 ? 0 : move(PATH_LOG_UNFAILED, PATH_LOG_FAILED);

        if (access(PATH_LOG_FAILED_RUN, F_OK) < 0)
                (void)put(PATH_LOG_FAILED_RUN, MARK);
        return r < 0 ? put(PATH_LOG_FAILED, MARK) : 0;
}

static int clear(void *userdata)
{
        int r = 0;

        if (unlink(PATH_LOG_FAILED_RUN) < 0 && errno != ENOENT)
                r = -errno;
        if (truncate(PATH_LOG_FAILED, strlen(MARK)) == 0)
                return r < 0 ? r : move(PATH_LOG_FAILED, PATH_LOG_UNFAILED);
        if (unlink(PATH_LOG_FAILED) < 0 && errno != ENOENT)
                r = -errno;
        return r < 0 ? r : prepare(NULL);
}

void mark_prepare(Evidence *v)
{
        (void)writer_call(v->agent->writer, prepare, on_marked, NULL);
}

void mark_failed(Evidence *v)
{
        v->is_marked = true;
        (void)writer_call(v->agent->writer, fail, on_marked, NULL);
}

void mark_clear(Evidence *v)
{
        v->is_marked = false;
        (void)writer_call(v->agent->writer, clear, on_marked, NULL);
}

/* One that cannot be read is there all the same. */
static bool read_one(const char *path, uint64_t *n_lost)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        uint64_t n = 0;
        int r = file_read_trusted(path, owner_trusted(), MARK_MAX, &text, &size);

        if (r == 0 && size > strlen(MARK) && sscanf(text + strlen(MARK), LOST "%" SCNu64, &n) == 1)
                *n_lost = n > *n_lost ? n : *n_lost;
        return r != -ENOENT;
}

bool mark_read(Evidence *v)
{
        const bool has_one = read_one(PATH_LOG_FAILED, &v->n_lost);

        v->is_marked = read_one(PATH_LOG_FAILED_RUN, &v->n_lost) || has_one;
        return v->is_marked;
}

void mark_lost(const Evidence *v)
{
        static const char *const paths[] = { PATH_LOG_FAILED, PATH_LOG_FAILED_RUN };
        const uint64_t n = v->n_lost + v->n_carried;
        char text[MARK_MAX];

        (void)snprintf(text, sizeof(text), MARK LOST "%" PRIu64 "\n", n);
        for (size_t i = 0; v->is_marked && n > 0 && i < ELEMENTSOF(paths); i++)
                (void)put(paths[i], text);
}
