/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent where the world is out of something: space in /run or in /var, descriptors, address
 * space, time between two signals, the processor (A12, A16, A17, A19). */

#include "tests/fault/agent-host.h"

#include "lib/snapshot/reader.h"
#include "tests/process.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>

static const Question granted = { "svc-old", 70001, true };

static void prepare(void)
{
        host_prepare();
        host_helper(host_ask_accounts);
}

static void expect_known(const char *when, bool old, bool new)
{
        const Known k = host_known();

        if (k.old != old || k.new != new)
                fault_fail("%s: old %d, new %d", when, k.old, k.new);
}

static void expect_line(const char *when, const char *line, const char *start)
{
        if (strncmp(line, start, strlen(start)) != 0)
                fault_fail("%s: %s", when, line);
}

static void nothing(void)
{
}

/* ---- no space ----------------------------------------------------------------------------------
 */

/* Put a small file system over a directory, with what was in it. Not while the agent runs: its
 * threads would stay behind. */
static void make_small(const char *directory)
{
        char command[512];

        (void)snprintf(command, sizeof(command),
                       "cp -a %s %s.kept && mount -t tmpfs -o size=64k,mode=0755 tmpfs %s && "
                       "cp -a %s.kept/. %s/ && rm -rf %s.kept",
                       directory, directory, directory, directory, directory, directory);
        if (unshare(CLONE_NEWNS) < 0 || system(command) != 0)
                errx(2, "%s: cannot be made small", directory);
}

static void fill(const char *directory)
{
        char filler[256], block[4096] = "";
        int fd;

        (void)snprintf(filler, sizeof(filler), "%s/filler", directory);
        fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
                continue;
        (void)close(fd);
}

static void make_room(const char *directory)
{
        char filler[256];

        (void)snprintf(filler, sizeof(filler), "%s/filler", directory);
        if (unlink(filler) < 0)
                err(2, "%s", filler);
}

static bool is_visible(const char *name)
{
        const Now now = agent_now(host.agent);
        const SnapshotNow at = { .real_usec = now.real_usec, .boot_usec = now.boot_usec };
        SnapshotUserView u;
        Snapshot s;
        bool visible;

        if (snapshot_open(PATH_SNAPSHOT, owner_trusted(), &s) != 0)
                return false;
        visible = snapshot_user_by_name(&s, name, at, &u);
        snapshot_close(&s);
        return visible;
}

static bool is_new_visible(void)
{
        return is_visible("svc-new");
}

static void run_is_full(void)
{
        host_stop();
        make_small(PATH_RUN_DIR);
        host_start();
        fill(PATH_RUN_DIR);
        expect_line("/run is full", host_offer(host_new_set), "accepted ");
        expect_known("/run is full", false, true);
        host_run_idle();
        host_check_snapshot();
        if (is_visible("svc-old") && is_visible("svc-new"))
                fault_fail("/run is full: old and new are visible together");
        make_room(PATH_RUN_DIR);
        agent_refresh(host.agent);
        host_run_until(is_new_visible);
        if (!is_new_visible())
                fault_fail("there is room in /run again, and nothing is published");
        host_check_progress();
        host_stop();
}

static void var_is_full(void)
{
        host_stop();
        make_small(PATH_STATE_DIR);
        fill(PATH_STATE_DIR);
        host_start();
        expect_line("/var is full", host_offer(host_new_set), "refused ");
        expect_known("/var is full", false, false); /* what it revokes is over all the same */
        host_run_idle();
        host_check_snapshot();
        make_room(PATH_STATE_DIR);
        host_check_progress();
        host_stop();
        host_check_restart();
}

/* ---- no descriptors, no memory -----------------------------------------------------------------
 */

static void without_descriptors(void)
{
        struct rlimit before, none;

        host_ask();
        if (getrlimit(RLIMIT_NOFILE, &before) < 0)
                err(2, "getrlimit");
        none = (struct rlimit){ 3, before.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &none) < 0)
                err(2, "setrlimit");
        host_ask();
        if (fault->verdict != -1)
                fault_fail("answered %d without a descriptor", fault->verdict);
        if (setrlimit(RLIMIT_NOFILE, &before) < 0)
                err(2, "setrlimit");
        host_ask();
        if (fault->verdict != VERDICT_ALLOW)
                fault_fail("there are descriptors again: %d", fault->verdict);
        host_check_progress();
        host_stop();
}

