/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises S1..S5 of nhi-agentd/set/set.h, and what a host refuses of a set. */

#include "nhi-agentd/set/set.h"

#include "nhi-agentd/set/idmap.h"
#include "tests/unit/fake-etc.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <sodium.h>

#define T0  INT64_C(1763760000)
#define SEC INT64_C(1000000)

#define KEY1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

/* The example of the design: one account, one grant with every kind of term. */
static const char example[] =
        "{\"format\":1,\"iss\":\"https://grants.example.org\",\"aud\":\"web1.example.org\","
        "\"iat\":1763760000,\"exp\":1763846400,\"ver\":1763760000123,\"ledger\":\"3f9c\","
        "\"accounts\":[{\"name\":\"svc-deploy\",\"kind\":\"workload\",\"owner\":\"payments\","
        "\"uid\":70001,\"gid\":70001,\"gecos\":\"deploys payments\","
        "\"home\":\"/var/lib/svc-deploy\",\"shell\":\"/bin/bash\"}],"
        "\"grants\":[{\"jti\":\"g-01\",\"account\":\"svc-deploy\","
        "\"sub\":\"spiffe://example.org/ci/payments\","
        "\"act\":{\"sub\":\"agent:release-bot\",\"act\":{\"sub\":\"user:eve\"}},"
        "\"owner\":\"payments\",\"reason\":\"CHG-42 roll out 2.3\",\"ticket\":\"CHG-42\","
        "\"issued_by\":\"ci@example.org\",\"approvals\":[],\"nbf\":1763760000,\"exp\":1763761800,"
        "\"authorization_details\":["
        "{\"type\":\"nhi_login\",\"services\":[\"ssh\"],\"from\":[\"10.0.0.0/8\",\"2001:db8::/"
        "32\"],"
        "\"ssh_keys\":[\"" KEY1 " laptop\"]},"
        "{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],\"run_as\":[\"postgres\"],"
        "\"commands\":[[\"/usr/bin/pg_dump\",\"payments\"]]},"
        "{\"type\":\"nhi_unit\",\"units\":[\"pay-migrate.service\"]},"
        "{\"type\":\"nhi_group\",\"groups\":[\"pay-ops\"]}],"
        "\"windows\":[\"Sat,Sun 01:00..05:00 UTC\"],\"max_sessions\":1}]}";

static const char *all[] = { "*" };

static struct {
        FakeEtc etc;
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        SetFloor floor;
        LocalDb *local;
        IdMap *idmap;
        Now now;
        json_t *doc;
        GrantSet *set;
        SetError error;
} f;

static Reach whole_reach(void)
{
        const StrList any = { all, 1 };

        return (Reach){ .sign_accounts = true,
                        .sign_ssh_keys = true,
                        .sign_grants = true,
                        .accounts = any,
                        .services = any,
                        .groups = any,
                        .run_as = any,
                        .lifetime_max_sec = 86400 };
}

static int setup(void **state)
{
        memset(&f, 0, sizeof(f));
        if (sodium_init() < 0 || fake_etc_init(&f.etc) < 0 || fake_etc_fill(&f.etc) < 0)
                return -1;
        if (signing_key_generate(&f.key) < 0 || localdb_load(f.etc.dir, &f.local) < 0 ||
            idmap_new(&f.idmap) < 0)
                return -1;
        f.trusted = (TrustedKey){ .jwk = f.key.public, .reach = whole_reach() };
        f.policy = (SetPolicy){ .issuer = "https://grants.example.org",
                                .audience = "web1.example.org",
                                .keys = &f.trusted,
                                .n_keys = 1,
                                .ceiling = whole_reach() };
        f.now = (Now){ (T0 + 10) * SEC, 500 * SEC };
        f.doc = json_loads(example, 0, NULL);
        return f.doc ? 0 : -1;
}

static int teardown(void **state)
{
        json_decref(f.doc);
        f.set = grant_set_free(f.set);
        f.local = localdb_free(f.local);
        f.idmap = idmap_free(f.idmap);
        fake_etc_done(&f.etc);
        return 0;
}

/* ---- helpers ----------------------------------------------------------------------------------*/

static int verify_bytes(const char *jws, size_t size, bool at_start)
{
        f.set = grant_set_free(f.set);
        f.error = (SetError){ "", "" };
        return grant_set_verify(jws, size, &f.policy, &f.floor, f.local, f.idmap, f.now, at_start,
                                &f.set, &f.error);
}

static int verify_text(const char *payload)
{
        _cleanup_free_ char *jws = NULL;

        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, payload, strlen(payload), &jws), 0);
        return verify_bytes(jws, strlen(jws), false);
}

static int verify_doc(void)
{
        _cleanup_free_ char *payload = json_dumps(f.doc, 0);

        assert_non_null(payload);
        return verify_text(payload);
}

static void expect_accepted(void)
{
        int r = verify_doc();

        if (r != 0)
                fail_msg("refused: %s: %s", f.error.code, f.error.detail);
}

static void expect_refused(const char *code)
{
        assert_int_equal(verify_doc(), SET_E_REFUSED);
        assert_null(f.set);
        if (!streq(f.error.code, code))
                fail_msg("refused as %s (%s), expected %s", f.error.code, f.error.detail, code);
        assert_true(strlen(f.error.detail) > 0);
}

/* All is well but this one entry. */
static void expect_quarantined(const char *entry, const char *code)
{
        expect_accepted();
        for (size_t i = 0; i < f.set->n_quarantine; i++)
                if (streq(f.set->quarantine[i].entry, entry)) {
                        if (!streq(f.set->quarantine[i].code, code))
                                fail_msg("%s is quarantined as %s (%s), expected %s", entry,
                                         f.set->quarantine[i].code, f.set->quarantine[i].detail,
                                         code);
                        assert_true(strlen(f.set->quarantine[i].detail) > 0);
                        return;
                }
        fail_msg("%s is not quarantined", entry);
}

static void expect_clean(void)
{
        expect_accepted();
        if (f.set->n_quarantine > 0)
                fail_msg("%s: %s: %s", f.set->quarantine[0].entry, f.set->quarantine[0].code,
                         f.set->quarantine[0].detail);
}

static json_t *account(size_t i)
{
        return json_array_get(json_object_get(f.doc, "accounts"), i);
}

static json_t *grant(size_t i)
{
        return json_array_get(json_object_get(f.doc, "grants"), i);
}

static json_t *term(size_t i)
{
        return json_array_get(json_object_get(grant(0), "authorization_details"), i);
}

/* Set a member to JSON text, e.g. put(account(0), "uid", "7"); NULL removes it. */
static void put(json_t *object, const char *name, const char *json)
{
        json_t *v;

        if (!json) {
                assert_int_equal(json_object_del(object, name), 0);
                return;
        }
        v = json_loads(json, JSON_DECODE_ANY, NULL);
        if (!v)
                fail_msg("bad test value: %s", json);
        assert_int_equal(json_object_set_new(object, name, v), 0);
}

