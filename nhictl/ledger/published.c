/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/published.h"

#include "nhictl/ledger/fleet.h"

#include <stdio.h>

static int64_t integer(const json_t *payload, const char *member)
{
        return json_integer_value(json_object_get(payload, member));
}

static int fill(const json_t *payload, Published *ret)
{
        ret->ours = true;
        ret->says_something = json_array_size(json_object_get(payload, "grants")) > 0 ||
                              json_array_size(json_object_get(payload, "accounts")) > 0;
        ret->ver = integer(payload, "ver");
        ret->iat_sec = integer(payload, "iat");
        ret->exp_sec = integer(payload, "exp");
        (void)snprintf(ret->revision, sizeof(ret->revision), "%s",
                       document_text(payload, "ledger"));
        return content_of_payload(payload, ret->content);
}

int published_parse(const char *jws, size_t size, const char *issuer, const SigningKey *key,
                    const char *host, Published *ret)
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *text = NULL;
        size_t text_size, signer;
        json_t *payload;
        int r = 0;

        *ret = (Published){ .exists = true };
        content_hash(jws, size, ret->hash);
        if (jws_open(jws, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &text, &text_size) != JWS_OK)
                return 0;
        payload = json_loadb(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (streq(document_text(payload, "iss"), issuer) &&
            streq(document_text(payload, "aud"), host))
                r = fill(payload, ret);
        json_decref(payload);
        return r;
}

bool published_is_due(const Published *p, int64_t now_sec)
{
        int64_t age_sec = now_sec - p->iat_sec;

        return age_sec < 0 || age_sec > (p->exp_sec - p->iat_sec) / 4;
}
