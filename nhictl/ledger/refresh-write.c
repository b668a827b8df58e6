/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/refresh-write.h"

#include "nhictl/ledger/mint-fresh.h"

#include <stdio.h>

#define BATCH 100u

typedef struct Batch {
        StoreSet sets[BATCH];
        char names[BATCH][STORE_NAME_MAX + 1];
        const Target *targets[BATCH];
        size_t n;
} Batch;

static void failed(Refresh *r, const Target *t, int error, const char *why)
{
        if (!why)
                why = *r->p.store->error ? r->p.store->error : strerror(-error);
        if (error != -EPERM) /* that was told */
                publication_note(&r->p, "%s: not re-dated: %s", t->name, why);
        publication_report(&r->p, t, "failed", t->published.ver);
        r->p.report->n_failed++;
        r->p.store->error[0] = '\0';
}

static void batch_done(Batch *b)
{
        for (size_t i = 0; i < b->n; i++)
                store_set_done(&b->sets[i]);
        b->n = 0;
}

static int batch_write(Refresh *r, Batch *b)
{
        Publication *p = &r->p;
        int n = b->n > 0 ? p->store->type->put(p->store, b->sets, b->n) : 0;

        for (size_t i = 0; n == 0 && i < b->n; i++) {
                if (b->sets[i].error < 0) {
                        failed(r, b->targets[i], b->sets[i].error, b->sets[i].why);
                        continue;
                }
                publication_report(p, b->targets[i], "refreshed", b->targets[i]->published.ver);
                p->report->n_published++;
        }
        p->n_done += b->n;
        if (p->request->progress && b->n > 0)
                p->request->progress(p->request->userdata, p->n_done, p->n_wanted);
        batch_done(b);
        return n;
}

/* G3 */
static int make(Refresh *r, const Target *t, const Kept *k, char **ret)
{
        const Published *at = &t->published;
        const bool is_kept = streq(k->set, at->hash);
        const int64_t iat_sec =
                is_kept && k->iat_sec >= r->p.now_sec ? k->iat_sec + 1 : r->p.now_sec;
        SetError refused = { 0 };
        int n;

        n = mint_fresh(r->key, r->p.l->settings.issuer, t->name, at->hash, at->ver, iat_sec,
                       iat_sec + published_lifetime(at), ret, &refused);
        if (n != -EBADMSG || *refused.code == '\0')
                return publication_signed(&r->p, t, n);
        (void)store_failed(r->p.store, n, "the host would refuse it: %s: %s", refused.code,
                           refused.detail);
        return n;
}

static int batch_add(Refresh *r, Batch *b, const Target *t, const Kept *k)
{
        StoreSet *set = &b->sets[b->n];
        int n;

        *set = (StoreSet){ .name = b->names[b->n] };
        (void)snprintf(b->names[b->n], sizeof(b->names[b->n]), "%s" FRESHNESS_SUFFIX, t->name);
        n = make(r, t, k, &set->jws);
        if (n == -EKEYREJECTED) {
                (void)batch_write(r, b);
                return n;
        }
        if (n < 0) {
                failed(r, t, n, NULL);
                return n == -ENOMEM ? n : 0;
        }
        b->targets[b->n++] = t;
        return b->n == BATCH ? batch_write(r, b) : 0;
}

int refresh_write(Refresh *r)
{
        Batch *b = calloc(1, sizeof(*b));
        int n = b ? 0 : -ENOMEM;

        for (size_t i = 0; n == 0 && i < r->n_items; i++) {
                const Target *t = &r->p.targets.items[i];

                if (t->is_selected && t->error < 0)
                        failed(r, t, t->error, t->why);
                else if (t->is_wanted)
                        n = batch_add(r, b, t, &r->items[i]);
                else if (t->is_selected)
                        r->p.report->n_unchanged++;
        }
        if (n == 0)
                n = batch_write(r, b);
        if (b)
                batch_done(b);
        free(b);
        return n;
}
