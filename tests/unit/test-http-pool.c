/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-agentd/fetch/http-pool.h: who shares connections with whom. */

#include "nhi-agentd/fetch/http-pool.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SETS "https://grants.test:8443/sets/web1.jws"

typedef struct Fixture {
        sd_event *event;
        HttpPool *pool;
        SourceSpec spec;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        *state = f;
        return sd_event_new(&f->event) < 0 || http_pool_new(&f->pool) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        (void)http_pool_free(f->pool);
        (void)sd_event_unref(f->event);
        free(f);
        return 0;
}

static Http *take(Fixture *f, const SourceSpec *spec, const char *url)
{
        Http *http = NULL;

        assert_int_equal(http_pool_take(f->pool, f->event, spec, url, &http), 0);
        assert_non_null(http);
        return http;
}

static void objects_of_one_server_share_its_connections(void **state)
{
        Fixture *f = *state;
        Http *set = take(f, &f->spec, SETS);

        assert_ptr_equal(take(f, &f->spec, "https://grants.test:8443/revocations.jws?x"), set);
        assert_ptr_equal(take(f, &f->spec, "https://grants.test:8443"), set);
        assert_ptr_not_equal(take(f, &f->spec, "https://grants.test:8444/sets/web1.jws"), set);
        assert_ptr_not_equal(take(f, &f->spec, "https://grants.test:84430/sets/web1.jws"), set);
}

static void who_trusts_or_tells_anything_else_shares_nothing_V36(void **state)
{
        Fixture *f = *state;
        const SourceSpec others[] = {
                { .ca_file = "/etc/nhi/ca.pem" },
                { .pins = "sha256//x" },
                { .certificate = "mine" },
                { .certificate_key = "mine" },
                { .token = "mine" },
                { .user = "mine" },
                { .password = "mine" },
        };
        Http *taken[ELEMENTSOF(others) + 1];

        taken[ELEMENTSOF(others)] = take(f, &f->spec, SETS);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                taken[i] = take(f, &others[i], SETS);
                assert_ptr_not_equal(taken[i], taken[ELEMENTSOF(others)]);
                for (size_t j = 0; j < i; j++)
                        assert_ptr_not_equal(taken[i], taken[j]);
        }
}

static void who_leaves_half_dead_connections_never_meets_them_again_W2(void **state)
{
        Fixture *f = *state;
        Http *first = take(f, &f->spec, SETS), *again;

        assert_ptr_equal(take(f, &f->spec, SETS), first);
        assert_null(http_pool_put(f->pool, first, true));
        again = take(f, &f->spec, SETS);
        assert_ptr_not_equal(again, first); /* which the other one still has */
        assert_null(http_pool_put(f->pool, first, true));
        assert_ptr_equal(take(f, &f->spec, SETS), again);
        assert_null(http_pool_put(f->pool, again, false));
        assert_ptr_equal(take(f, &f->spec, SETS), again);
}

static void without_a_pool_each_has_its_own(void **state)
{
        Fixture *f = *state;
        Http *one = NULL, *two = NULL;

        assert_int_equal(http_pool_take(NULL, f->event, &f->spec, SETS, &one), 0);
        assert_int_equal(http_pool_take(NULL, f->event, &f->spec, SETS, &two), 0);
        assert_ptr_not_equal(one, two);
        assert_null(http_pool_put(NULL, one, false));
        assert_null(http_pool_put(NULL, two, true));
        assert_null(http_pool_put(f->pool, NULL, true));
}

static void all_sources_of_a_pool_begin_at_the_same_member(void **state)
{
        const Fixture *f = *state;
        const size_t member = http_pool_member(f->pool, 5);

        assert_true(member < 5);
        for (int i = 0; i < 20; i++)
                assert_int_equal(http_pool_member(f->pool, 5), member);
        assert_true(http_pool_member(NULL, 3) < 3);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(objects_of_one_server_share_its_connections),
                CASE(who_trusts_or_tells_anything_else_shares_nothing_V36),
                CASE(who_leaves_half_dead_connections_never_meets_them_again_W2),
                CASE(without_a_pool_each_has_its_own),
                CASE(all_sources_of_a_pool_begin_at_the_same_member),
        };

        return cmocka_run_group_tests_name("http-pool", tests, NULL, NULL);
}
