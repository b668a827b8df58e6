/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several checkouts of one ledger: B1 and B5 of nhictl/ledger/publish.h. Some are thrown away once
 * they have published, as a CI job's are. */

#include "nhictl/ledger/publish.h"
#include "nhictl/ledger/published.h"
#include "tests/unit/history-fixture.h"

#include <fcntl.h>
#include <sodium.h>

#define NOW_USEC (FIXTURE_NOW * 1000000ll)
#define SECOND   1000000ll

static SigningKey key;

static int publish_as(Ledger *l, PublishMode mode, int64_t now_usec, size_t *ret_n,
                      char error[static LEDGER_ERROR_MAX])
{
        const PublishRequest request = { .mode = mode, .now_usec = now_usec };
        PublishReport report;
        int r;

        assert_int_equal(ledger_commit(l, now_usec / 1000000, "ci@there"), 0);
        r = ledger_publish(l, &key, &request, &report, error);
        if (r < 0)
                return r;
        assert_int_equal(report.n_failed, 0);
        assert_false(report.list_failed);
        *ret_n = report.n_published;
        publish_report_done(&report);
        return 0;
}

/* The number of sets written from a checkout. */
static size_t publish(const Fixture *f, PublishMode mode, int64_t now_usec)
{
        char error[LEDGER_ERROR_MAX];
        Ledger *l = history_open(f);
        size_t n = 0;

        if (publish_as(l, mode, now_usec, &n, error) < 0)
                fail_msg("%s", error);
        ledger_free(l);
        return n;
}

static void must_be_refused(const Fixture *f, int64_t now_usec)
{
        char error[LEDGER_ERROR_MAX];
        Ledger *l = history_open(f);
        size_t n;

        assert_int_equal(publish_as(l, PUBLISH_ALL, now_usec, &n, error), -ESTALE);
        assert_non_null(strstr(error, "older copy"));
        ledger_free(l);
}

static Fixture checkout(const Fixture *f, const char *name)
{
        Fixture other = *f;
        char command[1024];

        (void)snprintf(other.ledger, sizeof(other.ledger), "%s/%s", f->root, name);
        (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", f->ledger, other.ledger);
        run_in(f->root, command);
        return other;
}

static void fill(const Fixture *f)
{
        Ledger *l = history_open(f);

        fixture_fill(l);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me@here"), 0);
        ledger_free(l);
}

static void change(const Fixture *f, HistoryAction action, const char *jti, const char *mark)
{
        Ledger *l = history_open(f);
        json_t *grant = json_deep_copy(ledger_get(l, DOC_GRANT, "g-1"));

        json_object_set_new(grant, "jti", json_string(jti));
        if (mark)
                json_object_set_new(grant, mark, json_object());
        assert_int_equal(ledger_change(l, action, DOC_GRANT, jti, grant, "CHG-43"), 0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me@here"), 0);
        ledger_free(l);
}

static json_t *payload_of(const Fixture *f, const char *object, const char *type)
{
        const Jwk *trusted = &key.public;
        char path[400], *jws = NULL, *text = NULL;
        size_t size, text_size, signer;
        json_t *payload;

        (void)snprintf(path, sizeof(path), "%s/%s.jws", f->target, object);
        assert_int_equal(document_read(AT_FDCWD, path, SET_SIZE_MAX, &jws, &size), 0);
        assert_int_equal(jws_open(jws, size, type, &trusted, 1, &signer, &text, &text_size),
                         JWS_OK);
        payload = json_loadb(text, text_size, 0, NULL);
        free(jws);
        free(text);
        return payload;
}

static size_t grants_of(const Fixture *f)
{
        json_t *payload = payload_of(f, "web1", JWS_TYP_GRANTS);
        size_t n = json_array_size(json_object_get(payload, "grants"));

        json_decref(payload);
        return n;
}

static void revision_in(const Fixture *f, const char *object, const char *type,
                        char ret[static LEDGER_HASH_SIZE])
{
        json_t *payload = payload_of(f, object, type);

        (void)snprintf(ret, LEDGER_HASH_SIZE, "%s", document_text(payload, "ledger"));
        json_decref(payload);
}

/* V18 */
static void a_thrown_away_checkout_that_published_makes_nobody_an_older_copy(void **state)
{
        const Fixture *f = *state;
        Fixture ci;

        fill(f);
        ci = checkout(f, "ci-1");
        assert_int_equal(publish(&ci, PUBLISH_CHANGED, NOW_USEC), 1);
        fixture_remove_tree(ci.ledger);

        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC + SECOND), 0);
        ci = checkout(f, "ci-2"); /* again, and for good */
        assert_int_equal(publish(&ci, PUBLISH_ALL, NOW_USEC + 2 * SECOND), 1);
        fixture_remove_tree(ci.ledger);
        change(f, HISTORY_GRANTED, "g-2", NULL);
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC + 3 * SECOND), 1);
        assert_int_equal(grants_of(f), 2);
        assert_no_problem(f);
}

