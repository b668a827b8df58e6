/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A gate for a group, where a service of passwd or group runs into a limit: libc then goes on to
 * the next service, which says that there is no such thing (P15, P28). */

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
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define GATES "nhi-gates 1\ngate a enforce ssh %team\nend 1\n"

/* ---- in place of libc's: john is in the group team
 * ---------------------------------------------*/

static unsigned n_passwd_missed, n_group_missed; /* so many questions are answered by "not here" */
static bool is_left_out;                         /* by getgrouplist */
static int group_error;                          /* of the service at which the search ends */

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
        *ret = NULL;
        if (group_error != 0)
                return group_error;
        *ret = streq(name, "team") && n_group_missed == 0 ? entry : NULL;
        n_group_missed -= n_group_missed > 0;
        return 0;
}

/* ---- in place of the kernel's: who started the process, under which limits
 * ---------------------------------------------------------------------------------*/

static uid_t real_uid;
static unsigned long is_privileged; /* AT_SECURE */
static int limited = -1;            /* the resource that has a limit of */
static rlim_t limit;

uid_t getuid(void)
{
        return real_uid;
}

unsigned long getauxval(unsigned long type)
{
        return type == AT_SECURE ? is_privileged : 0;
}

int getrlimit(__rlimit_resource_t resource, struct rlimit *ret)
{
        if (syscall(SYS_prlimit64, 0, resource, NULL, ret) < 0)
                return -1;
        if ((int)resource == limited)
                ret->rlim_cur = limit;
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
        group_error = 0;
        real_uid = 0;
        is_privileged = 0;
        limited = -1;
        limit = 0;
        gates_write();
        return 0;
}

static int finish(void **state)
{
        (void)unlink(PATH_EXEMPT_FILE);
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

/* "[UNAVAIL=return]", or no service behind: libc hands on whatever errno the service left. */
static void a_group_whose_service_is_out_of_order_may_have_any_member(void **state)
{
        static const int errors[] = { ENOENT, ECONNREFUSED, EAGAIN, EIO };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                group_error = errors[i];
                assert_int_equal(mode_of("bill", false), GATE_ENFORCE);
        }
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

static GateMode mode_under(int resource, rlim_t value, const char *name)
{
        GateMode mode;

        limited = resource;
        limit = value;
        mode = mode_of(name, false);
        limited = -1;
        return mode;
}

static void under_tight_limits_of_a_caller_anybody_may_be_a_member_P28(void **state)
{
        static const struct {
                int resource;
                rlim_t least;
        } rows[] = {
                { RLIMIT_AS, (rlim_t)1 << 30 },
                { RLIMIT_DATA, (rlim_t)1 << 30 },
                { RLIMIT_STACK, (rlim_t)1 << 20 },
                { RLIMIT_FSIZE, (rlim_t)1 << 24 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                real_uid = 1000;
                assert_int_equal(mode_under(rows[i].resource, rows[i].least - 1, "bill"),
                                 GATE_ENFORCE);
                assert_int_equal(mode_under(rows[i].resource, rows[i].least, "bill"), GATE_UNGATED);
                assert_int_equal(mode_under(rows[i].resource, RLIM_INFINITY, "bill"), GATE_UNGATED);
                real_uid = 0;
                assert_int_equal(mode_under(rows[i].resource, 0, "bill"), GATE_UNGATED);
        }
}

/* sudo has a real uid of 0 when it asks. */
static void a_privileged_program_is_under_the_limits_of_its_caller_P28(void **state)
{
        is_privileged = 1;
        assert_int_equal(mode_under(RLIMIT_AS, 0, "bill"), GATE_ENFORCE);
        assert_int_equal(mode_under(RLIMIT_AS, RLIM_INFINITY, "bill"), GATE_UNGATED);
}

/* Whether nobody knows the group, the account, or only that he is a member. */
static void under_tight_limits_nothing_is_absent_P28(void **state)
{
        real_uid = 1000;
        limited = RLIMIT_AS;
        n_group_missed = 2;
        assert_int_equal(mode_of("john", false), GATE_ENFORCE);
        n_group_missed = 0;
        assert_int_equal(mode_of("nobody-here", true), GATE_ENFORCE);
        assert_int_equal(mode_of("john", false), GATE_ENFORCE);
}

static void an_exemption_holds_under_tight_limits_P28(void **state)
{
        static const char text[] = "bill ssh\n";

        (void)mkdir(PATH_ROOT "/etc", 0755);
        (void)mkdir(PATH_ETC_DIR, 0755);
        assert_int_equal(file_replace(PATH_EXEMPT_FILE, text, strlen(text), 0644, geteuid(),
                                      getegid(), false),
                         0);
        real_uid = 1000;
        assert_int_equal(mode_under(RLIMIT_AS, 0, "bill"), GATE_EXEMPT);
        assert_int_equal(mode_under(RLIMIT_AS, 0, "jack"), GATE_ENFORCE);
}

/* What was handed on open takes from the room as a limit does: N and N+1 free ones. */
static void descriptors_handed_on_open_are_a_tight_limit_P28(void **state)
{
        enum { LEAST = 32, LIMIT = 128 };
        struct rlimit before;
        int fds[LIMIT], n = 0;
        GateMode narrow, wide;

        real_uid = 1000;
        assert_int_equal(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &before), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ LIMIT, before.rlim_max }), 0);
        while ((fds[n] = dup(STDERR_FILENO)) >= 0)
                n++;
        for (int i = 0; i < LEAST - 1; i++)
                (void)close(fds[--n]);
        narrow = mode_of("bill", false);
        (void)close(fds[--n]);
        wide = mode_of("bill", false);
        while (n > 0)
                (void)close(fds[--n]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(narrow, GATE_ENFORCE);
        assert_int_equal(wide, GATE_UNGATED);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(members_are_gated_and_others_are_not, start,
                                                finish),
                cmocka_unit_test_setup_teardown(a_group_that_is_missed_once_is_asked_for_again_P15,
                                                start, finish),
                cmocka_unit_test_setup_teardown(
                        a_group_whose_service_is_out_of_order_may_have_any_member, start, finish),
                cmocka_unit_test_setup_teardown(a_member_whom_getgrouplist_left_out_is_gated_P15,
                                                start, finish),
                cmocka_unit_test_setup_teardown(
                        an_account_that_passwd_missed_once_may_be_in_any_group_P15, start, finish),
                cmocka_unit_test_setup_teardown(
                        under_tight_limits_of_a_caller_anybody_may_be_a_member_P28, start, finish),
                cmocka_unit_test_setup_teardown(
                        a_privileged_program_is_under_the_limits_of_its_caller_P28, start, finish),
                cmocka_unit_test_setup_teardown(under_tight_limits_nothing_is_absent_P28, start,
                                                finish),
                cmocka_unit_test_setup_teardown(an_exemption_holds_under_tight_limits_P28, start,
                                                finish),
                cmocka_unit_test_setup_teardown(descriptors_handed_on_open_are_a_tight_limit_P28,
                                                start, finish),
        };

        return cmocka_run_group_tests_name("gate-groups", tests, NULL, NULL);
}
