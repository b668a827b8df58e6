/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key lists, from their bytes: who has to sign them, and what they may say (K1..K5, V26). */

#include "tests/unit/keylist-fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>

#define ISSUER "https://grants.example.org"
#define T0     INT64_C(1763760000)
#define SEC    INT64_C(1000000)

typedef struct World {
        SigningKey root[4],
                key[3]; /* root[0..2] are those of agentd.conf, of which two are needed */
        Jwk roots[3];
        SetPolicy policy;
        SetFloor floor;
        Now now;
        KeyList *list;
        SetError error;
} World;

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));

        if (!w)
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(w->root); i++)
                assert_int_equal(signing_key_generate(&w->root[i]), 0);
        for (size_t i = 0; i < ELEMENTSOF(w->key); i++)
                assert_int_equal(signing_key_generate(&w->key[i]), 0);
        for (size_t i = 0; i < ELEMENTSOF(w->roots); i++)
                w->roots[i] = w->root[i].public;
        w->policy = (SetPolicy){ .issuer = ISSUER,
                                 .audience = "web1.example.org",
                                 .roots = w->roots,
                                 .n_roots = 3,
                                 .root_threshold = 2 };
        w->now.real_usec = (T0 + 10) * SEC;
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        key_list_free(w->list);
        free(w);
        return 0;
}

/* What a list says; NULL: the usual. */
typedef struct Says {
        const char *iss, *aud, *keys, *more, *roots;
        long long ver;
        unsigned threshold;
} Says;

/* A whole payload, malloc'ed: the usual names key[0], and the roots of agentd.conf. */
static char *payload_of(const World *w, Says s)
{
        _cleanup_free_ char *key = jwk_reaching(&w->key[0]), *a = jwk_with(&w->root[0], ""),
                            *b = jwk_with(&w->root[1], ""), *c = jwk_with(&w->root[2], ""),
                            *roots = NULL;
        char *text = NULL;

        assert_true(asprintf(&roots, "%s,%s,%s", a, b, c) > 0);
        assert_true(asprintf(&text,
                             "{\"format\":1,\"iss\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,"
                             "\"ver\":%lld,\"keys\":[%s],\"roots\":[%s],\"threshold\":%u%s}",
                             s.iss ?: ISSUER, s.aud ?: "*", (long long)T0, s.ver ?: T0 * 1000,
                             s.keys ?: key, s.roots ?: roots, s.threshold ?: 2, s.more ?: "") > 0);
        return text;
}

static int verify(World *w, const char *bytes)
{
        w->list = key_list_free(w->list);
        w->error = (SetError){};
        return keylist_verify(bytes, strlen(bytes), &w->policy, &w->floor, w->now, KEYLIST_OFFERED,
                              &w->list, &w->error);
}

static void must_take(World *w, char *bytes)
{
        if (verify(w, bytes) != 0)
                fail_msg("%s: %s", w->error.code, w->error.detail);
        free(bytes);
}

static void must_refuse(World *w, char *bytes, const char *code)
{
        assert_int_equal(verify(w, bytes), SET_E_REFUSED);
        assert_string_equal(w->error.code, code);
        assert_null(w->list);
        free(bytes);
}

/* ---- the threshold ----------------------------------------------------------------------------
 */

static void as_many_different_roots_as_the_threshold_says(void **state) /* K1, V26 */
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});

        must_refuse(w, SIGNED_BY(p, &w->root[0]), "root-threshold");
        must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[0]), "root-threshold");
        must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[3], &w->key[0]), "root-threshold");
        must_refuse(w, SIGNED_BY(p, &w->key[0]), "root-threshold");
        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[2]));
        must_take(w, SIGNED_BY(p, &w->root[2], &w->root[1], &w->root[0]));
        must_take(w, SIGNED_BY(p, &w->root[3], &w->root[1], &w->root[0]));
        assert_int_equal(w->list->n_signing, 1);
        assert_string_equal(w->list->keys[0].jwk.kid, w->key[0].public.kid);
        assert_true(w->list->keys[0].reach.sign_grants);
}

