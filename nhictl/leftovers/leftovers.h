/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a session under a grant left behind and no kill can take away: files that give somebody's
 * rights, jobs and units that start by themselves, System V IPC, and what was changed as root.
 *
 *  L1 Nothing that is found MUST be changed or removed.
 *  L2 No symbolic link MUST be followed where others than root may put one, and no file MUST be
 *     opened that is none of nhi's own: names, modes and times are looked at.
 *  L3 Time and memory MUST be bounded, whatever lies there; what was not looked at is said.
 *  L4 No file system MUST be touched that is not this host's own: one that a server or a program
 *     answers for may never answer.
 *
 *   uses.c      which sessions ended, from the decision log
 *   kinds.c     the kinds of what is found: why it matters, what to do
 *   places.c    the table of places, and how each is looked at
 *   homes.c     the home directories
 *   walk.c      directory trees, within bounds
 *   mounts.c    file systems that are not touched
 *   ipc.c       /proc/sysvipc
 *   transient.c units that somebody had PID 1 start
 *   found.c     the list of what was found, each under the session in which it was possible
 *   remember.c  what was reported before
 *   tell.c      to the agent, which writes it down */

#include "lib/base/macro.h"

#include <jansson.h>
#include <sys/stat.h>

/* X(NAME, "name", "why it matters", "what to do") */
#define LEFTOVER_KINDS(X)                                                                          \
        X(SETUID, "setuid-file", "whoever starts it has the rights of its owner or group",         \
          "remove it, or chmod ug-s where it belongs there")                                       \
        X(CAPABILITY, "capability-file", "whoever starts it has these capabilities",               \
          "setcap -r, unless it belongs there: getcap")                                            \
        X(DEVICE, "device-node", "it leads past the file system to a device", "remove it")         \
        X(SYSV_IPC, "sysv-ipc", "memory, a queue or semaphores that live on without a process",    \
          "ipcs, then ipcrm")                                                                      \
        X(POSIX_IPC, "posix-ipc", "shared memory or a queue that lives on without a process",      \
          "remove it")                                                                             \
        X(CRONTAB, "crontab", "cron starts it by itself; inert while the gate stands for cron",    \
          "crontab -u USER -l; crontab -u USER -r")                                                \
        X(AT_JOB, "at-job", "atd starts it by itself; inert while the gate stands for at",         \
          "atq; atrm")                                                                             \
        X(LINGER, "linger", "a user manager without a login; inert while systemd-user is gated",   \
          "loginctl disable-linger USER")                                                          \
        X(USER_UNIT, "user-unit", "a user manager may start it by itself",                         \
          "read it; remove it where nobody answers for it")                                        \
        X(AUTHORIZED_KEYS, "authorized-keys",                                                      \
          "a key that opens the account; inert where AuthorizedKeysFile is none",                  \
          "remove the keys that nobody answers for")                                               \
        X(CRON_TABLE, "cron-table", "cron starts it as root", "read it; restore or remove it")     \
        X(SYSTEM_UNIT, "system-unit", "PID 1 may start it",                                        \
          "systemctl cat; systemctl disable --now, then remove it")                                \
        X(TRANSIENT_UNIT, "transient-unit", "PID 1 keeps it, beyond the end of the grant",         \
          "systemctl status; systemctl stop")                                                      \
        X(CONTAINER, "container", "its daemon keeps it running or starts it again",                \
          "look at it by its own tool (docker ps -a, podman ps -a) and remove it")                 \
        X(SUDOERS, "sudoers", "it says what sudo lets people do", "visudo -c; restore it")         \
        X(PAM, "pam", "it says who gets in", "nhictl pam diff; nhictl doctor; restore it")         \
        X(SSHD, "sshd", "it says how people get in", "sshd -T; nhictl doctor; restore it")         \
        X(ACCOUNTS, "accounts", "it says who exists, with which password and groups",              \
          "compare it with its copy (passwd-, group-); restore it")                                \
        X(NHI, "nhi", "it says who needs a grant, and whose grants count",                         \
          "nhictl doctor; restore it")                                                             \
        X(PRELOAD, "preload", "every program loads what it names", "read it; restore it")          \
        X(PROFILE, "profile", "somebody else's next shell runs it", "read it; restore it")         \
        X(BOOT, "boot", "it runs as root at the next boot or event", "read it; restore it")        \
        X(POLICY, "policy", "it says who may act as root", "nhictl doctor; restore it")

