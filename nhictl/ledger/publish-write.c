/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sets that are wanted: made, read back, and written in batches. */

#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/publish-list.h"

#define BATCH_SETS  256u
#define BATCH_BYTES (16u * 1024 * 1024)

typedef struct Batch {
        StoreSet sets[BATCH_SETS];
        Target *targets[BATCH_SETS];
        size_t n, bytes;
} Batch;

/* ---- one set ---- */

/* B2: milliseconds of the clock, and above what is there. */
static int64_t next_version(Publication *p, const Target *t)
{
        int64_t ver = p->request->now_usec / 1000;

        if (t->published.ver < ver)
                return ver;
        if (t->published.ver - ver > (int64_t)SET_AHEAD_SEC * 1000)
                publication_note(p,
                                 "%s: the published version is ahead of this clock: hosts refuse "
                                 "the set until their clocks have caught up. Is the clock of this "
                                 "machine right?",
                                 t->name);
        return t->published.ver + 1;
}

static void note_quarantine(Publication *p, const Target *t, const GrantSet *set)
{
        for (size_t i = 0; i < set->n_quarantine; i++)
                publication_note(p, "%s: hosts will not take %s: %s: %s", t->name,
                                 set->quarantine[i].entry, set->quarantine[i].code,
                                 set->quarantine[i].detail);
}

/* B3: as of the version's own time. One that runs ahead of the clock is noted by next_version(). */
static int read_back(Publication *p, const Target *t, const char *jws, int64_t ver)
{
        _cleanup_(grant_set_freep) GrantSet *set = NULL;
        int64_t at_sec = ver / 1000 > p->now_sec ? ver / 1000 : p->now_sec;
        SetError refused;
        int r;

        r = mint_verify(p->l, p->key, t->name, jws, at_sec, &set, &refused);
        if (r == -EBADMSG)
                publication_note(p, "%s: the host would refuse the set: %s: %s", t->name,
                                 refused.code, refused.detail);
        if (r == 0)
                note_quarantine(p, t, set);
        return r;
}

static int make_set(Publication *p, const Target *t, StoreSet *ret)
{
        const int64_t ver = next_version(p, t);
        json_t *payload = NULL;
        int r;

        *ret = (StoreSet){ .name = t->name };
        if (t->is_keys)
                return publish_keys_make(p, ret);
        if (t->is_list)
                return publish_list_make(p, t, ver, ret);
        r = fleet_payload(p->fleet, t->name, t->host, &payload);
        if (r == 0)
                r = publication_signed(p, t,
                                       mint_sign(p->key, payload, ver, p->revision, &ret->jws));
        json_decref(payload);
        if (r == 0)
                r = read_back(p, t, ret->jws, ver);
        if (r == 0)
                r = published_parse(ret->jws, strlen(ret->jws), p->l->settings.issuer, p->key, NULL,
                                    t->name, &ret->next);
        return r;
}

/* ---- all of them ---- */

static void report_published(Publication *p, const Target *t, int64_t ver)
{
        publication_report(p, t, "published", ver);
        if (t->is_list)
                p->report->list_published = true;
        else
                p->report->n_published++;
}

static void batch_done(Batch *b)
{
        for (size_t i = 0; i < b->n; i++)
                store_set_done(&b->sets[i]);
        b->n = b->bytes = 0;
}

/* B4 */
static int batch_write(Publication *p, Batch *b)
{
        int r = b->n > 0 ? p->store->type->put(p->store, b->sets, b->n) : 0;

        for (size_t i = 0; r == 0 && i < b->n; i++) {
                if (b->sets[i].error < 0) {
                        publication_report_failed(p, b->targets[i], b->sets[i].error,
                                                  b->sets[i].why);
                        continue;
                }
                report_published(p, b->targets[i], b->sets[i].next.ver);
        }
        p->n_done += b->n;
        if (p->request->progress && b->n > 0)
                p->request->progress(p->request->userdata, p->n_done, p->n_wanted);
        batch_done(b);
        return r;
}

static int batch_add(Publication *p, Batch *b, Target *t)
{
        StoreSet *set = &b->sets[b->n];
        int r = make_set(p, t, set);

        if (r == -EKEYREJECTED) { /* what it did sign may be a revocation */
                (void)batch_write(p, b);
                return r;
        }
        if (r < 0) {
                store_set_done(set);
                publication_report_failed(p, t, r, NULL);
                return r == -ENOMEM ? r : 0;
        }
        b->targets[b->n++] = t;
        b->bytes += strlen(set->jws);
        return b->n == BATCH_SETS || b->bytes > BATCH_BYTES ? batch_write(p, b) : 0;
}

static void report_rest(Publication *p, const Target *t)
{
        if (!t->is_selected)
                return;
        if (t->error < 0) {
                publication_report_failed(p, t, t->error, NULL);
                return;
        }
        publication_report(p, t, "unchanged", t->published.ver);
        p->report->n_unchanged += !t->is_list;
}

/* A set that says something new, or may: one of a run that was interrupted. */
static bool is_news(const Target *t)
{
        return t->is_changed || t->must_write;
}

static int write_those(Publication *p, Batch *b, bool news)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < p->targets.n; i++) {
                Target *t = &p->targets.items[i];

                if (t->is_wanted && is_news(t) == news)
                        r = batch_add(p, b, t);
        }
        return r == 0 ? batch_write(p, b) : r;
}

int publication_write(Publication *p)
{
        Batch *b = calloc(1, sizeof(*b));
        int r = b ? write_those(p, b, true) : -ENOMEM;

        if (r == 0)
                r = write_those(p, b, false);
        for (size_t i = 0; r == 0 && i < p->targets.n; i++)
                if (!p->targets.items[i].is_wanted)
                        report_rest(p, &p->targets.items[i]);
        if (b)
                batch_done(b);
        free(b);
        return r;
}