static void a_threshold_of_none_lets_nobody_in(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});

        w->policy.root_threshold = 0;
        must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[1]), "root-threshold");
        w->policy.n_roots = 0;
        must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[1]), "root-threshold");
}

/* Half a list by one root and half by another is no list. */
static void all_sign_one_payload(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){}),
                            *q = payload_of(w, (Says){ .ver = T0 * 1000 + 1 });
        _cleanup_free_ char *one = SIGNED_BY(p, &w->root[0]), *other = SIGNED_BY(q, &w->root[1]);
        char *both = NULL;

        assert_true(asprintf(&both, "%s\n%s", one, other) > 0);
        must_refuse(w, both, "payloads");
}

static void a_root_s_signature_that_fails_refuses_all(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});
        char *bytes = SIGNED_BY(p, &w->root[0], &w->root[1], &w->root[2]);

        bytes[10] ^= 1;
        assert_int_equal(verify(w, bytes), SET_E_REFUSED);
        free(bytes);
        bytes = SIGNED_BY(p, &w->root[0], &w->root[1], &w->root[2]);
        bytes[strlen(bytes) - 10] = bytes[strlen(bytes) - 10] == 'A' ? 'B' : 'A';
        must_refuse(w, bytes, "signature");
}

/* V17: one bit anywhere, one byte less. */
static void no_changed_byte_passes(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});
        _cleanup_free_ char *bytes = SIGNED_BY(p, &w->root[0], &w->root[1]);
        const size_t size = strlen(bytes);

        for (size_t i = 0; i < size; i++) {
                bytes[i] ^= 1;
                assert_int_equal(keylist_verify(bytes, size, &w->policy, &w->floor, w->now,
                                                KEYLIST_OFFERED, &w->list, &w->error),
                                 SET_E_REFUSED);
                bytes[i] ^= 1;
                assert_int_equal(keylist_verify(bytes, i, &w->policy, &w->floor, w->now,
                                                KEYLIST_OFFERED, &w->list, &w->error),
                                 SET_E_REFUSED);
        }
}

static void other_objects_are_no_key_list(void **state) /* V09 */
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});
        const SigningKey *const both[] = { &w->root[0], &w->root[1] };

        must_refuse(w, sign_lines(JWS_TYP_GRANTS, p, both, 2), "type");
        must_refuse(w, sign_lines(JWS_TYP_REVOCATIONS, p, both, 2), "type");
        must_refuse(w, strdup(""), "root-threshold");
        must_refuse(w, strdup("\n\n"), "segments");
        assert_false(keylist_is_meant("", 0));
        assert_false(keylist_is_meant(p, strlen(p)));
}

static void a_line_feed_at_the_end_is_nothing(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});
        _cleanup_free_ char *bytes = SIGNED_BY(p, &w->root[0], &w->root[1]);
        char *line = NULL;

        assert_true(asprintf(&line, "%s\n", bytes) > 0);
        assert_true(keylist_is_meant(line, strlen(line)));
        must_take(w, line);
}

/* A mirror that has one signature more is no equivocation. */
static void its_hash_is_the_payload_s(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){});
        _cleanup_free_ char *three = SIGNED_BY(p, &w->key[1], &w->root[0], &w->root[1]);
        char hash[65];

        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
        memcpy(hash, w->list->hash, sizeof(hash));
        assert_true(keylist_is(three, strlen(three), hash));
        w->floor = (SetFloor){ .ver = T0 * 1000 };
        memcpy(w->floor.hash, hash, sizeof(hash));
        assert_int_equal(verify(w, three), 0);
        assert_string_equal(w->list->hash, hash);
}

/* ---- roots rotate -----------------------------------------------------------------------------
 */

static void new_roots_need_the_old_threshold_and_their_own(void **state) /* K2, V26 */
{
        World *w = *state;
        _cleanup_free_ char *b = jwk_with(&w->root[1], ""), *d = jwk_with(&w->root[3], ""),
                            *roots = NULL, *p = NULL;

        assert_true(asprintf(&roots, "%s,%s", b, d) > 0);
        p = payload_of(w, (Says){ .roots = roots });
        must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[1]), "root-threshold"); /* old only */
        must_refuse(w, SIGNED_BY(p, &w->root[1], &w->root[3]), "root-threshold"); /* new only */
        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1], &w->root[3]));
        assert_int_equal(w->list->n_roots, 2);
}

