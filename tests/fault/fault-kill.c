/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent killed a thousand times while sets come in, one after the other, and logins are asked
 * for (A10): what it starts from each time is the last set that it said it had accepted or the one
 * that it was at, the floor with it, and no answer was ever of an older set. */

#include "tests/fault/agent-host.h"

#include "nhi-agentd/state.h"

#include <err.h>
#include <signal.h>
#include <sys/mman.h>

#define KILLS_MAX      1000u
#define KILLS_SHORT    25u
#define START_USEC_MAX 30000u
#define WORK_USEC_MAX  10000u
#define N_ACCOUNTS     4u
#define UID_FIRST      70011u /* not the fixture's own: ids are never given again */

/* Version v grants a login to account v % N_ACCOUNTS and to nobody else. */
static struct {
        unsigned offered, accepted; /* versions: the highest that was begun, that was answered */
        unsigned n_starts, n_asked, n_allowed;
} * seen; /* by everybody */

static const char *const names[N_ACCOUNTS] = { "svc-0", "svc-1", "svc-2", "svc-3" };

static unsigned read_now(const unsigned *at)
{
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static void write_now(unsigned *at, unsigned value)
{
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);
}

static char *set_of(unsigned version)
{
        char accounts[1024] = "", jti[32];
        _cleanup_free_ char *grant = NULL;

        for (unsigned i = 0; i < N_ACCOUNTS; i++) {
                const size_t size = strlen(accounts);

                (void)snprintf(accounts + size, sizeof(accounts) - size,
                               "%s{\"name\":\"%s\",\"kind\":\"workload\",\"owner\":\"payments\","
                               "\"uid\":%u,\"gid\":%u,\"gecos\":\"\",\"home\":\"/var/lib/%s\","
                               "\"shell\":\"/bin/sh\"}",
                               i ? "," : "", names[i], UID_FIRST + i, UID_FIRST + i, names[i]);
        }
        (void)snprintf(jti, sizeof(jti), "g-%u", version);
        grant = fixture_grant(jti, names[version % N_ACCOUNTS], 3600, FIXTURE_LOGIN);
        return fixture_set(&host, version, accounts, grant);
}

/* ---- who asks: a process of its own -------------------------------------------------------------
 */

/* An answer is of a set that was in force while it was given. */
static bool may_be_allowed(unsigned account, unsigned first, unsigned last)
{
        for (unsigned v = first; v <= last; v++)
                if (v % N_ACCOUNTS == account)
                        return true;
        return false;
}

static void ask_one(unsigned account)
{
        static WireExchange x;
        WireRequest request = pam("sshd", names[account], UID_FIRST + account, WIRE_PHASE_ACCOUNT);
        const unsigned first = read_now(&seen->accepted);
        WireReply reply;
        unsigned last;

        if (wire_ask(PATH_PAM_SOCK, geteuid(), &request, now_monotonic_usec() + 2 * USEC_PER_SEC,
                     &x, &reply) != 0)
                return;
        last = read_now(&seen->offered);
        seen->n_asked++;
        if (reply.verdict != VERDICT_ALLOW)
                return;
        seen->n_allowed++;
        if (!may_be_allowed(account, first, last))
                fault_fail("%s was allowed under sets %u to %u", names[account], first, last);
}

static void ask_on(void)
{
        for (;;) {
                for (unsigned i = 0; i < N_ACCOUNTS; i++)
                        ask_one(i);
                (void)usleep(300);
        }
}

/* ---- who is killed ------------------------------------------------------------------------------
 */

/* Which set does this agent go by? */
static unsigned version_in_force(void)
{
        const SetFloor *floor = state_floor(host.agent->state, FIXTURE_ISSUER);

        return floor ? (unsigned)(floor->ver - host.base_sec * 1000) : 0;
}

static void check_started(void)
{
        const unsigned version = version_in_force();

        if (version < read_now(&seen->accepted) || version > read_now(&seen->offered))
                fault_fail("started with the floor at %u: accepted %u, offered %u", version,
                           seen->accepted, seen->offered);
        for (unsigned i = 0; i < N_ACCOUNTS; i++)
                if (host_allows(names[i], UID_FIRST + i) != (version % N_ACCOUNTS == i))
                        fault_fail("started with the floor at %u, and %s is %s", version, names[i],
                                   host_allows(names[i], UID_FIRST + i) ? "allowed" : "denied");
        if (idmap_n_users(host.agent->idmap) < N_ACCOUNTS)
                fault_fail("ids are forgotten");
        host_check_snapshot();
}

static void offer_next(void)
{
        const unsigned version = seen->offered + 1;
        _cleanup_free_ char *jws = set_of(version);

        write_now(&seen->offered, version);
        if (strncmp(host_offer(jws), "accepted ", 9) != 0)
                fault_fail("set %u: %s", version, host.line);
        write_now(&seen->accepted, version);
}

static void live(void)
{
        host_start_at_work();
        check_started();
        seen->n_starts++;
        while (!fault->failed)
                offer_next();
        _exit(1);
}

/* Always the same lives, as far as a machine is the same. */
static unsigned random_below(unsigned end)
{
        static uint32_t x = 2463534242u;

        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        return x % end;
}

/* However slow the machine: it starts, accepts a set and allows a login. */
static void wait_until_it_serves(void)
{
        const unsigned accepted = read_now(&seen->accepted), allowed = read_now(&seen->n_allowed);

        while (!fault->failed &&
               (read_now(&seen->accepted) == accepted || read_now(&seen->n_allowed) == allowed))
                (void)usleep(500);
}

/* One in four dies wherever it may be, most of them while they start; the others at work. */
static void kill_one(unsigned n)
{
        const pid_t pid = fault_helper(live);
        int status;

        if (pid < 0)
                err(2, "fork");
        if (n % 4 != 0)
                wait_until_it_serves();
        (void)usleep(random_below(n % 4 != 0 ? WORK_USEC_MAX : START_USEC_MAX));
        (void)kill(pid, SIGKILL);
        if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fault_fail("the agent ended by itself: %d", status);
}

/* ---- the loop -----------------------------------------------------------------------------------
 */

static void prepare(void)
{
        seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (seen == MAP_FAILED)
                err(2, "mmap");
        host_prepare();
}

/* The fixture's own sets are versions 0 and 1. */
static void begin(void)
{
        memset(seen, 0, sizeof(*seen));
        seen->offered = 1;
        host_start();
        offer_next();
        host_run_idle();
        host_stop();
}

static void nothing(void)
{
}

static void kill_all(void)
{
        const unsigned n = fault_is_short ? KILLS_SHORT : KILLS_MAX;
        const pid_t asker = fault_helper(ask_on);

        for (unsigned i = 0; i < n && !fault->failed; i++)
                kill_one(i);
        (void)kill(asker, SIGKILL);
        (void)waitpid(asker, NULL, 0);
        host_start();
        check_started();
        host_stop();
        printf("  %u kills: %u starts, %u sets accepted, %u asked, %u allowed\n", n, seen->n_starts,
               seen->accepted, seen->n_asked, seen->n_allowed);
        (void)fflush(stdout);
}

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                { .name = "kill-while-accepting",
                  .prepare = prepare,
                  .begin = begin,
                  .run = nothing,
                  .judge = kill_all,
                  .clean_only = true,
                  .timeout_sec = 600,
                  .short_step = 1 },
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
