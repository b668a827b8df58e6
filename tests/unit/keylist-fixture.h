/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Key lists, signed by as many keys as a test likes. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/keylist.h"

#include <assert.h>
#include <stdio.h>

#define ALL_REACH                                                                                  \
        "{\"sign\":[\"accounts\",\"ssh_keys\",\"grants\",\"revocations\"],\"accounts\":[\"*\"],"   \
        "\"services\":[\"*\"],\"groups\":[\"*\"],\"run_as\":[\"*\"],\"lifetime_max\":86400}"

/* A JWK with more members (`,"a":1`), malloc'ed. */
static inline char *jwk_with(const SigningKey *key, const char *more)
{
        char *text = NULL, *jwk = NULL;

        assert(jwk_format(&key->public, &jwk) == 0);
        assert(asprintf(&text, "%.*s%s}", (int)strlen(jwk) - 1, jwk, more) > 0);
        free(jwk);
        return text;
}

static inline char *jwk_reaching(const SigningKey *key)
{
        return jwk_with(key, ",\"reach\":" ALL_REACH);
}

/* One line for each signer, malloc'ed. */
static inline char *sign_lines(const char *typ, const char *payload,
                               const SigningKey *const *signers, size_t n)
{
        char *all = strdup("");

        for (size_t i = 0; i < n; i++) {
                char *jws = NULL, *grown = NULL;

                assert(jws_sign(signers[i], typ, payload, strlen(payload), &jws) == 0);
                assert(asprintf(&grown, "%s%s%s", all, i > 0 ? "\n" : "", jws) >= 0);
                free(jws);
                free(all);
                all = grown;
        }
        return all;
}
#define SIGNED_BY(payload, ...)                                                                    \
        sign_lines(JWS_TYP_KEYS, payload, (const SigningKey *const[]){ __VA_ARGS__ },              \
                   sizeof((const SigningKey *const[]){ __VA_ARGS__ }) / sizeof(void *))
