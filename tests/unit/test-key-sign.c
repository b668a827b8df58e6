/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key sign: whole command lines. What the list says: test-key-rotate.c. */

#include "tests/unit/keys-fixture.h"

#define STICK OFFLINE "/keys.jws"

static void signs(const char *root)
{
        char key[300];

        (void)snprintf(key, sizeof(key), "%s/%s.key", OFFLINE, root);
        OK("key", "sign", "--ledger", LEDGER, "--key", key);
}

static void signs_elsewhere(const char *root)
{
        char key[300];

        (void)snprintf(key, sizeof(key), "%s/%s.key", OFFLINE, root);
        OK("key", "sign", "--ledger", "/nonexistent", "--from", DOCUMENT, "--to", STICK, "--key",
           key);
}

static char *text_of(const char *path)
{
        char *text = NULL;

        return keys_read_lines(path, &text) == 0 ? text : NULL;
}

static size_t n_lines(const char *path)
{
        _cleanup_free_ char *text = text_of(path);
        size_t n = text != NULL;

        for (const char *c = text; c && *c; c++)
                n += *c == '\n';
        return n;
}

/* A list that both roots signed is where the hosts are, and another is to follow. */
static void begin_the_next(void)
{
        begin();
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
}

static void publishes(size_t n_signing)
{
        KeyList *list;

        OK("publish", "--all", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        list = published();
        assert_non_null(list);
        assert_int_equal(list->n_signing, n_signing);
        key_list_free(list);
}

static void roots_sign_one_after_the_other(void **state)
{
        KeyList *list;

        begin();
        signs("root-a");
        /* One is too few: hosts would refuse it, so it is not published. */
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_said(PART ": a key list waits there");
        assert_null(published());
        signs("root-b");
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        list = published();
        assert_non_null(list);
        assert_int_equal(list->n_signing, 1);
        assert_int_equal(list->threshold, 2);
        key_list_free(list);
}

static void who_is_no_root_signs_in_vain(void **state)
{
        begin();
        signs("root-a");
        signs("one");
        assert_said("none of the roots");
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_null(published());
}

/* V18: no revocation waits for roots that have yet to meet. */
static void the_list_that_works_stays_until_enough_roots_have_signed_the_next(void **state)
{
        _cleanup_free_ char *before = NULL, *meanwhile = NULL, *after = NULL;

        begin_the_next();
        before = text_of(SIGNED);
        signs("root-a");
        assert_said("the signatures stand in " PART);
        meanwhile = text_of(SIGNED);
        assert_string_equal(meanwhile, before);
        assert_int_equal(n_lines(PART), 1);
        OK("host", "add", "web2", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_int_equal(access(TARGET "/web2.jws", F_OK), 0);
        publishes(1);
        assert_said(PART ": a key list waits there");
        ENDS(VERB_FAILED, "publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
        assert_said("does not name the key");
        assert_said(PART ": a key list waits there");
        signs("root-b");
        assert_said("nhictl publish");
        after = text_of(SIGNED);
        assert_string_not_equal(after, before);
        assert_int_equal(access(PART, F_OK), -1);
        publishes(2);
}

/* K1: hosts ask the roots of the list that they have. */
static void the_roots_of_the_list_that_works_have_to_sign_too(void **state)
{
        char a[JWK_KID_SIZE + 1];

        begin_the_next();
        OK("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-c.jwk", "--threshold",
           "1");
        signs("root-c");
        kid_of("root-a", a);
        assert_said(a);
        publishes(1);
        signs("root-a");
        publishes(1);
        signs("root-b");
        publishes(2);
        assert_int_equal(access(PART, F_OK), -1);
}

static void a_list_that_no_host_has_is_removed_for_the_next(void **state)
{
        begin_the_next();
        OK("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-c.jwk", "--threshold",
           "1");
        signs("root-c");
        assert_said("Where no host has it, remove it");
        assert_int_equal(unlink(SIGNED), 0);
        OK("key", "sign", "--ledger", LEDGER, "--with", PART);
        assert_int_equal(n_lines(SIGNED), 1);
        assert_int_equal(access(PART, F_OK), -1);
}

static void signatures_come_back_from_where_a_root_is_kept(void **state)
{
        begin_the_next();
        signs("root-a");
        signs_elsewhere("root-b");
        assert_int_equal(n_lines(STICK), 1);
        publishes(1);
        OK("key", "sign", "--ledger", LEDGER, "--with", STICK);
        assert_int_equal(n_lines(SIGNED), 2);
        assert_int_equal(access(PART, F_OK), -1);
        publishes(2);
}

static void all_may_sign_what_is_carried_from_one_to_the_next(void **state)
{
        begin_the_next();
        signs_elsewhere("root-a");
        assert_said("more roots have to sign");
        signs_elsewhere("root-b");
        assert_said("--with");
        publishes(1);
        OK("key", "sign", "--ledger", LEDGER, "--with", STICK);
        publishes(2);
}

static void what_was_signed_elsewhere_of_another_list_is_not_added(void **state)
{
        begin();
        signs_elsewhere("root-b");
        both_sign();
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        signs("root-a");
        ENDS(VERB_STALE, "key", "sign", "--ledger", LEDGER, "--with", STICK);
        assert_said(STICK);
        ENDS(VERB_STALE, "key", "sign", "--ledger", LEDGER, "--with", OFFLINE "/none.jws");
        assert_int_equal(n_lines(PART), 1);
        /* And where it was it gives way to the next. */
        signs_elsewhere("root-a");
        assert_said("another list");
        assert_int_equal(n_lines(STICK), 1);
}

static void a_list_of_before_is_not_mixed_with_the_next(void **state)
{
        begin_the_next();
        signs("root-a");
        assert_int_equal(n_lines(PART), 1);
        /* Signed twice is signed once. */
        signs("root-a");
        assert_string_equal(out, "unchanged\n");
        assert_int_equal(n_lines(PART), 1);
        OK("key", "rotate", "--ledger", LEDGER, "--drop", OFFLINE "/two.jwk");
        signs("root-b");
        assert_said(PART " held signatures of another list");
        assert_int_equal(n_lines(PART), 1);
        publishes(1);
}

static void the_ledgers_own_list_may_be_named(void **state)
{
        _cleanup_free_ char *before = NULL, *after = NULL;

        begin_the_next();
        before = text_of(SIGNED);
        OK("key", "sign", "--ledger", LEDGER, "--to", LEDGER "/../ledger-keys/keys.jws", "--key",
           OFFLINE "/root-a.key");
        after = text_of(SIGNED);
        assert_string_equal(after, before);
        assert_int_equal(n_lines(PART), 1);
}

static void a_list_that_enough_have_signed_takes_one_more(void **state)
{
        OK("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.jwk", "--root",
           OFFLINE "/root-b.jwk", "--threshold", "1", "--add", OFFLINE "/one.jwk");
        signs("root-a");
        assert_int_equal(n_lines(SIGNED), 1);
        signs("root-b");
        assert_int_equal(n_lines(SIGNED), 2);
        assert_int_equal(access(PART, F_OK), -1);
}

static void an_older_list_takes_no_newer_ones_place(void **state)
{
        _cleanup_free_ char *before = NULL, *after = NULL;

        begin();
        assert_int_equal(link(DOCUMENT, OFFLINE "/older.json"), 0);
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        both_sign();
        before = text_of(SIGNED);
        ENDS(VERB_STALE, "key", "sign", "--ledger", LEDGER, "--from", OFFLINE "/older.json",
             "--key", OFFLINE "/root-a.key");
        assert_said("which hosts would keep");
        after = text_of(SIGNED);
        assert_string_equal(after, before);
        assert_int_equal(access(PART, F_OK), -1);
}

static void assert_kid_said(const char *format, const char *name)
{
        char kid[JWK_KID_SIZE + 1], text[200];

        kid_of(name, kid);
        (void)snprintf(text, sizeof(text), "%s%s\n", format, kid);
        assert_said(text);
}

/* Before there is a key to sign with. */
static void who_signs_is_shown_all_that_is_signed(void **state)
{
        json_t *doc, *reach;

        begin();
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk", "--retire",
           OFFLINE "/one.jwk", "--floor", "2026-11-21T22:00:00Z");
        doc = json_load_file(DOCUMENT, 0, NULL);
        reach = json_object_get(json_array_get(json_object_get(doc, "keys"), 0), "reach");
        json_object_set_new(reach, "sign", json_pack("[s,s]", "grants", "freshness"));
        json_object_set_new(reach, "accounts", json_pack("[s,s]", "svc-*", "ci"));
        json_object_del(reach, "run_as");
        json_object_set_new(reach, "lifetime_max", json_integer(3600));
        assert_int_equal(json_dump_file(doc, DOCUMENT, 0), 0);
        json_decref(doc);
        ENDS(VERB_FAILED, "key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/none.key");
        assert_said("to be signed: the key list of test:issuer, version ");
        assert_kid_said("root:       ", "root-a");
        assert_kid_said("root:       ", "root-b");
        assert_said("threshold:  2 of these 2 roots");
        assert_kid_said("signs sets: ", "two");
        assert_said("  sign: grants, freshness\n");
        assert_said("  accounts: svc-*, ci\n");
        assert_said("  services: *\n");
        assert_said("  run_as: none\n");
        assert_said("  lifetime_max: 1h\n");
        assert_kid_said("retired:    ", "one");
        assert_said("floor:      2026-11-21T22:00:00Z");
}

/* No name is hidden behind others. */
static void a_long_reach_is_shown_whole(void **state)
{
        json_t *doc, *names = json_array();
        char name[32];

        begin();
        doc = json_load_file(DOCUMENT, 0, NULL);
        for (int i = 0; i < 200; i++)
                assert_int_equal(json_array_append_new(names, json_sprintf("svc-%05d-of-many", i)),
                                 0);
        json_object_set_new(
                json_object_get(json_array_get(json_object_get(doc, "keys"), 0), "reach"),
                "accounts", names);
        assert_int_equal(json_dump_file(doc, DOCUMENT, 0), 0);
        json_decref(doc);
        signs("root-a");
        for (int i = 0; i < 200; i++) {
                (void)snprintf(name, sizeof(name), "svc-%05d-of", i);
                assert_said(name);
        }
}

/* Nor is a key asked for. */
static void what_hosts_would_refuse_is_not_signed(void **state)
{
        static const char *const members[] = { "colour", "threshold" };
        json_t *doc;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                (void)unlink(DOCUMENT);
                begin();
                doc = json_load_file(DOCUMENT, 0, NULL);
                json_object_set_new(doc, members[i], json_integer(3));
                assert_int_equal(json_dump_file(doc, DOCUMENT, 0), 0);
                json_decref(doc);
                ENDS(VERB_STALE, "key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/none.key");
                assert_said("hosts would refuse it");
                assert_int_equal(access(PART, F_OK), -1);
        }
}

/* Left by one of before, or brought by hand. */
static void a_list_that_too_few_signed_says_what_it_needs(void **state)
{
        begin();
        signs("root-a");
        assert_int_equal(rename(PART, SIGNED), 0);
        ENDS(VERB_FAILED, "publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_said("nhictl key sign --key ROOT");
        signs("root-b");
        assert_int_equal(n_lines(SIGNED), 2);
        publishes(1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, clean)
        const struct CMUnitTest tests[] = {
                T(roots_sign_one_after_the_other),
                T(who_is_no_root_signs_in_vain),
                T(the_list_that_works_stays_until_enough_roots_have_signed_the_next),
                T(the_roots_of_the_list_that_works_have_to_sign_too),
                T(a_list_that_no_host_has_is_removed_for_the_next),
                T(signatures_come_back_from_where_a_root_is_kept),
                T(all_may_sign_what_is_carried_from_one_to_the_next),
                T(what_was_signed_elsewhere_of_another_list_is_not_added),
                T(a_list_of_before_is_not_mixed_with_the_next),
                T(the_ledgers_own_list_may_be_named),
                T(a_list_that_enough_have_signed_takes_one_more),
                T(an_older_list_takes_no_newer_ones_place),
                T(who_signs_is_shown_all_that_is_signed),
                T(a_long_reach_is_shown_whole),
                T(what_hosts_would_refuse_is_not_signed),
                T(a_list_that_too_few_signed_says_what_it_needs),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
