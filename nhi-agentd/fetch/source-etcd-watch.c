/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The watch of a source in etcd: a stream of lines, from a member that is not believed. */

#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/source-etcd-internal.h"

#include <stdio.h>

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
                etcd_source_timer(s, usec_jittered(s->spec->interval_usec));
        s->is_created = s->is_created || a.is_created;
        if (goes_on && a.revision > s->revision)
                s->revision = a.revision;
        if (goes_on && (a.has_value || a.is_deleted) && a.mod_revision > s->mod_revision)
                etcd_source_take(s, &a);
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
                etcd_source_begin_anew(s);
        else if (*s->over)
                etcd_source_fail(s, "watch-over", s->over);
        else if (!etcd_source_call_failed(s, r))
                etcd_source_fail(s, "cut-short", "the member ended the watch");
}

void etcd_source_watch(EtcdSource *s, int64_t revision)
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
                etcd_source_fail_errno(s, r, error);
        else
                etcd_source_timer(s, etcd_link_patience(&s->link, s->waits->created_usec));
}
