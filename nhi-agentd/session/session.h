/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sessions under grants: tie a caller to the one grant that allowed it, end it with that grant.
 *
 * Promises, cited by the host tests:
 *  E1 At the grant's end every process in the session's cgroup MUST die, and nothing else.
 *  E2 The backstop timer of PID 1 MUST be armed before the answer leaves the agent.
 *  E3 cgroup.kill MUST only be written for session-*.scope and nhi-*.scope that this registry
 *     created or matched by logind id, boot id and leader pidfd, and for nhi/sN that it made where
 *     PID 1 is no systemd.
 *  E4 Nothing MUST be ended without a verified set, a verified list that names it, an expiry or a
 *     decision of this host's own (a lock, a grant given back) that proves it.
 *
 * Everything is asynchronous: bus calls never block the loop. */

#include "nhi-agentd/caller.h"
#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/event.h"
#include "nhi-agentd/session/means.h"

#include <systemd/sd-event.h>

typedef struct Sessions Sessions;
typedef struct Session Session;

/* What the registry needs of the agent. All called on the loop. */
typedef struct SessionsHost {
        void *userdata;
        /* Is the grant that a session was opened under, that issuer's, still in force for this
         * request? tied has identity and reasons only. Called for each session in
         * sessions_review(). REASON_NO_SET, REASON_CLOCK and the like prove nothing: such a session
         * goes on until its own end (E4). */
        Decision (*judge)(void *userdata, const Grant *tied, const AccessRequest *request);
        Now (*now)(void *userdata);
        void (*record)(void *userdata, const Event *event);
        const Grant *(*grant)(void *userdata, const char *jti); /* NULL: gone, ended or locked */
        /* Has this issuer a verified set now? Without one its grants are absent, not revoked, and
         * only a list that names them, and what was decided on this host, ends their sessions.
         * NULL: the answer of judge() alone counts. */
        bool (*issuer_is_verified)(void *userdata, const char *issuer);
        /* Does a verified list that may name it name the grant, as it was when it let the session
         * in, or the key of the newest set that had it? Then it is revoked, whatever sets there
         * are. NULL: none does. */
        bool (*is_named)(void *userdata, const Grant *tied);
        /* Does every way into this account ask for a grant: is it one that a set defined here, or
         * named by an enforced gate for all classes, and exempt from none? Then what is left of it
         * when its last session ended is ended (tenant.h). NULL: no account is. */
        bool (*account_is_closed)(void *userdata, const char *account, uint32_t uid);
        /* What there is to say of this end beyond its reason, into ret, which holds "". May be
         * NULL.
         */
        void (*explain)(void *userdata, const Grant *tied, Reason reason, char *ret, size_t size);
        uint64_t grace_usec; /* between asking to end and killing; 0: two seconds */
        SessionMeans means;
} SessionsHost;

/* state_path: /run/nhi/sessions.json, the registry's own record of what it tied (for a restart). */
int sessions_new(sd_event *event, const SessionsHost *host, const char *state_path, Sessions **ret);
Sessions *sessions_free(Sessions *s);
/* The configuration changed: for endings and scopes from now on; 0: two seconds. */
void sessions_set_grace(Sessions *s, uint64_t grace_usec);

/* Connect to the system bus and reconcile: read the state file, find the scopes that are still
 * there, end at once those whose grant is over. done(userdata, r) is called when that is through;
 * only then does the agent serve. Without a bus (r < 0) new sessions are refused and endings go
 * by cgroup. -EBADMSG: the state file was damaged; sessions of before are ended by their backstops
 * only. */
int sessions_start(Sessions *s, void (*done)(void *userdata, int r), void *userdata);

/* Ask PID 1 which system unit the caller is; answers into caller->unit and caller->invocation and
 * calls back once, never from within: 0, or a negative errno (-ESRCH: the caller is gone). A
 * negative errno from the call itself: done is not called. caller must stay until then. */
int caller_resolve_unit(Sessions *s, Caller *caller, void (*done)(void *userdata, int r),
                        void *userdata);

/* Tie the caller to the grant. request is copied. done(userdata, reason, session id):
 * REASON_GRANTED when the session is in its scope and its backstop is armed, else the reason to
 * deny, and nothing is left behind. Kinds: the caller is the leader of a logind session of the
 * account: that scope; the caller is a system unit under PAMName= (class "unit"): that unit, ended
 * by StopUnit; anything else: moved into nhi-<jti>-<n>.scope below user-UID.slice of the account,
 * BindsTo= the session scope it came from. A negative errno: done is not called, deny for
 * REASON_SESSION_UNKNOWN. Else done is called once, within two seconds, never from within. caller,
 * grant and texts are copied. */
typedef void (*SessionDone)(void *userdata, Reason reason, const char *session_id);
int session_open(Sessions *s, Caller *caller, const Grant *grant, const AccessRequest *request,
                 const char *service, const char *rhost, const char *tty, int64_t end_sec,
                 int64_t boot_end_usec, SessionDone done, void *userdata);
/* open_session of this caller was denied. sshd keeps such a connection open when it runs no command
 * (ssh -N): for class "ssh" the caller's own process is ended after a moment. */
void session_refused(Sessions *s, const Caller *caller, const char *class);
/* close_session was called by this caller: a hint, the cgroup is the authority. */
void session_close_hint(Sessions *s, const Caller *caller);

/* The jti of the session the caller runs in (by cgroup, checked against the registry), or NULL. */
const char *session_parent_jti(Sessions *s, const Caller *caller);
uint32_t sessions_of_grant(const Sessions *s, const char *jti);

/* The store, a lock or a clock changed: judge every session anew, end those that are over, move
 * the ends and backstops of those that were prolonged or shortened. Cheap when nothing changed. */
void sessions_review(Sessions *s);
/* A grant of this account is over, be it that no session was open under it: what is left of the
 * account, once no session of it goes on, is ended or reported. A NULL registry does nothing. */
void sessions_grant_over(Sessions *s, const char *account);
/* The next end among sessions; false where none. The agent's one expiry timer asks. */
bool sessions_next_end(const Sessions *s, int64_t *ret_real_usec, int64_t *ret_boot_usec);

/* End one session now (nhictl end, done). -ENOENT where there is none. */
int session_end(Sessions *s, const char *id, const char *why);

typedef struct SessionView {
        const char *id, *account, *jti, *class, *service, *target, *rhost, *tty, *scope, *state;
        uint32_t uid;
        pid_t leader;
        int64_t started_sec, end_sec;
        bool ending;
} SessionView;
size_t sessions_list(const Sessions *s, SessionView *ret, size_t n);
size_t sessions_count(const Sessions *s);
/* Is there a system bus now? For status. */
bool sessions_have_bus(const Sessions *s);
/* Is there now what a session is tied by? Without, none opens. */
bool sessions_can_tie(const Sessions *s);
Means sessions_means(const Sessions *s);
