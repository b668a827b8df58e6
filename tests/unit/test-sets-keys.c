/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key lists on their way into force, and what becomes of the sets (V26). */

#include "tests/unit/two-issuers.h"

#include "nhi-agentd/lists.h"
#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"
#include "tests/unit/keylist-fixture.h"
#include "tests/unit/session-fixture.h"
#include "tests/unit/sets-retry.h"

#include <stdatomic.h>

#define ROOT_A PATH_TRUST_DIR "/root-a.jwk"
#define ROOT_B PATH_TRUST_DIR "/root-b.jwk"

static SigningKey root_a, root_b, first, second;
static atomic_bool disk_fails;

static int fail_disk(const char *thread)
{
        return disk_fails && streq(thread, "nhi-disk") ? -ENOSPC : 0;
}

static void write_jwk(const char *path, const SigningKey *key)
{
        char *jwk = NULL;

        assert_int_equal(jwk_format(&key->public, &jwk), 0);
        fixture_write(path, jwk);
        free(jwk);
}

static void configure(const char *roots, unsigned threshold, const char *keys)
{
        _cleanup_free_ char *text = NULL;

        assert_true(asprintf(&text,
                             "host: { name = \"" FIXTURE_HOST "\"; };\n"
                             "issuers = ( { issuer = \"" FIXTURE_ISSUER "\";\n"
                             "  source: { type = \"file\"; path = \"/nowhere/x.jws\"; };\n"
                             "  roots = [ %s ]; root_threshold = %u; %s } );\n",
                             roots, threshold, keys) > 0);
        fixture_write(PATH_CONF_FILE, text);
}

#define BOTH_ROOTS "\"" ROOT_A "\", \"" ROOT_B "\""

/* Roots in agentd.conf, and no key. f->key signs what fixture_set() makes: first. */
static int setup(void **state)
{
        Fixture *f;
        int r = fixture_setup(state);

        f = *state;
        disk_fails = false;
        writer_inject = fail_disk;
        assert_int_equal(signing_key_generate(&root_a), 0);
        assert_int_equal(signing_key_generate(&root_b), 0);
        assert_int_equal(signing_key_generate(&second), 0);
        first = f->key;
        write_jwk(ROOT_A, &root_a);
        write_jwk(ROOT_B, &root_b);
        configure(BOTH_ROOTS, 2, "");
        fixture_stop(f);
        fixture_agent(f);
        fixture_load(f);
        return r;
}

static int teardown(void **state)
{
        writer_inject = NULL;
        agent_ahead_usec = 0;
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

static void must_deny(const Fixture *f)
{
        assert_int_equal(ask(f).verdict, VERDICT_DENY);
}

static void offer(Fixture *f, char *jws, const char *answer)
{
        fixture_offer(f, jws);
        if (strncmp(f->line, answer, strlen(answer)) != 0)
                fail_msg("%s, expected %s", f->line, answer);
        fixture_settle(f);
}

/* keys and retired: of first and second; either may be NULL. */
static char *keys_payload(const Fixture *f, int64_t ver_offset, const SigningKey *const keys[2],
                          const SigningKey *retired, const char *more)
{
        _cleanup_free_ char *a = keys[0] ? jwk_reaching(keys[0]) : NULL,
                            *b = keys[1] ? jwk_reaching(keys[1]) : NULL,
                            *old = retired ? jwk_with(retired, "") : NULL,
                            *root_1 = jwk_with(&root_a, ""), *root_2 = jwk_with(&root_b, "");
        char *text = NULL;

        assert_true(asprintf(&text,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"*\","
                             "\"iat\":%lld,\"ver\":%lld,\"keys\":[%s%s%s],\"retired\":[%s],"
                             "\"roots\":[%s,%s],\"threshold\":2%s}",
                             (long long)f->base_sec, (long long)(f->base_sec * 1000 + ver_offset),
                             a ?: "", a && b ? "," : "", b ?: "", old ?: "", root_1, root_2,
                             more) > 0);
        return text;
}

static char *keys_list(const Fixture *f, int64_t ver_offset, const SigningKey *one,
                       const SigningKey *two, const SigningKey *retired, const char *more)
{
        const SigningKey *const keys[] = { one, two };
        _cleanup_free_ char *p = keys_payload(f, ver_offset, keys, retired, more);

        return SIGNED_BY(p, &root_a, &root_b);
}

static char *deploy_set(Fixture *f, const SigningKey *key, int64_t ver_offset)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        char *set;

        f->key = *key;
        set = fixture_set(f, ver_offset, FIXTURE_ACCOUNT, grant);
        f->key = first;
        return set;
}

/* ---- overlap ----------------------------------------------------------------------------------
 */

