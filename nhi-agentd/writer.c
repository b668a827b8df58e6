/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/thread.h"

#include <pthread.h>
#include <sys/eventfd.h>

#ifdef NHI_TEST
int (*_Atomic writer_inject)(const char *thread);
#endif

typedef struct Job {
        struct Job *next;
        WriterWork work; /* NULL: files */
        WriterFile files[WRITER_FILES_MAX];
        size_t n_files;
        WriterDone done;
        void *userdata;
        int r;
} Job;

typedef struct Queue {
        Job *first, **last;
} Queue;

struct Writer {
        const char *name;
        pthread_t thread;
        bool has_thread, has_sync;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        Queue todo, finished; /* under lock */
        size_t n_pending;     /* queued and not yet answered; the loop's own */
        bool stop;            /* under lock */
        int event_fd;
        sd_event_source *source;
};

static void queue_init(Queue *q)
{
        q->first = NULL;
        q->last = &q->first;
}

static void queue_push(Queue *q, Job *job)
{
        job->next = NULL;
        *q->last = job;
        q->last = &job->next;
}

static Job *queue_pop(Queue *q)
{
        Job *job = q->first;

        if (!job)
                return NULL;
        q->first = job->next;
        if (!q->first)
                q->last = &q->first;
        return job;
}

static int job_run(const Writer *w, Job *job)
{
#ifdef NHI_TEST
        int (*inject)(const char *thread) = writer_inject;
        int injected = inject ? inject(w->name) : 0;

        if (injected != 0)
                return injected;
#endif
        if (job->work)
                return job->work(job->userdata);
        for (size_t i = 0; i < job->n_files; i++) {
                const WriterFile *f = &job->files[i];
                int r = file_replace(f->path, f->data, f->size, f->mode, geteuid(), getegid(),
                                     true);

                if (r < 0)
                        return r;
        }
        return 0;
}

static void *writer_main(void *userdata)
{
        Writer *w = userdata;

        (void)pthread_setname_np(pthread_self(), w->name);
        (void)pthread_mutex_lock(&w->lock);
        for (;;) {
                Job *job = queue_pop(&w->todo);

                if (!job && w->stop)
                        break;
                if (!job) {
                        (void)pthread_cond_wait(&w->wake, &w->lock);
                        continue;
                }
                (void)pthread_mutex_unlock(&w->lock);
                job->r = job_run(w, job);
                (void)pthread_mutex_lock(&w->lock);
                queue_push(&w->finished, job);
                (void)eventfd_write(w->event_fd, 1);
        }
        (void)pthread_mutex_unlock(&w->lock);
        return NULL;
}

static Job *take_finished(Writer *w)
{
        Job *job;

        (void)pthread_mutex_lock(&w->lock);
        job = queue_pop(&w->finished);
        (void)pthread_mutex_unlock(&w->lock);
        return job;
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Writer *w = userdata;
        eventfd_t n;
        Job *job;

        (void)eventfd_read(fd, &n);
        while ((job = take_finished(w))) {
                w->n_pending--;
                job->done(job->userdata, job->r);
                free(job);
        }
        return 0;
}

DEFINE_CLEANUP(Writer *, writer_free)

int writer_new(sd_event *event, const char *name, Writer **ret)
{
        _cleanup_(writer_freep) Writer *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->name = name;
        queue_init(&w->todo);
        queue_init(&w->finished);
        w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->event_fd < 0)
                return -errno;
        r = -pthread_mutex_init(&w->lock, NULL);
        if (r == 0)
                r = -pthread_cond_init(&w->wake, NULL);
        if (r < 0)
                return r;
        w->has_sync = true;
        r = sd_event_add_io(event, &w->source, w->event_fd, EPOLLIN, on_finished, w);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(w->source, name);
        r = thread_start(&w->thread, writer_main, w);
        if (r < 0)
                return r;
        w->has_thread = true;
        *ret = TAKE_PTR(w);
        return 0;
}

Writer *writer_free(Writer *w)
{
        Job *job;

        if (!w)
                return NULL;
        if (w->has_thread) {
                (void)pthread_mutex_lock(&w->lock);
                w->stop = true;
                (void)pthread_cond_signal(&w->wake);
                (void)pthread_mutex_unlock(&w->lock);
                (void)pthread_join(w->thread, NULL);
        }
        while ((job = queue_pop(&w->finished))) {
                job->done(job->userdata, -ECANCELED);
                free(job);
        }
        sd_event_source_disable_unref(w->source);
        if (w->has_sync) {
                (void)pthread_cond_destroy(&w->wake);
                (void)pthread_mutex_destroy(&w->lock);
        }
        if (w->event_fd >= 0)
                (void)close(w->event_fd);
        free(w);
        return NULL;
}

size_t writer_n_pending(const Writer *w)
{
        return w->n_pending;
}

static int enqueue(Writer *w, Job *job)
{
        bool stopped;

        if (w->n_pending >= WRITER_QUEUE_MAX) {
                free(job);
                return -EBUSY;
        }
        (void)pthread_mutex_lock(&w->lock);
        stopped = w->stop;
        if (!stopped) {
                queue_push(&w->todo, job);
                (void)pthread_cond_signal(&w->wake);
        }
        (void)pthread_mutex_unlock(&w->lock);
        if (stopped) {
                free(job);
                return -ECANCELED;
        }
        w->n_pending++;
        return 0;
}

int writer_call(Writer *w, WriterWork work, WriterDone done, void *userdata)
{
        Job *job = calloc(1, sizeof(*job));

        if (!job)
                return -ENOMEM;
        job->work = work;
        job->done = done;
        job->userdata = userdata;
        return enqueue(w, job);
}

int writer_replace(Writer *w, const WriterFile *files, size_t n, WriterDone done, void *userdata)
{
        Job *job;

        if (n == 0 || n > WRITER_FILES_MAX)
                return -EINVAL;
        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        memcpy(job->files, files, n * sizeof(*files));
        job->n_files = n;
        job->done = done;
        job->userdata = userdata;
        return enqueue(w, job);
}