static void roots_that_cannot_be_are_refused(void **state)
{
        World *w = *state;
        _cleanup_free_ char *a = jwk_with(&w->root[0], ""), *twice = NULL;
        const struct {
                const char *roots;
                unsigned threshold;
        } cases[] = { { "", 1 }, { twice, 1 }, { "{}", 1 }, { "7", 1 }, { a, 2 } };

        assert_true(asprintf(&twice, "%s,%s", a, a) > 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *p =
                        payload_of(w, (Says){ .roots = i == 1 ? twice : cases[i].roots,
                                              .threshold = cases[i].threshold });
                char *bytes = SIGNED_BY(p, &w->root[0], &w->root[1]);

                assert_int_equal(verify(w, bytes), SET_E_REFUSED);
                free(bytes);
        }
}

static void digests_tell_roots_apart_and_not_their_order(void **state)
{
        World *w = *state;
        const Jwk turned[] = { w->roots[2], w->roots[0], w->roots[1] };
        char a[65], b[65];

        roots_digest(w->roots, 3, 2, a);
        roots_digest(turned, 3, 2, b);
        assert_string_equal(a, b);
        roots_digest(w->roots, 3, 1, b);
        assert_string_not_equal(a, b);
        roots_digest(w->roots, 2, 2, b);
        assert_string_not_equal(a, b);
}

/* ---- what it says of itself --------------------------------------------------------------------
 */

static void for_whom_and_when(void **state)
{
        static const struct {
                Says says;
                const char *code;
        } cases[] = {
                { { .iss = "https://other.example.org" }, "issuer" },
                { { .aud = "web1.example.org" }, "audience" },
                { { .ver = (T0 + 71) * 1000 }, "ahead" },
                { { .ver = (T0 - 1) * 1000 }, "version-floor" },
                { { .ver = T0 * 1000 }, "equivocation" },
                { { .more = ",\"exp\":1763760005" }, "expired" },
                { { .more = ",\"exp\":1763759000" }, "lifetime" },
                { { .more = ",\"exp\":0" }, "member-value" },
                { { .more = ",\"exp\":1e12" }, "member-type" },
                { { .more = ",\"new\":1" }, "unknown-member" },
                { { .more = ",\"format\":1" }, "json" },
                { { .more = ",\"floor\":1763760000002" }, "member-value" },
        };
        World *w = *state;

        w->floor = (SetFloor){ .ver = T0 * 1000, .hash = "00" };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Says says = cases[i].says;
                _cleanup_free_ char *p = NULL;

                says.ver = says.ver ?: T0 * 1000 + 1;
                p = payload_of(w, says);
                must_refuse(w, SIGNED_BY(p, &w->root[0], &w->root[1]), cases[i].code);
        }
}

static int again(World *w, const char *bytes, const char *hash, unsigned threshold)
{
        SetFloor floor = { .ver = T0 * 1000 };

        (void)snprintf(floor.hash, sizeof(floor.hash), "%s", hash);
        w->list = key_list_free(w->list);
        w->policy.root_threshold = threshold;
        return keylist_verify(bytes, strlen(bytes), &w->policy, &floor, w->now, KEYLIST_AGAIN,
                              &w->list, &w->error);
}

