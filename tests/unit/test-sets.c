/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"

#include <stdatomic.h>
#include <sys/mman.h>

/* Which files the writer may still write; counts down, then fails. */
static atomic_int jobs_left;

static int fail_jobs(const char *thread)
{
        /* Publishing goes on whatever the disk does. */
        return streq(thread, "nhi-publish") || jobs_left-- > 0 ? 0 : -ENOSPC;
}

static int setup(void **state)
{
        int r = fixture_setup(state);

        writer_inject = NULL;
        agent_ahead_usec = 0;
        fixture_load(*state);
        return r;
}

static bool file_exists(const char *path)
{
        return access(path, F_OK) == 0;
}

static bool archive_has(const char *hash)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s.jws", PATH_SETS_DIR, hash);
        return file_exists(path);
}

static void a_set_is_in_force_when_archive_ids_and_floor_are_on_disk(void **state) /* W1 */
{
        Fixture *f = *state;
        const Agent *a = f->agent;
        char error[STATE_ERROR_MAX] = "";
        State *saved = NULL;

        fixture_deploy(f, "g-1", 0);
        assert_non_null(agent_grant(a, "g-1"));
        assert_true(archive_has(a->issuers[0].set->hash));
        assert_true(file_exists(PATH_UIDS_FILE));
        assert_int_equal(state_load(PATH_STATE_FILE, &saved, error), 0);
        assert_string_equal(state_floor(saved, FIXTURE_ISSUER)->hash, a->issuers[0].set->hash);
        assert_int_equal(saved->time_floor_sec, a->issuers[0].set->iat_sec);
        state_free(saved);
}

static void a_set_that_cannot_be_saved_grants_nothing(void **state) /* A12 */
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);

        static const char *const lines[] = { "refused not-verified", "refused not-saved" };

        for (int n = 0; n < (int)ELEMENTSOF(lines); n++) {
                fixture_settle(f);
                jobs_left = n;
                writer_inject = fail_jobs;
                fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grant));
                fixture_settle(f);
                writer_inject = NULL;
                assert_int_equal(strncmp(f->line, lines[n], strlen(lines[n])), 0);
                assert_null(agent_grant(f->agent, "g-1"));
                assert_false(file_exists(PATH_STATE_FILE));
        }
        fixture_deploy(f, "g-1", 0);
        assert_non_null(agent_grant(f->agent, "g-1"));
}

static void what_a_set_revokes_is_over_though_the_disk_fails(void **state) /* W2 */
{
        Fixture *f = *state;
        Agent *a = f->agent;
        AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                              .account = "svc-deploy",
                              .uid = 70001,
                              .class = "ssh",
                              .is_local = true };
        HostView view;

        fixture_deploy(f, "g-1", 0);
        view = agent_host_view(a);
        assert_int_equal(decide(&a->store, &view, &ask, agent_now(a)).verdict, VERDICT_ALLOW);

        fixture_settle(f);
        jobs_left = 1;
        writer_inject = fail_jobs;
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        fixture_settle(f);
        writer_inject = NULL;
        assert_int_equal(strncmp(f->line, "refused not-saved", 17), 0);
        view = agent_host_view(a);
        assert_int_equal(decide(&a->store, &view, &ask, agent_now(a)).verdict, VERDICT_DENY);

        /* The issuer may give it again. */
        fixture_deploy(f, "g-1", 2);
        view = agent_host_view(a);
        assert_int_equal(decide(&a->store, &view, &ask, agent_now(a)).verdict, VERDICT_ALLOW);
}

static void the_same_bytes_are_unchanged_and_a_lower_version_is_refused(void **state) /* V18 V19 */
{
        Fixture *f = *state;
        _cleanup_free_ char *jws = fixture_set(f, 5, "", "");

        assert_int_equal(strncmp(fixture_offer(f, strdup(jws)), "accepted ", 9), 0);
        assert_int_equal(strncmp(fixture_offer(f, strdup(jws)), "unchanged ", 10), 0);
        fixture_offer(f, fixture_set(f, 4, "", ""));
        assert_int_equal(strncmp(f->line, "refused version-floor", 21), 0);
        fixture_offer(f, fixture_set(f, 5, FIXTURE_ACCOUNT, ""));
        assert_int_equal(strncmp(f->line, "refused equivocation", 20), 0);
        assert_int_equal(f->agent->issuers[0].set->n_accounts, 0);
}

