/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises W1 and W2 of crowd.h. A stopped process keeps its place among those that its account may
 * have, a killed one gives it free: so stopping comes to an end where killing would not. Who forks
 * and goes at once, so that no number lives for long, is met by looking often.
 *
 * A crowd that is too large for one pass is met from another place each time. While a pass finds
 * somebody who runs most turns only stop: the more are stopped, the fewer fill the places that the
 * killed leave. But some kill: whoever never stands still is not spared for that. */

#include "nhi-agentd/session/crowd.h"

#include "lib/base/io.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>

#define CROWD_USEC  5000ull /* one turn of the loop may take so long, and */
#define CROWD_LOOKS 200u    /* no more looks than this, */
#define CROWD_CALM  8u      /* of which so many in a row found nobody who runs */
#define CROWD_SPARE 64u     /* that came while they were counted */
#define CROWD_BATCH 16u     /* between looks at the clock */
#define CROWD_TURNS 4u      /* one of which kills */

#ifdef NHI_TEST
uint64_t crowd_pass_usec = 20000;
#else
static const uint64_t crowd_pass_usec = 20000; /* one pass */
#endif

static const int signal_stop = SIGSTOP, signal_kill = SIGKILL;

typedef struct Pass {
        CrowdList list;
        void *list_data;
        ProcessMatch match;
        void *match_data;
        const int *signals; /* n of them; none: only count */
        size_t n;
        bool running_only;                 /* whom a stop would tell nothing new is left alone */
        size_t n_found, n_running, n_left; /* left: for want of time */
        size_t from;                       /* where to begin */
        bool takes_its_time;
} Pass;

static bool is_there(pid_t pid, bool *ret_runs)
{
        ProcessView v;

        if (process_view(pid, &v) < 0)
                return false;
        *ret_runs = !strchr("TtZX", v.state);
        return true;
}

/* Who is stopped, traced or dead does not fork. Who is gone may have left somebody behind whom no
 * list has seen yet. */
static void pass_one(Pass *p, pid_t pid)
{
        bool runs = false;

        if (!is_there(pid, &runs)) {
                p->n_running++;
        } else if (process_signal(pid, p->signals, p->running_only && !runs ? 0 : p->n, p->match,
                                  p->match_data)) {
                p->n_found++;
                p->n_running += runs;
        } else {
                p->n_running += !is_there(pid, &runs);
        }
}

static void pass_run(Pass *p)
{
        const size_t room = p->list(p->list_data, NULL, 0) + CROWD_SPARE;
        pid_t *pids = calloc(room, sizeof(*pids));
        const uint64_t begin_usec = now_monotonic_usec();
        size_t n, i = 0;

        p->n_found = p->n_running = p->n_left = 0;
        if (!pids)
                return;
        n = p->list(p->list_data, pids, room);
        n = n < room ? n : room;
        p->from = n > 0 ? p->from % n : 0;
        for (; i < n; i++) {
                if (i % CROWD_BATCH == CROWD_BATCH - 1 && !p->takes_its_time &&
                    now_monotonic_usec() - begin_usec > crowd_pass_usec)
                        break;
                pass_one(p, pids[(p->from + i) % n]);
        }
        p->n_left = n - i;
        free(pids);
}

/* Who was not met counts as there; but nobody is said to be there for whom nothing speaks. */
static size_t pass_total(Pass *p)
{
        if (p->n_left > 0 && p->n_found == 0) {
                p->n = 0;
                p->takes_its_time = true;
                pass_run(p);
        }
        return p->n_found + p->n_left;
}

/* Where a pass begins that cannot meet all of them. */
static size_t anywhere(void)
{
        uint32_t from = 0;

        (void)!getrandom(&from, sizeof(from), GRND_NONBLOCK);
        return from;
}

/* True where it is time to kill, from where the last pass began. */
static bool stop_all(Pass *p)
{
        const uint64_t begin_usec = now_monotonic_usec();
        unsigned n_calm = 0;

        p->signals = &signal_stop;
        p->n = 1;
        p->running_only = true;
        for (unsigned i = 0; i < CROWD_LOOKS && n_calm < CROWD_CALM; i++) {
                p->from = p->n_left > 0 ? anywhere() : p->from;
                pass_run(p);
                n_calm = p->n_running == 0 ? n_calm + 1 : 0;
                if (now_monotonic_usec() - begin_usec > CROWD_USEC)
                        break;
        }
        return p->n_left == 0 || p->n_running == 0 || anywhere() % CROWD_TURNS == 0;
}

size_t crowd_kill_listed(CrowdList list, void *list_data, ProcessMatch match, void *match_data)
{
        Pass p = { .list = list,
                   .list_data = list_data,
                   .match = match,
                   .match_data = match_data,
                   .from = anywhere() };

        if (stop_all(&p)) {
                p.signals = &signal_kill;
                p.running_only = false;
                pass_run(&p);
        }
        return pass_total(&p);
}

/* ---- of a cgroup ---- */

static size_t list_group(void *userdata, pid_t *ret, size_t n)
{
        const Crowd *c = userdata;

        return cgroup_pids(c->group, ret, n);
}

/* W1: moved elsewhere between the list and the pidfd, it is not of this group any more. */
static bool match_group(void *userdata, pid_t pid)
{
        const Crowd *c = userdata;
        char cgroup[CGROUP_PATH_MAX];

        return process_cgroup(pid, cgroup, sizeof(cgroup)) == 0 &&
               cgroup_is_within(cgroup, c->path) && (!c->match || c->match(c->userdata, pid));
}

static size_t crowd_pass(const Crowd *c, const int *signals, size_t n)
{
        Pass p = { .list = list_group,
                   .list_data = (void *)(uintptr_t)c,
                   .match = match_group,
                   .match_data = (void *)(uintptr_t)c,
                   .signals = signals,
                   .n = n };

        pass_run(&p);
        return pass_total(&p);
}

size_t crowd_count(const Crowd *c)
{
        return crowd_pass(c, NULL, 0);
}

size_t crowd_ask(const Crowd *c)
{
        return crowd_pass(c, signals_ask, ELEMENTSOF(signals_ask));
}

size_t crowd_kill(const Crowd *c)
{
        return crowd_kill_listed(list_group, (void *)(uintptr_t)c, match_group,
                                 (void *)(uintptr_t)c);
}
