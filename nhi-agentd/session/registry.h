/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside the registry of sessions (session.h is its door): what a session is, and which file does
 * what with it.
 *
 *   session.c         the registry itself: sessions, list, look up
 *   session/start.c   the bus, the state file, what became of the sessions of before
 *   refusal.c         connections that sshd keeps although they were denied
 *   session/open.c    from a caller to a session in its scope with its backstop
 *   session/logind.c  is the caller the leader of a logind session?
 *   session/review.c  who is over, whose end moved
 *   session/record.c  request and grant as JSON and back: the copy that a session keeps
 *   session/state.c   the state file
 *   backstop.c        PID 1's timer, replaced as the end moves
 *   ending.c          ask, kill, sweep, verify
 *   over.c            the last one left: written down
 *   sweep.c           what carries the session's audit id, wherever it moved
 *   crowd.c           the processes of one cgroup, one by one; process.c: one process
 *   tenant.c          what is left of an account without a session: ended where that is lawful
 *                     tenant-slice.c: in its slice; tenant-moved.c: in those of others, by
 *                     tenant-elevation.c: where its elevations came from
 *   stray.c           and what is left alone, which is reported
 *   means.c           what there is to end sessions by, where PID 1 is no systemd
 *   own.c             sessions that PID 1 does not know
 *   sweep-tree.c      those of them that have no cgroup: whose is a process?
 *   warn.c            one line to the terminals before the end, and why at the end
 *   words.c           what these say; terminal.c: to which terminals
 *   resolve.c         which system unit a caller is */

#include "nhi-agentd/boot.h"
#include "nhi-agentd/session/bus.h"
#include "nhi-agentd/session/cgroup.h"
#include "nhi-agentd/session/process-tree.h"
#include "nhi-agentd/session/scope.h"
#include "nhi-agentd/session/session.h"

#include <jansson.h>

#define SESSION_ID_SIZE    32
#define SESSION_GRACE_USEC 2000000ull /* between asking and killing, unless the host says other */
#define SESSION_OPEN_USEC  1500000ull /* all of session_open(); pam_nhi waits 2 s */
#define SESSIONS_MAX       4096u
#define AUDIT_UNSET        ((uint32_t)-1)
#define UNIT_CLASS         "unit"
#define SYSTEMD_USER_CLASS "systemd-user" /* comes with the logins: counted with none */

typedef enum SessionKind {
        SESSION_SCOPE = 0, /* nhi-*.scope, made by us */
        SESSION_LOGIND,    /* session-*.scope, of which the caller is the leader */
        SESSION_UNIT,      /* a system unit: ended by PID 1 only */
        SESSION_CGROUP,    /* nhi/sN, made by us, where PID 1 is no systemd */
        SESSION_TREE,      /* nor a cgroup: known by its processes only */
} SessionKind;

typedef enum SessionState {
        SESSION_OPENING = 0,
        SESSION_ACTIVE,
        SESSION_ENDING,
} SessionState;

/* What the session was opened with, decoded from record (session/record.c): everything points into
 * it. */
typedef struct SessionTie {
        json_t *record;
        AccessRequest request;
        SshKey key;
        Grant grant; /* identity and reasons only: no terms, it allows nothing; kid is the newest */
        Actor *actors;
        const char *service, *rhost, *tty;
} SessionTie;

/* The backstop: at most one is armed, another may be on its way. */
typedef struct Backstop {
        unsigned n;                    /* number of the armed one; 0: none */
        unsigned next;                 /* number of the last one asked for */
        unsigned oldest;               /* before it none is there any more */
        int64_t end_sec, boot_usec;    /* for which it is armed */
        int64_t asked_sec, asked_usec; /* for which the next one was asked for */
        BusJob *job;
        sd_event_source *retry;
        void (*done)(Session *s, int r); /* the opening waits; else NULL */
} Backstop;

/* The opening: what is needed only until done() was called. */
typedef struct Opening {
        Caller caller;
        BusJob *job;
        sd_bus_slot *slot;
        sd_event_source *begin, *deadline;
        SessionDone done;
        void *userdata;
} Opening;

