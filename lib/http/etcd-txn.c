/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a publisher says to etcd: read all, and put on a condition. */

#include "lib/base/macro.h"
#include "lib/http/base64.h"
#include "lib/http/etcd-internal.h"

#include <stdio.h>

static json_t *text64(const char *text, size_t size)
{
        _cleanup_free_ char *encoded = base64_encode(text, size);

        return encoded ? json_string(encoded) : NULL;
}

static json_t *number(int64_t n)
{
        return json_sprintf("%lld", (long long)n);
}

/* The first key behind all that begin with prefix: its last byte, one more. */
static json_t *end64(const char *prefix)
{
        const size_t size = strlen(prefix);
        _cleanup_free_ char *end = strdup(prefix);

        if (!end || size == 0)
                return NULL;
        end[size - 1]++;
        return text64(end, size);
}

/* The first key after one is that and a NUL. */
char *etcd_list_request(const char *prefix, const char *after, size_t n, unsigned limit,
                        int64_t revision)
{
        _cleanup_free_ char *next = after ? calloc(1, n + 1) : strdup(prefix);
        json_t *from;

        if (!next)
                return NULL;
        if (after)
                memcpy(next, after, n);
        from = text64(next, after ? n + 1 : strlen(prefix));

        return etcd_request_text(json_pack("{s:o, s:o, s:o, s:o}", "key", from, "range_end",
                                           end64(prefix), "limit", number(limit), "revision",
                                           number(revision)));
}

char *etcd_changes_request(const char *prefix, unsigned limit, int64_t after_revision)
{
        return etcd_request_text(
                json_pack("{s:o, s:o, s:o, s:o, s:b}", "key", text64(prefix, strlen(prefix)),
                          "range_end", end64(prefix), "min_mod_revision",
                          number(after_revision + 1), "limit", number(limit), "keys_only", 1));
}

static int bytes64(const json_t *object, const char *name, uint8_t **ret, size_t *ret_size)
{
        const json_t *value = json_object_get(object, name);

        if (value && !json_is_string(value))
                return -EBADMSG;
        return base64_decode(value ? json_string_value(value) : "", json_string_length(value), ret,
                             ret_size);
}

static int pair_read(const json_t *kv, EtcdPair *p)
{
        uint8_t *key = NULL;
        int r = bytes64(kv, "key", &key, &p->key_size);

        if (r == 0)
                p->key = calloc(1, p->key_size + 1);
        if (r == 0 && !p->key)
                r = -ENOMEM;
        if (r == 0)
                memcpy(p->key, key, p->key_size);
        free(key);
        if (r == 0 && (!etcd_number(kv, "mod_revision", &p->mod_revision) || p->mod_revision == 0))
                r = -EBADMSG;
        return r == 0 ? bytes64(kv, "value", &p->value, &p->size) : r;
}

static int list_read(const json_t *document, EtcdList *l)
{
        const json_t *kvs = json_object_get(document, "kvs"), *kv;
        size_t i;
        int r = 0;

        if (!etcd_number(json_object_get(document, "header"), "revision", &l->revision) ||
            l->revision == 0)
                return -EBADMSG;
        l->has_more = json_is_true(json_object_get(document, "more"));
        l->pairs = calloc(json_array_size(kvs) + 1, sizeof(*l->pairs));
        if (!l->pairs)
                return -ENOMEM;
        json_array_foreach(kvs, i, kv) {
                if (r == 0)
                        r = pair_read(kv, &l->pairs[l->n++]);
        }
        return r;
}

int etcd_list_parse(const char *text, size_t size, EtcdList *ret)
{
        _cleanup_(json_decrefp) json_t *document = etcd_document(text, size);
        EtcdList l = { .is_error = json_object_get(document, "error") };
        int r = 0;

        if (!json_is_object(document))
                return -EBADMSG;
        if (l.is_error)
                l.code = etcd_error(document, l.error);
        else
                r = list_read(document, &l);
        if (r < 0)
                etcd_list_done(&l);
        else
                *ret = l;
        return r;
}

void etcd_list_done(EtcdList *l)
{
        for (size_t i = 0; i < l->n; i++) {
                free(l->pairs[i].key);
                free(l->pairs[i].value);
        }
        free(l->pairs);
        *l = (EtcdList){ 0 };
}

char *etcd_put_request(const char *guard, int64_t guard_revision, const EtcdPut *puts, size_t n)
{
        _cleanup_(json_decrefp) json_t *success = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *put = json_pack("{s:{s:o, s:o}}", "request_put", "key",
                                        text64(puts[i].key, strlen(puts[i].key)), "value",
                                        text64(puts[i].value, strlen(puts[i].value)));

                if (json_array_append_new(success, put) < 0)
                        return NULL;
        }
        return etcd_request_text(json_pack("{s:[{s:o, s:s, s:s, s:o}], s:O}", "compare", "key",
                                           text64(guard, strlen(guard)), "target", "MOD", "result",
                                           "EQUAL", "mod_revision", number(guard_revision),
                                           "success", success));
}

int etcd_put_parse(const char *text, size_t size, EtcdPutAnswer *ret)
{
        _cleanup_(json_decrefp) json_t *document = etcd_document(text, size);
        EtcdPutAnswer a = { .is_error = json_object_get(document, "error") };

        if (!json_is_object(document))
                return -EBADMSG;
        if (a.is_error)
                a.code = etcd_error(document, a.error);
        else if (!etcd_number(json_object_get(document, "header"), "revision", &a.revision) ||
                 a.revision == 0)
                return -EBADMSG;
        a.is_put = !a.is_error && json_is_true(json_object_get(document, "succeeded"));
        *ret = a;
        return 0;
}
