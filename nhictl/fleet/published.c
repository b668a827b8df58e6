/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is published for the fleet now. */

#include "nhictl/fleet/show.h"

#include "nhictl/ledger/published.h"
#include "nhictl/store/store.h"

#include <stdio.h>

typedef struct Listing {
        const Ledger *l;
        const SigningKey *key;
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
        r = published_parse(jws, size, g->l->settings.issuer, g->key, name, ret);
        return r == 0 ? note(g, name, ret) : r;
}

static int on_known(void *userdata, const char *name, const Published *p)
{
        return note(userdata, name, p);
}

static int on_failed(void *userdata, const char *name, int error)
{
        return 0;
}

int fleet_published(const Ledger *l, const SigningKey *key, json_t **ret,
                    char ret_error[static LEDGER_ERROR_MAX])
{
        const StoreOptions o = { .url = l->settings.publish,
                                 .access = &l->settings.access,
                                 .key = key,
                                 .issuer = l->settings.issuer };
        Listing g = { .l = l, .key = key, .versions = json_object() };
        const StoreSink sink = {
                .userdata = &g, .set = on_set, .known = on_known, .failed = on_failed
        };
        _cleanup_(store_freep) Store *store = NULL;
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(l, DOC_HOST, &n);
        int r = g.versions && names ? store_open(&o, &store, ret_error) : -ENOMEM;

        if (r == 0)
                r = store->type->load(store, names, n, &sink);
        if (r < 0) {
                if (store && *store->error)
                        (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s", store->error);
                json_decref(g.versions);
                return r;
        }
        *ret = g.versions;
        return 0;
}
