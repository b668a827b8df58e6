/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets made by somebody who means harm: with no key, with a retired one, or with the issuer's own.
 * Rows V03 to V38 of the battery at their exact inputs; test-set.c has the decoder's own rules. */

#include "nhi-agentd/set/set.h"

#include "nhi-agentd/set/idmap.h"
#include "tests/unit/fake-etc.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <sodium.h>

#define T0     INT64_C(1763760000)
#define ISSUER "https://grants.example.org"
#define TYP    "\"typ\":\"" JWS_TYP_GRANTS "\""

static const char *all[] = { "*" };

static struct {
        FakeEtc etc;
        SigningKey key, thief, retired;
        TrustedKey trusted;
        SetPolicy policy;
        SetFloor floor;
        LocalDb *local;
        IdMap *idmap;
        Now now;
        GrantSet *set;
        SetError error;
} f;

static int setup(void **state)
{
        const StrList any = { all, 1 };
        const Reach whole = { .sign_accounts = true,
                              .sign_ssh_keys = true,
                              .sign_grants = true,
                              .accounts = any,
                              .services = any,
                              .groups = any,
                              .run_as = any,
                              .lifetime_max_sec = 86400 };

        memset(&f, 0, sizeof(f));
        if (sodium_init() < 0 || fake_etc_init(&f.etc) < 0 || fake_etc_fill(&f.etc) < 0 ||
            signing_key_generate(&f.key) < 0 || signing_key_generate(&f.thief) < 0 ||
            signing_key_generate(&f.retired) < 0 || localdb_load(f.etc.dir, &f.local) < 0 ||
            idmap_new(&f.idmap) < 0)
                return -1;
        f.trusted = (TrustedKey){ .jwk = f.key.public, .reach = whole };
        f.policy = (SetPolicy){ .issuer = ISSUER,
                                .audience = "web1",
                                .keys = &f.trusted,
                                .n_keys = 1,
                                .ceiling = whole };
        f.now = (Now){ (T0 + 10) * INT64_C(1000000), INT64_C(500000000) };
        return 0;
}

static int teardown(void **state)
{
        f.set = grant_set_free(f.set);
        f.local = localdb_free(f.local);
        f.idmap = idmap_free(f.idmap);
        fake_etc_done(&f.etc);
        return 0;
}

/* ---- sets as text -----------------------------------------------------------------------------*/

/* Every place where a number stands; NULL leaves the member out. */
typedef struct Numbers {
        const char *format, *iat, *exp, *ver;                   /* of the set */
        const char *uid, *gid;                                  /* of svc-a */
        const char *grant_nbf, *grant_exp, *grant_max_sessions; /* of g-a */
} Numbers;

static const Numbers good = { .format = "1",
                              .iat = "1763760000",
                              .exp = "1763846400",
                              .ver = "1763760000123",
                              .uid = "70001",
                              .gid = "70001",
                              .grant_nbf = "1763760000",
                              .grant_exp = "1763761800",
                              .grant_max_sessions = "1" };

typedef struct Payload {
        char text[4096];
        size_t size;
} Payload;

_printf_(2, 3) static void add(Payload *p, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(p->text + p->size, sizeof(p->text) - p->size, format, ap);
        va_end(ap);
        assert_true(n >= 0 && (size_t)n < sizeof(p->text) - p->size);
        p->size += (size_t)n;
}

static void add_number(Payload *p, const char *name, const char *value)
{
        if (value)
                add(p, "\"%s\":%s,", name, value);
}

/* svc-a with g-a, as told; and svc-b with g-b, with which all is well. strings: more members of
 * svc-a, as JSON; groups: an nhi_group term of g-a. */
