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

/* 0 and *result, or -ERANGE. */
static int passwd_pack(const SnapshotUserView *v, struct passwd *result, char *buffer, size_t size)
{
        Buffer b = { .at = buffer, .left = size };
        const struct passwd p = {
                .pw_name = buffer_bytes(&b, v->name, v->name_size),
                /* "x" would send pam_unix to a shadow entry that is not there: it denies. */
                .pw_passwd = buffer_bytes(&b, "*", sizeof("*")),
                .pw_uid = v->uid,
                .pw_gid = v->gid,
                .pw_gecos = buffer_bytes(&b, v->gecos, v->gecos_size),
                .pw_dir = buffer_bytes(&b, v->home, v->home_size),
                .pw_shell = buffer_bytes(&b, v->shell, v->shell_size),
        };

        if (buffer_is_full(&b))
                return -ERANGE;
        *result = p;
        return 0;
}

/* The clocks are read while the record comes from memory. */
static int passwd_answer(Lookup *l, SnapshotSearch *search, struct passwd *result, char *buffer,
                         size_t size)
{
        const SnapshotNow now = clocks_now();
        SnapshotUserView v;
        int r = NSS_E_NONE;

        if (snapshot_found_user(search, now, &v))
                r = passwd_pack(&v, result, buffer, size);
        lookup_end(l);
        return r;
}

static int passwd_by_name(const char *name, struct passwd *result, char *buffer, size_t size)
{
        SnapshotSearch search;
        Lookup l;
        int r;

        if (!name_is_strict(name))
                return NSS_E_NONE;
        r = lookup_begin(&l);
        if (r < 0)
                return r;
        snapshot_search_user(&l.snapshot, name, &search);
        return passwd_answer(&l, &search, result, buffer, size);
}

static int passwd_by_uid(uid_t uid, struct passwd *result, char *buffer, size_t size)
{
        SnapshotSearch search;
        Lookup l;
        int r;

        if (uid == 0)
                return NSS_E_NONE;
        r = lookup_begin(&l);
        if (r < 0)
                return r;
        snapshot_search_uid(&l.snapshot, uid, &search);
        return passwd_answer(&l, &search, result, buffer, size);
}

static int passwd_next(struct passwd *result, char *buffer, size_t size)
{
        size_t cursor;
        SnapshotUserView v;
        int r = enumeration_enter(&enumeration);

        if (r != 0)
                return r;
        cursor = enumeration.cursor;
        r = NSS_E_NONE;
        if (snapshot_next_user(&enumeration.snapshot, &cursor, clocks_now(), &v))
                r = passwd_pack(&v, result, buffer, size);
        if (r == 0)
                enumeration.cursor = cursor;
        enumeration_leave(&enumeration);
        return r;
}

enum nss_status _nss_nhi_getpwnam_r(const char *name, struct passwd *result, char *buffer,
                                    size_t size, int *errnop)
{
        int saved = errno;

        return nss_answer(passwd_by_name(name, result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
                                    int *errnop)
{
        int saved = errno;

        return nss_answer(passwd_by_uid(uid, result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_setpwent(int stay_open)
{
        int saved = errno;

        return nss_answer(enumeration_reset(&enumeration), saved, &errno);
}

enum nss_status _nss_nhi_getpwent_r(struct passwd *result, char *buffer, size_t size, int *errnop)
{
        int saved = errno;

        return nss_answer(passwd_next(result, buffer, size), saved, errnop);
}

enum nss_status _nss_nhi_endpwent(void)
{
        return _nss_nhi_setpwent(0);
}
