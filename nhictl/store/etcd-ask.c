/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests of one of several members. */

#include "nhictl/store/etcd-store.h"

#include <stdio.h>

#define N_ROUNDS 2u /* through all members */

static bool is_members_fault(const ClientRequest *r)
{
        return r->error || (r->status >= 500 && r->status != 501) || r->status == 429;
}

/* A request of the first member that can serve it. */
static int ask_members(EtcdStore *e, const char *path, const char *body, ClientRequest *ret)
{
        int r = 0;

        *ret = (ClientRequest){ 0 };
        for (size_t i = 0; r == 0 && i < e->n_members * N_ROUNDS; i++) {
                client_request_done(ret);
                *ret = (ClientRequest){ .method = "POST", .body = body };
                (void)snprintf(ret->headers[0], sizeof(ret->headers[0]),
                               "Content-Type: application/json");
                ret->size = strlen(body);
                if (asprintf(&ret->url, "%s%s", e->members[e->member], path) < 0) {
                        ret->url = NULL;
                        r = -ENOMEM;
                        break;
                }
                r = client_do(e->client, ret, 1);
                if (r < 0 || !is_members_fault(ret))
                        break;
                e->member = (e->member + 1) % e->n_members;
        }
        ret->body = NULL;
        return r;
}

static bool is_token_over(const EtcdStore *e, const ClientRequest *r)
{
        EtcdPutAnswer a;

        return e->user && r->status != 200 && r->answer &&
               etcd_put_parse(r->answer, r->n, &a) == 0 && a.is_error &&
               etcd_wants_new_token(a.code, a.error);
}

int etcd_ask(EtcdStore *e, const char *path, char *body, ClientRequest *ret)
{
        char sentence[CLIENT_ERROR_MAX];
        int r = body ? ask_members(e, path, body, ret) : -ENOMEM;

        if (!body)
                *ret = (ClientRequest){ 0 };
        if (r == 0 && !streq(path, ETCD_PATH_AUTH) && is_token_over(e, ret)) {
                client_request_done(ret);
                r = etcd_log_in(e);
                if (r == 0)
                        r = ask_members(e, path, body, ret);
        }
        secret_free(body);
        if (r == 0 && (is_members_fault(ret) || !ret->answer))
                r = store_failed(&e->s, -EIO, "%s: %s", ret->url, client_sentence(ret, sentence));
        return r;
}

int etcd_store_fail(EtcdStore *e, unsigned code, const char *text)
{
        return store_failed(&e->s, code == 7 ? -EACCES : -EIO, "%s: etcd-%u: %s",
                            e->members[e->member], code, text);
}

int etcd_malformed(EtcdStore *e, int r)
{
        return r == -ENOMEM ? r
                            : store_failed(&e->s, -EIO, "%s: the member's answer makes no sense",
                                           e->members[e->member]);
}

int etcd_ask_list(EtcdStore *e, char *body, EtcdList *ret)
{
        ClientRequest request;
        int r = etcd_ask(e, ETCD_PATH_RANGE, body, &request);

        if (r == 0) {
                r = etcd_list_parse(request.answer, request.n, ret);
                r = r < 0 ? etcd_malformed(e, r) : 0;
        }
        client_request_done(&request);
        if (r == 0 && ret->is_error)
                r = etcd_store_fail(e, ret->code, ret->error);
        return r;
}

int etcd_log_in(EtcdStore *e)
{
        ClientRequest request;
        char *token = NULL;
        int r = etcd_ask(e, ETCD_PATH_AUTH, etcd_auth_request(e->user, e->password), &request);

        if (r == 0) {
                token = etcd_auth_parse(request.answer, request.n);
                r = token ? client_authorize(e->client, token)
                          : store_failed(&e->s, -EACCES, "%s does not take this user and password",
                                         e->members[e->member]);
        }
        if (request.answer)
                explicit_bzero(request.answer, request.n);
        client_request_done(&request);
        secret_free(token);
        return r;
}
