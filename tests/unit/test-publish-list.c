/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation list beside the sets: nhictl/ledger/publish-list.h, mint-list.h; over the network
 * tests/unit/test-publish-stores.c. */

#include "tests/unit/ledger-fixture.h"

#include "nhictl/ledger/publish-list.h"

#include <fcntl.h>
#include <sodium.h>

static SigningKey key;
static PublishReport report;
static char error[LEDGER_ERROR_MAX];

static int setup(void **state)
{
        Ledger *l;

        if (sodium_init() < 0 || signing_key_generate(&key) < 0 || fixture_setup(state) < 0)
                return -1;
        l = fixture_open(*state, true);
        fixture_fill(l);
        ledger_free(l);
        return 0;
}

static int teardown(void **state)
{
        publish_report_done(&report);
        signing_key_done(&key);
        return fixture_teardown(state);
}

static int publish_at(Ledger *l, int64_t sec)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = sec * 1000000 };

        publish_report_done(&report);
        assert_int_equal(ledger_commit(l, sec, "test@here"), 0);
        return ledger_publish(l, &key, &request, &report, error);
}

static int publish(Ledger *l)
{
        const int r = publish_at(l, FIXTURE_NOW);

        if (r < 0 && r != -ESTALE)
                fail_msg("%s", error);
        return r;
}

static void mark(Ledger *l, DocKind kind, const char *name, const char *word)
{
        json_t *doc = json_copy(ledger_get(l, kind, name));

        assert_int_equal(json_object_set_new(doc, word, json_object()), 0);
        assert_int_equal(ledger_put(l, kind, name, doc), 0);
}

static void unmark(Ledger *l, DocKind kind, const char *name, const char *word)
{
        json_t *doc = json_copy(ledger_get(l, kind, name));

        assert_int_equal(json_object_del(doc, word), 0);
        assert_int_equal(ledger_put(l, kind, name, doc), 0);
}

/* What a host reads of the list that stands there; NULL: there is none. */
static RevocationList *read_list(const Fixture *f, const Ledger *l, int64_t now_sec)
{
        const TrustedKey trusted = { .jwk = key.public, .reach = { .sign_revocations = true } };
        const SetPolicy policy = { .issuer = "test:issuer", .keys = &trusted, .n_keys = 1 };
        const SetFloor floor = { 0 };
        _cleanup_free_ char *jws = NULL;
        RevocationList *list = NULL;
        SetError refused;
        char path[400];
        size_t size = 0;

        (void)snprintf(path, sizeof(path), "%s/revocations.jws", f->target);
        if (document_read(AT_FDCWD, path, REVOCATIONS_SIZE_MAX, &jws, &size) == -ENOENT)
                return NULL;
        if (revocations_verify(jws, size, &policy, &floor, (Now){ (now_sec + 1) * 1000000, 1 },
                               REVOCATIONS_OFFERED, &list, &refused) != 0)
                fail_msg("%s: %s", refused.code, refused.detail);
        return list;
}

static void must_name(const RevocationList *l, const char *const *kinds_and_names)
{
        size_t n = 0;

        assert_non_null(l);
        for (; kinds_and_names[2 * n]; n++) {
                assert_true(n < l->n_entries);
                assert_string_equal(revocation_kind_name(l->entries[n].kind),
                                    kinds_and_names[2 * n]);
                assert_string_equal(l->entries[n].name, kinds_and_names[2 * n + 1]);
        }
        assert_int_equal(l->n_entries, n);
}

static void without_anything_to_say_there_is_no_list(void **state)
{
        Ledger *l = fixture_open(*state, true);

        assert_int_equal(publish(l), 0);
        assert_false(report.list_published);
        assert_null(read_list(*state, l, FIXTURE_NOW));
        ledger_free(l);
}