static void payload(Payload *p, const Numbers *n, const char *name, const char *strings,
                    const char *groups)
{
        p->size = 0;
        add(p, "{");
        add_number(p, "format", n->format);
        add_number(p, "iat", n->iat);
        add_number(p, "exp", n->exp);
        add_number(p, "ver", n->ver);
        add(p, "\"iss\":\"" ISSUER "\",\"aud\":\"web1\",\"ledger\":\"00\",\"accounts\":[{");
        add_number(p, "uid", n->uid);
        add_number(p, "gid", n->gid);
        add(p, "%s\"name\":\"%s\",\"kind\":\"workload\",\"owner\":\"o\"},", strings, name);
        add(p, "{\"name\":\"svc-b\",\"kind\":\"agent\",\"owner\":\"o\",\"uid\":70002,\"gid\":70002}"
               "],");
        add(p, "\"grants\":[{");
        add_number(p, "nbf", n->grant_nbf);
        add_number(p, "exp", n->grant_exp);
        add_number(p, "max_sessions", n->grant_max_sessions);
        add(p,
            "\"jti\":\"g-a\",\"account\":\"%s\",\"owner\":\"o\",\"reason\":\"r\","
            "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"ssh\"]}%s]},",
            name, groups);
        add(p, "{\"jti\":\"g-b\",\"account\":\"svc-b\",\"owner\":\"o\",\"reason\":\"r\",\"exp\":"
               "1763761800,"
               "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"ssh\"]}]}]}");
}

static int verify_bytes(const char *jws, size_t size)
{
        int r;

        f.set = grant_set_free(f.set);
        f.error = (SetError){ "", "" };
        r = grant_set_verify(jws, size, &f.policy, &f.floor, f.local, f.idmap, f.now, false, &f.set,
                             &f.error);
        assert_int_equal(r == 0, f.set != NULL);
        return r;
}

static char *sign(const Payload *p)
{
        char *jws = NULL;

        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, p->text, p->size, &jws), 0);
        return jws;
}

static int verify_payload(const Payload *p)
{
        _cleanup_free_ char *jws = sign(p);

        return verify_bytes(jws, strlen(jws));
}

static const char *quarantined(const char *entry)
{
        for (size_t i = 0; i < f.set->n_quarantine; i++)
                if (streq(f.set->quarantine[i].entry, entry))
                        return f.set->quarantine[i].code;
        return "";
}

static bool has_grant(const char *jti)
{
        for (size_t i = 0; i < f.set->n_grants; i++)
                if (streq(f.set->grants[i].jti, jti))
                        return true;
        return false;
}

/* The set is in force without svc-a and g-a, and with svc-b and g-b. */
static void expect_only_b(const Payload *p, const char *what)
{
        if (verify_payload(p) != 0)
                fail_msg("%s: the set is refused: %s: %s", what, f.error.code, f.error.detail);
        if (has_grant("g-a"))
                fail_msg("%s: g-a is granted", what);
        assert_int_equal(f.set->n_accounts, 1);
        assert_string_equal(f.set->accounts[0].name, "svc-b");
        assert_true(has_grant("g-b"));
        assert_true(f.set->n_quarantine > 0);
}

/* A JWS whose header is this text, signed with a key. */
static char *sign_header(const SigningKey *key, const char *header, const Payload *p)
{
        uint8_t signature[crypto_sign_BYTES];
        const size_t room = base64url_size(strlen(header)) + base64url_size(p->size) + 100;
        char *jws = malloc(room), *end;

        assert_non_null(jws);
        base64url_encode((const uint8_t *)header, strlen(header), jws);
        end = jws + base64url_size(strlen(header));
        *end++ = '.';
        base64url_encode((const uint8_t *)p->text, p->size, end);
        end += base64url_size(p->size);
        crypto_sign_detached(signature, NULL, (const uint8_t *)jws, (size_t)(end - jws),
                             key->secret);
        *end++ = '.';
        base64url_encode(signature, sizeof(signature), end);
        return jws;
}

static const char *refusal(const SigningKey *key, const char *header)
{
        _cleanup_free_ char *jws = NULL;
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        jws = sign_header(key, header, &p);
        assert_int_equal(verify_bytes(jws, strlen(jws)), SET_E_REFUSED);
        return f.error.code;
}

