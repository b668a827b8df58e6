/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How sessions end, and what is left of an account, as far as it goes without a bus and without
 * groups of one's own (promises E1, E3 and E4 of nhi-agentd/session/session.h, A1 and A2 of
 * tenant.h; S02, S05, S06, S08). What really dies is judged on booted hosts:
 * tests/host/cases/registry.sh, escapes.sh. */

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhi-agentd/session/tenant.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* cmocka.h needs the above */
#include <cmocka.h>

#define TEST_DIR PATH_ROOT "/test-session-ending"
#define STATE    TEST_DIR "/sessions.json"
#define CGROUPS  PATH_ROOT "/sys/fs/cgroup"
#define UID      1870001 /* nobody's: processes of the machine are looked at */
#define SLICE    "/user.slice/user-1870001.slice"
#define SCOPE    SLICE "/nhi-g-1-1.scope"
#define OF_OLD   SLICE "/session-3.scope"
#define REAL_SEC 1763760000

typedef struct Host {
        sd_event *event;
        Sessions *sessions;
        bool is_verified;
        const char *named_kid;
        bool is_closed;
        Reason reason;
        int held[4];
        size_t n_held;
        unsigned n_ended, n_stray;
        char code[64], detail[256];
        int64_t took_usec;
} Host;

static Decision host_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        const Host *h = userdata;

        return (Decision){ .verdict = h->reason == REASON_GRANTED ? VERDICT_ALLOW : VERDICT_DENY,
                           .reason = h->reason,
                           .end_sec = REAL_SEC + 60,
                           .boot_end_usec = usec_of_sec(TIME_SEC_MAX) };
}

static Now host_now(void *userdata)
{
        return (Now){ .real_usec = (int64_t)REAL_SEC * 1000000, .boot_usec = now_boottime_usec() };
}

static void host_record(void *userdata, const Event *e)
{
        Host *h = userdata;

        h->n_ended += e->kind == EVENT_SESSION_END;
        h->n_stray += e->kind == EVENT_STRAY;
        h->took_usec = e->took_usec;
        (void)snprintf(h->code, sizeof(h->code), "%s", e->code ? e->code : "");
        (void)snprintf(h->detail, sizeof(h->detail), "%s", e->detail ? e->detail : "");
}

static bool host_is_closed(void *userdata, const char *account, uint32_t uid)
{
        return ((Host *)userdata)->is_closed;
}

static void make_dirs(const char *path)
{
        char part[CGROUP_PATH_MAX];

        for (const char *p = path + 1; (p = strchr(p, '/')); p++) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
                (void)mkdir(part, 0755);
        }
        (void)mkdir(path, 0755);
}

static void file_write(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false),
                         0);
}

/* A pipe takes the place of cgroup.events: it can be watched, and proves nobody gone. */
static int group_make(const char *path, pid_t pid)
{
        char name[CGROUP_PATH_MAX], pids[32] = "";
        int fd;

        (void)snprintf(name, sizeof(name), CGROUPS "%s", path);
        make_dirs(name);
        if (pid > 0)
                (void)snprintf(pids, sizeof(pids), "%d\n", (int)pid);
        (void)snprintf(name, sizeof(name), CGROUPS "%s/cgroup.procs", path);
        file_write(name, pids);
        (void)snprintf(name, sizeof(name), CGROUPS "%s/cgroup.events", path);
        (void)unlink(name);
        assert_int_equal(mkfifo(name, 0600), 0);
        fd = open(name, O_RDWR | O_CLOEXEC); /* who only reads need not wait for it */
        assert_true(fd >= 0);
        return fd;
}

static void group_hold(Host *h, int fd)
{
        assert_true(h->n_held < ELEMENTSOF(h->held));
        h->held[h->n_held++] = fd;
}

static void group_remove(const char *path)
{
        static const char *const files[] = { "/cgroup.events", "/cgroup.procs", "" };
        char name[CGROUP_PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(name, sizeof(name), CGROUPS "%s%s", path, files[i]);
                (void)remove(name);
        }
}

static void host_open(Host *h)
{
        const SessionsHost host = { .userdata = h,
                                    .judge = host_judge,
                                    .now = host_now,
                                    .record = host_record,
                                    .account_is_closed = host_is_closed,
                                    .grace_usec = 50000 };

        assert_int_equal(sessions_new(h->event, &host, STATE, &h->sessions), 0);
}

