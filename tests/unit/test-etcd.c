/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/http/base64.h"
#include "lib/http/etcd.h"
#include "nhi-agentd/fetch/allowance.h"
#include "nhi-agentd/fetch/line-buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEY    "/nhi/sets/web1"
#define KEY64  "L25oaS9zZXRzL3dlYjE="
#define HEADER "\"header\":{\"cluster_id\":\"14841639068965178418\",\"revision\":\"7\"}"

/* RFC 4648 section 10 */
static void base64_is_the_rfcs(void **state)
{
        static const struct {
                const char *plain, *encoded;
        } cases[] = {
                { "", "" },
                { "f", "Zg==" },
                { "fo", "Zm8=" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" },
                { "foobar", "Zm9vYmFy" },
                { "\xfb\xff\xfe", "+//+" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const size_t n = strlen(cases[i].plain);
                _cleanup_free_ char *text = base64_encode(cases[i].plain, n);
                _cleanup_free_ uint8_t *bytes = NULL;
                size_t size = 99;

                assert_string_equal(text, cases[i].encoded);
                assert_int_equal(base64_decode(text, strlen(text), &bytes, &size), 0);
                assert_int_equal(size, n);
                assert_memory_equal(bytes, cases[i].plain, n);
        }
}

static void base64_has_one_spelling(void **state)
{
        static const char *const bad[] = { "Z",    "Zg",   "Zg=",  "Zg==Zg==", "=g==", "Zh==",
                                           "Zm9=", "Zm 9", "Zm-_", "Z===",     "====", "Zg==\n" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                uint8_t *bytes = NULL;
                size_t size = 0;

                assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &bytes, &size), -EBADMSG);
                assert_null(bytes);
        }
}

/* 3 bytes of text are 200 of memory. */
static void a_document_of_very_many_values_is_none(void **state)
{
        static const char *const fillers[] = { "{}", "[]", "0", "\",{[\\\"\"" };
        const size_t n = 100 * 1000;
        char *text = malloc(16 * n);
        EtcdAnswer a;

        for (size_t i = 0; i < ELEMENTSOF(fillers); i++) {
                char *end = stpcpy(text, "{" HEADER ",\"kvs\":[],\"more\":[0");

                for (size_t k = 0; k < n; k++) {
                        *end++ = ',';
                        end = stpcpy(end, fillers[i]);
                }
                end = stpcpy(end, "]}");
                assert_int_equal(etcd_range_parse(text, (size_t)(end - text), &a), -EBADMSG);
        }
        free(text);
}

static void a_text_of_very_many_commas_is_one_value(void **state)
{
        char text[200 * 1000] = "{" HEADER ",\"kvs\":[],\"more\":\"";
        const size_t n = strlen(text);
        EtcdAnswer a;

        memset(text + n, ',', sizeof(text) - n - 2);
        memcpy(text + sizeof(text) - 2, "\"}", 2);
        assert_int_equal(etcd_range_parse(text, sizeof(text), &a), 0);
        etcd_answer_done(&a);
}

static void requests_are_the_gateways(void **state)
{
        _cleanup_free_ char *range = etcd_range_request(KEY, false);
        _cleanup_free_ char *brief = etcd_range_request(KEY, true);
        _cleanup_free_ char *watch = etcd_watch_request(KEY, 8);
        _cleanup_free_ char *auth = etcd_auth_request("host", "a\"b");

        assert_string_equal(range, "{\"key\":\"" KEY64 "\"}");
        assert_string_equal(brief, "{\"key\":\"" KEY64 "\",\"keys_only\":true}");
        assert_string_equal(watch, "{\"create_request\":{\"key\":\"" KEY64
                                   "\",\"start_revision\":\"8\",\"progress_notify\":true}}");
        assert_string_equal(auth, "{\"name\":\"host\",\"password\":\"a\\\"b\"}");
        assert_null(etcd_auth_request("host", "\xff"));
}

static void a_range_is_read(void **state)
{
        static const char with[] = "{" HEADER ",\"kvs\":[{\"key\":\"" KEY64
                                   "\",\"mod_revision\":\"5\",\"value\":\"Zm9v\"}],"
                                   "\"count\":\"1\"}";
        static const char without[] = "{" HEADER "}";
        EtcdAnswer a;

        assert_int_equal(etcd_range_parse(with, strlen(with), &a), 0);
        assert_true(a.has_value && !a.is_error);
        assert_int_equal(a.revision, 7);
        assert_int_equal(a.mod_revision, 5);
        assert_int_equal(a.size, 3);
        assert_memory_equal(a.value, "foo", 3);
        etcd_answer_done(&a);
        assert_int_equal(etcd_range_parse(without, strlen(without), &a), 0);
        assert_false(a.has_value);
        assert_int_equal(a.mod_revision, 0);
        etcd_answer_done(&a);
}

