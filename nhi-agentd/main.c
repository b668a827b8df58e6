/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-agentd: options, the process's own armour, the loop. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/config/dump.h"
#include "nhi-agentd/listener.h"
#include "nhi-agentd/process.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/gate.h"

#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define EXIT_USAGE  2
#define EXIT_CONFIG 78 /* EX_CONFIG, sysexits(3) */

typedef enum Action {
        ACTION_SERVE = 0,
        ACTION_DUMP_CONFIG,
        ACTION_DUMP_DEFAULTS,
        ACTION_CHECK_CONFIG,
        ACTION_RELOAD,
        ACTION_VERSION,
        ACTION_HELP,
} Action;

static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "dump-config", no_argument, NULL, ACTION_DUMP_CONFIG },
        { "dump-defaults", no_argument, NULL, ACTION_DUMP_DEFAULTS },
        { "check-config", no_argument, NULL, ACTION_CHECK_CONFIG },
        { "reload", required_argument, NULL, ACTION_RELOAD },
        { "version", no_argument, NULL, ACTION_VERSION },
        { "help", no_argument, NULL, ACTION_HELP },
        {},
};

static const char usage[] =
        "nhi-agentd [--config FILE] [--check-config | --dump-config | --dump-defaults]\n"
        "nhi-agentd --reload PID\n"
        "\n"
        "  --config FILE     read FILE instead of " PATH_CONF_FILE " and its .d directory;\n"
        "                    only to check and to dump\n"
        "  --check-config    say whether configuration and exempt files are good: exit 0 or 78\n"
        "  --dump-config     print the configuration in force\n"
        "  --dump-defaults   print every key with its default and what it means\n"
        "  --reload PID      for ExecReload=: have the agent read its configuration, and have\n"
        "                    PID 1 wait until that is in force\n"
        "  --version, --help\n";

static int load_config(const char *file, Config **ret)
{
        char error[CONFIG_ERROR_MAX] = "";
        const int r = file ? config_load(file, NULL, ret, error)
                           : config_load(PATH_CONF_FILE, PATH_CONF_DIR, ret, error);

        if (r < 0)
                (void)fprintf(stderr, "nhi-agentd: %s\n", error);
        return r;
}

/* The agent never reads them, pam_nhi does; but whoever checks wants to know before a login does.
 */
static int check_exempt(void)
{
        char path[4096];
        unsigned line = 0;

        if (!exempt_problem(&gate_paths, path, sizeof(path), &line))
                return EXIT_SUCCESS;
        if (line > 0)
                (void)fprintf(stderr,
                              "nhi-agentd: %s:%u: exempts nobody: a line is ACCOUNT-GLOB "
                              "CLASS-GLOB, such as: breakglass ssh\n",
                              path, line);
        else
                (void)fprintf(stderr,
                              "nhi-agentd: %s: ignored: must be a regular file, owned by root and "
                              "writable by nobody else\n",
                              path);
        return EXIT_CONFIG;
}

static int show_config(Action action, const char *file)
{
        Config *c = NULL;

        if (load_config(file, &c) < 0)
                return EXIT_CONFIG;
        if (action == ACTION_DUMP_CONFIG)
                config_dump(c, stdout);
        config_free(c);
        if (action == ACTION_CHECK_CONFIG && !file)
                return check_exempt();
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The agent says RELOADING=1 when it comes to it: PID 1 must have heard that before this process is
 * gone, or `systemctl reload` is over while the old configuration is still in force. */
static int ask_to_reload(const char *agent)
{
        const pid_t pid = process_of_name(agent);

        if (pid <= 1) {
                (void)fputs("nhi-agentd: --reload wants the agent's process, as its unit says it: "
                            "systemctl reload nhi-agentd\n",
                            stderr);
                return EXIT_USAGE;
        }
        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                         (unsigned long long)now_monotonic_usec());
        if (kill(pid, SIGHUP) == 0)
                return EXIT_SUCCESS;
        (void)fprintf(stderr, "nhi-agentd: process %s: %s\n", agent, strerror(errno));
        return EXIT_FAILURE;
}