/* ---- without the key --------------------------------------------------------------------------*/

static void the_set_that_all_others_are_made_of_is_taken(void **state)
{
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        assert_int_equal(verify_payload(&p), 0);
        assert_int_equal(f.set->n_accounts, 2);
        assert_int_equal(f.set->n_grants, 2);
        assert_int_equal(f.set->n_quarantine, 0);
}

static void no_kid_opens_a_file_V07(void **state)
{
        static const char *const kids[] = { "../../../etc/passwd",
                                            "/etc/nhi/trust/evil.jwk",
                                            "file:///etc/passwd",
                                            "https://evil.example/key",
                                            "",
                                            "' OR '1'='1",
                                            "x\\u0000y",
                                            "%s%n",
                                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
        struct rlimit before;
        char header[8192], kid[4097];
        Payload p;

        memset(kid, 'k', sizeof(kid) - 1);
        kid[sizeof(kid) - 1] = '\0';
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        /* With no descriptor to be had, whoever opened anything would fail. */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, before.rlim_max }), 0);
        for (size_t i = 0; i < ELEMENTSOF(kids); i++) {
                const char *code;

                snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\"," TYP "}",
                         kids[i]);
                code = refusal(&f.thief, header);
                assert_true(streq(code, "key") || streq(code, "header"));
        }
        snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\"," TYP "}", kid);
        assert_string_equal(refusal(&f.thief, header), "header");
        payload(&p, &good, "svc-a", "", "");
        assert_int_equal(verify_payload(&p), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void no_key_that_a_header_brings_is_looked_at_V06(void **state)
{
        _cleanup_free_ char *jwk = NULL;
        const char *kids[] = { f.key.public.kid, f.thief.public.kid };
        char members[10][512], header[8192];
        size_t n = 0;

        assert_int_equal(jwk_format(&f.thief.public, &jwk), 0);
        snprintf(members[n++], 512, "\"jwk\":%.400s", jwk);
        snprintf(members[n++], 512, "\"jku\":\"https://evil.example/k\"");
        snprintf(members[n++], 512, "\"x5u\":\"https://evil.example/c\"");
        snprintf(members[n++], 512, "\"x5c\":[\"MIIB\"]");
        snprintf(members[n++], 512, "\"x5t\":\"AAAA\"");
        snprintf(members[n++], 512, "\"x5t#S256\":\"AAAA\"");
        snprintf(members[n++], 512, "\"cty\":\"JWT\"");
        snprintf(members[n++], 512, "\"zip\":\"DEF\"");
        for (size_t k = 0; k < ELEMENTSOF(kids); k++)
                for (size_t i = 0; i < n; i++) {
                        snprintf(header, sizeof(header),
                                 "{\"alg\":\"EdDSA\",\"kid\":\"%s\"," TYP ",%s}", kids[k],
                                 members[i]);
                        assert_string_equal(refusal(&f.thief, header), "header");
                        /* And no better where the issuer itself signed it. */
                        assert_string_equal(refusal(&f.key, header), "header");
                }
}

static void the_issuers_kid_under_a_thiefs_signature_is_refused(void **state) /* V03 */
{
        char header[512];

        snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\"," TYP "}",
                 f.key.public.kid);
        assert_string_equal(refusal(&f.thief, header), "signature");
}

static void a_retired_key_signs_nothing_V26(void **state)
{
        const TrustedKey both[] = { { .jwk = f.retired.public, .reach = f.trusted.reach },
                                    f.trusted };
        _cleanup_free_ char *jws = NULL;
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        assert_int_equal(jws_sign(&f.retired, JWS_TYP_GRANTS, p.text, p.size, &jws), 0);
        f.policy.keys = both;
        f.policy.n_keys = 2;
        assert_int_equal(verify_bytes(jws, strlen(jws)), 0);
        f.policy.keys = &f.trusted;
        f.policy.n_keys = 1;
        assert_int_equal(verify_bytes(jws, strlen(jws)), SET_E_REFUSED);
        assert_string_equal(f.error.code, "key");
}

