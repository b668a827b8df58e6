/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nhictl prove: did each session of a managed account lie inside a grant? What the witnesses saw
 * (sightings, processes) is held against what the decision log says was allowed (stays). The
 * witnesses are read by witness.h; everything here is pure: no file, no clock.
 *
 *  X1 A session that a witness saw MUST be inside a stay of the log, or be named.
 *  X2 "proved" MUST NOT be said of time in which a witness, the log, the agent or a gate was away.
 *  X3 The log MUST NOT bear witness for itself: what only it knows is named, and a stay is allowed
 * by a set that its issuer signed, not by what the record says of it. X4 What is not ours MUST be
 * counted, never dropped in silence. */

#include "lib/gate/gate.h"
#include "nhi-agentd/core/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROVE_OPEN  INT64_MAX      /* an end that has not come */
#define PROVE_UNSET ((uint32_t)-1) /* an audit session that there is none of */

/* The end of a grant and the death of what ran under it: session.grace at its longest, and the two
 * seconds in which the rest has to happen. */
#define PROVE_LATE_USEC INT64_C(12000000)
/* PAM's session is opened by others before it is opened by us; records and entries of one login lie
 * this close together. */
#define PROVE_NEAR_USEC INT64_C(60000000)
/* An agent that is back within this time was started anew: gates stay closed meanwhile. */
#define PROVE_RESTART_USEC INT64_C(10000000)
/* What began this shortly before the question may not be in every witness yet. */
#define PROVE_YOUNG_USEC INT64_C(5000000)
/* A decision that was under way when a set came into force cites the one before. */
#define PROVE_SWAP_USEC INT64_C(2000000)
/* Two clocks that part by more than this: one was set. */
#define PROVE_JUMP_USEC INT64_C(2000000)

/* X(NAME, "name", "what it is") */
#define PROVE_WITNESSES(X)                                                                         \
        X(LOG, "log", "the decision log")                                                          \
        X(PAM, "journal", "sessions that PAM opened, in the journal")                              \
        X(LOGIND, "logind", "sessions that logind began and ended, in the journal")                \
        X(SSHD, "sshd", "logins that sshd accepted, with PAM or without, in the journal")          \
        X(AUDIT, "audit", "the kernel's audit records, in the journal")                            \
        X(UNITS, "units", "units that PID 1 started and stopped, in the journal")                  \
        X(WTMP, "wtmp", "/var/log/wtmp")                                                           \
        X(SESSIONS, "sessions", "logind's sessions now")                                           \
        X(PROCESSES, "processes", "what runs now")

typedef enum Witness {
#define PROVE_WITNESS_ENUM(name, text, meaning) WITNESS_##name,
        PROVE_WITNESSES(PROVE_WITNESS_ENUM)
#undef PROVE_WITNESS_ENUM
                WITNESS_N
} Witness;

/* Is it there, and how much did it say? */
typedef struct WitnessState {
        bool is_there;
        bool is_expected;   /* its absence is a gap */
        const char *detail; /* where it was read, or why not */
        size_t n;
} WitnessState;

/* A session that the log says was allowed. */
typedef struct Stay {
        const char *account, *class, *grant, *issuer, *set;
        const char *session, *scope, *logind, *boot; /* "" where there is none */
        const char *invocation;                      /* of a unit's */
        uint32_t uid, audit_session;
        int64_t pid;
        int64_t start_usec, end_usec; /* PROVE_OPEN: no end was recorded */
        int64_t until_usec;           /* as the record says that it was allowed */
        int64_t allowed_usec;         /* and as the sets allow it, earlier and later ones */
        int64_t unsigned_usec;        /* from then on no signed set proves it; PROVE_OPEN: all do */
        uint64_t seq;
        bool has_started;  /* there is a session-start; else only the decision */
        bool is_uncertain; /* a later set that may have changed its end cannot be read */
        bool is_witnessed;
} Stay;

/* The log said no. */
typedef struct Refusal {
        const char *account, *class;
        int64_t pid, time_usec;
        uint64_t seq;
        bool of_session; /* open_session: others had opened theirs before */
} Refusal;

/* A session as a witness saw it. */
typedef struct Sighting {
        Witness witness;
        const char *account, *class; /* class "": not known */
        const char *logind, *boot;   /* "" */
        const char *where;           /* file and record, cursor, id */
        uint32_t uid, audit_session;
        int64_t pid;                  /* its leader; 0: not known */
        int64_t start_usec, end_usec; /* PROVE_OPEN: still there */
        bool end_is_known;            /* else it is over, and nobody saw when */
        bool is_later;                /* another sighting of the same session comes first */
} Sighting;

/* One run of a unit. */
typedef struct UnitRun {
        const char *invocation, *where;
        int64_t start_usec, end_usec; /* PROVE_OPEN: it was not seen to end */
} UnitRun;

