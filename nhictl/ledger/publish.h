/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Publishing: one signed set per host into a store (nhictl/store/store.h), by compare-and-set.
 *
 * Promises, cited by tests/unit/test-publish.c:
 *  B1 A ledger MUST NOT publish over a set whose revision it does not know: an older checkout that
 *     comes last cannot un-revoke.
 *  B2 `ver` MUST rise, whatever the clock and the ledger's age.
 *  B3 A set is written only after it was read back as its host will read it.
 *  B4 One host's trouble MUST NOT keep another host's set from being published.
 *     The revocation list goes first, and by the same rules.
 *  B6 Who publishes at the same time is found out before the older one's word is the last; a run
 *     that was interrupted is finished by the next one.
 *  B5 A set that says something new is written after the line of history that publishes it, and
 *     names the line that this one follows: what its documents came from. So a checkout that only
 *     published may be thrown away, and leaves nobody an older copy. Where history cannot be
 *     written it is published all the same (L4).
 *  B7 What says something new MUST NOT wait for sets that are only renewed: a revocation is not
 *     held up by a fleet whose sets grow old.
 *  B8 A timer MUST finish a revocation that was not published, and does not hurry what gives: that
 *     waits for publish, or for its set's renewal. */

#include "nhictl/ledger/mint.h"

typedef enum PublishMode {
        PUBLISH_CHANGED, /* hosts whose grants changed, and sets over a quarter of their lifetime */
        PUBLISH_RENEW,   /* sets over a quarter of their lifetime, and what takes away: B8 */
        PUBLISH_ALL,
} PublishMode;

typedef struct PublishRequest {
        PublishMode mode;
        int64_t now_usec;
        const char *target;        /* a directory or URL; NULL: the ledger's own */
        const StoreAccess *access; /* of that target; NULL: nothing */
        const char *const *hosts;  /* globs; none of both: every host */
        size_t n_hosts;
        const char *const *labels;
        size_t n_labels;
        const char *const *replace; /* revisions, or hashes of files, that may be overwritten */
        size_t n_replace;
        /* How far it is. */
        void (*progress)(void *userdata, size_t n_done, size_t n_all);
        void *userdata;
} PublishRequest;

typedef struct PublishReport {
        json_t *hosts; /* [{host, action: published|unchanged|failed, ver}], of those selected */
        json_t *notes; /* sentences for the administrator */
        size_t n_published, n_unchanged, n_failed;
        bool list_published, list_failed; /* the revocation list */
} PublishReport;

void publish_report_done(PublishReport *r);

/* The ledger is open for writing and committed. 0 and *ret_report (some hosts may have failed: see
 * it); -ESTALE where the ledger is older than what is published (B1), or another negative errno,
 * with a sentence in ret_error; then nothing was written. */
int ledger_publish(Ledger *l, const SigningKey *key, const PublishRequest *request,
                   PublishReport *ret_report, char ret_error[static LEDGER_ERROR_MAX]);
