/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A key list as hosts read it, for the one who signs it or enrols by it: nothing of it is left out.
 */

#include "nhictl/key-list.h"
#include "nhictl/when.h"

#include <stdio.h>

#define MAY_SIGN_N 5
#define LINE_SIZE  (GRANT_TEXT_MAX + 512) /* a word always fits, and say() cuts none */

void key_list_say_words(const char *what, const StrList *words)
{
        char line[LINE_SIZE] = "none";
        size_t used = 0;

        for (size_t i = 0; i < words->n; i++) {
                const char *word = words->items[i];

                if (used + strlen(word) + sizeof(", ") > sizeof(line)) {
                        say("  %s: %s", what, line);
                        used = 0;
                }
                used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s",
                                         used > 0 ? ", " : "", word);
        }
        say("  %s: %s", what, line);
}

/* In a key list's words; borrows ret. */
static StrList may_sign(const Reach *r, const char *ret[static MAY_SIGN_N])
{
        const struct {
                bool may;
                const char *what;
        } all[MAY_SIGN_N] = {
                { r->sign_accounts, "accounts" },   { r->sign_ssh_keys, "ssh_keys" },
                { r->sign_grants, "grants" },       { r->sign_revocations, "revocations" },
                { r->sign_freshness, "freshness" },
        };
        StrList list = { .items = ret };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (all[i].may)
                        ret[list.n++] = all[i].what;
        return list;
}

static void say_reach(const Reach *r)
{
        const char *items[MAY_SIGN_N];
        const StrList signs = may_sign(r, items);
        char lifetime[WHEN_DURATION_SIZE];

        key_list_say_words("sign", &signs);
        key_list_say_words("accounts", &r->accounts);
        key_list_say_words("services", &r->services);
        key_list_say_words("groups", &r->groups);
        key_list_say_words("run_as", &r->run_as);
        say("  lifetime_max: %s", when_format_duration(lifetime, r->lifetime_max_sec));
}

void key_list_say_key(const TrustedKey *key)
{
        char from[WHEN_TIME_SIZE], until[WHEN_TIME_SIZE];

        if (key->is_retired) {
                say("retired:    %s", key->jwk.kid);
                return;
        }
        say("signs sets: %s%s%s%s%s", key->jwk.kid, key->nbf_sec ? " from " : "",
            key->nbf_sec ? when_format_time(from, key->nbf_sec) : "", key->exp_sec ? " until " : "",
            key->exp_sec ? when_format_time(until, key->exp_sec) : "");
        say_reach(&key->reach);
}

void key_list_say(const KeyList *l)
{
        char time[WHEN_TIME_SIZE];

        say("to be signed: %s, of %s", l->title, when_format_time(time, l->iat_sec));
        for (size_t i = 0; i < l->n_roots; i++)
                say("root:       %s", l->roots[i].kid);
        say("threshold:  %u of these %zu roots sign, and so with every list after it", l->threshold,
            l->n_roots);
        for (size_t i = 0; i < l->n_keys; i++)
                key_list_say_key(&l->keys[i]);
        if (l->floor_ver > 0)
                say("floor:      %s: sets from before are refused",
                    when_format_time(time, l->floor_ver / 1000));
}
