/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages at the edges of what the wire can say, and answers that nearly fit the question. */

#include "lib/base/macro.h"
#include "lib/wire/client.h"
#include "tests/scripted-agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t message[WIRE_MSG_MAX + 1];

static WireRequest question(WireType type, const char *subject)
{
        return (WireRequest){ .type = type,
                              .phase = type == WIRE_PAM ? WIRE_PHASE_ACCOUNT : 0,
                              .mode = WIRE_MODE_ENFORCE,
                              .service = wire_text("sudo"),
                              .subject = wire_text(subject),
                              .target = wire_text("root"),
                              .command = wire_text(type == WIRE_COMMAND ? "/bin/id" : NULL) };
}

/* The size that the header says. */
static void size_set(size_t size)
{
        Buf b = buf_over(message + 8, sizeof(uint32_t));

        buf_put_u32(&b, (uint32_t)size);
}

/* Append a field of ARGV. */
static size_t append_argv(size_t at, const void *value, size_t size)
{
        Buf b = buf_over(message + at, sizeof(message) - at);

        buf_put_u16(&b, 16);
        buf_put_u32(&b, (uint32_t)size);
        buf_put_bytes(&b, value, size);
        assert_false(buf_failed(&b));
        size_set(at + b.pos);
        return at + b.pos;
}

static void a_list_that_is_shorter_than_its_count_is_malformed_A06(void **state)
{
        static const uint8_t value[] = { 1, 0, 0, 0, 2, 0, 0, 0, 'i', 'd' };
        const WireRequest q = question(WIRE_COMMAND, "games");
        size_t begin = 0;
        WireRequest r;

        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &begin), 0);
        for (size_t size = 0; size <= sizeof(value); size++) {
                const size_t end = append_argv(begin, value, size);

                assert_int_equal(wire_request_decode(message, end, &r),
                                 size == sizeof(value) ? 0 : WIRE_E_MALFORMED);
        }
        assert_int_equal(r.argv.n, 1);
}

static void a_message_that_is_too_large_is_malformed_though_its_header_says_so(void **state)
{
        const WireRequest q = question(WIRE_PAM, "games");
        size_t size = 0;
        WireRequest r;

        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &size), 0);
        assert_int_equal(wire_request_decode(message, size, &r), 0);
        size_set(sizeof(message));
        assert_int_equal(wire_request_decode(message, sizeof(message), &r), WIRE_E_MALFORMED);
}

static void an_item_that_no_message_holds_is_in_no_list(void **state)
{
        char *item = malloc(WIRE_MSG_MAX + 2);
        uint8_t *storage = malloc(2 * (size_t)WIRE_MSG_MAX);
        const char *const items[] = { item };
        WireList l = { .n = 77 };

        assert_non_null(item);
        assert_non_null(storage);
        memset(item, 'x', WIRE_MSG_MAX + 1);
        item[WIRE_MSG_MAX + 1] = '\0';
        assert_int_equal(wire_list_build(items, 1, storage, 2 * (size_t)WIRE_MSG_MAX, &l),
                         WIRE_E_TOO_LARGE);
        assert_int_equal(l.n, 77);
        item[WIRE_MSG_MAX] = '\0';
        assert_int_equal(wire_list_build(items, 1, storage, 2 * (size_t)WIRE_MSG_MAX, &l), 0);
        free(storage);
        free(item);
}

static void a_gid_that_is_not_there_is_nobodys(void **state)
{
        static const uint32_t gids[] = { 100, 200 };
        uint8_t storage[8];
        WireGids g;

        assert_int_equal(wire_gids_build(gids, 2, storage, sizeof(storage), &g), 0);
        assert_int_equal(wire_gids_at(&g, 1), 200);
        assert_true(wire_gids_at(&g, 2) == UINT32_MAX);
        assert_true(wire_gids_at(&g, UINT32_MAX) == UINT32_MAX);
}

/* The scripted agent answers about "somebody". */
static void an_answer_about_a_name_of_the_same_length_is_not_ours_O10(void **state)
{
        static const char *const others[] = { "somebodx", "xomebody", "some", "somebody-else" };
        static WireExchange exchange;
        ScriptedAgent agent;
        char path[64] = "/tmp/nhi-test-wire.XXXXXX";
        WireReply a = { 0 };
        WireRequest q;

        assert_non_null(mkdtemp(path));
        strcat(path, "/s");
        assert_int_equal(agent_start(&agent, path), 0);
        agent_script(&agent, SCRIPT_WRONG_SUBJECT);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                q = question(WIRE_PAM, others[i]);
                assert_int_equal(wire_ask(path, geteuid(), &q,
                                          now_monotonic_usec() + SCRIPT_PATIENCE_USEC, &exchange,
                                          &a),
                                 WIRE_E_MALFORMED);
        }
        q = question(WIRE_PAM, "somebody");
        assert_int_equal(wire_ask(path, geteuid(), &q, now_monotonic_usec() + SCRIPT_PATIENCE_USEC,
                                  &exchange, &a),
                         0);
        agent_stop(&agent);
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_that_is_shorter_than_its_count_is_malformed_A06),
                cmocka_unit_test(
                        a_message_that_is_too_large_is_malformed_though_its_header_says_so),
                cmocka_unit_test(an_item_that_no_message_holds_is_in_no_list),
                cmocka_unit_test(a_gid_that_is_not_there_is_nobodys),
                cmocka_unit_test(an_answer_about_a_name_of_the_same_length_is_not_ours_O10),
        };

        return cmocka_run_group_tests_name("wire-edges", tests, NULL, NULL);
}
