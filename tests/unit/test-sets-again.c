/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets under another policy, in a newer version, on a disk that fails, of several issuers: what is
 * taken away is over at once, and what failed is tried again. */

#include "tests/unit/two-issuers.h"

#include "nhi-agentd/journal.h"
#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"
#include "tests/unit/sets-retry.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The thread that fails, after it did so many jobs. */
static const char *_Atomic failing;
static atomic_int jobs_left;

static int inject(const char *thread)
{
        const char *name = atomic_load(&failing);

        return !name || !streq(name, thread) || jobs_left-- > 0 ? 0 : -ENOSPC;
}

static void fail_after(const char *thread, int n)
{
        jobs_left = n;
        atomic_store(&failing, thread);
}

static int setup(void **state)
{
        int r = fixture_setup(state);

        atomic_store(&failing, NULL);
        writer_inject = inject;
        fixture_load(*state);
        return r;
}

static int teardown(void **state)
{
        writer_inject = NULL;
        (void)unsetenv("NOTIFY_SOCKET"); /* which nobody reads after a test that failed */
        return fixture_teardown(state);
}

static Decision decide_for(Fixture *f, const char *account, uint32_t uid, const char *class)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = account,
                                    .uid = uid,
                                    .class = class,
                                    .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &ask, agent_now(f->agent));
}

static bool is_deploy_allowed(Fixture *f)
{
        return decide_for(f, "svc-deploy", 70001, "ssh").verdict == VERDICT_ALLOW;
}

static bool is_alice_allowed(Fixture *f)
{
        return decide_for(f, "alice", 1000, "ssh").verdict == VERDICT_ALLOW;
}

static void verify_again(Fixture *f)
{
        LocalDb *local = NULL;

        assert_int_equal(localdb_load(PATH_ROOT "/etc", &local), 0);
        sets_change_local(f->agent->sets, local);
        fixture_settle(f);
        fixture_settle(f);
}

/* ---- under another policy -------------------------------------------------------------------- */

static void a_set_that_cannot_be_judged_anew_grants_nothing_until_it_can(void **state) /* W3 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        fail_after("nhi-verify", 0);
        verify_again(f);
        assert_false(is_deploy_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "not-verified");
        assert_null(f->agent->issuers[0].set); /* nothing proves an end: sessions stay */
        retry_now(f);
        assert_false(is_deploy_allowed(f));
        atomic_store(&failing, NULL);
        retry_now(f);
        assert_true(is_deploy_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "");
}

static void a_set_whose_archive_cannot_be_read_is_asked_for_again(void **state) /* W3 */
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *jws = fixture_set(f, 0, FIXTURE_ACCOUNT, grant);
        struct stat before, after;

        fixture_offer(f, strdup(jws));
        fixture_settle(f);
        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(stat(PATH_SOURCES_RUN, &before), 0);
        closep(&f->agent->issuers[0].archive_fd);
        f->agent->issuers[0].archive_fd = open(PATH_SETS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        verify_again(f);
        assert_false(is_deploy_allowed(f));
        assert_int_equal(stat(PATH_SOURCES_RUN, &after), 0);
        assert_true(after.st_ino != before.st_ino ||
                    after.st_ctim.tv_sec != before.st_ctim.tv_sec ||
                    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
        assert_int_equal(strncmp(fixture_offer(f, strdup(jws)), "accepted ", 9), 0);
        assert_true(is_deploy_allowed(f));
}

static bool is_reloaded(void *userdata)
{
        Fixture *f = userdata;

        return sets_are_settled(f->agent->sets) && f->agent->config->peers_max == 64;
}

static void reload_with_policy(Fixture *f, const char *policy, int n_jobs_of_disk)
{
        _cleanup_free_ char *text = NULL;

        f->agent->config->peers_max = 0;
        assert_true(asprintf(&text, "limits: { peers_max = 64; };\n%s", policy) > 0);
        fixture_write(PATH_CONF_DIR "/99.conf", text);
        if (n_jobs_of_disk >= 0)
                fail_after("nhi-disk", n_jobs_of_disk);
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_reloaded, f));
        fixture_settle(f);
}

/* ---- PID 1 ---- */

