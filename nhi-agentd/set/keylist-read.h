/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between keylist.c (signatures, what a key list says of itself) and keylist-read.c (its keys). */

#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/keylist.h"

/* One list being decoded. */
typedef struct KeyReading {
        Decode d;
        KeyList *list;
        const SetFloor *floor;
        KeyListFrom from;
} KeyReading;

/* 0, DECODE_E_PROBLEM, -ENOMEM. retired may be NULL. The roots come first: no issuer key is one. */
int keylist_read_roots(KeyReading *r, const json_t *roots, int64_t threshold);
int keylist_read_keys(KeyReading *r, const json_t *keys, const json_t *retired);
