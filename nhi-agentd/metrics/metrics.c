/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/metrics/metrics.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/metrics/page.h"
#include "nhi-agentd/writer.h"

#include <fcntl.h>
#include <sys/stat.h>

struct Metrics {
        Agent *agent;
        Writer *writer;         /* NULL: nothing was ever to be written */
        sd_event_source *timer; /* enabled while there is a path */
        char *path;             /* NULL: none is wanted */
        int64_t written_sec;
        int error; /* negative errno of the last write; 0: it went well */
};

/* One write, or with text NULL the removal of what was written. */
typedef struct Job {
        Metrics *metrics;
        char *path, *text;
        size_t size;
} Job;

static Job *job_free(Job *j)
{
        if (!j)
                return NULL;
        free(j->path);
        free(j->text);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(Job *, job_free)

/* ---- on the thread ---- */

/* A directory that others may write to is no place for a file of root's. */
static int check_dir(const char *path)
{
        _cleanup_free_ char *dir = strdup(path);
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        char *slash;

        if (!dir)
                return -ENOMEM;
        slash = strrchr(dir, '/');
        if (!slash)
                return -EINVAL;
        slash[slash == dir] = '\0';
        fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return st.st_uid == owner_trusted() && (st.st_mode & 022) == 0 ? 0 : -EPERM;
}

static int job_work(void *userdata)
{
        const Job *j = userdata;
        int r;

        r = check_dir(j->path);
        if (r < 0)
                return r;
        if (!j->text)
                return unlink(j->path) < 0 ? -errno : 0;
        return file_replace(j->path, j->text, j->size, 0644, geteuid(), getegid(), false);
}

/* ---- on the loop ---- */

/* What was written for a path that is no longer wanted says nothing of the one that is. */
static void on_job_done(void *userdata, int r)
{
        Job *j = userdata;
        Metrics *m = j->metrics;

        if (j->text && r != -ECANCELED && m->path && streq(m->path, j->path)) {
                m->error = r;
                if (r == 0)
                        m->written_sec = agent_now(m->agent).real_usec / (int64_t)USEC_PER_SEC;
        }
        job_free(j);
}

/* Takes text. */
static int job_queue(Metrics *m, char *text, size_t size)
{
        _cleanup_(job_freep) Job *j = calloc(1, sizeof(*j));
        int r;

        if (!j) {
                free(text);
                return -ENOMEM;
        }
        *j = (Job){ .metrics = m, .path = strdup(m->path), .text = text, .size = size };
        if (!j->path)
                return -ENOMEM;
        r = writer_call(m->writer, job_work, on_job_done, j);
        if (r == 0)
                TAKE_PTR(j);
        return r;
}

static void write_page(Metrics *m)
{
        char *text = NULL;
        size_t size = 0;
        int r;

        /* A path that hangs has one write waiting, and no more. */
        if (writer_n_pending(m->writer) > 0)
                return;
        r = metrics_page(m->agent, agent_now(m->agent), &text, &size);
        if (r == 0)
                r = job_queue(m, text, size);
        if (r < 0)
                m->error = r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Metrics *m = userdata;

        write_page(m);
        (void)sd_event_source_set_time_relative(m->timer, m->agent->config->metrics_interval_usec);
        (void)sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
        return 0;
}

static void stop_writing(Metrics *m)
{
        (void)sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (m->path && m->written_sec > 0)
                (void)job_queue(m, NULL, 0);
        free(TAKE_PTR(m->path));
        m->written_sec = 0;
        m->error = 0;
}

static int begin_writing(Metrics *m, const char *path)
{
        int r = 0;

        m->path = strdup(path);
        if (!m->path)
                return -ENOMEM;
        if (!m->writer)
                r = writer_new(m->agent->event, "nhi-metrics", &m->writer);
        if (r < 0)
                return r;
        (void)sd_event_source_set_time_relative(m->timer, 0);
        r = sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
        return r < 0 ? r : 0;
}

void metrics_configure(Metrics *m)
{
        const char *path;

        if (!m)
                return;
        path = m->agent->config->metrics_file;
        if (m->path && streq(m->path, path))
                return;
        stop_writing(m);
        if (*path)
                m->error = begin_writing(m, path);
}

DEFINE_CLEANUP(Metrics *, metrics_free)

int metrics_new(Agent *a, Metrics **ret)
{
        _cleanup_(metrics_freep) Metrics *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->agent = a;
        r = sd_event_add_time_relative(a->event, &m->timer, CLOCK_MONOTONIC, 0, 0, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(m->timer, "metrics");
        *ret = TAKE_PTR(m);
        return 0;
}

Metrics *metrics_free(Metrics *m)
{
        if (!m)
                return NULL;
        stop_writing(m);
        m->writer = writer_free(m->writer);
        sd_event_source_disable_unref(m->timer);
        free(m);
        return NULL;
}

static const char *error_text(int r)
{
        static const struct {
                int error;
                const char *text;
        } texts[] = {
                { -EPERM, "its directory must be root's, and writable by nobody else" },
                { -EROFS, "the unit does not let the agent write there: ReadWritePaths= in a "
                          "drop-in, or a file in /run/nhi" },
                { -ENOENT, "its directory is not there" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (texts[i].error == r)
                        return texts[i].text;
        return strerror(-r);
}

bool metrics_view(const Metrics *m, MetricsView *ret)
{
        if (!m || !m->path)
                return false;
        *ret = (MetricsView){
                .path = m->path,
                .interval_sec = (int64_t)(m->agent->config->metrics_interval_usec / USEC_PER_SEC),
                .written_sec = m->written_sec,
                .error = m->error < 0 ? error_text(m->error) : NULL,
        };
        return true;
}

bool metrics_is_settled(const Metrics *m)
{
        return !m->writer || writer_n_pending(m->writer) == 0;
}