static void the_last_event_of_a_line_counts(void **state)
{
#define PUT(revision, value)                                                                       \
        "{\"kv\":{\"key\":\"" KEY64 "\",\"mod_revision\":\"" revision "\",\"value\":\"" value "\"" \
        "}}"
#define DELETE "{\"type\":\"DELETE\",\"kv\":{\"key\":\"" KEY64 "\",\"mod_revision\":\"9\"}}"
        static const struct {
                const char *events;
                bool has_value;
                int64_t mod_revision;
        } cases[] = {
                { PUT("8", "Zm9v"), true, 8 },
                { PUT("8", "Zm9v") "," PUT("9", "Zm9v"), true, 9 },
                { PUT("8", "Zm9v") "," DELETE, false, 9 },
                { DELETE "," PUT("10", "Zm9v"), true, 10 },
                { "", false, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char line[600];
                EtcdAnswer a;

                (void)snprintf(line, sizeof(line), "{\"result\":{" HEADER ",\"events\":[%s]}}",
                               cases[i].events);
                assert_int_equal(etcd_watch_parse(line, strlen(line), KEY, &a), 0);
                assert_int_equal(a.has_value, cases[i].has_value);
                assert_int_equal(a.mod_revision, cases[i].mod_revision);
                assert_int_equal(a.is_deleted, a.mod_revision && !a.has_value);
                etcd_answer_done(&a);
        }
}

static void what_ends_a_watch_is_told(void **state)
{
        static const char canceled[] =
                "{\"result\":{" HEADER ",\"canceled\":true,\"cancel_reason\":\"no leader\"}}";
        static const char compacted[] =
                "{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":\"6\"}}";
        static const char failed[] = "{\"error\":{\"grpc_code\":14,\"http_code\":503,"
                                     "\"message\":\"etcdserver: no leader\"}}";
        static const char refused[] = "{\"error\":\"etcdserver: invalid auth token\",\"code\":16,"
                                      "\"message\":\"etcdserver: invalid auth token\"}";
        EtcdAnswer a;

        assert_int_equal(etcd_watch_parse(canceled, strlen(canceled), KEY, &a), 0);
        assert_true(a.is_canceled && a.compact_revision == 0);
        assert_string_equal(a.error, "no leader");
        assert_int_equal(etcd_watch_parse(compacted, strlen(compacted), KEY, &a), 0);
        assert_true(a.is_canceled && a.compact_revision == 6);
        assert_int_equal(etcd_watch_parse(failed, strlen(failed), KEY, &a), 0);
        assert_true(a.is_error && a.code == 14);
        assert_string_equal(a.error, "etcdserver: no leader");
        assert_int_equal(etcd_range_parse(refused, strlen(refused), &a), 0);
        assert_true(a.is_error && a.code == 16);
}

static void what_makes_no_sense_is_refused(void **state)
{
        static const char *const ranges[] = {
                "",
                "[]",
                "{}",
                "{" HEADER,
                "{\"header\":{\"revision\":\"-1\"}}",
                "{\"header\":{\"revision\":\"7x\"}}",
                "{\"header\":{\"revision\":\" 7\"}}",
                "{\"header\":{\"revision\":\"99999999999999999999\"}}",
                "{\"header\":{\"revision\":7.5}}",
                "{" HEADER ",\"kvs\":[1]}",
                "{" HEADER ",\"kvs\":[{\"value\":\"Zm9v\"}]}",
                "{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\",\"value\":\"Zm9\"}]}",
                "{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\",\"value\":5}]}",
                "{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\"},{\"mod_revision\":\"5\"}]}",
                "{" HEADER "," HEADER "}",
        };
        static const char *const watches[] = {
                "{" HEADER "}",
                "{\"result\":1}",
                "{\"result\":{" HEADER ",\"events\":[1]}}",
                "{\"result\":{" HEADER
                ",\"events\":[{\"kv\":{\"key\":\"Zm9v\",\"mod_revision\":\"8\"}}]}}",
                "{\"result\":{" HEADER ",\"compact_revision\":true}}",
        };
        EtcdAnswer a;

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (etcd_range_parse(ranges[i], strlen(ranges[i]), &a) != -EBADMSG)
                        fail_msg("taken: %s", ranges[i]);
        for (size_t i = 0; i < ELEMENTSOF(watches); i++)
                if (etcd_watch_parse(watches[i], strlen(watches[i]), KEY, &a) != -EBADMSG)
                        fail_msg("taken: %s", watches[i]);
}

/* A member that counts to the end has none behind it, which is what is asked for next. */
static void behind_every_revision_there_is_another(void **state)
{
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "{\"header\":{\"revision\":\"9223372036854775806\"}}", 0 },
                { "{\"header\":{\"revision\":\"9223372036854775807\"}}", -EBADMSG },
                { "{\"header\":{\"revision\":9223372036854775807}}", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *request = NULL;
                EtcdList l = { 0 };
                int r = etcd_list_parse(cases[i].text, strlen(cases[i].text), &l);

                if (r == 0) {
                        request = etcd_changes_request("/nhi/", 1, l.revision);
                        assert_non_null(strstr(request, "\"9223372036854775807\""));
                        etcd_list_done(&l);
                }
                assert_int_equal(r, cases[i].r);
        }
}