static void no_key_signs_before_the_roots_name_it(void **state)
{
        Fixture *f = *state;

        offer(f, deploy_set(f, &first, 0), "refused key ");
        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        must_allow(f);
        offer(f, deploy_set(f, &second, 3), "refused key ");
        must_allow(f);
}

static void a_rotation_overlaps_and_loses_no_grant(void **state)
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        offer(f, keys_list(f, 3, &first, &second, NULL, ""), "accepted ");
        must_allow(f);
        offer(f, deploy_set(f, &first, 4), "accepted ");
        offer(f, deploy_set(f, &second, 5), "accepted ");
        must_allow(f);
        offer(f, keys_list(f, 6, &second, NULL, &first, ""), "accepted ");
        must_allow(f);
        offer(f, deploy_set(f, &first, 7), "refused key-retired ");
        must_allow(f);
        fixture_restart(f);
        must_allow(f);
        offer(f, deploy_set(f, &first, 8), "refused key-retired ");
}

/* V26 */
static void a_rotation_without_the_threshold_is_refused(void **state)
{
        const SigningKey *const keys[] = { &second, NULL };
        Fixture *f = *state;
        _cleanup_free_ char *p = keys_payload(f, 3, keys, &first, "");

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        offer(f, SIGNED_BY(p, &root_a), "refused root-threshold ");
        offer(f, SIGNED_BY(p, &root_a, &first), "refused root-threshold ");
        offer(f, SIGNED_BY(p, &first), "refused root-threshold ");
        assert_string_equal(f->agent->issuers[0].keys_refused.code, "root-threshold");
        must_allow(f);
        offer(f, deploy_set(f, &second, 4), "refused key ");
}

/* V18, V19 */
static void an_older_list_or_another_of_its_version_is_refused(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *list = keys_list(f, 5, &first, NULL, NULL, "");

        offer(f, strdup(list), "accepted ");
        offer(f, strdup(list), "unchanged ");
        offer(f, keys_list(f, 4, &second, NULL, NULL, ""), "refused version-floor ");
        offer(f, keys_list(f, 5, &second, NULL, NULL, ""), "refused equivocation ");
        offer(f, keys_list(f, 120000, &second, NULL, NULL, ""), "refused ahead ");
        fixture_restart(f);
        offer(f, strdup(list), "unchanged ");
        offer(f, keys_list(f, 4, &second, NULL, NULL, ""), "refused version-floor ");
}

/* ---- a key that is stolen ----------------------------------------------------------------------
 */

static void what_a_retired_key_signed_is_over_at_once(void **state) /* K4, V26 */
{
        Fixture *f = *state;
        char detail[256];

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        must_allow(f);
        offer(f, keys_list(f, 3, &second, NULL, &first, ""), "accepted ");
        must_deny(f);
        assert_int_equal(ask(f).reason, REASON_REVOKED);
        assert_int_equal(f->agent->n_active, 0);
        /* It stays verified, so that sessions under it are known to be over. */
        assert_non_null(f->agent->issuers[0].set);
        agent_lists_explain(f->agent, agent_grant(f->agent, "g-1"), detail, sizeof(detail));
        assert_non_null(strstr(detail, "it is retired; the key list of " FIXTURE_ISSUER));
        fixture_restart(f);
        must_deny(f);
        assert_non_null(f->agent->issuers[0].set);
        /* Signed anew, it is in force again. */
        offer(f, deploy_set(f, &second, 4), "accepted ");
        must_allow(f);
}

/* What a session that g-1 let in is told, and whether that ends it. */
static Reason judge_session(const Fixture *f, bool *ret_is_verified)
{
        const Grant tied = { .jti = "g-1", .account = "svc-deploy", .issuer = FIXTURE_ISSUER };
        const AccessRequest request = { .kind = REQUEST_SESSION,
                                        .account = "svc-deploy",
                                        .uid = 70001,
                                        .class = "ssh",
                                        .is_local = true };
        const SessionsHost host = agent_sessions_host(f->agent);

        *ret_is_verified = host.issuer_is_verified(host.userdata, FIXTURE_ISSUER);
        return host.judge(host.userdata, &tied, &request).reason;
}

static void must_be_proved_over(const Fixture *f)
{
        bool is_verified;

        assert_int_equal(judge_session(f, &is_verified), REASON_REVOKED);
        assert_true(is_verified);
}

/* Denied, and by a set that is verified: that ends sessions, before a restart and after it. */
static void a_session_under_a_retired_key_is_proved_to_be_over(void **state)
{
        Fixture *f = *state;
        bool is_verified;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_int_equal(judge_session(f, &is_verified), REASON_GRANTED);
        assert_true(is_verified);
        offer(f, keys_list(f, 3, &second, NULL, &first, ""), "accepted ");
        must_be_proved_over(f);
        fixture_restart(f);
        must_be_proved_over(f);
}

