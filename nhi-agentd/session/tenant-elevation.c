/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From where an account's elevations came, and whether what they were begun under is over
 * (tenant.h: A3). */

#include "nhi-agentd/session/tenant.h"

#include "nhi-agentd/process.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CLOCK_TICK_USEC 10000 /* to which /proc rounds a beginning down */

static void elevation_done(TenantElevation *e)
{
        free(e->issuer);
        free(e->owner);
        free(e->kid);
}

void elevations_clear(Tenant *a)
{
        for (size_t i = 0; i < a->n_elevations; i++)
                elevation_done(&a->elevations[i]);
        free(a->elevations);
        a->elevations = NULL;
        a->n_elevations = 0;
}

/* ---- room -------------------------------------------------------------------------------------
 */

static void born_note(const Tenant *a, pid_t pid, bool *borne)
{
        const uint32_t audit_session = process_audit_id(pid, "sessionid");

        for (size_t i = 0; i < a->n_elevations; i++)
                borne[i] = borne[i] || a->elevations[i].audit_session == audit_session;
}

static void elevation_remove(Tenant *a, size_t i)
{
        elevation_done(&a->elevations[i]);
        memmove(a->elevations + i, a->elevations + i + 1,
                (a->n_elevations - i - 1) * sizeof(*a->elevations));
        a->n_elevations--;
}

/* An audit session that nobody bears is never anybody's again. Whoever keeps all of them in use
 * loses the oldest. */
static void elevations_make_room(Tenant *a)
{
        bool borne[TENANT_ELEVATIONS_MAX] = { false };
        DIR *proc = opendir("/proc");

        for (struct dirent *e; proc && (e = readdir(proc));) {
                const pid_t pid = process_of_name(e->d_name);

                if (pid > 0)
                        born_note(a, pid, borne);
        }
        for (size_t i = a->n_elevations; proc && i > 0; i--)
                if (!borne[i - 1])
                        elevation_remove(a, i - 1);
        if (proc)
                (void)closedir(proc);
        if (a->n_elevations == TENANT_ELEVATIONS_MAX)
                elevation_remove(a, 0);
}

