/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises P1 to P4 of nhictl/store/store.h, and B1 and B6 of nhictl/ledger/publish.h over the
 * network: every test runs against an HTTPS server and against etcd's gateway where it has a
 * meaning for both. */

#include "lib/base/io.h"
#include "lib/base/sort.h"
#include "nhictl/ledger/publish.h"
#include "nhictl/store/client.h"
#include "nhictl/store/store.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/keylist-fixture.h"
#include "tests/unit/object-server.h"

#include <signal.h>
#include <sodium.h>

#define NOW_USEC (FIXTURE_NOW * 1000000ll)
#define SECOND   1000000ll

static SigningKey key;
static Identity ca, leaf;
static HttpsServer server;
static Objects objects;
static char url[160], ca_file[300];
static StoreAccess access_to;
static Fixture *fixture;

/* ---- the world ---- */

static int world(void **state, const char *before, const char *after)
{
        if (fixture_setup(state) < 0)
                return -1;
        fixture = *state;
        (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", fixture->root);
        identity_save(&ca, ca_file, NULL);
        objects = (Objects){ .lock = PTHREAD_MUTEX_INITIALIZER, .revision = 1 };
        server = (HttpsServer){ .handle = object_serve, .userdata = &objects };
        if (https_start(&server, &leaf) < 0)
                return -1;
        (void)snprintf(url, sizeof(url), "%s%d%s", before, server.port, after);
        access_to = (StoreAccess){ .ca_file = ca_file };
        return 0;
}

static int world_https(void **state)
{
        return world(state, "https://localhost:", "/nhi/sets/{host}");
}

static int world_etcd(void **state)
{
        return world(state, "etcd://localhost:1,localhost:", ""); /* the first member is dead */
}

static int world_end(void **state)
{
        https_stop(&server);
        objects_done(&objects);
        return fixture_teardown(state);
}

static char *stands(const char *host)
{
        char name[300];
        const Object *at;

        (void)snprintf(name, sizeof(name), "/nhi/sets/%s", host);
        at = object_find(&objects, name);
        return at ? at->value : NULL;
}

static size_t grants_of(const char *host)
{
        const Jwk *trusted = &key.public;
        _cleanup_free_ char *text = NULL;
        size_t size = 0, signer, n;
        json_t *payload;

        assert_non_null(stands(host));
        assert_int_equal(jws_open(stands(host), strlen(stands(host)), JWS_TYP_GRANTS, &trusted, 1,
                                  &signer, &text, &size),
                         JWS_OK);
        payload = json_loadb(text, size, 0, NULL);
        n = json_array_size(json_object_get(payload, "grants"));
        json_decref(payload);
        return n;
}

/* Of the revocation list that stands there. */
static size_t entries(void)
{
        const Jwk *trusted = &key.public;
        _cleanup_free_ char *text = NULL;
        const char *jws = stands(STORE_LIST);
        size_t size = 0, signer, n;
        json_t *payload;

        assert_non_null(jws);
        assert_int_equal(
                jws_open(jws, strlen(jws), JWS_TYP_REVOCATIONS, &trusted, 1, &signer, &text, &size),
                JWS_OK);
        payload = json_loadb(text, size, 0, NULL);
        n = json_array_size(json_object_get(payload, "revoked"));
        json_decref(payload);
        return n;
}

static int publish_with(Ledger *l, PublishRequest request, PublishReport *report,
                        char error[static LEDGER_ERROR_MAX])
{
        request.target = url;
        request.access = &access_to;
        assert_int_equal(ledger_commit(l, request.now_usec / 1000000, "test"), 0);
        return ledger_publish(l, &key, &request, report, error);
}

/* The number of sets written. */
static size_t publish(Ledger *l, int64_t now_usec)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = now_usec };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        size_t n;

        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        if (report.n_failed > 0)
                fail_msg("%s", json_string_value(json_array_get(report.notes, 0)));
        n = report.n_published;
        publish_report_done(&report);
        return n;
}

static int refusal(Ledger *l, int64_t now_usec, char error[static LEDGER_ERROR_MAX])
{
        const PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = now_usec };
        PublishReport report = { 0 };
        int r = publish_with(l, request, &report, error);

        if (r == 0)
                publish_report_done(&report);
        return r;
}

static void add_host(Ledger *l, const char *name, const char *label)
{
        assert_int_equal(ledger_put(l, DOC_HOST, name,
                                    json_pack("{s:s, s:[s]}", "name", name, "labels", label)),
                         0);
}

static Ledger *ledger_of_hosts(const Fixture *f, size_t n)
{
        Ledger *l = fixture_open(f, true);
        char name[32];

        fixture_fill(l);
        for (size_t i = 2; i <= n; i++) {
                (void)snprintf(name, sizeof(name), "web%zu", i);
                add_host(l, name, "web");
        }
        return l;
}

static void revoke_grant_named(Ledger *l, const char *jti)
{
        json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, jti));

        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_put(l, DOC_GRANT, jti, grant), 0);
}

static void revoke_grant(Ledger *l)
{
        revoke_grant_named(l, "g-1");
}

static void give_grant_to(Ledger *l, const char *jti, const char *host)
{
        json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));

        json_object_set_new(grant, "jti", json_string(jti));
        json_object_set_new(grant, "hosts", json_pack("[s]", host));
        assert_int_equal(ledger_put(l, DOC_GRANT, jti, grant), 0);
}