/* A21: nobody looks into the process, and it leaves no core behind. */
static int harden(void)
{
        const struct rlimit none = {};

        (void)umask(0077);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        return sodium_init() < 0 ? -ENOSYS : 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        (void)sd_notify(0, "STOPPING=1");
        agent_stop(userdata);
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Agent *a = userdata;
        const int r = agent_reload(a);
        const Event e = { .kind = EVENT_CONFIG_REFUSED, .detail = strerror(-r) };

        if (r < 0)
                agent_record(a, &e);
        return 0;
}

static int add_signals(Agent *a)
{
        sigset_t set;
        int r;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(a->event, NULL, SIGTERM, on_terminate, a);
        if (r >= 0)
                r = sd_event_add_signal(a->event, NULL, SIGINT, on_terminate, a);
        if (r >= 0)
                r = sd_event_add_signal(a->event, NULL, SIGHUP, on_hangup, a);
        return r < 0 ? r : 0;
}

/* Nobody holds sockets for it: a container whose PID 1 is no systemd. */
static bool is_alone(void)
{
        return sd_listen_fds(0) == 0 && sd_booted() == 0;
}

static int run(Agent *a, char error[static AGENT_ERROR_MAX])
{
        const bool alone = is_alone();
        int r = 0;

        (void)snprintf(error, AGENT_ERROR_MAX, "the event loop cannot be set up");
        r = add_signals(a);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(a->event, true);
        if (r < 0)
                return r;
        if (!alone)
                r = listener_take_fds(a->listener, error);
        if (r == 0)
                r = agent_start(a, error);
        if (r == 0 && alone)
                r = listener_bind(a->listener, error);
        if (r < 0)
                return r;
        (void)snprintf(error, AGENT_ERROR_MAX, "cannot serve: the journal says why");
        return sd_event_loop(a->event);
}

static int serve(void)
{
        char error[AGENT_ERROR_MAX] = "";
        sd_event *event = NULL;
        Config *config = NULL;
        Agent *agent = NULL;
        int r;

        if (load_config(NULL, &config) < 0)
                return EXIT_CONFIG;
        r = harden();
        if (r == 0)
                r = sd_event_default(&event);
        if (r >= 0)
                r = agent_new(event, config, &agent);
        if (r < 0)
                config_free(config);
        else
                r = run(agent, error);
        if (r < 0)
                (void)fprintf(stderr, "nhi-agentd: %s\n", *error ? error : strerror(-r));
        agent_free(agent);
        sd_event_unref(event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int act(Action action, const char *file, const char *agent)
{
        switch (action) {
        case ACTION_SERVE:
                if (!file)
                        return serve();
                (void)fputs("nhi-agentd: --config is only to check and to dump\n", stderr);
                return EXIT_USAGE;
        case ACTION_DUMP_CONFIG:
        case ACTION_CHECK_CONFIG:
                return show_config(action, file);
        case ACTION_RELOAD:
                return ask_to_reload(agent);
        case ACTION_DUMP_DEFAULTS:
                config_dump(NULL, stdout);
                break;
        case ACTION_VERSION:
                (void)puts("nhi-agentd " NHI_VERSION);
                break;
        case ACTION_HELP:
                (void)fputs(usage, stdout);
                break;
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        Action action = ACTION_SERVE;
        const char *file = NULL, *agent = NULL;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c == '?')
                        return EXIT_USAGE;
                if (c == 'c') {
                        file = optarg;
                        continue;
                }
                action = (Action)c;
                if (action == ACTION_RELOAD)
                        agent = optarg;
        }
        if (optind < argc) {
                (void)fputs("nhi-agentd: takes no arguments, see --help\n", stderr);
                return EXIT_USAGE;
        }
        return act(action, file, agent);
}
