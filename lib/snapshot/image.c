/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/image.h"

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "lib/snapshot/bytes.h"

#include <assert.h>

/* The image while it is filled. */
typedef struct Image {
        uint8_t *data;
        size_t capacity, size, n_members;
} Image;

static uint32_t slots_for(size_t n)
{
        uint32_t slots = 2;

        while (3ul * slots < 4 * n)
                slots *= 2;
        return slots;
}

static size_t text_size(const char *s)
{
        return strlen(s) + 1;
}

static size_t aligned(size_t size)
{
        return (size + 7) / 8 * 8;
}

static size_t tables_size(const SnapshotBuild *b, size_t n_members)
{
        return sizeof(SnapshotSlot) *
               (2ul * slots_for(b->n_users) + 2ul * slots_for(b->n_groups) + slots_for(n_members));
}

/* No image of these is larger than ret->capacity; it may end up smaller by 7 bytes a group. */
static void image_measure(const SnapshotBuild *b, const Tie *ties, size_t n_ties, Image *ret)
{
        size_t n_members = 0, size = sizeof(SnapshotHeader);

        for (size_t i = 0; i < b->n_users; i++) {
                const SnapshotBuildUser *u = &b->users[i];

                size += aligned(sizeof(SnapshotPasswd) + text_size(u->name) + text_size(u->gecos) +
                                text_size(u->home) + text_size(u->shell));
        }
        for (size_t i = 0; i < b->n_groups; i++)
                size += sizeof(SnapshotGroup) + aligned(text_size(b->groups[i].name)) + 7;
        for (size_t i = 0; i < n_ties; i++) {
                size += 2 * sizeof(SnapshotMember) + text_size(ties[i].user);
                if (i == 0 || !streq(ties[i].user, ties[i - 1].user)) {
                        size += sizeof(SnapshotUser) + aligned(text_size(ties[i].user));
                        n_members++;
                }
        }
        ret->n_members = n_members;
        ret->capacity = aligned(size + tables_size(b, n_members));
}

/* Room behind what there is, zeroed. */
static uint8_t *image_take(Image *img, size_t size)
{
        uint8_t *at = img->data + img->size;

        assert(size <= img->capacity - img->size);
        img->size += size;
        return at;
}

/* The record begun last is complete. */
static void record_seal(Image *img, SnapshotRecord *r)
{
        size_t size = aligned((size_t)(img->data + img->size - (uint8_t *)r));

        img->size = (size_t)((uint8_t *)r - img->data) + size;
        put_le32(r->size_le, (uint32_t)size);
        put_le64(r->checksum_le, snapshot_record_checksum((uint8_t *)r, size));
}

/* The offset of a text's copy in the record begun last. */
static uint32_t record_text(Image *img, const SnapshotRecord *r, const char *s)
{
        uint8_t *at = image_take(img, text_size(s));

        memcpy(at, s, text_size(s));
        return (uint32_t)(at - (const uint8_t *)r);
}

static SnapshotHeader *image_header(const Image *img)
{
        return (SnapshotHeader *)img->data;
}

/* Lay the tables out behind the header, in the order of format.h. */
static void image_tables(Image *img, const SnapshotBuild *b)
{
        SnapshotHeader *h = (SnapshotHeader *)image_take(img, sizeof(*h));
        struct {
                SnapshotTable *table;
                size_t n;
        } tables[] = {
                { &h->passwd_by_name, b->n_users },     { &h->passwd_by_uid, b->n_users },
                { &h->group_by_name, b->n_groups },     { &h->group_by_gid, b->n_groups },
                { &h->member_by_user, img->n_members },
        };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                uint32_t n_slots = slots_for(tables[i].n);

                put_le32(tables[i].table->offset_le, (uint32_t)img->size);
                put_le32(tables[i].table->n_slots_le, n_slots);
                (void)image_take(img, n_slots * sizeof(SnapshotSlot));
        }
}

