/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One key list after another: nhictl/ledger/publish-keys.h. What hosts ask of it: test-keylist.c.
 */

#include "nhictl/ledger/history-check.h"
#include "nhictl/ledger/mint-fresh.h"
#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/publish.h"
#include "nhictl/store/store.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/keylist-fixture.h"

#include <fcntl.h>
#include <sodium.h>

#define NOW_USEC (FIXTURE_NOW * 1000000ll)
#define SECOND   1000000ll

/* a and b sign sets; r1, r2 and r3 are roots. */
static SigningKey a, b, r1, r2, r3;
static PublishReport report;
static char error[LEDGER_ERROR_MAX];

static int setup(void **state)
{
        SigningKey *const all[] = { &a, &b, &r1, &r2, &r3 };
        Ledger *l;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (signing_key_generate(all[i]) < 0)
                        return -1;
        if (fixture_setup(state) < 0)
                return -1;
        l = history_open(*state);
        fixture_fill(l);
        ledger_free(l);
        return 0;
}

static int teardown(void **state)
{
        publish_report_done(&report);
        return fixture_teardown(state);
}

/* ver in seconds behind the fixture's time; which JWKs, malloc'ed, are keys and roots. */
static char *payload_of(int ver, const char *keys, const char *roots, int threshold)
{
        char *payload = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"test:issuer\",\"aud\":\"*\",\"iat\":%lld,"
                             "\"ver\":%lld,\"keys\":[%s],\"roots\":[%s],\"threshold\":%d}",
                             (long long)FIXTURE_NOW, (long long)FIXTURE_NOW * 1000 + ver, keys,
                             roots, threshold) > 0);
        return payload;
}

static char *join(char *one, char *other)
{
        char *both = NULL;

        assert_true(asprintf(&both, "%s,%s", one, other) > 0);
        free(one);
        free(other);
        return both;
}

/* r1 is the root, and a signs. */
static void put_first_list(const Fixture *f)
{
        _cleanup_free_ char *keys = jwk_reaching(&a), *roots = jwk_with(&r1, ""),
                            *payload = payload_of(0, keys, roots, 1),
                            *lines = SIGNED_BY(payload, &r1);

        fixture_write(f, KEYS_SIGNED, lines);
}

/* r2 is the root, and b signs; or a, too. */
static char *second_list(bool with_a)
{
        char *keys = with_a ? join(jwk_reaching(&a), jwk_reaching(&b)) : jwk_reaching(&b);
        char *roots = jwk_with(&r2, ""), *payload = payload_of(1, keys, roots, 1);

        free(keys);
        free(roots);
        return payload;
}

static int publish_as(const Fixture *f, const SigningKey *key, int sec, const char *replace)
{
        const char *const hashes[] = { replace };
        const PublishRequest request = { .mode = PUBLISH_CHANGED,
                                         .now_usec = NOW_USEC + sec * SECOND,
                                         .replace = hashes,
                                         .n_replace = replace != NULL };
        Ledger *l = history_open(f);
        int r;

        publish_report_done(&report);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + sec, "me"), 0);
        r = ledger_publish(l, key, &request, &report, error);
        ledger_free(l);
        return r;
}

static char *stands(const Fixture *f, const char *name)
{
        char path[400], *text = NULL;
        size_t size;

        (void)snprintf(path, sizeof(path), "%s/%s.jws", f->target, name);
        assert_int_equal(document_read(AT_FDCWD, path, KEYLIST_SIZE_MAX, &text, &size), 0);
        return text;
}

static void must_stand(const Fixture *f, const char *name, const char *text)
{
        _cleanup_free_ char *have = stands(f, name);

        assert_string_equal(have, text);
}

static void publish_first(const Fixture *f)
{
        put_first_list(f);
        assert_int_equal(publish_as(f, &a, 0, NULL), 0);
        assert_int_equal(report.n_published, 1);
        assert_true(report.list_published);
}

static void revoke_grant(const Fixture *f)
{
        Ledger *l = history_open(f);
        json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));

        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_change(l, HISTORY_REVOKED, DOC_GRANT, "g-1", grant, "leaked"), 0);
        ledger_free(l);
}

