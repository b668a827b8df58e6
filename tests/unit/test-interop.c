/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets that another implementation minted, and one of ours for it to read. tests/interop/run.sh
 * names the directory in NHI_INTEROP_DIR; without it there is nothing to test. */

#include "lib/base/file.h"
#include "nhi-agentd/set/idmap.h"
#include "tests/unit/fake-etc.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#define T0 INT64_C(1763760000) /* mint.mjs */

static const char *dir;
static FakeEtc etc;
static LocalDb *local;
static IdMap *idmap;

static void need_dir(void)
{
        if (dir)
                return;
        print_message("skipped: NHI_INTEROP_DIR is not set: see tests/interop/run.sh\n");
        skip();
}

static char *read_case(const char *name, size_t *ret_size)
{
        char path[PATH_MAX], *text = NULL;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (file_read_trusted(path, geteuid(), SET_SIZE_MAX, &text, ret_size) < 0)
                fail_msg("cannot read %s", path);
        return text;
}

static TrustedKey trusted_key(void)
{
        static const char *any[] = { "*" };
        const StrList all = { any, 1 };
        _cleanup_free_ char *text = NULL;
        TrustedKey k = { .reach = { .sign_accounts = true,
                                    .sign_ssh_keys = true,
                                    .sign_grants = true,
                                    .accounts = all,
                                    .services = all,
                                    .groups = all,
                                    .run_as = all,
                                    .lifetime_max_sec = 86400 } };
        size_t size = 0;

        text = read_case("key.jwk", &size);
        assert_int_equal(jwk_parse(text, size, &k.jwk), 0);
        return k;
}

static void check_case(const char *name, const char *expected, const TrustedKey *key)
{
        const SetPolicy policy = { .issuer = "https://grants.example.org",
                                   .audience = "web1.example.org",
                                   .keys = key,
                                   .n_keys = 1,
                                   .ceiling = key->reach };
        const SetFloor floor = { 0 };
        const Now now = { T0 * 1000000, 1000000 };
        _cleanup_free_ char *text = NULL;
        GrantSet *set = NULL;
        SetError error = { "accepted", "" };
        size_t size = 0;
        int r;

        text = read_case(name, &size);
        r = grant_set_verify(text, size, &policy, &floor, local, idmap, now, false, &set, &error);
        if (!streq(error.code, expected))
                fail_msg("%s: %s (%s), expected %s", name, error.code, error.detail, expected);
        assert_int_equal(r == 0, streq(expected, "accepted"));
        if (set) {
                assert_int_equal(set->n_grants, 1);
                assert_int_equal(set->n_accounts, 1);
                assert_int_equal(set->n_quarantine, 0);
                assert_string_equal(set->accounts[0].gecos, "d\xc3\xa9ploie les paiements");
        }
        grant_set_free(set);
}

static void interop_sets_of_another_implementation_are_judged_as_expected(void **state)
{
        _cleanup_free_ char *text = NULL;
        const char *name;
        TrustedKey key;
        json_t *expected, *code;
        size_t size = 0;

        need_dir();
        key = trusted_key();
        text = read_case("expected.json", &size);
        expected = json_loadb(text, size, 0, NULL);
        assert_true(json_object_size(expected) >= 16);
        json_object_foreach(expected, name, code) {
                check_case(name, json_string_value(code), &key);
        }
        json_decref(expected);
}

static void write_case(const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), false),
                         0);
}

static void interop_our_signature_is_written_for_the_other_to_read(void **state)
{
        _cleanup_free_ char *jwk = NULL, *jws = NULL;
        SigningKey key;

        need_dir();
        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(jwk_format(&key.public, &jwk), 0);
        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{\"format\":1}", 12, &jws), 0);
        write_case("ours.jwk", jwk);
        write_case("ours.jws", jws);
        signing_key_done(&key);
}

static int start(void **state)
{
        dir = getenv("NHI_INTEROP_DIR");
        if (sodium_init() < 0 || fake_etc_init(&etc) < 0 || fake_etc_fill(&etc) < 0)
                return -1;
        return localdb_load(etc.dir, &local) < 0 || idmap_new(&idmap) < 0 ? -1 : 0;
}

static int finish(void **state)
{
        local = localdb_free(local);
        idmap = idmap_free(idmap);
        fake_etc_done(&etc);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(interop_sets_of_another_implementation_are_judged_as_expected),
                cmocka_unit_test(interop_our_signature_is_written_for_the_other_to_read),
        };

        return cmocka_run_group_tests(tests, start, finish);
}