/* Held against the roots alone: no line that somebody added takes it away. */
static void what_other_roots_signed_is_believed_again(void **state) /* K4 V26 */
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){ .more = ",\"exp\":1763760100" }),
                            *p2 = payload_of(w, (Says){ .ver = T0 * 1000 - 1 });
        _cleanup_free_ char *bytes = SIGNED_BY(p, &w->root[0], &w->root[1], &w->root[2]),
                            *other = SIGNED_BY(p2, &w->root[2]), *mixed = NULL;
        char hash[65];

        assert_int_equal(verify(w, bytes), 0);
        memcpy(hash, w->list->hash, sizeof(hash));
        w->now.real_usec += 1000 * SEC;
        assert_int_equal(again(w, bytes, hash, 3), 0);
        bytes[strlen(bytes) - 10] = bytes[strlen(bytes) - 10] == 'A' ? 'B' : 'A';
        assert_int_equal(again(w, bytes, hash, 2), 0);
        assert_int_equal(again(w, bytes, hash, 3), SET_E_REFUSED);
        assert_string_equal(w->error.code, "root-threshold");
        *strrchr(bytes, '\n') = '\0';
        assert_true(asprintf(&mixed, "%s\n%s", other, bytes) > 0);
        assert_int_equal(again(w, mixed, hash, 2), 0);
        assert_int_equal(again(w, mixed, hash, 3), SET_E_REFUSED);
        assert_int_equal(again(w, other, hash, 1), SET_E_REFUSED);
        assert_string_equal(w->error.code, "archive");
}

/* Held against neither clock nor roots: what it retired stays retired (K4). */
static void what_was_kept_is_believed_by_its_hash(void **state)
{
        World *w = *state;
        _cleanup_free_ char *p = payload_of(w, (Says){ .more = ",\"exp\":1763760100" });
        _cleanup_free_ char *bytes = SIGNED_BY(p, &w->key[2], &w->root[0], &w->root[1]);
        SetFloor floor = { .ver = T0 * 1000 };

        assert_int_equal(verify(w, bytes), 0);
        memcpy(floor.hash, w->list->hash, sizeof(floor.hash));
        w->list = key_list_free(w->list);
        w->now.real_usec += 1000 * SEC;
        w->policy.root_threshold = 3;
        assert_int_equal(keylist_verify(bytes, strlen(bytes), &w->policy, &floor, w->now,
                                        KEYLIST_KEPT, &w->list, &w->error),
                         0);
        w->list = key_list_free(w->list);
        bytes[strlen(bytes) / 6] ^= 1;
        floor.hash[0] ^= 1;
        assert_int_equal(keylist_verify(bytes, strlen(bytes), &w->policy, &floor, w->now,
                                        KEYLIST_KEPT, &w->list, &w->error),
                         SET_E_REFUSED);
        assert_string_equal(w->error.code, "archive");
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static void a_key_that_is_not_understood_is_left_out(void **state) /* K5 */
{
        static const char *const more[] = {
                ",\"reach\":" ALL_REACH ",\"only_on\":\"web1\"",
                ",\"reach\":{\"sign\":[\"grants\"],\"hosts\":[\"web1\"]}",
                ",\"reach\":{\"sign\":[\"grants\",\"everything\"]}",
                ",\"reach\":{\"sign\":[\"grants\"],\"lifetime_max\":604801}",
                ",\"reach\":{\"sign\":[\"grants\"],\"lifetime_max\":59}",
                ",\"reach\":7",
                ",\"reach\":" ALL_REACH ",\"nbf\":\"now\"",
                ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"reach\":" ALL_REACH,
                "",
        };
        World *w = *state;

        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                _cleanup_free_ char *bad = jwk_with(&w->key[1], more[i]),
                                    *good = jwk_reaching(&w->key[0]), *keys = NULL, *p = NULL;

                assert_true(asprintf(&keys, "%s,%s", bad, good) > 0);
                p = payload_of(w, (Says){ .keys = keys });
                must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
                assert_int_equal(w->list->n_signing, 1);
                assert_string_equal(w->list->keys[0].jwk.kid, w->key[0].public.kid);
                assert_int_equal(w->list->n_skipped, 1);
        }
}

static void a_reach_allows_what_it_names_and_no_more(void **state)
{
        World *w = *state;
        _cleanup_free_ char *key = jwk_with(&w->key[0], ",\"reach\":{\"sign\":[\"grants\"],"
                                                        "\"services\":[\"ssh\"]}"),
                            *p = payload_of(w, (Says){ .keys = key });
        const Reach *reach;

        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
        reach = &w->list->keys[0].reach;
        assert_true(reach->sign_grants);
        assert_false(reach->sign_accounts || reach->sign_ssh_keys || reach->sign_revocations);
        assert_int_equal(reach->accounts.n + reach->groups.n + reach->run_as.n, 0);
        assert_int_equal(reach->services.n, 1);
        assert_int_equal(reach->lifetime_max_sec, 86400);
}

