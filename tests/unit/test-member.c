/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-agentd/member: what carries a group that a grant gave ends with it (S07: supplementary
 * groups stay in live processes). The processes are this test's children, as other uids: root's to
 * make. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/member/internal.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>

#define UID_POSTGRES 110
#define UID_ALICE    1000
#define GID_TEAM     1700
#define GID_OTHER    1800
#define GRACE_USEC   20000

#define TEAM_TERM "{\"type\":\"nhi_group\",\"groups\":[\"team\"]}"
#define TEAM_ALSO "{\"type\":\"nhi_group\",\"groups\":[\"team\",\"other\"]}"

typedef struct World {
        Fixture *f;
        pid_t pids[16];
        size_t n_pids;
} World;

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(fixture_setup((void **)&w->f), 0);
        fixture_write(PATH_ROOT "/etc/group", "root:x:0:\nalice:x:1000:\npostgres:x:115:\n"
                                              "team:x:1700:\nother:x:1800:\nnhi-managed:x:990:\n");
        w->f->agent->config->session_grace_usec = GRACE_USEC;
        fixture_load(w->f);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        for (size_t i = 0; i < w->n_pids; i++) {
                (void)kill(w->pids[i], SIGKILL);
                (void)waitpid(w->pids[i], NULL, 0);
        }
        agent_ahead_usec = 0;
        assert_int_equal(fixture_teardown((void **)&w->f), 0);
        free(w);
        return 0;
}

static void need_root(void)
{
        if (geteuid() != 0)
                skip();
}

typedef struct Who {
        uid_t uid;
        gid_t gid;
        gid_t groups[2];
        size_t n_groups;
        bool is_deaf; /* to what it may ignore */
        bool is_root; /* by its real uid */
        gid_t by_program;
        const char *terminal; /* its own; NULL: none */
} Who;

