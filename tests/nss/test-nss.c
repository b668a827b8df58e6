/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nss_nhi as glibc meets it: the module itself, loaded. N01 N02 N03 N04 N06 N09 N10 N11 N15, and
 * what it exports and needs. */

#include "tests/nss/nss-fixture.h"

#include <elf.h>
#include <link.h>
#include <sys/resource.h>

/* Tell the process's mapping that it is old, then put these bytes into its place. */
static void publish_bytes(const void *data, size_t size, mode_t mode)
{
        publish_sample(1, 3600, false, 1);
        publish_sample(1, 3600, false, 2);
        assert_int_equal(file_replace(PATH_SNAPSHOT, data, size, mode, geteuid(), getegid(), false),
                         0);
}

/* ---- answers ---- */

static void granted_user_is_answered_with_a_star_for_password(void **state)
{
        struct passwd p;

        (void)state;
        assert_int_equal(ask_user("svc-1", &p), NSS_STATUS_SUCCESS);
        assert_string_equal(p.pw_name, "svc-1");
        assert_string_equal(p.pw_passwd, "*");
        assert_int_equal(p.pw_uid, 70001);
        assert_int_equal(p.pw_gid, 70001);
        assert_string_equal(p.pw_gecos, "a service");
        assert_string_equal(p.pw_dir, "/var/lib/svc");
        assert_string_equal(p.pw_shell, "/bin/sh");
}

typedef struct Answer {
        struct passwd p;
        struct group g;
} Answer;

typedef enum nss_status Ask(Answer *ret, char *buffer, size_t size, int *error);

static enum nss_status ask_pwnam(Answer *ret, char *buffer, size_t size, int *error)
{
        return nss.getpwnam_r("svc-1", &ret->p, buffer, size, error);
}

static enum nss_status ask_pwuid(Answer *ret, char *buffer, size_t size, int *error)
{
        return nss.getpwuid_r(70001, &ret->p, buffer, size, error);
}

static enum nss_status ask_pwent(Answer *ret, char *buffer, size_t size, int *error)
{
        (void)nss.setpwent(0);
        return nss.getpwent_r(&ret->p, buffer, size, error);
}

static enum nss_status ask_grnam(Answer *ret, char *buffer, size_t size, int *error)
{
        return nss.getgrnam_r("ops-0", &ret->g, buffer, size, error);
}

static enum nss_status ask_grgid(Answer *ret, char *buffer, size_t size, int *error)
{
        return nss.getgrgid_r(80000, &ret->g, buffer, size, error);
}

static enum nss_status ask_grent(Answer *ret, char *buffer, size_t size, int *error)
{
        (void)nss.setgrent(0);
        return nss.getgrent_r(&ret->g, buffer, size, error);
}

/* Every size from 0 on, in a block of exactly that size at every misalignment: ERANGE with nothing
 * touched, until it fits. Returns the least size that does. */
static size_t least_size(Ask *ask, size_t shift, Answer *ret, char *ret_block)
{
        Answer blank, answer;

        memset(&blank, 0x5a, sizeof(blank));
        for (size_t size = 0; size < 256; size++) {
                char *block = malloc(shift + size + 1), *buffer = block + shift;
                enum nss_status status;
                int error = 0;

                assert_non_null(block);
                buffer[size] = 0x5a;
                answer = blank;
                status = ask(&answer, buffer, size, &error);
                assert_int_equal(buffer[size], 0x5a);
                if (status != NSS_STATUS_SUCCESS) {
                        assert_int_equal(status, NSS_STATUS_TRYAGAIN);
                        assert_int_equal(error, ERANGE);
                        assert_memory_equal(&answer, &blank, sizeof(blank));
                        free(block);
                        continue;
                }
                free(block);
                /* And one byte more than enough is enough, too. */
                *ret = blank;
                assert_int_equal(ask(ret, ret_block + shift, size + 1, &error), NSS_STATUS_SUCCESS);
                return size;
        }
        fail_msg("256 bytes are not enough");
        return 0;
}

