/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/gate/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], run[96], state_copy[96], exempt_file[96], exempt_dir[96], one[128], other[128];
static GatePaths paths;

#define ENFORCED "nhi-gates 1\ngate a enforce ssh svc-*\nend 1\n"
#define OBSERVED "nhi-gates 1\ngate a observe ssh svc-*\nend 1\n"

static void spit(const char *path, const char *text, mode_t mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static int host_setup(void **state)
{
        snprintf(dir, sizeof(dir), "/tmp/nhi-test-gate.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        snprintf(run, sizeof(run), "%s/run", dir);
        snprintf(state_copy, sizeof(state_copy), "%s/state", dir);
        snprintf(exempt_file, sizeof(exempt_file), "%s/exempt", dir);
        snprintf(exempt_dir, sizeof(exempt_dir), "%s/exempt.d", dir);
        snprintf(one, sizeof(one), "%s/one.conf", exempt_dir);
        snprintf(other, sizeof(other), "%s/other.bak", exempt_dir);
        paths = (GatePaths){ run, state_copy, exempt_file, exempt_dir, geteuid() };
        return 0;
}

static int host_teardown(void **state)
{
        unlink(run);
        unlink(state_copy);
        unlink(exempt_file);
        unlink(one);
        unlink(other);
        rmdir(exempt_dir);
        return rmdir(dir);
}

/* In place of libc's: one group, and what a service left in errno on the way. */
static int group_errno;

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *n)
{
        groups[0] = group;
        *n = 1;
        errno = group_errno;
        return 1;
}

static void groups_that_a_service_could_not_say_are_not_believed_to_be_all_P28(void **state)
{
        static const int failures[] = { ENOMEM, EMFILE, ENFILE, EIO };
        GateAccount a = { .name = "john", .uid = 1000, .gid = 100 };

        for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
                group_errno = failures[i];
                assert_int_equal(gate_account_load_gids(&a), -failures[i]);
                assert_null(a.gids);
        }
        group_errno = ENOENT; /* a service that is not installed */
        assert_int_equal(gate_account_load_gids(&a), 0);
        assert_int_equal(a.n_gids, 1);
        gate_account_done(&a);
}

static GateMode mode_of(const char *name, const char *class)
{
        GateSubject s = { .name = name, .uid = 1000 };

        return gate_mode(&paths, &s, class, NULL, 0);
}

static void nothing_was_ever_configured_means_nobody_is_gated_K01(void **state)
{
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_UNGATED);
        assert_int_equal(mode_of(NULL, NULL), GATE_UNGATED);
}

static void the_run_file_is_read_first_and_the_copy_after_a_reboot(void **state)
{
        spit(state_copy, ENFORCED, 0644);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_ENFORCE);
        assert_int_equal(mode_of("john", "ssh"), GATE_UNGATED);
        spit(run, OBSERVED, 0644);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_OBSERVE);
}

static void an_unusable_run_file_gives_way_to_the_copy(void **state)
{
        spit(run, "damaged", 0644);
        spit(state_copy, OBSERVED, 0644);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_OBSERVE);
        assert_int_equal(mode_of("john", "ssh"), GATE_UNGATED);
}

/* Who calls su chooses its limits, and would choose those that let only the older copy be read. */
static void a_run_file_for_which_memory_lacks_is_not_replaced_by_the_copy_P22(void **state)
{
#ifndef __SANITIZE_ADDRESS__
        static const char comment[] = "# as long as it takes\n";
        const size_t n = 65536 / (sizeof(comment) - 1) * 8;
        char *text = calloc(n + 16, sizeof(comment)), *at = text;
        const GateSubject subject = { .name = "svc-a" };
        int status = -1;
        pid_t child;

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                at = stpcpy(at, comment);
        strcpy(at, ENFORCED);
        spit(run, text, 0644);
        spit(state_copy, OBSERVED, 0644);
        free(text);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                const struct rlimit tight = { 1, 1 };

                (void)setrlimit(RLIMIT_AS, &tight);
                _exit(gate_mode(&paths, &subject, "ssh", NULL, 0) == GATE_ENFORCE ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
#else
        skip();
#endif
}

static void what_cannot_be_read_gates_everybody_O7(void **state)
{
        spit(run, "damaged", 0644);
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
        spit(run, OBSERVED, 0666); /* anybody's */
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
        spit(run, OBSERVED, 0644);
        paths.owner = geteuid() + 1;
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
        paths.owner = geteuid();
        unlink(run);
        assert_int_equal(symlink("/dev/null", run), 0);
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
        unlink(run);
        spit(state_copy, "damaged", 0644);
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
}

static void a_fifo_holds_nobody_up_O5(void **state)
{
        assert_int_equal(mkfifo(run, 0644), 0);
        assert_int_equal(mkfifo(exempt_file, 0644), 0);
        assert_int_equal(mode_of("john", "ssh"), GATE_ENFORCE);
}

static void exemptions_hold_whatever_became_of_the_gates(void **state)
{
        spit(exempt_file, "root ssh\n", 0644);
        assert_int_equal(mode_of("root", "ssh"), GATE_EXEMPT);
        spit(run, "damaged", 0644);
        assert_int_equal(mode_of("root", "ssh"), GATE_EXEMPT);
        assert_int_equal(mode_of("root", "sudo"), GATE_ENFORCE);
        assert_int_equal(mode_of(NULL, "ssh"), GATE_ENFORCE);
        assert_int_equal(mode_of("root", NULL), GATE_ENFORCE);
}

static void an_exempt_file_that_others_could_write_is_ignored(void **state)
{
        spit(run, ENFORCED, 0644);
        spit(exempt_file, "* *\n", 0666);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_ENFORCE);
        spit(exempt_file, "* *\n", 0644);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_EXEMPT);
}

