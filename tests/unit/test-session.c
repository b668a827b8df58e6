/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The registry of sessions, as far as it goes without a bus: names, groups, the state file, who is
 * over (promises E3 and E4 of nhi-agentd/session/session.h, S03, S07, S09, S11). What really ends
 * is judged on a booted host: tests/host/cases/registry.sh. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhi-agentd/session/registry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* cmocka.h needs the above */
#include <cmocka.h>

#define TEST_DIR   PATH_ROOT "/test-session"
#define STATE      TEST_DIR "/sessions.json"
#define CGROUPS    PATH_ROOT "/sys/fs/cgroup"
#define REAL_USEC  1763760000000000
#define BOOT_USEC  5000000000
#define SCOPE_PATH "/user.slice/user-1000.slice/nhi-g-1-1.scope"

/* ---- a host whose clock, verdict and issuer the test sets ---- */

typedef struct Host {
        Now now;
        Decision verdict;
        bool unverified, named;
        Sessions *sessions;
        sd_event *event;
        uint32_t counted; /* sessions_of_grant() as judge() saw it */
        unsigned n_ended;
        char detail[64], code[64];
        int started;
} Host;

static Decision host_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        Host *h = userdata;

        assert_string_equal(tied->jti, "g-1");
        assert_string_equal(tied->issuer, "https://grants.example.org");
        assert_string_equal(request->account, "svc-deploy");
        h->counted = sessions_of_grant(h->sessions, tied->jti);
        return h->verdict;
}

static Now host_now(void *userdata)
{
        return ((Host *)userdata)->now;
}

static void host_record(void *userdata, const Event *e)
{
        Host *h = userdata;

        assert_int_equal(e->kind, EVENT_SESSION_END);
        assert_string_equal(e->grant->jti, "g-1");
        h->n_ended++;
        (void)snprintf(h->detail, sizeof(h->detail), "%s", e->detail ? e->detail : "");
        (void)snprintf(h->code, sizeof(h->code), "%s", e->code);
}

static const Grant *host_grant(void *userdata, const char *jti)
{
        return NULL;
}

static bool host_issuer(void *userdata, const char *issuer)
{
        assert_string_equal(issuer, "https://grants.example.org");
        return !((Host *)userdata)->unverified;
}

static bool host_named(void *userdata, const Grant *tied)
{
        assert_string_equal(tied->jti, "g-1");
        assert_string_equal(tied->issuer, "https://grants.example.org");
        return ((Host *)userdata)->named;
}

static void host_explain(void *userdata, const Grant *tied, Reason reason, char *ret, size_t size)
{
        assert_string_equal(tied->jti, "g-1");
        if (reason == REASON_REVOKED)
                (void)snprintf(ret, size, "%s: account svc; the revocation list",
                               reason_token(reason));
}

static void make_dirs(const char *path)
{
        char part[512];

        for (const char *p = path + 1; (p = strchr(p, '/')); p++) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
                (void)mkdir(part, 0755);
        }
        (void)mkdir(path, 0755);
}

static int host_setup(void **state)
{
        Host *h = calloc(1, sizeof(*h));
        SessionsHost host = { .userdata = h,
                              .judge = host_judge,
                              .now = host_now,
                              .record = host_record,
                              .grant = host_grant,
                              .issuer_is_verified = host_issuer,
                              .is_named = host_named,
                              .explain = host_explain };

        assert_non_null(h);
        make_dirs(TEST_DIR);
        (void)unlink(STATE);
        h->now = (Now){ .real_usec = REAL_USEC, .boot_usec = BOOT_USEC };
        h->started = 1;
        assert_true(sd_event_new(&h->event) >= 0);
        assert_int_equal(sessions_new(h->event, &host, STATE, &h->sessions), 0);
        *state = h;
        return 0;
}

static int host_teardown(void **state)
{
        Host *h = *state;

        sessions_free(h->sessions);
        sd_event_unref(h->event);
        (void)unlink(STATE);
        (void)rmdir(TEST_DIR);
        free(h);
        return 0;
}

/* ---- samples ---- */

static const char *const argv_sample[] = { "payments", "--all" };
static const Actor human = { .sub = "alice@example.org" };
static const Actor bot = { .sub = "agent:release-bot", .prior = &human };
static const SshKey key_sample = { .algorithm = "ssh-ed25519", .blob = "AAAAC3Nz" };

static json_t *record_sample(void)
{
        AccessRequest request = { .kind = REQUEST_SESSION,
                                  .account = "svc-deploy",
                                  .uid = 70001,
                                  .class = "ssh",
                                  .sudo_plugin = true,
                                  .target = "postgres",
                                  .argv = { .items = (const char **)argv_sample, .n = 2 },
                                  .has_from = true,
                                  .from = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 7 },
                                  .key = &key_sample,
                                  .key_is_judged = true };
        Grant grant = { .jti = "g-1",
                        .account = "svc-deploy",
                        .sub = "spiffe://example.org/ci",
                        .owner = "payments",
                        .reason = "CHG-42 \"roll\" out",
                        .ticket = "",
                        .issued_by = "ci@example.org",
                        .issuer = "https://grants.example.org",
                        .set_hash = "00ff",
                        .act = &bot,
                        .exp_sec = REAL_USEC / 1000000 + 60 };

        return session_record_new(&request, &grant, "sshd", "10.0.0.7", "ssh\xff");
}

