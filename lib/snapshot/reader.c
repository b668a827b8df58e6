/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in every process that looks up a name.
 *
 *  R1 An offset MUST be checked against the mapping, or against its record, before it is followed,
 *     each time.
 *  R2 A search MUST end after at most as many steps as its table has slots (search.h).
 *  R3 A record that is over MUST NOT answer by name, nor a membership at all.
 *  R4 uid 0, gid 0 and root MUST never be answered, whatever the file says.
 *  R5 A record whose checksum does not hold MUST NOT answer. */

#include "lib/snapshot/reader.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/snapshot/search.h"

static size_t record_size(const SnapshotRecord *r)
{
        return get_le32(r->size_le);
}

/* A whole record that begins with a head of so many bytes, or NULL. */
static const void *record_at(const Snapshot *s, size_t offset, size_t head_size)
{
        const SnapshotRecord *r = (const void *)bytes_at(s, offset, head_size);
        size_t size;

        if (!r)
                return NULL;
        size = record_size(r);
        if (size < head_size || size % 8 != 0 || !bytes_at(s, offset, size) ||
            get_le64(r->checksum_le) != snapshot_record_checksum((const uint8_t *)r, size))
                return NULL;
        return r;
}

/* A NUL-ended text of a record and its size with the NUL, or NULL. */
static const char *sized_text_in(const void *record, size_t offset, size_t *ret_size)
{
        size_t size = record_size(record), left;
        const char *text = (const char *)record + offset, *end;

        if (offset < sizeof(SnapshotRecord) || offset >= size)
                return NULL;
        left = size - offset;
        if (left > SNAPSHOT_TEXT_MAX + 1)
                left = SNAPSHOT_TEXT_MAX + 1;
        end = memchr(text, 0, left);
        if (!end)
                return NULL;
        *ret_size = (size_t)(end - text) + 1;
        return text;
}

static const char *text_in(const void *record, size_t offset)
{
        size_t size;

        return sized_text_in(record, offset, &size);
}

/* The n members that follow a record's head, or NULL where it has not got them. */
static const SnapshotMember *members_in(const void *record, size_t head_size, size_t n)
{
        if (n > (record_size(record) - head_size) / sizeof(SnapshotMember))
                return NULL;
        return (const void *)((const uint8_t *)record + head_size);
}

static bool is_over(const uint8_t real_le[static 8], const uint8_t boot_le[static 8],
                    SnapshotNow now)
{
        return now.real_usec >= (int64_t)get_le64(real_le) ||
               now.boot_usec >= (int64_t)get_le64(boot_le);
}

/* A passwd record that may be answered, whatever its deadlines say. */
static const SnapshotPasswd *user_at(const Snapshot *s, size_t offset, SnapshotUserView *ret)
{
        const SnapshotPasswd *p = record_at(s, offset, sizeof(*p));
        SnapshotUserView v = { 0 };

        if (!p)
                return NULL;
        v.name = sized_text_in(p, get_le16(p->name_le), &v.name_size);
        v.gecos = sized_text_in(p, get_le16(p->gecos_le), &v.gecos_size);
        v.home = sized_text_in(p, get_le16(p->home_le), &v.home_size);
        v.shell = sized_text_in(p, get_le16(p->shell_le), &v.shell_size);
        v.uid = get_le32(p->uid_le);
        v.gid = get_le32(p->gid_le);
        if (!name_is_strict(v.name) || streq(v.name, "root") || !v.gecos || !v.home || !v.shell ||
            !snapshot_id_is_lawful(v.uid) || !snapshot_id_is_lawful(v.gid))
                return NULL;
        *ret = v;
        return p;
}

/* ---- users ---- */

void snapshot_search_user(const Snapshot *s, const char *name, SnapshotSearch *ret)
{
        search_start(s, &header_of(s)->passwd_by_name, snapshot_hash_name(name), ret);
        ret->name = name;
        search_prefetch(ret);
}

