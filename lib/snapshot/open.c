/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening: a snapshot is used only when its header and its tables' bounds hold, which costs the
 * same for ten accounts and for a million. Records are checked where they are read (reader.c). */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/snapshot/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>

static bool table_is_sound(const Snapshot *s, const SnapshotTable *t)
{
        uint64_t n = get_le32(t->n_slots_le);

        /* Before it is multiplied: size_t may have 32 bits. */
        return n > 0 && n <= s->size / sizeof(SnapshotSlot) && (n & (n - 1)) == 0 &&
               get_le32(t->offset_le) % 8 == 0 &&
               bytes_at(s, get_le32(t->offset_le), n * sizeof(SnapshotSlot));
}

static bool header_is_sound(const Snapshot *s)
{
        const SnapshotHeader *h = header_of(s);
        const SnapshotTable *tables[] = { &h->passwd_by_name, &h->passwd_by_uid, &h->group_by_name,
                                          &h->group_by_gid, &h->member_by_user };

        if (memcmp(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic)) != 0 ||
            get_le16(h->major_le) != SNAPSHOT_MAJOR || get_le64(h->size_le) != s->size ||
            get_le64(h->checksum_le) != snapshot_header_checksum(s->map))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                if (!table_is_sound(s, tables[i]))
                        return false;
        return true;
}

static bool size_is_sound(size_t size)
{
        return size >= sizeof(SnapshotHeader) && size <= SNAPSHOT_SIZE_MAX && size % 8 == 0;
}

int snapshot_over(const uint8_t *data, size_t size, Snapshot *ret)
{
        Snapshot s = { .map = data, .size = size };

        if (!size_is_sound(size) || !header_is_sound(&s))
                return SNAPSHOT_E_CORRUPT;
        *ret = s;
        return 0;
}

int snapshot_open(const char *path, uid_t owner, Snapshot *ret)
{
        _cleanup_close_ int fd = -EBADF;
        Snapshot s = { .mapped = true };
        int r;

        r = file_open_trusted(AT_FDCWD, path, owner, &fd, &s.size);
        if (r == -ENOENT || r == -ENOTDIR)
                return SNAPSHOT_E_ABSENT;
        if (r == -EPERM || r == -ELOOP)
                return SNAPSHOT_E_CORRUPT;
        if (r < 0)
                return r;
        if (!size_is_sound(s.size))
                return SNAPSHOT_E_CORRUPT;

        /* Shared, or the publisher's store to `superseded` need not show. */
        s.map = mmap(NULL, s.size, PROT_READ, MAP_SHARED, fd, 0);
        if (s.map == MAP_FAILED)
                return -errno;
        if (!header_is_sound(&s)) {
                snapshot_close(&s);
                return SNAPSHOT_E_CORRUPT;
        }
        *ret = s;
        return 0;
}

void snapshot_close(Snapshot *s)
{
        int saved = errno;

        if (s->mapped && s->map)
                (void)munmap((void *)s->map, s->size);
        *s = (Snapshot){ 0 };
        errno = saved;
}

bool snapshot_is_superseded(const Snapshot *s)
{
        return __atomic_load_n(&header_of(s)->superseded_le[0], __ATOMIC_ACQUIRE) != 0;
}

bool snapshot_enumerates(const Snapshot *s)
{
        return header_of(s)->enumerate == 1;
}
