/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* 64 logins at once in one process, each with its own handle (P21): each gets its own answer, and
 * nothing is shared. tests/tsan.sh runs this under ThreadSanitizer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"

#define N_THREADS 64
#define N_LOGINS  12
#define REFUSED   OBSERVED /* gated in this test, and denied */

typedef struct Guest {
        pthread_t thread;
        pthread_barrier_t *begin;
        const char *user;
        int expected;
        unsigned n_expected, n_late; /* late: the one agent did not get there in time */
        int wrong;                   /* a code that is neither; 0 none */
} Guest;

static void count(Guest *g, int r)
{
        if (r == g->expected)
                g->n_expected++;
        else if (r == PAM_AUTHINFO_UNAVAIL && g->expected != IGNORED)
                g->n_late++;
        else
                g->wrong = r;
}

static void *log_in_often(void *userdata)
{
        Guest *g = userdata;

        (void)pthread_barrier_wait(g->begin);
        for (int i = 0; i < N_LOGINS; i++) {
                Login l;

                login_begin(&l, "sshd", g->user);
                count(g, pam_acct_mgmt(l.pamh, 0));
                count(g, pam_open_session(l.pamh, 0));
                (void)pam_close_session(l.pamh, 0);
                login_end(&l);
        }
        return NULL;
}

static void everybody_gets_their_own_answer_P21(void **state)
{
        static const struct {
                const char *user;
                int expected;
        } kinds[] = { { GATED, PAM_SUCCESS },
                      { REFUSED, PAM_PERM_DENIED },
                      { UNGATED, IGNORED },
                      { EXEMPTED, IGNORED } };
        static Guest guests[N_THREADS];
        unsigned n[ELEMENTSOF(kinds)] = { 0 };
        pthread_barrier_t begin;

        spit(PATH_GATES_RUN, "nhi-gates 1\ngate a enforce * " GATED "," REFUSED "\nend 1\n");
        agent.deny_subject = REFUSED;
        assert_int_equal(pthread_barrier_init(&begin, NULL, N_THREADS), 0);
        for (size_t i = 0; i < N_THREADS; i++) {
                guests[i] = (Guest){ .begin = &begin,
                                     .user = kinds[i % ELEMENTSOF(kinds)].user,
                                     .expected = kinds[i % ELEMENTSOF(kinds)].expected };
                assert_int_equal(pthread_create(&guests[i].thread, NULL, log_in_often, &guests[i]),
                                 0);
        }
        for (size_t i = 0; i < N_THREADS; i++) {
                assert_int_equal(pthread_join(guests[i].thread, NULL), 0);
                if (guests[i].wrong)
                        fail_msg("%s: %d", guests[i].user, guests[i].wrong);
                n[i % ELEMENTSOF(kinds)] += guests[i].n_expected;
        }
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                assert_true(n[i] > 0);
        (void)pthread_barrier_destroy(&begin);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(everybody_gets_their_own_answer_P21, host_reset),
        };

        if (geteuid() != 0) {
                printf("skipped: pam_nhi leaves callers alone that are not root\n");
                return 0;
        }
        return cmocka_run_group_tests_name("pam-threads", tests, host_setup, host_teardown);
}
