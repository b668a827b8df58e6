/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/refresh.h"

#include "nhictl/ledger/mint-fresh.h"
#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/refresh-write.h"

#include <stdio.h>

/* ---- what stands there ----------------------------------------------------------------------- */

static Kept *kept_of(Refresh *r, const char *host)
{
        const json_t *place = json_object_get(r->p.targets.index, host);
        const size_t i = place ? (size_t)json_integer_value(place) : r->n_items;

        return i < r->n_items ? &r->items[i] : NULL;
}

/* "HOST_fresh": the host's name, else false. */
static bool is_statement(const char *name, char ret[static STORE_NAME_MAX + 1])
{
        const size_t size = strlen(name), tail = strlen(FRESHNESS_SUFFIX);

        if (size <= tail || !streq(name + size - tail, FRESHNESS_SUFFIX))
                return false;
        (void)snprintf(ret, STORE_NAME_MAX + 1, "%.*s", (int)(size - tail), name);
        return true;
}

static int take_statement(Refresh *r, const char *host, const char *jws, size_t size)
{
        Kept *k = kept_of(r, host);
        Freshness *f = NULL;
        int n;

        if (!k || !jws)
                return 0;
        n = mint_fresh_parse(r->key, r->p.l->settings.issuer, host, jws, size, &f);
        if (f) {
                memcpy(k->set, f->set, sizeof(k->set));
                k->iat_sec = f->iat_sec;
        }
        freshness_free(f);
        return n;
}

static int on_set(void *userdata, const char *name, const char *jws, size_t size, bool must_write,
                  Published *ret)
{
        Refresh *r = userdata;
        const StoreSink sink = targets_sink(&r->p.targets);
        char host[STORE_NAME_MAX + 1];
        Kept *k;
        int n;

        *ret = (Published){ 0 };
        if (is_statement(name, host))
                return take_statement(r, host, jws, size);
        n = sink.set(sink.userdata, name, jws, size, must_write, ret);
        k = kept_of(r, name);
        if (n < 0 || !ret->ours || !k || streq(name, STORE_LIST))
                return n;
        return published_live_content(jws, size, r->p.key, r->p.now_sec, k->live);
}

static int on_known(void *userdata, const char *name, const Published *p)
{
        Refresh *r = userdata;
        const StoreSink sink = targets_sink(&r->p.targets);

        return sink.known(sink.userdata, name, p);
}

static int on_failed(void *userdata, const char *name, bool must_write, int error, const char *why)
{
        Refresh *r = userdata;
        const StoreSink sink = targets_sink(&r->p.targets);
        char host[STORE_NAME_MAX + 1];

        return sink.failed(sink.userdata, is_statement(name, host) ? host : name, must_write, error,
                           why);
}

/* ---- which ones ------------------------------------------------------------------------------ */

static void names_free(char **names)
{
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
}

/* Of hosts that are asked for and that the ledger has; statements: of their statements. NULL:
 * memory. */
static char **names_new(const Refresh *r, bool statements, size_t *ret_n)
{
        char **names = calloc(r->n_items + 1, sizeof(*names));
        size_t n = 0;

        for (size_t i = 0; names && i < r->n_items; i++) {
                const Target *t = &r->p.targets.items[i];

                if (t->is_list || !publication_selects(r->p.request, t))
                        continue;
                if (asprintf(&names[n], "%s%s", t->name, statements ? FRESHNESS_SUFFIX : "") < 0) {
                        names[n] = NULL;
                        names_free(names);
                        return NULL;
                }
                n++;
        }
        *ret_n = n;
        return names;
}

typedef int (*StoreAsk)(Store *s, const char *const *names, size_t n, const StoreSink *sink);

static int ask(Refresh *r, StoreAsk what, bool statements)
{
        const StoreSink sink = { r, on_set, on_known, on_failed };
        size_t n = 0;
        char **names = names_new(r, statements, &n);
        int e = names ? what(r->p.store, (const char *const *)names, n, &sink) : -ENOMEM;

        names_free(names);
        return e;
}

