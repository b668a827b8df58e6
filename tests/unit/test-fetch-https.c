/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/source-fixture.h"

/* What the server says from now on; read by its threads. */
typedef struct Script {
        pthread_mutex_t lock;
        unsigned status;
        char body[1100], etag[64], modified[64], extra[128];
        unsigned second; /* of the answer's date, where there is a modified */
        bool can_wait;   /* holds a 304 back until the body changes */
        bool is_lying;   /* says that it waited, and did not */
        bool is_silent;  /* does not answer */

        unsigned n_known; /* answers in a row that nothing has changed */
        char seen[1024], path[128];
} Script;

static void script_say(SourceFixture *f, unsigned status, const char *body, const char *etag,
                       const char *extra)
{
        Script *s = f->of_test;

        (void)pthread_mutex_lock(&s->lock);
        s->status = status;
        s->n_known = 0;
        (void)snprintf(s->body, sizeof(s->body), "%s", body);
        (void)snprintf(s->etag, sizeof(s->etag), "%s", etag);
        (void)snprintf(s->extra, sizeof(s->extra), "%s", extra);
        (void)pthread_mutex_unlock(&s->lock);
}

static bool is_asked_with(SourceFixture *f, const char *words)
{
        Script *s = f->of_test;
        bool is;

        (void)pthread_mutex_lock(&s->lock);
        is = strstr(s->seen, words) != NULL;
        (void)pthread_mutex_unlock(&s->lock);
        return is;
}

/* A request is counted before its handler has noted it. */
static void wait_asked_with(SourceFixture *f, const char *words)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!is_asked_with(f, words) && source_run(f, deadline))
                ;
        assert_true(is_asked_with(f, words));
}

static Script script_read(const HttpsPeer *p)
{
        SourceFixture *f = p->server->userdata;
        Script *s = f->of_test, copy;

        (void)pthread_mutex_lock(&s->lock);
        copy = *s;
        (void)snprintf(s->seen, sizeof(s->seen), "%s", p->headers);
        (void)snprintf(s->path, sizeof(s->path), "%s", p->path);
        (void)pthread_mutex_unlock(&s->lock);
        return copy;
}

static bool is_known(const HttpsPeer *p, const Script *s)
{
        char known[128] = "";

        if (https_header(p, "If-None-Match", known, sizeof(known)))
                return *s->etag && streq(known, s->etag);
        return https_header(p, "If-Modified-Since", known, sizeof(known)) && *s->modified &&
               streq(known, s->modified);
}

static bool script_note(const HttpsPeer *p, bool is_not_modified)
{
        const SourceFixture *f = p->server->userdata;
        Script *s = f->of_test;

        (void)pthread_mutex_lock(&s->lock);
        s->n_known = is_not_modified ? s->n_known + 1 : 0;
        (void)pthread_mutex_unlock(&s->lock);
        return is_not_modified;
}

static bool handle(HttpsPeer *p)
{
        Script s = script_read(p);
        char fields[512], prefer[64] = "";
        const bool waits = s.can_wait && https_header(p, "Prefer", prefer, sizeof(prefer));
        size_t n = 0;

        while (s.is_silent)
                if (!https_wait(p, 20))
                        return false;
        if (waits && is_known(p, &s))
                for (unsigned i = 0; i < 1500 && is_known(p, &s); i++) {
                        if (!https_wait(p, 20))
                                return false;
                        s = script_read(p);
                }
        if (*s.etag)
                n += (size_t)snprintf(fields + n, sizeof(fields) - n, "ETag: %s\r\n", s.etag);
        if (*s.modified)
                n += (size_t)snprintf(fields + n, sizeof(fields) - n,
                                      "Last-Modified: %s\r\nDate: Sat, 01 Jan 2000 00:00:%02u "
                                      "GMT\r\n",
                                      s.modified, s.second);
        (void)snprintf(fields + n, sizeof(fields) - n, "%s%s", s.extra,
                       waits || s.is_lying ? "Preference-Applied: wait=60\r\n" : "");
        if (!script_note(p, s.status == 200 && is_known(p, &s)))
                return https_answer(p, s.status, fields, s.body);
        return https_answer(p, 304, fields, "");
}

