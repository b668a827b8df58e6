/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/target.h"

#include <stdio.h>

void targets_done(Targets *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->items[i].why);
        free(t->items);
        json_decref(t->index);
        free(t->keys);
        *t = (Targets){ 0 };
}

static Target *add(Targets *t, const char *name, const json_t *host)
{
        Target *one;

        if (t->n == t->capacity) {
                const size_t capacity = t->capacity ? t->capacity * 2 : 64;
                Target *grown = realloc(t->items, capacity * sizeof(*grown));

                if (!grown)
                        return NULL;
                t->items = grown;
                t->capacity = capacity;
        }
        if (json_object_set_new(t->index, name, json_integer((json_int_t)t->n)) < 0)
                return NULL;
        one = &t->items[t->n++];
        *one = (Target){ .host = host };
        (void)snprintf(one->name, sizeof(one->name), "%s", name);
        return one;
}

/* What every host reads by its own name; the keys first, by which the others are verified. */
static int add_lists(Targets *t)
{
        Target *keys = t->others ? add(t, STORE_KEYS, NULL) : NULL, *list;

        if (t->others && !keys)
                return -ENOMEM;
        if (keys)
                keys->is_list = keys->is_keys = true;
        list = add(t, STORE_LIST, NULL);
        if (!list)
                return -ENOMEM;
        list->is_list = true;
        return 0;
}

/* L3: they may have left or not; nobody can tell, so that each of them is named. */
static int add_unread(Targets *t)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_unread(t->l, DOC_HOST, &n);

        for (size_t i = 0; names && i < n; i++) {
                Target *one = add(t, names[i], NULL);

                if (!one)
                        return -ENOMEM;
                one->is_unread = true;
        }
        return names ? 0 : -ENOMEM;
}

int targets_collect(const Ledger *l, const SigningKey *key, const KeyList *others, int64_t now_sec,
                    Targets *ret)
{
        const char *name;
        json_t *host;

        *ret = (Targets){
                .l = l, .key = key, .others = others, .now_sec = now_sec, .index = json_object()
        };
        if (!ret->index)
                return -ENOMEM;
        if (add_lists(ret) < 0)
                return -ENOMEM;
        json_object_foreach(l->docs[DOC_HOST], name, host) {
                if (!add(ret, name, host))
                        return -ENOMEM;
        }
        return add_unread(ret);
}

static Target *find(const Targets *t, const char *name)
{
        const json_t *place = json_object_get(t->index, name);

        return place ? &t->items[json_integer_value(place)] : NULL;
}

/* Where it left the ledger and says something, or may. */
static int add_left_behind(Targets *t, const char *name, const Published *p, bool must_write)
{
        Target *one;

        if (streq(name, STORE_KEYS) ||
            !(must_write || ((p->ours || p->former) && p->says_something)))
                return 0;
        one = add(t, name, NULL);
        if (!one)
                return -ENOMEM;
        one->published = *p;
        one->must_write = must_write;
        return 0;
}

static int take(Targets *t, const char *name, const Published *p, bool must_write)
{
        Target *one = find(t, name);

        if (!one)
                return add_left_behind(t, name, p, must_write);
        one->published = *p;
        one->must_write = one->must_write || must_write;
        return 0;
}

static int take_keys(Targets *t, const char *bytes, size_t size, Published *ret)
{
        int r = published_keys_parse(bytes, size, t->others, t->now_sec, ret);

        free(TAKE_PTR(t->keys));
        if (r < 0 || size > KEYLIST_SIZE_MAX)
                return r;
        t->keys = strndup(bytes, size);
        return t->keys ? 0 : -ENOMEM;
}

/* A set that was verified, of a host that the ledger has. */
static int find_takes(const Targets *t, Target *one, const char *jws, size_t size)
{
        _cleanup_(json_decrefp) json_t *payload = NULL;
        char content[LEDGER_HASH_SIZE];
        int r = fleet_content(t->fleet, one->name, one->host, content);

        if (r < 0 || streq(content, one->published.content))
                return r;
        payload = document_unverified(jws, size, NULL);
        return fleet_takes(t->fleet, one->host, json_object_get(payload, "grants"), &one->takes);
}

static int on_set(void *userdata, const char *name, const char *jws, size_t size, bool must_write,
                  Published *ret)
{
        Targets *t = userdata;
        Target *one;
        int r;

        *ret = (Published){ 0 };
        if (!jws)
                r = 0;
        else if (streq(name, STORE_KEYS))
                r = take_keys(t, jws, size, ret);
        else if (streq(name, STORE_LIST))
                r = published_list_parse(jws, size, t->l->settings.issuer, t->key, t->others, ret);
        else
                r = published_parse(jws, size, t->l->settings.issuer, t->key, t->others, name, ret);
        if (r == 0)
                r = take(t, name, ret, must_write);
        one = r == 0 && t->fleet && ret->ours ? find(t, name) : NULL;
        return one && one->host ? find_takes(t, one, jws, size) : r;
}

static int on_known(void *userdata, const char *name, const Published *p)
{
        return take(userdata, name, p, false);
}

static int on_failed(void *userdata, const char *name, bool must_write, int error, const char *why)
{
        static const Published unread;
        Target *one = find(userdata, name);
        int r = one ? 0 : add_left_behind(userdata, name, &unread, must_write);

        one = find(userdata, name);
        if (r < 0 || !one)
                return r;
        one->error = error;
        free(one->why);
        one->why = why ? strdup(why) : NULL;
        return why && !one->why ? -ENOMEM : 0;
}

StoreSink targets_sink(Targets *t)
{
        return (StoreSink){ t, on_set, on_known, on_failed };
}

const char **targets_names(const Targets *t, bool wanted, size_t *ret_n)
{
        const char **names = calloc(t->n + 1, sizeof(*names));

        *ret_n = 0;
        for (size_t i = 0; names && i < t->n; i++)
                if (!wanted || t->items[i].is_wanted)
                        names[(*ret_n)++] = t->items[i].name;
        return names;
}