void snapshot_search_uid(const Snapshot *s, uid_t uid, SnapshotSearch *ret)
{
        search_start(s, &header_of(s)->passwd_by_uid, snapshot_hash_id(uid), ret);
        ret->name = NULL;
        ret->id = uid;
        search_prefetch(ret);
}

bool snapshot_found_user(SnapshotSearch *q, SnapshotNow now, SnapshotUserView *ret)
{
        size_t offset;

        while ((offset = search_next(q))) {
                SnapshotUserView v;
                const SnapshotPasswd *p = user_at(q->snapshot, offset, &v);
                bool over;

                if (!p || (q->name ? !streq(v.name, q->name) : v.uid != q->id))
                        continue;
                over = is_over(p->real_deadline_le, p->boot_deadline_le, now);
                if (over && q->name)
                        continue;
                if (over) {
                        v.shell = SNAPSHOT_NOLOGIN;
                        v.shell_size = sizeof(SNAPSHOT_NOLOGIN);
                }
                *ret = v;
                return true;
        }
        return false;
}

bool snapshot_user_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                           SnapshotUserView *ret)
{
        SnapshotSearch q;

        snapshot_search_user(s, name, &q);
        return snapshot_found_user(&q, now, ret);
}

bool snapshot_user_by_uid(const Snapshot *s, uid_t uid, SnapshotNow now, SnapshotUserView *ret)
{
        SnapshotSearch q;

        snapshot_search_uid(s, uid, &q);
        return snapshot_found_user(&q, now, ret);
}

/* ---- groups ---- */

static const SnapshotGroup *group_at(const Snapshot *s, size_t offset, SnapshotGroupView *ret)
{
        const SnapshotGroup *g = record_at(s, offset, sizeof(*g));
        SnapshotGroupView v;

        if (!g)
                return NULL;
        v = (SnapshotGroupView){
                .record = g,
                .name = text_in(g, get_le32(g->name_le)),
                .gid = get_le32(g->gid_le),
                .n_members = get_le32(g->n_members_le),
        };
        if (!name_is_sane(v.name) || streq(v.name, "root") || !snapshot_id_is_lawful(v.gid) ||
            !members_in(g, sizeof(*g), v.n_members))
                return NULL;
        *ret = v;
        return g;
}

bool snapshot_group_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                            SnapshotGroupView *ret)
{
        SnapshotSearch q;
        size_t offset;

        search_start(s, &header_of(s)->group_by_name, snapshot_hash_name(name), &q);
        while ((offset = search_next(&q))) {
                SnapshotGroupView v;
                const SnapshotGroup *g = group_at(s, offset, &v);

                if (!g || !streq(v.name, name) ||
                    is_over(g->real_deadline_le, g->boot_deadline_le, now))
                        continue;
                *ret = v;
                return true;
        }
        return false;
}

bool snapshot_group_by_gid(const Snapshot *s, gid_t gid, SnapshotNow now, SnapshotGroupView *ret)
{
        SnapshotSearch q;
        size_t offset;

        search_start(s, &header_of(s)->group_by_gid, snapshot_hash_id(gid), &q);
        while ((offset = search_next(&q))) {
                SnapshotGroupView v;
                const SnapshotGroup *g = group_at(s, offset, &v);

                if (!g || v.gid != gid)
                        continue;
                if (is_over(g->real_deadline_le, g->boot_deadline_le, now))
                        v.n_members = 0;
                *ret = v;
                return true;
        }
        return false;
}

const char *snapshot_member(const SnapshotGroupView *g, size_t i, SnapshotNow now)
{
        const SnapshotMember *m;
        const char *name;

        if (i >= g->n_members)
                return NULL;
        m = members_in(g->record, sizeof(*g->record), g->n_members) + i;
        if (is_over(m->real_deadline_le, m->boot_deadline_le, now))
                return NULL;
        name = text_in(g->record, get_le32(m->name_le));
        return name_is_sane(name) && !streq(name, "root") ? name : NULL;
}

/* ---- memberships ---- */

