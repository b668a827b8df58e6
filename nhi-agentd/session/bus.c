/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/bus.h"

#include "lib/base/path.h"

#include <inttypes.h>

#define BUS_ADDRESS          "unix:path=" PATH_ROOT "/run/dbus/system_bus_socket"
#define BUS_RETRY_FIRST_USEC 100000ull
#define BUS_RETRY_MAX_USEC   2000000ull

struct Bus {
        sd_event *event;
        sd_bus *bus; /* NULL: waiting to try again */
        sd_event_source *retry;
        uint64_t retry_usec;
        bool up;
        BusJob *jobs;
        void (*on_change)(void *userdata, bool up);
        void *userdata;
};

struct BusJob {
        Bus *bus;
        BusJob *next;
        sd_bus_slot *slot;
        sd_event_source *deadline;
        char *path; /* NULL until PID 1 has named the job */
        bool over;
        void (*done)(void *userdata, int r);
        void *userdata;
};

/* ---- jobs ---- */

BusJob *bus_job_free(BusJob *j)
{
        BusJob **p;

        if (!j)
                return NULL;
        for (p = &j->bus->jobs; *p; p = &(*p)->next)
                if (*p == j) {
                        *p = j->next;
                        break;
                }
        sd_bus_slot_unref(j->slot);
        sd_event_source_disable_unref(j->deadline);
        free(j->path);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(BusJob *, bus_job_free)

/* The owner frees the job in done: nothing of it is touched afterwards. */
static void job_finish(BusJob *j, int r)
{
        if (j->over)
                return;
        j->over = true;
        j->done(j->userdata, r);
}

static int on_job_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusJob *j = userdata;
        const char *path = NULL;
        int r;

        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r >= 0) {
                j->path = strdup(path);
                r = j->path ? 0 : -ENOMEM;
        }
        if (r < 0)
                job_finish(j, r);
        return 1;
}

static int on_job_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        job_finish(userdata, -ETIMEDOUT);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Bus *b = userdata;
        const char *path, *unit, *result;
        uint32_t id;
        BusJob *j;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        for (j = b->jobs; j; j = j->next)
                if (j->path && streq(j->path, path)) {
                        job_finish(j, streq(result, "done") ? 0 : -EIO);
                        break;
                }
        return 0;
}

int bus_job_new(Bus *b, sd_bus_message *m, void (*done)(void *userdata, int r), void *userdata,
                BusJob **ret)
{
        _cleanup_(bus_job_freep) BusJob *j = NULL;
        int r;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        *j = (BusJob){ .bus = b, .done = done, .userdata = userdata, .next = b->jobs };
        b->jobs = j;
        r = sd_event_add_time_relative(b->event, &j->deadline, CLOCK_MONOTONIC, BUS_TIMEOUT_USEC, 0,
                                       on_job_deadline, j);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(j->deadline, "bus-job-deadline");
        r = bus_send(b, m, on_job_reply, j, &j->slot);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- connection ---- */

bool bus_is_up(const Bus *b)
{
        return b->up;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        bus_start(userdata);
        return 0;
}

static void bus_retry_later(Bus *b)
{
        int r;

        b->retry = sd_event_source_disable_unref(b->retry);
        r = sd_event_add_time_relative(b->event, &b->retry, CLOCK_MONOTONIC, b->retry_usec, 0,
                                       on_retry, b);
        if (r >= 0)
                (void)sd_event_source_set_description(b->retry, "bus-retry");
        b->retry_usec =
                b->retry_usec * 2 > BUS_RETRY_MAX_USEC ? BUS_RETRY_MAX_USEC : b->retry_usec * 2;
}

/* A done callback frees its job and may begin or free others: look from the start each time. */
static void jobs_fail(Bus *b, int r)
{
        BusJob *j = b->jobs;

        while (j) {
                if (j->over) {
                        j = j->next;
                        continue;
                }
                job_finish(j, r);
                j = b->jobs;
        }
}

static void bus_lost(Bus *b)
{
        b->up = false;
        if (b->bus)
                sd_bus_detach_event(b->bus);
        b->bus = sd_bus_close_unref(b->bus);
        jobs_fail(b, -ENOTCONN);
        bus_retry_later(b);
        b->on_change(b->userdata, false);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        bus_lost(userdata);
        return 1;
}

static int on_subscribed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Bus *b = userdata;

        if (bus_reply_errno(m) < 0) {
                bus_lost(b);
                return 1;
        }
        b->up = true;
        b->retry_usec = BUS_RETRY_FIRST_USEC;
        b->on_change(b->userdata, true);
        return 1;
}

