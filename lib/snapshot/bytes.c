/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/bytes.h"

uint64_t snapshot_header_checksum(const uint8_t *data)
{
        SnapshotHeader h;

        memcpy(&h, data, sizeof(h));
        memset(h.superseded_le, 0, sizeof(h.superseded_le));
        memset(h.checksum_le, 0, sizeof(h.checksum_le));
        return fnv64_words((const uint8_t *)&h, sizeof(h));
}

_Static_assert(sizeof(SnapshotHeader) % 8 == 0 &&
                       SNAPSHOT_SIZE_MAX / 8 == 1u << SNAPSHOT_SLOT_OFFSET_BITS &&
                       sizeof(SnapshotPasswd) % 8 == 0 && sizeof(SnapshotGroup) % 8 == 0 &&
                       sizeof(SnapshotMember) % 8 == 0 && sizeof(SnapshotUser) % 8 == 0,
               "everything begins and ends at a multiple of 8");
