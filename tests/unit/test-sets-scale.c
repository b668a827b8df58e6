/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who waits for whom: nobody for a set, an ending for its withdrawal, and that not for long. */

#include "tests/unit/agent-fixture.h"

#include "lib/snapshot/reader.h"
#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* The thread of this name does nothing until it is NULL. */
static const char *_Atomic hanging;

static int hang(const char *thread)
{
        const char *name;

        while ((name = atomic_load(&hanging)) && streq(name, thread))
                (void)usleep(1000);
        return 0;
}

static int setup(void **state)
{
        int r = fixture_setup(state);

        atomic_store(&hanging, NULL);
        writer_inject = hang;
        fixture_load(*state);
        return r;
}

static int teardown(void **state)
{
        atomic_store(&hanging, NULL);
        agent_ahead_usec = 0;
        return fixture_teardown(state);
}

static bool is_allowed(const Fixture *f)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = "svc-deploy",
                                    .uid = 70001,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &ask, agent_now(f->agent)).verdict == VERDICT_ALLOW;
}

static bool is_denied(void *userdata)
{
        return !is_allowed(userdata);
}

static bool is_visible(void)
{
        const SnapshotNow now = { now_realtime_usec(), now_boottime_usec() };
        SnapshotUserView user;
        Snapshot s = {};
        bool found;

        assert_int_equal(snapshot_open(PATH_SNAPSHOT, geteuid(), &s), 0);
        found = snapshot_user_by_name(&s, "svc-deploy", now, &user);
        snapshot_close(&s);
        return found;
}

static bool is_withdrawn(void *userdata)
{
        return !is_visible();
}

static void begin_offer(Fixture *f, char *jws)
{
        f->answered = false;
        assert_int_equal(sets_offer(f->agent->sets, 0, jws, strlen(jws), fixture_on_offered, f), 0);
}

/* n grants for svc-deploy that all end at the same second. */
static char *many_grants(size_t n, int64_t lifetime_sec)
{
        const int64_t now_sec = fixture_now();
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        for (size_t i = 0; i < n; i++)
                (void)fprintf(out,
                              "%s{\"jti\":\"g-%05zu\",\"account\":\"svc-deploy\","
                              "\"owner\":\"payments\",\"reason\":\"CHG-42\",\"nbf\":%lld,"
                              "\"exp\":%lld,\"authorization_details\":[" FIXTURE_LOGIN "]}",
                              i > 0 ? "," : "", i, (long long)now_sec - 1,
                              (long long)(now_sec + lifetime_sec));
        assert_int_equal(fclose(out), 0);
        return text;
}

static void an_agent_that_stops_while_a_set_is_saved_lowers_no_floor(void **state) /* W1, V18 */
{
        Fixture *f = *state;
        char error[STATE_ERROR_MAX] = "";
        State *saved = NULL;
        bool changed = false;
        int64_t ver;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        ver = f->agent->issuers[0].floor.ver;
        atomic_store(&hanging, "nhi-disk");
        begin_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_true(fixture_until(f, is_denied, f));
        assert_int_equal(agent_lock(f->agent, "svc-x", true, &changed), 0);
        atomic_store(&hanging, NULL);
        fixture_stop(f);
        assert_int_equal(state_load(PATH_STATE_FILE, &saved, error), 0);
        assert_int_equal(saved->n_locked, 1);
        assert_int_equal(state_floor(saved, FIXTURE_ISSUER)->ver, ver + 1);
        state_free(saved);
        fixture_agent(f);
        fixture_load(f);
        assert_false(is_allowed(f));
}

static void what_a_set_revokes_is_denied_and_withdrawn_while_the_disk_hangs(void **state) /* W2 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        assert_true(is_allowed(f) && is_visible());
        fixture_settle(f);
        atomic_store(&hanging, "nhi-disk");
        begin_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_true(fixture_until(f, is_denied, f));
        assert_true(fixture_until(f, is_withdrawn, f));
        assert_non_null(agent_grant(f->agent, "g-1")); /* W1: the new set is not in force yet */
        assert_false(f->answered);
        atomic_store(&hanging, NULL);
        assert_true(fixture_until(f, fixture_is_answered, f));
        assert_null(agent_grant(f->agent, "g-1"));
}

