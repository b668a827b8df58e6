/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a report gets to its place, by the type of the source. */

#include "nhi-agentd/fetch/report-internal.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/http/etcd.h"

#include <stdio.h>
#include <sys/stat.h>

#define ANSWER_MAX (64u * 1024) /* nobody reads it */

/* ---- https ---- */

static void on_put(void *userdata, const HttpResult *r)
{
        ReportSender *s = userdata;
        char token[32];

        (void)snprintf(token, sizeof(token), "status-%u", r->status);
        if (r->error)
                report_failed(s, r->error, r->text, 0);
        else if (r->status >= 200 && r->status < 300)
                report_sent(s);
        else
                report_failed(s, token,
                              r->status == 401 || r->status == 403
                                      ? "it does not let us write there: look at source.token and "
                                        "source.certificate"
                              : r->status == 404 || r->status == 405
                                      ? "it takes no PUT there: look at source.report"
                                      : "it does not take the report",
                              r->retry_after_sec);
}

static int https_begin(ReportSender *s, const Access *access)
{
        _cleanup_free_ char *authorization = NULL;
        const char *headers[] = { "Content-Type: application/jose", NULL, NULL };
        HttpRequest request = {
                .url = s->place,
                .put = s->text,
                .headers = headers,
                .trust = access->trust,
                .limits = access_limits(s->spec, 0),
                .userdata = s,
                .done = on_put,
        };
        int r;

        request.limits.body_max = ANSWER_MAX;
        if (access->token &&
            asprintf(&authorization, "Authorization: Bearer %s", access->token) < 0)
                return -ENOMEM;
        headers[1] = authorization;
        r = http_new(s->link.event, &s->link.http);
        if (r == 0)
                r = http_begin(s->link.http, &request, &s->link.call);
        if (authorization)
                explicit_bzero(authorization, strlen(authorization));
        return r;
}

static int https_send(ReportSender *s, char ret_error[static ACCESS_ERROR_MAX])
{
        Access access;
        int r = access_load(s->spec, &access, ret_error);

        if (r == 0)
                r = https_begin(s, &access);
        access_done(&access);
        return r;
}

/* ---- etcd ---- */

static void etcd_failed(ReportSender *s, const char *token, const char *text)
{
        report_failed(s, token, text, 0);
        s->link.member = (s->link.member + 1) % s->spec->n_urls;
}

/* True: there is an answer to work with. */
static bool etcd_answered(ReportSender *s, const HttpResult *r)
{
        EtcdPutAnswer a = { 0 };
        char token[32];

        if (r->error) {
                etcd_failed(s, r->error, r->text);
                return false;
        }
        if (r->status == 200)
                return true;
        (void)snprintf(token, sizeof(token), "status-%u", r->status);
        if (etcd_put_parse(r->body, r->size, &a) == 0 && a.is_error) {
                (void)snprintf(token, sizeof(token), "etcd-%u", a.code);
                etcd_failed(s, token, a.error);
        } else
                etcd_failed(s, token, "the member does not answer as etcd's gateway does");
        return false;
}

static void on_key_put(void *userdata, const HttpResult *r)
{
        ReportSender *s = userdata;
        EtcdPutAnswer a = { 0 };

        if (!etcd_answered(s, r))
                return;
        if (etcd_put_parse(r->body, r->size, &a) < 0 || a.is_error)
                etcd_failed(s, "malformed", "the member's answer makes no sense");
        else
                report_sent(s);
}

static int put_key(ReportSender *s, char ret_error[static ACCESS_ERROR_MAX])
{
        return etcd_link_ask(&s->link, ETCD_PATH_PUT, etcd_put_one_request(s->place, s->text),
                             on_key_put, s, ret_error);
}

static void on_auth(void *userdata, const HttpResult *r)
{
        ReportSender *s = userdata;
        char error[ACCESS_ERROR_MAX] = "";

        if (!etcd_answered(s, r))
                return;
        s->link.token = etcd_auth_parse(r->body, r->size);
        if (!s->link.token) {
                etcd_failed(s, "malformed", "authentication gave no token");
                return;
        }
        s->link.call = http_transfer_free(s->link.call);
        if (put_key(s, error) < 0)
                etcd_failed(s, "not-sent", error);
}

/* What was lent and did not help is not borrowed again at once. */
static void borrow_token(ReportSender *s)
{
        if (s->n_failures == 0 && s->config.borrow && etcd_link_wants_token(&s->link))
                (void)s->config.borrow(s->config.lender, s->spec, &s->link.member, &s->link.token);
}

static int etcd_send(ReportSender *s, char ret_error[static ACCESS_ERROR_MAX])
{
        char *body;

        borrow_token(s);

        if (!etcd_link_wants_token(&s->link))
                return put_key(s, ret_error);
        body = etcd_link_auth_request(&s->link, ret_error);
        return body ? etcd_link_ask(&s->link, ETCD_PATH_AUTH, body, on_auth, s, ret_error)
                    : -ENOENT;
}

/* ---- a directory ---- */

/* Its group, where the directory hands it on, may read. */
static int file_send(ReportSender *s, char ret_error[static ACCESS_ERROR_MAX])
{
        struct stat st;
        int r;

        if (stat(s->spec->report, &st) < 0)
                r = -errno;
        else
                r = file_replace(s->place, s->text, strlen(s->text), 0640, geteuid(),
                                 st.st_mode & S_ISGID ? st.st_gid : getegid(), false);
        if (r == 0)
                report_sent(s);
        else
                (void)snprintf(ret_error, ACCESS_ERROR_MAX,
                               "%s: nhi-fetch must be able to write in the directory, and "
                               "nhi-fetchd.service to reach it (ReadWritePaths=), nhi-fetchd(8)",
                               strerror(-r));
        return r;
}

static const ReportRoad roads[] = {
        { "https", true, https_send },
        { "etcd", false, etcd_send },
        { "file", false, file_send },
};

const ReportRoad *report_road_find(const char *type)
{
        for (size_t i = 0; i < ELEMENTSOF(roads); i++)
                if (streq(roads[i].type, type))
                        return &roads[i];
        return NULL;
}
