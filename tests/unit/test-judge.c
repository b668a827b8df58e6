/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the registry of sessions hears of the agent: whose grant let a session in, and whether it is
 * over (promise E4 of nhi-agentd/session/session.h). */

#include "tests/unit/two-issuers.h"

#include "nhi-agentd/session/tenant.h"
#include "nhi-agentd/state.h"

static int setup(void **state)
{
        int r = fixture_setup(state);

        fixture_load(*state);
        return r;
}

/* alice's session, opened under this issuer's g-1. */
static Decision judge(Fixture *f, const char *issuer)
{
        const SessionsHost host = agent_sessions_host(f->agent);
        const Grant tied = { .jti = "g-1", .account = "alice", .issuer = issuer };
        const AccessRequest request = { .kind = REQUEST_SESSION,
                                        .account = "alice",
                                        .uid = 1000,
                                        .class = "ssh",
                                        .is_local = true };

        return host.judge(host.userdata, &tied, &request);
}

static bool is_verified(Fixture *f, const char *issuer)
{
        const SessionsHost host = agent_sessions_host(f->agent);

        return host.issuer_is_verified(host.userdata, issuer);
}

static void grant_alice(Fixture *f, int64_t ver_offset)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "alice", 600, ALICE_LOGIN);
        char *jws = fixture_set(f, ver_offset, "", grant);

        assert_int_equal(strncmp(fixture_offer(f, jws), "accepted ", 9), 0);
        fixture_settle(f);
}

/* ---- of two issuers -------------------------------------------------------------------------- */

static void a_session_is_under_its_own_issuers_grant_alone(void **state)
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        fixture_offer(f, other_set(f, &other, 0, "g-1"));
        fixture_settle(f);
        assert_int_equal(judge(f, OTHER_ISSUER).verdict, VERDICT_ALLOW);
        /* Another issuer's grant of that jti neither keeps the session nor moves its end. */
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_DENY);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_REVOKED);
        assert_false(is_verified(f, FIXTURE_ISSUER)); /* which proves nothing yet */
        grant_alice(f, 0);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_ALLOW);
        assert_int_equal(judge(f, OTHER_ISSUER).reason, REASON_REVOKED); /* hidden */
        fixture_offer(f, fixture_set(f, 1, "", ""));
        fixture_settle(f);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_REVOKED);
        assert_true(is_verified(f, FIXTURE_ISSUER));
        assert_int_equal(judge(f, OTHER_ISSUER).verdict, VERDICT_ALLOW);
        signing_key_done(&other);
}

static void what_one_issuers_holder_gave_back_is_not_the_others(void **state)
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        fixture_offer(f, other_set(f, &other, 0, "g-1"));
        fixture_settle(f);
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        assert_int_equal(judge(f, OTHER_ISSUER).reason, REASON_GIVEN_BACK);
        grant_alice(f, 0);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_ALLOW);
        fixture_settle(f);
        fixture_restart(f);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_ALLOW);
        fixture_offer(f, fixture_set(f, 1, "", ""));
        fixture_settle(f);
        assert_int_equal(judge(f, OTHER_ISSUER).reason, REASON_GIVEN_BACK);
        signing_key_done(&other);
}

/* ---- of no set in force -----------------------------------------------------------------------
 */

static void lock(Fixture *f, const char *name, bool locked)
{
        bool changed = false;

        assert_int_equal(agent_lock(f->agent, name, locked, &changed), 0);
        assert_true(changed);
}

/* As after the theft of a key: the issuer goes, who is in is locked out. */
static void a_lock_ends_sessions_of_an_issuer_that_is_trusted_no_longer(void **state)
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        grant_alice(f, 0);
        fixture_offer(f, other_set(f, &other, 0, NULL));
        only_other_issuer(f);
        assert_false(is_verified(f, FIXTURE_ISSUER));
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_REVOKED); /* no proof */
        lock(f, "alice", true);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_DENY);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_LOCKED);
        lock(f, "alice", false);
        lock(f, "g-1", true);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_LOCKED);
        signing_key_done(&other);
}

/* An elevation of alice's is remembered, and no session of hers goes on. */
static Tenant *tenant_of_alice(Fixture *f)
{
        Session *s = NULL;

        f->agent->sessions->reconciled = true;
        assert_int_equal(session_new(f->agent->sessions, &s), 0);
        s->tie.request = (AccessRequest){ .account = "alice", .uid = 1000, .elevation = true };
        s->tie.grant.jti = "g-1";
        tenant_note(s);
        elevation_note(f->agent->sessions->tenants, 4000000000u, s);
        s->tie = (SessionTie){};
        session_free(s);
        return f->agent->sessions->tenants;
}

