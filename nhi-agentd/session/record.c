/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session was opened with, as JSON: the registry's own copy and, word for word, what the
 * state file keeps. One table per structure, read both ways. */

#include "nhi-agentd/session/registry.h"

#include <stdio.h>

#define ACTORS_MAX 16u

typedef struct Field {
        const char *name;
        size_t offset;
} Field;

#define REQUEST_FIELD(name)                                                                        \
        {                                                                                          \
#name, offsetof(AccessRequest, name)                                               \
        }
#define GRANT_FIELD(name)                                                                          \
        {                                                                                          \
#name, offsetof(Grant, name)                                                       \
        }

static const Field request_texts[] = {
        REQUEST_FIELD(account),       REQUEST_FIELD(class),   REQUEST_FIELD(target),
        REQUEST_FIELD(target_group),  REQUEST_FIELD(command), REQUEST_FIELD(unit),
        REQUEST_FIELD(preferred_jti),
};
static const Field request_bools[] = {
        REQUEST_FIELD(elevation), REQUEST_FIELD(sudo_plugin),   REQUEST_FIELD(has_from),
        REQUEST_FIELD(is_local),  REQUEST_FIELD(key_is_judged),
};
static const Field request_lists[] = { REQUEST_FIELD(argv), REQUEST_FIELD(edit) };
static const Field grant_texts[] = {
        GRANT_FIELD(jti),      GRANT_FIELD(account), GRANT_FIELD(sub),       GRANT_FIELD(owner),
        GRANT_FIELD(reason),   GRANT_FIELD(ticket),  GRANT_FIELD(issued_by), GRANT_FIELD(issuer),
        GRANT_FIELD(set_hash), GRANT_FIELD(kid),
};
static const Field grant_ints[] = {
        GRANT_FIELD(nbf_sec),
        GRANT_FIELD(exp_sec),
        GRANT_FIELD(set_exp_sec),
};

#define FIELD(base, f, type)       ((type *)(void *)((char *)(base) + (f).offset))
#define FIELD_CONST(base, f, type) ((const type *)(const void *)((const char *)(base) + (f).offset))

/* ---- encode: jansson's setters accept NULL as failure, so one check at the end of each ---- */

static int put_texts(json_t *o, const void *base, const Field *fields, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const char *text = *FIELD_CONST(base, fields[i], char *);

                if (text && json_object_set_new(o, fields[i].name, json_string(text)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static json_t *list_new(StrList list)
{
        json_t *a = json_array();

        for (size_t i = 0; a && i < list.n; i++)
                if (json_array_append_new(a, json_string(list.items[i])) < 0) {
                        json_decref(a);
                        return NULL;
                }
        return a;
}

static json_t *request_new(const AccessRequest *request)
{
        json_t *o = json_pack("{s:i, s:I}", "kind", (int)request->kind, "uid",
                              (json_int_t)request->uid);
        char from[33];
        int r;

        if (!o)
                return NULL;
        for (size_t i = 0; i < sizeof(request->from); i++)
                (void)snprintf(from + 2 * i, 3, "%02x", request->from[i]);
        r = put_texts(o, request, request_texts, ELEMENTSOF(request_texts));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(request_bools); i++)
                r = json_object_set_new(
                        o, request_bools[i].name,
                        json_boolean(*FIELD_CONST(request, request_bools[i], bool)));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(request_lists); i++)
                r = json_object_set_new(o, request_lists[i].name,
                                        list_new(*FIELD_CONST(request, request_lists[i], StrList)));
        if (r == 0 && request->has_from)
                r = json_object_set_new(o, "from", json_string(from));
        if (r == 0 && request->key)
                r = json_object_set_new(
                        o, "key", json_pack("[s,s]", request->key->algorithm, request->key->blob));
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

static json_t *actors_new(const Actor *act)
{
        json_t *a = json_array();
        unsigned n = 0;

        for (; a && act && n < ACTORS_MAX; act = act->prior, n++)
                if (json_array_append_new(a, json_string(act->sub)) < 0) {
                        json_decref(a);
                        return NULL;
                }
        return a;
}

static json_t *grant_new(const Grant *grant)
{
        json_t *o = json_object();
        int r;

        if (!o)
                return NULL;
        r = put_texts(o, grant, grant_texts, ELEMENTSOF(grant_texts));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(grant_ints); i++)
                r = json_object_set_new(o, grant_ints[i].name,
                                        json_integer(*FIELD_CONST(grant, grant_ints[i], int64_t)));
        if (r == 0)
                r = json_object_set_new(o, "act", actors_new(grant->act));
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* What a PAM caller handed over is a label and may be any bytes; JSON takes UTF-8 only. */
static json_t *label_new(const char *text)
{
        char safe[4 * 256 + 1];
        json_t *o;
        size_t n = 0;

        text = text ?: "";
        o = json_string(text);
        if (o)
                return o;
        for (; *text && n + 5 < sizeof(safe); text++)
                n += (size_t)snprintf(safe + n, sizeof(safe) - n,
                                      (unsigned char)*text < 0x80 ? "%c" : "\\x%02x",
                                      (unsigned char)*text);
        return json_string(safe);
}

json_t *session_record_new(const AccessRequest *request, const Grant *grant, const char *service,
                           const char *rhost, const char *tty)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o}", "request", request_new(request), "grant",
                         grant_new(grant), "service", label_new(service), "rhost", label_new(rhost),
                         "tty", label_new(tty));
}

