/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/published.h"

#include <fcntl.h>

static int64_t integer(const json_t *payload, const char *member)
{
        return json_integer_value(json_object_get(payload, member));
}

static bool is_for(const json_t *payload, const Ledger *l, const char *host)
{
        return streq(document_text(payload, "iss"), l->settings.issuer) &&
               streq(document_text(payload, "aud"), host);
}

int published_read(const char *path, const Ledger *l, const SigningKey *key, const char *host,
                   Published *ret)
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *jws = NULL, *text = NULL;
        size_t size, text_size, signer;
        json_t *payload;
        int r;

        *ret = (Published){ .revision = "" };
        r = document_read(AT_FDCWD, path, SET_SIZE_MAX, &jws, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        ret->exists = true;
        content_hash(jws, size, ret->hash);
        if (jws_open(jws, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &text, &text_size) != JWS_OK)
                return 0;
        payload = json_loadb(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (!payload || !is_for(payload, l, host)) {
                json_decref(payload);
                return 0;
        }
        ret->ours = true;
        ret->payload = payload;
        ret->ver = integer(payload, "ver");
        ret->iat_sec = integer(payload, "iat");
        ret->exp_sec = integer(payload, "exp");
        ret->revision = document_text(payload, "ledger");
        return 0;
}

void published_done(Published *p)
{
        json_decref(p->payload);
        *p = (Published){ .revision = "" };
}

bool published_equals(const Published *p, const json_t *payload)
{
        static const char *const members[] = { "format", "iss", "aud", "accounts", "grants" };

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                if (!json_equal(json_object_get(p->payload, members[i]),
                                json_object_get(payload, members[i])))
                        return false;
        }
        return true;
}

bool published_is_due(const Published *p, int64_t now_sec)
{
        int64_t age_sec = now_sec - p->iat_sec;

        return age_sec < 0 || age_sec > (p->exp_sec - p->iat_sec) / 4;
}