static void a_session_of_a_thief_is_proved_to_be_over_below_whose_set_the_floor_went(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 2) > 0);
        offer(f, keys_list(f, 3, &second, NULL, &first, more), "accepted ");
        for (int i = 0; i < 3; i++) {
                must_deny(f);
                must_be_proved_over(f);
                /* The set's archive stays with it. */
                assert_string_equal(f->agent->issuers[0].floor.hash,
                                    f->agent->issuers[0].set->hash);
                fixture_restart(f);
        }
        offer(f, deploy_set(f, &second, 1), "refused version-floor ");
        offer(f, deploy_set(f, &first, 2), "refused key-retired ");
        offer(f, deploy_set(f, &second, 2), "accepted ");
        must_allow(f);
}

/* With what its state file has. */
static void sessions_begin(Fixture *f)
{
        fixture_sessions(f);
        assert_int_equal(sessions_load(f->agent->sessions), 0);
}

/* Under what allows now. */
static void session_begin(Fixture *f)
{
        const Decision d = ask(f);
        const AccessRequest request = {
                .account = "svc-deploy", .uid = 70001, .class = "ssh", .is_local = true
        };

        sessions_begin(f);
        (void)fixture_session(f, &request, &d);
        assert_int_equal(sessions_save_now(f->agent->sessions), 0);
}

/* What the next agent makes of it, which does not know what the one before was about to do. */
static bool session_is_over_again(Fixture *f)
{
        Decision d;

        fixture_restart(f);
        assert_null(f->agent->issuers[0].set);
        sessions_begin(f);
        assert_int_equal(sessions_count(f->agent->sessions), 1);
        return session_is_over(f->agent->sessions->sessions, &d);
}

/* The floor is above the set that let it in, and nothing else has its grant. */
static void take_the_set(Fixture *f, const SigningKey *next, const SigningKey *retired)
{
        _cleanup_free_ char *more = NULL;

        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 15) > 0);
        offer(f, keys_list(f, 20, next, NULL, retired, more), "accepted ");
}

/* The agent may stop before an end is carried out that it had proved. */
static void a_session_of_a_thief_is_over_without_the_set_that_let_it_in(void **state) /* E4 */
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        session_begin(f);
        f->agent->sessions = sessions_free(f->agent->sessions); /* it ends nothing */
        assert_int_equal(sessions_new(f->event, &(SessionsHost){ .userdata = f->agent },
                                      "/dev/null/none", &f->agent->sessions),
                         0);
        take_the_set(f, &second, &first);
        assert_true(session_is_over_again(f));
        assert_true(session_is_over_again(f));
}

static void a_session_under_a_key_that_was_only_dropped_goes_on(void **state) /* E4 */
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        session_begin(f);
        take_the_set(f, &second, NULL);
        assert_false(session_is_over_again(f));
}

/* Another key signed its grant anew before the one that let it in was retired. */
static void a_rotation_that_overlaps_ends_no_session_without_a_set(void **state) /* E4 */
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, &second, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        session_begin(f);
        offer(f, deploy_set(f, &second, 3), "accepted ");
        take_the_set(f, &second, &first);
        assert_false(session_is_over_again(f));
}

static int slow_publication(const char *thread)
{
        if (streq(thread, "nhi-publish"))
                (void)usleep(200000);
        return fail_disk(thread);
}

/* The set goes only after sessions were reviewed, though the list that voids it is not saved. */
static void a_full_disk_takes_no_set_away_before_its_sessions_are_reviewed(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        disk_fails = true;
        writer_inject = slow_publication;
        fixture_offer(f, keys_list(f, 6, &second, NULL, &first, more));
        assert_int_equal(strncmp(f->line, "refused not-saved ", 18), 0);
        assert_non_null(strstr(f->line, "is over all the same"));
        assert_true(publish_is_settled(f->agent->publisher));
        must_be_proved_over(f);
        fixture_settle(f);
        must_deny(f);
        assert_null(f->agent->issuers[0].set);
}

static void it_is_over_though_the_disk_fails(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *list = keys_list(f, 3, &second, NULL, &first, "");

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        disk_fails = true;
        offer(f, strdup(list), "refused not-saved ");
        must_deny(f);
        offer(f, keys_list(f, 2, &first, NULL, NULL, ""), "refused version-floor ");
        must_deny(f);
        disk_fails = false;
        offer(f, strdup(list), "accepted ");
        offer(f, strdup(list), "unchanged ");
        fixture_restart(f);
        must_deny(f);
}

/* ---- what could not be saved ------------------------------------------------------------------
 */

