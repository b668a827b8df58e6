/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in every process that looks up a name.
 *
 *  R1 An offset MUST be checked against the mapping, or against its record, before it is followed,
 *     each time.
 *  R2 A search MUST end after at most as many steps as its table has slots.
 *  R3 A record that is over MUST NOT answer by name, nor a membership at all.
 *  R4 uid 0, gid 0 and root MUST never be answered, whatever the file says.
 *  R5 A record whose checksum does not hold MUST NOT answer. */

#include "lib/snapshot/reader.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/snapshot/bytes.h"

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

/* A NUL-ended text of a record, or NULL. */
static const char *text_in(const void *record, size_t offset)
{
        size_t size = record_size(record), left;
        const char *text = (const char *)record + offset;

        if (offset < sizeof(SnapshotRecord) || offset >= size)
                return NULL;
        left = size - offset;
        if (left > SNAPSHOT_TEXT_MAX + 1)
                left = SNAPSHOT_TEXT_MAX + 1;
        return memchr(text, 0, left) ? text : NULL;
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

/* ---- searching ---- */

typedef struct Probe {
        const SnapshotSlot *slots;
        uint32_t hash, mask, at, left;
} Probe;

static Probe probe_start(const Snapshot *s, const SnapshotTable *t, uint32_t hash)
{
        uint32_t n = get_le32(t->n_slots_le);
        const SnapshotSlot *slots =
                (const void *)bytes_at(s, get_le32(t->offset_le), (size_t)n * sizeof(*slots));

        if (!slots)
                return (Probe){ 0 };
        return (Probe){
                .slots = slots, .hash = hash, .mask = n - 1, .at = hash & (n - 1), .left = n
        };
}

/* The offset of the next record of this hash, 0 at the end. */
static size_t probe_next(Probe *p)
{
        while (p->left > 0) {
                const SnapshotSlot *slot = p->slots + p->at;
                size_t offset = slot_offset(slot);

                if (offset == 0)
                        break;
                p->at = (p->at + 1) & p->mask;
                p->left--;
                if (slot_may_be(slot, p->hash))
                        return offset;
        }
        p->left = 0;
        return 0;
}

/* A passwd record that may be answered, whatever its deadlines say. */
static const SnapshotPasswd *user_at(const Snapshot *s, size_t offset, SnapshotUserView *ret)
{
        const SnapshotPasswd *p = record_at(s, offset, sizeof(*p));
        SnapshotUserView v;

        if (!p)
                return NULL;
        v = (SnapshotUserView){
                .name = text_in(p, get_le16(p->name_le)),
                .gecos = text_in(p, get_le16(p->gecos_le)),
                .home = text_in(p, get_le16(p->home_le)),
                .shell = text_in(p, get_le16(p->shell_le)),
                .uid = get_le32(p->uid_le),
                .gid = get_le32(p->gid_le),
        };
        if (!name_is_strict(v.name) || streq(v.name, "root") || !v.gecos || !v.home || !v.shell ||
            !snapshot_id_is_lawful(v.uid) || !snapshot_id_is_lawful(v.gid))
                return NULL;
        *ret = v;
        return p;
}

bool snapshot_user_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                           SnapshotUserView *ret)
{
        Probe probe = probe_start(s, &header_of(s)->passwd_by_name, snapshot_hash_name(name));
        size_t offset;

        while ((offset = probe_next(&probe))) {
                SnapshotUserView v;
                const SnapshotPasswd *p = user_at(s, offset, &v);

                if (!p || !streq(v.name, name) ||
                    is_over(p->real_deadline_le, p->boot_deadline_le, now))
                        continue;
                *ret = v;
                return true;
        }
        return false;
}

bool snapshot_user_by_uid(const Snapshot *s, uid_t uid, SnapshotNow now, SnapshotUserView *ret)
{
        Probe probe = probe_start(s, &header_of(s)->passwd_by_uid, snapshot_hash_id(uid));
        size_t offset;

        while ((offset = probe_next(&probe))) {
                SnapshotUserView v;
                const SnapshotPasswd *p = user_at(s, offset, &v);

                if (!p || v.uid != uid)
                        continue;
                if (is_over(p->real_deadline_le, p->boot_deadline_le, now))
                        v.shell = SNAPSHOT_NOLOGIN;
                *ret = v;
                return true;
        }
        return false;
}

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
        Probe probe = probe_start(s, &header_of(s)->group_by_name, snapshot_hash_name(name));
        size_t offset;

        while ((offset = probe_next(&probe))) {
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
        Probe probe = probe_start(s, &header_of(s)->group_by_gid, snapshot_hash_id(gid));
        size_t offset;

        while ((offset = probe_next(&probe))) {
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

bool snapshot_memberships_of(const Snapshot *s, const char *user, SnapshotMembershipsView *ret)
{
        Probe probe;
        size_t offset;

        if (!name_is_sane(user) || streq(user, "root"))
                return false;
        probe = probe_start(s, &header_of(s)->member_by_user, snapshot_hash_name(user));
        while ((offset = probe_next(&probe))) {
                const SnapshotUser *u = record_at(s, offset, sizeof(*u));
                const char *name = u ? text_in(u, get_le32(u->name_le)) : NULL;
                size_t n = u ? get_le32(u->n_groups_le) : 0;
                const SnapshotMember *m = u ? members_in(u, sizeof(*u), n) : NULL;

                if (!m || !name || !streq(name, user))
                        continue;
                *ret = (SnapshotMembershipsView){ .members = m, .n = n };
                return true;
        }
        return false;
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
