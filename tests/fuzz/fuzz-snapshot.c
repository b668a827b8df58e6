/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity snapshot as every process reads it (N06, N18). Input: the image. Whatever it says,
 * root is never answered, a name that is over never by name, and every text ends within the image.
 * The mutator repairs the checksums, which would hide all else. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/snapshot/bytes.h"
#include "tests/fuzz/fuzz.h"

/* Between the deadlines of the images in the corpus. */
static const SnapshotNow now = { INT64_C(1763760000000000), INT64_C(500000000) };

static size_t read_through(const char *text)
{
        return strlen(text); /* a sanitizer sees how far that goes */
}

static void user_check(const Snapshot *s, const SnapshotUserView *u)
{
        FUZZ_HOLDS(name_is_strict(u->name) && !streq(u->name, "root"), "a name, and not root's");
        FUZZ_HOLDS(snapshot_id_is_lawful(u->uid) && snapshot_id_is_lawful(u->gid),
                   "ids, and not root's");
        FUZZ_HOLDS(read_through(u->gecos) <= SNAPSHOT_TEXT_MAX &&
                           read_through(u->home) <= SNAPSHOT_TEXT_MAX &&
                           read_through(u->shell) <= SNAPSHOT_TEXT_MAX,
                   "texts within their limit");
        (void)s;
}

static void group_check(const SnapshotGroupView *g)
{
        FUZZ_HOLDS(name_is_sane(g->name) && !streq(g->name, "root") &&
                           snapshot_id_is_lawful(g->gid),
                   "a group, and not root's");
        for (size_t i = 0; i < g->n_members + 1; i++) {
                const char *name = snapshot_member(g, i, now);

                FUZZ_HOLDS(!name || (name_is_sane(name) && !streq(name, "root")),
                           "a member, and not root");
        }
        FUZZ_HOLDS(!snapshot_member(g, SIZE_MAX, now), "no member behind the last");
}

static void memberships_check(const Snapshot *s, const char *name)
{
        SnapshotMembershipsView v;
        gid_t gid;

        if (!snapshot_memberships_of(s, name, &v))
                return;
        for (size_t i = 0; i < v.n + 1; i++)
                if (snapshot_membership(&v, i, now, &gid))
                        FUZZ_HOLDS(i < v.n && snapshot_id_is_lawful(gid),
                                   "in a group, and not root's");
}

static void user_ask(const Snapshot *s, const char *name, uid_t uid)
{
        SnapshotUserView u;

        if (snapshot_user_by_name(s, name, now, &u)) {
                user_check(s, &u);
                FUZZ_HOLDS(streq(u.name, name), "who was asked for");
        }
        if (snapshot_user_by_uid(s, uid, now, &u)) {
                user_check(s, &u);
                FUZZ_HOLDS(u.uid == uid, "whose uid was asked for");
        }
        memberships_check(s, name);
}

static void group_ask(const Snapshot *s, const char *name, gid_t gid)
{
        SnapshotGroupView g;

        if (snapshot_group_by_name(s, name, now, &g)) {
                group_check(&g);
                FUZZ_HOLDS(streq(g.name, name), "the group that was asked for");
        }
        if (snapshot_group_by_gid(s, gid, now, &g)) {
                group_check(&g);
                FUZZ_HOLDS(g.gid == gid, "whose gid was asked for");
        }
}

static void enumerate(const Snapshot *s)
{
        SnapshotUserView u;
        SnapshotGroupView g;

        for (size_t cursor = 0, n = 0; n < 64 && snapshot_next_user(s, &cursor, now, &u); n++) {
                user_check(s, &u);
                user_ask(s, u.name, u.uid);
                group_ask(s, u.name, u.gid);
        }
        for (size_t cursor = 0, n = 0; n < 64 && snapshot_next_group(s, &cursor, now, &g); n++) {
                group_check(&g);
                group_ask(s, g.name, g.gid);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct {
                const char *name;
                uint32_t id;
        } asked[] = { { "root", 0 },        { "svc-deploy", 70001 }, { "svc-ended", 70002 },
                      { "pay-ops", 99998 }, { "", 65535 },           { "nobody", UINT32_MAX },
                      { "operator1", 2000 } };
        Snapshot s;

        if (snapshot_over(data, size, &s) != 0)
                return 0;
        (void)snapshot_is_superseded(&s);
        (void)snapshot_enumerates(&s);
        for (size_t i = 0; i < ELEMENTSOF(asked); i++) {
                user_ask(&s, asked[i].name, asked[i].id);
                group_ask(&s, asked[i].name, asked[i].id);
        }
        enumerate(&s);
        snapshot_close(&s);
        return 0;
}

/* ---- the mutator ---- */

static void record_repair(uint8_t *data, size_t size, size_t offset)
{
        SnapshotRecord *r;
        size_t left;

        if (offset % 8 != 0 || offset >= size || size - offset < 24)
                return;
        r = (SnapshotRecord *)(data + offset);
        left = get_le32(r->size_le);
        if (left >= 24 && left <= size - offset && left % 8 == 0)
                put_le64(r->checksum_le, snapshot_record_checksum(data + offset, left));
}

/* Every record that a slot of this table leads to. */
static void table_repair(uint8_t *data, size_t size, const SnapshotTable *t)
{
        size_t offset = get_le32(t->offset_le), n = get_le32(t->n_slots_le);

        for (size_t i = 0; i < n && offset < size && size - offset >= sizeof(SnapshotSlot);
             i++, offset += sizeof(SnapshotSlot)) {
                const SnapshotSlot *slot = (const SnapshotSlot *)(data + offset);

                uint32_t units =
                        get_le32(slot->tag_and_offset_le) & ((1u << SNAPSHOT_SLOT_OFFSET_BITS) - 1);

                record_repair(data, size, (size_t)units * 8);
        }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
        SnapshotHeader *h = (SnapshotHeader *)data;

        size = LLVMFuzzerMutate(data, size, size_max);
        while (size % 8 != 0 && size < size_max)
                data[size++] = 0;
        if (size < sizeof(*h) || size % 8 != 0 || seed % 32 == 0)
                return size;
        if (seed % 8 != 0) {
                table_repair(data, size, &h->passwd_by_name);
                table_repair(data, size, &h->passwd_by_uid);
                table_repair(data, size, &h->group_by_name);
                table_repair(data, size, &h->group_by_gid);
                table_repair(data, size, &h->member_by_user);
        }
        memcpy(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic));
        h->major_le[0] = SNAPSHOT_MAJOR;
        h->major_le[1] = 0;
        put_le64(h->size_le, size);
        put_le64(h->checksum_le, snapshot_header_checksum(data));
        return size;
}