/* There is no rotation in a set: what is trusted stands in root's files and nowhere else. */
static void a_set_cannot_bring_a_key_V26(void **state)
{
        _cleanup_free_ char *jwk = NULL;
        static const char *const members[] = { "keys", "jwks", "rotate_to" };

        assert_int_equal(jwk_format(&f.thief.public, &jwk), 0);
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                Payload p = { .size = 0 };

                payload(&p, &good, "svc-a", "", "");
                p.size--; /* the last brace */
                add(&p, ",\"%s\":[%s]}", members[i], jwk);
                assert_int_equal(verify_payload(&p), SET_E_REFUSED);
                assert_string_equal(f.error.code, "unknown-member");
        }
}

static void nothing_cut_or_flipped_is_taken_V17(void **state)
{
        _cleanup_free_ char *jws = NULL;
        GrantSet *const before = (GrantSet *)&f; /* what *ret held stays in it */
        GrantSet *ret = before;
        SetFloor floor = { .ver = 7, .hash = "00" };
        Payload p;
        size_t n;

        payload(&p, &good, "svc-a", "", "");
        jws = sign(&p);
        n = strlen(jws);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(grant_set_verify(jws, i, &f.policy, &floor, f.local, f.idmap,
                                                  f.now, false, &ret, &f.error),
                                 SET_E_REFUSED);
        for (size_t i = 0; i < n * 8; i++) {
                jws[i / 8] = (char)(jws[i / 8] ^ 1 << i % 8);
                assert_int_equal(grant_set_verify(jws, n, &f.policy, &floor, f.local, f.idmap,
                                                  f.now, false, &ret, &f.error),
                                 SET_E_REFUSED);
                jws[i / 8] = (char)(jws[i / 8] ^ 1 << i % 8);
        }
        assert_ptr_equal(ret, before);
        assert_int_equal(floor.ver, 7);
        assert_int_equal(verify_bytes(jws, n), 0);
}

/* ---- mixtures ---------------------------------------------------------------------------------*/

static void segment(const char *jws, unsigned which, char *ret, size_t size)
{
        const char *from = jws, *end;

        for (unsigned i = 0; i < which; i++)
                from = strchr(from, '.') + 1;
        end = strchrnul(from, '.');
        assert_true((size_t)(end - from) < size);
        memcpy(ret, from, (size_t)(end - from));
        ret[end - from] = '\0';
}

/* A set has no parts that could be fetched apart from each other; so what can be mixed are its
 * segments, of two versions that are both signed. */
static void segments_of_two_versions_are_never_one_set_V23(void **state)
{
        char *jws[2];
        static char parts[2][3][8192], mixed[3 * 8192];
        Numbers newer = good;
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        jws[0] = sign(&p);
        newer.ver = "1763760000124";
        payload(&p, &newer, "svc-c", "", "");
        jws[1] = sign(&p);
        for (unsigned v = 0; v < 2; v++)
                for (unsigned s = 0; s < 3; s++)
                        segment(jws[v], s, parts[v][s], sizeof(parts[v][s]));
        for (unsigned mix = 0; mix < 8; mix++) {
                /* The headers are the same: what may not be mixed is payload and signature. */
                const bool is_whole = (mix >> 1 & 1) == (mix >> 2 & 1);

                snprintf(mixed, sizeof(mixed), "%s.%s.%s", parts[mix & 1][0],
                         parts[mix >> 1 & 1][1], parts[mix >> 2 & 1][2]);
                assert_int_equal(verify_bytes(mixed, strlen(mixed)), is_whole ? 0 : SET_E_REFUSED);
        }
        free(jws[0]);
        free(jws[1]);
}

