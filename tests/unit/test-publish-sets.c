/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises B1 to B4 of nhictl/ledger/publish.h. */

#include "lib/base/file.h"
#include "nhictl/ledger/publish.h"
#include "nhictl/ledger/published.h"
#include "tests/unit/history-fixture.h"

#include <fcntl.h>
#include <sodium.h>

static SigningKey key;

static int publish_at(Ledger *l, const PublishRequest *request, PublishReport *report,
                      char error[static LEDGER_ERROR_MAX])
{
        return ledger_publish(l, &key, request, report, error);
}

/* Commit and publish at a time; the number of sets written. */
static size_t publish(Ledger *l, PublishMode mode, int64_t now_usec)
{
        const PublishRequest request = { .mode = mode, .now_usec = now_usec };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        size_t n;

        assert_int_equal(ledger_commit(l, now_usec / 1000000, "test"), 0);
        if (publish_at(l, &request, &report, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(report.n_failed, 0);
        n = report.n_published;
        publish_report_done(&report);
        return n;
}

static char *read_text(const Fixture *f, const char *host, size_t *ret_size)
{
        char path[400], *jws = NULL;

        (void)snprintf(path, sizeof(path), "%s/%s.jws", f->target, host);
        assert_int_equal(document_read(AT_FDCWD, path, SET_SIZE_MAX, &jws, ret_size), 0);
        return jws;
}

static Published read_set(const Fixture *f, const Ledger *l, const char *host)
{
        size_t size = 0;
        _cleanup_free_ char *jws = read_text(f, host, &size);
        Published p;

        assert_int_equal(published_parse(jws, size, l->settings.issuer, &key, NULL, host, &p), 0);
        return p;
}

static int64_t version_of(const Fixture *f, const Ledger *l, const char *host)
{
        return read_set(f, l, host).ver;
}

/* The set that stands there, with other numbers. */
static void put_numbers(const Fixture *f, const char *host, int64_t ver, int64_t iat_sec,
                        int64_t exp_sec)
{
        char path[400], *signed_anew = NULL;
        size_t size = 0;
        _cleanup_free_ char *jws = read_text(f, host, &size), *text = NULL;
        json_t *payload = document_unverified(jws, size, JWS_TYP_GRANTS);

        assert_non_null(payload);
        (void)json_object_set_new(payload, "ver", json_integer(ver));
        (void)json_object_set_new(payload, "iat", json_integer(iat_sec));
        (void)json_object_set_new(payload, "exp", json_integer(exp_sec));
        text = json_dumps(payload, JSON_COMPACT);
        json_decref(payload);
        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, text, strlen(text), &signed_anew), 0);
        (void)snprintf(path, sizeof(path), "%s/%s.jws", f->target, host);
        assert_int_equal(file_replace(path, signed_anew, strlen(signed_anew), 0644, geteuid(),
                                      getegid(), false),
                         0);
        free(signed_anew);
}

static size_t grants_of(const Fixture *f, const Ledger *l, const char *host)
{
        const Jwk *trusted = &key.public;
        _cleanup_free_ char *jws = NULL, *text = NULL;
        size_t size = 0, text_size = 0, signer, n;
        json_t *payload;

        jws = read_text(f, host, &size);
        assert_true(read_set(f, l, host).ours);
        assert_int_equal(
                jws_open(jws, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &text, &text_size),
                JWS_OK);
        payload = json_loadb(text, text_size, 0, NULL);
        n = json_array_size(json_object_get(payload, "grants"));
        json_decref(payload);
        return n;
}

#define NOW_USEC (FIXTURE_NOW * 1000000ll)
#define HOUR     3600000000ll

static void a_set_is_written_once_and_again_when_it_changes(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        struct stat st;
        char path[400];
        json_t *grant;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        (void)snprintf(path, sizeof(path), "%s/web1.jws", f->target);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(version_of(f, l, "web1"), FIXTURE_NOW * 1000ll);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 0);
        assert_int_equal(version_of(f, l, "web1"), FIXTURE_NOW * 1000ll);

        grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", grant), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 2000000), 1);
        assert_int_equal(grants_of(f, l, "web1"), 0);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC + 3000000), 1);
        ledger_free(l);
}

static void renewal_begins_behind_a_quarter_of_the_lifetime(void **state)
{
        Ledger *l = fixture_open(*state, true);

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 6 * HOUR), 0);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 6 * HOUR + 1000000), 1);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 7 * HOUR), 0);
        ledger_free(l);
}

