/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world-internal.h"

#include <grp.h>
#include <pwd.h>

const Person people[PEOPLE_N] = {
        { "root", "root", 0, 0, false, false },
        { "svc-deploy", "svc-deploy", 70001, 0, true, false },
        { "SVC-Deploy", "svc-deploy", 70001, 0, true, false }, /* a directory without case */
        { "john.doe", "john.doe", 1000, 0, true, false },
        { "many", "many", 1001, 0, false, true },
        { "eio", NULL, 1002, EIO, false, false },
        { "large", NULL, 1003, ERANGE, false, false },
        { "rude", "ru\nde", 1004, 0, false, false },
        { "slash", "a/b", 1005, 0, false, false },
        { "CORP\\x", "CORP\\x", 1006, 0, false, false },
};

/* libFuzzer takes down what strcmp(3) compares: too dear for each name of the table. */
static bool is_called(const char *name, const char *asked)
{
        return name && name[0] == asked[0] && streq(name, asked);
}

const Person *person_find(const char *name, uid_t uid)
{
        for (size_t i = 0; i < PEOPLE_N; i++)
                if (name ? is_called(people[i].asked, name) : people[i].uid == uid)
                        return &people[i];
        return NULL;
}

WRAP(uid_t, getuid, void)
{
        return world.uid;
}

/* Limits are tried by tests/unit/test-gate-groups.c. */
WRAP(bool, limits_may_hide_names, void)
{
        return false;
}

WRAP(uid_t, geteuid, void)
{
        return world.euid;
}

WRAP(gid_t, getegid, void)
{
        return 0;
}

static int person_answer(const Person *p, struct passwd *entry, char *buffer, size_t size,
                         struct passwd **ret)
{
        *ret = NULL;
        if (!p)
                return 0;
        if (p->error)
                return p->error;
        if (strlen(p->name) >= size)
                return ERANGE;
        memcpy(buffer, p->name, strlen(p->name) + 1);
        *entry = (struct passwd){ .pw_name = buffer, .pw_uid = p->uid, .pw_gid = 100 };
        *ret = entry;
        return 0;
}

WRAP(int, getpwnam_r, const char *name, struct passwd *entry, char *buffer, size_t size,
     struct passwd **ret)
{
        FUZZ_HOLDS(name, "somebody is asked for");
        return person_answer(person_find(name, 0), entry, buffer, size, ret);
}

WRAP(int, getpwuid_r, uid_t uid, struct passwd *entry, char *buffer, size_t size,
     struct passwd **ret)
{
        return person_answer(person_find(NULL, uid), entry, buffer, size, ret);
}

WRAP(int, getgrouplist, const char *user, gid_t gid, gid_t *ret, int *n)
{
        const Person *p = NULL;
        int room = *n, needed;

        for (size_t i = 0; i < PEOPLE_N; i++)
                if (is_called(people[i].name, user))
                        p = &people[i];
        needed = !p ? 1 : p->has_many_groups ? 100000 : p->in_ops ? 2 : 1;
        *n = needed;
        if (needed > room)
                return -1;
        ret[0] = gid;
        if (needed > 1)
                ret[1] = 500;
        return needed;
}

WRAP(int, getgrnam_r, const char *name, struct group *entry, char *buffer, size_t size,
     struct group **ret)
{
        (void)buffer;
        (void)size;
        *ret = NULL;
        if (streq(name, "broken"))
                return EIO;
        if (!streq(name, "ops"))
                return 0;
        *entry = (struct group){ .gr_gid = 500 };
        *ret = entry;
        return 0;
}
