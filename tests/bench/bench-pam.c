/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A login program's account phase, from pam_start to pam_end, through pam_nhi and a real agent;
 * against the module that says yes to everything, and against the one round trip that asking
 * somebody costs at least. */

#include "tests/bench/bench-agent.h"

#include <security/pam_appl.h>

#define PATH_STACKS PATH_ROOT "/pam.d"
#define PATH_MODULE PATH_ROOT "/../pam_nhi.so"

typedef struct Cycle {
        const char *service, *user;
        int expected;
} Cycle;

static int say_nothing(int n, const struct pam_message **messages, struct pam_response **ret,
                       void *userdata)
{
        *ret = calloc((size_t)n, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void cycle_run(void *userdata)
{
        const struct pam_conv conv = { .conv = say_nothing };
        const Cycle *c = userdata;
        pam_handle_t *pamh = NULL;
        int r;

        if (pam_start_confdir(c->service, c->user, &conv, PATH_STACKS, &pamh) != PAM_SUCCESS)
                bench_fail("pam_start");
        r = pam_acct_mgmt(pamh, 0);
        if (r != c->expected) {
                (void)fprintf(stderr, "%s, %s: %s\n", c->service, c->user, pam_strerror(pamh, r));
                bench_fail("another answer than expected");
        }
        (void)pam_end(pamh, r);
}

static void round_trip(void *userdata)
{
        uint8_t reply[1024];

        (void)bench_ask(userdata, reply, sizeof(reply));
}

static void stack_write(const char *service, const char *module)
{
        char path[512], text[1024];

        (void)snprintf(path, sizeof(path), "%s/%s", PATH_STACKS, service);
        (void)snprintf(text, sizeof(text), "account required %s\n", module);
        fixture_write(path, text);
}

/* What the cycle costs, and how much of it is more than a round trip. */
static void compare(const char *what, Cycle *cycle)
{
        static const BenchPlan plan = { .n_rounds = 40, .n_samples = 25, .n_calls = 1 };
        Cycle permit = { "permit", cycle->user, PAM_SUCCESS };
        BenchResult ours, permitted, again, trip, more;
        BenchQuestion echo;
        char text[128];

        bench_question(PATH_ECHO_SOCK, cycle->user, 5, &echo);
        bench_pair(&plan, (BenchSide){ cycle_run, cycle }, (BenchSide){ cycle_run, &permit }, &ours,
                   &permitted);
        (void)snprintf(text, sizeof(text), "pam_acct_mgmt cycle, %s", what);
        bench_row(text, "pam_permit", ours, permitted, (BenchGoal){ BENCH_AT_MOST, 2.1 });

        bench_pair(&plan, (BenchSide){ cycle_run, cycle }, (BenchSide){ round_trip, &echo }, &again,
                   &trip);
        more = (BenchResult){ again.median - permitted.median, again.p99 - permitted.median };
        (void)snprintf(text, sizeof(text), "the same, %s: what is more than pam_permit", what);
        bench_row(text, "one SEQPACKET round trip, connect to close", more, trip,
                  (BenchGoal){ BENCH_AT_MOST, 2.2 });
}

int main(void)
{
        Cycle allow = { "sshd", BENCH_GRANTED, PAM_SUCCESS };
        Cycle deny = { "sshd", BENCH_UNGRANTED, PAM_PERM_DENIED };

        bench_servers();
        if (mkdir(PATH_STACKS, 0755) < 0 && errno != EEXIST)
                bench_fail(PATH_STACKS);
        stack_write("sshd", PATH_MODULE);
        stack_write("permit", "pam_permit.so");
        compare("allow", &allow);
        compare("deny", &deny);
        return EXIT_SUCCESS;
}
