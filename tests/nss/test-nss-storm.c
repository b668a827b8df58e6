/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nss_nhi where everything happens at once or is short: N07 N12, hosts that close or reuse every
 * descriptor, limits, and lookups that make no system call. The same under ThreadSanitizer. */

#include "tests/nss/nss-fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- every kind of lookup ---- */

static bool users_are_right(void)
{
        char buffer[1024];
        struct passwd p;
        int error = 0;

        return nss.getpwnam_r("svc-1", &p, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS &&
               p.pw_uid == 70001 && streq(p.pw_shell, "/bin/sh") &&
               nss.getpwuid_r(70002, &p, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS &&
               streq(p.pw_name, "svc-2") &&
               nss.getpwnam_r("nobody-here", &p, buffer, sizeof(buffer), &error) ==
                       NSS_STATUS_NOTFOUND;
}

static bool groups_are_right(void)
{
        long n = 0, size = 8;
        gid_t *gids = malloc((size_t)size * sizeof(*gids));
        char buffer[1024];
        struct group g;
        int error = 0;
        bool right;

        right = gids &&
                nss.getgrgid_r(80000, &g, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS &&
                streq(g.gr_name, "ops-0") && g.gr_mem[0] && g.gr_mem[1] && !g.gr_mem[2] &&
                nss.getgrnam_r("ops-64", &g, buffer, sizeof(buffer), &error) ==
                        NSS_STATUS_SUCCESS &&
                nss.initgroups_dyn("john.doe", 100, &n, &size, &gids, 0, &error) ==
                        NSS_STATUS_SUCCESS &&
                n == 64;
        free(gids);
        return right;
}

/* Another thread's enumeration may be in the way: TRYAGAIN, never a wait. */
static bool enumeration_is_right(void)
{
        char buffer[1024];
        struct passwd p;
        int error = 0;
        enum nss_status status = nss.getpwent_r(&p, buffer, sizeof(buffer), &error);

        return status == NSS_STATUS_SUCCESS
                       ? p.pw_uid >= 70000 && p.pw_uid < 70100
                       : status == NSS_STATUS_NOTFOUND ||
                                 (status == NSS_STATUS_TRYAGAIN && error == EAGAIN);
}

static bool everything_is_right(void)
{
        return users_are_right() && groups_are_right() && enumeration_is_right();
}

/* ---- N12 ---- */

typedef struct Crowd {
        pthread_t threads[64];
        size_t n;
        bool stop;
        int n_wrong;
} Crowd;

static void *crowd_member(void *userdata)
{
        Crowd *c = userdata;

        while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
                if (!everything_is_right())
                        __atomic_add_fetch(&c->n_wrong, 1, __ATOMIC_RELAXED);
                (void)sched_yield();
        }
        return NULL;
}

static void crowd_begin(Crowd *c, size_t n)
{
        *c = (Crowd){ .n = n };
        for (size_t i = 0; i < n; i++)
                assert_int_equal(pthread_create(&c->threads[i], NULL, crowd_member, c), 0);
}

static void crowd_end(Crowd *c)
{
        __atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
        for (size_t i = 0; i < c->n; i++)
                assert_int_equal(pthread_join(c->threads[i], NULL), 0);
        assert_int_equal(c->n_wrong, 0);
}

static void N12_64_threads_find_everything_while_generations_are_published(void **state)
{
        static Crowd crowd;
        size_t before = count_fds(), n = rounds(1000, 10000);

        (void)state;
        crowd_begin(&crowd, ELEMENTSOF(crowd.threads));
        for (size_t i = 0; i < n; i++)
                publish_sample(3 + i % 5, 3600, i % 2 == 0, i + 2);
        crowd_end(&crowd);
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
        assert_int_equal(count_fds(), before);
        assert_true(count_mappings() <= 1);
}

static void look_around(void)
{
        for (int i = 0; i < 100; i++)
                CHILD_ASSERT(users_are_right() && enumeration_is_right());
}

static void N12_child_forked_in_the_middle_of_lookups_never_hangs(void **state)
{
        static Crowd crowd;

        (void)state;
        crowd_begin(&crowd, 4);
        for (size_t i = 0; i < rounds(50, 1000); i++) {
                publish_sample(3, 3600, true, i + 2);
                assert_child_passes(look_around);
        }
        crowd_end(&crowd);
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
}

/* ---- N07 ---- */

#define PATH_FILLER PATH_RUN_DIR "/filler"

static struct {
        uint8_t *data[2];
        size_t sizes[2];
        bool stop, failed;
        int n_published, n_full;
} publisher;

/* As large as will go. */
static bool tmpfs_fill(void)
{
        static const char zeros[4096];
        int fd = open(PATH_FILLER, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return false;
        while (write(fd, zeros, sizeof(zeros)) > 0)
                ;
        (void)close(fd);
        return errno == ENOSPC;
}

static void *publish_while_full_and_not(void *userdata)
{
        for (size_t i = 0; !__atomic_load_n(&publisher.stop, __ATOMIC_RELAXED); i++) {
                bool full = i % 3 == 2 && tmpfs_fill();
                int r = snapshot_publish(PATH_SNAPSHOT, publisher.data[i % 2],
                                         publisher.sizes[i % 2]);

                /* Full, it still fits where a reader let go of an older file meanwhile. */
                if (r != 0 && !(full && r == -ENOSPC))
                        publisher.failed = true;
                __atomic_add_fetch(&publisher.n_published, r == 0, __ATOMIC_RELAXED);
                __atomic_add_fetch(&publisher.n_full, r == -ENOSPC, __ATOMIC_RELAXED);
                if (full)
                        (void)unlink(PATH_FILLER);
        }
        return NULL;
}

static bool file_is_whole(void)
{
        struct stat st;

        return stat(PATH_SNAPSHOT, &st) == 0 && ((size_t)st.st_size == publisher.sizes[0] ||
                                                 (size_t)st.st_size == publisher.sizes[1]);
}

/* A busy machine may not let the other thread run for a while. */
static bool publisher_has_met_both(void)
{
        return __atomic_load_n(&publisher.n_published, __ATOMIC_RELAXED) > 0 &&
               __atomic_load_n(&publisher.n_full, __ATOMIC_RELAXED) > 0;
}

static void look_up_on_a_full_tmpfs(void)
{
        const size_t n = rounds(100000, 1000000);
        pthread_t thread;

        CHILD_ASSERT(unshare(CLONE_NEWNS) == 0);
        CHILD_ASSERT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        supersede_by_hand(); /* the file outside */
        CHILD_ASSERT(mount("tmpfs", PATH_RUN_DIR, "tmpfs", 0, "mode=755,size=128k") == 0);
        publisher.data[0] = build_sample(3, 3600, true, 2, &publisher.sizes[0]);
        publisher.data[1] = build_sample(100, 3600, true, 3, &publisher.sizes[1]);
        CHILD_ASSERT(snapshot_publish(PATH_SNAPSHOT, publisher.data[0], publisher.sizes[0]) == 0);

        CHILD_ASSERT(pthread_create(&thread, NULL, publish_while_full_and_not, NULL) == 0);
        for (size_t i = 0; i < n || !publisher_has_met_both(); i += 5) {
                CHILD_ASSERT(users_are_right());
                CHILD_ASSERT(i % 10 != 0 || groups_are_right());
                CHILD_ASSERT(i % 10 != 0 || file_is_whole());
        }
        __atomic_store_n(&publisher.stop, true, __ATOMIC_RELAXED);
        CHILD_ASSERT(pthread_join(thread, NULL) == 0);
        CHILD_ASSERT(!publisher.failed);
        free(publisher.data[0]);
        free(publisher.data[1]);
}

static void N07_lookups_hold_while_generations_are_published_and_the_tmpfs_is_full(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip(); /* a mount of its own is root's */
        assert_child_passes(look_up_on_a_full_tmpfs);
}

/* ---- descriptors ---- */

static void look_up_without_descriptors(void)
{
        for (int fd = 0; fd < 256; fd++)
                (void)close(fd);
        supersede_by_hand();
        for (int i = 0; i < 3; i++) {
                CHILD_ASSERT(users_are_right() && groups_are_right());
                for (int fd = 0; fd < 256; fd++)
                        CHILD_ASSERT(fcntl(fd, F_GETFD) < 0);
        }
}

/* Every number that the module might believe to be its own is somebody else's pipe. */
static void look_up_among_foreign_descriptors(void)
{
        struct stat before, after;
        struct pollfd silent;
        int ends[2];

        CHILD_ASSERT(users_are_right() && enumeration_is_right());
        CHILD_ASSERT(pipe(ends) == 0 && fstat(ends[0], &before) == 0);
        for (int fd = 3; fd < 200; fd++)
                if (fd != ends[0] && fd != ends[1])
                        CHILD_ASSERT(dup2(ends[1], fd) == fd);
        for (unsigned i = 0; i < 20; i++) {
                supersede_by_hand();
                CHILD_ASSERT(users_are_right() && groups_are_right() && enumeration_is_right());
                CHILD_ASSERT(nss.setpwent(0) == NSS_STATUS_SUCCESS);
        }
        for (int fd = 3; fd < 200; fd++)
                CHILD_ASSERT(fstat(fd, &after) == 0 && after.st_ino == before.st_ino);
        silent = (struct pollfd){ .fd = ends[0], .events = POLLIN };
        CHILD_ASSERT(poll(&silent, 1, 0) == 0);
}

static void N5_hosts_may_close_and_reuse_every_descriptor(void **state)
{
        (void)state;
        assert_child_passes(look_up_without_descriptors);
        publish_sample(3, 3600, true, 2);
        assert_child_passes(look_up_among_foreign_descriptors);
}

/* ---- limits ---- */

static void limit_set(int resource, rlim_t value)
{
        struct rlimit limit;

        CHILD_ASSERT(getrlimit(resource, &limit) == 0);
        limit.rlim_cur = value;
        CHILD_ASSERT(setrlimit(resource, &limit) == 0);
}

static enum nss_status ask_with_error(int *error)
{
        char buffer[1024];
        struct passwd p;

        *error = 0;
        return nss.getpwnam_r("svc-1", &p, buffer, sizeof(buffer), error);
}

static void look_up_with_three_descriptors(void)
{
        int error;

        CHILD_ASSERT(users_are_right());
        limit_set(RLIMIT_NOFILE, 3);
        CHILD_ASSERT(users_are_right()); /* what is mapped needs no descriptor */
        limit_set(RLIMIT_NOFILE, 64);
        supersede_by_hand();
        limit_set(RLIMIT_NOFILE, 3);
        CHILD_ASSERT(ask_with_error(&error) == NSS_STATUS_UNAVAIL && error == EMFILE);
        /* The one number that is free is stdin's: it is not taken. */
        CHILD_ASSERT(close(0) == 0);
        CHILD_ASSERT(ask_with_error(&error) == NSS_STATUS_UNAVAIL);
        CHILD_ASSERT(fcntl(0, F_GETFD) < 0);
        limit_set(RLIMIT_NOFILE, 64);
        CHILD_ASSERT(users_are_right());
}

static void look_up_without_address_space(void)
{
        unsigned long pages = 0;
        int error;
        FILE *f;

        CHILD_ASSERT(users_are_right());
        publish_sample(100, 3600, false, 9); /* larger than the one it replaces */
        f = fopen("/proc/self/statm", "re");
        CHILD_ASSERT(f && fscanf(f, "%lu", &pages) == 1 && fclose(f) == 0);
        limit_set(RLIMIT_AS, 4096 * pages);
        CHILD_ASSERT(ask_with_error(&error) == NSS_STATUS_TRYAGAIN && error == ENOMEM);
        CHILD_ASSERT(nss.setpwent(0) == NSS_STATUS_SUCCESS && !users_are_right());
        limit_set(RLIMIT_AS, RLIM_INFINITY);
        CHILD_ASSERT(users_are_right());
}

static void N5_limits_make_it_unavailable_and_no_more(void **state)
{
        (void)state;
        assert_child_passes(look_up_with_three_descriptors);
        publish_sample(3, 3600, true, 2);
        if (!SANITIZED) /* whose own memory is beyond every limit */
                assert_child_passes(look_up_without_address_space);
}

/* ---- no system call ---- */

static void calls_forbid(void)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(filter), .filter = filter };

        CHILD_ASSERT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHILD_ASSERT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void look_up_without_system_calls(void)
{
        char buffer[4096];
        struct passwd p;
        struct group g;
        int error = 0;

        /* The mapping, malloc's first memory, lazily bound symbols. */
        CHILD_ASSERT(users_are_right() && groups_are_right());
        calls_forbid();
        for (int i = 0; i < 1000; i++) {
                CHILD_ASSERT(users_are_right() && groups_are_right());
                CHILD_ASSERT(nss.getpwuid_r(12345, &p, buffer, sizeof(buffer), &error) ==
                             NSS_STATUS_NOTFOUND);
                CHILD_ASSERT(nss.getgrnam_r("nobody-here", &g, buffer, sizeof(buffer), &error) ==
                             NSS_STATUS_NOTFOUND);
                CHILD_ASSERT(nss.getpwnam_r("svc-1", &p, buffer, 5, &error) == NSS_STATUS_TRYAGAIN);
        }
}

/* Where the kernel's clocks are read without a call (vDSO), as on every ordinary machine. */
static bool clocks_are_free(void)
{
        FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
        char name[32] = "";
        bool is_free = f && fgets(name, sizeof(name), f) &&
                       (streq(name, "tsc\n") || streq(name, "kvm-clock\n") ||
                        streq(name, "arch_sys_counter\n"));

        if (f)
                (void)fclose(f);
        return is_free;
}

static void lookups_make_no_system_call_once_the_snapshot_is_mapped(void **state)
{
        (void)state;
#ifdef COVERAGE
        skip(); /* the child's _exit() writes its counters first */
#endif
        if (SANITIZED || !clocks_are_free())
                skip();
        assert_child_passes(look_up_without_system_calls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(N07_lookups_hold_while_generations_are_published_and_the_tmpfs_is_full),
                TEST(N12_64_threads_find_everything_while_generations_are_published),
                TEST(N12_child_forked_in_the_middle_of_lookups_never_hangs),
                TEST(N5_hosts_may_close_and_reuse_every_descriptor),
                TEST(N5_limits_make_it_unavailable_and_no_more),
                TEST(lookups_make_no_system_call_once_the_snapshot_is_mapped),
        };

        (void)mkdir(PATH_ROOT, 0755);
        if (module_open() < 0) {
                (void)fprintf(stderr, "%s\n", dlerror());
                return 1;
        }
        return cmocka_run_group_tests_name("nss-storm", tests, NULL, NULL);
}