static void a_set_of_another_key_is_refused_and_the_old_one_stays(void **state) /* V17 */
{
        Fixture *f = *state;
        SigningKey own = f->key;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(signing_key_generate(&f->key), 0);
        fixture_offer(f, fixture_set(f, 1, "", ""));
        f->key = own;
        assert_int_equal(strncmp(f->line, "refused key", 11), 0);
        assert_non_null(agent_grant(f->agent, "g-1"));
        assert_string_equal(f->agent->issuers[0].refused.code, "key");
}

static void the_first_set_of_all_is_held_against_the_clock(void **state) /* ahead of it */
{
        Fixture *f = *state;

        fixture_offer(f, fixture_set(f, 90000, "", ""));
        assert_int_equal(strncmp(f->line, "refused ahead", 13), 0);
        fixture_offer(f, fixture_set(f, 50000, "", ""));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
}

static void an_agent_that_starts_again_has_the_archived_set(void **state) /* A10 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_restart(f);
        assert_non_null(agent_grant(f->agent, "g-1"));
        fixture_offer(f, fixture_set(f, -1, "", ""));
        assert_int_equal(strncmp(f->line, "refused version-floor", 21), 0);
}

static void a_lost_archive_is_no_set_and_the_source_brings_it_back(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *jws = fixture_set(f, 0, FIXTURE_ACCOUNT, grant);
        char path[512];

        fixture_offer(f, strdup(jws));
        (void)snprintf(path, sizeof(path), "%s/%s.jws", PATH_SETS_DIR,
                       f->agent->issuers[0].set->hash);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        assert_null(f->agent->issuers[0].set);
        assert_string_equal(f->agent->issuers[0].refused.code, "archive");
        assert_int_equal(strncmp(fixture_offer(f, strdup(jws)), "accepted ", 9), 0);
        assert_non_null(agent_grant(f->agent, "g-1"));
}

static void damaged_state_stops_the_start(void **state) /* K08: never a floor reset in silence */
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "";

        fixture_stop(f);
        fixture_write(PATH_STATE_FILE, "{\"format\":1}");
        fixture_agent(f);
        assert_true(agent_load(f->agent, error) < 0);
        assert_non_null(strstr(error, PATH_STATE_FILE));
}

static void a_second_agent_is_refused(void **state) /* A15 */
{
        Fixture *f = *state;
        char error[CONFIG_ERROR_MAX] = "";
        Config *config = NULL;
        Agent *second = NULL;

        assert_int_equal(config_load(PATH_CONF_FILE, NULL, &config, error), 0);
        assert_int_equal(agent_new(f->event, config, &second), 0);
        assert_int_equal(agent_load(second, error), -EWOULDBLOCK);
        assert_non_null(strstr(error, "another nhi-agentd"));
        agent_free(second);
}

static void a_run_directory_that_others_may_write_stops_the_start(void **state) /* A13 */
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "";

        fixture_stop(f);
        fixture_agent(f);
        assert_int_equal(chmod(PATH_RUN_DIR, 0777), 0);
        assert_int_equal(agent_load(f->agent, error), -EPERM);
        assert_int_equal(chmod(PATH_RUN_DIR, 0755), 0);
        assert_non_null(strstr(error, PATH_RUN_DIR));
}

static bool is_deploy_allowed(Fixture *f)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = "svc-deploy",
                                    .uid = 70001,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &ask, agent_now(f->agent)).verdict == VERDICT_ALLOW;
}

static void a_grant_given_back_stays_over_after_a_restart(void **state)
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(agent_give_back(f->agent, "g-2"), -ENOENT);
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        assert_int_equal(agent_give_back(f->agent, "g-1"), -EALREADY);
        assert_false(is_deploy_allowed(f));
        fixture_restart(f);
        assert_non_null(agent_grant(f->agent, "g-1"));
        assert_false(is_deploy_allowed(f));
}