static void take_terminal(const char *path)
{
        int fd;

        if (setsid() < 0 || (fd = open(path, O_RDWR)) < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
                _exit(1);
}

static void become(const Who *who)
{
        if (who->terminal)
                take_terminal(who->terminal);
        if (setgroups(who->n_groups, who->groups) < 0)
                _exit(1);
        if (who->by_program > 0 ? setresgid(who->gid, who->by_program, who->by_program)
                                : setresgid(who->gid, who->gid, who->gid))
                _exit(1);
        /* Last: who becomes another loses it. */
        if (setresuid(who->is_root ? 0 : who->uid, who->uid, who->uid) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                _exit(1);
        if (who->is_deaf) {
                (void)signal(SIGTERM, SIG_IGN);
                (void)signal(SIGHUP, SIG_IGN);
        }
}

/* A child that is who, once this returns. */
static pid_t begin(World *w, Who who)
{
        int ready[2];
        char byte = 0;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                /* The agent's lock must not outlive it. */
                (void)dup2(ready[1], STDIN_FILENO);
                (void)close_range(STDERR_FILENO + 1, ~0U, 0);
                become(&who);
                if (write(STDIN_FILENO, "", 1) != 1)
                        _exit(1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        w->pids[w->n_pids++] = pid;
        return pid;
}

#define GROUPS_MAX 65536u

static void write_text(pid_t pid, const char *name, const char *text)
{
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        (void)close(fd);
}

static void be_apart(size_t n_groups, int ready)
{
        static gid_t groups[GROUPS_MAX];

        if (unshare(CLONE_NEWUSER) < 0 || write(ready, "", 1) != 1)
                _exit(1);
        while (setresuid(0, 0, 0) < 0) /* until the parent wrote the map */
                (void)usleep(1000);
        for (size_t i = 0; i < n_groups; i++)
                groups[i] = (gid_t)i;
        if ((n_groups > 0 && setgroups(n_groups, groups) < 0) || write(ready, "", 1) != 1 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                _exit(1);
        for (;;)
                (void)pause();
}

/* In a user namespace of its own, as who's subordinate ids, in so many groups; its gid stays. 0
 * where the kernel allows none. */
static pid_t begin_apart(World *w, Who who, size_t n_groups)
{
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)dup2(ready[1], STDIN_FILENO);
                (void)close_range(STDERR_FILENO + 1, ~0U, 0);
                become(&who);
                be_apart(n_groups, STDIN_FILENO);
        }
        (void)close(ready[1]);
        w->pids[w->n_pids++] = pid;
        if (read(ready[0], &byte, 1) == 1) {
                write_text(pid, "gid_map", "0 400000 65536\n");
                write_text(pid, "uid_map", "0 300000 65536\n");
                assert_int_equal(read(ready[0], &byte, 1), 1);
        } else {
                pid = 0;
        }
        (void)close(ready[0]);
        return pid;
}

static bool is_over(pid_t pid)
{
        siginfo_t info = {};

        return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == pid;
}

static int how_it_ended(pid_t pid)
{
        siginfo_t info = {};

        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        return info.si_status;
}

static bool nothing_is_ending(void *userdata)
{
        const World *w = userdata;

        return fixture_is_settled(w->f) && members_n_endings(w->f->agent->members) == 0;
}

static void settle(World *w)
{
        assert_true(fixture_until(w->f, nothing_is_ending, w));
}

/* The next tick of the clock that processes' starts are told in: what begins now began afterwards.
 */
static void next_tick(void)
{
        const struct timespec tick = { .tv_nsec = 1000000000 / sysconf(_SC_CLK_TCK) };

        (void)nanosleep(&tick, NULL);
}

static int64_t version;

static void offer(World *w, const char *grants)
{
        const char *line =
                fixture_offer(w->f, fixture_set(w->f, ++version, FIXTURE_ACCOUNT, grants));

        if (strncmp(line, "accepted ", 9) != 0)
                fail_msg("%s", line);
        fixture_settle(w->f);
}

static void give(World *w, const char *account, const char *terms)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", account, 600, terms);

        offer(w, grant);
        next_tick();
}

/* The agent's clocks say that the grant has so much left, and its timer rings. */
static void time_is(World *w, int64_t left_sec)
{
        const Grant *g = agent_grant(w->f->agent, "g-1");

        assert_non_null(g);
        agent_ahead_usec = (g->exp_sec - left_sec) * (int64_t)USEC_PER_SEC - now_realtime_usec();
        agent_time_passed(w->f->agent);
}

static void take_back(World *w)
{
        offer(w, "");
        settle(w);
}

static const Who carrier = {
        .uid = UID_POSTGRES, .gid = 115, .groups = { GID_TEAM }, .n_groups = 1
};

/* ---- what ends ---- */

static void what_carries_the_group_ends_with_the_grant(void **state)
{
        World *w = *state;
        Who by_newgrp = { .uid = UID_POSTGRES, .gid = GID_TEAM };
        pid_t pid, other;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        other = begin(w, by_newgrp);
        take_back(w);
        assert_true(is_over(pid));
        assert_true(is_over(other));
        assert_int_equal(how_it_ended(pid), SIGTERM);
}

/* Subordinate ids are no way out, also where no audit session tells logins apart. */
static void what_took_other_ids_in_a_namespace_of_its_own_ends(void **state)
{
        World *w = *state;
        Who who = { .uid = UID_POSTGRES, .gid = GID_TEAM };
        Who other = { .uid = UID_ALICE, .gid = GID_TEAM };
        pid_t pid, theirs;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin_apart(w, who, 0);
        if (pid == 0)
                skip();
        theirs = begin_apart(w, other, 0);
        take_back(w);
        assert_true(is_over(pid));
        assert_false(is_over(theirs));
}

/* What others are in is not even read. */
static void the_groups_of_strangers_cost_a_look_nothing(void **state)
{
        World *w = *state;
        Who who = { .uid = UID_ALICE, .gid = GID_OTHER };
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        if (begin_apart(w, who, GROUPS_MAX) == 0)
                skip();
        pid = begin(w, carrier);
        take_back(w);
        assert_true(is_over(pid));
        assert_true(w->f->agent->members->text.capacity > 0);
        assert_true(w->f->agent->members->text.capacity < 4 * GROUPS_MAX);
}

static void who_does_not_listen_is_killed(void **state)
{
        World *w = *state;
        Who deaf = carrier;
        pid_t pid, stopped;

        need_root();
        give(w, "postgres", TEAM_TERM);
        deaf.is_deaf = true;
        pid = begin(w, deaf);
        stopped = begin(w, deaf);
        assert_int_equal(kill(stopped, SIGSTOP), 0);
        take_back(w);
        assert_true(is_over(pid) && is_over(stopped));
        assert_int_equal(how_it_ended(pid), SIGKILL);
}

static void an_account_that_a_set_defined_is_no_other(void **state)
{
        World *w = *state;
        Who who = { .uid = 70001, .gid = 70001, .groups = { GID_TEAM }, .n_groups = 1 };
        pid_t pid;

        need_root();
        give(w, "svc-deploy", TEAM_TERM);
        pid = begin(w, who);
        take_back(w); /* the account stays, its grant goes */
        assert_true(is_over(pid));
}

static void a_locked_account_loses_what_it_carries(void **state)
{
        World *w = *state;
        bool changed;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        assert_int_equal(agent_lock(w->f->agent, "postgres", true, &changed), 0);
        settle(w);
        assert_true(is_over(pid));
}

/* Its set still gives it. */
static void a_group_that_a_revocation_list_takes_ends_what_carries_it(void **state)
{
        World *w = *state;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        fixture_offer(w->f, fixture_list(w->f, ++version,
                                         "{\"kind\":\"account\",\"name\":\"postgres\"}"));
        assert_int_equal(strncmp(w->f->line, "accepted ", 9), 0);
        settle(w);
        assert_true(is_over(pid));
}

static void an_end_that_passes_ends_it_by_itself(void **state)
{
        World *w = *state;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        time_is(w, 100);
        assert_int_equal(members_n_endings(w->f->agent->members), 0);
        time_is(w, 0);
        settle(w);
        assert_true(is_over(pid));
}

static void what_the_agent_before_gave_is_remembered(void **state) /* S09 */
{
        World *w = *state;
        bool changed;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        assert_int_equal(agent_lock(w->f->agent, "postgres", true, &changed), 0);
        fixture_settle(w->f); /* and dies before the grace is over */
        fixture_restart(w->f);
        w->f->agent->config->session_grace_usec = GRACE_USEC;
        settle(w);
        assert_true(is_over(pid));
}

/* ---- what is said ---- */

/* A terminal of uid's, and what it shows. */
typedef struct Terminal {
        int fd;
        char path[64], shown[4096];
        const char *wanted;
} Terminal;

static void terminal_open(Terminal *t, uid_t uid)
{
        *t = (Terminal){ .fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK) };
        assert_true(t->fd >= 0);
        assert_int_equal(unlockpt(t->fd), 0);
        assert_int_equal(ptsname_r(t->fd, t->path, sizeof(t->path)), 0);
        assert_int_equal(chown(t->path, uid, (gid_t)-1), 0);
}

