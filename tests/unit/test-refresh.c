/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises G1 to G4 of nhictl/ledger/refresh.h, over a directory, an HTTPS server and etcd. */

#include "nhictl/ledger/mint-fresh.h"
#include "nhictl/ledger/refresh.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/object-server.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>

#define NOW_USEC (FIXTURE_NOW * 1000000ll)
#define SECOND   1000000ll
#define HOUR     (3600 * SECOND)

static SigningKey key, fresh_key;
static Identity ca, leaf;
static HttpsServer server;
static Objects objects;
static bool is_directory;
static char url[400], ca_file[300], error[LEDGER_ERROR_MAX];
static StoreAccess access_to;
static Fixture *fixture;
static PublishReport report;

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
        is_directory = !before;
        if (is_directory)
                (void)snprintf(url, sizeof(url), "%s", fixture->target);
        else
                (void)snprintf(url, sizeof(url), "%s%d%s", before, server.port, after);
        access_to = (StoreAccess){ .ca_file = is_directory ? NULL : ca_file };
        return 0;
}

static int world_file(void **state)
{
        return world(state, NULL, NULL);
}

static int world_https(void **state)
{
        return world(state, "https://localhost:", "/nhi/sets/{host}");
}

static int world_etcd(void **state)
{
        return world(state, "etcd://localhost:", "");
}

static int world_end(void **state)
{
        publish_report_done(&report);
        https_stop(&server);
        objects_done(&objects);
        return fixture_teardown(state);
}

/* What stands there, malloc'ed; NULL: nothing. */
static char *stands(const char *name)
{
        char path[700], *text = NULL;
        const Object *at;
        size_t size = 0;

        if (is_directory) {
                (void)snprintf(path, sizeof(path), "%s/%s.jws", fixture->target, name);
                return document_read(AT_FDCWD, path, 1 << 20, &text, &size) < 0 ? NULL : text;
        }
        (void)snprintf(path, sizeof(path), "/nhi/sets/%s", name);
        at = object_find(&objects, path);
        return at ? strdup(at->value) : NULL;
}

static Freshness *statement_of(const char *host)
{
        char name[300];
        _cleanup_free_ char *jws = NULL;
        Freshness *f = NULL;

        (void)snprintf(name, sizeof(name), "%s" FRESHNESS_SUFFIX, host);
        jws = stands(name);
        if (jws)
                assert_int_equal(
                        mint_fresh_parse(&fresh_key, "test:issuer", host, jws, strlen(jws), &f), 0);
        return f;
}

static void hash_of(const char *host, char ret[static 65])
{
        _cleanup_free_ char *jws = stands(host);

        assert_non_null(jws);
        content_hash(jws, strlen(jws), ret);
}

static PublishRequest request_at(PublishMode mode, int64_t now_usec)
{
        return (PublishRequest){
                .mode = mode, .now_usec = now_usec, .target = url, .access = &access_to
        };
}

static void publish(Ledger *l, int64_t now_usec)
{
        const PublishRequest request = request_at(PUBLISH_CHANGED, now_usec);

        assert_int_equal(ledger_commit(l, now_usec / SECOND, "test"), 0);
        publish_report_done(&report);
        if (ledger_publish(l, &key, &request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_failed, 0);
}

/* The number of sets that were re-dated, or an error. */
static int refresh_as(Ledger *l, const SigningKey *as, PublishMode mode, int64_t now_usec)
{
        const PublishRequest request = request_at(mode, now_usec);
        int r;

        publish_report_done(&report);
        r = ledger_refresh(l, as, &key.public, &request, &report, error);
        return r < 0 ? r : (int)report.n_published;
}

static int refresh(Ledger *l, int64_t now_usec)
{
        const int r = refresh_as(l, &fresh_key, PUBLISH_CHANGED, now_usec);

        if (r < 0 && r != -ESTALE)
                fail_msg("%s", error);
        return r;
}

static void must_be_noted(const char *words)
{
        const json_t *note;
        size_t i;

        json_array_foreach(report.notes, i, note) {
                if (strstr(json_string_value(note), words))
                        return;
        }
        fail_msg("nothing noted of: %s", words);
}

static Ledger *ledger_of_hosts(size_t n)
{
        Ledger *l = fixture_open(fixture, true);
        char name[32];

        fixture_fill(l);
        for (size_t i = 2; i <= n; i++) {
                (void)snprintf(name, sizeof(name), "web%zu", i);
                assert_int_equal(ledger_put(l, DOC_HOST, name, json_pack("{s:s}", "name", name)),
                                 0);
        }
        return l;
}

static void mark(Ledger *l, DocKind kind, const char *name, const char *word)
{
        json_t *doc = json_deep_copy(ledger_get(l, kind, name));

        json_object_set_new(doc, word, json_object());
        assert_int_equal(ledger_put(l, kind, name, doc), 0);
}

/* ---- tests ---- */

static void what_did_not_change_is_redated_and_stays_as_it_is(void **state)
{
        Ledger *l = ledger_of_hosts(2);
        char before[65], after[65];
        Freshness *f;

        publish(l, NOW_USEC);
        hash_of("web1", before);
        assert_int_equal(refresh(l, NOW_USEC + HOUR), 0); /* not due */
        assert_int_equal(report.n_unchanged, 2);
        assert_null(statement_of("web1"));
        /* Its grant of half an hour has ended by itself: that is no change. */
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), 2);
        assert_int_equal(report.n_failed, 0);
        hash_of("web1", after);
        assert_string_equal(before, after);
        f = statement_of("web1");
        assert_non_null(f);
        assert_string_equal(f->set, before);
        assert_int_equal(f->iat_sec, FIXTURE_NOW + 7 * 3600);
        assert_int_equal(f->exp_sec, FIXTURE_NOW + 31 * 3600);
        freshness_free(f);
        assert_int_equal(refresh(l, NOW_USEC + 8 * HOUR), 0);
        assert_int_equal(refresh(l, NOW_USEC + 14 * HOUR), 2);
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + 14 * HOUR), 2);
        f = statement_of("web2");
        assert_int_equal(f->iat_sec, FIXTURE_NOW + 14 * 3600 + 1); /* G3 */
        freshness_free(f);
        ledger_free(l);
}