typedef enum LeftoverKind {
#define LEFTOVER_ENUM(name, text, why, advice) LEFTOVER_##name,
        LEFTOVER_KINDS(LEFTOVER_ENUM)
#undef LEFTOVER_ENUM
                LEFTOVER_KIND_N
} LeftoverKind;

const char *leftover_name(LeftoverKind k);
const char *leftover_why(LeftoverKind k);
const char *leftover_advice(LeftoverKind k);

/* ---- uses.c ---- */

#define USE_NOBODY ((uint32_t)-1)

/* A session under a grant that ended. */
typedef struct Use {
        char *account, *grant, *class, *target, *session;
        uint32_t uid, target_uid; /* USE_NOBODY: it became nobody else, or who it was is unknown */
        int64_t begin_usec, end_usec;
        bool has_root;
} Use;

typedef struct Uses {
        Use *items;
        size_t n;
        size_t n_more;                 /* ended, and not kept: older than these */
        size_t n_bad;                  /* lines of the log that could not be read */
        int64_t first_usec, last_usec; /* none began before, and none ended after */
        bool has_root;
} Uses;

#define USES_MAX 4096u

typedef struct UseQuery {
        const char *dir;     /* of the log */
        const char *account; /* NULL: all */
        int64_t since_usec;  /* that ended from then on */
        /* NULL: that of libc. True and *ret where the name is known. */
        bool (*uid_of)(const char *name, uint32_t *ret);
} UseQuery;

/* 0; or the negative errno of the log: -EACCES, -ENOENT, ... */
int uses_load(const UseQuery *q, Uses *ret);
void uses_done(Uses *u);
/* Add one, or widen one of the same account, grant and target that it touches: 0 or -ENOMEM. Its
 * texts are copied. */
int uses_add(Uses *u, const Use *use);
/* The use under which who owns it could have made it then; *ret_n: how many. NULL: none. root_only:
 * only one that had root counts. */
const Use *uses_find(const Uses *u, uint32_t owner, int64_t usec, bool root_only, size_t *ret_n);
/* An account or target of one of them. */
bool uses_concern(const Uses *u, uint32_t uid);

/* ---- found.c ---- */

/* Of each kind; of what is not root's half as many, so that no crowd of one's own things hides what
 * was made as root. */
#define LEFTOVERS_KIND_MAX 128u
#define LEFTOVERS_MAX      (LEFTOVERS_KIND_MAX * LEFTOVER_KIND_N)

typedef struct Leftover {
        LeftoverKind kind;
        char *what; /* a path, a unit, "shm 3" */
        uint32_t owner;
        int64_t since_usec;
        const Use *use;
        size_t n_uses; /* in which it was possible */
} Leftover;

/* A home directory of this host. */
typedef struct Home {
        char *path;
        uint32_t uid;
} Home;

typedef struct Mounts Mounts;

typedef struct Scan {
        int root_fd;
        int mounts_fd; /* /proc/self/mountinfo */
        Mounts *mounts;
        const Uses *uses;
        Home *homes;
        size_t n_homes;
        /* nhi's own units: ids of sessions, and their scopes. */
        const json_t *sessions;
        Leftover *items;
        size_t n, n_more;                /* further ones, which are only counted */
        size_t n_of[LEFTOVER_KIND_N][2]; /* by kind, and whether it is root's */
        size_t n_entries;                /* looked at */
        uint64_t entries_max, deadline_usec;
        size_t n_unseen; /* directories that could not be opened */
        bool is_cut;     /* bounds were reached: not everything was looked at */
        bool is_last;    /* nothing will be looked at after this */
        bool is_failed;  /* memory ran out */
} Scan;

