/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cutting a large document into values: scan.h finds their ends, payload.h decodes around them. */

#include "nhi-agentd/set/payload.h"

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "nhi-agentd/set/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- scan ------------------------------------------------------------------------------------ */

/* The size of the value that text begins with, fed in pieces; -1 where none does, -2 where it goes
 * on. */
static int scan_in_pieces(const char *text, size_t piece)
{
        const size_t size = strlen(text);
        Scan s = { 0 };

        for (size_t i = 0; i < size; i += piece) {
                size_t n = size - i < piece ? size - i : piece, used = 0;
                ScanResult r = scan_value(&s, text + i, n, &used);

                if (r == SCAN_END)
                        return (int)(i + used);
                if (r != SCAN_MORE)
                        return -1;
                assert_int_equal(used, n);
        }
        return scan_may_end(&s) ? (int)size : -2;
}

static void scan_finds_the_end_of_a_value_however_it_arrives(void **state)
{
        static const struct {
                const char *text;
                int size;
        } values[] = {
                { "1,2", 1 },         { "true]", 4 },
                { "-1.5e3", 6 },      { "null ", 4 },
                { "x\"y\"", 1 }, /* no JSON: somebody else's to refuse */
                { "\"a\"b", 3 },      { "\"a\\\"b\"c", 6 },
                { "\"a\\\\\",", 5 },  { "\"]}{[\"", 6 },
                { "\"open", -2 },     { "\"open\\\"", -2 },
                { "[]", 2 },          { "[1,[2,{\"a\":\"]\"}]] ]", 17 },
                { "{\"a\":{}}}", 8 }, { "{\"a\":[1", -2 },
                { "[}", -1 },         { "{]", -1 },
                { "[[1}]", -1 },      { ",", -1 },
                { "]", -1 },          { "}", -1 },
                { ":1", -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                for (size_t piece = 1; piece < 9; piece++)
                        if (scan_in_pieces(values[i].text, piece) != values[i].size)
                                fail_msg("%s by %zu gives %d", values[i].text, piece,
                                         scan_in_pieces(values[i].text, piece));
}

static void scan_takes_its_depth_and_not_one_more(void **state)
{
        char text[2 * SCAN_DEPTH_MAX + 4] = "";

        memset(text, '[', SCAN_DEPTH_MAX);
        memset(text + SCAN_DEPTH_MAX, ']', SCAN_DEPTH_MAX);
        assert_int_equal(scan_in_pieces(text, 7), 2 * SCAN_DEPTH_MAX);
        memset(text, '{', SCAN_DEPTH_MAX);
        memset(text + SCAN_DEPTH_MAX, '}', SCAN_DEPTH_MAX);
        assert_int_equal(scan_in_pieces(text, 7), 2 * SCAN_DEPTH_MAX);
        memset(text, '[', SCAN_DEPTH_MAX + 1);
        memset(text + SCAN_DEPTH_MAX + 1, ']', SCAN_DEPTH_MAX + 1);
        assert_int_equal(scan_in_pieces(text, 7), -1);
}

static void scan_finds_a_member_of_the_object_itself_only(void **state)
{
        static const char object[] =
                "{ \"b\":{\"a\":1},\"c\":\"\\\"a\\\":2\", \"a\" : [3] ,\"a\":4}";
        size_t at = 0, size = 0;

        assert_true(scan_member(object, strlen(object), "a", &at, &size));
        assert_memory_equal(object + at, "[3]", 3);
        assert_int_equal(size, 3);
        assert_false(scan_member(object, strlen(object), "d", &at, &size));
        assert_false(scan_member("{}", 2, "a", &at, &size));
        assert_false(scan_member("[\"a\",1]", 7, "a", &at, &size));
        assert_false(scan_member("\"a\"", 3, "a", &at, &size));
        assert_false(scan_member("", 0, "a", &at, &size));
        /* Cut off anywhere it is never found beyond the end. */
        for (size_t n = 0; n < strlen(object); n++)
                if (scan_member(object, n, "a", &at, &size))
                        assert_true(at + size <= n);
}

static void scan_compacts_only_what_has_one_spelling(void **state)
{
        static const char plain[] = " [ {\"a b\" :\t1 } ,\n2 ] ";
        char text[64];
        size_t n = scan_compact(plain, strlen(plain), text);

        assert_int_equal(n, strlen("[{\"a b\":1},2]"));
        assert_memory_equal(text, "[{\"a b\":1},2]", n);
        assert_int_equal(scan_compact("[\"\\u0041\"]", 10, text), 0);
        assert_int_equal(scan_compact("[\"\303\244\"]", 6, text), 0);
        assert_int_equal(scan_compact("[\"\177\"]", 5, text), 0);
}

/* ---- payload --------------------------------------------------------------------------------- */

static char *encode(const char *text, size_t size, size_t *ret_size)
{
        char *encoded = malloc(base64url_size(size) + 1);

        assert_non_null(encoded);
        base64url_encode((const uint8_t *)text, size, encoded);
        *ret_size = base64url_size(size);
        return encoded;
}

#define LARGE (3u * 1024 * 1024)

static void payload_gives_every_value_whole_across_blocks(void **state)
{
        _cleanup_free_ char *text = malloc(LARGE + 1), *encoded = NULL;
        size_t size = 0, n = 0, count = 0, encoded_size = 0, offset_of_last = 0;
        const char *value;
        char last[64] = "";
        Payload p;
        int c = 0;

        while (n < LARGE - 5000)
                n += (size_t)sprintf(text + n, "{\"n\":%zu,\"text\":\"%0*d\"}\n", count++,
                                     (int)(n % 3000), 0);
        encoded = encode(text, n, &encoded_size);
        payload_init(&p, encoded, encoded_size);
        for (size_t i = 0; i < count; i++) {
                assert_int_equal(payload_peek(&p, &c), 0);
                assert_int_equal(c, '{');
                offset_of_last = p.offset;
                assert_int_equal(payload_value(&p, 4096, &value, &size), 0);
                assert_memory_equal(value, text + offset_of_last, size);
                assert_int_equal(value[size - 1], '}');
                assert_int_equal(text[offset_of_last + size], '\n');
        }
        assert_int_equal(payload_peek(&p, &c), 0);
        assert_int_equal(c, PAYLOAD_END);
        assert_true(p.capacity < LARGE / 4);
        assert_int_equal(payload_line(&p, offset_of_last), count);
        for (size_t back = 0; back < 3; back++) { /* wherever a block's quanta fall */
                const size_t at = offset_of_last - back;

                assert_int_equal(payload_seek(&p, at), 0);
                assert_int_equal(payload_peek(&p, &c), 0);
                assert_int_equal(c, scan_is_space(text[at]) ? '{' : text[at]);
        }
        (void)snprintf(last, sizeof(last), "{\"n\":%zu,", count - 1);
        assert_memory_equal(text + offset_of_last, last, strlen(last));
        payload_done(&p);
}

static void payload_value_takes_its_size_and_not_one_more(void **state)
{
        static const char text[] = "\"12345678\" 1";
        _cleanup_free_ char *encoded = NULL;
        size_t encoded_size = 0, size = 0;
        const char *value;
        Payload p;

        encoded = encode(text, strlen(text), &encoded_size);
        payload_init(&p, encoded, encoded_size);
        assert_int_equal(payload_value(&p, 9, &value, &size), PAYLOAD_E_SIZE);
        assert_int_equal(payload_value(&p, 10, &value, &size), 0);
        assert_int_equal(size, 10);
        assert_int_equal(payload_value(&p, 1, &value, &size), 0); /* ends where the payload ends */
        assert_int_equal(payload_value(&p, 1, &value, &size), PAYLOAD_E_JSON);
        payload_done(&p);
}

static void payload_refuses_what_is_no_base64url_when_it_comes_to_it(void **state) /* V16 */
{
        _cleanup_free_ char *text = malloc(LARGE), *encoded = NULL;
        size_t encoded_size = 0;
        Payload p;

        memset(text, ' ', LARGE);
        text[0] = '[';
        text[LARGE - 1] = ']';
        encoded = encode(text, LARGE, &encoded_size);
        payload_init(&p, encoded, encoded_size);
        assert_int_equal(payload_skip_value(&p), 0);
        payload_done(&p);
        encoded[encoded_size - 2] = '+';
        payload_init(&p, encoded, encoded_size);
        assert_int_equal(payload_skip_value(&p), PAYLOAD_E_BASE64);
        payload_done(&p);
        payload_init(&p, encoded, 0);
        assert_int_equal(payload_skip_value(&p), PAYLOAD_E_JSON);
        payload_done(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scan_finds_the_end_of_a_value_however_it_arrives),
                cmocka_unit_test(scan_takes_its_depth_and_not_one_more),
                cmocka_unit_test(scan_finds_a_member_of_the_object_itself_only),
                cmocka_unit_test(scan_compacts_only_what_has_one_spelling),
                cmocka_unit_test(payload_gives_every_value_whole_across_blocks),
                cmocka_unit_test(payload_value_takes_its_size_and_not_one_more),
                cmocka_unit_test(payload_refuses_what_is_no_base64url_when_it_comes_to_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
