/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a key may sign and what the host lets anybody sign: both must cover an entry (S5, V38). */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/decode.h"

typedef struct Cover {
        const char *code; /* "reach" or "ceiling" */
        const char *who;
        const Reach *reach;
} Cover;

/* "*" in a grant means anybody: only the pattern "*" covers it. */
static bool patterns_cover(const StrList *patterns, const char *text)
{
        for (size_t i = 0; i < patterns->n; i++)
                if (streq(text, "*") ? streq(patterns->items[i], "*")
                                     : glob_match(patterns->items[i], text))
                        return true;
        return false;
}

static int refuse(Decode *d, const Cover *c, const char *what, const char *text)
{
        return decode_problem(d, c->code, "%s does not cover %s %.150s", c->who, what, text);
}

static int check_list(Decode *d, const Cover *c, const StrList *patterns, const StrList *list,
                      const char *what)
{
        for (size_t i = 0; i < list->n; i++)
                if (!patterns_cover(patterns, list->items[i]))
                        return refuse(d, c, what, list->items[i]);
        return 0;
}

static int check_term(Decode *d, const Cover *c, const Term *t)
{
        const Reach *reach = c->reach;
        int r;

        if (t->n_ssh_keys > 0 && !reach->sign_ssh_keys)
                return refuse(d, c, "the signing of", "ssh keys");
        if (t->type == TERM_UNIT && !patterns_cover(&reach->services, "unit"))
                return refuse(d, c, "service", "unit");
        if (t->user_manager && !patterns_cover(&reach->services, "systemd-user"))
                return refuse(d, c, "service", "systemd-user");
        r = check_list(d, c, &reach->services, &t->services, "service");
        if (r == 0)
                r = check_list(d, c, &reach->run_as, &t->run_as, "run-as target");
        if (r == 0)
                r = check_list(d, c, &reach->groups, &t->run_as_groups, "group");
        if (r == 0)
                r = check_list(d, c, &reach->groups, &t->groups, "group");
        return r;
}

static int check_terms(Decode *d, const Cover *c, const Grant *g)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < g->n_terms; i++)
                r = check_term(d, c, &g->terms[i]);
        return r;
}

static int check_grant(Decode *d, const Cover *c, const Grant *g)
{
        if (!c->reach->sign_grants)
                return refuse(d, c, "the signing of", "grants");
        if (!patterns_cover(&c->reach->accounts, g->account))
                return refuse(d, c, "account", g->account);
        if (g->exp_sec - g->nbf_sec > c->reach->lifetime_max_sec)
                return decode_problem(d, c->code, "%s allows a lifetime of %lld s, this is %lld s",
                                      c->who, (long long)c->reach->lifetime_max_sec,
                                      (long long)(g->exp_sec - g->nbf_sec));
        return 0;
}

static int check_account(Decode *d, const Cover *c, const Account *a)
{
        if (!c->reach->sign_accounts)
                return refuse(d, c, "the signing of", "accounts");
        if (!patterns_cover(&c->reach->accounts, a->name))
                return refuse(d, c, "account", a->name);
        return 0;
}

static Cover cover_of_key(const Decode *d)
{
        return (Cover){ "reach", "the key's reach", &d->key->reach };
}

static Cover cover_of_host(const Decode *d)
{
        return (Cover){ "ceiling", "the host's policy", &d->policy->ceiling };
}

int reach_check_account(Decode *d, const Account *a)
{
        const Cover key = cover_of_key(d), host = cover_of_host(d);
        int r;

        r = check_account(d, &key, a);
        return r == 0 ? check_account(d, &host, a) : r;
}

int reach_check_grant(Decode *d, const Grant *g, bool with_terms)
{
        const Cover key = cover_of_key(d), host = cover_of_host(d);
        int r;

        r = check_grant(d, &key, g);
        if (r == 0 && with_terms)
                r = check_terms(d, &key, g);
        if (r == 0)
                r = check_grant(d, &host, g);
        if (r == 0 && with_terms)
                r = check_terms(d, &host, g);
        return r;
}
