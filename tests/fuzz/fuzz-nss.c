/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nss_nhi packing its answers (N1 to N3 of nss_nhi.h, N01). Input: calls, one after the other, each
 * with whom it is about, a buffer at any address and of any size, and what the world does to it. An
 * answer is what the snapshot says, whole and within the buffer; a buffer that is too small gives
 * TRYAGAIN with ERANGE and changes nothing, and a larger one the same answer; a listing passes
 * nobody over; errno stays as it was. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nss_nhi/nss_nhi.h"
#include "tests/fuzz/nss-world.h"

#define CALLS_MAX   12
#define BUFFER_MAX  9216
#define ERRNO_KEPT  EXDEV
#define ERRNOP_KEPT ENOTTY

/* ---- one call and its buffer ---- */

typedef struct Question {
        const char *name;
        uint32_t id;
        char *block; /* what malloc gave: a sanitizer sees the end of the buffer, which lies in it
                      */
        char *buffer;
        size_t size;
        int error;       /* *errnop */
        bool is_nobodys; /* refused before any file is opened */
} Question;

static void question_begin(Question *q)
{
        size_t who = input_u8(&w.in) % ELEMENTSOF(asked), at = input_u8(&w.in) % 8;
        size_t size = input_u8(&w.in);

        if (size >= 128)
                size = (size - 128) << 8 | input_u8(&w.in);
        if (size > BUFFER_MAX)
                size = BUFFER_MAX;
        *q = (Question){ .name = asked[who].name,
                         .id = asked[who].id,
                         .block = malloc(at + size + 1),
                         .size = size,
                         .error = ERRNOP_KEPT };
        if (!q->block)
                abort();
        q->buffer = q->block + at;
        memset(q->block, 0x5a, at + size + 1);
        errno = ERRNO_KEPT;
}

static void question_end(Question *q)
{
        FUZZ_HOLDS(errno == ERRNO_KEPT, "errno stays as it was (N1)");
        FUZZ_HOLDS(q->block == q->buffer || q->buffer[-1] == 0x5a, "nothing before the buffer");
        FUZZ_HOLDS(q->buffer[q->size] == 0x5a, "nothing behind it");
        free(q->block);
}

static bool lies_within(const Question *q, const char *text)
{
        return text >= q->buffer && text < q->buffer + q->size &&
               memchr(text, 0, (size_t)(q->buffer + q->size - text));
}

static void text_check(const Question *q, const char *text, const char *expected)
{
        FUZZ_HOLDS(lies_within(q, text), "a text lies in the buffer, with its end");
        FUZZ_HOLDS(streq(text, expected), "and is what was published");
}

/* Where there is no such record, no file, or too little room; false where there is an answer. What
 * is aligned may need `spare` bytes more, as it comes to lie. */
static bool is_refused(const Question *q, enum nss_status status, bool there, size_t needed,
                       size_t spare)
{
        enum nss_status expected = q->is_nobodys      ? NSS_STATUS_NOTFOUND
                                   : w.no_file        ? NSS_STATUS_UNAVAIL
                                   : !there           ? NSS_STATUS_NOTFOUND
                                   : needed > q->size ? NSS_STATUS_TRYAGAIN
                                                      : NSS_STATUS_SUCCESS;

        if (expected == NSS_STATUS_SUCCESS && needed + spare > q->size)
                expected = status == NSS_STATUS_TRYAGAIN ? status : expected;
        FUZZ_HOLDS(status == expected, "the status that the contract says (N2, N3)");
        FUZZ_HOLDS(q->error == (status == NSS_STATUS_TRYAGAIN  ? ERANGE
                                : status == NSS_STATUS_UNAVAIL ? ENOENT
                                                               : ERRNOP_KEPT),
                   "with its error, or none");
        return status != NSS_STATUS_SUCCESS;
}

/* ---- passwd ---- */

static void passwd_check(const Question *q, enum nss_status status, const struct passwd *p,
                         bool there, const SnapshotUserView *v)
{
        static const struct passwd untouched;
        size_t needed = there ? v->name_size + 2 + v->gecos_size + v->home_size + v->shell_size : 0;

        if (is_refused(q, status, there, needed, 0)) {
                FUZZ_HOLDS(memcmp(p, &untouched, sizeof(*p)) == 0, "no half an answer");
                return;
        }
        text_check(q, p->pw_name, v->name);
        text_check(q, p->pw_passwd, "*");
        text_check(q, p->pw_gecos, v->gecos);
        text_check(q, p->pw_dir, v->home);
        text_check(q, p->pw_shell, v->shell);
        FUZZ_HOLDS(p->pw_uid == v->uid && p->pw_gid == v->gid && v->uid != 0, "with its ids");
}

