/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's sockets from outside: real connections, a real Agent, a thread that asks as the
 * modules do while the loop runs. There is no system bus below the test root: nothing can be tied,
 * so open_session is denied. */

#include "tests/unit/doors-fixture.h"

#include "lib/wire/feed.h"
#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/request-read.h"
#include "nhi-agentd/request.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool reason_is(const Ask *a, const char *token)
{
        return a->reply.reason.size == strlen(token) &&
               memcmp(a->reply.reason.data, token, strlen(token)) == 0;
}

static void expect(Fixture *f, const WireRequest *request, uint32_t verdict, const char *token)
{
        Ask a;

        ask(f, PATH_PAM_SOCK, request, &a);
        if (a.r != 0)
                fail_msg("no answer: %d", a.r);
        if (!reason_is(&a, token))
                fail_msg("expected %s, got %.*s", token, (int)a.reply.reason.size,
                         (const char *)a.reply.reason.data);
        assert_int_equal(a.reply.verdict, verdict);
        assert_int_equal(a.reply.jti.size > 0, verdict == VERDICT_ALLOW);
        free(a.x);
}

static void an_account_is_allowed_under_its_grant_and_denied_after_it(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);

        expect(f, &q, VERDICT_DENY, "no-set");
        fixture_deploy(f, "g-1", 0);
        expect(f, &q, VERDICT_ALLOW, "granted");
        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        expect(f, &q, VERDICT_DENY, "given-back");
}

static void an_account_of_ours_must_have_its_uid(void **state) /* O19 */
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70002, WIRE_PHASE_ACCOUNT);

        fixture_deploy(f, "g-1", 0);
        expect(f, &q, VERDICT_DENY, "uid-mismatch");
}

static void a_service_that_is_not_granted_is_denied_with_its_reason(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("sudo", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        DenialView seen[4];

        fixture_deploy(f, "g-1", 0);
        expect(f, &q, VERDICT_DENY, "service-not-granted");
        assert_int_equal(denials_list(f->agent->denials, "svc-deploy", seen, 4), 1);
        assert_string_equal(seen[0].class, "sudo");
}

static void a_session_that_cannot_be_tied_is_denied(void **state) /* Q1 */
{
        Fixture *f = *state;
        const WireRequest q = pam("crond", "svc-deploy", 70001, WIRE_PHASE_OPEN_SESSION);

        fixture_deploy(f, "g-1", 0);
        expect(f, &q, VERDICT_DENY, "session-unknown");
}

/* ---- what changes while a request is under way ----------------------------------------------- */

/* The registry's part is played here where a test asks for it (Makefile: --wrap). */
static struct {
        bool wanted;
        SessionDone done;
        void *userdata;
} tie;

int __real_session_open(Sessions *s, Caller *caller, const Grant *grant,
                        const AccessRequest *request, const char *service, const char *rhost,
                        const char *tty, int64_t end_sec, int64_t boot_end_usec, SessionDone done,
                        void *userdata);
int __wrap_session_open(Sessions *s, Caller *caller, const Grant *grant,
                        const AccessRequest *request, const char *service, const char *rhost,
                        const char *tty, int64_t end_sec, int64_t boot_end_usec, SessionDone done,
                        void *userdata);

int __wrap_session_open(Sessions *s, Caller *caller, const Grant *grant,
                        const AccessRequest *request, const char *service, const char *rhost,
                        const char *tty, int64_t end_sec, int64_t boot_end_usec, SessionDone done,
                        void *userdata)
{
        if (!tie.wanted)
                return __real_session_open(s, caller, grant, request, service, rhost, tty, end_sec,
                                           boot_end_usec, done, userdata);
        tie.done = done;
        tie.userdata = userdata;
        return 0;
}

bool __real_sessions_can_tie(const Sessions *s);
bool __wrap_sessions_can_tie(const Sessions *s);

bool __wrap_sessions_can_tie(const Sessions *s)
{
        return tie.wanted || __real_sessions_can_tie(s);
}

static bool is_being_tied(void *userdata)
{
        return tie.done != NULL;
}

static bool is_under_way(void *userdata)
{
        return requests_count(((Fixture *)userdata)->agent->requests) > 0;
}

static void ask_begin(pthread_t *thread, const WireRequest *request, Ask *ret)
{
        *ret = (Ask){ .path = PATH_PAM_SOCK,
                      .request = *request,
                      .x = malloc(sizeof(WireExchange)) };
        assert_non_null(ret->x);
        assert_int_equal(pthread_create(thread, NULL, ask_main, ret), 0);
}

static void ask_end(Fixture *f, pthread_t thread, Ask *a)
{
        assert_true(fixture_until(f, ask_is_done, a));
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(a->r, 0);
        free(a->x);
}

/* The grant that was decided upon is freed with its set: the answer is about the one in force. */
static void a_set_may_change_while_a_session_is_tied(void **state)
{
        Fixture *f = *state;
        WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_OPEN_SESSION);
        _cleanup_free_ char *grant =
                fixture_grant("g-1", "svc-deploy", 600,
                              FIXTURE_LOGIN ",{\"type\":\"nhi_group\",\"groups\":[\"operators\"]}");
        pthread_t thread;
        Ask a;

        q.rhost = wire_text("10.0.0.7");
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grant));
        tie.wanted = true;
        ask_begin(&thread, &q, &a);
        assert_true(fixture_until(f, is_being_tied, NULL));
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, grant));
        assert_int_equal(strncmp(f->line, "accepted", 8), 0);
        tie.done(tie.userdata, REASON_GRANTED, "s1");
        tie.wanted = false;
        tie.done = NULL;
        ask_end(f, thread, &a);
        assert_int_equal(a.reply.verdict, VERDICT_ALLOW);
        assert_true(a.reply.message.size > 0);
}