static Fixture copy_of(const Fixture *f)
{
        Fixture old = *f;
        char command[1024];

        (void)snprintf(old.ledger, sizeof(old.ledger), "%s/old", f->root);
        (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", f->ledger, old.ledger);
        assert_int_equal(system(command), 0);
        return old;
}

/* ---- a store by hand: who publishes at the same time ---- */

static int ignore_set(void *userdata, const char *name, const char *jws, size_t size,
                      bool must_write, Published *ret)
{
        *ret = (Published){ 0 };
        return 0;
}

static int ignore_known(void *userdata, const char *name, const Published *p)
{
        return 0;
}

static int ignore_failed(void *userdata, const char *name, bool must_write, int error,
                         const char *why)
{
        return 0;
}

/* Somebody who has looked, and will write web1 and the list. */
static Store *begin_elsewhere(const char *revision)
{
        static const char *const names[] = { "web1", STORE_LIST };
        const StoreSink sink = { NULL, ignore_set, ignore_known, ignore_failed };
        const StoreOptions o = {
                .url = url, .access = &access_to, .key = &key, .issuer = "test:issuer"
        };
        char error[LEDGER_ERROR_MAX];
        Store *s = NULL;

        if (store_open(&o, &s, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(s->type->load(s, names, 2, &sink), 0);
        if (s->type->look)
                assert_int_equal(s->type->look(s, names, 2, &sink), 0);
        if (s->type->begin(s, revision, names, 2) < 0)
                fail_msg("%s", s->error);
        return s;
}

static int put_late(Store *s, const char *name, const char *text)
{
        StoreSet set = { .name = name, .jws = strdup(text) };
        int r = s->type->put(s, &set, 1);

        store_set_done(&set);
        return r;
}

/* ---- tests ---- */

static void only_what_changed_is_written(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 9);
        unsigned n;

        assert_int_equal(publish(l, NOW_USEC), 9);
        assert_int_equal(grants_of("web1"), 1);
        assert_int_equal(grants_of("web9"), 0);
        n = objects.n_put;
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        assert_int_equal(objects.n_put, n);
        assert_null(stands(STORE_LIST));
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 1);
        assert_true(objects.n_put <= n + 4);
        assert_int_equal(entries(), 1);
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

static long revision_of(const char *host)
{
        char name[300];

        (void)snprintf(name, sizeof(name), "/nhi/sets/%s", host);
        return object_find(&objects, name)->revision;
}

/* B7: the sets of the first and the last host say something new when all are over a quarter of
 * their lifetime. */
static void a_revocation_does_not_wait_for_renewals(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 9);
        char name[32];

        give_grant_to(l, "g-9", "web9");
        assert_int_equal(publish(l, NOW_USEC), 9);
        revoke_grant_named(l, "g-9");
        assert_int_equal(publish(l, NOW_USEC + 7 * 3600 * SECOND), 9);
        assert_int_equal(grants_of("web9"), 0);
        for (int i = 2; i < 9; i++) {
                (void)snprintf(name, sizeof(name), "web%d", i);
                assert_true(revision_of("web9") < revision_of(name));
        }
        ledger_free(l);
}

/* B1 */
static void an_older_checkout_that_publishes_last_writes_nothing(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);
        char error[LEDGER_ERROR_MAX];
        unsigned n;
        Fixture old;

        assert_int_equal(publish(l, NOW_USEC), 2);
        old = copy_of(*state);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        ledger_free(l);
        n = objects.n_put;
        l = fixture_open(&old, true);
        assert_int_equal(refusal(l, NOW_USEC + 2 * SECOND, error), -ESTALE);
        assert_non_null(strstr(error, "older copy"));
        assert_int_equal(objects.n_put, n);
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

/* B5, V18: neither the sets nor the publication of a checkout that is not there any more. */
static void what_another_checkout_of_the_same_revision_published_stays(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2), *ci;
        Fixture other;
        unsigned n;

        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        other = copy_of(*state);
        ci = fixture_open(&other, true);
        assert_int_equal(publish(ci, NOW_USEC), 2);
        ledger_free(ci);
        n = objects.n_put;
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        assert_int_equal(objects.n_put, n);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 1);
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

/* P1, B6: the older one looked before the newer one began, and writes after it has finished. */
static void who_was_overtaken_writes_nothing_more(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char *late, revision[LEDGER_HASH_SIZE];
        Store *s;

        assert_int_equal(publish(l, NOW_USEC), 1);
        late = strdup(stands("web1"));
        assert_int_equal(ledger_revision(l, revision), 0);
        s = begin_elsewhere(revision);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        assert_int_equal(put_late(s, "web1", late), -EAGAIN);
        assert_int_equal(grants_of("web1"), 0);
        store_free(s);
        free(late);
        ledger_free(l);
}

/* P1, P2: what stands there is what the newer one wants to say, until the older one writes. */
static void what_an_older_one_is_about_to_undo_is_written_anew(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char *late, revision[LEDGER_HASH_SIZE];
        Store *s;

        assert_int_equal(publish(l, NOW_USEC), 1);
        late = strdup(stands("web1"));
        assert_int_equal(ledger_revision(l, revision), 0);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        s = begin_elsewhere(revision); /* as if that had been before the revocation was published */
        (void)publish(l, NOW_USEC + 2 * SECOND);
        assert_int_equal(put_late(s, "web1", late), -EAGAIN);
        assert_int_equal(grants_of("web1"), 0);
        store_free(s);
        free(late);
        ledger_free(l);
}

/* P1: the older one writes after the newer one has looked, and before it begins. */
static void what_an_older_one_writes_meanwhile_does_not_stay(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char *late, revision[LEDGER_HASH_SIZE];

        assert_int_equal(publish(l, NOW_USEC), 1);
        late = strdup(stands("web1"));
        assert_int_equal(ledger_revision(l, revision), 0);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        store_free(begin_elsewhere(revision));
        objects.slip_key = "/nhi/sets/web1";
        objects.slip_value = late;
        (void)publish(l, NOW_USEC + 2 * SECOND);
        assert_null(objects.slip_key);
        assert_int_equal(grants_of("web1"), 0);
        free(late);
        ledger_free(l);
}

