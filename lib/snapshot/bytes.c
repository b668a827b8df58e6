/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/bytes.h"

#define FNV32_BASIS 0x811c9dc5u
#define FNV32_PRIME 0x01000193u
#define FNV64_BASIS 0xcbf29ce484222325u
#define FNV64_PRIME 0x00000100000001b3u

static uint32_t fnv32(const uint8_t *data, size_t size)
{
        uint32_t h = FNV32_BASIS;

        for (size_t i = 0; i < size; i++)
                h = (h ^ data[i]) * FNV32_PRIME;
        return h;
}

uint32_t snapshot_hash_name(const char *name)
{
        return fnv32((const uint8_t *)name, strlen(name));
}

uint32_t snapshot_hash_id(uint32_t id)
{
        uint8_t le[4];

        put_le32(le, id);
        return fnv32(le, sizeof(le));
}

static uint64_t fnv64_words(const uint8_t *data, size_t size)
{
        uint64_t h = FNV64_BASIS;

        for (size_t i = 0; i < size; i += 8)
                h = (h ^ get_le64(data + i)) * FNV64_PRIME;
        return h;
}

uint64_t snapshot_header_checksum(const uint8_t *data)
{
        SnapshotHeader h;

        memcpy(&h, data, sizeof(h));
        memset(h.superseded_le, 0, sizeof(h.superseded_le));
        memset(h.checksum_le, 0, sizeof(h.checksum_le));
        return fnv64_words((const uint8_t *)&h, sizeof(h));
}

uint64_t snapshot_record_checksum(const uint8_t *record, size_t size)
{
        const size_t from = sizeof(((SnapshotRecord *)0)->checksum_le);

        return fnv64_words(record + from, size - from);
}

_Static_assert(sizeof(SnapshotHeader) % 8 == 0 &&
                       SNAPSHOT_SIZE_MAX / 8 == 1u << SNAPSHOT_SLOT_OFFSET_BITS &&
                       sizeof(SnapshotPasswd) % 8 == 0 && sizeof(SnapshotGroup) % 8 == 0 &&
                       sizeof(SnapshotMember) % 8 == 0 && sizeof(SnapshotUser) % 8 == 0,
               "everything begins and ends at a multiple of 8");