static void two_checkouts_of_one_revision_publish_in_turn(void **state)
{
        const Fixture *f = *state;
        char first[LEDGER_HASH_SIZE], again[LEDGER_HASH_SIZE];
        Fixture other;

        fill(f);
        other = checkout(f, "other");
        for (int i = 0; i < 4; i++) {
                assert_int_equal(publish(i % 2 ? &other : f, PUBLISH_ALL, NOW_USEC + i * SECOND),
                                 1);
                revision_in(f, "web1", JWS_TYP_GRANTS, again);
                if (i == 0)
                        memcpy(first, again, sizeof(first));
                assert_string_equal(first, again);
        }
        assert_no_problem(f);
        assert_no_problem(&other);
}

/* B1, V18 */
static void a_thrown_away_checkout_that_revoked_still_wins(void **state)
{
        const Fixture *f = *state;
        char of_set[LEDGER_HASH_SIZE], of_list[LEDGER_HASH_SIZE];
        Fixture ci;

        fill(f);
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC), 1);
        ci = checkout(f, "ci");
        change(&ci, HISTORY_REVOKED, "g-1", "revoked");
        assert_int_equal(publish(&ci, PUBLISH_CHANGED, NOW_USEC + SECOND), 1);
        fixture_remove_tree(ci.ledger);

        must_be_refused(f, NOW_USEC + 2 * SECOND);
        change(f, HISTORY_GRANTED, "g-2", NULL); /* no change of its own helps it */
        must_be_refused(f, NOW_USEC + 3 * SECOND);
        assert_int_equal(grants_of(f), 0);
        revision_in(f, "web1", JWS_TYP_GRANTS, of_set);
        revision_in(f, "revocations", JWS_TYP_REVOCATIONS, of_list);
        assert_string_equal(of_set, of_list);
}

/* B1: the line of the revocation is below that of another publication. */
static void a_publication_behind_a_change_hides_no_change(void **state)
{
        const Fixture *f = *state;
        Fixture old, ci;

        fill(f);
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC), 1);
        old = checkout(f, "old");
        change(f, HISTORY_REVOKED, "g-1", "revoked");
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC + SECOND), 1);
        assert_int_equal(publish(f, PUBLISH_ALL, NOW_USEC + 2 * SECOND), 1);
        ci = checkout(f, "ci");
        assert_int_equal(publish(&ci, PUBLISH_ALL, NOW_USEC + 3 * SECOND), 1);
        must_be_refused(&old, NOW_USEC + 4 * SECOND);
        assert_int_equal(grants_of(f), 0);
}

/* Each published what the other did not, and their histories are merged by union: the publications
 * are two heads, which one line joins, and that line is a revision. */