static void N01_each_short_buffer_gives_erange_and_touches_nothing(void **state)
{
        static Ask *const passwds[] = { ask_pwnam, ask_pwuid, ask_pwent }, *const groups[] = {
                ask_grnam, ask_grgid, ask_grent
        };
        _Alignas(16) char block[512];
        Answer a;

        (void)state;
        publish_sample(3, 3600, true, 2);
        for (size_t shift = 0; shift < 16; shift++)
                for (size_t i = 0; i < ELEMENTSOF(passwds); i++) {
                        /* To the byte: five texts. */
                        assert_int_equal(least_size(passwds[i], shift, &a, block),
                                         sizeof("svc-1*a service/var/lib/svc/bin/sh") + 4);
                        assert_string_equal(a.p.pw_shell, "/bin/sh");
                }
        for (size_t shift = 0; shift < 16; shift++)
                for (size_t i = 0; i < 2; i++) {
                        size_t size = least_size(groups[i], shift, &a, block);

                        /* Three pointers and four texts; in front the alignment. */
                        assert_true(size >= 24 + sizeof("ops-0*john.doesvc-0") + 3 &&
                                    size < 24 + sizeof("ops-0*john.doesvc-0") + 3 + 8);
                        assert_int_equal((uintptr_t)a.g.gr_mem % _Alignof(char *), 0);
                        assert_string_equal(a.g.gr_mem[0], "john.doe");
                        assert_string_equal(a.g.gr_mem[1], "svc-0");
                        assert_null(a.g.gr_mem[2]);
                }
        for (size_t shift = 0; shift < 16; shift++)
                assert_true(least_size(groups[2], shift, &a, block) > 8);
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
        assert_int_equal(nss.endgrent(), NSS_STATUS_SUCCESS);
}

static void N02_unknown_is_notfound_and_errno_stays(void **state)
{
        static const char *const names[] = { "nobody-here", "",    "UPPER",     "a/b",
                                             "-x",          "0x0", "4294967295" };
        char buffer[256];
        struct passwd p;
        struct group g;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                errno = 4711;
                assert_int_equal(nss.getpwnam_r(names[i], &p, buffer, sizeof(buffer), &errno),
                                 NSS_STATUS_NOTFOUND);
                assert_int_equal(nss.getgrnam_r(names[i], &g, buffer, sizeof(buffer), &errno),
                                 NSS_STATUS_NOTFOUND);
                assert_int_equal(errno, 4711);
        }
        assert_int_equal(nss.getpwnam_r(NULL, &p, buffer, sizeof(buffer), &errno),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getpwuid_r(12345, &p, buffer, sizeof(buffer), &errno),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getpwuid_r(70001, &p, buffer, sizeof(buffer), &errno),
                         NSS_STATUS_SUCCESS);
        assert_int_equal(errno, 4711);
}

