/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets, local files, remembered ids and keys with the first, second, … Nth allocation refused, the
 * JSON library's own included (A16): each call says -ENOMEM and gives nothing, or did without and
 * gives all of it. What it leaves behind is the leak checker's to find. */

#include "nhi-agentd/set/set.h"

#include "lib/jose/json.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/idmap.h"
#include "tests/unit/fake-etc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#define T0   INT64_C(1763760000)
#define SEC  INT64_C(1000000)
#define KEY1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

/* ---- allocations that are refused -------------------------------------------------------------*/

static size_t n_asked, refuse_at; /* 0: none */

static bool is_refused(void)
{
        return ++n_asked == refuse_at;
}

#define WRAP(type, name, parameters, arguments)                                                    \
        type __real_##name parameters;                                                             \
        type __wrap_##name parameters;                                                             \
        type __wrap_##name parameters                                                              \
        {                                                                                          \
                return is_refused() ? NULL : __real_##name arguments;                              \
        }

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t size), (p, size))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))
WRAP(FILE *, open_memstream, (char **p, size_t *size), (p, size))

/* One block serves many of these, so that refusing blocks alone would miss them. */
WRAP(void *, arena_alloc, (Arena * a, size_t n, size_t size), (a, n, size))
WRAP(const char *, arena_text, (Arena * a, const char *text), (a, text))
WRAP(const char *, arena_text_size, (Arena * a, const char *text, size_t size), (a, text, size))

int __wrap_asprintf(char **ret, const char *format, ...);
_printf_(2, 3) int __wrap_asprintf(char **ret, const char *format, ...)
{
        va_list ap;
        int r;

        if (is_refused())
                return -1;
        va_start(ap, format);
        r = vasprintf(ret, format, ap);
        va_end(ap);
        return r;
}

/* ---- what is tried ----------------------------------------------------------------------------*/

static const char payload[] =
        "{\"format\":1,\"iss\":\"https://"
        "g\",\"aud\":\"web1\",\"iat\":1763760000,\"exp\":1763846400,"
        "\"ver\":1763760000123,\"ledger\":\"3f\","
        "\"accounts\":[{\"name\":\"svc-a\",\"kind\":\"workload\",\"owner\":\"p\",\"uid\":70001,"
        "\"gid\":70001,\"gecos\":\"a\",\"home\":\"/var/lib/a\",\"shell\":\"/bin/bash\"},"
        "{\"name\":\"svc-b\",\"kind\":\"human\",\"owner\":\"p\",\"uid\":70002,\"gid\":70002},"
        "{\"name\":\"svc-c\",\"kind\":\"agent\",\"owner\":\"p\",\"uid\":70003,\"gid\":70003},"
        "{\"name\":\"svc-d\",\"kind\":\"agent\",\"owner\":\"p\",\"uid\":70003,\"gid\":70004},"
        "{\"name\":\"svc-e\",\"kind\":\"robot\",\"owner\":\"p\",\"uid\":70005,\"gid\":70005},"
        "{\"name\":\"svc-f\",\"kind\":\"agent\",\"owner\":\"p\",\"uid\":1,\"gid\":70006}],"
        "\"grants\":[{\"jti\":\"g-1\",\"account\":\"svc-a\",\"sub\":\"spiffe://"
        "x\",\"act\":{\"sub\":\"b\","
        "\"act\":{\"sub\":\"c\"}},\"owner\":\"p\",\"reason\":\"r\",\"ticket\":\"t\",\"issued_by\":"
        "\"ci\","
        "\"approvals\":[{\"by\":\"x\"}],\"nbf\":1763760000,\"exp\":1763761800,\"authorization_"
        "details\":["
        "{\"type\":\"nhi_login\",\"services\":[\"ssh\"],\"from\":[\"10.0.0.0/8\",\"2001:db8::/"
        "32\"],"
        "\"ssh_keys\":[\"" KEY1 " l\"],\"user_manager\":true},"
        "{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],\"run_as\":[\"postgres\"],"
        "\"run_as_groups\":[\"pay\"],\"commands\":[[\"/bin/id\",\"x\"]],\"edit\":[\"/etc/a\"]},"
        "{\"type\":\"nhi_unit\",\"units\":[\"a.service\"]},"
        "{\"type\":\"nhi_group\",\"groups\":[\"pay-ops\",\"pay-new\"]}],"
        "\"windows\":[\"Sat,Sun 01:00..05:00 UTC\"],\"max_sessions\":1},"
        "{\"jti\":\"g-2\",\"account\":\"svc-b\",\"owner\":\"p\",\"reason\":\"r\",\"exp\":"
        "1763761800,"
        "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"cron\"]}]},"
        "{\"jti\":\"g-3\",\"account\":\"svc-c\",\"owner\":\"p\",\"reason\":\"r\",\"exp\":"
        "1763761800,"
        "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"cron\"]}]},"
        "{\"jti\":\"g-4\",\"account\":\"svc-b\",\"owner\":\"p\",\"reason\":\"r\",\"exp\":\"never\","
        "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"cron\"]}]},"
        "{\"jti\":\"g-5\",\"account\":\"svc-b\",\"owner\":\"p\",\"reason\":\"r\",\"exp\":"
        "1763761800,"
        "\"authorization_details\":[{\"type\":\"nhi_group\",\"groups\":[\"docker\"]}]},"
        "{\"jti\":\"g-2\",\"account\":\"svc-b\",\"owner\":\"p\",\"reason\":\"r\",\"exp\":"
        "1763761800,"
        "\"authorization_details\":[{\"type\":\"nhi_login\",\"services\":[\"at\"]}]}]}";