typedef struct Manager {
        Agent *agent;
        int fd;
        bool is_ready, gates_are_there; /* when it was told so */
} Manager;

static void manager_start(Manager *m, Fixture *f)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = PATH_ROOT "/notify" };

        *m = (Manager){ .agent = f->agent, .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
        (void)unlink(at.sun_path);
        assert_int_equal(bind(m->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
        f->agent->serving = true;
}

static void manager_stop(Manager *m)
{
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        (void)close(m->fd);
}

static bool gates_name(const char *name)
{
        char *text = NULL;
        size_t size = 0;
        bool named;

        assert_int_equal(file_read_trusted(PATH_GATES_RUN, geteuid(), 65536, &text, &size), 0);
        named = strstr(text, name);
        free(text);
        return named;
}

static bool is_told_ready(void *userdata)
{
        Manager *m = userdata;
        char text[512] = "";

        while (recv(m->fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0) {
                if (strstr(text, "READY=1")) {
                        m->is_ready = true;
                        m->gates_are_there =
                                publish_is_settled(m->agent->publisher) && gates_name("late");
                }
                memset(text, 0, sizeof(text));
        }
        return m->is_ready;
}

/* What is typed after `systemctl reload` finds the new gates. */
static void a_reload_is_over_once_its_gates_are_published(void **state)
{
        Fixture *f = *state;
        Manager m;

        manager_start(&m, f);
        fixture_write(PATH_CONF_DIR "/99.conf",
                      "gates = ( { name = \"late\"; mode = \"enforce\"; services = [ \"su\" ]; "
                      "accounts = [ \"*\" ]; } );\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_int_equal(f->agent->n_reloads, 1);
        assert_true(fixture_until(f, is_told_ready, &m));
        assert_true(m.gates_are_there);
        assert_int_equal(f->agent->n_reloads, 0);
        manager_stop(&m);
}

/* Each of them is through, refused or overtaken. */
static void of_reloads_at_once_the_last_one_is_waited_for(void **state)
{
        Fixture *f = *state;
        Manager m;

        manager_start(&m, f);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(agent_reload(f->agent), 0);
        fixture_write(PATH_CONF_DIR "/99.conf",
                      "gates = ( { name = \"late\"; mode = \"enforce\"; services = [ \"su\" ]; "
                      "accounts = [ \"*\" ]; } );\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_told_ready, &m));
        assert_true(m.gates_are_there);
        assert_int_equal(f->agent->n_reloads, 0);
        m.is_ready = false;
        fixture_write(PATH_CONF_DIR "/99.conf", "gates = 1;\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_told_ready, &m));
        assert_true(*f->agent->config_error != '\0');
        manager_stop(&m);
}

static int do_nothing(void *userdata)
{
        return 0;
}

static void on_nothing(void *userdata, int r)
{
}

/* It was told RELOADING=1 by the process that asked, and would wait for ever. */
static void a_reload_that_cannot_begin_is_over_for_pid1(void **state)
{
        Fixture *f = *state;
        Manager m;

        manager_start(&m, f);
        while (writer_call(f->agent->writer, do_nothing, on_nothing, NULL) == 0)
                ;
        assert_int_equal(agent_reload(f->agent), -EBUSY);
        assert_true(is_told_ready(&m));
        assert_int_equal(f->agent->n_reloads, 0);
        manager_stop(&m);
}

/* What nhictl init waits for: what was offered before says nothing of another configuration. */
static void a_set_is_offered_anew_under_each_configuration(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *jws = fixture_set(f, 0, FIXTURE_ACCOUNT, grant);

        fixture_offer(f, strdup(jws));
        fixture_settle(f);
        assert_true(f->agent->issuers[0].offered_sec > 0);
        reload_with_policy(f, "", -1);
        assert_non_null(f->agent->issuers[0].set);
        assert_int_equal(f->agent->issuers[0].offered_sec, 0);
        verify_again(f);
        assert_int_equal(f->agent->issuers[0].offered_sec, 0);
        assert_int_equal(strncmp(fixture_offer(f, strdup(jws)), "unchanged ", 10), 0);
        assert_true(f->agent->issuers[0].offered_sec > 0);
}

static void what_a_policy_takes_away_is_over_though_the_disk_fails(void **state) /* W2 W3 A12 */
{
        Fixture *f = *state;
        _cleanup_free_ char *deploy = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *alice = fixture_grant("g-2", "alice", 600, ALICE_LOGIN);
        _cleanup_free_ char *both = NULL;

        assert_true(asprintf(&both, "%s,%s", deploy, alice) > 0);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, both));
        fixture_settle(f);
        assert_true(is_deploy_allowed(f) && is_alice_allowed(f));

        reload_with_policy(f, "policy: { accounts = [ \"svc-*\" ]; };\n", 1);
        assert_true(is_deploy_allowed(f));
        assert_false(is_alice_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "not-saved");
        retry_now(f); /* fails again, and takes nothing back */
        assert_false(is_alice_allowed(f));
        atomic_store(&failing, NULL);
        retry_now(f);
        assert_true(is_deploy_allowed(f));
        assert_false(is_alice_allowed(f));
        assert_int_equal(f->agent->store.n_grants, 1);

        reload_with_policy(f, "", -1);
        assert_true(is_deploy_allowed(f) && is_alice_allowed(f));
}

/* The set of the first issuer is refused, and there is no memory for those of the others. */
static void refuse_without_memory(Fixture *f)
{
        Offer *o = offer_new(f->agent->sets);

        assert_non_null(o);
        o->again = true;
        o->r = SET_E_REFUSED;
        (void)snprintf(o->error.code, sizeof(o->error.code), "key");
        offer_refuse(o);
        offer_free(o);
}

static void what_other_issuers_grant_comes_back_when_there_is_memory(void **state) /* W3 */
{
        Fixture *f = *state;
        SigningKey other;

        two_issuers(f, &other);
        fixture_deploy(f, "g-1", 0);
        fixture_offer(f, other_set(f, &other, 0, "g-2"));
        fixture_settle(f);
        refuse_without_memory(f);
        assert_false(is_alice_allowed(f));
        retry_now(f);
        assert_true(is_alice_allowed(f));
        signing_key_done(&other);
}

static void where_nothing_can_come_back_nothing_is_tried_for_ever(void **state)
{
        Fixture *f = *state;
        SigningKey other;
        char *jwk = NULL;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        refuse_without_memory(f);
        assert_null(f->agent->standing);
        assert_int_equal(signing_key_generate(&other), 0);
        assert_int_equal(jwk_format(&other.public, &jwk), 0);
        fixture_write(FIXTURE_KEY, jwk);
        reload_with_policy(f, "", -1);
        agent_put_standing(f->agent, NULL);
        retry_now(f);
        assert_string_equal(f->agent->issuers[0].refused.code, "key");
        assert_non_null(f->agent->standing); /* known to be empty */
        assert_false(waits_for_retry(f));
        free(jwk);
        signing_key_done(&other);
}

/* ---- a newer version ------------------------------------------------------------------------- */

static const char *offer_with(Fixture *f, int64_t ver, int64_t lifetime_sec, const char *terms)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", lifetime_sec, terms);

        return fixture_offer(f, fixture_set(f, ver, FIXTURE_ACCOUNT, grant));
}

static void what_a_newer_set_grants_with_less_is_over_though_the_disk_fails(void **state) /* W2 */
{
        Fixture *f = *state;
        const char *only_cron = "{\"type\":\"nhi_login\",\"services\":[\"cron\"]}";
        Decision d;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        fail_after("nhi-disk", 0);
        assert_int_equal(strncmp(offer_with(f, 1, 60, only_cron), "refused not-saved", 17), 0);
        fixture_settle(f);
        d = decide_for(f, "svc-deploy", 70001, "ssh");
        assert_int_equal(d.verdict, VERDICT_DENY);
        assert_int_equal(d.reason, REASON_SERVICE_NOT_GRANTED);
        d = decide_for(f, "svc-deploy", 70001, "cron");
        assert_int_equal(d.verdict, VERDICT_ALLOW);
        assert_true(d.end_sec <= fixture_now() + 60);
        verify_again(f); /* takes nothing of that back */
        assert_false(is_deploy_allowed(f));
        atomic_store(&failing, NULL);
        assert_int_equal(strncmp(offer_with(f, 2, 600, FIXTURE_LOGIN), "accepted ", 9), 0);
        d = decide_for(f, "svc-deploy", 70001, "ssh");
        assert_int_equal(d.verdict, VERDICT_ALLOW);
        assert_true(d.end_sec > fixture_now() + 60);
        assert_null(f->agent->issuers[0].lessened_owner);
}

static void what_a_newer_set_grants_with_more_waits_until_it_is_saved(void **state) /* W1 */
{
        Fixture *f = *state;

        assert_int_equal(strncmp(offer_with(f, 0, 60, ALICE_LOGIN), "accepted ", 9), 0);
        fixture_settle(f);
        fail_after("nhi-disk", 0);
        assert_int_equal(strncmp(offer_with(f, 1, 600, FIXTURE_LOGIN), "refused not-saved", 17), 0);
        assert_int_equal(decide_for(f, "svc-deploy", 70001, "cron").verdict, VERDICT_DENY);
        assert_true(decide_for(f, "svc-deploy", 70001, "ssh").end_sec <= fixture_now() + 60);
        assert_true(is_deploy_allowed(f));
}

static void what_a_policy_gives_back_waits_for_the_newer_set(void **state) /* W2 */
{
        Fixture *f = *state;
        const char *narrow = "policy: { accounts = [ \"svc-*\" ]; };\n";
        _cleanup_free_ char *deploy = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *alice = fixture_grant("g-2", "alice", 600, ALICE_LOGIN);
        _cleanup_free_ char *both = NULL;
        char *newer = fixture_set(f, 1, FIXTURE_ACCOUNT, deploy);
        _cleanup_free_ char *copy = strdup(newer);

        assert_true(asprintf(&both, "%s,%s", deploy, alice) > 0);
        reload_with_policy(f, narrow, -1);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, both));
        fixture_settle(f);
        fail_after("nhi-disk", 0);
        assert_int_equal(strncmp(fixture_offer(f, newer), "refused not-saved", 17), 0);
        atomic_store(&failing, NULL);
        for (int i = 0; i < 2; i++) {
                reload_with_policy(f, "", -1);
                assert_true(is_deploy_allowed(f));
                assert_false(is_alice_allowed(f)); /* the newer one has not that grant */
                verify_again(f);
                assert_false(is_alice_allowed(f));
                reload_with_policy(f, narrow, -1);
        }
        assert_int_equal(strncmp(fixture_offer(f, TAKE_PTR(copy)), "accepted ", 9), 0);
        reload_with_policy(f, "", -1);
        fixture_offer(f, fixture_set(f, 2, FIXTURE_ACCOUNT, both));
        assert_true(is_alice_allowed(f));
}

static void a_withdrawn_set_does_not_bring_back_what_a_newer_one_revoked(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *alice = fixture_grant("g-2", "alice", 600, ALICE_LOGIN);
        char *newer = fixture_set(f, 1, "", alice);
        _cleanup_free_ char *copy = strdup(newer);

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        fail_after("nhi-verify", 0);
        verify_again(f);
        assert_null(f->agent->issuers[0].set);
        fail_after("nhi-disk", 0);
        assert_int_equal(strncmp(fixture_offer(f, newer), "refused not-saved", 17), 0);
        retry_now(f);
        assert_false(is_deploy_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "version-floor");
        atomic_store(&failing, NULL);
        verify_again(f); /* nor with a disk that works */
        assert_false(is_deploy_allowed(f));
        assert_int_equal(strncmp(fixture_offer(f, TAKE_PTR(copy)), "accepted ", 9), 0);
        assert_true(is_alice_allowed(f));
        assert_false(is_deploy_allowed(f));
}

/* ---- what failed ----------------------------------------------------------------------------- */

static void a_state_that_could_not_be_saved_is_saved_later(void **state) /* A12 */
{
        Fixture *f = *state;
        char error[STATE_ERROR_MAX] = "";
        State *saved = NULL;
        bool changed = false;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        fail_after("nhi-disk", 0);
        assert_int_equal(agent_lock(f->agent, "svc-deploy", true, &changed), 0);
        fixture_settle(f);
        retry_now(f);
        atomic_store(&failing, NULL);
        retry_now(f);
        assert_int_equal(state_load(PATH_STATE_FILE, &saved, error), 0);
        assert_int_equal(saved->n_locked, 1);
        state_free(saved);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* journald, which counts the records that hold a text. */
typedef struct Journald {
        int fd;
        pthread_t thread;
        const char *text;
        atomic_uint n_with, n_quarantine;
} Journald;

static void *journald_main(void *userdata)
{
        Journald *j = userdata;
        static char record[65536];
        ssize_t n;

        while ((n = recv(j->fd, record, sizeof(record) - 1, 0)) > 1) {
                record[n] = '\0';
                j->n_quarantine += strstr(record, "NHI_EVENT=quarantine") != NULL;
                j->n_with += strstr(record, j->text) != NULL;
        }
        return NULL;
}

static void journald_start(Journald *j, const char *text)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const int size = 8 * 1024 * 1024;

        *j = (Journald){ .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), .text = text };
        assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_JOURNAL_SOCK) <
                    (int)sizeof(address.sun_path));
        assert_int_equal(bind(j->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)setsockopt(j->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        assert_int_equal(pthread_create(&j->thread, NULL, journald_main, j), 0);
}

static void journald_stop(Journald *j)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH_JOURNAL_SOCK };
        const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)), 1);
        assert_int_equal(pthread_join(j->thread, NULL), 0);
        (void)close(fd);
        (void)close(j->fd);
        (void)unlink(PATH_JOURNAL_SOCK);
}

