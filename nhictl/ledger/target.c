/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/target.h"

#include <dirent.h>
#include <stdio.h>

#define SUFFIX ".jws"

typedef struct Collect {
        const Ledger *l;
        const SigningKey *key;
        const char *dir;
        Targets *targets;
} Collect;

static void target_done(Target *t)
{
        published_done(&t->published);
        free(t->path);
}

void targets_done(Targets *t)
{
        for (size_t i = 0; i < t->n; i++)
                target_done(&t->items[i]);
        free(t->items);
        *t = (Targets){ 0 };
}

static int add(Collect *c, const char *name, const json_t *host)
{
        Targets *all = c->targets;
        Target *grown = realloc(all->items, (all->n + 1) * sizeof(*grown)), *t;

        if (!grown)
                return -ENOMEM;
        all->items = grown;
        t = &grown[all->n];
        *t = (Target){ .host = host };
        (void)snprintf(t->name, sizeof(t->name), "%s", name);
        if (asprintf(&t->path, "%s/%s" SUFFIX, c->dir, name) < 0)
                return -ENOMEM;
        all->n++;
        t->error = published_read(t->path, c->l, c->key, t->name, &t->published);
        return t->error == -ENOMEM ? -ENOMEM : 0;
}

static bool says_something(const Published *p)
{
        return p->ours && (json_array_size(json_object_get(p->payload, "grants")) > 0 ||
                           json_array_size(json_object_get(p->payload, "accounts")) > 0);
}

/* HOST of HOST.jws where the ledger has no file for it. */
static bool is_left_behind(const Ledger *l, const char *file, char name[static LEDGER_NAME_MAX + 1])
{
        size_t size = strlen(file), stem = size - strlen(SUFFIX);

        if (size <= strlen(SUFFIX) || stem > LEDGER_NAME_MAX || !streq(file + stem, SUFFIX))
                return false;
        memcpy(name, file, stem);
        name[stem] = '\0';
        return ledger_name_is_valid(DOC_HOST, name) && !ledger_has_file(l, DOC_HOST, name);
}

static int add_left_behind(Collect *c)
{
        char name[LEDGER_NAME_MAX + 1];
        const struct dirent *entry;
        DIR *dir = opendir(c->dir);
        int r = 0;

        if (!dir)
                return -errno;
        while (r == 0 && (entry = readdir(dir))) {
                Target *last;

                if (!is_left_behind(c->l, entry->d_name, name))
                        continue;
                r = add(c, name, NULL);
                if (r < 0)
                        break;
                last = &c->targets->items[c->targets->n - 1];
                if (says_something(&last->published))
                        continue;
                target_done(last);
                c->targets->n--;
        }
        (void)closedir(dir);
        return r;
}

int targets_collect(const Ledger *l, const SigningKey *key, const char *dir, Targets *ret)
{
        Collect c = { .l = l, .key = key, .dir = dir, .targets = ret };
        const char *name;
        json_t *host;
        int r;

        json_object_foreach(l->docs[DOC_HOST], name, host) {
                r = add(&c, name, host);
                if (r < 0)
                        return r;
        }
        return add_left_behind(&c);
}