static bool terminal_shows(void *userdata)
{
        Terminal *t = userdata;
        const size_t n = strlen(t->shown);
        const ssize_t k = read(t->fd, t->shown + n, sizeof(t->shown) - n - 1);

        if (k > 0)
                t->shown[n + (size_t)k] = '\0';
        return strstr(t->shown, t->wanted) != NULL;
}

static void who_carries_it_is_told_before_the_end_and_at_it(void **state)
{
        World *w = *state;
        Who who = carrier;
        Terminal t;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        terminal_open(&t, UID_POSTGRES);
        who.terminal = t.path;
        pid = begin(w, who);
        time_is(w, 300);
        members_review(w->f->agent->members);
        t.wanted = "nhi: you are in team for 300 s more; what carries it then ends.";
        assert_true(fixture_until(w->f, terminal_shows, &t));
        assert_false(is_over(pid));
        t.wanted = "nhi: you are no longer in team (revoked); what carries it ends now.";
        take_back(w);
        assert_true(fixture_until(w->f, terminal_shows, &t));
        assert_true(is_over(pid));
        (void)close(t.fd);
}

/* Nothing of it will end, so nothing is said of an end. */
static void who_is_on_trial_is_told_nothing(void **state)
{
        static const char *accounts[] = { "postgres" }, *services[] = { "ssh" };
        GateRule gate = { .name = (char *)"gate",
                          .mode = GATE_OBSERVE,
                          .services = { services, 1 },
                          .accounts = { accounts, 1 } };
        World *w = *state;
        Config *c = w->f->agent->config;
        const Config before = *c;

        give(w, "postgres", TEAM_TERM);
        fixture_settle(w->f); /* a publication reads the gates */
        c->gates = &gate;
        c->n_gates = 1;
        time_is(w, 300);
        members_review(w->f->agent->members);
        assert_int_equal(members_n_endings(w->f->agent->members), 0);
        fixture_settle(w->f);
        c->gates = before.gates;
        c->n_gates = before.n_gates;
        members_review(w->f->agent->members);
        time_is(w, 60);
        members_review(w->f->agent->members);
        assert_int_equal(members_n_endings(w->f->agent->members), 1);
}