/* P2, B6 */
static void a_run_that_was_killed_is_finished_by_the_next(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);
        char revision[LEDGER_HASH_SIZE];

        assert_int_equal(publish(l, NOW_USEC), 2);
        revoke_grant(l);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        assert_int_equal(ledger_revision(l, revision), 0);
        store_free(begin_elsewhere(revision)); /* and writes no set */
        assert_int_equal(grants_of("web1"), 1);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(entries(), 1);
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 0);
        ledger_free(l);
}

static void disable_owner(Ledger *l)
{
        json_t *owner = json_deep_copy(ledger_get(l, DOC_OWNER, "payments"));

        json_object_set_new(owner, "disabled", json_object());
        assert_int_equal(ledger_put(l, DOC_OWNER, "payments", owner), 0);
}

/* B1, P1 of the list: an older one gives nothing back that it named. */
static void a_list_that_was_overtaken_is_not_put_back(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char *late, revision[LEDGER_HASH_SIZE], error[LEDGER_ERROR_MAX];
        Fixture old;
        Store *s;

        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC), 1);
        late = strdup(stands(STORE_LIST));
        old = copy_of(*state);
        assert_int_equal(ledger_revision(l, revision), 0);
        s = begin_elsewhere(revision);
        disable_owner(l);
        (void)publish(l, NOW_USEC + SECOND);
        assert_int_equal(entries(), 2);
        assert_int_equal(put_late(s, STORE_LIST, late), -EAGAIN);
        ledger_free(l);
        l = fixture_open(&old, true);
        assert_int_equal(refusal(l, NOW_USEC + 2 * SECOND, error), -ESTALE);
        assert_int_equal(entries(), 2);
        store_free(s);
        free(late);
        ledger_free(l);
}

/* B4 of the list, and it is nobody else's to be overwritten. */
static void a_list_of_somebody_else_is_left_alone_and_hosts_get_their_sets(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        object_put(&objects, "/nhi/sets/" STORE_LIST, "not.a.jws", 9);
        revoke_grant(l);
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_true(report.list_failed);
        assert_false(report.list_published);
        assert_int_equal(report.n_published, 2);
        assert_string_equal(stands(STORE_LIST), "not.a.jws");
        publish_report_done(&report);
        ledger_free(l);
}

/* What another issuer signed there, or our own name with another key. */
static void put_publication(const char *issuer)
{
        SigningKey other;
        const StoreOptions o = { .key = &other, .issuer = issuer };
        char *jws = NULL;

        assert_int_equal(signing_key_generate(&other), 0);
        assert_int_equal(publication_sign(&o, "0", NULL, NULL, &jws), 0);
        object_put(&objects, "/nhi/sets/" STORE_PUBLICATION, jws, strlen(jws));
        signing_key_done(&other);
        free(jws);
}

static void a_publication_of_somebody_else_is_refused_until_it_is_named(void **state)
{
        static const char *const issuers[] = { "test:issuer", "other:issuer" };
        Ledger *l = ledger_of_hosts(*state, 1);
        char error[LEDGER_ERROR_MAX], hash[LEDGER_HASH_SIZE];
        const char *const replace[] = { hash };
        const PublishRequest request = {
                .mode = PUBLISH_ALL, .now_usec = NOW_USEC, .replace = replace, .n_replace = 1
        };
        PublishReport report;

        for (size_t i = 0; i < ELEMENTSOF(issuers); i++) {
                put_publication(issuers[i]);
                assert_int_equal(refusal(l, NOW_USEC, error), -EPERM);
                assert_non_null(strstr(error, "not signed by this key"));
                assert_null(stands("web1"));
        }
        content_hash(stands(STORE_PUBLICATION), strlen(stands(STORE_PUBLICATION)), hash);
        assert_non_null(strstr(error, "nhictl publish --replace "));
        assert_non_null(strstr(error, hash));
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        publish_report_done(&report);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        ledger_free(l);
}

static void must_be_noted(const PublishReport *report, const char *a, const char *b)
{
        const json_t *note;
        size_t i;

        json_array_foreach(report->notes, i, note) {
                if (strstr(json_string_value(note), a) && strstr(json_string_value(note), b))
                        return;
        }
        fail_msg("nothing noted of %s %s", a, b);
}

/* B4, V18: as good as none. Who is older is found out by the sets. */
static void a_publication_that_is_garbage_holds_no_revocation_up(void **state)
{
        static const char *const garbage[] = { "not.a.jws", "", "{\"iss\":\"test:issuer\"}" };
        Ledger *l = ledger_of_hosts(*state, 2);
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        Fixture old;

        assert_int_equal(publish(l, NOW_USEC), 2);
        old = copy_of(*state);
        revoke_grant(l);
        object_put(&objects, "/nhi/sets/" STORE_PUBLICATION, garbage[0], strlen(garbage[0]));
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 0);
        must_be_noted(&report, STORE_PUBLICATION, "written anew");
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(entries(), 1);
        assert_string_not_equal(stands(STORE_PUBLICATION), garbage[0]);
        ledger_free(l);

        l = fixture_open(&old, true);
        for (size_t i = 0; i < ELEMENTSOF(garbage); i++) { /* B1 */
                object_put(&objects, "/nhi/sets/" STORE_PUBLICATION, garbage[i],
                           strlen(garbage[i]));
                assert_int_equal(refusal(l, NOW_USEC + 2 * SECOND, error), -ESTALE);
                assert_string_equal(stands(STORE_PUBLICATION), garbage[i]);
        }
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

