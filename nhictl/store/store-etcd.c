/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets as keys of etcd. Everything is read at one revision; the publication is written on the
 * condition that nobody wrote it since, and every set on the condition that it is still ours (P1).
 */

#include "lib/base/io.h"
#include "nhictl/store/etcd-store.h"

#include <stdio.h>

#define KEYS_DEFAULT "/nhi/sets/{host}" /* source.etcd_key's */
#define KEYS_READ    "/nhi/reports/{host}"
#define TXN_SETS     100u           /* etcd: at most 128 operations */
#define TXN_BYTES    (1000u * 1000) /* etcd: 1.5 MiB by default */
#define ANSWER_MAX   (512u * 1024 * 1024)
#define TOTAL_USEC   (30 * USEC_PER_SEC)

/* ---- writing ---- */

static int put_all(EtcdStore *e, const EtcdPut *puts, size_t n, int64_t *ret_revision)
{
        EtcdPutAnswer a = { 0 };
        ClientRequest request;
        int r = etcd_ask(e, ETCD_PATH_TXN,
                         etcd_put_request(e->publication, e->mod_revision, puts, n), &request);

        if (r == 0) {
                r = etcd_put_parse(request.answer, request.n, &a);
                r = r < 0        ? etcd_malformed(e, r)
                    : a.is_error ? etcd_store_fail(e, a.code, a.error)
                                 : 0;
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
        int r = etcd_ask_list(e, etcd_changes_request(e->names.before, PAGE, e->revision), &l);

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
                r = etcd_log_in(e);
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
