/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The signature of a set (S1, J1, J2). Input: the bytes of a JWS. No bytes but those that were
 * signed get past the signature: not another header, not another spelling of the same base64, not
 * another spelling of the signature (V02, O37, O38). */

#include "tests/fuzz/set-host.h"

static SetHost host;

static const char *const payloads[] = {
        "{}",
        "{\"format\":1,\"iss\":\"https://grants.example.org\",\"aud\":\"web1.example.org\","
        "\"iat\":1763760000,\"exp\":1763846400,\"ver\":1763760000123,\"ledger\":\"3f9c\","
        "\"accounts\":[],\"grants\":[]}",
};
static char *genuine[ELEMENTSOF(payloads)];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        if (set_host_init(&host) < 0)
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(payloads); i++)
                if (jws_sign(&host.key, JWS_TYP_GRANTS, payloads[i], strlen(payloads[i]),
                             &genuine[i]) < 0)
                        return -1;
        return 0;
}

/* Did the set fall before its signature was believed? */
static bool is_unverified(const char *code)
{
        static const char *const codes[] = { "size",      "segments", "base64", "header",
                                             "algorithm", "type",     "key",    "signature" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(codes[i], code))
                        return true;
        return false;
}

static bool is_genuine(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(genuine); i++)
                if (strlen(genuine[i]) == size && memcmp(genuine[i], data, size) == 0)
                        return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        SetError error = { "", "" };
        GrantSet *set = NULL;
        int r = grant_set_verify((const char *)data, size, &host.policy, &host.floor, host.local,
                                 host.idmap, host.now, false, &set, &error);

        FUZZ_HOLDS(r == 0 || r == SET_E_REFUSED, "a set is accepted or refused");
        if (r == 0 || !is_unverified(error.code))
                FUZZ_HOLDS(is_genuine(data, size), "only what was signed is believed");
        else
                FUZZ_HOLDS(!is_genuine(data, size), "what was signed is believed");
        FUZZ_HOLDS(r == 0 || (!set && *error.code && *error.detail), "a refusal has its reason");
        grant_set_free(set);
        return 0;
}