static const char ids[] = "user svc-a 70001 70001 https://g\n"
                          "user svc-gone 70099 70099 https://g\ngroup pay-old 99999\nend 3\n";

static const char *all[] = { "*" };

static struct {
        FakeEtc etc;
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        LocalDb *local;
        IdMap *idmap;
        GrantSet *set;
        char *jws, *jwk, *private_jwk;
} f;

static int verify(GrantSet **ret)
{
        static const SetFloor floor;
        SetError error = { "", "" };
        int r;

        r = grant_set_verify(f.jws, strlen(f.jws), &f.policy, &floor, f.local, f.idmap,
                             (Now){ (T0 + 10) * SEC, 500 * SEC }, false, ret, &error);
        if (r > 0)
                fail_msg("refused: %s: %s", error.code, error.detail);
        return r;
}

static int try_verify(void)
{
        GrantSet *set = NULL;
        const int r = verify(&set);

        assert_int_equal(r == 0, set != NULL);
        if (r == 0) {
                assert_int_equal(set->n_accounts, f.set->n_accounts);
                assert_int_equal(set->n_grants, f.set->n_grants);
                assert_int_equal(set->n_quarantine, f.set->n_quarantine);
                assert_int_equal(set->grants[0].n_terms, 4);
                assert_string_equal(set->grants[0].terms_json, f.set->grants[0].terms_json);
        }
        grant_set_free(set);
        return r;
}

static int try_localdb(void)
{
        LocalDb *db = NULL;
        const int r = localdb_load(f.etc.dir, &db);
        uint32_t uid, gid;

        assert_int_equal(r == 0, db != NULL);
        if (r == 0) {
                assert_true(localdb_user(db, "taken", &uid, &gid));
                assert_true(localdb_group(db, "ours", &gid));
                assert_true(localdb_id_is_subordinate(db, 81999));
        }
        localdb_free(db);
        return r;
}

static int try_localdb_empty(void)
{
        LocalDb *db = NULL;
        const int r = localdb_empty(&db);

        assert_int_equal(r == 0, db != NULL);
        localdb_free(db);
        return r;
}