static int setup(void **state)
{
        Host *h = calloc(1, sizeof(*h));

        assert_non_null(h);
        make_dirs(TEST_DIR);
        (void)unlink(STATE);
        assert_true(sd_event_new(&h->event) >= 0);
        host_open(h);
        h->sessions->reconciled = true;
        *state = h;
        return 0;
}

static int teardown(void **state)
{
        static const char *const groups[] = { SCOPE, OF_OLD, SLICE };
        Host *h = *state;

        sessions_free(h->sessions);
        sd_event_unref(h->event);
        while (h->n_held > 0)
                (void)close(h->held[--h->n_held]);
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                group_remove(groups[i]);
        (void)unlink(STATE);
        (void)rmdir(TEST_DIR);
        free(h);
        return 0;
}

static json_t *record_of(const char *account, uint32_t uid)
{
        const AccessRequest request = {
                .kind = REQUEST_SESSION, .account = account, .uid = uid, .class = "ssh"
        };
        const Grant grant = { .jti = "g-1",
                              .account = account,
                              .sub = account,
                              .owner = "o",
                              .reason = "r",
                              .ticket = "",
                              .issued_by = "",
                              .issuer = "i",
                              .set_hash = "00" };

        return session_record_new(&request, &grant, "sshd", "", "");
}

static Session *session_add(Host *h, SessionKind kind, const char *unit, const char *cgroup)
{
        Session *s = NULL;

        assert_int_equal(session_new(h->sessions, &s), 0);
        assert_int_equal(session_tie_init(record_of("svc-deploy", UID), &s->tie), 0);
        s->kind = kind;
        s->state = SESSION_ACTIVE;
        s->number = h->sessions->n_sessions;
        (void)snprintf(s->id, sizeof(s->id), "s%u", (unsigned)s->number);
        (void)snprintf(s->unit, sizeof(s->unit), "%s", unit);
        (void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", cgroup);
        s->end_sec = REAL_SEC + 60;
        s->boot_end_usec = usec_of_sec(TIME_SEC_MAX);
        return s;
}

static void run_until(Host *h, bool (*done)(const Host *h))
{
        const uint64_t deadline = now_monotonic_usec() + 20 * USEC_PER_SEC;

        while (!done(h) && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(h->event, 20000) >= 0);
        assert_true(done(h));
}

static bool one_is_ended(const Host *h)
{
        return h->n_ended == 1;
}

static bool strays_were_looked_for(const Host *h)
{
        return !h->sessions->strays.timer;
}

static bool no_tenant_is_ending(const Host *h)
{
        return !tenants_are_ending(h->sessions);
}

/* As the account, where the test may. */
static pid_t child_new(void)
{
        int ready[2];
        pid_t pid;
        char byte;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                (void)!setresuid(UID, UID, UID);
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)close(ready[1]);
                for (;;)
                        (void)pause();
        }
        assert_true(pid > 0);
        (void)close(ready[1]);
        (void)!read(ready[0], &byte, 1); /* until it is what it shall be */
        (void)close(ready[0]);
        return pid;
}

