/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent of agent-fixture.h with a second issuer. */

#include "tests/unit/agent-fixture.h"

#define OTHER_ISSUER "https://other.test"
#define ALICE_LOGIN  "{\"type\":\"nhi_login\",\"services\":[\"ssh\"]}"

static inline bool has_two_issuers(void *userdata)
{
        const Fixture *f = userdata;

        return f->agent->config->n_issuers == 2 && sets_are_settled(f->agent->sets);
}

static inline bool has_one_issuer(void *userdata)
{
        const Fixture *f = userdata;

        return f->agent->config->n_issuers == 1 && sets_are_settled(f->agent->sets);
}

#define OTHER_KEY PATH_TRUST_DIR "/other.jwk"
#define ISSUER(name, key)                                                                          \
        "{ issuer = \"" name "\"; source: { type = \"file\"; path = \"/nowhere\"; };\n"            \
        "  keys = ( { file = \"" key "\"; reach: { sign = [ \"accounts\", \"grants\" ];\n"         \
        "    accounts = [ \"*\" ]; services = [ \"*\" ]; lifetime_max = \"24h\"; }; } ); }"
#define ISSUERS(list) "host: { name = \"" FIXTURE_HOST "\"; };\nissuers = ( " list " );\n"

/* As fixture_files(), with another issuer behind the first, and a key of its own. */
static inline void two_issuers(Fixture *f, SigningKey *other)
{
        char *jwk = NULL;

        assert_int_equal(signing_key_generate(other), 0);
        assert_int_equal(jwk_format(&other->public, &jwk), 0);
        fixture_write(OTHER_KEY, jwk);
        free(jwk);
        fixture_write(PATH_CONF_FILE, ISSUERS(ISSUER(FIXTURE_ISSUER, FIXTURE_KEY) ",\n" ISSUER(
                                              OTHER_ISSUER, OTHER_KEY)));
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_two_issuers, f));
}

/* The first is trusted no longer. */
static inline void only_other_issuer(Fixture *f)
{
        fixture_write(PATH_CONF_FILE, ISSUERS(ISSUER(OTHER_ISSUER, OTHER_KEY)));
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_one_issuer, f));
}

/* A set of the other issuer with one grant for alice; jti NULL: with none. */
static inline char *other_set(const Fixture *f, const SigningKey *other, int64_t ver_offset,
                              const char *jti)
{
        const long long now = f->base_sec;
        _cleanup_free_ char *grant = fixture_grant(jti ? jti : "", "alice", 600, ALICE_LOGIN);
        _cleanup_free_ char *payload = NULL;
        char *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" OTHER_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                             "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\","
                             "\"accounts\":[],\"grants\":[%s]}",
                             now, now + 3600, now * 1000 + (long long)ver_offset,
                             jti ? grant : "") > 0);
        assert_int_equal(jws_sign(other, JWS_TYP_GRANTS, payload, strlen(payload), &jws), 0);
        return jws;
}

/* To be loaded: another issuer, with no set, whose lists may name what is the first one's. */
static inline void revoking_issuer(SigningKey *other)
{
        char *jwk = NULL;

        assert_int_equal(signing_key_generate(other), 0);
        assert_int_equal(jwk_format(&other->public, &jwk), 0);
        fixture_write(OTHER_KEY, jwk);
        free(jwk);
        fixture_write(PATH_CONF_DIR "/20-other.conf",
                      "issuers = ( { issuer = \"" OTHER_ISSUER "\"; revokes = [ \"*\" ];\n"
                      "  source: { type = \"file\"; path = \"/nowhere/other.jws\"; };\n"
                      "  keys = ( { file = \"" OTHER_KEY "\";\n"
                      "    reach: { sign = [ \"revocations\" ]; }; } ); } );\n");
}

/* A revocation list of the other issuer, malloc'ed. */
static inline char *other_list(const Fixture *f, const SigningKey *other, int64_t ver_offset,
                               const char *entries)
{
        const long long now = f->base_sec;
        _cleanup_free_ char *payload = NULL;
        char *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" OTHER_ISSUER
                             "\",\"aud\":\"*\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,"
                             "\"revoked\":[%s]}",
                             now, now + 3600, now * 1000 + (long long)ver_offset, entries) > 0);
        assert_int_equal(jws_sign(other, JWS_TYP_REVOCATIONS, payload, strlen(payload), &jws), 0);
        return jws;
}