static void it_names_what_is_revoked_and_who_is_disabled(void **state)
{
        Ledger *l = fixture_open(*state, true);
        RevocationList *list;

        mark(l, DOC_GRANT, "g-1", "revoked");
        mark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        mark(l, DOC_OWNER, "payments", "disabled");
        assert_int_equal(publish(l), 0);
        assert_true(report.list_published);
        list = read_list(*state, l, FIXTURE_NOW);
        must_name(list, (const char *const[]){ "grant", "g-1", "account", "svc-deploy", "owner",
                                               "payments", NULL });
        revocation_list_free(list);
        assert_int_equal(publish(l), 0);
        assert_false(report.list_published);
        ledger_free(l);
}

static void a_grant_that_is_over_by_itself_leaves_the_list_and_an_account_may_come_back(
        void **state)
{
        Ledger *l = fixture_open(*state, true);
        RevocationList *list;

        mark(l, DOC_GRANT, "g-1", "revoked");
        mark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        assert_int_equal(publish(l), 0);
        unmark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        assert_int_equal(publish_at(l, FIXTURE_NOW + 3600), 0);
        list = read_list(*state, l, FIXTURE_NOW + 3600);
        must_name(list, (const char *const[]){ NULL });
        assert_true(list->ver >= (FIXTURE_NOW + 3600) * INT64_C(1000));
        revocation_list_free(list);
        ledger_free(l);
}

/* L3: nobody knows by now that it was revoked. */
static void what_cannot_be_read_does_not_leave_the_list(void **state)
{
        static const char *const files[] = { "grants/g-1.json", "accounts/svc-deploy.json",
                                             "owners/payments.json" };
        Ledger *l = fixture_open(*state, true);
        RevocationList *list;

        mark(l, DOC_GRANT, "g-1", "revoked");
        mark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        mark(l, DOC_OWNER, "payments", "disabled");
        assert_int_equal(publish(l), 0);
        ledger_free(l);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                fixture_write(*state, files[i], "<<<<<<< HEAD");
        l = fixture_open(*state, true);
        assert_int_equal(publish_at(l, FIXTURE_NOW + 1), 0);
        assert_false(report.list_published);
        list = read_list(*state, l, FIXTURE_NOW + 1);
        must_name(list, (const char *const[]){ "grant", "g-1", "account", "svc-deploy", "owner",
                                               "payments", NULL });
        revocation_list_free(list);
        ledger_free(l);
}

/* By name, whatever the folder's order is: else each checkout would publish another list. */
static void what_cannot_be_read_is_named_until_it_can_be(void **state)
{
        static const char *const names[] = { "g-5", "g-2", "g-4", "g-3" };
        Ledger *l = fixture_open(*state, true);
        RevocationList *list;
        char file[64];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void)snprintf(file, sizeof(file), "grants/%s.json", names[i]);
                fixture_write(*state, file, "{");
        }
        ledger_free(l);
        l = fixture_open(*state, true);
        assert_int_equal(publish(l), 0);
        list = read_list(*state, l, FIXTURE_NOW);
        must_name(list, (const char *const[]){ "grant", "g-2", "grant", "g-3", "grant", "g-4",
                                               "grant", "g-5", NULL });
        revocation_list_free(list);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(ledger_remove(l, DOC_GRANT, names[i]), 0);
        assert_int_equal(publish_at(l, FIXTURE_NOW + 1), 0);
        list = read_list(*state, l, FIXTURE_NOW + 1);
        must_name(list, (const char *const[]){ NULL });
        revocation_list_free(list);
        ledger_free(l);
}

static void its_version_rises_whatever_the_clock_says(void **state) /* B2 */
{
        Ledger *l = fixture_open(*state, true);
        RevocationList *first, *second;

        mark(l, DOC_GRANT, "g-1", "revoked");
        assert_int_equal(publish(l), 0);
        first = read_list(*state, l, FIXTURE_NOW);
        mark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        assert_int_equal(publish(l), 0);
        second = read_list(*state, l, FIXTURE_NOW);
        assert_true(second->ver > first->ver);
        revocation_list_free(first);
        revocation_list_free(second);
        ledger_free(l);
}