/* ---- decode ---- */

static void get_texts(const json_t *o, void *base, const Field *fields, size_t n)
{
        for (size_t i = 0; i < n; i++)
                *FIELD(base, fields[i], const char *) =
                        json_string_value(json_object_get(o, fields[i].name));
}

static int get_list(const json_t *a, StrList *ret)
{
        size_t n = json_array_size(a);
        const char **items;

        items = calloc(n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                items[i] = json_string_value(json_array_get(a, i));
                if (!items[i]) {
                        free(items);
                        return -EBADMSG;
                }
        }
        *ret = (StrList){ .items = items, .n = n };
        return 0;
}

static int get_from(const json_t *o, AccessRequest *request)
{
        const char *text = json_string_value(json_object_get(o, "from"));
        unsigned byte;

        if (!request->has_from)
                return 0;
        if (!text || strlen(text) != 2 * sizeof(request->from) ||
            strspn(text, "0123456789abcdef") != strlen(text))
                return -EBADMSG;
        for (size_t i = 0; i < sizeof(request->from); i++) {
                if (sscanf(text + 2 * i, "%2x", &byte) != 1)
                        return -EBADMSG;
                request->from[i] = (uint8_t)byte;
        }
        return 0;
}

static int get_request(const json_t *o, SessionTie *tie)
{
        AccessRequest *request = &tie->request;
        const json_t *key = json_object_get(o, "key");
        int r = 0;

        request->kind = (RequestKind)json_integer_value(json_object_get(o, "kind"));
        request->uid = (uint32_t)json_integer_value(json_object_get(o, "uid"));
        get_texts(o, request, request_texts, ELEMENTSOF(request_texts));
        for (size_t i = 0; i < ELEMENTSOF(request_bools); i++)
                *FIELD(request, request_bools[i], bool) =
                        json_is_true(json_object_get(o, request_bools[i].name));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(request_lists); i++)
                r = get_list(json_object_get(o, request_lists[i].name),
                             FIELD(request, request_lists[i], StrList));
        if (r < 0)
                return r;
        if (key) {
                tie->key = (SshKey){ .algorithm = json_string_value(json_array_get(key, 0)),
                                     .blob = json_string_value(json_array_get(key, 1)) };
                if (!tie->key.algorithm || !tie->key.blob)
                        return -EBADMSG;
                request->key = &tie->key;
        }
        return request->account && request->class ? get_from(o, request) : -EBADMSG;
}

static int get_actors(const json_t *a, SessionTie *tie)
{
        size_t n = json_array_size(a);

        if (n == 0)
                return 0;
        tie->actors = calloc(n, sizeof(*tie->actors));
        if (!tie->actors)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                tie->actors[i].sub = json_string_value(json_array_get(a, i));
                tie->actors[i].prior = i + 1 < n ? &tie->actors[i + 1] : NULL;
                if (!tie->actors[i].sub)
                        return -EBADMSG;
        }
        tie->grant.act = tie->actors;
        return 0;
}

static int get_grant(const json_t *o, SessionTie *tie)
{
        Grant *grant = &tie->grant;

        get_texts(o, grant, grant_texts, ELEMENTSOF(grant_texts));
        for (size_t i = 0; i < ELEMENTSOF(grant_ints); i++)
                *FIELD(grant, grant_ints[i], int64_t) =
                        json_integer_value(json_object_get(o, grant_ints[i].name));
        if (!grant->jti || !grant->account)
                return -EBADMSG;
        return get_actors(json_object_get(o, "act"), tie);
}

int session_tie_init(json_t *record, SessionTie *ret)
{
        SessionTie tie = { .record = record };
        int r;

        if (!record)
                return -ENOMEM;
        r = get_request(json_object_get(record, "request"), &tie);
        if (r == 0)
                r = get_grant(json_object_get(record, "grant"), &tie);
        tie.service = json_string_value(json_object_get(record, "service"));
        tie.rhost = json_string_value(json_object_get(record, "rhost"));
        tie.tty = json_string_value(json_object_get(record, "tty"));
        if (r == 0 && (!tie.service || !tie.rhost || !tie.tty))
                r = -EBADMSG;
        if (r < 0) {
                session_tie_done(&tie);
                return r;
        }
        *ret = tie;
        if (ret->request.key)
                ret->request.key = &ret->key; /* the one in its new place */
        return 0;
}

/* What is not known proves nothing: the wrong key might. */
bool session_tie_note_key(SessionTie *t, const char *kid)
{
        json_t *grant = json_object_get(t->record, "grant");

        if (streq_ptr(t->grant.kid, kid))
                return false;
        if (json_object_set_new(grant, "kid", json_string(kid)) < 0)
                (void)json_object_del(grant, "kid");
        t->grant.kid = json_string_value(json_object_get(grant, "kid"));
        return true;
}

void session_tie_done(SessionTie *t)
{
        free(t->request.argv.items);
        free(t->request.edit.items);
        free(t->actors);
        json_decref(t->record);
        *t = (SessionTie){ 0 };
}
