/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises Q1 to Q4 of nhi-agentd/fetch/report.h, against a real server. */

#include "tests/unit/source-fixture.h"

#include "lib/http/base64.h"
#include "lib/http/etcd.h"
#include "nhi-agentd/fetch/report.h"

#include <jansson.h>
#include <sys/stat.h>

#define PLACE "/nhi/reports/{host}"

/* What the server does, and what it was given. */
typedef struct Place {
        pthread_mutex_t lock;
        unsigned status;    /* of an answer to a report; 0: hang up */
        const char *extra;  /* header lines */
        const char *token;  /* that etcd wants; NULL: none */
        unsigned n_reports; /* taken */
        char method[8], path[128], body[256], type[64], authorization[64];
        uint64_t at_usec[32]; /* when each report was tried */
        unsigned n_tries, n_logins;
} Place;

typedef struct Fixture {
        SourceFixture *of;
        Place place;
        ReportSender *sender;
        ReportSenderConfig config;
        char file[128], lent[8], stale[8];
} Fixture;

static Fixture *now_under_test;

/* ---- the server ---- */

static void note_report(Place *s, const HttpsPeer *p, const char *body)
{
        (void)snprintf(s->method, sizeof(s->method), "%s", p->method);
        (void)snprintf(s->path, sizeof(s->path), "%s", p->path);
        (void)snprintf(s->body, sizeof(s->body), "%s", body);
        s->type[0] = s->authorization[0] = '\0';
        (void)https_header(p, "Content-Type", s->type, sizeof(s->type));
        (void)https_header(p, "Authorization", s->authorization, sizeof(s->authorization));
        if (s->n_tries < ELEMENTSOF(s->at_usec))
                s->at_usec[s->n_tries] = now_monotonic_usec();
        s->n_tries++;
        s->n_reports += s->status >= 200 && s->status < 300;
}

/* "KEY VALUE" of a put. */
static void put_of(const HttpsPeer *p, char ret[static 256])
{
        json_t *ask = json_loads(p->body, 0, NULL);
        uint8_t *key = NULL, *value = NULL;
        size_t n_key = 0, n_value = 0;
        const char *k = json_string_value(json_object_get(ask, "key"));
        const char *v = json_string_value(json_object_get(ask, "value"));

        if (k && v && base64_decode(k, strlen(k), &key, &n_key) == 0 &&
            base64_decode(v, strlen(v), &value, &n_value) == 0)
                (void)snprintf(ret, 256, "%.*s %.*s", (int)n_key, (const char *)key, (int)n_value,
                               (const char *)value);
        free(key);
        free(value);
        json_decref(ask);
}

static bool serve_etcd(Place *s, HttpsPeer *p)
{
        char put[256] = "", header[64] = "";

        if (streq(p->path, ETCD_PATH_AUTH)) {
                s->n_logins++;
                return https_answer(p, 200, "", "{\"token\":\"granted\"}");
        }
        put_of(p, put);
        note_report(s, p, put);
        (void)https_header(p, "Authorization", header, sizeof(header));
        if (s->token && !streq(header, s->token))
                return https_answer(p, 401, "", "{\"error\":\"no\",\"code\":16}");
        if (s->status != 200)
                return https_answer(p, s->status, "", "{\"error\":\"denied\",\"code\":7}");
        return https_answer(p, 200, "", "{\"header\":{\"revision\":\"7\"}}");
}

static bool handle(HttpsPeer *p)
{
        Place *s = &now_under_test->place;
        bool goes_on;

        (void)pthread_mutex_lock(&s->lock);
        if (strncmp(p->path, "/v3/", 4) == 0)
                goes_on = serve_etcd(s, p);
        else {
                note_report(s, p, p->body);
                goes_on = s->status && https_answer(p, s->status, s->extra ? s->extra : "", "");
        }
        (void)pthread_mutex_unlock(&s->lock);
        return goes_on;
}

/* ---- the world ---- */

static void on_said(void *userdata, const char *sentence)
{
        source_on_report(userdata, sentence);
}