static void merged_publications_are_one_new_revision(void **state)
{
        const Fixture *f = *state;
        char first[LEDGER_HASH_SIZE], joined[LEDGER_HASH_SIZE];
        Fixture other;

        fill(f);
        other = checkout(f, "other");
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC), 1);
        revision_in(f, "web1", JWS_TYP_GRANTS, first);
        fixture_remove_tree(f->target);
        fixture_make_path(f->target);
        assert_int_equal(publish(&other, PUBLISH_CHANGED, NOW_USEC + SECOND), 1);
        run_in(f->root, "tail -n 1 other/history >>ledger/history");
        run_in(f->root, "tail -n 1 other/revisions >>ledger/revisions");
        assert_int_equal(publish(f, PUBLISH_ALL, NOW_USEC + 2 * SECOND), 1);
        revision_in(f, "web1", JWS_TYP_GRANTS, joined);
        assert_string_not_equal(first, joined);
        must_be_refused(&other, NOW_USEC + 3 * SECOND);
        assert_no_problem(f);
}

static size_t notes_with(Ledger *l, const char *said)
{
        json_t *notes = ledger_notes_take(l);
        const json_t *note;
        size_t i, n = 0;

        json_array_foreach(notes, i, note)
                n += strstr(json_string_value(note), said) != NULL;
        json_decref(notes);
        return n;
}

static size_t publish_noting(const Fixture *f, int64_t now_usec)
{
        char error[LEDGER_ERROR_MAX];
        Ledger *l = history_open(f);
        size_t n, n_notes;

        if (publish_as(l, PUBLISH_CHANGED, now_usec, &n, error) < 0)
                fail_msg("%s", error);
        n_notes = notes_with(l, "commit and push");
        ledger_free(l);
        return n_notes;
}

/* What publishing itself had to record is a revision that nobody else knows. */
static void what_publishing_records_first_is_said_once_to_be_kept(void **state)
{
        const Fixture *f = *state;

        fill(f);
        assert_int_equal(publish_noting(f, NOW_USEC), 0);
        fixture_write(f, "owners/payments.json",
                      "{\"name\": \"payments\", \"disabled\": {\"by\": \"eve\"}}");
        assert_int_equal(publish_noting(f, NOW_USEC + SECOND), 1);
        assert_int_equal(publish_noting(f, NOW_USEC + 2 * SECOND), 0);
        change(f, HISTORY_GRANTED, "g-2", NULL);
        assert_int_equal(publish_noting(f, NOW_USEC + 3 * SECOND), 0);
}

/* The same documents, but the lines that one checkout had to write are its own. */
static void a_hand_edit_that_a_thrown_away_checkout_recorded_must_be_kept(void **state)
{
        const Fixture *f = *state;
        Fixture ci;

        fill(f);
        assert_int_equal(publish(f, PUBLISH_CHANGED, NOW_USEC), 1);
        fixture_write(f, "owners/payments.json", "{\"name\": \"payments\", \"contact\": \"x\"}");
        ci = checkout(f, "ci");
        assert_int_equal(publish(&ci, PUBLISH_ALL, NOW_USEC + SECOND), 1);
        must_be_refused(f, NOW_USEC + 2 * SECOND);
        run_in(f->root, "cp ci/history ci/revisions ledger");
        assert_int_equal(publish(f, PUBLISH_ALL, NOW_USEC + 3 * SECOND), 1);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_thrown_away_checkout_that_published_makes_nobody_an_older_copy),
                TEST(two_checkouts_of_one_revision_publish_in_turn),
                TEST(a_thrown_away_checkout_that_revoked_still_wins),
                TEST(a_publication_behind_a_change_hides_no_change),
                TEST(merged_publications_are_one_new_revision),
                TEST(what_publishing_records_first_is_said_once_to_be_kept),
                TEST(a_hand_edit_that_a_thrown_away_checkout_recorded_must_be_kept),
        };

        return cmocka_run_group_tests_name("publish-checkouts", tests, make_key, wipe_key);
}
