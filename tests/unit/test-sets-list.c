/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revocation lists on their way into force, beside the sets. */

#include "tests/unit/two-issuers.h"

#include "lib/snapshot/reader.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"

#include <stdatomic.h>

#define THE_ACCOUNT "{\"kind\":\"account\",\"name\":\"svc-deploy\",\"reason\":\"stolen\"}"

static atomic_bool disk_fails;

static int fail_disk(const char *thread)
{
        return disk_fails && streq(thread, "nhi-disk") ? -ENOSPC : 0;
}

static int setup(void **state)
{
        int r = fixture_setup(state);

        disk_fails = false;
        writer_inject = fail_disk;
        fixture_load(*state);
        fixture_deploy(*state, "g-1", 0);
        return r;
}

static int teardown(void **state)
{
        writer_inject = NULL;
        return fixture_teardown(state);
}

static Decision ask(const Fixture *f)
{
        const AccessRequest request = { .kind = REQUEST_ACCOUNT,
                                        .account = "svc-deploy",
                                        .uid = 70001,
                                        .class = "ssh",
                                        .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &request, agent_now(f->agent));
}

static void must_allow(const Fixture *f)
{
        const Decision d = ask(f);

        if (d.verdict != VERDICT_ALLOW)
                fail_msg("%s", reason_token(d.reason));
}

static void must_deny(const Fixture *f, Reason reason)
{
        const Decision d = ask(f);

        assert_int_equal(d.verdict, VERDICT_DENY);
        assert_string_equal(reason_token(d.reason), reason_token(reason));
}

static void offer(Fixture *f, char *jws, const char *answer)
{
        fixture_offer(f, jws);
        if (strncmp(f->line, answer, strlen(answer)) != 0)
                fail_msg("%s, expected %s", f->line, answer);
        fixture_settle(f);
}

static char *archive_of(const Fixture *f)
{
        char *path = NULL;

        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws", f->agent->issuers[0].list_floor.hash) >
                    0);
        return path;
}

static void what_a_list_names_is_over_though_its_set_grants_it(void **state)
{
        Fixture *f = *state;
        char detail[256];

        must_allow(f);
        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        must_deny(f, REASON_REVOKED);
        assert_non_null(agent_grant(f->agent, "g-1"));
        assert_int_equal(f->agent->n_active, 0);
        agent_lists_explain(f->agent, agent_grant(f->agent, "g-1"), detail, sizeof(detail));
        assert_non_null(strstr(detail,
                               "account svc-deploy: stolen; the revocation list of " FIXTURE_ISSUER
                               ", version "));
        /* No set brings it back. */
        fixture_deploy(f, "g-1", 5);
        must_deny(f, REASON_REVOKED);
        fixture_deploy(f, "g-2", 6);
        must_deny(f, REASON_REVOKED);
}

static void a_newer_list_gives_back_what_it_does_not_name(void **state)
{
        Fixture *f = *state;

        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        must_deny(f, REASON_REVOKED);
        offer(f, fixture_list(f, 2, ""), "accepted ");
        must_allow(f);
        fixture_settle(f);
        assert_int_equal(f->agent->n_active, 1);
}

static void a_list_allows_nothing(void **state) /* R1 */
{
        Fixture *f = *state;

        offer(f, fixture_set(f, 1, "", ""), "accepted ");
        offer(f, fixture_list(f, 2, ""), "accepted ");
        must_deny(f, REASON_NO_GRANT);
}

static void a_list_that_is_refused_leaves_the_one_before(void **state)
{
        Fixture *f = *state;
        SigningKey own = f->key;
        _cleanup_free_ char *list = fixture_list(f, 3, THE_ACCOUNT);

        offer(f, strdup(list), "accepted ");
        offer(f, strdup(list), "unchanged ");
        offer(f, fixture_list(f, 2, ""), "refused version-floor ");
        assert_string_equal(f->agent->issuers[0].list_refused.code, "version-floor");
        offer(f, fixture_list(f, 3, ""), "refused equivocation ");
        offer(f, fixture_list(f, 120000, ""), "refused ahead ");
        assert_int_equal(signing_key_generate(&f->key), 0);
        offer(f, fixture_list(f, 4, ""), "refused key ");
        f->key = own;
        must_deny(f, REASON_REVOKED);
        fixture_restart(f);
        offer(f, fixture_list(f, 2, ""), "refused version-floor ");
        must_deny(f, REASON_REVOKED);
}

