/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fault loops. A scenario is run again and again in a child of its own, each time with another of
 * its allocations or system calls failing, until a run comes through in which nothing was left to
 * fail. System calls are taken from the child at the kernel's door (ptrace(2)), whoever in the
 * process makes them; allocations in alloc.c, which is linked in.
 *
 *   prepare   once, in the parent: files below the test root (kept, and put back before each run),
 *             helper processes
 *   begin     in the child, before anything fails
 *   run       with faults
 *   judge     after them: fault_fail() where the oracle says no
 *   recover   in another child, after a run that was killed
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum FaultMode {
        FAULT_NONE = 0,   /* the clean run: what the others are held against */
        FAULT_ALLOC_ONCE, /* the Nth allocation */
        FAULT_ALLOC_EVER, /* the Nth and all after it */
        FAULT_CALL_ONCE,  /* the Nth system call, with the variant's error */
        FAULT_CALL_EVER,  /* the Nth and all after it, each with its first error */
        FAULT_KILL,       /* SIGKILL at the Nth system call, of any kind */
} FaultMode;

typedef struct FaultPlan {
        FaultMode mode;
        unsigned n, variant;
} FaultPlan;

/* What parent, child and helpers see alike. */
typedef struct FaultShared {
        FaultPlan plan;
        bool window;         /* faults are on */
        unsigned n_seen;     /* of what could have failed */
        unsigned n_fired;    /* of what did */
        long n_live;         /* blocks allocated and not freed since the window began */
        char fired_what[64]; /* the first that did */
        int n_fds;           /* descriptors more than when it began */
        long clean_live;     /* the same after a clean run */
        int clean_fds;
        bool in_libconfig; /* an allocation of libconfig's was refused */
        char crash[512];   /* where it died, innermost first */
        bool failed;
        char why[512];
        /* The scenario's own. */
        unsigned asked, answered;
        int verdict;
} FaultShared;
extern FaultShared *fault;

#define FAULT_CALL_VARIANTS 4u

typedef struct Scenario {
        const char *name;
        void (*prepare)(void);
        void (*begin)(void);
        void (*run)(void);
        void (*judge)(void);
        void (*recover)(void);
        const void *data;
        bool clean_only;   /* brings what is wrong with the world itself */
        bool loading;      /* libc's loader is at work within it */
        bool warm;         /* once in the parent first, so that libc has what it keeps */
        bool leak_checked; /* what is live after judge() must not be more than after a clean run */
        unsigned timeout_sec; /* 0: TIMEOUT_SEC */
        unsigned short_step;  /* every how many-th fault `short` tries; 0: not in it */
} Scenario;
extern const Scenario *scenario; /* the one that runs */
extern bool fault_is_short;      /* a scenario that counts for itself may do less */

/* Each scenario through every mode: 0 where no oracle complained. The last line is
 * "fault: N passed, N failed". */
int fault_main(int argc, char *argv[], const Scenario *list, size_t n);
/* In the child: what went wrong, once. */
void fault_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define FAULT_REQUIRE(condition)                                                                   \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fault_fail("%s:%d: %s", __FILE__, __LINE__, #condition);                   \
        } while (0)
static inline bool fault_is_clean(void)
{
        return fault->n_fired == 0;
}
/* Another process, killed with the parent; returns there only. */
pid_t fault_helper(void (*serve)(void));

/* ---- inject.c ---- */

/* Run child() under the plan; its wait status, or -1 where it made no progress in timeout_sec. */
int inject_run(const FaultPlan *plan, void (*child)(void), unsigned timeout_sec);
/* Faults on or off: from within the child. */
void inject_window(bool on);

/* ---- crash.c ---- */

/* From here on this process says in fault->crash where it died. */
void crash_report(void);

/* ---- calls.c ---- */

typedef struct CallFault {
        int error;  /* 0: a short count */
        bool after; /* the call is made all the same: only its result is lost */
} CallFault;

/* How the call nr fails in its variant-th way. False where it does not. */
bool call_fault(long nr, unsigned variant, CallFault *ret);
/* How it fails and goes on failing: interruptions do not last. */
bool call_fault_lasting(long nr, CallFault *ret);
const char *call_name(long nr);
/* Does it work on a descriptor, its first argument? */
bool call_has_fd(long nr);

/* ---- tree.c ---- */

/* A private tmpfs of size (tmpfs(5)'s notation) over the test root, and the paths in it. */
void tree_mount(const char *size);
void tree_save(void);
void tree_restore(void);
