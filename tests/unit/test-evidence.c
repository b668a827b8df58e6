/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises E1 and E2 of nhi-agentd/evidence.h, and what a record of the agent's says. U06; U08,
 * U10 in part: that each answer has its record is test-request's. */

#include "tests/unit/agent-fixture.h"

#include "lib/log/record.h"
#include "nhi-agentd/evidence-internal.h"
#include "nhi-agentd/log/heads.h"
#include "nhi-agentd/log/store.h"
#include "tests/unit/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

static atomic_int sync_error;
static atomic_int n_good; /* syncs until they fail; 0: as sync_error says */
static atomic_int n_bad;  /* syncs that fail, and then no more */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
        if (n_bad > 0 && n_bad-- > 0) {
                errno = EIO;
                return -1;
        }
        if (sync_error == 0) {
                if (n_good > 0 && --n_good == 0)
                        sync_error = EIO;
                return 0;
        }
        errno = sync_error;
        return -1;
}

/* ---- what stands in the log -------------------------------------------------------------------
 */

/* Every record of every segment, as JSON, in their order; owned. */
static json_t *read_log(void)
{
        json_t *records = json_array(), *schema = json_load_file(SCHEMA_FILE, 0, NULL);
        char error[256] = "";
        LogSegments list = {};
        int dir = open(PATH_LOG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(dir >= 0);
        assert_int_equal(log_segments_list(dir, &list), 0);
        for (size_t i = 0; i < list.n; i++) {
                char *text = NULL;
                size_t size = 0;
                const char *p, *newline;

                assert_int_equal(file_read_trusted_at(dir, list.items[i].name, geteuid(),
                                                      64u * 1024 * 1024, &text, &size),
                                 0);
                for (p = text; (newline = strchr(p, '\n')); p = newline + 1) {
                        json_t *o =
                                json_loadb(p, (size_t)(newline - p), JSON_REJECT_DUPLICATES, NULL);

                        assert_non_null(o);
                        if (!schema_fits(schema, o, error, sizeof(error)))
                                fail_msg("%s: %.*s", error, (int)(newline - p), p);
                        json_array_append_new(records, o);
                }
                free(text);
        }
        log_segments_done(&list);
        (void)close(dir);
        json_decref(schema);
        return records;
}

static const char *text_of(const json_t *o, const char *name)
{
        return json_string_value(json_object_get(o, name));
}

/* The nth record of this event, a borrowed view, or NULL. */
static json_t *nth(json_t *records, const char *event, unsigned n)
{
        json_t *o;
        size_t i;

        json_array_foreach(records, i, o)
                if (streq(text_of(o, "event"), event) && n-- == 0)
                        return o;
        return NULL;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static const Actor prior = { .sub = "agent:first" };
static const Actor act = { .sub = "agent:release-bot", .prior = &prior };
static const Grant grant = {
        .jti = "g-1",
        .account = "svc-deploy",
        .sub = "spiffe://x/ci",
        .owner = "payments",
        .reason = "CHG-42 roll out",
        .ticket = "CHG-42",
        .issued_by = "",
        .act = &act,
        .issuer = "https://i",
        .set_hash = "1111111111111111111111111111111111111111111111111111111111111111",
};
static const Caller caller = {
        .pid = 77,
        .cgroup = "/user.slice/user-70001.slice/session-12.scope",
        .unit = "sshd.service",
        .invocation = "00112233445566778899aabbccddeeff",
        .audit_session = 5,
        .loginuid = 70001,
};

static const Event decision = {
        .kind = EVENT_DECISION,
        .account = "svc-deploy",
        .uid = 70001,
        .account_kind = "workload",
        .class = "ssh",
        .service = "sshd",
        .phase = "account",
        .mode = "enforce",
        .has_decision = true,
        .decision = { .verdict = VERDICT_ALLOW,
                      .reason = REASON_GRANTED,
                      .grant = &grant,
                      .end_sec = 1763761800 },
        .rhost = "10.1.2.3\x1b[2J\n",
        .tty = "ssh",
        .caller = &caller,
        .decision_id = 7,
};

static const Event exemption = {
        .kind = EVENT_EXEMPTION, .account = "root", .class = "login", .mode = "exempt"
};

typedef struct Answer {
        bool told;
        int r;
} Answer;

static void on_answer(void *userdata, int r)
{
        Answer *a = userdata;

        assert_false(a->told);
        *a = (Answer){ .told = true, .r = r };
}

static int ask(Fixture *f, const Event *e)
{
        Answer a = {};
        int r = evidence_append(f->agent->evidence, e, on_answer, &a);

        if (r < 0)
                return r;
        assert_false(a.told);
        assert_true(fixture_until(f, fixture_is_true, &a.told));
        return a.r;
}

static EvidenceView view(Fixture *f)
{
        EvidenceView v;

        evidence_view(f->agent->evidence, &v);
        return v;
}

static bool is_well(void *userdata)
{
        return view(userdata).error == 0;
}

static bool has_failed(void *userdata)
{
        return view(userdata).error != 0;
}

static size_t n_carried_wanted;

static bool are_carried(void *userdata)
{
        return view(userdata).n_carried == n_carried_wanted;
}

static void wait_carried(Fixture *f, size_t n)
{
        n_carried_wanted = n;
        assert_true(fixture_until(f, are_carried, f));
}

static int resume(Fixture *f)
{
        return evidence_resume(f->agent->evidence,
                               &(const Event){ .kind = EVENT_LOG_RESUMED, .detail = "by uid 0" });
}

static int setup(void **state)
{
        sync_error = n_good = n_bad = 0;
        if (fixture_setup(state) != 0)
                return -1;
        fixture_load(*state);
        return 0;
}

/* ---- truths ------------------------------------------------------------------------------------
 */

static void a_record_says_who_what_when_why_and_from_where(void **state)
{
        static const char *const texts[][2] = {
                { "account", "svc-deploy" },
                { "kind", "workload" },
                { "class", "ssh" },
                { "service", "sshd" },
                { "phase", "account" },
                { "mode", "enforce" },
                { "verdict", "allow" },
                { "reason", "granted" },
                { "grant", "g-1" },
                { "subject", "spiffe://x/ci" },
                { "owner", "payments" },
                { "why", "CHG-42 roll out" },
                { "ticket", "CHG-42" },
                { "issuer", "https://i" },
                { "rhost", "10.1.2.3\x1b[2J\n" },
                { "tty", "ssh" },
                { "unit", "sshd.service" },
                { "invocation", "00112233445566778899aabbccddeeff" },
                { "logind_session", "12" },
        };
        static const struct {
                const char *name;
                int64_t value;
        } numbers[] = { { "uid", 70001 },       { "until", 1763761800 }, { "pid", 77 },
                        { "audit_session", 5 }, { "loginuid", 70001 },   { "decision", 7 } };
        Fixture *f = *state;
        json_t *records, *o;

        assert_int_equal(ask(f, &decision), 0);
        records = read_log();
        o = nth(records, "decision", 0);
        assert_non_null(o);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_string_equal(text_of(o, texts[i][0]), texts[i][1]);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                assert_int_equal(json_integer_value(json_object_get(o, numbers[i].name)),
                                 numbers[i].value);
        assert_string_equal(text_of(o, "set"), grant.set_hash);
        assert_int_equal(strlen(text_of(o, "boot")), 32);
        assert_null(json_object_get(o, "issued_by"));
        o = json_object_get(o, "actor");
        assert_string_equal(json_string_value(json_array_get(o, 0)), "agent:release-bot");
        assert_string_equal(json_string_value(json_array_get(o, 1)), "agent:first");
        json_decref(records);
}

static void the_log_begins_with_this_host_and_its_key(void **state)
{
        Fixture *f = *state;
        json_t *records = read_log(), *o = json_array_get(records, 0);

        assert_string_equal(text_of(o, "event"), "log-created");
        assert_string_equal(text_of(o, "host"), FIXTURE_HOST);
        assert_string_equal(text_of(o, "key"), view(f).key->kid);
        assert_string_equal(text_of(o, "log"), view(f).head.log_id);
        json_decref(records);
}

static void an_accepted_set_is_recorded_with_its_hash(void **state)
{
        Fixture *f = *state;
        json_t *records;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(ask(f, &decision), 0); /* behind it in the queue */
        records = read_log();
        assert_string_equal(text_of(nth(records, "set-accepted", 0), "set"),
                            f->agent->issuers[0].set->hash);
        json_decref(records);
}

static void a_set_is_kept_as_long_as_a_segment_cites_it(void **state)
{
        static const char other[] = PATH_LOG_DIR
                "/sets/2222222222222222222222222222222222222222222222222222222222222222.jws";
        struct timespec old[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1 } };
        LogStoreConfig c = { .dir = PATH_LOG_DIR, .rotate_size = 4096, .host = FIXTURE_HOST };
        LogStore *s = NULL;
        Fixture *f = *state;
        char first[sizeof(other) + 80], second[sizeof(other) + 80];
        Event e = decision;
        Grant g = grant;

        fixture_deploy(f, "g-1", 0);
        (void)snprintf(first, sizeof(first), PATH_LOG_DIR "/sets/%s.jws",
                       f->agent->issuers[0].set->hash);
        g.set_hash = f->agent->issuers[0].set->hash;
        e.decision.grant = &g;
        assert_int_equal(ask(f, &e), 0);
        fixture_deploy(f, "g-2", 1);
        (void)snprintf(second, sizeof(second), PATH_LOG_DIR "/sets/%s.jws",
                       f->agent->issuers[0].set->hash);
        fixture_settle(f);
        fixture_write(other, "cited by nobody");
        assert_int_equal(utimensat(AT_FDCWD, other, old, 0), 0);
        assert_int_equal(utimensat(AT_FDCWD, first, old, 0), 0);
        assert_int_equal(utimensat(AT_FDCWD, second, old, 0), 0);
        fixture_stop(f);

        assert_int_equal(log_store_open(&c, NULL, 0, &s), 0);
        assert_int_equal(log_store_rotate(s), 0);
        log_store_free(s);
        fixture_agent(f);
        fixture_load(f);
        evidence_sweep_sets(f->agent->evidence);
        fixture_settle(f);
        assert_int_equal(access(first, F_OK), 0);
        assert_int_equal(access(second, F_OK), 0);
        assert_int_equal(access(other, F_OK), -1);

        /* The segment that cites the first goes; the second is in force. */
        assert_int_equal(unlink(PATH_LOG_DIR "/decisions-00000000000000000001.sets"), 0);
        evidence_sweep_sets(f->agent->evidence);
        fixture_settle(f);
        assert_int_equal(access(first, F_OK), 0);
        assert_int_equal(unlink(PATH_LOG_DIR "/decisions-00000000000000000001.log"), 0);
        evidence_sweep_sets(f->agent->evidence);
        fixture_settle(f);
        assert_int_equal(access(first, F_OK), -1);
        assert_int_equal(access(second, F_OK), 0);
}

/* A session that may be one of so many: what it takes is given back where its record is not
 * written. */
static void a_session_counts_when_its_record_is_written(void **state)
{
        Fixture *f = *state;
        Evidence *v = f->agent->evidence;
        json_t *records;
        Answer a = {};

        for (int error = 0; error <= EIO; error += EIO) {
                a = (Answer){};
                sync_error = error;
                assert_int_equal(evidence_n_uses(v, &grant), error ? 1 : 0);
                assert_int_equal(evidence_append_use(v, &decision, on_answer, &a), 0);
                assert_int_equal(evidence_n_uses(v, &grant), error ? 2 : 1);
                assert_true(fixture_until(f, fixture_is_true, &a.told));
                assert_int_equal(a.r, -error);
                assert_int_equal(evidence_n_uses(v, &grant), 1);
        }
        assert_int_equal(evidence_append_use(v, &decision, on_answer, &a), -EIO);
        assert_int_equal(evidence_n_uses(v, &grant), 1);
        sync_error = 0;
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        fixture_restart(f);
        assert_int_equal(evidence_n_uses(f->agent->evidence, &grant), 1);
        records = read_log();
        assert_int_equal(json_integer_value(json_object_get(nth(records, "decision", 0), "use")),
                         1);
        assert_null(nth(records, "decision", 1));
        assert_int_equal(json_integer_value(json_object_get(nth(records, "grant-used", 0), "use")),
                         1);
        json_decref(records);
}

/* As long as it can come back. */
static void a_grant_that_no_set_has_any_more_is_forgotten(void **state)
{
        Fixture *f = *state;
        Grant g = grant;
        Event e = decision;
        Answer a = {};

        fixture_deploy(f, "g-1", 0);
        g.issuer = FIXTURE_ISSUER;
        g.exp_sec = 1000;
        e.decision.grant = &g;
        assert_int_equal(evidence_append_use(f->agent->evidence, &e, on_answer, &a), 0);
        assert_true(fixture_until(f, fixture_is_true, &a.told));
        evidence_forget_uses(f->agent->evidence, 2000);
        assert_int_equal(evidence_n_uses(f->agent->evidence, &g), 1);
        fixture_deploy(f, "g-2", 1);
        evidence_forget_uses(f->agent->evidence, 2000); /* the set said later: its end had moved */
        assert_int_equal(evidence_n_uses(f->agent->evidence, &g), 1);
        evidence_forget_uses(f->agent->evidence, fixture_now() + 900);
        assert_int_equal(evidence_n_uses(f->agent->evidence, &g), 0);
}

static void a_gate_whose_mode_changes_is_recorded(void **state)
{
        Fixture *f = *state;
        json_t *records, *o;

        fixture_write(PATH_CONF_DIR "/50-modes.conf", "modes: { ops = \"observe\"; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        fixture_settle(f);
        assert_int_equal(ask(f, &decision), 0);
        records = read_log();
        assert_non_null(nth(records, "config-changed", 0));
        o = nth(records, "config-changed", 1);
        assert_string_equal(text_of(o, "mode"), "observe");
        assert_string_equal(text_of(o, "detail"), "ops: from enforce to observe");
        assert_null(nth(records, "config-changed", 2));
        json_decref(records);
}

/* U06: nothing succeeds later, a restart and a well disk included, until somebody resumes it. */
static void a_log_that_failed_denies_until_it_is_resumed(void **state)
{
        Fixture *f = *state;
        json_t *records, *o;

        sync_error = EIO;
        assert_int_equal(ask(f, &decision), -EIO);
        sync_error = 0;
        assert_int_equal(ask(f, &decision), -EIO);
        fixture_settle(f);
        assert_int_equal(access(PATH_LOG_FAILED, F_OK), 0);
        assert_int_equal(access(PATH_LOG_FAILED_RUN, F_OK), 0);
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), -EBUSY);
        assert_non_null(strstr(view(f).why, "nhictl log resume"));

        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
        fixture_settle(f);
        assert_int_equal(access(PATH_LOG_FAILED, F_OK), -1);
        assert_int_equal(access(PATH_LOG_FAILED_RUN, F_OK), -1);
        assert_int_equal(resume(f), -EALREADY);
        records = read_log();
        o = nth(records, "log-resumed", 0);
        assert_string_equal(text_of(o, "detail"), "by uid 0");
        assert_int_equal(json_integer_value(json_object_get(o, "count")), 3);
        assert_non_null(nth(records, "decision", 0));
        assert_null(nth(records, "decision", 1));
        json_decref(records);
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), 0);
}

