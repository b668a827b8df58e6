/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many read and hash lines, one judges them in their order. A ring of jobs: filled, taken and
 * judged in the same order. */

#include "nhictl/log/verify-internal.h"

#include <pthread.h>
#include <signal.h>

#define JOB_LINES 1024u
#define JOB_SIZE  (512u * 1024)
#define CREW_MAX  8u
#define JOBS_MAX  (2 * CREW_MAX + 1)

typedef struct Job {
        VerifyLine lines[JOB_LINES];
        size_t n;
        char *data;
        size_t size, capacity;
        bool is_read;
} Job;

struct VerifyCrew {
        Verify *verify;
        Job *jobs;
        size_t n_jobs;
        pthread_t threads[CREW_MAX];
        unsigned n_threads;
        pthread_mutex_t lock;
        pthread_cond_t handed, read;
        uint64_t n_handed, n_taken; /* jobs, since the beginning */
        uint64_t n_judged;
        bool is_stopping;
        /* The last line of the last job: what stands behind it may say what it is. */
        bool has_held;
        VerifyLine held;
        char *held_data;
        size_t held_capacity;
};

static void read_job(Job *job)
{
        for (size_t i = 0; i < job->n; i++)
                verify_line_read(&job->lines[i]);
}

static void *work(void *userdata)
{
        VerifyCrew *c = userdata;

        (void)pthread_mutex_lock(&c->lock);
        for (;;) {
                Job *job;

                while (c->n_taken == c->n_handed && !c->is_stopping)
                        (void)pthread_cond_wait(&c->handed, &c->lock);
                if (c->is_stopping)
                        break;
                job = &c->jobs[c->n_taken++ % c->n_jobs];
                (void)pthread_mutex_unlock(&c->lock);
                read_job(job);
                (void)pthread_mutex_lock(&c->lock);
                job->is_read = true;
                (void)pthread_cond_signal(&c->read);
        }
        (void)pthread_mutex_unlock(&c->lock);
        return NULL;
}

/* Signals are the first thread's. Where no thread can be had the caller does it all. */
static void start(VerifyCrew *c, unsigned n_threads)
{
        sigset_t all, before;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        while (c->n_threads < n_threads &&
               pthread_create(&c->threads[c->n_threads], NULL, work, c) == 0)
                c->n_threads++;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int verify_crew_new(Verify *v, unsigned n_threads, VerifyCrew **ret)
{
        VerifyCrew *c = calloc(1, sizeof(*c));

        if (n_threads > CREW_MAX)
                n_threads = CREW_MAX;
        if (c) {
                c->verify = v;
                c->n_jobs = n_threads > 1 ? 2 * n_threads + 1 : 1;
                c->jobs = calloc(c->n_jobs, sizeof(*c->jobs));
        }
        if (!c || !c->jobs) {
                free(c);
                return -ENOMEM;
        }
        (void)pthread_mutex_init(&c->lock, NULL);
        (void)pthread_cond_init(&c->handed, NULL);
        (void)pthread_cond_init(&c->read, NULL);
        if (n_threads > 1)
                start(c, n_threads);
        *ret = c;
        return 0;
}

VerifyCrew *verify_crew_free(VerifyCrew *c)
{
        if (!c)
                return NULL;
        (void)pthread_mutex_lock(&c->lock);
        c->is_stopping = true;
        (void)pthread_cond_broadcast(&c->handed);
        (void)pthread_mutex_unlock(&c->lock);
        for (unsigned i = 0; i < c->n_threads; i++)
                (void)pthread_join(c->threads[i], NULL);
        (void)pthread_cond_destroy(&c->read);
        (void)pthread_cond_destroy(&c->handed);
        (void)pthread_mutex_destroy(&c->lock);
        for (size_t i = 0; i < c->n_jobs; i++)
                free(c->jobs[i].data);
        free(c->jobs);
        free(c->held_data);
        free(c);
        return NULL;
}

/* ---- judging -----------------------------------------------------------------------------------
 */

/* Its job is filled anew: the line is kept, and read again where it was kept. */
static int hold(VerifyCrew *c, const VerifyLine *l)
{
        if (c->held_capacity < l->size + 1) {
                free(c->held_data);
                c->held_capacity = 0;
                c->held_data = malloc(l->size + 1);
                if (!c->held_data)
                        return -ENOMEM;
                c->held_capacity = l->size + 1;
        }
        memcpy(c->held_data, l->data, l->size);
        c->held = (VerifyLine){ .data = c->held_data, .size = l->size };
        verify_line_read(&c->held);
        c->has_held = true;
        return 0;
}

static int judge_job(VerifyCrew *c, Job *job)
{
        if (job->n > 0 && c->has_held) {
                c->has_held = false;
                verify_judge(c->verify, &c->held, &job->lines[0]);
        }
        for (size_t i = 0; i + 1 < job->n; i++)
                verify_judge(c->verify, &job->lines[i], &job->lines[i + 1]);
        return job->n > 0 ? hold(c, &job->lines[job->n - 1]) : 0;
}

/* The oldest job, when it has been read. */
static int judge_next(VerifyCrew *c)
{
        Job *job = &c->jobs[c->n_judged % c->n_jobs];
        int r;

        if (c->n_threads == 0)
                read_job(job);
        else {
                (void)pthread_mutex_lock(&c->lock);
                while (!job->is_read)
                        (void)pthread_cond_wait(&c->read, &c->lock);
                (void)pthread_mutex_unlock(&c->lock);
        }
        r = judge_job(c, job);
        job->n = job->size = 0;
        job->is_read = false;
        c->n_judged++;
        return r;
}

/* The job that is being filled is done; the next one of the ring is free when this returns. */
static int hand_over(VerifyCrew *c)
{
        (void)pthread_mutex_lock(&c->lock);
        c->n_handed++;
        (void)pthread_cond_signal(&c->handed);
        (void)pthread_mutex_unlock(&c->lock);
        return c->n_handed - c->n_judged == c->n_jobs ? judge_next(c) : 0;
}

/* For one more line. Of a job that has lines already it never moves: they view it. */
static int make_room(Job *job, size_t size)
{
        const size_t need = size > JOB_SIZE ? size : JOB_SIZE;

        if (job->data && job->size + size <= job->capacity)
                return 0;
        free(job->data);
        job->capacity = 0;
        job->data = malloc(need);
        if (!job->data)
                return -ENOMEM;
        job->capacity = need;
        return 0;
}

int verify_crew_add(VerifyCrew *c, const char *line, size_t size)
{
        Job *job = &c->jobs[c->n_handed % c->n_jobs];
        int r;

        if (job->n == JOB_LINES || (job->n > 0 && job->size + size > JOB_SIZE)) {
                r = hand_over(c);
                if (r < 0)
                        return r;
                job = &c->jobs[c->n_handed % c->n_jobs];
        }
        r = make_room(job, size);
        if (r < 0)
                return r;
        memcpy(job->data + job->size, line, size);
        job->lines[job->n++] = (VerifyLine){ .data = job->data + job->size, .size = size };
        job->size += size;
        return 0;
}

int verify_crew_flush(VerifyCrew *c)
{
        int r = hand_over(c);

        while (r == 0 && c->n_judged < c->n_handed)
                r = judge_next(c);
        if (r == 0 && c->has_held) {
                c->has_held = false;
                verify_judge(c->verify, &c->held, NULL);
        }
        return r;
}
