/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/scope.h"

#include "lib/base/io.h"
#include "lib/base/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define BACKSTOP_ACCURACY_USEC UINT64_C(20000)
#define BACKSTOP_START_USEC    UINT64_C(10000000)

static int name_fits(int size)
{
        return size > 0 && size < UNIT_NAME_SIZE ? 0 : -EINVAL;
}

/* A jti has letters, digits, '.', '_' and '-' only: all stand for themselves in a unit's name. */
int scope_name_format(const char *jti, uint64_t n, char ret[static UNIT_NAME_SIZE])
{
        if (!jti_is_valid(jti))
                return -EINVAL;
        return name_fits(snprintf(ret, UNIT_NAME_SIZE, "nhi-%s-%" PRIu64 ".scope", jti, n));
}

int backstop_name_format(const char *id, unsigned n, const char *suffix,
                         char ret[static UNIT_NAME_SIZE])
{
        if (!jti_is_valid(id))
                return -EINVAL;
        return name_fits(snprintf(ret, UNIT_NAME_SIZE, "nhi-end-%s-%u%s", id, n, suffix));
}

int64_t backstop_after_usec(uint64_t grace_usec)
{
        return (int64_t)grace_usec + BACKSTOP_MARGIN_USEC;
}

int calendar_format(int64_t real_usec, char *ret, size_t size)
{
        time_t sec = (time_t)(real_usec / (int64_t)USEC_PER_SEC);
        char day[64];
        struct tm tm;
        int n;

        if (real_usec < 0 || !gmtime_r(&sec, &tm))
                return -EINVAL;
        if (strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm) == 0)
                return -EINVAL;
        n = snprintf(ret, size, "%s.%06d UTC", day, (int)(real_usec % (int64_t)USEC_PER_SEC));
        return n > 0 && (size_t)n < size ? 0 : -EINVAL;
}

/* ---- a(sv): the first failure is kept, as in lib/base/buf.h ---- */

typedef struct Props {
        sd_bus_message *m;
        int r;
} Props;

static void prop_text(Props *p, const char *name, const char *value)
{
        if (p->r >= 0)
                p->r = sd_bus_message_append(p->m, "(sv)", name, "s", value);
}

static void prop_list(Props *p, const char *name, const char *value)
{
        if (p->r >= 0)
                p->r = sd_bus_message_append(p->m, "(sv)", name, "as", 1, value);
}

static void prop_usec(Props *p, const char *name, uint64_t value)
{
        if (p->r >= 0)
                p->r = sd_bus_message_append(p->m, "(sv)", name, "t", value);
}

static void prop_bool(Props *p, const char *name, bool value)
{
        if (p->r >= 0)
                p->r = sd_bus_message_append(p->m, "(sv)", name, "b", (int)value);
}

static int transient_begin(Bus *b, const char *name, sd_bus_message **ret)
{
        int r;

        r = bus_message_manager(b, "StartTransientUnit", ret);
        if (r < 0)
                return r;
        r = sd_bus_message_append(*ret, "ss", name, "fail");
        return r < 0 ? r : sd_bus_message_open_container(*ret, 'a', "(sv)");
}

int scope_message(Bus *b, const ScopeSpec *spec, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char slice[32];
        Props p;

        (void)snprintf(slice, sizeof(slice), "user-%" PRIu32 ".slice", (uint32_t)spec->uid);
        p.r = transient_begin(b, spec->name, &m);
        p.m = m;
        prop_text(&p, "Description", spec->description);
        prop_text(&p, "Slice", slice);
        prop_text(&p, "CollectMode", "inactive-or-failed");
        prop_usec(&p, "TimeoutStopUSec", spec->stop_usec);
        prop_bool(&p, "SendSIGHUP", true);
        if (spec->bind_to) {
                prop_list(&p, "BindsTo", spec->bind_to);
                prop_list(&p, "After", spec->bind_to);
        }
        if (p.r >= 0)
                p.r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)spec->pid);
        if (p.r >= 0)
                p.r = sd_bus_message_close_container(m);
        if (p.r >= 0)
                p.r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (p.r < 0)
                return p.r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* The service that the timer starts: no process of it needs the bus's daemon or the agent. */
static int backstop_service(sd_bus_message *m, const BackstopSpec *spec)
{
        Props p = { .m = m };

        p.r = sd_bus_message_open_container(m, 'a', "(sa(sv))");
        if (p.r >= 0)
                p.r = sd_bus_message_open_container(m, 'r', "sa(sv)");
        if (p.r >= 0)
                p.r = sd_bus_message_append(m, "s", spec->service);
        if (p.r >= 0)
                p.r = sd_bus_message_open_container(m, 'a', "(sv)");
        prop_text(&p, "Description", "nhi: end a session whose grant is over");
        prop_text(&p, "Type", "oneshot");
        prop_text(&p, "CollectMode", "inactive-or-failed");
        prop_usec(&p, "TimeoutStartUSec", BACKSTOP_START_USEC);
        if (p.r >= 0)
                p.r = sd_bus_message_append(
                        m, "(sv)", "ExecStart", "a(sasb)", 2, "/usr/bin/timeout", 5, "timeout",
                        BACKSTOP_ASK_TEXT, "/bin/systemctl", "stop", spec->unit, 1,
                        "/bin/systemctl", 4, "systemctl", "kill", "--signal=KILL", spec->unit, 1);
        for (int i = 0; i < 3 && p.r >= 0; i++)
                p.r = sd_bus_message_close_container(m);
        return p.r;
}

int backstop_message(Bus *b, const BackstopSpec *spec, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char calendar[64];
        Props p;
        int r;

        r = calendar_format(spec->real_usec, calendar, sizeof(calendar));
        if (r < 0)
                return r;
        p.r = transient_begin(b, spec->timer, &m);
        p.m = m;
        prop_text(&p, "Description", "nhi: the end of a grant");
        prop_text(&p, "CollectMode", "inactive-or-failed");
        prop_usec(&p, "AccuracyUSec", BACKSTOP_ACCURACY_USEC);
        prop_bool(&p, "RemainAfterElapse", false);
        if (spec->is_bound) {
                prop_list(&p, "BindsTo", spec->unit);
                prop_list(&p, "After", spec->unit);
        }
        if (p.r >= 0)
                p.r = sd_bus_message_append(m, "(sv)", "TimersMonotonic", "a(st)", 1, "OnActiveSec",
                                            spec->left_usec > 1 ? (uint64_t)spec->left_usec : 1);
        if (p.r >= 0)
                p.r = sd_bus_message_append(m, "(sv)", "TimersCalendar", "a(ss)", 1, "OnCalendar",
                                            calendar);
        if (p.r >= 0)
                p.r = sd_bus_message_close_container(m);
        if (p.r >= 0)
                p.r = backstop_service(m, spec);
        if (p.r < 0)
                return p.r;
        *ret = TAKE_PTR(m);
        return 0;
}