static void what_is_given_back_is_withdrawn_while_a_set_is_verified(void **state) /* W4 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        atomic_store(&hanging, "nhi-verify");
        begin_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_true(is_allowed(f));
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        assert_false(is_allowed(f));
        assert_true(fixture_until(f, is_withdrawn, f));
        assert_false(f->answered);
        atomic_store(&hanging, NULL);
        assert_true(fixture_until(f, fixture_is_answered, f));
}

static void what_is_locked_while_a_set_is_verified_stays_locked_though_the_agent_ends(void **state)
{
        Fixture *f = *state;
        bool changed = false;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        atomic_store(&hanging, "nhi-verify");
        begin_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_int_equal(agent_lock(f->agent, "svc-deploy", true, &changed), 0);
        assert_true(f->agent->sets->state_dirty);
        atomic_store(&hanging, NULL);
        fixture_restart(f);
        assert_int_equal(f->agent->locked.n, 1);
        assert_false(is_allowed(f));
}

static unsigned n_judged;

static Decision on_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        n_judged++;
        return (Decision){ .reason = REASON_NO_SET };
}

static Now on_now(void *userdata)
{
        return agent_now(userdata);
}

static bool was_judged(void *userdata)
{
        return n_judged > 0;
}

/* One session that is there, and nothing of it to end. */
static void add_session(Fixture *f)
{
        Session *s = NULL;

        sessions_free(f->agent->sessions);
        f->agent->sessions = NULL;
        assert_int_equal(
                sessions_new(
                        f->event,
                        &(SessionsHost){ .userdata = f->agent, .judge = on_judge, .now = on_now },
                        PATH_SESSIONS_RUN, &f->agent->sessions),
                0);
        assert_int_equal(session_new(f->agent->sessions, &s), 0);
        s->state = SESSION_ACTIVE;
        s->end_sec = INT64_MAX / 2000000;
        s->boot_end_usec = INT64_MAX;
        s->tie.grant.jti = "g-1";
        s->tie.request.account = "svc-deploy";
        s->tie.request.class = "ssh";
        n_judged = 0;
}

static void a_session_ends_after_its_withdrawal(void **state) /* B2 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        add_session(f);
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        while (n_judged == 0) {
                assert_true(sd_event_run(f->event, 20000) >= 0);
                assert_true(n_judged == 0 || !is_visible());
        }
}

static void a_publication_that_hangs_holds_no_ending_up(void **state) /* B2 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        add_session(f);
        atomic_store(&hanging, "nhi-publish");
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        assert_true(fixture_until(f, was_judged, f));
        assert_true(is_visible());
        atomic_store(&hanging, NULL);
        fixture_settle(f);
        assert_false(is_visible());
}

static void thousands_that_end_in_one_second_are_remembered_in_small_turns(void **state) /* T08 */
{
        Fixture *f = *state;
        _cleanup_free_ char *grants = many_grants(2000, 600);
        const State *s = f->agent->state;
        size_t before = 0, most = 0;

        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grants));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        assert_true(is_allowed(f));
        agent_ahead_usec = 601 * (int64_t)USEC_PER_SEC;
        agent_time_passed(f->agent);
        while (s->n_ended < 2000) {
                assert_true(sd_event_run(f->event, 20000) >= 0);
                most = s->n_ended - before > most ? s->n_ended - before : most;
                before = s->n_ended;
                assert_true(s->n_ended == 0 || !is_allowed(f));
        }
        assert_true(most <= 2 * ENDED_TURN_MAX);
        fixture_settle(f);
        fixture_restart(f);
        assert_int_equal(f->agent->state->n_ended, 2000);
}

static int on_other(sd_event_source *source, uint64_t usec, void *userdata)
{
        *(bool *)userdata = true;
        return 0;
}