static void ask_passwd(bool by_name)
{
        struct passwd p = { 0 };
        SnapshotUserView v;
        enum nss_status status;
        bool there;
        Question q;

        question_begin(&q);
        if (by_name) {
                q.is_nobodys = !name_is_strict(q.name);
                there = snapshot_user_by_name(&w.snapshot, q.name, now, &v);
                status = _nss_nhi_getpwnam_r(q.name, &p, q.buffer, q.size, &q.error);
        } else {
                q.is_nobodys = q.id == 0;
                there = snapshot_user_by_uid(&w.snapshot, q.id, now, &v);
                status = _nss_nhi_getpwuid_r(q.id, &p, q.buffer, q.size, &q.error);
        }
        passwd_check(&q, status, &p, there, &v);
        question_end(&q);
}

/* ---- group ---- */

static size_t group_needed(const SnapshotGroupView *v)
{
        size_t n = sizeof(char *) + strlen(v->name) + 1 + sizeof("*");

        for (size_t i = 0; i < v->n_members; i++) {
                const char *name = snapshot_member(v, i, now);

                n += name ? strlen(name) + 1 + sizeof(char *) : 0;
        }
        return n;
}

static void group_check(const Question *q, enum nss_status status, const struct group *g,
                        bool there, const SnapshotGroupView *v)
{
        static const struct group untouched;
        size_t n = 0;

        if (is_refused(q, status, there, there ? group_needed(v) : 0, sizeof(char *) - 1)) {
                FUZZ_HOLDS(memcmp(g, &untouched, sizeof(*g)) == 0, "no half an answer");
                return;
        }
        text_check(q, g->gr_name, v->name);
        text_check(q, g->gr_passwd, "*");
        FUZZ_HOLDS(g->gr_gid == v->gid && v->gid != 0, "with its gid");
        FUZZ_HOLDS((uintptr_t)g->gr_mem % _Alignof(char *) == 0, "pointers where they may lie");
        for (size_t i = 0; i < v->n_members; i++) {
                const char *name = snapshot_member(v, i, now);

                if (name)
                        text_check(q, g->gr_mem[n++], name);
        }
        FUZZ_HOLDS(!g->gr_mem[n], "and no member more");
}

static void ask_group(bool by_name)
{
        struct group g = { 0 };
        SnapshotGroupView v;
        enum nss_status status;
        bool there;
        Question q;

        question_begin(&q);
        if (by_name) {
                q.is_nobodys = !name_is_sane(q.name);
                there = snapshot_group_by_name(&w.snapshot, q.name, now, &v);
                status = _nss_nhi_getgrnam_r(q.name, &g, q.buffer, q.size, &q.error);
        } else {
                q.is_nobodys = q.id == 0;
                there = snapshot_group_by_gid(&w.snapshot, q.id, now, &v);
                status = _nss_nhi_getgrgid_r(q.id, &g, q.buffer, q.size, &q.error);
        }
        group_check(&q, status, &g, there, &v);
        question_end(&q);
}

/* ---- listings: one step, begun anew where the input says so; a listing that has begun keeps its
 * file, whatever comes after ---- */

static void next_user(void)
{
        bool absent = w.no_file && !w.users_on;
        struct passwd p = { 0 };
        size_t cursor = w.users;
        SnapshotUserView v;
        enum nss_status status;
        bool there;
        Question q;

        question_begin(&q);
        there = snapshot_next_user(&w.snapshot, &cursor, now, &v);
        w.no_file = absent;
        status = _nss_nhi_getpwent_r(&p, q.buffer, q.size, &q.error);
        passwd_check(&q, status, &p, there, &v);
        w.users_on |= !absent;
        if (status == NSS_STATUS_SUCCESS)
                w.users = cursor;
        question_end(&q);
}

