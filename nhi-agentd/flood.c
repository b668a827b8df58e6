/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/flood.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <sodium.h>
#include <stdio.h>

#define TOKEN       1000000u /* microseconds of a rate of one a second */
#define TALLIES_MAX 4u       /* reasons that one source has at a time */

typedef struct Tally {
        Reason reason;
        uint64_t n; /* 0: free */
        int64_t first_sec, last_sec;
} Tally;

typedef struct Source {
        uint32_t real_uid, uid;
        char account[LABEL_SIZE_MAX + 1];
        char class[SERVICE_SIZE_MAX + 1];
        uint64_t credit, credited_usec;
        Tally tallies[TALLIES_MAX];
} Source;

typedef struct Table {
        uint64_t hashes[FLOOD_SOURCES_MAX], used[FLOOD_SOURCES_MAX]; /* used 0: free */
        Source sources[FLOOD_SOURCES_MAX];
} Table;

struct Flood {
        FloodEmit emit;
        void *userdata;
        /* Keyed: who chooses names must not choose collisions. */
        unsigned char key[crypto_shorthash_KEYBYTES];
        uint64_t turn;
        Table one, uids; /* uids: whatever account and class they ask for */
};

int flood_new(FloodEmit emit, void *userdata, Flood **ret)
{
        Flood *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->emit = emit;
        f->userdata = userdata;
        crypto_shorthash_keygen(f->key);
        *ret = f;
        return 0;
}