static void add_account(const char *name, unsigned uid)
{
        json_t *a = json_deep_copy(account(0));

        json_object_set_new(a, "name", json_string(name));
        json_object_set_new(a, "uid", json_integer(uid));
        json_object_set_new(a, "gid", json_integer(uid));
        json_array_append_new(json_object_get(f.doc, "accounts"), a);
}

static void add_grant(const char *jti, const char *name)
{
        json_t *g = json_pack("{s:s,s:s,s:s,s:s,s:I,s:[{s:s,s:[s]}]}", "jti", jti, "account", name,
                              "owner", "o", "reason", "r", "exp", (json_int_t)(T0 + 600),
                              "authorization_details", "type", "nhi_login", "services", "cron");

        assert_non_null(g);
        json_array_append_new(json_object_get(f.doc, "grants"), g);
}

static bool has_account(const char *name)
{
        for (size_t i = 0; i < f.set->n_accounts; i++)
                if (streq(f.set->accounts[i].name, name))
                        return true;
        return false;
}

static bool has_grant(const char *jti)
{
        for (size_t i = 0; i < f.set->n_grants; i++)
                if (streq(f.set->grants[i].jti, jti))
                        return true;
        return false;
}

/* ---- what is taken ----------------------------------------------------------------------------*/

static void set_of_the_design_is_taken_whole(void **state)
{
        const Grant *g;
        const Account *a;

        expect_clean();
        assert_string_equal(f.set->issuer, "https://grants.example.org");
        assert_string_equal(f.set->ledger, "3f9c");
        assert_int_equal(f.set->ver, 1763760000123);
        assert_string_equal(f.set->kid, f.key.public.kid);
        assert_int_equal(f.set->n_accounts, 1);
        assert_int_equal(f.set->n_grants, 1);
        a = &f.set->accounts[0];
        assert_string_equal(a->name, "svc-deploy");
        assert_int_equal(a->uid, 70001);
        assert_int_equal(a->kind, KIND_WORKLOAD);
        assert_string_equal(a->shell, "/bin/bash");
        g = &f.set->grants[0];
        assert_string_equal(g->jti, "g-01");
        assert_string_equal(g->act->sub, "agent:release-bot");
        assert_string_equal(g->act->prior->sub, "user:eve");
        assert_null(g->act->prior->prior);
        assert_string_equal(g->set_hash, f.set->hash);
        assert_int_equal(g->max_sessions, 1);
        assert_int_equal(g->n_windows, 1);
        assert_string_equal(g->windows_text.items[0], "Sat,Sun 01:00..05:00 UTC");
        assert_int_equal(g->boot_end_usec, 500 * SEC + 1790 * SEC);
        assert_int_equal(g->set_exp_sec, 1763846400);
}

static void set_terms_are_taken_whole(void **state)
{
        static const uint8_t ten[16] = { [10] = 0xff, 0xff, 10 };
        const Term *t;

        expect_clean();
        assert_int_equal(f.set->grants[0].n_terms, 4);
        t = f.set->grants[0].terms;
        assert_int_equal(t[0].type, TERM_LOGIN);
        assert_string_equal(t[0].services.items[0], "ssh");
        assert_int_equal(t[0].n_from, 2);
        assert_memory_equal(t[0].from[0].addr, ten, 16);
        assert_int_equal(t[0].from[0].prefix, 104);
        assert_int_equal(t[0].from[1].prefix, 32);
        assert_string_equal(t[0].ssh_keys[0].algorithm, "ssh-ed25519");
        assert_string_equal(t[0].ssh_keys[0].blob, &KEY1[strlen("ssh-ed25519 ")]);
        assert_int_equal(t[1].type, TERM_ELEVATE);
        assert_true(t[1].has_commands);
        assert_int_equal(t[1].commands[0].argv.n, 2);
        assert_string_equal(t[1].commands[0].argv.items[1], "payments");
        assert_int_equal(t[2].type, TERM_UNIT);
        assert_string_equal(t[2].units.items[0], "pay-migrate.service");
        assert_int_equal(t[3].type, TERM_GROUP);
        assert_string_equal(t[3].groups.items[0], "pay-ops");
        assert_non_null(strstr(f.set->grants[0].terms_json, "\"nhi_login\""));
}

static void set_members_that_may_be_left_out_have_defaults(void **state)
{
        const Grant *g;

        for (const char *const *m = (const char *const[]){ "gecos", "home", "shell", NULL }; *m;
             m++)
                put(account(0), *m, NULL);
        for (const char *const *m =
                     (const char *const[]){ "sub", "act", "ticket", "issued_by", "approvals",
                                            "windows", "max_sessions", "nbf", NULL };
             *m; m++)
                put(grant(0), *m, NULL);
        expect_clean();
        assert_string_equal(f.set->accounts[0].gecos, "");
        assert_string_equal(f.set->accounts[0].home, "/var/lib/svc-deploy");
        assert_string_equal(f.set->accounts[0].shell, "/bin/sh");
        g = &f.set->grants[0];
        assert_string_equal(g->sub, "svc-deploy");
        assert_null(g->act);
        assert_string_equal(g->ticket, "");
        assert_string_equal(g->issued_by, "");
        assert_string_equal(g->approvals_json, "[]");
        assert_int_equal(g->nbf_sec, T0);
        assert_int_equal(g->n_windows, 0);
        assert_int_equal(g->max_sessions, 0);
}

static void set_without_entries_is_taken(void **state) /* the last revocation */
{
        put(f.doc, "accounts", "[]");
        put(f.doc, "grants", "[]");
        expect_clean();
        assert_int_equal(f.set->n_grants, 0);
}

/* ---- the envelope -----------------------------------------------------------------------------*/

static void set_envelope_has_exactly_its_members(void **state)
{
        static const char *const members[] = { "format", "iss",    "aud",      "iat",   "exp",
                                               "ver",    "ledger", "accounts", "grants" };

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                json_t *kept = json_incref(json_object_get(f.doc, members[i]));

                put(f.doc, members[i], NULL);
                expect_refused("member-missing");
                put(f.doc, members[i], "null");
                expect_refused("member-type");
                json_object_set_new(f.doc, members[i], kept);
        }
        put(f.doc, "extra", "1");
        expect_refused("unknown-member");
}

static void set_of_another_format_says_so(void **state)
{
        put(f.doc, "extra", "1");
        put(f.doc, "format", "2");
        expect_refused("format");
        put(f.doc, "format", "1.0");
        expect_refused("unknown-member");
}

