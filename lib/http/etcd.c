/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/http/etcd.h"

#include "lib/base/macro.h"
#include "lib/http/base64.h"
#include "lib/http/etcd-internal.h"
#include "lib/http/setup.h"

#include <stdio.h>

char *etcd_request_text(json_t *request)
{
        char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

        json_decref(request);
        return text;
}

char *etcd_auth_request(const char *user, const char *password)
{
        return etcd_request_text(json_pack("{s:s, s:s}", "name", user, "password", password));
}

char *etcd_range_request(const char *key, bool without_value)
{
        _cleanup_free_ char *key64 = base64_encode(key, strlen(key));
        json_t *request = key64 ? json_pack("{s:s}", "key", key64) : NULL;

        if (request && without_value &&
            json_object_set_new(request, "keys_only", json_true()) < 0) {
                json_decref(request);
                return NULL;
        }
        return etcd_request_text(request);
}

char *etcd_watch_request(const char *key, int64_t from_revision)
{
        _cleanup_free_ char *key64 = base64_encode(key, strlen(key));
        char from[24];

        (void)snprintf(from, sizeof(from), "%lld", (long long)from_revision);
        if (!key64)
                return NULL;
        return etcd_request_text(json_pack("{s:{s:s, s:s, s:b}}", "create_request", "key", key64,
                                           "start_revision", from, "progress_notify", 1));
}

bool etcd_number(const json_t *object, const char *name, int64_t *ret)
{
        const json_t *value = json_object_get(object, name);
        const char *text = json_string_value(value);
        char *end = NULL;
        long long n = 0;

        if (text) {
                errno = 0;
                n = strtoll(text, &end, 10);
                if (*text < '0' || *text > '9' || *end || errno != 0)
                        return false;
        } else if (json_is_integer(value))
                n = json_integer_value(value);
        else if (value)
                return false;
        if (n < 0 || n == INT64_MAX)
                return false;
        *ret = n;
        return true;
}

static int value_read(const json_t *kv, EtcdAnswer *a)
{
        const json_t *value = json_object_get(kv, "value");

        if (!json_is_object(kv) || !etcd_number(kv, "mod_revision", &a->mod_revision) ||
            a->mod_revision == 0 || (value && !json_is_string(value)))
                return -EBADMSG;
        a->has_value = true;
        free(TAKE_PTR(a->value));
        a->size = 0;
        return base64_decode(value ? json_string_value(value) : "",
                             value ? json_string_length(value) : 0, &a->value, &a->size);
}

/* {"error":"...","code":5,"message":"..."}, or of a stream {"error":{"grpc_code":..,"message":..}}.
 */
unsigned etcd_error(const json_t *document, char ret[static ETCD_ERROR_MAX])
{
        const json_t *error = json_object_get(document, "error");
        const json_t *holder = json_is_object(error) ? error : document;
        const char *message = json_string_value(json_object_get(holder, "message"));
        int64_t code = 0;

        if (!etcd_number(holder, json_is_object(error) ? "grpc_code" : "code", &code))
                code = 0;
        if (!message)
                message = json_is_string(error) ? json_string_value(error) : "no message";
        (void)snprintf(ret, ETCD_ERROR_MAX, "%s", message);
        return code <= UINT16_MAX ? (unsigned)code : 0;
}

/* A document of few bytes a value takes many times its text in memory. */
static bool has_few_values(const char *text, size_t size)
{
        bool in_string = false;
        size_t n = 0;

        for (size_t i = 0; i < size && n <= ETCD_VALUES_MAX; i++) {
                if (text[i] == '"')
                        in_string = !in_string;
                else if (in_string)
                        i += text[i] == '\\';
                else
                        n += text[i] == ',' || text[i] == '{' || text[i] == '[';
        }
        return n <= ETCD_VALUES_MAX;
}

json_t *etcd_document(const char *text, size_t size)
{
        if (!has_few_values(text, size))
                return NULL;
        return json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
}

static int range_read(const json_t *document, EtcdAnswer *a)
{
        const json_t *kvs = json_object_get(document, "kvs");

        if (!etcd_number(json_object_get(document, "header"), "revision", &a->revision) ||
            a->revision == 0 || json_array_size(kvs) > 1)
                return -EBADMSG;
        return json_array_size(kvs) == 1 ? value_read(json_array_get(kvs, 0), a) : 0;
}

/* One of several watchers' keys may be another's, were the server to err. */
static bool event_is_of(const json_t *kv, const char *key64)
{
        return streq_ptr(json_string_value(json_object_get(kv, "key")), key64);
}

static int events_read(const json_t *events, const char *key64, EtcdAnswer *a)
{
        for (size_t i = 0; i < json_array_size(events); i++) {
                const json_t *event = json_array_get(events, i);
                const json_t *kv = json_object_get(event, "kv");
                const char *type = json_string_value(json_object_get(event, "type"));
                int r;

                if (!event_is_of(kv, key64))
                        return -EBADMSG;
                r = value_read(kv, a);
                if (r < 0)
                        return r;
                a->is_deleted = type && streq(type, "DELETE");
                a->has_value = !a->is_deleted;
        }
        return 0;
}

static int watch_read(const json_t *document, const char *key64, EtcdAnswer *a)
{
        const json_t *result = json_object_get(document, "result");

        if (!json_is_object(result) ||
            !etcd_number(json_object_get(result, "header"), "revision", &a->revision) ||
            !etcd_number(result, "compact_revision", &a->compact_revision))
                return -EBADMSG;
        a->is_created = json_is_true(json_object_get(result, "created"));
        a->is_canceled = json_is_true(json_object_get(result, "canceled"));
        (void)snprintf(a->error, sizeof(a->error), "%s",
                       json_is_string(json_object_get(result, "cancel_reason"))
                               ? json_string_value(json_object_get(result, "cancel_reason"))
                               : "the watch was canceled");
        return events_read(json_object_get(result, "events"), key64, a);
}

static int answer_parse(const char *text, size_t size, const char *key64, EtcdAnswer *ret)
{
        _cleanup_(json_decrefp) json_t *document = etcd_document(text, size);
        EtcdAnswer a = { 0 };
        int r = 0;

        if (!json_is_object(document))
                return -EBADMSG;
        a.is_error = json_object_get(document, "error");
        if (a.is_error)
                a.code = etcd_error(document, a.error);
        else
                r = key64 ? watch_read(document, key64, &a) : range_read(document, &a);
        if (r < 0) {
                etcd_answer_done(&a);
                return r;
        }
        *ret = a;
        return 0;
}

int etcd_range_parse(const char *text, size_t size, EtcdAnswer *ret)
{
        return answer_parse(text, size, NULL, ret);
}

int etcd_watch_parse(const char *text, size_t size, const char *key, EtcdAnswer *ret)
{
        _cleanup_free_ char *key64 = base64_encode(key, strlen(key));

        return key64 ? answer_parse(text, size, key64, ret) : -ENOMEM;
}

void etcd_answer_done(EtcdAnswer *a)
{
        free(a->value);
        *a = (EtcdAnswer){ 0 };
}

bool etcd_wants_new_token(unsigned code, const char *error)
{
        return code == ETCD_UNAUTHENTICATED || strstr(error, "revision of auth store is old");
}

char *etcd_auth_parse(const char *text, size_t size)
{
        _cleanup_(json_decrefp) json_t *document = etcd_document(text, size);
        const char *token = json_string_value(json_object_get(document, "token"));

        /* It becomes a header. */
        if (!token || strlen(token) > 4000 || !http_token_is_valid(token))
                return NULL;
        return strdup(token);
}