/* ---- what does not ---- */

static void nobody_else_ends(void **state)
{
        World *w = *state;
        const Who others[] = {
                { .uid = UID_POSTGRES, .gid = 115 },
                { .uid = UID_POSTGRES, .gid = 115, .groups = { GID_OTHER }, .n_groups = 1 },
                { .uid = UID_ALICE, .gid = 1000, .groups = { GID_TEAM }, .n_groups = 1 },
                { .uid = UID_POSTGRES,
                  .gid = 115,
                  .groups = { GID_TEAM },
                  .n_groups = 1,
                  .is_root = true },
                /* a program with the setgid bit, begun by whoever may */
                { .uid = UID_POSTGRES, .gid = 115, .by_program = GID_TEAM },
        };
        pid_t before, pids[ELEMENTSOF(others)];

        need_root();
        before = begin(w, carrier);
        next_tick();
        give(w, "postgres", TEAM_TERM);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                pids[i] = begin(w, others[i]);
        take_back(w);
        assert_false(is_over(before));
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (is_over(pids[i]))
                        fail_msg("%zu", i);
}

static void another_grant_keeps_the_group_and_the_last_one_ends_it(void **state)
{
        World *w = *state;
        _cleanup_free_ char *a = fixture_grant("g-a", "postgres", 600, TEAM_TERM);
        _cleanup_free_ char *b = fixture_grant("g-b", "postgres", 600, TEAM_ALSO);
        _cleanup_free_ char *both = NULL;
        pid_t pid;

        need_root();
        offer(w, a);
        next_tick();
        pid = begin(w, carrier);
        next_tick();
        assert_true(asprintf(&both, "%s,%s", a, b) > 0);
        offer(w, both);
        offer(w, b);
        settle(w);
        assert_false(is_over(pid));
        take_back(w); /* given since the first of them was */
        assert_true(is_over(pid));
}

static void a_local_member_keeps_what_it_carries(void **state)
{
        World *w = *state;
        LocalDb *local = NULL;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        fixture_write(PATH_ROOT "/etc/group", "root:x:0:\npostgres:x:115:\nteam:x:1700:postgres\n"
                                              "other:x:1800:\nnhi-managed:x:990:\n");
        assert_int_equal(localdb_load(PATH_ROOT "/etc", &local), 0);
        fixture_settle(w->f);
        localdb_free(w->f->agent->local);
        w->f->agent->local = local;
        take_back(w);
        assert_false(is_over(pid));
}

static void restart_without_sets(World *w)
{
        fixture_stop(w->f);
        assert_int_equal(root_remove(PATH_SETS_DIR, false), 0);
        fixture_dirs();
        fixture_agent(w->f);
        fixture_load(w->f);
}

static void without_a_verified_set_nothing_ends_before_its_time(void **state) /* E4 */
{
        World *w = *state;
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        restart_without_sets(w);
        settle(w);
        assert_null(w->f->agent->issuers[0].set);
        assert_false(is_over(pid));
}

/* Of which key signed it, the next agent knows too. */
static void without_a_verified_set_a_list_ends_what_it_names(void **state) /* E4 */
{
        World *w = *state;
        const char *const kid = w->f->key.public.kid;
        const char *const names[][2] = { { "key", "another" },
                                         { "account", "alice" },
                                         { "key", kid } };
        pid_t pid;

        need_root();
        give(w, "postgres", TEAM_TERM);
        pid = begin(w, carrier);
        restart_without_sets(w);
        w->f->agent->config->session_grace_usec = GRACE_USEC;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *entry = NULL;

                assert_true(asprintf(&entry, "{\"kind\":\"%s\",\"name\":\"%s\"}", names[i][0],
                                     names[i][1]) > 0);
                fixture_offer(w->f, fixture_list(w->f, ++version, entry));
                assert_int_equal(strncmp(w->f->line, "accepted ", 9), 0);
                settle(w);
                assert_null(w->f->agent->issuers[0].set);
                assert_int_equal(is_over(pid), i + 1 == ELEMENTSOF(names));
        }
}

