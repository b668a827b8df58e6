/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/fetch/sources.h"

#include "lib/snapshot/reader.h"
#include "nhi-agentd/expiry.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/watch.h"

static int setup(void **state)
{
        int r = fixture_setup(state);

        writer_inject = NULL;
        fixture_load(*state);
        return r;
}

static Snapshot open_snapshot(void)
{
        Snapshot s = {};

        assert_int_equal(snapshot_open(PATH_SNAPSHOT, geteuid(), &s), 0);
        return s;
}

static SnapshotNow at(int64_t offset_sec)
{
        return (SnapshotNow){ now_realtime_usec() + offset_sec * (int64_t)USEC_PER_SEC,
                              now_boottime_usec() + offset_sec * (int64_t)USEC_PER_SEC };
}

static void an_account_is_visible_until_the_latest_end_of_its_grants(void **state) /* N04 */
{
        Fixture *f = *state;
        _cleanup_free_ char *a = fixture_grant("g-a", "svc-deploy", 300, FIXTURE_LOGIN);
        _cleanup_free_ char *b = fixture_grant("g-b", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *both = NULL;
        SnapshotUserView user;
        Snapshot s;

        assert_true(asprintf(&both, "%s,%s", a, b) > 0);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, both));
        s = open_snapshot();
        assert_true(snapshot_user_by_name(&s, "svc-deploy", at(0), &user));
        assert_int_equal(user.uid, 70001);
        assert_string_equal(user.shell, "/bin/bash");
        assert_true(snapshot_user_by_name(&s, "svc-deploy", at(590), &user));
        assert_false(snapshot_user_by_name(&s, "svc-deploy", at(601), &user));
        assert_true(snapshot_user_by_uid(&s, 70001, at(601), &user));
        assert_string_equal(user.shell, SNAPSHOT_NOLOGIN);
        snapshot_close(&s);
}

static void a_withdrawn_account_is_retired_and_its_old_file_superseded(void **state)
{
        Fixture *f = *state;
        SnapshotUserView user;
        Snapshot old, s;

        fixture_deploy(f, "g-1", 0);
        old = open_snapshot();
        fixture_offer(f, fixture_set(f, 1, "", ""));
        assert_true(snapshot_is_superseded(&old));
        snapshot_close(&old);
        s = open_snapshot();
        assert_false(snapshot_user_by_name(&s, "svc-deploy", at(0), &user));
        assert_true(snapshot_user_by_uid(&s, 70001, at(0), &user)); /* files keep an owner */
        assert_string_equal(user.name, "svc-deploy");
        snapshot_close(&s);
}

static void a_locked_account_is_not_visible(void **state)
{
        Fixture *f = *state;
        SnapshotUserView user;
        bool changed;
        Snapshot s;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(agent_lock(f->agent, "svc-deploy", true, &changed), 0);
        fixture_settle(f);
        s = open_snapshot();
        assert_false(snapshot_user_by_name(&s, "svc-deploy", at(0), &user));
        snapshot_close(&s);
}

static void groups_are_given_for_as_long_as_the_grant(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant =
                fixture_grant("g-1", "postgres", 600,
                              "{\"type\":\"nhi_group\",\"groups\":[\"pay-ops\",\"operators\"]}");
        gid_t gids[4] = {};
        SnapshotGroupView group;
        SnapshotUserView user;
        uint32_t pay_ops = 0;
        Snapshot s;

        fixture_offer(f, fixture_set(f, 0, "", grant));
        assert_true(idmap_group_by_name(f->agent->idmap, "pay-ops", &pay_ops));
        s = open_snapshot();
        assert_int_equal(snapshot_groups_of(&s, "postgres", at(0), gids, 4), 2);
        assert_true((gids[0] == 1500 && gids[1] == pay_ops) ||
                    (gids[1] == 1500 && gids[0] == pay_ops));
        assert_int_equal(snapshot_groups_of(&s, "postgres", at(601), gids, 4), 0);
        assert_true(snapshot_group_by_name(&s, "pay-ops", at(0), &group));
        assert_false(snapshot_group_by_name(&s, "pay-ops", at(601), &group));
        assert_false(snapshot_user_by_name(&s, "postgres", at(0), &user)); /* the host's own */
        snapshot_close(&s);
}

