/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When what is left of an account is ended, and what is remembered of it (tenant.h). */

#include "nhi-agentd/session/tenant.h"

#include "lib/base/io.h"

#include <inttypes.h>
#include <stdio.h>

#define TENANTS_MAX          SESSIONS_MAX
#define TENANT_LOOK_USEC     50000ull
#define TENANT_REST_FACTOR   8u /* looking costs an eighth of a processor at most */
#define TENANT_SLOW_USEC     1000000ull
#define TENANT_SURVIVOR_USEC 4000000ull

static Tenant *tenant_find(const Sessions *s, const char *name)
{
        for (Tenant *a = s->tenants; a; a = a->next)
                if (streq(a->name, name))
                        return a;
        return NULL;
}

static Tenant *tenant_new(Sessions *s, const char *name, uint32_t uid, int64_t first_usec)
{
        Tenant *a;

        if (s->n_tenants >= TENANTS_MAX)
                return NULL;
        a = calloc(1, sizeof(*a));
        if (!a)
                return NULL;
        *a = (Tenant){ .registry = s,
                       .next = s->tenants,
                       .name = strdup(name),
                       .uid = uid,
                       .first_usec = first_usec };
        if (!a->name) {
                free(a);
                return NULL;
        }
        s->tenants = a;
        s->n_tenants++;
        return a;
}

void tenant_note(const Session *session)
{
        const AccessRequest *request = &session->tie.request;
        const Caller *c = session->opening ? &session->opening->caller : NULL;
        Tenant *a = tenant_find(session->registry, request->account);

        if (!a)
                a = tenant_new(session->registry, request->account, request->uid,
                               now_boottime_usec());
        if (!a)
                return;
        if (a->uid != request->uid) { /* another's name, since */
                a->uid = request->uid;
                a->first_usec = now_boottime_usec();
                elevations_clear(a);
        }
        if (request->elevation && c && c->audit_session != AUDIT_UNSET &&
            c->loginuid == request->uid)
                elevation_note(a, c->audit_session, session);
}

/* Is there a session of it, or an elevation, that is being ended, or one that goes on? */
static bool has_session(const Tenant *a, bool elevation_only, bool ending)
{
        for (const Session *s = a->registry->sessions; s; s = s->next)
                if ((s->state == SESSION_ENDING) == ending && s->tie.request.uid == a->uid &&
                    (s->tie.request.elevation || !elevation_only))
                        return true;
        return false;
}

static bool has_slice(const Tenant *a)
{
        return a->is_closed && !has_session(a, false, false);
}

static bool has_moved(const Tenant *a)
{
        return a->n_elevations > 0 && !has_session(a, true, false);
}

static TenantWait wait_for(const Tenant *a, bool elevation_only)
{
        if (has_session(a, elevation_only, false))
                return WAIT_LIVE;
        return has_session(a, elevation_only, true) ? WAIT_ENDING : WAIT_NONE;
}

/* Nothing can be ended now, or all has been: may there be more once a session is gone (A4)? */
static void tenant_wait(Tenant *a)
{
        a->slice = a->is_closed ? wait_for(a, false) : WAIT_NONE;
        a->moved = a->n_elevations > 0 ? wait_for(a, true) : WAIT_NONE;
        a->is_over = a->slice != WAIT_NONE || a->moved != WAIT_NONE;
}

static bool wait_is_over(const Tenant *a, TenantWait wait, bool elevation_only)
{
        return wait != WAIT_NONE && !has_session(a, elevation_only, wait == WAIT_ENDING);
}

static bool account_is_closed(const Tenant *a)
{
        const SessionsHost *host = &a->registry->host;

        return a->uid != 0 && host->account_is_closed &&
               host->account_is_closed(host->userdata, a->name, a->uid);
}

static void tenant_record(const Tenant *a, EventKind kind, uint32_t n_survivors)
{
        Caller slice = { .pidfd = -EBADF, .loginuid = AUDIT_UNSET, .audit_session = AUDIT_UNSET };
        const Event e = { .kind = kind,
                          .account = a->name,
                          .uid = a->uid,
                          .caller = kind == EVENT_STRAY ? &slice : NULL,
                          .code = "ended",
                          .detail = a->end.who,
                          .took_usec = (int64_t)(now_monotonic_usec() - a->end.since_usec),
                          .n_survivors = n_survivors,
                          .n_denials = a->end.n_asked };

        (void)snprintf(slice.unit, sizeof(slice.unit), "user-%" PRIu32 ".slice", a->uid);
        a->registry->host.record(a->registry->host.userdata, &e);
}

/* Nothing is under way any more. */
static void tenant_rest(Tenant *a)
{
        a->timer = sd_event_source_disable_unref(a->timer);
        tenant_wait(a);
        sessions_save(a->registry);
        sessions_check_started(a->registry);
}

static void tenant_done(Tenant *a)
{
        if (a->end.n_asked > 0)
                tenant_record(a, EVENT_STRAY, 0);
        stray_report(a);
        tenant_rest(a);
}