static void on_too_large(int number)
{
        (void)number;
}

/* E2, over a reboot: nothing can be written, here nor in /run. */
static void a_marker_is_made_on_a_disk_that_takes_nothing(void **state)
{
        struct rlimit before, none;
        Fixture *f = *state;

        fixture_settle(f);
        (void)signal(SIGXFSZ, on_too_large);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
                assert_true(ask(f, &decision) < 0);
                fixture_settle(f);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
                assert_int_equal(access(PATH_LOG_FAILED, F_OK), 0);
                (void)unlink(PATH_LOG_FAILED_RUN);
                fixture_restart(f);
                assert_int_equal(ask(f, &decision), -EBUSY);
                assert_int_equal(resume(f), 0);
                assert_true(fixture_until(f, is_well, f));
                assert_int_equal(ask(f, &decision), 0);
                fixture_settle(f);
                assert_int_equal(access(PATH_LOG_FAILED, F_OK), -1);
        }
}

/* Also what a start would find: it may be gone by then. */
static void whatever_fails_a_log_that_ran_is_marked(void **state)
{
        Fixture *f = *state;

        sync_error = EPERM;
        assert_int_equal(ask(f, &decision), -EPERM);
        fixture_settle(f);
        assert_int_equal(access(PATH_LOG_FAILED, F_OK), 0);
        sync_error = 0;
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), -EBUSY);
}

