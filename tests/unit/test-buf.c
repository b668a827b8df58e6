/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void integers_are_little_endian(void **state)
{
        static const uint8_t expected[] = { 1, 0x34, 0x12, 0xef, 0xbe, 0xad, 0xde, 8,
                                            7, 6,    5,    4,    3,    2,    1 };
        uint8_t bytes[15];
        Buf w = buf_over(bytes, sizeof(bytes)), r = buf_over(bytes, sizeof(bytes));

        buf_put_u8(&w, 1);
        buf_put_u16(&w, 0x1234);
        buf_put_u32(&w, 0xdeadbeef);
        buf_put_u64(&w, 0x0102030405060708);
        assert_false(buf_failed(&w));
        assert_int_equal(buf_left(&w), 0);
        assert_memory_equal(bytes, expected, sizeof(expected));

        assert_int_equal(buf_get_u8(&r), 1);
        assert_int_equal(buf_get_u16(&r), 0x1234);
        assert_int_equal(buf_get_u32(&r), 0xdeadbeef);
        assert_true(buf_get_u64(&r) == 0x0102030405060708);
        assert_false(buf_failed(&r));
}

static void a_put_that_does_not_fit_writes_nothing_and_sticks(void **state)
{
        uint8_t bytes[4] = { 9, 9, 9, 9 };
        Buf b = buf_over(bytes, 3);

        buf_put_u32(&b, 0);
        assert_true(buf_failed(&b));
        assert_int_equal(buf_left(&b), 0);
        buf_put_u8(&b, 1);
        assert_true(buf_failed(&b));
        assert_int_equal(bytes[0], 9);
        assert_int_equal(bytes[3], 9);
}

static void a_get_beyond_the_end_gives_zero_and_sticks(void **state)
{
        uint8_t bytes[3] = { 1, 2, 3 };
        Buf b = buf_over(bytes, sizeof(bytes));

        assert_int_equal(buf_get_u32(&b), 0);
        assert_true(buf_failed(&b));
        assert_int_equal(buf_get_u8(&b), 0);
        assert_null(buf_get_span(&b, 0).data);
}

static void spans_are_bounded_by_subtraction(void **state)
{
        uint8_t bytes[8] = { 0 };
        Buf b = buf_over(bytes, sizeof(bytes));
        Span s;

        (void)buf_get_u8(&b);
        s = buf_get_span(&b, 7);
        assert_ptr_equal(s.data, bytes + 1);
        assert_int_equal(s.size, 7);
        s = buf_get_span(&b, 0);
        assert_ptr_equal(s.data, bytes + 8);
        assert_false(buf_failed(&b));
        s = buf_get_span(&b, SIZE_MAX);
        assert_null(s.data);
        assert_true(buf_failed(&b));
}

static void bytes_of_no_size_may_be_nowhere(void **state)
{
        uint8_t bytes[1];
        Buf b = buf_over(bytes, 0);

        buf_put_bytes(&b, NULL, 0);
        assert_false(buf_failed(&b));
        buf_put_bytes(&b, "a", 1);
        assert_true(buf_failed(&b));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(integers_are_little_endian),
                cmocka_unit_test(a_put_that_does_not_fit_writes_nothing_and_sticks),
                cmocka_unit_test(a_get_beyond_the_end_gives_zero_and_sticks),
                cmocka_unit_test(spans_are_bounded_by_subtraction),
                cmocka_unit_test(bytes_of_no_size_may_be_nowhere),
        };

        return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