static void who_is_given_the_group_again_within_the_grace_lives(void **state)
{
        World *w = *state;
        Who deaf = carrier;
        pid_t pid;

        need_root();
        w->f->agent->config->session_grace_usec = 60000000;
        give(w, "postgres", TEAM_TERM);
        deaf.is_deaf = true;
        pid = begin(w, deaf);
        offer(w, "");
        assert_int_equal(members_n_endings(w->f->agent->members), 1);
        give(w, "postgres", TEAM_TERM);
        assert_int_equal(members_n_endings(w->f->agent->members), 0);
        assert_false(is_over(pid));
}

/* Of this host's gates only those that name the account say whether it is on trial. */
static void only_a_gate_that_observes_this_account_keeps_what_it_carries(void **state)
{
        static const char *postgres[] = { "postgres" }, *others[] = { "op-*" }, *ssh[] = { "ssh" };
        static const StrList us = { postgres, 1 }, them = { others, 1 }, services = { ssh, 1 },
                             none = { NULL, 0 };
        const struct {
                GateRule gates[2];
                bool lives;
        } hosts[] = {
                { { { .mode = GATE_ENFORCE, .accounts = them, .groups = none },
                    { .mode = GATE_OBSERVE, .accounts = us } },
                  true },
                { { { .mode = GATE_OBSERVE, .groups = us } }, true },
                { { { .mode = GATE_OBSERVE, .accounts = them } }, false },
                { { { .mode = GATE_OBSERVE, .accounts = us },
                    { .mode = GATE_ENFORCE, .groups = us } },
                  false },
        };
        World *w = *state;
        Config *c = w->f->agent->config;
        const Config before = *c;

        need_root();
        for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
                GateRule gates[2];
                pid_t pid;

                memcpy(gates, hosts[i].gates, sizeof(gates));
                for (size_t j = 0; j < ELEMENTSOF(gates); j++) {
                        gates[j].name = (char *)(j ? "gate-2" : "gate-1");
                        gates[j].services = services;
                }
                give(w, "postgres", TEAM_TERM);
                pid = begin(w, carrier);
                fixture_settle(w->f);
                c->gates = gates;
                c->n_gates = 1 + (gates[1].accounts.n + gates[1].groups.n > 0);
                take_back(w);
                c->gates = before.gates;
                c->n_gates = before.n_gates;
                if (is_over(pid) == hosts[i].lives)
                        fail_msg("%zu", i);
        }
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                WITH_AGENT(what_carries_the_group_ends_with_the_grant),
                WITH_AGENT(what_took_other_ids_in_a_namespace_of_its_own_ends),
                WITH_AGENT(the_groups_of_strangers_cost_a_look_nothing),
                WITH_AGENT(who_does_not_listen_is_killed),
                WITH_AGENT(an_account_that_a_set_defined_is_no_other),
                WITH_AGENT(a_locked_account_loses_what_it_carries),
                WITH_AGENT(a_group_that_a_revocation_list_takes_ends_what_carries_it),
                WITH_AGENT(an_end_that_passes_ends_it_by_itself),
                WITH_AGENT(what_the_agent_before_gave_is_remembered),
                WITH_AGENT(who_carries_it_is_told_before_the_end_and_at_it),
                WITH_AGENT(who_is_on_trial_is_told_nothing),
                WITH_AGENT(nobody_else_ends),
                WITH_AGENT(another_grant_keeps_the_group_and_the_last_one_ends_it),
                WITH_AGENT(a_local_member_keeps_what_it_carries),
                WITH_AGENT(without_a_verified_set_nothing_ends_before_its_time),
                WITH_AGENT(without_a_verified_set_a_list_ends_what_it_names),
                WITH_AGENT(who_is_given_the_group_again_within_the_grace_lives),
                WITH_AGENT(only_a_gate_that_observes_this_account_keeps_what_it_carries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
