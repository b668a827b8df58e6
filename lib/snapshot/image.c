/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/image.h"

#include "lib/base/macro.h"
#include "lib/snapshot/bytes.h"

#include <assert.h>

/* The image while it is filled: its size is known beforehand to the byte. */
typedef struct Image {
        uint8_t *data;
        size_t size, records, strings, n_members;
} Image;

static uint32_t slots_for(size_t n)
{
        uint32_t slots = 1;

        while (slots < 2 * n)
                slots *= 2;
        return slots;
}

static size_t text_size(const char *s)
{
        return strlen(s) + 1;
}

static void image_measure(const SnapshotBuild *b, const Tie *ties, size_t n_ties, Image *ret)
{
        size_t n_members = 0, strings = 0;

        for (size_t i = 0; i < b->n_users; i++) {
                const SnapshotBuildUser *u = &b->users[i];

                strings += text_size(u->name) + text_size(u->gecos) + text_size(u->home) +
                           text_size(u->shell);
        }
        for (size_t i = 0; i < b->n_groups; i++)
                strings += text_size(b->groups[i].name);
        for (size_t i = 0; i < n_ties; i++)
                if (i == 0 || !streq(ties[i].user, ties[i - 1].user)) {
                        strings += text_size(ties[i].user);
                        n_members++;
                }

        ret->n_members = n_members;
        ret->records = sizeof(SnapshotHeader) +
                       4ul * (2ul * slots_for(b->n_users) + 2ul * slots_for(b->n_groups) +
                              slots_for(n_members));
        ret->strings = ret->records + b->n_users * sizeof(SnapshotPasswd) +
                       b->n_groups * sizeof(SnapshotGroup) + n_members * sizeof(SnapshotUser) +
                       2 * n_ties * sizeof(SnapshotMember);
        ret->size = (ret->strings + strings + 7) / 8 * 8;
}

static uint32_t image_record(Image *img, size_t size)
{
        uint32_t offset = (uint32_t)img->records;

        assert(img->records + size <= img->size);
        img->records += size;
        return offset;
}

static uint32_t image_string(Image *img, const char *s)
{
        uint32_t offset = (uint32_t)img->strings;

        assert(img->strings + text_size(s) <= img->size);
        memcpy(img->data + offset, s, text_size(s));
        img->strings += text_size(s);
        return offset;
}

static SnapshotHeader *image_header(const Image *img)
{
        return (SnapshotHeader *)img->data;
}

/* Lay the tables out behind the header, in the order of format.h. */
static void image_tables(Image *img, const SnapshotBuild *b)
{
        SnapshotHeader *h = image_header(img);
        struct {
                SnapshotTable *table;
                size_t n;
        } tables[] = {
                { &h->passwd_by_name, b->n_users },     { &h->passwd_by_uid, b->n_users },
                { &h->group_by_name, b->n_groups },     { &h->group_by_gid, b->n_groups },
                { &h->member_by_user, img->n_members },
        };
        uint32_t offset = sizeof(SnapshotHeader);

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                uint32_t n_slots = slots_for(tables[i].n);

                put_le32(tables[i].table->offset_le, offset);
                put_le32(tables[i].table->n_slots_le, n_slots);
                offset += n_slots * 4;
        }
}

/* The bytes at which a record of some kind keeps its key: a name's offset or an id. */
static bool key_equals(const Image *img, uint32_t x, uint32_t y, size_t key_at, bool by_name)
{
        uint32_t a = get_le32(img->data + x + key_at), b = get_le32(img->data + y + key_at);

        if (by_name)
                return streq((const char *)img->data + a, (const char *)img->data + b);
        return a == b;
}

/* Enter a record by the key it carries at key_at, unless an earlier one has that key. */
static void image_enter(Image *img, const SnapshotTable *t, uint32_t record, size_t key_at,
                        bool by_name)
{
        uint32_t key = get_le32(img->data + record + key_at), n = get_le32(t->n_slots_le);
        uint32_t hash =
                by_name ? snapshot_hash_name((const char *)img->data + key) : snapshot_hash_id(key);
        uint8_t *slots = img->data + get_le32(t->offset_le);

        for (uint32_t i = hash & (n - 1);; i = (i + 1) & (n - 1)) {
                uint32_t other = get_le32(slots + 4ul * i);

                if (other == 0) {
                        put_le32(slots + 4ul * i, record);
                        return;
                }
                if (key_equals(img, record, other, key_at, by_name))
                        return;
        }
}

static bool is_retired(int64_t real_deadline, int64_t boot_deadline)
{
        return real_deadline == 0 && boot_deadline == 0;
}

