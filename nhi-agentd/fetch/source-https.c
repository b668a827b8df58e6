/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source type "https": a grant set at a URL, asked for at intervals, or waited for where the
 * server can hold an answer back (RFC 7240 section 4.3). Promises, cited by
 * tests/unit/test-fetch-https.c:
 *
 *  N1 What has not changed MUST NOT be sent again: conditional requests (RFC 9110 section 13). But
 *     a server that was somebody else's for a while MUST NOT have the last word on what is known:
 *     from time to time the whole is had.
 *  N2 Whatever the server does, it MUST NOT be asked more than once a second; before the next
 *     interval only where there is something to wait for; and after a failure longer each time up
 *     to a bound (A14).
 *  N3 Only the whole body of a 200 MUST be delivered.
 *  N4 A set that replaced another within the same second MUST be heard of, also where the server's
 *     entity tags are made of a time in seconds and a size, as nginx makes them (V24).
 *  N5 A server that does not wait MUST NOT be given the time to: where it falls silent, that is
 *     known after source.timeout (A14). It is asked again when the whole is had. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/fetch/access.h"
#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/http-pool.h"
#include "nhi-agentd/fetch/template.h"

#include <stdio.h>

#define SPACING_USEC         USEC_PER_SEC
#define SETTLED_SEC          2 /* seconds begin and end: what is one second old may still change */
#define RETRY_FIRST_USEC     USEC_PER_SEC
#define RETRY_MAX_USEC       (60 * USEC_PER_SEC)
#define WHOLE_INTERVALS      60u                   /* the whole is had once in so many intervals, */
#define WHOLE_MAX_USEC       (3600 * USEC_PER_SEC) /* and in that time */
#define RETRY_AFTER_MAX_SEC  600u
#define SENTENCE_MAX         512
#define HEADER_MAX           (HTTP_FIELD_MAX + 32)
#define HEADERS_N_MAX        6u
#define AUTHORIZATION_HEADER "Authorization: Bearer "

typedef struct HttpsSource {
        const SourceSpec *spec;
        const SourceSink *sink;
        char *url;
        Http *http;
        HttpTransfer *transfer;          /* NULL: none under way */
        sd_event_source *timer;          /* the next question */
        uint64_t asked_usec, whole_usec; /* the last question, and the last with a whole answer */
        bool is_waiting;                 /* the server may hold its answer back */
        bool can_wait;                   /* it did, when it last could */
        bool is_prompt;                  /* it knows nothing of waiting */
        unsigned n_failures;
        char etag[HTTP_FIELD_MAX + 1],
                last_modified[HTTP_FIELD_MAX + 1]; /* of what was delivered */
} HttpsSource;