static int elevation_copy(const TenantElevation *e, TenantElevation *ret)
{
        TenantElevation copy = *e;

        copy.issuer = strdup(e->issuer);
        copy.owner = strdup(e->owner);
        copy.kid = strdup(e->kid);
        if (!copy.issuer || !copy.owner || !copy.kid) {
                elevation_done(&copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

static int elevation_add(Tenant *a, const TenantElevation *e)
{
        int r;

        if (!a->elevations)
                a->elevations = calloc(TENANT_ELEVATIONS_MAX, sizeof(*a->elevations));
        if (!a->elevations)
                return -ENOMEM;
        if (a->n_elevations == TENANT_ELEVATIONS_MAX)
                elevations_make_room(a);
        r = elevation_copy(e, &a->elevations[a->n_elevations]);
        if (r == 0)
                a->n_elevations++;
        return r;
}

/* What is not known proves nothing: the wrong key might. */
static void elevation_note_key(TenantElevation *e, const char *kid)
{
        char *copy = strdup(kid);

        if (copy) {
                free(e->kid);
                e->kid = copy;
        } else {
                e->kid[0] = '\0';
        }
}

static char *text_or_none(const char *text)
{
        return (char *)(uintptr_t)(text ? text : "");
}

void elevation_note(Tenant *a, uint32_t audit_session, const Session *session)
{
        const Grant *grant = &session->tie.grant;
        TenantElevation e = { .audit_session = audit_session,
                              .since_usec = now_boottime_usec() - CLOCK_TICK_USEC,
                              .end_sec = session->end_sec,
                              .nbf_sec = grant->nbf_sec,
                              .issuer = text_or_none(grant->issuer),
                              .owner = text_or_none(grant->owner),
                              .kid = text_or_none(grant->kid) };

        (void)snprintf(e.jti, sizeof(e.jti), "%s", grant->jti);
        for (size_t i = 0; i < a->n_elevations; i++) {
                TenantElevation *known = &a->elevations[i];

                if (known->audit_session != audit_session || !streq(known->jti, e.jti) ||
                    !streq(known->issuer, e.issuer))
                        continue;
                known->end_sec = e.end_sec > known->end_sec ? e.end_sec : known->end_sec;
                elevation_note_key(known, e.kid);
                return;
        }
        (void)elevation_add(a, &e);
}

/* ---- over? ------------------------------------------------------------------------------------
 */

/* Another issuer's of that id is another grant. Records of former versions know no issuer. */
static const Grant *grant_in_force(const Sessions *s, const TenantElevation *e)
{
        const SessionsHost *host = &s->host;
        const Grant *g = host->grant ? host->grant(host->userdata, e->jti) : NULL;

        return g && (*e->issuer == '\0' || streq_ptr(g->issuer, e->issuer)) ? g : NULL;
}

void elevations_review(Sessions *s)
{
        for (Tenant *a = s->tenants; a; a = a->next)
                for (size_t i = 0; i < a->n_elevations; i++) {
                        const Grant *g = grant_in_force(s, &a->elevations[i]);

                        if (!g || !g->kid || streq(g->kid, a->elevations[i].kid))
                                continue;
                        elevation_note_key(&a->elevations[i], g->kid);
                        sessions_save(s);
                }
}

/* By a list, though no set has its grant. An entry may mean those only that begin before a time. */
static bool is_named(const Tenant *a, const TenantElevation *e)
{
        const SessionsHost *host = &a->registry->host;
        const Grant tied = { .jti = e->jti,
                             .account = a->name,
                             .owner = e->owner,
                             .issuer = e->issuer,
                             .kid = e->kid,
                             .nbf_sec = e->nbf_sec };

        return e->nbf_sec > 0 && host->is_named && host->is_named(host->userdata, &tied);
}

/* A grant that is absent from a set that is not there is in force until its end, but for a list
 * that names it. */
static bool elevation_is_over(const Tenant *a, const TenantElevation *e)
{
        const SessionsHost *host = &a->registry->host;
        const int64_t now_usec = host->now(host->userdata).real_usec;
        const Grant *g = grant_in_force(a->registry, e);

        if (g)
                return usec_of_sec(g->exp_sec) <= now_usec ||
                       (host->is_named && host->is_named(host->userdata, g));
        return usec_of_sec(e->end_sec) <= now_usec || *e->issuer == '\0' ||
               !host->issuer_is_verified || host->issuer_is_verified(host->userdata, e->issuer) ||
               is_named(a, e);
}

/* Of which of the elevations there it is, nobody can tell: all must be over. */
bool elevations_are_over(const Tenant *a, uint32_t audit_session, int64_t *ret_since_usec)
{
        int64_t since_usec = INT64_MAX;

        for (size_t i = 0; i < a->n_elevations; i++) {
                const TenantElevation *e = &a->elevations[i];

                if (e->audit_session != audit_session)
                        continue;
                if (!elevation_is_over(a, e))
                        return false;
                since_usec = e->since_usec < since_usec ? e->since_usec : since_usec;
        }
        *ret_since_usec = since_usec;
        return since_usec != INT64_MAX;
}

/* ---- the state file ---- */

json_t *elevations_to_json(const Tenant *a)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->n_elevations; i++) {
                const TenantElevation *e = &a->elevations[i];

                (void)json_array_append_new(
                        list, json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "audit_session",
                                        (json_int_t)e->audit_session, "since_usec",
                                        (json_int_t)e->since_usec, "end", (json_int_t)e->end_sec,
                                        "nbf", (json_int_t)e->nbf_sec, "grant", e->jti, "issuer",
                                        e->issuer, "owner", e->owner, "kid", e->kid));
        }
        return list;
}

static int elevation_from_json(Tenant *a, json_t *o)
{
        json_int_t audit_session, since_usec, end_sec = 0, nbf_sec = 0;
        const char *jti, *issuer = "", *owner = "", *kid = "";
        TenantElevation e = { 0 };

        if (json_unpack(o, "{s:I, s:I, s?I, s?I, s:s, s?s, s?s, s?s}", "audit_session",
                        &audit_session, "since_usec", &since_usec, "end", &end_sec, "nbf", &nbf_sec,
                        "grant", &jti, "issuer", &issuer, "owner", &owner, "kid", &kid) < 0 ||
            !is_end_sec(end_sec))
                return -EBADMSG;
        e = (TenantElevation){ .audit_session = (uint32_t)audit_session,
                               .since_usec = since_usec,
                               .end_sec = end_sec,
                               .nbf_sec = nbf_sec,
                               .issuer = text_or_none(issuer),
                               .owner = text_or_none(owner),
                               .kid = text_or_none(kid) };
        (void)snprintf(e.jti, sizeof(e.jti), "%s", jti);
        return elevation_add(a, &e);
}

int elevations_from_json(Tenant *a, const json_t *list)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < json_array_size(list) && i < TENANT_ELEVATIONS_MAX; i++)
                r = elevation_from_json(a, json_array_get(list, i));
        return r;
}
