/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/decode.h"

#include <stddef.h>

#define SUBJECT_SIZE_MAX 512u
#define OWNER_SIZE_MAX   256u
#define ACTORS_MAX       8u

/* act (RFC 8693 section 4.1): who acts now, with prior actors nested. */
typedef struct ActorMembers {
        const char *sub;
        const json_t *prior;
} ActorMembers;

static const Member actor_members[] = {
        { .name = "sub",
          .read = read_text,
          .offset = offsetof(ActorMembers, sub),
          .required = true,
          .limit = SUBJECT_SIZE_MAX },
        { .name = "act", .read = read_object, .offset = offsetof(ActorMembers, prior) },
};

static int read_actors(Decode *d, const Member *m, const json_t *v, void *ret)
{
        const Actor **link = ret;
        unsigned depth = 0;
        int r;

        while (v) {
                ActorMembers members = { 0 };
                Actor *a;

                if (++depth > ACTORS_MAX)
                        return decode_problem(d, "member-value", "act is nested deeper than %u",
                                              ACTORS_MAX);
                r = members_read(d, v, actor_members, ELEMENTSOF(actor_members), &members);
                if (r != 0)
                        return r;
                a = arena_alloc(d->arena, 1, sizeof(*a));
                if (!a)
                        return -ENOMEM;
                a->sub = members.sub;
                *link = a;
                link = &a->prior;
                v = members.prior;
        }
        return 0;
}

static bool window_is_valid(const char *text)
{
        Window w;

        return window_parse(text, &w) == 0;
}

static int read_windows(Decode *d, const Member *m, const json_t *v, void *ret)
{
        Grant *g = ret;
        Window *windows;
        int r;

        r = read_list(d, m, v, &g->windows_text);
        if (r != 0)
                return r;
        windows = arena_alloc(d->arena, g->windows_text.n, sizeof(*windows));
        if (!windows)
                return -ENOMEM;
        for (size_t i = 0; i < g->windows_text.n; i++)
                if (window_parse(g->windows_text.items[i], &windows[i]) < 0)
                        return decode_problem(d, "member-value", "a window does not parse");
        g->windows = windows;
        g->n_windows = (uint32_t)g->windows_text.n;
        return 0;
}

static const Member grant_members[] = {
        { .name = "jti",
          .read = read_text,
          .offset = offsetof(Grant, jti),
          .required = true,
          .is_distinct = true,
          .valid = jti_is_valid,
          .expects = "an id of letters, digits, '.', '_' and '-', at most 64 long" },
        { .name = "account",
          .read = read_text,
          .offset = offsetof(Grant, account),
          .required = true,
          .valid = name_is_strict,
          .expects = "an account's name" },
        { .name = "sub",
          .read = read_text,
          .offset = offsetof(Grant, sub),
          .limit = SUBJECT_SIZE_MAX },
        { .name = "act", .read = read_actors, .offset = offsetof(Grant, act) },
        { .name = "owner",
          .read = read_text,
          .offset = offsetof(Grant, owner),
          .required = true,
          .limit = OWNER_SIZE_MAX },
        { .name = "reason",
          .read = read_text,
          .offset = offsetof(Grant, reason),
          .required = true,
          .is_own = true },
        { .name = "ticket",
          .read = read_text,
          .offset = offsetof(Grant, ticket),
          .may_be_empty = true,
          .is_own = true },
        { .name = "issued_by",
          .read = read_text,
          .offset = offsetof(Grant, issued_by),
          .may_be_empty = true },
        { .name = "approvals",
          .read = read_json_list,
          .offset = offsetof(Grant, approvals_json),
          .may_be_empty = true },
        { .name = "nbf", .read = read_time, .offset = offsetof(Grant, nbf_sec) },
        { .name = "exp", .read = read_time, .offset = offsetof(Grant, exp_sec), .required = true },
        { .name = "authorization_details", .read = read_terms, .required = true },
        { .name = "windows",
          .read = read_windows,
          .valid = window_is_valid,
          .expects = "a weekly window such as \"Sat,Sun 01:00..05:00 UTC\"" },
        { .name = "max_sessions", .read = read_count, .offset = offsetof(Grant, max_sessions) },
};

static int check_times(Decode *d, const Grant *g)
{
        if (g->exp_sec <= g->nbf_sec)
                return decode_problem(d, "lifetime", "exp is not after nbf");
        return 0;
}

/* A root-equivalent group by name or gid, or one that is an account's own. */
static int check_groups(Decode *d, const Grant *g)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < g->n_terms; i++) {
                const Term *t = &g->terms[i];

                for (size_t k = 0; r == 0 && k < t->groups.n; k++)
                        r = group_check(d, t->groups.items[k]);
                for (size_t k = 0; r == 0 && k < t->run_as_groups.n; k++)
                        r = group_check(d, t->run_as_groups.items[k]);
        }
        return r;
}

/* CLOCK_BOOTTIME by which the grant is over, if the wall clock is right now. */
static int64_t boot_end(const Grant *g, Now now)
{
        int64_t end_sec = g->exp_sec < g->set_exp_sec ? g->exp_sec : g->set_exp_sec;
        int64_t left_usec = end_sec * 1000000 - now.real_usec, end;

        if (left_usec <= 0 || __builtin_add_overflow(now.boot_usec, left_usec, &end))
                return 0;
        return end;
}

static void fill_rest(Decode *d, Grant *g)
{
        if (!g->sub)
                g->sub = g->account;
        g->boot_end_usec = boot_end(g, d->now);
}

int grant_decode(Decode *d, const json_t *v, Grant *ret)
{
        Grant *g = ret;
        int r;

        *g = (Grant){ .issuer = d->set->issuer,
                      .set_hash = d->set->hash,
                      .kid = d->set->kid,
                      .set_exp_sec = d->set->exp_sec,
                      .nbf_sec = d->set->iat_sec,
                      .ticket = "",
                      .issued_by = "",
                      .approvals_json = "[]" };
        r = members_read(d, v, grant_members, ELEMENTSOF(grant_members), g);
        if (r == DECODE_E_PROBLEM && entry_peek(d, v, "jti", jti_is_valid, &g->jti) < 0)
                return -ENOMEM;
        if (r != 0)
                return r;

        fill_rest(d, g);
        r = check_times(d, g);
        if (r == 0 && !d->term_list->is_covered)
                r = check_groups(d, g);
        if (r == 0)
                r = reach_check_grant(d, g, !d->term_list->is_covered);
        return r;
}
