/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/client.h"
#include "tests/scripted-agent.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATIENCE_USEC (30 * USEC_PER_SEC)

static char dir[64], path[96];
static ScriptedAgent agent;
static WireExchange exchange;

static int place_setup(void **state)
{
        snprintf(dir, sizeof(dir), "/tmp/nhi-test-client.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        snprintf(path, sizeof(path), "%s/pam.sock", dir);
        return agent_start(&agent, path);
}

static int place_teardown(void **state)
{
        agent_stop(&agent);
        return rmdir(dir);
}

static WireRequest question(WireMode mode)
{
        return (WireRequest){ .type = WIRE_PAM,
                              .phase = WIRE_PHASE_ACCOUNT,
                              .mode = mode,
                              .service = wire_text("sshd"),
                              .subject = wire_text("games"),
                              .target = wire_text("games") };
}

static int ask(uint64_t wait_usec, WireReply *ret)
{
        WireRequest q = question(WIRE_MODE_ENFORCE);

        return wire_ask(path, geteuid(), &q, now_monotonic_usec() + wait_usec, &exchange, ret);
}

static void an_answer_to_the_question_is_taken(void **state)
{
        WireReply a = { 0 };

        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(ask(PATIENCE_USEC, &a), 0);
        assert_int_equal(a.verdict, 1);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(ask(PATIENCE_USEC, &a), 0);
        assert_int_equal(a.verdict, 0);
}

static void an_answer_to_anything_else_is_malformed_O10_P10(void **state)
{
        static const Script scripts[] = { SCRIPT_WRONG_NONCE,   SCRIPT_WRONG_SUBJECT,
                                          SCRIPT_WRONG_VERSION, SCRIPT_WRONG_LENGTH,
                                          SCRIPT_WRONG_TYPE,    SCRIPT_WRONG_VERDICT,
                                          SCRIPT_TRAILING,      SCRIPT_GARBAGE };
        WireReply a = { .nonce = 77 };

        for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
                agent_script(&agent, scripts[i]);
                assert_int_equal(ask(PATIENCE_USEC, &a), WIRE_E_MALFORMED);
        }
        agent_script(&agent, SCRIPT_OVERSIZE);
        assert_int_equal(ask(PATIENCE_USEC, &a), -EMSGSIZE);
        assert_int_equal(a.nonce, 77);
}

static void no_answer_is_an_error_by_the_deadline_P10(void **state)
{
        uint64_t begin = now_monotonic_usec();
        WireReply a;

        agent_script(&agent, SCRIPT_CLOSE);
        assert_int_equal(ask(PATIENCE_USEC, &a), -ECONNRESET);
        agent_script(&agent, SCRIPT_SILENT);
        assert_int_equal(ask(30000, &a), -ETIMEDOUT);
        assert_true(now_monotonic_usec() - begin >= 30000);
        assert_true(now_monotonic_usec() - begin < PATIENCE_USEC);
}

static void an_agent_of_another_owner_is_not_asked(void **state)
{
        WireRequest q = question(WIRE_MODE_ENFORCE);
        WireReply a;

        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(wire_ask(path, geteuid() + 1, &q, now_monotonic_usec() + PATIENCE_USEC,
                                  &exchange, &a),
                         -EPERM);
        assert_int_equal(agent.n_seen, 0);
}

static void every_question_has_its_own_nonce(void **state)
{
        WireRequest a = question(WIRE_MODE_ENFORCE), b = a;
        WireReply reply;

        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(wire_ask(path, geteuid(), &a, now_monotonic_usec() + PATIENCE_USEC,
                                  &exchange, &reply),
                         0);
        assert_int_equal(wire_ask(path, geteuid(), &b, now_monotonic_usec() + PATIENCE_USEC,
                                  &exchange, &reply),
                         0);
        assert_true(a.nonce != b.nonce);
}

static void a_notice_waits_for_nothing(void **state)
{
        WireRequest q = question(WIRE_MODE_OBSERVE);

        agent_script(&agent, SCRIPT_SILENT);
        assert_int_equal(wire_notify(path, geteuid(), &q, &exchange), 0);
        assert_int_equal(agent_wait(&agent, 1), 1);
        assert_int_equal(agent.seen[0].mode, WIRE_MODE_OBSERVE);
}

/* A listener that nobody serves, its queue full: what is left of a dead agent. */
static void nobody_is_held_up_by_a_dead_agents_queue(void **state)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        WireRequest q = question(WIRE_MODE_OBSERVE);
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd, r;
        uint64_t begin;
        int held[8], n = 0;
        WireReply a;

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dead.sock", dir);
        assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(listen(listener, 0), 0);
        while ((r = unix_connect(addr.sun_path, SOCK_SEQPACKET, geteuid(), &fd)) == 0 && n < 8)
                held[n++] = fd;
        assert_int_equal(r, -EAGAIN);

        begin = now_monotonic_usec();
        assert_int_equal(wire_notify(addr.sun_path, geteuid(), &q, &exchange), -EAGAIN);
        assert_true(now_monotonic_usec() - begin < PATIENCE_USEC);
        q = question(WIRE_MODE_ENFORCE);
        assert_int_equal(
                wire_ask(addr.sun_path, geteuid(), &q, now_monotonic_usec() + 20000, &exchange, &a),
                -EAGAIN);
        while (n-- > 0)
                close(held[n]);
        close(listener);
        unlink(addr.sun_path);
}

static void nothing_is_kept_and_errno_is_not_touched_P12(void **state)
{
        int probe = dup(0), after = -1;
        WireReply a;

        close(probe);
        agent_script(&agent, SCRIPT_CLOSE);
        for (int i = 0; i < 50; i++) {
                errno = 4711;
                (void)ask(PATIENCE_USEC, &a);
                assert_int_equal(errno, 4711);
        }
        /* The thread closes its ends when it gets there. */
        for (uint64_t begin = now_monotonic_usec(); now_monotonic_usec() - begin < PATIENCE_USEC;) {
                after = dup(0);
                close(after);
                if (after <= probe)
                        break;
                (void)poll(NULL, 0, 1);
        }
        assert_true(after <= probe);
}

static void what_is_not_lawful_is_not_sent(void **state)
{
        WireRequest q = question(0);
        WireReply a;

        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(
                wire_ask(path, geteuid(), &q, now_monotonic_usec() + PATIENCE_USEC, &exchange, &a),
                WIRE_E_MALFORMED);
        assert_int_equal(agent.n_seen, 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_to_the_question_is_taken),
                cmocka_unit_test(an_answer_to_anything_else_is_malformed_O10_P10),
                cmocka_unit_test(no_answer_is_an_error_by_the_deadline_P10),
                cmocka_unit_test(an_agent_of_another_owner_is_not_asked),
                cmocka_unit_test(every_question_has_its_own_nonce),
                cmocka_unit_test(a_notice_waits_for_nothing),
                cmocka_unit_test(nobody_is_held_up_by_a_dead_agents_queue),
                cmocka_unit_test(nothing_is_kept_and_errno_is_not_touched_P12),
                cmocka_unit_test(what_is_not_lawful_is_not_sent),
        };

        return cmocka_run_group_tests_name("client", tests, place_setup, place_teardown);
}