static void a_list_is_verified_again_at_start(void **state)
{
        Fixture *f = *state;
        char error[STATE_ERROR_MAX];
        State *saved = NULL;

        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        assert_int_equal(state_load(PATH_STATE_FILE, &saved, error), 0);
        assert_string_equal(state_list_floor(saved, FIXTURE_ISSUER)->hash,
                            f->agent->issuers[0].list->hash);
        assert_non_null(state_floor(saved, FIXTURE_ISSUER));
        state_free(saved);
        fixture_restart(f);
        assert_non_null(f->agent->issuers[0].list);
        assert_true(f->agent->issuers[0].list->is_trusted);
        must_deny(f, REASON_REVOKED);
        offer(f, fixture_list(f, 2, ""), "accepted ");
        fixture_restart(f);
        must_allow(f);
}

static void a_list_may_come_before_every_set(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        assert_int_equal(root_remove(PATH_STATE_DIR, false), 0);
        fixture_dirs();
        fixture_agent(f);
        fixture_load(f);
        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        fixture_restart(f);
        must_deny(f, REASON_NO_SET);
        fixture_deploy(f, "g-1", 0);
        must_deny(f, REASON_REVOKED);
}

static void what_a_list_takes_is_over_though_the_disk_fails(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *list = fixture_list(f, 1, THE_ACCOUNT);

        disk_fails = true;
        offer(f, strdup(list), "refused not-saved ");
        must_deny(f, REASON_REVOKED);
        assert_null(state_list_floor(f->agent->state, FIXTURE_ISSUER));
        /* None from before it takes its place, nor another of its version. */
        offer(f, fixture_list(f, 0, ""), "refused version-floor ");
        offer(f, fixture_list(f, 1, ""), "refused equivocation ");
        must_deny(f, REASON_REVOKED);
        disk_fails = false;
        /* Offered again, it is saved. */
        offer(f, strdup(list), "accepted ");
        offer(f, strdup(list), "unchanged ");
        fixture_restart(f);
        must_deny(f, REASON_REVOKED);
}

static bool is_saved(void *userdata)
{
        const IssuerState *s = &((Fixture *)userdata)->agent->issuers[0];

        return streq(s->list->hash, s->list_floor.hash);
}

/* Nobody brings it again. */
static void a_list_is_saved_as_soon_as_the_disk_takes_it(void **state) /* R4 */
{
        Fixture *f = *state;

        disk_fails = true;
        offer(f, fixture_list(f, 1, THE_ACCOUNT), "refused not-saved ");
        disk_fails = false;
        assert_false(is_saved(f));
        assert_true(sd_event_source_set_time(f->agent->sets->retry, 0) >= 0);
        assert_true(fixture_until(f, is_saved, f));
        fixture_settle(f);
        assert_string_equal(f->agent->issuers[0].list_refused.code, "");
        fixture_restart(f);
        must_deny(f, REASON_REVOKED);
}

static void without_its_archive_nothing_that_it_may_name_is_allowed(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *list = fixture_list(f, 1, ""), *path = NULL;

        offer(f, strdup(list), "accepted ");
        must_allow(f);
        path = archive_of(f);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        assert_true(f->agent->issuers[0].list_is_lost);
        assert_string_equal(f->agent->issuers[0].list_refused.code, "archive");
        must_deny(f, REASON_NO_SET);
        /* An older one does not do. */
        offer(f, fixture_list(f, 0, ""), "refused version-floor ");
        must_deny(f, REASON_NO_SET);
        offer(f, strdup(list), "accepted ");
        must_allow(f);
        fixture_restart(f);
        must_allow(f);
}

