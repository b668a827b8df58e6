/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which system unit is a caller? PID 1 knows: by pidfd from systemd 255, before by number with the
 * pidfd looked at afterwards. Never by a cgroup path: a user's manager makes any path it likes,
 * also one that ends in system.slice/NAME.service. */

#include "nhi-agentd/session/registry.h"

#include <stdio.h>

struct Resolve {
        Sessions *registry;
        Resolve *next;
        Caller *caller;
        sd_bus_slot *slot;
        char *path;
        char unit[UNIT_NAME_SIZE];
        void (*done)(void *userdata, int r);
        void *userdata;
};

static Resolve *resolve_free(Resolve *q)
{
        Resolve **p;

        if (!q)
                return NULL;
        for (p = &q->registry->resolves; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        break;
                }
        sd_bus_slot_unref(q->slot);
        free(q->path);
        free(q);
        return NULL;
}

void resolves_free(Sessions *s)
{
        while (s->resolves)
                resolve_free(s->resolves);
}

void resolve_cancel(Sessions *s, const Caller *caller)
{
        for (Resolve *q = s->resolves; q; q = q->next)
                if (q->caller == caller) {
                        resolve_free(q);
                        return;
                }
}

static void resolve_finish(Resolve *q, int r)
{
        void (*done)(void *, int) = q->done;
        void *userdata = q->userdata;

        resolve_free(q);
        done(userdata, r);
}

static void invocation_format(const uint8_t *id, size_t size, char ret[static 33])
{
        ret[0] = '\0';
        for (size_t i = 0; size == 16 && i < size; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

static void resolve_take(Resolve *q, const char *unit, const void *id, size_t id_size)
{
        Caller *c = q->caller;
        size_t n = strlen(unit);

        if (n >= sizeof(c->unit) || !caller_is_alive(c)) {
                resolve_finish(q, -ESRCH);
                return;
        }
        memcpy(c->unit, unit, n + 1);
        invocation_format(id, id_size, c->invocation);
        resolve_finish(q, 0);
}

/* ---- by number: path, Id, InvocationID ---- */

static int unit_property(Resolve *q, const char *name, sd_bus_message_handler_t reply)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_unit_get(q->registry->bus, q->path, name, &m);
        if (r < 0)
                return r;
        q->slot = sd_bus_slot_unref(q->slot);
        return bus_send(q->registry->bus, m, reply, q, &q->slot);
}

static int on_invocation(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolve *q = userdata;
        const void *id = NULL;
        size_t size = 0;
        int r;

        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &id, &size);
        if (r < 0)
                resolve_finish(q, r);
        else
                resolve_take(q, q->unit, id, size);
        return 1;
}

static int on_unit_id(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolve *q = userdata;
        const char *unit = NULL;
        int r;

        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "v", "s", &unit);
        if (r >= 0 && strlen(unit) >= sizeof(q->unit))
                r = -EBADMSG;
        if (r >= 0) {
                memcpy(q->unit, unit, strlen(unit) + 1);
                r = unit_property(q, "InvocationID", on_invocation);
        }
        if (r < 0)
                resolve_finish(q, r);
        return 1;
}

static int on_unit_by_pid(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolve *q = userdata;
        const char *path = NULL;
        int r;

        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r >= 0) {
                q->path = strdup(path);
                r = q->path ? unit_property(q, "Id", on_unit_id) : -ENOMEM;
        }
        if (r < 0)
                resolve_finish(q, r);
        return 1;
}

static int ask_by_pid(Resolve *q)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_manager(q->registry->bus, "GetUnitByPID", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "u", (uint32_t)q->caller->pid);
        if (r < 0)
                return r;
        q->slot = sd_bus_slot_unref(q->slot);
        return bus_send(q->registry->bus, m, on_unit_by_pid, q, &q->slot);
}

/* ---- by pidfd: all in one answer ---- */

static int on_unit_by_pidfd(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolve *q = userdata;
        const char *path, *unit = NULL;
        const void *id = NULL;
        size_t size = 0;
        int r;

        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                r = ask_by_pid(q);
                if (r < 0)
                        resolve_finish(q, r);
                return 1;
        }
        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "os", &path, &unit);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &id, &size);
        if (r < 0)
                resolve_finish(q, r);
        else
                resolve_take(q, unit, id, size);
        return 1;
}

static int ask_by_pidfd(Resolve *q)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_manager(q->registry->bus, "GetUnitByPIDFD", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "h", q->caller->pidfd);
        return r < 0 ? r : bus_send(q->registry->bus, m, on_unit_by_pidfd, q, &q->slot);
}

int caller_resolve_unit(Sessions *s, Caller *caller, void (*done)(void *userdata, int r),
                        void *userdata)
{
        Resolve *q;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = (Resolve){ .registry = s,
                        .next = s->resolves,
                        .caller = caller,
                        .done = done,
                        .userdata = userdata };
        s->resolves = q;
        r = ask_by_pidfd(q);
        if (r < 0)
                resolve_free(q);
        return r;
}
