/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-fetchd: carries signed grant sets from their source to the agent. It runs as an unprivileged
 * user; what it needs to know stands in sources.json, which the agent writes. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhi-agentd/fetch/fetcher.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

static int usage(FILE *to, int status)
{
        fputs("usage: nhi-fetchd [--help] [--version]\n"
              "Started by nhi-fetchd.service. What to fetch stands in " PATH_SOURCES_RUN
              ",\nwhich nhi-agentd writes from agentd.conf. SIGHUP: offer everything again.\n",
              to);
        return status;
}

/* Seconds of waiting on a full journal must not hold up anything: stderr is the journal's stream,
 * the lines are few, and each is said once. */
static void on_say(int priority, const char *line)
{
        fprintf(stderr, "<%d>%s\n", priority, line);
}

static void on_status(const char *line)
{
        (void)sd_notifyf(0, "STATUS=%s", line);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        fetcher_reload(userdata);
        return 0;
}

/* libcurl writes to sockets whose other end is gone. */
static int signals_block(void)
{
        sigset_t mask;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        (void)sigaddset(&mask, SIGHUP);
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}

static int signals_init(sd_event *event, Fetcher *f)
{
        int r;

        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;
        return sd_event_add_signal(event, NULL, SIGHUP, on_hangup, f);
}

DEFINE_CLEANUP(Fetcher *, fetcher_free);

static int run(void)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(fetcher_freep) Fetcher *f = NULL;
        FetcherConfig config = {
                .sources_path = PATH_SOURCES_RUN,
                .owner = owner_trusted(),
                .feed = feed_client_defaults,
                .tidings_usec = TIDINGS_INTERVAL_USEC,
                .status = on_status,
                .say = on_say,
        };
        int r;

        config.feed.owner = owner_trusted();
        r = signals_block();
        if (r < 0)
                return r;
        r = sd_event_new(&event);
        if (r < 0)
                return r;
        r = fetcher_new(event, &config, &f);
        if (r < 0)
                return r;
        r = signals_init(event, f);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;

        (void)sd_notify(0, "READY=1");
        r = sd_event_loop(event);
        (void)sd_notify(0, "STOPPING=1");
        return r;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { NULL, 0, NULL, 0 },
        };
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'h')
                        return usage(stdout, 0);
                if (c != 'V')
                        return usage(stderr, 2);
                puts("nhi-fetchd " NHI_VERSION);
                return 0;
        }
        if (optind < argc)
                return usage(stderr, 2);

        r = run();
        if (r < 0)
                fprintf(stderr, "<3>nhi-fetchd: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
