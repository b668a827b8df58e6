/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sshd keeps a connection that runs no command although its session was denied: its own
 * process, which asked, is ended after a moment, by pidfd. */

#include "nhi-agentd/session/registry.h"

#include <fcntl.h>
#include <signal.h>

#define REFUSED_KILL_USEC 2000000ull
#define REFUSALS_MAX      256u

struct Refusal {
        Sessions *registry;
        Refusal *next;
        int pidfd;
        sd_event_source *timer;
};

static void refusal_free(Refusal *f)
{
        for (Refusal **p = &f->registry->refusals; *p; p = &(*p)->next)
                if (*p == f) {
                        *p = f->next;
                        break;
                }
        sd_event_source_disable_unref(f->timer);
        closep(&f->pidfd);
        free(f);
}

void refusals_free(Sessions *s)
{
        while (s->refusals)
                refusal_free(s->refusals);
}

static int on_refusal(sd_event_source *source, uint64_t usec, void *userdata)
{
        Refusal *f = userdata;

        pidfd_signal(f->pidfd, SIGTERM);
        refusal_free(f);
        return 0;
}

void session_refused(Sessions *s, const Caller *caller, const char *class)
{
        unsigned n = 0;
        Refusal *f;

        if (!class || !streq(class, "ssh") || !caller_is_alive(caller))
                return;
        for (f = s->refusals; f; f = f->next)
                n++;
        f = n < REFUSALS_MAX ? calloc(1, sizeof(*f)) : NULL;
        if (!f)
                return;
        *f = (Refusal){ .registry = s, .next = s->refusals, .pidfd = -EBADF };
        s->refusals = f;
        f->pidfd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
        if (f->pidfd < 0 || sd_event_add_time_relative(s->event, &f->timer, CLOCK_MONOTONIC,
                                                       REFUSED_KILL_USEC, 0, on_refusal, f) < 0) {
                refusal_free(f);
                return;
        }
        (void)sd_event_source_set_description(f->timer, "refused-connection");
}