static int bus_subscribe(Bus *b)
{
        int r;

        r = sd_bus_match_signal_async(b->bus, NULL, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, b);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(b->bus, NULL, BUS_SYSTEMD, BUS_SYSTEMD_PATH, BUS_MANAGER,
                                      "JobRemoved", on_job_removed, NULL, b);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(b->bus, NULL, BUS_SYSTEMD, BUS_SYSTEMD_PATH, BUS_MANAGER,
                                        "Subscribe", on_subscribed, b, "");
}

static int bus_connect(Bus *b)
{
        int r;

        r = sd_bus_new(&b->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(b->bus, BUS_ADDRESS);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(b->bus, true);
        if (r < 0)
                return r;
        (void)sd_bus_set_description(b->bus, "system-bus");
        r = sd_bus_set_method_call_timeout(b->bus, BUS_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = sd_bus_start(b->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return bus_subscribe(b);
}

void bus_start(Bus *b)
{
        if (b->bus)
                return;
        if (bus_connect(b) < 0)
                bus_lost(b);
}

int bus_new(sd_event *event, void (*on_change)(void *userdata, bool up), void *userdata, Bus **ret)
{
        Bus *b;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        *b = (Bus){ .event = sd_event_ref(event),
                    .retry_usec = BUS_RETRY_FIRST_USEC,
                    .on_change = on_change,
                    .userdata = userdata };
        *ret = b;
        return 0;
}

/* Jobs belong to their owners, who free them before. */
Bus *bus_free(Bus *b)
{
        if (!b)
                return NULL;
        sd_event_source_disable_unref(b->retry);
        if (b->bus)
                sd_bus_detach_event(b->bus);
        sd_bus_close_unref(b->bus);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}

/* ---- messages ---- */

int bus_message_manager(Bus *b, const char *method, sd_bus_message **ret)
{
        if (!b->up)
                return -ENOTCONN;
        return sd_bus_message_new_method_call(b->bus, ret, BUS_SYSTEMD, BUS_SYSTEMD_PATH,
                                              BUS_MANAGER, method);
}

int bus_message_unit_get(Bus *b, const char *path, const char *property, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (!b->up)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(b->bus, &m, BUS_SYSTEMD, path,
                                           "org.freedesktop.DBus.Properties", "Get");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", BUS_SYSTEMD ".Unit", property);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int bus_message_logind(Bus *b, const char *path, const char *interface, const char *method,
                       sd_bus_message **ret)
{
        if (!b->up)
                return -ENOTCONN;
        return sd_bus_message_new_method_call(b->bus, ret, BUS_LOGIND, path, interface, method);
}

int bus_send(Bus *b, sd_bus_message *m, sd_bus_message_handler_t reply, void *userdata,
             sd_bus_slot **ret_slot)
{
        int r;

        if (!b->up)
                return -ENOTCONN;
        r = ret_slot ? sd_bus_call_async(b->bus, ret_slot, m, reply, userdata, BUS_TIMEOUT_USEC)
                     : sd_bus_send(b->bus, m, NULL);
        return r < 0 ? r : 0;
}

int bus_reply_errno(sd_bus_message *m)
{
        return sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m) : 0;
}

int bus_stop_unit(Bus *b, const char *unit)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_manager(b, "StopUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", unit, "replace");
        return r < 0 ? r : bus_send(b, m, NULL, NULL, NULL);
}

int bus_kill_unit(Bus *b, const char *unit, int signal)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_manager(b, "KillUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ssi", unit, "all", (int32_t)signal);
        return r < 0 ? r : bus_send(b, m, NULL, NULL, NULL);
}

int bus_terminate_session(Bus *b, const char *session_id)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_logind(b, BUS_LOGIND_PATH, BUS_LOGIND ".Manager", "TerminateSession", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", session_id);
        return r < 0 ? r : bus_send(b, m, NULL, NULL, NULL);
}