static void a_root_is_no_issuer_key(void **state)
{
        World *w = *state;
        _cleanup_free_ char *key = jwk_reaching(&w->root[0]),
                            *p = payload_of(w, (Says){ .keys = key });

        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
        assert_int_equal(w->list->n_signing, 0);
        assert_int_equal(w->list->n_skipped, 1);
}

static void a_key_that_is_retired_and_listed_is_retired(void **state) /* K4 */
{
        World *w = *state;
        _cleanup_free_ char *old = jwk_with(&w->key[0], ""), *more = NULL, *p = NULL;

        assert_true(asprintf(&more, ",\"retired\":[%s,%s]", old, old) > 0);
        p = payload_of(w, (Says){ .more = more });
        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
        assert_int_equal(w->list->n_signing, 0);
        assert_int_equal(w->list->n_keys, 1);
        assert_true(w->list->keys[0].is_retired);
        assert_int_equal(w->list->retired.n_entries, 1);
}

static void no_key_outlives_its_list(void **state)
{
        World *w = *state;
        _cleanup_free_ char *long_lived = jwk_with(&w->key[0], ",\"exp\":1763770000,"
                                                               "\"reach\":" ALL_REACH),
                            *other = jwk_reaching(&w->key[1]), *keys = NULL, *p = NULL;

        assert_true(asprintf(&keys, "%s,%s", long_lived, other) > 0);
        p = payload_of(w, (Says){ .keys = keys, .more = ",\"exp\":1763765000" });
        must_take(w, SIGNED_BY(p, &w->root[0], &w->root[1]));
        assert_int_equal(w->list->keys[0].exp_sec, 1763765000);
        assert_int_equal(w->list->keys[1].exp_sec, 1763765000);
}

static void limits_hold_at_n_and_not_at_n_and_one(void **state)
{
        World *w = *state;
        _cleanup_free_ char *lines = NULL, *p = payload_of(w, (Says){});
        _cleanup_free_ char *both = SIGNED_BY(p, &w->root[0], &w->root[1]),
                            *other = SIGNED_BY(p, &w->key[2]);
        size_t size = (KEYLIST_LINES_MAX + 2) * (strlen(both) + 2);

        lines = calloc(1, size);
        assert_non_null(lines);
        strcpy(lines, both);
        for (size_t i = 2; i < KEYLIST_LINES_MAX; i++) {
                strcat(lines, "\n");
                strcat(lines, other);
        }
        assert_int_equal(verify(w, lines), 0);
        strcat(lines, "\n");
        strcat(lines, other);
        assert_int_equal(verify(w, lines), SET_E_REFUSED);
        assert_string_equal(w->error.code, "limit");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(as_many_different_roots_as_the_threshold_says),
                T(a_threshold_of_none_lets_nobody_in),
                T(all_sign_one_payload),
                T(a_root_s_signature_that_fails_refuses_all),
                T(no_changed_byte_passes),
                T(other_objects_are_no_key_list),
                T(a_line_feed_at_the_end_is_nothing),
                T(its_hash_is_the_payload_s),
                T(new_roots_need_the_old_threshold_and_their_own),
                T(roots_that_cannot_be_are_refused),
                T(digests_tell_roots_apart_and_not_their_order),
                T(for_whom_and_when),
                T(what_other_roots_signed_is_believed_again),
                T(what_was_kept_is_believed_by_its_hash),
                T(a_key_that_is_not_understood_is_left_out),
                T(a_reach_allows_what_it_names_and_no_more),
                T(a_root_is_no_issuer_key),
                T(a_key_that_is_retired_and_listed_is_retired),
                T(no_key_outlives_its_list),
                T(limits_hold_at_n_and_not_at_n_and_one),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