typedef struct Ending {
        char why[64];        /* stable token */
        char detail[256];    /* what who asked for it says; "" otherwise */
        uint64_t since_usec; /* CLOCK_MONOTONIC */
        int64_t late_usec;   /* how long after the grant's end the ending began */
        bool told;           /* its terminals were told why */
        bool asked;          /* PID 1 was told to stop it */
        uint64_t begun_usec; /* CLOCK_MONOTONIC: its processes were asked; 0: not yet */
        unsigned n_kills;
        bool refused; /* it never began for its holder: no start, no end is written down */
        bool survivor_recorded;
        sd_event_source *timer;
} Ending;

/* Seconds since the epoch as microseconds; a far future stays far. */
static inline int64_t usec_of_sec(int64_t sec)
{
        return sec < INT64_MAX / 1000000 ? sec * 1000000 : INT64_MAX;
}

/* Of a stored end: it is reckoned with. */
static inline bool is_end_sec(int64_t sec)
{
        return sec >= 0 && sec <= TIME_SEC_MAX;
}

struct Session {
        Sessions *registry;
        Session *next;
        char id[SESSION_ID_SIZE];
        uint64_t number;
        SessionKind kind;
        SessionState state;
        SessionTie tie;
        char unit[UNIT_NAME_SIZE]; /* the scope, or the system unit; "" until known */
        char logind_id[64];
        char invocation[33];
        char cgroup[512];
        Cgroup group;
        sd_event_source *watch;
        pid_t leader;
        int leader_pidfd;
        uint32_t loginuid, audit_session; /* AUDIT_UNSET: not the session's own */
        int64_t started_sec, end_sec, boot_end_usec;
        ProcessTree tree;     /* SESSION_TREE: its processes */
        uint64_t uid_since;   /* likewise: who began before is nobody's of the account's sessions */
        uint32_t claim_audit; /* likewise, an elevation: its invoker's audit session */
        bool detached;        /* its scope is empty; processes elsewhere still bear its audit id */
        bool closed;          /* close_session was called */
        bool judging;         /* not counted for its own verdict */
        /* CLOCK_MONOTONIC: a look at /proc that began before says nothing of it any more. */
        uint64_t changed_usec;
        Backstop backstop;
        Opening *opening; /* NULL once opened */
        Ending *ending;   /* NULL unless SESSION_ENDING */
        sd_event_source *leader_watch, *recheck, *warn;
        /* The warning that is armed; the last one that was told, and for which end. */
        int64_t warn_lead_usec, warned_end_sec, warned_lead_usec;
};

/* Every process that was begun in some audit session, as /proc had it (sweep.c). */
typedef struct LookItem {
        pid_t pid;
        uint32_t audit_session;
} LookItem;

typedef struct Look {
        LookItem *items; /* by audit session */
        size_t n, capacity;
        uint64_t begin_usec, end_usec; /* CLOCK_MONOTONIC; 0: none taken */
        unsigned n_taken;
} Look;

/* What was reported and left alone: once for each (stray.c). */
typedef struct StrayTold {
        pid_t pid;
        int64_t began_usec; /* CLOCK_BOOTTIME */
} StrayTold;

typedef struct Tenant Tenant;   /* tenant.h */
typedef struct Resolve Resolve; /* resolve.c */
typedef struct Refusal Refusal; /* refusal.c */

struct Sessions {
        sd_event *event;
        SessionsHost host;
        char *state_path;
        char boot_id[BOOT_ID_SIZE];
        Bus *bus;
        Session *sessions;
        size_t n_sessions;
        uint64_t next_number,
                reserved_number; /* the state file says: none was used from there on */
        Resolve *resolves;
        Look look;
        ProcessTable processes; /* of the last look for trees */
        sd_event_source *tree_poll;
        uint64_t tree_usec; /* that the last poll took, with all that was told by it */
        Refusal *refusals;
        Tenant *tenants; /* accounts that had a session under a grant in this boot */
        size_t n_tenants;
        struct {
                sd_event_source *timer;
                uint64_t rest_usec;
                StrayTold *told; /* a ring */
                size_t n_told, next;
        } strays;
        void (*start_done)(void *userdata, int r);
        void *start_userdata;
        int start_r;
        bool started, reconciled;
        sd_event_source *start_deadline, *save;
};

