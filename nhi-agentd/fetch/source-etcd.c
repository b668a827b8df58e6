/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source type "etcd": a grant set in a key, read and then watched. Promises, cited by
 * tests/unit/test-fetch-etcd.c:
 *
 *  W1 A set MUST be delivered as soon as the watch tells of it, and at the next read of the key
 *     where the watch died silently, lost the event, or waits for a revision that the cluster no
 *     longer has.
 *  W2 A member that fails MUST be left for the next one, with all connections to it.
 *  W3 Whatever the members do, they MUST NOT be asked without pause: the waits grow until a watch
 *     has lasted (A14).
 *     What a watch says MUST NOT cost more than that of a set which changes all the time.
 *  W4 A key that is gone MUST take nothing back.
 *  W5 A value that was delivered MUST NOT be sent again by the reads beside the watch: a fleet's
 *     idle hours cost its cluster nothing but small answers. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/http/etcd.h"
#include "nhi-agentd/fetch/allowance.h"
#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/etcd-link.h"
#include "nhi-agentd/fetch/line-buffer.h"
#include "nhi-agentd/fetch/template.h"

#include <stdio.h>

#define NEXT_MEMBER_USEC (USEC_PER_SEC / 10)
#define RETRY_FIRST_USEC (USEC_PER_SEC / 2)
#define RETRY_MAX_USEC   (30 * USEC_PER_SEC)
#define CREATED_USEC     (5 * USEC_PER_SEC)  /* for a watch to begin */
#define LASTED_USEC      (10 * USEC_PER_SEC) /* of a watch that is well */
#define SENTENCE_MAX     512
/* What a watch may say: of lines, and of bytes beside two that are as long as can be. */
#define LINES_MAX     1000u
#define LINES_PER_SEC 100u
#define BYTES_PER_SEC (16u * 1024 * 1024)

typedef struct EtcdSource {
        const SourceSpec *spec;
        const SourceSink *sink;
        char *key;
        EtcdLink link;
        sd_event_source *timer; /* the next read, or giving up on a watch that does not begin */
        unsigned n_failures;
        int64_t mod_revision;   /* of what was delivered; 0: nothing yet, or it is gone */
        bool is_delivered;      /* what stands there, and not found wanting */
        bool is_brief;          /* the read under way brings no value */
        int64_t revision;       /* the newest that the watch told of */
        int64_t asked_revision; /* that when the read under way began */
        LineBuffer lines;       /* of the watch */
        Allowance n_lines, n_bytes;
        bool is_created;
        bool has_new_token;      /* for the read under way */
        uint64_t watched_usec;   /* when the watch began */
        char over[SENTENCE_MAX]; /* why the watch ended, in the server's words; "": it did not say
                                  */
} EtcdSource;