static void a_lock_holds_after_a_restart_and_until_it_is_lifted(void **state)
{
        Fixture *f = *state;
        bool changed = false;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(agent_lock(f->agent, "svc-deploy", true, &changed), 0);
        assert_true(changed);
        assert_int_equal(agent_lock(f->agent, "svc-deploy", true, &changed), 0);
        assert_false(changed);
        fixture_restart(f);
        assert_int_equal(f->agent->locked.n, 1);
        assert_int_equal(agent_lock(f->agent, "svc-deploy", false, &changed), 0);
        assert_true(changed);
        assert_int_equal(f->agent->locked.n, 0);
}

static bool has_other_config(void *userdata)
{
        Fixture *f = userdata;

        return f->agent->config->peers_max == 64;
}

static bool has_config_error(void *userdata)
{
        return ((Fixture *)userdata)->agent->config_error[0] != '\0';
}

static bool has_no_grants(void *userdata)
{
        return ((Fixture *)userdata)->agent->store.n_grants == 0;
}

static void a_bad_configuration_leaves_the_old_one(void **state) /* A18 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_write(PATH_CONF_DIR "/99.conf", "limits: { peers_max = 1; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_config_error, f));
        assert_non_null(strstr(f->agent->config_error, "99.conf:1: limits.peers_max"));
        assert_int_equal(f->agent->config->peers_max, 256);
        assert_non_null(agent_grant(f->agent, "g-1"));

        fixture_write(PATH_CONF_DIR "/99.conf", "limits: { peers_max = 64; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_other_config, f));
        assert_int_equal(f->agent->config->peers_max, 64);
        assert_non_null(agent_grant(f->agent, "g-1"));
}

static void a_narrower_policy_takes_away_what_is_in_force(void **state) /* W3 S5 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_write(PATH_CONF_DIR "/99.conf", "policy: { accounts = [ \"other-*\" ]; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_no_grants, f));
}

static bool knows_local(void *userdata)
{
        Fixture *f = userdata;
        uint32_t uid, gid;

        return localdb_user(f->agent->local, "svc-deploy", &uid, &gid) &&
               f->agent->issuers[0].set->n_accounts == 0;
}

static void a_name_that_appears_in_passwd_is_taken_from_the_set(void **state) /* W3 O19 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_write(PATH_ROOT "/etc/passwd", "root:x:0:0::/root:/bin/sh\n"
                                               "svc-deploy:x:1001:1001::/home/d:/bin/sh\n");
        assert_true(fixture_until(f, knows_local, f));
        assert_int_equal(f->agent->issuers[0].set->n_quarantine > 0, true);
}

static void a_clock_behind_what_sets_have_proved_is_noticed(void **state) /* T01 */
{
        Fixture *f = *state;
        Now now;

        fixture_deploy(f, "g-1", 0);
        now = agent_now(f->agent);
        assert_false(agent_clock_is_behind(f->agent, now));
        now.real_usec -= 65 * (int64_t)USEC_PER_SEC; /* 60 s of slack, a little time has passed */
        assert_true(agent_clock_is_behind(f->agent, now));
        now.boot_usec -= 10 * (int64_t)USEC_PER_SEC; /* earlier, so much was not proved yet */
        assert_false(agent_clock_is_behind(f->agent, now));
}

/* Verify everything in force anew, as after a change of passwd. */
static void verify_again(Fixture *f)
{
        LocalDb *local = NULL;

        assert_int_equal(localdb_load(PATH_ROOT "/etc", &local), 0);
        sets_change_local(f->agent->sets, local);
        fixture_settle(f);
        fixture_settle(f);
}

static void what_a_set_revokes_stays_over_when_the_one_before_is_verified_anew(void **s) /* W2 W3 */
{
        Fixture *f = *s;

        fixture_deploy(f, "g-1", 0);
        assert_true(is_deploy_allowed(f));
        verify_again(f);
        assert_true(is_deploy_allowed(f));
        jobs_left = 1;
        writer_inject = fail_jobs;
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        fixture_settle(f);
        writer_inject = NULL;
        assert_false(is_deploy_allowed(f));
        verify_again(f);
        assert_false(is_deploy_allowed(f));
        fixture_deploy(f, "g-1", 2);
        assert_true(is_deploy_allowed(f));
}