/* Between asking a session to end and killing it. */
static inline uint64_t sessions_grace_usec(const Sessions *s)
{
        return s->host.grace_usec != 0 ? s->host.grace_usec : SESSION_GRACE_USEC;
}

/* session.c */
int session_new(Sessions *registry, Session **ret);
/* May the account have one more? It never has more sessions than there are places left, so that no
 * account takes the last place from another (O30). */
bool sessions_have_room(const Sessions *registry, const char *account);
Session *session_free(Session *s);
DEFINE_CLEANUP(Session *, session_free)
int session_watch(Session *s); /* open its cgroup by path and watch it: 0 or a negative errno */
void session_record(const Session *s, EventKind kind, const char *code, const char *detail,
                    int64_t took_usec, uint32_t n_survivors);
/* The innermost: an elevation's group lies in that of the session it came from (own.c). */
Session *session_by_cgroup(Sessions *registry, const char *cgroup);
bool session_end_passed(const Session *s, Now now);
void sessions_check_started(Sessions *s);
/* The user's own session scope or ours that this cgroup path lies in, as text; "" where none. */
void session_scope_of(const char *cgroup, char ret[static UNIT_NAME_SIZE]);

/* session/open.c: the steps of an opening. Each goes on by itself to the next; after one of them s
 * may be gone. */
void opening_free(Session *s);
void open_fail(Session *s, Reason reason);
void open_scope(Session *s, const char *bind_to);
void open_backstop(Session *s);
/* Hold the cgroup at s->cgroup open and watch it; false where the caller is not alive in it. */
bool open_tie(Session *s);
/* Whose is the audit session that the caller bears: this session's own, so that what carries it
 * elsewhere belongs to it, or somebody's else? */
void open_audit(Session *s, bool own);
/* session/logind.c */
void open_lookup(Session *s);

/* session/own.c: the kinds that are not PID 1's, and what differs by kind. */
bool session_is_pid1s(const Session *s); /* a scope or unit, with a timer */
/* Does anything of it live, as far as is known without another look at /proc? A session of before
 * whose group was gone when the agent came back has processes elsewhere only. */
bool session_is_populated(const Session *s);
/* Its processes, but for those elsewhere: the number found, at most n are stored. */
size_t session_pids(const Session *s, pid_t *ret, size_t n);
/* Ask the processes of a session that is not PID 1's to end. */
void own_ask(Session *s);
/* Begin to open one: from open.c, which goes on with open_backstop(). */
void open_own(Session *s);
/* Its group goes, where it is empty. */
void own_remove(const Session *s);
/* To and from an entry of the state file: what only a tree has. 0, -EBADMSG or -ENOMEM. */
int own_save(const Session *s, json_t *o);
int own_load(const json_t *o, Session *s);

/* sweep-tree.c: sessions known by their processes only, looked for at intervals while there are
 * any. */
int tree_begin(Session *s);   /* from its leader on: 0 or a negative errno */
void tree_reopen(Session *s); /* of a former agent: who of it is there? */
/* Can every process of it be told by the kernel's word, whatever becomes of its parent? */
bool tree_is_promised(const Session *s);
void tree_watch(Sessions *r);
uint64_t tree_poll_usec(const Sessions *r); /* to the next poll */
void tree_ask(Session *s);
/* As sweep_session(). */
ssize_t tree_sweep(Session *s, int signal);
size_t tree_pids(const Session *s, pid_t *ret, size_t n);
/* The youngest session that the process, or whoever began it, is part of. */
Session *session_by_ancestors(Sessions *r, pid_t pid);