/* A session as the state file has it. */
static json_t *session_sample(Host *h, const char *cgroup)
{
        _cleanup_(session_freep) Session *s = NULL;
        json_t *o;

        assert_int_equal(session_new(h->sessions, &s), 0);
        assert_int_equal(session_tie_init(record_sample(), &s->tie), 0);
        s->number = 7;
        (void)snprintf(s->id, sizeof(s->id), "s7");
        (void)snprintf(s->unit, sizeof(s->unit), "nhi-g-1-7.scope");
        (void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", cgroup);
        s->state = SESSION_ACTIVE;
        s->leader = 4711;
        s->started_sec = REAL_USEC / 1000000;
        s->end_sec = REAL_USEC / 1000000 + 60;
        s->boot_end_usec = BOOT_USEC + 60000000;
        s->backstop = (Backstop){ .n = 3, .end_sec = s->end_sec, .boot_usec = s->boot_end_usec };
        o = session_to_json(s);
        assert_non_null(o);
        return o;
}

static Session *session_load(Host *h)
{
        json_t *o = session_sample(h, SCOPE_PATH);
        Session *s = NULL;

        assert_int_equal(session_from_json(h->sessions, o, &s), 0);
        json_decref(o);
        return s;
}

static void state_write(const char *boot, json_t *session)
{
        json_t *o = json_pack("{s:i, s:s, s:i, s:[o]}", "schema", 1, "boot", boot, "next", 8,
                              "sessions", session);
        char *text = json_dumps(o, 0);

        assert_non_null(text);
        assert_int_equal(file_replace(STATE, text, strlen(text), 0600, geteuid(), getegid(), false),
                         0);
        free(text);
        json_decref(o);
}

/* ---- numbers ---- */

/* A timer or scope of that number may be there: PID 1 would refuse to make another. */
static void no_number_is_used_again_after_an_agent_died_over_it(void **state)
{
        Host *h = *state;
        uint64_t number, first, last = 0;

        assert_int_equal(sessions_load(h->sessions), 0);
        assert_int_equal(sessions_take_number(h->sessions, &first), 0);
        for (int i = 0; i < 200; i++) {
                assert_int_equal(sessions_take_number(h->sessions, &number), 0);
                assert_int_equal(number, first + 1 + (uint64_t)i);
                last = number;
        }
        /* As the next agent finds it: nothing was saved for any of these sessions. */
        assert_int_equal(sessions_load(h->sessions), 0);
        assert_int_equal(sessions_take_number(h->sessions, &number), 0);
        assert_true(number > last);
}

/* ---- names ---- */

static void scopes_are_named_after_grant_and_number(void **state)
{
        char name[UNIT_NAME_SIZE], jti[66];

        assert_int_equal(scope_name_format("g-01JD.9_Z", 12, name), 0);
        assert_string_equal(name, "nhi-g-01JD.9_Z-12.scope");
        memset(jti, 'a', 65);
        jti[64] = '\0';
        assert_int_equal(scope_name_format(jti, UINT64_MAX, name), 0);
        jti[64] = 'a';
        jti[65] = '\0';
        assert_int_equal(scope_name_format(jti, 1, name), -EINVAL);
        assert_int_equal(scope_name_format("../x", 1, name), -EINVAL);
        assert_int_equal(scope_name_format("a@b", 1, name), -EINVAL);
        assert_int_equal(scope_name_format("a\\x2d", 1, name), -EINVAL);
        assert_int_equal(scope_name_format("", 1, name), -EINVAL);
}

static void backstops_are_named_after_session_and_number(void **state)
{
        char name[UNIT_NAME_SIZE];

        assert_int_equal(backstop_name_format("s7", 3, ".timer", name), 0);
        assert_string_equal(name, "nhi-end-s7-3.timer");
        assert_int_equal(backstop_name_format("s 7", 3, ".timer", name), -EINVAL);
}

static void a_backstop_never_kills_before_a_living_agent_would(void **state)
{
        assert_int_equal(backstop_after_usec(0), 250000);
        assert_int_equal(backstop_after_usec(SESSION_GRACE_USEC), 2250000);
        assert_int_equal(backstop_after_usec(10000000), 10250000);
}

/* T09 */
static void calendar_times_are_utc_with_microseconds(void **state)
{
        static const struct {
                int64_t usec;
                const char *text;
        } rows[] = {
                { 0, "1970-01-01 00:00:00.000000 UTC" },
                { 1763760000500000, "2025-11-21 21:20:00.500000 UTC" },
                { 2147483648000001, "2038-01-19 03:14:08.000001 UTC" },
                { 253402300799999999, "9999-12-31 23:59:59.999999 UTC" },
        };
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(calendar_format(rows[i].usec, text, sizeof(text)), 0);
                assert_string_equal(text, rows[i].text);
        }
        assert_int_equal(calendar_format(-1, text, sizeof(text)), -EINVAL);
        assert_int_equal(calendar_format(INT64_MAX, text, 16), -EINVAL);
}

/* ---- groups ---- */

/* A user's manager may name a group as a unit's ends. */
static void a_units_group_has_only_slices_above_it(void **state)
{
        static const struct {
                const char *path, *unit;
                size_t size; /* 0: none */
        } rows[] = {
                { "/system.slice/a.service", "a.service", 23 },
                { "/system.slice/a.service/sub", "a.service", 23 },
                { "/system.slice/system-x.slice/x@1.service", "x@1.service", 40 },
                { "/user.slice/user-1.slice/user@1.service/init.scope", "user@1.service", 39 },
                { "/a.service", "a.service", 10 },
                { "/system.slice/a.service", "b.service", 0 },
                { "/system.slice/a.services", "a.service", 0 },
                { "/user.slice/user-1.slice/user@1.service/system.slice/a.service", "a.service",
                  0 },
                { "/user.slice/user-1.slice/session-1.scope/a.service", "a.service", 0 },
                { "/.slice/a.service", "a.service", 0 },
                { "a.service", "a.service", 0 },
                { "", "a.service", 0 },
                { "/", "a.service", 0 },
        };
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                n = 0;
                if (cgroup_of_unit(rows[i].path, rows[i].unit, &n))
                        assert_int_equal(n, rows[i].size);
                else
                        assert_int_equal(0, rows[i].size);
        }
}