static json_t *grant_document(const Ledger *l, const char *jti)
{
        json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));

        json_object_set_new(grant, "jti", json_string(jti));
        return grant;
}

/* B8 */
static void a_renewal_finishes_what_was_taken_and_hurries_nothing_that_gives(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        json_t *grant;

        fixture_fill(l);
        assert_int_equal(
                ledger_put(l, DOC_HOST, "web2", json_pack("{s:s, s:[]}", "name", "web2", "labels")),
                0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 2);
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-2", grant_document(l, "g-2")), 0);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 1000000), 0);
        assert_int_equal(grants_of(f, l, "web1"), 1);

        grant = grant_document(l, "g-1");
        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", grant), 0);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 2000000), 1);
        assert_int_equal(grants_of(f, l, "web1"), 1); /* g-2 */
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 3000000), 0);

        assert_int_equal(ledger_remove(l, DOC_HOST, "web1"), 0);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 4000000), 1);
        assert_int_equal(grants_of(f, l, "web1"), 0);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 5000000), 0);
        ledger_free(l);
}

/* B8: what ended by itself is no news. */
static void a_grant_that_ended_is_not_taken(void **state)
{
        Ledger *l = fixture_open(*state, true);

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + HOUR), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + HOUR), 1);
        ledger_free(l);
}

/* B2. One that no host takes, and that no number is above; whoever signed it had the key. */
static void a_version_and_times_that_are_none_are_succeeded(void **state)
{
        static const int64_t numbers[] = { INT64_MIN, -1, INT64_MAX };
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        int64_t now_usec = NOW_USEC;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, now_usec), 1);
        for (size_t i = 0; i < ELEMENTSOF(numbers) * ELEMENTSOF(numbers); i++) {
                put_numbers(f, "web1", numbers[i % 3], numbers[i / 3], numbers[(i + 1) % 3]);
                now_usec += HOUR;
                assert_int_equal(publish(l, PUBLISH_RENEW, now_usec), 1);
                assert_int_equal(version_of(f, l, "web1"), now_usec / 1000);
        }
        put_numbers(f, "web1", 5, -1, TIME_SEC_MAX); /* a life of millennia */
        assert_int_equal(publish(l, PUBLISH_RENEW, now_usec + HOUR), 1);
        ledger_free(l);
}

/* B1 */
static void an_older_checkout_that_publishes_last_is_refused(void **state)
{
        const Fixture *f = *state;
        const PublishRequest late = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC + HOUR };
        Fixture old = *f;
        char command[1024], error[LEDGER_ERROR_MAX];
        Published p;
        PublishReport report;
        PublishRequest forced;
        Ledger *l = fixture_open(f, true);
        json_t *grant;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        (void)snprintf(old.ledger, sizeof(old.ledger), "%s/old", f->root);
        (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", f->ledger, old.ledger);
        assert_int_equal(system(command), 0);
        grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", grant), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 1);
        ledger_free(l);

        l = fixture_open(&old, true);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "old"), 0);
        assert_int_equal(publish_at(l, &late, &report, error), -ESTALE);
        assert_non_null(strstr(error, "older copy"));
        assert_int_equal(grants_of(f, l, "web1"), 0);

        /* A restored backup is published deliberately, by naming what it overwrites; ver rises. B2
         */
        p = read_set(f, l, "web1");
        forced = late;
        forced.replace = (const char *const[]){ p.revision };
        forced.n_replace = 1;
        forced.now_usec = NOW_USEC; /* and the clock is behind, too */
        assert_int_equal(publish_at(l, &forced, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        publish_report_done(&report);
        assert_true(version_of(f, l, "web1") > p.ver);
        assert_int_equal(grants_of(f, l, "web1"), 1);
        ledger_free(l);
}

/* Both sides' lines are kept by git's union merge: the merged ledger may publish. */
static void a_merged_checkout_may_publish(void **state)
{
        const Fixture *f = *state;
        char hash[LEDGER_HASH_SIZE], path[400];
        Ledger *l = fixture_open(f, true);
        FILE *file;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        assert_int_equal(ledger_revision(l, hash), 0);
        ledger_free(l);
        (void)snprintf(path, sizeof(path), "%s/revisions", f->ledger);
        file = fopen(path, "we");
        assert_non_null(file);
        fprintf(file, "%064d 2026-11-21T22:00:00Z other@side\n%s 2026-11-21T22:00:00Z me@here\n", 7,
                hash);
        assert_int_equal(fclose(file), 0);
        l = fixture_open(f, true);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC + 1000000), 1);
        ledger_free(l);
}