static Fixture *fixture(const SourceType *type, const char *report)
{
        Fixture *f = calloc(1, sizeof(*f));
        SourceFixture *of = source_fixture_new(type, handle);

        f->of = of;
        now_under_test = f;
        f->place = (Place){ .lock = PTHREAD_MUTEX_INITIALIZER, .status = 200 };
        source_serve(of, &of->server);
        (void)snprintf(of->url, sizeof(of->url), "https://localhost:%u%s", of->server.port,
                       streq(type->name, "https") ? report : "");
        of->spec.urls[0] = of->url;
        of->spec.n_urls = 1;
        of->spec.report = streq(type->name, "https") ? of->url : report;
        of->spec.host = "web1.test";
        (void)snprintf(f->file, sizeof(f->file), "%s/report.jws", of->dir);
        of->spec.report_file = f->file;
        (void)strcpy(f->lent, "lent");
        (void)strcpy(f->stale, "stale");
        f->config = report_sender_defaults;
        f->config.owner = owner_trusted();
        f->config.jitter_usec = 1000;
        f->config.spacing_usec = 50000;
        f->config.retry_first_usec = 20000;
        f->config.retry_max_usec = 100000;
        f->config.userdata = of;
        f->config.report = on_said;
        return f;
}

static int setup_https(void **state)
{
        *state = fixture(&source_https, PLACE);
        return 0;
}

static int setup_etcd(void **state)
{
        *state = fixture(&source_etcd, PLACE);
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;
        int r;

        (void)report_sender_free(f->sender);
        r = source_fixture_free(f->of);
        free(f);
        return r;
}

static void begin(Fixture *f)
{
        assert_int_equal(report_sender_new(f->of->event, &f->of->spec, &f->config, &f->sender), 0);
}

static void write_report(const Fixture *f, const char *text)
{
        assert_int_equal(
                file_replace(f->file, text, strlen(text), 0640, geteuid(), getegid(), false), 0);
}

static Place place_now(Fixture *f)
{
        Place copy;

        (void)pthread_mutex_lock(&f->place.lock);
        copy = f->place;
        (void)pthread_mutex_unlock(&f->place.lock);
        return copy;
}

static void answer_with(Fixture *f, unsigned status)
{
        (void)pthread_mutex_lock(&f->place.lock);
        f->place.status = status;
        (void)pthread_mutex_unlock(&f->place.lock);
}

/* Until the place was given this. */
static void wait_given(Fixture *f, const char *body)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!streq(place_now(f).body, body) && source_run(f->of, deadline))
                ;
        assert_string_equal(place_now(f).body, body);
}

static void wait_tries(Fixture *f, unsigned n)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (place_now(f).n_tries < n && source_run(f->of, deadline))
                ;
        assert_true(place_now(f).n_tries >= n);
}

/* ---- https ---- */

static void a_report_is_put_at_its_url(void **state)
{
        Fixture *f = *state;

        write_report(f, "one");
        begin(f);
        wait_given(f, "one");
        assert_string_equal(place_now(f).method, "PUT");
        assert_string_equal(place_now(f).path, "/nhi/reports/web1.test");
        assert_string_equal(place_now(f).type, "application/jose");
        let_pass(f->of, 50000);
        assert_string_equal(f->of->trouble, "");
}

static void the_next_one_is_put_when_it_is_there(void **state)
{
        Fixture *f = *state;

        begin(f);
        let_pass(f->of, 50000);
        assert_int_equal(place_now(f).n_tries, 0);
        write_report(f, "one");
        wait_given(f, "one");
        write_report(f, "two");
        wait_given(f, "two");
        assert_int_equal(place_now(f).n_reports, 2);
}

static void the_same_report_is_not_sent_again(void **state)
{
        Fixture *f = *state;

        write_report(f, "one");
        begin(f);
        wait_given(f, "one");
        let_pass(f->of, 20000);
        write_report(f, "one");
        let_pass(f->of, QUIET_USEC);
        assert_int_equal(place_now(f).n_tries, 1);
}

