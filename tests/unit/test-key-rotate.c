/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key rotate, and what nhictl publish makes of it: whole command lines. Signing:
 * test-key-sign.c. */

#include "tests/unit/keys-fixture.h"

/* Both keys are good between the two lists, and nobody has to be told which sets are whose. */
static void a_rotation_with_an_overlap(void **state)
{
        KeyList *list;

        begin();
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        set_is_by("one");
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        set_is_by("one");
        list = published();
        assert_int_equal(list->n_signing, 2);
        key_list_free(list);
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
        set_is_by("two");
        OK("key", "rotate", "--ledger", LEDGER, "--retire", OFFLINE "/one.jwk");
        both_sign();
        assert_int_equal(RUN("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key"),
                         VERB_FAILED);
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
        list = published();
        assert_int_equal(list->n_signing, 1);
        assert_int_equal(list->n_keys, 2);
        assert_true(list->keys[1].is_retired);
        key_list_free(list);
}

/* A stolen key: retired without an overlap, and all sets are signed anew in one run. */
static void a_stolen_key_is_replaced_in_one_step(void **state)
{
        begin();
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk", "--retire",
           OFFLINE "/one.jwk", "--floor", "1s");
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
        set_is_by("two");
}

/* Also one that nothing is above, by hand or by a merge: no host took it. */
static void a_rotation_succeeds_every_version(void **state)
{
        static const int64_t versions[] = { INT64_MIN, -1, INT64_MAX };
        static const char *const changes[] = { "--add", "--drop", "--add" };

        begin();
        for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
                json_t *doc = json_load_file(DOCUMENT, 0, NULL);
                const int64_t now_msec = (int64_t)time(NULL) * 1000;

                assert_non_null(doc);
                (void)json_object_set_new(doc, "ver", json_integer(versions[i]));
                assert_int_equal(json_dump_file(doc, DOCUMENT, 0), 0);
                json_decref(doc);
                OK("key", "rotate", "--ledger", LEDGER, changes[i], OFFLINE "/two.jwk");
                doc = json_load_file(DOCUMENT, 0, NULL);
                assert_in_range(json_integer_value(json_object_get(doc, "ver")), now_msec,
                                now_msec + 60000);
                json_decref(doc);
        }
}

static void put_in_place(const char *text)
{
        FILE *f = fopen(TARGET "/keys.jws", "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* By whom could write to the target once: a version that no other is above, signed by nobody. */
static void what_no_root_signed_keeps_no_retirement_from_the_hosts(void **state) /* V26 */
{
        /* {"iss":"test:issuer","ver":9000000000000000000} */
        static const char *const left[] = {
                "x.eyJpc3MiOiJ0ZXN0Omlzc3VlciIsInZlciI6OTAwMDAwMDAwMDAwMDAwMDAwMH0.x",
                "rubbish",
                "",
        };
        KeyList *list;

        begin();
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk", "--retire",
           OFFLINE "/one.jwk");
        both_sign();
        for (size_t i = 0; i < ELEMENTSOF(left); i++) {
                put_in_place(left[i]);
                OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
                list = published();
                assert_non_null(list);
                assert_int_equal(list->n_keys, 2);
                assert_true(list->keys[1].is_retired);
                key_list_free(list);
        }
        set_is_by("two");
}

static void a_newer_list_that_the_roots_signed_stays(void **state)
{
        _cleanup_free_ char *newer = NULL;
        KeyList *list;
        size_t size;

        begin();
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_int_equal(rename(SIGNED, OFFLINE "/before.jws"), 0);
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        both_sign();
        assert_int_equal(document_read(AT_FDCWD, SIGNED, KEYLIST_SIZE_MAX, &newer, &size), 0);
        put_in_place(newer);
        assert_int_equal(rename(OFFLINE "/before.jws", SIGNED), 0);
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        list = published();
        assert_int_equal(list->n_signing, 2);
        key_list_free(list);
}

static void without_a_key_list_another_key_still_overwrites_nothing(void **state)
{
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_int_equal(RUN("publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key"),
                         VERB_FAILED);
        set_is_by("one");
}

static void what_cannot_be_is_refused(void **state)
{
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk"),
                         VERB_USAGE);
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.jwk"),
                         VERB_USAGE);
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.jwk",
                             "--threshold", "2", "--add", OFFLINE "/one.jwk"),
                         VERB_USAGE);
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.key",
                             "--add", OFFLINE "/one.jwk"),
                         VERB_STALE);
        assert_int_equal(access(DOCUMENT, F_OK), -1);
        begin();
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk", "--retire",
           OFFLINE "/one.jwk");
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk"),
                         VERB_USAGE);
        assert_int_equal(RUN("key", "rotate", "--ledger", LEDGER, "--retire", OFFLINE "/two.jwk"),
                         VERB_USAGE);
        assert_int_equal(RUN("key", "sign", "--ledger", LEDGER), VERB_USAGE);
        assert_int_equal(RUN("key", "new", "--root"), VERB_USAGE);
}