static int try_idmap(void)
{
        IdMap *m = NULL, *copy = NULL;
        char *text = NULL;
        size_t size = 0;
        int r;

        r = idmap_parse(ids, strlen(ids), &m);
        if (r == 0)
                r = idmap_copy(m, &copy);
        if (r == 0)
                r = idmap_format(copy, &text, &size);
        if (r == 0)
                assert_string_equal(text, ids);
        free(text);
        idmap_free(copy);
        idmap_free(m);
        return r;
}

static int try_learn(void)
{
        bool changed = false;
        IdMap *m = NULL;
        uint32_t gid;
        int r;

        r = idmap_new(&m);
        if (r == 0)
                r = idmap_learn(m, f.set, f.local, &changed);
        if (r == 0) {
                assert_true(changed);
                assert_int_equal(idmap_n_users(m), f.set->n_accounts);
                assert_true(idmap_group_by_name(m, "pay-new", &gid));
        }
        idmap_free(m);
        return r;
}

static int try_store(void)
{
        const GrantSet *sets[] = { f.set, f.set };
        GrantStore store = { 0 };
        const int r = grant_store_build(sets, 2, &store);

        if (r == 0)
                assert_int_equal(store.n_grants, f.set->n_grants); /* each once */
        else
                assert_int_equal(store.n_grants, 0);
        grant_store_done(&store);
        return r;
}

static int try_key_format(void)
{
        char *text = NULL;
        int r;

        r = jwk_format(&f.key.public, &text);
        assert_int_equal(r == 0, text != NULL);
        free(text);
        text = NULL;
        if (r == 0)
                r = signing_key_format(&f.key, &text);
        free(text);
        return r;
}

static int try_key_parse(void)
{
        SigningKey private;
        Jwk public;
        int r;

        r = jwk_parse(f.jwk, strlen(f.jwk), &public);
        if (r == 0)
                r = signing_key_parse(f.private_jwk, strlen(f.private_jwk), &private);
        if (r == 0)
                assert_memory_equal(&private, &f.key, sizeof(private));
        return r;
}