/* NULL, or why this set is not to be re-dated. G1 */
static const char *objection(const Refresh *r, const Target *t, const Kept *k)
{
        const Published *at = &t->published;

        if (t->is_unread)
                return "its document cannot be read: mend it, then: nhictl publish, with the "
                       "issuer's key";
        if (!at->ours)
                return at->exists ? "its set is not signed by the issuer's key (--trust)"
                                  : "it has no set yet: nhictl publish";
        if (t->must_write || !streq(k->live, t->content))
                return "the ledger says something else than its set by now: nhictl publish, with "
                       "the issuer's key";
        if (at->iat_sec + r->p.l->settings.fresh_max_sec <= r->p.now_sec)
                return "its set is older than fresh_max: nhictl publish --renew, with the issuer's "
                       "key";
        return NULL;
}

static bool is_due(const Refresh *r, const Target *t, const Kept *k)
{
        const bool is_kept = streq(k->set, t->published.hash);
        const int64_t since_sec = is_kept ? k->iat_sec : t->published.iat_sec;
        const int64_t age_sec = r->p.now_sec - since_sec;

        return r->p.request->mode == PUBLISH_ALL || age_sec < 0 ||
               age_sec > published_lifetime(&t->published) / 4;
}

static int plan_one(Refresh *r, Target *t, const Kept *k)
{
        const char *why;
        int n;

        t->is_selected =
                !t->is_list && (t->host || t->is_unread) && publication_selects(r->p.request, t);
        t->is_wanted = false;
        if (!t->is_selected || t->error < 0)
                return 0;
        n = fleet_content(r->p.fleet, t->name, t->host, t->content);
        if (n < 0)
                return n;
        why = objection(r, t, k);
        if (why) {
                publication_note(&r->p, "%s: not re-dated: %s", t->name, why);
                t->error = -EPERM;
                return 0;
        }
        t->is_wanted = is_due(r, t, k);
        r->p.n_wanted += t->is_wanted;
        return 0;
}

static int plan(Refresh *r)
{
        int n = 0;

        (void)json_array_clear(r->p.report->notes);
        r->p.n_wanted = 0;
        for (size_t i = 0; n == 0 && i < r->n_items; i++)
                n = plan_one(r, &r->p.targets.items[i], &r->items[i]);
        return n;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int look(Refresh *r)
{
        Publication *p = &r->p;
        int n;

        free(TAKE_PTR(r->items));
        targets_done(&p->targets);
        n = targets_collect(p->l, p->key, NULL, p->now_sec, &p->targets);
        r->n_items = p->targets.n;
        r->items = n == 0 ? calloc(r->n_items, sizeof(*r->items)) : NULL;
        if (n == 0 && !r->items)
                n = -ENOMEM;
        if (n == 0)
                n = ask(r, p->store->type->load, true);
        if (n == 0 && p->store->type->look)
                n = ask(r, p->store->type->look, false);
        if (n == 0)
                n = publication_check(p);
        return n == 0 ? plan(r) : n;
}

static int attempt(Publication *p)
{
        Refresh *r = (Refresh *)p;
        int n;

        p->report->n_unchanged = p->report->n_failed = p->n_done = 0;
        (void)json_array_clear(p->report->hosts);
        n = look(r);
        return n == 0 ? refresh_write(r) : n;
}

int ledger_refresh(Ledger *l, const SigningKey *key, const Jwk *issuer_key,
                   const PublishRequest *request, PublishReport *ret_report,
                   char ret_error[static LEDGER_ERROR_MAX])
{
        const SigningKey issuer = { .public = *issuer_key };
        Refresh r = { .p = { .l = l,
                             .key = &issuer,
                             .request = request,
                             .report = ret_report,
                             .place = request->target ? request->target : l->settings.publish,
                             .now_sec = request->now_usec / 1000000,
                             .error = ret_error },
                      .key = key };
        int n;

        ret_error[0] = '\0';
        *ret_report = (PublishReport){ .hosts = json_array(), .notes = json_array() };
        n = publish_keys_read(&r.p);
        if (n == 0)
                n = publication_store_open(&r.p);
        if (n == 0)
                n = fleet_new(l, r.p.now_sec, &r.p.fleet);
        if (n == 0)
                n = publication_run(&r.p, attempt);
        targets_done(&r.p.targets);
        free(r.items);
        fleet_free(r.p.fleet);
        free(r.p.keys);
        store_free(r.p.store);
        key_list_free(r.p.others);
        if (n < 0)
                publish_report_done(ret_report);
        return n;
}