static void child_is_alive(pid_t pid)
{
        int status = 0;

        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

/* ---- the wrong one ----------------------------------------------------------------------------
 */

/* S05: a number in the list of a group is nobody until the kernel says that it is in the group. */
static void a_number_that_is_another_ones_by_now_is_not_ended(void **state)
{
        const pid_t other = child_new();
        Host *h = *state;
        Session *s;

        group_hold(h, group_make(SCOPE, other));
        s = session_add(h, SESSION_SCOPE, "nhi-g-1-1.scope", SCOPE);
        assert_int_equal(session_watch(s), 0);
        h->reason = REASON_REVOKED;
        sessions_review(h->sessions);
        for (unsigned i = 0; i < 20; i++)
                assert_true(sd_event_run(h->event, 20000) >= 0);
        assert_int_equal(h->n_ended, 0); /* and nobody is called gone without proof */
        child_is_alive(other);
}

/* S06: PID 1 runs the unit anew, under another grant. */
static void a_units_next_run_is_not_ended_with_the_former_one(void **state)
{
        static const char path[] = "/system.slice/job.service";
        Host *h = *state;
        Session *old, *new;

        group_hold(h, group_make(path, 0));
        old = session_add(h, SESSION_UNIT, "job.service", path);
        memset(old->invocation, 'a', 32);
        assert_int_equal(session_watch(old), 0);
        session_end(h->sessions, "s1", "");
        new = session_add(h, SESSION_UNIT, "job.service", path);
        memset(new->invocation, 'b', 32);
        assert_int_equal(session_watch(new), 0);
        run_until(h, one_is_ended);
        assert_string_equal(h->code, "ended");
        assert_int_equal(sessions_count(h->sessions), 1);
        assert_int_equal(new->state, SESSION_ACTIVE);
        group_remove(path);
}

/* S06: the scope that bears the name now was made for somebody else. */
static void a_group_of_the_same_name_is_another_one(void **state)
{
        Host *h = *state;
        Session *s, *back = NULL;
        json_t *o;

        group_hold(h, group_make(SCOPE, 0));
        s = session_add(h, SESSION_SCOPE, "nhi-g-1-1.scope", SCOPE);
        assert_int_equal(session_watch(s), 0);
        o = session_to_json(s);
        assert_int_equal(session_from_json(h->sessions, o, &back), 0);
        assert_true(back->group.dir_fd >= 0);
        session_free(back);
        (void)json_object_set_new(o, "cgroup_id", json_integer((json_int_t)s->group.id + 1));
        assert_int_equal(session_from_json(h->sessions, o, &back), 0);
        assert_int_equal(back->group.dir_fd, -EBADF);
        json_decref(o);
}

/* S05 */
static void a_leader_whose_number_is_another_ones_is_gone(void **state)
{
        Host *h = *state;
        Session *s, *back = NULL;
        json_t *o;

        group_hold(h, group_make(SCOPE, 0));
        s = session_add(h, SESSION_SCOPE, "nhi-g-1-1.scope", SCOPE);
        assert_int_equal(session_watch(s), 0);
        s->leader = getpid(); /* alive, and in another group */
        o = session_to_json(s);
        assert_int_equal(session_from_json(h->sessions, o, &back), 0);
        assert_int_equal(back->leader_pidfd, -EBADF);
        json_decref(o);
}

/* ---- the backstop -----------------------------------------------------------------------------
 */

/* S11: an agent that died between asking for a timer and having it. */
static void a_timer_that_is_on_its_way_is_not_armed(void **state)
{
        Host *h = *state;
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-1-1.scope", SCOPE), *back = NULL;
        json_t *o;

        s->backstop = (Backstop){ .n = 1,
                                  .next = 2,
                                  .end_sec = REAL_SEC + 60,
                                  .boot_usec = s->boot_end_usec,
                                  .asked_sec = REAL_SEC + 3600,
                                  .asked_usec = s->boot_end_usec };
        assert_true(backstop_is_right(s));
        s->end_sec = REAL_SEC + 3600;
        o = session_to_json(s);
        assert_int_equal(session_from_json(h->sessions, o, &back), 0);
        assert_false(backstop_is_right(back));
        assert_int_equal(back->backstop.oldest, 1); /* both go once another is armed */
        assert_int_equal(back->backstop.next, 2);
        json_decref(o);
}

/* ---- what is left of an account ---------------------------------------------------------------
 */

static Tenant *tenant_of(Host *h)
{
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-1-1.scope", SCOPE);

        session_record(s, EVENT_SESSION_START, NULL, NULL, 0, 0);
        session_free(s);
        assert_non_null(h->sessions->tenants);
        return h->sessions->tenants;
}

static void an_account_is_remembered_from_its_first_session_on(void **state)
{
        Host *h = *state;
        const int64_t before_usec = now_boottime_usec();
        Tenant *a = tenant_of(h);
        int64_t first_usec = a->first_usec;

        assert_true(first_usec >= before_usec);
        assert_ptr_equal(tenant_of(h), a);
        assert_int_equal(a->first_usec, first_usec);
        a->is_over = true;
        h->sessions->reserved_number = 1;
        assert_int_equal(sessions_save_now(h->sessions), 0);
        sessions_free(h->sessions);
        host_open(h);
        assert_int_equal(sessions_load(h->sessions), 0);
        a = h->sessions->tenants;
        assert_non_null(a);
        assert_string_equal(a->name, "svc-deploy");
        assert_int_equal(a->uid, UID);
        assert_int_equal(a->first_usec, first_usec);
        assert_true(a->is_over);
}

/* A1 */
static void nothing_is_ended_while_a_session_of_the_account_goes_on(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-1-2.scope", SLICE "/nhi-g-1-2.scope");

        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        session_free(s);
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
}

/* A4: sudo in a loop, so that one is always about to begin, kept what others had moved away. */
static void what_an_opening_held_up_is_ended_once_it_is_refused(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-1-2.scope", SLICE "/nhi-g-1-2.scope");

        s->state = SESSION_OPENING;
        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        session_free(s);
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_false(a->is_over);
}

/* A4 */
static void what_a_session_held_up_is_ended_with_it(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-2-2.scope", SLICE "/nhi-g-2-2.scope");

        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        assert_int_equal(session_end(h->sessions, s->id, ""), 0);
        assert_non_null(a->timer);
}

/* A4 */
static void what_a_session_holds_up_is_known_to_the_next_agent(void **state)
{
        Host *h = *state;

        tenant_of(h);
        session_add(h, SESSION_SCOPE, "nhi-g-2-2.scope", SLICE "/nhi-g-2-2.scope");
        h->is_closed = true;
        h->sessions->reserved_number = 1;
        sessions_grant_over(h->sessions, "svc-deploy");
        sessions_free(h->sessions);
        host_open(h);
        assert_int_equal(sessions_load(h->sessions), 0);
        assert_non_null(h->sessions->tenants);
        assert_true(h->sessions->tenants->is_over);
}

/* A4: two names of one uid, whose processes nobody tells apart. */
static void what_another_names_session_held_up_is_ended_with_it(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session *s = NULL;

        assert_int_equal(session_new(h->sessions, &s), 0);
        assert_int_equal(session_tie_init(record_of("svc-alias", UID), &s->tie), 0);
        s->state = SESSION_ACTIVE;
        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        session_free(s);
        assert_non_null(a->timer);
}

/* A4 */
static void what_a_session_began_while_it_was_ended_is_ended(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session *s = session_add(h, SESSION_SCOPE, "nhi-g-1-2.scope", SLICE "/nhi-g-1-2.scope");

        s->state = SESSION_ENDING;
        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_true(a->is_over);
        session_free(s);
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_false(a->is_over);
}

/* A1: an account into which a way leads without a grant. */
static void nothing_is_ended_of_an_account_that_is_not_closed(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);

        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        run_until(h, strays_were_looked_for);
        assert_int_equal(h->n_stray, 0);
}