static void serve(SourceFixture *f)
{
        source_serve(f, &f->server);
        (void)snprintf(f->url, sizeof(f->url), "https://localhost:%u/sets/{host}.jws?key=hidden",
                       f->server.port);
        f->spec.urls[0] = f->url;
        f->spec.n_urls = 1;
}

static int setup(void **state)
{
        Script *s = calloc(1, sizeof(*s));
        SourceFixture *f = source_fixture_new(&source_https, handle);

        *s = (Script){ .lock = PTHREAD_MUTEX_INITIALIZER, .status = 200 };
        f->of_test = s;
        script_say(f, 200, "one", "\"1\"", "");
        serve(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;
        const int r = source_fixture_free(f);

        free(s);
        return r;
}

static void a_set_is_delivered_and_the_next_one_too(void **state)
{
        SourceFixture *f = *state;
        const Script *s = f->of_test;

        source_start(f);
        wait_delivered(f, 1);
        assert_string_equal(f->last, "one");
        assert_string_equal(f->trouble, "");
        assert_string_equal(s->path, "/sets/web%2F1.test.jws?key=hidden");
        script_say(f, 200, "two", "\"2\"", "");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
}

/* Until so many answers in a row were that nothing has changed. */
static void wait_known(SourceFixture *f, unsigned n)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;
        Script *s = f->of_test;
        unsigned n_known = 0;

        while (n_known < n && source_run(f, deadline)) {
                (void)pthread_mutex_lock(&s->lock);
                n_known = s->n_known;
                (void)pthread_mutex_unlock(&s->lock);
        }
        assert_true(n_known >= n);
}

/* Whoever had the server for a while, and knew the tag of the newest set, gave it to another one.
 */
static void what_a_server_once_said_is_not_believed_for_ever_N1(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 10 * 1000;
        source_start(f);
        wait_delivered(f, 1);
        script_say(f, 200, "two", "\"1\"", "");
        wait_known(f, 8); /* it is believed */
        wait_text(f, "two");
}

/* The server would say "not modified" for ever. */
static void a_set_that_was_not_taken_is_had_again(void **state)
{
        SourceFixture *f = *state;

        source_start(f);
        wait_delivered(f, 1);
        f->n_untaken = 1;
        script_say(f, 200, "two", "\"2\"", "");
        wait_trouble(f, "not-taken");
        assert_string_equal(f->last, "one");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        assert_string_equal(f->trouble, "");
}

static void what_has_not_changed_is_not_sent_again(void **state)
{
        SourceFixture *f = *state;

        source_start(f);
        wait_delivered(f, 1);
        wait_requests(f, 4);
        assert_int_equal(f->n_delivered, 1);
}

static void script_date(Script *s, unsigned second)
{
        (void)pthread_mutex_lock(&s->lock);
        (void)snprintf(s->modified, sizeof(s->modified), "Sat, 01 Jan 2000 00:00:00 GMT");
        s->second = second;
        (void)pthread_mutex_unlock(&s->lock);
}

/* The server's tag stays what it was, for it is made of the second and the size. V24 */
static void a_second_change_within_a_second_is_heard_of(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;

        script_date(s, 1);
        source_start(f);
        wait_delivered(f, 1);
        script_say(f, 200, "two", "\"1\"", "");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        script_date(s, 2);
        wait_requests(f, f->server.n_requests + 3);
        wait_asked_with(f, "If-None-Match: \"1\"\r\n");
}

static void a_date_does_where_there_is_no_tag(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;

        script_say(f, 200, "one", "", "");
        script_date(s, 2);
        source_start(f);
        wait_delivered(f, 1);
        wait_requests(f, 4);
        assert_int_equal(f->n_delivered, 1);
        wait_asked_with(f, "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n");
}

