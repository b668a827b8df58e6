/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One report: whose it is, and what it says. */

#include "nhictl/fleet/report.h"

#include "lib/jose/jose.h"
#include "lib/jose/json.h"
#include "lib/wire/report.h"
#include "nhi-agentd/set/set.h"

#include <stdio.h>

#define HASH_DIGITS 64u

static const struct {
        const char *name, *text;
} standings[HOST_STANDING_N] = {
#define HOST_STANDING_ROW(name, word, text) [HOST_##name] = { word, text },
        HOST_STANDINGS(HOST_STANDING_ROW)
#undef HOST_STANDING_ROW
}, troubles[LOG_TROUBLE_N] = {
#define LOG_TROUBLE_ROW(name, word, text) [LOG_TROUBLE_##name] = { word, text },
        LOG_TROUBLES(LOG_TROUBLE_ROW)
#undef LOG_TROUBLE_ROW
};

const char *host_standing_name(HostStanding s)
{
        return standings[s < HOST_STANDING_N ? s : HOST_MALFORMED].name;
}

const char *host_standing_text(HostStanding s)
{
        return standings[s < HOST_STANDING_N ? s : HOST_MALFORMED].text;
}

const char *log_trouble_name(LogTrouble t)
{
        return troubles[t < LOG_TROUBLE_N ? t : LOG_TROUBLE_CUT].name;
}

const char *log_trouble_text(LogTrouble t)
{
        return troubles[t < LOG_TROUBLE_N ? t : LOG_TROUBLE_CUT].text;
}

int host_key_read(const json_t *host, Jwk *ret)
{
        const json_t *key = json_object_get(host, "key");
        _cleanup_free_ char *text = NULL;

        if (!key)
                return -ENOENT;
        text = json_write(key, JSON_COMPACT);
        return text && jwk_parse(text, strlen(text), ret) == 0 ? 0 : -EBADMSG;
}

/* ---- what it says ---- */

static bool number_is(const json_t *object, const char *member, int64_t min, int64_t *ret)
{
        const json_t *value = json_object_get(object, member);

        if (!json_is_integer(value) || json_integer_value(value) < min)
                return false;
        *ret = json_integer_value(value);
        return true;
}

static bool hash_is(const json_t *object, const char *member, const char **ret)
{
        const char *text = document_text(object, member);

        *ret = text;
        return strlen(text) == HASH_DIGITS && strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

static bool read_set(HostReport *r)
{
        const json_t *set = json_object_get(r->payload, "set");

        r->set_hash = "";
        if (json_is_null(set))
                return true;
        return number_is(set, "ver", 1, &r->ver) && hash_is(set, "hash", &r->set_hash);
}

static bool read_payload(HostReport *r)
{
        const json_t *log = json_object_get(r->payload, "log");

        r->log_id = document_text(log, "id");
        return json_integer_value(json_object_get(r->payload, "format")) == REPORT_FORMAT &&
               number_is(r->payload, "iat", 1, &r->iat_sec) &&
               number_is(r->payload, "seq", 1, &r->seq) && read_set(r) &&
               number_is(log, "seq", 0, &r->log_seq) && hash_is(log, "head", &r->log_head);
}

static HostStanding standing_of(const Ledger *l, const char *name, HostReport *r)
{
        if (!read_payload(r))
                return HOST_MALFORMED;
        if (!streq(document_text(r->payload, "iss"), name))
                return HOST_OTHER_HOST;
        if (!streq(document_text(r->payload, "aud"), l->settings.issuer))
                return HOST_OTHER_ISSUER;
        return HOST_VERIFIED;
}

static HostStanding unverified(JwsError e)
{
        return e == JWS_E_KEY         ? HOST_OTHER_KEY
               : e == JWS_E_SIGNATURE ? HOST_BAD_SIGNATURE
                                      : HOST_MALFORMED;
}

int host_report_open(const Ledger *l, const char *name, const char *jws, size_t size,
                     HostReport *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t text_size = 0, signer;
        const Jwk *trusted;
        JwsError e;
        Jwk key;

        *ret = (HostReport){ .standing = HOST_ABSENT };
        if (!jws)
                return 0;
        ret->standing = HOST_NO_KEY;
        if (host_key_read(ledger_get(l, DOC_HOST, name), &key) < 0)
                return 0;
        trusted = &key;
        e = size > REPORT_SIZE_MAX
                    ? JWS_E_SEGMENTS
                    : jws_open(jws, size, REPORT_TYP, &trusted, 1, &signer, &text, &text_size);
        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        ret->standing = unverified(e);
        if (e != JWS_OK)
                return 0;
        content_hash(jws, size, ret->hash);
        (void)snprintf(ret->kid, sizeof(ret->kid), "%s", key.kid);
        ret->payload = json_read(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (!ret->payload)
                return errno == ENOMEM ? -ENOMEM : 0;
        ret->standing = standing_of(l, name, ret);
        return 0;
}

void host_report_done(HostReport *r)
{
        json_decref(r->payload);
        *r = (HostReport){ 0 };
}