/* E4 */
static void an_account_of_which_no_session_was_seen_is_left_alone(void **state)
{
        Host *h = *state;

        h->is_closed = true;
        sessions_grant_over(h->sessions, "alice");
        sessions_grant_over(NULL, "alice");
        assert_false(tenants_are_ending(h->sessions));
}

/* A1: the list of a group names it, the kernel says that it is elsewhere. */
static void who_is_in_no_slice_of_the_account_is_not_ended(void **state)
{
        const pid_t other = child_new();
        Host *h = *state;
        Tenant *a = tenant_of(h);

        a->uid = UID;
        group_hold(h, group_make(SLICE, 0));
        group_hold(h, group_make(SCOPE, other));
        h->is_closed = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        run_until(h, no_tenant_is_ending);
        child_is_alive(other);
}

/* ---- what elevations began ----
 */

static bool host_is_verified(void *userdata, const char *issuer)
{
        Host *h = userdata;

        return h->is_verified;
}

static void elevate(Host *h, Tenant *a, uint32_t audit_session)
{
        Session s = { .registry = h->sessions,
                      .end_sec = now_realtime_usec() / 1000000 + 60,
                      .tie.grant = { .jti = "g-1", .issuer = "https://a" } };

        elevation_note(a, audit_session, &s);
}

static Tenant *elevated(Host *h)
{
        Tenant *a = tenant_of(h);

        elevate(h, a, 7);
        h->is_closed = true;
        return a;
}