static void several_roots_need_a_threshold_that_is_said(void **state)
{
        static const char *const roots[] = { OFFLINE "/root-a.jwk", OFFLINE "/root-b.jwk" };

        ENDS(VERB_USAGE, "key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk", "--root",
             roots[0], "--root", roots[1]);
        assert_said("--threshold");
        assert_int_equal(access(DOCUMENT, F_OK), -1);
        /* Nor is one from before taken for the roots of now. */
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk", "--root", roots[0]);
        ENDS(VERB_USAGE, "key", "rotate", "--ledger", LEDGER, "--root", roots[0], "--root",
             roots[1]);
}

static void a_root_is_named_by_its_kid(void **state)
{
        char a[JWK_KID_SIZE + 1], b[JWK_KID_SIZE + 1];
        json_t *before, *after;

        begin();
        before = json_load_file(DOCUMENT, 0, NULL);
        kid_of("root-a", a);
        kid_of("root-b", b);
        OK("key", "rotate", "--ledger", LEDGER, "--root", a, "--root", b, "--root",
           OFFLINE "/root-c.jwk", "--threshold", "2");
        after = json_load_file(DOCUMENT, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(after, "roots")), 3);
        for (size_t i = 0; i < 2; i++)
                assert_true(json_equal(json_array_get(json_object_get(before, "roots"), i),
                                       json_array_get(json_object_get(after, "roots"), i)));
        json_decref(before);
        json_decref(after);
}

static void who_changes_nothing_is_told_so(void **state)
{
        static const char same[] = "nothing changed: " DOCUMENT " says so already";
        static const char next[] = DOCUMENT " is to be signed by 2 of 2 roots";

        begin();
        assert_null(strstr(err, same));
        assert_said(next);
        /* It waits for its roots still. */
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk");
        assert_string_equal(out, "unchanged\n");
        assert_said(same);
        assert_said(next);
        both_sign();
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/one.jwk");
        assert_string_equal(out, "unchanged\n");
        assert_said(same);
        assert_null(strstr(err, "to be signed"));
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        assert_null(strstr(err, same));
        assert_said(next);
}

/* Nor is it held up by that what is granted and revoked meanwhile. */
static void publish_says_that_a_key_list_waits_for_its_roots(void **state)
{
        static const char waits[] =
                DOCUMENT ": a key list waits there for 2 of 2 roots, and is not published: nhictl "
                         "key sign --key ROOT for each, then nhictl publish";

        begin();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_string_equal(out, "unchanged\n");
        assert_said(waits);
        both_sign();
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_null(strstr(err, "waits there"));
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        OK("host", "add", "web2", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_said(waits);
        assert_int_equal(access(TARGET "/web2.jws", F_OK), 0);
        /* A key that the list would name finds it, too. */
        ENDS(VERB_FAILED, "publish", "--ledger", LEDGER, "--key", OFFLINE "/two.key");
        assert_said(waits);
}

static void signatures_of_a_list_of_before_are_not_the_next_ones(void **state)
{
        begin();
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        OK("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_said(DOCUMENT ": a key list waits there for 2 of 2 roots");
        assert_null(strstr(err, PART));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, clean)
        const struct CMUnitTest tests[] = {
                T(a_rotation_with_an_overlap),
                T(a_rotation_succeeds_every_version),
                T(a_stolen_key_is_replaced_in_one_step),
                T(what_no_root_signed_keeps_no_retirement_from_the_hosts),
                T(a_newer_list_that_the_roots_signed_stays),
                T(without_a_key_list_another_key_still_overwrites_nothing),
                T(what_cannot_be_is_refused),
                T(several_roots_need_a_threshold_that_is_said),
                T(a_root_is_named_by_its_kid),
                T(who_changes_nothing_is_told_so),
                T(publish_says_that_a_key_list_waits_for_its_roots),
                T(signatures_of_a_list_of_before_are_not_the_next_ones),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