static void what_is_quarantined_beyond_the_limit_is_told_by_its_number(void **state)
{
        Fixture *f = *state;
        const size_t n = SET_QUARANTINE_MAX + 7;
        _cleanup_free_ char *grants = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&grants, &size);
        char detail[64];
        Journald j;

        for (size_t i = 0; i < n; i++) /* no member of a grant is there */
                (void)fprintf(out, "%s{\"jti\":\"g-%zu\"}", i ? "," : "", i);
        (void)fclose(out);
        (void)snprintf(detail, sizeof(detail), "7 more entries, %zu in all", n);
        journald_start(&j, detail);
        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, 0, "", grants)), "accepted ", 9),
                         0);
        fixture_settle(f);
        journald_stop(&j);
        assert_int_equal(f->agent->issuers[0].set->n_quarantined, n);
        assert_int_equal(j.n_with, 1);
        /* Of so many some may be dropped: journal.h. */
        assert_int_equal(j.n_quarantine + journal_dropped(f->agent->journal),
                         SET_QUARANTINE_MAX + 1);
}

static bool is_withdrawn(void *userdata)
{
        const Agent *a = ((Fixture *)userdata)->agent;

        return !a->issuers[0].set && sets_are_settled(a->sets);
}

static void a_jti_of_two_issuers_is_told_and_the_first_is_heard(void **state)
{
        Fixture *f = *state;
        SigningKey other;
        Journald j;

        two_issuers(f, &other);
        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        journald_start(&j, "grant g-1 of https://other.test: " FIXTURE_ISSUER);
        assert_int_equal(strncmp(fixture_offer(f, other_set(f, &other, 0, "g-1")), "accepted ", 9),
                         0);
        fixture_settle(f);
        fixture_deploy(f, "g-1", 1); /* it is told to both */
        fixture_settle(f);
        fixture_deploy(f, "g-3", 2);
        fixture_settle(f);
        journald_stop(&j);
        assert_int_equal(j.n_with, 2);
        assert_int_equal(j.n_quarantine, 2);
        assert_true(is_deploy_allowed(f));
        assert_true(is_alice_allowed(f)); /* since nobody else uses g-1 any more */
        signing_key_done(&other);
}