/* A4: each look is one at all of /proc, and whoever has many short logins has many ends. */
static void what_was_moved_is_not_looked_for_at_every_end_of_a_login(void **state)
{
        Host *h = *state;
        Tenant *a = elevated(h);
        Session *last = session_add(h, SESSION_SCOPE, "nhi-g-2-1.scope", SLICE "/nhi-g-2-1.scope"),
                *s = session_add(h, SESSION_SCOPE, "nhi-g-2-2.scope", SLICE "/nhi-g-2-2.scope");

        sessions_grant_over(h->sessions, "svc-deploy");
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_true(a->is_over); /* the slice is not looked at yet */
        session_free(s);
        assert_null(a->timer);
        session_free(last);
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_false(a->is_over);
}

/* A4 */
static void what_was_moved_waits_for_elevations_only(void **state)
{
        Host *h = *state;
        Tenant *a = elevated(h);
        Session *login = session_add(h, SESSION_SCOPE, "nhi-g-2-1.scope", SLICE "/nhi-g-2-1.scope"),
                *s = session_add(h, SESSION_SCOPE, "nhi-g-2-2.scope", SLICE "/nhi-g-2-2.scope");

        s->tie.request.elevation = true;
        sessions_grant_over(h->sessions, "svc-deploy");
        assert_null(a->timer);
        session_free(s);
        assert_non_null(a->timer);
        run_until(h, no_tenant_is_ending);
        assert_true(a->is_over);
        session_free(login);
}

/* A3, E4: absent from a set that is not there is not revoked; an end that passed is proof. */
static void an_elevation_is_over_only_where_that_is_proved(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        int64_t since_usec;

        h->sessions->host.issuer_is_verified = host_is_verified;
        elevate(h, a, 7);
        assert_false(elevations_are_over(a, 7, &since_usec));
        assert_false(elevations_are_over(a, 8, &since_usec));
        h->is_verified = true;
        assert_true(elevations_are_over(a, 7, &since_usec));
        assert_true(since_usec <= now_boottime_usec());
        h->is_verified = false;
        a->elevations[0].end_sec = 1;
        assert_true(elevations_are_over(a, 7, &since_usec));
}

static const Grant *host_has_it(void *userdata, const char *jti)
{
        static const Grant g = { .jti = "g-1", .issuer = "https://a", .exp_sec = INT64_MAX / 4 };

        return streq(jti, g.jti) ? &g : NULL;
}

static bool host_lists_name_it(void *userdata, const Grant *tied)
{
        const Host *h = userdata;

        return h->is_verified && streq(tied->jti, "g-1");
}

/* Its set still grants it. */
static void an_elevation_that_a_revocation_list_takes_is_over(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        int64_t since_usec;

        h->sessions->host.grant = host_has_it;
        h->sessions->host.is_named = host_lists_name_it;
        elevate(h, a, 7);
        assert_false(elevations_are_over(a, 7, &since_usec));
        h->is_verified = true;
        assert_true(elevations_are_over(a, 7, &since_usec));
}

static const Grant *host_has_anothers(void *userdata, const char *jti)
{
        static const Grant g = { .jti = "g-1", .issuer = "https://b", .exp_sec = INT64_MAX / 4 };

        return streq(jti, g.jti) ? &g : NULL;
}

/* A5: which could keep what its revoked grant began. */
static void another_issuers_grant_of_that_id_keeps_no_elevation(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        int64_t since_usec;

        h->sessions->host.grant = host_has_anothers;
        h->sessions->host.issuer_is_verified = host_is_verified;
        elevate(h, a, 7);
        assert_false(elevations_are_over(a, 7, &since_usec));
        h->is_verified = true;
        assert_true(elevations_are_over(a, 7, &since_usec));
}

static bool host_lists_name_its_key(void *userdata, const Grant *tied)
{
        return streq(tied->jti, "g-1") && streq(tied->account, "svc-deploy") &&
               streq(tied->issuer, "https://a") && streq(tied->owner, "payments") &&
               tied->nbf_sec == 7 && streq(tied->kid, ((const Host *)userdata)->named_kid);
}

static const Grant *host_has_it_anew(void *userdata, const char *jti)
{
        static const Grant g = {
                .jti = "g-1", .issuer = "https://a", .kid = "k-2", .exp_sec = INT64_MAX / 4
        };

        return streq(jti, g.jti) ? &g : NULL;
}