static bool is_not_resumed(void *userdata)
{
        const EvidenceView v = view(userdata);

        return v.why && strstr(v.why, "not resumed");
}

static void a_resume_on_a_disk_that_still_fails_changes_nothing(void **state)
{
        Fixture *f = *state;

        sync_error = ENOSPC;
        assert_int_equal(ask(f, &decision), -ENOSPC);
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_not_resumed, f));
        assert_int_equal(view(f).error, -ENOSPC);
        assert_non_null(strstr(view(f).why, "not resumed: No space left"));
        fixture_settle(f);
        assert_int_equal(access(PATH_LOG_FAILED, F_OK), 0);
}

/* What nobody waits for is in the chain afterwards; who was denied is counted. */
static void exempt_logins_meanwhile_are_carried_over(void **state)
{
        Fixture *f = *state;
        json_t *records, *o;

        sync_error = EIO;
        assert_int_equal(ask(f, &exemption), -EIO);
        agent_record(f->agent, &exemption);
        assert_int_equal(ask(f, &decision), -EIO);
        wait_carried(f, 2);
        assert_int_equal(view(f).n_lost, 1);
        sync_error = 0;
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(view(f).n_carried, 0);
        records = read_log();
        for (unsigned i = 0; i < 2; i++) {
                o = nth(records, "exemption", i);
                assert_true(json_is_true(json_object_get(o, "carried")));
                assert_int_equal(strlen(text_of(o, "at")), LOG_TIME_SIZE);
                assert_string_equal(text_of(o, "account"), "root");
        }
        assert_null(nth(records, "exemption", 2));
        json_decref(records);
}

