/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between publish.c, plan.c (which sets are to be written), publish-write.c, publish-run.c and
 * refresh.c. */

#include "nhictl/ledger/publish.h"
#include "nhictl/ledger/target.h"

typedef struct Publication {
        Ledger *l;
        const SigningKey *key;
        const PublishRequest *request;
        PublishReport *report;
        const char *place; /* URL or directory */
        int64_t now_sec;
        char revision[LEDGER_HASH_SIZE];
        Store *store;
        Fleet *fleet;
        json_t *list; /* mint_list_payload() of that moment */
        char *keys;   /* the key list as it is published; NULL: there is none */
        KeyList *others;
        Targets targets;
        size_t n_wanted, n_done;
        char *error; /* LEDGER_ERROR_MAX bytes */
} Publication;

/* A note that cannot be stored is only talk lost. */
void publication_note(Publication *p, const char *format, ...) _printf_(2, 3);
/* A host's action in the report; of the list there is none. */
void publication_report(Publication *p, const Target *t, const char *action, int64_t ver);
/* The same, with a note; why NULL: what the store said last, or error. */
void publication_report_failed(Publication *p, const Target *t, int error, const char *why);
/* r, of signing this one's set. -EKEYREJECTED, with a sentence in p->error: whoever signs for us
 * did not, and is not asked for the others. */
int publication_signed(Publication *p, const Target *t, int r);
/* p->store, of p->place, for sets that p->key signed. Errors with a sentence in p->error. */
int publication_store_open(Publication *p);
/* B6: attempt, and again while it is overtaken (-EAGAIN). Errors likewise. */
int publication_run(Publication *p, int (*attempt)(Publication *p));
/* Is it one of the hosts that were asked for? */
bool publication_selects(const PublishRequest *q, const Target *t);
/* B1, for every host before the first is written. -ESTALE. */
int publication_check(Publication *p);
/* 0; -EKEYREJECTED and a sentence in p->error (publish_keys_succeed()); or -ENOMEM. */
int publication_plan(Publication *p);
/* B4, B7: those that are wanted, behind begin(), and the report of all. 0 or an error that ends the
 * attempt; single sets may have failed. */
int publication_write(Publication *p);
