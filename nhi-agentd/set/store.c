/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/set.h"

static int by_account_and_jti(const void *a, const void *b)
{
        const Grant *x = a, *y = b;
        int order = strcmp(x->account, y->account);

        return order != 0 ? order : strcmp(x->jti, y->jti);
}

static int by_jti(const void *a, const void *b)
{
        return strcmp(((const Grant *)a)->jti, ((const Grant *)b)->jti);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const Account *)a)->name, ((const Account *)b)->name);
}

/* Sort the index and take out its records; where several are equal, the one added first stays. */
static int take_unique(Index *index, const void ***ret, size_t *ret_n)
{
        const void **records;
        size_t n = 0;

        index_sort(index);
        records = calloc(index->n > 0 ? index->n : 1, sizeof(*records));
        if (!records)
                return -ENOMEM;
        for (size_t i = 0; i < index->n; i++)
                if (n == 0 || index->compare(records[n - 1], index_at(index, i)) != 0)
                        records[n++] = index_at(index, i);
        *ret = records;
        *ret_n = n;
        return 0;
}

/* Of several issuers that use one jti only the first is heard: sessions, locks and endings are
 * told apart by jti. */
static int collect_grants(const GrantSet *const *sets, size_t n_sets, GrantStore *s)
{
        _cleanup_(index_done) Index all = { .compare = by_jti },
                                    sorted = { .compare = by_account_and_jti };
        _cleanup_free_ const void **unique = NULL;
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_sets; i++)
                for (size_t k = 0; r == 0 && sets[i] && k < sets[i]->n_grants; k++)
                        r = index_add(&all, &sets[i]->grants[k]);
        if (r == 0)
                r = take_unique(&all, &unique, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = index_add(&sorted, unique[i]);
        if (r == 0)
                r = take_unique(&sorted, (const void ***)&s->grants, &s->n_grants);
        return r;
}

static int collect_accounts(const GrantSet *const *sets, size_t n_sets, GrantStore *s)
{
        _cleanup_(index_done) Index index = { .compare = by_name };
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_sets; i++)
                for (size_t k = 0; r == 0 && sets[i] && k < sets[i]->n_accounts; k++)
                        r = index_add(&index, &sets[i]->accounts[k]);
        return r == 0 ? take_unique(&index, (const void ***)&s->accounts, &s->n_accounts) : r;
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
        *s = (GrantStore){ 0 };
}