/* L1, L2: in the chain, over a restart; who asks for access is denied all the same. */
static void what_nobody_waits_for_goes_to_the_reserve(void **state)
{
        Fixture *f = *state;
        json_t *records;

        n_bad = 1;
        assert_int_equal(ask(f, &exemption), 0);
        assert_int_equal(view(f).error, -EIO);
        agent_record(f->agent, &exemption);
        assert_int_equal(ask(f, &exemption), -EIO); /* nobody is kept waiting by that disk */
        assert_int_equal(ask(f, &decision), -EIO);
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), -EBUSY);
        agent_record(f->agent, &exemption);
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(view(f).n_carried, 0);
        records = read_log();
        for (unsigned i = 0; i < 4; i++) {
                assert_non_null(nth(records, "exemption", i));
                assert_null(json_object_get(nth(records, "exemption", i), "carried"));
        }
        assert_null(nth(records, "exemption", 4));
        assert_null(nth(records, "decision", 1));
        json_decref(records);
}

/* What was kept in memory goes with the agent, and the record of the resume says how many. */
static void what_a_stop_drops_is_counted(void **state)
{
        Fixture *f = *state;
        json_t *records;

        sync_error = EIO;
        assert_int_equal(ask(f, &decision), -EIO);
        agent_record(f->agent, &exemption);
        agent_record(f->agent, &exemption);
        wait_carried(f, 2);
        fixture_restart(f);
        assert_int_equal(view(f).n_lost, 3);
        fixture_restart(f);
        assert_int_equal(view(f).n_lost, 3);
        sync_error = 0;
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        records = read_log();
        assert_int_equal(
                json_integer_value(json_object_get(nth(records, "log-resumed", 0), "count")), 3);
        json_decref(records);
        fixture_settle(f);
        n_bad = 1;
        assert_int_equal(ask(f, &decision), -EIO);
        fixture_settle(f);
        fixture_restart(f);
        assert_int_equal(view(f).n_lost, 1);
}

