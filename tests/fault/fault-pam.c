/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Logins through pam_nhi, as libpam loads it, while allocations and system calls fail (P15, A16).
 * The agent is another process, which no fault meets: it allows the granted and denies all others.
 * A gated account never gets in, nor past the module, but with that agent's leave. */

#include "tests/fault/fault.h"
#include "tests/pam/pam-host.h"

#include <err.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* A group of nobody's that the gated account is in besides its own: whoever cannot be told so might
 * be anybody's. */
#define TEAM       "nhi-fault-team"
#define GATES_TEAM "nhi-gates 1\ngate team enforce * %" TEAM "\nend 1\n"
#define TEAM_FILE  "root:x:0:\n" GATED ":x:60:\nnogroup:x:65534:\n" TEAM ":x:4242:daemon," GATED "\n"
#define GATES                                                                                      \
        "nhi-gates 1\n"                                                                            \
        "gate held enforce * " GATED "\n"                                                          \
        "gate seen observe * " OBSERVED "\n"                                                       \
        "gate both enforce * " EXEMPTED "\n"                                                       \
        "end 3\n"

typedef struct Case {
        const char *user;
        int account, open, close; /* without a fault */
        bool gated, granted;
        bool loaded;  /* libpam has read the stack and loaded the modules before */
        bool by_team; /* the only gate is one for members of TEAM */
} Case;

static Login login;
static int got[3];

static void serve(void)
{
        const Case *c = scenario->data;

        if (agent_start(&agent, PATH_PAM_SOCK) != 0)
                _exit(1);
        agent.script = c->granted ? SCRIPT_ALLOW : SCRIPT_DENY;
        for (;;)
                pause();
}

/* For this process's tree alone: its mounts are its own (tree_mount()). */
static void team_found(void)
{
        static bool is_there;

        spit(PATH_ROOT "/etc/group", TEAM_FILE);
        if (!is_there && mount(PATH_ROOT "/etc/group", "/etc/group", NULL, MS_BIND, NULL) < 0)
                err(2, "/etc/group: cannot be covered");
        is_there = true;
}

static void prepare(void)
{
        const Case *c = scenario->data;
        static pid_t helper;

        if (helper > 0) {
                (void)kill(helper, SIGKILL);
                (void)waitpid(helper, NULL, 0);
        }
        (void)unlink(PATH_PAM_SOCK);
        for (size_t i = 0; i < ELEMENTSOF(host_services); i++)
                stack_write(host_services[i], "");
        if (c->by_team)
                team_found();
        spit(PATH_GATES_RUN, c->by_team ? GATES_TEAM : GATES);
        spit(PATH_EXEMPT_FILE, HOST_EXEMPT);
        helper = fault_helper(serve);
        while (access(PATH_PAM_SOCK, F_OK) < 0)
                (void)poll(NULL, 0, 5);
}

static void start(const char *user)
{
        login = (Login){ .conv = { .conv = talk, .appdata_ptr = &login.talk } };
        if (pam_start_confdir("sshd", user, &login.conv, PATH_STACKS, &login.pamh) != PAM_SUCCESS)
                login.pamh = NULL;
}

/* libpam reads the stack and loads the modules when it starts: faults there are its own. */
static void begin(void)
{
        const Case *c = scenario->data;

        got[0] = got[1] = got[2] = PAM_SYSTEM_ERR;
        login.pamh = NULL;
        if (c->loaded)
                start(c->user);
}

static void run(void)
{
        const Case *c = scenario->data;

        if (!c->loaded)
                start(c->user);
        if (!login.pamh)
                return;
        got[0] = pam_acct_mgmt(login.pamh, 0);
        got[1] = pam_open_session(login.pamh, 0);
        got[2] = pam_close_session(login.pamh, 0);
        login_end(&login);
}

static bool is_lawful(const Case *c, int answer)
{
        if (answer == PAM_SUCCESS)
                return c->granted;
        if (answer == IGNORED || answer == PAM_IGNORE)
                return !c->gated;
        return true;
}

static void expect(const Case *c)
{
        if (got[0] != c->account || got[1] != c->open || got[2] != c->close)
                fault_fail("%s: account %d, open %d, close %d", c->user, got[0], got[1], got[2]);
}

static void judge(void)
{
        const Case *c = scenario->data;

        if (!is_lawful(c, got[0]) || !is_lawful(c, got[1]))
                fault_fail("%s was let in: account %d, open_session %d", c->user, got[0], got[1]);
        if (fault_is_clean()) {
                expect(c);
                return;
        }
        /* Nothing of it is left for the next login. */
        begin();
        run();
        expect(c);
}

/* libpam closes by the way that the opening went. */
#define ANSWERS(code) .account = (code), .open = (code), .close = (code)
#define DENIED        .user = GATED, ANSWERS(PAM_PERM_DENIED), .gated = true
#define GRANTED       .user = GATED, ANSWERS(PAM_SUCCESS), .gated = true, .granted = true

static const Case denied = { DENIED, .loaded = true };
static const Case denied_cold = { DENIED };
static const Case denied_team = { DENIED, .loaded = true, .by_team = true };
static const Case granted = { GRANTED, .loaded = true };
static const Case granted_cold = { GRANTED };
static const Case granted_team = { GRANTED, .loaded = true, .by_team = true };
static const Case exempted = { .user = EXEMPTED, ANSWERS(IGNORED), .loaded = true };
static const Case observed = { .user = OBSERVED, ANSWERS(IGNORED), .loaded = true };
static const Case ungated = { .user = UNGATED, ANSWERS(IGNORED), .loaded = true };
static const Case others_team = {
        .user = UNGATED, ANSWERS(IGNORED), .loaded = true, .by_team = true
};

#define LOADED(title, c, step)                                                                     \
        {                                                                                          \
                .name = title, .prepare = prepare, .begin = begin, .run = run, .judge = judge,     \
                .data = &(c), .warm = true, .leak_checked = true, .short_step = step               \
        }
/* What libpam leaves behind when it cannot start is not ours. */
#define LOADING(title, c)                                                                          \
        {                                                                                          \
                .name = title, .prepare = prepare, .begin = begin, .run = run, .judge = judge,     \
                .data = &(c), .loading = true, .warm = true                                        \
        }

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                LOADED("pam-denied", denied, 2),
                LOADED("pam-granted", granted, 2),
                LOADED("pam-exempt", exempted, 5),
                LOADED("pam-observed", observed, 0),
                LOADED("pam-ungated", ungated, 5),
                LOADING("pam-denied-loading", denied_cold),
                LOADING("pam-granted-loading", granted_cold),
                LOADED("pam-group-denied", denied_team, 9),
                LOADED("pam-group-granted", granted_team, 0),
                LOADED("pam-group-others", others_team, 0),
        };

        umask(022);
        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