/* A process that runs now. */
typedef struct Process {
        int64_t pid, start_usec;
        uint32_t uid, loginuid, audit_session;
        const char *unit; /* the first of its cgroup that is no slice */
        const char *name;
        bool is_contained; /* in a pid namespace of its own: its uid may be of another passwd(5) */
} Process;

/* A set that came into force, or that a stay cites; what it holds of the grants that stays name. */
typedef struct SetGrant {
        const char *jti, *account;
        int64_t begin_usec, end_usec; /* the set's own end included */
        size_t window, n_windows;     /* the first of Proof.windows; none: at any time */
} SetGrant;
typedef struct SetFact {
        const char *hash;
        const char *kept; /* the set that it keeps, where it is a statement of freshness that came
                             into force, and that set is what it holds; "" or NULL: none */
        bool is_statement;
        int64_t own_end_usec; /* of a set, where it is known */
        const char *issuer;   /* as it is signed; where it is not known as the log says, "" */
        int64_t time_usec;    /* accepted; 0: no record says when */
        bool is_known;        /* it was read, is what the log cites, and its issuer signed it */
        SetGrant *grants;     /* sorted by jti */
        size_t n_grants;
} SetFact;

typedef struct ModeChange {
        const char *gate;
        int64_t time_usec;
        bool was_enforced, is_enforced;
        bool is_gone; /* the gate was removed */
} ModeChange;

typedef struct GateNow {
        const char *name;
        bool is_enforced;
} GateNow;

/* The agent's and the log's life. */
typedef enum LifeKind {
        LIFE_AGENT_START,
        LIFE_AGENT_STOP,
        LIFE_AGENT_EXIT, /* PID 1 says so, in the journal */
        LIFE_LOG_FAILED, /* the journal says so */
        LIFE_LOG_RESUMED,
        LIFE_LOG_PRUNED,
} LifeKind;
typedef struct Life {
        LifeKind kind;
        int64_t time_usec, before_usec; /* of the record before; 0: none */
} Life;

/* One boot, as the journal knows it. */
typedef struct Boot {
        int64_t first_usec, last_usec;
} Boot;

/* X(NAME, "name", "what was away") */
#define PROVE_GAPS(X)                                                                              \
        X(LOG, "log", "the log is no evidence")                                                    \
        X(LOG_BEGIN, "log-begin", "before the log's first record")                                 \
        X(LOG_FAILED, "log-failed", "the log could not be written")                                \
        X(AGENT, "agent", "the agent was away")                                                    \
        X(GATE, "gate", "a gate did not enforce")                                                  \
        X(CLOCK, "clock", "the clock was set, or the machine slept")                               \
        X(WITNESS, "witness", "a witness was away")

typedef enum GapKind {
#define PROVE_GAP_ENUM(name, text, meaning) GAP_##name,
        PROVE_GAPS(PROVE_GAP_ENUM)
#undef PROVE_GAP_ENUM
                GAP_N
} GapKind;

/* Time of which nothing is proved. */
typedef struct Gap {
        GapKind kind;
        int64_t start_usec, end_usec;
        const char *detail; /* the gate, the witness, what is wrong; "" */
} Gap;

/* X(NAME, "name", is a leak, "what it is") */
#define PROVE_FINDINGS(X)                                                                          \
        X(UNKNOWN, "unknown-session", true, "the log knows no such session")                       \
        X(DENIED, "denied-session", true, "it was denied, and began all the same")                 \
        X(OVERTIME, "overtime", true, "it went on when its grant was over")                        \
        X(NOT_IN_SET, "not-in-set", true, "the set that the log cites has no such grant")          \
        X(OUTLIVED, "outlived", true, "it outlived the session that it belongs to")                \
        X(PROCESS, "no-session", true, "it runs outside of any session under a grant")             \
        X(UNSIGNED, "unsigned", false, "no set that its issuer signed is there to prove it")       \
        X(UNWITNESSED, "unwitnessed", false, "only the log knows this session")                    \
        X(UNJUDGED, "unjudged", false, "a session in time of which there is no evidence")

typedef enum FindingKind {
#define PROVE_FINDING_ENUM(name, text, leak, meaning) FINDING_##name,
        PROVE_FINDINGS(PROVE_FINDING_ENUM)
#undef PROVE_FINDING_ENUM
                FINDING_N
} FindingKind;

typedef struct Finding {
        FindingKind kind;
        Witness witness;  /* who saw it first */
        unsigned seen_by; /* bits by Witness: and who else */
        const char *account, *class, *where;
        const char *grant;            /* "" */
        int64_t pid;                  /* 0 */
        int64_t start_usec, end_usec; /* PROVE_OPEN; 0: over, and nobody saw when */
        uint64_t seq;                 /* of the record that it is held against; 0 */
} Finding;