static void a_group_contains_itself_and_what_is_below(void **state)
{
        assert_true(cgroup_is_within("/a/b", "/a/b"));
        assert_true(cgroup_is_within("/a/b/c", "/a/b"));
        assert_false(cgroup_is_within("/a/bc", "/a/b"));
        assert_false(cgroup_is_within("/a", "/a/b"));
        assert_false(cgroup_is_within("/a", ""));
        assert_false(cgroup_is_within("/a", "/"));
}

static void file_write(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false),
                         0);
}

static void file_holds(const char *path, const char *text)
{
        _cleanup_free_ char *found = NULL;
        size_t size;

        assert_int_equal(file_read_trusted(path, geteuid(), 4096, &found, &size), 0);
        assert_string_equal(found, text);
}

static void group_make(const char *path, const char *events)
{
        char name[512];

        (void)snprintf(name, sizeof(name), CGROUPS "%s", path);
        make_dirs(name);
        (void)snprintf(name, sizeof(name), CGROUPS "%s/cgroup.events", path);
        file_write(name, events);
        (void)snprintf(name, sizeof(name), CGROUPS "%s/cgroup.kill", path);
        file_write(name, "");
        (void)snprintf(name, sizeof(name), CGROUPS "%s/cgroup.procs", path);
        file_write(name, "11\n12\n");
}

static void group_remove(const char *path)
{
        static const char *const files[] = { "/cgroup.events", "/cgroup.kill", "/cgroup.procs",
                                             "" };
        char name[512];

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(name, sizeof(name), CGROUPS "%s%s", path, files[i]);
                (void)remove(name);
        }
}

