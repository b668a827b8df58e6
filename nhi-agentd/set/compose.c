/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/compose.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/localdb.h"

#include <stdio.h>

/* Everything of one set while it is composed. */
typedef struct Compose {
        AccountEntry *accounts;
        GrantEntry *grants;
        size_t n_accounts, n_grants;
        Index by_name; /* accounts whose name could be read */
        Quarantine *quarantine;
        size_t n_quarantine;
} Compose;

static int by_account_name(const void *a, const void *b)
{
        return strcmp(((const AccountEntry *)a)->account.name,
                      ((const AccountEntry *)b)->account.name);
}

static int decode_accounts(Decode *d, const json_t *list, Compose *c)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < c->n_accounts; i++) {
                r = account_decode(d, json_array_get(list, i), &c->accounts[i]);
                if (r == 0 && c->accounts[i].account.name)
                        r = index_add(&c->by_name, &c->accounts[i]);
        }
        if (r == 0)
                r = accounts_collide(d, c->accounts, c->n_accounts);
        index_sort(&c->by_name);
        return r;
}

static const AccountEntry *find_account(const Compose *c, const char *name)
{
        const AccountEntry probe = { .account = { .name = name } };

        return index_find(&c->by_name, &probe);
}

/* A grant for an account that this set defines badly stands only if the host knows it by itself. */
static int check_account_of(Decode *d, const Compose *c, const Grant *g)
{
        const AccountEntry *e = find_account(c, g->account);
        uint32_t uid, gid;

        if (!e || !e->problem.code || localdb_user(d->local, g->account, &uid, &gid))
                return 0;
        return decode_problem(d, "account-quarantined", "its account %s is quarantined: %s",
                              g->account, e->problem.code);
}

/* The private group of an account that this set defines is nobody else's. */
static int check_private_groups(Decode *d, const Compose *c, const Grant *g)
{
        for (size_t i = 0; i < g->n_terms; i++)
                for (size_t k = 0; k < g->terms[i].groups.n; k++)
                        if (find_account(c, g->terms[i].groups.items[k]))
                                return decode_problem(d, "group-is-account",
                                                      "group %s is the private group of an account",
                                                      g->terms[i].groups.items[k]);
        return 0;
}

static int decode_grants(Decode *d, const json_t *list, Compose *c)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < c->n_grants; i++) {
                GrantEntry *e = &c->grants[i];

                r = grant_decode(d, json_array_get(list, i), e);
                if (r != 0 || e->problem.code)
                        continue;
                r = check_account_of(d, c, &e->grant);
                if (r == 0)
                        r = check_private_groups(d, c, &e->grant);
                if (r == DECODE_E_PROBLEM)
                        r = entry_refuse(d, &e->problem);
        }
        return r == 0 ? grants_collide(d, c->grants, c->n_grants) : r;
}

/* "grant g-01" where the entry says its name, else "grants[3]". */
static int quarantine_add(Decode *d, Compose *c, const char *kind, const char *name, size_t i,
                          const EntryProblem *p)
{
        Quarantine *q = &c->quarantine[c->n_quarantine];
        char entry[128];

        if (name)
                snprintf(entry, sizeof(entry), "%s %s", kind, name);
        else
                snprintf(entry, sizeof(entry), "%ss[%zu]", kind, i);
        q->entry = arena_text(d->arena, entry);
        if (!q->entry)
                return -ENOMEM;
        q->code = p->code;
        q->detail = p->detail;
        c->n_quarantine++;
        return 0;
}

static int part_accounts(Decode *d, Compose *c)
{
        Account *good = arena_alloc(d->arena, c->n_accounts, sizeof(*good));
        int r = 0;

        if (!good)
                return -ENOMEM;
        d->set->accounts = good;
        for (size_t i = 0; r == 0 && i < c->n_accounts; i++) {
                const AccountEntry *e = &c->accounts[i];

                if (e->problem.code)
                        r = quarantine_add(d, c, "account", e->account.name, i, &e->problem);
                else
                        good[d->set->n_accounts++] = e->account;
        }
        return r;
}

static int part_grants(Decode *d, Compose *c)
{
        Grant *good = arena_alloc(d->arena, c->n_grants, sizeof(*good));
        int r = 0;

        if (!good)
                return -ENOMEM;
        d->set->grants = good;
        for (size_t i = 0; r == 0 && i < c->n_grants; i++) {
                const GrantEntry *e = &c->grants[i];

                if (e->problem.code)
                        r = quarantine_add(d, c, "grant", e->grant.jti, i, &e->problem);
                else
                        good[d->set->n_grants++] = e->grant;
        }
        return r;
}

static int compose(Decode *d, const json_t *accounts, const json_t *grants, Compose *c)
{
        int r;

        c->n_accounts = json_array_size(accounts);
        c->n_grants = json_array_size(grants);
        c->accounts = calloc(c->n_accounts + 1, sizeof(*c->accounts));
        c->grants = calloc(c->n_grants + 1, sizeof(*c->grants));
        c->quarantine = arena_alloc(d->arena, c->n_accounts + c->n_grants, sizeof(*c->quarantine));
        if (!c->accounts || !c->grants || !c->quarantine)
                return -ENOMEM;
        r = decode_accounts(d, accounts, c);
        if (r == 0)
                r = decode_grants(d, grants, c);
        if (r == 0)
                r = part_accounts(d, c);
        if (r == 0)
                r = part_grants(d, c);
        d->set->quarantine = c->quarantine;
        d->set->n_quarantine = c->n_quarantine;
        return r;
}

int compose_entries(Decode *d, const json_t *accounts, const json_t *grants)
{
        Compose c = { .by_name = { .compare = by_account_name } };
        int r;

        r = compose(d, accounts, grants, &c);
        index_done(&c.by_name);
        free(c.accounts);
        free(c.grants);
        return r;
}
