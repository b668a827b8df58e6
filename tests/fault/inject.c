/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A child whose system calls fail: seized with ptrace(2), so that every thread and every library of
 * it is covered, and let go again when the window closes, so that it is judged (by a leak checker,
 * too) as any process. */

#include "tests/fault/fault.h"

#include "lib/base/macro.h"
#include "tests/fault/alloc.h"

#include <elf.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#define THREADS_MAX 16
#define MARK        SIGURG /* ignored where nobody traces */
#define OPTIONS     (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

typedef struct Thread {
        pid_t tid; /* 0: free */
        bool overridden;
        long result;
        char name[32];
} Thread;

typedef struct Trace {
        const FaultPlan *plan;
        pid_t pid;
        Thread threads[THREADS_MAX];
        bool window, fired, leaving;
} Trace;

FaultShared *fault;
static volatile sig_atomic_t timed_out;

void inject_window(bool on)
{
        const bool traced = fault->plan.mode >= FAULT_CALL_ONCE;
        const bool allocations =
                fault->plan.mode == FAULT_ALLOC_ONCE || fault->plan.mode == FAULT_ALLOC_EVER;

        if (!on && allocations)
                alloc_arm(false);
        fault->window = on;
        if (traced)
                (void)syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), MARK);
        if (on && allocations)
                alloc_arm(true);
        if (on)
                alloc_count_from_here();
}

/* ---- registers --------------------------------------------------------------------------------
 */

#if defined(__x86_64__)
static void registers(enum __ptrace_request what, pid_t tid, struct user_regs_struct *r)
{
        (void)ptrace(what, tid, NULL, r);
}

static void call_skip(pid_t tid)
{
        struct user_regs_struct r;

        registers(PTRACE_GETREGS, tid, &r);
        r.orig_rax = (unsigned long long)-1;
        registers(PTRACE_SETREGS, tid, &r);
}

static void call_shorten(pid_t tid, unsigned long size)
{
        struct user_regs_struct r;

        registers(PTRACE_GETREGS, tid, &r);
        r.rdx = size;
        registers(PTRACE_SETREGS, tid, &r);
}

static void call_result(pid_t tid, long result)
{
        struct user_regs_struct r;

        registers(PTRACE_GETREGS, tid, &r);
        r.rax = (unsigned long long)result;
        registers(PTRACE_SETREGS, tid, &r);
}
#elif defined(__aarch64__)
static void call_skip(pid_t tid)
{
        int none = -1;
        struct iovec io = { &none, sizeof(none) };

        (void)ptrace(PTRACE_SETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &io);
}

static void register_set(pid_t tid, unsigned index, unsigned long value)
{
        struct user_regs_struct r;
        struct iovec io = { &r, sizeof(r) };

        (void)ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &io);
        r.regs[index] = value;
        (void)ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &io);
}

static void call_shorten(pid_t tid, unsigned long size)
{
        register_set(tid, 2, size);
}

static void call_result(pid_t tid, long result)
{
        register_set(tid, 0, (unsigned long)result);
}
#else
#error "say here how this architecture's system calls are skipped and answered"
#endif

/* ---- one system call ---------------------------------------------------------------------------
 */

/* Event, timer and signal descriptors do not fail, only adding takes memory of epoll's, and what
 * the child prints is for us. */
static bool is_out_of_bounds(const Trace *t, const struct ptrace_syscall_info *info)
{
        char link[64], target[64];
        ssize_t n;

        if (!call_has_fd((long)info->entry.nr))
                return false;
        if (info->entry.nr == SYS_epoll_ctl)
                return info->entry.args[1] != EPOLL_CTL_ADD;
        if (info->entry.nr == SYS_write && info->entry.args[0] <= 2)
                return true;
        if (info->entry.nr != SYS_write && info->entry.nr != SYS_read)
                return false;
        (void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", t->pid, (int)info->entry.args[0]);
        n = readlink(link, target, sizeof(target) - 1);
        return n > 0 && strncmp(target, "anon_inode:", strlen("anon_inode:")) == 0;
}

static bool is_due(const Trace *t)
{
        fault->n_seen++;
        if (fault->n_seen == t->plan->n)
                return true;
        return t->plan->mode == FAULT_CALL_EVER && fault->n_seen > t->plan->n;
}

static void note_fired(const struct ptrace_syscall_info *info, const char *how)
{
        if (fault->n_fired++ == 0)
                (void)snprintf(fault->fired_what, sizeof(fault->fired_what), "%s (%d) %s",
                               call_name((long)info->entry.nr), (int)info->entry.nr, how);
}

static void call_fail(Thread *thread, const struct ptrace_syscall_info *info, const CallFault *f)
{
        if (f->error == 0) {
                call_shorten(thread->tid, (unsigned long)info->entry.args[2] / 2);
                note_fired(info, "short");
                return;
        }
        thread->overridden = true;
        thread->result = -f->error;
        note_fired(info, strerrorname_np(f->error));
        if (!f->after)
                call_skip(thread->tid);
}

static void on_entry(Trace *t, Thread *thread, const struct ptrace_syscall_info *info)
{
        const long nr = (long)info->entry.nr;
        CallFault f = {};
        bool can_fail;

        if (t->plan->mode == FAULT_KILL) {
                if (is_due(t)) {
                        note_fired(info, "SIGKILL");
                        (void)kill(t->pid, SIGKILL);
                }
                return;
        }
        can_fail = t->plan->mode == FAULT_CALL_EVER ? call_fault_lasting(nr, &f)
                                                    : call_fault(nr, t->plan->variant, &f);
        if (!can_fail || is_out_of_bounds(t, info) || (f.error == 0 && info->entry.args[2] < 2))
                return;
        if (!is_due(t))
                return;
        call_fail(thread, info, &f);
        /* Nothing more to do: at its own speed from here. */
        t->fired = t->plan->mode != FAULT_CALL_EVER;
        t->window = !t->fired;
}

static void on_call(Trace *t, Thread *thread)
{
        struct ptrace_syscall_info info = {};

        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info), &info) <= 0)
                return;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && thread->overridden) {
                thread->overridden = false;
                call_result(thread->tid, thread->result);
        } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY && t->window) {
                on_entry(t, thread, &info);
        }
}