/* While thousands are written down, whoever comes later has a turn, too. */
static void assert_others_have_a_turn(Fixture *f)
{
        sd_event_source *other = NULL;
        bool fired = false;

        assert_false(ended_is_settled(f->agent->ended));
        assert_true(sd_event_add_time_relative(f->event, &other, CLOCK_MONOTONIC, 0, 1, on_other,
                                               &fired) >= 0);
        for (unsigned i = 0; i < 8 && !fired; i++)
                assert_true(sd_event_run(f->event, 0) >= 0);
        assert_true(fired);
        assert_false(ended_is_settled(f->agent->ended));
        sd_event_source_disable_unref(other);
}

static void thousands_that_are_revoked_at_once_are_denied_at_once(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *grants = many_grants(2000, 600);

        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grants));
        assert_true(is_allowed(f));
        begin_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_true(fixture_until(f, is_denied, f));
        assert_int_equal(f->agent->issuers[0].narrowed.n, 2000);
        while (ended_is_settled(f->agent->ended))
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_others_have_a_turn(f);
        assert_true(fixture_until(f, fixture_is_answered, f));
        assert_int_equal(f->agent->issuers[0].narrowed.n, 0);
        fixture_settle(f);
        assert_int_equal(f->agent->state->n_ended, 0);
}

static bool has_other_issuer(void *userdata)
{
        return streq(((Fixture *)userdata)->agent->config->issuers[0].issuer, "https://b.test");
}

static void an_issuer_that_leaves_takes_its_grants_along(void **state) /* W3 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_write(PATH_CONF_FILE,
                      "host: { name = \"" FIXTURE_HOST "\"; };\n"
                      "issuers = ( { issuer = \"https://b.test\"; source: { type = \"file\"; "
                      "path = \"/nowhere\"; }; keys = ( { file = \"" FIXTURE_KEY "\"; reach: "
                      "{ sign = [ \"grants\" ]; lifetime_max = \"24h\"; }; } ); } );\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_other_issuer, f));
        assert_false(is_allowed(f));
        assert_int_equal(f->agent->store.n_grants, 0);
        fixture_settle(f);
        assert_false(is_visible());
}

static void a_host_that_lost_its_archive_verifies_anew_what_it_has_open(void **state)
{
        Fixture *f = *state;
        LocalDb *local = NULL;
        char path[512];

        fixture_deploy(f, "g-1", 0);
        (void)snprintf(path, sizeof(path), "%s/%s.jws", PATH_SETS_DIR,
                       f->agent->issuers[0].set->hash);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(localdb_load(PATH_ROOT "/etc", &local), 0);
        sets_change_local(f->agent->sets, local);
        fixture_settle(f);
        assert_true(is_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "");
}

static SetBytes *bytes_of(size_t size)
{
        char *data = malloc(size);
        SetBytes *b = NULL;

        assert_non_null(data);
        assert_int_equal(set_bytes_new(data, size, &b), 0);
        return b;
}

static void fixture_nobody(void *userdata, const char *line)
{
}

static void what_waits_to_be_verified_is_bounded(void **state) /* A14 */
{
        Fixture *f = *state;
        SetBytes *over = bytes_of(2);
        SetBytes *large = bytes_of(1);

        atomic_store(&hanging, "nhi-verify");
        large->size = SETS_QUEUE_BYTES_MAX - 1; /* claimed, and never read: the thread hangs */
        assert_int_equal(sets_offer_bytes(f->agent->sets, 0, bytes_of(9), fixture_nobody, NULL), 0);
        assert_int_equal(sets_offer_bytes(f->agent->sets, 0, large, fixture_nobody, NULL), 0);
        assert_int_equal(sets_offer_bytes(f->agent->sets, 0, over, fixture_nobody, NULL), -EBUSY);
        over->size = 1;
        assert_int_equal(sets_offer_bytes(f->agent->sets, 0, over, fixture_nobody, NULL), 0);
        large->size = 1;
        over->size = 1;
        f->agent->sets->n_bytes = 2;
        for (size_t i = 2; i < SETS_QUEUE_MAX; i++)
                assert_int_equal(
                        sets_offer_bytes(f->agent->sets, 0, bytes_of(1), fixture_nobody, NULL), 0);
        over = bytes_of(1);
        assert_int_equal(sets_offer_bytes(f->agent->sets, 0, over, fixture_nobody, NULL), -EBUSY);
        set_bytes_free(over);
        atomic_store(&hanging, NULL);
        fixture_settle(f);
        assert_int_equal(f->agent->sets->n_bytes, 0);
}