static void of_a_burst_the_newest_counts_and_they_are_spaced(void **state) /* Q2, Q4 */
{
        const uint64_t begun = now_monotonic_usec();
        Fixture *f = *state;
        Place p;

        f->config.spacing_usec = 700000;
        begin(f);
        for (int i = 0; i < 40; i++) {
                char text[32];

                (void)snprintf(text, sizeof(text), "report %d", i);
                write_report(f, text);
                let_pass(f->of, 5000);
        }
        wait_given(f, "report 39");
        p = place_now(f);
        /* By how long it took: when each of them came is the server's affair. */
        assert_in_range(p.n_tries, 1, 1 + (now_monotonic_usec() - begun) / f->config.spacing_usec);
}

static void a_change_is_sent_within_the_jitter(void **state) /* Q3 */
{
        Fixture *f = *state;
        const uint64_t begun = now_monotonic_usec();

        f->config.jitter_usec = USEC_PER_SEC / 2;
        write_report(f, "one");
        begin(f);
        wait_given(f, "one");
        assert_true(now_monotonic_usec() - begun < 10 * USEC_PER_SEC);
}

static void a_refusal_is_said_and_tried_again_later_each_time(void **state) /* Q2, A14 */
{
        Fixture *f = *state;
        Place p;

        answer_with(f, 503);
        write_report(f, "one");
        begin(f);
        wait_tries(f, 4);
        p = place_now(f);
        assert_non_null(strstr(f->of->trouble, "status-503"));
        assert_true(p.at_usec[3] - p.at_usec[2] > f->config.retry_first_usec);
        answer_with(f, 204);
        wait_well(f->of);
        assert_int_equal(place_now(f).n_reports, 1);
        write_report(f, "two");
        wait_given(f, "two");
}

static void a_newer_report_does_not_cut_a_failures_wait_short(void **state) /* Q2 */
{
        Fixture *f = *state;

        f->config.retry_first_usec = f->config.retry_max_usec = 3600 * USEC_PER_SEC;
        answer_with(f, 500);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "status-500");
        write_report(f, "two");
        let_pass(f->of, QUIET_USEC);
        assert_int_equal(place_now(f).n_tries, 1);
}

static void a_server_says_how_long_to_wait(void **state)
{
        Fixture *f = *state;

        f->config.retry_max_usec = 600 * USEC_PER_SEC;
        f->place.extra = "Retry-After: 3600\r\n";
        answer_with(f, 429);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "status-429");
        let_pass(f->of, QUIET_USEC);
        assert_int_equal(place_now(f).n_tries, 1);
}

static void a_server_says_no_longer_wait_than_a_failure_has(void **state)
{
        Fixture *f = *state;

        f->place.extra = "Retry-After: 3600\r\n";
        answer_with(f, 503);
        write_report(f, "one");
        begin(f);
        wait_tries(f, 3);
}

static void a_redirect_is_not_followed(void **state) /* V35 */
{
        Fixture *f = *state;

        f->place.extra = "Location: https://localhost/elsewhere\r\n";
        answer_with(f, 307);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "status-307");
        assert_string_equal(place_now(f).path, "/nhi/reports/web1.test");
}

static void a_server_that_is_not_trusted_is_told_nothing(void **state) /* V36 */
{
        Fixture *f = *state;

        f->of->spec.ca_file = NULL;
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "untrusted");
        assert_int_equal(place_now(f).n_tries, 0);
}

static void the_sources_token_goes_with_it(void **state)
{
        Fixture *f = *state;

        source_credential(f->of, "pass", "sesame\n");
        f->of->spec.token = "pass";
        write_report(f, "one");
        begin(f);
        wait_given(f, "one");
        assert_string_equal(place_now(f).authorization, "Bearer sesame");
}

static void a_missing_credential_is_said_and_nothing_is_sent(void **state)
{
        Fixture *f = *state;

        source_credential(f->of, "other", "x\n");
        f->of->spec.token = "pass";
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "no credential pass");
        assert_int_equal(place_now(f).n_tries, 0);
}

