/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl revoke, and what disables, where one document cannot be written: whole command lines. */

#include "nhictl/key.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#define LEDGER  PATH_ROOT "/ledger-revoke"
#define TARGET  PATH_ROOT "/source-revoke"
#define KEY     PATH_ROOT "/revoke.key"
#define CENTRAL "--ledger", LEDGER, "--key", KEY
#define GRANTS  3u

static char jti[GRANTS][64];
static const char *unwritable; /* a document's name; NULL: all can be written */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
        if (!unwritable || !strstr(to, unwritable))
                return __real_rename(from, to);
        errno = EROFS;
        return -1;
}

static int clean(void **state)
{
        unwritable = NULL;
        fixture_remove_tree(LEDGER);
        fixture_remove_tree(TARGET);
        fixture_remove_tree(KEY);
        return 0;
}

static int setup(void **state)
{
        char error[LEDGER_ERROR_MAX];
        json_t *settings;

        (void)clean(state);
        fixture_make_path(TARGET);
        assert_int_equal(key_create(KEY), 0);
        settings = json_pack("{s:i, s:s, s:i, s:i, s:{s:s, s:s}, s:s}", "format", 1, "issuer",
                             "test:issuer", "uid_min", 70000, "uid_max", 70009, "limits",
                             "lifetime_max", "8h", "set_lifetime", "24h", "publish", TARGET);
        assert_int_equal(ledger_create(LEDGER, settings, error), 0);
        json_decref(settings);
        OK("host", "add", "web1", CENTRAL);
        OK("owner", "add", "payments", CENTRAL);
        OK("account", "add", "svc-deploy", "--owner", "payments", CENTRAL);
        for (size_t i = 0; i < GRANTS; i++) {
                OK("grant", "svc-deploy", "--owner", "payments", "--reason", "CHG-42", "--service",
                   "ssh", "--for", "30m", CENTRAL);
                (void)snprintf(jti[i], sizeof(jti[i]), "%.*s", (int)strcspn(out, "\n"), out);
        }
        return 0;
}

/* In the ledger, and by what is published for the hosts. */
static bool is_revoked(size_t i)
{
        _cleanup_free_ char *jws = NULL;
        char path[300];
        json_t *doc, *payload;
        size_t size;
        bool revoked, published = false;
        const json_t *grant;
        size_t at;

        (void)snprintf(path, sizeof(path), LEDGER "/grants/%s.json", jti[i]);
        doc = json_load_file(path, 0, NULL);
        assert_non_null(doc);
        revoked = json_object_get(doc, "revoked") != NULL;
        json_decref(doc);
        assert_int_equal(document_read(AT_FDCWD, TARGET "/web1.jws", 65536, &jws, &size), 0);
        payload = document_unverified(jws, size, NULL);
        json_array_foreach(json_object_get(payload, "grants"), at, grant)
                published |= streq(document_text(grant, "jti"), jti[i]);
        json_decref(payload);
        assert_int_equal(revoked, !published);
        return revoked;
}

static void assert_others_are_revoked(void)
{
        char text[200];

        assert_false(is_revoked(1));
        assert_true(is_revoked(0));
        assert_true(is_revoked(2));
        assert_string_equal(out, "changed\n");
        (void)snprintf(text, sizeof(text), "grant %s was not written: Read-only", jti[1]);
        assert_said(text);
        assert_said("1 grant is not revoked");
}

static void one_that_cannot_be_written_keeps_no_other_from_being_revoked(void **state)
{
        unwritable = jti[1];
        ENDS(VERB_FAILED, "revoke", jti[0], jti[1], jti[2], "--reason", "stolen", CENTRAL);
        assert_others_are_revoked();
        unwritable = NULL;
        OK("revoke", jti[0], jti[1], jti[2], "--reason", "stolen", CENTRAL);
        assert_true(is_revoked(1));
}

static void nor_where_all_of_an_account_or_owner_are_meant(void **state)
{
        unwritable = jti[1];
        ENDS(VERB_FAILED, "revoke", "--account", "svc-deploy", "--reason", "stolen", CENTRAL);
        assert_others_are_revoked();
        ENDS(VERB_FAILED, "revoke", "--owner", "payments", "--reason", "stolen", CENTRAL);
        assert_string_equal(out, "unchanged\n");
        assert_false(is_revoked(1));
}

/* Its account is none to the hosts any more, and that has to reach them. */
static void what_is_disabled_is_published_though_one_grant_could_not_be_revoked(void **state)
{
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t size;

        unwritable = jti[1];
        assert_int_equal(document_read(AT_FDCWD, TARGET "/web1.jws", 65536, &before, &size), 0);
        ENDS(VERB_FAILED, "account", "disable", "svc-deploy", CENTRAL);
        assert_string_equal(out, "changed\n");
        assert_said("1 grant is not revoked");
        assert_int_equal(document_read(AT_FDCWD, TARGET "/web1.jws", 65536, &after, &size), 0);
        assert_string_not_equal(before, after);
        ENDS(VERB_FAILED, "owner", "disable", "payments", CENTRAL);
        assert_string_equal(out, "changed\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, clean)
        const struct CMUnitTest tests[] = {
                T(one_that_cannot_be_written_keeps_no_other_from_being_revoked),
                T(nor_where_all_of_an_account_or_owner_are_meant),
                T(what_is_disabled_is_published_though_one_grant_could_not_be_revoked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