static void an_archive_that_was_tampered_with_is_lost(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *path = NULL, *other = fixture_list(f, 2, "");

        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        path = archive_of(f);
        assert_int_equal(
                file_replace(path, other, strlen(other), 0600, geteuid(), getegid(), false), 0);
        fixture_restart(f);
        must_deny(f, REASON_NO_SET);
        assert_int_equal(f->agent->n_active, 0);
        offer(f, strdup(other), "accepted ");
        must_allow(f);
}

/* ---- keys that are named ----------------------------------------------------------------------
 */

static char *names_key(const SigningKey *key, const char *more)
{
        char *entry = NULL;

        assert_true(asprintf(&entry, "{\"kind\":\"key\",\"name\":\"%s\"%s}", key->public.kid,
                             more) > 0);
        return entry;
}

static void write_key(const char *path, const SigningKey *key)
{
        char *jwk = NULL;

        assert_int_equal(jwk_format(&key->public, &jwk), 0);
        fixture_write(path, jwk);
        free(jwk);
}

static void reload(Fixture *f, size_t n_issuers)
{
        const Config *before = f->agent->config;

        assert_int_equal(agent_reload(f->agent), 0);
        for (int i = 0; i < 1000 && f->agent->config == before; i++)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_true(f->agent->config != before);
        assert_int_equal(f->agent->config->n_issuers, n_issuers);
        fixture_settle(f);
}

#define SECOND_KEY PATH_TRUST_DIR "/second.jwk"

/* The issuer has a key beside its own, for everything. */
static void trust_second(Fixture *f, SigningKey *second)
{
        assert_int_equal(signing_key_generate(second), 0);
        write_key(SECOND_KEY, second);
        fixture_write(
                PATH_CONF_DIR "/10-second.conf",
                "issuers = ( { issuer = \"" FIXTURE_ISSUER "\"; keys = ( { file = \"" SECOND_KEY
                "\"; reach: { sign = [ \"accounts\", \"grants\", \"revocations\" ];\n"
                "  accounts = [ \"*\" ]; services = [ \"*\" ]; lifetime_max = \"24h\"; }; } ); "
                "} );\n");
        reload(f, 1);
}

static char *list_by(Fixture *f, const SigningKey *key, int64_t ver_offset, const char *entries)
{
        const SigningKey own = f->key;
        char *list;

        f->key = *key;
        list = fixture_list(f, ver_offset, entries);
        f->key = own;
        return list;
}

static void a_key_that_a_list_names_signs_nothing_more(void **state) /* R6 V26 V38 */
{
        Fixture *f = *state;
        _cleanup_free_ char *entry = names_key(&f->key, "");
        SigningKey second;

        trust_second(f, &second);
        offer(f, list_by(f, &second, 1, entry), "accepted ");
        must_deny(f, REASON_REVOKED);
        offer(f, fixture_set(f, 9, "", ""), "refused key-revoked ");
        offer(f, fixture_list(f, 2, ""), "refused key-revoked ");
        assert_string_equal(f->agent->issuers[0].list_refused.code, "key-revoked");
        must_deny(f, REASON_REVOKED);
        fixture_restart(f);
        must_deny(f, REASON_REVOKED);
        offer(f, fixture_list(f, 2, ""), "refused key-revoked ");
        must_deny(f, REASON_REVOKED);
        /* Another key takes it back. */
        offer(f, list_by(f, &second, 3, ""), "accepted ");
        must_allow(f);
        offer(f, fixture_list(f, 4, ""), "accepted ");
        signing_key_done(&second);
}