/* And once more, where the log fails with them on their way. */
static void what_was_carried_and_not_written_is_carried_again(void **state)
{
        Fixture *f = *state;
        json_t *records;

        sync_error = EIO;
        assert_int_equal(ask(f, &exemption), -EIO);
        assert_int_equal(view(f).n_carried, 1);
        for (int i = 0; i < 3; i++) {
                sync_error = 0;
                n_good = 1; /* the record of the resume is written, and nothing behind it */
                assert_int_equal(resume(f), 0);
                assert_true(fixture_until(f, is_well, f));
                assert_true(fixture_until(f, has_failed, f));
                assert_int_equal(view(f).n_carried, 1);
        }
        sync_error = 0;
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(view(f).n_carried, 0);
        records = read_log();
        assert_non_null(nth(records, "exemption", 0));
        assert_null(nth(records, "exemption", 1));
        json_decref(records);
}

static void other_limits_count_at_once_and_another_directory_later(void **state)
{
        Fixture *f = *state;
        json_t *records, *o = NULL;
        char *large = calloc(1, 1201);
        Event e = decision;

        memset(large, 'x', 1200);
        e.command = large;
        fixture_write(PATH_CONF_DIR "/60-log.conf",
                      "log: { rotate_size = 1; head_interval = \"1s\"; dir = \"/elsewhere\"; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        fixture_settle(f);
        for (int i = 0; i < 800; i++)
                agent_record(f->agent, &e);
        assert_int_equal(ask(f, &decision), 0);
        records = read_log();
        assert_non_null(nth(records, "segment", 0));
        for (unsigned i = 0; (o = nth(records, "config-changed", i)); i++)
                if (streq_ptr(text_of(o, "code"), "restart"))
                        break;
        assert_non_null(o);
        assert_non_null(strstr(text_of(o, "detail"), "/elsewhere"));
        json_decref(records);
        free(large);
}

static bool carries_nothing(void *userdata)
{
        return view(userdata).n_carried == 0;
}

/* A queue that is full is no failure: what nobody waits for is written when there is room. */
static void what_finds_the_queue_full_is_written_later(void **state)
{
        const unsigned n = 8192 + 10; /* LOG_QUEUE_MAX */
        Fixture *f = *state;
        unsigned found = 0;
        json_t *records;

        for (unsigned i = 0; i < n; i++)
                agent_record(f->agent, &exemption);
        assert_true(view(f).n_carried > 0);
        assert_int_equal(view(f).error, 0);
        assert_true(fixture_until(f, carries_nothing, f));
        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(view(f).n_carried, 0);
        assert_int_equal(view(f).n_lost, 0);
        records = read_log();
        while (nth(records, "exemption", found))
                found += found + 1000 < n && nth(records, "exemption", found + 1000) ? 1000 : 1;
        assert_int_equal(found, n);
        json_decref(records);
}

static bool are_lost(void *userdata)
{
        return view(userdata).n_lost == 2;
}

static void so_much_is_carried_and_no_more(void **state)
{
        Fixture *f = *state;

        sync_error = EIO;
        assert_int_equal(ask(f, &decision), -EIO);
        for (unsigned i = 0; i < EVIDENCE_CARRIED_MAX + 1; i++)
                agent_record(f->agent, &exemption);
        wait_carried(f, EVIDENCE_CARRIED_MAX);
        assert_true(fixture_until(f, are_lost, f));
}

/* U02, U03: the head that was kept at the end is what the log is held against. */
static void a_log_that_was_rolled_back_denies_until_it_is_resumed(void **state)
{
        Fixture *f = *state;
        char *before = NULL;
        size_t size = 0;
        LogHead head;

        assert_int_equal(ask(f, &decision), 0);
        assert_int_equal(file_read_trusted(PATH_LOG_DIR "/decisions.log", geteuid(),
                                           64u * 1024 * 1024, &before, &size),
                         0);
        assert_int_equal(ask(f, &decision), 0);
        fixture_stop(f);
        assert_int_equal(head_load(PATH_LOG_HEAD, &head), 0);
        assert_int_equal(head.chain.seq, 3);
        assert_int_equal(file_replace(PATH_LOG_DIR "/decisions.log", before, size, 0640, geteuid(),
                                      getegid(), false),
                         0);
        free(before);
        fixture_agent(f);
        fixture_load(f);
        assert_int_equal(ask(f, &decision), -ESTALE);
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), 0);
}