static bool nothing_is_ending(void *userdata)
{
        return !tenants_are_ending(userdata);
}

/* By the name of the account, and of a grant: there is no session that the review would end. */
static void a_lock_ends_what_is_left_where_no_session_is_open(void **state)
{
        static const char *const names[] = { "alice", "g-1" };
        Fixture *f = *state;
        Tenant *alice;

        grant_alice(f, 0);
        alice = tenant_of_alice(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_null(alice->timer);
                lock(f, names[i], true);
                assert_non_null(alice->timer);
                assert_true(fixture_until(f, nothing_is_ending, f->agent->sessions));
                lock(f, names[i], false); /* which ends nothing */
                assert_null(alice->timer);
        }
}

static void what_was_given_back_is_over_with_no_set_in_force(void **state)
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        grant_alice(f, 0);
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        only_other_issuer(f);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_GIVEN_BACK);
        signing_key_done(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

static void reload(Fixture *f)
{
        const Config *before = f->agent->config;

        assert_int_equal(agent_reload(f->agent), 0);
        for (int i = 0; i < 1000 && f->agent->config == before; i++)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_true(f->agent->config != before);
        fixture_settle(f);
}

/* The issuer's key was stolen: agentd.conf names another, and the set is gone. */
static void exchange_key(Fixture *f)
{
        char *jwk = NULL;

        signing_key_done(&f->key);
        assert_int_equal(signing_key_generate(&f->key), 0);
        assert_int_equal(jwk_format(&f->key.public, &jwk), 0);
        fixture_write(FIXTURE_KEY, jwk);
        free(jwk);
        reload(f);
        assert_false(is_verified(f, FIXTURE_ISSUER));
}

/* The grant that let alice in began then. */
static bool is_named(Fixture *f, const char *issuer, int64_t nbf_sec)
{
        const SessionsHost host = agent_sessions_host(f->agent);
        const Grant tied = { .jti = "g-1",
                             .account = "alice",
                             .owner = "payments",
                             .issuer = issuer,
                             .nbf_sec = nbf_sec };

        return host.is_named(host.userdata, &tied);
}

static void offer(Fixture *f, char *jws)
{
        fixture_offer(f, jws);
        if (strncmp(f->line, "accepted ", 9) != 0)
                fail_msg("%s", f->line);
        fixture_settle(f);
}

static void what_a_list_names_is_proved_over_without_a_set(void **state) /* E4 */
{
        static const char *const entries[] = {
                "{\"kind\":\"account\",\"name\":\"alice\"}",
                "{\"kind\":\"grant\",\"name\":\"g-1\"}",
                "{\"kind\":\"owner\",\"name\":\"payments\"}",
                "{\"kind\":\"issuer\",\"name\":\"" FIXTURE_ISSUER "\"}",
        };
        Fixture *f = *state;
        const int64_t now_sec = f->base_sec;
        int64_t ver = 1;

        grant_alice(f, 0);
        exchange_key(f);
        assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_REVOKED);
        assert_false(is_named(f, FIXTURE_ISSUER, now_sec)); /* no proof */
        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                offer(f, fixture_list(f, ver++, entries[i]));
                assert_int_equal(judge(f, FIXTURE_ISSUER).reason, REASON_REVOKED);
                assert_true(is_named(f, FIXTURE_ISSUER, now_sec));
                offer(f, fixture_list(f, ver++, ""));
                assert_false(is_named(f, FIXTURE_ISSUER, now_sec));
        }
        offer(f, fixture_list(f, ver++, entries[0]));
        fixture_restart(f);
        assert_false(is_verified(f, FIXTURE_ISSUER));
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_DENY);
        assert_true(is_named(f, FIXTURE_ISSUER, now_sec));
}

/* The same of the key that signed the newest set that had it. */
static bool key_is_named(Fixture *f, const char *kid)
{
        const SessionsHost host = agent_sessions_host(f->agent);
        const Grant tied = {
                .jti = "g-1", .account = "alice", .issuer = FIXTURE_ISSUER, .kid = kid
        };
        char detail[256] = "";
        const bool is_named = host.is_named(host.userdata, &tied);

        host.explain(host.userdata, &tied, REASON_REVOKED, detail, sizeof(detail));
        assert_int_equal(is_named, strstr(detail, "key ") == detail);
        return is_named;
}