/* E3 */
static void only_scopes_of_sessions_are_killed(void **state)
{
        static const char service[] = "/system.slice/ssh.service";
        static const char inner[] = "/user.slice/user-1000.slice/user@1000.service/nhi-g-1-1.scope";
        const char *refused[] = { service, inner, SCOPE_PATH "/below", "/" };
        _cleanup_(cgroup_close) Cgroup g = CGROUP_NONE;

        group_make(service, "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_open(service, &g), 0);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                assert_int_equal(cgroup_kill(&g, refused[i]), -EPERM);
        file_holds(CGROUPS "/system.slice/ssh.service/cgroup.kill", "");
        cgroup_close(&g);
        group_remove(service);

        group_make(SCOPE_PATH, "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_open(SCOPE_PATH, &g), 0);
        assert_int_equal(cgroup_kill(&g, SCOPE_PATH), 0);
        file_holds(CGROUPS SCOPE_PATH "/cgroup.kill", "1");
        group_remove(SCOPE_PATH);
}

static void nobody_is_called_gone_without_proof(void **state)
{
        _cleanup_(cgroup_close) Cgroup g = CGROUP_NONE;

        assert_true(cgroup_is_populated(&g));
        group_make(SCOPE_PATH, "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_open(SCOPE_PATH, &g), 0);
        assert_true(cgroup_is_populated(&g));
        cgroup_close(&g);
        group_make(SCOPE_PATH, "populated 0\nfrozen 0\n");
        assert_int_equal(cgroup_open(SCOPE_PATH, &g), 0);
        assert_false(cgroup_is_populated(&g));
        cgroup_close(&g);
        group_make(SCOPE_PATH, "");
        assert_int_equal(cgroup_open(SCOPE_PATH, &g), 0);
        assert_true(cgroup_is_populated(&g));
        group_remove(SCOPE_PATH);
}

static void groups_are_found_only_below_their_root(void **state)
{
        _cleanup_(cgroup_close) Cgroup g = CGROUP_NONE;

        group_make(SCOPE_PATH, "populated 1\n");
        assert_int_equal(cgroup_open("/user.slice/absent.scope", &g), -ENOENT);
        assert_int_equal(cgroup_open("", &g), -EINVAL);
        assert_int_equal(cgroup_open("/", &g), -EINVAL);
        assert_int_equal(cgroup_open("/../../../../etc", &g), -EINVAL);
        (void)unlink(CGROUPS "/user.slice/user-1.slice");
        assert_int_equal(symlink("user-1000.slice", CGROUPS "/user.slice/user-1.slice"), 0);
        assert_int_equal(cgroup_open("/user.slice/user-1.slice/nhi-g-1-1.scope", &g), -ENOTDIR);
        assert_int_equal(unlink(CGROUPS "/user.slice/user-1.slice"), 0);
        assert_int_equal(g.dir_fd, -EBADF);
        group_remove(SCOPE_PATH);
}

static void pids_below_a_group_are_counted_past_what_is_stored(void **state)
{
        _cleanup_(cgroup_close) Cgroup g = CGROUP_NONE;
        pid_t pids[3] = { 0 };

        group_make(SCOPE_PATH, "populated 1\n");
        group_make(SCOPE_PATH "/below", "populated 1\n");
        assert_int_equal(cgroup_open(SCOPE_PATH, &g), 0);
        assert_int_equal(cgroup_pids(&g, pids, 3), 4);
        assert_int_equal(pids[0], 11);
        assert_int_equal(pids[2], 11);
        assert_int_equal(cgroup_pids(&CGROUP_NONE, pids, 3), 0);
        group_remove(SCOPE_PATH "/below");
        group_remove(SCOPE_PATH);
}

/* ---- the copy and the state file ---- */

static void a_session_keeps_request_and_grant_in_full(void **state)
{
        SessionTie t;

        assert_int_equal(session_tie_init(record_sample(), &t), 0);
        assert_int_equal(t.request.kind, REQUEST_SESSION);
        assert_string_equal(t.request.account, "svc-deploy");
        assert_int_equal(t.request.uid, 70001);
        assert_string_equal(t.request.class, "ssh");
        assert_string_equal(t.request.target, "postgres");
        assert_null(t.request.target_group);
        assert_null(t.request.unit);
        assert_true(t.request.sudo_plugin && t.request.has_from && t.request.key_is_judged);
        assert_false(t.request.elevation || t.request.is_local);
        assert_int_equal(t.request.argv.n, 2);
        assert_string_equal(t.request.argv.items[1], "--all");
        assert_int_equal(t.request.edit.n, 0);
        assert_int_equal(t.request.from[10], 0xff);
        assert_int_equal(t.request.from[15], 7);
        assert_string_equal(t.request.key->blob, "AAAAC3Nz");
        assert_ptr_equal(t.request.key, &t.key);
        assert_string_equal(t.grant.reason, "CHG-42 \"roll\" out");
        assert_string_equal(t.grant.ticket, "");
        assert_string_equal(t.grant.act->sub, "agent:release-bot");
        assert_string_equal(t.grant.act->prior->sub, "alice@example.org");
        assert_null(t.grant.act->prior->prior);
        assert_int_equal(t.grant.n_terms, 0); /* P1: the copy allows nothing */
        assert_string_equal(t.service, "sshd");
        assert_string_equal(t.tty, "ssh\\xff");
        session_tie_done(&t);
}

static void a_record_that_misses_what_matters_is_refused(void **state)
{
        static const struct {
                const char *object, *member;
        } rows[] = { { "request", "account" },
                     { "request", "class" },
                     { "grant", "jti" },
                     { "grant", "account" },
                     { "request", "from" } };
        SessionTie t;
        json_t *o;

        assert_int_equal(session_tie_init(NULL, &t), -ENOMEM);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                o = record_sample();
                assert_int_equal(
                        json_object_del(json_object_get(o, rows[i].object), rows[i].member), 0);
                assert_int_equal(session_tie_init(o, &t), -EBADMSG);
        }
        o = record_sample();
        (void)json_object_set_new(json_object_get(o, "request"), "from", json_string("0g"));
        assert_int_equal(session_tie_init(o, &t), -EBADMSG);
}

static void a_session_survives_the_state_file(void **state)
{
        Host *h = *state;
        Session *s = session_load(h);

        assert_string_equal(s->id, "s7");
        assert_int_equal(s->number, 7);
        assert_int_equal(s->kind, SESSION_SCOPE);
        assert_int_equal(s->end_sec, REAL_USEC / 1000000 + 60);
        assert_int_equal(s->boot_end_usec, BOOT_USEC + 60000000);
        assert_int_equal(s->backstop.n, 3);
        assert_true(s->backstop.next > 3);
        assert_true(backstop_is_right(s));
        assert_int_equal(s->audit_session, AUDIT_UNSET);
        assert_int_equal(s->group.dir_fd, -EBADF);
        assert_int_equal(sessions_count(h->sessions), 1);
}

static void each_member_of_a_stored_session_is_required(void **state)
{
        Host *h = *state;
        json_t *o = session_sample(h, SCOPE_PATH);
        const char *name;
        json_t *value;
        Session *s;

        json_object_foreach(o, name, value) {
                json_t *copy = json_copy(o);

                assert_int_equal(json_object_del(copy, name), 0);
                if (!streq(name, "opening")) /* absent means false */
                        assert_true(session_from_json(h->sessions, copy, &s) < 0);
                json_decref(copy);
        }
        json_decref(o);
        assert_int_equal(sessions_count(h->sessions), 0);
}

/* Not one that was never stored: its end would be reckoned with. */
static void an_end_of_a_stored_session_that_is_none_is_refused(void **state)
{
        static const char *const names[] = { "end", "boot_end_usec", "backstop_end",
                                             "backstop_boot_usec" };
        static const int64_t ends[] = { INT64_MIN, -1, INT64_MAX };
        Host *h = *state;

        for (size_t i = 0; i < ELEMENTSOF(names) * ELEMENTSOF(ends); i++) {
                json_t *o = session_sample(h, SCOPE_PATH);
                Session *s;
                int r;

                (void)json_object_set_new(o, names[i % ELEMENTSOF(names)],
                                          json_integer(ends[i / ELEMENTSOF(names)]));
                r = session_from_json(h->sessions, o, &s);
                if (r == 0) { /* and what is done with it */
                        (void)backstop_is_right(s);
                        (void)session_end_passed(s, h->now);
                        warn_arm(s);
                }
                assert_int_equal(r, -EBADMSG);
                json_decref(o);
        }
        assert_int_equal(sessions_count(h->sessions), 0);
}

static void sessions_of_another_boot_are_forgotten(void **state)
{
        Host *h = *state;

        state_write("00000000-0000-0000-0000-000000000000", session_sample(h, SCOPE_PATH));
        assert_int_equal(sessions_load(h->sessions), 0);
        assert_int_equal(sessions_count(h->sessions), 0);
}

static void a_damaged_state_file_is_told_and_its_numbers_are_not_used_again(void **state)
{
        Host *h = *state;

        file_write(STATE, "{\"schema\":1,");
        assert_int_equal(chmod(STATE, 0600), 0);
        assert_int_equal(sessions_load(h->sessions), -EBADMSG);
        assert_int_equal(sessions_count(h->sessions), 0);
        assert_true(h->sessions->next_number > 0);
}

/* Its sessions are kept all the same: what they tie is ended, not forgotten. */
static void a_state_file_without_a_lawful_next_number_is_a_damaged_one(void **state)
{
        static const char *const files[] = { "", ",\"next\":0", ",\"next\":-5", ",\"next\":\"8\"" };
        char text[256];
        Host *h = *state;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(text, sizeof(text),
                               "{\"schema\":1,\"boot\":\"%s\",\"sessions\":[]%s}",
                               h->sessions->boot_id, files[i]);
                file_write(STATE, text);
                assert_int_equal(chmod(STATE, 0600), 0);
                assert_int_equal(sessions_load(h->sessions), -EBADMSG);
                assert_true(h->sessions->next_number > 0);
                assert_true(h->sessions->next_number < INT64_MAX);
        }
}

static void numbers_go_on_where_they_were(void **state)
{
        Host *h = *state;

        assert_int_equal(sessions_load(h->sessions), 0);
        assert_int_equal(h->sessions->next_number, 1);
        state_write(h->sessions->boot_id, session_sample(h, SCOPE_PATH));
        assert_int_equal(sessions_load(h->sessions), 0);
        assert_int_equal(h->sessions->next_number, 8);
}

/* ---- start ---- */

static void on_started(void *userdata, int r)
{
        ((Host *)userdata)->started = r;
}

static void run_until_started(Host *h)
{
        for (unsigned i = 0; h->started > 0 && i < 2000; i++)
                assert_true(sd_event_run(h->event, 100000) >= 0);
}

/* S08: without a bus the agent serves, and ties nobody. */
static void without_a_bus_the_start_ends_and_sessions_are_refused(void **state)
{
        Host *h = *state;
        Caller c = { .pid = getpid(), .pidfd = -EBADF };

        sessions_start(h->sessions, on_started, h);
        assert_int_equal(h->started, 1); /* never from within */
        run_until_started(h);
        assert_int_equal(h->started, -ENOTCONN);
        assert_int_equal(session_open(h->sessions, &c, NULL, NULL, "", "", "", 0, 0, NULL, NULL),
                         -ENOTCONN);
        assert_int_equal(caller_resolve_unit(h->sessions, &c, NULL, NULL), -ENOTCONN);
        assert_int_equal(sessions_count(h->sessions), 0);
}

static void what_ended_while_the_agent_was_away_is_written_down(void **state)
{
        Host *h = *state;

        h->verdict = (Decision){ .verdict = VERDICT_ALLOW, .reason = REASON_GRANTED };
        state_write(h->sessions->boot_id, session_sample(h, SCOPE_PATH));
        sessions_start(h->sessions, on_started, h);
        run_until_started(h);
        assert_int_equal(h->n_ended, 1);
        assert_string_equal(h->detail, "ended while the agent was away");
        assert_int_equal(sessions_count(h->sessions), 0);
}

/* Without it nothing is signalled at all (valgrind 3.19 answers ENOSYS). */
static bool pidfds_are_there(void)
{
        _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

        return fd >= 0;
}

/* A process with an audit session of its own, which is nobody else's; 0 where none can be begun. */
static pid_t audited_child(void)
{
        const pid_t child = fork();

        if (child == 0) {
                const int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

                (void)!write(fd, "70001", 5);
                (void)raise(SIGSTOP);
                _exit(0);
        }
        assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
        if (pidfds_are_there() && process_audit_id(child, "loginuid") == 70001 &&
            process_audit_id(child, "sessionid") != process_audit_id(getpid(), "sessionid"))
                return child;
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        return 0;
}

/* What bears the session's audit id elsewhere outlives its scope, and not its grant (S09). */
static void what_is_elsewhere_when_the_agent_comes_back_ends_with_the_grant(void **state)
{
        const pid_t child = audited_child();
        Host *h = *state;
        json_t *o;
        int status;

        if (child == 0)
                skip();
        o = session_sample(h, SCOPE_PATH);
        (void)json_object_set_new(o, "loginuid", json_integer(70001));
        (void)json_object_set_new(o, "audit_session",
                                  json_integer(process_audit_id(child, "sessionid")));
        state_write(h->sessions->boot_id, o);
        h->verdict = (Decision){ .verdict = VERDICT_DENY, .reason = REASON_EXPIRED };
        sessions_set_grace(h->sessions, 100000);
        sessions_start(h->sessions, on_started, h);
        run_until_started(h);
        /* It may take the kernel a moment to bury it; nobody else sends it a signal. */
        status = 0;
        for (int i = 0; i < 3000 && waitpid(child, &status, WNOHANG) == 0; i++)
                (void)usleep(10000);
        if (status == 0)
                (void)kill(child, SIGKILL);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(h->n_ended, 1);
        assert_string_equal(h->detail, "");
        assert_int_equal(sessions_count(h->sessions), 0);
}

/* cgroup.events is a plain file here: it wakes nobody, as the kernel's does not for a group that
 * came and went within 10 ms. */
static Session *session_in_group(Host *h, pid_t leader, const char *events)
{
        Session *s = session_load(h);

        group_make(SCOPE_PATH, events);
        assert_int_equal(cgroup_open(SCOPE_PATH, &s->group), 0);
        s->leader_pidfd = process_open(leader);
        assert_true(s->leader_pidfd >= 0);
        session_watch_leader(s);
        return s;
}

static void run_for(Host *h, uint64_t usec)
{
        const uint64_t end_usec = now_monotonic_usec() + usec;

        while (h->n_ended == 0 && now_monotonic_usec() < end_usec)
                assert_true(sd_event_run(h->event, 10000) >= 0);
}

static void a_session_is_over_though_its_group_went_without_a_word(void **state)
{
        const pid_t child = fork();
        Host *h = *state;

        if (child == 0) {
                (void)pause();
                _exit(0);
        }
        if (!pidfds_are_there()) {
                (void)kill(child, SIGKILL);
                (void)waitpid(child, NULL, 0);
                skip();
        }
        (void)session_in_group(h, child, "populated 0\nfrozen 0\n");
        run_for(h, 200000);
        assert_int_equal(h->n_ended, 0); /* nobody looks while its leader lives */
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        run_for(h, 30 * USEC_PER_SEC);
        assert_int_equal(h->n_ended, 1);
        assert_string_equal(h->code, "closed");
        assert_int_equal(sessions_count(h->sessions), 0);
        group_remove(SCOPE_PATH);
}

static void a_session_outlives_its_leader_while_somebody_is_in_it(void **state)
{
        const pid_t child = fork();
        Host *h = *state;

        if (child == 0)
                _exit(0);
        if (!pidfds_are_there()) {
                (void)waitpid(child, NULL, 0);
                skip();
        }
        (void)session_in_group(h, child, "populated 1\nfrozen 0\n");
        assert_int_equal(waitpid(child, NULL, 0), child);
        run_for(h, 400000);
        assert_int_equal(h->n_ended, 0);
        assert_int_equal(sessions_count(h->sessions), 1);
        group_remove(SCOPE_PATH);
}

/* Who ends the own session cannot have it recorded as the issuer's or the clock's doing. */
static void what_a_person_says_is_no_code(void **state)
{
        Host *h = *state;

        (void)session_load(h);
        assert_int_equal(session_end(h->sessions, "s7", "revoked"), 0);
        run_for(h, 30 * USEC_PER_SEC);
        assert_int_equal(h->n_ended, 1);
        assert_string_equal(h->code, "ended");
        assert_string_equal(h->detail, "revoked");
}

/* A reload carries it in: endings from now on. */
static void the_grace_is_the_one_that_was_set_last(void **state)
{
        Host *h = *state;

        assert_int_equal(sessions_grace_usec(h->sessions), SESSION_GRACE_USEC);
        sessions_set_grace(h->sessions, 300000);
        assert_int_equal(sessions_grace_usec(h->sessions), 300000);
        sessions_set_grace(h->sessions, 0);
        assert_int_equal(sessions_grace_usec(h->sessions), SESSION_GRACE_USEC);
}

/* --sessions 1 is one login, and the manager that comes with it. */
static void a_user_manager_is_counted_with_no_grant(void **state)
{
        Host *h = *state;
        Session *s = session_load(h);

        assert_int_equal(sessions_of_grant(h->sessions, "g-1"), 1);
        s->tie.request.class = SYSTEMD_USER_CLASS;
        assert_int_equal(sessions_of_grant(h->sessions, "g-1"), 0);
}

static void a_damaged_state_file_does_not_keep_the_agent_from_serving(void **state)
{
        Host *h = *state;

        file_write(STATE, "[]");
        assert_int_equal(chmod(STATE, 0600), 0);
        sessions_start(h->sessions, on_started, h);
        run_until_started(h);
        assert_int_equal(h->started, -EBADMSG);
}

/* ---- who is over ---- */

static bool is_ending(Host *h)
{
        SessionView v;

        assert_int_equal(sessions_list(h->sessions, &v, 1), 1);
        assert_int_equal(v.ending, streq(v.state, "ending"));
        return v.ending;
}

static void verdict_set(Host *h, Reason reason)
{
        h->verdict = (Decision){ .verdict = reason == REASON_GRANTED ? VERDICT_ALLOW : VERDICT_DENY,
                                 .reason = reason,
                                 .end_sec = REAL_USEC / 1000000 + 60,
                                 .boot_end_usec = BOOT_USEC + 60000000 };
}

/* E4 */
static void a_session_ends_for_what_proves_it_only(void **state)
{
        for (int r = 0; r < REASON_N; r++) {
                assert_int_equal(host_setup(state), 0);
                (void)session_load(*state);
                verdict_set(*state, (Reason)r);
                sessions_review(((Host *)*state)->sessions);
                assert_int_equal(is_ending(*state), reason_proves_end((Reason)r));
                assert_int_equal(host_teardown(state), 0);
        }
        assert_true(reason_proves_end(REASON_REVOKED));
        assert_true(reason_proves_end(REASON_EXPIRED));
        assert_true(reason_proves_end(REASON_SET_STALE));
        assert_false(reason_proves_end(REASON_GRANTED));
        assert_false(reason_proves_end(REASON_NO_SET));
        assert_false(reason_proves_end(REASON_CLOCK));
        assert_false(reason_proves_end(REASON_MAX_SESSIONS));
        assert_false(reason_proves_end(REASON_EVIDENCE_FAILED));
}

/* E4 */
static void absent_from_a_set_that_is_not_there_is_not_revoked(void **state)
{
        Host *h = *state;

        (void)session_load(h);
        verdict_set(h, REASON_REVOKED);
        h->unverified = true;
        sessions_review(h->sessions);
        assert_false(is_ending(h));
        h->unverified = false;
        sessions_review(h->sessions);
        assert_true(is_ending(h));
}

static void the_end_of_a_session_says_what_the_agent_knows_of_it(void **state)
{
        Host *h = *state;
        Session *s = session_load(h);

        verdict_set(h, REASON_REVOKED);
        sessions_review(h->sessions);
        assert_true(is_ending(h));
        assert_string_equal(s->ending->why, "revoked");
        assert_string_equal(s->ending->detail, "revoked: account svc; the revocation list");
}

/* E4 */
static void what_a_list_names_needs_no_verified_set(void **state)
{
        Host *h = *state;

        (void)session_load(h);
        h->unverified = true;
        verdict_set(h, REASON_REVOKED);
        sessions_review(h->sessions);
        assert_false(is_ending(h));
        h->named = true;
        verdict_set(h, REASON_NO_SET); /* a list that is lost */
        sessions_review(h->sessions);
        assert_false(is_ending(h));
        verdict_set(h, REASON_REVOKED);
        sessions_review(h->sessions);
        assert_true(is_ending(h));
}

/* The session as the next agent has it. */
static Session *session_again(Host *h, Session *s)
{
        json_t *o = session_to_json(s);
        Session *again = NULL;

        assert_non_null(o);
        session_free(s);
        assert_int_equal(session_from_json(h->sessions, o, &again), 0);
        json_decref(o);
        return again;
}

/* E4: a list may name a key, and who signed last may be another than who let it in. */
static void a_session_knows_which_key_signed_its_grant_last(void **state)
{
        static const char *const keys[] = { "k-1", "k-2", "k-2" };
        Host *h = *state;
        Session *s = session_load(h);

        s = session_again(h, s);
        assert_null(s->tie.grant.kid); /* as an agent of before left it */
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const Grant g = { .jti = "g-1", .kid = keys[i] };

                verdict_set(h, i == 1 ? REASON_NO_SET : REASON_GRANTED);
                h->verdict.grant = &g;
                sessions_review(h->sessions);
                s = session_again(h, s);
                assert_string_equal(s->tie.grant.kid, keys[i]);
                assert_string_equal(s->tie.grant.set_hash, "00ff"); /* that let it in */
        }
        verdict_set(h, REASON_NO_SET); /* no set has it */
        sessions_review(h->sessions);
        assert_string_equal(session_again(h, s)->tie.grant.kid, "k-2");
}