/* A text of over 15 characters is where jansson asks for more room and goes on without. */
static int try_text(void)
{
        static const char text[] =
                "{\"a\":\"spiffe://example.org/ci/payments\",\"b\":1763760000123456}";
        json_t *v = json_read(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
        const int r = v ? 0 : -errno;

        if (v) {
                assert_string_equal(json_string_value(json_object_get(v, "a")),
                                    "spiffe://example.org/ci/payments");
                assert_true(json_integer_value(json_object_get(v, "b")) ==
                            INT64_C(1763760000123456));
        }
        json_decref(v);
        return r;
}

/* Members with names of many lengths: memory runs out at one of them, too. */
static int try_write(void)
{
        static const char names[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
        _cleanup_(json_decrefp) json_t *v = json_object();
        _cleanup_free_ char *text = NULL;
        char expected[4096] = "{";

        for (size_t i = 0; i < 40; i++) {
                const size_t size = strlen(expected);

                if (!v || json_object_set_new(v, names + i, json_true()) < 0)
                        return -ENOMEM;
                (void)snprintf(expected + size, sizeof(expected) - size, "%s\"%s\":true",
                               i ? "," : "", names + i);
        }
        (void)strcat(expected, "}");
        text = json_write(v, JSON_COMPACT);
        if (text)
                assert_string_equal(text, expected);
        return text ? 0 : -ENOMEM;
}

static int try_sign(void)
{
        char *jws = NULL;
        const int r = jws_sign(&f.key, JWS_TYP_GRANTS, "{}", 2, &jws);

        assert_int_equal(r == 0, jws != NULL);
        free(jws);
        return r;
}

static int try_open(void)
{
        const Jwk *const trusted[] = { &f.key.public };
        char *text = NULL;
        size_t key, size = 0;
        JwsError e;

        e = jws_open(f.jws, strlen(f.jws), JWS_TYP_GRANTS, trusted, 1, &key, &text, &size);
        assert_int_equal(e == JWS_OK, text != NULL);
        free(text);
        return e == JWS_OK ? 0 : e == JWS_E_MEMORY ? -ENOMEM : -EINVAL;
}

/* ---- each with every allocation refused once --------------------------------------------------*/

static void nothing_is_half_done(int (*attempt)(void))
{
        size_t n_refused = 0;

        for (refuse_at = 1;; refuse_at++) {
                int r;

                n_asked = 0;
                r = attempt();
                if (r != 0 && r != -ENOMEM)
                        fail_msg("allocation %zu refused: %d", refuse_at, r);
                if (n_asked < refuse_at) {
                        assert_int_equal(r, 0);
                        break;
                }
                n_refused++;
        }
        refuse_at = 0;
        assert_true(n_refused > 0);
}

static void a_set_is_taken_whole_or_not_at_all_A16(void **state)
{
        nothing_is_half_done(try_verify);
}

static void local_files_are_known_whole_or_not_at_all_A16(void **state)
{
        nothing_is_half_done(try_localdb);
        nothing_is_half_done(try_localdb_empty);
}

static void ids_are_remembered_whole_or_not_at_all_A16(void **state)
{
        nothing_is_half_done(try_idmap);
        nothing_is_half_done(try_learn);
}

static void a_store_is_built_whole_or_is_empty_A16(void **state)
{
        nothing_is_half_done(try_store);
}

static void keys_and_signatures_are_whole_or_not_there_A16(void **state)
{
        nothing_is_half_done(try_key_format);
        nothing_is_half_done(try_key_parse);
        nothing_is_half_done(try_sign);
        nothing_is_half_done(try_open);
}

static void a_text_is_read_to_the_letter_or_not_at_all_A16(void **state)
{
        nothing_is_half_done(try_text);
}

static void a_text_is_written_whole_or_not_at_all_A16(void **state)
{
        nothing_is_half_done(try_write);
}

static int start(void **state)
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

        if (sodium_init() < 0 || fake_etc_init(&f.etc) < 0 || fake_etc_fill(&f.etc) < 0 ||
            signing_key_generate(&f.key) < 0 || localdb_load(f.etc.dir, &f.local) < 0 ||
            idmap_parse(ids, strlen(ids), &f.idmap) < 0 || jwk_format(&f.key.public, &f.jwk) < 0 ||
            signing_key_format(&f.key, &f.private_jwk) < 0 ||
            jws_sign(&f.key, JWS_TYP_GRANTS, payload, strlen(payload), &f.jws) < 0)
                return -1;
        f.trusted = (TrustedKey){ .jwk = f.key.public, .reach = whole };
        f.policy = (SetPolicy){ .issuer = "https://g",
                                .audience = "web1",
                                .keys = &f.trusted,
                                .n_keys = 1,
                                .ceiling = whole };
        return verify(&f.set);
}

static int finish(void **state)
{
        grant_set_free(f.set);
        localdb_free(f.local);
        idmap_free(f.idmap);
        free(f.jws);
        free(f.jwk);
        free(f.private_jwk);
        fake_etc_done(&f.etc);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_set_is_taken_whole_or_not_at_all_A16),
                cmocka_unit_test(local_files_are_known_whole_or_not_at_all_A16),
                cmocka_unit_test(ids_are_remembered_whole_or_not_at_all_A16),
                cmocka_unit_test(a_store_is_built_whole_or_is_empty_A16),
                cmocka_unit_test(a_text_is_read_to_the_letter_or_not_at_all_A16),
                cmocka_unit_test(a_text_is_written_whole_or_not_at_all_A16),
                cmocka_unit_test(keys_and_signatures_are_whole_or_not_there_A16),
        };

        return cmocka_run_group_tests_name("set-memory", tests, start, finish);
}