static void image_users(Image *img, const SnapshotBuild *b)
{
        const SnapshotHeader *h = image_header(img);

        for (size_t i = 0; i < b->n_users; i++) {
                const SnapshotBuildUser *u = &b->users[i];
                uint32_t record = image_record(img, sizeof(SnapshotPasswd));
                SnapshotPasswd *p = (SnapshotPasswd *)(img->data + record);

                put_le64(p->real_deadline_le, (uint64_t)u->real_deadline);
                put_le64(p->boot_deadline_le, (uint64_t)u->boot_deadline);
                put_le32(p->uid_le, u->uid);
                put_le32(p->gid_le, u->gid);
                put_le32(p->name_le, image_string(img, u->name));
                put_le32(p->gecos_le, image_string(img, u->gecos));
                put_le32(p->home_le, image_string(img, u->home));
                put_le32(p->shell_le, image_string(img, u->shell));

                image_enter(img, &h->passwd_by_uid, record, offsetof(SnapshotPasswd, uid_le),
                            false);
                if (!is_retired(u->real_deadline, u->boot_deadline))
                        image_enter(img, &h->passwd_by_name, record,
                                    offsetof(SnapshotPasswd, name_le), true);
        }
}

static void image_member(Image *img, const Tie *t, uint32_t name_offset, gid_t gid)
{
        SnapshotMember *m =
                (SnapshotMember *)(img->data + image_record(img, sizeof(SnapshotMember)));

        put_le64(m->real_deadline_le, (uint64_t)t->real_deadline);
        put_le64(m->boot_deadline_le, (uint64_t)t->boot_deadline);
        put_le32(m->name_le, name_offset);
        put_le32(m->gid_le, gid);
}

/* The memberships by user. Leaves the names' offsets in the ties, for the groups. */
static void image_members(Image *img, const SnapshotBuild *b, Tie *ties, size_t n_ties)
{
        const SnapshotHeader *h = image_header(img);

        for (size_t i = 0, end; i < n_ties; i = end) {
                uint32_t record = image_record(img, sizeof(SnapshotUser));
                SnapshotUser *u = (SnapshotUser *)(img->data + record);
                uint32_t name = image_string(img, ties[i].user);

                for (end = i; end < n_ties && streq(ties[end].user, ties[i].user); end++) {
                        ties[end].name_offset = name;
                        image_member(img, &ties[end], 0, b->groups[ties[end].group].gid);
                }
                put_le32(u->name_le, name);
                put_le32(u->n_groups_le, (uint32_t)(end - i));
                image_enter(img, &h->member_by_user, record, offsetof(SnapshotUser, name_le), true);
        }
}

/* ties are sorted by group. */
static void image_groups(Image *img, const SnapshotBuild *b, const Tie *ties, size_t n_ties)
{
        const SnapshotHeader *h = image_header(img);
        size_t tie = 0;

        for (size_t i = 0; i < b->n_groups; i++) {
                const SnapshotBuildGroup *bg = &b->groups[i];
                uint32_t record = image_record(img, sizeof(SnapshotGroup));
                SnapshotGroup *g = (SnapshotGroup *)(img->data + record);
                uint32_t n = 0;

                put_le64(g->real_deadline_le, (uint64_t)bg->real_deadline);
                put_le64(g->boot_deadline_le, (uint64_t)bg->boot_deadline);
                put_le32(g->gid_le, bg->gid);
                put_le32(g->name_le, image_string(img, bg->name));
                put_le32(g->flags_le, bg->local ? SNAPSHOT_GROUP_LOCAL : 0);
                for (; tie < n_ties && ties[tie].group == i; tie++, n++)
                        image_member(img, &ties[tie], ties[tie].name_offset, 0);
                put_le32(g->n_members_le, n);

                image_enter(img, &h->group_by_gid, record, offsetof(SnapshotGroup, gid_le), false);
                if (!is_retired(bg->real_deadline, bg->boot_deadline))
                        image_enter(img, &h->group_by_name, record,
                                    offsetof(SnapshotGroup, name_le), true);
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
        put_le64(h->checksum_le, snapshot_checksum(img->data, img->size));
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
        if (img.size > SNAPSHOT_SIZE_MAX)
                return -E2BIG;
        img.data = calloc(1, img.size);
        if (!img.data)
                return -ENOMEM;

        image_tables(&img, b);
        image_users(&img, b);
        image_members(&img, b, ties, n_ties);
        qsort(ties, n_ties, sizeof(*ties), tie_compare_group);
        image_groups(&img, b, ties, n_ties);
        image_seal(&img, b);

        *ret = img.data;
        *ret_size = img.size;
        return 0;
}