static SliceAct tenant_act(const Tenant *a, uint64_t age_usec)
{
        if (!a->end.is_asked)
                return SLICE_ASK;
        return age_usec < sessions_grace_usec(a->registry) ? SLICE_LOOK : SLICE_KILL;
}

static void tenant_again(Tenant *a, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(a->timer, usec);
        (void)sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static int on_tenant_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Tenant *a = userdata;
        const uint64_t begin_usec = now_monotonic_usec();
        const uint64_t age_usec = begin_usec - a->end.since_usec;
        const uint64_t grace_usec = sessions_grace_usec(a->registry);
        const bool is_first = !a->end.is_asked;
        size_t n;

        if (!has_slice(a) && !has_moved(a)) {
                tenant_rest(a);
                return 0;
        }
        n = has_slice(a) ? tenant_slice(a, tenant_act(a, age_usec)) : 0;
        n += has_moved(a) ? tenant_moved(a, tenant_act(a, age_usec)) : 0;
        a->end.n_asked = is_first ? n : a->end.n_asked;
        a->end.is_asked = true;
        if (n == 0) {
                tenant_done(a);
                return 0;
        }
        if (age_usec > grace_usec + TENANT_SURVIVOR_USEC && !a->end.is_recorded) {
                tenant_record(a, EVENT_SURVIVOR, (uint32_t)n);
                a->end.is_recorded = true;
        }
        usec = TENANT_REST_FACTOR * (now_monotonic_usec() - begin_usec);
        usec = usec > TENANT_LOOK_USEC ? usec : TENANT_LOOK_USEC;
        tenant_again(a, a->end.is_recorded ? TENANT_SLOW_USEC : usec);
        return 0;
}

static void tenant_begin(Tenant *a)
{
        const bool was_over = a->is_over;

        if (a->timer)
                return;
        a->is_closed = account_is_closed(a);
        if (!has_slice(a) && !has_moved(a)) {
                tenant_wait(a);
                if (a->is_over != was_over)
                        sessions_save(a->registry); /* the next agent waits, too */
                return;
        }
        memset(&a->end, 0, sizeof(a->end));
        a->end.since_usec = now_monotonic_usec();
        if (sd_event_add_time_relative(a->registry->event, &a->timer, CLOCK_MONOTONIC, 0, 1,
                                       on_tenant_timer, a) < 0)
                return; /* the next end of a session tries again */
        (void)sd_event_source_set_description(a->timer, "tenant-ending");
        a->is_over = true;
        sessions_save(a->registry);
}

void tenant_over(Sessions *s, const char *name)
{
        Tenant *a = tenant_find(s, name);

        if (a && s->reconciled)
                tenant_begin(a);
}

void tenant_left(Sessions *s, uint32_t uid)
{
        for (Tenant *a = s->tenants; s->reconciled && a; a = a->next)
                if (a->uid == uid && !a->timer &&
                    (wait_is_over(a, a->slice, false) || wait_is_over(a, a->moved, true)))
                        tenant_begin(a);
}

bool tenants_are_ending(const Sessions *s)
{
        for (const Tenant *a = s->tenants; a; a = a->next)
                if (a->timer)
                        return true;
        return false;
}

void tenants_resume(Sessions *s)
{
        for (Tenant *a = s->tenants; a; a = a->next)
                if (a->is_over)
                        tenant_begin(a);
}

void tenants_free(Sessions *s)
{
        for (Tenant *a = s->tenants, *next; a; a = next) {
                next = a->next;
                sd_event_source_disable_unref(a->timer);
                elevations_clear(a);
                free(a->name);
                free(a);
        }
        s->tenants = NULL;
        s->n_tenants = 0;
}

/* ---- the state file ---- */

json_t *tenants_to_json(const Sessions *s)
{
        json_t *list = json_array();

        for (const Tenant *a = s->tenants; list && a; a = a->next)
                if (json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:b, s:o}", "name",
                                                          a->name, "uid", (json_int_t)a->uid,
                                                          "first_usec", (json_int_t)a->first_usec,
                                                          "over", (int)a->is_over, "elevations",
                                                          elevations_to_json(a))) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

int tenants_from_json(Sessions *s, const json_t *list)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                json_int_t uid, first_usec;
                const char *name;
                Tenant *a;
                int is_over;

                if (json_unpack(json_array_get(list, i), "{s:s, s:I, s:I, s:b}", "name", &name,
                                "uid", &uid, "first_usec", &first_usec, "over", &is_over) < 0 ||
                    uid < 0 || uid > UINT32_MAX)
                        return -EBADMSG;
                a = tenant_new(s, name, (uint32_t)uid, first_usec);
                if (!a)
                        return -ENOMEM;
                a->is_over = is_over != 0;
                if (elevations_from_json(
                            a, json_object_get(json_array_get(list, i), "elevations")) < 0)
                        return -EBADMSG;
        }
        return 0;
}
