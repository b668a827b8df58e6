/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What publishing and re-dating have in common: the store, the attempts, what is told. */

#include "nhictl/ledger/plan.h"

#include <stdio.h>

#define N_ATTEMPTS 5u /* while others publish, too */

void publish_report_done(PublishReport *r)
{
        json_decref(r->hosts);
        json_decref(r->notes);
        *r = (PublishReport){ 0 };
}

void publication_note(Publication *p, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)json_array_append_new(p->report->notes, json_vsprintf(format, ap));
        va_end(ap);
}

void publication_report(Publication *p, const Target *t, const char *action, int64_t ver)
{
        if (t->is_list)
                return;
        (void)json_array_append_new(p->report->hosts,
                                    json_pack("{s:s, s:s, s:I}", "host", t->name, "action", action,
                                              "ver", (json_int_t)ver));
}

void publication_report_failed(Publication *p, const Target *t, int error, const char *why)
{
        if (why || *p->store->error)
                publication_note(p, "%s: not published: %s", t->name, why ? why : p->store->error);
        else if (!t->is_told)
                publication_note(p, "%s: not published to %s: %s", t->name, p->place,
                                 strerror(-error));
        publication_report(p, t, "failed", t->published.ver);
        if (t->is_list)
                p->report->list_failed = true;
        else
                p->report->n_failed++;
        p->store->error[0] = '\0';
}

int publication_signed(Publication *p, const Target *t, int r)
{
        if (r >= 0 || r == -ENOMEM || r == -EFBIG)
                return r;
        (void)snprintf(
                p->error, LEDGER_ERROR_MAX,
                "%s: --key did not sign (%s), and was not asked again: this and what follows "
                "stays as it was. When it does: nhictl publish",
                t->name, strerror(-r));
        return -EKEYREJECTED;
}

/* B6 */
int publication_run(Publication *p, int (*attempt)(Publication *p))
{
        int r = -EAGAIN;

        for (unsigned i = 0; r == -EAGAIN && i < N_ATTEMPTS; i++)
                r = attempt(p);
        if (r < 0 && *p->error == '\0')
                (void)snprintf(p->error, LEDGER_ERROR_MAX, "%s",
                               *p->store->error ? p->store->error : "");
        if (r == -EAGAIN && *p->store->error == '\0')
                (void)snprintf(p->error, LEDGER_ERROR_MAX,
                               "%s: others publish there all the time: publish again", p->place);
        if (r < 0 && *p->error == '\0')
                (void)snprintf(p->error, LEDGER_ERROR_MAX, "%s: %s", p->place, strerror(-r));
        return r;
}

int publication_store_open(Publication *p)
{
        static const StoreAccess none = { 0 };
        const PublishRequest *q = p->request;
        const StoreOptions o = { .url = p->place,
                                 .access = q->access   ? q->access
                                           : q->target ? &none
                                                       : &p->l->settings.access,
                                 .key = p->key,
                                 .others = p->others,
                                 .issuer = p->l->settings.issuer,
                                 .replace = q->replace,
                                 .n_replace = q->n_replace };
        int r;

        if (!p->place) {
                (void)snprintf(p->error, LEDGER_ERROR_MAX,
                               "%s/ledger.json names no place to publish: add \"publish\", or use "
                               "publish --to",
                               p->l->path);
                return -EINVAL;
        }
        r = store_open(&o, &p->store, p->error);
        if (r < 0 && *p->error == '\0')
                (void)snprintf(p->error, LEDGER_ERROR_MAX, "%s: %s", p->place, strerror(-r));
        return r;
}