static void set_payload_is_one_strict_json_object(void **state) /* F9, V04 */
{
        static const char *const bad[] = { "",
                                           "x",
                                           "{",
                                           "{}{}",
                                           "{\"format\":1,\"format\":1}",
                                           "{\"iat\":9223372036854775808}",
                                           "{\"iss\":\"\\u0000\"}",
                                           "{\"iss\":\"\xff\"}" };

        for (size_t i = 1; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(verify_text(bad[i]), SET_E_REFUSED);
                assert_string_equal(f.error.code, "json");
        }
        assert_int_equal(verify_text("[]"), SET_E_REFUSED);
        assert_string_equal(f.error.code, "member-type");
}

static void set_is_for_one_host_and_of_one_issuer(void **state) /* O15 */
{
        put(f.doc, "aud", "\"web2.example.org\"");
        expect_refused("audience");
        put(f.doc, "aud", "\"WEB1.example.org\"");
        expect_refused("audience");
        put(f.doc, "aud", "[\"web1.example.org\"]");
        expect_refused("member-type");
        put(f.doc, "iss", "\"https://grants.example.org/\"");
        put(f.doc, "aud", "\"web1.example.org\"");
        expect_refused("issuer");
}

static void set_integers_are_strict(void **state) /* V13, F9 */
{
        static const char *const types[] = { "1e3", "1.0", "\"1\"", "null", "true", "[1]" };
        static const char *const values[] = { "0", "-1", "-9223372036854775808" };
        static const char *const members[] = { "iat", "exp", "ver" };

        for (size_t m = 0; m < ELEMENTSOF(members); m++) {
                json_t *kept = json_incref(json_object_get(f.doc, members[m]));

                for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                        put(f.doc, members[m], types[i]);
                        expect_refused("member-type");
                }
                for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                        put(f.doc, members[m], values[i]);
                        expect_refused("member-value");
                }
                json_object_set_new(f.doc, members[m], kept);
        }
        put(f.doc, "exp", "253402300800"); /* T09: year 10000 */
        expect_refused("member-value");
        put(f.doc, "exp", "9223372036854775807");
        expect_refused("member-value");
}

static void set_ahead_of_the_clock_by_60_s_passes_and_by_61_not(void **state) /* T06 */
{
        f.now.real_usec = (T0 - 60) * SEC;
        put(f.doc, "ver", "1763760000000");
        expect_clean();
        f.now.real_usec = (T0 - 61) * SEC;
        expect_refused("ahead");
        put(f.doc, "iat", "1763759900");
        expect_refused("ahead"); /* by its ver */
        put(f.doc, "ver", "1763759999000");
        expect_clean();
        put(f.doc, "ver", "1763759999001");
        expect_refused("ahead");
        put(f.doc, "ver", "9223372036854775807");
        expect_refused("ahead");
}

static void set_expires_and_lives_for_7_days_at_most(void **state) /* V21 */
{
        put(f.doc, "exp", "1764364800");
        expect_clean();
        put(f.doc, "exp", "1764364801");
        expect_refused("lifetime");
        put(f.doc, "exp", "1763760000");
        expect_refused("lifetime");
        put(f.doc, "exp", "1763760011");
        expect_clean();
        put(f.doc, "exp", "1763760010");
        expect_refused("expired");
}

/* ---- S4: versions -----------------------------------------------------------------------------*/

static void set_versions_only_rise(void **state) /* V18, V19 */
{
        f.floor.ver = 1763760000123;
        memset(f.floor.hash, 'a', 64);
        expect_refused("equivocation");
        f.floor.ver++;
        expect_refused("version-floor");
        f.floor.ver -= 2;
        expect_clean();
}

static void set_in_force_is_unchanged_but_loads_at_start(void **state)
{
        _cleanup_free_ char *jws = NULL;

        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, example, strlen(example), &jws), 0);
        assert_int_equal(verify_bytes(jws, strlen(jws), false), 0);
        f.floor.ver = f.set->ver;
        memcpy(f.floor.hash, f.set->hash, sizeof(f.floor.hash));
        assert_int_equal(verify_bytes(jws, strlen(jws), false), SET_E_UNCHANGED);
        assert_null(f.set);
        assert_int_equal(verify_bytes(jws, strlen(jws), true), 0);
        assert_non_null(f.set);

        f.now.real_usec = 1763846400 * SEC; /* long away: nothing is granted, but it is known */
        assert_int_equal(verify_bytes(jws, strlen(jws), true), 0);
        assert_int_equal(f.set->grants[0].boot_end_usec, 0);
        f.now.real_usec = SEC; /* the clock lost its battery */
        assert_int_equal(verify_bytes(jws, strlen(jws), true), 0);
        f.floor.ver++;
        assert_int_equal(verify_bytes(jws, strlen(jws), true), SET_E_REFUSED);
}

/* ---- S1, S2: signature ------------------------------------------------------------------------*/

static void set_signature_errors_have_codes(void **state) /* S1 */
{
        SigningKey other;
        _cleanup_free_ char *jws = NULL, *foreign = NULL, *typ = NULL;

        assert_int_equal(signing_key_generate(&other), 0);
        assert_int_equal(jws_sign(&other, JWS_TYP_GRANTS, "{", 1, &foreign), 0);
        assert_int_equal(verify_bytes(foreign, strlen(foreign), false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "key");
        assert_int_equal(jws_sign(&f.key, "JWT", "{", 1, &typ), 0);
        assert_int_equal(verify_bytes(typ, strlen(typ), false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "type");
        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, "{", 1, &jws), 0);
        jws[strlen(jws) - 10] = jws[strlen(jws) - 10] == 'A' ? 'B' : 'A';
        assert_int_equal(verify_bytes(jws, strlen(jws), false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "signature"); /* and not "json" */
        assert_int_equal(verify_bytes("", 0, false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "segments");
        f.policy.n_keys = 0;
        expect_refused("key");
}

static void set_truncated_or_flipped_anywhere_is_refused(void **state) /* V17, S2 */
{
        _cleanup_free_ char *jws = NULL;
        size_t n;

        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, example, strlen(example), &jws), 0);
        n = strlen(jws);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(verify_bytes(jws, i, false), SET_E_REFUSED);
        for (size_t i = 0; i < n; i++) {
                jws[i] = (char)(jws[i] ^ 1 << i % 8);
                assert_int_equal(verify_bytes(jws, n, false), SET_E_REFUSED);
                jws[i] = (char)(jws[i] ^ 1 << i % 8);
        }
        assert_int_equal(verify_bytes(jws, n, false), 0);
}