static void a_list_that_names_the_key_is_proof_without_a_set(void **state) /* E4 */
{
        Fixture *f = *state;
        _cleanup_free_ char *entry = NULL, *stolen = strdup(f->key.public.kid);

        assert_true(asprintf(&entry, "{\"kind\":\"key\",\"name\":\"%s\"}", stolen) > 0);
        grant_alice(f, 0);
        exchange_key(f);
        assert_false(key_is_named(f, stolen));
        offer(f, fixture_list(f, 1, entry));
        for (int i = 0; i < 2; i++) {
                assert_true(key_is_named(f, stolen));
                assert_false(key_is_named(f, f->key.public.kid));
                assert_false(key_is_named(f, NULL)); /* of an agent of before */
                fixture_restart(f);
        }
        /* Which key signs its issuer's set says where there is one, and that one has another. */
        grant_alice(f, 1);
        assert_false(key_is_named(f, stolen));
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_ALLOW);
}

static void a_list_ends_no_session_that_it_does_not_mean(void **state) /* E4 R5 */
{
        Fixture *f = *state;
        const int64_t now_sec = f->base_sec;
        _cleanup_free_ char *early = NULL;

        assert_true(asprintf(&early, "{\"kind\":\"account\",\"name\":\"alice\",\"before\":%lld}",
                             (long long)now_sec) > 0);
        grant_alice(f, 0);
        exchange_key(f);
        offer(f, fixture_list(f, 1,
                              "{\"kind\":\"account\",\"name\":\"bob\"},"
                              "{\"kind\":\"grant\",\"name\":\"g-2\"}"));
        assert_false(is_named(f, FIXTURE_ISSUER, now_sec));
        offer(f, fixture_list(f, 2, early));
        assert_true(is_named(f, FIXTURE_ISSUER, now_sec - 1));
        assert_false(is_named(f, FIXTURE_ISSUER, now_sec)); /* granted again since */
        assert_false(is_named(f, OTHER_ISSUER, now_sec - 1));
        assert_false(is_named(f, NULL, now_sec - 1)); /* nobody knows whose */
}

static void a_list_that_is_lost_proves_nothing(void **state) /* E4 */
{
        Fixture *f = *state;
        _cleanup_free_ char *path = NULL;

        grant_alice(f, 0);
        exchange_key(f);
        offer(f, fixture_list(f, 1, "{\"kind\":\"account\",\"name\":\"alice\"}"));
        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws", f->agent->issuers[0].list_floor.hash) >
                    0);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        assert_true(f->agent->issuers[0].list_is_lost);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_DENY);
        assert_false(is_named(f, FIXTURE_ISSUER, f->base_sec));
}

static void another_issuers_list_proves_what_it_may_name(void **state) /* E4 R5 */
{
        Fixture *f = *state;
        const int64_t now_sec = f->base_sec;
        SigningKey other;

        grant_alice(f, 0);
        revoking_issuer(&other);
        exchange_key(f);
        offer(f, other_list(f, &other, 1, "{\"kind\":\"account\",\"name\":\"alice\"}"));
        assert_false(is_named(f, FIXTURE_ISSUER, now_sec)); /* its own issuer's alice */
        assert_true(is_named(f, OTHER_ISSUER, now_sec));
        offer(f, other_list(f, &other, 2,
                            "{\"kind\":\"account\",\"name\":\"alice\",\"issuer\":\"*\"}"));
        assert_true(is_named(f, FIXTURE_ISSUER, now_sec));
        /* agentd.conf lets it no longer. */
        fixture_write(PATH_CONF_DIR "/20-other.conf",
                      "issuers = ( { issuer = \"" OTHER_ISSUER "\";\n"
                      "  source: { type = \"file\"; path = \"/nowhere/other.jws\"; };\n"
                      "  keys = ( { file = \"" OTHER_KEY "\";\n"
                      "    reach: { sign = [ \"revocations\" ]; }; } ); } );\n");
        reload(f);
        assert_false(is_named(f, FIXTURE_ISSUER, now_sec));
        signing_key_done(&other);
}

/* ---- is every way into an account enforced? ---------------------------------------------------
 */

static bool is_closed(Fixture *f, const char *account, uint32_t uid)
{
        const SessionsHost host = agent_sessions_host(f->agent);

        return host.account_is_closed(host.userdata, account, uid);
}