void snapshot_search_memberships(const Snapshot *s, const char *user, SnapshotSearch *ret)
{
        if (!name_is_sane(user) || streq(user, "root")) {
                *ret = (SnapshotSearch){ .snapshot = s };
                return;
        }
        search_start(s, &header_of(s)->member_by_user, snapshot_hash_name(user), ret);
        ret->name = user;
        search_prefetch(ret);
}

bool snapshot_found_memberships(SnapshotSearch *q, SnapshotMembershipsView *ret)
{
        size_t offset;

        while ((offset = search_next(q))) {
                const SnapshotUser *u = record_at(q->snapshot, offset, sizeof(*u));
                const char *name = u ? text_in(u, get_le32(u->name_le)) : NULL;
                size_t n = u ? get_le32(u->n_groups_le) : 0;
                const SnapshotMember *m = u ? members_in(u, sizeof(*u), n) : NULL;

                if (!m || !name || !streq(name, q->name))
                        continue;
                *ret = (SnapshotMembershipsView){ .members = m, .n = n };
                return true;
        }
        return false;
}

bool snapshot_memberships_of(const Snapshot *s, const char *user, SnapshotMembershipsView *ret)
{
        SnapshotSearch q;

        snapshot_search_memberships(s, user, &q);
        return snapshot_found_memberships(&q, ret);
}

bool snapshot_membership(const SnapshotMembershipsView *v, size_t i, SnapshotNow now, gid_t *ret)
{
        const SnapshotMember *m = v->members + i;
        gid_t gid;

        if (i >= v->n || is_over(m->real_deadline_le, m->boot_deadline_le, now))
                return false;
        gid = get_le32(m->gid_le);
        if (!snapshot_id_is_lawful(gid))
                return false;
        *ret = gid;
        return true;
}

size_t snapshot_groups_of(const Snapshot *s, const char *user, SnapshotNow now, gid_t *ret,
                          size_t n)
{
        SnapshotMembershipsView v = { 0 };
        size_t n_active = 0;
        gid_t gid;

        (void)snapshot_memberships_of(s, user, &v);
        for (size_t i = 0; i < v.n; i++) {
                if (!snapshot_membership(&v, i, now, &gid))
                        continue;
                if (n_active < n)
                        ret[n_active] = gid;
                n_active++;
        }
        return n_active;
}

/* ---- enumeration ---- */

/* The record in the slot at *cursor or the next one that is used, 0 at the end. */
static size_t slot_next(const Snapshot *s, const SnapshotTable *t, size_t *cursor)
{
        size_t n = get_le32(t->n_slots_le);
        const SnapshotSlot *slots =
                (const void *)bytes_at(s, get_le32(t->offset_le), n * sizeof(*slots));

        while (slots && *cursor < n) {
                size_t offset = slot_offset(&slots[(*cursor)++]);

                if (offset != 0)
                        return offset;
        }
        return 0;
}

bool snapshot_next_user(const Snapshot *s, size_t *cursor, SnapshotNow now, SnapshotUserView *ret)
{
        size_t offset;

        while ((offset = slot_next(s, &header_of(s)->passwd_by_uid, cursor))) {
                SnapshotUserView v;
                const SnapshotPasswd *p = user_at(s, offset, &v);

                if (!p || is_over(p->real_deadline_le, p->boot_deadline_le, now))
                        continue;
                *ret = v;
                return true;
        }
        return false;
}

bool snapshot_next_group(const Snapshot *s, size_t *cursor, SnapshotNow now, SnapshotGroupView *ret)
{
        size_t offset;

        while ((offset = slot_next(s, &header_of(s)->group_by_gid, cursor))) {
                SnapshotGroupView v;
                const SnapshotGroup *g = group_at(s, offset, &v);

                if (!g || (get_le32(g->flags_le) & SNAPSHOT_GROUP_LOCAL) ||
                    is_over(g->real_deadline_le, g->boot_deadline_le, now))
                        continue;
                *ret = v;
                return true;
        }
        return false;
}