static void what_a_set_revokes_is_not_undone_by_one_from_before_it(void **state) /* W2, V18 */
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *between = fixture_set(f, 1, FIXTURE_ACCOUNT, grant);
        _cleanup_free_ char *newest = fixture_set(f, 2, FIXTURE_ACCOUNT, "");

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        jobs_left = 1;
        writer_inject = fail_jobs;
        assert_int_equal(strncmp(fixture_offer(f, strdup(newest)), "refused not-saved", 17), 0);
        fixture_settle(f);
        writer_inject = NULL;
        assert_false(is_deploy_allowed(f));
        /* A mirror that is behind brings what was published in between. */
        assert_int_equal(strncmp(fixture_offer(f, strdup(between)), "refused version-floor", 21),
                         0);
        assert_false(is_deploy_allowed(f));
        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, 2, FIXTURE_ACCOUNT, grant)),
                                 "refused equivocation", 20),
                         0);
        assert_false(is_deploy_allowed(f));
        assert_int_equal(strncmp(fixture_offer(f, strdup(newest)), "accepted ", 9), 0);
}

static void a_clock_set_back_since_moves_no_end_out(void **state) /* T01 */
{
        Fixture *f = *state;
        int64_t before_usec;

        fixture_deploy(f, "g-1", 0);
        before_usec = agent_grant(f->agent, "g-1")->boot_end_usec;
        verify_again(f);
        assert_int_equal(agent_grant(f->agent, "g-1")->boot_end_usec / 1000000,
                         before_usec / 1000000);
        /* It was accepted five minutes from here, says the wall clock. */
        f->agent->issuers[0].judged.real_usec += 300 * (int64_t)USEC_PER_SEC;
        verify_again(f);
        assert_true(agent_grant(f->agent, "g-1")->boot_end_usec <
                    before_usec - 299 * (int64_t)USEC_PER_SEC);
}

static bool has_two_issuers(void *userdata)
{
        return ((Fixture *)userdata)->agent->config->n_issuers == 2;
}

/* As fixture_files(), with another issuer behind the first. */
static void two_issuers(Fixture *f)
{
#define ISSUER(name)                                                                               \
        "{ issuer = \"" name "\"; source: { type = \"file\"; path = \"/nowhere\"; };\n"            \
        "  keys = ( { file = \"" FIXTURE_KEY "\"; reach: { sign = [ \"accounts\", \"grants\" ];\n" \
        "    accounts = [ \"*\" ]; services = [ \"*\" ]; lifetime_max = \"24h\"; }; } ); }"
        fixture_write(PATH_CONF_FILE, "host: { name = \"" FIXTURE_HOST "\"; };\n"
                                      "issuers = ( " ISSUER(FIXTURE_ISSUER) ",\n" ISSUER(
                                              "https://other.test") " );\n");
#undef ISSUER
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_two_issuers, f));
        /* Refused each time, and large enough to take a while. */
        f->agent->issuers[1].archive_fd = memfd_create("refused", MFD_CLOEXEC);
        assert_int_equal(ftruncate(f->agent->issuers[1].archive_fd, 16 * 1024 * 1024), 0);
}

static void the_error_told_is_that_of_the_issuer_whose_key_signed(void **state) /* V18 */
{
        Fixture *f = *state;
        _cleanup_free_ char *old = fixture_set(f, 0, FIXTURE_ACCOUNT, "");
        SigningKey other;

        fixture_deploy(f, "g-1", 1);
        two_issuers(f);
        fixture_settle(f);
        assert_int_equal(signing_key_generate(&other), 0);
        ((TrustedKey *)(uintptr_t)f->agent->config->issuers[1].policy.keys)->jwk = other.public;
        for (uint32_t label = 0; label < 2; label++) {
                f->agent->issuers[0].refused = (SetError){};
                f->answered = false;
                assert_int_equal(sets_offer(f->agent->sets, label, strdup(old), strlen(old),
                                            fixture_on_offered, f),
                                 0);
                assert_true(fixture_until(f, fixture_is_answered, f));
                assert_int_equal(strncmp(f->line, "refused version-floor", 21), 0);
                assert_string_equal(f->agent->issuers[0].refused.code, "version-floor");
        }
        signing_key_done(&other);
}

