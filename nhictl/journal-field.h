/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-journal.h>

/* A field of the entry that the journal stands at, as text that ends with NUL, cut to size. False
 * where it has none, and then ret is "". */
bool journal_field(sd_journal *j, const char *name, char *ret, size_t size);