/* B4, V18: what holds a host's own set up is said with what to do, once; all others get theirs, and
 * the list names the grant for that host, too. */
static void an_object_that_is_no_set_holds_up_its_own_host_only(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 3);
        char error[LEDGER_ERROR_MAX], hash[LEDGER_HASH_SIZE], command[400];
        const char *const replace[] = { hash };
        PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND };
        PublishReport report;

        give_grant_to(l, "g-2", "web2");
        assert_int_equal(publish(l, NOW_USEC), 3);
        object_put(&objects, "/nhi/sets/web2", "garbage", 7);
        disable_owner(l);
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_failed, 1);
        assert_int_equal(json_array_size(report.notes), 1);
        content_hash("garbage", 7, hash);
        (void)snprintf(command, sizeof(command), "nhictl publish --to %s --replace %s", url, hash);
        must_be_noted(&report, "web2: ", command);
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(entries(), 1);
        assert_string_equal(stands("web2"), "garbage");

        request.replace = replace;
        request.n_replace = 1;
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        publish_report_done(&report);
        assert_int_equal(grants_of("web2"), 0);
        ledger_free(l);
}

/* B4 */
static void an_object_that_cannot_be_read_holds_up_its_own_host_only(void **state)
{
        const PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC + SECOND };
        Ledger *l = ledger_of_hosts(*state, 3);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        assert_int_equal(publish(l, NOW_USEC), 3);
        revoke_grant(l);
        objects.closed = "/nhi/sets/web2";
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 2);
        assert_int_equal(report.n_failed, 1);
        must_be_noted(&report, "web2: what stands at", "Remove it there");
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

/* B4: an HTTPS server says it in many ways; what is lasting is asked for again first. */
static void whatever_a_server_says_of_one_object_holds_up_its_own_host_only(void **state)
{
        static const unsigned statuses[] = { 500, 429, 401, 400, 301 };
        PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC };
        Ledger *l = ledger_of_hosts(*state, 3);
        char error[LEDGER_ERROR_MAX], said[32], jti[32];
        PublishReport report;

        assert_int_equal(publish(l, NOW_USEC), 3);
        objects.closed = "/nhi/sets/web2";
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++) {
                objects.closed_status = statuses[i];
                (void)snprintf(jti, sizeof(jti), "g-1%zu", i);
                give_grant_to(l, jti, "web3");
                request.now_usec += SECOND;
                if (publish_with(l, request, &report, error) < 0)
                        fail_msg("%s", error);
                assert_int_equal(report.n_published, 2);
                assert_int_equal(report.n_failed, 1);
                (void)snprintf(said, sizeof(said), "status-%u", statuses[i]);
                must_be_noted(&report, "web2: what stands at", said);
                publish_report_done(&report);
                assert_int_equal(grants_of("web3"), i + 1);
        }
        disable_owner(l);
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 2);
        publish_report_done(&report);
        assert_int_equal(grants_of("web1") + grants_of("web3"), 0);
        assert_true(entries() > 0);
        ledger_free(l);
}

/* Nothing else is read that could tell: the publication is. */
static void one_object_that_is_ill_is_no_server_that_is(void **state)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND };
        Ledger *l = ledger_of_hosts(*state, 2);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        assert_int_equal(publish(l, NOW_USEC), 2);
        give_grant_to(l, "g-2", "web2");
        objects.closed = "/nhi/sets/web2";
        objects.closed_status = 500;
        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_published, 0);
        assert_int_equal(report.n_failed, 1);
        must_be_noted(&report, "web2: what stands at", "status-500");
        publish_report_done(&report);
        objects.closed = NULL;
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 1);
        ledger_free(l);
}

/* P2: what an interrupted run wanted to empty, and that the ledger has no more. */
static void a_host_that_left_and_cannot_be_read_is_told(void **state)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND };
        Ledger *l = ledger_of_hosts(*state, 2);
        char error[LEDGER_ERROR_MAX], revision[LEDGER_HASH_SIZE];
        PublishReport report;

        assert_int_equal(publish(l, NOW_USEC), 2);
        assert_int_equal(ledger_remove(l, DOC_HOST, "web1"), 0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        assert_int_equal(ledger_revision(l, revision), 0);
        store_free(begin_elsewhere(revision));
        objects.closed = "/nhi/sets/web1";
        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_failed, 1);
        must_be_noted(&report, "web1: what stands at", "status-403");
        publish_report_done(&report);
        objects.closed = NULL;
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 1);
        assert_int_equal(grants_of("web1"), 0);
        ledger_free(l);
}

static void a_server_that_is_ill_is_not_asked_for_every_host(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 50);
        char error[LEDGER_ERROR_MAX];
        int n;

        assert_int_equal(publish(l, NOW_USEC), 50);
        objects.open = "/nhi/sets/" STORE_PUBLICATION;
        n = server.n_requests;
        assert_int_equal(refusal(l, NOW_USEC + SECOND, error), -EIO);
        assert_non_null(strstr(error, "status-500"));
        assert_true(server.n_requests - n < 150);
        objects.open = "/nothing";
        n = server.n_requests;
        assert_int_equal(refusal(l, NOW_USEC + 2 * SECOND, error), -EIO);
        assert_non_null(strstr(error, STORE_PUBLICATION));
        assert_true(server.n_requests - n < 10);
        ledger_free(l);
}

