/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The payload of a key list (K1..K5). Input: the payload, which two roots then sign. What is taken
 * has keys that are told apart, none of them a root, none of them retired and signing, and can be
 * read again from its archive by nobody's word but its hash's. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/keylist.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <stdio.h>

#define ISSUER "https://grants.example.org"

static const Now now = { .real_usec = INT64_C(1763760010000000), .boot_usec = 1 };
static SigningKey root[2];
static Jwk roots[2];
static const SetPolicy policy = {
        .issuer = ISSUER, .audience = "web1", .roots = roots, .n_roots = 2, .root_threshold = 2
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        static const uint8_t seeds[2][crypto_sign_SEEDBYTES] = { "a root of the fuzzer's own",
                                                                 "another one" };

        (void)argc;
        (void)argv;
        if (sodium_init() < 0)
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(root); i++) {
                crypto_sign_seed_keypair(root[i].public.public, root[i].secret, seeds[i]);
                jwk_from_public(root[i].public.public, &root[i].public);
                roots[i] = root[i].public;
        }
        return 0;
}

static char *sign_both(const uint8_t *data, size_t size)
{
        char *one = NULL, *two = NULL, *both = NULL;

        if (jws_sign(&root[0], JWS_TYP_KEYS, data, size, &one) < 0 ||
            jws_sign(&root[1], JWS_TYP_KEYS, data, size, &two) < 0 ||
            asprintf(&both, "%s\n%s", one, two) < 0)
                abort();
        free(one);
        free(two);
        return both;
}

static void check_list(const KeyList *l)
{
        FUZZ_HOLDS(streq(l->issuer, ISSUER) && l->ver > 0 && l->floor_ver <= l->ver, "in order");
        FUZZ_HOLDS(l->threshold >= 1 && l->threshold <= l->n_roots &&
                           l->n_roots <= KEYLIST_ROOTS_MAX,
                   "a threshold that can be met");
        FUZZ_HOLDS(l->n_signing <= KEYLIST_KEYS_MAX && l->n_signing <= l->n_keys, "limits");
        FUZZ_HOLDS(l->retired.n_entries == l->n_keys - l->n_signing, "each is named");
        for (size_t i = 0; i < l->n_keys; i++) {
                const TrustedKey *k = &l->keys[i];

                FUZZ_HOLDS(k->is_retired == (i >= l->n_signing), "those that sign come first");
                for (size_t r = 0; !k->is_retired && r < l->n_roots; r++)
                        FUZZ_HOLDS(!streq(k->jwk.kid, l->roots[r].kid), "a root signs no sets");
                for (size_t j = 0; j < i; j++)
                        FUZZ_HOLDS(!streq(k->jwk.kid, l->keys[j].jwk.kid), "each key once");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        SetFloor floor = { .ver = 0 };
        SetError error = { "", "" };
        KeyList *list = NULL, *kept = NULL;
        char *bytes = sign_both(data, size);
        int r = keylist_verify(bytes, strlen(bytes), &policy, &floor, now, KEYLIST_OFFERED, &list,
                               &error);

        FUZZ_HOLDS(r == 0 || r == SET_E_REFUSED, "a list is taken or refused");
        FUZZ_HOLDS(r == 0 || (!list && *error.code && *error.detail), "a refusal has its reason");
        if (r == 0) {
                check_list(list);
                memcpy(floor.hash, list->hash, sizeof(floor.hash));
                FUZZ_HOLDS(keylist_verify(bytes, strlen(bytes), &policy, &floor, now, KEYLIST_KEPT,
                                          &kept, &error) == 0,
                           "what was taken can be kept");
                FUZZ_HOLDS(kept->n_keys == list->n_keys, "and says the same");
        }
        key_list_free(list);
        key_list_free(kept);
        free(bytes);
        return 0;
}