/* ---- bytes ---- */

static int memfd_of_size(off_t size, bool filled, int seals)
{
        const int fd = memfd_create("set", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0 && ftruncate(fd, size) == 0);
        for (off_t i = 0; filled && i < size; i++)
                assert_int_equal(pwrite(fd, "x", 1, i), 1);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static int map_result(int fd, size_t max)
{
        SetBytes *b = NULL;
        const int r = set_bytes_map(fd, max, &b);

        set_bytes_free(b);
        (void)close(fd);
        return r;
}

static void only_bytes_that_cannot_change_are_mapped(void **state) /* V37 */
{
        const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
        int fd = memfd_of_size(5, true, all);
        SetBytes *b = NULL;

        assert_int_equal(set_bytes_map(fd, 5, &b), 0);
        assert_int_equal(b->size, 5);
        assert_memory_equal(b->data, "xxxxx", 5);
        set_bytes_free(b);
        assert_int_equal(map_result(fd, 4), -EFBIG);
        assert_int_equal(map_result(memfd_of_size(0, false, all), 4), -EFBIG);
        assert_int_equal(map_result(memfd_of_size(4096, false, all), 4096), -EPERM); /* a hole */
        assert_int_equal(map_result(memfd_of_size(5, true, all & ~F_SEAL_SHRINK), 5), -EPERM);
        assert_int_equal(map_result(memfd_of_size(5, true, all & ~F_SEAL_GROW), 5), -EPERM);
        assert_int_equal(map_result(memfd_of_size(5, true, all & ~F_SEAL_WRITE), 5), -EPERM);
        assert_int_equal(map_result(memfd_of_size(5, true, all & ~F_SEAL_SEAL), 5), -EPERM);
        assert_int_equal(map_result(open("/dev/null", O_RDONLY), 5), -EPERM);
}

/* Blocks behind the end make up for those that are missing, and may be given back once sealed. */
static void bytes_with_holes_are_not_read(void **state) /* A14 */
{
        const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
        const int fd = memfd_create("set", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        const int whole = memfd_of_size(5, true, all);
        SetBytes *b = NULL;

        assert_true(fd >= 0 && ftruncate(fd, 65536) == 0);
        assert_int_equal(fallocate(fd, FALLOC_FL_KEEP_SIZE, 65536, 65536), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, all), 0);
        assert_int_equal(set_bytes_map(fd, 65536, &b), 0);
        assert_int_equal(set_bytes_check(b), -EPERM);
        set_bytes_free(b);
        assert_int_equal(set_bytes_map(whole, 5, &b), 0);
        assert_int_equal(set_bytes_check(b), 0);
        set_bytes_free(b);
        assert_int_equal(set_bytes_new(strdup("x"), 1, &b), 0);
        assert_int_equal(set_bytes_check(b), 0);
        set_bytes_free(b);
        (void)close(fd);
        (void)close(whole);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(what_a_set_revokes_is_denied_and_withdrawn_while_the_disk_hangs),
                TEST(an_agent_that_stops_while_a_set_is_saved_lowers_no_floor),
                TEST(what_is_given_back_is_withdrawn_while_a_set_is_verified),
                TEST(what_is_locked_while_a_set_is_verified_stays_locked_though_the_agent_ends),
                TEST(a_session_ends_after_its_withdrawal),
                TEST(a_publication_that_hangs_holds_no_ending_up),
                TEST(thousands_that_end_in_one_second_are_remembered_in_small_turns),
                TEST(thousands_that_are_revoked_at_once_are_denied_at_once),
                TEST(an_issuer_that_leaves_takes_its_grants_along),
                TEST(a_host_that_lost_its_archive_verifies_anew_what_it_has_open),
                TEST(what_waits_to_be_verified_is_bounded),
                cmocka_unit_test(only_bytes_that_cannot_change_are_mapped),
                cmocka_unit_test(bytes_with_holes_are_not_read),
#undef TEST
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
