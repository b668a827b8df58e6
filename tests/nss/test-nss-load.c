/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who loads nss_nhi, and how often: N14 N16. */

#include "tests/nss/nss-fixture.h"

#include <malloc.h>
#include <sys/syscall.h>

#define PATH_STATIC  PATH_ROOT "/../tests/nss/host-static"
#define PATH_DYNAMIC PATH_ROOT "/../tests/nss/host-dynamic"
#define PATH_EVIL    PATH_ROOT "/evil"

/* ---- many times ---- */

/* Address space in use, to the page. What is resident is only roughly known to the kernel. */
static size_t address_space_kib(void)
{
        unsigned long pages = 0;
        FILE *f = fopen("/proc/self/statm", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%lu", &pages), 1);
        (void)fclose(f);
        return pages * 4;
}

static void load_and_ask(size_t n)
{
        char buffer[1024];
        struct passwd p;
        struct group g;
        int error;

        for (size_t i = 0; i < n; i++) {
                assert_int_equal(module_open(), 0);
                assert_int_equal(ask_user("svc-1", &(struct passwd){ 0 }), NSS_STATUS_SUCCESS);
                /* Listings that nobody ends. */
                assert_int_equal(nss.getpwent_r(&p, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_SUCCESS);
                assert_int_equal(nss.getgrent_r(&g, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_SUCCESS);
                assert_int_equal(dlclose(nss.handle), 0);
        }
}

static void N14_loading_and_unloading_leaves_nothing(void **state)
{
        size_t n_fds, n_kib, n_heap, n_fds_after, n_kib_after, n_heap_after, n_mapped;

        (void)state;
        publish_sample(3, 3600, true, 2);
        assert_int_equal(dlclose(nss.handle), 0);
        load_and_ask(100);
        n_fds = count_fds();
        n_kib = address_space_kib();
        n_heap = mallinfo2().uordblks;
        load_and_ask(rounds(1000, 10000));
        n_heap_after = mallinfo2().uordblks;
        n_kib_after = address_space_kib();
        n_fds_after = count_fds();
        n_mapped = count_mappings();
        assert_int_equal(module_open(), 0);

        assert_int_equal(n_mapped, 0);
        assert_int_equal(n_fds_after, n_fds);
        if (!SANITIZED) {
                assert_true(n_heap_after <= n_heap + 1024);
                assert_true(n_kib_after <= n_kib + 256);
        }
}

/* ---- programs ---- */

/* What a program prints that is started as uid with these arguments and this environment alone. */
static void run_as(uid_t uid, int fd, char *const argv[], char *const env[], char *ret, size_t size)
{
        int status = -1, ends[2];
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
                if (dup2(ends[1], 1) != 1 || (uid != geteuid() && setuid(uid) < 0))
                        _exit(125);
                (void)syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
                _exit(126);
        }
        (void)close(ends[1]);
        n = read(ends[0], ret, size - 1);
        ret[n > 0 ? n : 0] = '\0';
        (void)close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void N14_static_program_finds_ours_through_glibc(void **state)
{
        char *const argv[] = { (char *)"host-static", (char *)"svc-1", NULL };
        char *const env[] = { (char *)"LD_LIBRARY_PATH=" PATH_ROOT "/../tmod", NULL };
        _cleanup_close_ int fd = open(PATH_STATIC, O_PATH | O_CLOEXEC);
        char out[256];

        (void)state;
        if (SANITIZED)
                skip(); /* a static program cannot load a sanitizer */
        assert_true(fd >= 0);
        run_as(geteuid(), fd, argv, env, out, sizeof(out));
        assert_string_equal(out, "70001 /bin/sh\n");
}

/* A snapshot of an attacker's, where variables might point to. */
static void evil_publish(void)
{
        const SnapshotBuildUser u = { "svc-1",          "evil",          "/", "/evil", 70666, 70666,
                                      deadline_in(999), SNAPSHOT_FOREVER };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;

        (void)mkdir(PATH_EVIL, 0755);
        (void)mkdir(PATH_EVIL "/run", 0755);
        (void)mkdir(PATH_EVIL "/run/nhi", 0755);
        assert_int_equal(
                snapshot_build(&(SnapshotBuild){ .users = &u, .n_users = 1 }, &data, &size), 0);
        assert_int_equal(snapshot_publish(PATH_EVIL "/identities", data, size), 0);
        assert_int_equal(snapshot_publish(PATH_EVIL "/run/nhi/identities", data, size), 0);
}

static int setuid_copy(const char *from, const char *to)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0;

        assert_int_equal(file_read_trusted(from, geteuid(), 1 << 26, &data, &size), 0);
        assert_int_equal(file_replace(to, data, size, 04755, 0, 0, false), 0);
        return open(to, O_PATH | O_CLOEXEC);
}

static void N14_setuid_program_with_a_hostile_environment_is_told_the_truth(void **state)
{
        char *const argv[] = { (char *)"host-dynamic", (char *)"svc-1", (char *)MODULE, NULL };
        char *const env[] = {
                (char *)"LD_PRELOAD=" PATH_EVIL "/evil.so",
                (char *)"LD_LIBRARY_PATH=" PATH_EVIL,
                (char *)"LD_AUDIT=" PATH_EVIL "/evil.so",
                (char *)"LD_BIND_NOW=1",
                (char *)"NHI_SNAPSHOT=" PATH_EVIL "/identities",
                (char *)"NHI_ROOT=" PATH_EVIL,
                (char *)"NHI_RUN_DIR=" PATH_EVIL "/run/nhi",
                (char *)"RUNTIME_DIRECTORY=" PATH_EVIL "/run/nhi",
                (char *)"TMPDIR=" PATH_EVIL,
                (char *)"HOME=" PATH_EVIL,
                (char *)"LOCPATH=" PATH_EVIL,
                (char *)"GCONV_PATH=" PATH_EVIL,
                (char *)"GLIBC_TUNABLES=glibc.malloc.check=3",
                (char *)"MALLOC_PERTURB_=1",
                (char *)"TZ=:" PATH_EVIL "/tz",
                NULL,
        };
        char out[256];

        (void)state;
        if (SANITIZED || geteuid() != 0)
                skip(); /* setuid programs are root's to make, and no sanitizer runs in one */
        evil_publish();
        for (int is_setuid = 0; is_setuid < 2; is_setuid++) {
                _cleanup_close_ int fd = is_setuid ? setuid_copy(PATH_DYNAMIC, PATH_ROOT "/setuid")
                                                   : open(PATH_DYNAMIC, O_PATH | O_CLOEXEC);

                assert_true(fd >= 0);
                /* Without AT_SECURE the loader obeys its own variables: only ours are tried. */
                run_as(is_setuid ? 65534 : 0, fd, argv, is_setuid ? env : env + 4, out,
                       sizeof(out));
                assert_string_equal(out, "70001 /bin/sh\n");
        }
        (void)unlink(PATH_ROOT "/setuid");
}

/* ---- N16 ---- */

static void look_up_in_a_chroot(void)
{
        supersede_by_hand(); /* no mapping from before */
        CHILD_ASSERT(chroot(PATH_ROOT "/run") == 0);
        CHILD_ASSERT(ask_user("svc-1", &(struct passwd){ 0 }) == NSS_STATUS_UNAVAIL);
}

/* The chroot is somebody else's to fill: a snapshot of theirs in it is not root's. */
static void look_up_in_a_foreign_chroot(void)
{
        static const char theirs[] = PATH_EVIL "/root" PATH_SNAPSHOT;
        char path[sizeof(theirs)];

        for (char *slash = strchr(strcpy(path, theirs) + sizeof(PATH_EVIL), '/'); slash;
             slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void)mkdir(path, 0755);
                *slash = '/';
        }
        (void)unlink(theirs); /* of an earlier run */
        CHILD_ASSERT(link(PATH_EVIL "/identities", theirs) == 0);
        supersede_by_hand();
        CHILD_ASSERT(chown(theirs, 65534, 65534) == 0);
        CHILD_ASSERT(chroot(PATH_EVIL "/root") == 0);
        CHILD_ASSERT(ask_user("svc-1", &(struct passwd){ 0 }) == NSS_STATUS_UNAVAIL);
        CHILD_ASSERT(chown(PATH_SNAPSHOT, 0, 0) == 0);
        CHILD_ASSERT(ask_user("svc-1", &(struct passwd){ 0 }) == NSS_STATUS_SUCCESS);
}

static void N16_chroot_without_a_snapshot_of_roots_is_unavailable_and_loads_nothing(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip(); /* chroot(2) is root's */
        assert_child_passes(look_up_in_a_chroot);
        publish_sample(3, 3600, false, 2);
        evil_publish();
        assert_child_passes(look_up_in_a_foreign_chroot);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(N14_loading_and_unloading_leaves_nothing),
                TEST(N14_static_program_finds_ours_through_glibc),
                TEST(N14_setuid_program_with_a_hostile_environment_is_told_the_truth),
                TEST(N16_chroot_without_a_snapshot_of_roots_is_unavailable_and_loads_nothing),
        };

        (void)mkdir(PATH_ROOT, 0755);
        if (module_open() < 0) {
                (void)fprintf(stderr, "%s\n", dlerror());
                return 1;
        }
        return cmocka_run_group_tests_name("nss-load", tests, NULL, NULL);
}
