/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside member.h:
 *
 *   member.c   the memory and its file
 *   list.c     a sorted list of memberships
 *   review.c   which of them are over
 *   trial.c    is the account only observed?
 *   ending.c   one that is over: words, the grace, verified, written down
 *   found.c    what carries it: asked, killed
 *   look.c     /proc, walked in small turns, for all that need it
 *   hard.c     one that forks faster than it is killed
 *   match.c    does this process carry it, and may it be ended?
 *   ids.c      the groups that a process carries
 *   warn.c     words before the end */

#include "nhi-agentd/member/ids.h"
#include "nhi-agentd/member/member.h"

#include "lib/base/io.h"

#include <dirent.h>

#define ENDING_PIDS_MAX 64u

typedef struct Asked {
        pid_t pid;
        uint64_t start; /* ticks: the pid may be another's by now */
} Asked;

typedef enum EndingKind {
        ENDING_WORDS = 0, /* before the end: say so, nothing more */
        ENDING_OBSERVED,  /* on trial: count what carries it */
        ENDING_KILLS,
} EndingKind;

typedef struct MemberEnding {
        struct MemberEnding *next;
        EndingKind kind;
        Member member; /* its own copy of the one that lasted longest */
        uint64_t since_ticks;
        char why[32];                         /* stable token */
        int64_t left_usec;                    /* until the end, for the words */
        uint64_t begun_usec;                  /* CLOCK_MONOTONIC */
        int64_t late_usec;                    /* how long after the end that was */
        unsigned n_looks, n_clean, look_from; /* the number of the first look that counts */
        bool survivor_recorded, done;
        uint64_t asked_usec; /* CLOCK_MONOTONIC: when the grace began; 0: nobody was asked */
        Asked *asked;
        size_t n_asked, asked_capacity;
        char cgroup[CGROUP_PATH_MAX]; /* of one that was found; "" none */
        unsigned n_hard;              /* looks behind the grace that found one */
        unsigned n_unsure;            /* looks that found none, but missed some */
        /* Of the look under way: found and to be ended; found and left alone. */
        unsigned n_found, n_apart;
        pid_t pids[ENDING_PIDS_MAX];
        size_t n_pids;
} MemberEnding;

struct Members {
        Agent *agent;
        char boot[MEMBERS_BOOT_SIZE];
        MemberList list;
        int64_t next_real_usec, next_boot_usec;
        bool has_systemd, is_lost;
        MemberEnding *endings;
        /* The look under way. */
        DIR *proc;
        unsigned look;     /* its number */
        unsigned n_missed; /* processes that were gone before they were looked at */
        ProcessText text;
        sd_event_source *turn, *warn;
};

/* member.c */
int members_save(const Members *m);
/* Those that are over of this account and group: what carried it is dead. */
void members_forget(Members *m, uid_t uid, gid_t gid);

/* review.c: does the account have the group without any grant? */
bool membership_is_of_host(const Agent *a, const Membership *m);

/* trial.c: a gate that observes names the account, none that is enforced does, and no set defined
 * it. */
bool membership_is_on_trial(const Agent *a, const Membership *m);

/* ending.c */
MemberEnding *ending_find(Members *m, uid_t uid, gid_t gid);
/* since_usec: the earliest of all that gave it. */
void member_ending_begin(Members *m, const Membership *of, int64_t since_usec, const char *why);
void member_words_begin(Members *m, const Membership *of, int64_t since_usec, int64_t left_usec);
/* It was given again. */
void member_ending_cancel(Members *m, uid_t uid, gid_t gid);
void member_endings_free(Members *m);
bool ending_counts(const Members *m, const MemberEnding *e);
/* A whole look is over. */
void member_endings_looked(Members *m);
uint64_t ending_grace_usec(const Members *m);
bool ending_grace_is_over(const Members *m, const MemberEnding *e);
/* When the next look is due, microseconds from now; false where none is needed. */
bool member_endings_due(const Members *m, uint64_t *ret_usec);

/* found.c: a look came upon this process, which carries it. */
void member_ending_found(Members *m, MemberEnding *e, pid_t pid);
void member_ending_apart(MemberEnding *e, pid_t pid);

/* hard.c: stop and kill those of e in e->cgroup, in a few milliseconds. */
void member_ending_crowd(Members *m, MemberEnding *e);

/* match.c */
typedef enum Match {
        MATCH_NOT = 0,
        MATCH_APART, /* carries it, but is a system unit's */
        MATCH,
} Match;
/* What a process has to do with an account, as far as it costs little to know. */
typedef struct MemberTies {
        int n_owners; /* of its user namespace; 0: it is in ours; negative: unknown */
        uid_t owners[NAMESPACE_OWNERS_MAX], effective;
        uint32_t loginuid;
} MemberTies;
void member_ties_read(pid_t pid, MemberTies *ret);
/* False where member_match() is known to be MATCH_NOT. */
bool member_may_match(const MemberEnding *e, const MemberTies *t);
Match member_match(Members *m, const MemberEnding *e, pid_t pid, const ProcessIds *ids);

/* look.c: look, if anything needs it. */
void member_look_arm(Members *m);
void member_look_done(Members *m);
int on_member_turn(sd_event_source *source, uint64_t usec, void *userdata);

/* warn.c */
void member_warn_arm(Members *m);
int on_member_warn(sd_event_source *source, uint64_t usec, void *userdata);
