/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands there: everything at one revision, page by page, or single keys. */

#include "nhictl/store/etcd-store.h"

#define READ_ALONE 16u                /* more keys than that are read by a walk over all of them */
#define KEYS_MAX   (4u * 1000 * 1000) /* where a member is believed no more */

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

/* Keys rise, so that pages come to an end. */
static int go_on_behind(EtcdStore *e, EtcdPair *last)
{
        const size_t n = e->last.key_size < last->key_size ? e->last.key_size : last->key_size;
        const int order = e->last.key ? memcmp(e->last.key, last->key, n) : -1;

        if (order > 0 || (order == 0 && e->last.key_size >= last->key_size) || e->n_keys > KEYS_MAX)
                return etcd_malformed(e, -EBADMSG);
        free(e->last.key);
        e->last.key = TAKE_PTR(last->key);
        e->last.key_size = last->key_size;
        return 0;
}

static int load_page(EtcdStore *e, bool *ret_more, const StoreSink *sink)
{
        EtcdList l = { 0 };
        int r = etcd_ask_list(e,
                              etcd_list_request(e->names.before, e->last.key, e->last.key_size,
                                                PAGE, e->revision),
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

int etcd_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
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
        int r = key ? etcd_ask(e, ETCD_PATH_RANGE, etcd_range_request(key, false), &request)
                    : -ENOMEM;

        if (!key)
                return r;
        if (r == 0) {
                r = etcd_range_parse(request.answer, request.n, &a);
                r = r < 0        ? etcd_malformed(e, r)
                    : a.is_error ? etcd_store_fail(e, a.code, a.error)
                                 : 0;
        }
        if (r == 0 && a.has_value)
                r = a.size > e->s.o.size_max
                            ? sink->failed(sink->userdata, name, false, -EFBIG, NULL)
                            : sink->set(sink->userdata, name, a.value ? (char *)a.value : "",
                                        a.size, false, &said);
        etcd_answer_done(&a);
        client_request_done(&request);
        return r;
}

int etcd_read(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        int r = 0;

        if (n > READ_ALONE)
                return etcd_load(s, names, n, sink);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_key((EtcdStore *)s, names[i], sink);
        return r;
}