static bool is_saved(const Fixture *f)
{
        const IssuerState *s = &f->agent->issuers[0];
        const KeysFloor *saved = state_keys_floor(f->agent->state, FIXTURE_ISSUER);

        assert_non_null(s->keys);
        assert_int_equal(streq(s->keys_floor.floor.hash, s->keys->hash),
                         saved && streq(saved->floor.hash, s->keys->hash));
        return streq(s->keys_floor.floor.hash, s->keys->hash);
}

/* Nobody brings it again: whoever has the source in hand keeps it back. */
static void a_list_is_saved_as_soon_as_the_disk_takes_it(void **state) /* K4 V26 */
{
        Fixture *f = *state;
        _cleanup_free_ char *list = keys_list(f, 3, &second, NULL, &first, "");

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        disk_fails = true;
        offer(f, strdup(list), "refused not-saved ");
        assert_false(is_saved(f));
        for (int i = 0; i < 3; i++)
                retry_now(f);
        assert_false(is_saved(f));
        assert_string_equal(f->agent->issuers[0].keys_refused.code, "not-saved");
        offer(f, keys_list(f, 2, &first, NULL, NULL, ""), "refused version-floor ");
        must_deny(f);
        disk_fails = false;
        retry_now(f);
        assert_true(is_saved(f));
        assert_false(waits_for_retry(f));
        offer(f, strdup(list), "unchanged ");
        fixture_restart(f);
        must_deny(f);
        offer(f, deploy_set(f, &first, 4), "refused key-retired ");
}

static void no_more_is_said_of_a_list_that_is_saved_at_last(void **state)
{
        Fixture *f = *state;

        disk_fails = true;
        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "refused not-saved ");
        disk_fails = false;
        retry_now(f);
        assert_string_equal(f->agent->issuers[0].keys_refused.code, "");
}

/* It was verified when it was believed. */
static void no_clock_keeps_a_list_in_force_from_being_saved(void **state) /* K4 */
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        disk_fails = true;
        offer(f, keys_list(f, 3, &second, NULL, &first, ""), "refused not-saved ");
        disk_fails = false;
        agent_ahead_usec = -86400 * (int64_t)USEC_PER_SEC;
        retry_now(f);
        agent_ahead_usec = 0;
        assert_true(is_saved(f));
}

static void a_newer_list_takes_the_place_of_one_that_waits(void **state)
{
        Fixture *f = *state;

        disk_fails = true;
        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "refused not-saved ");
        offer(f, keys_list(f, 2, &second, NULL, NULL, ""), "refused not-saved ");
        disk_fails = false;
        retry_now(f);
        assert_int_equal(f->agent->issuers[0].keys_floor.floor.ver, f->base_sec * 1000 + 2);
        disk_fails = true;
        offer(f, keys_list(f, 3, &first, NULL, NULL, ""), "refused not-saved ");
        disk_fails = false;
        offer(f, keys_list(f, 4, &second, NULL, NULL, ""), "accepted ");
        retry_now(f);
        assert_int_equal(f->agent->issuers[0].keys_floor.floor.ver, f->base_sec * 1000 + 4);
        assert_string_equal(f->agent->issuers[0].keys_refused.code, "");
        assert_false(waits_for_retry(f));
}

static void a_floor_goes_to_the_disk_with_its_list_that_waited(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 50000), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        disk_fails = true;
        offer(f, keys_list(f, 6, &second, NULL, &first, more), "refused not-saved ");
        disk_fails = false;
        retry_now(f);
        fixture_restart(f);
        assert_int_equal(f->agent->issuers[0].floor.ver, f->base_sec * 1000 + 4);
        offer(f, deploy_set(f, &second, 10), "accepted ");
        must_allow(f);
}

/* A key that is gone without a word is trusted no longer, as if agentd.conf had lost it. */
static void a_key_that_is_no_longer_named_signs_nothing(void **state)
{
        Fixture *f = *state;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        offer(f, keys_list(f, 3, &second, NULL, NULL, ""), "accepted ");
        must_deny(f);
        assert_null(f->agent->issuers[0].set);
        offer(f, deploy_set(f, &first, 4), "refused key ");
}

/* A thief with the clock's help has moved the floor far ahead: the roots move it back. */
static void roots_take_a_floor_back(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 50000), "accepted ");
        offer(f, deploy_set(f, &first, 10), "refused version-floor ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 6, &second, NULL, &first, more), "accepted ");
        must_deny(f);
        offer(f, deploy_set(f, &first, 50001), "refused key-retired ");
        offer(f, deploy_set(f, &second, 4), "refused version-floor ");
        offer(f, deploy_set(f, &second, 10), "accepted ");
        must_allow(f);
        fixture_restart(f);
        must_allow(f);
        offer(f, deploy_set(f, &second, 9), "refused version-floor ");
}