static void one_issuers_key_signs_nothing_for_another_V23(void **state)
{
        _cleanup_free_ char *jws = NULL;
        SetPolicy other = f.policy;
        GrantSet *set = NULL;
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        jws = sign(&p);
        other.issuer = "https://other.example.org";
        assert_int_equal(grant_set_verify(jws, strlen(jws), &other, &f.floor, f.local, f.idmap,
                                          f.now, false, &set, &f.error),
                         SET_E_REFUSED);
        assert_string_equal(f.error.code, "issuer");
        assert_null(set);
}

/* ---- no JSON ----------------------------------------------------------------------------------*/

static void a_signed_payload_that_is_no_json_is_no_set(void **state)
{
        static const char *const texts[] = {
                "",           " ",     "{",       "}",         "[",          "null",
                "1",          "\"x\"", "{\"a\"}", "{\"a\" 1}", "{\"a\":}",   "{1:2}",
                "{\"a\":1,}", "{,}",   "{} {}",   "{}]",       "{\"a\":1;}",
        };
        static const char *const lists[] = {
                "[",    "[}",    "[1",    "[1,",  "[1,]", "[,1]",      "[1 2]",
                "[{]}", "[\"a]", "[nul]", "[01]", "[1e]", "[\"\\x\"]", "[{\"a\":1,\"a\":2}]",
                "[tru", "[\"\\", "[]]",
        };
        char deep[4096];
        Payload p;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                p.size = 0;
                add(&p, "%s ", texts[i]);
                assert_int_equal(verify_payload(&p), SET_E_REFUSED);
        }
        memset(deep, '[', sizeof(deep) - 1);
        deep[2000] = '\0';
        for (size_t i = 0; i <= ELEMENTSOF(lists); i++)
                for (int is_grants = 0; is_grants < 2; is_grants++) {
                        const char *text = i < ELEMENTSOF(lists) ? lists[i] : deep;

                        p.size = 0;
                        add(&p, "{\"format\":1,\"iss\":\"" ISSUER
                                "\",\"aud\":\"web1\",\"ledger\":\"0\","
                                "\"iat\":1763760000,\"exp\":1763846400,\"ver\":1763760000123,");
                        add(&p,
                            is_grants ? "\"accounts\":[],\"grants\":%s}"
                                      : "\"grants\":[],\"accounts\":%s}",
                            text);
                        if (verify_payload(&p) != SET_E_REFUSED)
                                fail_msg("%s is taken", text);
                }
}

/* ---- with the issuer's own key ----------------------------------------------------------------*/

static const char *const spellings[] = { "1e3", "1.0",  "\"1\"", "-1",
                                         "0",   "null", "true",  "9223372036854775808",
                                         "[1]", "{}",   "\"\"",  "18446744073709551617",
                                         "-0",  "1E3",  "0.5",   "-9223372036854775808" };

static void no_number_of_a_set_has_another_spelling_V13(void **state)
{
        Payload p;

        for (size_t m = 0; m < 4; m++)
                for (size_t i = 0; i <= ELEMENTSOF(spellings); i++) {
                        const char *text = i < ELEMENTSOF(spellings) ? spellings[i] : NULL;
                        Numbers n = good;
                        const char **place[] = { &n.format, &n.iat, &n.exp, &n.ver };

                        *place[m] = text;
                        payload(&p, &n, "svc-a", "", "");
                        if (verify_payload(&p) != SET_E_REFUSED)
                                fail_msg("member %zu as %s is taken", m, text ?: "nothing");
                }
}

/* Over 64 bits: no JSON that can be read, and so no set. */
static bool is_no_json(const char *text)
{
        return text && isdigit((unsigned char)text[0]) &&
               strlen(text) >= strlen("9223372036854775808");
}