static void remove_publication(void)
{
        Object *at = object_find(&objects, "/nhi/sets/" STORE_PUBLICATION);

        free(at->value);
        *at = objects.items[--objects.n];
        sort_items(objects.items, objects.n, object_compare);
}

/* P1: no condition can rest upon it (RFC 9110 section 13.1.1). What need not be written is well. */
static void an_object_without_a_strong_etag_is_read_and_not_written(void **state)
{
        static const char *const etags[] = { "W/\"r1\"", NULL, "\xff" };
        PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC };
        Ledger *l = ledger_of_hosts(*state, 3);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        long revision;

        assert_int_equal(publish(l, NOW_USEC), 3);
        objects.tagged = "/nhi/sets/web2";
        revision = revision_of("web2");
        for (size_t i = 0; i < ELEMENTSOF(etags); i++) {
                objects.etag = etags[i];
                remove_publication();
                request.now_usec += SECOND;
                assert_int_equal(publish(l, request.now_usec), 0);
                if (publish_with(l, request, &report, error) < 0)
                        fail_msg("%s", error);
                assert_int_equal(report.n_published, 2);
                assert_int_equal(report.n_failed, 1);
                must_be_noted(&report, "web2: not published", "no strong ETag");
                must_be_noted(&report, "/nhi/sets/web2: ", "--single-publisher");
                publish_report_done(&report);
                assert_int_equal(revision_of("web2"), revision);
        }
        access_to.single_publisher = true;
        request.now_usec += SECOND;
        assert_int_equal(publish(l, request.now_usec), 1);
        assert_true(revision_of("web2") > revision);
        ledger_free(l);
}

/* A list by one root, into the ledger. */
static void name_keys(const Fixture *f, const SigningKey *root, const char *keys, int ver)
{
        _cleanup_free_ char *r = jwk_with(root, ""), *payload = NULL, *lines = NULL;
        char path[400];
        FILE *file;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"test:issuer\",\"aud\":\"*\",\"iat\":%lld,"
                             "\"ver\":%lld,%s,\"roots\":[%s],\"threshold\":1}",
                             (long long)FIXTURE_NOW, (long long)FIXTURE_NOW * 1000 + ver, keys,
                             r) > 0);
        lines = SIGNED_BY(payload, root);
        (void)snprintf(path, sizeof(path), "%s/keys.jws", f->ledger);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(lines, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void name_both_keys(const Fixture *f, const SigningKey *root, const SigningKey *other)
{
        _cleanup_free_ char *a = jwk_reaching(&key), *b = jwk_reaching(other), *keys = NULL;

        assert_true(asprintf(&keys, "\"keys\":[%s,%s]", a, b) > 0);
        name_keys(f, root, keys, 0);
}

/* The key was exchanged: publication and sets of before are ours, and are signed anew. */
static void what_another_key_of_the_list_signed_is_signed_anew(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 3);
        SigningKey root, before = key, after;

        assert_int_equal(publish(l, NOW_USEC), 3);
        assert_int_equal(signing_key_generate(&root), 0);
        assert_int_equal(signing_key_generate(&after), 0);
        name_both_keys(*state, &root, &after);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        assert_non_null(stands(STORE_KEYS));
        key = after;
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 3);
        assert_int_equal(grants_of("web1"), 1);
        assert_int_equal(grants_of("web3"), 0);
        assert_int_equal(publish(l, NOW_USEC + 3 * SECOND), 0);
        key = before;
        ledger_free(l);
}

/* Also where nobody chose it in the first run by the new key. */
static void a_host_that_left_is_emptied_whichever_key_that_signs_published_it(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 3);
        const char *const globs[] = { "web3" };
        const PublishRequest chosen = {
                .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND, .hosts = globs, .n_hosts = 1
        };
        SigningKey root, before = key, after;
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        assert_int_equal(signing_key_generate(&root), 0);
        assert_int_equal(signing_key_generate(&after), 0);
        name_both_keys(*state, &root, &after);
        assert_int_equal(publish(l, NOW_USEC), 3);
        assert_int_equal(grants_of("web1"), 1);
        assert_int_equal(ledger_remove(l, DOC_HOST, "web1"), 0);
        key = after;
        assert_int_equal(publish_with(l, chosen, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        publish_report_done(&report);
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 2);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(grants_of("web2"), 0);
        assert_int_equal(publish(l, NOW_USEC + 3 * SECOND), 0);
        key = before;
        ledger_free(l);
}

static void name_one_key(const Fixture *f, const SigningKey *root, const SigningKey *other)
{
        _cleanup_free_ char *a = jwk_with(&key, ""), *b = jwk_reaching(other), *keys = NULL;

        assert_true(asprintf(&keys, "\"keys\":[%s],\"retired\":[%s]", b, a) > 0);
        name_keys(f, root, keys, 1);
}

/* B1, V26: whoever has it may write it over and over. */
static void a_publication_by_a_retired_key_is_as_good_as_none(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);
        const PublishRequest request = { .mode = PUBLISH_CHANGED,
                                         .now_usec = NOW_USEC + 2 * SECOND };
        _cleanup_(json_decrefp) json_t *pending = json_pack("{s:b}", "web9", 1);
        SigningKey root, before = key, after;
        const StoreOptions o = { .key = &before, .issuer = "test:issuer" };
        _cleanup_free_ char *jws = NULL;
        char error[LEDGER_ERROR_MAX], revision[LEDGER_HASH_SIZE];
        PublishReport report;

        assert_int_equal(signing_key_generate(&root), 0);
        assert_int_equal(signing_key_generate(&after), 0);
        assert_int_equal(publish(l, NOW_USEC), 2);
        name_one_key(*state, &root, &after);
        key = after;
        assert_int_equal(publish(l, NOW_USEC + SECOND), 2);
        (void)snprintf(revision, sizeof(revision), "%064d", 7);
        assert_int_equal(publication_sign(&o, revision, NULL, pending, &jws), 0);
        object_put(&objects, "/nhi/sets/" STORE_PUBLICATION, jws, strlen(jws));
        revoke_grant(l);
        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 0);
        must_be_noted(&report, STORE_PUBLICATION, "written anew");
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        assert_null(stands("web9"));
        assert_string_not_equal(stands(STORE_PUBLICATION), jws);
        assert_int_equal(publish(l, NOW_USEC + 3 * SECOND), 0);
        key = before;
        ledger_free(l);
}

