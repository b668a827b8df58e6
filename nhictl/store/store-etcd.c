/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets as keys of etcd. Everything is read at one revision; the publication is written on the
 * condition that nobody wrote it since, and every set on the condition that it is still ours (P1).
 */

#include "lib/base/io.h"
#include "lib/http/etcd.h"
#include "nhictl/store/client.h"
#include "nhictl/store/store.h"

#include <stdio.h>

#define KEYS_DEFAULT "/nhi/sets/{host}" /* source.etcd_key's */
#define MEMBERS_MAX  16u
#define PAGE         256u
#define TXN_SETS     100u           /* etcd: at most 128 operations */
#define TXN_BYTES    (1000u * 1000) /* etcd: 1.5 MiB by default */
#define ANSWER_MAX   (512u * 1024 * 1024)
#define TOTAL_USEC   (30 * USEC_PER_SEC)
#define N_ROUNDS     2u /* through all members */

typedef struct EtcdStore {
        Store s;
        Client *client;
        char *members[MEMBERS_MAX]; /* "https://HOST:PORT" */
        size_t n_members, member;
        StoreNames names;
        char *publication;    /* its key */
        int64_t mod_revision; /* and when it was last changed; 0: it is not there */
} EtcdStore;

/* ---- asking ---- */

static bool is_members_fault(const ClientRequest *r)
{
        return r->error || (r->status >= 500 && r->status != 501) || r->status == 429;
}

/* An error of etcd's own is an answer. Takes body. */
static int ask(EtcdStore *e, const char *path, char *body, ClientRequest *ret)
{
        char sentence[CLIENT_ERROR_MAX];
        int r = body ? 0 : -ENOMEM;

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
        secret_free(body);
        if (r == 0 && (is_members_fault(ret) || !ret->answer))
                r = store_failed(&e->s, -EIO, "%s: %s", ret->url, client_sentence(ret, sentence));
        return r;
}

static int etcd_fail(EtcdStore *e, unsigned code, const char *text)
{
        return store_failed(&e->s, code == 7 ? -EACCES : -EIO, "%s: etcd-%u: %s",
                            e->members[e->member], code, text);
}

static int malformed(EtcdStore *e, int r)
{
        return r == -ENOMEM ? r
                            : store_failed(&e->s, -EIO, "%s: the member's answer makes no sense",
                                           e->members[e->member]);
}

/* ---- what stands there ---- */

static int take_pair(EtcdStore *e, const EtcdPair *p, const StoreSink *sink)
{
        const char *text = p->value ? (const char *)p->value : "";
        char name[STORE_NAME_MAX + 1];
        Published said;

        if (streq(p->key, e->publication)) {
                e->mod_revision = p->mod_revision;
                if (publication_open(&e->s.o, text, p->size, e->s.revision, NULL, NULL) == 0)
                        return 0;
                return store_failed(
                        &e->s, -EPERM,
                        "%s is not signed by this key: another issuer publishes there, or "
                        "the key was changed. Remove it there to begin anew",
                        p->key);
        }
        if (!store_name_parse(&e->names, p->key, strlen(p->key), name))
                return 0;
        return sink->set(sink->userdata, name, text, p->size, false, &said);
}

static int load_page(EtcdStore *e, char **after, int64_t *revision, bool *ret_more,
                     const StoreSink *sink)
{
        ClientRequest request;
        EtcdList l = { 0 };
        int r = ask(e, ETCD_PATH_RANGE, etcd_list_request(e->names.before, *after, PAGE, *revision),
                    &request);

        if (r == 0) {
                r = etcd_list_parse(request.answer, request.n, &l);
                r = r < 0 ? malformed(e, r) : l.is_error ? etcd_fail(e, l.code, l.error) : 0;
        }
        for (size_t i = 0; r == 0 && i < l.n; i++)
                r = take_pair(e, &l.pairs[i], sink);
        if (r == 0 && *revision == 0)
                *revision = l.revision;
        *ret_more = r == 0 && l.has_more && l.n > 0;
        if (*ret_more) {
                free(*after);
                *after = TAKE_PTR(l.pairs[l.n - 1].key);
        }
        etcd_list_done(&l);
        client_request_done(&request);
        return r;
}

static int etcd_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        EtcdStore *e = (EtcdStore *)s;
        _cleanup_free_ char *after = NULL;
        int64_t revision = 0;
        bool has_more = true;
        int r = 0;

        e->mod_revision = 0;
        s->revision[0] = '\0';
        while (r == 0 && has_more)
                r = load_page(e, &after, &revision, &has_more, sink);
        return r;
}

/* ---- writing ---- */

static int put_all(EtcdStore *e, const EtcdPut *puts, size_t n, int64_t *ret_revision)
{
        EtcdPutAnswer a = { 0 };
        ClientRequest request;
        int r = ask(e, ETCD_PATH_TXN, etcd_put_request(e->publication, e->mod_revision, puts, n),
                    &request);

        if (r == 0) {
                r = etcd_put_parse(request.answer, request.n, &a);
                r = r < 0 ? malformed(e, r) : a.is_error ? etcd_fail(e, a.code, a.error) : 0;
        }
        client_request_done(&request);
        if (r == 0 && !a.is_put)
                r = -EAGAIN;
        if (r == 0 && ret_revision)
                *ret_revision = a.revision;
        return r;
}

