/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lookups in nss_nhi while allocations and system calls fail: the right answer, or an error with an
 * errno; never a wrong entry, and never "there is no such account" for one that is there. */

#include "tests/fault/fault.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"

#include <dlfcn.h>
#include <err.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>

#define MODULE PATH_ROOT "/../tmod/libnss_nhi.so.2"
#define N      3

typedef enum nss_status Status;

static struct {
        void *handle;
        Status (*getpwnam_r)(const char *, struct passwd *, char *, size_t, int *);
        Status (*getpwuid_r)(uid_t, struct passwd *, char *, size_t, int *);
        Status (*setpwent)(int);
        Status (*getpwent_r)(struct passwd *, char *, size_t, int *);
        Status (*endpwent)(void);
        Status (*getgrnam_r)(const char *, struct group *, char *, size_t, int *);
        Status (*getgrgid_r)(gid_t, struct group *, char *, size_t, int *);
        Status (*setgrent)(int);
        Status (*getgrent_r)(struct group *, char *, size_t, int *);
        Status (*endgrent)(void);
        Status (*initgroups_dyn)(const char *, gid_t, long *, long *, gid_t **, long, int *);
} nss;

static void publish(void)
{
        static const char *const names[N] = { "svc-0", "svc-1", "svc-2" };
        SnapshotBuildUser users[N];
        SnapshotBuildGroup groups[N];
        SnapshotBuildMembership ties[] = {
                { "svc-1", 0, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER },
                { "svc-1", 2, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER },
        };
        const SnapshotBuild b = { .generation = 1,
                                  .enumerate = true,
                                  .users = users,
                                  .n_users = N,
                                  .groups = groups,
                                  .n_groups = N,
                                  .memberships = ties,
                                  .n_memberships = ELEMENTSOF(ties) };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;

        for (unsigned i = 0; i < N; i++) {
                users[i] = (SnapshotBuildUser){ names[i],         "a service",     "/var/lib/svc",
                                                "/bin/sh",        70000 + i,       70000 + i,
                                                SNAPSHOT_FOREVER, SNAPSHOT_FOREVER };
                groups[i] = (SnapshotBuildGroup){ names[i], 70000 + i, SNAPSHOT_FOREVER,
                                                  SNAPSHOT_FOREVER, false };
        }
        if (snapshot_build(&b, &data, &size) != 0 ||
            snapshot_publish(PATH_SNAPSHOT, data, size) != 0)
                errx(2, "%s: cannot be published", PATH_SNAPSHOT);
}

static void *symbol(const char *name)
{
        void *found = dlsym(nss.handle, name);

        if (!found)
                errx(2, "%s", dlerror());
        return found;
}

/* Loaded anew each time: the first lookup of a process maps the snapshot. */
static void begin(void)
{
        nss.handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        if (!nss.handle)
                errx(2, "%s", dlerror());
#define SYMBOL(name) *(void **)&nss.name = symbol("_nss_nhi_" #name)
        SYMBOL(getpwnam_r);
        SYMBOL(getpwuid_r);
        SYMBOL(setpwent);
        SYMBOL(getpwent_r);
        SYMBOL(endpwent);
        SYMBOL(getgrnam_r);
        SYMBOL(getgrgid_r);
        SYMBOL(setgrent);
        SYMBOL(getgrent_r);
        SYMBOL(endgrent);
        SYMBOL(initgroups_dyn);
#undef SYMBOL
}

/* An answer is right, or it is no answer and says why. */
static void check(const char *what, Status s, int error, bool right)
{
        if (s == NSS_STATUS_SUCCESS && right)
                return;
        if (!fault_is_clean() && (s == NSS_STATUS_UNAVAIL || s == NSS_STATUS_TRYAGAIN) &&
            error != 0 && error != ERANGE)
                return;
        fault_fail("%s: status %d, errno %d, %s", what, s, error, right ? "right" : "wrong");
}

static bool is_user(const struct passwd *p, unsigned i)
{
        char name[16];

        (void)snprintf(name, sizeof(name), "svc-%u", i);
        return streq(p->pw_name, name) && p->pw_uid == 70000 + i && p->pw_gid == 70000 + i &&
               streq(p->pw_passwd, "*") && streq(p->pw_shell, "/bin/sh");
}

