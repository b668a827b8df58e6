/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The four kinds of documents, for the files of this room. */

#include "nhictl/ledger/ledger.h"

#include <limits.h>

typedef struct LedgerKind {
        const char *name, *folder;
        const char *key; /* the member that repeats the file's name */
        bool (*name_is_valid)(const char *name);
} LedgerKind;

extern const LedgerKind ledger_kinds[DOC_N];

/* Room for "FOLDER/NAME.json". */
#define LEDGER_FILE_MAX (NAME_MAX + 32)

/* Remember the hash of a file's bytes: they are part of the revision. */
int ledger_hash_set(Ledger *l, const char *file, const char *text, size_t size);

/* Open a file of the ledger that may be absent: made then, with these bits of the directory's mode,
 * so that a group that shares the one shares the other. 0 and an owned *ret_fd, or a negative
 * errno. */
int ledger_file_open(const Ledger *l, const char *file, int flags, mode_t bits, int *ret_fd);
