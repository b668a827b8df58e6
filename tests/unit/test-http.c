/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/https-server.h"

#include "lib/base/io.h"
#include "nhi-agentd/fetch/http.h"
#include "tests/root.h"

#include <setjmp.h>
#include <signal.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_USEC (60 * USEC_PER_SEC)
#define BODY_MAX      100000

typedef struct Fixture {
        char dir[64], ca_file[96], certificate[96], key[96], url[160];
        sd_event *event;
        Http *http;
        HttpTransfer *transfer;
        HttpRequest request;
        HttpsServer server;
        Identity ca, other_ca, leaf;
        char seen[1024]; /* headers of the last request */
        /* what became of it */
        unsigned n_done, status;
        char error[32], text[512], body[256], etag[64], last_modified[64];
        size_t size;
        uint64_t retry_after_sec;
        bool is_wait_applied;
        size_t n_streamed, stream_stop;
} Fixture;

static bool answer_endlessly(HttpsPeer *p, const char *head, const char *more)
{
        while (https_print(p, "%s%s", head, more) && !p->server->is_stopping)
                head = "";
        return false;
}

static bool answer_slowly(HttpsPeer *p)
{
        if (!https_print(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
                return false;
        while (https_wait(p, 50) && https_write(p, "x", 1))
                ;
        return false;
}

/* "hello", which would be unpacked unasked. */
static bool answer_packed(HttpsPeer *p)
{
        static const uint8_t packed[] = {
                0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd,
                0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
        };

        return https_print(p,
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
                           sizeof(packed)) &&
               https_write(p, packed, sizeof(packed)) && https_print(p, "\r\n0\r\n\r\n");
}

static bool redirect(HttpsPeer *p, const char *to)
{
        char field[256];

        (void)snprintf(field, sizeof(field), "Location: %s\r\n", to);
        return https_answer(p, 302, field, "elsewhere");
}

static bool stream(HttpsPeer *p)
{
        if (!https_print(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
                return false;
        while (https_chunk(p, "0123456789") && https_wait(p, 10))
                ;
        return false;
}

/* RFC 9110 section 10.2.3: a date, too. */
static bool answer_busy(HttpsPeer *p)
{
        const time_t then = time(NULL) + 60;
        char field[96];
        struct tm tm;

        (void)strftime(field, sizeof(field), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n",
                       gmtime_r(&then, &tm));
        return https_answer(p, 503, field, "");
}

static bool handle(HttpsPeer *p)
{
        Fixture *f = p->server->userdata;
        static char filler[8192];

        (void)snprintf(f->seen, sizeof(f->seen), "%s", p->headers);
        memset(filler, 'x', sizeof(filler) - 1);
        if (streq(p->path, "/ok"))
                return https_answer(
                        p, 200,
                        "ETag: \"v1\"\r\nlast-modified:  Sat, 01 Jan 2000 00:00:00 GMT "
                        "\r\nPreference-Applied: handling=lenient, Wait=5\r\nRetry-After: 7\r\n",
                        "hello");
        if (streq(p->path, "/busy"))
                return answer_busy(p);
        if (streq(p->path, "/post"))
                return https_answer(p, 200, "Preference-Applied: waiting, await=5\r\n", p->body);
        if (streq(p->path, "/to-http"))
                return redirect(p, "http://127.0.0.1:1/ok");
        if (streq(p->path, "/to-file"))
                return redirect(p, "file:///etc/passwd");
        if (streq(p->path, "/to-itself"))
                return redirect(p, "/ok");
        if (streq(p->path, "/endless"))
                return answer_endlessly(p, "HTTP/1.1 200 OK\r\n\r\n", filler);
        if (streq(p->path, "/endless-headers"))
                return answer_endlessly(p, "HTTP/1.1 200 OK\r\n", "X-Filler: aaaaaaaaaaaaaaaa\r\n");
        if (streq(p->path, "/edge"))
                return https_print(p, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%0*d", BODY_MAX,
                                   BODY_MAX, 7);
        if (streq(p->path, "/over"))
                return https_print(p, "HTTP/1.1 200 OK\r\n\r\n%0*d", BODY_MAX + 1, 7) && false;
        if (streq(p->path, "/claims"))
                return https_print(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n") &&
                       https_wait(p, 5000);
        if (streq(p->path, "/cut"))
                return https_print(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.") &&
                       false;
        if (streq(p->path, "/cut-unmeasured"))
                return https_print(p, "HTTP/1.1 200 OK\r\n\r\nten bytes.") && false;
        if (streq(p->path, "/packed"))
                return answer_packed(p);
        if (streq(p->path, "/slow"))
                return answer_slowly(p);
        if (streq(p->path, "/stream"))
                return stream(p);
        return https_wait(p, 60000) && false; /* /silent */
}

static bool on_chunk(void *userdata, const char *bytes, size_t size)
{
        Fixture *f = userdata;

        f->n_streamed += size;
        return f->stream_stop == 0 || f->n_streamed < f->stream_stop;
}

static void on_done(void *userdata, const HttpResult *r)
{
        Fixture *f = userdata;

        f->n_done++;
        f->status = r->status;
        f->size = r->size;
        f->retry_after_sec = r->retry_after_sec;
        f->is_wait_applied = r->is_wait_applied;
        (void)snprintf(f->error, sizeof(f->error), "%s", r->error ? r->error : "");
        (void)snprintf(f->text, sizeof(f->text), "%s", r->text ? r->text : "");
        (void)snprintf(f->body, sizeof(f->body), "%.*s", (int)(r->size < 200 ? r->size : 200),
                       r->body);
        (void)snprintf(f->etag, sizeof(f->etag), "%s", r->etag);
        (void)snprintf(f->last_modified, sizeof(f->last_modified), "%s", r->last_modified);
        f->transfer = http_transfer_free(f->transfer);
}

static void begin(Fixture *f, const char *path)
{
        (void)snprintf(f->url, sizeof(f->url), "https://localhost:%u%s", f->server.port, path);
        f->request.url = f->url;
        assert_int_equal(http_begin(f->http, &f->request, &f->transfer), 0);
        assert_int_equal(f->n_done, 0); /* never from within */
}

static void wait_done(Fixture *f)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (f->n_done == 0 && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_int_equal(f->n_done, 1);
        f->n_done = 0;
}

/* "": there is an answer. */
static const char *fetch(Fixture *f, const char *path)
{
        begin(f, path);
        wait_done(f);
        return f->error;
}

static void serve(Fixture *f, const IdentitySpec *spec)
{
        f->leaf = identity_new(spec);
        assert_int_equal(https_start(&f->server, &f->leaf), 0);
}

static IdentitySpec spec_good(const Fixture *f)
{
        return (IdentitySpec){ "DNS:localhost", &f->ca, -3600, 3600, "leaf" };
}

static void serve_well(Fixture *f)
{
        const IdentitySpec spec = spec_good(f);

        serve(f, &spec);
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));
        const IdentitySpec ca = { NULL, NULL, -3600, 3600, "test CA" };
        const IdentitySpec other_ca = { NULL, NULL, -3600, 3600, "other CA" };

        (void)signal(SIGPIPE, SIG_IGN);
        (void)snprintf(f->dir, sizeof(f->dir), "/tmp/nhi-test-http.XXXXXX");
        if (!mkdtemp(f->dir))
                return -1;
        (void)snprintf(f->ca_file, sizeof(f->ca_file), "%s/ca.pem", f->dir);
        (void)snprintf(f->certificate, sizeof(f->certificate), "%s/us.pem", f->dir);
        (void)snprintf(f->key, sizeof(f->key), "%s/us.key", f->dir);
        f->ca = identity_new(&ca);
        f->other_ca = identity_new(&other_ca);
        identity_save(&f->ca, f->ca_file, NULL);
        f->server = (HttpsServer){ .handle = handle, .userdata = f };
        f->request = (HttpRequest){
                .trust = { .ca_file = f->ca_file },
                .limits = { .body_max = BODY_MAX,
                            .connect_usec = 20 * USEC_PER_SEC,
                            .total_usec = 30 * USEC_PER_SEC },
                .userdata = f,
                .done = on_done,
        };
        *state = f;
        return sd_event_new(&f->event) < 0 || http_new(f->event, &f->http) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        (void)http_transfer_free(f->transfer);
        (void)http_free(f->http);
        https_stop(&f->server);
        identity_done(&f->leaf);
        identity_done(&f->ca);
        identity_done(&f->other_ca);
        (void)sd_event_unref(f->event);
        (void)root_remove(f->dir, true);
        free(f);
        return 0;
}

static void an_answer_comes_with_what_the_next_question_needs(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/ok"), "");
        assert_int_equal(f->status, 200);
        assert_string_equal(f->body, "hello");
        assert_string_equal(f->etag, "\"v1\"");
        assert_string_equal(f->last_modified, "Sat, 01 Jan 2000 00:00:00 GMT");
        assert_true(f->is_wait_applied);
        assert_int_equal(f->retry_after_sec, 7);
}

static void when_to_come_back_may_be_a_date(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/busy"), "");
        assert_int_equal(f->status, 503);
        assert_in_range(f->retry_after_sec, 30, 60);
}

static void a_connection_is_kept_for_the_next_question_unless_a_fresh_one_is_wanted(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        fetch(f, "/ok");
        fetch(f, "/ok");
        assert_int_equal(f->server.n_connections, 1);
        f->request.is_fresh = true;
        fetch(f, "/ok");
        assert_int_equal(f->server.n_connections, 2);
}

static void headers_and_a_body_are_sent_as_they_are(void **state)
{
        static const char *const headers[] = { "If-None-Match: \"v1\"", "Prefer: wait=5", NULL };
        Fixture *f = *state;

        serve_well(f);
        f->request.headers = headers;
        f->request.post = "{\"key\":\"AA==\"}";
        assert_string_equal(fetch(f, "/post"), "");
        assert_string_equal(f->body, "{\"key\":\"AA==\"}");
        assert_non_null(strstr(f->seen, "If-None-Match: \"v1\"\r\n"));
        assert_non_null(strstr(f->seen, "Prefer: wait=5\r\n"));
        assert_null(strstr(f->seen, "Cookie"));
        assert_null(strstr(f->seen, "Accept-Encoding"));
        assert_false(f->is_wait_applied);
}

static void a_redirect_is_an_answer_and_not_followed_V35(void **state)
{
        static const char *const paths[] = { "/to-http", "/to-file", "/to-itself" };
        Fixture *f = *state;

        serve_well(f);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                assert_string_equal(fetch(f, paths[i]), "");
                assert_int_equal(f->status, 302);
                assert_string_equal(f->body, "elsewhere");
                assert_int_equal(f->server.n_requests, i + 1);
        }
}

static void only_https_is_fetched_V35(void **state)
{
        static const char *const urls[] = { "http://localhost:1/ok", "file:///etc/passwd",
                                            "ftp://localhost/ok", "https://user:word@localhost/" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                f->request.url = urls[i];
                assert_int_equal(http_begin(f->http, &f->request, &f->transfer), 0);
                wait_done(f);
                assert_string_equal(f->error, i < 3 ? "not-https" : "bad-url");
        }
}

/* Each of them would end the question at a port where nobody is. */
static void the_environment_names_no_proxy_V35(void **state)
{
        static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "http_proxy",
                                             "ALL_PROXY", "all_proxy" };
        Fixture *f = *state;

        serve_well(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(setenv(names[i], "http://127.0.0.1:1/", 1), 0);
                assert_string_equal(fetch(f, "/ok"), "");
                assert_int_equal(unsetenv(names[i]), 0);
        }
}

static void the_environment_gets_no_secrets_of_a_connection_H2(void **state)
{
        Fixture *f = *state;
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/secrets", f->dir);
        f->http = http_free(f->http);
        assert_int_equal(setenv("SSLKEYLOGFILE", path, 1), 0);
        assert_int_equal(http_new(f->event, &f->http), 0);
        serve_well(f);
        assert_string_equal(fetch(f, "/ok"), "");
        assert_int_equal(access(path, F_OK), -1);
        (void)unsetenv("SSLKEYLOGFILE");
}

static void a_certificate_that_is_not_trusted_ends_it_before_anything_is_asked_V36(void **state)
{
        Fixture *f = *state;
        const IdentitySpec bad[] = {
                { "DNS:localhost", &f->ca, -7200, -3600, "leaf" },      /* expired */
                { "DNS:localhost", &f->ca, 3600, 7200, "leaf" },        /* not yet */
                { "DNS:elsewhere", &f->ca, -3600, 3600, "leaf" },       /* another's */
                { "DNS:localhost", &f->other_ca, -3600, 3600, "leaf" }, /* of nobody we know */
                { "DNS:localhost", NULL, -3600, 3600, "leaf" },         /* of itself */
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                serve(f, &bad[i]);
                assert_string_equal(fetch(f, "/ok"), "untrusted");
                assert_int_equal(f->server.n_requests, 0);
                https_stop(&f->server);
                identity_done(&f->leaf);
        }
}

static void what_the_system_trusts_is_no_help_to_a_private_ca(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        f->request.trust.ca_file = NULL;
        assert_string_equal(fetch(f, "/ok"), "untrusted");
        f->request.trust.ca_file = "/nowhere/ca.pem";
        assert_string_equal(fetch(f, "/ok"), "no-ca-file");
}

static void a_ca_that_only_bears_the_name_signs_nothing_V36(void **state)
{
        Fixture *f = *state;
        const IdentitySpec ca = { NULL, NULL, -3600, 3600, "test CA" };
        Identity impostor = identity_new(&ca);
        const IdentitySpec spec = { "DNS:localhost", &impostor, -3600, 3600, "leaf" };

        serve(f, &spec);
        assert_string_not_equal(fetch(f, "/ok"), "");
        assert_int_equal(f->server.n_requests, 0);
        identity_done(&impostor);
}

static void a_pinned_key_is_enough_and_another_key_is_not(void **state)
{
        Fixture *f = *state;
        const IdentitySpec foreign = { "DNS:elsewhere", &f->other_ca, -7200, -3600, "leaf" };
        char pin[64], pins[192];

        serve(f, &foreign);
        identity_pin(&f->leaf, pin);
        f->request.trust = (HttpTrust){ .pins = pin };
        assert_string_equal(fetch(f, "/ok"), "");

        identity_pin(&f->ca, pin);
        f->request.is_fresh = true;
        assert_string_equal(fetch(f, "/ok"), "wrong-pin");

        identity_pin(&f->leaf, pins + 96);
        (void)snprintf(pins, 96, "%s;", pin);
        (void)memmove(pins + strlen(pins), pins + 96, strlen(pins + 96) + 1);
        f->request.trust.pins = pins;
        assert_string_equal(fetch(f, "/ok"), "");
}

/* Without a CA nothing else would be looked at. */
static void pins_that_are_none_are_no_trust_V36(void **state)
{
        static const char *const bad[] = { "", "sha256//", "sha256//short=", "/etc/passwd", ";" };
        Fixture *f = *state;
        char pin[64];

        serve_well(f);
        f->request.trust.ca_file = NULL;
        f->request.url = "https://localhost:1/";
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                f->request.trust.pins = bad[i];
                assert_int_equal(http_begin(f->http, &f->request, &f->transfer), -EINVAL);
        }
        identity_pin(&f->leaf, pin);
        assert_true(http_pins_are_valid(pin));
        strcat(pin, ";");
        assert_false(http_pins_are_valid(pin));
}

static void a_pin_beside_a_ca_needs_both(void **state)
{
        Fixture *f = *state;
        const IdentitySpec expired = { "DNS:localhost", &f->ca, -7200, -3600, "leaf" };
        char pin[64];

        serve(f, &expired);
        identity_pin(&f->leaf, pin);
        f->request.trust.pins = pin;
        assert_string_equal(fetch(f, "/ok"), "untrusted");
        https_stop(&f->server);
        identity_done(&f->leaf);

        serve_well(f);
        assert_string_equal(fetch(f, "/ok"), "wrong-pin");
        assert_int_equal(f->server.n_requests, 0);
}

static void a_server_that_wants_a_certificate_gets_ours(void **state)
{
        Fixture *f = *state;
        const IdentitySpec spec = { "DNS:us", &f->ca, -3600, 3600, "leaf" };
        Identity us = identity_new(&spec);

        identity_save(&us, f->certificate, f->key);
        f->server.client_ca = &f->ca;
        serve_well(f);
        assert_string_not_equal(fetch(f, "/ok"), "");
        assert_int_equal(f->server.n_requests, 0);

        f->request.trust.certificate_file = f->certificate;
        f->request.trust.key_file = f->key;
        assert_string_equal(fetch(f, "/ok"), "");
        f->request.is_fresh = true;
        f->request.trust.key_file = "/nowhere/key";
        assert_string_equal(fetch(f, "/ok"), "no-certificate");
        identity_done(&us);
}

static void the_byte_limit_holds_at_its_edge_V36(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/edge"), "");
        assert_int_equal(f->size, BODY_MAX);
        assert_string_equal(fetch(f, "/over"), "too-large");
        assert_string_equal(fetch(f, "/claims"), "too-large");
        assert_string_equal(fetch(f, "/endless"), "too-large");
        assert_string_equal(fetch(f, "/endless-headers"), "too-large");
}

static void a_cut_answer_is_none_V36(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/cut"), "cut-short");
}

/* Without a length, TLS alone says where it ends. */
static void an_answer_that_somebody_on_the_way_cut_is_none_V36(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/cut-unmeasured"), "cut-short");
}

/* A few bytes, packed twice, unpack for hours. */
static void what_is_packed_is_not_unpacked_H4(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        assert_string_equal(fetch(f, "/packed"), "malformed");
        assert_int_equal(f->size, 0);
}

static void a_server_that_says_nothing_is_given_up_A14(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        f->request.limits.total_usec = 300 * 1000;
        assert_string_equal(fetch(f, "/silent"), "timeout");
        https_stop(&f->server);
        identity_done(&f->leaf);

        f->server.is_mute = true; /* not even a handshake */
        f->request.limits.total_usec = 0;
        f->request.limits.connect_usec = 300 * 1000;
        serve_well(f);
        assert_string_equal(fetch(f, "/ok"), "timeout");
}

static void a_trickle_is_given_up_before_the_time_limit_V36(void **state)
{
        Fixture *f = *state;
        const uint64_t begin_usec = now_monotonic_usec();

        serve_well(f);
        f->request.limits.total_usec = 60 * USEC_PER_SEC;
        f->request.limits.slow_sec = 1;
        assert_string_equal(fetch(f, "/slow"), "timeout");
        assert_true(now_monotonic_usec() - begin_usec < 40 * USEC_PER_SEC);
}

static void a_trickle_ends_at_the_time_limit_V36(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        f->request.limits.total_usec = 300 * 1000;
        assert_string_equal(fetch(f, "/slow"), "timeout");
}

static void nobody_there_is_said_so(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        https_stop(&f->server);
        assert_string_equal(fetch(f, "/ok"), "no-connection");
        f->request.url = "https://nobody.invalid/ok";
        assert_int_equal(http_begin(f->http, &f->request, &f->transfer), 0);
        wait_done(f);
        assert_string_equal(f->error, "no-name");
}

static void a_stream_has_no_byte_limit_and_ends_when_it_makes_no_sense(void **state)
{
        Fixture *f = *state;

        serve_well(f);
        f->request.chunk = on_chunk;
        f->request.limits.body_max = 5;
        f->request.limits.total_usec = 0;
        f->stream_stop = 200;
        assert_string_equal(fetch(f, "/stream"), "malformed");
        assert_true(f->n_streamed >= 200);
}

static void what_is_given_up_says_nothing_more(void **state)
{
        Fixture *f = *state;
        const uint64_t deadline = now_monotonic_usec() + 200 * 1000;

        serve_well(f);
        begin(f, "/ok");
        f->transfer = http_transfer_free(f->transfer);
        begin(f, "/silent");
        f->transfer = http_transfer_free(f->transfer);
        while (now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 20 * 1000) >= 0);
        assert_int_equal(f->n_done, 0);
        assert_string_equal(fetch(f, "/ok"), "");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(an_answer_comes_with_what_the_next_question_needs),
                CASE(when_to_come_back_may_be_a_date),
                CASE(a_connection_is_kept_for_the_next_question_unless_a_fresh_one_is_wanted),
                CASE(headers_and_a_body_are_sent_as_they_are),
                CASE(a_redirect_is_an_answer_and_not_followed_V35),
                CASE(only_https_is_fetched_V35),
                CASE(the_environment_names_no_proxy_V35),
                CASE(the_environment_gets_no_secrets_of_a_connection_H2),
                CASE(a_certificate_that_is_not_trusted_ends_it_before_anything_is_asked_V36),
                CASE(what_the_system_trusts_is_no_help_to_a_private_ca),
                CASE(a_ca_that_only_bears_the_name_signs_nothing_V36),
                CASE(a_pinned_key_is_enough_and_another_key_is_not),
                CASE(pins_that_are_none_are_no_trust_V36),
                CASE(a_pin_beside_a_ca_needs_both),
                CASE(a_server_that_wants_a_certificate_gets_ours),
                CASE(the_byte_limit_holds_at_its_edge_V36),
                CASE(a_cut_answer_is_none_V36),
                CASE(an_answer_that_somebody_on_the_way_cut_is_none_V36),
                CASE(what_is_packed_is_not_unpacked_H4),
                CASE(a_server_that_says_nothing_is_given_up_A14),
                CASE(a_trickle_is_given_up_before_the_time_limit_V36),
                CASE(a_trickle_ends_at_the_time_limit_V36),
                CASE(nobody_there_is_said_so),
                CASE(a_stream_has_no_byte_limit_and_ends_when_it_makes_no_sense),
                CASE(what_is_given_up_says_nothing_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