/* V18: and a revocation by a key that hosts know already does not wait for a root. */
static void a_list_that_the_former_roots_did_not_sign_waits_and_sets_do_not(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *payload = second_list(true), *lines = SIGNED_BY(payload, &r2);
        _cleanup_free_ char *before = NULL, *set = NULL, *after = NULL;
        const char *note;

        publish_first(f);
        before = stands(f, "keys");
        set = stands(f, "web1");
        fixture_write(f, KEYS_SIGNED, lines);
        revoke_grant(f);
        assert_int_equal(publish_as(f, &a, 1, NULL), 0);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 0);
        assert_true(report.list_failed);
        assert_int_equal(json_array_size(report.notes), 1);
        note = json_string_value(json_array_get(report.notes, 0));
        assert_non_null(strstr(note, "root-threshold: 0 of the root keys that count signed it"));
        assert_non_null(strstr(note, r1.public.kid));
        assert_non_null(strstr(note, "nhictl key sign"));
        must_stand(f, "keys", before);
        after = stands(f, "web1");
        assert_string_not_equal(set, after);
}

static void a_list_that_the_former_roots_signed_too_is_published(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *payload = second_list(false), *lines = SIGNED_BY(payload, &r2, &r1);

        publish_first(f);
        fixture_write(f, KEYS_SIGNED, lines);
        assert_int_equal(publish_as(f, &b, 1, NULL), 0);
        assert_false(report.list_failed);
        must_stand(f, "keys", lines);
}

/* What it signs would be refused as well: nothing is written. */
static void a_key_of_the_new_list_alone_publishes_nothing_before_it(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *payload = second_list(false), *lines = SIGNED_BY(payload, &r2);
        _cleanup_free_ char *keys = NULL, *set = NULL;

        publish_first(f);
        keys = stands(f, "keys");
        set = stands(f, "web1");
        fixture_write(f, KEYS_SIGNED, lines);
        revoke_grant(f);
        assert_int_equal(publish_as(f, &b, 1, NULL), -EKEYREJECTED);
        assert_non_null(strstr(error, "Roots of that list have to sign, too (1 of "));
        assert_non_null(strstr(error, r1.public.kid));
        must_stand(f, "keys", keys);
        must_stand(f, "web1", set);
}

/* As many as that list asks for: one is too few of two, two are enough. */
static void the_former_threshold_counts(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *keys = jwk_reaching(&a),
                            *roots = join(jwk_with(&r1, ""), jwk_with(&r3, "")),
                            *first = payload_of(0, keys, roots, 2),
                            *first_lines = SIGNED_BY(first, &r1, &r3), *payload = second_list(true),
                            *one = SIGNED_BY(payload, &r2, &r1),
                            *two = SIGNED_BY(payload, &r2, &r1, &r3);

        fixture_write(f, KEYS_SIGNED, first_lines);
        assert_int_equal(publish_as(f, &a, 0, NULL), 0);
        fixture_write(f, KEYS_SIGNED, one);
        assert_int_equal(publish_as(f, &a, 1, NULL), 0);
        assert_true(report.list_failed);
        must_stand(f, "keys", first_lines);
        fixture_write(f, KEYS_SIGNED, two);
        assert_int_equal(publish_as(f, &a, 2, NULL), 0);
        assert_false(report.list_failed);
        must_stand(f, "keys", two);
}

/* Where no host took it: deliberately. */
static void a_list_that_is_named_is_replaced(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *payload = second_list(true), *lines = SIGNED_BY(payload, &r2);
        _cleanup_free_ char *before = NULL;
        char hash[LEDGER_HASH_SIZE];

        publish_first(f);
        before = stands(f, "keys");
        content_hash(before, strlen(before), hash);
        fixture_write(f, KEYS_SIGNED, lines);
        assert_int_equal(publish_as(f, &b, 1, hash), 0);
        assert_false(report.list_failed);
        must_stand(f, "keys", lines);
}

/* It names roots that did not sign it: no host has it, and its word is nobody's. */
static void a_list_that_no_host_took_has_no_roots(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *keys = jwk_reaching(&a), *roots = jwk_with(&r3, ""),
                            *payload = payload_of(0, keys, roots, 1),
                            *forged = SIGNED_BY(payload, &r1), *second = second_list(true),
                            *ours = SIGNED_BY(second, &r2);
        char command[4096];

        (void)snprintf(command, sizeof(command), "printf '%%s' '%s' >keys.jws", forged);
        run_in(f->target, command);
        fixture_write(f, KEYS_SIGNED, ours);
        assert_int_equal(publish_as(f, &a, 1, NULL), 0);
        assert_false(report.list_failed);
        must_stand(f, "keys", ours);
}