static void a_passwd_that_changes_all_the_time_does_not_fill_the_queue(void **state) /* A14 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        two_issuers(f);
        for (unsigned i = 0; i < SETS_QUEUE_MAX; i++) {
                LocalDb *local = NULL;

                assert_int_equal(localdb_load(PATH_ROOT "/etc", &local), 0);
                sets_change_local(f->agent->sets, local);
                (void)sd_event_run(f->event, 1000); /* the change is taken in between two sets */
                assert_true(f->agent->sets->n_queued <= 2);
        }
        fixture_settle(f);
        assert_true(is_deploy_allowed(f));
}

static void what_ended_long_ago_makes_room_for_what_ends_now(void **state)
{
        Fixture *f = *state;
        State *s = f->agent->state;
        _cleanup_free_ char *grant = fixture_grant("g-now", "svc-deploy", 600, FIXTURE_LOGIN);
        char jti[32];

        for (unsigned i = 0; i < STATE_ENDED_MAX; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%06u", i);
                assert_int_equal(state_add_ended(s, 0, jti, 1, 1), 0);
        }
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grant));
        agent_ahead_usec = 600 * (int64_t)USEC_PER_SEC;
        agent_refresh(f->agent);
        assert_non_null(state_ended(s, 0, "g-now"));
        assert_int_equal(s->n_ended, 1);
}

static void a_reload_changes_the_grace_of_sessions(void **state)
{
        Fixture *f = *state;

        fixture_write(PATH_CONF_DIR "/99.conf",
                      "limits: { peers_max = 64; };\nsession: { grace = \"3s\"; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_other_config, f));
        assert_int_equal(sessions_grace_usec(f->agent->sessions), 3 * USEC_PER_SEC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_set_is_in_force_when_archive_ids_and_floor_are_on_disk),
                TEST(a_set_that_cannot_be_saved_grants_nothing),
                TEST(what_a_set_revokes_is_over_though_the_disk_fails),
                TEST(what_a_set_revokes_stays_over_when_the_one_before_is_verified_anew),
                TEST(what_a_set_revokes_is_not_undone_by_one_from_before_it),
                TEST(a_clock_set_back_since_moves_no_end_out),
                TEST(the_error_told_is_that_of_the_issuer_whose_key_signed),
                TEST(a_passwd_that_changes_all_the_time_does_not_fill_the_queue),
                TEST(what_ended_long_ago_makes_room_for_what_ends_now),
                TEST(a_reload_changes_the_grace_of_sessions),
                TEST(the_same_bytes_are_unchanged_and_a_lower_version_is_refused),
                TEST(a_set_of_another_key_is_refused_and_the_old_one_stays),
                TEST(the_first_set_of_all_is_held_against_the_clock),
                TEST(an_agent_that_starts_again_has_the_archived_set),
                TEST(a_lost_archive_is_no_set_and_the_source_brings_it_back),
                TEST(damaged_state_stops_the_start),
                TEST(a_second_agent_is_refused),
                TEST(a_run_directory_that_others_may_write_stops_the_start),
                TEST(a_grant_given_back_stays_over_after_a_restart),
                TEST(a_lock_holds_after_a_restart_and_until_it_is_lifted),
                TEST(a_bad_configuration_leaves_the_old_one),
                TEST(a_narrower_policy_takes_away_what_is_in_force),
                TEST(a_name_that_appears_in_passwd_is_taken_from_the_set),
                TEST(a_clock_behind_what_sets_have_proved_is_noticed),
        };

        return cmocka_run_group_tests_name("sets", tests, NULL, NULL);
}