/* Between the two the agent may die. */
static void a_floor_that_was_set_outlives_the_agent(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 50000), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 6, &second, NULL, &first, more), "accepted ");
        fixture_restart(f);
        must_deny(f);
        offer(f, deploy_set(f, &second, 4), "refused version-floor ");
        offer(f, deploy_set(f, &second, 10), "accepted ");
        must_allow(f);
        /* It counts once: the list that is there already does not set it again. */
        fixture_restart(f);
        offer(f, deploy_set(f, &second, 9), "refused version-floor ");
}

/* Nor does what a thief's set left with the disk's thread come back with the next save. */
static void a_floor_that_was_set_at_the_second_try_stays_set(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL, *list = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 50000), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        list = keys_list(f, 6, &second, NULL, &first, more);
        disk_fails = true;
        offer(f, strdup(list), "refused not-saved ");
        disk_fails = false;
        offer(f, strdup(list), "accepted ");
        sets_save_state(f->agent->sets); /* anything else: a lock, an end */
        fixture_settle(f);
        fixture_restart(f);
        assert_int_equal(f->agent->issuers[0].floor.ver, f->base_sec * 1000 + 4);
        offer(f, deploy_set(f, &second, 10), "accepted ");
        must_allow(f);
}

/* Retiring one key brings back nothing that another took, though a mirror holds its newest back. */
static void a_floor_gives_back_nothing_that_a_key_which_stays_took(void **state) /* V18 */
{
        Fixture *f = *state;
        _cleanup_free_ char *granted = deploy_set(f, &second, 10), *more = NULL;

        offer(f, keys_list(f, 1, &first, &second, NULL, ""), "accepted ");
        offer(f, strdup(granted), "accepted ");
        must_allow(f);
        f->key = second;
        offer(f, fixture_set(f, 20, "", ""), "accepted ");
        f->key = first;
        must_deny(f);
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 30, &second, NULL, &first, more), "accepted ");
        offer(f, strdup(granted), "refused version-floor ");
        must_deny(f);
        fixture_restart(f);
        offer(f, strdup(granted), "refused version-floor ");
        must_deny(f);
        offer(f, deploy_set(f, &second, 31), "accepted ");
        must_allow(f);
}

static char *list_by(Fixture *f, const SigningKey *key, int64_t ver_offset, const char *entries)
{
        char *list;

        f->key = *key;
        list = fixture_list(f, ver_offset, entries);
        f->key = first;
        return list;
}

/* A thief's last word, far ahead, is lifted in one step by the key that takes the stolen one's
 * place. */
static void roots_take_back_the_floor_of_a_thief_s_revocation_list(void **state) /* V26 */
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL, *next = list_by(f, &second, 10, "");

        offer(f, keys_list(f, 1, &first, &second, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &second, 6), "accepted ");
        offer(f, list_by(f, &first, 50000, "{\"kind\":\"issuer\",\"name\":\"" FIXTURE_ISSUER "\"}"),
              "accepted ");
        must_deny(f);
        offer(f, strdup(next), "refused version-floor ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 7, &second, NULL, &first, more), "accepted ");
        /* It speaks until the next is there, which is held against the roots' floor. */
        must_deny(f);
        fixture_restart(f);
        must_deny(f);
        offer(f, list_by(f, &second, 4, ""), "refused version-floor ");
        offer(f, list_by(f, &first, 50001, ""), "refused key-retired ");
        disk_fails = true;
        offer(f, strdup(next), "refused not-saved ");
        disk_fails = false;
        offer(f, strdup(next), "accepted ");
        must_allow(f);
        /* From here on as ever. */
        offer(f, list_by(f, &second, 9, ""), "refused version-floor ");
        fixture_restart(f);
        must_allow(f);
        offer(f, list_by(f, &second, 9, ""), "refused version-floor ");
}

/* A key that goes on signing has said the last word: what it took stays taken. */
static void a_floor_lets_no_older_revocation_list_of_a_key_that_stays_in(void **state) /* V18 */
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, &second, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &second, 6), "accepted ");
        offer(f, list_by(f, &second, 20, "{\"kind\":\"account\",\"name\":\"svc-deploy\"}"),
              "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 30, &second, NULL, &first, more), "accepted ");
        offer(f, list_by(f, &second, 10, ""), "refused version-floor ");
        must_deny(f);
}

/* A key that is gone without being retired vouches for nothing, either. */
static void roots_take_back_the_floor_of_a_key_that_they_dropped(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 50000), "accepted ");
        offer(f, keys_list(f, 2, &second, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &second, 10), "refused version-floor ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 6, &second, NULL, &first, more), "accepted ");
        offer(f, deploy_set(f, &second, 10), "accepted ");
        must_allow(f);
}