/* E4 */
static void what_this_host_decides_needs_no_verified_set(void **state)
{
        static const Reason reasons[] = { REASON_LOCKED, REASON_GIVEN_BACK };

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                Host *h;

                assert_int_equal(host_setup(state), 0);
                h = *state;
                (void)session_load(h);
                h->unverified = true;
                verdict_set(h, reasons[i]);
                sessions_review(h->sessions);
                assert_true(is_ending(h));
                assert_int_equal(host_teardown(state), 0);
        }
}

/* T07 */
static void its_own_end_is_proof_on_either_clock_and_to_the_microsecond(void **state)
{
        static const struct {
                int64_t real, boot;
                bool over;
        } rows[] = {
                { 60000000 - 1, 60000000 - 1, false },
                { 60000000, 0, true },
                { 0, 60000000, true },
                { -86400000000, 60000000, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Host *h;

                assert_int_equal(host_setup(state), 0);
                h = *state;
                (void)session_load(h);
                verdict_set(h, REASON_NO_SET);
                h->now.real_usec += rows[i].real;
                h->now.boot_usec += rows[i].boot;
                sessions_review(h->sessions);
                assert_int_equal(is_ending(h), rows[i].over);
                assert_int_equal(host_teardown(state), 0);
        }
}

/* S11 */
static void the_end_moves_with_the_grant(void **state)
{
        Host *h = *state;
        Session *s = session_load(h);
        int64_t real = 0, boot = 0;

        verdict_set(h, REASON_GRANTED);
        sessions_review(h->sessions);
        assert_true(backstop_is_right(s));
        h->verdict.end_sec += 3600;
        h->verdict.boot_end_usec += 3600000000;
        sessions_review(h->sessions);
        assert_true(sessions_next_end(h->sessions, &real, &boot));
        assert_int_equal(real, REAL_USEC + 3660000000);
        assert_int_equal(boot, BOOT_USEC + 3660000000);
        assert_false(backstop_is_right(s)); /* no bus: the old one stands, and it is known */
        assert_int_equal(s->backstop.n, 3);
}

static void a_set_taken_in_anew_does_not_replace_backstops(void **state)
{
        Session *s = session_load(*state);

        s->boot_end_usec += 250000;
        assert_true(backstop_is_right(s));
        s->boot_end_usec += 1;
        assert_false(backstop_is_right(s));
        s->boot_end_usec -= 500001;
        assert_true(backstop_is_right(s));
        s->boot_end_usec -= 1;
        assert_false(backstop_is_right(s));
}

static void a_session_is_not_counted_for_its_own_verdict(void **state)
{
        Host *h = *state;

        (void)session_load(h);
        verdict_set(h, REASON_GRANTED);
        assert_int_equal(sessions_of_grant(h->sessions, "g-1"), 1);
        assert_int_equal(sessions_of_grant(h->sessions, "g-2"), 0);
        h->counted = 9;
        sessions_review(h->sessions);
        assert_int_equal(h->counted, 0);
        assert_int_equal(sessions_of_grant(h->sessions, "g-1"), 1);
}

static void an_ended_session_is_no_next_end(void **state)
{
        Host *h = *state;
        int64_t real, boot;

        assert_false(sessions_next_end(h->sessions, &real, &boot));
        assert_int_equal(session_end(h->sessions, "s7", "ended"), -ENOENT);
        (void)session_load(h);
        assert_true(sessions_next_end(h->sessions, &real, &boot));
        assert_int_equal(session_end(h->sessions, "s7", "ended"), 0);
        assert_int_equal(session_end(h->sessions, "s7", "ended"), 0);
        assert_true(is_ending(h));
        assert_false(sessions_next_end(h->sessions, &real, &boot));
}

/* S07: by cgroup, and by nothing that merely looks like it. */
static void the_parent_is_the_session_whose_group_the_caller_is_in(void **state)
{
        Host *h = *state;
        Caller c = { .pidfd = -EBADF };

        (void)session_load(h);
        (void)snprintf(c.cgroup, sizeof(c.cgroup), "%s", SCOPE_PATH);
        assert_string_equal(session_parent_jti(h->sessions, &c), "g-1");
        (void)snprintf(c.cgroup, sizeof(c.cgroup), "%s0", SCOPE_PATH);
        assert_null(session_parent_jti(h->sessions, &c));
        (void)snprintf(c.cgroup, sizeof(c.cgroup),
                       "/user.slice/user-1000.slice/user@1000.service%s", SCOPE_PATH);
        assert_null(session_parent_jti(h->sessions, &c));
        c.cgroup[0] = '\0';
        assert_null(session_parent_jti(h->sessions, &c));
}

static void sessions_of(Host *h, const char *account, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                Session *s = NULL;

                assert_true(sessions_have_room(h->sessions, account));
                assert_int_equal(session_new(h->sessions, &s), 0);
                s->tie.request.account = account;
        }
}

