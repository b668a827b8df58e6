/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish.h"

#include "nhictl/ledger/mint-list.h"
#include "nhictl/ledger/publish-keys.h"

/* B5: its errors are the ledger's notes. A set that is only renewed is no news. */
static int record(Publication *p)
{
        const char **hosts = calloc(p->targets.n + 1, sizeof(*hosts));
        size_t n = 0;
        int r;

        if (!hosts)
                return -ENOMEM;
        for (size_t i = 0; i < p->targets.n; i++) {
                const Target *t = &p->targets.items[i];

                if (t->is_wanted && t->is_changed && !t->is_list)
                        hosts[n++] = t->name;
        }
        if (n > 0)
                (void)ledger_record_publication(p->l, p->place, hosts, n);
        free(hosts);
        r = ledger_commit(p->l, p->l->now_sec, p->l->who ? p->l->who : "?");
        return r == 0 ? ledger_revision(p->l, p->revision) : r;
}

typedef int (*StoreAsk)(Store *s, const char *const *names, size_t n, const StoreSink *sink);

static int ask(Publication *p, StoreAsk what, bool wanted)
{
        const StoreSink sink = targets_sink(&p->targets);
        size_t n = 0;
        _cleanup_free_ const char **names = targets_names(&p->targets, wanted, &n);

        return names ? what(p->store, names, n, &sink) : -ENOMEM;
}

static int begin(Publication *p)
{
        size_t n = 0;
        _cleanup_free_ const char **names = targets_names(&p->targets, true, &n);
        int r = names ? p->store->type->begin(p->store, p->revision, names, n) : -ENOMEM;

        if (r == 0)
                ledger_note_settled(p->l);
        return r;
}

static int check_and_plan(Publication *p)
{
        int r = publication_check(p);

        if (r == 0) {
                (void)json_array_clear(p->report->notes);
                if (p->store->is_publication_lost)
                        publication_note(p,
                                         "%s: what stood there as " STORE_PUBLICATION
                                         " was not ours: it is written anew",
                                         p->place);
                r = publication_plan(p);
        }
        return r;
}

/* What is published, and which of it is to be written. */
static int look(Publication *p)
{
        int r;

        targets_done(&p->targets);
        r = targets_collect(p->l, p->key, p->others, p->now_sec, &p->targets);
        if (p->request->mode == PUBLISH_RENEW)
                p->targets.fleet = p->fleet;
        if (r == 0)
                r = ask(p, p->store->type->load, false);
        if (r == 0)
                r = check_and_plan(p);
        if (r < 0 || !p->store->type->look || p->n_wanted == 0)
                return r;
        r = ask(p, p->store->type->look, true);
        return r == 0 ? check_and_plan(p) : r;
}

/* Who publishes an older revision meanwhile must find that, also where no set says anything new. */
static bool is_to_begin(const Publication *p)
{
        return p->n_wanted > 0 ||
               (p->store->type->has_publication && !streq(p->store->revision, p->revision));
}

static int attempt(Publication *p)
{
        int r;

        p->store->error[0] = '\0';
        p->report->n_unchanged = p->report->n_failed = p->n_done = 0;
        p->report->list_failed = false;
        (void)json_array_clear(p->report->hosts);
        r = look(p);
        if (r == 0)
                r = record(p);
        if (r == 0 && is_to_begin(p))
                r = begin(p);
        if (r == 0)
                r = publication_write(p);
        return r == 0 && p->n_wanted > 0 ? p->store->type->finish(p->store) : r;
}

int ledger_publish(Ledger *l, const SigningKey *key, const PublishRequest *request,
                   PublishReport *ret_report, char ret_error[static LEDGER_ERROR_MAX])
{
        Publication p = { .l = l,
                          .key = key,
                          .request = request,
                          .report = ret_report,
                          .place = request->target ? request->target : l->settings.publish,
                          .now_sec = request->now_usec / 1000000,
                          .error = ret_error };
        int r;

        ret_error[0] = '\0';
        *ret_report = (PublishReport){ .hosts = json_array(), .notes = json_array() };
        r = publish_keys_read(&p);
        if (r == 0)
                r = publication_store_open(&p);
        if (r == 0)
                r = fleet_new(l, p.now_sec, &p.fleet);
        if (r == 0)
                r = mint_list_payload(l, p.now_sec, &p.list);
        if (r == 0)
                r = publication_run(&p, attempt);
        targets_done(&p.targets);
        fleet_free(p.fleet);
        json_decref(p.list);
        free(p.keys);
        store_free(p.store);
        key_list_free(p.others);
        if (r < 0)
                publish_report_done(ret_report);
        return r;
}