/* ---- the child ---------------------------------------------------------------------------------
 */

static Thread *thread_find(Trace *t, pid_t tid)
{
        for (size_t i = 0; i < THREADS_MAX; i++)
                if (t->threads[i].tid == tid)
                        return &t->threads[i];
        return NULL;
}

static Thread *thread_add(Trace *t, pid_t tid)
{
        Thread *free_one = thread_find(t, 0);

        if (!free_one)
                errx(2, "more than %d threads", THREADS_MAX);
        *free_one = (Thread){ .tid = tid };
        return free_one;
}

static void on_mark(Trace *t)
{
        t->window = fault->window;
        if (t->window)
                return;
        t->leaving = true;
        for (size_t i = 0; i < THREADS_MAX; i++)
                if (t->threads[i].tid != 0 && t->threads[i].tid != t->pid)
                        (void)ptrace(PTRACE_INTERRUPT, t->threads[i].tid, NULL, NULL);
}

static void thread_go_on(Trace *t, Thread *thread, int signal)
{
        const pid_t tid = thread->tid;

        if (t->leaving && !thread->overridden) {
                thread->tid = 0;
                (void)ptrace(PTRACE_DETACH, tid, NULL, signal);
        } else {
                /* Before the window opens the first thread runs at its own speed. */
                (void)ptrace(t->window || thread->overridden || (tid != t->pid && !t->fired)
                                     ? PTRACE_SYSCALL
                                     : PTRACE_CONT,
                             tid, NULL, signal);
        }
}

static void on_stop(Trace *t, pid_t tid, int status)
{
        Thread *thread = thread_find(t, tid);
        int signal = WSTOPSIG(status);

        if (!thread)
                thread = thread_add(t, tid);
        if (signal == (SIGTRAP | 0x80))
                on_call(t, thread);
        else if (signal == MARK)
                on_mark(t);
        if (signal == (SIGTRAP | 0x80) || signal == MARK || status >> 16)
                signal = 0;
        thread_go_on(t, thread, signal);
}

static int trace(Trace *t)
{
        int status;

        for (;;) {
                const pid_t tid = waitpid(-1, &status, __WALL);

                if (tid < 0 && timed_out) {
                        (void)kill(t->pid, SIGKILL);
                        (void)waitpid(t->pid, &status, __WALL);
                        return -1;
                }
                if (tid < 0)
                        continue;
                if (WIFSTOPPED(status)) {
                        on_stop(t, tid, status);
                        continue;
                }
                if (tid == t->pid)
                        return timed_out ? -1 : status;
                if (thread_find(t, tid))
                        thread_find(t, tid)->tid = 0;
        }
}

static void on_timeout(int signal)
{
        timed_out = 1;
}

static void timeout_set(unsigned sec)
{
        const struct sigaction act = { .sa_handler = on_timeout };
        /* Again and again: the first may come just before waitpid(). */
        const struct itimerval timer = { .it_interval = { .tv_sec = sec ? 1 : 0 },
                                         .it_value = { .tv_sec = sec } };

        timed_out = 0;
        (void)sigaction(SIGALRM, &act, NULL);
        (void)setitimer(ITIMER_REAL, &timer, NULL);
}

int inject_run(const FaultPlan *plan, void (*child)(void), unsigned timeout_sec)
{
        Trace t = { .plan = plan };
        int go[2], status;
        char byte = 0;

        fault->plan = *plan;
        fault->window = fault->failed = fault->in_libconfig = false;
        fault->n_seen = fault->n_fired = 0;
        fault->n_live = 0;
        fault->crash[0] = '\0';
        (void)fflush(stdout);
        if (pipe(go) < 0)
                err(2, "pipe");
        t.pid = fork();
        if (t.pid < 0)
                err(2, "fork");
        if (t.pid == 0) {
                (void)close(go[1]);
                (void)!read(go[0], &byte, 1);
                (void)close(go[0]);
                crash_report();
                child();
                exit(fault->failed);
        }
        (void)close(go[0]);
        if (plan->mode >= FAULT_CALL_ONCE) {
                if (ptrace(PTRACE_SEIZE, t.pid, NULL, OPTIONS) < 0)
                        err(2, "ptrace");
                (void)thread_add(&t, t.pid);
        }
        timeout_set(timeout_sec);
        (void)close(go[1]);
        status = trace(&t);
        timeout_set(0);
        return status;
}