/* ---- counted grants ----------------------------------------------------------------------------
 */

/* g-1 allows n sessions. */
static void deploy_counted(Fixture *f, unsigned n, int64_t ver_offset)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN),
                            *counted = NULL;

        assert_true(asprintf(&counted, "%.*s,\"max_sessions\":%u}", (int)strlen(grant) - 1, grant,
                             n) > 0);
        fixture_offer(f, fixture_set(f, ver_offset, FIXTURE_ACCOUNT, counted));
        if (strncmp(f->line, "accepted", 8) != 0)
                fail_msg("%s", f->line);
}

static WireRequest cron_session(void)
{
        return pam("crond", "svc-deploy", 70001, WIRE_PHASE_OPEN_SESSION);
}

static void run_and_tie(Fixture *f, Reason tied)
{
        SessionDone done;

        assert_true(sd_event_run(f->event, 20000) >= 0);
        done = tie.done;
        tie.done = NULL;
        if (done)
                done(tie.userdata, tied, "s1");
}

/* One session, tied as asked for: the reply's verdict. */
static uint32_t open_one(Fixture *f, Reason tied)
{
        const WireRequest q = cron_session();
        uint32_t verdict;
        pthread_t thread;
        Ask a;

        tie.wanted = true;
        ask_begin(&thread, &q, &a);
        while (!atomic_load(&a.done))
                run_and_tie(f, tied);
        tie.wanted = false;
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(a.r, 0);
        verdict = a.reply.verdict;
        if (verdict != VERDICT_ALLOW && tied == REASON_GRANTED)
                assert_true(reason_is(&a, "max-sessions"));
        free(a.x);
        return verdict;
}

static uint32_t n_uses(Fixture *f)
{
        return evidence_n_uses(f->agent->evidence, agent_grant(f->agent, "g-1"));
}

static void restart(Fixture *f)
{
        fixture_stop(f);
        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++)
                (void)unlink(fixture_doors[i].path);
        fixture_agent(f);
        fixture_load(f);
        listen_all(f);
}

static void a_counted_grant_lets_so_many_in_ever_over_restarts_and_a_boot(void **state)
{
        Fixture *f = *state;

        deploy_counted(f, 2, 0);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_ALLOW);
        restart(f);
        assert_int_equal(n_uses(f), 1);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_ALLOW);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_DENY);
        /* A boot takes /run away; nothing of it says what was used. */
        fixture_stop(f);
        assert_int_equal(root_remove(PATH_ROOT "/run", false), 0);
        fixture_dirs();
        fixture_agent(f);
        fixture_load(f);
        listen_all(f);
        assert_int_equal(n_uses(f), 2);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_DENY);
        deploy_counted(f, 3, 1); /* the same grant, with one more */
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_ALLOW);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_DENY);
}

static void a_session_that_was_recorded_and_not_let_in_is_used(void **state)
{
        Fixture *f = *state;

        deploy_counted(f, 2, 0);
        assert_int_equal(open_one(f, REASON_SESSION_UNKNOWN), VERDICT_DENY);
        assert_int_equal(n_uses(f), 1);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_ALLOW);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_DENY);
}

