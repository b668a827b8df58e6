/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key rotate and sign, and what nhictl publish makes of it: whole command lines. */

#include "nhictl/key-list.h"
#include "nhictl/key.h"
#include "tests/unit/ledger-fixture.h"

#include <fcntl.h>
#include <sodium.h>
#include <time.h>

#define LEDGER   PATH_ROOT "/ledger-keys"
#define TARGET   PATH_ROOT "/source-keys"
#define OFFLINE  PATH_ROOT "/offline"
#define DOCUMENT LEDGER "/" KEYS_DOCUMENT
#define SIGNED   LEDGER "/" KEYS_SIGNED

static int run_words(const char *const *words)
{
        int argc = 0, null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved_out = dup(1),
            saved_err = dup(2), status;

        while (words[argc])
                argc++;
        (void)fflush(stdout);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        status = nhictl_main(argc, (char **)(uintptr_t)words);
        (void)fflush(stdout);
        (void)dup2(saved_out, 1);
        (void)dup2(saved_err, 2);
        (void)close(saved_out);
        (void)close(saved_err);
        (void)close(null);
        return status;
}
#define RUN(...) run_words((const char *const[]){ "nhictl", __VA_ARGS__, NULL })
#define OK(...)  assert_int_equal(RUN(__VA_ARGS__), VERB_OK)

static void make_key(const char *name)
{
        char path[300], public[300];
        SigningKey key = { 0 };
        char *jwk = NULL;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s.key", OFFLINE, name);
        (void)snprintf(public, sizeof(public), "%s/%s.jwk", OFFLINE, name);
        OK("key", "new", "--root", "--key", path);
        assert_int_equal(key_create(path), -EEXIST);
        f = fopen(path, "re");
        assert_non_null(f);
        char text[1024] = "";
        assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(signing_key_parse(text, strlen(text), &key), 0);
        assert_int_equal(jwk_format(&key.public, &jwk), 0);
        f = fopen(public, "we");
        assert_non_null(f);
        assert_true(fputs(jwk, f) >= 0);
        assert_int_equal(fclose(f), 0);
        free(jwk);
}

static int clean(void **state)
{
        fixture_remove_tree(LEDGER);
        fixture_remove_tree(TARGET);
        fixture_remove_tree(OFFLINE);
        return 0;
}

static int setup(void **state)
{
        static const char *const names[] = { "root-a", "root-b", "one", "two" };
        char error[LEDGER_ERROR_MAX];
        json_t *settings;

        (void)clean(state);
        fixture_make_path(PATH_ROOT);
        fixture_make_path(OFFLINE);
        fixture_make_path(TARGET);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                make_key(names[i]);
        settings = json_pack("{s:i, s:s, s:i, s:i, s:{s:s, s:s}, s:s}", "format", 1, "issuer",
                             "test:issuer", "uid_min", 70000, "uid_max", 70009, "limits",
                             "lifetime_max", "8h", "set_lifetime", "24h", "publish", TARGET);
        assert_int_equal(ledger_create(LEDGER, settings, error), 0);
        json_decref(settings);
        OK("host", "add", "web1", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("owner", "add", "payments", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("account", "add", "svc-deploy", "--owner", "payments", "--ledger", LEDGER, "--key",
           OFFLINE "/one.key");
        return 0;
}

/* Both roots, one key. */
static void begin(void)
{
        OK("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.jwk", "--root",
           OFFLINE "/root-b.jwk", "--threshold", "2", "--add", OFFLINE "/one.jwk");
}

static void both_sign(void)
{
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-b.key");
}

static KeyList *published(void)
{
        _cleanup_free_ char *text = NULL;
        KeyList *list = NULL;
        size_t size = 0;
        SetError e;

        if (document_read(AT_FDCWD, TARGET "/keys.jws", KEYLIST_SIZE_MAX, &text, &size) < 0)
                return NULL;
        if (keylist_check(text, size, "test:issuer", time(NULL), &list, &e) < 0)
                fail_msg("%s: %s", e.code, e.detail);
        return list;
}

/* By whom the set of web1 is signed. */
static void set_is_by(const char *name)
{
        _cleanup_free_ char *text = NULL, *jwk = NULL, *payload = NULL;
        char path[300];
        const Jwk *trusted;
        size_t size = 0, signer = 0, payload_size = 0;
        Jwk key;

        (void)snprintf(path, sizeof(path), "%s/%s.jwk", OFFLINE, name);
        assert_int_equal(document_read(AT_FDCWD, path, 1024, &jwk, &size), 0);
        assert_int_equal(jwk_parse(jwk, size, &key), 0);
        assert_int_equal(document_read(AT_FDCWD, TARGET "/web1.jws", 1u << 20, &text, &size), 0);
        trusted = &key;
        assert_int_equal(
                jws_open(text, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &payload, &payload_size),
                JWS_OK);
}

static void roots_sign_one_after_the_other(void **state)
{
        KeyList *list;

        begin();
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        /* One is too few: hosts would refuse it, so it is not published, and nothing else is. */
        assert_int_equal(RUN("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key"),
                         VERB_FAILED);
        assert_null(published());
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-b.key");
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
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        assert_int_equal(RUN("publish", "--ledger", LEDGER, "--key", OFFLINE "/one.key"),
                         VERB_FAILED);
}

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

static void a_list_of_before_is_not_mixed_with_the_next(void **state)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        begin();
        both_sign();
        OK("key", "rotate", "--ledger", LEDGER, "--add", OFFLINE "/two.jwk");
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        assert_int_equal(document_read(AT_FDCWD, SIGNED, KEYLIST_SIZE_MAX, &text, &size), 0);
        assert_null(strchr(text, '\n'));
        /* Signed twice is signed once. */
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        free(TAKE_PTR(text));
        assert_int_equal(document_read(AT_FDCWD, SIGNED, KEYLIST_SIZE_MAX, &text, &size), 0);
        assert_null(strchr(text, '\n'));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, clean)
        const struct CMUnitTest tests[] = {
                T(roots_sign_one_after_the_other),
                T(who_is_no_root_signs_in_vain),
                T(a_rotation_with_an_overlap),
                T(a_stolen_key_is_replaced_in_one_step),
                T(what_no_root_signed_keeps_no_retirement_from_the_hosts),
                T(a_newer_list_that_the_roots_signed_stays),
                T(without_a_key_list_another_key_still_overwrites_nothing),
                T(what_cannot_be_is_refused),
                T(a_list_of_before_is_not_mixed_with_the_next),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
