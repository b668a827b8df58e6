/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/nss-world.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "tests/bench/bench.h"

#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MODULES PATH_ROOT "/.."
#define N_SYSTEM     40u   /* accounts of an ordinary host */
#define N_GROUPS     1000u /* shared by the accounts */
#define GID_MIN      60000u

static void file_bind(const char *name)
{
        char from[PATH_MAX], to[PATH_MAX];
        FILE *f;

        (void)snprintf(from, sizeof(from), PATH_ROOT "/etc/%s", name);
        (void)snprintf(to, sizeof(to), "/etc/%s", name);
        f = fopen(from, "we");
        if (!f || fclose(f) != 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
                bench_fail(to);
}

/* The linker gives a folder up for good that is not there when a program starts, and PATH_MODULES
 * leads through PATH_ROOT. */
static void again_with_modules(char **argv)
{
        (void)mkdir(PATH_ROOT, 0755);
        if (getenv("LD_LIBRARY_PATH"))
                return;
        if (setenv("LD_LIBRARY_PATH", PATH_MODULES, 1) < 0)
                bench_fail("setenv");
        (void)execv("/proc/self/exe", argv);
        bench_fail("exec");
}

void world_enter(char **argv)
{
        again_with_modules(argv);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                bench_fail("a mount namespace of its own (as root only)");
        if (mount("tmpfs", PATH_ROOT, "tmpfs", 0, "mode=755") < 0)
                bench_fail(PATH_ROOT);
        if (mkdir(PATH_ROOT "/etc", 0755) < 0 || mkdir(PATH_ROOT "/run", 0755) < 0 ||
            mkdir(PATH_RUN_DIR, 0755) < 0)
                bench_fail("folders");
        file_bind("nsswitch.conf");
        file_bind("passwd");
        file_bind("group");
}

static uint32_t scramble(uint32_t x)
{
        x = (x ^ x >> 16) * 0x7feb352du;
        x = (x ^ x >> 15) * 0x846ca68bu;
        return x ^ x >> 16;
}

/* The number itself, in letters, keeps the names apart. */
void world_name(size_t i, char ret[static WORLD_NAME_MAX])
{
        uint32_t random = scramble((uint32_t)i), n_more = random % 7;
        size_t at = 0;

        for (uint32_t left = (uint32_t)i;; left /= 26) {
                ret[at++] = (char)('a' + left % 26);
                if (left < 26)
                        break;
        }
        ret[at++] = '-';
        for (; n_more > 0; n_more--, random /= 26)
                ret[at++] = (char)('a' + random % 26);
        ret[at] = '\0';
}

static gid_t group_of(size_t i)
{
        return GID_MIN + (gid_t)(scramble((uint32_t)i) % N_GROUPS);
}

static void *need(size_t n, size_t size)
{
        void *p = calloc(n > 0 ? n : 1, size);

        if (!p)
                bench_fail("memory for accounts");
        return p;
}

size_t world_publish(size_t n)
{
        char(*names)[WORLD_NAME_MAX] = need(n, sizeof(*names));
        char(*homes)[32] = need(n, sizeof(*homes)), group_names[N_GROUPS][16];
        SnapshotBuildUser *users = need(n, sizeof(*users));
        SnapshotBuildGroup *groups = need(N_GROUPS, sizeof(*groups));
        SnapshotBuildMembership *ties = need(n, sizeof(*ties));
        const SnapshotBuild b = { .generation = 1,
                                  .users = users,
                                  .n_users = n,
                                  .groups = groups,
                                  .n_groups = N_GROUPS,
                                  .memberships = ties,
                                  .n_memberships = n };
        const int64_t end = SNAPSHOT_FOREVER;
        uint8_t *data = NULL;
        size_t size = 0;

        for (size_t i = 0; i < N_GROUPS; i++) {
                (void)snprintf(group_names[i], sizeof(group_names[i]), "group-%zu", i);
                groups[i] =
                        (SnapshotBuildGroup){ group_names[i], GID_MIN + (gid_t)i, end, end, false };
        }
        for (size_t i = 0; i < n; i++) {
                world_name(i, names[i]);
                (void)snprintf(homes[i], sizeof(homes[i]), "/var/lib/%s", names[i]);
                users[i] = (SnapshotBuildUser){
                        names[i], "payments", homes[i], "/bin/bash", WORLD_UID_MIN + (uid_t)i,
                        GID_MIN,  end,        end
                };
                ties[i] = (SnapshotBuildMembership){ names[i], group_of(i) - GID_MIN, end, end };
        }
        errno = -snapshot_build(&b, &data, &size);
        if (errno == 0)
                errno = -snapshot_publish(PATH_SNAPSHOT, data, size);
        if (errno != 0)
                bench_fail("a snapshot of so many accounts");
        free(names);
        free(homes);
        free(users);
        free(groups);
        free(ties);
        free(data);
        return size;
}

static FILE *file_begin(const char *path)
{
        FILE *f = fopen(path, "we");

        if (!f)
                bench_fail(path);
        return f;
}

static void file_end(FILE *f, const char *path)
{
        if (fclose(f) != 0)
                bench_fail(path);
}

static void files_group(size_t n)
{
        FILE *f = file_begin(PATH_ROOT "/etc/group");
        char name[WORLD_NAME_MAX];

        for (unsigned i = 0; i < N_SYSTEM; i++)
                (void)fprintf(f, "system%u:x:%u:\n", i, i);
        for (unsigned g = 0; g < N_GROUPS && n > 0; g++) {
                (void)fprintf(f, "group-%u:x:%u:", g, GID_MIN + g);
                for (size_t i = 0, n_before = 0; i < n && n <= 10000; i++)
                        if (group_of(i) == GID_MIN + g) {
                                world_name(i, name);
                                (void)fprintf(f, "%s%s", n_before++ > 0 ? "," : "", name);
                        }
                (void)fputc('\n', f);
        }
        file_end(f, "/etc/group");
}

void world_files(size_t n)
{
        FILE *f = file_begin(PATH_ROOT "/etc/passwd");
        char name[WORLD_NAME_MAX];

        for (unsigned i = 0; i < N_SYSTEM; i++)
                (void)fprintf(f, "system%u:x:%u:%u:system %u:/var/lib/system:/usr/sbin/nologin\n",
                              i, i, i, i);
        for (size_t i = 0; i < n; i++) {
                world_name(i, name);
                (void)fprintf(f, "%s:x:%zu:%u:payments:/var/lib/%s:/bin/bash\n", name,
                              WORLD_UID_MIN + i, GID_MIN, name);
        }
        file_end(f, "/etc/passwd");
        files_group(n);
}

void world_services(const char *services)
{
        FILE *f = file_begin(PATH_ROOT "/etc/nsswitch.conf");

        (void)fprintf(f, "passwd: %s\ngroup: %s\ninitgroups: %s\n", services, services, services);
        file_end(f, "/etc/nsswitch.conf");
}

void world_expect_module(const char *service)
{
        char name[64];
        void *module;

        (void)snprintf(name, sizeof(name), "libnss_%s.so.2", service);
        module = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
        if (!module)
                bench_fail(name);
        (void)dlclose(module);
}
