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
#define KEYS_READ    "/nhi/reports/{host}"
#define READ_ALONE   16u /* more keys than that are read by a walk over all of them */
#define MEMBERS_MAX  16u
#define PAGE         256u
#define KEYS_MAX     (4u * 1000 * 1000) /* where a member is believed no more */
#define TXN_SETS     100u               /* etcd: at most 128 operations */
#define TXN_BYTES    (1000u * 1000)     /* etcd: 1.5 MiB by default */
#define ANSWER_MAX   (512u * 1024 * 1024)
#define TOTAL_USEC   (30 * USEC_PER_SEC)
#define N_ROUNDS     2u /* through all members */

typedef struct EtcdStore {
        Store s;
        Client *client;
        char *members[MEMBERS_MAX]; /* "https://HOST:PORT" */
        size_t n_members, member;
        StoreNames names;
        char *user, *password; /* NULL: none */
        char *publication;     /* its key */
        int64_t mod_revision;  /* and when it was last changed; 0: it is not there */
        int64_t revision;      /* of what load() told */
        EtcdPair last;         /* its key is where load() is */
        size_t n_keys;         /* that load() was told of */
} EtcdStore;

/* ---- asking ---- */

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

static int log_in(EtcdStore *e);

/* An error of etcd's own is an answer; a token that ran out meanwhile is none. Takes body. */
static int ask(EtcdStore *e, const char *path, char *body, ClientRequest *ret)
{
        char sentence[CLIENT_ERROR_MAX];
        int r = body ? ask_members(e, path, body, ret) : -ENOMEM;

        if (!body)
                *ret = (ClientRequest){ 0 };
        if (r == 0 && !streq(path, ETCD_PATH_AUTH) && is_token_over(e, ret)) {
                client_request_done(ret);
                r = log_in(e);
                if (r == 0)
                        r = ask_members(e, path, body, ret);
        }
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

        if (e->s.o.size_max == 0 && streq(p->key, e->publication)) {
                e->mod_revision = p->mod_revision;
                return publication_load(&e->s, p->key, text, p->size, NULL, NULL);
        }
        if (!store_name_parse(&e->names, p->key, p->key_size, name))
                return 0;
        return sink->set(sink->userdata, name, text, p->size, false, &said);
}

/* For etcd_list_done() where it is 0. Takes body. */
static int ask_list(EtcdStore *e, char *body, EtcdList *ret)
{
        ClientRequest request;
        int r = ask(e, ETCD_PATH_RANGE, body, &request);

        if (r == 0) {
                r = etcd_list_parse(request.answer, request.n, ret);
                r = r < 0 ? malformed(e, r) : 0;
        }
        client_request_done(&request);
        if (r == 0 && ret->is_error)
                r = etcd_fail(e, ret->code, ret->error);
        return r;
}

/* Keys rise, so that pages come to an end. */
static int go_on_behind(EtcdStore *e, EtcdPair *last)
{
        const size_t n = e->last.key_size < last->key_size ? e->last.key_size : last->key_size;
        const int order = e->last.key ? memcmp(e->last.key, last->key, n) : -1;

        if (order > 0 || (order == 0 && e->last.key_size >= last->key_size) || e->n_keys > KEYS_MAX)
                return malformed(e, -EBADMSG);
        free(e->last.key);
        e->last.key = TAKE_PTR(last->key);
        e->last.key_size = last->key_size;
        return 0;
}

static int load_page(EtcdStore *e, bool *ret_more, const StoreSink *sink)
{
        EtcdList l = { 0 };
        int r = ask_list(e,
                         etcd_list_request(e->names.before, e->last.key, e->last.key_size, PAGE,
                                           e->revision),
                         &l);

        for (size_t i = 0; r == 0 && i < l.n; i++)
                r = take_pair(e, &l.pairs[i], sink);
        if (r == 0 && e->revision == 0)
                e->revision = l.revision;
        *ret_more = r == 0 && l.has_more && l.n > 0;
        e->n_keys += l.n;
        if (*ret_more)
                r = go_on_behind(e, &l.pairs[l.n - 1]);
        etcd_list_done(&l);
        return r;
}