static void a_file_that_is_not_the_agents_is_not_sent(void **state)
{
        Fixture *f = *state;

        write_report(f, "one");
        f->config.owner = owner_trusted() + 1;
        begin(f);
        wait_trouble(f->of, "unreadable");
        assert_int_equal(place_now(f).n_tries, 0);
}

/* The agent stops reporting while a report could not be sent. */
static void a_report_that_is_gone_is_not_missed_and_the_next_one_is_sent(void **state)
{
        Fixture *f = *state;

        answer_with(f, 500);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "status-500");
        assert_int_equal(unlink(f->file), 0);
        let_pass(f->of, QUIET_USEC);
        answer_with(f, 200);
        write_report(f, "two");
        wait_given(f, "two");
}

static void a_set_is_fetched_while_the_place_of_reports_is_dead(void **state) /* Q1 */
{
        Fixture *f = *state;

        f->of->other.is_mute = true;
        source_serve(f->of, &f->of->other);
        (void)snprintf(f->of->other_url, sizeof(f->of->other_url), "https://localhost:%u/{host}",
                       f->of->other.port);
        f->of->spec.report = f->of->other_url;
        write_report(f, "one");
        begin(f);
        source_start(f->of);
        wait_requests(f->of, 3);
        assert_int_equal(place_now(f).n_reports, place_now(f).n_tries);
}

/* ---- etcd ---- */

static void a_report_is_put_into_its_key(void **state)
{
        Fixture *f = *state;

        write_report(f, "one");
        begin(f);
        wait_given(f, "/nhi/reports/web1.test one");
        assert_string_equal(place_now(f).path, ETCD_PATH_PUT);
        write_report(f, "two");
        wait_given(f, "/nhi/reports/web1.test two");
        wait_well(f->of);
}

static void use_a_password(const Fixture *f)
{
        source_credential(f->of, "user", "web1\n");
        source_credential(f->of, "password", "sesame\n");
        f->of->spec.user = "user";
        f->of->spec.password = "password";
}

static void a_user_logs_in_for_it(void **state)
{
        Fixture *f = *state;

        use_a_password(f);
        f->place.token = "granted";
        write_report(f, "one");
        begin(f);
        wait_given(f, "/nhi/reports/web1.test one");
        assert_int_equal(place_now(f).n_logins, 1);
        let_pass(f->of, 20000);
        assert_string_equal(f->of->trouble, "");
}

static bool lend(void *lender, const SourceSpec *spec, size_t *ret_member, char **ret_token)
{
        *ret_member = 0;
        *ret_token = strdup(lender);
        return true;
}

static void where_the_source_is_logged_in_nobody_logs_in_again(void **state)
{
        Fixture *f = *state;

        use_a_password(f);
        f->place.token = "lent";
        f->config.borrow = lend;
        f->config.lender = f->lent;
        write_report(f, "one");
        begin(f);
        wait_given(f, "/nhi/reports/web1.test one");
        assert_int_equal(place_now(f).n_logins, 0);
}

static void what_was_lent_and_is_none_any_more_is_made_up_for(void **state)
{
        Fixture *f = *state;

        use_a_password(f);
        f->place.token = "granted";
        f->config.borrow = lend;
        f->config.lender = f->stale;
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "etcd-16");
        wait_well(f->of);
        assert_int_equal(place_now(f).n_logins, 1);
        assert_string_equal(place_now(f).authorization, "granted");
}

static void etcds_own_refusal_is_said(void **state)
{
        Fixture *f = *state;

        answer_with(f, 403);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "etcd-7: denied");
        answer_with(f, 200);
        wait_well(f->of);
}