/* And up: everything that was signed before a theft is void. */
static void a_floor_above_the_set_in_force_ends_it(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *more = NULL;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_true(asprintf(&more, ",\"floor\":%lld", (long long)f->base_sec * 1000 + 5) > 0);
        offer(f, keys_list(f, 6, &first, NULL, NULL, more), "accepted ");
        must_deny(f);
        offer(f, deploy_set(f, &first, 4), "refused version-floor ");
        offer(f, deploy_set(f, &first, 5), "accepted ");
        must_allow(f);
}

/* ---- beside agentd.conf ------------------------------------------------------------------------
 */

#define CONF_KEYS                                                                                  \
        "keys = ( { file = \"" FIXTURE_KEY "\"; reach: { sign = [ \"accounts\", \"grants\" ];\n"   \
        "  accounts = [ \"*\" ]; services = [ \"*\" ]; lifetime_max = \"24h\"; }; } );"

static void reload(Fixture *f)
{
        const Config *before = f->agent->config;

        assert_int_equal(agent_reload(f->agent), 0);
        for (int i = 0; i < 1000 && f->agent->config == before; i++)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_true(f->agent->config != before);
        fixture_settle(f);
}

static void keys_of_agentd_conf_count_until_the_first_list(void **state)
{
        Fixture *f = *state;

        configure(BOTH_ROOTS, 2, CONF_KEYS);
        reload(f);
        offer(f, deploy_set(f, &first, 1), "accepted ");
        must_allow(f);
        offer(f, keys_list(f, 2, &second, NULL, NULL, ""), "accepted ");
        must_deny(f);
        offer(f, deploy_set(f, &first, 3), "refused key ");
}

static void other_roots_in_agentd_conf_are_a_new_word(void **state)
{
        Fixture *f = *state;
        SigningKey other;

        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_int_equal(signing_key_generate(&other), 0);
        write_jwk(ROOT_B, &other);
        reload(f);
        must_deny(f);
        assert_null(f->agent->issuers[0].keys);
        offer(f, deploy_set(f, &first, 3), "refused key ");
        offer(f, keys_list(f, 4, &first, NULL, NULL, ""), "refused root-threshold ");
        root_b = other;
        /* Its floor goes with the roots that moved it. */
        offer(f, keys_list(f, 0, &first, NULL, NULL, ""), "accepted ");
        offer(f, deploy_set(f, &first, 5), "accepted ");
        must_allow(f);
}

/* An administrator who writes down what the list said already changes nothing. */
static void agentd_conf_may_catch_up_with_a_root_s_rotation(void **state)
{
        const SigningKey *const keys[] = { &first, NULL };
        Fixture *f = *state;
        _cleanup_free_ char *p = NULL;
        SigningKey before = root_b;

        assert_int_equal(signing_key_generate(&root_b), 0);
        p = keys_payload(f, 1, keys, NULL, "");
        offer(f, SIGNED_BY(p, &root_a, &root_b), "refused root-threshold ");
        offer(f, SIGNED_BY(p, &root_a, &before), "refused root-threshold ");
        offer(f, SIGNED_BY(p, &root_a, &before, &root_b), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        fixture_restart(f);
        must_allow(f);
        write_jwk(ROOT_B, &root_b);
        reload(f);
        must_allow(f);
        fixture_restart(f);
        must_allow(f);
        /* The old root has no say any more. */
        free(p);
        p = keys_payload(f, 3, keys, NULL, "");
        offer(f, SIGNED_BY(p, &root_a, &before), "refused root-threshold ");
        offer(f, SIGNED_BY(p, &root_a, &root_b), "accepted ");
}

/* What the list retired stays retired, over its end and any clock, while enough roots stand by it.
 */
static void a_list_that_other_roots_signed_too_has_no_end(void **state) /* K4 V26 */
{
        Fixture *f = *state;
        _cleanup_free_ char *end = NULL, *list = NULL;

        assert_true(asprintf(&end, ",\"exp\":%lld", (long long)f->base_sec + 100) > 0);
        list = keys_list(f, 2, &second, NULL, &first, end);
        configure(BOTH_ROOTS, 2, CONF_KEYS);
        reload(f);
        offer(f, strdup(list), "accepted ");
        configure("\"" ROOT_A "\"", 1, CONF_KEYS);
        reload(f);
        for (int i = -1; i <= 1; i++) {
                agent_ahead_usec = i * 300 * (int64_t)USEC_PER_SEC;
                fixture_restart(f);
                assert_non_null(f->agent->issuers[0].keys);
                assert_int_equal(f->agent->issuers[0].keys_floor.floor.ver, f->base_sec * 1000 + 2);
                offer(f, strdup(list), "unchanged ");
                offer(f, deploy_set(f, &first, 5), "refused key-retired ");
        }
        agent_ahead_usec = 0;
        offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "refused version-floor ");
        must_deny(f);
}

