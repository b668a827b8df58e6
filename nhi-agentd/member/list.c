/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/member/list.h"

#include "lib/base/macro.h"
#include "lib/base/sort.h"

void member_list_done(MemberList *l)
{
        member_list_remove(l, 0, l->n);
        free(l->items);
        *l = (MemberList){};
}

/* One block for all texts: its name is the first. */
static int texts_copy(const Membership *m, Membership *ret)
{
        const size_t name = strlen(m->name) + 1, group = strlen(m->group) + 1;
        const size_t jti = strlen(m->jti) + 1, issuer = strlen(m->issuer) + 1;
        char *block = malloc(name + group + jti + issuer);

        if (!block)
                return -ENOMEM;
        *ret = *m;
        memcpy(block, m->name, name);
        memcpy(block + name, m->group, group);
        memcpy(block + name + group, m->jti, jti);
        memcpy(block + name + group + jti, m->issuer, issuer);
        ret->name = block;
        ret->group = block + name;
        ret->jti = block + name + group;
        ret->issuer = block + name + group + jti;
        return 0;
}

static int list_fit(MemberList *l, size_t n)
{
        size_t capacity = l->capacity ? l->capacity : 16;
        void *grown;

        if (n <= l->capacity)
                return 0;
        while (capacity < n)
                capacity *= 2;
        grown = reallocarray(l->items, capacity, sizeof(*l->items));
        if (!grown)
                return -ENOMEM;
        l->items = grown;
        l->capacity = capacity;
        return 0;
}

int member_list_add(MemberList *l, const Membership *m)
{
        int r;

        r = list_fit(l, l->n + 1);
        if (r < 0)
                return r;
        l->items[l->n] = (Member){};
        r = texts_copy(m, &l->items[l->n].of);
        if (r == 0)
                l->n++;
        return r;
}

static int compare_group(const Membership *x, const Membership *y)
{
        if (x->uid != y->uid)
                return x->uid < y->uid ? -1 : 1;
        if (x->gid != y->gid)
                return x->gid < y->gid ? -1 : 1;
        return 0;
}

static int compare(const void *a, const void *b)
{
        const Member *x = a, *y = b;
        int order = compare_group(&x->of, &y->of);

        if (order == 0)
                order = strcmp(x->of.jti, y->of.jti);
        return order != 0 ? order : strcmp(x->of.issuer, y->of.issuer);
}

void member_list_sort(MemberList *l)
{
        sort_items(l->items, l->n, compare);
}

void member_list_remove(MemberList *l, size_t first, size_t n)
{
        for (size_t i = first; i < first + n; i++)
                free((char *)l->items[i].of.name);
        if (n > 0)
                memmove(l->items + first, l->items + first + n,
                        (l->n - first - n) * sizeof(*l->items));
        l->n -= n;
}

size_t member_list_run(const MemberList *l, size_t first)
{
        size_t n = 1;

        while (first + n < l->n && compare_group(&l->items[first].of, &l->items[first + n].of) == 0)
                n++;
        return n;
}

size_t member_list_find(const MemberList *l, uid_t uid, gid_t gid)
{
        const Membership wanted = { .uid = uid, .gid = gid };
        size_t low = 0, high = l->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (compare_group(&l->items[middle].of, &wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < l->n && compare_group(&l->items[low].of, &wanted) == 0 ? low : l->n;
}

/* The same one of both: what moved is its end, or which key signed it. */
static bool member_update(Member *at, const Membership *given)
{
        const bool moved = at->of.end_sec != given->end_sec ||
                           at->of.boot_end_usec != given->boot_end_usec ||
                           at->of.nbf_sec != given->nbf_sec || !streq(at->of.kid, given->kid);

        at->why = NULL;
        if (given->end_sec > at->of.end_sec)
                at->n_warned = 0;
        at->of.end_sec = given->end_sec;
        at->of.boot_end_usec = given->boot_end_usec;
        at->of.nbf_sec = given->nbf_sec;
        memcpy(at->of.kid, given->kid, sizeof(at->of.kid));
        return moved;
}

/* What is not there yet goes behind it; those that are there are brought up to date only once
 * nothing can fail any more. */
int member_list_merge(MemberList *l, const MemberList *given, bool *ret_changed)
{
        const size_t n_before = l->n;
        bool changed = false;
        int r = 0;

        for (size_t at = 0, i = 0; r == 0 && i < given->n; i++) {
                while (at < n_before && compare(&l->items[at], &given->items[i]) < 0)
                        at++;
                if (at == n_before || compare(&l->items[at], &given->items[i]) != 0)
                        r = l->n < MEMBERS_LINES_MAX ? member_list_add(l, &given->items[i].of)
                                                     : -E2BIG;
        }
        if (r < 0) {
                member_list_remove(l, n_before, l->n - n_before);
                return r;
        }
        for (size_t at = 0, i = 0; at < n_before && i < given->n;) {
                const int order = compare(&l->items[at], &given->items[i]);

                if (order == 0)
                        changed |= member_update(&l->items[at], &given->items[i].of);
                at += order <= 0;
                i += order >= 0;
        }
        changed |= l->n > n_before;
        member_list_sort(l);
        *ret_changed = changed;
        return 0;
}
