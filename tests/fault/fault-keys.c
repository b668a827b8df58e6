/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-authorized-keys while allocations and system calls fail: exit 0 only with the very keys that
 * the agent gave, and none at all for an account without one (K1, K2: sshd discards what a command
 * has printed that failed). */

#include "nhi-agentd/keys/keys.h"
#include "tests/fault/agent-helper.h"

#include <fcntl.h>
#include <sys/mman.h>

#define USER "games" /* an account that every Debian and Fedora has */
#define KEY  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFaultFaultFaultFaultFaultFaultFaultFaultFau"

typedef struct Case {
        const char *gates, *expected;
        int exit; /* without a fault */
} Case;

static const char *const keys[] = { KEY " one", KEY " two" };
static int got, out_fd = -EBADF, saved_fd = -EBADF;

static void prepare(void)
{
        const Case *c = scenario->data;

        if (fake_file(PATH_GATES_RUN, c->gates) != 0)
                err(2, "%s", PATH_GATES_RUN);
        helper_agent.keys = keys;
        helper_agent.n_keys = *c->expected ? ELEMENTSOF(keys) : 0;
        helper_restart(PATH_KEYS_SOCK, FAKE_ALLOW);
}

/* The program's standard output, for a while. What it leaves behind goes with its process. */
static void begin(void)
{
        if (!freopen("/dev/null", "we", stderr))
                err(2, "/dev/null");
        (void)fflush(stdout);
        out_fd = memfd_create("keys", MFD_CLOEXEC);
        saved_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);
        if (out_fd < 0 || saved_fd < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
                err(2, "keys");
}

static void run(void)
{
        static char *argv[] = { (char *)"nhi-authorized-keys", (char *)USER, (char *)"ssh-ed25519",
                                (char *)"AAAA", NULL };

        got = keys_main(4, argv);
}

static void finish(void)
{
        (void)fflush(stdout);
        clearerr(stdout);
        (void)dup2(saved_fd, STDOUT_FILENO);
}

static bool is_printed(const char *expected)
{
        char text[1024] = "";
        const ssize_t n = pread(out_fd, text, sizeof(text) - 1, 0);

        return n >= 0 && streq(text, expected);
}

static void judge(void)
{
        const Case *c = scenario->data;

        finish();
        if (got == 0 && !is_printed(c->expected))
                fault_fail("exit 0 with other keys");
        if (got != 0 && !*c->expected && !is_printed(""))
                fault_fail("exit %d with a key", got);
        if (fault_is_clean() && got != c->exit)
                fault_fail("exit %d", got);
        (void)close(out_fd);
        (void)close(saved_fd);
        begin();
        run();
        finish();
        if (got != c->exit || !is_printed(c->expected))
                fault_fail("afterwards: exit %d", got);
}

#define GATED_SSH "nhi-gates 1\ngate held enforce ssh " USER "\nend 1\n"
#define GATED_NOT "nhi-gates 1\ngate held enforce ssh somebody\nend 1\n"

static const Case granted = { GATED_SSH, KEY " one\n" KEY " two\n", 0 };
static const Case denied = { GATED_SSH, "", 0 };
static const Case ungated = { GATED_NOT, "", 0 };

#define KEYS_SCENARIO(title, c, step)                                                              \
        {                                                                                          \
                .name = title, .prepare = prepare, .begin = begin, .run = run, .judge = judge,     \
                .data = &(c), .warm = true, .short_step = step                                     \
        }

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                KEYS_SCENARIO("keys-granted", granted, 1),
                KEYS_SCENARIO("keys-denied", denied, 2),
                KEYS_SCENARIO("keys-ungated", ungated, 3),
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
