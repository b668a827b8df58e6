/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lib/snapshot: little endian bytes, the hash of the tables and the checksums. */

#include "lib/snapshot/reader.h"

#include <endian.h>
#include <string.h>

static inline uint16_t get_le16(const uint8_t p[static 2])
{
        uint16_t v;

        memcpy(&v, p, sizeof(v));
        return le16toh(v);
}

static inline uint32_t get_le32(const uint8_t p[static 4])
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static inline uint64_t get_le64(const uint8_t p[static 8])
{
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

static inline void put_le16(uint8_t p[static 2], uint16_t v)
{
        v = htole16(v);
        memcpy(p, &v, sizeof(v));
}

static inline void put_le32(uint8_t p[static 4], uint32_t v)
{
        v = htole32(v);
        memcpy(p, &v, sizeof(v));
}

static inline void put_le64(uint8_t p[static 8], uint64_t v)
{
        v = htole64(v);
        memcpy(p, &v, sizeof(v));
}

#define FNV32_BASIS 0x811c9dc5u
#define FNV32_PRIME 0x01000193u
#define FNV64_BASIS 0xcbf29ce484222325u
#define FNV64_PRIME 0x00000100000001b3u

/* FNV-1a 32, of a name's bytes and of an id's four bytes in little endian. */
static inline uint32_t snapshot_hash_name(const char *name)
{
        uint32_t h = FNV32_BASIS;

        for (; *name; name++)
                h = (h ^ (uint8_t)*name) * FNV32_PRIME;
        return h;
}

static inline uint32_t snapshot_hash_id(uint32_t id)
{
        uint32_t h = FNV32_BASIS;

        for (int i = 0; i < 4; i++, id >>= 8)
                h = (h ^ (id & 0xff)) * FNV32_PRIME;
        return h;
}

static inline uint64_t fnv64_words(const uint8_t *data, size_t size)
{
        uint64_t h = FNV64_BASIS;

        for (size_t i = 0; i < size; i += 8)
                h = (h ^ get_le64(data + i)) * FNV64_PRIME;
        return h;
}

/* The checksums of format.h: of the header that data begins with, and of a record of size bytes, a
 * multiple of 8 and at least 8. */
uint64_t snapshot_header_checksum(const uint8_t *data);

static inline uint64_t snapshot_record_checksum(const uint8_t *record, size_t size)
{
        const size_t from = sizeof(((SnapshotRecord *)0)->checksum_le);

        return fnv64_words(record + from, size - from);
}

/* The ids that are never published and never answered: root's, nobody's and the two "no id". */
static inline bool snapshot_id_is_lawful(uint32_t id)
{
        return id != 0 && id != 65534 && id != 65535 && id != UINT32_MAX;
}

static inline uint32_t slot_make(uint32_t hash, size_t offset)
{
        const uint32_t tag_one = 1u << SNAPSHOT_SLOT_OFFSET_BITS;

        return (hash & ~(tag_one - 1)) | (uint32_t)(offset / 8);
}

/* The record's offset, 0 for an empty slot. */
static inline size_t slot_offset(const SnapshotSlot *slot)
{
        const uint32_t tag_one = 1u << SNAPSHOT_SLOT_OFFSET_BITS;

        return (size_t)(get_le32(slot->tag_and_offset_le) & (tag_one - 1)) * 8;
}

static inline bool slot_may_be(const SnapshotSlot *slot, uint32_t hash)
{
        return (get_le32(slot->tag_and_offset_le) ^ hash) >> SNAPSHOT_SLOT_OFFSET_BITS == 0;
}

/* need bytes at offset, or NULL where the snapshot has not got them. */
static inline const uint8_t *bytes_at(const Snapshot *s, size_t offset, size_t need)
{
        if (offset > s->size || need > s->size - offset)
                return NULL;
        return s->map + offset;
}

static inline const SnapshotHeader *header_of(const Snapshot *s)
{
        return (const SnapshotHeader *)s->map;
}