Flood *flood_free(Flood *f)
{
        free(f);
        return NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint64_t source_hash(const Flood *f, const FloodSource *s)
{
        char text[LABEL_SIZE_MAX + SERVICE_SIZE_MAX + 16];
        unsigned char out[crypto_shorthash_BYTES];
        uint64_t hash;
        const int n = snprintf(text, sizeof(text), "%u/%s/%s", s->real_uid, s->class ?: "",
                               s->account ?: "");

        (void)crypto_shorthash(out, (const unsigned char *)text,
                               n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, f->key);
        memcpy(&hash, out, sizeof(hash));
        return hash;
}

static bool source_is(const Source *at, const FloodSource *s)
{
        return at->real_uid == s->real_uid && streq(at->account, s->account ?: "") &&
               streq(at->class, s->class ?: "");
}

static Source *source_find(Flood *f, Table *t, const FloodSource *s, uint64_t hash)
{
        for (size_t i = 0; i < FLOOD_SOURCES_MAX; i++)
                if (t->hashes[i] == hash && t->used[i] > 0 && source_is(&t->sources[i], s)) {
                        t->used[i] = ++f->turn;
                        return &t->sources[i];
                }
        return NULL;
}

static void tally_emit(Flood *f, const Source *s, Tally *t)
{
        const FloodTally out = {
                .source = { s->real_uid, s->account, s->class },
                .uid = s->uid,
                .reason = t->reason,
                .n = t->n,
                .first_sec = t->first_sec,
                .last_sec = t->last_sec,
        };

        *t = (Tally){};
        f->emit(f->userdata, &out);
}

static bool source_flush(Flood *f, Source *s)
{
        bool any = false;

        for (size_t i = 0; i < TALLIES_MAX; i++)
                if (s->tallies[i].n > 0) {
                        tally_emit(f, s, &s->tallies[i]);
                        any = true;
                }
        return any;
}

/* A free place, else that of whoever has not come for longest. */
static size_t place_take(Flood *f, Table *t)
{
        size_t oldest = 0;

        for (size_t i = 1; i < FLOOD_SOURCES_MAX; i++)
                if (t->used[i] < t->used[oldest])
                        oldest = i;
        (void)source_flush(f, &t->sources[oldest]); /* F1 */
        return oldest;
}

static Source *source_get(Flood *f, Table *t, const FloodSource *s, FloodRate rate,
                          uint64_t now_usec)
{
        const uint64_t hash = source_hash(f, s);
        Source *at = source_find(f, t, s, hash);
        size_t i;

        if (at)
                return at;
        i = place_take(f, t);
        at = &t->sources[i];
        *at = (Source){ .real_uid = s->real_uid,
                        .credit = (uint64_t)rate.burst * TOKEN,
                        .credited_usec = now_usec };
        (void)snprintf(at->account, sizeof(at->account), "%s", s->account ?: "");
        (void)snprintf(at->class, sizeof(at->class), "%s", s->class ?: "");
        t->hashes[i] = hash;
        t->used[i] = ++f->turn;
        return at;
}

/* ---- allowances ------------------------------------------------------------------------------ */

static uint64_t credit_at(const Source *s, FloodRate rate, uint64_t now_usec)
{
        const uint64_t full = (uint64_t)rate.burst * TOKEN;
        const uint64_t passed = now_usec > s->credited_usec ? now_usec - s->credited_usec : 0;

        if (s->credit >= full || passed > full / rate.per_sec ||
            passed * rate.per_sec >= full - s->credit)
                return full;
        return s->credit + passed * rate.per_sec;
}

bool flood_is_spent(Flood *f, const FloodSource *s, FloodRate rate, uint64_t now_usec)
{
        const Source *at = source_find(f, &f->one, s, source_hash(f, s));

        return at && credit_at(at, rate, now_usec) < TOKEN;
}

/* Its allowance, brought up to now. */
static Source *source_credit(Flood *f, Table *t, const FloodSource *s, FloodRate rate,
                             uint64_t now_usec)
{
        Source *at = source_get(f, t, s, rate, now_usec);

        at->credit = credit_at(at, rate, now_usec);
        if (now_usec > at->credited_usec)
                at->credited_usec = now_usec;
        return at;
}

bool flood_take(Flood *f, const FloodSource *s, FloodRate rate, uint64_t now_usec)
{
        const FloodRate shared = { rate.burst * FLOOD_UID_SHARE, rate.per_sec * FLOOD_UID_SHARE };
        const FloodSource whole = { .real_uid = s->real_uid };
        Source *uid = NULL, *at;

        /* Root asks for everybody: sshd, cron. */
        if (s->real_uid != 0)
                uid = source_credit(f, &f->uids, &whole, shared, now_usec);
        if (uid && uid->credit < TOKEN)
                return false;
        at = source_credit(f, &f->one, s, rate, now_usec);
        if (at->credit < TOKEN)
                return false;
        at->credit -= TOKEN;
        if (uid)
                uid->credit -= TOKEN;
        return true;
}

/* ---- counts ---------------------------------------------------------------------------------- */

static Tally *tally_get(Flood *f, Source *s, Reason reason)
{
        Tally *free_one = NULL;

        for (size_t i = 0; i < TALLIES_MAX; i++) {
                Tally *t = &s->tallies[i];

                if (t->n > 0 && t->reason == reason)
                        return t;
                if (t->n == 0)
                        free_one = t;
        }
        if (!free_one) {
                free_one = &s->tallies[0];
                tally_emit(f, s, free_one);
        }
        return free_one;
}

void flood_count(Flood *f, const FloodSource *s, uint32_t uid, Reason reason, int64_t now_sec)
{
        const FloodSource whole = { .real_uid = s->real_uid };
        Source *at = source_find(f, &f->uids, &whole, source_hash(f, &whole));
        Tally *t;

        /* No place is given away to one that has run out of what all its sources share. */
        if (!at || at->credit >= TOKEN)
                at = source_get(f, &f->one, s, (FloodRate){}, 0);
        t = tally_get(f, at, reason);
        at->uid = uid;
        t->reason = reason;
        if (t->n++ == 0)
                t->first_sec = now_sec;
        t->last_sec = now_sec;
}

static bool table_flush(Flood *f, Table *t)
{
        bool any = false;

        for (size_t i = 0; i < FLOOD_SOURCES_MAX; i++)
                if (t->used[i] > 0 && source_flush(f, &t->sources[i]))
                        any = true;
        return any;
}

bool flood_flush(Flood *f)
{
        const bool any = table_flush(f, &f->one);

        return table_flush(f, &f->uids) || any;
}