static void a_kept_head_that_is_damaged_is_no_head_that_was_never_kept(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        fixture_write(PATH_LOG_HEAD, "{}");
        fixture_agent(f);
        fixture_load(f);
        assert_int_equal(ask(f, &decision), -EBADMSG);
        assert_non_null(strstr(view(f).why, "log-head.json"));
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        fixture_restart(f);
        assert_int_equal(ask(f, &decision), 0);
}

static void without_a_directory_everybody_is_denied_until_there_is_one(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        assert_int_equal(rename(PATH_LOG_DIR, PATH_LOG_DIR ".away"), 0);
        fixture_agent(f);
        fixture_load(f);
        assert_int_equal(ask(f, &decision), -ENOENT);
        assert_non_null(strstr(view(f).why, "systemd-tmpfiles"));
        assert_int_equal(access(PATH_LOG_FAILED, F_OK), -1);
        assert_int_equal(rename(PATH_LOG_DIR ".away", PATH_LOG_DIR), 0);
        assert_int_equal(resume(f), 0);
        assert_true(fixture_until(f, is_well, f));
        assert_int_equal(ask(f, &decision), 0);
}

static void who_asks_before_the_log_is_open_is_denied(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        fixture_agent(f);
        assert_int_equal(ask(f, &decision), -ECANCELED);
        assert_int_equal(view(f).error, -ECANCELED);
}