/* O30, A04: at N and at N + 1, and whoever comes later still finds a place. */
static void one_account_does_not_fill_the_table_of_sessions(void **state)
{
        Host *h = *state;

        sessions_of(h, "mallory", SESSIONS_MAX / 2);
        assert_false(sessions_have_room(h->sessions, "mallory"));
        sessions_of(h, "alice", SESSIONS_MAX / 4);
        assert_false(sessions_have_room(h->sessions, "alice"));
        assert_false(sessions_have_room(h->sessions, "mallory"));
        sessions_of(h, "bob", 1);
}

#define WITH_HOST(test) cmocka_unit_test_setup_teardown(test, host_setup, host_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_HOST(no_number_is_used_again_after_an_agent_died_over_it),
                cmocka_unit_test(scopes_are_named_after_grant_and_number),
                cmocka_unit_test(backstops_are_named_after_session_and_number),
                cmocka_unit_test(a_backstop_never_kills_before_a_living_agent_would),
                cmocka_unit_test(calendar_times_are_utc_with_microseconds),
                cmocka_unit_test(a_units_group_has_only_slices_above_it),
                cmocka_unit_test(a_group_contains_itself_and_what_is_below),
                cmocka_unit_test(only_scopes_of_sessions_are_killed),
                cmocka_unit_test(nobody_is_called_gone_without_proof),
                cmocka_unit_test(groups_are_found_only_below_their_root),
                cmocka_unit_test(pids_below_a_group_are_counted_past_what_is_stored),
                cmocka_unit_test(a_session_keeps_request_and_grant_in_full),
                cmocka_unit_test(a_record_that_misses_what_matters_is_refused),
                WITH_HOST(a_session_survives_the_state_file),
                WITH_HOST(each_member_of_a_stored_session_is_required),
                WITH_HOST(an_end_of_a_stored_session_that_is_none_is_refused),
                WITH_HOST(sessions_of_another_boot_are_forgotten),
                WITH_HOST(a_damaged_state_file_is_told_and_its_numbers_are_not_used_again),
                WITH_HOST(a_state_file_without_a_lawful_next_number_is_a_damaged_one),
                WITH_HOST(numbers_go_on_where_they_were),
                WITH_HOST(without_a_bus_the_start_ends_and_sessions_are_refused),
                WITH_HOST(what_ended_while_the_agent_was_away_is_written_down),
                WITH_HOST(what_is_elsewhere_when_the_agent_comes_back_ends_with_the_grant),
                WITH_HOST(a_session_is_over_though_its_group_went_without_a_word),
                WITH_HOST(a_session_outlives_its_leader_while_somebody_is_in_it),
                WITH_HOST(what_a_person_says_is_no_code),
                WITH_HOST(the_grace_is_the_one_that_was_set_last),
                WITH_HOST(a_user_manager_is_counted_with_no_grant),
                WITH_HOST(a_damaged_state_file_does_not_keep_the_agent_from_serving),
                cmocka_unit_test(a_session_ends_for_what_proves_it_only),
                WITH_HOST(absent_from_a_set_that_is_not_there_is_not_revoked),
                WITH_HOST(the_end_of_a_session_says_what_the_agent_knows_of_it),
                WITH_HOST(what_a_list_names_needs_no_verified_set),
                WITH_HOST(a_session_knows_which_key_signed_its_grant_last),
                cmocka_unit_test(what_this_host_decides_needs_no_verified_set),
                cmocka_unit_test(its_own_end_is_proof_on_either_clock_and_to_the_microsecond),
                WITH_HOST(the_end_moves_with_the_grant),
                WITH_HOST(a_set_taken_in_anew_does_not_replace_backstops),
                WITH_HOST(a_session_is_not_counted_for_its_own_verdict),
                WITH_HOST(an_ended_session_is_no_next_end),
                WITH_HOST(the_parent_is_the_session_whose_group_the_caller_is_in),
                WITH_HOST(one_account_does_not_fill_the_table_of_sessions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
