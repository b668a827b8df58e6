/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/standing.h"

#include "nhi-agentd/set/order.h"

#include "lib/base/macro.h"

static int sort_by_boot(const GrantStore *s, const Grant *const **ret)
{
        _cleanup_free_ OrderItem *items = calloc(s->n_grants + 1, sizeof(*items)),
                                 *scratch = calloc(s->n_grants + 1, sizeof(*scratch));
        const Grant **sorted = calloc(s->n_grants + 1, sizeof(*sorted));

        if (!items || !scratch || !sorted) {
                free(sorted);
                return -ENOMEM;
        }
        for (size_t i = 0; i < s->n_grants; i++) {
                const Grant *g = s->by_end[i];

                items[i] =
                        (OrderItem){ .record = g,
                                     .key = g->boot_end_usec > 0 ? (uint64_t)g->boot_end_usec : 0 };
        }
        order_by_number(items, scratch, s->n_grants);
        for (size_t i = 0; i < s->n_grants; i++)
                sorted[i] = items[i].record;
        *ret = sorted;
        return 0;
}

DEFINE_CLEANUP(Standing *, standing_free)

int standing_build(const GrantSet *const *sets, size_t n, Standing **ret)
{
        _cleanup_(standing_freep) Standing *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = grant_store_build(sets, n, &s->store);
        if (r == 0)
                r = sort_by_boot(&s->store, &s->by_boot);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Standing *standing_free(Standing *s)
{
        if (!s)
                return NULL;
        grant_store_done(&s->store);
        free((void *)s->by_boot);
        free(s);
        return NULL;
}

/* Both are in the order of jti: walked side by side. */
int standing_gone(const GrantStore *before, const GrantStore *after, const char *issuer,
                  GoneList *ret)
{
        const Grant **grants = calloc(before->n_grants + 1, sizeof(*grants));
        size_t n = 0, k = 0;
        void *fitting;

        if (!grants)
                return -ENOMEM;
        for (size_t i = 0; i < before->n_grants; i++) {
                const Grant *g = before->by_jti[i];
                int order = 1;

                while (k < after->n_grants && (order = strcmp(after->by_jti[k]->jti, g->jti)) < 0)
                        k++;
                if (k < after->n_grants && order == 0 && streq(after->by_jti[k]->issuer, g->issuer))
                        continue;
                if (streq(g->issuer, issuer))
                        grants[n++] = g;
        }
        fitting = reallocarray(grants, n + 1, sizeof(*grants));
        *ret = (GoneList){ .grants = fitting ? fitting : grants, .n = n };
        return 0;
}

int gone_jtis(const GoneList *gone, StrList *ret)
{
        size_t size = (gone->n + 1) * sizeof(char *);
        const char **items;
        char *text;

        for (size_t i = 0; i < gone->n; i++)
                size += strlen(gone->grants[i]->jti) + 1;
        items = malloc(size);
        if (!items)
                return -ENOMEM;
        text = (char *)(items + gone->n + 1);
        for (size_t i = 0; i < gone->n; i++) {
                items[i] = text;
                text = stpcpy(text, gone->grants[i]->jti) + 1;
        }
        *ret = (StrList){ .items = items, .n = gone->n };
        return 0;
}
