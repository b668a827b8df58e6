/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A process that a look came upon and that carries a membership that is over: asked once, killed
 * after the grace. Promise MB4 of member.h. */

#include "nhi-agentd/member/internal.h"

#include "nhi-agentd/process.h"
#include "nhi-agentd/session/group.h"

#include <signal.h>

/* Each is looked for in the list: what forks on and on makes that no longer than this. Whom it does
 * not hold is asked again. */
#define ASKED_MAX 4096u

static void pids_add(MemberEnding *e, pid_t pid)
{
        if (e->n_pids < ELEMENTSOF(e->pids))
                e->pids[e->n_pids++] = pid;
}

static bool was_asked(const MemberEnding *e, Asked who)
{
        for (size_t i = 0; i < e->n_asked; i++)
                if (e->asked[i].pid == who.pid && e->asked[i].start == who.start)
                        return true;
        return false;
}

static void asked_add(MemberEnding *e, Asked who)
{
        const size_t capacity = e->asked_capacity ? 2 * e->asked_capacity : 16;
        void *grown;

        if (e->n_asked == ASKED_MAX)
                return;
        if (e->n_asked == e->asked_capacity) {
                grown = reallocarray(e->asked, capacity, sizeof(*e->asked));
                if (!grown)
                        return; /* asked again, and killed all the same */
                e->asked = grown;
                e->asked_capacity = capacity;
        }
        e->asked[e->n_asked++] = who;
}

static void process_end(Members *m, MemberEnding *e, int pidfd, Asked who)
{
        if (e->asked_usec == 0)
                e->asked_usec = now_monotonic_usec();
        if (!was_asked(e, who)) {
                asked_add(e, who);
                if (!ending_grace_is_over(m, e))
                        pidfd_ask(pidfd);
        }
        if (ending_grace_is_over(m, e))
                pidfd_signal(pidfd, SIGKILL);
}

static bool hears_of_its_session(Members *m, const MemberEnding *e, pid_t pid)
{
        char cgroup[CGROUP_PATH_MAX];

        return process_cgroup(pid, cgroup, sizeof(cgroup)) == 0 &&
               session_is_of_grant(m->agent->sessions, cgroup, e->member.of.jti);
}

/* MB4. What is dead and waits for its parent bears its ids still, and is nobody. The first look of
 * an ending, and the only one of words, is for whom to tell. */
void member_ending_found(Members *m, MemberEnding *e, pid_t pid)
{
        _cleanup_close_ int pidfd = process_open(pid);
        const bool is_for_words = e->kind == ENDING_WORDS || e->n_looks == 0;
        Process p;
        ProcessIds ids;

        if (pidfd < 0 || process_read(pid, &p) < 0 || process_ids_read(pid, &m->text, &ids) < 0 ||
            member_match(m, e, pid, &ids) != MATCH || !pidfd_is_alive(pidfd))
                return;
        e->n_found++;
        if (process_cgroup(pid, e->cgroup, sizeof(e->cgroup)) < 0)
                e->cgroup[0] = '\0';
        if (!is_for_words || !hears_of_its_session(m, e, pid))
                pids_add(e, pid);
        if (e->kind == ENDING_KILLS && e->n_looks > 0)
                process_end(m, e, pidfd, (Asked){ .pid = pid, .start = p.start });
}

void member_ending_apart(MemberEnding *e, pid_t pid)
{
        e->n_apart++;
        pids_add(e, pid);
}