static void what_one_issuer_revokes_is_not_another_issuers(void **state) /* W2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *alice = fixture_grant("g-1", "alice", 600, ALICE_LOGIN);
        SigningKey other;

        two_issuers(f, &other);
        fixture_offer(f, other_set(f, &other, 0, "g-1"));
        fixture_settle(f);
        assert_true(is_alice_allowed(f));
        fail_after("nhi-disk", 0);
        fixture_offer(f, other_set(f, &other, 1, NULL)); /* is not saved */
        assert_false(is_alice_allowed(f));
        atomic_store(&failing, NULL);
        fixture_settle(f);
        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, 0, "", alice)), "accepted ", 9),
                         0);
        assert_true(is_alice_allowed(f));
        signing_key_done(&other);
}

static void what_goes_with_its_set_is_written_down(void **state)
{
        Fixture *f = *state;
        SigningKey other;
        Journald j;
        char *jwk = NULL;

        two_issuers(f, &other);
        fixture_deploy(f, "g-1", 0);
        fixture_offer(f, other_set(f, &other, 0, "g-2"));
        fixture_settle(f);
        journald_start(&j, "NHI_CODE=revoked\n");
        fixture_deploy(f, "g-3", 1);
        fixture_settle(f);
        journald_stop(&j);
        assert_int_equal(j.n_with, 1);
        assert_int_equal(jwk_format(&other.public, &jwk), 0);
        journald_start(&j, "NHI_CODE=withdrawn\n");
        fixture_write(FIXTURE_KEY, jwk); /* the first issuer's key is trusted no longer */
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_withdrawn, f));
        fixture_settle(f);
        journald_stop(&j);
        assert_int_equal(j.n_with, 1);
        journald_start(&j, "NHI_CODE=issuer-removed\n");
        fixture_write(PATH_CONF_FILE, ISSUERS(ISSUER(FIXTURE_ISSUER, FIXTURE_KEY)));
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_one_issuer, f));
        fixture_settle(f);
        journald_stop(&j);
        assert_int_equal(j.n_with, 1);
        assert_false(is_deploy_allowed(f) || is_alice_allowed(f));
        free(jwk);
        signing_key_done(&other);
}

