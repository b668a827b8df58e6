/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entries that claim the same thing: nobody knows which is right, so all are out (V31). */

#include "lib/base/macro.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/order.h"

#include <stddef.h>

#define _cleanup_index_ _cleanup_(index_done)

static int by_name(const void *a, const void *b)
{
        return strcmp(((const AccountEntry *)a)->account.name,
                      ((const AccountEntry *)b)->account.name);
}

static int by_uid(const void *a, const void *b)
{
        uint32_t x = ((const AccountEntry *)a)->account.uid,
                 y = ((const AccountEntry *)b)->account.uid;

        return x < y ? -1 : x > y;
}

static int by_gid(const void *a, const void *b)
{
        uint32_t x = ((const AccountEntry *)a)->account.gid,
                 y = ((const AccountEntry *)b)->account.gid;

        return x < y ? -1 : x > y;
}

/* Every record that has an equal neighbour. */
static bool has_twin(const Index *i, size_t k)
{
        return (k > 0 && i->compare(index_at(i, k - 1), index_at(i, k)) == 0) ||
               (k + 1 < i->n && i->compare(index_at(i, k), index_at(i, k + 1)) == 0);
}

static int collide_accounts(Decode *d, AccountEntry *entries, size_t n, IndexCompare compare,
                            const char *code, const char *what)
{
        _cleanup_index_ Index index = { .compare = compare };
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (entries[i].decoded || (compare == by_name && entries[i].account.name))
                        r = index_add(&index, &entries[i]);
        if (r < 0)
                return r;
        index_sort(&index);
        for (size_t i = 0; r == 0 && i < index.n; i++) {
                AccountEntry *e = &entries[(const AccountEntry *)index_at(&index, i) - entries];

                if (!has_twin(&index, i))
                        continue;
                decode_problem(d, code, "another account of this set has the same %s", what);
                r = entry_refuse(d, &e->problem);
        }
        return r;
}

int accounts_collide(Decode *d, AccountEntry *entries, size_t n)
{
        int r;

        r = collide_accounts(d, entries, n, by_name, "name-collision", "name");
        if (r == 0)
                r = collide_accounts(d, entries, n, by_uid, "uid-collision", "uid");
        if (r == 0)
                r = collide_accounts(d, entries, n, by_gid, "gid-collision", "gid");
        return r;
}

/* Records are places of jtis: in a grant, or in the list of bad ones. */
static const char *jti_at(const void *record)
{
        return *(const char *const *)record;
}

static const char *account_of(const void *record)
{
        return ((const Grant *)record)->account;
}

static void mark_twins(const Grant *grants, size_t n, const OrderItem *items, size_t n_items,
                       uint8_t *fates)
{
        size_t end;

        for (size_t i = 0; i < n_items; i = end) {
                for (end = i + 1;
                     end < n_items && streq(jti_at(items[end].record), jti_at(items[i].record));
                     end++)
                        ;
                for (size_t k = i; end - i > 1 && k < end; k++) {
                        const Grant *g = items[k].record; /* its first member is the jti */

                        if (g >= grants && g < grants + n)
                                fates[g - grants] = GRANT_HAS_TWIN;
                }
        }
}

/* items: grants by account and jti. */
static void mark_beyond(const Grant *grants, const OrderItem *items, size_t n, uint8_t *fates)
{
        size_t standing = 0;

        for (size_t i = 0; i < n; i++) {
                const Grant *g = items[i].record;

                if (i == 0 || !streq(account_of(items[i - 1].record), g->account))
                        standing = 0;
                if (fates[g - grants] == GRANT_STANDS && ++standing > SET_ACCOUNT_GRANTS_MAX)
                        fates[g - grants] = GRANT_IS_BEYOND;
        }
}

int grants_collide(const Grant *grants, size_t n, const char *const *bad, size_t n_bad,
                   uint8_t *fates)
{
        _Static_assert(offsetof(Grant, jti) == 0, "a grant begins with its jti");
        const size_t n_items = n + n_bad;
        _cleanup_free_ OrderItem *items = calloc(n_items + 1, sizeof(*items));
        _cleanup_free_ OrderItem *scratch = calloc(n_items + 1, sizeof(*scratch));
        size_t n_good = 0;

        if (!items || !scratch)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                items[i].record = &grants[i];
        for (size_t i = 0; i < n_bad; i++)
                items[n + i].record = &bad[i];
        order_by_text(items, scratch, n_items, jti_at);
        mark_twins(grants, n, items, n_items, fates);
        if (n <= SET_ACCOUNT_GRANTS_MAX)
                return 0;

        for (size_t i = 0; i < n_items; i++) {
                const Grant *g = items[i].record;

                if (g >= grants && g < grants + n)
                        items[n_good++] = items[i];
        }
        order_by_text(items, scratch, n_good, account_of);
        mark_beyond(grants, items, n_good, fates);
        return 0;
}