static void an_older_copy_of_the_ledger_cannot_take_it_back(void **state) /* B1 */
{
        Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        char revisions[400];
        RevocationList *list;

        mark(l, DOC_GRANT, "g-1", "revoked");
        assert_int_equal(publish(l), 0);
        ledger_free(l);
        (void)snprintf(revisions, sizeof(revisions), "%s/revisions", f->ledger);
        assert_int_equal(unlink(revisions), 0);
        (void)snprintf(revisions, sizeof(revisions), "%s/history", f->ledger);
        assert_int_equal(unlink(revisions), 0);
        (void)snprintf(revisions, sizeof(revisions), "%s/web1.jws", f->target);
        assert_int_equal(unlink(revisions), 0);
        l = fixture_open(f, true);
        unmark(l, DOC_GRANT, "g-1", "revoked");
        assert_int_equal(publish(l), -ESTALE);
        assert_non_null(strstr(error, "revocations was published from revision "));
        list = read_list(f, l, FIXTURE_NOW);
        must_name(list, (const char *const[]){ "grant", "g-1", NULL });
        revocation_list_free(list);
        ledger_free(l);
}

static void a_list_of_somebody_else_is_left_alone(void **state)
{
        Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        const SigningKey own = key;

        mark(l, DOC_GRANT, "g-1", "revoked");
        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(publish(l), 0);
        key = own;
        assert_int_equal(publish(l), 0);
        assert_true(report.list_failed);
        ledger_free(l);
}

static void ledger_json_may_name_keys_and_issuers(void **state)
{
        Fixture *f = *state;
        json_t *settings = fixture_settings(f);
        _cleanup_free_ char *text = NULL;
        RevocationList *list;
        Ledger *l;

        assert_int_equal(
                json_object_set_new(settings, "revoked",
                                    json_pack("[{s:s, s:s}]", "kind", "key", "name", "a-kid")),
                0);
        text = json_dumps(settings, 0);
        fixture_write(f, "ledger.json", text);
        l = fixture_open(f, true);
        assert_int_equal(publish(l), 0);
        list = read_list(f, l, FIXTURE_NOW);
        must_name(list, (const char *const[]){ "key", "a-kid", NULL });
        revocation_list_free(list);
        ledger_free(l);
        json_decref(settings);
}

static void an_entry_that_hosts_would_leave_out_is_not_published(void **state) /* B3 B4 */
{
        Fixture *f = *state;
        json_t *settings = fixture_settings(f);
        _cleanup_free_ char *text = NULL;
        Ledger *l;

        assert_int_equal(
                json_object_set_new(settings, "revoked",
                                    json_pack("[{s:s, s:s}]", "kind", "host", "name", "x")),
                0);
        text = json_dumps(settings, 0);
        fixture_write(f, "ledger.json", text);
        l = fixture_open(f, true);
        assert_int_equal(publish(l), 0);
        assert_true(report.list_failed);
        assert_null(read_list(f, l, FIXTURE_NOW));
        assert_int_equal(report.n_published, 1);
        ledger_free(l);
        json_decref(settings);
}

static void no_host_may_have_its_name(void **state)
{
        assert_false(ledger_name_is_valid(DOC_HOST, "revocations"));
        assert_true(ledger_name_is_valid(DOC_HOST, "revocations.example.org"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(without_anything_to_say_there_is_no_list),
                TEST(it_names_what_is_revoked_and_who_is_disabled),
                TEST(a_grant_that_is_over_by_itself_leaves_the_list_and_an_account_may_come_back),
                TEST(what_cannot_be_read_does_not_leave_the_list),
                TEST(what_cannot_be_read_is_named_until_it_can_be),
                TEST(its_version_rises_whatever_the_clock_says),
                TEST(an_older_copy_of_the_ledger_cannot_take_it_back),
                TEST(a_list_of_somebody_else_is_left_alone),
                TEST(ledger_json_may_name_keys_and_issuers),
                TEST(an_entry_that_hosts_would_leave_out_is_not_published),
                TEST(no_host_may_have_its_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
