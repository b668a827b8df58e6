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

#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/source-etcd-internal.h"
#include "nhi-agentd/fetch/template.h"

#include <stdio.h>

/* What a watch may say: of lines, and of bytes beside two that are as long as can be. */
#define LINES_MAX     1000u
#define LINES_PER_SEC 100u
#define BYTES_PER_SEC (16u * 1024 * 1024)

const SourceWaits source_etcd_waits = {
        .next_member_usec = USEC_PER_SEC / 10,
        .retry_first_usec = USEC_PER_SEC / 2,
        .retry_max_usec = 30 * USEC_PER_SEC,
        .created_usec = 5 * USEC_PER_SEC,
};

void etcd_source_timer(EtcdSource *s, uint64_t usec)
{
        sink_next(s->sink, usec);
        (void)sd_event_source_set_time_relative(s->timer, usec);
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
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
                etcd_source_take(s, a);
        if (!s->link.watch || is_set_back || (is_news && !is_overtaken))
                etcd_source_watch(s, a->revision);
        else
                etcd_source_timer(s, usec_jittered(s->spec->interval_usec));
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

        if (renew_token(s, r) || etcd_source_call_failed(s, r))
                return;
        if (etcd_range_parse(r->body, r->size, &a) < 0)
                etcd_source_fail(s, "malformed", "the member's answer makes no sense");
        else if (a.is_error)
                etcd_source_fail_etcd(s, &a);
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
                etcd_source_fail_errno(s, r, error);
}

static void on_auth_done(void *userdata, const HttpResult *r)
{
        EtcdSource *s = userdata;

        if (etcd_source_call_failed(s, r))
                return;
        etcd_link_forget_token(&s->link);
        s->link.token = etcd_auth_parse(r->body, r->size);
        if (!s->link.token) {
                etcd_source_fail(s, "malformed", "authentication gave no token");
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
                etcd_source_fail_errno(s, r, error);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        EtcdSource *s = userdata;

        if (s->link.watch && !s->is_created) {
                etcd_source_fail(s, "timeout", "the member does not begin to watch for us");
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
        s->waits = sink->waits ? sink->waits : &source_etcd_waits;
        s->link = (EtcdLink){ .event = event,
                              .spec = spec,
                              .pool = sink->pool,
                              .member = http_pool_member(sink->pool, spec->n_urls) };
        s->lines.max = (size_t)spec->size_max / 3 * 4 + 65536;
        s->n_lines = (Allowance){ .most = LINES_MAX, .per_sec = LINES_PER_SEC };
        s->n_bytes = (Allowance){ .most = 2 * s->lines.max, .per_sec = BYTES_PER_SEC };

        r = template_expand(spec->etcd_key, spec->host, false, &s->key);
        /* Exact, as the feed's: a revocation waits for the next member, and for nothing else. */
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
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