static void without_a_bus_nothing_is_used(void **state)
{
        Fixture *f = *state;
        const WireRequest q = cron_session();

        deploy_counted(f, 1, 0);
        expect(f, &q, VERDICT_DENY, "session-unknown");
        assert_int_equal(n_uses(f), 0);
        assert_int_equal(open_one(f, REASON_GRANTED), VERDICT_ALLOW);
}

/* Both wait for their record at the same time. */
static void of_two_that_ask_at_once_a_grant_of_one_lets_one_in(void **state)
{
        Fixture *f = *state;
        const WireRequest q = cron_session();
        unsigned n_allowed = 0;
        pthread_t threads[2];
        Ask asks[2];

        deploy_counted(f, 1, 0);
        evidence_is_slow = true;
        tie.wanted = true;
        for (size_t i = 0; i < 2; i++)
                ask_begin(&threads[i], &q, &asks[i]);
        while (!atomic_load(&asks[0].done) || !atomic_load(&asks[1].done))
                run_and_tie(f, REASON_GRANTED);
        evidence_is_slow = tie.wanted = false;
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_int_equal(asks[i].r, 0);
                n_allowed += asks[i].reply.verdict == VERDICT_ALLOW;
                free(asks[i].x);
        }
        assert_int_equal(n_allowed, 1);
        assert_int_equal(n_uses(f), 1);
}

static void an_account_phase_uses_nothing(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("crond", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);

        deploy_counted(f, 1, 0);
        for (int i = 0; i < 3; i++)
                expect(f, &q, VERDICT_ALLOW, "granted");
        assert_int_equal(n_uses(f), 0);
}

static bool loop_has_ended(void *userdata)
{
        return sd_event_get_state(((Fixture *)userdata)->event) == SD_EVENT_FINISHED;
}

/* K02: an upgrade stops the agent in the midst of logins. */
static void a_stop_answers_who_is_in_and_leaves_who_waits_to_the_next_agent(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("crond", "svc-deploy", 70001, WIRE_PHASE_OPEN_SESSION);
        struct pollfd waits = { .events = POLLIN };
        pthread_t thread;
        Ask a;

        fixture_deploy(f, "g-1", 0);
        tie.wanted = true;
        ask_begin(&thread, &q, &a);
        assert_true(fixture_until(f, is_being_tied, NULL));
        agent_stop(f->agent);
        waits.fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        for (int i = 0; i < 10; i++)
                assert_true(sd_event_run(f->event, 1000) >= 0);
        assert_false(loop_has_ended(f));
        assert_int_equal(listener_n_peers(f->agent->listener, PEER_PAM), 1);
        tie.done(tie.userdata, REASON_GRANTED, "s1");
        tie.wanted = false;
        tie.done = NULL;
        assert_true(fixture_until(f, loop_has_ended, f));
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.verdict, VERDICT_ALLOW);
        free(a.x);
        assert_int_equal(poll(&waits, 1, 0), 0); /* neither answered nor closed */
        (void)close(waits.fd);
}

static void a_stop_with_nobody_in_is_at_once(void **state)
{
        Fixture *f = *state;

        agent_stop(f->agent);
        assert_true(sd_event_run(f->event, 0) >= 0);
        assert_true(fixture_until(f, loop_has_ended, f));
}

/* Q1: what is allowed is what was recorded, not what another grant allows by now. */
static void an_answer_is_of_the_grant_that_its_record_names(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        _cleanup_free_ char *first = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN),
                            *second = fixture_grant("g-2", "svc-deploy", 900, FIXTURE_LOGIN),
                            *both = NULL;
        DenialView seen[2];
        pthread_t thread;
        Ask a;

        assert_true(asprintf(&both, "%s,%s", first, second) > 0);
        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, both));
        evidence_is_slow = true;
        ask_begin(&thread, &q, &a);
        assert_true(fixture_until(f, is_under_way, f));
        evidence_is_slow = false;
        assert_int_equal(agent_give_back(f->agent, "g-2"), 0);
        ask_end(f, thread, &a);
        assert_int_equal(a.reply.verdict, VERDICT_DENY);
        /* The record says allowed; another one says what came of it. */
        assert_int_equal(denials_list(f->agent->denials, "svc-deploy", seen, 2), 1);
        assert_int_equal(seen[0].reason, REASON_BUSY);
        expect(f, &q, VERDICT_ALLOW, "granted");
}

