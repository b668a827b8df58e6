/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/plan.h"

#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/publish-list.h"
#include "nhictl/ledger/selection.h"

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

                if ((t->published.ours || t->published.former) && !t->is_keys)
                        r = check_one(p, t->name, t->published.revision);
        }
        return r;
}

bool publication_selects(const PublishRequest *q, const Target *t)
{
        const HostSelection s = { q->hosts, q->n_hosts, q->labels, q->n_labels };

        return t->is_list || host_is_selected(&s, t->name, t->host);
}

static bool is_the_issuers(const Published *at)
{
        return at->ours || at->former || at->retired;
}

/* May its set be written over what stands there? B4: whatever that is, it is this host's trouble;
 * but -EKEYREJECTED, which is said, is everybody's. */
static int check_target(Publication *p, Target *t)
{
        const char *target = p->request->target;

        t->is_told = true;
        if (t->is_unread) {
                publication_note(p,
                                 "%s: hosts/%s.json cannot be read: its set stays as it is, with "
                                 "what it granted. Mend it, then: nhictl publish",
                                 t->name, t->name);
                return -EBADMSG;
        }
        if (t->error < 0) {
                publication_note(p,
                                 "%s: what stands at %s cannot be read: %s. Remove it there, then: "
                                 "nhictl publish",
                                 t->name, p->place, t->why ? t->why : strerror(-t->error));
                return t->error;
        }
        if (!t->is_keys && t->published.exists && !is_the_issuers(&t->published) &&
            !may_replace(p, t->published.hash)) {
                publication_note(
                        p,
                        "%s: what stands at %s is not signed by this key. Look at whose it "
                        "is; this overwrites it: nhictl publish%s%s --replace %s",
                        t->name, p->place, target ? " --to " : "", target ? target : "",
                        t->published.hash);
                return -EPERM;
        }
        t->is_told = false;
        return t->is_keys && !may_replace(p, t->published.hash) ? publish_keys_succeed(p, t) : 0;
}

/* Lists, a host that left, and a set that grants what was revoked: that is never unfinished. One
 * that was not read yet may be: look() tells. */
static bool takes_away(const Target *t)
{
        return t->is_list || !t->host || t->takes || *t->published.hash == '\0';
}

static void choose(Publication *p, Target *t)
{
        const Published *at = &t->published;
        const bool waits = p->request->mode == PUBLISH_RENEW && !takes_away(t);

        if (t->is_keys && at->ours && at->ver > p->others->ver) {
                publication_note(p, "%s has a newer key list than this ledger: it stays", p->place);
                t->is_changed = false;
                return;
        }
        if (t->is_list && !t->is_keys && !at->exists && !t->must_write &&
            !publish_list_says_something(p)) {
                t->is_changed = false;
                return;
        }
        t->is_changed = !at->ours || !streq(at->content, t->content);
        t->is_wanted = t->must_write || !at->ours || p->request->mode == PUBLISH_ALL ||
                       published_is_due(at, p->now_sec) || (t->is_changed && !waits);
}

/* A mistyped name would look like a fleet that is up to date. */
static void note_selection(Publication *p)
{
        for (size_t i = 0; i < p->targets.n; i++)
                if (p->targets.items[i].is_selected && !p->targets.items[i].is_list)
                        return;
        if (p->request->n_hosts + p->request->n_labels > 0)
                publication_note(p, "no host has such a name or label: nhictl host list");
}

/* Whoever has a retired key can sign these; an administrator's last ones are told all the same. */
static void note_retired(Publication *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->targets.n; i++) {
                const Target *t = &p->targets.items[i];

                n += t->is_wanted && t->published.retired &&
                     !ledger_knows(p->l, t->published.revision);
        }
        if (n > 0)
                publication_note(p,
                                 "%s: %zu of what stood there were by a retired key, from a "
                                 "revision that this ledger does not know: overwritten. Where "
                                 "another checkout published them: git pull, and publish again",
                                 p->place, n);
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
                if (t->error == -EKEYREJECTED)
                        return t->error;
                if (t->error < 0)
                        continue;
                r = t->is_keys   ? publish_keys_content(p, t->content)
                    : t->is_list ? publish_list_content(p, t->content)
                                 : fleet_content(p->fleet, t->name, t->host, t->content);
                if (r < 0)
                        return r;
                choose(p, t);
                p->n_wanted += t->is_wanted;
        }
        note_selection(p);
        note_retired(p);
        return 0;
}
