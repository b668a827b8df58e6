/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When did the last process of each session die? Seen from outside, by the kernel's word alone: a
 * pidfd of each process of a cgroup, and the cgroup's own "populated".
 *
 *   end-watch SECONDS          reads the sessions' cgroups, one directory a line, from stdin
 *
 * On stdout "watching SESSIONS PROCESSES" once it looks; then a line for each session, as they end:
 * "end NS DIRECTORY", the time of its last process' end in nanoseconds since the epoch; and, when
 * the seconds are over, "left PROCESSES DIRECTORY" for each that did not. Exit 1 where any is left.
 * "end 0" is a session that had ended before it was looked at. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 4096
#define NSEC_PER_SEC 1000000000ull
#define LOOK_MSEC    5 /* between looks at a group that is populated by nobody known */

typedef struct Session {
        char *path;
        int procs_fd, events_fd;
        size_t n_alive;
        uint64_t last_ns; /* CLOCK_REALTIME */
        bool ended;
} Session;

typedef struct Process {
        Session *session;
        int pidfd;
} Process;

static Session sessions[SESSIONS_MAX];
static size_t n_sessions, n_left;
static int epoll_fd;

static _Noreturn void die(const char *what)
{
        perror(what);
        exit(2);
}

static uint64_t clock_ns(clockid_t clock)
{
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void session_add(const char *path)
{
        Session *s = &sessions[n_sessions];
        char name[4096 + 16];

        if (n_sessions == SESSIONS_MAX)
                die("too many sessions");
        *s = (Session){ .path = strdup(path) };
        (void)snprintf(name, sizeof(name), "%s/cgroup.procs", path);
        s->procs_fd = open(name, O_RDONLY | O_CLOEXEC);
        (void)snprintf(name, sizeof(name), "%s/cgroup.events", path);
        s->events_fd = open(name, O_RDONLY | O_CLOEXEC);
        if (!s->path || s->procs_fd < 0 || s->events_fd < 0)
                die(path);
        n_sessions++;
        n_left++;
}

/* Who is gone before it can be held ended before now. */
static void process_add(Session *s, pid_t pid)
{
        Process *p = malloc(sizeof(*p));
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

        if (!p)
                die("memory");
        *p = (Process){ .session = s, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0) };
        if (p->pidfd < 0 && errno == ESRCH) {
                free(p);
                return;
        }
        if (p->pidfd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->pidfd, &e) < 0)
                die("pidfd");
        s->n_alive++;
}

/* Hold everybody who is in the group now. */
static void session_look(Session *s)
{
        char text[65536], *rest = text, *line;
        ssize_t n = pread(s->procs_fd, text, sizeof(text) - 1, 0);

        if (n <= 0)
                return; /* removed, or empty */
        text[n] = '\0';
        while ((line = strsep(&rest, "\n")))
                if (*line)
                        process_add(s, (pid_t)atoi(line));
}

static bool session_is_populated(const Session *s)
{
        char text[256];
        ssize_t n = pread(s->events_fd, text, sizeof(text) - 1, 0);

        if (n <= 0)
                return false; /* only an empty one can be removed */
        text[n] = '\0';
        return strstr(text, "populated 1") != NULL;
}

/* Its known processes are dead: it has ended, unless somebody came who is not known yet. */
static void session_check(Session *s)
{
        if (s->ended || s->n_alive > 0)
                return;
        if (session_is_populated(s)) {
                session_look(s);
                return;
        }
        s->ended = true;
        n_left--;
        (void)printf("end %llu %s\n", (unsigned long long)s->last_ns, s->path);
}

static void on_death(Process *p)
{
        Session *s = p->session;

        s->last_ns = clock_ns(CLOCK_REALTIME);
        s->n_alive--;
        (void)close(p->pidfd);
        free(p);
        session_check(s);
}

static void watch(uint64_t deadline_ns)
{
        struct epoll_event events[256];

        while (n_left > 0 && clock_ns(CLOCK_MONOTONIC) < deadline_ns) {
                int n = epoll_wait(epoll_fd, events, 256, LOOK_MSEC);

                for (int i = 0; i < n; i++)
                        on_death(events[i].data.ptr);
                for (size_t i = 0; n == 0 && i < n_sessions; i++)
                        session_check(&sessions[i]);
        }
}

/* A file for each process: as many as may be. */
static void files_raise(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                die("getrlimit");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                die("setrlimit");
}

int main(int argc, char **argv)
{
        const double seconds = argc == 2 ? atof(argv[1]) : 0;
        char line[4096];
        size_t n_processes = 0;

        if (seconds <= 0) {
                (void)fprintf(stderr, "usage: end-watch SECONDS <DIRECTORIES\n");
                return 2;
        }
        files_raise();
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_fd < 0)
                die("epoll");
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                session_add(line);
        }
        for (size_t i = 0; i < n_sessions; i++) {
                session_look(&sessions[i]);
                n_processes += sessions[i].n_alive;
        }
        (void)printf("watching %zu %zu\n", n_sessions, n_processes);
        (void)fflush(stdout);
        watch(clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * (double)NSEC_PER_SEC));
        for (size_t i = 0; i < n_sessions; i++)
                if (!sessions[i].ended)
                        (void)printf("left %zu %s\n", sessions[i].n_alive, sessions[i].path);
        return n_left > 0;
}