static void a_token_must_fit_into_a_header(void **state)
{
        static const char *const bad[] = { "{}", "{\"token\":\"\"}", "{\"token\":7}",
                                           "{\"token\":\"a\\r\\nb\"}", "token" };
        _cleanup_free_ char *token = etcd_auth_parse("{\"token\":\"abc.7\"}", 17);

        assert_string_equal(token, "abc.7");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_null(etcd_auth_parse(bad[i], strlen(bad[i])));
}

typedef struct Taken {
        char text[64];
        unsigned n, stop_at;
} Taken;

static bool on_line(void *userdata, const char *line, size_t size)
{
        Taken *t = userdata;
        const size_t n = strlen(t->text);

        (void)snprintf(t->text + n, sizeof(t->text) - n, "%.*s|", (int)size, line);
        return ++t->n != t->stop_at;
}

static void lines_come_out_however_the_pieces_fall(void **state)
{
        static const char text[] = "ab\n\nc\ndef\n";

        for (size_t step = 1; step <= strlen(text); step++) {
                LineBuffer b = { .max = 3 };
                Taken t = { 0 };

                for (size_t i = 0; i < strlen(text); i += step) {
                        const size_t left = strlen(text) - i;

                        assert_true(line_buffer_put(&b, text + i, left < step ? left : step,
                                                    on_line, &t));
                }
                assert_string_equal(t.text, "ab|c|def|");
                line_buffer_reset(&b);
        }
}

static void a_line_that_is_too_long_ends_it(void **state)
{
        LineBuffer b = { .max = 3 };
        Taken t = { .stop_at = 1 };

        assert_true(line_buffer_put(&b, "abc", 3, on_line, &t));
        assert_false(line_buffer_put(&b, "d", 1, on_line, &t));
        line_buffer_reset(&b);
        assert_false(line_buffer_put(&b, "a\nb\n", 4, on_line, &t));
        assert_int_equal(t.n, 1);
        line_buffer_reset(&b);
}

static void an_allowance_is_used_up_and_comes_back(void **state)
{
        Allowance a = { .most = 10, .per_sec = 4 };
        uint64_t now = 7777777;

        assert_true(allowance_take(&a, 10, now));
        assert_false(allowance_take(&a, 1, now));
        /* A quarter of a second for one, however often one asks. */
        for (unsigned ms = 0; ms < 249; ms++)
                assert_false(allowance_take(&a, 1, now + ms * 1000));
        assert_true(allowance_take(&a, 1, now + 250 * 1000));
        assert_false(allowance_take(&a, 1, now + 250 * 1000));
        assert_false(allowance_take(&a, 11, now + 3600 * USEC_PER_SEC));
        assert_true(allowance_take(&a, 10, now + 3600 * USEC_PER_SEC));
        assert_false(allowance_take(&a, 1, now + 3600 * USEC_PER_SEC));
        assert_true(allowance_take(&a, 10, UINT64_MAX));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64_is_the_rfcs),
                cmocka_unit_test(an_allowance_is_used_up_and_comes_back),
                cmocka_unit_test(base64_has_one_spelling),
                cmocka_unit_test(a_document_of_very_many_values_is_none),
                cmocka_unit_test(a_text_of_very_many_commas_is_one_value),
                cmocka_unit_test(requests_are_the_gateways),
                cmocka_unit_test(a_range_is_read),
                cmocka_unit_test(the_last_event_of_a_line_counts),
                cmocka_unit_test(what_ends_a_watch_is_told),
                cmocka_unit_test(what_makes_no_sense_is_refused),
                cmocka_unit_test(behind_every_revision_there_is_another),
                cmocka_unit_test(a_token_must_fit_into_a_header),
                cmocka_unit_test(lines_come_out_however_the_pieces_fall),
                cmocka_unit_test(a_line_that_is_too_long_ends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
