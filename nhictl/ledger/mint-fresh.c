/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/mint-fresh.h"

#include "lib/jose/json.h"

/* As a host reads it that trusts this key for freshness and for nothing else. */
static int read_back(const SigningKey *key, const char *issuer, const char *host, const char *jws,
                     size_t size, FreshnessFrom from, int64_t now_sec, Freshness **ret,
                     SetError *ret_error)
{
        const TrustedKey trusted = { .jwk = key->public, .reach = { .sign_freshness = true } };
        const SetPolicy policy = { .issuer = issuer,
                                   .audience = host,
                                   .keys = &trusted,
                                   .n_keys = 1,
                                   .fresh_max_sec = 1 }; /* it is heard */
        const Now now = { .real_usec = now_sec * 1000000, .boot_usec = 1000000 };

        return freshness_verify(jws, size, &policy, now, from, ret, ret_error);
}

int mint_fresh(const SigningKey *key, const char *issuer, const char *host, const char *set,
               int64_t ver, int64_t iat_sec, int64_t exp_sec, char **ret, SetError *ret_error)
{
        json_t *payload = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I}", "format", LEDGER_FORMAT,
                                    "iss", issuer, "aud", host, "set", set, "ver", (json_int_t)ver,
                                    "iat", (json_int_t)iat_sec, "exp", (json_int_t)exp_sec);
        _cleanup_free_ char *text =
                payload ? json_write(payload, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        _cleanup_free_ char *jws = NULL;
        Freshness *f = NULL;
        int r;

        json_decref(payload);
        *ret_error = (SetError){ 0 };
        r = text ? jws_sign(key, JWS_TYP_FRESHNESS, text, strlen(text), &jws) : -ENOMEM;
        if (r == 0)
                r = read_back(key, issuer, host, jws, strlen(jws), FRESHNESS_OFFERED, iat_sec, &f,
                              ret_error);
        freshness_free(f);
        if (r == 0)
                *ret = TAKE_PTR(jws);
        return r > 0 ? -EBADMSG : r;
}

int mint_fresh_parse(const SigningKey *key, const char *issuer, const char *host, const char *jws,
                     size_t size, Freshness **ret)
{
        SetError error;
        int r = read_back(key, issuer, host, jws, size, FRESHNESS_KEPT, 1, ret, &error);

        if (r > 0)
                *ret = NULL;
        return r > 0 ? 0 : r;
}
