/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/etcd-link.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/http/etcd.h"

#include <stdio.h>

/* A member that does not answer by then is left for another; twice as long after each round, so
 * often at most. */
#define CALL_USEC    (5 * USEC_PER_SEC)
#define CONNECT_USEC (2 * USEC_PER_SEC)
#define DOUBLED_MAX  3u
/* A value in base64, and what stands around it. */
#define ANSWER_MAX(value_max) ((value_max) / 3 * 4 + 65536)

/* A body may hold a password. */
static void secret_free(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

DEFINE_CLEANUP(char *, secret_free);

static bool is_set(const char *text)
{
        return text && *text;
}

bool etcd_link_wants_token(const EtcdLink *l)
{
        return is_set(l->spec->user) && !l->token;
}

const char *etcd_link_url(const EtcdLink *l)
{
        return l->spec->urls[l->member];
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

uint64_t etcd_link_patience(const EtcdLink *l, uint64_t usec)
{
        return usec << (l->n_rounds < DOUBLED_MAX ? l->n_rounds : DOUBLED_MAX);
}

HttpLimits etcd_link_limits(const EtcdLink *l, bool is_stream)
{
        HttpLimits limits = access_limits(l->spec, 0);

        limits.body_max = ANSWER_MAX(limits.body_max);
        limits.connect_usec = lesser(limits.connect_usec, etcd_link_patience(l, CONNECT_USEC));
        limits.total_usec =
                is_stream ? 0 : lesser(limits.total_usec, etcd_link_patience(l, CALL_USEC));
        limits.slow_sec = 0;
        return limits;
}

static int link_begin(EtcdLink *l, const Access *access, HttpRequest *request, const char *path,
                      HttpTransfer **ret)
{
        const char *base = etcd_link_url(l), *token = l->token ? l->token : access->token;
        _cleanup_(secret_freep) char *authorization = NULL;
        _cleanup_free_ char *url = NULL;
        const char *headers[] = { "Content-Type: application/json", "Grpc-Metadata-hasleader: true",
                                  NULL, NULL };
        size_t n = strlen(base);
        int r;

        if (n > 0 && base[n - 1] == '/')
                n--;
        if (asprintf(&url, "%.*s%s", (int)n, base, path) < 0) {
                url = NULL;
                return -ENOMEM;
        }
        if (token && asprintf(&authorization, "Authorization: %s", token) < 0) {
                authorization = NULL;
                return -ENOMEM;
        }
        headers[2] = authorization;
        request->url = url;
        request->headers = headers;
        request->trust = access->trust;
        if (!l->http) {
                r = http_pool_take(l->pool, l->event, l->spec, base, &l->http);
                if (r < 0)
                        return r;
        }
        return http_begin(l->http, request, ret);
}

static int link_ask(EtcdLink *l, HttpRequest *request, const char *path, HttpTransfer **ret,
                    char ret_error[static ACCESS_ERROR_MAX])
{
        Access access;
        int r;

        (void)snprintf(ret_error, ACCESS_ERROR_MAX, "out of memory");
        if (!request->post)
                return -ENOMEM;
        r = access_load(l->spec, &access, ret_error);
        if (r == 0)
                r = link_begin(l, &access, request, path, ret);
        access_done(&access);
        return r;
}

int etcd_link_ask(EtcdLink *l, const char *path, char *body, EtcdDone done, void *userdata,
                  char ret_error[static ACCESS_ERROR_MAX])
{
        _cleanup_(secret_freep) char *post = body;
        HttpRequest request = {
                .post = post,
                .limits = etcd_link_limits(l, false),
                .userdata = userdata,
                .done = done,
        };

        return link_ask(l, &request, path, &l->call, ret_error);
}

int etcd_link_watch(EtcdLink *l, char *body, EtcdChunk chunk, EtcdDone done, void *userdata,
                    char ret_error[static ACCESS_ERROR_MAX])
{
        _cleanup_free_ char *post = body;
        HttpRequest request = {
                .post = post,
                .limits = etcd_link_limits(l, true),
                .userdata = userdata,
                .chunk = chunk,
                .done = done,
        };

        return link_ask(l, &request, ETCD_PATH_WATCH, &l->watch, ret_error);
}

char *etcd_link_auth_request(const EtcdLink *l, char ret_error[static ACCESS_ERROR_MAX])
{
        Access access;
        char *body = NULL;

        (void)snprintf(ret_error, ACCESS_ERROR_MAX, "user or password is no text in UTF-8");
        if (access_load(l->spec, &access, ret_error) == 0)
                body = etcd_auth_request(access.user, access.password);
        access_done(&access);
        return body;
}

void etcd_link_forget_token(EtcdLink *l)
{
        secret_free(TAKE_PTR(l->token));
}

void etcd_link_drop(EtcdLink *l)
{
        l->call = http_transfer_free(l->call);
        l->watch = http_transfer_free(l->watch);
        etcd_link_forget_token(l);
}

void etcd_link_leave(EtcdLink *l)
{
        l->http = http_pool_put(l->pool, l->http, true);
}

void etcd_link_done(EtcdLink *l)
{
        etcd_link_drop(l);
        l->http = http_pool_put(l->pool, l->http, false);
}
