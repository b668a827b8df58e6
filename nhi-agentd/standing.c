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

const Grant *grant_list_find(const GrantList *l, const char *jti)
{
        size_t low = 0, high = l->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = strcmp(l->grants[middle]->jti, jti);

                if (order == 0)
                        return l->grants[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

static bool lists_are_equal(const StrList *a, const StrList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->items[i], b->items[i]))
                        return false;
        return true;
}

/* Whatever is not plainly as much as before; both are judged then. */
static bool may_say_less(const Grant *before, const Grant *after)
{
        return !streq(before->account, after->account) || after->nbf_sec > before->nbf_sec ||
               after->exp_sec < before->exp_sec || after->set_exp_sec < before->set_exp_sec ||
               after->max_sessions != before->max_sessions ||
               !streq(before->terms_json, after->terms_json) ||
               !lists_are_equal(&before->windows_text, &after->windows_text);
}

static void list_fit(GrantList *l)
{
        void *fitting = reallocarray(l->grants, l->n + 1, sizeof(*l->grants));

        if (fitting)
                l->grants = fitting;
}

/* Both are in the order of jti: walked side by side. */
static void compare_walk(const GrantStore *before, const GrantStore *after, const char *issuer,
                         GrantList *gone, GrantList *lessened)
{
        size_t k = 0;

        for (size_t i = 0; i < before->n_grants; i++) {
                const Grant *g = before->by_jti[i], *now = NULL;
                int order = 1;

                while (k < after->n_grants && (order = strcmp(after->by_jti[k]->jti, g->jti)) < 0)
                        k++;
                if (!streq(g->issuer, issuer))
                        continue;
                if (k < after->n_grants && order == 0 && streq(after->by_jti[k]->issuer, issuer))
                        now = after->by_jti[k];
                if (!now)
                        gone->grants[gone->n++] = g;
                else if (may_say_less(g, now))
                        lessened->grants[lessened->n++] = now;
        }
}

int standing_compare(const GrantStore *before, const GrantStore *after, const char *issuer,
                     GrantList *ret_gone, GrantList *ret_lessened)
{
        GrantList gone = { calloc(before->n_grants + 1, sizeof(*gone.grants)), 0 };
        GrantList lessened = { calloc(before->n_grants + 1, sizeof(*lessened.grants)), 0 };

        if (!gone.grants || !lessened.grants) {
                free(gone.grants);
                free(lessened.grants);
                return -ENOMEM;
        }
        compare_walk(before, after, issuer, &gone, &lessened);
        list_fit(&gone);
        list_fit(&lessened);
        *ret_gone = gone;
        *ret_lessened = lessened;
        return 0;
}

/* The next of the two sorted lists. */
static const char *next_jti(const GrantList *gone, const StrList *more, size_t *i, size_t *k)
{
        if (*i == gone->n)
                return more->items[(*k)++];
        if (*k == more->n || strcmp(gone->grants[*i]->jti, more->items[*k]) < 0)
                return gone->grants[(*i)++]->jti;
        return more->items[(*k)++];
}

int gone_jtis(const GrantList *gone, const StrList *more, StrList *ret)
{
        const size_t n = gone->n + more->n;
        size_t size = (n + 1) * sizeof(char *), i = 0, k = 0;
        const char **items;
        char *text;

        for (size_t at = 0; at < gone->n; at++)
                size += strlen(gone->grants[at]->jti) + 1;
        for (size_t at = 0; at < more->n; at++)
                size += strlen(more->items[at]) + 1;
        items = malloc(size);
        if (!items)
                return -ENOMEM;
        text = (char *)(items + n + 1);
        for (size_t at = 0; at < n; at++) {
                items[at] = text;
                text = stpcpy(text, next_jti(gone, more, &i, &k)) + 1;
        }
        *ret = (StrList){ .items = items, .n = n };
        return 0;
}