static void a_server_that_can_wait_is_waited_for(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;

        s->can_wait = true;
        f->spec.wait_usec = 60 * USEC_PER_SEC;
        source_start(f);
        wait_delivered(f, 1);
        wait_requests(f, 2);
        wait_asked_with(f, "Prefer: wait=60\r\n");
        let_pass(f, 200 * 1000);
        script_say(f, 200, "two", "\"2\"", "");
        wait_delivered(f, 2);
        assert_int_equal(f->server.n_requests, 2);
}

/* A14: what would be waited for of a server that can wait is not waited for of one that cannot. */
static void a_server_that_does_not_wait_is_left_when_it_falls_silent_N5(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;

        f->spec.wait_usec = 60 * USEC_PER_SEC;
        f->spec.timeout_usec = 500 * 1000;
        f->spec.interval_usec = 200 * 1000;
        source_start(f);
        wait_requests(f, 3);
        (void)pthread_mutex_lock(&s->lock);
        s->is_silent = true;
        (void)pthread_mutex_unlock(&s->lock);
        wait_trouble(f, "timeout");
}

/* It may have been brought up to date. */
static void a_server_that_did_not_wait_is_asked_again_in_time_N5(void **state)
{
        SourceFixture *f = *state;

        f->spec.wait_usec = 60 * USEC_PER_SEC;
        f->spec.interval_usec = 40 * 1000;
        source_start(f);
        wait_requests(f, 4);
        assert_false(is_asked_with(f, "Prefer"));
        for (unsigned n = 5; n < 500 && !is_asked_with(f, "Prefer"); n++)
                wait_requests(f, n);
        assert_true(is_asked_with(f, "Prefer: wait=60\r\n"));
}

/* A14 */
static void a_server_that_lies_about_waiting_is_asked_at_intervals(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;

        s->is_lying = true;
        f->spec.wait_usec = 60 * USEC_PER_SEC;
        f->spec.interval_usec = 200 * 1000;
        source_start(f);
        wait_delivered(f, 1);
        let_pass(f, USEC_PER_SEC);
        wait_requests(f, 2);
        assert_in_range(f->server.n_requests, 2, 9);
}

static void a_new_set_every_time_is_asked_for_once_a_second_A14(void **state)
{
        SourceFixture *f = *state;
        Script *s = f->of_test;
        uint64_t begin, took_usec;

        s->is_lying = true;
        f->spec.wait_usec = 60 * USEC_PER_SEC;
        begin = now_monotonic_usec();
        source_start(f);
        wait_delivered(f, 1);
        for (unsigned i = 0; i < 15 || (f->n_delivered < 2 && i < 300); i++) {
                char tag[16];

                (void)snprintf(tag, sizeof(tag), "\"%u\"", i);
                script_say(f, 200, tag, tag, "");
                let_pass(f, 100 * 1000);
        }
        took_usec = now_monotonic_usec() - begin;
        assert_in_range(f->n_delivered, 2, 3 + took_usec / USEC_PER_SEC);
}

static void script_wait(Script *s)
{
        (void)pthread_mutex_lock(&s->lock);
        s->can_wait = true;
        (void)pthread_mutex_unlock(&s->lock);
}

/* A cache that was put before it takes the tag away. */
static void a_server_that_waited_and_gives_no_validator_is_asked_at_intervals_N2(void **state)
{
        SourceFixture *f = *state;

        script_wait(f->of_test);
        f->spec.wait_usec = 60 * USEC_PER_SEC;
        source_start(f);
        wait_requests(f, 2);
        f->spec.interval_usec = 60 * USEC_PER_SEC;
        script_say(f, 200, "two", "", "");
        wait_text(f, "two");
        let_pass(f, 2500 * 1000);
        assert_int_equal(f->server.n_requests, 2);
}