/* ---- the archive ----------------------------------------------------------------------------- */

static unsigned n_archived(void)
{
        DIR *dir = opendir(PATH_SETS_DIR);
        unsigned n = 0;

        assert_non_null(dir);
        for (const struct dirent *e; (e = readdir(dir));)
                n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
        (void)closedir(dir);
        return n;
}

static bool archive_has(const char *hash)
{
        char path[sizeof(PATH_SETS_DIR) + 80];

        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", hash);
        return access(path, F_OK) == 0;
}

static void the_last_sets_of_each_key_stay_archived(void **state)
{
        Fixture *f = *state;
        const char *old = PATH_SETS_DIR
                "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.jws";
        const char *unfinished = PATH_SETS_DIR
                "/.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.jws.Xy12Zz";
        const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        char first[65];
        SigningKey other;

        two_issuers(f, &other);
        fixture_offer(f, other_set(f, &other, 0, "g-other"));
        fixture_deploy(f, "g-1", 0);
        memcpy(first, f->agent->issuers[0].set->hash, sizeof(first));
        fixture_settle(f); /* what cleans up would take a file that is being written */
        fixture_write(old, "not a set");
        fixture_write(PATH_SETS_DIR "/README", "not ours");
        assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
        fixture_write(unfinished, "half a set");
        for (int64_t i = 1; i < SETS_KEPT_MAX; i++)
                fixture_deploy(f, "g-1", i);
        fixture_settle(f);
        assert_true(archive_has(first));
        assert_int_equal(access(unfinished, F_OK), -1);
        fixture_deploy(f, "g-1", SETS_KEPT_MAX);
        fixture_settle(f);
        assert_false(archive_has(first));
        assert_true(archive_has(f->agent->issuers[0].set->hash));
        assert_true(archive_has(f->agent->issuers[1].set->hash));
        assert_int_equal(access(old, F_OK), 0); /* of another key, as far as it says */
        assert_int_equal(n_archived(), SETS_KEPT_MAX + 3);
        fixture_restart(f);
        assert_true(is_deploy_allowed(f) && is_alice_allowed(f));
        signing_key_done(&other);
}

