/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person at a terminal reads before a session ends and when it does. */

#include "nhi-agentd/core/reason.h"
#include "nhi-agentd/session/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* cmocka.h needs the above */
#include <cmocka.h>

#define END_SEC 1795359300 /* 2026-11-22 14:55:00 UTC */

static const Words login = { .jti = "g-1", .class = "ssh" };
static const Words elevation = { .jti = "g-1", .class = "sudo", .elevation = true };

static void before_says(int64_t left_usec, const char *expected)
{
        char text[WORDS_SIZE], line[WORDS_SIZE];

        (void)snprintf(line, sizeof(line),
                       "\r\nnhi: this session ends in %s (14:55:00 UTC) with the grant g-1; to go "
                       "on, have it extended\r\n",
                       expected);
        words_before(&login, left_usec, END_SEC, text);
        assert_string_equal(text, line);
}

static void a_warning_says_in_how_long_and_when(void **state)
{
        before_says(300000000, "5 min");
        before_says(299500000, "5 min");
        before_says(299499999, "299 s");
        before_says(60000000, "1 min");
        before_says(59000000, "59 s");
        before_says(0, "0 s");
        before_says(-1, "0 s");
}

static void in_an_elevation_only_the_elevation_ends(void **state)
{
        char text[WORDS_SIZE];

        words_before(&elevation, 60000000, END_SEC, text);
        assert_non_null(strstr(text, "nhi: sudo ends in 1 min "));
        words_over(&elevation, "expired", "", text);
        assert_non_null(strstr(text, "nhi: sudo ends now with the grant g-1: "));
}

static void the_end_says_why_and_what_to_do_next(void **state)
{
        char text[WORDS_SIZE];

        words_over(&login, "expired", "", text);
        assert_string_equal(text, "\r\nnhi: this session ends now with the grant g-1: the grant "
                                  "has ended (expired); ask for a new grant; more: nhictl why\r\n");
        for (int r = 0; r < REASON_N; r++) {
                words_over(&login, reason_token((Reason)r), "", text);
                assert_non_null(strstr(text, reason_token((Reason)r)));
                assert_non_null(strstr(text, reason_sentence((Reason)r)));
                assert_non_null(strstr(text, reason_advice((Reason)r)));
        }
}

static void who_ended_it_is_quoted(void **state)
{
        char text[WORDS_SIZE];

        words_over(&login, "ended", "by root: off you go", text);
        assert_string_equal(text, "\r\nnhi: this session ends now: by root: off you go; the grant "
                                  "g-1 goes on: nhictl mine\r\n");
        words_over(&login, "ended", "", text);
        assert_non_null(strstr(text, "ends now: ended; "));
}

static void nothing_in_it_moves_a_cursor_and_it_is_always_a_whole_line(void **state)
{
        char jti[WORDS_SIZE], detail[WORDS_SIZE], text[WORDS_SIZE];
        const Words w = { .jti = jti, .class = "ssh" };

        memset(jti, 'g', sizeof(jti));
        jti[sizeof(jti) - 1] = '\0';
        memset(detail, 'd', sizeof(detail));
        detail[sizeof(detail) - 1] = '\0';
        words_over(&w, "ended", detail, text);
        assert_string_equal(text + WORDS_SIZE - 3, "\r\n");
        words_over(&login, "ended", "\033[2J\r\nlogin: \302\233", text);
        assert_null(strchr(text, '\033'));
        assert_null(strstr(text, "\302\233"));
        assert_null(strstr(text + 2, "\r\nlogin"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_warning_says_in_how_long_and_when),
                cmocka_unit_test(in_an_elevation_only_the_elevation_ends),
                cmocka_unit_test(the_end_says_why_and_what_to_do_next),
                cmocka_unit_test(who_ended_it_is_quoted),
                cmocka_unit_test(nothing_in_it_moves_a_cursor_and_it_is_always_a_whole_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