static void an_answer_names_the_end_and_a_line_for_the_person(void **state)
{
        Fixture *f = *state;
        WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        Ask a;

        fixture_deploy(f, "g-1", 0);
        ask(f, PATH_PAM_SOCK, &q, &a);
        assert_true(a.reply.until_sec > (uint64_t)fixture_now() + 500);
        assert_true(a.reply.decision > 0);
        assert_int_equal(a.reply.message.size, 0);
        free(a.x);
        q.service = wire_text("sudo");
        ask(f, PATH_PAM_SOCK, &q, &a);
        assert_non_null(
                memmem(a.reply.message.data, a.reply.message.size, "service-not-granted", 19));
        free(a.x);
}

static bool has_no_peers(void *userdata)
{
        Fixture *f = userdata;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++)
                n += listener_n_peers(f->agent->listener, fixture_doors[i].kind);
        return n == 0;
}

static bool has_denials(void *userdata)
{
        DenialView seen[2];

        return denials_list(((Fixture *)userdata)->agent->denials, NULL, seen, 2) > 0;
}

static void a_notice_is_recorded_and_not_answered(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ WireExchange *x = malloc(sizeof(*x));
        WireRequest q = pam("sshd", "bob", 1001, WIRE_PHASE_ACCOUNT);
        DenialView seen;

        q.mode = WIRE_MODE_OBSERVE;
        assert_int_equal(wire_notify(PATH_PAM_SOCK, geteuid(), &q, x), 0);
        assert_true(fixture_until(f, has_denials, f));
        assert_int_equal(denials_list(f->agent->denials, "bob", &seen, 1), 1);
        assert_string_equal(seen.mode, "observe");
        assert_true(fixture_until(f, has_no_peers, f));
}

/* ---- peers that misbehave ---- */

static bool is_closed(void *userdata)
{
        char byte;

        return recv(*(int *)userdata, &byte, 1, MSG_DONTWAIT) == 0;
}

static void what_is_no_message_is_closed(void **state) /* A06 */
{
        Fixture *f = *state;
        uint8_t message[WIRE_HEADER_SIZE] = { 0x4e };
        int fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);

        assert_int_equal(send(fd, message, sizeof(message), 0), sizeof(message));
        assert_true(fixture_until(f, is_closed, &fd));
        (void)close(fd);
}

typedef struct Turn {
        Fixture *f;
        uint64_t before; /* the last decision's id */
} Turn;

static bool is_decided_and_closed(void *userdata)
{
        const Turn *t = userdata;

        return t->f->agent->decision_id > t->before && has_no_peers(t->f);
}

static void a_second_request_on_a_connection_is_not_served(void **state) /* A02 F6 */
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        _cleanup_free_ uint8_t *message = malloc(WIRE_MSG_MAX);
        Turn t = { .f = f, .before = f->agent->decision_id };
        int fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        size_t size = 0;

        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &size), 0);
        assert_int_equal(send(fd, message, size, 0), size);
        assert_int_equal(send(fd, message, size, 0), size);
        assert_true(fixture_until(f, is_decided_and_closed, &t));
        assert_int_equal(f->agent->decision_id, t.before + 1);
        (void)close(fd);
}

static void who_sends_late_is_answered_as_who_has_sent(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        _cleanup_free_ uint8_t *message = malloc(WIRE_MSG_MAX);
        int fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        WireReply reply;
        size_t size = 0;
        ssize_t n;

        fixture_deploy(f, "g-1", 0);
        for (unsigned i = 0; i < 20; i++)
                assert_true(sd_event_run(f->event, 1000) >= 0);
        assert_int_equal(listener_n_peers(f->agent->listener, PEER_PAM), 1);
        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &size), 0);
        assert_int_equal(send(fd, message, size, 0), size);
        assert_true(fixture_until(f, has_no_peers, f));
        n = recv(fd, message, WIRE_MSG_MAX, MSG_DONTWAIT);
        assert_true(n > 0);
        assert_int_equal(wire_reply_decode(message, (size_t)n, &reply), 0);
        assert_int_equal(reply.verdict, VERDICT_ALLOW);
        (void)close(fd);
}