static void load_reset(EtcdStore *e)
{
        free(e->last.key);
        e->last = (EtcdPair){ 0 };
        e->n_keys = 0;
        e->mod_revision = e->revision = 0;
        e->s.revision[0] = '\0';
        e->s.is_publication_lost = false;
}

static int etcd_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        EtcdStore *e = (EtcdStore *)s;
        bool has_more = true;
        int r = 0;

        load_reset(e);
        while (r == 0 && has_more)
                r = load_page(e, &has_more, sink);
        return r;
}

static int read_key(EtcdStore *e, const char *name, const StoreSink *sink)
{
        _cleanup_free_ char *key = store_name_of(&e->names, name);
        ClientRequest request;
        EtcdAnswer a = { 0 };
        Published said;
        int r = key ? ask(e, ETCD_PATH_RANGE, etcd_range_request(key, false), &request) : -ENOMEM;

        if (!key)
                return r;
        if (r == 0) {
                r = etcd_range_parse(request.answer, request.n, &a);
                r = r < 0 ? malformed(e, r) : a.is_error ? etcd_fail(e, a.code, a.error) : 0;
        }
        if (r == 0 && a.has_value)
                r = a.size > e->s.o.size_max
                            ? sink->failed(sink->userdata, name, -EFBIG)
                            : sink->set(sink->userdata, name, a.value ? (char *)a.value : "",
                                        a.size, false, &said);
        etcd_answer_done(&a);
        client_request_done(&request);
        return r;
}

static int etcd_read(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        int r = 0;

        if (n > READ_ALONE)
                return etcd_load(s, names, n, sink);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_key((EtcdStore *)s, names[i], sink);
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

/* Who was overtaken may have written until then: what load() told is too old. */
static int check_unchanged(EtcdStore *e)
{
        char name[STORE_NAME_MAX + 1];
        EtcdList l = { 0 };
        int r = ask_list(e, etcd_changes_request(e->names.before, PAGE, e->revision), &l);

        if (r == 0 && l.has_more)
                r = -EAGAIN;
        for (size_t i = 0; r == 0 && i < l.n; i++)
                if (store_name_parse(&e->names, l.pairs[i].key, l.pairs[i].key_size, name))
                        r = -EAGAIN;
        etcd_list_done(&l);
        return r;
}

static int etcd_begin(Store *s, const char *revision, const char *const *names, size_t n)
{
        EtcdStore *e = (EtcdStore *)s;
        _cleanup_free_ char *text = NULL;
        int r = publication_sign(&s->o, revision, NULL, NULL, &text);

        if (r == 0)
                r = put_all(e, &(EtcdPut){ e->publication, text }, 1, &e->mod_revision);
        return r == 0 ? check_unchanged(e) : r;
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
        secret_free(e->user);
        secret_free(e->password);
        free(e->publication);
        free(e->last.key);
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
                keys = e->s.o.size_max == 0 ? KEYS_DEFAULT : KEYS_READ;
        r = store_names_split(keys, strlen(keys), "", &e->names);
        if (r == 0)
                e->publication = store_name_of(&e->names, STORE_PUBLICATION);
        return r == 0 && !e->publication ? -ENOMEM : r;
}

static int log_in(EtcdStore *e)
{
        ClientRequest request;
        char *token = NULL;
        int r = ask(e, ETCD_PATH_AUTH, etcd_auth_request(e->user, e->password), &request);

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
        char *token = NULL;
        int r = 0;

        if (a->token_file)
                r = secret_read_token(a->token_file, &token, error);
        if (r == 0 && token)
                r = client_authorize(e->client, token);
        if (r == 0 && a->user_file)
                r = secret_read(a->user_file, &e->user, error);
        if (r == 0 && a->password_file)
                r = secret_read(a->password_file, &e->password, error);
        if (r == 0 && e->user && e->password)
                r = log_in(e);
        if (r < 0 && *e->s.error)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s", e->s.error);
        secret_free(token);
        return r;
}

static int etcd_open(const StoreOptions *o, Store **ret, char *error)
{
        const ClientOptions options = { .access = o->access,
                                        .answers_max = ANSWER_MAX,
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
        .read = etcd_read,
        .free = etcd_free,
};
