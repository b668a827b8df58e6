/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The journal's entries, one after the other, and the boots that it knows. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "nhictl/journal-field.h"
#include "nhictl/prove/witness.h"

#include <stdio.h>

/* A session may have begun so long before the time that is asked for. */
#define BEFORE_USEC (7 * INT64_C(86400) * 1000000)

static bool get_field(void *userdata, const char *name, char *ret, size_t size)
{
        return journal_field(userdata, name, ret, size);
}

/* ---- boots ---- */

static int edge_usec(sd_journal *j, bool first, int64_t *ret)
{
        uint64_t usec = 0;
        int r;

        r = first ? sd_journal_seek_head(j) : sd_journal_seek_tail(j);
        if (r >= 0)
                r = first ? sd_journal_next(j) : sd_journal_previous(j);
        if (r == 0)
                r = -ENOENT;
        if (r > 0)
                r = sd_journal_get_realtime_usec(j, &usec);
        if (r >= 0)
                *ret = (int64_t)usec;
        return r < 0 ? r : 0;
}

static int compare_boots(const void *a, const void *b)
{
        const Boot *x = a, *y = b;

        return (x->first_usec > y->first_usec) - (x->first_usec < y->first_usec);
}

static void boot_take(Proof *p, sd_journal *j, const void *match, size_t size)
{
        Boot boot = { 0 }, *b;

        sd_journal_flush_matches(j);
        if (sd_journal_add_match(j, match, size) < 0 || edge_usec(j, true, &boot.first_usec) < 0 ||
            edge_usec(j, false, &boot.last_usec) < 0)
                return;
        b = proof_add(p, boots);
        if (b)
                *b = boot;
}

/* Users' journals are kept apart, and may begin earlier: those of the system tell. */
static int take_boots(Proof *p)
{
        sd_journal *j = NULL;
        const void *data;
        size_t size;
        PROVE_LIST(char *) ids = { 0 };
        int r;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = sd_journal_query_unique(j, "_BOOT_ID");
        while (r >= 0 && (r = sd_journal_enumerate_unique(j, &data, &size)) > 0) {
                char **id = proof_grow(p, (void **)&ids.items, &ids.n, &ids.capacity,
                                       sizeof(*ids.items));
                if (id)
                        *id = strndup(data, size);
        }
        for (size_t i = 0; i < ids.n; i++) {
                if (ids.items[i])
                        boot_take(p, j, ids.items[i], strlen(ids.items[i]));
                free(ids.items[i]);
        }
        free(ids.items);
        sd_journal_close(j);
        sort_items(p->boots.items, p->boots.n, compare_boots);
        return r < 0 ? r : p->boots.n > 0 ? 0 : -ENOENT;
}

/* ---- entries ---- */

static int add_matches(sd_journal *j)
{
        static const char *const matches[] = {
                "SYSLOG_FACILITY=10", /* authpriv: PAM's modules */
                "SYSLOG_FACILITY=4",  /* auth: sshd */
                NULL,
                "_TRANSPORT=audit",
                NULL,
                "MESSAGE_ID=" ENTRY_SESSION_NEW,
                "MESSAGE_ID=" ENTRY_SESSION_REMOVED,
                "MESSAGE_ID=" ENTRY_UNIT_EXIT,
                "MESSAGE_ID=" ENTRY_UNIT_STARTING,
                "MESSAGE_ID=" ENTRY_UNIT_STARTED,
                "MESSAGE_ID=" ENTRY_UNIT_STOPPED,
                "MESSAGE_ID=" ENTRY_UNIT_SUCCESS,
                "MESSAGE_ID=" ENTRY_UNIT_FAILURE,
                "MESSAGE_ID=" ENTRY_TIME_CHANGED,
                "MESSAGE_ID=" ENTRY_SUPPRESSED,
                "MESSAGE_ID=" ENTRY_JOURNAL_START,
                "MESSAGE_ID=" ENTRY_JOURNAL_STOP,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(matches); i++)
                r = matches[i] ? sd_journal_add_match(j, matches[i], 0)
                               : sd_journal_add_disjunction(j);
        return r;
}

static int take_entry(Proof *p, sd_journal *j, EntryClock *clock)
{
        _cleanup_free_ char *cursor = NULL;
        uint64_t real, mono;
        sd_id128_t boot;
        char id[33];
        int r;

        r = sd_journal_get_realtime_usec(j, &real);
        if (r >= 0)
                r = sd_journal_get_monotonic_usec(j, &mono, &boot);
        if (r >= 0)
                r = sd_journal_get_cursor(j, &cursor);
        if (r < 0)
                return r;
        entry_take(p,
                   &(JournalEntry){ .get = get_field,
                                    .userdata = j,
                                    .real_usec = (int64_t)real,
                                    .mono_usec = (int64_t)mono,
                                    .boot = sd_id128_to_string(boot, id),
                                    .cursor = cursor },
                   clock);
        return p->failed ? -ENOMEM : 0;
}

static int take_entries(Proof *p)
{
        const int64_t from = p->since_usec > BEFORE_USEC ? p->since_usec - BEFORE_USEC : 0;
        EntryClock clock = { .real_usec = 0 };
        sd_journal *j = NULL;
        int r;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = add_matches(j);
        if (r >= 0)
                r = sd_journal_seek_realtime_usec(j, (uint64_t)from);
        while (r >= 0 && (r = sd_journal_next(j)) > 0) {
                r = take_entry(p, j, &clock);
                /* One damaged entry is not the end of all others. */
                if (r == -EBADMSG || r == -EADDRNOTAVAIL)
                        r = 0;
        }
        sd_journal_close(j);
        if (r >= 0)
                entry_end(p, &clock);
        return r;
}

int witness_journal(Proof *p)
{
        static const Witness own[] = { WITNESS_PAM, WITNESS_LOGIND, WITNESS_UNITS, WITNESS_SSHD };
        int r;

        r = take_boots(p);
        if (r >= 0)
                r = take_entries(p);
        for (size_t i = 0; i < ELEMENTSOF(own); i++) {
                WitnessState *w = &p->witnesses[own[i]];

                w->is_expected = true;
                w->is_there = r >= 0;
                w->detail = r >= 0 ? "the journal" : proof_text(p, strerror(-r));
        }
        p->witnesses[WITNESS_AUDIT].is_there = p->witnesses[WITNESS_AUDIT].n > 0;
        p->witnesses[WITNESS_AUDIT].detail =
                p->witnesses[WITNESS_AUDIT].n > 0 ? "the journal" : "the kernel wrote none";
        return r == -ENOMEM ? r : 0;
}
