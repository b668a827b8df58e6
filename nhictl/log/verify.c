/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/verify-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS_MAX 8u
/* Below this, threads take longer to come than to be of use. */
#define THREADS_SIZE (8u * 1024 * 1024)

/* One file on its way to the judge. */
typedef struct Work {
        const VerifyOptions *options;
        Verify *verify;
        VerifyCrew *crew;
        uint64_t n_before; /* bytes of the files before this one */
} Work;

static void tell(const Work *w, const LogStream *s)
{
        if (w->options->progress)
                w->options->progress(w->options->userdata, w->n_before + log_stream_offset(s));
}

/* 0; what the file is to blame for, in *ret_bad; or -ENOMEM. */
static int read_lines(Work *w, LogStream *s, int *ret_bad)
{
        const char *lines, *p, *newline;
        size_t size;
        int r, bad;

        while ((bad = log_stream_lines(s, &lines, &size)) > 0) {
                for (p = lines; p < lines + size; p = newline + 1) {
                        const size_t left = size - (size_t)(p - lines);

                        newline = memchr(p, '\n', left);
                        if (!newline)
                                newline = p + left; /* a line that is too long for any */
                        r = verify_crew_add(w->crew, p, (size_t)(newline - p));
                        if (r < 0)
                                return r;
                }
                tell(w, s);
        }
        *ret_bad = bad;
        return verify_crew_flush(w->crew);
}

static int verify_stream(Work *w, LogStream *s)
{
        size_t rest_size = 0;
        const char *rest;
        int bad = 0, r;

        r = read_lines(w, s, &bad);
        if (r == 0 && bad == 0)
                bad = log_stream_rest(s, &rest, &rest_size);
        if (r < 0 || bad == -ENOMEM)
                return r < 0 ? r : bad;
        if (bad < 0)
                verify_file_unread(w->verify, bad);
        else
                verify_file_end(w->verify, rest_size);
        w->n_before += log_stream_size(s);
        return w->verify->error;
}

/* The seq that the reserve begins with; 0: it has no record. */
static int read_reserve(const LogSource *source, uint64_t *ret)
{
        *ret = 0;
        for (size_t i = 0; i < source->segments.n; i++) {
                _cleanup_(log_stream_freep) LogStream *s = NULL;
                const char *line;
                size_t size;
                LogLine l;
                int r;

                if (source->segments.items[i].kind != LOG_FILE_RESERVE)
                        continue;
                r = log_stream_open(source, i, &s);
                if (r == 0)
                        r = log_stream_line(s, &line, &size);
                if (r > 0 && log_line_parse(line, size, &l) == 0)
                        *ret = l.seq;
                return r == -ENOMEM ? r : 0;
        }
        return 0;
}

static int verify_segment(Work *w, const LogSource *source, size_t i, uint64_t void_from)
{
        _cleanup_(log_stream_freep) LogStream *s = NULL;
        const LogSegment *segment = &source->segments.items[i];
        int r = log_stream_open(source, i, &s);

        if (r == -ENOMEM)
                return r;
        /* The oldest ones may be let go just now. */
        if (r == -ENOENT && !w->verify->has_begun)
                return 0;
        verify_file_begin(w->verify, s ? log_stream_name(s) : segment->name, segment, void_from);
        if (r == 0)
                return verify_stream(w, s);
        verify_file_unread(w->verify, r);
        return 0;
}

/* The agent's own names for an active segment and a reserve that it could not go on with. */
static bool is_damaged_name(const char *name)
{
        static const char prefix[] = "damaged-";
        const char *digits = name + sizeof(prefix) - 1;

        const char *rest;

        if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
                return false;
        rest = digits + strspn(digits, "0123456789");
        return streq(rest, ".log") || streq(rest, "-reserve.log");
}

/* They are in no chain; that they are there must be said. */
static void count_damaged(const LogSource *source, VerifyReport *report)
{
        const int fd = openat(source->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *e;

        if (!dir) {
                if (fd >= 0)
                        (void)close(fd);
                return;
        }
        while ((e = readdir(dir)))
                if (is_damaged_name(e->d_name) && report->n_damaged++ == 0)
                        (void)snprintf(report->damaged, sizeof(report->damaged), "%.63s",
                                       e->d_name);
        (void)closedir(dir);
}

/* Whether it was pruned is known at the end only, and it is the first of all. */
static void check_beginning(Verify *v)
{
        VerifyReport *report = v->report;
        VerifyProblem first;
        size_t n;

        if (v->begin_seq <= 1 || report->pruned_by > 0)
                return;
        first = *verify_problem(v, VERIFY_BEGINNING, &v->first, v->begin_seq,
                                "the log begins with it, and no record says that what was before "
                                "was pruned");
        n = report->n_problems < VERIFY_PROBLEMS_MAX ? report->n_problems : VERIFY_PROBLEMS_MAX;
        memmove(&report->problems[1], &report->problems[0], (n - 1) * sizeof(first));
        report->problems[0] = first;
}

static unsigned count_threads(const LogSource *source, const VerifyOptions *o)
{
        uint64_t size = 0;
        cpu_set_t set;
        int n = 1;

        if (o->n_threads > 0)
                return o->n_threads;
        for (size_t i = 0; i < source->segments.n && size < THREADS_SIZE; i++) {
                _cleanup_(log_stream_freep) LogStream *s = NULL;

                if (log_stream_open(source, i, &s) == 0)
                        size += log_stream_size(s);
        }
        if (size >= THREADS_SIZE && sched_getaffinity(0, sizeof(set), &set) == 0)
                n = CPU_COUNT(&set);
        return n < (int)THREADS_MAX ? (unsigned)n : THREADS_MAX;
}

int verify_log(const LogSource *source, const VerifyOptions *o, VerifyReport *ret)
{
        _cleanup_(verify_crew_freep) VerifyCrew *crew = NULL;
        VerifyReport report = {};
        Verify v = { .report = &report, .heads = o->heads };
        Work w = { .options = o, .verify = &v };
        uint64_t reserve_seq = 0;
        int r;

        r = verify_crew_new(&v, count_threads(source, o), &crew);
        if (r == 0)
                r = read_reserve(source, &reserve_seq);
        w.crew = crew;
        for (size_t i = 0; r == 0 && i < source->segments.n; i++)
                r = verify_segment(&w, source, i, reserve_seq);
        if (r == 0) {
                check_beginning(&v);
                verify_heads_end(&v);
                count_damaged(source, &report);
                *ret = report;
        }
        verify_sets_clear(&v.sets);
        return r;
}
