/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/bytes.h"

#include <string.h>

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

static uint64_t fnv64_words(uint64_t h, const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i += 8)
                h = (h ^ get_le64(data + i)) * FNV64_PRIME;
        return h;
}

uint64_t snapshot_checksum(const uint8_t *data, size_t size)
{
        SnapshotHeader h;
        uint64_t sum;

        memcpy(&h, data, sizeof(h));
        memset(h.superseded_le, 0, sizeof(h.superseded_le));
        memset(h.checksum_le, 0, sizeof(h.checksum_le));
        sum = fnv64_words(FNV64_BASIS, (const uint8_t *)&h, sizeof(h));
        return fnv64_words(sum, data + sizeof(h), size - sizeof(h));
}

_Static_assert(sizeof(SnapshotHeader) % 8 == 0, "the checksum is fed with 64-bit words");