static void an_end_of_a_stored_elevation_that_is_none_is_refused(void **state)
{
        static const int64_t ends[] = { INT64_MIN, -1, INT64_MAX };
        Host *h = *state;
        Tenant *a = tenant_of(h);
        int64_t since_usec;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                json_t *o = json_pack("[{s:i, s:i, s:I, s:s}]", "audit_session", 7, "since_usec", 1,
                                      "end", (json_int_t)ends[i], "grant", "g-1");
                int r = elevations_from_json(a, o);

                (void)elevations_are_over(a, 7, &since_usec);
                assert_int_equal(r, -EBADMSG);
                json_decref(o);
        }
}

/* A3, E4: also after a restart; and not by a key in whose place another has signed since. */
static void an_elevation_whose_key_a_list_names_is_over_without_a_set(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        Session s = { .registry = h->sessions,
                      .end_sec = now_realtime_usec() / 1000000 + 60,
                      .tie.grant = { .jti = "g-1",
                                     .issuer = "https://a",
                                     .owner = "payments",
                                     .kid = "k-1",
                                     .nbf_sec = 7 } };
        int64_t since_usec;
        json_t *o;

        h->sessions->host.issuer_is_verified = host_is_verified;
        h->sessions->host.is_named = host_lists_name_its_key;
        h->named_kid = "k-1";
        elevation_note(a, 7, &s);
        elevate(h, a, 8); /* since when its grant is good nobody knows */
        for (int i = 0; i < 2; i++) {
                assert_true(elevations_are_over(a, 7, &since_usec));
                assert_false(elevations_are_over(a, 8, &since_usec));
                o = elevations_to_json(a);
                elevations_clear(a);
                assert_int_equal(elevations_from_json(a, o), 0);
                json_decref(o);
        }
        h->sessions->host.grant = host_has_it_anew;
        sessions_review(h->sessions);
        h->sessions->host.grant = NULL;
        assert_false(elevations_are_over(a, 7, &since_usec));
        h->named_kid = "k-2";
        assert_true(elevations_are_over(a, 7, &since_usec));
}

/* A3: whoever elevates from many logins is not rid of what the first of them began. */
static void an_elevation_is_remembered_while_its_audit_session_lives(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        json_t *o;
        int64_t since_usec;

        elevate(h, a, process_audit_id(getpid(), "sessionid"));
        for (uint32_t i = 0; i < TENANT_ELEVATIONS_MAX + 8; i++)
                elevate(h, a, 0xf0000000 + i);
        assert_true(elevations_are_over(a, process_audit_id(getpid(), "sessionid"), &since_usec));
        assert_int_equal(a->n_elevations, 10);
        assert_true(elevations_are_over(a, 0xf0000000 + TENANT_ELEVATIONS_MAX + 7, &since_usec));
        assert_false(elevations_are_over(a, 0xf0000000, &since_usec));
        o = elevations_to_json(a);
        elevations_clear(a);
        assert_int_equal(elevations_from_json(a, o), 0);
        assert_int_equal(a->n_elevations, 10);
        assert_string_equal(a->elevations[9].issuer, "https://a");
        json_decref(o);
        /* As an agent of before wrote it. */
        o = json_pack("[{s:i, s:i, s:s}]", "audit_session", 7, "since_usec", 9, "grant", "g");
        elevations_clear(a);
        assert_int_equal(elevations_from_json(a, o), 0);
        assert_true(elevations_are_over(a, 7, &since_usec));
        assert_int_equal(since_usec, 9);
        json_decref(o);
}

/* A2 */
static void a_login_of_before_is_spared(void **state)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        Host *h = *state;
        Tenant *a = tenant_of(h);

        group_hold(h, group_make(OF_OLD, getpid()));
        group_hold(h, group_make(SCOPE, getpid()));
        assert_int_equal(cgroup_open(OF_OLD, &group), 0);
        assert_true(tenant_spares(a, OF_OLD, &group));
        assert_false(tenant_spares(a, SCOPE, &group)); /* ours by its name */
        a->first_usec = 0;
        assert_false(tenant_spares(a, OF_OLD, &group));
}