/* B8 */
static void a_renewal_finishes_what_was_taken_and_hurries_nothing_that_gives(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 4);
        PublishRequest request = { .mode = PUBLISH_RENEW, .now_usec = NOW_USEC + SECOND };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        unsigned n;

        assert_int_equal(publish(l, NOW_USEC), 4);
        give_grant_to(l, "g-2", "web2");
        revoke_grant(l);
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        assert_true(report.list_published);
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(grants_of("web2"), 0);
        n = objects.n_put;
        request.now_usec += SECOND;
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 0);
        publish_report_done(&report);
        assert_int_equal(objects.n_put, n);
        assert_int_equal(publish(l, NOW_USEC + 3 * SECOND), 1);
        assert_int_equal(grants_of("web2"), 1);
        ledger_free(l);
}

static void only_hosts_that_were_chosen_are_written(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 4);
        const char *const globs[] = { "*3" }, *const labels[] = { "db" };
        const PublishRequest request = { .mode = PUBLISH_CHANGED,
                                         .now_usec = NOW_USEC,
                                         .hosts = globs,
                                         .n_hosts = 1,
                                         .labels = labels,
                                         .n_labels = 1 };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        add_host(l, "db1", "db");
        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(report.n_published, 2);
        publish_report_done(&report);
        assert_non_null(stands("web3"));
        assert_non_null(stands("db1"));
        assert_null(stands("web1"));
        assert_int_equal(publish(l, NOW_USEC + SECOND), 3);
        ledger_free(l);
}

static void a_choice_of_no_host_is_said(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);
        const char *const globs[] = { "web1.mistyped" };
        const PublishRequest request = {
                .mode = PUBLISH_ALL, .now_usec = NOW_USEC, .hosts = globs, .n_hosts = 1
        };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        assert_int_equal(publish_with(l, request, &report, error), 0);
        assert_int_equal(json_array_size(report.notes), 1);
        assert_non_null(strstr(json_string_value(json_array_get(report.notes, 0)), "host list"));
        assert_int_equal(report.n_published, 0);
        publish_report_done(&report);
        ledger_free(l);
}

static void a_host_that_left_is_emptied_once(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);

        assert_int_equal(publish(l, NOW_USEC), 2);
        assert_int_equal(ledger_remove(l, DOC_HOST, "web1"), 0);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 0);
        ledger_free(l);
}

static void a_server_that_is_not_trusted_is_told_nothing(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char error[LEDGER_ERROR_MAX];

        access_to.ca_file = NULL;
        assert_int_equal(refusal(l, NOW_USEC, error), -EIO);
        assert_int_equal(server.n_requests, 0);
        ledger_free(l);
}

static void write_secret(const char *name, const char *text, char ret[static 300])
{
        FILE *f;

        (void)snprintf(ret, 300, "%s/%s", fixture->root, name);
        f = fopen(ret, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(ret, 0600), 0);
}

static void a_token_comes_from_a_file_that_is_ours(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char error[LEDGER_ERROR_MAX], token[300];

        objects.wanted = "Bearer s3cret";
        assert_int_equal(refusal(l, NOW_USEC, error), -EIO);
        assert_non_null(strstr(error, "status-401"));
        write_secret("token", "s3cret\n", token);
        access_to.token_file = token;
        assert_int_equal(publish(l, NOW_USEC), 1);
        assert_int_equal(chmod(token, 0622), 0);
        assert_int_equal(refusal(l, NOW_USEC, error), -EPERM);
        /* The issuer's key is one line in a file that is ours, too. */
        write_secret("key", "{\"crv\":\"Ed25519\",\"d\":\"hidden\"}\n", token);
        assert_int_equal(refusal(l, NOW_USEC, error), -EBADMSG);
        assert_non_null(strstr(error, "holds no token"));
        assert_null(strstr(error, "hidden"));
        assert_string_equal(objects.seen, "Bearer s3cret");
        ledger_free(l);
}

static void etcd_is_logged_in_to_with_user_and_password(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char user[300], password[300];

        objects.wanted = "granted";
        write_secret("user", "ci", user);
        write_secret("password", "s3cret", password);
        access_to.user_file = user;
        access_to.password_file = password;
        assert_int_equal(publish(l, NOW_USEC), 1);
        ledger_free(l);
}

/* A large publication outlasts the token it began with. */
static void a_token_of_etcd_that_runs_out_is_followed_by_another(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 3);
        char user[300], password[300];

        write_secret("user", "ci", user);
        write_secret("password", "s3cret", password);
        access_to.user_file = user;
        access_to.password_file = password;
        objects.token_life = 1;
        assert_int_equal(publish(l, NOW_USEC), 3);
        assert_true(objects.n_tokens >= 3);
        ledger_free(l);
}