static void set_over_its_size_is_refused_unread(void **state)
{
        char *big = mmap(NULL, (size_t)SET_SIZE_MAX + 1, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        assert_ptr_not_equal(big, MAP_FAILED);
        assert_int_equal(verify_bytes(big, (size_t)SET_SIZE_MAX + 1, false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "size");
        assert_int_equal(verify_bytes(big, SET_SIZE_MAX, false), SET_E_REFUSED);
        assert_string_equal(f.error.code, "segments");
        assert_int_equal(munmap(big, (size_t)SET_SIZE_MAX + 1), 0);
}

static void set_with_too_many_accounts_is_refused(void **state)
{
        json_t *list = json_object_get(f.doc, "accounts");

        while (json_array_size(list) < SET_ACCOUNTS_MAX)
                json_array_append_new(list, json_null());
        expect_accepted();
        assert_int_equal(f.set->n_quarantined, SET_ACCOUNTS_MAX - 1);
        json_array_append_new(list, json_null());
        expect_refused("limit");
}

/* A payload around the text of its grants, for which "%s" stands. */
static int verify_with_grants(const char *around, const char *grants)
{
        const char *place = strstr(around, "%s");
        _cleanup_free_ char *payload = malloc(strlen(around) + strlen(grants));

        assert_non_null(place);
        assert_non_null(payload);
        memcpy(payload, around, (size_t)(place - around));
        strcpy(stpcpy(payload + (place - around), grants), place + 2);
        return verify_text(payload);
}

#define HEAD                                                                                       \
        "\"format\":1,\"iss\":\"https://grants.example.org\",\"aud\":\"web1.example.org\","        \
        "\"iat\":1763760000,\"exp\":1763846400,\"ver\":1763760000123,\"ledger\":\"3f9c\""
#define USUAL "{" HEAD ",\"accounts\":[],\"grants\":[%s]}"

/* n entries that are no grants, as short as they can be. */
static char *make_zeros(size_t n)
{
        char *text = malloc(2 * n + 1);

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                memcpy(text + 2 * i, "0,", 2);
        text[2 * n - 1] = '\0';
        return text;
}

static void set_with_too_many_grants_is_refused(void **state)
{
        _cleanup_free_ char *most = make_zeros(SET_GRANTS_MAX);
        _cleanup_free_ char *more = make_zeros(SET_GRANTS_MAX + 1);

        assert_int_equal(verify_with_grants(USUAL, most), 0);
        assert_int_equal(f.set->n_quarantined, SET_GRANTS_MAX);
        assert_int_equal(f.set->n_quarantine, SET_QUARANTINE_MAX);
        assert_string_equal(f.set->quarantine[SET_QUARANTINE_MAX - 1].entry, "grants[1023]");
        assert_int_equal(verify_with_grants(USUAL, more), SET_E_REFUSED);
        assert_string_equal(f.error.code, "limit");
}

static void set_with_too_large_an_entry_is_refused(void **state)
{
        const size_t size = 16u * 1024 * 1024;
        _cleanup_free_ char *entry = malloc(size + 2);

        assert_non_null(entry);
        memset(entry, 'x', size);
        entry[0] = entry[size - 1] = '"';
        entry[size] = '\0';
        assert_int_equal(verify_with_grants(USUAL, entry), 0);
        assert_int_equal(f.set->n_quarantined, 1);
        entry[size - 1] = 'x';
        entry[size] = '"';
        entry[size + 1] = '\0';
        assert_int_equal(verify_with_grants(USUAL, entry), SET_E_REFUSED);
        assert_string_equal(f.error.code, "limit");
}

static void set_nested_too_deep_is_refused_and_less_is_quarantined(void **state)
{
        char deep[2 * 65 + 1] = "";

        memset(deep, '[', 64);
        memset(deep + 64, ']', 64);
        assert_int_equal(verify_with_grants(USUAL, deep), 0);
        assert_string_equal(f.set->quarantine[0].code, "member-type");
        memset(deep, '[', 65);
        memset(deep + 65, ']', 65);
        assert_int_equal(verify_with_grants(USUAL, deep), SET_E_REFUSED);
        assert_string_equal(f.error.code, "json");
}

static void set_of_too_many_grants_for_one_account_keeps_the_first(void **state)
{
        const size_t n = SET_ACCOUNT_GRANTS_MAX + 2;
        _cleanup_free_ char *grants = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&grants, &size);

        assert_non_null(out);
        for (size_t i = n; i-- > 0;)
                assert_true(fprintf(out,
                                    "{\"jti\":\"g-%05zu\",\"account\":\"%s\",\"owner\":\"o\","
                                    "\"reason\":\"r\",\"exp\":1763761800,"
                                    "\"authorization_details\":[{\"type\":\"nhi_unit\","
                                    "\"units\":[\"a.service\"]}]}%s",
                                    i, i == 7 ? "jdoe" : "postgres", i > 0 ? "," : "") > 0);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(verify_with_grants(USUAL, grants), 0);
        assert_int_equal(f.set->n_grants, SET_ACCOUNT_GRANTS_MAX + 1);
        assert_int_equal(f.set->n_quarantined, 1);
        assert_string_equal(f.set->quarantine[0].code, "account-limit");
        assert_string_equal(f.set->quarantine[0].entry, "grant g-16385");
        /* What is the same for all stands once. */
        assert_ptr_equal(f.set->grants[0].terms, f.set->grants[n - 3].terms);
        assert_ptr_equal(f.set->grants[0].owner, f.set->grants[n - 3].owner);
}

static void set_may_order_its_members_as_it_likes(void **state)
{
        static const char grant_text[] =
                "{\"authorization_details\" : [ {\"type\":\"nhi_unit\",\"units\":[\"a.service\"]} "
                "],"
                "\"jti\":\"g-1\",\"account\":\"svc-a\",\"owner\":\"o\",\"reason\":\"r\","
                "\"exp\":1763761800}";
        static const char account_text[] = "{\"name\":\"svc-a\",\"kind\":\"human\",\"owner\":\"o\","
                                           "\"uid\":0,\"gid\":70001}";
        char format[1024];

        (void)snprintf(format, sizeof(format),
                       " {\"grants\" :\n[ %%s ] , \"accounts\": [%s]," HEAD "}\n", account_text);
        assert_int_equal(verify_with_grants(format, grant_text), 0);
        assert_int_equal(f.set->n_grants, 0); /* its account, which stands behind it, is bad */
        assert_int_equal(f.set->n_quarantine, 2);
        assert_string_equal(f.set->quarantine[1].code, "account-quarantined");
        (void)snprintf(format, sizeof(format), "{\"grants\":[%%s],\"\\u0061ccounts\":[]," HEAD "}");
        assert_int_equal(verify_with_grants(format, grant_text), 0);
        assert_string_equal(f.set->grants[0].terms_json,
                            "[{\"type\":\"nhi_unit\",\"units\":[\"a.service\"]}]");
}

static void set_that_is_no_json_somewhere_is_refused_whole(void **state) /* V04, S2 */
{
        static const char *const bad[] = {
                "{\"authorization_details\":[tru]}",
                "{\"authorization_details\":[],\"authorization_details\":[]}",
                "{\"authorization_details\":[],\"authorization\\u005fdetails\":[]}",
                "{\"authorization_details\":[{\"type\":1,\"type\":1}]}",
                "{\"authorization_details\" [1]}",
                "{\"authorization_details\":}",
                "{,\"authorization_details\":[]}",
                "{\"authorization_details\"::[]}",
                "{\"a\":1,,\"authorization_details\":[]}",
                "{\"authorization_details\":[1]0}",
                "{\"authorization_details\":[1].5}",
                "{\"authorization_details\":[1]e5}",
                "{\"authorization_details\":\"\"E-5}",
                "{\"authorization_details\":[] x}",
                "{\"a\" 1}",
                "0,",
                ",0",
                "0 0",
                "01",
                "\"\\ud800\"",
                "\"\xff\"",
                "\"\n\"",
                "{]",
                "\"",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (verify_with_grants(USUAL, bad[i]) != SET_E_REFUSED ||
                    !streq(f.error.code, "json"))
                        fail_msg("%s: %s %s", bad[i], f.error.code, f.error.detail);
        assert_int_equal(verify_text("{\"exp\":1,\"\\u0065xp\":2}"), SET_E_REFUSED);
        assert_string_equal(f.error.code, "json");
        assert_int_equal(verify_with_grants("{" HEAD ",\n\"accounts\":[],\n\"grants\":[0,\n%s]}",
                                            "{\"a\":\ntru}"),
                         SET_E_REFUSED);
        assert_string_equal(f.error.code, "json");
        assert_memory_equal(f.error.detail, "line 5: ", 8);
}

/* ---- accounts ---------------------------------------------------------------------------------*/

static void account_members_are_checked_one_by_one(void **state) /* V13 V28 V34 */
{
        static const struct {
                const char *member, *value, *code;
        } bad[] = {
                { "name", "\"Svc\"", "member-value" },
                { "name", "\"0x0\"", "member-value" },
                { "name", "\"1000\"", "member-value" },
                { "name", "\"svc deploy\"", "member-value" },
                { "name", "\"\"", "member-value" },
                { "name", "7", "member-type" },
                { "name", NULL, "member-missing" },
                { "kind", "\"robot\"", "member-value" },
                { "kind", "\"unknown\"", "member-value" },
                { "kind", NULL, "member-missing" },
                { "owner", "\"\"", "member-value" },
                { "owner", "\"a\\u001b[2Jb\"", "member-value" },
                { "owner", NULL, "member-missing" },
                { "uid", "\"70001\"", "member-type" },
                { "uid", "70001.0", "member-type" },
                { "uid", "7e4", "member-type" },
                { "uid", "-1", "member-value" },
                { "uid", "4294967296", "member-value" },
                { "uid", NULL, "member-missing" },
                { "gid", NULL, "member-missing" },
                { "uid", "0", "uid-range" },
                { "gid", "0", "uid-range" },
                { "uid", "1000", "uid-range" },
                { "uid", "65535", "uid-range" },
                { "uid", "65534", "uid-range" },
                { "uid", "4294967295", "uid-range" },
                { "uid", "61184", "uid-range" },
                { "uid", "100000", "uid-range" },
                { "uid", "524288", "uid-range" },
                { "gid", "524288", "uid-range" },
                { "uid", "80000", "uid-subordinate" },
                { "uid", "80999", "uid-subordinate" },
                { "gid", "81500", "uid-subordinate" },
                { "uid", "70900", "uid-local" },
                { "gid", "70901", "gid-local" },
                { "shell", "\"/bin/sh\\n\"", "member-value" },
                { "shell", "\"bin/sh\"", "member-value" },
                { "shell", "\"\"", "member-value" },
                { "shell", "\"/bin/sh:x\"", "member-value" },
                { "home", "\"/../\"", "member-value" },
                { "home", "\"/var/../etc\"", "member-value" },
                { "home", "\"/var//x\"", "member-value" },
                { "home", "\"/var/x/\"", "member-value" },
                { "home", "\"/\"", "member-value" },
                { "home", "\"/a/./b\"", "member-value" },
                { "gecos", "\":\"", "member-value" },
                { "gecos", "\"a\\nb\"", "member-value" },
                { "gecos", "\"a\\u0085b\"", "member-value" },
                { "gecos", "\"a\\u202eb\"", "member-value" },
                { "gecos", "7", "member-type" },
                { "passwd", "\"x\"", "unknown-member" },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                bool named = !streq(bad[i].member, "name");

                json_decref(f.doc);
                f.doc = json_loads(example, 0, NULL);
                put(account(0), bad[i].member, bad[i].value);
                expect_quarantined(named ? "account svc-deploy" : "accounts[0]", bad[i].code);
                assert_int_equal(f.set->n_accounts, 0);
                if (named)
                        assert_int_equal(f.set->n_grants, 0);
        }
}

static void account_ids_pass_at_the_edges_of_their_range(void **state) /* V30 */
{
        static const unsigned good[] = { 65536, 79999, 82000, 99999 };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                json_object_set_new(account(0), "uid", json_integer(good[i]));
                json_object_set_new(account(0), "gid", json_integer(good[i]));
                expect_clean();
        }
}

static void account_names_of_the_host_are_its_own(void **state) /* V28, O19 */
{
        put(account(0), "name", "\"root\"");
        expect_quarantined("account root", "name-local");
        put(account(0), "name", "\"postgres\"");
        expect_quarantined("account postgres", "name-local");
        put(account(0), "name", "\"pay-ops\""); /* a local group */
        expect_quarantined("account pay-ops", "name-local");
}

static void account_collisions_take_out_all_and_nothing_else(void **state) /* V31, S3 */
{
        add_account("svc-two", 70001);
        add_account("svc-three", 70003);
        add_account("svc-three", 70004);
        add_account("svc-good", 70005);
        add_grant("g-02", "svc-good");
        expect_quarantined("account svc-deploy", "uid-collision");
        expect_quarantined("account svc-two", "uid-collision");
        expect_quarantined("account svc-three", "name-collision");
        expect_quarantined("grant g-01", "account-quarantined");
        assert_int_equal(f.set->n_accounts, 1);
        assert_true(has_account("svc-good"));
        assert_int_equal(f.set->n_grants, 1);
        assert_true(has_grant("g-02"));
}

static void account_gids_are_private(void **state)
{
        add_account("svc-two", 70002);
        put(account(1), "gid", "70001");
        expect_quarantined("account svc-two", "gid-collision");
        expect_quarantined("account svc-deploy", "gid-collision");
}

static void account_of_another_issuer_or_uid_is_refused_for_good(void **state) /* V33 */
{
        const IdMapUser other_issuer = { "svc-deploy", "https://other", 70001, 70001 };
        const IdMapUser other_uid = { "svc-x", "https://grants.example.org", 70002, 70002 };
        const IdMapUser tombstone = { "svc-old", "https://grants.example.org", 70003, 70004 };

        assert_int_equal(idmap_add_user(f.idmap, &other_issuer), 0);
        assert_int_equal(idmap_add_user(f.idmap, &other_uid), 0);
        assert_int_equal(idmap_add_user(f.idmap, &tombstone), 0);
        assert_int_equal(idmap_add_group(f.idmap, "pay-new", 99999), 0);
        idmap_sort(f.idmap);
        expect_quarantined("account svc-deploy", "name-owned");
        expect_quarantined("grant g-01", "account-quarantined");
        put(account(0), "name", "\"svc-x\"");
        expect_quarantined("account svc-x", "uid-changed");
        put(account(0), "uid", "70002");
        expect_quarantined("account svc-x", "uid-changed"); /* its gid was 70002 */
        put(account(0), "uid", "70001");
        put(account(0), "name", "\"svc-new\"");
        expect_quarantined("account svc-new", "uid-tombstone");
        put(account(0), "uid", "70003");
        expect_quarantined("account svc-new", "uid-tombstone");
        put(account(0), "uid", "70005");
        put(account(0), "gid", "70004");
        expect_quarantined("account svc-new", "gid-tombstone");
        put(account(0), "gid", "99999");
        expect_quarantined("account svc-new", "gid-tombstone");
        put(account(0), "gid", "70005");
        expect_accepted();
        assert_true(has_account("svc-new"));
}

/* ---- grants -----------------------------------------------------------------------------------*/

static void grant_members_are_checked_one_by_one(void **state) /* V13, V14, S3 */
{
        static const struct {
                const char *member, *value, *code;
        } bad[] = {
                { "jti", "\"\"", "member-value" },
                { "jti", "\"../x\"", "member-value" },
                { "jti", NULL, "member-missing" },
                { "account", "\"john.doe\"", "member-value" },
                { "account", NULL, "member-missing" },
                { "owner", NULL, "member-missing" },
                { "owner", "\"\"", "member-value" },
                { "reason", NULL, "member-missing" },
                { "reason", "\"a\\u0007\"", "member-value" },
                { "ticket", "\"\\u007f\"", "member-value" },
                { "sub", "\"\"", "member-value" },
                { "exp", NULL, "member-missing" },
                { "exp", "1e3", "member-type" },
                { "exp", "1763761800.0", "member-type" },
                { "exp", "\"1763761800\"", "member-type" },
                { "exp", "null", "member-type" },
                { "exp", "0", "member-value" },
                { "exp", "-1", "member-value" },
                { "exp", "253402300800", "member-value" },
                { "exp", "9223372036854775807", "member-value" },
                { "exp", "1763760000", "lifetime" },
                { "exp", "1763759999", "lifetime" },
                { "exp", "1763846401", "reach" },
                { "nbf", "0", "member-value" },
                { "nbf", "1763761800", "lifetime" },
                { "max_sessions", "0", "member-value" },
                { "max_sessions", "1.5", "member-type" },
                { "max_sessions", "4294967296", "member-value" },
                { "windows", "[]", "member-value" },
                { "windows", "[\"Sat 1:00..2:00\"]", "member-value" },
                { "windows", "\"Sat 01:00..02:00 UTC\"", "member-type" },
                { "approvals", "{}", "member-type" },
                { "act", "\"bot\"", "member-type" },
                { "act", "{}", "member-missing" },
                { "act", "{\"sub\":\"a\",\"iss\":\"b\"}", "unknown-member" },
                { "act", "{\"sub\":\"a\",\"act\":[]}", "member-type" },
                { "authorization_details", NULL, "member-missing" },
                { "authorization_details", "[]", "member-value" },
                { "authorization_details", "[7]", "unknown-type" },
                { "authorization_details", "[{}]", "unknown-type" },
                { "authorization_details", "[{\"type\":\"nhi_future\"}]", "unknown-type" },
                { "cnf", "{}", "unknown-member" },
        };

        add_grant("g-good", "postgres");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *kept = json_deep_copy(grant(0));
                bool named = !streq(bad[i].member, "jti");

                put(grant(0), bad[i].member, bad[i].value);
                expect_quarantined(named ? "grant g-01" : "grants[0]", bad[i].code);
                assert_int_equal(f.set->n_grants, 1);
                assert_true(has_grant("g-good"));
                json_array_set_new(json_object_get(f.doc, "grants"), 0, kept);
        }
}