static void what_changed_is_not_redated(void **state) /* G1 G4 */
{
        Ledger *l = ledger_of_hosts(2);
        Freshness *f;

        publish(l, NOW_USEC);
        mark(l, DOC_GRANT, "g-1", "revoked");
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + SECOND), 1);
        assert_int_equal(report.n_failed, 1);
        must_be_noted("web1: not re-dated: the ledger says something else");
        assert_null(statement_of("web1"));
        f = statement_of("web2");
        assert_non_null(f);
        freshness_free(f);
        mark(l, DOC_ACCOUNT, "svc-deploy", "disabled");
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + 2 * SECOND), 0);
        assert_int_equal(report.n_failed, 2);
        /* A new set begins anew. */
        publish(l, NOW_USEC + 3 * SECOND);
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + 4 * SECOND), 2);
        ledger_free(l);
}

static void an_older_checkout_redates_nothing(void **state) /* G2 */
{
        Ledger *l = ledger_of_hosts(1);
        Fixture old = *fixture;
        char command[1024];

        publish(l, NOW_USEC);
        (void)snprintf(old.ledger, sizeof(old.ledger), "%s/old", fixture->root);
        (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", fixture->ledger, old.ledger);
        assert_int_equal(system(command), 0);
        mark(l, DOC_GRANT, "g-1", "revoked");
        publish(l, NOW_USEC + SECOND);
        ledger_free(l);
        l = fixture_open(&old, false);
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), -ESTALE);
        assert_non_null(strstr(error, "older copy"));
        assert_null(statement_of("web1"));
        ledger_free(l);
}

static void a_checkout_of_the_same_revision_redates_what_another_published(
        void **state) /* G2 V18 */
{
        Ledger *l = ledger_of_hosts(1);
        Fixture other = *fixture;
        char command[1024];

        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        (void)snprintf(other.ledger, sizeof(other.ledger), "%s/other", fixture->root);
        (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", fixture->ledger, other.ledger);
        assert_int_equal(system(command), 0);
        publish(l, NOW_USEC);
        ledger_free(l);
        l = fixture_open(&other, false);
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), 1);
        ledger_free(l);
}

/* A store that gives an older set back, or another issuer's. */
static void what_the_store_made_up_is_not_redated(void **state) /* G1 V18 */
{
        Ledger *l = ledger_of_hosts(1);
        const SigningKey own = key;
        _cleanup_free_ char *before = NULL;

        publish(l, NOW_USEC);
        before = stands("web1");
        mark(l, DOC_GRANT, "g-1", "revoked");
        publish(l, NOW_USEC + SECOND);
        if (is_directory) {
                char path[700];

                (void)snprintf(path, sizeof(path), "%s/web1.jws", fixture->target);
                assert_int_equal(unlink(path), 0);
                FILE *file = fopen(path, "we");
                assert_true(fputs(before, file) >= 0);
                assert_int_equal(fclose(file), 0);
        } else {
                object_put(&objects, "/nhi/sets/web1", before, strlen(before));
        }
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + 2 * SECOND), 0);
        must_be_noted("web1: not re-dated: the ledger says something else");
        if (is_directory) {
                assert_int_equal(signing_key_generate(&key), 0);
                assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + 3 * SECOND), 0);
                must_be_noted("is not signed by the issuer's key");
                key = own;
        }
        ledger_free(l);
}

static void what_is_too_old_is_told(void **state) /* G4 */
{
        Ledger *l = ledger_of_hosts(1);

        publish(l, NOW_USEC);
        assert_int_equal(refresh(l, NOW_USEC + 7 * 24 * HOUR - SECOND), 1);
        assert_int_equal(refresh(l, NOW_USEC + 7 * 24 * HOUR), 0);
        assert_int_equal(report.n_failed, 1);
        must_be_noted("web1: not re-dated: its set is older than fresh_max");
        ledger_free(l);
}

