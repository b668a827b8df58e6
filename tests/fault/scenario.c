/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Scenarios through all modes, and what came of it. */

#include "tests/fault/fault.h"

#include "lib/base/macro.h"
#include "tests/fault/alloc.h"
#include "tests/process.h"

#include <err.h>
#include <execinfo.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define TIMEOUT_SEC 120 /* for a machine that has other things to do */
#define RUNS_MAX    100000u

const Scenario *scenario;
bool fault_is_short;
static unsigned n_passed, n_failed;

static const struct {
        const char *name;
        FaultMode mode;
        unsigned variant;
        bool in_short;
} modes[] = {
        { "alloc-once", FAULT_ALLOC_ONCE, 0, true },  { "alloc-ever", FAULT_ALLOC_EVER, 0, false },
        { "call-once-1", FAULT_CALL_ONCE, 0, true },  { "call-once-2", FAULT_CALL_ONCE, 1, false },
        { "call-once-3", FAULT_CALL_ONCE, 2, false }, { "call-once-4", FAULT_CALL_ONCE, 3, false },
        { "call-ever", FAULT_CALL_EVER, 0, true },    { "kill", FAULT_KILL, 0, true },
};

void fault_fail(const char *format, ...)
{
        va_list args;

        if (fault->failed)
                return;
        fault->failed = true;
        va_start(args, format);
        (void)vsnprintf(fault->why, sizeof(fault->why), format, args);
        va_end(args);
}

pid_t fault_helper(void (*serve)(void))
{
        const pid_t parent = getpid(), pid = fork();

        if (pid != 0)
                return pid;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        serve();
        _exit(0);
}

static void run_once(void)
{
        size_t n_fds;

        if (scenario->begin)
                scenario->begin();
        n_fds = count_fds();
        inject_window(true);
        scenario->run();
        inject_window(false);
        scenario->judge();
        fault->n_live = alloc_live();
        fault->n_fds = (int)count_fds() - (int)n_fds;
}

static void recover_once(void)
{
        scenario->recover();
}

/* libc's loader without memory leaves a library behind that dlsym(3) falls over: libpam's caller
 * dies, and nobody gets in. Not where one of our own functions was at work. */
static bool is_loaders_death(int status)
{
        return scenario->loading && WIFSIGNALED(status) && strstr(fault->crash, ":dlsym ") &&
               !strstr(fault->crash, "_nhi.so");
}

/* Killed by us, or by a library that cannot do without memory. */
static bool is_lawful_death(const FaultPlan *plan, int status)
{
        if (is_loaders_death(status))
                return true;
        if (plan->mode == FAULT_KILL)
                return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        return fault->in_libconfig && !fault->failed && status != 0;
}

/* A sanitizer hands out blocks that nobody here has counted, and has a leak checker of its own. */
static bool is_leaking(void)
{
        return !SANITIZED && fault->n_live > fault->clean_live;
}

/* Empty where all is well. */
static const char *verdict(const FaultPlan *plan, int status)
{
        static char text[sizeof(fault->crash) + 64];

        if (status == -1)
                return "no end in sight: killed";
        if (is_lawful_death(plan, status))
                return "";
        if (WIFSIGNALED(status)) {
                (void)snprintf(text, sizeof(text), "died of signal %d in%s", WTERMSIG(status),
                               fault->crash);
                return text;
        }
        if (WEXITSTATUS(status) != 0) {
                (void)snprintf(text, sizeof(text), "%s", fault->failed ? fault->why : "exited");
                return text;
        }
        if (!scenario->leak_checked || plan->mode == FAULT_NONE || plan->mode == FAULT_KILL ||
            (!is_leaking() && fault->n_fds <= fault->clean_fds))
                return "";
        (void)snprintf(text, sizeof(text),
                       "%ld blocks and %d descriptors left, %ld and %d after a clean run",
                       fault->n_live, fault->n_fds, fault->clean_live, fault->clean_fds);
        return text;
}