static void term_members_are_checked_one_by_one(void **state)
{
        static const struct {
                size_t term;
                const char *member, *value, *code;
        } bad[] = {
                { 0, "services", NULL, "member-missing" },
                { 0, "services", "[]", "member-value" },
                { 0, "services", "\"ssh\"", "member-type" },
                { 0, "services", "[\"sudo\"]", "member-value" },
                { 0, "services", "[\"systemd-user\"]", "member-value" },
                { 0, "services", "[\"telnet\"]", "member-value" },
                { 0, "services", "[\"*\"]", "member-value" },
                { 0, "services", "[\"pam:\"]", "member-value" },
                { 0, "services", "[7]", "member-type" },
                { 0, "from", "[]", "member-value" },
                { 0, "from", "[\"10.0.0.1/8\"]", "member-value" },
                { 0, "from", "[\"10.0.0.0/33\"]", "member-value" },
                { 0, "from", "[\"10.0.0.0/08\"]", "member-value" },
                { 0, "from", "[\"10.0.0.0/\"]", "member-value" },
                { 0, "from", "[\"10.0.0/8\"]", "member-value" },
                { 0, "from", "[\"010.0.0.0/8\"]", "member-value" },
                { 0, "from", "[\"2001:db8::1/32\"]", "member-value" },
                { 0, "from", "[\"2001:db8::/129\"]", "member-value" },
                { 0, "from", "[\"fe80::1%eth0\"]", "member-value" },
                { 0, "from", "[\"bastion.example.org\"]", "member-value" },
                { 0, "ssh_keys", "[]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-ed25519\"]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-ed25519 AAAA\"]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-ed25519  AAAA\"]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-ed25519 AAAAA3NzaAAA\"]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-dss AAAAB3NzaC1kc3MAAAABAAAA\"]", "member-value" },
                { 0, "ssh_keys", "[\"command=\\\"x\\\" " KEY1 "\"]", "member-value" },
                { 0, "ssh_keys", "[\"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAB\"]", "member-value" },
                { 0, "ssh_keys", "[\" " KEY1 "\"]", "member-value" },
                { 0, "user_manager", "1", "member-type" },
                { 0, "run_as", "[\"root\"]", "unknown-member" },
                { 1, "run_as", NULL, "member-missing" },
                { 1, "run_as", "[]", "member-value" },
                { 1, "run_as", "[\"post*\"]", "member-value" },
                { 1, "run_as", "[\"#0\"]", "member-value" },
                { 1, "services", "[\"ssh\"]", "member-value" },
                { 1, "commands", "[\"/bin/id\"]", "member-type" },
                { 1, "commands", "[[]]", "member-type" },
                { 1, "commands", "[[\"id\"]]", "member-value" },
                { 1, "commands", "[[\"/bin/../bin/id\"]]", "member-value" },
                { 1, "commands", "[[\"/bin/id\",\"a\\nb\"]]", "member-value" },
                { 1, "commands", "[[\"/bin/id\",7]]", "member-type" },
                { 1, "edit", "[\"etc/app.conf\"]", "member-value" },
                { 1, "edit", "[]", "member-value" },
                { 1, "run_as_groups", "[\"docker\"]", "group-root-equivalent" },
                { 1, "run_as_groups", "[\"*\"]", "group-root-equivalent" },
                { 2, "units", "[\"pay.timer\"]", "member-value" },
                { 2, "units", "[\".service\"]", "member-value" },
                { 2, "units", "[\"a/b.service\"]", "member-value" },
                { 2, "units", NULL, "member-missing" },
                { 3, "groups", "[\"Ops\"]", "member-value" },
                { 3, "groups", "[\"docker\"]", "group-root-equivalent" },
                { 3, "groups", "[\"sudo\"]", "group-root-equivalent" },
                { 3, "groups", "[\"adm\"]", "group-root-equivalent" },
                { 3, "groups", "[\"wheelish\"]", "group-root-equivalent" },
                { 3, "groups", "[\"svc-deploy\"]", "group-is-account" },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_decref(f.doc);
                f.doc = json_loads(example, 0, NULL);
                put(term(bad[i].term), bad[i].member, bad[i].value);
                expect_quarantined("grant g-01", bad[i].code);
        }
}

