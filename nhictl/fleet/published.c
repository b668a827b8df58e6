/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is published for the fleet now. */

#include "nhictl/fleet/show.h"

#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/published.h"
#include "nhictl/store/store.h"
#include "nhictl/verb.h"

#include <stdio.h>

typedef struct Listing {
        const Ledger *l;
        const SigningKey *key;
        KeyList *others;
        json_t *versions;
} Listing;

static int note(const Listing *g, const char *name, const Published *p)
{
        if (!p->ours || !ledger_get(g->l, DOC_HOST, name))
                return 0;
        return json_object_set_new(g->versions, name, json_integer((json_int_t)p->ver)) < 0
                       ? -ENOMEM
                       : 0;
}

static int on_set(void *userdata, const char *name, const char *jws, size_t size, bool must_write,
                  Published *ret)
{
        const Listing *g = userdata;
        int r;

        *ret = (Published){ 0 };
        if (!jws)
                return 0;
        r = published_parse(jws, size, g->l->settings.issuer, g->key, g->others, name, ret);
        return r == 0 ? note(g, name, ret) : r;
}

static int on_known(void *userdata, const char *name, const Published *p)
{
        return note(userdata, name, p);
}

static int on_failed(void *userdata, const char *name, int error, const char *why)
{
        return 0;
}

static int load(Listing *g, char ret_error[static LEDGER_ERROR_MAX])
{
        const StoreOptions o = { .url = g->l->settings.publish,
                                 .access = &g->l->settings.access,
                                 .key = g->key,
                                 .others = g->others,
                                 .issuer = g->l->settings.issuer };
        const StoreSink sink = {
                .userdata = g, .set = on_set, .known = on_known, .failed = on_failed
        };
        _cleanup_(store_freep) Store *store = NULL;
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(g->l, DOC_HOST, &n);
        int r = g->versions && names ? store_open(&o, &store, ret_error) : -ENOMEM;

        if (r == 0)
                r = store->type->load(store, names, n, &sink);
        if (r < 0 && store && *store->error)
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s", store->error);
        return r;
}

int fleet_published(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t **ret,
                    char ret_error[static LEDGER_ERROR_MAX])
{
        Listing g = { .l = l, .key = key, .versions = json_object() };
        _cleanup_free_ char *keys = NULL;
        int r = ledger_keys_read(l, key, now_sec, &keys, &g.others, ret_error);

        if (r == 0)
                r = load(&g, ret_error);
        key_list_free(g.others);
        if (r < 0) {
                json_decref(g.versions);
                return r;
        }
        *ret = g.versions;
        return 0;
}

/* ---- what it was ---- */

void fleet_remember(const Ledger *l, const char *kid, json_t *versions)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];

        if (seen_open(l, &seen, error) < 0)
                say("%s", error);
        else if (seen_published(seen, kid, versions) < 0 || seen_save(seen) < 0)
                say("%s/" SEEN_FILE ": what was published is not kept there", l->path);
        json_decref(versions);
}

/* What cannot be known or kept is said where reports are held against what was seen. */
size_t fleet_raise(const Ledger *l, const char *kid, json_t *versions)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        size_t n = 0;

        if (seen_open(l, &seen, error) < 0 || seen_published(seen, kid, versions) < 0 ||
            seen_raise(seen, kid, versions, &n) < 0)
                return 0;
        (void)seen_save(seen);
        if (n > 0)
                say("%s: of %zu hosts the set is older than the one that was published there, or "
                    "gone: who took it back? nhictl publish brings another; where that is known, "
                    "nhictl fleet --forget HOST",
                    l->settings.publish, n);
        return n;
}