static size_t address_space(void)
{
        FILE *f = fopen("/proc/self/statm", "re");
        size_t pages = 0;

        if (!f || fscanf(f, "%zu", &pages) != 1)
                errx(2, "/proc/self/statm");
        (void)fclose(f);
        return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* From just enough on: some of it works, some does not, and nothing is allowed for it. */
static void without_memory(void)
{
        struct rlimit before, tight;

        if (SANITIZED) {
                host_stop();
                return;
        }
        if (getrlimit(RLIMIT_AS, &before) < 0)
                err(2, "getrlimit");
        for (size_t more = 0; more <= 16; more++) {
                Known k;

                tight = (struct rlimit){ address_space() + more * 65536, before.rlim_max };
                if (setrlimit(RLIMIT_AS, &tight) < 0)
                        err(2, "setrlimit");
                host_ask();
                host_offer(host_new_set);
                if (setrlimit(RLIMIT_AS, &before) < 0)
                        err(2, "setrlimit");
                k = host_known();
                if (k.old && k.new)
                        fault_fail("old and new are in force together");
        }
        host_check_progress();
        host_stop();
        host_check_restart();
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static void on_alarm(int signal)
{
}

static void storm(suseconds_t usec)
{
        const struct sigaction act = { .sa_handler = on_alarm }; /* no SA_RESTART */
        const struct itimerval timer = { { 0, usec }, { 0, usec } };

        if (sigaction(SIGALRM, &act, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0)
                err(2, "setitimer");
}

static void in_a_storm_of_signals(void)
{
        storm(300);
        for (unsigned i = 0; i < 20; i++) {
                host_ask();
                if (fault->verdict != VERDICT_ALLOW)
                        fault_fail("interrupted: %d", fault->verdict);
        }
        expect_line("interrupted", host_offer(host_new_set), "accepted ");
        expect_known("interrupted", false, true);
        storm(0); /* sd_event_run() says that something happened at each signal: never idle */
        host_check_progress();
        host_stop();
        host_check_restart();
}

/* ---- stopped in the midst of an answer ---------------------------------------------------------
 */

/* The agent in a process of its own, stopped so many microseconds after a question came up: whoever
 * asks has its answer or none, and the next one has it when the agent goes on. */
static void agent_serve(void)
{
        host_start();
        for (;;)
                host_run_idle();
}

static int ask_here(void)
{
        WireRequest request = pam("sshd", granted.account, granted.uid, WIRE_PHASE_ACCOUNT);
        static WireExchange x;
        WireReply reply;

        return wire_ask(PATH_PAM_SOCK, geteuid(), &request, now_monotonic_usec() + 2 * USEC_PER_SEC,
                        &x, &reply) == 0
                       ? (int)reply.verdict
                       : -1;
}

/* When it serves. */
static bool ask_until_allowed(void)
{
        for (unsigned i = 0; i < 500; i++) {
                if (ask_here() == VERDICT_ALLOW)
                        return true;
                (void)usleep(10000);
        }
        return false;
}

static void stopper_of(pid_t pid, useconds_t after_usec)
{
        const pid_t stopper = fork();

        if (stopper != 0)
                return;
        (void)usleep(after_usec);
        (void)kill(pid, SIGSTOP);
        _exit(0);
}

static void stopped_in_mid_answer(void)
{
        const pid_t pid = fault_helper(agent_serve);

        if (!ask_until_allowed())
                fault_fail("the agent does not serve");
        for (useconds_t after_usec = 0; after_usec <= 1000; after_usec += 250) {
                int verdict;

                stopper_of(pid, after_usec);
                verdict = ask_here();
                if (verdict != VERDICT_ALLOW && verdict != -1)
                        fault_fail("stopped: %d", verdict);
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        continue;
                (void)usleep(2000);
                (void)kill(pid, SIGCONT);
                if (!ask_until_allowed())
                        fault_fail("the agent goes on, and does not answer");
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

#define WORLD(title, b, j, step)                                                                   \
        {                                                                                          \
                .name = title, .prepare = prepare, .begin = b, .run = nothing, .judge = j,         \
                .data = &granted, .clean_only = true, .short_step = step                           \
        }

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                WORLD("world-run-full", host_start, run_is_full, 1),
                WORLD("world-var-full", host_start, var_is_full, 1),
                WORLD("world-no-descriptors", host_start, without_descriptors, 1),
                WORLD("world-no-memory", host_start, without_memory, 1),
                WORLD("world-signal-storm", host_start, in_a_storm_of_signals, 1),
                WORLD("world-agent-stopped", NULL, stopped_in_mid_answer, 0),
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