#define SCAN_ENTRIES_MAX 1000000u
#define SCAN_USEC        (120ull * 1000000)

/* Look everywhere below root ("" or a folder of a test). sessions (borrowed): the agent's, or NULL.
 * 0 or a negative errno; scan_done() in every case. */
int scan_run(Scan *s, const char *root, const Uses *uses, const json_t *sessions);
void scan_done(Scan *s);
/* Not everything was looked at. */
static inline bool scan_is_cut(const Scan *s)
{
        return s->is_cut || s->n_unseen > 0;
}
/* Note it, where a use covers it. */
void scan_found(Scan *s, LeftoverKind kind, const char *what, uint32_t owner, int64_t usec,
                bool root_only);
/* {"kind", "what", "owner", "since", "uid", "account", "grant", "session", "others", "why",
 * "advice"} */
json_t *leftover_json(const Leftover *l);

static inline int64_t stat_usec(const struct stat *st)
{
        return st->st_ctim.tv_sec * INT64_C(1000000) + st->st_ctim.tv_nsec / 1000;
}

/* ---- the parts of a scan ---- */

void scan_homes(Scan *s);  /* homes.c: from /etc/passwd and the uses */
void scan_places(Scan *s); /* places.c */
/* A tree that had its own turn: how much of it was looked at is said there. */
bool scan_has_seen(const Scan *s, const char *path);
void scan_ipc(Scan *s);       /* ipc.c */
void scan_transient(Scan *s); /* transient.c */

/* ---- walk.c ---- */

typedef struct Entry {
        int dir_fd;
        const char *name;
        const char *path; /* from the root, with its slash */
        const struct stat *st;
        unsigned depth; /* 0: directly in the directory that was asked for */
} Entry;

/* Open a directory: base below the root, then sub below that, in which no symbolic link is
 * followed. An owned descriptor, or a negative errno. */
int walk_open(const Scan *s, const char *base, const char *sub);
/* Is what is there on a file system of this host? Nothing is mounted by asking. */
bool walk_is_real(const Scan *s, const char *path);
/* see() is called for each entry, depth levels deep; directories, too. */
void walk(Scan *s, const char *base, const char *sub, unsigned depth,
          void (*see)(Scan *s, const Entry *e, void *userdata), void *userdata);

/* ---- mounts.c ---- */

void mounts_open(Scan *s);
void mounts_close(Scan *s);
/* What was mounted since is known, too. */
void mounts_refresh(Scan *s);
/* Is one mounted there that must not be touched (L4)? path: as fd_path() and what is below it. */
bool mounts_has_foreign(const Scan *s, const char *path);
/* Where a directory really is, without asking its file system; "" for the root. 0 or a negative
 * errno. */
int fd_path(int fd, char *ret, size_t size);

/* ---- remember.c ---- */

#define REMEMBERED_MAX 4096u /* above LEFTOVERS_MAX */

/* What was told before: {"schema":1,"since":SEC,"cut":BOOL,"told":["..."]}. A file that is missing
 * or no such document is an empty memory. */
typedef struct Memory {
        int64_t since_sec; /* sessions that ended before were looked after; 0: none were */
        bool is_cut;       /* the last scan was, and that was told */
        json_t *told;
} Memory;

int memory_load(const char *path, Memory *ret);
void memory_done(Memory *m);
bool memory_has(const Memory *m, const Leftover *l);
int memory_add(Memory *m, const Leftover *l);
int memory_save(const Memory *m, const char *path);

/* ---- tell.c ---- */

#define TELL_MAX 64u /* a run; of the others only how many */

/* Those from *i on that are new, as a request has them: up to room, and as many as fit into one.
 * NULL: out of memory. */
json_t *leftovers_batch(const Scan *s, const Memory *m, size_t room, size_t *i, size_t *ret_n);
/* Have the agent write down what is new, and remember it. begin_sec: when the scan began. A
 * VerbStatus. */
int leftovers_tell(const Scan *s, Memory *m, int64_t begin_sec, size_t *ret_new);