static void ask_after(HttpsSource *s, uint64_t usec)
{
        sink_next(s->sink, usec);
        (void)sd_event_source_set_time_relative(s->timer, usec);
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void fail(HttpsSource *s, const char *token, const char *text, uint64_t retry_after_sec)
{
        uint64_t max_usec =
                s->spec->interval_usec > RETRY_MAX_USEC ? s->spec->interval_usec : RETRY_MAX_USEC;
        uint64_t usec = backoff_usec(++s->n_failures, RETRY_FIRST_USEC, max_usec), asked_usec;
        char sentence[SENTENCE_MAX];

        if (retry_after_sec > RETRY_AFTER_MAX_SEC)
                retry_after_sec = RETRY_AFTER_MAX_SEC;
        asked_usec = retry_after_sec * USEC_PER_SEC;
        /* No sooner than the server asked for, and not all at that instant. */
        asked_usec += asked_usec - usec_jittered(asked_usec);
        access_sentence(sentence, sizeof(sentence), s->url, token, text);
        s->sink->report(s->sink->userdata, sentence);
        ask_after(s, usec > asked_usec ? usec : asked_usec);
}

static bool has_validator(const HttpsSource *s)
{
        return *s->etag || *s->last_modified;
}

static void forget(HttpsSource *s)
{
        s->etag[0] = s->last_modified[0] = '\0';
}

/* N2 */
static void go_on(HttpsSource *s, bool is_waited_for)
{
        uint64_t took_usec = now_monotonic_usec() - s->asked_usec;

        s->n_failures = 0;
        if (is_waited_for)
                ask_after(s, took_usec < SPACING_USEC ? SPACING_USEC - took_usec : 0);
        else
                ask_after(s, usec_jittered(s->spec->interval_usec));
}

/* N4. A server that waits until something changes does not go by such a tag. */
static bool is_settled(const HttpsSource *s, const HttpResult *r)
{
        return r->age_sec < 0 || r->age_sec >= SETTLED_SEC || (s->is_waiting && r->is_wait_applied);
}

static void on_ok(HttpsSource *s, const HttpResult *r)
{
        int n;

        if (r->size == 0) {
                fail(s, "empty", "the answer is empty", 0);
                return;
        }
        n = s->sink->deliver(s->sink->userdata, r->body, r->size);
        if (n < 0) {
                fail(s, "not-taken", strerror(-n), 0);
                return;
        }
        (void)snprintf(s->etag, sizeof(s->etag), "%s", r->etag);
        (void)snprintf(s->last_modified, sizeof(s->last_modified), "%s", r->last_modified);
        s->sink->report(s->sink->userdata, NULL);
        s->whole_usec = s->asked_usec;
        if (s->is_waiting)
                s->can_wait = r->is_wait_applied;
        if (!is_settled(s, r))
                forget(s);
        /* Without a validator the next question is no wait, whatever the server once could. */
        go_on(s, s->can_wait && has_validator(s));
}

/* A server that claims to have waited and did not is asked at intervals like any other. */
static void on_not_modified(HttpsSource *s, const HttpResult *r)
{
        bool has_waited = now_monotonic_usec() - s->asked_usec >= s->spec->wait_usec / 2;

        if (!has_validator(s)) {
                fail(s, "status-304", "nothing was said to be known already", 0);
                return;
        }
        s->sink->report(s->sink->userdata, NULL);
        s->can_wait = s->is_waiting && r->is_wait_applied && has_waited;
        if (s->is_waiting) /* N5 */
                s->is_prompt = !r->is_wait_applied && !has_waited;
        go_on(s, s->can_wait);
}

static void on_absent(HttpsSource *s)
{
        char sentence[SENTENCE_MAX];

        forget(s);
        access_sentence(sentence, sizeof(sentence), s->url, "absent",
                        "there is no set for this host yet");
        s->sink->report(s->sink->userdata, s->spec->is_optional ? NULL : sentence);
        go_on(s, false);
}

static void on_refused(HttpsSource *s, const HttpResult *r)
{
        const bool is_redirect = r->status >= 300 && r->status < 400;
        const bool is_forbidden = r->status == 401 || r->status == 403;
        char token[32];

        (void)snprintf(token, sizeof(token), "status-%u", r->status);
        fail(s, token,
             is_redirect    ? "it sends us elsewhere, where we do not go: name the place itself in "
                              "source.urls"
             : is_forbidden ? "it does not let us in: look at source.token and source.certificate"
                            : "it does not answer with a set",
             r->retry_after_sec);
}

static void on_done(void *userdata, const HttpResult *r)
{
        HttpsSource *s = userdata;

        if (r->error)
                fail(s, r->error, r->text, 0);
        else if (r->status == 200)
                on_ok(s, r);
        else if (r->status == 304)
                on_not_modified(s, r);
        else if (r->status == 404 || r->status == 410)
                on_absent(s);
        else
                on_refused(s, r);
        s->transfer = http_transfer_free(s->transfer);
}

typedef struct Headers {
        const char *lines[HEADERS_N_MAX + 1];
        char match[HEADER_MAX], since[HEADER_MAX], prefer[HEADER_MAX];
        char authorization[sizeof(AUTHORIZATION_HEADER) + 4096];
        size_t n;
} Headers;

static void header_put(Headers *h, char *line, size_t size, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        (void)snprintf(line, size, "%s%s", name, value);
        h->lines[h->n++] = line;
}

/* N1. A host that knows nothing yet has nothing to wait for. */
static void headers_make(HttpsSource *s, const Access *a, Headers *ret)
{
        char wait[32];

        *ret = (Headers){ .lines = { "Accept: application/jose, */*" }, .n = 1 };
        header_put(ret, ret->match, sizeof(ret->match), "If-None-Match: ", s->etag);
        header_put(ret, ret->since, sizeof(ret->since), "If-Modified-Since: ", s->last_modified);
        header_put(ret, ret->authorization, sizeof(ret->authorization), AUTHORIZATION_HEADER,
                   a->token);
        s->is_waiting = s->spec->wait_usec > 0 && !s->is_prompt && has_validator(s);
        (void)snprintf(wait, sizeof(wait), "%llu",
                       (unsigned long long)(s->spec->wait_usec / USEC_PER_SEC));
        if (s->is_waiting)
                header_put(ret, ret->prefer, sizeof(ret->prefer), "Prefer: wait=", wait);
}

/* N1, N5 */
static void forget_in_time(HttpsSource *s)
{
        uint64_t usec = WHOLE_INTERVALS * s->spec->interval_usec;

        if (usec > WHOLE_MAX_USEC)
                usec = WHOLE_MAX_USEC;
        if (now_monotonic_usec() - s->whole_usec < usec)
                return;
        forget(s);
        s->is_prompt = false;
}

static int ask(HttpsSource *s, const Access *a)
{
        Headers headers;
        HttpRequest request = {
                .url = s->url,
                .headers = headers.lines,
                .is_fresh = s->n_failures > 0,
                .trust = a->trust,
                .userdata = s,
                .done = on_done,
        };
        int r;

        forget_in_time(s);
        headers_make(s, a, &headers);
        request.limits = access_limits(s->spec, s->is_waiting ? s->spec->wait_usec : 0);
        s->asked_usec = now_monotonic_usec();
        r = http_begin(s->http, &request, &s->transfer);
        explicit_bzero(&headers, sizeof(headers));
        return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        HttpsSource *s = userdata;
        char error[ACCESS_ERROR_MAX] = "out of memory";
        Access access;
        int r;

        r = access_load(s->spec, &access, error);
        if (r == 0)
                r = ask(s, &access);
        access_done(&access);
        if (r < 0)
                fail(s, "not-asked", error, 0);
        return 0;
}

static void https_stop(void *source)
{
        HttpsSource *s = source;

        if (!s)
                return;
        (void)http_transfer_free(s->transfer);
        (void)http_pool_put(s->sink->pool, s->http, false);
        (void)sd_event_source_disable_unref(s->timer);
        free(s->url);
        free(s);
}

static int https_start(sd_event *event, const SourceSpec *spec, const SourceSink *sink, void **ret)
{
        HttpsSource *s;
        int r;

        if (spec->n_urls != 1 || !spec->host)
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->spec = spec;
        s->sink = sink;

        r = template_expand(spec->urls[0], spec->host, true, &s->url);
        if (r >= 0)
                r = http_pool_take(sink->pool, event, spec, s->url, &s->http);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
                                               s);
        if (r < 0) {
                https_stop(s);
                return r;
        }
        (void)sd_event_source_set_description(s->timer, "source-https-next");
        *ret = s;
        return 0;
}

const SourceType source_https = { "https", true, https_start, https_stop, false };