static void a_local_member_is_given_nothing(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant(
                "g-1", "alice", 600, "{\"type\":\"nhi_group\",\"groups\":[\"operators\"]}");
        gid_t gids[2];
        Snapshot s;

        fixture_offer(f, fixture_set(f, 0, "", grant));
        s = open_snapshot();
        assert_int_equal(snapshot_groups_of(&s, "alice", at(0), gids, 2), 0);
        snapshot_close(&s);
}

static void accounts_of_ours_are_members_of_nhi_managed(void **state) /* sshd's Match Group */
{
        Fixture *f = *state;
        gid_t gids[2] = {};
        Snapshot s;

        fixture_deploy(f, "g-1", 0);
        s = open_snapshot();
        assert_int_equal(snapshot_groups_of(&s, "svc-deploy", at(0), gids, 2), 1);
        assert_int_equal(gids[0], 990);
        snapshot_close(&s);
}

static void what_a_set_ever_defined_stays_gated(void **state)
{
        Fixture *f = *state;
        const GateSubject ours = { .name = "svc-deploy", .uid = 70001 };
        const GateSubject op = { .name = "op-bob", .uid = 1002 };
        _cleanup_free_ char *run = NULL, *copy = NULL;
        size_t size = 0, copy_size = 0;
        Gates *gates = NULL;

        fixture_deploy(f, "g-1", 0);
        fixture_offer(f, fixture_set(f, 1, "", ""));
        fixture_settle(f);
        assert_int_equal(file_read_trusted(PATH_GATES_RUN, geteuid(), GATES_SIZE_MAX, &run, &size),
                         0);
        assert_int_equal(
                file_read_trusted(PATH_GATES_STATE, geteuid(), GATES_SIZE_MAX, &copy, &copy_size),
                0);
        assert_string_equal(run, copy);
        assert_int_equal(gates_parse(run, size, &gates), 0);
        assert_int_equal(gates_match(gates, &ours, "ssh", NULL, 0), GATE_ENFORCE);
        assert_int_equal(gates_match(gates, &op, "sudo", NULL, 0), GATE_ENFORCE);
        assert_int_equal(gates_match(gates, &op, "ssh", NULL, 0), GATE_UNGATED);
        gates_free(gates);
}

static void sources_are_listed_for_the_fetcher(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, geteuid(), 65536, &text, &size), 0);
        assert_non_null(strstr(text, "\"path\": \"/nowhere\""));
        assert_non_null(strstr(text, "\"issuer\": \"" FIXTURE_ISSUER "\""));
}