static bool is_group(const struct group *g, unsigned i)
{
        char name[16];

        (void)snprintf(name, sizeof(name), "svc-%u", i);
        return streq(g->gr_name, name) && g->gr_gid == 70000 + i;
}

static void look_up(void)
{
        struct passwd p = {};
        struct group g = {};
        char buffer[1024];
        int error = 0;
        Status s;

        s = nss.getpwnam_r("svc-1", &p, buffer, sizeof(buffer), &error);
        check("getpwnam", s, error, s == NSS_STATUS_SUCCESS && is_user(&p, 1));
        error = 0;
        s = nss.getpwuid_r(70002, &p, buffer, sizeof(buffer), &error);
        check("getpwuid", s, error, s == NSS_STATUS_SUCCESS && is_user(&p, 2));
        error = 0;
        s = nss.getgrnam_r("svc-0", &g, buffer, sizeof(buffer), &error);
        check("getgrnam", s, error,
              s == NSS_STATUS_SUCCESS && is_group(&g, 0) && streq(g.gr_mem[0], "svc-1"));
        error = 0;
        s = nss.getgrgid_r(70002, &g, buffer, sizeof(buffer), &error);
        check("getgrgid", s, error, s == NSS_STATUS_SUCCESS && is_group(&g, 2));
        error = 0;
        s = nss.getpwnam_r("nobody-here", &p, buffer, sizeof(buffer), &error);
        if (s != NSS_STATUS_NOTFOUND)
                check("getpwnam, unknown", s, error, false);
}

static void find_groups(void)
{
        gid_t *groups = NULL;
        long start = 0, size = 0;
        int error = 0;
        Status s;

        s = nss.initgroups_dyn("svc-1", 70001, &start, &size, &groups, 0, &error);
        check("initgroups", s, error,
              start == 2 && groups[0] + groups[1] == 140002 && groups[0] != groups[1]);
        free(groups);
}

static void enumerate(void)
{
        bool seen[N] = {};
        char buffer[1024];
        struct passwd p;
        struct group g;
        int error = 0;
        unsigned n = 0;
        Status s;

        (void)nss.setpwent(0);
        while ((s = nss.getpwent_r(&p, buffer, sizeof(buffer), &error)) == NSS_STATUS_SUCCESS) {
                if (p.pw_uid - 70000 >= N || seen[p.pw_uid - 70000] ||
                    !is_user(&p, p.pw_uid - 70000))
                        fault_fail("getpwent: %s, %u", p.pw_name, p.pw_uid);
                else
                        seen[p.pw_uid - 70000] = true;
                n++;
        }
        if (s != NSS_STATUS_NOTFOUND || n != N)
                check("getpwent, end", s, error, false);
        (void)nss.endpwent();
        error = 0;
        n = 0;
        (void)nss.setgrent(0);
        while ((s = nss.getgrent_r(&g, buffer, sizeof(buffer), &error)) == NSS_STATUS_SUCCESS)
                n++;
        if (s != NSS_STATUS_NOTFOUND || n != N)
                check("getgrent, end", s, error, false);
        (void)nss.endgrent();
}

static void run(void)
{
        look_up();
        find_groups();
        enumerate();
}

static unsigned n_mappings(void)
{
        FILE *f = fopen("/proc/self/maps", "re");
        char line[512];
        unsigned n = 0;

        while (f && fgets(line, sizeof(line), f))
                n += strstr(line, PATH_SNAPSHOT) != NULL;
        if (f)
                (void)fclose(f);
        return n;
}

static void judge(void)
{
        const unsigned fired = fault->n_fired;

        if (n_mappings() > 1)
                fault_fail("%u mappings", n_mappings());
        /* And now that nothing fails any more, every answer is right. */
        fault->n_fired = 0;
        run();
        fault->n_fired = fired;
        if (dlclose(nss.handle) != 0 || n_mappings() != 0)
                fault_fail("%u mappings are left behind", n_mappings());
}

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                { .name = "nss-lookups",
                  .prepare = publish,
                  .begin = begin,
                  .run = run,
                  .judge = judge,
                  .warm = true,
                  .leak_checked = true,
                  .short_step = 1 },
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