static void a_host_whose_document_is_torn_is_named(void **state) /* G4, L3 */
{
        Ledger *l = ledger_of_hosts(2);

        publish(l, NOW_USEC);
        ledger_free(l);
        fixture_write(fixture, "hosts/web1.json", "{");
        l = fixture_open(fixture, true);
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), 1);
        assert_int_equal(report.n_failed, 1);
        must_be_noted("web1: not re-dated: its document cannot be read");
        ledger_free(l);
}

static int sign_never(const char *text, size_t size, uint8_t ret[static JWS_SIGNATURE_SIZE],
                      void *userdata)
{
        (*(unsigned *)userdata)++;
        return -EPIPE;
}

static void a_key_that_does_not_sign_is_asked_once(void **state)
{
        Ledger *l = ledger_of_hosts(3);
        unsigned n = 0;
        const SigningKey asked = { .public = fresh_key.public, .sign = sign_never, .userdata = &n };

        publish(l, NOW_USEC);
        assert_int_equal(refresh_as(l, &asked, PUBLISH_ALL, NOW_USEC + HOUR), -EKEYREJECTED);
        assert_int_equal(n, 1);
        assert_non_null(strstr(error, "--key did not sign"));
        ledger_free(l);
}

static void a_statement_of_another_key_is_replaced(void **state)
{
        Ledger *l = ledger_of_hosts(1);
        const SigningKey own = fresh_key;
        Freshness *f;

        publish(l, NOW_USEC);
        assert_int_equal(signing_key_generate(&fresh_key), 0);
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), 1);
        fresh_key = own;
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR + SECOND), 1);
        f = statement_of("web1");
        assert_non_null(f);
        freshness_free(f);
        ledger_free(l);
}

static void only_hosts_that_were_chosen_are_redated(void **state)
{
        Ledger *l = ledger_of_hosts(3);
        const char *const globs[] = { "*3" };
        PublishRequest request = request_at(PUBLISH_ALL, NOW_USEC + SECOND);

        publish(l, NOW_USEC);
        request.hosts = globs;
        request.n_hosts = 1;
        publish_report_done(&report);
        assert_int_equal(ledger_refresh(l, &fresh_key, &key.public, &request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        assert_null(statement_of("web1"));
        ledger_free(l);
}

/* Publishing goes on beside it, and minds it not. */
static void publishing_leaves_statements_alone(void **state)
{
        Ledger *l = ledger_of_hosts(2);
        Freshness *f;

        publish(l, NOW_USEC);
        assert_int_equal(refresh_as(l, &fresh_key, PUBLISH_ALL, NOW_USEC + SECOND), 2);
        publish(l, NOW_USEC + 2 * SECOND);
        assert_int_equal(report.n_published, 0);
        f = statement_of("web2");
        assert_non_null(f);
        freshness_free(f);
        ledger_free(l);
}

/* G3: the second PUT of a run is refused since somebody was there first, or breaks. */
static void a_run_that_was_interrupted_is_finished(void **state)
{
        Ledger *l = ledger_of_hosts(3);

        publish(l, NOW_USEC);
        objects.n_put = 0;
        objects.refuse_put = 2;
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR), 1); /* what was left of the first look */
        assert_int_equal(report.n_unchanged, 2);
        assert_int_equal(refresh(l, NOW_USEC + 7 * HOUR + SECOND), 0);
        ledger_free(l);
}

static int make_identities(void **state)
{
        const IdentitySpec of_ca = { .to_sec = 3600, .common_name = "test-ca" };
        const IdentitySpec of_leaf = {
                .name = "DNS:localhost", .ca = &ca, .to_sec = 3600, .common_name = "localhost"
        };

        (void)signal(SIGPIPE, SIG_IGN);
        if (sodium_init() < 0 || signing_key_generate(&key) < 0 ||
            signing_key_generate(&fresh_key) < 0)
                return -1;
        ca = identity_new(&of_ca);
        leaf = identity_new(&of_leaf);
        return 0;
}

static int wipe_identities(void **state)
{
        signing_key_done(&key);
        signing_key_done(&fresh_key);
        identity_done(&ca);
        identity_done(&leaf);
        return 0;
}

#define IN(place, name)                                                                            \
        {                                                                                          \
#place ": " #name, name, world_##place, world_end, NULL                            \
        }
#define ALL(name) IN(file, name), IN(https, name), IN(etcd, name)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ALL(what_did_not_change_is_redated_and_stays_as_it_is),
                ALL(what_changed_is_not_redated),
                ALL(an_older_checkout_redates_nothing),
                ALL(a_checkout_of_the_same_revision_redates_what_another_published),
                ALL(what_the_store_made_up_is_not_redated),
                ALL(what_is_too_old_is_told),
                ALL(a_host_whose_document_is_torn_is_named),
                IN(file, a_key_that_does_not_sign_is_asked_once),
                ALL(a_statement_of_another_key_is_replaced),
                ALL(only_hosts_that_were_chosen_are_redated),
                ALL(publishing_leaves_statements_alone),
                IN(https, a_run_that_was_interrupted_is_finished),
        };

        return cmocka_run_group_tests_name("refresh", tests, make_identities, wipe_identities);
}