/* Whose answer takes long has a deadline, too, be it that it was served when it was let in. */
static void a_peer_whose_answer_takes_too_long_is_closed(void **state)
{
        Fixture *f = *state;
        const WireRequest q = pam("crond", "svc-deploy", 70001, WIRE_PHASE_OPEN_SESSION);
        _cleanup_free_ uint8_t *message = malloc(WIRE_MSG_MAX);
        size_t size = 0;
        int fd;

        fixture_deploy(f, "g-1", 0);
        f->agent->config->peer_deadline_usec = 20000;
        tie.wanted = true;
        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &size), 0);
        fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        assert_int_equal(send(fd, message, size, 0), size); /* is there when it is let in */
        assert_true(fixture_until(f, is_being_tied, NULL));
        assert_true(fixture_until(f, has_no_peers, f));
        tie.done(tie.userdata, REASON_GRANTED, "s1");
        tie.wanted = false;
        tie.done = NULL;
        assert_true(is_closed(&fd)); /* and nothing was said */
        (void)close(fd);
}

static void a_silent_peer_is_closed_at_its_deadline(void **state) /* A05 */
{
        Fixture *f = *state;
        int fd;

        f->agent->config->peer_deadline_usec = 20000;
        fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        assert_true(fixture_until(f, is_closed, &fd));
        assert_true(has_no_peers(f));
        (void)close(fd);
}

static void one_peer_too_many_is_closed_and_the_others_are_served(void **state) /* A04 O30 */
{
        Fixture *f = *state;
        int fds[17];

        f->agent->config->peers_max = 16;
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = dial(PATH_CONTROL_SOCK, SOCK_STREAM);
        assert_true(fixture_until(f, is_closed, &fds[16]));
        assert_int_equal(listener_n_peers(f->agent->listener, PEER_CONTROL), 16);
        fixture_deploy(f, "g-1", 0);
        expect(f,
               &(WireRequest){ .type = WIRE_PAM,
                               .phase = WIRE_PHASE_ACCOUNT,
                               .mode = WIRE_MODE_ENFORCE,
                               .service = wire_text("sshd"),
                               .subject = wire_text("svc-deploy"),
                               .subject_uid = 70001,
                               .target = wire_text("svc-deploy") },
               VERDICT_ALLOW, "granted");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
}

/* This process has no descriptor left, until the child goes on and ends. Done from outside:
 * valgrind keeps to a process's own setrlimit(2) in its stead, by accepting what is too much and
 * closing it.
 */
static pid_t descriptors_taken(void)
{
        const pid_t self = getpid(), child = fork();
        struct rlimit before, none;
        int status = 0;

        if (child == 0) {
                if (prlimit(self, RLIMIT_NOFILE, NULL, &before) < 0)
                        _exit(1);
                none = before;
                none.rlim_cur = 3;
                if (prlimit(self, RLIMIT_NOFILE, &none, NULL) < 0)
                        _exit(1);
                (void)raise(SIGSTOP);
                _exit(prlimit(self, RLIMIT_NOFILE, &before, NULL) < 0);
        }
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        return child;
}