static int etcd_begin(Store *s, const char *revision, const char *const *names, size_t n)
{
        EtcdStore *e = (EtcdStore *)s;
        _cleanup_free_ char *text = NULL;
        int r = publication_sign(&s->o, revision, NULL, NULL, &text);

        return r == 0 ? put_all(e, &(EtcdPut){ e->publication, text }, 1, &e->mod_revision) : r;
}

static int put_some(EtcdStore *e, StoreSet *sets, size_t n)
{
        EtcdPut puts[TXN_SETS] = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                puts[i] = (EtcdPut){ store_name_of(&e->names, sets[i].name), sets[i].jws };
                r = puts[i].key ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = put_all(e, puts, n, NULL);
        for (size_t i = 0; i < n; i++) {
                sets[i].error = r;
                free((char *)(uintptr_t)puts[i].key);
        }
        return r == -EAGAIN || r == -ENOMEM ? r : 0;
}

static int etcd_put(Store *s, StoreSet *sets, size_t n)
{
        size_t first = 0, bytes = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const size_t size = strlen(sets[i].jws);

                if (i > first && (bytes + size > TXN_BYTES || i - first == TXN_SETS)) {
                        r = put_some((EtcdStore *)s, sets + first, i - first);
                        first = i;
                        bytes = 0;
                }
                bytes += size;
        }
        return r == 0 && n > first ? put_some((EtcdStore *)s, sets + first, n - first) : r;
}

static int etcd_finish(Store *s)
{
        return 0;
}

/* ---- */

static void etcd_free(Store *s)
{
        EtcdStore *e = (EtcdStore *)s;

        for (size_t i = 0; i < e->n_members; i++)
                free(e->members[i]);
        client_free(e->client);
        store_names_done(&e->names);
        free(e->publication);
        free(e);
}

/* "etcd://A:2379,B:2379/KEYS" */
static int parse_url(EtcdStore *e, char *error)
{
        const char *members = e->s.o.url + strlen("etcd://"), *keys = strchrnul(members, '/');
        int r = 0;

        for (const char *at = members; r == 0 && at < keys;) {
                const size_t n = strcspn(at, ",/");

                if (n == 0 || e->n_members == MEMBERS_MAX) {
                        (void)snprintf(error, LEDGER_ERROR_MAX,
                                       "%s: names no member, or more than %u", e->s.o.url,
                                       MEMBERS_MAX);
                        return -EINVAL;
                }
                if (asprintf(&e->members[e->n_members], "https://%.*s", (int)n, at) < 0)
                        return -ENOMEM;
                e->n_members++;
                at += n + (at[n] == ',');
        }
        if (keys[0] == '\0' || keys[1] == '\0')
                keys = KEYS_DEFAULT;
        r = store_names_split(keys, strlen(keys), "", &e->names);
        if (r == 0)
                e->publication = store_name_of(&e->names, STORE_PUBLICATION);
        return r == 0 && !e->publication ? -ENOMEM : r;
}

static int log_in(EtcdStore *e, const char *user, const char *password)
{
        ClientRequest request;
        char *token = NULL;
        int r = ask(e, ETCD_PATH_AUTH, etcd_auth_request(user, password), &request);

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

static int authorize(EtcdStore *e, char *error)
{
        const StoreAccess *a = e->s.o.access;
        char *token = NULL, *user = NULL, *password = NULL;
        int r = 0;

        if (a->token_file)
                r = secret_read(a->token_file, &token, error);
        if (r == 0 && token)
                r = client_authorize(e->client, token);
        if (r == 0 && a->user_file)
                r = secret_read(a->user_file, &user, error);
        if (r == 0 && a->password_file)
                r = secret_read(a->password_file, &password, error);
        if (r == 0 && user && password)
                r = log_in(e, user, password);
        if (r < 0 && *e->s.error)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s", e->s.error);
        secret_free(token);
        secret_free(user);
        secret_free(password);
        return r;
}

static int etcd_open(const StoreOptions *o, Store **ret, char *error)
{
        const ClientOptions options = { .access = o->access,
                                        .answer_max = ANSWER_MAX,
                                        .n_tries = 1,
                                        .total_usec = TOTAL_USEC };
        EtcdStore *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->s = (Store){ .type = &store_etcd, .o = *o };
        r = parse_url(e, error);
        if (r == 0)
                r = client_new(&options, &e->client);
        if (r == 0)
                r = authorize(e, error);
        if (r < 0) {
                etcd_free(&e->s);
                return r;
        }
        *ret = &e->s;
        return 0;
}

const StoreType store_etcd = {
        .has_publication = true,
        .open = etcd_open,
        .load = etcd_load,
        .begin = etcd_begin,
        .put = etcd_put,
        .finish = etcd_finish,
        .free = etcd_free,
};