/* One that waits to be saved is judged by them as its source's would be. */
static void other_roots_judge_a_list_that_could_not_be_saved(void **state) /* K1 K4 */
{
        const SigningKey *const keys[] = { &second, NULL };

        for (int stand_by = 0; stand_by < 2; stand_by++) {
                assert_int_equal(setup(state), 0);

                Fixture *f = *state;
                _cleanup_free_ char *p = keys_payload(f, 1, keys, &first, "");
                SigningKey other;

                assert_int_equal(signing_key_generate(&other), 0);
                disk_fails = true;
                offer(f,
                      stand_by ? SIGNED_BY(p, &root_a, &root_b, &other)
                               : SIGNED_BY(p, &root_a, &root_b),
                      "refused not-saved ");
                disk_fails = false;
                write_jwk(ROOT_B, &other);
                reload(f);
                assert_int_equal(f->agent->issuers[0].keys != NULL, stand_by);
                if (stand_by)
                        assert_true(is_saved(f));
                else
                        assert_string_equal(f->agent->issuers[0].keys_refused.code,
                                            "root-threshold");
                if (waits_for_retry(f))
                        retry_now(f);
                assert_false(waits_for_retry(f));
                assert_int_equal(teardown(state), 0);
        }
}

/* Nor does a root that agentd.conf no longer names count by the list of before. */
static void other_roots_that_stand_by_a_list_have_the_say(void **state) /* K1 V26 */
{
        const SigningKey *const keys[] = { &second, NULL };
        Fixture *f = *state;
        _cleanup_free_ char *p = keys_payload(f, 1, keys, &first, ""),
                            *next = keys_payload(f, 2, keys, &first, "");
        SigningKey other;

        assert_int_equal(signing_key_generate(&other), 0);
        offer(f, SIGNED_BY(p, &root_a, &root_b, &other), "accepted ");
        write_jwk(ROOT_B, &other);
        for (int i = 0; i < 2; i++) {
                if (i == 0)
                        reload(f);
                else
                        fixture_restart(f);
                assert_non_null(f->agent->issuers[0].keys);
                offer(f, deploy_set(f, &first, 5), "refused key-retired ");
                offer(f, SIGNED_BY(next, &root_a, &root_b), "refused root-threshold ");
        }
        offer(f, SIGNED_BY(next, &root_a, &root_b, &other), "accepted ");
        offer(f, deploy_set(f, &second, 6), "accepted ");
        fixture_restart(f);
        must_allow(f);
}

static void without_its_archive_no_key_counts(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *list = keys_list(f, 1, &first, NULL, NULL, ""), *path = NULL;

        offer(f, strdup(list), "accepted ");
        offer(f, deploy_set(f, &first, 2), "accepted ");
        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws",
                             f->agent->issuers[0].keys_floor.floor.hash) > 0);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        assert_true(f->agent->issuers[0].keys_are_lost);
        must_deny(f);
        offer(f, deploy_set(f, &first, 3), "refused key ");
        offer(f, keys_list(f, 0, &first, NULL, NULL, ""), "refused version-floor ");
        offer(f, strdup(list), "accepted ");
        offer(f, deploy_set(f, &first, 3), "accepted ");
        must_allow(f);
}

/* text: what is there in its place; NULL: nothing. */
static void lose_archive(Fixture *f, const char *text)
{
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws",
                             f->agent->issuers[0].keys_floor.floor.hash) > 0);
        if (text)
                fixture_write(path, text);
        else
                assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        assert_true(f->agent->issuers[0].keys_are_lost);
        must_deny(f);
}

static void a_lost_list_gives_no_retired_key_back_under_other_roots(void **state) /* K4 */
{
        Fixture *f = *state;
        _cleanup_free_ char *list = keys_list(f, 2, &second, NULL, &first, "");

        configure(BOTH_ROOTS, 2, CONF_KEYS);
        reload(f);
        offer(f, strdup(list), "accepted ");
        configure("\"" ROOT_A "\"", 1, CONF_KEYS);
        reload(f);
        for (int i = 0; i < 2; i++) {
                lose_archive(f, i == 0 ? NULL : "e30.e30.AA");
                assert_string_equal(f->agent->issuers[0].keys_refused.code, "archive");
                offer(f, deploy_set(f, &first, 5), "refused key ");
                offer(f, keys_list(f, 1, &first, NULL, NULL, ""), "refused version-floor ");
                must_deny(f);
                offer(f, strdup(list), "accepted ");
                offer(f, deploy_set(f, &first, 5), "refused key-retired ");
                /* Those roots have the say that they had with it. */
                assert_true(f->agent->issuers[0].roots_are_conf);
        }
        offer(f, deploy_set(f, &second, 6), "accepted ");
        must_allow(f);
}

