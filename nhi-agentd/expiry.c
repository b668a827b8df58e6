/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/expiry.h"

#include "nhi-agentd/member/member.h"
#include "nhi-agentd/staleness.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <sys/timerfd.h>
#include <time.h>

#define USEC       ((int64_t)USEC_PER_SEC)
#define MINUTE     (60 * USEC)
#define IDLE_USEC  (24 * 3600 * USEC) /* armed even without a deadline: to hear of a set clock */
#define SLACK_USEC 1000

struct Expiry {
        Agent *agent;
        int real_fd;
        sd_event_source *real, *boot;
};

static void sooner(int64_t *at, int64_t now, int64_t other)
{
        if (other > now && other < *at)
                *at = other;
}

static int64_t sec_to_usec(int64_t sec)
{
        return sec > INT64_MAX / USEC ? INT64_MAX : sec * USEC;
}

static int64_t begin_of(const Grant *g)
{
        return sec_to_usec(g->nbf_sec - NBF_LEEWAY_SEC);
}

static int64_t end_of(const Grant *g)
{
        return sec_to_usec(g->exp_sec);
}

static int64_t boot_end_of(const Grant *g)
{
        return g->boot_end_usec;
}

static size_t first_after(const Grant *const *grants, size_t n, int64_t (*when)(const Grant *g),
                          int64_t now)
{
        size_t low = 0, high = n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (when(grants[middle]) <= now)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int64_t next_of(const Grant *const *grants, size_t n, int64_t (*when)(const Grant *g),
                       int64_t now)
{
        const size_t i = first_after(grants, n, when, now);

        return i < n ? when(grants[i]) : INT64_MAX;
}

static void grants_next(const Agent *a, Now now, int64_t *real, int64_t *boot)
{
        const GrantStore *s = &a->store;

        sooner(real, now.real_usec, next_of(s->by_begin, s->n_grants, begin_of, now.real_usec));
        sooner(real, now.real_usec, next_of(s->by_end, s->n_grants, end_of, now.real_usec));
        sooner(boot, now.boot_usec, next_of(a->by_boot, a->n_by_boot, boot_end_of, now.boot_usec));
        /* Windows open and close on whole minutes. */
        if (s->n_windowed > 0 && end_of(s->windowed[s->n_windowed - 1]) > now.real_usec)
                sooner(real, now.real_usec, (now.real_usec / MINUTE + 1) * MINUTE);
}

static const unsigned stale_levels[] = { STALE_HALF, STALE_LATE, STALE_OVER };

static void set_next(const IssuerState *s, Now now, int64_t *real, int64_t *boot)
{
        for (size_t i = 0; i < ELEMENTSOF(stale_levels); i++) {
                const Now at = staleness_point(s, stale_levels[i]);

                sooner(real, now.real_usec, at.real_usec);
                sooner(boot, now.boot_usec, at.boot_usec);
        }
}

void expiry_next(Agent *a, Now now, int64_t *ret_real_usec, int64_t *ret_boot_usec)
{
        int64_t real = INT64_MAX, boot = INT64_MAX, other_real, other_boot;

        grants_next(a, now, &real, &boot);
        for (size_t i = 0; i < a->config->n_issuers; i++) {
                if (a->issuers[i].set)
                        set_next(&a->issuers[i], now, &real, &boot);
                if (a->issuers[i].fresh_later)
                        sooner(&boot, now.boot_usec, a->issuers[i].fresh_later_usec);
        }
        if (a->sessions && sessions_next_end(a->sessions, &other_real, &other_boot)) {
                sooner(&real, now.real_usec, other_real);
                sooner(&boot, now.boot_usec, other_boot);
        }
        members_next_end(a->members, &other_real, &other_boot);
        sooner(&real, now.real_usec, other_real);
        sooner(&boot, now.boot_usec, other_boot);
        *ret_real_usec = real;
        *ret_boot_usec = boot;
}

static int on_real(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Expiry *x = userdata;
        uint64_t n;

        /* ECANCELED: the clock was set. Either way everything is judged anew. */
        if (read(fd, &n, sizeof(n)) < 0 && errno == EAGAIN)
                return 0;
        agent_time_passed(x->agent);
        return 0;
}

static int on_boot(sd_event_source *source, uint64_t usec, void *userdata)
{
        Expiry *x = userdata;

        agent_time_passed(x->agent);
        return 0;
}

DEFINE_CLEANUP(Expiry *, expiry_free)

int expiry_new(Agent *a, Expiry **ret)
{
        _cleanup_(expiry_freep) Expiry *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        x->agent = a;
        x->real_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (x->real_fd < 0)
                return -errno;
        r = sd_event_add_io(a->event, &x->real, x->real_fd, EPOLLIN, on_real, x);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(x->real, "expiry-realtime");
        r = sd_event_add_time(a->event, &x->boot, CLOCK_BOOTTIME, UINT64_MAX, SLACK_USEC, on_boot,
                              x);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(x->boot, "expiry-boottime");
        *ret = TAKE_PTR(x);
        return 0;
}

Expiry *expiry_free(Expiry *x)
{
        if (!x)
                return NULL;
        sd_event_source_disable_unref(x->real);
        sd_event_source_disable_unref(x->boot);
        if (x->real_fd >= 0)
                (void)close(x->real_fd);
        free(x);
        return NULL;
}

int expiry_arm(Expiry *x, Now now)
{
        struct itimerspec spec = {};
        int64_t real, boot;
        int r;

        expiry_next(x->agent, now, &real, &boot);
        if (real > now.real_usec + IDLE_USEC)
                real = now.real_usec + IDLE_USEC;
        spec.it_value.tv_sec = real / USEC;
        spec.it_value.tv_nsec = (real % USEC) * 1000;
        if (timerfd_settime(x->real_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) <
                    0 &&
            errno != ECANCELED)
                return -errno;
        r = sd_event_source_set_time(x->boot, boot == INT64_MAX ? UINT64_MAX : (uint64_t)boot);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(x->boot, SD_EVENT_ONESHOT);
}
