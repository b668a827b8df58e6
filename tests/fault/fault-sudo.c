/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sudo_nhi, as sudo's front end calls it, while allocations and system calls fail: no command that
 * the agent does not allow, and sudo is never told that there is nothing to ask. */

#include "tests/fault/agent-helper.h"

#include <dlfcn.h>
#include <sudo_plugin.h>

#define MODULE PATH_ROOT "/../tmod/sudo_nhi.so"

typedef struct Case {
        const char *gates;
        FakeAnswer answer;
        int check; /* without a fault */
        bool may_run;
} Case;

static void *handle;
static struct approval_plugin *plugin;
static int got_open, got_check;
static const char *errstr;

static __attribute__((format(printf, 2, 3))) int print(int type, const char *format, ...)
{
        return 0;
}

static void prepare(void)
{
        const Case *c = scenario->data;

        if (fake_file(PATH_GATES_RUN, c->gates) != 0)
                err(2, "%s", PATH_GATES_RUN);
        helper_restart(PATH_PAM_SOCK, c->answer);
}

static void begin(void)
{
        handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        plugin = handle ? dlsym(handle, "sudo_nhi_approval") : NULL;
        if (!plugin)
                errx(2, "%s", dlerror());
}

static void run(void)
{
        static const char *const user_info[] = { "user=svc-deploy", "uid=70001", "gid=70001",
                                                 "egid=70001",      "cwd=/srv",  NULL };
        static const char *const command_info[] = { "command=/usr/bin/id", "runas_user=daemon",
                                                    "runas_uid=1", "runas_gid=1", NULL };
        static const char *const argv[] = { "id", "-u", NULL };

        got_check = -1;
        got_open = plugin->open(SUDO_API_VERSION, NULL, print, NULL, (char *const *)user_info, 0,
                                NULL, NULL, NULL, &errstr);
        if (got_open == 1) {
                got_check = plugin->check((char *const *)command_info, (char *const *)argv, NULL,
                                          &errstr);
                plugin->close();
        }
}

static void judge(void)
{
        const Case *c = scenario->data;

        /* open: 0 would mean that the plugin is not used. */
        if (got_open == 0 || (got_check == 1 && !c->may_run))
                fault_fail("open %d, check %d", got_open, got_check);
        if (fault_is_clean() && (got_open != 1 || got_check != c->check))
                fault_fail("open %d, check %d", got_open, got_check);
        run();
        if (got_open != 1 || got_check != c->check)
                fault_fail("afterwards: open %d, check %d", got_open, got_check);
        (void)dlclose(handle);
}

#define ENFORCE "nhi-gates 1\naccount svc-deploy 70001\nend 1\n"
#define OBSERVE "nhi-gates 1\ngate ops observe sudo svc-*\nend 1\n"

static const Case denied = { ENFORCE, FAKE_DENY, 0, false };
static const Case granted = { ENFORCE, FAKE_ALLOW, 1, true };
static const Case observed = { OBSERVE, FAKE_DENY, 1, true };

#define SUDO_SCENARIO(title, c, step)                                                              \
        {                                                                                          \
                .name = title, .prepare = prepare, .begin = begin, .run = run, .judge = judge,     \
                .data = &(c), .warm = true, .leak_checked = true, .short_step = step               \
        }

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                SUDO_SCENARIO("sudo-denied", denied, 1),
                SUDO_SCENARIO("sudo-granted", granted, 2),
                SUDO_SCENARIO("sudo-observed", observed, 3),
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
