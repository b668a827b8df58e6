/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which keys sign for the issuer: what its roots say at the source, asked before this host is told
 * to believe them. The agent fetches the list by itself; here it proves that roots and source
 * belong together. */

#include "nhictl/init.h"
#include "nhictl/key-list.h"
#include "nhictl/store/store.h"
#include "nhictl/when.h"

#include <stdio.h>
#include <sys/stat.h>

/* One mirror's list. */
typedef struct Found {
        char *bytes;
        size_t size;
        int error;
} Found;

/* What is known of all of them. */
typedef struct Look {
        const InitTrust *trust;
        Now now;
        KeyList *newest;
        bool was_refused;
} Look;

/* ---- fetch ---- */

/* Where the list stands, as stores take it: a set's file stands for its directory, and an etcd
 * without a path means the place of sets. */
static int place_of(const char *url, char **ret)
{
        const char *dir = store_directory(url), *keys = NULL;
        struct stat st;
        int r;

        if (store_type(url) == &store_etcd)
                keys = strchrnul(url + strlen("etcd://"), '/');
        if (dir && (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
                r = asprintf(ret, "%.*s/", (int)(strrchr(dir, '/') - dir), dir);
        else if (keys && (keys[0] == '\0' || keys[1] == '\0'))
                r = asprintf(ret, "%.*s" INIT_ETCD_KEYS, (int)(keys - url), url);
        else
                r = asprintf(ret, "%s", url);
        if (r >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static int on_object(void *userdata, const char *name, const char *jws, size_t size,
                     bool must_write, Published *ret)
{
        Found *f = userdata;

        *ret = (Published){ 0 };
        if (!jws)
                return 0;
        free(f->bytes);
        f->bytes = malloc(size + 1);
        if (!f->bytes)
                return -ENOMEM;
        memcpy(f->bytes, jws, size);
        f->size = size;
        return 0;
}

static int on_failed(void *userdata, const char *name, bool must_write, int error, const char *why)
{
        ((Found *)userdata)->error = error;
        return 0;
}

static int fetch(const InitOptions *o, const char *issuer, const char *url, Found *ret,
                 char error[static LEDGER_ERROR_MAX])
{
        static const char *const names[] = { STORE_KEYS };
        const StoreSink sink = { .userdata = ret, .set = on_object, .failed = on_failed };
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *place = NULL;
        int r = place_of(url, &place);
        const StoreOptions options = {
                .url = place, .access = &o->access, .issuer = issuer, .size_max = KEYLIST_SIZE_MAX
        };

        *error = '\0';
        if (r == 0)
                r = store_open(&options, &store, error);
        if (r == 0)
                r = store->type->read(store, names, ELEMENTSOF(names), &sink);
        if (r == 0)
                r = ret->error;
        if (r == 0 && !ret->bytes) {
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s",
                               "there is no key list: nhictl key rotate makes one, the roots sign "
                               "it, nhictl publish puts it there");
                return -ENOENT;
        }
        if (r < 0 && *error == '\0')
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s",
                               store && *store->error ? store->error : strerror(-r));
        return r;
}

/* ---- verify ---- */

static void copy_roots(const InitTrust *t, Jwk ret[static KEYLIST_ROOTS_MAX])
{
        for (size_t i = 0; i < t->n; i++)
                ret[i] = t->keys[i].key;
}

static void verify(Look *k, const char *url, const Found *f)
{
        Jwk roots[KEYLIST_ROOTS_MAX];
        const SetPolicy policy = { .issuer = k->trust->issuer,
                                   .roots = roots,
                                   .n_roots = k->trust->n,
                                   .root_threshold = k->trust->threshold };
        const SetFloor none = { 0 };
        KeyList *list = NULL;
        SetError e = { 0 };
        int r;

        copy_roots(k->trust, roots);
        r = keylist_verify(f->bytes, f->size, &policy, &none, k->now, KEYLIST_OFFERED, &list, &e);
        if (r != 0) {
                say("%s: its key list is not to be believed: %s%s%s", url,
                    r < 0 ? strerror(-r) : e.code, r < 0 ? "" : ": ", r < 0 ? "" : e.detail);
                k->was_refused = true;
                return;
        }
        if (k->newest && k->newest->ver >= list->ver) {
                key_list_free(list);
                return;
        }
        key_list_free(k->newest);
        k->newest = list;
}

int init_keylist_read(const Call *call, const InitOptions *o, const InitTrust *t, KeyList **ret)
{
        Look k = { .trust = t, .now = { .real_usec = call->now_sec * 1000000 } };
        char error[LEDGER_ERROR_MAX];

        for (size_t i = 0; i < o->sources.n; i++) {
                Found found = { 0 };

                if (fetch(o, t->issuer, o->sources.items[i], &found, error) == 0)
                        verify(&k, o->sources.items[i], &found);
                else
                        say("%s: %s", o->sources.items[i], error);
                free(found.bytes);
        }
        if (!k.newest)
                return fail(k.was_refused ? VERB_STALE : VERB_FAILED,
                            "no key list of %s that %u of these %zu root keys signed came from "
                            "there. Nothing was changed; --no-wait sets this host up unasked",
                            t->issuer, t->threshold, t->n);
        *ret = k.newest;
        return VERB_OK;
}

/* ---- tell ---- */

void init_keylist_tell(const InitTrust *t, const KeyList *l)
{
        char given[65], named[65], time[WHEN_TIME_SIZE];
        Jwk roots[KEYLIST_ROOTS_MAX];

        say("%s of %s, was signed by its roots and names %zu key%s", l->title,
            when_format_time(time, l->iat_sec), l->n_signing, l->n_signing == 1 ? "" : "s");
        for (size_t i = 0; i < l->n_signing; i++)
                key_list_say_key(&l->keys[i]);
        for (size_t i = 0; i < l->n_skipped; i++)
                say("left out: %s", l->skipped[i]);
        copy_roots(t, roots);
        roots_digest(roots, t->n, t->threshold, given);
        roots_digest(l->roots, l->n_roots, l->threshold, named);
        if (!streq(given, named))
                say("it names other roots, which count from then on: %u of %zu have to agree",
                    l->threshold, l->n_roots);
        say("policy in agentd.conf(5) narrows what any of them may grant here");
}