/* They are an administrator's newer word than any list's: the next one they sign is believed. */
static void other_roots_bring_a_newer_list_where_theirs_is_lost(void **state) /* K1 K4 */
{
        const SigningKey *const keys[] = { &first, NULL };
        Fixture *f = *state;
        _cleanup_free_ char *p = keys_payload(f, 2, keys, NULL, ""),
                            *next = keys_payload(f, 3, keys, NULL, "");
        SigningKey other, before = root_b;
        _cleanup_free_ char *list = SIGNED_BY(p, &root_a, &before);

        assert_int_equal(signing_key_generate(&other), 0);
        offer(f, strdup(list), "accepted ");
        write_jwk(ROOT_B, &other);
        lose_archive(f, NULL);
        offer(f, strdup(list), "refused root-threshold ");
        offer(f, SIGNED_BY(next, &root_a, &before), "refused root-threshold ");
        offer(f, SIGNED_BY(next, &root_a, &before, &other), "accepted ");
        offer(f, deploy_set(f, &first, 4), "accepted ");
        must_allow(f);
}

/* Which roots a lost list had named, nobody knows: those of before have no say. */
static void a_lost_list_s_old_roots_have_no_say(void **state)
{
        const SigningKey *const keys[] = { &first, NULL };
        Fixture *f = *state;
        _cleanup_free_ char *p = NULL, *list = NULL, *path = NULL;
        SigningKey before = root_b;

        assert_int_equal(signing_key_generate(&root_b), 0);
        p = keys_payload(f, 1, keys, NULL, "");
        list = SIGNED_BY(p, &root_a, &before, &root_b);
        offer(f, strdup(list), "accepted ");
        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws",
                             f->agent->issuers[0].keys_floor.floor.hash) > 0);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        root_b = before;
        offer(f, keys_list(f, 2, &second, NULL, NULL, ""), "refused archive ");
        offer(f, strdup(list), "accepted ");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(no_key_signs_before_the_roots_name_it),
                T(a_rotation_overlaps_and_loses_no_grant),
                T(a_rotation_without_the_threshold_is_refused),
                T(an_older_list_or_another_of_its_version_is_refused),
                T(what_a_retired_key_signed_is_over_at_once),
                T(a_session_under_a_retired_key_is_proved_to_be_over),
                T(a_session_of_a_thief_is_proved_to_be_over_below_whose_set_the_floor_went),
                T(a_session_of_a_thief_is_over_without_the_set_that_let_it_in),
                T(a_session_under_a_key_that_was_only_dropped_goes_on),
                T(a_rotation_that_overlaps_ends_no_session_without_a_set),
                T(a_full_disk_takes_no_set_away_before_its_sessions_are_reviewed),
                T(it_is_over_though_the_disk_fails),
                T(a_list_is_saved_as_soon_as_the_disk_takes_it),
                T(no_more_is_said_of_a_list_that_is_saved_at_last),
                T(no_clock_keeps_a_list_in_force_from_being_saved),
                T(a_newer_list_takes_the_place_of_one_that_waits),
                T(a_floor_goes_to_the_disk_with_its_list_that_waited),
                T(a_key_that_is_no_longer_named_signs_nothing),
                T(roots_take_a_floor_back),
                T(a_floor_that_was_set_outlives_the_agent),
                T(a_floor_that_was_set_at_the_second_try_stays_set),
                T(a_floor_gives_back_nothing_that_a_key_which_stays_took),
                T(roots_take_back_the_floor_of_a_key_that_they_dropped),
                T(roots_take_back_the_floor_of_a_thief_s_revocation_list),
                T(a_floor_lets_no_older_revocation_list_of_a_key_that_stays_in),
                T(a_floor_above_the_set_in_force_ends_it),
                T(keys_of_agentd_conf_count_until_the_first_list),
                T(other_roots_in_agentd_conf_are_a_new_word),
                T(agentd_conf_may_catch_up_with_a_root_s_rotation),
                T(a_list_that_other_roots_signed_too_has_no_end),
                cmocka_unit_test(other_roots_judge_a_list_that_could_not_be_saved),
                T(other_roots_that_stand_by_a_list_have_the_say),
                T(without_its_archive_no_key_counts),
                T(a_lost_list_gives_no_retired_key_back_under_other_roots),
                T(other_roots_bring_a_newer_list_where_theirs_is_lost),
                T(a_lost_list_s_old_roots_have_no_say),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