/* V26: one with roots of its own, and a version above ours: it does not keep the key
 * list from the hosts unsaid, and no set. */
static void a_list_that_somebody_made_up_whole_is_said_and_can_be_named(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *keys = jwk_reaching(&a), *roots = jwk_with(&r3, ""),
                            *payload = payload_of(30000, keys, roots, 1),
                            *forged = SIGNED_BY(payload, &r3), *second = second_list(true),
                            *ours = SIGNED_BY(second, &r2);
        char command[4096], hash[LEDGER_HASH_SIZE];

        (void)snprintf(command, sizeof(command), "printf '%%s' '%s' >keys.jws", forged);
        run_in(f->target, command);
        content_hash(forged, strlen(forged), hash);
        fixture_write(f, KEYS_SIGNED, ours);
        assert_int_equal(publish_as(f, &a, 1, NULL), 0);
        assert_true(report.list_failed);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(json_array_size(report.notes), 1);
        (void)snprintf(command, sizeof(command), "no roots of yours: nhictl publish --replace %s",
                       hash);
        assert_non_null(strstr(json_string_value(json_array_get(report.notes, 0)), command));
        assert_int_equal(publish_as(f, &a, 2, hash), 0);
        assert_false(report.list_failed);
        must_stand(f, "keys", ours);
}

/* What names no line of the history is no set of another ledger. */
static void key_lists_and_statements_of_freshness_are_no_sets_to_the_check(void **state)
{
        const Fixture *f = *state;
        const HistoryWitness w = { .sets_dir = f->target };
        _cleanup_free_ char *statement = NULL;
        char hash[65], command[4096];
        SetError e;
        json_t *problems;

        publish_first(f);
        (void)snprintf(hash, sizeof(hash), "%064d", 7);
        assert_int_equal(mint_fresh(&a, "test:issuer", "web1", hash, FIXTURE_NOW * 1000ll,
                                    FIXTURE_NOW, FIXTURE_NOW + 3600, &statement, &e),
                         0);
        (void)snprintf(command, sizeof(command), "printf '%%s' '%s' >web1_fresh.jws", statement);
        run_in(f->target, command);
        problems = history_problems(f, &w);
        if (json_array_size(problems) > 0)
                fail_msg("%s", json_string_value(json_array_get(problems, 0)));
        json_decref(problems);
}

/* b signs, and a does no more. */
static void retire_a(const Fixture *f)
{
        _cleanup_free_ char *keys = jwk_reaching(&b), *retired = jwk_with(&a, ""),
                            *roots = jwk_with(&r1, ""), *payload = NULL, *lines = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"test:issuer\",\"aud\":\"*\",\"iat\":%lld,"
                             "\"ver\":%lld,\"keys\":[%s],\"retired\":[%s],\"roots\":[%s],"
                             "\"threshold\":1}",
                             (long long)FIXTURE_NOW, (long long)FIXTURE_NOW * 1000 + 1, keys,
                             retired, roots) > 0);
        lines = SIGNED_BY(payload, &r1);
        fixture_write(f, KEYS_SIGNED, lines);
}

