/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/plan.h"

#include "lib/base/name.h"
#include "nhictl/ledger/publish-list.h"

#include <stdio.h>

static bool may_replace(const Publication *p, const char *hash)
{
        for (size_t i = 0; *hash && i < p->request->n_replace; i++) {
                if (streq(p->request->replace[i], hash))
                        return true;
        }
        return false;
}

static int check_one(Publication *p, const char *what, const char *revision)
{
        if (ledger_knows(p->l, revision) || may_replace(p, revision))
                return 0;
        (void)snprintf(p->error, LEDGER_ERROR_MAX,
                       "%s was published from revision %.64s, which this ledger does not "
                       "know: it is an older copy. Update it (git pull) and publish again; "
                       "after restoring a backup, look at what is lost and then: nhictl "
                       "publish --replace %.64s",
                       what, revision, revision);
        return -ESTALE;
}

int publication_check(Publication *p)
{
        int r = *p->store->revision ? check_one(p, p->place, p->store->revision) : 0;

        for (size_t i = 0; r == 0 && i < p->targets.n; i++) {
                const Target *t = &p->targets.items[i];

                if (t->published.ours)
                        r = check_one(p, t->name, t->published.revision);
        }
        return r;
}

bool publication_selects(const PublishRequest *q, const Target *t)
{
        const json_t *labels = json_object_get(t->host, "labels");
        bool is_named = t->is_list || (q->n_hosts == 0 && q->n_labels == 0);

        for (size_t i = 0; !is_named && i < q->n_hosts; i++)
                is_named = glob_match(q->hosts[i], t->name);
        for (size_t i = 0; !is_named && i < q->n_labels; i++)
                is_named = document_list_has(labels, q->labels[i]);
        return is_named;
}

/* May its set be written over what stands there? */
static int check_target(Publication *p, const Target *t)
{
        if (t->error < 0 || !t->published.exists || t->published.ours ||
            may_replace(p, t->published.hash))
                return t->error;
        publication_note(p,
                         "%s: what stands at %s is not signed by this key: publish --replace %s "
                         "overwrites it",
                         t->name, p->place, t->published.hash);
        return -EPERM;
}

static void choose(const Publication *p, Target *t)
{
        const Published *at = &t->published;

        if (t->is_list && !at->exists && !t->must_write && !publish_list_says_something(p)) {
                t->is_changed = false;
                return;
        }
        t->is_changed = !at->ours || !streq(at->content, t->content);
        t->is_wanted = t->must_write || !at->ours || p->request->mode == PUBLISH_ALL ||
                       published_is_due(at, p->now_sec) ||
                       (p->request->mode == PUBLISH_CHANGED && t->is_changed);
}

int publication_plan(Publication *p)
{
        p->n_wanted = 0;
        for (size_t i = 0; i < p->targets.n; i++) {
                Target *t = &p->targets.items[i];
                int r;

                t->is_wanted = false;
                t->is_selected = publication_selects(p->request, t);
                if (!t->is_selected)
                        continue;
                t->error = check_target(p, t);
                if (t->error < 0)
                        continue;
                r = t->is_list ? publish_list_content(p, t->content)
                               : fleet_content(p->fleet, t->name, t->host, t->content);
                if (r < 0)
                        return r;
                choose(p, t);
                p->n_wanted += t->is_wanted;
        }
        return 0;
}
