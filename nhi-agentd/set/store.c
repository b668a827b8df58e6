/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "nhi-agentd/set/order.h"
#include "nhi-agentd/set/set.h"

/* The records of all sets on their way into one order after the other. */
typedef struct Collect {
        OrderItem *items, *scratch;
        size_t n;
} Collect;

static void collect_done(Collect *c)
{
        free(c->items);
        free(c->scratch);
}

static int collect_init(Collect *c, size_t n)
{
        if (n > UINT32_MAX)
                return -EOVERFLOW;
        c->items = calloc(n + 1, sizeof(*c->items));
        c->scratch = calloc(n + 1, sizeof(*c->scratch));
        return c->items && c->scratch ? 0 : -ENOMEM;
}

static void collect_add(Collect *c, const void *record)
{
        c->items[c->n++].record = record;
}

/* Of records with one name the one added first stays; the others are in scratch until the next
 * order: how many. */
static size_t collect_unique(Collect *c, const char *(*text)(const void *record))
{
        size_t n = 0, n_others = 0;

        order_by_text(c->items, c->scratch, c->n, text);
        for (size_t i = 0; i < c->n; i++)
                if (n == 0 || !streq(text(c->items[n - 1].record), text(c->items[i].record)))
                        c->items[n++] = c->items[i];
                else
                        c->scratch[n_others++] = c->items[i];
        c->n = n;
        return n_others;
}

/* The records in the order in which they stand; NULL where there is no memory. */
static void *collect_take(const Collect *c)
{
        const void **records = calloc(c->n + 1, sizeof(*records));

        for (size_t i = 0; records && i < c->n; i++)
                records[i] = c->items[i].record;
        return records;
}

static const char *grant_jti(const void *record)
{
        return ((const Grant *)record)->jti;
}

static const char *grant_account(const void *record)
{
        return ((const Grant *)record)->account;
}

static const char *account_name(const void *record)
{
        return ((const Account *)record)->name;
}

/* A time that is stored unsigned and ordered as if signed. */
static uint64_t time_key(int64_t sec)
{
        return (uint64_t)sec ^ UINT64_C(1) << 63;
}

static void order_by_begin(Collect *c)
{
        for (size_t i = 0; i < c->n; i++)
                c->items[i].key = time_key(((const Grant *)c->items[i].record)->nbf_sec);
        order_by_number(c->items, c->scratch, c->n);
}

static void order_by_end(Collect *c)
{
        for (size_t i = 0; i < c->n; i++)
                c->items[i].key = time_key(((const Grant *)c->items[i].record)->exp_sec);
        order_by_number(c->items, c->scratch, c->n);
}

/* Those of by_end that have windows. */
static int collect_windowed(GrantStore *s)
{
        const Grant **windowed;
        size_t n = 0;

        for (size_t i = 0; i < s->n_grants; i++)
                n += s->by_end[i]->n_windows > 0;
        windowed = calloc(n + 1, sizeof(*windowed));
        if (!windowed)
                return -ENOMEM;
        s->windowed = windowed;
        for (size_t i = 0; i < s->n_grants; i++)
                if (s->by_end[i]->n_windows > 0)
                        windowed[s->n_windowed++] = s->by_end[i];
        return 0;
}

/* The records by jti again: equal keys of the next order then stand by jti. */
static void collect_restart(Collect *c, const GrantStore *s)
{
        for (size_t i = 0; i < c->n; i++)
                c->items[i].record = s->by_jti[i];
}

/* c stands by jti. */
static int take_orders(Collect *c, GrantStore *s)
{
        s->n_grants = c->n;
        s->by_jti = collect_take(c);
        if (!s->by_jti)
                return -ENOMEM;
        order_by_text(c->items, c->scratch, c->n, grant_account);
        s->grants = collect_take(c);
        collect_restart(c, s);
        order_by_begin(c);
        s->by_begin = collect_take(c);
        collect_restart(c, s);
        order_by_end(c);
        s->by_end = collect_take(c);
        if (!s->grants || !s->by_begin || !s->by_end)
                return -ENOMEM;
        return collect_windowed(s);
}

static int collect_hidden(const Collect *c, size_t n, GrantStore *s)
{
        const Grant **hidden;

        if (n == 0)
                return 0;
        hidden = calloc(n, sizeof(*hidden));
        if (!hidden)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                hidden[i] = c->scratch[i].record;
        s->hidden = hidden;
        s->n_hidden = n;
        return 0;
}

/* Of several issuers that use one jti only the first is heard: sessions, locks and endings are
 * told apart by jti. */
static int collect_grants(const GrantSet *const *sets, size_t n_sets, GrantStore *s)
{
        _cleanup_(collect_done) Collect c = { 0 };
        size_t n = 0;
        int r;

        for (size_t i = 0; i < n_sets; i++)
                n += sets[i] ? sets[i]->n_grants : 0;
        r = collect_init(&c, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_sets; i++)
                for (size_t k = 0; sets[i] && k < sets[i]->n_grants; k++)
                        collect_add(&c, &sets[i]->grants[k]);
        r = collect_hidden(&c, collect_unique(&c, grant_jti), s);
        return r == 0 ? take_orders(&c, s) : r;
}

static int collect_accounts(const GrantSet *const *sets, size_t n_sets, GrantStore *s)
{
        _cleanup_(collect_done) Collect c = { 0 };
        size_t n = 0;
        int r;

        for (size_t i = 0; i < n_sets; i++)
                n += sets[i] ? sets[i]->n_accounts : 0;
        r = collect_init(&c, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_sets; i++)
                for (size_t k = 0; sets[i] && k < sets[i]->n_accounts; k++)
                        collect_add(&c, &sets[i]->accounts[k]);
        (void)collect_unique(&c, account_name);
        s->accounts = collect_take(&c);
        if (!s->accounts)
                return -ENOMEM;
        s->n_accounts = c.n;
        return 0;
}

int grant_store_build(const GrantSet *const *sets, size_t n_sets, GrantStore *ret)
{
        GrantStore s = { 0 };
        int r;

        r = collect_grants(sets, n_sets, &s);
        if (r == 0)
                r = collect_accounts(sets, n_sets, &s);
        if (r < 0) {
                grant_store_done(&s);
                return r;
        }
        for (size_t i = 0; i < n_sets; i++)
                if (sets[i] && sets[i]->exp_sec > s.set_exp_sec)
                        s.set_exp_sec = sets[i]->exp_sec;
        *ret = s;
        return 0;
}

void grant_store_done(GrantStore *s)
{
        free((void *)s->grants);
        free((void *)s->accounts);
        free((void *)s->by_jti);
        free((void *)s->by_begin);
        free((void *)s->by_end);
        free((void *)s->windowed);
        free((void *)s->hidden);
        *s = (GrantStore){ 0 };
}
