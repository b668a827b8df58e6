/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fields of an entry, and what is taken of it by journal-life.c. */

#include "lib/base/macro.h"
#include "nhictl/prove/witness.h"

static inline bool entry_field(const JournalEntry *e, const char *name, char *ret, size_t size)
{
        ret[0] = '\0';
        return e->get(e->userdata, name, ret, size);
}

static inline bool entry_is(const JournalEntry *e, const char *name, const char *value)
{
        char text[256];

        return entry_field(e, name, text, sizeof(text)) && streq(text, value);
}

static inline int64_t entry_number(const JournalEntry *e, const char *name, int64_t otherwise)
{
        char text[32], *end;
        long long n;

        if (!entry_field(e, name, text, sizeof(text)) || !*text)
                return otherwise;
        errno = 0;
        n = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' ? n : otherwise;
}

void life_take_unit_start(Proof *p, const JournalEntry *e);
void life_take_unit_end(Proof *p, const JournalEntry *e);
void life_take_exit(Proof *p, const JournalEntry *e);
void life_take_log_failed(Proof *p, const JournalEntry *e);
void life_take_suppressed(Proof *p, const JournalEntry *e);
/* Before the clocks: it asks for the entry before. */
void life_take_journal(Proof *p, const JournalEntry *e, EntryClock *c);
void life_take_clocks(Proof *p, const JournalEntry *e, EntryClock *c);
