/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entries that claim the same thing: nobody knows which is right, so all are out (V31). */

#include "lib/base/macro.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/index.h"

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

static int by_jti(const void *a, const void *b)
{
        return strcmp(((const GrantEntry *)a)->grant.jti, ((const GrantEntry *)b)->grant.jti);
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

int grants_collide(Decode *d, GrantEntry *entries, size_t n)
{
        _cleanup_index_ Index index = { .compare = by_jti };
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (entries[i].grant.jti)
                        r = index_add(&index, &entries[i]);
        if (r < 0)
                return r;
        index_sort(&index);
        for (size_t i = 0; r == 0 && i < index.n; i++) {
                GrantEntry *e = &entries[(const GrantEntry *)index_at(&index, i) - entries];

                if (!has_twin(&index, i))
                        continue;
                decode_problem(d, "jti-collision", "another grant of this set has the same jti");
                r = entry_refuse(d, &e->problem);
        }
        return r;
}