/* B2 */
static void the_version_rises_whatever_the_clock_does(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC), 1);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC), 1);
        assert_int_equal(version_of(f, l, "web1"), FIXTURE_NOW * 1000ll + 1);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC - 10 * HOUR), 1);
        assert_int_equal(version_of(f, l, "web1"), FIXTURE_NOW * 1000ll + 2);
        ledger_free(l);
}

/* B4 */
static void a_set_of_another_key_is_kept_and_the_others_are_published(void **state)
{
        const Fixture *f = *state;
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC };
        char error[LEDGER_ERROR_MAX], path[400];
        Ledger *l = fixture_open(f, true);
        PublishReport report;
        FILE *file;

        fixture_fill(l);
        assert_int_equal(
                ledger_put(l, DOC_HOST, "web2", json_pack("{s:s, s:[]}", "name", "web2", "labels")),
                0);
        (void)snprintf(path, sizeof(path), "%s/web2.jws", f->target);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs("somebody else's", file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        assert_int_equal(publish_at(l, &request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 1);
        assert_true(json_array_size(report.notes) >= 1);
        publish_report_done(&report);
        assert_int_equal(grants_of(f, l, "web1"), 1);
        ledger_free(l);
}

/* B4: nothing of it can be named, so it is to be removed. */
static void what_cannot_be_read_keeps_its_own_host_waiting_only(void **state)
{
        static const char *const ways[] = { "mkdir web2.jws", "ln -s /etc/passwd web2.jws",
                                            "truncate -s 1025M web2.jws", "mkfifo web2.jws" };
        const Fixture *f = *state;
        PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC };
        char error[LEDGER_ERROR_MAX];
        Ledger *l = fixture_open(f, true);
        PublishReport report;

        fixture_fill(l);
        assert_int_equal(
                ledger_put(l, DOC_HOST, "web2", json_pack("{s:s, s:[]}", "name", "web2", "labels")),
                0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                run_in(f->target, "rm -rf web2.jws");
                run_in(f->target, ways[i]);
                assert_int_equal(publish_at(l, &request, &report, error), 0);
                assert_int_equal(report.n_published, 1);
                assert_int_equal(report.n_failed, 1);
                assert_int_equal(json_array_size(report.notes), 1);
                assert_non_null(strstr(json_string_value(json_array_get(report.notes, 0)),
                                       "Remove it there, then: nhictl publish"));
                publish_report_done(&report);
        }
        run_in(f->target, "rm -rf web2.jws");
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 1);
        ledger_free(l);
}

/* Signs the first two. */
static int sign_some(const char *text, size_t size, uint8_t ret[static JWS_SIGNATURE_SIZE],
                     void *userdata)
{
        unsigned *n = userdata;

        if ((*n)++ >= 2)
                return -ETIMEDOUT;
        return crypto_sign_detached(ret, NULL, (const uint8_t *)text, size, key.secret);
}

/* A token that nobody touches holds the ledger for a minute, and not for a minute a host. */
static void a_key_that_does_not_sign_is_asked_once(void **state)
{
        const Fixture *f = *state;
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC };
        unsigned n = 0;
        const SigningKey asked = { .public = key.public, .sign = sign_some, .userdata = &n };
        char error[LEDGER_ERROR_MAX], name[32];
        Ledger *l = fixture_open(f, true);
        PublishReport report;

        fixture_fill(l);
        for (int i = 2; i <= 6; i++) {
                (void)snprintf(name, sizeof(name), "web%d", i);
                assert_int_equal(ledger_put(l, DOC_HOST, name,
                                            json_pack("{s:s, s:[]}", "name", name, "labels")),
                                 0);
        }
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        assert_int_equal(ledger_publish(l, &asked, &request, &report, error), -EKEYREJECTED);
        assert_int_equal(n, 3);
        assert_non_null(strstr(error, "web3: --key did not sign"));
        assert_int_equal(grants_of(f, l, "web1"), 1);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 4);
        ledger_free(l);
}

static void the_set_of_a_host_that_left_is_emptied_once(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        assert_int_equal(ledger_remove(l, DOC_HOST, "web1"), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 1);
        assert_int_equal(grants_of(f, l, "web1"), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 2000000), 0);
        ledger_free(l);
}

