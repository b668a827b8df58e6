/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in every process that looks up a name.
 *
 *  R1 An offset MUST be checked against the mapping before it is followed, each time.
 *  R2 A search MUST end after at most as many steps as its table has slots.
 *  R3 A record that is over MUST NOT answer by name, nor a membership at all.
 *  R4 uid 0, gid 0 and root MUST never be answered, whatever the file says. */

#include "lib/snapshot/reader.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/snapshot/bytes.h"

/* A NUL-ended string, or NULL. */
static const char *text_at(const Snapshot *s, const uint8_t offset_le[static 4])
{
        size_t offset = get_le32(offset_le), left;

        if (offset < sizeof(SnapshotHeader) || offset >= s->size)
                return NULL;
        left = s->size - offset;
        if (left > SNAPSHOT_TEXT_MAX + 1)
                left = SNAPSHOT_TEXT_MAX + 1;
        if (!memchr(s->map + offset, 0, left))
                return NULL;
        return (const char *)s->map + offset;
}

static bool is_over(const uint8_t real_le[static 8], const uint8_t boot_le[static 8],
                    SnapshotNow now)
{
        return now.real_usec >= (int64_t)get_le64(real_le) ||
               now.boot_usec >= (int64_t)get_le64(boot_le);
}

/* ---- searching ---- */

typedef struct Probe {
        const uint8_t *slots;
        uint32_t mask, at, left;
} Probe;

static Probe probe_start(const Snapshot *s, const SnapshotTable *t, uint32_t hash)
{
        uint32_t n = get_le32(t->n_slots_le);
        const uint8_t *slots = bytes_at(s, get_le32(t->offset_le), (size_t)n * 4);

        if (!slots || n == 0)
                return (Probe){ 0 };
        return (Probe){ .slots = slots, .mask = n - 1, .at = hash & (n - 1), .left = n };
}

/* The next record's offset, 0 at the end. */
static uint32_t probe_next(Probe *p)
{
        uint32_t offset;

        if (p->left == 0)
                return 0;
        offset = get_le32(p->slots + (size_t)p->at * 4);
        p->at = (p->at + 1) & p->mask;
        p->left = offset == 0 ? 0 : p->left - 1;
        return offset;
}

/* A passwd record that may be answered, whatever its deadlines say. */
static const SnapshotPasswd *user_at(const Snapshot *s, size_t offset, SnapshotUserView *ret)
{
        const SnapshotPasswd *p = (const void *)bytes_at(s, offset, sizeof(*p));
        SnapshotUserView v;

        if (!p)
                return NULL;
        v = (SnapshotUserView){
                .name = text_at(s, p->name_le),
                .gecos = text_at(s, p->gecos_le),
                .home = text_at(s, p->home_le),
                .shell = text_at(s, p->shell_le),
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
        uint32_t offset;

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
        uint32_t offset;

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
        const SnapshotGroup *g = (const void *)bytes_at(s, offset, sizeof(*g));
        SnapshotGroupView v;

        if (!g)
                return NULL;
        v = (SnapshotGroupView){
                .name = text_at(s, g->name_le),
                .gid = get_le32(g->gid_le),
                .n_members = get_le32(g->n_members_le),
        };
        /* The product cannot overflow: 2^32 records of 24 bytes. */
        v.members = bytes_at(s, offset + sizeof(*g), v.n_members * sizeof(SnapshotMember));
        if (!name_is_sane(v.name) || streq(v.name, "root") || !snapshot_id_is_lawful(v.gid) ||
            !v.members)
                return NULL;
        *ret = v;
        return g;
}

bool snapshot_group_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                            SnapshotGroupView *ret)
{
        Probe probe = probe_start(s, &header_of(s)->group_by_name, snapshot_hash_name(name));
        uint32_t offset;

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
        uint32_t offset;

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

const char *snapshot_member(const Snapshot *s, const SnapshotGroupView *g, size_t i,
                            SnapshotNow now)
{
        const SnapshotMember *m;
        const char *name;

        if (i >= g->n_members)
                return NULL;
        m = (const SnapshotMember *)g->members + i;
        if (is_over(m->real_deadline_le, m->boot_deadline_le, now))
                return NULL;
        name = text_at(s, m->name_le);
        return name_is_sane(name) && !streq(name, "root") ? name : NULL;
}

/* ---- memberships ---- */

/* The memberships of a user: n_groups SnapshotMember, or NULL. */
static const SnapshotMember *memberships_of(const Snapshot *s, const char *user, size_t *ret_n)
{
        Probe probe = probe_start(s, &header_of(s)->member_by_user, snapshot_hash_name(user));
        uint32_t offset;

        while ((offset = probe_next(&probe))) {
                const SnapshotUser *u = (const void *)bytes_at(s, offset, sizeof(*u));
                const char *name = u ? text_at(s, u->name_le) : NULL;

                if (!name || !streq(name, user))
                        continue;
                *ret_n = get_le32(u->n_groups_le);
                return (const void *)bytes_at(s, offset + sizeof(*u),
                                              *ret_n * sizeof(SnapshotMember));
        }
        return NULL;
}

bool snapshot_next_gid_of(const Snapshot *s, const char *user, size_t *cursor, SnapshotNow now,
                          gid_t *ret)
{
        const SnapshotMember *m;
        size_t n = 0;

        if (!name_is_sane(user) || streq(user, "root"))
                return false;
        m = memberships_of(s, user, &n);
        while (m && *cursor < n) {
                const SnapshotMember *at = m + (*cursor)++;
                gid_t gid = get_le32(at->gid_le);

                if (!snapshot_id_is_lawful(gid) ||
                    is_over(at->real_deadline_le, at->boot_deadline_le, now))
                        continue;
                *ret = gid;
                return true;
        }
        return false;
}

size_t snapshot_groups_of(const Snapshot *s, const char *user, SnapshotNow now, gid_t *ret,
                          size_t n)
{
        size_t cursor = 0, n_active = 0;
        gid_t gid;

        while (snapshot_next_gid_of(s, user, &cursor, now, &gid)) {
                if (n_active < n)
                        ret[n_active] = gid;
                n_active++;
        }
        return n_active;
}

/* ---- enumeration ---- */

/* The record in the slot at *cursor or the next one that is used, 0 at the end. */
static uint32_t slot_next(const Snapshot *s, const SnapshotTable *t, size_t *cursor)
{
        size_t n = get_le32(t->n_slots_le);
        const uint8_t *slots = bytes_at(s, get_le32(t->offset_le), n * 4);

        while (slots && *cursor < n) {
                uint32_t offset = get_le32(slots + 4 * (*cursor)++);

                if (offset != 0)
                        return offset;
        }
        return 0;
}

bool snapshot_next_user(const Snapshot *s, size_t *cursor, SnapshotNow now, SnapshotUserView *ret)
{
        uint32_t offset;

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
        uint32_t offset;

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
