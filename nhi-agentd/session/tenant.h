/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What runs as an account although no session accounts for it. Where every way into the account
 * asks for a grant (SessionsHost.account_is_closed), and no session of it is left, what is in its
 * slice is ended; everything else is reported, once, and left alone.
 *
 *  A1 Only processes of that uid below /user.slice/user-UID.slice, in no session's cgroup, MUST be
 *     signalled; never one of a system unit, nor one that somebody else's login began.
 *  A2 A login of before the account's first session under a grant MUST be left alone.
 *  A3 What an elevation of the account began and a login took along into another's slice MUST be
 *     ended once no elevation goes on there and no grant of one is in force: of that audit session
 *     and loginuid, begun since, running as somebody else.
 *  A4 What a session holds up MUST be ended once that goes on no more: it may have been about to
 *     begin, and was refused. What a session began while it was ended MUST be, too. */

#include "nhi-agentd/session/registry.h"

/* An elevation of it, by the audit session that it came from and all of its processes bear. */
typedef struct TenantElevation {
        uint32_t audit_session;
        int64_t since_usec; /* CLOCK_BOOTTIME: of the first one there */
        int64_t end_sec;    /* of the last one there, as it was known then */
        int64_t nbf_sec;    /* of its grant; 0: unknown, as of an agent of before */
        char jti[65];
        char *issuer, *owner; /* "": unknown */
        char *kid;            /* of the newest set in force that had its grant; likewise */
} TenantElevation;

#define TENANT_ELEVATIONS_MAX 256u

/* What may still be left of it, and cannot be ended yet (A4). */
typedef enum TenantWait {
        WAIT_NONE = 0,
        WAIT_LIVE,   /* for sessions that go on */
        WAIT_ENDING, /* for those that are being ended, and may have begun something meanwhile */
} TenantWait;

struct Tenant {
        Sessions *registry;
        Tenant *next;
        char *name;
        uint32_t uid;
        int64_t first_usec; /* CLOCK_BOOTTIME of its first session under a grant in this boot */
        bool is_over;       /* what is left of it has not been ended yet */
        TenantWait slice;   /* in its slice: for any session of it */
        TenantWait moved;   /* elsewhere: for elevations */
        bool is_due;        /* what is left elsewhere is to be reported (stray.c): */
        bool is_closed;     /* whatever bears its uid, or only what an elevation moved away */
        TenantElevation *elevations; /* the oldest first */
        size_t n_elevations;
        sd_event_source *timer; /* ending what is left; NULL: nothing is under way */
        struct {
                uint64_t since_usec; /* CLOCK_MONOTONIC */
                size_t n_asked;
                char who[256]; /* the first of them */
                bool is_asked, is_recorded;
        } end;
};

/* A session under a grant begins: to be remembered while this boot lasts. */
void tenant_note(const Session *session);
/* The grant of a session of it is over: once no other session of it goes on, end what is left. */
void tenant_over(Sessions *s, const char *name);
/* A session of this uid, by whatever name, goes on no more, or is gone. */
void tenant_left(Sessions *s, uint32_t uid);
/* Is any being ended? */
bool tenants_are_ending(const Sessions *s);
/* After a restart: what was under way goes on. */
void tenants_resume(Sessions *s);
void tenants_free(Sessions *s);

json_t *tenants_to_json(const Sessions *s);
int tenants_from_json(Sessions *s, const json_t *list); /* 0, -EBADMSG or -ENOMEM */

/* The child of the account's slice at this cgroup path is a login of before (A2). */
bool tenant_spares(const Tenant *a, const char *path, const Cgroup *group);

/* tenant-slice.c: the length of its slice's path, where this cgroup path is that or below it; else
 * 0. */
size_t tenant_holds(const Tenant *a, const char *cgroup);
/* One pass over what is in its slice and in no session's cgroup. How many there
 * were. */
typedef enum SliceAct {
        SLICE_LOOK = 0,
        SLICE_ASK,
        SLICE_KILL,
} SliceAct;
size_t tenant_slice(Tenant *a, SliceAct act);
/* tenant-moved.c: the same of what its elevations began (A3). */
size_t tenant_moved(Tenant *a, SliceAct act);
/* tenant-elevation.c */
void elevation_note(Tenant *a, uint32_t audit_session, const Session *session);
void elevations_clear(Tenant *a);
/* Other sets may be in force: by which keys are their grants signed now? */
void elevations_review(Sessions *s);
/* Is everything over that elevations there came from, and proved to be (E4)? *ret_since_usec: when
 * the first of them began. */
bool elevations_are_over(const Tenant *a, uint32_t audit_session, int64_t *ret_since_usec);
json_t *elevations_to_json(const Tenant *a);
int elevations_from_json(Tenant *a, const json_t *list); /* 0, -EBADMSG or -ENOMEM */

/* Note who it is, for the record. */
void tenant_who(Tenant *a, pid_t pid);

/* stray.c: report what else runs as the account, or was begun by an elevation of it and is in no
 * session any more, soon: once for each, many accounts at a time. */
void stray_report(Tenant *a);
void strays_free(Sessions *s);