static void what_is_in_force_stays_archived_however_old_it_looks(void **state)
{
        Fixture *f = *state;
        const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        char path[sizeof(PATH_SETS_DIR) + 80];

        for (int64_t i = 0; i < SETS_KEPT_MAX; i++)
                fixture_deploy(f, "g-1", i);
        fixture_settle(f);
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", f->agent->issuers[0].set->hash);
        assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
        assert_int_equal(
                link(path, PATH_SETS_DIR
                     "/0000000000000000000000000000000000000000000000000000000000000000.jws"),
                0);
        sets_prune_archive(f->agent->sets);
        fixture_settle(f);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(n_archived(), SETS_KEPT_MAX + 1);
}

/* It has no memory then, and what sorts wants some. */
static void an_archive_without_files_is_pruned(void **state)
{
        Fixture *f = *state;

        fixture_settle(f);
        assert_int_equal(n_archived(), 0);
        sets_prune_archive(f->agent->sets);
        fixture_settle(f);
        assert_int_equal(n_archived(), 0);
}

/* ---- at the start ---------------------------------------------------------------------------- */

#define GROUPS_LOCAL "root:x:0:\nalice:x:1000:\noperators:x:1500:alice\nnhi-managed:x:990:\n"

static int load_with_files_up_to(Fixture *f, rlim_t size)
{
        char error[AGENT_ERROR_MAX] = "";
        struct rlimit before;
        int r;

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ size, before.rlim_max }), 0);
        r = agent_load(f->agent, error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        return r;
}