static void timer_set(EtcdSource *s, uint64_t usec)
{
        sink_next(s->sink, usec);
        (void)sd_event_source_set_time_relative(s->timer, usec);
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

/* ---- when something fails ---- */

/* The members are tried soon after one another; from round to round the waits grow. */
static uint64_t retry_usec(const EtcdSource *s)
{
        const unsigned n_members = (unsigned)s->spec->n_urls;

        if (s->n_failures % n_members != 0)
                return usec_jittered(NEXT_MEMBER_USEC);
        return backoff_usec(s->n_failures / n_members, RETRY_FIRST_USEC, RETRY_MAX_USEC);
}

/* W2, W3 */
static void begin_anew(EtcdSource *s)
{
        const bool has_lasted = s->link.watch && s->is_created &&
                                now_monotonic_usec() - s->watched_usec >= LASTED_USEC;

        s->n_failures = has_lasted ? 1 : s->n_failures + 1;
        etcd_link_drop(&s->link);
        line_buffer_reset(&s->lines);
        timer_set(s, retry_usec(s));
}

static void fail(EtcdSource *s, const char *token, const char *text)
{
        char sentence[SENTENCE_MAX];

        access_sentence(sentence, sizeof(sentence), etcd_link_url(&s->link), token, text);
        s->sink->report(s->sink->userdata, sentence);
        begin_anew(s);
        s->mod_revision = 0; /* as this member had it */
        s->is_delivered = false;
        s->link.member = (s->link.member + 1) % s->spec->n_urls;
}

static void fail_etcd(EtcdSource *s, const EtcdAnswer *a)
{
        char token[32];

        (void)snprintf(token, sizeof(token), "etcd-%u", a->code);
        fail(s, token, a->error);
}

static void fail_errno(EtcdSource *s, int r, const char *text)
{
        fail(s, r == -ENOMEM ? "no-memory" : "not-asked", text);
}

/* No answer to work with: that is told, and the link is dropped. */
static bool call_failed(EtcdSource *s, const HttpResult *r)
{
        EtcdAnswer a = { 0 };
        char token[32];

        if (r->error) {
                fail(s, r->error, r->text);
                return true;
        }
        if (r->status == 200)
                return false;
        (void)snprintf(token, sizeof(token), "status-%u", r->status);
        if (etcd_range_parse(r->body, r->size, &a) == 0 && a.is_error)
                fail_etcd(s, &a);
        else
                fail(s, token, "the member does not answer as etcd's gateway does");
        etcd_answer_done(&a);
        return true;
}

/* ---- what was read or heard ---- */

static void report(EtcdSource *s, const char *token, const char *text)
{
        char sentence[SENTENCE_MAX];

        access_sentence(sentence, sizeof(sentence), s->key, token, text);
        s->sink->report(s->sink->userdata, sentence);
}

/* What was not taken is as if it had not been seen: the next read has it whole. */
static void hand_over(EtcdSource *s, const EtcdAnswer *a)
{
        const int r = a->mod_revision == s->mod_revision
                              ? 0
                              : s->sink->deliver(s->sink->userdata, a->value, a->size);

        if (r < 0)
                report(s, "not-taken", strerror(-r));
        else
                s->sink->report(s->sink->userdata, NULL);
        s->is_delivered = r == 0;
        s->mod_revision = r == 0 ? a->mod_revision : 0;
}

/* W4 */
static void take(EtcdSource *s, const EtcdAnswer *a)
{
        if (a->has_value && a->size > 0 && a->size <= s->spec->size_max) {
                hand_over(s, a);
                return;
        }
        s->is_delivered = false;
        if (!a->has_value && s->spec->is_optional)
                s->sink->report(s->sink->userdata, NULL);
        else if (!a->has_value)
                report(s, "absent", "there is no set for this host in etcd");
        else if (a->size == 0)
                report(s, "empty", "the key holds nothing");
        else
                report(s, "too-large", "the set is over source.size_max");
        s->mod_revision = a->has_value ? a->mod_revision : 0;
}

/* ---- the watch ---- */

static bool chatters(EtcdSource *s, Allowance *a, size_t n)
{
        const uint64_t now_usec = now_monotonic_usec();

        if (allowance_take(a, n, now_usec))
                return false;
        s->watched_usec = now_usec; /* it was not well */
        (void)snprintf(s->over, sizeof(s->over), "the member says more than there is to say");
        return true;
}

/* false ends the stream; why stands in over. */
static bool on_line(void *userdata, const char *line, size_t size)
{
        EtcdSource *s = userdata;
        EtcdAnswer a = { 0 };
        bool goes_on;
        int r;

        if (chatters(s, &s->n_lines, 1))
                return false;
        r = etcd_watch_parse(line, size, s->key, &a);
        if (r < 0)
                return false;
        goes_on = !a.is_error && !a.is_canceled;
        if (!goes_on)
                (void)snprintf(s->over, sizeof(s->over), "%s",
                               a.compact_revision > 0 ? "compacted" : a.error);
        if (a.is_created && !s->is_created)
                timer_set(s, usec_jittered(s->spec->interval_usec));
        s->is_created = s->is_created || a.is_created;
        if (goes_on && a.revision > s->revision)
                s->revision = a.revision;
        if (goes_on && (a.has_value || a.is_deleted) && a.mod_revision > s->mod_revision)
                take(s, &a);
        etcd_answer_done(&a);
        return goes_on;
}

static bool on_chunk(void *userdata, const char *bytes, size_t size)
{
        EtcdSource *s = userdata;

        return !chatters(s, &s->n_bytes, size) &&
               line_buffer_put(&s->lines, bytes, size, on_line, s);
}

/* History that was compacted away is nobody's fault: the key is read anew. */
static void on_watch_over(void *userdata, const HttpResult *r)
{
        EtcdSource *s = userdata;

        if (streq(s->over, "compacted"))
                begin_anew(s);
        else if (*s->over)
                fail(s, "watch-over", s->over);
        else if (!call_failed(s, r))
                fail(s, "cut-short", "the member ended the watch");
}

static void watch(EtcdSource *s, int64_t revision)
{
        char error[ACCESS_ERROR_MAX];
        int r;

        s->link.watch = http_transfer_free(s->link.watch);
        line_buffer_reset(&s->lines);
        s->revision = revision;
        s->is_created = false;
        s->over[0] = '\0';
        s->watched_usec = now_monotonic_usec();
        r = etcd_link_watch(&s->link, etcd_watch_request(s->key, revision + 1), on_chunk,
                            on_watch_over, s, error);
        if (r < 0)
                fail_errno(s, r, error);
        else
                timer_set(s, CREATED_USEC);
}

/* ---- the key ---- */

static void read_key(EtcdSource *s, bool is_brief);

/* W1. The watch is well unless the read brings news, or it waits for what a cluster that was set
 * back will not have for long. What the watch told meanwhile is newer than the read. */
static void on_range(EtcdSource *s, const EtcdAnswer *a)
{
        const bool is_set_back = a->revision < s->asked_revision;
        const bool is_overtaken = s->link.watch && a->revision < s->revision && !is_set_back;
        const bool is_news = a->mod_revision != s->mod_revision;

        if (s->is_brief && is_news && !is_overtaken && a->has_value) {
                read_key(s, false);
                return;
        }
        if (s->is_brief && !is_news)
                s->sink->report(s->sink->userdata, NULL);
        else if (!is_overtaken)
                take(s, a);
        if (!s->link.watch || is_set_back || (is_news && !is_overtaken))
                watch(s, a->revision);
        else
                timer_set(s, usec_jittered(s->spec->interval_usec));
}

static void authenticate(EtcdSource *s);

/* A token that has run out is no fault of the member's, and no reason to leave a watch that is
 * well; once, and what the member then says counts (W3). */
static bool renew_token(EtcdSource *s, const HttpResult *r)
{
        EtcdAnswer a = { 0 };
        bool is_over;

        if (r->error || r->status == 200 || !s->link.token || s->has_new_token)
                return false;
        is_over = etcd_range_parse(r->body, r->size, &a) == 0 && a.is_error &&
                  etcd_wants_new_token(a.code, a.error);
        etcd_answer_done(&a);
        if (!is_over)
                return false;
        s->has_new_token = true;
        etcd_link_forget_token(&s->link);
        s->link.call = http_transfer_free(s->link.call);
        authenticate(s);
        return true;
}

static void on_range_done(void *userdata, const HttpResult *r)
{
        EtcdSource *s = userdata;
        EtcdAnswer a = { 0 };

        if (renew_token(s, r) || call_failed(s, r))
                return;
        if (etcd_range_parse(r->body, r->size, &a) < 0)
                fail(s, "malformed", "the member's answer makes no sense");
        else if (a.is_error)
                fail_etcd(s, &a);
        else {
                s->has_new_token = false;
                s->link.call = http_transfer_free(s->link.call);
                on_range(s, &a);
        }
        etcd_answer_done(&a);
}

/* W5 */
static void read_key(EtcdSource *s, bool is_brief)
{
        char error[ACCESS_ERROR_MAX];
        int r;

        s->is_brief = is_brief;
        s->asked_revision = s->revision;
        r = etcd_link_ask(&s->link, ETCD_PATH_RANGE, etcd_range_request(s->key, is_brief),
                          on_range_done, s, error);

        if (r < 0)
                fail_errno(s, r, error);
}

static void on_auth_done(void *userdata, const HttpResult *r)
{
        EtcdSource *s = userdata;

        if (call_failed(s, r))
                return;
        etcd_link_forget_token(&s->link);
        s->link.token = etcd_auth_parse(r->body, r->size);
        if (!s->link.token) {
                fail(s, "malformed", "authentication gave no token");
                return;
        }
        s->link.call = http_transfer_free(s->link.call);
        read_key(s, s->is_delivered);
}

static void authenticate(EtcdSource *s)
{
        char error[ACCESS_ERROR_MAX];
        char *body = etcd_link_auth_request(&s->link, error);
        int r = body ? etcd_link_ask(&s->link, ETCD_PATH_AUTH, body, on_auth_done, s, error)
                     : -ENOENT;

        if (r < 0)
                fail_errno(s, r, error);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        EtcdSource *s = userdata;

        if (s->link.watch && !s->is_created) {
                fail(s, "timeout", "the member does not begin to watch for us");
                return 0;
        }
        /* After a failure nothing is under way: the connections go, too. */
        if (!s->link.watch)
                etcd_link_leave(&s->link);
        if (etcd_link_wants_token(&s->link))
                authenticate(s);
        else
                read_key(s, s->is_delivered);
        return 0;
}

static void etcd_stop(void *source)
{
        EtcdSource *s = source;

        if (!s)
                return;
        etcd_link_done(&s->link);
        line_buffer_reset(&s->lines);
        (void)sd_event_source_disable_unref(s->timer);
        free(s->key);
        free(s);
}

static int etcd_start(sd_event *event, const SourceSpec *spec, const SourceSink *sink, void **ret)
{
        EtcdSource *s;
        int r;

        if (spec->n_urls == 0 || !spec->host || !spec->etcd_key)
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->spec = spec;
        s->sink = sink;
        s->link = (EtcdLink){ .event = event,
                              .spec = spec,
                              .pool = sink->pool,
                              .member = http_pool_member(sink->pool, spec->n_urls) };
        s->lines.max = (size_t)spec->size_max / 3 * 4 + 65536;
        s->n_lines = (Allowance){ .most = LINES_MAX, .per_sec = LINES_PER_SEC };
        s->n_bytes = (Allowance){ .most = 2 * s->lines.max, .per_sec = BYTES_PER_SEC };

        r = template_expand(spec->etcd_key, spec->host, false, &s->key);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
                                               s);
        if (r < 0) {
                etcd_stop(s);
                return r;
        }
        (void)sd_event_source_set_description(s->timer, "source-etcd-next");
        *ret = s;
        return 0;
}

bool source_etcd_lend(const void *source, size_t *ret_member, char **ret_token)
{
        const EtcdSource *s = source;
        char *token = s && s->link.token && s->link.watch ? strdup(s->link.token) : NULL;

        if (!token)
                return false;
        *ret_member = s->link.member;
        *ret_token = token;
        return true;
}

const SourceType source_etcd = { "etcd", false, etcd_start, etcd_stop, false };