/* P4 */
static void a_server_that_ignores_conditions_is_refused(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char error[LEDGER_ERROR_MAX];

        objects.ignores_conditions = true;
        assert_int_equal(refusal(l, NOW_USEC, error), -EOPNOTSUPP);
        assert_non_null(strstr(error, "--single-publisher"));
        assert_null(stands("web1"));
        access_to.single_publisher = true;
        assert_int_equal(publish(l, NOW_USEC), 1);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        ledger_free(l);
}

/* RFC 4918 section 9.7.1 */
static void a_directory_that_is_not_there_is_no_rival(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        char error[LEDGER_ERROR_MAX];

        objects.has_no_directory = true;
        assert_int_equal(refusal(l, NOW_USEC, error), -EAGAIN);
        assert_non_null(strstr(error, "no such directory"));
        ledger_free(l);
}

/* The same of one host's place, as of https://SERVER/{host}/set.jws. */
static void a_directory_that_one_host_lacks_holds_up_that_host_only(void **state)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC };
        Ledger *l = ledger_of_hosts(*state, 4);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        add_host(l, "db1", "db");
        add_host(l, "db2", "db");
        objects.homeless = "/nhi/sets/db";
        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_published, 4);
        assert_int_equal(report.n_failed, 2);
        must_be_noted(&report, "db1: not published", "/db1: status-409: is its directory there?");
        must_be_noted(&report, "db2: not published", "/db2: status-409: is its directory there?");
        publish_report_done(&report);
        objects.homeless = NULL;
        assert_int_equal(publish(l, NOW_USEC + SECOND), 2);
        ledger_free(l);
}

/* A cache before it gives an ETag that the server does not know any more: nobody else publishes. */
static void an_object_that_is_always_refused_holds_up_its_own_host_only(void **state)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + SECOND };
        Ledger *l = ledger_of_hosts(*state, 3);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;

        assert_int_equal(publish(l, NOW_USEC), 3);
        give_grant_to(l, "g-2", "web2");
        revoke_grant(l);
        objects.stale = "/nhi/sets/web2";
        if (publish_with(l, request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_failed, 1);
        must_be_noted(&report, "web2: not published", "/web2: status-412");
        publish_report_done(&report);
        assert_int_equal(grants_of("web1"), 0);
        assert_int_equal(entries(), 1);
        objects.stale = NULL;
        assert_int_equal(publish(l, NOW_USEC + 2 * SECOND), 1);
        ledger_free(l);
}

static void an_answer_to_a_put_needs_no_etag(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);

        objects.has_no_etag = true;
        assert_int_equal(publish(l, NOW_USEC), 2);
        revoke_grant(l);
        assert_int_equal(publish(l, NOW_USEC + SECOND), 1);
        ledger_free(l);
}

/* B6: whichever of its writes is refused because somebody was there first. */
static void a_run_that_was_overtaken_looks_again(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);

        for (unsigned i = 1; i <= 3; i++) {
                objects.n_put = 0;
                objects.refuse_put = i;
                assert_int_equal(refusal(l, NOW_USEC + i * SECOND, (char[LEDGER_ERROR_MAX]){}), 0);
                assert_true(objects.n_put > i);
                assert_int_equal(grants_of("web1"), 1);
        }
        assert_int_equal(publish(l, NOW_USEC + 9 * SECOND), 0);
        ledger_free(l);
}

static void a_member_that_repeats_itself_is_left(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 9);
        char error[LEDGER_ERROR_MAX];

        assert_int_equal(publish(l, NOW_USEC), 9);
        objects.repeats_itself = true;
        assert_int_equal(refusal(l, NOW_USEC + SECOND, error), -EIO);
        assert_non_null(strstr(error, "makes no sense"));
        ledger_free(l);
}

static void the_answers_of_a_server_are_limited_together(void **state)
{
        const ClientOptions o = {
                .access = &access_to, .answers_max = 1000, .n_tries = 2, .total_usec = 30 * SECOND
        };
        ClientRequest requests[4] = { 0 };
        size_t n_bytes = 0, n_refused = 0;
        char text[401] = "";
        Client *c = NULL;

        memset(text, 'x', 400);
        object_put(&objects, "/big", text, 400);
        assert_int_equal(client_new(&o, &c), 0);
        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                requests[i].method = "GET";
                assert_true(asprintf(&requests[i].url, "https://localhost:%d/big", server.port) >
                            0);
        }
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(client_do(c, requests, ELEMENTSOF(requests)), 0);
        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                n_bytes += requests[i].n;
                n_refused += requests[i].error && streq(requests[i].error, "too-large");
                client_request_done(&requests[i]);
        }
        assert_int_equal(n_refused, 2);
        assert_int_equal(n_bytes, 800);
        client_free(c);
}

static atomic_uint n_pipes;

static void on_pipe(int signal)
{
        n_pipes++;
}

/* The default of SIGPIPE, which would end us, is for stdout. */
static void a_server_that_hangs_up_is_no_signal(void **state)
{
        const struct sigaction action = { .sa_handler = on_pipe };
        const ClientOptions o = {
                .access = &access_to, .answers_max = 1000, .n_tries = 1, .total_usec = 600 * SECOND
        };
        _cleanup_free_ char *body = calloc(1, 40 * HTTPS_REQUEST_MAX);
        ClientRequest request = { .method = "PUT", .body = body, .size = 40 * HTTPS_REQUEST_MAX };
        struct sigaction before, now;
        Client *c = NULL;

        assert_int_equal(sigaction(SIGPIPE, &action, &before), 0);
        assert_int_equal(client_new(&o, &c), 0);
        assert_true(asprintf(&request.url, "https://localhost:%d/x", server.port) > 0);
        assert_int_equal(client_do(c, &request, 1), 0);
        assert_string_equal(request.error, "cut-short");
        client_request_done(&request);
        client_free(c);
        assert_int_equal(sigaction(SIGPIPE, &before, &now), 0);
        assert_true(now.sa_handler == on_pipe);
        assert_int_equal(n_pipes, 0);
}