static void the_exempt_directory_is_read_where_only_its_owner_writes(void **state)
{
        spit(run, ENFORCED, 0644);
        assert_int_equal(mkdir(exempt_dir, 0755), 0);
        spit(other, "* *\n", 0644); /* no .conf */
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_ENFORCE);
        spit(one, "svc-a ssh\n", 0644);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_EXEMPT);
        assert_int_equal(mode_of("svc-b", "ssh"), GATE_ENFORCE);
        assert_int_equal(chmod(exempt_dir, 0777), 0);
        assert_int_equal(mode_of("svc-a", "ssh"), GATE_ENFORCE);
}

static void a_broken_exempt_file_is_named_with_its_line(void **state)
{
        char path[128] = "";
        unsigned line = 77;

        assert_false(exempt_problem(&paths, path, sizeof(path), &line));
        spit(exempt_file, "root ssh\nroot\n", 0644);
        assert_true(exempt_problem(&paths, path, sizeof(path), &line));
        assert_string_equal(path, exempt_file);
        assert_int_equal(line, 2);
        spit(exempt_file, "root ssh\n", 0666);
        assert_true(exempt_problem(&paths, path, sizeof(path), &line));
        assert_int_equal(line, 0);
        spit(exempt_file, "root ssh\n", 0644);
        assert_int_equal(mkdir(exempt_dir, 0755), 0);
        assert_false(exempt_problem(&paths, path, sizeof(path), &line));
        spit(one, "a b c\n", 0644);
        assert_true(exempt_problem(&paths, path, sizeof(path), &line));
        assert_string_equal(path, one);
        assert_int_equal(line, 1);
        unlink(one);
        assert_int_equal(chmod(exempt_dir, 0775), 0);
        assert_true(exempt_problem(&paths, path, sizeof(path), &line));
        assert_string_equal(path, exempt_dir);
        assert_int_equal(line, 0);
}

/* Each of the first EXEMPT_DIR_FILE_MAX files holds; what comes behind them is reported. */
static void the_exempt_directory_has_a_limit(void **state)
{
        char path[160], where[128];
        unsigned line = 77;

        assert_int_equal(mkdir(exempt_dir, 0755), 0);
        for (unsigned i = 0; i <= EXEMPT_DIR_FILE_MAX; i++) {
                assert_false(exempt_problem(&paths, where, sizeof(where), &line));
                snprintf(path, sizeof(path), "%s/%u.conf", exempt_dir, i);
                spit(path, "nobody none\n", 0644);
        }
        assert_true(exempt_problem(&paths, where, sizeof(where), &line));
        assert_string_equal(where, exempt_dir);
        for (unsigned i = 0; i <= EXEMPT_DIR_FILE_MAX; i++) {
                snprintf(path, sizeof(path), "%s/%u.conf", exempt_dir, i);
                unlink(path);
        }
}

static void no_descriptor_left_means_gated_P22(void **state)
{
        struct rlimit before, none;
        GateMode mode;

        spit(run, OBSERVED, 0644);
        getrlimit(RLIMIT_NOFILE, &before);
        none = (struct rlimit){ 0, before.rlim_max };
        setrlimit(RLIMIT_NOFILE, &none);
        mode = mode_of("john", "ssh");
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(mode, GATE_ENFORCE);
        assert_int_equal(mode_of("john", "ssh"), GATE_UNGATED);
}

static void nothing_is_kept_and_errno_is_not_touched(void **state)
{
        int before = dup(0), after;

        close(before);
        spit(run, "damaged", 0644);
        errno = 4711;
        for (int i = 0; i < 20; i++)
                (void)mode_of("john", "ssh");
        assert_int_equal(errno, 4711);
        after = dup(0);
        close(after);
        assert_int_equal(after, before);
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, host_setup, host_teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                HOST_TEST(groups_that_a_service_could_not_say_are_not_believed_to_be_all_P28),
                HOST_TEST(nothing_was_ever_configured_means_nobody_is_gated_K01),
                HOST_TEST(the_run_file_is_read_first_and_the_copy_after_a_reboot),
                HOST_TEST(an_unusable_run_file_gives_way_to_the_copy),
                HOST_TEST(a_run_file_for_which_memory_lacks_is_not_replaced_by_the_copy_P22),
                HOST_TEST(what_cannot_be_read_gates_everybody_O7),
                HOST_TEST(a_fifo_holds_nobody_up_O5),
                HOST_TEST(exemptions_hold_whatever_became_of_the_gates),
                HOST_TEST(an_exempt_file_that_others_could_write_is_ignored),
                HOST_TEST(the_exempt_directory_is_read_where_only_its_owner_writes),
                HOST_TEST(a_broken_exempt_file_is_named_with_its_line),
                HOST_TEST(the_exempt_directory_has_a_limit),
                HOST_TEST(no_descriptor_left_means_gated_P22),
                HOST_TEST(nothing_is_kept_and_errno_is_not_touched),
        };

        return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
