/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Events to journald in its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL), by non-blocking
 * datagrams: journald stopped or full never holds the agent up; what is lost is counted
 * and the next event that gets through carries the count as NHI_JOURNAL_DROPPED=. */

#include "nhi-agentd/event.h"

#include "lib/base/path.h"

#define PATH_JOURNAL_SOCK PATH_ROOT "/run/systemd/journal/socket"

/* Bounds of one entry: every text is cut to JOURNAL_TEXT_MAX bytes. */
#define JOURNAL_ENTRY_MAX (256u * 1024)
#define JOURNAL_TEXT_MAX  4096u

typedef struct Journal Journal;

/* One entry as journald wants it. A field that does not fit sets failed. */
typedef struct JournalEntry {
        char *data; /* JOURNAL_ENTRY_MAX bytes */
        size_t size;
        bool failed;
} JournalEntry;

void journal_put(JournalEntry *e, const char *field, const char *value);
void journal_put_number(JournalEntry *e, const char *field, int64_t value);

int journal_new(const char *socket_path, Journal **ret);
Journal *journal_free(Journal *j);
/* Send an event. Never blocks, never fails: what cannot be sent is counted. */
void journal_event(Journal *j, const Event *e);
uint64_t journal_dropped(const Journal *j);

/* Every field of an event (event.c). */
void event_format(const Event *e, JournalEntry *out);
/* The sentence for MESSAGE=, control characters escaped. */
void event_message(const Event *e, char *ret, size_t size);