/* What a record is found by. */
typedef struct Key {
        uint32_t hash, id;
        const char *name; /* NULL: by id */
        size_t at;        /* where records of this kind keep it: an id, or a name's offset */
        bool is_short;    /* the offset has 16 bits */
} Key;

static Key key_name(const char *name, size_t at, bool is_short)
{
        return (Key){
                .hash = snapshot_hash_name(name), .name = name, .at = at, .is_short = is_short
        };
}

static Key key_id(uint32_t id, size_t at)
{
        return (Key){ .hash = snapshot_hash_id(id), .id = id, .at = at };
}

static bool key_is_of(const Key *key, const uint8_t *record)
{
        const uint8_t *at = record + key->at;

        if (!key->name)
                return get_le32(at) == key->id;
        return streq((const char *)record + (key->is_short ? get_le16(at) : get_le32(at)),
                     key->name);
}

/* Enter a record, unless an earlier one has that key. */
static void image_enter(Image *img, const SnapshotTable *t, const void *record, Key key)
{
        size_t offset = (size_t)((const uint8_t *)record - img->data);
        uint32_t n = get_le32(t->n_slots_le);
        SnapshotSlot *slots = (SnapshotSlot *)(img->data + get_le32(t->offset_le));

        for (uint32_t i = key.hash & (n - 1);; i = (i + 1) & (n - 1)) {
                size_t other = slot_offset(&slots[i]);

                if (other == 0) {
                        put_le32(slots[i].tag_and_offset_le, slot_make(key.hash, offset));
                        return;
                }
                if (slot_may_be(&slots[i], key.hash) && key_is_of(&key, img->data + other))
                        return;
        }
}

static bool is_retired(int64_t real_deadline, int64_t boot_deadline)
{
        return real_deadline == 0 && boot_deadline == 0;
}

static SnapshotPasswd *image_user(Image *img, const SnapshotBuildUser *u)
{
        SnapshotPasswd *p = (SnapshotPasswd *)image_take(img, sizeof(*p));

        put_le64(p->real_deadline_le, (uint64_t)u->real_deadline);
        put_le64(p->boot_deadline_le, (uint64_t)u->boot_deadline);
        put_le32(p->uid_le, u->uid);
        put_le32(p->gid_le, u->gid);
        put_le16(p->name_le, (uint16_t)record_text(img, &p->record, u->name));
        put_le16(p->gecos_le, (uint16_t)record_text(img, &p->record, u->gecos));
        put_le16(p->home_le, (uint16_t)record_text(img, &p->record, u->home));
        put_le16(p->shell_le, (uint16_t)record_text(img, &p->record, u->shell));
        record_seal(img, &p->record);
        return p;
}

static void image_users(Image *img, const SnapshotBuild *b)
{
        const SnapshotHeader *h = image_header(img);

        for (size_t i = 0; i < b->n_users; i++) {
                const SnapshotBuildUser *u = &b->users[i];
                const SnapshotPasswd *p = image_user(img, u);

                image_enter(img, &h->passwd_by_uid, p,
                            key_id(u->uid, offsetof(SnapshotPasswd, uid_le)));
                if (!is_retired(u->real_deadline, u->boot_deadline))
                        image_enter(img, &h->passwd_by_name, p,
                                    key_name(u->name, offsetof(SnapshotPasswd, name_le), true));
        }
}

/* Room for n members of the record begun last. */
static SnapshotMember *image_members(Image *img, size_t n)
{
        return (SnapshotMember *)image_take(img, n * sizeof(SnapshotMember));
}

static void member_fill(SnapshotMember *m, const Tie *t, uint32_t name, gid_t gid)
{
        put_le64(m->real_deadline_le, (uint64_t)t->real_deadline);
        put_le64(m->boot_deadline_le, (uint64_t)t->boot_deadline);
        put_le32(m->name_le, name);
        put_le32(m->gid_le, gid);
}