static void a_dead_member_is_left_for_the_next(void **state)
{
        Fixture *f = *state;

        (void)snprintf(f->of->other_url, sizeof(f->of->other_url), "https://localhost:1");
        f->of->spec.urls[1] = f->of->other_url;
        f->of->spec.n_urls = 2;
        for (int i = 0; i < 4; i++) {
                char text[32];

                (void)report_sender_free(f->sender);
                (void)snprintf(text, sizeof(text), "%d", i);
                write_report(f, text);
                begin(f);
                (void)snprintf(text, sizeof(text), "%d", i);
                wait_tries(f, (unsigned)i + 1);
        }
}

/* ---- a directory ---- */

static char *kept(const Fixture *f)
{
        char path[160];
        char *text = NULL;
        size_t size;

        (void)snprintf(path, sizeof(path), "%s/reports/web1.test.jws", f->of->dir);
        return file_read_trusted(path, geteuid(), 1000, &text, &size) == 0 ? text : NULL;
}

static int setup_file(void **state)
{
        static char dir[96];
        Fixture *f = fixture(&source_file, dir);

        (void)snprintf(dir, sizeof(dir), "%s/reports", f->of->dir);
        f->of->spec.n_urls = 0;
        *state = f;
        return mkdir(dir, 0750);
}

static void a_report_is_written_into_its_directory(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        write_report(f, "one");
        begin(f);
        while (!text && source_run(f->of, deadline))
                text = kept(f);
        assert_string_equal(text, "one");
}

static void a_directory_that_is_not_there_is_said_and_tried_again(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        assert_int_equal(rmdir(f->of->spec.report), 0);
        write_report(f, "one");
        begin(f);
        wait_trouble(f->of, "nhi-fetch must be able to write");
        assert_int_equal(mkdir(f->of->spec.report, 0750), 0);
        while (!text && source_run(f->of, deadline))
                text = kept(f);
        assert_string_equal(text, "one");
        wait_well(f->of);
}

static void a_host_cannot_be_a_way_out_of_the_directory(void **state)
{
        Fixture *f = *state;

        f->of->spec.host = "../../etc/web1";
        assert_int_equal(report_sender_new(f->of->event, &f->of->spec, &f->config, &f->sender),
                         -EINVAL);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_report_is_put_at_its_url, setup_https),
                TEST(the_next_one_is_put_when_it_is_there, setup_https),
                TEST(the_same_report_is_not_sent_again, setup_https),
                TEST(of_a_burst_the_newest_counts_and_they_are_spaced, setup_https),
                TEST(a_change_is_sent_within_the_jitter, setup_https),
                TEST(a_refusal_is_said_and_tried_again_later_each_time, setup_https),
                TEST(a_newer_report_does_not_cut_a_failures_wait_short, setup_https),
                TEST(a_server_says_how_long_to_wait, setup_https),
                TEST(a_server_says_no_longer_wait_than_a_failure_has, setup_https),
                TEST(a_redirect_is_not_followed, setup_https),
                TEST(a_server_that_is_not_trusted_is_told_nothing, setup_https),
                TEST(the_sources_token_goes_with_it, setup_https),
                TEST(a_missing_credential_is_said_and_nothing_is_sent, setup_https),
                TEST(a_file_that_is_not_the_agents_is_not_sent, setup_https),
                TEST(a_report_that_is_gone_is_not_missed_and_the_next_one_is_sent, setup_https),
                TEST(a_set_is_fetched_while_the_place_of_reports_is_dead, setup_https),
                TEST(a_report_is_put_into_its_key, setup_etcd),
                TEST(a_user_logs_in_for_it, setup_etcd),
                TEST(where_the_source_is_logged_in_nobody_logs_in_again, setup_etcd),
                TEST(what_was_lent_and_is_none_any_more_is_made_up_for, setup_etcd),
                TEST(etcds_own_refusal_is_said, setup_etcd),
                TEST(a_dead_member_is_left_for_the_next, setup_etcd),
                TEST(a_report_is_written_into_its_directory, setup_file),
                TEST(a_directory_that_is_not_there_is_said_and_tried_again, setup_file),
                TEST(a_host_cannot_be_a_way_out_of_the_directory, setup_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