/* One run and, where it was killed, the one after it. True where the oracle was content. */
static bool try_plan(const char *mode, const FaultPlan *plan)
{
        char what[sizeof(fault->fired_what)];
        const char *why;
        unsigned fired;
        int status;

        tree_restore();
        status = inject_run(plan, run_once,
                            scenario->timeout_sec ? scenario->timeout_sec : TIMEOUT_SEC);
        why = verdict(plan, status);
        fired = fault->n_fired;
        memcpy(what, fault->fired_what, sizeof(what));
        if (*why == '\0' && status != 0 && scenario->recover) {
                const FaultPlan none = {};

                why = verdict(&none, inject_run(&none, recover_once, TIMEOUT_SEC));
                fault->n_fired = fired;
        }
        if (*why == '\0')
                return true;
        printf("  FAIL    %s %s %u: %s: %s\n", scenario->name, mode, plan->n,
               fired ? what : "no fault", why);
        return false;
}

static void account(const char *mode, bool good, unsigned runs, unsigned faults)
{
        n_passed += good;
        n_failed += !good;
        printf("  %-7s %-24s %-12s %5u runs, %6u faults\n", good ? "ok" : "FAIL", scenario->name,
               mode, runs, faults);
        (void)fflush(stdout);
}

static void loop(size_t m, unsigned step, unsigned only)
{
        unsigned runs = 0, faults = 0, bad = 0;

        for (unsigned n = only ? only : 1; n < RUNS_MAX; n += step) {
                const FaultPlan plan = { modes[m].mode, n, modes[m].variant };

                bad += !try_plan(modes[m].name, &plan);
                runs++;
                faults += fault->n_fired;
                if (fault->n_fired == 0 || only || bad > 20)
                        break;
        }
        account(modes[m].name, bad == 0, runs, faults);
}

static bool clean_run(void)
{
        const FaultPlan none = {};
        bool good;

        good = try_plan("clean", &none);
        fault->clean_live = fault->n_live;
        fault->clean_fds = fault->n_fds;
        account("clean", good, 1, 0);
        return good;
}

static void scenario_run(unsigned step, const char *mode, unsigned only)
{
        tree_restore(); /* as the scenario before found it */
        if (scenario->prepare)
                scenario->prepare();
        tree_save();
        if (scenario->warm) {
                memset(&fault->plan, 0, sizeof(fault->plan));
                run_once();
        }
        if (!clean_run() || scenario->clean_only)
                return;
        for (size_t m = 0; m < ELEMENTSOF(modes); m++) {
                if (modes[m].mode == FAULT_KILL && !scenario->recover)
                        continue;
                if ((fault_is_short && !modes[m].in_short) || (mode && !streq(mode, modes[m].name)))
                        continue;
                loop(m, fault_is_short ? scenario->short_step : step, only);
        }
}

/* What libc reads once and keeps: the time zone, for the system log, and every service of
 * nsswitch.conf, which only a name asks for that none of them has. */
static void warm_libc(void)
{
        const time_t now = time(NULL);
        struct tm broken_down;
        void *frame;

        (void)localtime_r(&now, &broken_down);
        (void)backtrace(&frame, 1); /* loads a library */
        (void)getpwnam("nobody-of-this-name");
        (void)getgrnam("nobody-of-this-name");
}

#if SANITIZED
/* Its leak checker knows the loader's blocks by who asked for them: here that is alloc.c. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:_dl_\n";
}
/* What libpam leaves behind when it cannot start is not ours. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
        return scenario && scenario->loading;
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
        return "print_suppressions=0";
}
#endif

/* Arguments: short, all or STEP (every STEP-th fault); a pattern of scenarios; a mode; one N. */
int fault_main(int argc, char *argv[], const Scenario *list, size_t n)
{
        const unsigned step = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
        const char *name = argc > 2 ? argv[2] : "*";

        fault_is_short = argc > 1 && streq(argv[1], "short");
        fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (fault == MAP_FAILED)
                err(2, "mmap");
        warm_libc();
        tree_mount("64m");
        for (size_t i = 0; i < n; i++) {
                scenario = &list[i];
                if (fnmatch(name, scenario->name, 0) != 0 ||
                    (fault_is_short && !scenario->short_step))
                        continue;
                scenario_run(step > 1 ? step : 1, argc > 3 ? argv[3] : NULL,
                             argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0);
        }
        printf("fault: %u passed, %u failed\n", n_passed, n_failed);
        return n_failed > 0;
}