/* session/review.c */
Decision session_judge(Session *s);
/* Is it proved to be over (E4)? *ret: the verdict, with the reason to end it for. */
bool session_is_over(Session *s, Decision *ret);
bool reason_proves_end(Reason r);

/* session/record.c */
json_t *session_record_new(const AccessRequest *request, const Grant *grant, const char *service,
                           const char *rhost, const char *tty);
/* Takes the reference in every case. 0, -EBADMSG or -ENOMEM. */
int session_tie_init(json_t *record, SessionTie *ret);
/* The key that signed the newest set in force that has the grant. True where it was another, or not
 * known (as in the record of an agent of before). */
bool session_tie_note_key(SessionTie *t, const char *kid);
void session_tie_done(SessionTie *t);

/* session/state.c. sessions_save() writes once the loop comes round, however often it is called: an
 * hour at which a thousand sessions end costs few writes. What must stand before something is made
 * or answered is saved at once. */
void sessions_save(Sessions *s);
int sessions_save_now(Sessions *s);
int sessions_load(Sessions *s);
/* A number for a new session, that no agent of this boot has used for a unit, also where one died
 * over it. 0 or a negative errno. */
int sessions_take_number(Sessions *s, uint64_t *ret);
json_t *session_to_json(const Session *s);
int session_from_json(Sessions *registry, json_t *o, Session **ret);

/* backstop.c */
int backstop_arm(Session *s); /* for end_sec and boot_end_usec; keeps the old one until armed */
void backstop_disarm(Session *s);
bool backstop_is_right(const Session *s);

/* ending.c: nothing is freed before the loop runs again. */
void ending_begin(Session *s, const char *why);
void ending_begin_refused(Session *s);
void ending_hurry(Session *s); /* look at once */
void ending_free(Session *s);
#define LOOK_AGAIN_USEC 50000ull /* where a look at /proc had to wait */

/* over.c: write down that nothing of it is left, and how it came about (code), and free it. */
void session_finish(Session *s, const char *code, int64_t took_usec);
/* The same of one that ended by itself. */
void session_closed(Session *s);
/* Its cgroup is empty: closed, unless something elsewhere still bears its audit id. Looks again
 * until then. */
void session_check_left(Session *s);
/* Nobody is left in it: it closes, or its ending is through. */
void session_emptied(Session *s);
/* From now on the end of its leader has the group looked at, too. */
void session_watch_leader(Session *s);
/* The cgroup changed: what was running by itself may have ended, an ending may be through. */
int on_session_watch(sd_event_source *source, int fd, uint32_t events, void *userdata);

/* sweep.c: processes elsewhere that bear the audit session and the loginuid of s. Those in the
 * cgroup of another session are that session's. signal 0 only counts. One look at /proc, which
 * began after s->changed_usec, serves all sessions: how many it saw; -EAGAIN: none is there yet,
 * ask again; or another negative errno. Only 0 says that nothing is left. */
ssize_t sweep_session(Session *s, int signal);
/* The same, of the last look: the number found, at most n are stored. */
size_t sweep_pids(const Session *s, pid_t *ret, size_t n);
void look_done(Look *l);
/* Was this audit session begun by this very process? Only where the parent is there and has none:
 * an orphan's parent is PID 1 or a user's manager, which says nothing of whose session it bears. */
bool audit_session_is_own(pid_t pid, uint32_t audit_session);

/* warn.c: arm the next warning of this end. To be called again when the end moved. */
void warn_arm(Session *s);
/* Tell the session's terminals why it ends. True where one took it: what is to carry the words to
 * the person (sshd, sudo) needs a moment before it is ended, too. */
bool warn_over(const Session *s);

/* session/start.c */
void on_bus_change(void *userdata, bool up);
/* refusal.c */
void refusals_free(Sessions *s);

/* resolve.c */
void resolves_free(Sessions *s);
/* The caller goes before its answer came. */
void resolve_cancel(Sessions *s, const Caller *caller);