/* Sessions that need no grant: by configuration none of ours. */
typedef struct Stranger {
        const char *account, *class;
        GateMode mode;
        size_t n;
} Stranger;

#define PROVE_LIST(type)                                                                           \
        struct {                                                                                   \
                type *items;                                                                       \
                size_t n, capacity;                                                                \
        }

/* What the core asks of the host. */
typedef struct ProveHost {
        void *userdata;
        /* As gate_mode() says it now, by name or (name NULL) by uid; ret_gate as there. */
        GateMode (*gate)(void *userdata, const char *account, uint32_t uid, const char *class,
                         char *ret_gate, size_t ret_gate_size);
        /* The name of a uid; NULL where it has none. Borrowed until the next call. */
        const char *(*name)(void *userdata, uint32_t uid);
} ProveHost;

typedef struct ProveText ProveText;

typedef struct Proof {
        ProveHost host;
        int64_t since_usec, until_usec; /* from the first on, before the second */
        const char *account;            /* of this one only; NULL: all */

        bool log_is_evidence;
        const char *log_wrong; /* where it is not */
        int64_t log_first_usec, log_last_usec;
        const char *boot; /* of the last record: the log's own name for it */
        bool agent_answers, log_has_failed;
        PROVE_LIST(GateNow) gates;

        WitnessState witnesses[WITNESS_N];
        PROVE_LIST(Stay) stays;
        PROVE_LIST(Refusal) refusals;
        PROVE_LIST(Sighting) sightings;
        PROVE_LIST(UnitRun) units;
        PROVE_LIST(Process) processes;
        PROVE_LIST(SetFact) sets;
        PROVE_LIST(Window) windows; /* of their grants */
        PROVE_LIST(ModeChange) modes;
        PROVE_LIST(Life) lives;
        PROVE_LIST(Boot) boots;
        PROVE_LIST(size_t) terminals;     /* of wtmp: places of sightings that are open */
        PROVE_LIST(int64_t) record_times; /* one a minute: the host was up */

        PROVE_LIST(Gap) gaps;
        PROVE_LIST(Finding) findings;
        PROVE_LIST(Stranger) strangers;
        PROVE_LIST(const char *) accounts; /* whose sessions were seen inside their grants */
        size_t n_sessions;                 /* and how many they were */
        size_t n_refused;                  /* seen to begin, denied at their last step and gone */
        double covered;                    /* 0 to 1: of the time that was asked for */

        ProveText *texts;
        bool failed; /* memory ran out: nothing of this may be believed */
} Proof;

void proof_done(Proof *p);

/* A copy that lives as long as the proof; NULL gives "". */
const char *proof_text(Proof *p, const char *text);
const char *proof_format(Proof *p, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));
/* A new zeroed item at the end of a list; NULL: memory. */
void *proof_grow(Proof *p, void **items, size_t *n, size_t *capacity, size_t size);
#define proof_add(p, list)                                                                         \
        ((__typeof__((p)->list.items))proof_grow((p), (void **)&(p)->list.items, &(p)->list.n,     \
                                                 &(p)->list.capacity, sizeof(*(p)->list.items)))

void proof_gap(Proof *p, GapKind kind, int64_t start_usec, int64_t end_usec, const char *detail);

/* ---- the steps, in this order ---- */

/* What sets make of stays and their ends (stays-sets.c). */
void proof_settle_stays(Proof *p);
/* Where there is no evidence, and of how much there is some (cover.c). */
void proof_cover(Proof *p);
/* What several witnesses saw of one session, as one (sightings-unite.c): of the next step. */
void proof_unite_sightings(Proof *p);
/* Sightings against stays (sightings.c), processes against stays (processes.c). */
void proof_judge_sightings(Proof *p);
void proof_judge_processes(Proof *p);
void proof_judge(Proof *p); /* all of them */

typedef enum ProveAnswer {
        PROVE_PROVED = 0,
        PROVE_LEAK,
        PROVE_NO_EVIDENCE,
} ProveAnswer;
ProveAnswer proof_answer(const Proof *p);
/* Something that may only be too young to be in every witness: ask again in a moment. */
bool proof_is_young(const Proof *p);

/* ---- between the steps ---- */

/* Stays by pid, for proof_stay_of(). */
void proof_sort(Proof *p);
Stay *proof_stay_of(Proof *p, const Sighting *s);
/* Did this gate enforce at that time? enforced_now where nothing is written of it. */
bool proof_enforced_at(const Proof *p, const char *gate, int64_t usec, bool enforced_now);
/* Is there no log to hold something of that time against? */
bool proof_log_is_silent(const Proof *p, int64_t usec);
bool proof_gap_at(const Proof *p, GapKind kind, int64_t usec);
bool proof_finding_is_leak(FindingKind kind);
