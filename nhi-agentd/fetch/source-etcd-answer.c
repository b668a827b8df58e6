/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an answer of etcd means to a source, be it read or heard. */

#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/source-etcd-internal.h"

#include <stdio.h>

#define LASTED_USEC (10 * USEC_PER_SEC) /* of a watch that is well */

/* ---- when something fails ---- */

/* The members are tried soon after one another; from round to round the waits grow. */
static uint64_t retry_usec(const EtcdSource *s)
{
        const unsigned n_members = (unsigned)s->spec->n_urls;

        if (s->n_failures % n_members != 0)
                return usec_jittered(s->waits->next_member_usec);
        return backoff_usec(s->n_failures / n_members, s->waits->retry_first_usec,
                            s->waits->retry_max_usec);
}

/* W2, W3 */
void etcd_source_begin_anew(EtcdSource *s)
{
        const bool has_lasted = s->link.watch && s->is_created &&
                                now_monotonic_usec() - s->watched_usec >= LASTED_USEC;

        s->n_failures = has_lasted ? 1 : s->n_failures + 1;
        s->link.n_rounds = s->n_failures / (unsigned)s->spec->n_urls;
        etcd_link_drop(&s->link);
        line_buffer_reset(&s->lines);
        etcd_source_timer(s, retry_usec(s));
}

void etcd_source_fail(EtcdSource *s, const char *token, const char *text)
{
        char sentence[SENTENCE_MAX];

        access_sentence(sentence, sizeof(sentence), etcd_link_url(&s->link), token, text);
        s->sink->report(s->sink->userdata, sentence);
        etcd_source_begin_anew(s);
        s->mod_revision = 0; /* as this member had it */
        s->is_delivered = false;
        s->link.member = (s->link.member + 1) % s->spec->n_urls;
}

void etcd_source_fail_etcd(EtcdSource *s, const EtcdAnswer *a)
{
        char token[32];

        (void)snprintf(token, sizeof(token), "etcd-%u", a->code);
        etcd_source_fail(s, token, a->error);
}

void etcd_source_fail_errno(EtcdSource *s, int r, const char *text)
{
        etcd_source_fail(s, r == -ENOMEM ? "no-memory" : "not-asked", text);
}

/* No answer to work with: that is told, and the link is dropped. */
bool etcd_source_call_failed(EtcdSource *s, const HttpResult *r)
{
        EtcdAnswer a = { 0 };
        char token[32];

        if (r->error) {
                etcd_source_fail(s, r->error, r->text);
                return true;
        }
        if (r->status == 200)
                return false;
        (void)snprintf(token, sizeof(token), "status-%u", r->status);
        if (etcd_range_parse(r->body, r->size, &a) == 0 && a.is_error)
                etcd_source_fail_etcd(s, &a);
        else
                etcd_source_fail(s, token, "the member does not answer as etcd's gateway does");
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
void etcd_source_take(EtcdSource *s, const EtcdAnswer *a)
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
