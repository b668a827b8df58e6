/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lib/snapshot: little endian bytes, the hash of the tables and the checksum of the file. */

#include "lib/snapshot/reader.h"

static inline uint16_t get_le16(const uint8_t p[static 2])
{
        return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t p[static 4])
{
        return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t get_le64(const uint8_t p[static 8])
{
        return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static inline void put_le32(uint8_t p[static 4], uint32_t v)
{
        for (size_t i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> 8 * i);
}

static inline void put_le64(uint8_t p[static 8], uint64_t v)
{
        for (size_t i = 0; i < 8; i++)
                p[i] = (uint8_t)(v >> 8 * i);
}

/* FNV-1a 32, of a name's bytes and of an id's four bytes in little endian. */
uint32_t snapshot_hash_name(const char *name);
uint32_t snapshot_hash_id(uint32_t id);

/* The checksum of format.h; size is a multiple of 8 and at least the header's. */
uint64_t snapshot_checksum(const uint8_t *data, size_t size);

/* The ids that are never published and never answered: root's, nobody's and the two "no id". */
static inline bool snapshot_id_is_lawful(uint32_t id)
{
        return id != 0 && id != 65534 && id != 65535 && id != UINT32_MAX;
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
