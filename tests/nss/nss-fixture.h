/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nss_nhi as glibc meets it, loaded and called by its symbols, and snapshots for it to look into.
 */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "lib/snapshot/bytes.h"
#include "tests/process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <nss.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define MODULE PATH_ROOT "/../tmod/libnss_nhi.so.2"

int __nss_configure_lookup(const char *db, const char *service_line);

/* X(name, parameters): every symbol of nss_nhi.map */
#define SYMBOLS(X)                                                                                 \
        X(getpwnam_r, (const char *, struct passwd *, char *, size_t, int *))                      \
        X(getpwuid_r, (uid_t, struct passwd *, char *, size_t, int *))                             \
        X(setpwent, (int))                                                                         \
        X(getpwent_r, (struct passwd *, char *, size_t, int *))                                    \
        X(endpwent, (void))                                                                        \
        X(getgrnam_r, (const char *, struct group *, char *, size_t, int *))                       \
        X(getgrgid_r, (gid_t, struct group *, char *, size_t, int *))                              \
        X(setgrent, (int))                                                                         \
        X(getgrent_r, (struct group *, char *, size_t, int *))                                     \
        X(endgrent, (void))                                                                        \
        X(initgroups_dyn, (const char *, gid_t, long *, long *, gid_t **, long, int *))

static struct {
        void *handle;
#define SYMBOL_MEMBER(name, parameters) enum nss_status(*name) parameters;
        SYMBOLS(SYMBOL_MEMBER)
#undef SYMBOL_MEMBER
} nss;

static inline int module_open(void)
{
        nss.handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        if (!nss.handle)
                return -ENOENT;
#define SYMBOL_LOAD(name, parameters)                                                              \
        *(void **)&nss.name = dlsym(nss.handle, "_nss_nhi_" #name);                                \
        if (!nss.name)                                                                             \
                return -ENOENT;
        SYMBOLS(SYMBOL_LOAD)
#undef SYMBOL_LOAD
        return 0;
}

/* ---- snapshots to look into ---- */

static inline int64_t deadline_in(int sec)
{
        return ((int64_t)time(NULL) + sec) * 1000000;
}

/* n users svc-0... of uid 70000..., each with a group of its own, and the groups ops-0...
 * of gid 80000...: 64 with john.doe, one with svc-0 too. All end in sec seconds. */
static inline uint8_t *build_sample(unsigned n, int sec, bool enumerate, uint64_t generation,
                                    size_t *ret_size)
{
        static char names[100][16], group_names[65][16];
        SnapshotBuildUser users[100];
        SnapshotBuildGroup groups[166];
        SnapshotBuildMembership ties[66];
        SnapshotBuild b = { .generation = generation,
                            .enumerate = enumerate,
                            .users = users,
                            .n_users = n,
                            .groups = groups,
                            .n_groups = n + 66,
                            .memberships = ties,
                            .n_memberships = 66 };
        uint8_t *data = NULL;

        for (unsigned i = 0; i < n; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "svc-%u", i);
                users[i] = (SnapshotBuildUser){ names[i],         "a service",     "/var/lib/svc",
                                                "/bin/sh",        70000 + i,       70000 + i,
                                                deadline_in(sec), SNAPSHOT_FOREVER };
                groups[i] = (SnapshotBuildGroup){ names[i], 70000 + i, deadline_in(sec),
                                                  SNAPSHOT_FOREVER, false };
        }
        for (unsigned i = 0; i < 65; i++) {
                (void)snprintf(group_names[i], sizeof(group_names[i]), "ops-%u", i);
                groups[n + i] = (SnapshotBuildGroup){ group_names[i], 80000 + i, deadline_in(sec),
                                                      SNAPSHOT_FOREVER, false };
                ties[i] = (SnapshotBuildMembership){ "john.doe", n + i, deadline_in(sec),
                                                     SNAPSHOT_FOREVER };
        }
        /* A group of the host's own files gets a member. */
        groups[n + 65] =
                (SnapshotBuildGroup){ "daemon", 1, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true };
        ties[65] = (SnapshotBuildMembership){ "svc-2", n + 65, deadline_in(sec), SNAPSHOT_FOREVER };
        ties[64].user = "svc-0"; /* and one member more in the first group */
        ties[64].group = n;
        assert_int_equal(snapshot_build(&b, &data, ret_size), 0);
        return data;
}

static inline void publish_sample(unsigned n, int sec, bool enumerate, uint64_t generation)
{
        size_t size = 0;
        _cleanup_free_ uint8_t *data = build_sample(n, sec, enumerate, generation, &size);

        assert_int_equal(snapshot_publish(PATH_SNAPSHOT, data, size), 0);
}

/* Bytes that a test puts in place replace a file that nobody marked: mark it. */
static inline void supersede_by_hand(void)
{
        _cleanup_close_ int fd = open(PATH_SNAPSHOT, O_RDWR | O_CLOEXEC);
        const char one = 1;

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, &one, 1, offsetof(SnapshotHeader, superseded_le)), 1);
}

static inline int setup(void **state)
{
        (void)state;
        (void)mkdir(PATH_ROOT, 0755);
        (void)mkdir(PATH_ROOT "/run", 0755);
        (void)mkdir(PATH_RUN_DIR, 0755);
        publish_sample(3, 3600, false, 1);
        return 0;
}

static inline int teardown(void **state)
{
        (void)state;
        if (access(PATH_SNAPSHOT, F_OK) == 0)
                supersede_by_hand();
        (void)unlink(PATH_SNAPSHOT);
        return 0;
}

static inline enum nss_status ask_user(const char *name, struct passwd *ret)
{
        static char buffer[1024];
        int error = 0;

        return nss.getpwnam_r(name, ret, buffer, sizeof(buffer), &error);
}

static inline size_t count_mappings(void)
{
        FILE *f = fopen("/proc/self/maps", "re");
        char line[512];
        size_t n = 0;

        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                n += strstr(line, PATH_SNAPSHOT) != NULL;
        (void)fclose(f);
        return n;
}

/* So many rounds in `make check`, and so many where NHI_LONG is set. */
static inline size_t rounds(size_t n, size_t n_long)
{
        return getenv("NHI_LONG") ? n_long : n;
}

/* What a child process came to: its test passed (status 0), it failed or died. */
static inline void assert_child_passes(void (*test)(void))
{
        int status = -1;
        pid_t pid = fork();

        if (pid == 0) {
                alarm(300); /* a hang becomes a signal */
                test();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status))
                fail_msg("died of signal %d", WTERMSIG(status));
        if (status != 0)
                fail_msg("failed, see line %d", WEXITSTATUS(status) * 4);
}

/* In a child cmocka's own asserts would run the parent's tests on: the line, divided by 4, is the
 * exit status. */
#define CHILD_ASSERT(condition)                                                                    \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        _exit(__LINE__ / 4);                                                       \
        } while (0)
