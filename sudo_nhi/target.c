/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sudo_nhi/target.h"

#include "lib/base/macro.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define ENTRY_SIZE_MIN 1024u
#define ENTRY_SIZE_MAX (1024u * 1024)

typedef struct Found {
        char name[TARGET_NAME_SIZE];
        uint32_t id, gid;
} Found;

/* One call of getpwnam_r and its kin over a buffer: 0 and *ret, ENOENT, ERANGE, ... */
typedef int (*Lookup)(const char *name, uint32_t id, char *buffer, size_t size, Found *ret);

static int found_take(Found *ret, const char *name, uint32_t id, uint32_t gid)
{
        if (!name_is_sane(name))
                return ENOENT;
        (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
        ret->id = id;
        ret->gid = gid;
        return 0;
}

static int lookup_user(const char *name, uint32_t id, char *buffer, size_t size, Found *ret)
{
        struct passwd entry, *p = NULL;
        int r = name ? getpwnam_r(name, &entry, buffer, size, &p)
                     : getpwuid_r(id, &entry, buffer, size, &p);

        if (r != 0)
                return r;
        return p ? found_take(ret, p->pw_name, p->pw_uid, p->pw_gid) : ENOENT;
}

static int lookup_group(const char *name, uint32_t id, char *buffer, size_t size, Found *ret)
{
        struct group entry, *g = NULL;
        int r = name ? getgrnam_r(name, &entry, buffer, size, &g)
                     : getgrgid_r(id, &entry, buffer, size, &g);

        if (r != 0)
                return r;
        return g ? found_take(ret, g->gr_name, g->gr_gid, g->gr_gid) : ENOENT;
}

static bool look_up(Lookup lookup, const char *name, uint32_t id, Found *ret)
{
        for (size_t size = ENTRY_SIZE_MIN; size <= ENTRY_SIZE_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                int r = buffer ? lookup(name, id, buffer, size, ret) : ENOMEM;

                if (r != ERANGE)
                        return r == 0;
        }
        return false;
}

static bool id_name(Lookup lookup, const char *claimed, uint32_t id, Found *ret)
{
        if (name_is_sane(claimed) && look_up(lookup, claimed, 0, ret) && ret->id == id)
                return true;
        return look_up(lookup, NULL, id, ret) && ret->id == id;
}

void target_user_name(const char *claimed, uid_t uid, char ret[static TARGET_NAME_SIZE],
                      gid_t *ret_gid)
{
        Found f;
        bool known = id_name(lookup_user, claimed, uid, &f);

        if (known)
                memcpy(ret, f.name, TARGET_NAME_SIZE);
        else
                (void)snprintf(ret, TARGET_NAME_SIZE, "#%u", uid);
        *ret_gid = known ? f.gid : (gid_t)-1;
}

void target_group_name(const char *claimed, gid_t gid, char ret[static TARGET_NAME_SIZE])
{
        Found f;

        if (id_name(lookup_group, claimed, gid, &f))
                memcpy(ret, f.name, TARGET_NAME_SIZE);
        else
                (void)snprintf(ret, TARGET_NAME_SIZE, "#%u", gid);
}