static void N03_root_is_notfound_with_and_without_a_snapshot(void **state)
{
        char buffer[256];
        struct passwd p;
        struct group g;
        int error = 0;

        (void)state;
        for (int round = 0; round < 2; round++) {
                assert_int_equal(nss.getpwuid_r(0, &p, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_NOTFOUND);
                assert_int_equal(nss.getgrgid_r(0, &g, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_NOTFOUND);
                if (round == 0)
                        assert_int_equal(ask_user("root", &p), NSS_STATUS_NOTFOUND);
                (void)teardown(NULL);
        }
}

static void N04_deadline_ends_the_name_and_keeps_the_uid_with_nobody_alive(void **state)
{
        char buffer[1024];
        struct passwd p;
        struct group g;
        int error = 0;

        (void)state;
        publish_sample(3, -1, true, 2);
        assert_int_equal(ask_user("svc-1", &p), NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getpwuid_r(70001, &p, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_string_equal(p.pw_name, "svc-1");
        assert_string_equal(p.pw_shell, SNAPSHOT_NOLOGIN);
        assert_int_equal(nss.getgrnam_r("ops-0", &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getgrgid_r(80000, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_null(g.gr_mem[0]);
        assert_int_equal(nss.getpwent_r(&p, buffer, sizeof(buffer), &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
}

static void withdrawal_shows_in_the_next_call(void **state)
{
        struct passwd p;

        (void)state;
        assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_SUCCESS);
        publish_sample(2, 3600, false, 2);
        assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_NOTFOUND);
        publish_sample(3, 3600, false, 3);
        assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_SUCCESS);
}

static void superseded_file_still_serves_while_no_newer_one_is_there(void **state)
{
        struct passwd p;

        (void)state;
        assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_SUCCESS);
        supersede_by_hand();
        for (int i = 0; i < 3; i++)
                assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_SUCCESS);
        publish_sample(2, 3600, false, 2);
        assert_int_equal(ask_user("svc-2", &p), NSS_STATUS_NOTFOUND);
}

/* ---- what is no snapshot ---- */

static void assert_unavailable(void)
{
        char buffer[1024];
        struct passwd p;
        struct group g;
        int error = 0;

        assert_int_equal(nss.getpwnam_r("svc-1", &p, buffer, sizeof(buffer), &error),
                         NSS_STATUS_UNAVAIL);
        assert_int_equal(error, ENOENT);
        assert_int_equal(nss.getgrgid_r(80000, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_UNAVAIL);
        assert_int_equal(nss.getpwent_r(&p, buffer, sizeof(buffer), &error), NSS_STATUS_UNAVAIL);
}

static void N06_missing_short_and_damaged_files_are_unavailable(void **state)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0;

        (void)state;
        assert_int_equal(file_read_trusted(PATH_SNAPSHOT, geteuid(), 1 << 20, &data, &size), 0);
        teardown(NULL);
        assert_unavailable();
        publish_bytes("", 0, 0644);
        assert_unavailable();
        publish_bytes("N", 1, 0644);
        assert_unavailable();
        data[0] ^= 1; /* magic */
        publish_bytes(data, size, 0644);
        assert_unavailable();
        data[0] ^= 1;
        data[offsetof(SnapshotHeader, generation_le)] ^= 1; /* checksum */
        publish_bytes(data, size, 0644);
        assert_unavailable();
        data[offsetof(SnapshotHeader, generation_le)] ^= 1;
        publish_bytes(data, size, 0664); /* others may write */
        assert_unavailable();
        publish_bytes(data, size, 0644);
        assert_int_equal(ask_user("svc-1", &(struct passwd){ 0 }), NSS_STATUS_SUCCESS);
}

static void N06_every_lookup_without_a_snapshot_is_unavailable(void **state)
{
        static Ask *const asks[] = { ask_pwnam, ask_pwuid, ask_pwent,
                                     ask_grnam, ask_grgid, ask_grent };
        long n = 0, size = 0;
        gid_t *gids = NULL;
        char buffer[256];
        int error;
        Answer a;

        (void)state;
        (void)teardown(NULL);
        for (size_t i = 0; i < ELEMENTSOF(asks); i++) {
                error = 0;
                errno = 4711;
                assert_int_equal(asks[i](&a, buffer, sizeof(buffer), &error), NSS_STATUS_UNAVAIL);
                assert_int_equal(error, ENOENT);
                assert_int_equal(errno, 4711);
        }
        assert_int_equal(nss.initgroups_dyn("john.doe", 100, &n, &size, &gids, 0, &error),
                         NSS_STATUS_UNAVAIL);
        assert_null(gids);
}

static void N09_next_major_is_unavailable_and_next_minor_served(void **state)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        SnapshotHeader *h;

        (void)state;
        assert_int_equal(file_read_trusted(PATH_SNAPSHOT, geteuid(), 1 << 20, &data, &size), 0);
        h = (SnapshotHeader *)data;
        h->minor_le[0]++;
        put_le64(h->checksum_le, snapshot_header_checksum((uint8_t *)data));
        publish_bytes(data, size, 0644);
        assert_int_equal(ask_user("svc-1", &(struct passwd){ 0 }), NSS_STATUS_SUCCESS);
        supersede_by_hand();
        h->major_le[0]++;
        put_le64(h->checksum_le, snapshot_header_checksum((uint8_t *)data));
        assert_int_equal(file_replace(PATH_SNAPSHOT, data, size, 0644, geteuid(), getegid(), false),
                         0);
        assert_unavailable();
}

/* ---- enumeration ---- */

static size_t list_users(bool publish_between)
{
        bool seen[100] = { false };
        char buffer[256];
        struct passwd p;
        int error = 0;
        size_t n = 0;

        assert_int_equal(nss.setpwent(0), NSS_STATUS_SUCCESS);
        while (nss.getpwent_r(&p, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS) {
                assert_false(seen[p.pw_uid - 70000]);
                seen[p.pw_uid - 70000] = true;
                n++;
                if (publish_between)
                        publish_sample(100 - (unsigned)n % 7, 3600, true, n + 10);
        }
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
        return n;
}

static void enumeration_is_empty_unless_the_snapshot_says_otherwise(void **state)
{
        (void)state;
        assert_int_equal(list_users(false), 0);
        publish_sample(3, 3600, true, 2);
        assert_int_equal(list_users(false), 3);
        assert_int_equal(list_users(false), 3);
}

static void N10_enumeration_lists_each_once_while_generations_are_published(void **state)
{
        (void)state;
        publish_sample(100, 3600, true, 2);
        assert_int_equal(list_users(true), 100);
}

static void N11_lookups_inside_an_enumeration_change_nothing_about_it(void **state)
{
        char buffer[256];
        struct passwd p;
        struct group g;
        int error = 0;
        size_t n = 0;

        (void)state;
        publish_sample(50, 3600, true, 2);
        assert_int_equal(nss.setpwent(0), NSS_STATUS_SUCCESS);
        while (nss.getpwent_r(&p, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS) {
                n++;
                assert_int_equal(ask_user("svc-0", &p), NSS_STATUS_SUCCESS);
                assert_int_equal(nss.getgrgid_r(80000, &g, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_SUCCESS);
        }
        assert_int_equal(n, 50);
        assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
}

static void short_buffer_in_an_enumeration_skips_nobody(void **state)
{
        char buffer[256];
        struct group g;
        int error = 0;
        size_t n = 0;

        (void)state;
        publish_sample(3, 3600, true, 2);
        assert_int_equal(nss.setgrent(0), NSS_STATUS_SUCCESS);
        for (;;) {
                enum nss_status status = nss.getgrent_r(&g, buffer, 3, &error);

                if (status == NSS_STATUS_NOTFOUND)
                        break;
                assert_int_equal(status, NSS_STATUS_TRYAGAIN);
                assert_int_equal(error, ERANGE);
                assert_int_equal(nss.getgrent_r(&g, buffer, sizeof(buffer), &error),
                                 NSS_STATUS_SUCCESS);
                n++;
        }
        assert_int_equal(n, 68);
        assert_int_equal(nss.endgrent(), NSS_STATUS_SUCCESS);
}

/* ---- initgroups ---- */

static long init_groups(const char *user, gid_t skip, long size, long limit, gid_t **ret)
{
        long n = 1;
        int error = 0;
        enum nss_status status;

        *ret = calloc((size_t)size, sizeof(**ret));
        (*ret)[0] = 100;
        errno = 4711;
        status = nss.initgroups_dyn(user, skip, &n, &size, ret, limit, &error);
        assert_true(status == NSS_STATUS_SUCCESS || status == NSS_STATUS_NOTFOUND);
        assert_int_equal(errno, 4711);
        assert_true(n <= size);
        for (long i = 0; i < n; i++)
                assert_int_not_equal((*ret)[i], 0);
        return n;
}

/* The caller's array is filled to its end and grows no further than the limit. */
static long n_expected(long size, long limit)
{
        long most = limit <= 0 ? 65 : limit > size ? limit : size;

        return most < 65 ? most : 65;
}

static void N01_N15_every_size_of_the_callers_array_and_every_limit_is_obeyed(void **state)
{
        (void)state;
        for (long size = 1; size <= 70; size++)
                for (long limit = -1; limit <= 70; limit++) {
                        _cleanup_free_ gid_t *gids = NULL;

                        assert_int_equal(init_groups("john.doe", 100, size, limit, &gids),
                                         n_expected(size, limit));
                }
}

static void N15_initgroups_gives_0_1_and_65_groups_and_obeys_the_limit(void **state)
{
        static const struct {
                const char *user;
                gid_t skip;
                long size, limit, expected;
        } rows[] = {
                { "nobody-here", 100, 1, 0, 1 },
                { "root", 100, 1, 0, 1 },
                { "svc-0", 100, 1, 0, 2 },
                { "svc-0", 80000, 1, 0, 1 },
                { "john.doe", 100, 1, 0, 65 },
                { "john.doe", 100, 1, -1, 65 },
                { "john.doe", 100, 64, 0, 65 },
                { "john.doe", 100, 65, 0, 65 },
                { "john.doe", 100, 1, 64, 64 },
                { "john.doe", 100, 1, 65, 65 },
                { "john.doe", 100, 1, 1, 1 },
                { "john.doe", 80000, 1, 0, 64 },
                { "", 100, 1, 0, 1 },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ gid_t *gids = NULL;

                assert_int_equal(
                        init_groups(rows[i].user, rows[i].skip, rows[i].size, rows[i].limit, &gids),
                        rows[i].expected);
        }
}

/* ---- threads, forks, loading ---- */

static void lookups_leave_no_descriptor_and_one_mapping(void **state)
{
        size_t before = count_fds();

        (void)state;
        for (unsigned i = 0; i < 100; i++) {
                publish_sample(3, 3600, false, i + 2);
                assert_int_equal(ask_user("svc-1", &(struct passwd){ 0 }), NSS_STATUS_SUCCESS);
        }
        assert_int_equal(count_fds(), before);
        assert_int_equal(count_mappings(), 1);
}

/* ---- limits: N and N + 1 ---- */

static void publish_names(const char *user, const char *group, const char *member)
{
        const SnapshotBuildUser u = {
                user, "", "/", "/bin/sh", 70001, 70001, deadline_in(3600), SNAPSHOT_FOREVER
        };
        const SnapshotBuildGroup g = { group, 998, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true };
        const SnapshotBuildMembership m = { member, 0, deadline_in(3600), SNAPSHOT_FOREVER };
        const SnapshotBuild b = { .users = &u,
                                  .n_users = 1,
                                  .groups = &g,
                                  .n_groups = 1,
                                  .memberships = &m,
                                  .n_memberships = 1 };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;

        assert_int_equal(snapshot_build(&b, &data, &size), 0);
        assert_int_equal(snapshot_publish(PATH_SNAPSHOT, data, size), 0);
}

/* 32 bytes for an account of ours, 256 for a name of the host's. */
static void longest_names_are_answered_and_longer_ones_unknown(void **state)
{
        char user[34], group[258], member[258], buffer[1024];
        _cleanup_free_ gid_t *gids = NULL;
        struct passwd p;
        struct group g;
        int error = 0;

        (void)state;
        memset(user, 'u', sizeof(user));
        memset(group, 'g', sizeof(group));
        memset(member, 'm', sizeof(member));
        user[32] = group[256] = member[256] = '\0';
        publish_names(user, group, member);
        assert_int_equal(ask_user(user, &p), NSS_STATUS_SUCCESS);
        assert_int_equal(strlen(p.pw_name), 32);
        assert_int_equal(nss.getgrnam_r(group, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_string_equal(g.gr_mem[0], member);
        assert_int_equal(init_groups(member, 100, 1, 0, &gids), 2);
        assert_int_equal(gids[1], 998);

        user[32] = 'u';
        group[256] = 'g';
        member[256] = 'm';
        user[33] = group[257] = member[257] = '\0';
        assert_int_equal(ask_user(user, &p), NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getgrnam_r(group, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_NOTFOUND);
        free(gids);
        assert_int_equal(init_groups(member, 100, 1, 0, &gids), 1);
}

static void initgroups_grows_from_nothing_and_adds_no_gid_twice(void **state)
{
        _cleanup_free_ gid_t *gids = NULL;
        long n = 0, size = 0;
        int error = 0;

        (void)state;
        for (int i = 0; i < 2; i++) {
                assert_int_equal(nss.initgroups_dyn("john.doe", 100, &n, &size, &gids, 0, &error),
                                 NSS_STATUS_SUCCESS);
                assert_int_equal(n, 64);
                assert_true(size >= 64);
        }
        assert_int_equal(nss.initgroups_dyn(NULL, 100, &n, &size, &gids, 0, &error),
                         NSS_STATUS_NOTFOUND);
}

static void initgroups_without_memory_keeps_what_the_caller_had(void **state)
{
        const long full = 1l << 22;
        gid_t *gids = calloc((size_t)full, sizeof(*gids));
        struct rlimit limit, tight;
        long n = full, size = full;
        enum nss_status status;
        int error = 0;

        (void)state;
        if (SANITIZED) {
                free(gids);
                skip(); /* its memory is beyond every limit */
        }
        assert_non_null(gids);
        assert_int_equal(ask_user("svc-1", &(struct passwd){ 0 }), NSS_STATUS_SUCCESS);
        assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
        tight = limit;
        tight.rlim_cur = 1 << 20;
        assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
        status = nss.initgroups_dyn("john.doe", 100, &n, &size, &gids, 0, &error);
        assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
        assert_int_equal(status, NSS_STATUS_TRYAGAIN);
        assert_int_equal(error, ENOMEM);
        assert_true(n == full && size == full);
        free(gids);
}

/* ---- through glibc itself ---- */

static void glibc_finds_ours_after_the_files_and_merges_groups(void **state)
{
        gid_t gids[80];
        int n = ELEMENTSOF(gids), own = 0;
        struct group *g;

        (void)state;
        /* The loader knows the module by its soname: it is loaded already. */
        assert_int_equal(__nss_configure_lookup("passwd", "files nhi"), 0);
        assert_int_equal(__nss_configure_lookup("group", "files [SUCCESS=merge] nhi"), 0);
        assert_int_equal(__nss_configure_lookup("initgroups", "files nhi"), 0);

        assert_non_null(getpwnam("svc-1"));
        assert_int_equal(getpwuid(70002)->pw_uid, 70002);
        assert_string_equal(getpwuid(0)->pw_name, "root");
        errno = 0;
        assert_null(getpwnam("nobody-here"));
        assert_int_equal(errno, 0);
        g = getgrnam("ops-0");
        assert_non_null(g);
        assert_string_equal(g->gr_mem[0], "john.doe");
        g = getgrnam("daemon");
        assert_non_null(g);
        assert_int_equal(g->gr_gid, 1);
        assert_string_equal(g->gr_mem[0], "svc-2");
        assert_null(g->gr_mem[1]);
        assert_true(getgrouplist("john.doe", 100, gids, &n) > 0);
        for (int i = 0; i < n; i++)
                own += gids[i] >= 80000 && gids[i] < 80065;
        assert_int_equal(own, 64);
}

/* ---- what the file is ---- */

static int count_symbols(struct dl_phdr_info *info, size_t size, void *n)
{
        (void)size;
        (void)n;
        return strstr(info->dlpi_name, "libnss_nhi") != NULL;
}

static void module_exports_exactly_its_entry_points_and_needs_libc_only(void **state)
{
        char line[512];
        size_t n_exported = 0, n_needed = 0;
        FILE *p;

        (void)state;
        assert_int_equal(dl_iterate_phdr(count_symbols, NULL), 1);
        p = popen("nm -D --defined-only " MODULE " && readelf -d " MODULE, "re");
        assert_non_null(p);
        while (fgets(line, sizeof(line), p)) {
                bool known = false;

#define SYMBOL_IS(name, parameters) known = known || strstr(line, " T _nss_nhi_" #name "\n");
                if (strstr(line, " T ")) {
                        SYMBOLS(SYMBOL_IS)
                        assert_true(known);
                        n_exported++;
                }
#undef SYMBOL_IS
                if (strstr(line, "(NEEDED)") && !strstr(line, "san.so")) {
                        assert_non_null(strstr(line, "[libc.so.6]"));
                        n_needed++;
                }
        }
        assert_int_equal(pclose(p), 0);
#define SYMBOL_COUNT(name, parameters) +1
        assert_int_equal(n_exported, 0 SYMBOLS(SYMBOL_COUNT));
#undef SYMBOL_COUNT
        assert_int_equal(n_needed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(granted_user_is_answered_with_a_star_for_password),
                TEST(N01_each_short_buffer_gives_erange_and_touches_nothing),
                TEST(N02_unknown_is_notfound_and_errno_stays),
                TEST(N03_root_is_notfound_with_and_without_a_snapshot),
                TEST(N04_deadline_ends_the_name_and_keeps_the_uid_with_nobody_alive),
                TEST(withdrawal_shows_in_the_next_call),
                TEST(superseded_file_still_serves_while_no_newer_one_is_there),
                TEST(N06_missing_short_and_damaged_files_are_unavailable),
                TEST(N06_every_lookup_without_a_snapshot_is_unavailable),
                TEST(N09_next_major_is_unavailable_and_next_minor_served),
                TEST(enumeration_is_empty_unless_the_snapshot_says_otherwise),
                TEST(N10_enumeration_lists_each_once_while_generations_are_published),
                TEST(N11_lookups_inside_an_enumeration_change_nothing_about_it),
                TEST(short_buffer_in_an_enumeration_skips_nobody),
                TEST(N15_initgroups_gives_0_1_and_65_groups_and_obeys_the_limit),
                TEST(N01_N15_every_size_of_the_callers_array_and_every_limit_is_obeyed),
                TEST(lookups_leave_no_descriptor_and_one_mapping),
                TEST(longest_names_are_answered_and_longer_ones_unknown),
                TEST(initgroups_grows_from_nothing_and_adds_no_gid_twice),
                TEST(initgroups_without_memory_keeps_what_the_caller_had),
                TEST(glibc_finds_ours_after_the_files_and_merges_groups),
                TEST(module_exports_exactly_its_entry_points_and_needs_libc_only),
        };

        (void)mkdir(PATH_ROOT, 0755);
        if (module_open() < 0) {
                (void)fprintf(stderr, "%s\n", dlerror());
                return 1;
        }
        return cmocka_run_group_tests_name("nss", tests, NULL, NULL);
}