/* L3, B4: what was revoked meanwhile is still granted there, so that is a failure of its own. */
static void a_host_whose_document_is_torn_keeps_its_set_and_is_named(void **state)
{
        const Fixture *f = *state;
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = NOW_USEC + 1000000 };
        Ledger *l = fixture_open(f, true);
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        json_t *grant;

        fixture_fill(l);
        assert_int_equal(
                ledger_put(l, DOC_HOST, "web2", json_pack("{s:s, s:[]}", "name", "web2", "labels")),
                0);
        grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(grant, "hosts", json_pack("[s, s]", "web1", "web2"));
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", json_deep_copy(grant)), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 2);
        ledger_free(l);

        fixture_write(f, "hosts/web1.json", "<<<<<<< HEAD");
        l = fixture_open(f, true);
        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", grant), 0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test"), 0);
        assert_int_equal(publish_at(l, &request, &report, error), 0);
        assert_int_equal(report.n_published, 1);
        assert_int_equal(report.n_failed, 1);
        assert_int_equal(json_array_size(report.notes), 1);
        assert_non_null(strstr(json_string_value(json_array_get(report.notes, 0)),
                               "web1: hosts/web1.json cannot be read: its set stays"));
        publish_report_done(&report);
        assert_int_equal(grants_of(f, l, "web1"), 1);
        assert_int_equal(grants_of(f, l, "web2"), 0);
        ledger_free(l);
}

static void a_target_of_everybody_is_refused(void **state)
{
        const Fixture *f = *state;
        const PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC };
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        Ledger *l = fixture_open(f, true);

        assert_int_equal(chmod(f->target, 0777), 0);
        assert_int_equal(publish_at(l, &request, &report, error), -EPERM);
        assert_int_equal(rmdir(f->target), 0);
        assert_int_equal(publish_at(l, &request, &report, error), -ENOENT);
        assert_non_null(strstr(error, f->target));
        ledger_free(l);
}

static int make_key(void **state)
{
        return sodium_init() < 0 ? -1 : signing_key_generate(&key);
}

static int wipe_key(void **state)
{
        signing_key_done(&key);
        return 0;
}

/* Lines of history with this action. */
static size_t lines_with(const Fixture *f, const char *action)
{
        json_t *lines = history_lines(f);
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(lines); i++)
                n += streq(line_text(lines, i, "action"), action);
        json_decref(lines);
        return n;
}

/* B5 */
static void a_set_names_the_line_that_its_publication_follows_and_a_renewal_is_no_news(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        size_t n;
        json_t *lines;
        Published p;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        p = read_set(f, l, "web1");
        assert_true(ledger_knows(l, p.revision));
        assert_true(ledger_knows(l, l->history->lines[l->history->n_lines - 1].hash));
        ledger_free(l); /* a reader would wait for the writer */
        lines = history_lines(f);
        n = json_array_size(lines);
        assert_line(lines, n - 1, "published", NULL, NULL);
        assert_string_equal(line_text(lines, n - 1, "to"), f->target);
        assert_string_equal(line_link(lines, n - 1, "hosts"), "web1");
        assert_string_equal(line_link(lines, n - 1, "prev"), p.revision);
        assert_line(lines, n - 2, "adopted", NULL, NULL);
        json_decref(lines);

        l = fixture_open(f, true); /* the grant has ended: that is news */
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 7 * HOUR), 1);
        assert_int_equal(publish(l, PUBLISH_RENEW, NOW_USEC + 14 * HOUR), 1);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC + 15 * HOUR), 1);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 15 * HOUR), 0);
        ledger_free(l);
        assert_int_equal(lines_with(f, "published"), 2);
}

static void check_sets(const Fixture *f, const char *said)
{
        const HistoryWitness w = { .sets_dir = f->target };
        json_t *problems = history_problems(f, &w);

        if (said)
                assert_problem_in(problems, said);
        else if (json_array_size(problems) > 0)
                fail_msg("%s", json_string_value(json_array_get(problems, 0)));
        json_decref(problems);
}

/* A ledger that published after g-2 was granted. */
static void publish_two_grants(const Fixture *f)
{
        Ledger *l = history_open(f);
        json_t *grant;

        fixture_fill(l);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC), 1);
        grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));
        json_object_set_new(grant, "jti", json_string("g-2"));
        assert_int_equal(ledger_change(l, HISTORY_GRANTED, DOC_GRANT, "g-2", grant, "CHG-43"), 0);
        assert_int_equal(publish(l, PUBLISH_CHANGED, NOW_USEC + 1000000), 1);
        ledger_free(l);
}