#define CLOSED_GATES                                                                               \
        "gates = ( { name = \"all\"; mode = \"enforce\"; services = [ \"*\" ];\n"                  \
        "            accounts = [ \"svc-*\", \"root\" ]; },\n"                                     \
        "          { name = \"seen\"; mode = \"observe\"; services = [ \"*\" ];\n"                 \
        "            accounts = [ \"alice\" ]; },\n"                                               \
        "          { name = \"some\"; mode = \"enforce\"; services = [ \"ssh\" ];\n"               \
        "            accounts = [ \"bob\" ]; } );\n"

/* A1 of nhi-agentd/session/tenant.h */
static void an_account_is_closed_where_no_way_in_is_left_open(void **state)
{
        Fixture *f = *state;

        fixture_write(PATH_CONF_DIR "/gates.conf", CLOSED_GATES);
        assert_int_equal(agent_reload(f->agent), 0);
        fixture_settle(f);
        assert_true(is_closed(f, "svc-deploy", 70001));
        assert_false(is_closed(f, "alice", 1000)); /* only observed */
        assert_false(is_closed(f, "bob", 1001));   /* cron, say, asks for nothing */
        assert_false(is_closed(f, "carol", 1002));
        assert_false(is_closed(f, "root", 0)); /* whatever a gate says */
        fixture_write(PATH_EXEMPT_FILE, "svc-dep* cron\n");
        assert_false(is_closed(f, "svc-deploy", 70001));
        assert_true(is_closed(f, "svc-other", 70002));
        fixture_write(PATH_EXEMPT_FILE, "nobody-else cron\nbad\n");
        assert_true(is_closed(f, "svc-deploy", 70001));
}

/* A name that a set defined, with another uid, is somebody else's. */
static void an_account_that_a_set_defined_is_closed(void **state)
{
        Fixture *f = *state;
        const IdMapUser user = {
                .name = "pay-bot", .issuer = FIXTURE_ISSUER, .uid = 70005, .gid = 70005
        };

        assert_false(is_closed(f, "pay-bot", 70005));
        assert_int_equal(idmap_add_user(f->agent->idmap, &user), 0);
        idmap_sort(f->agent->idmap);
        assert_true(is_closed(f, "pay-bot", 70005));
        assert_false(is_closed(f, "pay-bot", 70006));
}

/* T01: what was in stays in, and ends by the clock that only rises. */
static void a_clock_set_back_ends_no_session_that_is_in(void **state)
{
        Fixture *f = *state;
        const long long now = fixture_now();
        char *grant = NULL;

        agent_prove_time(f->agent, now + 300, now_boottime_usec());
        assert_true(agent_clock_is_behind(f->agent, agent_now(f->agent)));
        assert_true(asprintf(&grant,
                             "{\"jti\":\"g-1\",\"account\":\"alice\",\"owner\":\"payments\","
                             "\"reason\":\"CHG-42\",\"nbf\":%lld,\"exp\":%lld,"
                             "\"authorization_details\":[" ALICE_LOGIN "]}",
                             now + 200, now + 900) > 0);
        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, 0, "", grant)), "accepted ", 9),
                         0);
        fixture_settle(f);
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_ALLOW);
        agent_prove_time(f->agent, now + 901, now_boottime_usec());
        assert_int_equal(judge(f, FIXTURE_ISSUER).verdict, VERDICT_DENY);
        free(grant);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_session_is_under_its_own_issuers_grant_alone),
                TEST(what_one_issuers_holder_gave_back_is_not_the_others),
                TEST(a_lock_ends_sessions_of_an_issuer_that_is_trusted_no_longer),
                TEST(a_lock_ends_what_is_left_where_no_session_is_open),
                TEST(what_was_given_back_is_over_with_no_set_in_force),
                TEST(what_a_list_names_is_proved_over_without_a_set),
                TEST(a_list_that_names_the_key_is_proof_without_a_set),
                TEST(a_list_ends_no_session_that_it_does_not_mean),
                TEST(a_list_that_is_lost_proves_nothing),
                TEST(another_issuers_list_proves_what_it_may_name),
                TEST(an_account_is_closed_where_no_way_in_is_left_open),
                TEST(an_account_that_a_set_defined_is_closed),
                TEST(a_clock_set_back_ends_no_session_that_is_in),
        };

        return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
