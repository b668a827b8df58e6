/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/report-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/report.h"
#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/template.h"

#include <stdio.h>
#include <sys/random.h>
#include <syslog.h>

#define SENTENCE_MAX 512

const ReportSenderConfig report_sender_defaults = {
        .jitter_usec = 2 * USEC_PER_SEC,
        .spacing_usec = 5 * USEC_PER_SEC,
        .retry_first_usec = 2 * USEC_PER_SEC,
        .retry_max_usec = 600 * USEC_PER_SEC,
};

static void timer_set(ReportSender *s, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(s->timer, usec);
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static uint64_t any_up_to(uint64_t usec)
{
        uint64_t random = 0;

        (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return usec > 0 ? random % usec : 0;
}

/* Q2, Q3 */
static void send_soon(ReportSender *s)
{
        const uint64_t now = now_monotonic_usec();
        const uint64_t from = s->begun_usec > 0 ? s->begun_usec + s->config.spacing_usec : 0;

        timer_set(s, (from > now ? from - now : 0) + any_up_to(s->config.jitter_usec));
}

/* ---- what became of it ---- */

static void over(ReportSender *s)
{
        s->is_under_way = false;
        s->is_over = true;
}

/* The connection is not kept until the next report: it goes with the timer, since a transfer's
 * callback must not close it. */
void report_sent(ReportSender *s)
{
        over(s);
        s->n_failures = 0;
        free(s->sent);
        s->sent = TAKE_PTR(s->text);
        s->config.report(s->config.userdata, NULL);
        timer_set(s, 0);
}

/* Q2. As long as a server asks for, where that is longer, but no host is silent for longer than a
 * report may be old (nhictl fleet --stale) because a server says so. */
static uint64_t retry_usec(ReportSender *s, uint64_t retry_after_sec)
{
        const uint64_t max_usec = s->config.retry_max_usec;
        const uint64_t asked_usec = retry_after_sec < max_usec / USEC_PER_SEC
                                            ? retry_after_sec * USEC_PER_SEC
                                            : max_usec;
        const uint64_t usec = backoff_usec(++s->n_failures, s->config.retry_first_usec, max_usec);

        return retry_after_sec > 0 && asked_usec > usec ? asked_usec : usec;
}

void report_failed(ReportSender *s, const char *token, const char *text, uint64_t retry_after_sec)
{
        const uint64_t usec = retry_usec(s, retry_after_sec);
        char sentence[SENTENCE_MAX];

        over(s);
        free(TAKE_PTR(s->text));
        access_sentence(sentence, sizeof(sentence), s->place, token, text);
        s->config.report(s->config.userdata, sentence);
        timer_set(s, usec);
}

/* ---- sending ---- */

/* 0 and s->text; -ENODATA: there is nothing to send; another negative errno. Q4 */
static int read_report(ReportSender *s)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        s->has_changed = false;
        r = file_read_trusted(s->spec->report_file, s->config.owner, REPORT_SIZE_MAX, &text, &size);
        if (r < 0)
                return r == -ENOENT ? -ENODATA : r;
        if (size == 0 || strlen(text) != size || streq_ptr(text, s->sent))
                return -ENODATA;
        free(s->text);
        s->text = TAKE_PTR(text);
        return 0;
}

static void send_now(ReportSender *s)
{
        char error[ACCESS_ERROR_MAX] = "out of memory";
        int r = read_report(s);

        if (r == -ENODATA) {
                s->n_failures = 0;
                return;
        }
        if (r < 0) {
                report_failed(s, "unreadable", strerror(-r), 0);
                return;
        }
        s->is_under_way = true;
        s->begun_usec = now_monotonic_usec();
        r = s->road->send(s, error);
        if (r < 0)
                report_failed(s, "not-sent", error, 0);
}

static bool is_spaced(const ReportSender *s)
{
        return s->begun_usec == 0 || now_monotonic_usec() - s->begun_usec >= s->config.spacing_usec;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        ReportSender *s = userdata;

        if (s->is_over)
                etcd_link_done(&s->link);
        s->is_over = false;
        if (s->n_failures > 0 || (s->has_changed && is_spaced(s)))
                send_now(s);
        else if (s->has_changed)
                send_soon(s);
        return 0;
}

/* A failure's wait is not cut short by a newer report. */
static void on_changed(void *userdata)
{
        ReportSender *s = userdata;

        s->has_changed = true;
        if (!s->is_under_way && !s->is_over && s->n_failures == 0)
                send_soon(s);
}

/* ---- life ---- */

static int make_place(ReportSender *s)
{
        const char *host = s->spec->host;

        if (!streq(s->spec->type, "file"))
                return template_expand(s->spec->report, host, s->road->is_url, &s->place);
        if (strchr(host, '/') || host[0] == '.')
                return -EINVAL;
        if (asprintf(&s->place, "%s/%s.jws", s->spec->report, host) < 0) {
                s->place = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int sender_init(ReportSender *s, sd_event *event)
{
        int r = make_place(s);

        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer, s);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(s->timer, "report-next");
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        return path_watch_new(event, s->spec->report_file, on_changed, s, &s->watch);
}

int report_sender_new(sd_event *event, const SourceSpec *spec, const ReportSenderConfig *config,
                      ReportSender **ret)
{
        const ReportRoad *road = report_road_find(spec->type);
        ReportSender *s;
        int r;

        if (!road || !spec->report || !spec->report_file || !spec->host)
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->spec = spec;
        s->config = *config;
        s->road = road;
        s->link = (EtcdLink){ .event = event, .spec = spec };
        if (spec->n_urls > 0)
                s->link.member = (size_t)any_up_to(spec->n_urls);
        r = sender_init(s, event);
        if (r < 0) {
                report_sender_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

ReportSender *report_sender_free(ReportSender *s)
{
        if (!s)
                return NULL;
        (void)path_watch_free(s->watch);
        (void)sd_event_source_disable_unref(s->timer);
        etcd_link_done(&s->link);
        free(s->place);
        free(s->text);
        free(s->sent);
        free(s);
        return NULL;
}