/* A group that was the host's own is gone, and its id is to be learnt: there is no room for it. */
static void a_set_that_cannot_be_saved_at_the_start_is_tried_again_and_the_agent_starts(
        void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant =
                fixture_grant("g-1", "svc-deploy", 600,
                              FIXTURE_LOGIN ",{\"type\":\"nhi_group\",\"groups\":[\"deployers\"]}");

        fixture_write(PATH_ROOT "/etc/group", GROUPS_LOCAL "deployers:x:1600:\n");
        fixture_restart(f);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grant));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        fixture_stop(f);

        fixture_write(PATH_ROOT "/etc/group", GROUPS_LOCAL);
        fixture_agent(f);
        assert_int_equal(load_with_files_up_to(f, 64), 0);
        assert_string_equal(f->agent->issuers[0].refused.code, "not-saved");
        assert_null(f->agent->issuers[0].set); /* W1 */
        f->agent->reconciled = true;
        assert_int_equal(sessions_new(f->event, &(SessionsHost){ .userdata = f->agent },
                                      PATH_SESSIONS_RUN, &f->agent->sessions),
                         0);
        retry_now(f);
        assert_true(is_deploy_allowed(f));
        assert_string_equal(f->agent->issuers[0].refused.code, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_set_that_cannot_be_judged_anew_grants_nothing_until_it_can),
                TEST(a_set_whose_archive_cannot_be_read_is_asked_for_again),
                TEST(a_reload_is_over_once_its_gates_are_published),
                TEST(of_reloads_at_once_the_last_one_is_waited_for),
                TEST(a_reload_that_cannot_begin_is_over_for_pid1),
                TEST(a_set_is_offered_anew_under_each_configuration),
                TEST(what_a_policy_takes_away_is_over_though_the_disk_fails),
                TEST(what_other_issuers_grant_comes_back_when_there_is_memory),
                TEST(where_nothing_can_come_back_nothing_is_tried_for_ever),
                TEST(what_a_newer_set_grants_with_less_is_over_though_the_disk_fails),
                TEST(what_a_newer_set_grants_with_more_waits_until_it_is_saved),
                TEST(what_a_policy_gives_back_waits_for_the_newer_set),
                TEST(a_withdrawn_set_does_not_bring_back_what_a_newer_one_revoked),
                TEST(a_state_that_could_not_be_saved_is_saved_later),
                TEST(what_is_quarantined_beyond_the_limit_is_told_by_its_number),
                TEST(a_jti_of_two_issuers_is_told_and_the_first_is_heard),
                TEST(what_goes_with_its_set_is_written_down),
                TEST(what_one_issuer_revokes_is_not_another_issuers),
                TEST(the_last_sets_of_each_key_stay_archived),
                TEST(what_is_in_force_stays_archived_however_old_it_looks),
                TEST(an_archive_without_files_is_pruned),
                TEST(a_set_that_cannot_be_saved_at_the_start_is_tried_again_and_the_agent_starts),
        };

        return cmocka_run_group_tests_name("sets-again", tests, NULL, NULL);
}