/* A2: its first process may stand anywhere in the list. */
static void a_login_of_before_is_spared_however_many_it_has(void **state)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        const pid_t younger = child_new();
        char pids[4096] = "";
        Host *h = *state;
        Tenant *a = tenant_of(h);

        for (unsigned i = 0; i < 100; i++)
                (void)snprintf(pids + strlen(pids), 16, "%d\n", (int)younger);
        (void)snprintf(pids + strlen(pids), 16, "%d\n", (int)getpid());
        group_hold(h, group_make(OF_OLD, 0));
        file_write(CGROUPS OF_OLD "/cgroup.procs", pids);
        assert_int_equal(cgroup_open(OF_OLD, &group), 0);
        a->first_usec = process_began_usec(getpid()) + 1;
        assert_true(tenant_spares(a, OF_OLD, &group));
        a->first_usec--;
        assert_false(tenant_spares(a, OF_OLD, &group));
        child_is_alive(younger);
}

/* Below a group that PID 1 delegated names are as long as their maker likes. */
static void a_group_is_found_however_long_its_path_is(void **state)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char path[1024] = OF_OLD;
        Host *h = *state;

        for (unsigned i = 0; i < 3; i++) {
                const size_t n = strlen(path);

                path[n] = '/';
                memset(path + n + 1, 'x', 255);
                path[n + 256] = '\0';
        }
        group_hold(h, group_make(path, getpid()));
        assert_int_equal(cgroup_open(path, &group), 0);
        assert_int_equal(cgroup_pids(&group, NULL, 0), 1);
        while (strlen(path) > strlen(OF_OLD)) {
                group_remove(path);
                *strrchr(path, '/') = '\0';
        }
}

/* A daemon of the account, that no session accounts for. */
static void what_is_left_alone_is_reported_once(void **state)
{
        Host *h = *state;
        Tenant *a = tenant_of(h);
        char detail[64];
        pid_t child;

        if (getuid() != 0)
                skip();
        child = child_new();
        (void)snprintf(detail, sizeof(detail), "the eldest is pid %d (test-session-en)", child);
        a->is_closed = true;
        for (unsigned i = 0; i < 3; i++) {
                stray_report(a);
                run_until(h, strays_were_looked_for);
                assert_int_equal(h->n_stray, 1);
                assert_string_equal(h->code, "left");
                assert_string_equal(h->detail, detail);
        }
        child_is_alive(child);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(a_number_that_is_another_ones_by_now_is_not_ended),
                TEST(a_units_next_run_is_not_ended_with_the_former_one),
                TEST(a_group_of_the_same_name_is_another_one),
                TEST(a_leader_whose_number_is_another_ones_is_gone),
                TEST(a_timer_that_is_on_its_way_is_not_armed),
                TEST(an_account_is_remembered_from_its_first_session_on),
                TEST(nothing_is_ended_while_a_session_of_the_account_goes_on),
                TEST(what_an_opening_held_up_is_ended_once_it_is_refused),
                TEST(what_a_session_held_up_is_ended_with_it),
                TEST(what_a_session_holds_up_is_known_to_the_next_agent),
                TEST(what_another_names_session_held_up_is_ended_with_it),
                TEST(what_a_session_began_while_it_was_ended_is_ended),
                TEST(nothing_is_ended_of_an_account_that_is_not_closed),
                TEST(an_account_of_which_no_session_was_seen_is_left_alone),
                TEST(who_is_in_no_slice_of_the_account_is_not_ended),
                TEST(what_was_moved_is_not_looked_for_at_every_end_of_a_login),
                TEST(what_was_moved_waits_for_elevations_only),
                TEST(an_elevation_is_over_only_where_that_is_proved),
                TEST(an_elevation_that_a_revocation_list_takes_is_over),
                TEST(another_issuers_grant_of_that_id_keeps_no_elevation),
                TEST(an_end_of_a_stored_elevation_that_is_none_is_refused),
                TEST(an_elevation_whose_key_a_list_names_is_over_without_a_set),
                TEST(an_elevation_is_remembered_while_its_audit_session_lives),
                TEST(a_login_of_before_is_spared),
                TEST(a_login_of_before_is_spared_however_many_it_has),
                TEST(a_group_is_found_however_long_its_path_is),
                TEST(what_is_left_alone_is_reported_once),
#undef TEST
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
