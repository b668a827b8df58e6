/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /proc from one end to the other, in turns that are short against what the loop has else to do,
 * and with rests that keep the looking to a fifth of a processor. */

#include "nhi-agentd/member/internal.h"

#include "nhi-agentd/process.h"

#include <signal.h>
#include <sys/wait.h>

#define TURN_USEC   4000u
#define REST_FACTOR 4u

void member_look_done(Members *m)
{
        if (m->proc)
                (void)closedir(m->proc);
        m->proc = NULL;
}

static void turn_in(Members *m, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(m->turn, usec);
        (void)sd_event_source_set_enabled(m->turn, SD_EVENT_ONESHOT);
}

/* A test ends its own children, whatever else comes and goes on its machine. */
static bool may_look(pid_t pid)
{
#ifdef NHI_TEST
        siginfo_t info;

        return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
#else
        (void)pid;
        return true;
#endif
}

static bool may_match(const Members *m, pid_t pid)
{
        MemberTies ties;

        member_ties_read(pid, &ties);
        for (const MemberEnding *e = m->endings; e; e = e->next)
                if (ending_counts(m, e) && member_may_match(e, &ties))
                        return true;
        return false;
}

static void look_at(Members *m, pid_t pid)
{
        ProcessIds ids;
        int r;

        if (!may_match(m, pid))
                return;
        r = process_ids_read(pid, &m->text, &ids);
        m->n_missed += r == -ESRCH;
        if (r < 0)
                return;
        for (MemberEnding *e = m->endings; e; e = e->next) {
                const Match match = ending_counts(m, e) ? member_match(m, e, pid, &ids) : MATCH_NOT;

                if (match == MATCH_APART)
                        member_ending_apart(e, pid);
                if (match != MATCH)
                        continue;
                member_ending_found(m, e, pid);
                /* Its text may have been read anew. */
                if (process_ids_read(pid, &m->text, &ids) < 0)
                        break;
        }
        m->n_missed += kill(pid, 0) < 0 && errno == ESRCH;
}

/* True once the end is reached. */
static bool look_on(Members *m, uint64_t until_usec)
{
        struct dirent *entry;

        while ((entry = readdir(m->proc))) {
                const pid_t pid = process_of_name(entry->d_name);

                if (pid > 0 && may_look(pid))
                        look_at(m, pid);
                if (now_monotonic_usec() > until_usec)
                        return false;
        }
        return true;
}

static bool look_begin(Members *m)
{
        if (m->proc)
                return true;
        m->proc = opendir("/proc");
        m->n_missed = 0;
        if (m->proc)
                m->look++;
        return m->proc != NULL;
}

int on_member_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        Members *m = userdata;
        const uint64_t begin_usec = now_monotonic_usec();
        uint64_t rest_usec, due_usec = 0;

        if (!m->endings)
                return 0;
        if (look_begin(m) && look_on(m, begin_usec + TURN_USEC)) {
                member_look_done(m);
                member_endings_looked(m);
                if (!member_endings_due(m, &due_usec))
                        return 0;
        }
        rest_usec = REST_FACTOR * (now_monotonic_usec() - begin_usec);
        turn_in(m, rest_usec > due_usec ? rest_usec : due_usec);
        return 0;
}

/* What is new waits for no slow round. */
void member_look_arm(Members *m)
{
        bool is_new = false;

        for (const MemberEnding *e = m->endings; e; e = e->next)
                is_new |= e->n_looks == 0;
        if (is_new && !m->proc)
                turn_in(m, 0);
}