static void a_server_that_is_busy_is_asked_again(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);

        objects.broken_put = 2;
        assert_int_equal(publish(l, NOW_USEC), 2);
        ledger_free(l);
}

static void a_server_that_says_when_is_asked_then(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 1);
        uint64_t began_usec;

        objects.broken_put = 2;
        objects.broken_fields = "Retry-After: 2\r\n";
        began_usec = now_monotonic_usec();
        assert_int_equal(publish(l, NOW_USEC), 1);
        assert_true(now_monotonic_usec() - began_usec >= 2 * USEC_PER_SEC);
        ledger_free(l);
}

static void sets_that_were_put_there_by_hand_are_listed_and_not_written(void **state)
{
        Ledger *l = ledger_of_hosts(*state, 2);

        assert_int_equal(publish(l, NOW_USEC), 2);
        remove_publication();
        assert_int_equal(publish(l, NOW_USEC + SECOND), 0);
        assert_non_null(stands(STORE_PUBLICATION));
        ledger_free(l);
}

static int make_identities(void **state)
{
        const IdentitySpec of_ca = { .to_sec = 3600, .common_name = "test-ca" };
        const IdentitySpec of_leaf = {
                .name = "DNS:localhost", .ca = &ca, .to_sec = 3600, .common_name = "localhost"
        };

        (void)signal(SIGPIPE, SIG_IGN);
        if (sodium_init() < 0 || signing_key_generate(&key) < 0)
                return -1;
        ca = identity_new(&of_ca);
        leaf = identity_new(&of_leaf);
        return 0;
}

static int wipe_identities(void **state)
{
        signing_key_done(&key);
        identity_done(&ca);
        identity_done(&leaf);
        return 0;
}

#define HTTPS(name)                                                                                \
        {                                                                                          \
                "https: " #name, name, world_https, world_end, NULL                                \
        }
#define ETCD(name)                                                                                 \
        {                                                                                          \
                "etcd: " #name, name, world_etcd, world_end, NULL                                  \
        }
#define BOTH(name) HTTPS(name), ETCD(name)

int main(void)
{
        const struct CMUnitTest tests[] = {
                BOTH(only_what_changed_is_written),
                BOTH(a_revocation_does_not_wait_for_renewals),
                BOTH(an_older_checkout_that_publishes_last_writes_nothing),
                BOTH(what_another_checkout_of_the_same_revision_published_stays),
                BOTH(who_was_overtaken_writes_nothing_more),
                BOTH(what_an_older_one_is_about_to_undo_is_written_anew),
                BOTH(what_an_older_one_writes_meanwhile_does_not_stay),
                BOTH(a_run_that_was_killed_is_finished_by_the_next),
                BOTH(a_list_that_was_overtaken_is_not_put_back),
                BOTH(a_list_of_somebody_else_is_left_alone_and_hosts_get_their_sets),
                BOTH(a_publication_of_somebody_else_is_refused_until_it_is_named),
                BOTH(a_publication_that_is_garbage_holds_no_revocation_up),
                BOTH(an_object_that_is_no_set_holds_up_its_own_host_only),
                HTTPS(an_object_that_cannot_be_read_holds_up_its_own_host_only),
                HTTPS(whatever_a_server_says_of_one_object_holds_up_its_own_host_only),
                HTTPS(one_object_that_is_ill_is_no_server_that_is),
                HTTPS(a_host_that_left_and_cannot_be_read_is_told),
                HTTPS(a_server_that_is_ill_is_not_asked_for_every_host),
                HTTPS(an_object_without_a_strong_etag_is_read_and_not_written),
                BOTH(what_another_key_of_the_list_signed_is_signed_anew),
                BOTH(a_host_that_left_is_emptied_whichever_key_that_signs_published_it),
                BOTH(a_publication_by_a_retired_key_is_as_good_as_none),
                BOTH(a_renewal_finishes_what_was_taken_and_hurries_nothing_that_gives),
                BOTH(only_hosts_that_were_chosen_are_written),
                BOTH(a_choice_of_no_host_is_said),
                BOTH(a_host_that_left_is_emptied_once),
                BOTH(a_server_that_is_not_trusted_is_told_nothing),
                HTTPS(a_token_comes_from_a_file_that_is_ours),
                ETCD(etcd_is_logged_in_to_with_user_and_password),
                ETCD(a_token_of_etcd_that_runs_out_is_followed_by_another),
                HTTPS(a_server_that_ignores_conditions_is_refused),
                HTTPS(a_directory_that_is_not_there_is_no_rival),
                HTTPS(a_directory_that_one_host_lacks_holds_up_that_host_only),
                HTTPS(an_object_that_is_always_refused_holds_up_its_own_host_only),
                HTTPS(an_answer_to_a_put_needs_no_etag),
                HTTPS(a_run_that_was_overtaken_looks_again),
                ETCD(a_member_that_repeats_itself_is_left),
                HTTPS(the_answers_of_a_server_are_limited_together),
                HTTPS(a_server_that_hangs_up_is_no_signal),
                HTTPS(a_server_that_is_busy_is_asked_again),
                HTTPS(a_server_that_says_when_is_asked_then),
                HTTPS(sets_that_were_put_there_by_hand_are_listed_and_not_written),
        };

        return cmocka_run_group_tests_name("publish-stores", tests, make_identities,
                                           wipe_identities);
}