/* What somebody with this key signs, from a revision that no ledger knows. */
static void put_set_by(const Fixture *f, const SigningKey *by, const char *object, const char *aud,
                       const char *typ)
{
        _cleanup_free_ char *payload = NULL, *jws = NULL;
        char path[400];
        FILE *file;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"test:issuer\",\"aud\":\"%s\",\"iat\":%lld,"
                             "\"exp\":%lld,\"ver\":9000000000000000000,\"ledger\":\"%064d\","
                             "\"accounts\":[],\"grants\":[],\"revoked\":[]}",
                             aud, (long long)FIXTURE_NOW, (long long)FIXTURE_NOW + 86400, 7) > 0);
        assert_int_equal(jws_sign(by, typ, payload, strlen(payload), &jws), 0);
        (void)snprintf(path, sizeof(path), "%s/%s.jws", f->target, object);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(jws, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static Published read_as(const Fixture *f, const SigningKey *key, const char *name)
{
        _cleanup_free_ char *jws = stands(f, name);
        Published p;

        assert_int_equal(published_parse(jws, strlen(jws), "test:issuer", key, NULL, name, &p), 0);
        return p;
}

/* B1, B4, V26: its revision stops no publication, its version is not outbid, and it does not stay.
 */
static void what_a_retired_key_signed_holds_nothing_up_and_is_written_anew(void **state)
{
        const Fixture *f = *state;
        Published p;

        publish_first(f);
        retire_a(f);
        assert_int_equal(publish_as(f, &b, 1, NULL), 0);
        assert_int_equal(json_array_size(report.notes), 0);
        put_set_by(f, &a, "web1", "web1", JWS_TYP_GRANTS);
        put_set_by(f, &a, STORE_LIST, "*", JWS_TYP_REVOCATIONS);
        revoke_grant(f);
        if (publish_as(f, &b, 2, NULL) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 0);
        assert_true(report.list_published);
        assert_int_equal(json_array_size(report.notes), 1);
        assert_non_null(strstr(json_string_value(json_array_get(report.notes, 0)),
                               "2 of what stood there were by a retired key"));
        p = read_as(f, &b, "web1");
        assert_true(p.ours);
        assert_int_equal(p.ver, (FIXTURE_NOW + 2) * 1000ll);
        assert_int_equal(publish_as(f, &b, 3, NULL), 0);
        assert_int_equal(report.n_published, 0);
        assert_int_equal(json_array_size(report.notes), 0);
}

/* It makes up no hosts, either. */
static void what_a_retired_key_signed_for_no_host_of_ours_is_left_alone(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *before = NULL;

        publish_first(f);
        retire_a(f);
        put_set_by(f, &a, "web9", "web9", JWS_TYP_GRANTS);
        before = stands(f, "web9");
        assert_int_equal(publish_as(f, &b, 1, NULL), 0);
        assert_int_equal(report.n_published, 1);
        must_stand(f, "web9", before);
}

static void a_host_that_left_is_emptied_whichever_key_that_signs_published_it(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *keys = join(jwk_reaching(&a), jwk_reaching(&b)),
                            *roots = jwk_with(&r1, ""), *payload = payload_of(1, keys, roots, 1),
                            *lines = SIGNED_BY(payload, &r1);
        Published p;
        Ledger *l;

        publish_first(f);
        fixture_write(f, KEYS_SIGNED, lines);
        l = history_open(f);
        assert_int_equal(ledger_change(l, HISTORY_REMOVED, DOC_HOST, "web1", NULL, NULL), 0);
        ledger_free(l);
        assert_int_equal(publish_as(f, &b, 1, NULL), 0);
        assert_int_equal(report.n_published, 1);
        p = read_as(f, &b, "web1");
        assert_true(p.ours);
        assert_false(p.says_something);
        assert_int_equal(publish_as(f, &b, 2, NULL), 0);
        assert_int_equal(report.n_published, 0);
}

/* B1 */
static void what_another_key_that_signs_published_is_judged_by_its_revision(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ char *keys = join(jwk_reaching(&a), jwk_reaching(&b)),
                            *roots = jwk_with(&r1, ""), *payload = payload_of(1, keys, roots, 1),
                            *lines = SIGNED_BY(payload, &r1), *before = NULL;

        publish_first(f);
        fixture_write(f, KEYS_SIGNED, lines);
        put_set_by(f, &a, "web1", "web1", JWS_TYP_GRANTS);
        before = stands(f, "web1");
        assert_int_equal(publish_as(f, &b, 1, NULL), -ESTALE);
        assert_non_null(strstr(error, "older copy"));
        must_stand(f, "web1", before);
}

static int init_sodium(void **state)
{
        return sodium_init() < 0 ? -1 : 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_list_that_the_former_roots_did_not_sign_waits_and_sets_do_not),
                TEST(a_list_that_the_former_roots_signed_too_is_published),
                TEST(a_key_of_the_new_list_alone_publishes_nothing_before_it),
                TEST(the_former_threshold_counts),
                TEST(a_list_that_is_named_is_replaced),
                TEST(a_list_that_no_host_took_has_no_roots),
                TEST(a_list_that_somebody_made_up_whole_is_said_and_can_be_named),
                TEST(what_a_retired_key_signed_holds_nothing_up_and_is_written_anew),
                TEST(what_a_retired_key_signed_for_no_host_of_ours_is_left_alone),
                TEST(a_host_that_left_is_emptied_whichever_key_that_signs_published_it),
                TEST(what_another_key_that_signs_published_is_judged_by_its_revision),
                TEST(key_lists_and_statements_of_freshness_are_no_sets_to_the_check),
        };

        return cmocka_run_group_tests_name("publish-keys", tests, init_sodium, NULL);
}
