/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/check.h"
#include "nhictl/ledger/mint.h"
#include "tests/unit/ledger-fixture.h"

#include <sodium.h>

static GrantSet *mint(const Ledger *l, const SigningKey *key, const char *host, int64_t now_sec)
{
        json_t *payload = NULL;
        GrantSet *set = NULL;
        SetError error;
        char *jws = NULL;

        assert_int_equal(mint_payload(l, host, ledger_get(l, DOC_HOST, host), now_sec, &payload),
                         0);
        assert_int_equal(mint_sign(key, payload, now_sec * 1000, "rev", &jws), 0);
        json_decref(payload);
        if (mint_verify(l, key, host, jws, now_sec, &set, &error) != 0)
                fail_msg("%s: %s", error.code, error.detail);
        free(jws);
        return set;
}

static void what_is_minted_verifies_and_says_what_the_ledger_says(void **state)
{
        Ledger *l = fixture_open(*state, true);
        SigningKey key;
        GrantSet *set;

        assert_int_equal(signing_key_generate(&key), 0);
        fixture_fill(l);
        set = mint(l, &key, "web1", FIXTURE_NOW);
        assert_int_equal(set->n_quarantine, 0);
        assert_string_equal(set->issuer, "test:issuer");
        assert_string_equal(set->audience, "web1");
        assert_string_equal(set->ledger, "rev");
        assert_string_equal(set->kid, key.public.kid);
        assert_int_equal(set->iat_sec, FIXTURE_NOW);
        assert_int_equal(set->exp_sec, FIXTURE_NOW + 86400);
        assert_int_equal(set->ver, FIXTURE_NOW * 1000ll);
        assert_int_equal(set->n_accounts, 1);
        assert_string_equal(set->accounts[0].name, "svc-deploy");
        assert_int_equal(set->accounts[0].uid, 70000);
        assert_int_equal(set->n_grants, 1);
        assert_string_equal(set->grants[0].jti, "g-1");
        assert_string_equal(set->grants[0].reason, "CHG-42");
        assert_string_equal(set->grants[0].sub, "svc-deploy");
        assert_int_equal(set->grants[0].nbf_sec, FIXTURE_NOW - 60);
        assert_int_equal(set->grants[0].exp_sec, FIXTURE_NOW + 1800);
        assert_int_equal(set->grants[0].n_terms, 1);
        grant_set_free(set);
        signing_key_done(&key);
        ledger_free(l);
}

static void only_live_grants_of_the_host_are_minted(void **state)
{
        Ledger *l = fixture_open(*state, true);
        SigningKey key;
        GrantSet *set;

        assert_int_equal(signing_key_generate(&key), 0);
        fixture_fill(l);
        assert_int_equal(
                ledger_put(l, DOC_HOST, "web2", json_pack("{s:s, s:[]}", "name", "web2", "labels")),
                0);
        set = mint(l, &key, "web2", FIXTURE_NOW);
        assert_int_equal(set->n_grants, 0);
        grant_set_free(set);
        set = mint(l, &key, "web1", FIXTURE_NOW + 1799);
        assert_int_equal(set->n_grants, 1);
        grant_set_free(set);
        set = mint(l, &key, "web1", FIXTURE_NOW + 1800);
        assert_int_equal(set->n_grants, 0);
        grant_set_free(set);
        json_object_set_new(ledger_get(l, DOC_ACCOUNT, "svc-deploy"), "disabled", json_object());
        set = mint(l, &key, "web1", FIXTURE_NOW);
        assert_int_equal(set->n_grants, 0);
        assert_int_equal(set->n_accounts, 0);
        grant_set_free(set);
        signing_key_done(&key);
        ledger_free(l);
}

static void another_key_does_not_verify_what_was_minted(void **state)
{
        Ledger *l = fixture_open(*state, true);
        SigningKey key, other;
        json_t *payload = NULL;
        GrantSet *set = NULL;
        SetError error;
        char *jws = NULL;

        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(signing_key_generate(&other), 0);
        fixture_fill(l);
        assert_int_equal(
                mint_payload(l, "web1", ledger_get(l, DOC_HOST, "web1"), FIXTURE_NOW, &payload), 0);
        assert_int_equal(mint_sign(&key, payload, FIXTURE_NOW * 1000ll, "rev", &jws), 0);
        assert_int_equal(mint_verify(l, &other, "web1", jws, FIXTURE_NOW, &set, &error), -EBADMSG);
        assert_int_equal(mint_verify(l, &key, "web2", jws, FIXTURE_NOW, &set, &error), -EBADMSG);
        assert_null(set);
        free(jws);
        json_decref(payload);
        signing_key_done(&key);
        signing_key_done(&other);
        ledger_free(l);
}

