/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/grant.h"

#include <string.h>

const char *account_kind_name(AccountKind k)
{
        static const char *const names[] = {
                [KIND_UNKNOWN] = "unknown",
                [KIND_WORKLOAD] = "workload",
                [KIND_HUMAN] = "human",
                [KIND_AGENT] = "agent",
        };
        size_t i = (size_t)k;

        return names[i < sizeof(names) / sizeof(names[0]) ? i : KIND_UNKNOWN];
}

/* The first index whose account is not below the name. */
static size_t grants_lower_bound(const GrantStore *s, const char *account)
{
        size_t low = 0, high = s->n_grants;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(s->grants[middle]->account, account) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const Grant *const *grant_store_find(const GrantStore *s, const char *account, size_t *ret_n)
{
        size_t first, n = 0;

        *ret_n = 0;
        if (!s || !account || s->n_grants == 0)
                return NULL;
        first = grants_lower_bound(s, account);
        while (first + n < s->n_grants && strcmp(s->grants[first + n]->account, account) == 0)
                n++;
        *ret_n = n;
        return n > 0 ? s->grants + first : NULL;
}

const Account *grant_store_account(const GrantStore *s, const char *name)
{
        size_t low = 0, high = s && name ? s->n_accounts : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(s->accounts[middle]->name, name);

                if (order == 0)
                        return s->accounts[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

const Grant *grant_store_grant(const GrantStore *s, const char *jti)
{
        size_t low = 0, high = s && s->by_jti && jti ? s->n_grants : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(s->by_jti[middle]->jti, jti);

                if (order == 0)
                        return s->by_jti[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}
