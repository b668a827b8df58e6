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
        size_t n_accounts;
        Index by_name; /* accounts whose name could be read */
        Intern found;  /* what was looked up in it lately; a value of NULL: nothing is there */
        Grant *grants; /* the good ones, in the set's memory */
        size_t n_grants;
        const char **bad_jtis;
        size_t n_bad_jtis, bad_capacity;
        Quarantine *quarantine; /* SET_QUARANTINE_MAX */
        size_t n_quarantine, n_quarantined;
} Compose;

static int by_account_name(const void *a, const void *b)
{
        return strcmp(((const AccountEntry *)a)->account.name,
                      ((const AccountEntry *)b)->account.name);
}

/* "grant g-01" where the entry says its name, else "grants[3]". */
static int quarantine_add(Decode *d, Compose *c, const char *kind, const char *name, size_t i,
                          const EntryProblem *p)
{
        Quarantine *q = &c->quarantine[c->n_quarantine];
        char entry[128];

        c->n_quarantined++;
        if (c->n_quarantine == SET_QUARANTINE_MAX)
                return 0;
        if (name)
                snprintf(entry, sizeof(entry), "%s %s", kind, name);
        else
                snprintf(entry, sizeof(entry), "%ss[%zu]", kind, i);
        q->entry = arena_text(d->arena, entry);
        q->code = p->code;
        q->detail = decode_text(d, p->detail, strlen(p->detail));
        if (!q->entry || !q->detail)
                return -ENOMEM;
        c->n_quarantine++;
        return 0;
}

/* ---- accounts -------------------------------------------------------------------------------- */

static int read_account(Decode *d, const Entry *entry, void *userdata)
{
        Compose *c = userdata;
        AccountEntry *e = &c->accounts[entry->i];
        int r;

        r = account_decode(d, entry->value, e);
        if (r == 0 && e->account.name)
                r = index_add(&c->by_name, e);
        return r;
}