/* The memberships by user. */
static void image_memberships(Image *img, const SnapshotBuild *b, const Tie *ties, size_t n_ties)
{
        const SnapshotHeader *h = image_header(img);

        for (size_t i = 0, end; i < n_ties; i = end) {
                SnapshotUser *u = (SnapshotUser *)image_take(img, sizeof(*u));
                SnapshotMember *m;

                for (end = i; end < n_ties && streq(ties[end].user, ties[i].user);)
                        end++;
                m = image_members(img, end - i);
                for (size_t tie = i; tie < end; tie++)
                        member_fill(m++, &ties[tie], 0, b->groups[ties[tie].group].gid);
                put_le32(u->name_le, record_text(img, &u->record, ties[i].user));
                put_le32(u->n_groups_le, (uint32_t)(end - i));
                record_seal(img, &u->record);
                image_enter(img, &h->member_by_user, u,
                            key_name(ties[i].user, offsetof(SnapshotUser, name_le), false));
        }
}

/* ties: the n of this group. */
static SnapshotGroup *image_group(Image *img, const SnapshotBuildGroup *bg, const Tie *ties,
                                  size_t n)
{
        SnapshotGroup *g = (SnapshotGroup *)image_take(img, sizeof(*g));
        SnapshotMember *m = image_members(img, n);

        put_le64(g->real_deadline_le, (uint64_t)bg->real_deadline);
        put_le64(g->boot_deadline_le, (uint64_t)bg->boot_deadline);
        put_le32(g->gid_le, bg->gid);
        put_le32(g->name_le, record_text(img, &g->record, bg->name));
        put_le32(g->flags_le, bg->local ? SNAPSHOT_GROUP_LOCAL : 0);
        put_le32(g->n_members_le, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                member_fill(&m[i], &ties[i], record_text(img, &g->record, ties[i].user), 0);
        record_seal(img, &g->record);
        return g;
}

/* ties are sorted by group. */
static void image_groups(Image *img, const SnapshotBuild *b, const Tie *ties, size_t n_ties)
{
        const SnapshotHeader *h = image_header(img);
        size_t tie = 0;

        for (size_t i = 0; i < b->n_groups; i++) {
                const SnapshotBuildGroup *bg = &b->groups[i];
                const SnapshotGroup *g;
                size_t n = 0;

                while (tie + n < n_ties && ties[tie + n].group == i)
                        n++;
                g = image_group(img, bg, ties + tie, n);
                tie += n;
                image_enter(img, &h->group_by_gid, g,
                            key_id(bg->gid, offsetof(SnapshotGroup, gid_le)));
                if (!is_retired(bg->real_deadline, bg->boot_deadline))
                        image_enter(img, &h->group_by_name, g,
                                    key_name(bg->name, offsetof(SnapshotGroup, name_le), false));
        }
}

static void image_seal(Image *img, const SnapshotBuild *b)
{
        SnapshotHeader *h = image_header(img);

        memcpy(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic));
        h->major_le[0] = SNAPSHOT_MAJOR;
        h->minor_le[0] = SNAPSHOT_MINOR;
        h->enumerate = b->enumerate;
        put_le64(h->generation_le, b->generation);
        put_le64(h->size_le, img->size);
        put_le64(h->checksum_le, snapshot_header_checksum(img->data));
}

static int tie_compare_group(const void *a, const void *b)
{
        const Tie *x = a, *y = b;

        if (x->group != y->group)
                return x->group < y->group ? -1 : 1;
        return strcmp(x->user, y->user);
}

int image_make(const SnapshotBuild *b, Tie *ties, size_t n_ties, uint8_t **ret, size_t *ret_size)
{
        Image img = { 0 };

        image_measure(b, ties, n_ties, &img);
        if (img.capacity > SNAPSHOT_SIZE_MAX)
                return -E2BIG;
        img.data = calloc(1, img.capacity);
        if (!img.data)
                return -ENOMEM;

        image_tables(&img, b);
        image_users(&img, b);
        image_memberships(&img, b, ties, n_ties);
        sort_items(ties, n_ties, tie_compare_group);
        image_groups(&img, b, ties, n_ties);
        image_seal(&img, b);

        *ret = img.data;
        *ret_size = img.size;
        return 0;
}
