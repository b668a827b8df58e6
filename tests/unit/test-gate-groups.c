/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A gate for a group, where a service of passwd or group runs into a limit once: libc then goes on
 * to the next service, which says that there is no such thing (P15, P28). */

#include "lib/gate/account.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define GATES "nhi-gates 1\ngate a enforce ssh %team\nend 1\n"

/* ---- in place of libc's: john is in the group team
 * ---------------------------------------------*/

static unsigned n_passwd_missed, n_group_missed; /* so many questions are answered by "not here" */
static bool is_left_out;                         /* by getgrouplist */

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
               struct passwd **ret)
{
        *entry = (struct passwd){ .pw_uid = 1000, .pw_gid = 1000 };
        *ret = streq(name, "john") && n_passwd_missed == 0 ? entry : NULL;
        n_passwd_missed -= n_passwd_missed > 0;
        return 0;
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *n)
{
        groups[0] = group;
        groups[1] = 4242;
        errno = ENOENT;
        return *n = is_left_out || !streq(user, "john") ? 1 : 2;
}

int getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **ret)
{
        static char *members[] = { (char *)"jane", (char *)"john", NULL };

        *entry = (struct group){ .gr_gid = 4242, .gr_mem = members };
        *ret = streq(name, "team") && n_group_missed == 0 ? entry : NULL;
        n_group_missed -= n_group_missed > 0;
        return 0;
}

/* ---- the tests
 * ---------------------------------------------------------------------------------*/

static void gates_write(void)
{
        static const char *const dirs[] = { PATH_ROOT, PATH_ROOT "/run", PATH_RUN_DIR };

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                (void)mkdir(dirs[i], 0755);
        assert_int_equal(file_replace(PATH_GATES_RUN, GATES, strlen(GATES), 0644, geteuid(),
                                      getegid(), false),
                         0);
}

static int start(void **state)
{
        n_passwd_missed = n_group_missed = 0;
        is_left_out = false;
        gates_write();
        return 0;
}

static int finish(void **state)
{
        return unlink(PATH_GATES_RUN);
}

static GateMode mode_of(const char *name, bool is_absent)
{
        GateAccount a = { .name = is_absent ? "" : name,
                          .uid = is_absent ? (uid_t)-1 : 1000,
                          .gid = 1000,
                          .no_groups = is_absent ? -ENOENT : 0 };
        const GateMode mode = gate_account_mode_as(&a, name, "ssh", NULL, 0);

        gate_account_done(&a);
        return mode;
}

static void members_are_gated_and_others_are_not(void **state)
{
        assert_int_equal(mode_of("john", false), GATE_ENFORCE);
        assert_int_equal(mode_of("bill", false), GATE_UNGATED);
        assert_int_equal(mode_of("nobody-here", true), GATE_UNGATED);
}

static void a_group_that_is_missed_once_is_asked_for_again_P15(void **state)
{
        n_group_missed = 1;
        assert_int_equal(mode_of("john", false), GATE_ENFORCE);
        n_group_missed = 2; /* a group that is not there has no members */
        assert_int_equal(mode_of("john", false), GATE_UNGATED);
}

static void a_member_whom_getgrouplist_left_out_is_gated_P15(void **state)
{
        is_left_out = true;
        assert_int_equal(mode_of("john", false), GATE_ENFORCE);
        assert_int_equal(mode_of("bill", false), GATE_UNGATED);
}

static void an_account_that_passwd_missed_once_may_be_in_any_group_P15(void **state)
{
        assert_int_equal(mode_of("john", true), GATE_ENFORCE);
        n_passwd_missed = 1;
        assert_int_equal(mode_of("john", true), GATE_UNGATED);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(members_are_gated_and_others_are_not, start,
                                                finish),
                cmocka_unit_test_setup_teardown(a_group_that_is_missed_once_is_asked_for_again_P15,
                                                start, finish),
                cmocka_unit_test_setup_teardown(a_member_whom_getgrouplist_left_out_is_gated_P15,
                                                start, finish),
                cmocka_unit_test_setup_teardown(
                        an_account_that_passwd_missed_once_may_be_in_any_group_P15, start, finish),
        };

        return cmocka_run_group_tests_name("gate-groups", tests, NULL, NULL);
}
