/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/log/log.h"

#include "lib/base/macro.h"
#include "lib/base/thread.h"

#include <pthread.h>
#include <sys/eventfd.h>

#define BATCH_MAX 1024u /* records; their bytes are bounded by LOG_BATCH_MAX */

typedef enum JobKind {
        JOB_APPEND = 0,
        JOB_RESUME,
        JOB_ROTATE,
} JobKind;

typedef struct Job {
        struct Job *next;
        JobKind kind;
        LogDone done;
        void *userdata;
        LogEntry entry;
        char set[LOG_HASH_TEXT_SIZE + 1];
        char body[];
} Job;

typedef struct Queue {
        Job *first, **last;
} Queue;

/* What the thread has to say about the store. */
typedef struct View {
        LogHead head;
        uint64_t segment;
        uint64_t n_free; /* bytes that the disk has left */
        int error;
        char error_text[LOG_ERROR_MAX];
} View;

struct Log {
        LogOptions options;
        LogStore *store; /* the thread's, once it runs */
        LogUses *uses;
        pthread_t thread;
        bool has_thread, has_sync;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        Queue todo, finished; /* under lock */
        View said;            /* under lock */
        bool stop;            /* under lock */
        uint64_t rotate_size; /* under lock */
        int64_t rotate_age_usec;
        View view; /* the loop's */
        bool is_low;
        size_t n_pending, pending_bytes;
        int event_fd;
        sd_event_source *source;
        LogEntry entries[BATCH_MAX]; /* the thread's */
        Job *jobs[BATCH_MAX];
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

/* ---- the thread -------------------------------------------------------------------------------
 */

static void look(const LogStore *s, uint64_t n_free, View *ret)
{
        const char *text = "";

        ret->n_free = n_free;
        log_store_head(s, &ret->head);
        ret->segment = log_store_segment(s);
        ret->error = log_store_error(s, &text);
        memccpy(ret->error_text, text, '\0', sizeof(ret->error_text));
}

/* As many records as fit into one write, or one job of another kind. Under lock. */
static size_t take_batch(Log *l)
{
        size_t n = 0, bytes = 0;

        while (n < BATCH_MAX && l->todo.first) {
                const Job *next = l->todo.first;

                bytes += LOG_PREFIX_MAX + next->entry.body_size;
                if (n > 0 && (bytes > LOG_BATCH_MAX || next->kind != JOB_APPEND))
                        break;
                l->jobs[n++] = queue_pop(&l->todo);
                if (l->jobs[0]->kind != JOB_APPEND)
                        break;
        }
        return n;
}

static void run_batch(Log *l, size_t n)
{
        Job *first = l->jobs[0];

        if (first->kind == JOB_RESUME) {
                first->entry.r = log_store_resume(l->store, &first->entry);
                return;
        }
        if (first->kind == JOB_ROTATE) {
                first->entry.r = log_store_rotate(l->store);
                return;
        }
        for (size_t i = 0; i < n; i++)
                l->entries[i] = l->jobs[i]->entry;
        log_store_append(l->store, l->entries, n);
        for (size_t i = 0; i < n; i++)
                l->jobs[i]->entry.r = l->entries[i].r;
}

static void *log_main(void *userdata)
{
        Log *l = userdata;
        uint64_t n_free;
        size_t n;

        (void)pthread_setname_np(pthread_self(), "nhi-log");
        (void)pthread_mutex_lock(&l->lock);
        for (;;) {
                n = take_batch(l);
                if (n == 0 && l->stop)
                        break;
                if (n == 0) {
                        (void)pthread_cond_wait(&l->wake, &l->lock);
                        continue;
                }
                log_store_set_rotation(l->store, l->rotate_size, l->rotate_age_usec);
                (void)pthread_mutex_unlock(&l->lock);
                run_batch(l, n);
                n_free = log_store_free_space(l->store);
                (void)pthread_mutex_lock(&l->lock);
                look(l->store, n_free, &l->said);
                for (size_t i = 0; i < n; i++)
                        queue_push(&l->finished, l->jobs[i]);
                (void)eventfd_write(l->event_fd, 1);
        }
        (void)pthread_mutex_unlock(&l->lock);
        return NULL;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static void forget(Log *l, Job *job)
{
        l->n_pending--;
        l->pending_bytes -= job->entry.body_size;
        free(job);
}

/* Those that are finished now, and the view that belongs to them. */
static Job *take_finished(Log *l)
{
        Job *first;

        (void)pthread_mutex_lock(&l->lock);
        first = l->finished.first;
        queue_init(&l->finished);
        l->view = l->said;
        (void)pthread_mutex_unlock(&l->lock);
        return first;
}

static void watch_space(Log *l)
{
        const bool was_low = l->is_low;

        l->is_low = l->view.n_free < (was_low ? 2 : 1) * (uint64_t)LOG_SPACE_LOW;
        if (l->is_low && !was_low && l->options.on_space)
                l->options.on_space(l->options.userdata, l->view.n_free);
}

void log_settle(Log *l)
{
        const uint64_t segment = l->view.segment;
        const int error = l->view.error;
        Job *job = take_finished(l), *next;

        /* Who is answered next must know it. */
        if (error == 0 && l->view.error != 0 && l->options.on_failed)
                l->options.on_failed(l->options.userdata);
        for (; job; job = next) {
                next = job->next;
                if (job->done)
                        job->done(job->userdata, job->entry.r);
                forget(l, job);
        }
        if (segment != l->view.segment && l->options.on_segment)
                l->options.on_segment(l->options.userdata);
        watch_space(l);
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        eventfd_t n;

        (void)eventfd_read(fd, &n);
        log_settle(userdata);
        return 0;
}

static int enqueue(Log *l, JobKind kind, LogEntry entry, LogDone done, void *userdata)
{
        Job *job;

        if (l->n_pending >= LOG_QUEUE_MAX || entry.body_size > LOG_BODY_MAX ||
            entry.body_size > LOG_QUEUE_BYTES_MAX - l->pending_bytes)
                return -EBUSY;
        job = malloc(sizeof(*job) + entry.body_size);
        if (!job)
                return -ENOMEM;
        *job = (Job){ .kind = kind, .done = done, .userdata = userdata, .entry = entry };
        if (entry.body_size > 0)
                memcpy(job->body, entry.body, entry.body_size);
        if (entry.set && strlen(entry.set) < sizeof(job->set))
                memcpy(job->set, entry.set, strlen(entry.set) + 1);
        job->entry.body = job->body;
        job->entry.set = job->set;
        l->n_pending++;
        l->pending_bytes += entry.body_size;
        (void)pthread_mutex_lock(&l->lock);
        queue_push(&l->todo, job);
        (void)pthread_cond_signal(&l->wake);
        (void)pthread_mutex_unlock(&l->lock);
        return 0;
}

static int append(Log *l, LogEntry entry, LogDone done, void *userdata)
{
        if (!l->has_thread)
                return -ECANCELED;
        if (l->view.error != 0 && !entry.use_reserve)
                return l->view.error;
        return enqueue(l, JOB_APPEND, entry, done, userdata);
}

int log_append(Log *l, const char *body, size_t size, const char *set, unsigned flags, LogDone done,
               void *userdata)
{
        const LogEntry entry = {
                .body = body,
                .body_size = size,
                .set = set,
                .use_reserve = flags & (LOG_APPEND_RESERVE | LOG_APPEND_NOTICE),
                .is_notice = flags & LOG_APPEND_NOTICE,
        };

        return append(l, entry, done, userdata);
}

int log_append_use(Log *l, const char *body, size_t size, const char *set, LogUse *use,
                   uint32_t use_n, LogDone done, void *userdata)
{
        const LogEntry entry = {
                .body = body, .body_size = size, .set = set, .use = use, .use_n = use_n
        };

        return append(l, entry, done, userdata);
}

LogUses *log_uses(Log *l)
{
        return l->uses;
}

int log_resume(Log *l, const char *body, size_t size, LogDone done, void *userdata)
{
        return l->has_thread ? enqueue(l, JOB_RESUME, (LogEntry){ .body = body, .body_size = size },
                                       done, userdata)
                             : -ECANCELED;
}

int log_rotate(Log *l, LogDone done, void *userdata)
{
        return l->has_thread ? enqueue(l, JOB_ROTATE, (LogEntry){}, done, userdata) : -ECANCELED;
}

void log_set_rotation(Log *l, uint64_t rotate_size, int64_t rotate_age_usec)
{
        (void)pthread_mutex_lock(&l->lock);
        l->rotate_size = rotate_size;
        l->rotate_age_usec = rotate_age_usec;
        (void)pthread_mutex_unlock(&l->lock);
}

int log_error(const Log *l, const char **ret_text)
{
        if (ret_text)
                *ret_text = l->view.error_text;
        return l->view.error;
}

void log_head(const Log *l, LogHead *ret)
{
        *ret = l->view.head;
}

size_t log_n_pending(const Log *l)
{
        return l->n_pending;
}

/* ---- life -------------------------------------------------------------------------------------
 */

DEFINE_CLEANUP(Log *, log_free)

int log_new(sd_event *event, const LogOptions *o, Log **ret)
{
        _cleanup_(log_freep) Log *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->options = *o;
        l->rotate_size = o->store.rotate_size;
        l->rotate_age_usec = o->store.rotate_age_usec;
        queue_init(&l->todo);
        queue_init(&l->finished);
        l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->event_fd < 0)
                return -errno;
        r = -pthread_mutex_init(&l->lock, NULL);
        if (r == 0)
                r = -pthread_cond_init(&l->wake, NULL);
        if (r < 0)
                return r;
        l->has_sync = true;
        r = log_uses_new(&l->uses);
        if (r < 0)
                return r;
        l->options.store.uses = l->uses;
        r = log_store_open(&l->options.store, o->floor, o->error, &l->store);
        if (r < 0)
                return r;
        look(l->store, UINT64_MAX, &l->said);
        l->view = l->said;
        r = sd_event_add_io(event, &l->source, l->event_fd, EPOLLIN, on_finished, l);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(l->source, "log-written");
        r = thread_start(&l->thread, log_main, l);
        if (r < 0)
                return r;
        l->has_thread = true;
        *ret = TAKE_PTR(l);
        return 0;
}

void log_stop(Log *l)
{
        if (!l->has_thread)
                return;
        (void)pthread_mutex_lock(&l->lock);
        l->stop = true;
        (void)pthread_cond_signal(&l->wake);
        (void)pthread_mutex_unlock(&l->lock);
        (void)pthread_join(l->thread, NULL);
        l->has_thread = false;
        look(l->store, UINT64_MAX, &l->view);
}

Log *log_free(Log *l)
{
        Job *job;

        if (!l)
                return NULL;
        log_stop(l);
        while ((job = queue_pop(&l->finished))) {
                if (job->done)
                        job->done(job->userdata, -ECANCELED);
                forget(l, job);
        }
        sd_event_source_disable_unref(l->source);
        log_store_free(l->store);
        log_uses_free(l->uses);
        if (l->has_sync) {
                (void)pthread_cond_destroy(&l->wake);
                (void)pthread_mutex_destroy(&l->lock);
        }
        if (l->event_fd >= 0)
                (void)close(l->event_fd);
        free(l);
        return NULL;
}