/* The only key that may sign lists: agentd.conf, or a key list, has to name another. */
static void a_list_that_names_its_own_key_is_lifted_by_another_key_only(void **state) /* R6 */
{
        Fixture *f = *state;
        _cleanup_free_ char *entry = names_key(&f->key, ""), *list = fixture_list(f, 1, entry);
        SigningKey second;

        disk_fails = true;
        offer(f, strdup(list), "refused not-saved ");
        must_deny(f, REASON_REVOKED);
        disk_fails = false;
        /* What is believed already is no new word of the key's. */
        offer(f, strdup(list), "accepted ");
        offer(f, fixture_list(f, 2, ""), "refused key-revoked ");
        fixture_restart(f);
        must_deny(f, REASON_REVOKED);
        assert_false(f->agent->issuers[0].list_is_lost);
        offer(f, strdup(list), "unchanged ");
        offer(f, fixture_list(f, 2, ""), "refused key-revoked ");
        trust_second(f, &second);
        must_deny(f, REASON_REVOKED);
        offer(f, list_by(f, &second, 3, ""), "accepted ");
        must_allow(f);
        signing_key_done(&second);
}

static void a_key_that_another_issuers_list_names_signs_no_list(void **state) /* R6 V26 */
{
        Fixture *f = *state;
        _cleanup_free_ char *entry = names_key(&f->key, ",\"issuer\":\"" FIXTURE_ISSUER "\""),
                            *before = fixture_list(f, 1, THE_ACCOUNT);
        SigningKey other;

        revoking_issuer(&other);
        reload(f, 2);
        offer(f, strdup(before), "accepted ");
        offer(f, other_list(f, &other, 2, entry), "accepted ");
        offer(f, fixture_list(f, 3, ""), "refused key-revoked ");
        must_deny(f, REASON_REVOKED);
        /* What it signed before stays, for a list takes only. */
        fixture_restart(f);
        assert_string_equal(f->agent->issuers[0].list->kid, f->key.public.kid);
        offer(f, strdup(before), "unchanged ");
        offer(f, fixture_list(f, 3, ""), "refused key-revoked ");
        offer(f, other_list(f, &other, 4, ""), "accepted ");
        must_deny(f, REASON_REVOKED);
        offer(f, fixture_list(f, 3, ""), "accepted ");
        must_allow(f);
        signing_key_done(&other);
}

static void another_issuers_list_reaches_nothing_that_it_may_not(void **state) /* R5 */
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        signing_key_done(&other);
        fixture_settle(f);
        must_allow(f);
        /* two_issuers() lets no key sign lists. */
        offer(f, fixture_list(f, 1, THE_ACCOUNT), "refused reach ");
        must_allow(f);
}

static void trust_that_is_taken_from_its_key_gives_nothing_back(void **state) /* R4 */
{
        Fixture *f = *state;
        SigningKey other;

        offer(f, fixture_list(f, 1, THE_ACCOUNT), "accepted ");
        two_issuers(f, &other);
        fixture_settle(f);
        must_deny(f, REASON_REVOKED);
        fixture_restart(f);
        assert_false(f->agent->issuers[0].list->is_trusted);
        must_deny(f, REASON_REVOKED);
        /* An issuer that went and comes back brings its list with it. */
        only_other_issuer(f);
        fixture_settle(f);
        fixture_files(f);
        fixture_write(PATH_CONF_FILE, ISSUERS(ISSUER(FIXTURE_ISSUER, FIXTURE_KEY) ",\n" ISSUER(
                                              OTHER_ISSUER, OTHER_KEY)));
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_two_issuers, f));
        assert_non_null(f->agent->issuers[0].list);
        fixture_deploy(f, "g-1", 7);
        must_deny(f, REASON_REVOKED);
        signing_key_done(&other);
}

static void a_list_that_stops_midway_leaves_a_state_that_can_be_read(void **state)
{
        Fixture *f = *state;
        char *jws = fixture_list(f, 1, THE_ACCOUNT);

        f->answered = false;
        assert_int_equal(sets_offer(f->agent->sets, 0, jws, strlen(jws), fixture_on_offered, f), 0);
        fixture_restart(f);
        assert_true(f->answered);
        assert_false(f->agent->issuers[0].list_is_lost);
        offer(f, fixture_list(f, 2, THE_ACCOUNT), "accepted ");
        must_deny(f, REASON_REVOKED);
}

