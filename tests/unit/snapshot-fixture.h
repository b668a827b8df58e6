/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Damaged snapshots whose checksums hold, for what lies behind them. */

#include "lib/snapshot/bytes.h"

static inline void record_reseal(uint8_t *data, size_t size, size_t offset)
{
        SnapshotRecord *r = (SnapshotRecord *)(data + offset);
        size_t record_size;

        if (offset > size - sizeof(*r))
                return;
        record_size = get_le32(r->size_le);
        if (record_size < sizeof(*r) || record_size % 8 != 0 || record_size > size - offset)
                return;
        put_le64(r->checksum_le, snapshot_record_checksum(data + offset, record_size));
}

/* After any change of the bytes (size: at least a header's): the checksum of the header holds
 * again, and that of every record that a table leads to. */
static inline void snapshot_reseal(uint8_t *data, size_t size)
{
        SnapshotHeader *h = (SnapshotHeader *)data;
        const SnapshotTable *tables[] = { &h->passwd_by_name, &h->passwd_by_uid, &h->group_by_name,
                                          &h->group_by_gid, &h->member_by_user };

        put_le64(h->checksum_le, snapshot_header_checksum(data));
        for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
                size_t at = get_le32(tables[t]->offset_le), n = get_le32(tables[t]->n_slots_le);

                for (; n > 0 && at <= size && size - at >= sizeof(SnapshotSlot);
                     n--, at += sizeof(SnapshotSlot))
                        record_reseal(data, size, slot_offset((SnapshotSlot *)(data + at)));
        }
}