static void a_server_that_waited_and_is_always_of_this_second_is_asked_at_intervals_N2(void **state)
{
        SourceFixture *f = *state;

        script_wait(f->of_test);
        f->spec.wait_usec = 60 * USEC_PER_SEC;
        source_start(f);
        wait_requests(f, 2);
        script_say(f, 200, "two", "\"2\"", "");
        wait_requests(f, 3);
        script_say(f, 404, "no such thing", "", "");
        wait_trouble(f, "absent");
        f->spec.interval_usec = 60 * USEC_PER_SEC;
        script_date(f->of_test, 1);
        script_say(f, 200, "three", "\"3\"", "");
        wait_text(f, "three");
        let_pass(f, 2500 * 1000);
        assert_int_equal(f->server.n_requests, 4);
}

static void that_what_may_be_absent_is_absent_is_no_trouble(void **state)
{
        SourceFixture *f = *state;

        f->spec.is_optional = true;
        script_say(f, 404, "no such thing", "", "");
        source_start(f);
        let_pass(f, QUIET_USEC);
        assert_int_equal(f->n_troubles, 0);
        script_say(f, 200, "late", "\"1\"", "");
        wait_delivered(f, 1);
}

static void an_absent_set_is_waited_for_and_the_old_one_kept(void **state)
{
        SourceFixture *f = *state;

        script_say(f, 404, "no such thing", "", "");
        source_start(f);
        wait_trouble(f, "absent");
        assert_int_equal(f->n_delivered, 0);
        script_say(f, 200, "late", "\"1\"", "");
        wait_delivered(f, 1);
        assert_string_equal(f->trouble, "");
}

/* V35 */
static void nothing_but_a_200_is_delivered(void **state)
{
        static const struct {
                unsigned status;
                const char *extra, *said;
        } cases[] = {
                { 201, "", "status-201" },
                { 206, "", "status-206" },
                { 302, "Location: http://localhost/\r\n", "source.urls" },
                { 308, "Location: /elsewhere\r\n", "source.urls" },
                { 401, "", "source.token" },
                { 403, "", "source.token" },
                { 500, "", "status-500" },
                { 503, "Retry-After: 1\r\n", "status-503" },
        };
        SourceFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                script_say(f, cases[i].status, "an error page", "", cases[i].extra);
                source_start(f);
                wait_trouble(f, cases[i].said);
                assert_null(strstr(f->trouble, "hidden"));
                assert_int_equal(f->n_delivered, 0);
                f->type->stop(f->source);
                f->source = NULL;
                f->trouble[0] = '\0';
        }
}

static void an_empty_answer_is_none(void **state)
{
        SourceFixture *f = *state;

        script_say(f, 200, "", "\"1\"", "");
        source_start(f);
        wait_trouble(f, "empty");
        assert_int_equal(f->n_delivered, 0);
}

static void not_modified_says_nothing_to_a_host_that_knows_nothing(void **state)
{
        SourceFixture *f = *state;

        script_say(f, 304, "", "", "");
        source_start(f);
        wait_trouble(f, "status-304");
}

static void the_size_limit_holds_at_its_edge_V36(void **state)
{
        SourceFixture *f = *state;
        char body[1002];

        memset(body, 'x', sizeof(body));
        body[1001] = '\0';
        script_say(f, 200, body, "\"1\"", "");
        source_start(f);
        wait_trouble(f, "too-large");
        assert_int_equal(f->n_delivered, 0);
        body[1000] = '\0';
        script_say(f, 200, body, "\"2\"", "");
        wait_delivered(f, 1);
        assert_int_equal(f->last_size, 1000);
}

static void a_server_that_was_away_is_found_again_A14(void **state)
{
        SourceFixture *f = *state;

        source_start(f);
        wait_delivered(f, 1);
        https_die(&f->server);
        wait_trouble(f, "no-connection");
        script_say(f, 200, "two", "\"2\"", "");
        source_serve(f, &f->server);
        wait_delivered(f, 2);
        assert_string_equal(f->trouble, "");
}

static void failures_are_answered_with_longer_waits_A14(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 10 * 1000;
        script_say(f, 503, "", "", "");
        source_start(f);
        wait_trouble(f, "status-503");
        let_pass(f, 4 * USEC_PER_SEC);
        assert_in_range(f->server.n_requests, 2, 3);
}