/* name lives as long as the set. */
static const AccountEntry *find_account(Compose *c, const char *name)
{
        const AccountEntry probe = { .account = { .name = name } };
        const size_t size = strlen(name);
        const InternSlot *known = intern_find(&c->found, name, size);
        const void *entry;

        if (known)
                return known->value;
        entry = index_find(&c->by_name, &probe);
        intern_add(&c->found, name, size, (void *)entry);
        return entry;
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

static int compose_accounts(Decode *d, Payload *p, const Span *list, Compose *c)
{
        int r;

        c->n_accounts = list->n;
        c->accounts = calloc(list->n + 1, sizeof(*c->accounts));
        if (!c->accounts)
                return -ENOMEM;
        r = document_read_list(d, p, list, NULL, read_account, c);
        if (r == 0)
                r = accounts_collide(d, c->accounts, c->n_accounts);
        index_sort(&c->by_name);
        return r == 0 ? part_accounts(d, c) : r;
}

/* ---- grants ---------------------------------------------------------------------------------- */

/* A grant for an account that this set defines badly stands only if the host knows it by itself. */
static int check_account_of(Decode *d, Compose *c, const Grant *g)
{
        const AccountEntry *e = find_account(c, g->account);
        uint32_t uid, gid;

        if (!e || !e->problem.code || localdb_user(d->local, g->account, &uid, &gid))
                return 0;
        return decode_problem(d, "account-quarantined", "its account %s is quarantined: %s",
                              g->account, e->problem.code);
}

/* The private group of an account that this set defines is nobody else's. */
static int check_private_groups(Decode *d, Compose *c, const Grant *g)
{
        for (size_t i = 0; i < g->n_terms; i++)
                for (size_t k = 0; k < g->terms[i].groups.n; k++)
                        if (find_account(c, g->terms[i].groups.items[k]))
                                return decode_problem(d, "group-is-account",
                                                      "group %s is the private group of an account",
                                                      g->terms[i].groups.items[k]);
        return 0;
}

static int remember_bad(Compose *c, const char *jti)
{
        if (c->n_bad_jtis == c->bad_capacity) {
                size_t capacity = c->bad_capacity > 0 ? c->bad_capacity * 2 : 64;
                const char **grown = reallocarray(c->bad_jtis, capacity, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                c->bad_jtis = grown;
                c->bad_capacity = capacity;
        }
        c->bad_jtis[c->n_bad_jtis++] = jti;
        return 0;
}

static int refuse_grant(Decode *d, Compose *c, const Grant *g, size_t i)
{
        const EntryProblem p = { d->code, d->detail };
        int r;

        r = quarantine_add(d, c, "grant", g->jti, i, &p);
        return r == 0 && g->jti ? remember_bad(c, g->jti) : r;
}

static int check_grant(Decode *d, Compose *c, const Entry *e, Grant *g)
{
        int r;

        r = grant_decode(d, e->value, g);
        if (r == 0)
                r = check_account_of(d, c, g);
        if (r == 0 && !d->term_list->is_covered)
                r = check_private_groups(d, c, g);
        return r;
}

/* The terms of a grant that passed are known from now on, by their very text. */
static int remember_terms(Decode *d, const Entry *e)
{
        const char *text;

        if (d->term_list->is_covered)
                return 0;
        d->term_list->is_covered = true;
        if (!e->cut)
                return 0;
        text = arena_text_size(d->scratch, e->cut, e->cut_size);
        if (!text)
                return -ENOMEM;
        intern_add(&d->term_lists, text, e->cut_size, d->term_list);
        return 0;
}

static int read_grant(Decode *d, const Entry *e, void *userdata)
{
        _cleanup_(json_decrefp) json_t *terms = NULL;
        Compose *c = userdata;
        Grant *g = &c->grants[c->n_grants];
        const InternSlot *known = e->cut ? intern_find(&d->term_lists, e->cut, e->cut_size) : NULL;
        int r;

        d->term_list = known ? known->value : NULL;
        if (e->cut && !known) {
                r = document_load_cut(d, e, &terms);
                if (r != 0)
                        return r;
        }
        d->cut_terms = terms;
        d->cut = e->cut;
        d->cut_size = e->cut_size;
        r = check_grant(d, c, e, g);
        if (r == DECODE_E_PROBLEM)
                return refuse_grant(d, c, g, e->i);
        if (r != 0)
                return r;
        c->n_grants++;
        return remember_terms(d, e);
}

static int refuse_by_fate(Decode *d, Compose *c, const Grant *g, GrantFate fate)
{
        EntryProblem p;

        if (fate == GRANT_HAS_TWIN)
                decode_problem(d, "jti-collision", "another grant of this set has the same jti");
        else
                decode_problem(d, "account-limit", "its account %s has more than %u grants",
                               g->account, SET_ACCOUNT_GRANTS_MAX);
        p = (EntryProblem){ d->code, d->detail };
        return quarantine_add(d, c, "grant", g->jti, 0, &p);
}

static int part_grants(Decode *d, Compose *c)
{
        _cleanup_free_ uint8_t *fates = calloc(c->n_grants + 1, sizeof(*fates));
        size_t n = 0;
        int r;

        r = fates ? grants_collide(c->grants, c->n_grants, c->bad_jtis, c->n_bad_jtis, fates)
                  : -ENOMEM;
        for (size_t i = 0; r == 0 && i < c->n_grants; i++) {
                if (fates[i] != GRANT_STANDS)
                        r = refuse_by_fate(d, c, &c->grants[i], fates[i]);
                else
                        c->grants[n++] = c->grants[i];
        }
        d->set->grants = c->grants;
        d->set->n_grants = n;
        return r;
}

static int compose_grants(Decode *d, Payload *p, const Span *list, Compose *c)
{
        int r;

        /* One more, for the last to be refused from. */
        c->grants = arena_alloc(d->arena, list->n + 1, sizeof(*c->grants));
        if (!c->grants)
                return -ENOMEM;
        r = document_read_list(d, p, list, "authorization_details", read_grant, c);
        return r == 0 ? part_grants(d, c) : r;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int take_quarantine(Decode *d, const Compose *c)
{
        Quarantine *q = arena_alloc(d->arena, c->n_quarantine, sizeof(*q));

        if (!q)
                return -ENOMEM;
        if (c->n_quarantine > 0)
                memcpy(q, c->quarantine, c->n_quarantine * sizeof(*q));
        d->set->quarantine = q;
        d->set->n_quarantine = c->n_quarantine;
        d->set->n_quarantined = c->n_quarantined;
        return 0;
}

int compose_entries(Decode *d, Payload *p, const Outline *o)
{
        Compose c = { .by_name = { .compare = by_account_name } };
        int r;

        c.quarantine = arena_alloc(d->scratch, SET_QUARANTINE_MAX, sizeof(*c.quarantine));
        r = c.quarantine ? compose_accounts(d, p, &o->accounts, &c) : -ENOMEM;
        if (r == 0)
                r = compose_grants(d, p, &o->grants, &c);
        if (r == 0)
                r = take_quarantine(d, &c);
        index_done(&c.by_name);
        intern_done(&c.found);
        free(c.accounts);
        free(c.bad_jtis);
        return r;
}