static void a_source_of_the_network_is_listed_whole_and_without_a_secret(void **state)
{
        Fixture *f = *state;
        SourceConfig *s = &f->agent->config->issuers[0].source;
        const char *urls[] = { "https://a/{host}", "https://b/{host}" };
        const char *pins[] = { "sha256//A=", "sha256//B=" };
        char error[SOURCES_ERROR_MAX] = "";
        SourceList l = { 0 };

        s->type = (char *)"https";
        s->urls = (StrList){ .items = urls, .n = 2 };
        s->pins = (StrList){ .items = pins, .n = 2 };
        s->token = (char *)"name-of-a-token";
        assert_int_equal(publish_sources(f->agent->config), 0);
        if (sources_load(PATH_SOURCES_RUN, geteuid(), &l, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(l.n, 2);
        assert_string_equal(l.specs[0].type, "https");
        assert_string_equal(l.specs[0].host, FIXTURE_HOST);
        assert_int_equal(l.specs[0].n_urls, 2);
        assert_string_equal(l.specs[0].urls[1], "https://b/{host}");
        assert_string_equal(l.specs[0].pins, "sha256//A=;sha256//B=");
        assert_string_equal(l.specs[0].token, "name-of-a-token");
        assert_int_equal(l.specs[0].interval_usec, 60 * USEC_PER_SEC);
        assert_int_equal(l.specs[0].size_max, 64 << 20);
        sources_done(&l);
}

static SourceList sources_of(Fixture *f, const char *type, const char *const *urls, size_t n)
{
        SourceConfig *s = &f->agent->config->issuers[0].source;
        char error[SOURCES_ERROR_MAX] = "";
        SourceList l = { 0 };

        s->type = (char *)(uintptr_t)type;
        s->urls = (StrList){ .items = (const char **)(uintptr_t)urls, .n = n };
        assert_int_equal(publish_sources(f->agent->config), 0);
        if (sources_load(PATH_SOURCES_RUN, geteuid(), &l, error) < 0)
                fail_msg("%s", error);
        return l;
}

static void the_revocation_list_has_the_place_of_a_host(void **state)
{
        static const char *const urls[] = { "https://a/sets", "https://b/{host}.jws" };
        Fixture *f = *state;
        SourceList l = sources_of(f, "https", urls, 2);

        /* A URL that names one object only has none for the list. */
        assert_int_equal(l.n, 2);
        assert_int_equal(l.specs[0].n_urls, 2);
        assert_int_equal(l.specs[1].index, l.specs[0].index);
        assert_string_equal(l.specs[1].host, "revocations");
        assert_false(l.specs[0].is_optional);
        assert_true(l.specs[1].is_optional);
        assert_int_equal(l.specs[1].n_urls, 1);
        assert_string_equal(l.specs[1].urls[0], "https://b/{host}.jws");
        assert_int_equal(l.specs[1].size_max, REVOCATIONS_SIZE_MAX);
        sources_done(&l);
        l = sources_of(f, "https", urls, 1);
        assert_int_equal(l.n, 1);
        sources_done(&l);
        /* etcd's place is in the key. */
        l = sources_of(f, "etcd", urls, 1);
        assert_int_equal(l.n, 2);
        assert_string_equal(l.specs[1].etcd_key, "/nhi/sets/{host}");
        assert_string_equal(l.specs[1].host, "revocations");
        assert_int_equal(l.specs[1].n_urls, 1);
        sources_done(&l);
}

static void the_next_deadline_is_the_first_of_all(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *a = fixture_grant("g-a", "svc-deploy", 300, FIXTURE_LOGIN);
        _cleanup_free_ char *b = fixture_grant("g-b", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *both = NULL;
        const Grant *first;
        int64_t real, boot;
        Now now;

        assert_true(asprintf(&both, "%s,%s", a, b) > 0);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, both));
        first = agent_grant(f->agent, "g-a");
        now = agent_now(f->agent);
        expiry_next(f->agent, now, &real, &boot);
        assert_int_equal(real, first->exp_sec * (int64_t)USEC_PER_SEC);
        assert_int_equal(boot, first->boot_end_usec);
        now.real_usec = real;
        now.boot_usec = boot;
        expiry_next(f->agent, now, &real, &boot);
        assert_int_equal(real, agent_grant(f->agent, "g-b")->exp_sec * (int64_t)USEC_PER_SEC);
}

static bool grant_is_over(void *userdata)
{
        return ((Fixture *)userdata)->agent->state->n_ended == 1;
}

/* Not the reader's own deadline: the record is retired, at any time. */
static bool deploy_is_retired(void *userdata)
{
        Snapshot s = open_snapshot();
        SnapshotUserView user;
        const bool answers = snapshot_user_by_name(&s, "svc-deploy", at(-3600), &user);

        snapshot_close(&s);
        return !answers;
}

/* A set whose grant g-1 ends soon, but is in force before: how long that takes is the disk's
 * affair, and is seen on another set. */
static void deploy_shortly(Fixture *f)
{
        const uint64_t begin_usec = now_monotonic_usec();
        _cleanup_free_ char *grant = NULL;
        int64_t needed_sec;

        fixture_deploy(f, "g-0", 0);
        fixture_settle(f);
        needed_sec = (int64_t)((now_monotonic_usec() - begin_usec) / USEC_PER_SEC) + 1;
        /* An end is a whole second, and the one that has begun counts. */
        grant = fixture_grant("g-1", "svc-deploy", 2 + 2 * needed_sec, FIXTURE_LOGIN);
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, grant));
}

static void at_its_end_a_grant_is_withdrawn_by_the_timer(void **state) /* T07 */
{
        Fixture *f = *state;

        deploy_shortly(f);
        assert_int_equal(f->agent->state->n_ended, 0);
        assert_true(fixture_until(f, grant_is_over, f));
        assert_string_equal(f->agent->state->ended[0].jti, "g-1");
        /* What time ended is published a little later where a publication takes long. */
        assert_true(fixture_until(f, deploy_is_retired, NULL));
}

