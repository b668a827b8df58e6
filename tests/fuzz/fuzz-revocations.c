/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The payload of a revocation list (R1..R5). Input: the payload, which is then signed. What is
 * taken names what its entries say, in their order, and nothing of an issuer that it does not
 * reach. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/revocations.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#define ISSUER "https://grants.example.org"
#define OTHER  "https://other.example.org"

static SigningKey key;
static TrustedKey trusted;
static SetPolicy policy = { .issuer = ISSUER, .audience = "web1", .n_keys = 1 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        static const uint8_t seed[crypto_sign_SEEDBYTES] = "a key of the fuzzer's own";

        (void)argc;
        (void)argv;
        if (sodium_init() < 0)
                return -1;
        crypto_sign_seed_keypair(key.public.public, key.secret, seed);
        jwk_from_public(key.public.public, &key.public);
        trusted = (TrustedKey){ .jwk = key.public, .reach = { .sign_revocations = true } };
        policy.keys = &trusted;
        return 0;
}

/* A grant that begins when the epoch does, and that this entry is about. */
static Grant grant_of(const Revocation *e)
{
        const bool is_anybody = streq(e->issuer, "*");
        Grant g = { .jti = "?",
                    .account = "?",
                    .owner = "?",
                    .kid = "?",
                    .issuer = is_anybody ? ISSUER : e->issuer };
        const char **const names[REVOCATION_N] = {
                [REVOCATION_GRANT] = &g.jti,   [REVOCATION_ACCOUNT] = &g.account,
                [REVOCATION_OWNER] = &g.owner, [REVOCATION_ISSUER] = &g.issuer,
                [REVOCATION_KEY] = &g.kid,
        };

        *names[e->kind] = e->name;
        return g;
}

static void check_entry(const Revoker *r, const Revocation *e)
{
        const Grant g = grant_of(e);
        const ListVerdict v = revoker_judge(r, &g, NULL);

        FUZZ_HOLDS(e->before_sec > 0 && *e->name && *e->issuer, "an entry is whole");
        FUZZ_HOLDS(v == (streq(g.issuer, ISSUER) ? LIST_NAMES : LIST_SILENT),
                   "an entry names its own issuer's grants");
}

static void check_list(const RevocationList *l)
{
        const Revoker r = { .policy = &policy, .list = l };
        const Grant foreign = { .jti = "g-1", .account = "a", .owner = "o", .issuer = OTHER };

        FUZZ_HOLDS(streq(l->issuer, ISSUER) && l->iat_sec < l->exp_sec && l->is_trusted,
                   "in order");
        FUZZ_HOLDS(l->n_entries + l->n_skipped <= REVOCATIONS_MAX, "within the limit");
        FUZZ_HOLDS(revoker_judge(&r, &foreign, NULL) == LIST_SILENT, "R5");
        for (size_t i = 0; i < l->n_entries; i++) {
                const Revocation *e = &l->entries[i];

                FUZZ_HOLDS(i == 0 || revocation_compare(e - 1, e->kind, e->name, e->issuer) < 0,
                           "sorted, each once");
                check_entry(&r, e);
        }
        for (size_t i = 0; i < l->n_skipped && i < REVOCATIONS_SKIPPED_MAX; i++)
                FUZZ_HOLDS(l->skipped[i] && *l->skipped[i], "what is left out is told");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const Now now = { .real_usec = INT64_C(1763760010000000), .boot_usec = 1 };
        const SetFloor floor = { .ver = 0 };
        SetError error = { "", "" };
        RevocationList *list = NULL;
        char *jws = NULL;
        int r;

        if (jws_sign(&key, JWS_TYP_REVOCATIONS, data, size, &jws) < 0)
                abort();
        r = revocations_verify(jws, strlen(jws), &policy, &floor, now, REVOCATIONS_OFFERED, &list,
                               &error);
        FUZZ_HOLDS(r == 0 || r == SET_E_REFUSED, "a list is taken or refused");
        FUZZ_HOLDS(r == 0 || (!list && *error.code && *error.detail), "a refusal has its reason");
        if (r == 0)
                check_list(list);
        revocation_list_free(list);
        free(jws);
        return 0;
}