static void no_number_of_an_entry_has_another_spelling_V13(void **state)
{
        Payload p;

        for (size_t m = 0; m < 5; m++)
                for (size_t i = 0; i <= ELEMENTSOF(spellings); i++) {
                        const char *text = i < ELEMENTSOF(spellings) ? spellings[i] : NULL;
                        Numbers n = good;
                        const char **place[] = { &n.grant_exp, &n.uid, &n.gid, &n.grant_nbf,
                                                 &n.grant_max_sessions };

                        *place[m] = text;
                        payload(&p, &n, "svc-a", "", "");
                        if (is_no_json(text)) {
                                assert_int_equal(verify_payload(&p), SET_E_REFUSED);
                                continue;
                        }
                        assert_int_equal(verify_payload(&p), 0);
                        if (!text && m >= 3)
                                assert_true(has_grant("g-a")); /* may be left out */
                        else if (has_grant("g-a") || !has_grant("g-b"))
                                fail_msg("member %zu as %s: g-a is granted, or g-b is not", m,
                                         text ?: "nothing");
                }
}

static void no_number_that_is_left_out_or_0_means_without_an_end_V13(void **state)
{
        Numbers n = good;
        Payload p;

        n.grant_nbf = n.grant_max_sessions = NULL;
        payload(&p, &n, "svc-a", "", "");
        assert_int_equal(verify_payload(&p), 0);
        for (size_t i = 0; i < f.set->n_grants; i++) {
                assert_int_equal(f.set->grants[i].nbf_sec, T0); /* the set's own beginning */
                assert_int_equal(f.set->grants[i].exp_sec, T0 + 1800);
        }
}