static void retry_after_is_obeyed(void **state)
{
        SourceFixture *f = *state;

        script_say(f, 503, "", "", "Retry-After: 3\r\n");
        source_start(f);
        wait_trouble(f, "status-503");
        let_pass(f, 2 * USEC_PER_SEC);
        assert_int_equal(f->server.n_requests, 1);
}

static void a_token_is_shown_and_its_absence_is_said(void **state)
{
        SourceFixture *f = *state;

        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        f->spec.token = "fleet-token";
        source_start(f);
        wait_trouble(f, "LoadCredential=fleet-token:FILE");
        assert_int_equal(f->server.n_requests, 0);
        source_credential(f, "fleet-token", "s3cret\n");
        wait_delivered(f, 1);
        wait_asked_with(f, "Authorization: Bearer s3cret\r\n");
}

static void a_credential_that_would_break_the_header_is_refused(void **state)
{
        SourceFixture *f = *state;

        f->spec.token = "fleet-token";
        source_credential(f, "fleet-token", "s3cret\r\nX: y\n");
        source_start(f);
        wait_trouble(f, "not one line");
        assert_int_equal(f->server.n_requests, 0);
}

static void a_private_key_is_not_shown_as_a_token(void **state)
{
        SourceFixture *f = *state;

        f->spec.token = "fleet-token";
        source_credential(f, "fleet-token", "{\"kty\":\"OKP\",\"d\":\"hidden\"}\n");
        source_start(f);
        wait_trouble(f, "is no token");
        assert_int_equal(f->server.n_requests, 0);
}

static void a_credential_has_a_name_and_no_path(void **state)
{
        SourceFixture *f = *state;

        source_credential(f, "fleet-token", "s3cret\n");
        f->spec.token = "../../etc/hostname";
        source_start(f);
        wait_trouble(f, "there is no credential");
        assert_int_equal(f->server.n_requests, 0);
}

static void a_source_without_a_url_is_refused(void **state)
{
        SourceFixture *f = *state;
        void *source = NULL;

        f->spec.n_urls = 0;
        assert_int_equal(f->type->start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        f->spec.n_urls = 1;
        f->spec.host = NULL;
        assert_int_equal(f->type->start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        assert_null(source);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_set_is_delivered_and_the_next_one_too),
                CASE(a_set_that_was_not_taken_is_had_again),
                CASE(what_has_not_changed_is_not_sent_again),
                CASE(what_a_server_once_said_is_not_believed_for_ever_N1),
                CASE(a_second_change_within_a_second_is_heard_of),
                CASE(a_date_does_where_there_is_no_tag),
                CASE(a_server_that_can_wait_is_waited_for),
                CASE(a_server_that_does_not_wait_is_left_when_it_falls_silent_N5),
                CASE(a_server_that_did_not_wait_is_asked_again_in_time_N5),
                CASE(a_server_that_lies_about_waiting_is_asked_at_intervals),
                CASE(a_new_set_every_time_is_asked_for_once_a_second_A14),
                CASE(a_server_that_waited_and_gives_no_validator_is_asked_at_intervals_N2),
                CASE(a_server_that_waited_and_is_always_of_this_second_is_asked_at_intervals_N2),
                CASE(an_absent_set_is_waited_for_and_the_old_one_kept),
                CASE(that_what_may_be_absent_is_absent_is_no_trouble),
                CASE(nothing_but_a_200_is_delivered),
                CASE(an_empty_answer_is_none),
                CASE(not_modified_says_nothing_to_a_host_that_knows_nothing),
                CASE(the_size_limit_holds_at_its_edge_V36),
                CASE(a_server_that_was_away_is_found_again_A14),
                CASE(failures_are_answered_with_longer_waits_A14),
                CASE(retry_after_is_obeyed),
                CASE(a_token_is_shown_and_its_absence_is_said),
                CASE(a_credential_that_would_break_the_header_is_refused),
                CASE(a_private_key_is_not_shown_as_a_token),
                CASE(a_credential_has_a_name_and_no_path),
                CASE(a_source_without_a_url_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