/* Closed segments beyond log.keep go, the oldest first, each with its record before. */
static void old_segments_are_named_before_they_are_removed(void **state)
{
        Fixture *f = *state;
        LogStoreConfig c = { .dir = PATH_LOG_DIR, .rotate_size = 4096, .host = FIXTURE_HOST };
        LogStore *s = NULL;
        json_t *records, *o;

        fixture_stop(f);
        assert_int_equal(log_store_open(&c, NULL, 0, &s), 0);
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(log_store_rotate(s), 0);
        log_store_free(s);
        fixture_agent(f);
        f->agent->config->log_keep = 2;
        fixture_load(f);
        assert_int_equal(ask(f, &decision), 0);
        fixture_settle(f);
        assert_int_equal(ask(f, &decision), 0);
        fixture_settle(f);
        records = read_log();
        for (unsigned i = 0; i < 3; i++) {
                o = nth(records, "log-pruned", i);
                assert_non_null(o);
                assert_true(json_integer_value(json_object_get(o, "first")) <=
                            json_integer_value(json_object_get(o, "last")));
        }
        assert_null(nth(records, "log-pruned", 3));
        o = json_array_get(records, 0);
        assert_int_equal(
                json_integer_value(json_object_get(o, "seq")),
                1 + json_integer_value(json_object_get(nth(records, "log-pruned", 2), "last")));
        json_decref(records);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_record_says_who_what_when_why_and_from_where),
                CASE(the_log_begins_with_this_host_and_its_key),
                CASE(an_accepted_set_is_recorded_with_its_hash),
                CASE(a_session_counts_when_its_record_is_written),
                CASE(a_grant_that_no_set_has_any_more_is_forgotten),
                CASE(a_gate_whose_mode_changes_is_recorded),
                CASE(a_set_is_kept_as_long_as_a_segment_cites_it),
                CASE(a_log_that_failed_denies_until_it_is_resumed),
                CASE(a_resume_on_a_disk_that_still_fails_changes_nothing),
                CASE(exempt_logins_meanwhile_are_carried_over),
                CASE(what_nobody_waits_for_goes_to_the_reserve),
                CASE(what_a_stop_drops_is_counted),
                CASE(a_marker_is_made_on_a_disk_that_takes_nothing),
                CASE(whatever_fails_a_log_that_ran_is_marked),
                CASE(what_was_carried_and_not_written_is_carried_again),
                CASE(other_limits_count_at_once_and_another_directory_later),
                CASE(what_finds_the_queue_full_is_written_later),
                CASE(so_much_is_carried_and_no_more),
                CASE(a_log_that_was_rolled_back_denies_until_it_is_resumed),
                CASE(a_kept_head_that_is_damaged_is_no_head_that_was_never_kept),
                CASE(without_a_directory_everybody_is_denied_until_there_is_one),
                CASE(who_asks_before_the_log_is_open_is_denied),
                CASE(old_segments_are_named_before_they_are_removed),
        };

        return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
