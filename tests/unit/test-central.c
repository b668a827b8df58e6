/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the verbs of the central side share, nhictl/central.h: whole command lines. */

#include "nhictl/central.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>

#define FILE_MAX 65536

/* Its first line is longer than any file may be from here on. */
static void fill_revisions(const Fixture *f)
{
        char *text = malloc(FILE_MAX + 1);

        assert_non_null(text);
        memset(text, '#', FILE_MAX - 1);
        text[FILE_MAX - 1] = '\n';
        text[FILE_MAX] = '\0';
        fixture_write(f, "revisions", text);
        free(text);
}

static void a_change_that_no_host_hears_of_is_said(void **state)
{
        const Fixture *f = *state;
        const struct rlimit small = { .rlim_cur = FILE_MAX, .rlim_max = RLIM_INFINITY };
        struct rlimit before;
        char path[600];
        int status;

        fill_revisions(f);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        status = RUN("owner", "add", "payments", "--ledger", f->ledger);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_status(status, VERB_FAILED);
        assert_said("/revisions: File too large: what was changed is in the ledger and on no host");
        assert_said("nhictl publish");
        (void)snprintf(path, sizeof(path), "%s/owners/payments.json", f->ledger);
        assert_int_equal(access(path, F_OK), 0);
}

/* It is there, and what it gives is not taken from hosts by this. */
static void what_cannot_be_read_is_not_said_to_be_absent(void **state)
{
        const Fixture *f = *state;

        assert_status(RUN("owner", "add", "payments", "--no-publish", "--ledger", f->ledger),
                      VERB_OK);
        fixture_write(f, "owners/payments.json", "<<<<<<< HEAD");
        assert_status(
                RUN("owner", "disable", "payments", "--reason", "gone", "--ledger", f->ledger),
                VERB_FAILED);
        assert_said("cannot be read (nhictl ledger check), and is not disabled");
        assert_said("nhictl publish");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_change_that_no_host_hears_of_is_said,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_said_to_be_absent,
                                                fixture_setup, fixture_teardown),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