static void term_members_pass_in_their_good_forms(void **state)
{
        static const struct {
                size_t term;
                const char *member, *value;
        } good[] = {
                { 0, "services", "[\"ssh\",\"cron\",\"at\",\"login\",\"unit\",\"pam:vsftpd\"]" },
                { 0, "from", "[\"0.0.0.0/0\",\"::/0\",\"192.0.2.7\",\"::1\",\"10.0.0.0/9\"]" },
                { 0, "user_manager", "true" },
                { 1, "services", "[\"sudo\",\"su\",\"pam:polkit-1\"]" },
                { 1, "run_as", "[\"*\"]" },
                { 1, "commands", "[]" },
                { 1, "commands", "[[\"/bin/id\",\"\",\"caf\\u00e9\"]]" },
                { 1, "edit", "[\"/etc/app.conf\"]" },
                { 1, "run_as_groups", "[\"pay-ops\"]" },
                { 2, "units", "[\"pay@1.service\",\"a\\\\x2db.service\"]" },
                { 3, "groups", "[\"pay-new\"]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                put(term(good[i].term), good[i].member, good[i].value);
                expect_clean();
        }
        put(term(1), "commands", NULL);
        expect_clean();
        assert_false(f.set->grants[0].terms[1].has_commands);
}

static void grant_bounds_hold_at_n_and_not_at_n_plus_1(void **state)
{
        json_t *details = json_object_get(grant(0), "authorization_details"), *units;
        json_t *act = json_object_get(grant(0), "act");
        char text[GRANT_TEXT_MAX + 2];

        while (json_array_size(details) < GRANT_TERMS_MAX)
                json_array_append_new(details, json_deep_copy(term(2)));
        units = json_object_get(term(2), "units");
        while (json_array_size(units) < GRANT_LIST_MAX)
                json_array_append_new(units, json_string("x.service"));
        act = json_object_get(act, "act");
        for (int i = 2; i < 8; i++) {
                json_object_set_new(act, "act", json_pack("{s:s}", "sub", "x"));
                act = json_object_get(act, "act");
        }
        memset(text, 'x', sizeof(text));
        text[GRANT_TEXT_MAX] = '\0';
        json_object_set_new(grant(0), "reason", json_string(text));
        expect_clean();

        json_array_append_new(units, json_string("x.service"));
        expect_quarantined("grant g-01", "member-value");
        json_array_remove(units, GRANT_LIST_MAX);
        json_array_append_new(details, json_deep_copy(term(2)));
        expect_quarantined("grant g-01", "member-value");
        json_array_remove(details, GRANT_TERMS_MAX);
        json_object_set_new(act, "act", json_pack("{s:s}", "sub", "x"));
        expect_quarantined("grant g-01", "member-value");
        json_object_del(act, "act");
        text[GRANT_TEXT_MAX] = 'x';
        text[GRANT_TEXT_MAX + 1] = '\0';
        json_object_set_new(grant(0), "reason", json_string(text));
        expect_quarantined("grant g-01", "member-value");
}

static void grant_times_reach_to_year_9999(void **state) /* T09 */
{
        f.trusted.reach.lifetime_max_sec = f.policy.ceiling.lifetime_max_sec = TIME_SEC_MAX;
        put(grant(0), "exp", "253402300799");
        expect_clean();
        put(grant(0), "exp", "2147483648"); /* 2038-01-19 + 1 s */
        expect_clean();
        assert_int_equal(f.set->grants[0].exp_sec, INT64_C(2147483648));
        assert_int_equal(f.set->grants[0].boot_end_usec,
                         500 * SEC + (1763846400 - T0 - 10) * SEC); /* the set's own end */
}

static void grant_for_local_and_directory_accounts_needs_no_entry(void **state)
{
        add_grant("g-local", "postgres");
        add_grant("g-directory", "jdoe");
        expect_clean();
        assert_int_equal(f.set->n_grants, 3);
}

static void grant_for_a_badly_defined_account_stands_only_if_it_is_local(void **state) /* V28 */
{
        put(account(0), "name", "\"postgres\"");
        put(grant(0), "account", "\"postgres\"");
        expect_quarantined("account postgres", "name-local");
        assert_true(has_grant("g-01"));
        put(account(0), "name", "\"svc-deploy\"");
        put(account(0), "uid", "0");
        put(grant(0), "account", "\"svc-deploy\"");
        expect_quarantined("grant g-01", "account-quarantined");
        put(account(0), "extra", "1"); /* also where only its name could be read */
        expect_quarantined("grant g-01", "account-quarantined");
}

static void grant_ids_that_stand_twice_are_all_out(void **state)
{
        add_grant("g-01", "postgres");
        add_grant("g-02", "postgres");
        expect_quarantined("grant g-01", "jti-collision");
        assert_int_equal(f.set->n_grants, 1);
        assert_int_equal(f.set->n_quarantine, 2);
}

static void grant_is_named_by_its_place_where_it_says_no_name(void **state)
{
        json_array_append_new(json_object_get(f.doc, "grants"), json_string("x"));
        expect_quarantined("grants[1]", "member-type");
        assert_true(has_grant("g-01"));
}

/* ---- S5: reach and ceiling --------------------------------------------------------------------*/

typedef void (*Narrow)(Reach *r);

static const char *some[] = { "svc-[a-c]*", "cron", "postgre?" };
static const char *no_star[] = { "?", "??*", "svc-deploy" };

static void no_accounts(Reach *r)
{
        r->sign_accounts = false;
}
static void no_keys(Reach *r)
{
        r->sign_ssh_keys = false;
}
static void no_grants(Reach *r)
{
        r->sign_grants = false;
}
static void other_accounts(Reach *r)
{
        r->accounts = (StrList){ some, 3 };
}
static void other_services(Reach *r)
{
        r->services = (StrList){ some, 3 };
}
static void other_groups(Reach *r)
{
        r->groups = (StrList){ some, 3 };
}
static void other_targets(Reach *r)
{
        r->run_as = (StrList){ some, 2 };
}
static void no_targets(Reach *r)
{
        r->run_as = (StrList){ 0 };
}
static void short_life(Reach *r)
{
        r->lifetime_max_sec = 1799;
}
static void no_life(Reach *r)
{
        r->lifetime_max_sec = 0;
}
static void nothing(Reach *r)
{
        *r = (Reach){ 0 };
}

static void reach_and_ceiling_quarantine_what_they_do_not_cover(void **state) /* V38, S5 */
{
        static const struct {
                Narrow narrow;
                bool account_too;
        } cases[] = { { no_accounts, true },    { no_keys, false },        { no_grants, false },
                      { other_accounts, true }, { other_services, false }, { other_groups, false },
                      { other_targets, false }, { no_targets, false },     { short_life, false },
                      { no_life, false },       { nothing, true } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (int host = 0; host < 2; host++) {
                        if (cases[i].narrow == nothing && !host)
                                continue; /* it is refused as a whole */
                        const char *code = host ? "ceiling" : "reach";

                        f.trusted.reach = f.policy.ceiling = whole_reach();
                        cases[i].narrow(host ? &f.policy.ceiling : &f.trusted.reach);
                        if (cases[i].account_too)
                                expect_quarantined("account svc-deploy", code);
                        else
                                expect_quarantined("grant g-01", code);
                        assert_int_equal(f.set->n_accounts, cases[i].account_too ? 0 : 1);
                        assert_int_equal(f.set->n_grants, 0);
                }
        f.trusted.reach = whole_reach();
        f.policy.ceiling = whole_reach();
        f.trusted.reach.lifetime_max_sec = 1800;
        expect_clean();
}

/* An empty set of a higher version would revoke everything. */
static void a_key_that_may_sign_nothing_of_sets_signs_none(void **state) /* V38 */
{
        nothing(&f.trusted.reach);
        f.trusted.reach.sign_revocations = f.trusted.reach.sign_freshness = true;
        expect_refused("reach");
        f.trusted.reach = whole_reach();
        expect_clean();
}

static void reach_of_any_target_is_covered_by_a_star_alone(void **state)
{
        put(term(1), "run_as", "[\"*\"]");
        f.trusted.reach.run_as = (StrList){ no_star, 3 };
        expect_quarantined("grant g-01", "reach");
        f.trusted.reach.run_as = (StrList){ all, 1 };
        expect_clean();
}

static void reach_covers_unit_and_user_manager_as_services(void **state)
{
        static const char *ssh_sudo[] = { "ssh", "sudo" }, *with_unit[] = { "ssh", "sudo", "unit" };

        f.trusted.reach.services = (StrList){ ssh_sudo, 2 };
        expect_quarantined("grant g-01", "reach");
        f.trusted.reach.services = (StrList){ with_unit, 3 };
        expect_clean();
        put(term(0), "user_manager", "true");
        expect_quarantined("grant g-01", "reach");
}

static void ceiling_may_allow_a_root_equivalent_group_but_never_gid_0(void **state) /* V28, O21 */
{
        static const char *allowed[] = { "docker", "wheelish" };

        f.policy.groups_allowed = (StrList){ allowed, 2 };
        put(term(3), "groups", "[\"docker\"]");
        expect_clean();
        put(term(3), "groups", "[\"wheelish\"]");
        expect_quarantined("grant g-01", "group-root-equivalent");
}

static void content_hash_is_blake2b_256_in_hex(void **state)
{
        char hash[65];

        content_hash("", 0, hash);
        assert_string_equal(hash,
                            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(set_of_the_design_is_taken_whole),
                T(set_terms_are_taken_whole),
                T(set_members_that_may_be_left_out_have_defaults),
                T(set_without_entries_is_taken),
                T(set_envelope_has_exactly_its_members),
                T(set_of_another_format_says_so),
                T(set_payload_is_one_strict_json_object),
                T(set_is_for_one_host_and_of_one_issuer),
                T(set_integers_are_strict),
                T(set_ahead_of_the_clock_by_60_s_passes_and_by_61_not),
                T(set_expires_and_lives_for_7_days_at_most),
                T(set_versions_only_rise),
                T(set_in_force_is_unchanged_but_loads_at_start),
                T(set_signature_errors_have_codes),
                T(set_truncated_or_flipped_anywhere_is_refused),
                T(set_over_its_size_is_refused_unread),
                T(set_with_too_many_accounts_is_refused),
                T(set_with_too_many_grants_is_refused),
                T(set_with_too_large_an_entry_is_refused),
                T(set_nested_too_deep_is_refused_and_less_is_quarantined),
                T(set_of_too_many_grants_for_one_account_keeps_the_first),
                T(set_may_order_its_members_as_it_likes),
                T(set_that_is_no_json_somewhere_is_refused_whole),
                T(account_members_are_checked_one_by_one),
                T(account_ids_pass_at_the_edges_of_their_range),
                T(account_names_of_the_host_are_its_own),
                T(account_collisions_take_out_all_and_nothing_else),
                T(account_gids_are_private),
                T(account_of_another_issuer_or_uid_is_refused_for_good),
                T(grant_members_are_checked_one_by_one),
                T(term_members_are_checked_one_by_one),
                T(term_members_pass_in_their_good_forms),
                T(grant_bounds_hold_at_n_and_not_at_n_plus_1),
                T(grant_times_reach_to_year_9999),
                T(grant_for_local_and_directory_accounts_needs_no_entry),
                T(grant_for_a_badly_defined_account_stands_only_if_it_is_local),
                T(grant_ids_that_stand_twice_are_all_out),
                T(grant_is_named_by_its_place_where_it_says_no_name),
                T(reach_and_ceiling_quarantine_what_they_do_not_cover),
                T(a_key_that_may_sign_nothing_of_sets_signs_none),
                T(reach_of_any_target_is_covered_by_a_star_alone),
                T(reach_covers_unit_and_user_manager_as_services),
                T(ceiling_may_allow_a_root_equivalent_group_but_never_gid_0),
                T(content_hash_is_blake2b_256_in_hex),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