static int slow_publication(const char *thread)
{
        if (streq(thread, "nhi-publish"))
                (void)usleep(50000);
        return 0;
}

/* A slow host puts off what only time has changed, and has not published it until then. */
static void what_is_put_off_is_still_to_be_published(void **state)
{
        Fixture *f = *state;
        uint64_t before;

        writer_inject = slow_publication;
        publish(f->agent->publisher);
        fixture_settle(f);
        before = f->agent->generation;
        publish_later(f->agent->publisher);
        assert_false(publish_is_settled(f->agent->publisher));
        assert_true(f->agent->generation == before);
        fixture_settle(f);
        assert_true(f->agent->generation > before);
        writer_inject = NULL;
}

static void an_end_that_passed_while_others_were_judged_fires_at_once(void **state)
{
        Fixture *f = *state;
        int64_t left_usec;
        Now judged, late;

        deploy_shortly(f);
        judged = late = agent_now(f->agent);
        left_usec =
                agent_grant(f->agent, "g-1")->exp_sec * (int64_t)USEC_PER_SEC - judged.real_usec;
        assert_true(left_usec > 0);
        late.real_usec += left_usec + 1;
        late.boot_usec += left_usec + 5 * (int64_t)USEC_PER_SEC;
        assert_int_equal(expiry_arm(f->agent->expiry, late), 0); /* as if nobody would end it */
        while (agent_now(f->agent).real_usec <=
               agent_grant(f->agent, "g-1")->exp_sec * (int64_t)USEC_PER_SEC)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_int_equal(f->agent->state->n_ended, 0);
        assert_int_equal(expiry_arm(f->agent->expiry, judged), 0);
        assert_true(fixture_until(f, grant_is_over, f));
}

static void the_plugin_line_of_sudo_conf_is_known(void **state)
{
        static const char *const with[] = {
                "Plugin sudo_nhi_approval sudo_nhi.so\n",
                "# x\n  plugin\tsudo_nhi_approval /usr/libexec/sudo/sudo_nhi.so opt=1",
        };
        static const char *const without[] = {
                "",
                "#Plugin sudo_nhi_approval sudo_nhi.so\n",
                "Plugin sudo_nhi_approval\n",
                "Plugin other sudo_nhi.so\n",
                "Plugin sudo_nhi_approval sudo_nhi.so.bak\n",
                "Plugin\nsudo_nhi_approval sudo_nhi.so\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(with); i++)
                assert_true(sudo_conf_has_plugin(with[i]));
        for (size_t i = 0; i < ELEMENTSOF(without); i++)
                assert_false(sudo_conf_has_plugin(without[i]));
}

static bool sees_plugin(void *userdata)
{
        return ((Fixture *)userdata)->agent->sudo_plugin;
}

static void a_change_of_sudo_conf_is_noticed(void **state)
{
        Fixture *f = *state;

        assert_false(f->agent->sudo_plugin);
        fixture_write(PATH_SUDO_CONF, "Plugin sudo_nhi_approval sudo_nhi.so\n");
        assert_true(fixture_until(f, sees_plugin, f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_account_is_visible_until_the_latest_end_of_its_grants),
                TEST(a_withdrawn_account_is_retired_and_its_old_file_superseded),
                TEST(a_locked_account_is_not_visible),
                TEST(groups_are_given_for_as_long_as_the_grant),
                TEST(a_local_member_is_given_nothing),
                TEST(accounts_of_ours_are_members_of_nhi_managed),
                TEST(what_a_set_ever_defined_stays_gated),
                TEST(sources_are_listed_for_the_fetcher),
                TEST(a_source_of_the_network_is_listed_whole_and_without_a_secret),
                TEST(the_revocation_list_has_the_place_of_a_host),
                TEST(the_next_deadline_is_the_first_of_all),
                TEST(at_its_end_a_grant_is_withdrawn_by_the_timer),
                TEST(what_is_put_off_is_still_to_be_published),
                TEST(an_end_that_passed_while_others_were_judged_fires_at_once),
                TEST(the_plugin_line_of_sudo_conf_is_known),
                TEST(a_change_of_sudo_conf_is_noticed),
        };

        return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