/* What the decoder of the hosts refuses is refused before it is written. */
static void a_grant_that_hosts_would_quarantine_is_refused_beforehand(void **state)
{
        static const struct {
                const char *member, *json;
        } bad[] = {
                { "reason", "\"\"" },
                { "reason", "\"a\\u001b[31mb\"" },
                { "owner", "\"\"" },
                { "account", "\"root\\n\"" },
                { "max_sessions", "-1" },
                { "windows", "[\"Someday 01:00..05:00 UTC\"]" },
                { "authorization_details", "[{\"type\": \"nhi_everything\"}]" },
                { "authorization_details", "[{\"type\": \"nhi_login\", \"services\": [\"ssh\"], "
                                           "\"from\": [\"300.0.0.0/8\"]}]" },
                { "authorization_details", "[{\"type\": \"nhi_login\", \"services\": [\"ssh\"], "
                                           "\"ssh_keys\": [\"ssh-dss A\"]}]" },
                { "authorization_details",
                  "[{\"type\": \"nhi_elevate\", \"services\": [\"sudo\"], \"run_as\": [\"pg\"], "
                  "\"commands\": [[\"pg_dump\"]]}]" },
                { "exp", "\"2026-11-22T06:00:00Z\"" }, /* over the ledger's 8h */
        };
        Ledger *l = fixture_open(*state, true);
        char error[LEDGER_ERROR_MAX];

        fixture_fill(l);
        assert_int_equal(mint_check_grant(l, ledger_get(l, DOC_GRANT, "g-1"), FIXTURE_NOW, error),
                         0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));

                json_object_set_new(grant, bad[i].member,
                                    json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
                if (mint_check_grant(l, grant, FIXTURE_NOW, error) != -EBADMSG)
                        fail_msg("%s %s was taken", bad[i].member, bad[i].json);
                assert_true(*error != '\0');
                json_decref(grant);
        }
        ledger_free(l);
}

static void an_account_that_hosts_would_quarantine_is_refused_beforehand(void **state)
{
        static const struct {
                const char *member, *json;
        } bad[] = {
                { "uid", "0" },          { "uid", "1000" },         { "uid", "\"70000\"" },
                { "home", "\"var/x\"" }, { "home", "\"/a/../b\"" }, { "shell", "\"sh\"" },
                { "gecos", "\"a:b\"" },  { "kind", "\"daemon\"" },  { "name", "\"Svc\"" },
        };
        Ledger *l = fixture_open(*state, true);
        char error[LEDGER_ERROR_MAX];

        fixture_fill(l);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *account = json_deep_copy(ledger_get(l, DOC_ACCOUNT, "svc-deploy"));

                json_object_set_new(account, bad[i].member,
                                    json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
                if (mint_check_account(l, account, FIXTURE_NOW, error) != -EBADMSG)
                        fail_msg("%s %s was taken", bad[i].member, bad[i].json);
                json_decref(account);
        }
        ledger_free(l);
}

static bool has_problem(const json_t *problems, const char *file, const char *what)
{
        const json_t *text;
        size_t i;

        json_array_foreach(problems, i, text) {
                if (strstr(json_string_value(text), file) && strstr(json_string_value(text), what))
                        return true;
        }
        return false;
}

static void check_finds_every_problem(void **state)
{
        Ledger *l = fixture_open(*state, true);
        json_t *problems, *copy;

        fixture_fill(l);
        assert_int_equal(ledger_check(l, FIXTURE_NOW, &problems), 0);
        assert_int_equal(json_array_size(problems), 0);
        json_decref(problems);

        copy = json_deep_copy(ledger_get(l, DOC_ACCOUNT, "svc-deploy"));
        json_object_set_new(copy, "name", json_string("svc-twin"));
        json_object_set_new(copy, "owner", json_string("nobody"));
        assert_int_equal(ledger_put(l, DOC_ACCOUNT, "svc-twin", copy), 0);
        copy = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(copy, "jti", json_string("g-2"));
        json_object_set_new(copy, "hosts", json_pack("[s]", "web9"));
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-2", copy), 0);
        copy = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(copy, "jti", json_string("g-3"));
        json_object_del(copy, "exp");
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-3", copy), 0);

        assert_int_equal(ledger_check(l, FIXTURE_NOW, &problems), 0);
        assert_true(has_problem(problems, "accounts/svc-twin.json", "no owner \"nobody\""));
        assert_true(has_problem(problems, "accounts/svc-deploy.json", "also the uid of svc-twin"));
        assert_true(has_problem(problems, "grants/g-2.json", "no host \"web9\""));
        assert_true(has_problem(problems, "grants/g-2.json", "reaches no host"));
        assert_true(has_problem(problems, "grants/g-3.json", "nbf, exp"));
        assert_false(has_problem(problems, "grants/g-1.json", ""));
        json_decref(problems);
        ledger_free(l);
}

#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                LEDGER_TEST(what_is_minted_verifies_and_says_what_the_ledger_says),
                LEDGER_TEST(only_live_grants_of_the_host_are_minted),
                LEDGER_TEST(another_key_does_not_verify_what_was_minted),
                LEDGER_TEST(a_grant_that_hosts_would_quarantine_is_refused_beforehand),
                LEDGER_TEST(an_account_that_hosts_would_quarantine_is_refused_beforehand),
                LEDGER_TEST(check_finds_every_problem),
        };

        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