static void lifetimes_hold_at_their_edges_V14(void **state)
{
        static const struct {
                const char *nbf, *exp, *code;
        } cases[] = {
                { "1763761800", "1763761799", "lifetime" }, /* exp before nbf */
                { "1763761800", "1763761800", "lifetime" }, { "1763761799", "1763761800", "" },
                { "1763760000", "1763846400", "" }, /* 24 h, the key's reach */
                { "1763760000", "1763846401", "reach" },    { "1", "1763846400", "reach" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Numbers n = good;
                Payload p;

                n.grant_nbf = cases[i].nbf;
                n.grant_exp = cases[i].exp;
                payload(&p, &n, "svc-a", "", "");
                assert_int_equal(verify_payload(&p), 0);
                assert_string_equal(quarantined("grant g-a"), cases[i].code);
                assert_int_equal(has_grant("g-a"), streq(cases[i].code, ""));
                assert_true(has_grant("g-b"));
        }
}

static void a_set_after_its_end_is_no_set_V21(void **state)
{
        _cleanup_free_ char *jws = NULL;
        Payload p;

        payload(&p, &good, "svc-a", "", "");
        jws = sign(&p);
        f.now.real_usec = INT64_C(1763846399) * 1000000 + 999999;
        assert_int_equal(verify_bytes(jws, strlen(jws)), 0);
        f.now.real_usec++;
        assert_int_equal(verify_bytes(jws, strlen(jws)), SET_E_REFUSED);
        assert_string_equal(f.error.code, "expired");
}

static void roots_name_and_numbers_are_quarantined_alone_V28(void **state)
{
        Numbers n = good;
        Payload p;

        /* The entry is out; a grant for root as this host defines it is another matter. */
        payload(&p, &good, "root", "", "");
        assert_int_equal(verify_payload(&p), 0);
        assert_string_equal(quarantined("account root"), "name-local");
        assert_int_equal(f.set->n_accounts, 1);
        assert_true(has_grant("g-b"));
        n.uid = "0";
        payload(&p, &n, "svc-a", "", "");
        expect_only_b(&p, "uid 0");
        n = good;
        n.gid = "0";
        payload(&p, &n, "svc-a", "", "");
        expect_only_b(&p, "gid 0");
}

static void groups_that_are_root_are_quarantined_alone_V28(void **state)
{
        static const char *const groups[] = { "root", "sudo",    "docker", "adm",
                                              "disk", "shadow",  "kmem",   "wheel",
                                              "lxd",  "libvirt", "staff" };

        for (size_t i = 0; i < ELEMENTSOF(groups); i++) {
                char term[128];
                Payload p;

                snprintf(term, sizeof(term), ",{\"type\":\"nhi_group\",\"groups\":[\"%s\"]}",
                         groups[i]);
                payload(&p, &good, "svc-a", "", term);
                assert_int_equal(verify_payload(&p), 0);
                if (has_grant("g-a"))
                        fail_msg("group %s is granted", groups[i]);
                assert_string_equal(quarantined("grant g-a"), "group-root-equivalent");
                assert_int_equal(f.set->n_accounts, 2);
                assert_true(has_grant("g-b"));
        }
}

static void ids_that_are_somebody_elses_by_convention_are_quarantined_V30(void **state)
{
        static const char *const ids[] = {
                "1",      "999",        "1000",       "59999",      "60001",      "60513",
                "61184",  "65519",      "65534",      "65535",      "100000",     "165535",
                "524288", "1879048191", "2147483647", "2147483648", "4294967294", "4294967295",
        };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                for (int is_gid = 0; is_gid < 2; is_gid++) {
                        Numbers n = good;
                        Payload p;

                        *(is_gid ? &n.gid : &n.uid) = ids[i];
                        payload(&p, &n, "svc-a", "", "");
                        expect_only_b(&p, ids[i]);
                        assert_string_equal(quarantined("account svc-a"), "uid-range");
                }
}

static void strings_that_would_be_another_line_are_quarantined_V34(void **state)
{
        static const char *const members[] = {
                "\"shell\":\"/bin/sh\\n\",",
                "\"shell\":\"/bin/sh\\r\",",
                "\"shell\":\"/bin/sh\\nroot2:x:0:0::/:/bin/sh\",",
                "\"shell\":\"/bin/sh:\",",
                "\"shell\":\"\\u2028/bin/sh\",",
                "\"home\":\"/../\",",
                "\"home\":\"/..\",",
                "\"home\":\"/a/../../etc\",",
                "\"home\":\"/a:b\",",
                "\"home\":\"/a\\tb\",",
                "\"home\":\"a\",",
                "\"gecos\":\":\",",
                "\"gecos\":\"x:0:0\",",
                "\"gecos\":\"x\\u007f\",",
                "\"gecos\":\"x\\u001b[2J\",",
                "\"gecos\":\"\\u0085\",",
                "\"gecos\":\"\\u2029\",",
                "\"gecos\":\"\\u202e\",",
        };
        Payload p;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                payload(&p, &good, "svc-a", members[i], "");
                expect_only_b(&p, members[i]);
        }
        payload(&p, &good, "svc-a", "\"gecos\":\"Zo\\u00eb, \\u4e2d\",\"shell\":\"/bin/sh\",", "");
        assert_int_equal(verify_payload(&p), 0);
        assert_int_equal(f.set->n_accounts, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(the_set_that_all_others_are_made_of_is_taken),
                T(no_kid_opens_a_file_V07),
                T(no_key_that_a_header_brings_is_looked_at_V06),
                T(the_issuers_kid_under_a_thiefs_signature_is_refused),
                T(a_retired_key_signs_nothing_V26),
                T(a_set_cannot_bring_a_key_V26),
                T(nothing_cut_or_flipped_is_taken_V17),
                T(segments_of_two_versions_are_never_one_set_V23),
                T(one_issuers_key_signs_nothing_for_another_V23),
                T(a_signed_payload_that_is_no_json_is_no_set),
                T(no_number_of_a_set_has_another_spelling_V13),
                T(no_number_of_an_entry_has_another_spelling_V13),
                T(no_number_that_is_left_out_or_0_means_without_an_end_V13),
                T(lifetimes_hold_at_their_edges_V14),
                T(a_set_after_its_end_is_no_set_V21),
                T(roots_name_and_numbers_are_quarantined_alone_V28),
                T(groups_that_are_root_are_quarantined_alone_V28),
                T(ids_that_are_somebody_elses_by_convention_are_quarantined_V30),
                T(strings_that_would_be_another_line_are_quarantined_V34),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
