/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/export.h"

#include "lib/log/record.h"
#include "nhi-agentd/event.h"
#include "nhictl/ledger/document.h"
#include "tests/unit/schema.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#define OCSF_FILE "tests/golden/ocsf.json"
#define T0        (INT64_C(1763760000) * 1000000 + 123456)

static const char evil[] = "=cmd|'/c calc'!A1\x1b[2J\r\n\"a,b\"=c|d\\\t\x7f\xc2\x9b\xe2\x80\xae\xff"
                           "CEF:0|x|y|1|2|3|4|act=allow";

static const char *const event_names[] = {
#define EVENT_NAME(name, text, id, priority) text,
        EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

/* A record with its line; free with record_done(). */
typedef struct Made {
        char line[LOG_LINE_MAX];
        LogRecord record;
        json_t *json;
} Made;

static void made_done(Made *m)
{
        json_decref(m->json);
        free(m);
}

static Made *made_from(const LogBody *b)
{
        Made *m = calloc(1, sizeof(*m));
        LogChain chain = { .seq = 41 };
        size_t size = 0;

        assert_non_null(m);
        assert_int_equal(
                log_line_make(&chain, T0, b->data, b->size, m->line, sizeof(m->line), &size), 0);
        m->line[--size] = '\0';
        m->json = json_loadb(m->line, size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(m->json);
        m->record = (LogRecord){ .line = m->line,
                                 .size = size,
                                 .json = m->json,
                                 .file = "decisions.log",
                                 .log_id = "0123456789abcdef0123456789abcdef",
                                 .host = "web1.example.org" };
        assert_int_equal(log_line_parse(m->line, size, &m->record.head), 0);
        m->record.real_usec = log_record_usec(&m->record.head, m->json);
        return m;
}

/* Every member that there is, with what an attacker would like to say. */
static Made *made_full(const char *event, const char *text, bool has_account)
{
        const char *const list[] = { text, "ci" };
        LogBody b;

        log_body_init(&b, event);
        for (unsigned f = LOG_FIELD_CARRIED; f < LOG_FIELD_CUT; f++) {
                if (f == LOG_FIELD_ACCOUNT && !has_account)
                        continue;
                if (f == LOG_FIELD_SETS)
                        continue;
                log_body_text(&b, (LogField)f, text);
                log_body_texts(&b, (LogField)f, list, 2);
                log_body_number(&b, (LogField)f, 1763760000);
                log_body_flag(&b, (LogField)f);
        }
        log_body_done(&b);
        return made_from(&b);
}

static char *export(const LogFormat *format, const LogRecord *r, bool with_header)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        if (with_header && format->begin)
                assert_int_equal(format->begin(f), 0);
        assert_int_equal(format->record(f, r), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

/* One line of printable bytes, whatever it ends with. */
static void assert_harmless(const char *text, const char *end)
{
        const size_t size = strlen(text) - strlen(end);

        assert_string_equal(text + size, end);
        for (size_t i = 0; i < size; i++) {
                const unsigned char c = (unsigned char)text[i];

                assert_true(c >= 0x20 && c != 0x7f);
                assert_false(c == 0xc2 && (unsigned char)text[i + 1] < 0xa0);
                assert_false(c == 0xe2 && (unsigned char)text[i + 1] == 0x80 &&
                             (unsigned char)text[i + 2] >= 0xa8);
        }
}

/* ---- OCSF --------------------------------------------------------------------------------------
 */

static json_t *ocsf_load(void)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        json_t *schema;

        assert_int_equal(document_read(AT_FDCWD, OCSF_FILE, 1024 * 1024, &text, &size), 0);
        schema = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(schema);
        schema_document = schema;
        return schema;
}

static json_int_t number_at(const json_t *v, const char *name)
{
        assert_true(json_is_integer(json_object_get(v, name)));
        return json_integer_value(json_object_get(v, name));
}

static void assert_fits_its_class(const json_t *event)
{
        char name[32], error[128] = "";
        const json_t *class;

        snprintf(name, sizeof(name), "class_%d", (int)number_at(event, "class_uid"));
        class = json_object_get(json_object_get(schema_document, "$defs"), name);
        assert_non_null(class);
        if (!schema_fits(class, event, error, sizeof(error))) {
                char *text = json_dumps(event, JSON_INDENT(1));

                print_message("%s\n", text);
                fail_msg("%s: %s", name, error);
        }
        assert_int_equal(number_at(event, "type_uid"),
                         number_at(event, "class_uid") * 100 + number_at(event, "activity_id"));
}

static void every_kind_of_record_fits_its_class_of_ocsf(void **state)
{
        json_t *schema = ocsf_load();

        for (size_t i = 0; i < ELEMENTSOF(event_names); i++)
                for (int with = 0; with < 8; with++) {
                        Made *m = made_full(event_names[i], with & 2 ? evil : "svc-x", with & 1);
                        json_t *event;
                        char *text;

                        if (with & 4) { /* as little as there may be */
                                LogBody b;

                                made_done(m);
                                log_body_init(&b, event_names[i]);
                                log_body_text(&b, LOG_FIELD_ACCOUNT, with & 1 ? "svc-x" : NULL);
                                log_body_text(&b, LOG_FIELD_GRANT, with & 2 ? "g-1" : NULL);
                                log_body_done(&b);
                                m = made_from(&b);
                                m->record.host = m->record.log_id = "";
                        }
                        event = ocsf_event(&m->record);
                        assert_non_null(event);
                        assert_fits_its_class(event);
                        json_decref(event);
                        text = export(&log_format_ocsf, &m->record, true);
                        assert_harmless(text, "\n");
                        free(text);
                        made_done(m);
                }
        json_decref(schema);
}

/* The schema would notice. */
static void an_event_of_another_shape_does_not_fit(void **state)
{
        static const char *const required[] = { "time",        "metadata",    "type_uid",
                                                "severity_id", "activity_id", "user" };
        json_t *schema = ocsf_load();
        const json_t *class = json_object_get(json_object_get(schema, "$defs"), "class_3002");
        Made *m = made_full("denial", "x", true);
        char error[128] = "";
        json_t *event;

        assert_int_equal(json_object_del(m->json, "target"), 0);
        event = ocsf_event(&m->record);
        assert_true(schema_fits(class, event, error, sizeof(error)));
        for (size_t i = 0; i < ELEMENTSOF(required); i++) {
                json_t *copy = json_deep_copy(event);

                assert_int_equal(json_object_del(copy, required[i]), 0);
                assert_false(schema_fits(class, copy, error, sizeof(error)));
                json_decref(copy);
        }
        json_object_set_new(event, "invented", json_true());
        assert_false(schema_fits(class, event, error, sizeof(error)));
        json_object_del(event, "invented");
        json_object_del(event, "service");
        assert_true(schema_fits(class, event, error, sizeof(error)));
        json_object_del(event, "dst_endpoint");
        assert_false(schema_fits(class, event, error, sizeof(error)));
        json_decref(event);
        made_done(m);
        json_decref(schema);
}

static void a_login_is_a_session_that_was_authorized_and_a_logon(void **state)
{
        static const struct {
                const char *event, *service, *target;
                int class_uid, activity_id, status_id;
        } cases[] = {
                { "decision", "sshd", NULL, 3003, 1, 1 },
                { "session-start", "sshd", NULL, 3002, 1, 1 },
                { "session-start", "sudo", "root", 3002, 1, 1 },
                { "session-end", "sshd", NULL, 3002, 2, 1 },
                { "denial", "sshd", NULL, 3002, 1, 2 },
                { "denial", "sudo", NULL, 3003, 1, 2 },
                { "denial", "cron", "root", 3003, 1, 2 },
                { "denials", "su", NULL, 3003, 1, 2 },
                { "would-deny", "sshd", NULL, 3002, 1, 99 },
                { "exemption", "login", NULL, 3002, 1, 1 },
                { "agent-start", NULL, NULL, 6002, 3, 1 },
                { "agent-stop", NULL, NULL, 6002, 4, 1 },
                { "set-refused", NULL, NULL, 0, 99, 2 },
                { "log-torn", NULL, NULL, 0, 99, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *event;
                LogBody b;
                Made *m;

                log_body_init(&b, cases[i].event);
                log_body_text(&b, LOG_FIELD_ACCOUNT, "svc");
                log_body_text(&b, LOG_FIELD_CLASS, cases[i].service);
                log_body_text(&b, LOG_FIELD_SERVICE, cases[i].service);
                log_body_text(&b, LOG_FIELD_TARGET, cases[i].target);
                log_body_done(&b);
                m = made_from(&b);
                event = ocsf_event(&m->record);
                assert_int_equal(number_at(event, "class_uid"), cases[i].class_uid);
                assert_int_equal(number_at(event, "activity_id"), cases[i].activity_id);
                assert_int_equal(number_at(event, "status_id"), cases[i].status_id);
                assert_int_equal(number_at(event, "time"), T0 / 1000);
                json_decref(event);
                made_done(m);
        }
}

/* The values at any depth, to find a text again. */
static bool holds(const json_t *v, const json_t *wanted)
{
        const char *name;
        json_t *member;
        size_t i;

        if (json_equal(v, wanted))
                return true;
        json_array_foreach(v, i, member)
                if (holds(member, wanted))
                        return true;
        json_object_foreach((json_t *)(uintptr_t)v, name, member)
                if (holds(member, wanted))
                        return true;
        return false;
}

static void no_text_of_a_record_is_lost_in_ocsf(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(event_names); i++)
                for (unsigned f = LOG_FIELD_ACCOUNT; f < LOG_FIELD_CUT; f++) {
                        json_t *event, *wanted;
                        LogBody b;
                        Made *m;

                        if (log_fields[f].type != LOG_TEXT)
                                continue;
                        log_body_init(&b, event_names[i]);
                        log_body_text(&b, LOG_FIELD_ACCOUNT, f == LOG_FIELD_ACCOUNT ? NULL : "svc");
                        log_body_text(&b, (LogField)f, "needle");
                        log_body_done(&b);
                        m = made_from(&b);
                        event = ocsf_event(&m->record);
                        wanted = json_string("needle");
                        if (!holds(event, wanted) && f != LOG_FIELD_KIND)
                                fail_msg("%s of %s is lost", log_fields[f].name, event_names[i]);
                        json_decref(wanted);
                        json_decref(event);
                        made_done(m);
                }
}

static void an_address_a_name_and_what_is_neither_go_to_their_own_place(void **state)
{
        static const struct {
                const char *rhost, *member;
        } cases[] = { { "192.0.2.1", "ip" },
                      { "2001:db8::1", "ip" },
                      { "a.example.org", "hostname" },
                      { "a b\n", "name" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *event;
                LogBody b;
                Made *m;

                log_body_init(&b, "denial");
                log_body_text(&b, LOG_FIELD_ACCOUNT, "svc");
                log_body_text(&b, LOG_FIELD_RHOST, cases[i].rhost);
                log_body_done(&b);
                m = made_from(&b);
                event = ocsf_event(&m->record);
                assert_string_equal(
                        json_string_value(json_object_get(json_object_get(event, "src_endpoint"),
                                                          cases[i].member)),
                        cases[i].rhost);
                json_decref(event);
                made_done(m);
        }
}

/* ---- CEF ---------------------------------------------------------------------------------------
 */

static void a_denial_reads_like_this_in_cef(void **state)
{
        char *text, hash[LOG_HASH_TEXT_SIZE + 1], wanted[1024];
        LogBody b;
        Made *m;

        log_body_init(&b, "denial");
        log_body_text(&b, LOG_FIELD_ACCOUNT, "svc");
        log_body_number(&b, LOG_FIELD_UID, 70001);
        log_body_text(&b, LOG_FIELD_CLASS, "ssh");
        log_body_text(&b, LOG_FIELD_VERDICT, "deny");
        log_body_text(&b, LOG_FIELD_REASON, "expired");
        log_body_text(&b, LOG_FIELD_GRANT, "g-1");
        log_body_text(&b, LOG_FIELD_WHY, "a=b|c\\d");
        log_body_text(&b, LOG_FIELD_RHOST, "2001:db8::1");
        log_body_text(&b, LOG_FIELD_AUDIT_SESSION, "x"); /* no text: left out */
        log_body_number(&b, LOG_FIELD_AUDIT_SESSION, 3);
        log_body_done(&b);
        m = made_from(&b);
        text = export(&log_format_cef, &m->record, true);
        snprintf(wanted, sizeof(wanted),
                 "CEF:0|nhi|nhi|" NHI_VERSION "|denial|denial|4|rt=1763760000123 externalId=42 "
                 "dvchost=web1.example.org deviceExternalId=0123456789abcdef0123456789abcdef "
                 "duser=svc duid=70001 app=ssh act=deny reason=expired cs1=g-1 cs1Label=grant "
                 "cs3=a\\=b|c\\\\d cs3Label=why c6a2=2001:db8::1 c6a2Label=Source IPv6 Address "
                 "nhiAuditSession=3 nhiHash=%s\n",
                 log_record_hash(&m->record, hash));
        assert_string_equal(text, wanted);
        free(text);
        made_done(m);
}

/* An unescaped '=' ends a value's key, an unescaped '|' a header's field. */
static size_t count_unescaped(const char *text, char c)
{
        size_t n = 0;

        for (; *text; text++) {
                if (*text == '\\' && text[1])
                        text++;
                else
                        n += *text == c;
        }
        return n;
}

/* U09 */
static void hostile_bytes_stay_one_line_of_cef(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(event_names); i++) {
                Made *plain = made_full(event_names[i], "x", true),
                     *m = made_full(event_names[i], evil, true);
                char *text = export(&log_format_cef, &m->record, true),
                     *quiet = export(&log_format_cef, &plain->record, true);

                assert_harmless(text, "\n");
                /* What is longer than its bound is cut, and that is a member more. */
                assert_non_null(json_object_get(m->json, "cut"));
                assert_int_equal(count_unescaped(text, '='), count_unescaped(quiet, '=') + 1);
                free(text);
                free(quiet);
                made_done(m);
                made_done(plain);
        }
}

/* ---- CSV ---------------------------------------------------------------------------------------
 */

/* RFC 4180: the cells of a line, unquoted; returns how many. */
static size_t cells_of(const char *line, char cells[][512], size_t capacity)
{
        size_t n = 0;

        for (const char *p = line; n < capacity; p++, n++) {
                const bool is_quoted = *p == '"';
                size_t size = 0;

                for (p += is_quoted; *p; p++) {
                        if (is_quoted && *p == '"' && *++p != '"')
                                break;
                        if (!is_quoted && (*p == ',' || *p == '\r'))
                                break;
                        if (size < 511)
                                cells[n][size++] = *p;
                }
                cells[n][size] = '\0';
                if (*p != ',') {
                        assert_string_equal(p, "\r\n");
                        return n + 1;
                }
        }
        fail_msg("too many cells");
        return 0;
}

/* U09 */
static void hostile_bytes_stay_in_their_cell_of_csv(void **state)
{
        static char cells[LOG_FIELD_N + 3][512];

        for (size_t i = 0; i < ELEMENTSOF(event_names); i++) {
                Made *m = made_full(event_names[i], evil, true);
                char *text = export(&log_format_csv, &m->record, false);

                assert_harmless(text, "\r\n");
                assert_int_equal(cells_of(text, cells, ELEMENTSOF(cells)), LOG_FIELD_N + 3);
                for (size_t c = 0; c < ELEMENTSOF(cells); c++)
                        assert_null(*cells[c] ? strchr("=+-@\t\r", *cells[c]) : NULL);
                assert_string_equal(cells[0], "42");
                assert_string_equal(cells[2 + LOG_FIELD_EVENT], event_names[i]);
                assert_memory_equal(cells[2 + LOG_FIELD_ACCOUNT], "'=cmd|'/c calc'!A1\\u001b", 24);
                free(text);
                made_done(m);
        }
}

static void a_cell_that_would_be_calculated_is_marked(void **state)
{
        static const struct {
                const char *text, *cell;
        } cases[] = { { "=1+1", "\"'=1+1\"" },
                      { "+1", "\"'+1\"" },
                      { "-1", "\"'-1\"" },
                      { "@SUM(A1)", "\"'@SUM(A1)\"" },
                      { "'x", "\"''x\"" },
                      { "\xef\xbc\x9d"
                        "1",
                        "\"'\xef\xbc\x9d"
                        "1\"" },
                      { "a=1", "a=1" },
                      { "a,b", "\"a,b\"" },
                      { "a\"b", "\"a\"\"b\"" },
                      { "\t=1", "\\u0009=1" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text, wanted[64];
                LogBody b;
                Made *m;

                log_body_init(&b, "denial");
                log_body_text(&b, LOG_FIELD_ACCOUNT, cases[i].text);
                log_body_done(&b);
                m = made_from(&b);
                text = export(&log_format_csv, &m->record, false);
                snprintf(wanted, sizeof(wanted), ",denial,,,%s,,", cases[i].cell);
                assert_non_null(strstr(text, wanted));
                free(text);
                made_done(m);
        }
}

static void the_header_names_every_cell(void **state)
{
        static char names[LOG_FIELD_N + 3][512], cells[LOG_FIELD_N + 3][512];
        Made *m = made_full("decision", "x", true);
        char *text = export(&log_format_csv, &m->record, true), *second;

        second = strstr(text, "\r\n") + 2;
        assert_int_equal(cells_of(second, cells, ELEMENTSOF(cells)), LOG_FIELD_N + 3);
        *second = '\0';
        assert_int_equal(cells_of(text, names, ELEMENTSOF(names)), LOG_FIELD_N + 3);
        assert_string_equal(names[0], "seq");
        assert_string_equal(names[2 + LOG_FIELD_HOST], "host");
        assert_string_equal(names[LOG_FIELD_N + 2], "hash");
        free(text);
        made_done(m);
}

/* A record of a host that is not to be believed. */
static void a_time_that_is_none_is_left_out_in_cef(void **state)
{
        static const int64_t times[] = { INT64_MIN, -1, INT64_MAX / 1000 + 1, INT64_MAX };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                _cleanup_free_ char *text = NULL;
                LogBody b;
                Made *m;

                log_body_init(&b, "denials");
                log_body_number(&b, LOG_FIELD_FIRST, times[i]);
                log_body_number(&b, LOG_FIELD_LAST, times[i]);
                log_body_done(&b);
                m = made_from(&b);
                text = export(&log_format_cef, &m->record, false);
                assert_null(strstr(text, " start="));
                assert_null(strstr(text, " end="));
                made_done(m);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_of_record_fits_its_class_of_ocsf),
                cmocka_unit_test(an_event_of_another_shape_does_not_fit),
                cmocka_unit_test(a_login_is_a_session_that_was_authorized_and_a_logon),
                cmocka_unit_test(no_text_of_a_record_is_lost_in_ocsf),
                cmocka_unit_test(an_address_a_name_and_what_is_neither_go_to_their_own_place),
                cmocka_unit_test(a_denial_reads_like_this_in_cef),
                cmocka_unit_test(hostile_bytes_stay_one_line_of_cef),
                cmocka_unit_test(a_time_that_is_none_is_left_out_in_cef),
                cmocka_unit_test(hostile_bytes_stay_in_their_cell_of_csv),
                cmocka_unit_test(a_cell_that_would_be_calculated_is_marked),
                cmocka_unit_test(the_header_names_every_cell),
        };

        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
