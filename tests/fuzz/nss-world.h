/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The world around nss_nhi in fuzz-nss.c: one snapshot with accounts and groups of all kinds, and
 * what the module asks of libc and of the snapshot's file. */

#include "lib/base/macro.h"
#include "lib/snapshot/build.h"
#include "lib/snapshot/reader.h"
#include "tests/fuzz/fuzz.h"

#include <sys/types.h>
#include <time.h>

#define N_MEMBERS 24
#define REAL_SEC  INT64_C(1763760000)
#define BOOT_SEC  INT64_C(500)
#define SEC       INT64_C(1000000)

static const SnapshotNow now = { REAL_SEC * SEC, BOOT_SEC *SEC };
static uint8_t *image;
static size_t image_size;
static char long_text[SNAPSHOT_TEXT_MAX + 1];

static struct {
        Input in;
        bool no_file, superseded, no_memory;
        Snapshot snapshot;    /* what the module is given */
        size_t users, groups; /* how far the listings are */
        bool users_on, groups_on;
} w;

int __wrap_snapshot_open(const char *path, uid_t owner, Snapshot *ret);
bool __wrap_snapshot_is_superseded(const Snapshot *s);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
void *__wrap_realloc(void *p, size_t size);

int __wrap_snapshot_open(const char *path, uid_t owner, Snapshot *ret)
{
        (void)path;
        (void)owner;
        errno = EPERM; /* what the entry points must hide */
        if (w.no_file)
                return SNAPSHOT_E_ABSENT;
        *ret = w.snapshot;
        return 0;
}

bool __wrap_snapshot_is_superseded(const Snapshot *s)
{
        (void)s;
        return w.superseded;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
        *ret = (struct timespec){ .tv_sec = clock == CLOCK_REALTIME ? REAL_SEC : BOOT_SEC };
        return 0;
}

void *__wrap_realloc(void *p, size_t size)
{
        return w.no_memory ? NULL : realloc(p, size);
}

/* ---- who there is ---- */

#define LIVE  (REAL_SEC + 60) * SEC, (BOOT_SEC + 60) * SEC
#define ENDED REAL_SEC *SEC, (BOOT_SEC + 60) * SEC

static const SnapshotBuildUser users[] = {
        { "svc-deploy", "Deploys", "/var/lib/svc-deploy", "/bin/bash", 70001, 70001, LIVE },
        { "svc-ended", "", "/", "/bin/sh", 70002, 70002, ENDED },
        { "a", "", "/a", "/b", 70003, 70003, LIVE },
        { "svc-long", long_text, "/var/lib/svc-long", "/bin/sh", 70004, 70001, LIVE },
};
static const SnapshotBuildGroup groups[] = {
        { "pay-ops", 99998, LIVE, false },
        { "svc-deploy", 70001, LIVE, false },
        { "empty", 99990, LIVE, false },
        { "over", 99991, ENDED, false },
        { "adm", 4, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true },
};

static int image_build(void)
{
        static char names[N_MEMBERS][32];
        SnapshotBuildMembership members[N_MEMBERS + 4];
        SnapshotBuild b = { .generation = 1,
                            .enumerate = true,
                            .users = users,
                            .n_users = ELEMENTSOF(users),
                            .groups = groups,
                            .n_groups = ELEMENTSOF(groups),
                            .memberships = members };

        memset(long_text, 'x', sizeof(long_text) - 1);
        for (size_t i = 0; i < N_MEMBERS; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "%.*s%zu", (int)(i % 20),
                               "operator-operator-operator", i + 1);
                if (names[i][0] >= '0' && names[i][0] <= '9')
                        names[i][0] = 'z';
                members[b.n_memberships++] =
                        i % 5 == 4 ? (SnapshotBuildMembership){ names[i], 0, ENDED }
                                   : (SnapshotBuildMembership){ names[i], 0, LIVE };
        }
        for (size_t i = 1; i < ELEMENTSOF(groups); i++)
                members[b.n_memberships++] = (SnapshotBuildMembership){ "svc-deploy", i, LIVE };
        return snapshot_build(&b, &image, &image_size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        return image_build() < 0 || snapshot_over(image, image_size, &w.snapshot) != 0 ? -1 : 0;
}

/* Who is asked for: some there are, some not, some never. */
static const struct {
        const char *name;
        uint32_t id;
} asked[] = {
        { "svc-deploy", 70001 }, { "svc-ended", 70002 }, { "a", 70003 },     { "svc-long", 70004 },
        { "pay-ops", 99998 },    { "empty", 99990 },     { "over", 99991 },  { "adm", 4 },
        { "root", 0 },           { "nobody", 65534 },    { "", UINT32_MAX }, { "No Name", 1 },
};