static void descriptors_given_back(pid_t child)
{
        int status = -1;

        assert_int_equal(kill(child, SIGCONT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

static void out_of_descriptors_the_loop_rests_and_recovers(void **state) /* A17 */
{
        Fixture *f = *state;
        uint64_t turns = 0, deadline;
        int fd = dial(PATH_PAM_SOCK, SOCK_SEQPACKET);
        pid_t holder = descriptors_taken();

        for (deadline = now_monotonic_usec() + 250000; now_monotonic_usec() < deadline; turns++)
                (void)sd_event_run(f->event, 10000);
        descriptors_given_back(holder);
        assert_true(turns < 100);
        assert_int_equal(send(fd, "x", 1, 0), 1);
        assert_true(fixture_until(f, is_closed, &fd));
        (void)close(fd);
}

/* ---- keys ---- */

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAILqCjLd3D7EzvYhJ8sGvQ0pKqvBYQ3ZkHTNHZ1nCgN0e"

static void keys_of_active_grants_expire_with_them(void **state)
{
        Fixture *f = *state;
        const WireRequest q = { .type = WIRE_KEYS, .subject = wire_text("svc-deploy") };
        _cleanup_free_ char *grant = fixture_grant(
                "g-1", "svc-deploy", 600,
                "{\"type\":\"nhi_login\",\"services\":[\"ssh\"],\"ssh_keys\":[\"ssh-ed25519 " KEY
                "\"]}");
        WireText line = {};
        size_t pos = 0;
        Ask a;

        fixture_offer(f, fixture_set(f, 0, FIXTURE_ACCOUNT, grant));
        ask(f, PATH_KEYS_SOCK, &q, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.keys.n, 1);
        assert_true(wire_list_next(&a.reply.keys, &pos, &line));
        assert_int_equal(strncmp((const char *)line.data, "restrict,pty,expiry-time=\"2", 27), 0);
        assert_non_null(memmem(line.data, line.size, "Z\" ssh-ed25519 " KEY " g-1",
                               strlen("Z\" ssh-ed25519 " KEY " g-1")));
        free(a.x);

        assert_int_equal(agent_give_back(f->agent, "g-1"), 0);
        ask(f, PATH_KEYS_SOCK, &q, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.keys.n, 0);
        free(a.x);
}

static void only_keys_are_asked_on_the_keys_socket(void **state)
{
        Fixture *f = *state;
        WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        Ask a;

        fixture_deploy(f, "g-1", 0);
        ask(f, PATH_KEYS_SOCK, &q, &a);
        assert_true(a.r != 0);
        free(a.x);
        q = (WireRequest){ .type = WIRE_KEYS, .subject = wire_text("svc-deploy") };
        ask(f, PATH_PAM_SOCK, &q, &a);
        assert_true(a.r != 0);
        free(a.x);
}

/* ---- feed ---- */

static int memfd_of(const char *text, bool sealed)
{
        const int fd = memfd_create("set", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        if (sealed)
                assert_int_equal(fcntl(fd, F_ADD_SEALS,
                                       F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
                                 0);
        return fd;
}

static void feed_send(int fd, const FeedHeader *header, int attached)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *)(uintptr_t)header, .iov_len = sizeof(*header) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (attached >= 0) {
                struct cmsghdr *c;

                m.msg_control = &control;
                m.msg_controllen = sizeof(control);
                c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &attached, sizeof(attached));
        }
        assert_int_equal(sendmsg(fd, &m, 0), sizeof(*header));
}

static bool feed_is_answered(void *userdata)
{
        struct {
                int fd;
                char line[FEED_REPLY_MAX];
        } *u = userdata;
        const ssize_t n = recv(u->fd, u->line, sizeof(u->line) - 1, MSG_DONTWAIT);

        if (n > 0)
                u->line[n] = '\0';
        return n > 0 || u->line[0];
}

static void feed_expect(Fixture *f, const char *text, bool sealed, bool attach,
                        const FeedHeader *header, const char *answer)
{
        struct {
                int fd;
                char line[FEED_REPLY_MAX];
        } u = { .fd = dial(PATH_FEED_SOCK, SOCK_SEQPACKET) };
        const int memfd = memfd_of(text, sealed);

        feed_send(u.fd, header, attach ? memfd : -1);
        assert_true(fixture_until(f, feed_is_answered, &u));
        if (strncmp(u.line, answer, strlen(answer)) != 0)
                fail_msg("expected \"%s\", got \"%s\"", answer, u.line);
        (void)close(memfd);
        (void)close(u.fd);
}

static void a_fed_set_is_taken_for_its_signature_and_nothing_else(void **state) /* O5 */
{
        Fixture *f = *state;
        FeedHeader good = {}, bad = {};
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *jws = fixture_set(f, 0, FIXTURE_ACCOUNT, grant);

        memcpy(good.magic, FEED_MAGIC, sizeof(good.magic));
        feed_expect(f, jws, true, true, &bad, "refused malformed");
        feed_expect(f, jws, true, false, &good, "refused malformed");
        feed_expect(f, jws, false, true, &good, "refused unsealed");
        feed_expect(f, "", true, true, &good, "refused unsealed");
        feed_expect(f, "a.b.c", true, true, &good, "refused ");
        assert_null(agent_grant(f->agent, "g-1"));
        good.issuer_index_le[0] = 9; /* a label, no more */
        feed_expect(f, jws, true, true, &good, "accepted ");
        assert_non_null(agent_grant(f->agent, "g-1"));
        feed_expect(f, jws, true, true, &good, "unchanged ");
        assert_true(fixture_until(f, has_no_peers, f));
}

static atomic_bool disk_hangs;

static int hang(const char *thread)
{
        while (atomic_load(&disk_hangs))
                (void)usleep(1000);
        return 0;
}

static void a_second_set_on_a_connection_is_not_taken(void **state) /* A02 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = fixture_set(f, 0, "", ""), *second = fixture_set(f, 1, "", "");
        struct {
                int fd;
                char line[FEED_REPLY_MAX];
        } u = { .fd = dial(PATH_FEED_SOCK, SOCK_SEQPACKET) };
        const int memfds[] = { memfd_of(first, true), memfd_of(second, true) };
        FeedHeader header = {};

        memcpy(header.magic, FEED_MAGIC, sizeof(header.magic));
        atomic_store(&disk_hangs, true);
        writer_inject = hang;
        feed_send(u.fd, &header, memfds[0]);
        feed_send(u.fd, &header, memfds[1]);
        for (unsigned i = 0; i < 20; i++)
                assert_true(sd_event_run(f->event, 1000) >= 0);
        atomic_store(&disk_hangs, false);
        assert_true(fixture_until(f, feed_is_answered, &u));
        fixture_settle(f);
        writer_inject = NULL;
        assert_int_equal(strncmp(u.line, "accepted ", 9), 0);
        assert_int_equal(f->agent->issuers[0].floor.ver % 1000, 0); /* the first one's */
        for (size_t i = 0; i < ELEMENTSOF(memfds); i++)
                (void)close(memfds[i]);
        (void)close(u.fd);
}

/* ---- control ---- */

typedef struct Talk {
        int fd;
        char text[65536];
        size_t size;
} Talk;

static bool talk_is_over(void *userdata)
{
        Talk *t = userdata;
        const ssize_t n =
                recv(t->fd, t->text + t->size, sizeof(t->text) - t->size - 1, MSG_DONTWAIT);

        if (n > 0)
                t->size += (size_t)n;
        return n == 0;
}

static void a_control_line_may_come_in_pieces_and_has_one_answer(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ Talk *t = calloc(1, sizeof(*t));
        json_t *reply;

        assert_non_null(t);
        t->fd = dial(PATH_CONTROL_SOCK, SOCK_STREAM);
        assert_int_equal(send(t->fd, "{\"verb\":", 8, 0), 8);
        for (unsigned i = 0; i < 5; i++)
                assert_true(sd_event_run(f->event, 1000) >= 0);
        assert_int_equal(send(t->fd, "\"status\"}\n", 10, 0), 10);
        assert_true(fixture_until(f, talk_is_over, t));
        reply = json_loads(t->text, 0, NULL);
        assert_true(json_is_true(json_object_get(reply, "ok")));
        assert_string_equal(json_string_value(json_object_get(reply, "host")), FIXTURE_HOST);
        json_decref(reply);
        (void)close(t->fd);
}

static void a_control_line_that_is_not_json_is_refused(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ Talk *t = calloc(1, sizeof(*t));

        assert_non_null(t);
        t->fd = dial(PATH_CONTROL_SOCK, SOCK_STREAM);
        assert_int_equal(send(t->fd, "[]\n", 3, 0), 3);
        assert_true(fixture_until(f, talk_is_over, t));
        assert_non_null(strstr(t->text, "\"ok\":false"));
        (void)close(t->fd);
}

/* ---- reading ---- */

static void origins_are_addresses_and_never_names(void **state) /* O6 */
{
        uint8_t a[16];

        assert_true(origin_parse("10.0.0.1", a));
        assert_memory_equal(a, ((uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1 }),
                            16);
        assert_true(origin_parse("::1", a));
        assert_true(origin_parse("fe80::1%eth0", a));
        assert_false(origin_parse("10.0.0.1%eth0", a));
        assert_false(origin_parse("host.example.org", a));
        assert_false(origin_parse("10.0.0", a));
        assert_false(origin_parse("", a));
}

static void the_key_is_the_first_of_the_auth_info(void **state)
{
        char one[] = "publickey ssh-ed25519 AAAA\n", two[] = "password\npublickey ssh-rsa BBBB";
        char none[] = "keyboard-interactive", half[] = "publickey ssh-ed25519";
        SshKey key = {};

        assert_true(auth_info_key(one, &key));
        assert_string_equal(key.blob, "AAAA");
        assert_true(auth_info_key(two, &key));
        assert_string_equal(key.algorithm, "ssh-rsa");
        assert_false(auth_info_key(none, &key));
        assert_false(auth_info_key(half, &key));
}

static RequestData *read_request(Fixture *f, WireRequest q)
{
        RequestData *d = calloc(1, sizeof(*d));

        assert_non_null(d);
        assert_int_equal(request_read(f->agent, &q, d), 0);
        return d;
}

static void free_request(RequestData *d)
{
        request_data_done(d);
        free(d);
}

static void the_target_is_known_when_the_phase_can_know_it(void **state)
{
        Fixture *f = *state;
        WireRequest q = pam("sudo", "alice", 1000, WIRE_PHASE_ACCOUNT);
        RequestData *d = read_request(f, q);

        assert_null(d->access.target);
        free_request(d);
        q.phase = WIRE_PHASE_OPEN_SESSION;
        q.target = wire_text("postgres");
        q.real_uid = 1000;
        q.egid = 115;
        d = read_request(f, q);
        assert_string_equal(d->access.target, "postgres");
        assert_null(d->access.target_group);
        free_request(d);
        q.egid = 1500; /* sudo -u postgres -g operators */
        d = read_request(f, q);
        assert_string_equal(d->access.target_group, "operators");
        free_request(d);
        q.egid = 4242;
        d = read_request(f, q);
        assert_non_null(d->access.target_group);
        free_request(d);
        q.real_uid = 0; /* sudoedit */
        d = read_request(f, q);
        assert_null(d->access.target_group);
        free_request(d);
        q = pam("su", "alice", 1000, WIRE_PHASE_ACCOUNT);
        q.target = wire_text("root");
        d = read_request(f, q);
        assert_string_equal(d->access.target, "root");
        free_request(d);
        q = pam("sshd", "alice", 1000, WIRE_PHASE_OPEN_SESSION);
        d = read_request(f, q);
        assert_null(d->access.target);
        assert_true(d->access.key_is_judged);
        assert_null(d->access.key);
        free_request(d);
}

static void a_host_name_as_origin_is_no_address_and_not_local(void **state)
{
        Fixture *f = *state;
        WireRequest q = pam("sshd", "alice", 1000, WIRE_PHASE_ACCOUNT);
        RequestData *d;

        q.rhost = wire_text("evil.example.org");
        d = read_request(f, q);
        assert_false(d->access.has_from || d->access.is_local);
        free_request(d);
        q.rhost = wire_text("192.0.2.7");
        d = read_request(f, q);
        assert_true(d->access.has_from);
        free_request(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_account_is_allowed_under_its_grant_and_denied_after_it),
                TEST(an_account_of_ours_must_have_its_uid),
                TEST(a_service_that_is_not_granted_is_denied_with_its_reason),
                TEST(a_session_that_cannot_be_tied_is_denied),
                TEST(a_set_may_change_while_a_session_is_tied),
                TEST(a_counted_grant_lets_so_many_in_ever_over_restarts_and_a_boot),
                TEST(a_session_that_was_recorded_and_not_let_in_is_used),
                TEST(without_a_bus_nothing_is_used),
                TEST(of_two_that_ask_at_once_a_grant_of_one_lets_one_in),
                TEST(an_account_phase_uses_nothing),
                TEST(a_stop_answers_who_is_in_and_leaves_who_waits_to_the_next_agent),
                TEST(a_stop_with_nobody_in_is_at_once),
                TEST(an_answer_is_of_the_grant_that_its_record_names),
                TEST(an_answer_names_the_end_and_a_line_for_the_person),
                TEST(a_notice_is_recorded_and_not_answered),
                TEST(what_is_no_message_is_closed),
                TEST(a_second_request_on_a_connection_is_not_served),
                TEST(who_sends_late_is_answered_as_who_has_sent),
                TEST(a_peer_whose_answer_takes_too_long_is_closed),
                TEST(a_silent_peer_is_closed_at_its_deadline),
                TEST(one_peer_too_many_is_closed_and_the_others_are_served),
                TEST(out_of_descriptors_the_loop_rests_and_recovers),
                TEST(keys_of_active_grants_expire_with_them),
                TEST(only_keys_are_asked_on_the_keys_socket),
                TEST(a_fed_set_is_taken_for_its_signature_and_nothing_else),
                TEST(a_second_set_on_a_connection_is_not_taken),
                TEST(a_control_line_may_come_in_pieces_and_has_one_answer),
                TEST(a_control_line_that_is_not_json_is_refused),
                TEST(origins_are_addresses_and_never_names),
                TEST(the_key_is_the_first_of_the_auth_info),
                TEST(the_target_is_known_when_the_phase_can_know_it),
                TEST(a_host_name_as_origin_is_no_address_and_not_local),
        };

        return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
