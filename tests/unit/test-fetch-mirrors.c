/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two mirrors of one issuer, the fetcher, and the agent, as they stand on a host:
 *
 *      server A ─┐
 *                ├─ https ─ fetcher ─ feed.sock ─ agent
 *      server B ─┘
 */

#include "tests/unit/doors-fixture.h"
#include "tests/unit/https-server.h"

#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/fetch/fetcher.h"

#include <signal.h>

#define CA_FILE PATH_ROOT "/etc/nhi/source-ca.pem"

typedef struct Mirror {
        HttpsServer server;
        pthread_mutex_t lock;
        char *set, etag[24];
        char url[96];
} Mirror;

typedef struct World {
        Fixture *f;
        Fetcher *fetcher;
        Identity ca, leaf;
        Mirror a, b;
        const char *urls[2];
} World;

static bool handle(HttpsPeer *p)
{
        Mirror *m = p->server->userdata;
        _cleanup_free_ char *set = NULL;
        char known[64] = "", field[64];

        (void)pthread_mutex_lock(&m->lock);
        set = strdup(m->set ? m->set : "");
        (void)snprintf(field, sizeof(field), "ETag: %s\r\n", m->etag);
        if (https_header(p, "If-None-Match", known, sizeof(known)) && streq(known, m->etag))
                free(TAKE_PTR(set));
        (void)pthread_mutex_unlock(&m->lock);
        if (!set)
                return https_answer(p, 304, field, "");
        return https_answer(p, *set ? 200 : 404, field, set);
}

static void mirror_put(Mirror *m, char *set)
{
        static unsigned n;

        (void)pthread_mutex_lock(&m->lock);
        free(m->set);
        m->set = set;
        (void)snprintf(m->etag, sizeof(m->etag), "\"%u\"", ++n);
        (void)pthread_mutex_unlock(&m->lock);
}

static void mirror_start(World *w, Mirror *m)
{
        m->server.handle = handle;
        m->server.userdata = m;
        assert_int_equal(https_start(&m->server, &w->leaf), 0);
        (void)snprintf(m->url, sizeof(m->url), "https://localhost:%u/{host}.jws", m->server.port);
}

static void mirror_init(World *w, Mirror *m)
{
        m->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        mirror_start(w, m);
}

/* What the configuration would say of both. */
static void sources_publish(World *w)
{
        SourceConfig *s = &w->f->agent->config->issuers[0].source;

        w->urls[0] = w->a.url;
        w->urls[1] = w->b.url;
        s->type = (char *)"https";
        s->urls = (StrList){ .items = w->urls, .n = 2 };
        s->ca_file = (char *)CA_FILE;
        s->interval_usec = 50 * 1000;
        assert_int_equal(publish_sources(w->f->agent->config), 0);
}

static void fetcher_begin(World *w)
{
        FetcherConfig config = { .sources_path = PATH_SOURCES_RUN,
                                 .owner = geteuid(),
                                 .feed = feed_client_defaults };

        config.feed.owner = geteuid();
        config.feed.refused_usec = 200 * 1000;
        assert_int_equal(fetcher_new(w->f->event, &config, &w->fetcher), 0);
}

static int setup_world(void **state)
{
        World *w = calloc(1, sizeof(*w));
        const IdentitySpec ca = { NULL, NULL, -3600, 3600, "test CA" };

        (void)signal(SIGPIPE, SIG_IGN);
        assert_int_equal(setup((void **)&w->f), 0);
        w->ca = identity_new(&ca);
        w->leaf = identity_new(
                &(IdentitySpec){ "DNS:localhost", &w->ca, -3600, 3600, "the mirrors" });
        identity_save(&w->ca, CA_FILE, NULL);
        mirror_init(w, &w->a);
        mirror_init(w, &w->b);
        sources_publish(w);
        *state = w;
        return 0;
}

static int teardown_world(void **state)
{
        World *w = *state;

        (void)fetcher_free(w->fetcher);
        https_stop(&w->a.server);
        https_stop(&w->b.server);
        identity_done(&w->leaf);
        identity_done(&w->ca);
        free(w->a.set);
        free(w->b.set);
        (void)fixture_teardown((void **)&w->f);
        free(w);
        return 0;
}

/* With svc-deploy's grant, or without. */
static char *set_of(World *w, int64_t ver, bool has_grant)
{
        _cleanup_free_ char *grant =
                has_grant ? fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN) : strdup("");

        return fixture_set(w->f, ver, FIXTURE_ACCOUNT, grant);
}

typedef struct Wanted {
        const World *w;
        int64_t ver;
} Wanted;

static bool has_version(void *userdata)
{
        const Wanted *wanted = userdata;
        const GrantSet *set = wanted->w->f->agent->issuers[0].set;

        return set && set->ver == wanted->w->f->base_sec * 1000 + wanted->ver;
}

static void wait_version(World *w, int64_t ver)
{
        Wanted wanted = { w, ver };

        assert_true(fixture_until(w->f, has_version, &wanted));
}

static bool is_allowed(const World *w)
{
        Agent *a = w->f->agent;
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = "svc-deploy",
                                    .uid = 70001,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(a);

        return decide(&a->store, &view, &ask, agent_now(a)).verdict == VERDICT_ALLOW;
}

static bool has_refused(void *userdata)
{
        const World *w = userdata;

        return streq(w->f->agent->issuers[0].refused.code, "version-floor");
}

static void a_frozen_mirror_holds_up_no_revocation_V21(void **state)
{
        World *w = *state;

        mirror_put(&w->b, set_of(w, 5, true));
        fetcher_begin(w);
        wait_version(w, 5);
        assert_true(is_allowed(w));
        mirror_put(&w->a, set_of(w, 6, false));
        wait_version(w, 6);
        assert_false(is_allowed(w));
}

static void a_mirror_that_is_set_back_brings_nothing_back_V18(void **state)
{
        World *w = *state;

        mirror_put(&w->a, set_of(w, 6, false));
        fetcher_begin(w);
        wait_version(w, 6);
        mirror_put(&w->b, set_of(w, 5, true));
        assert_true(fixture_until(w->f, has_refused, w));
        wait_version(w, 6);
        assert_false(is_allowed(w));
}

static void one_mirror_is_enough_A14(void **state)
{
        World *w = *state;

        mirror_put(&w->a, set_of(w, 1, true));
        https_die(&w->b.server);
        fetcher_begin(w);
        wait_version(w, 1);
        mirror_start(w, &w->b);
        https_stop(&w->a.server);
        mirror_put(&w->b, set_of(w, 2, false));
        wait_version(w, 2);
        assert_false(is_allowed(w));
}

static void an_agent_that_lists_other_mirrors_is_followed(void **state)
{
        World *w = *state;

        mirror_put(&w->a, set_of(w, 1, true));
        mirror_put(&w->b, set_of(w, 2, false));
        w->f->agent->config->issuers[0].source.urls.n = 1;
        assert_int_equal(publish_sources(w->f->agent->config), 0);
        fetcher_begin(w);
        wait_version(w, 1);
        assert_int_equal(w->b.server.n_requests, 0);
        sources_publish(w);
        wait_version(w, 2);
        assert_false(is_allowed(w));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup_world, teardown_world)
        const struct CMUnitTest tests[] = {
                TEST(a_frozen_mirror_holds_up_no_revocation_V21),
                TEST(a_mirror_that_is_set_back_brings_nothing_back_V18),
                TEST(one_mirror_is_enough_A14),
                TEST(an_agent_that_lists_other_mirrors_is_followed),
        };

        return cmocka_run_group_tests_name("fetch-mirrors", tests, NULL, NULL);
}