/* Takes the grant, its line and that of its publication out, and what revisions says of them. */
#define CUT_GRANT                                                                                  \
        "rm grants/g-2.json; for i in 1 2; do sed -i '$d' history; sed -i '$d' revisions; done"

/* L7, U02, U03: with revisions cut or taken away as well. */
static void a_published_set_shows_a_history_that_was_cut_rewritten_or_begun_anew(void **state)
{
        const Fixture *f = *state;
        Ledger *l;

        publish_two_grants(f);
        check_sets(f, NULL);
        run_in(f->ledger, "cp history revisions grants/g-2.json ..; " CUT_GRANT);
        assert_no_problem(f); /* of itself it knows nothing */
        check_sets(f, "web1.jws: was published from line");
        run_in(f->ledger, "cp ../history . && cp ../g-2.json grants && rm revisions");
        check_sets(f, NULL);
        run_in(f->ledger, "rm history");
        check_sets(f, "web1.jws: was published from line");
        l = history_open(f);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + 60, "eve@here"), 0);
        ledger_free(l);
        assert_no_problem(f);
        check_sets(f, "web1.jws: was published from line");
}

/* Revisions are nobody's word: what is said there to be older than the history is held against the
 * set's own time. */
static void revisions_that_were_made_to_look_old_hide_nothing(void **state)
{
        const Fixture *f = *state;

        publish_two_grants(f);
        run_in(f->ledger,
               "cp revisions ..; " CUT_GRANT "; sed 's/ head / /' ../revisions >revisions");
        assert_no_problem(f);
        check_sets(f, "web1.jws: was published from line");
}

/* A set from before the history began names a revision of another kind. */
static void a_set_that_is_older_than_the_history_is_no_alarm(void **state)
{
        const Fixture *f = *state;
        PublishRequest request = { .mode = PUBLISH_ALL, .now_usec = NOW_USEC };
        char error[LEDGER_ERROR_MAX], command[400];
        Ledger *l = fixture_open(f, true);
        PublishReport report;
        Published p;

        fixture_fill(l);
        l->history_error = -EIO; /* as if there were none */
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        assert_int_equal(publish_at(l, &request, &report, error), 0);
        assert_int_equal(report.n_published, 1); /* L4: denying must always work */
        publish_report_done(&report);
        p = read_set(f, l, "web1");
        (void)snprintf(command, sizeof(command), "grep -qx '%s 2026-11-21T22:00:00Z me' revisions",
                       p.revision);
        run_in(f->ledger, command);
        ledger_free(l);

        l = history_open(f);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + 60, "me"), 0);
        ledger_free(l);
        check_sets(f, NULL);
        l = history_open(f);
        assert_int_equal(publish(l, PUBLISH_ALL, NOW_USEC + HOUR), 1);
        ledger_free(l);
        check_sets(f, NULL);
}

#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                LEDGER_TEST(a_set_is_written_once_and_again_when_it_changes),
                LEDGER_TEST(renewal_begins_behind_a_quarter_of_the_lifetime),
                LEDGER_TEST(a_renewal_finishes_what_was_taken_and_hurries_nothing_that_gives),
                LEDGER_TEST(a_grant_that_ended_is_not_taken),
                LEDGER_TEST(a_version_and_times_that_are_none_are_succeeded),
                LEDGER_TEST(an_older_checkout_that_publishes_last_is_refused),
                LEDGER_TEST(a_merged_checkout_may_publish),
                LEDGER_TEST(the_version_rises_whatever_the_clock_does),
                LEDGER_TEST(a_set_of_another_key_is_kept_and_the_others_are_published),
                LEDGER_TEST(what_cannot_be_read_keeps_its_own_host_waiting_only),
                LEDGER_TEST(a_key_that_does_not_sign_is_asked_once),
                LEDGER_TEST(the_set_of_a_host_that_left_is_emptied_once),
                LEDGER_TEST(a_host_whose_document_is_torn_keeps_its_set_and_is_named),
                LEDGER_TEST(a_target_of_everybody_is_refused),
                LEDGER_TEST(
                        a_set_names_the_line_that_its_publication_follows_and_a_renewal_is_no_news),
                LEDGER_TEST(a_published_set_shows_a_history_that_was_cut_rewritten_or_begun_anew),
                LEDGER_TEST(revisions_that_were_made_to_look_old_hide_nothing),
                LEDGER_TEST(a_set_that_is_older_than_the_history_is_no_alarm),
        };

        return cmocka_run_group_tests(tests, make_key, wipe_key);
}
