/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/name.h"
#include "nss_nhi/buffer.h"
#include "nss_nhi/enumeration.h"
#include "nss_nhi/nss_nhi.h"

static Enumeration enumeration = ENUMERATION_INIT;

/* As the lookups' mapping: dlclose() leaves none of a listing behind that nobody ended. */
__attribute__((destructor)) static void enumeration_forget(void)
{
        (void)enumeration_reset(&enumeration);
}

static size_t members_count(const SnapshotGroupView *v, SnapshotNow now)
{
        size_t n = 0;

        for (size_t i = 0; i < v->n_members; i++)
                n += snapshot_member(v, i, now) != NULL;
        return n;
}

/* The active members, NULL-ended; NULL where they don't fit. */
static char **members_pack(const SnapshotGroupView *v, SnapshotNow now, Buffer *b)
{
        char **members = buffer_pointers(b, members_count(v, now) + 1);
        size_t n = 0;

        for (size_t i = 0; members && i < v->n_members && !buffer_is_full(b); i++) {
                const char *name = snapshot_member(v, i, now);

                if (name)
                        members[n++] = buffer_text(b, name);
        }
        if (members)
                members[n] = NULL;
        return members;
}

/* 0 and *result, or -ERANGE. */
static int group_pack(const SnapshotGroupView *v, SnapshotNow now, struct group *result,
                      char *buffer, size_t size)
{
        Buffer b = { .at = buffer, .left = size };
        const struct group g = {
                .gr_mem = members_pack(v, now, &b),
                .gr_name = buffer_text(&b, v->name),
                .gr_passwd = buffer_text(&b, "*"),
                .gr_gid = v->gid,
        };

        if (buffer_is_full(&b))
                return -ERANGE;
        *result = g;
        return 0;
}

static int group_by_name(const char *name, struct group *result, char *buffer, size_t size)
{
        SnapshotGroupView v;
        SnapshotNow now;
        Lookup l;
        int r;

        if (!name_is_sane(name))
                return NSS_E_NONE;
        r = lookup_begin(&l);
        if (r < 0)
                return r;
        now = clocks_now();
        r = NSS_E_NONE;
        if (snapshot_group_by_name(&l.snapshot, name, now, &v))
                r = group_pack(&v, now, result, buffer, size);
        lookup_end(&l);
        return r;
}

static int group_by_gid(gid_t gid, struct group *result, char *buffer, size_t size)
{
        SnapshotGroupView v;
        SnapshotNow now;
        Lookup l;
        int r;

        if (gid == 0)
                return NSS_E_NONE;
        r = lookup_begin(&l);
        if (r < 0)
                return r;
        now = clocks_now();
        r = NSS_E_NONE;
        if (snapshot_group_by_gid(&l.snapshot, gid, now, &v))
                r = group_pack(&v, now, result, buffer, size);
        lookup_end(&l);
        return r;
}

static int group_next(struct group *result, char *buffer, size_t size)
{
        const Snapshot *s = &enumeration.snapshot;
        SnapshotNow now = clocks_now();
        SnapshotGroupView v;
        size_t cursor;
        int r = enumeration_enter(&enumeration);

        if (r != 0)
                return r;
        cursor = enumeration.cursor;
        r = NSS_E_NONE;
        if (snapshot_next_group(s, &cursor, now, &v))
                r = group_pack(&v, now, result, buffer, size);
        if (r == 0)
                enumeration.cursor = cursor;
        enumeration_leave(&enumeration);
        return r;
}

enum nss_status _nss_nhi_getgrnam_r(const char *name, struct group *result, char *buffer,
                                    size_t size, int *errnop)
{
        int saved = errno;

        return nss_answer(group_by_name(name, result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t size,
                                    int *errnop)
{
        int saved = errno;

        return nss_answer(group_by_gid(gid, result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_setgrent(int stay_open)
{
        int saved = errno;

        return nss_answer(enumeration_reset(&enumeration), saved, &errno);
}

enum nss_status _nss_nhi_getgrent_r(struct group *result, char *buffer, size_t size, int *errnop)
{
        int saved = errno;

        return nss_answer(group_next(result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_endgrent(void)
{
        return _nss_nhi_setgrent(0);
}