static int slow_disk(const char *thread)
{
        if (streq(thread, "nhi-disk"))
                (void)usleep(200000);
        return 0;
}

static bool has_list(void *userdata)
{
        return ((Fixture *)userdata)->agent->issuers[0].list != NULL;
}

/* The agent stops while a list is being saved, and has something else to save. */
static void stop_with_list(Fixture *f, const char *jws)
{
        f->answered = false;
        writer_inject = slow_disk;
        assert_int_equal(
                sets_offer(f->agent->sets, 0, strdup(jws), strlen(jws), fixture_on_offered, f), 0);
        assert_true(fixture_until(f, has_list, f));
        assert_int_equal(state_lock(f->agent->state, "somebody", true), 1);
        sets_save_state(f->agent->sets);
        sets_stop(f->agent->sets);
        fixture_stop(f);
        writer_inject = NULL;
        fixture_agent(f);
        fixture_load(f);
        assert_int_equal(f->agent->state->n_locked, 1);
}

static void what_a_stopping_agent_saves_names_no_list_that_is_not_there(void **state) /* W1 */
{
        Fixture *f = *state;
        _cleanup_free_ char *jws = fixture_list(f, 9, THE_ACCOUNT), *path = NULL;
        char hash[65];

        content_hash(jws, strlen(jws), hash);
        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws", hash) > 0);
        assert_int_equal(mkdir(path, 0700), 0); /* where it goes: saving it fails */
        stop_with_list(f, jws);
        assert_int_equal(rmdir(path), 0);
        assert_false(f->agent->issuers[0].list_is_lost);
        must_allow(f);
        offer(f, strdup(jws), "accepted ");
        must_deny(f, REASON_REVOKED);
}

static void what_a_stopping_agent_saves_names_the_list_that_is_there(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *jws = fixture_list(f, 9, THE_ACCOUNT);

        stop_with_list(f, jws);
        assert_false(f->agent->issuers[0].list_is_lost);
        must_deny(f, REASON_REVOKED);
        offer(f, strdup(jws), "unchanged ");
}

static void its_source_is_asked_for_where_a_key_may_sign_lists(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        SigningKey other;

        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, geteuid(), 65536, &text, &size), 0);
        assert_non_null(strstr(text, "\"/revocations.jws\""));
        two_issuers(f, &other);
        signing_key_done(&other);
        free(TAKE_PTR(text));
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, geteuid(), 65536, &text, &size), 0);
        assert_null(strstr(text, "revocations"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_a_list_names_is_over_though_its_set_grants_it),
                TEST(a_newer_list_gives_back_what_it_does_not_name),
                TEST(a_list_allows_nothing),
                TEST(a_list_that_is_refused_leaves_the_one_before),
                TEST(a_list_is_verified_again_at_start),
                TEST(a_list_may_come_before_every_set),
                TEST(what_a_list_takes_is_over_though_the_disk_fails),
                TEST(a_list_is_saved_as_soon_as_the_disk_takes_it),
                TEST(without_its_archive_nothing_that_it_may_name_is_allowed),
                TEST(an_archive_that_was_tampered_with_is_lost),
                TEST(a_key_that_a_list_names_signs_nothing_more),
                TEST(a_list_that_names_its_own_key_is_lifted_by_another_key_only),
                TEST(a_key_that_another_issuers_list_names_signs_no_list),
                TEST(another_issuers_list_reaches_nothing_that_it_may_not),
                TEST(trust_that_is_taken_from_its_key_gives_nothing_back),
                TEST(a_list_that_stops_midway_leaves_a_state_that_can_be_read),
                TEST(what_a_stopping_agent_saves_names_no_list_that_is_not_there),
                TEST(what_a_stopping_agent_saves_names_the_list_that_is_there),
                TEST(its_source_is_asked_for_where_a_key_may_sign_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