static void next_group(void)
{
        bool absent = w.no_file && !w.groups_on;
        struct group g = { 0 };
        size_t cursor = w.groups;
        SnapshotGroupView v;
        enum nss_status status;
        bool there;
        Question q;

        question_begin(&q);
        there = snapshot_next_group(&w.snapshot, &cursor, now, &v);
        w.no_file = absent;
        status = _nss_nhi_getgrent_r(&g, q.buffer, q.size, &q.error);
        group_check(&q, status, &g, there, &v);
        w.groups_on |= !absent;
        if (status == NSS_STATUS_SUCCESS)
                w.groups = cursor;
        question_end(&q);
}

static void rewind_both(void)
{
        FUZZ_HOLDS(_nss_nhi_setpwent(0) == NSS_STATUS_SUCCESS &&
                           _nss_nhi_endgrent() == NSS_STATUS_SUCCESS,
                   "a listing can be begun anew");
        w.users = w.groups = 0;
        w.users_on = w.groups_on = false;
}

/* ---- initgroups ---- */

static bool has_gid(const gid_t *gids, long n, gid_t gid)
{
        for (long i = 0; i < n; i++)
                if (gids[i] == gid)
                        return true;
        return false;
}

/* What was there before stays, what is added is the user's, once, and never one too many. */
static void list_check(const char *name, gid_t skip, const gid_t *gids, long begin, long n,
                       bool whole)
{
        SnapshotMembershipsView v = { 0 };
        gid_t gid;

        (void)snapshot_memberships_of(&w.snapshot, name, &v);
        for (long i = 0; i < n; i++)
                FUZZ_HOLDS(!has_gid(gids, i, gids[i]), "no gid twice");
        for (size_t i = 0; i < v.n; i++) {
                if (!snapshot_membership(&v, i, now, &gid) || gid == skip)
                        continue;
                FUZZ_HOLDS(!whole || has_gid(gids, n, gid), "each group");
                begin += has_gid(gids + begin, n - begin, gid);
        }
        FUZZ_HOLDS(begin == n || !whole, "and no other");
}

static void ask_groups(void)
{
        const char *name = asked[input_u8(&w.in) % ELEMENTSOF(asked)].name;
        uint8_t how = input_u8(&w.in);
        long begin = how & 1, n = begin, capacity = 1 + (how >> 1) % 3, limit = (how >> 3) % 6 - 1;
        gid_t skip = how & 0x40 ? 99990 : 100, *gids = malloc((size_t)capacity * sizeof(*gids));
        int error = ERRNOP_KEPT;
        enum nss_status status;

        if (!gids)
                abort();
        gids[0] = 100;
        w.no_memory = how & 0x80;
        errno = ERRNO_KEPT;
        status = _nss_nhi_initgroups_dyn(name, skip, &n, &capacity, &gids, limit, &error);
        FUZZ_HOLDS(errno == ERRNO_KEPT, "errno stays as it was (N1)");
        FUZZ_HOLDS(n >= begin && n <= capacity, "an array that holds what it says");
        FUZZ_HOLDS(limit <= 0 || capacity <= (limit > 3 ? limit : 3), "within the limit");
        FUZZ_HOLDS(begin == 0 || gids[0] == 100, "what was there stays");
        list_check(name, skip, gids, begin, n,
                   status == NSS_STATUS_SUCCESS && (limit <= 0 || n < limit));
        FUZZ_HOLDS(status != NSS_STATUS_TRYAGAIN || (error == ENOMEM && w.no_memory),
                   "another try only for want of memory");
        free(gids);
}

/* ---- */

static void call(void)
{
        uint8_t what = input_u8(&w.in);

        w.no_file = what >= 224;
        w.superseded = what & 0x10 || w.no_file;
        switch (what % 8) {
        case 0:
        case 1:
                ask_passwd(what & 1);
                break;
        case 2:
        case 3:
                ask_group(what & 1);
                break;
        case 4:
                next_user();
                break;
        case 5:
                next_group();
                break;
        case 6:
                ask_groups();
                break;
        default:
                rewind_both();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int error = 0;
        struct passwd p;

        w.in = (Input){ data, size };
        w.no_memory = false;
        for (int i = 0; i < CALLS_MAX && w.in.size > 0; i++)
                call();
        rewind_both();
        w.no_file = w.superseded = true;
        FUZZ_HOLDS(_nss_nhi_getpwuid_r(70001, &p, NULL, 0, &error) == NSS_STATUS_UNAVAIL &&
                           error == ENOENT,
                   "without a file there is no such user");
        return 0;
}
