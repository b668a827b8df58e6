/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration as a whole, once every file is read: nothing that trust rests on may be missing
 * (O20), and the keys are loaded. */

#include "nhi-agentd/config/internal.h"
#include "nhi-agentd/config/trust.h"

#include "lib/base/name.h"
#include "lib/base/service.h"

#include <stdio.h>

static int fail_at(ConfigBuild *b, const Origin *o, const char *key, const char *text)
{
        b->file = o->file;
        return config_fail(b, o->line, key, "%s", text);
}

/* The bit of a Reach for each word of reach.sign. */
static const struct {
        const char *word;
        size_t offset;
} sign_words[] = {
        { "accounts", offsetof(Reach, sign_accounts) },
        { "ssh_keys", offsetof(Reach, sign_ssh_keys) },
        { "grants", offsetof(Reach, sign_grants) },
        { "revocations", offsetof(Reach, sign_revocations) },
        { "freshness", offsetof(Reach, sign_freshness) },
};

static bool sign_set(Reach *reach, const char *word)
{
        for (size_t i = 0; i < ELEMENTSOF(sign_words); i++) {
                if (!streq(sign_words[i].word, word))
                        continue;
                *(bool *)((uint8_t *)reach + sign_words[i].offset) = true;
                return true;
        }
        return false;
}

static int complete_key(ConfigBuild *b, KeyEntry *k)
{
        char error[TRUST_ERROR_MAX] = "";
        int r;

        for (size_t i = 0; i < ELEMENTSOF(sign_words); i++)
                *(bool *)((uint8_t *)&k->key.reach + sign_words[i].offset) = false;
        for (size_t i = 0; i < k->sign.n; i++)
                if (!sign_set(&k->key.reach, k->sign.items[i]))
                        return fail_at(b, &k->origin, "issuers.keys.reach.sign",
                                       "knows only \"accounts\", \"ssh_keys\", \"grants\", "
                                       "\"revocations\" and \"freshness\"");
        if (k->sign.n == 0)
                return fail_at(b, &k->origin, "issuers.keys.reach.sign",
                               "missing: a key that may sign nothing is of no use; say what it may "
                               "sign, such as [ \"accounts\", \"ssh_keys\", \"grants\" ]");
        r = trust_key_load(k->file, &k->key.jwk, error);
        return r < 0 ? fail_at(b, &k->origin, "issuers.keys.file", error) : 0;
}

static bool has_place(const SourceConfig *s)
{
        for (size_t i = 0; i < s->urls.n; i++)
                if (strstr(s->urls.items[i], "{host}"))
                        return true;
        return s->urls.n == 0 || streq(s->type, "etcd");
}

/* They come in their own list, so the source must have a place for it beside the sets. */
static int complete_roots(ConfigBuild *b, IssuerEntry *e)
{
        const StrList *files = &e->issuer.root_files;
        SetPolicy *policy = &e->issuer.policy;
        Jwk *roots = config_alloc(b->config, (files->n + 1) * sizeof(*roots));
        char error[TRUST_ERROR_MAX] = "";

        if (!roots)
                return -ENOMEM;
        for (size_t i = 0; i < files->n; i++) {
                if (files->items[i][0] != '/')
                        return fail_at(b, &e->origin, "issuers.roots",
                                       "must be absolute paths of JWK files");
                if (trust_key_load(files->items[i], &roots[i], error) < 0)
                        return fail_at(b, &e->origin, "issuers.roots", error);
                for (size_t k = 0; k < i; k++)
                        if (streq(roots[k].kid, roots[i].kid))
                                return fail_at(b, &e->origin, "issuers.roots",
                                               "two of the files hold the same key");
        }
        if (files->n > 0 && policy->root_threshold > files->n)
                return fail_at(b, &e->origin, "issuers.root_threshold",
                               "is more than there are root keys");
        if (files->n > 0 && !has_place(&e->issuer.source))
                return fail_at(b, &e->origin, "issuers.source.urls",
                               "need {host}: in its place stands the name of the key list");
        policy->roots = roots;
        policy->n_roots = files->n;
        return 0;
}

static int complete_issuer(ConfigBuild *b, IssuerEntry *e)
{
        Config *c = b->config;
        const char **files;
        TrustedKey *keys;
        int r;

        r = config_source_check(b, &e->issuer.source, &e->origin);
        if (r < 0)
                return r;
        r = complete_roots(b, e);
        if (r < 0)
                return r;
        if (e->n_keys == 0 && e->issuer.policy.n_roots == 0)
                return fail_at(b, &e->origin, "issuers.keys",
                               "missing: without a trusted key, or roots that name one, no grant "
                               "set can be believed");

        keys = config_alloc(c, (e->n_keys + 1) * sizeof(*keys));
        files = config_alloc(c, (e->n_keys + 1) * sizeof(*files));
        if (!keys || !files)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_keys; i++) {
                r = complete_key(b, &e->keys[i]);
                if (r < 0)
                        return r;
                keys[i] = e->keys[i].key;
                files[i] = e->keys[i].file;
        }
        e->issuer.key_files = files;
        e->issuer.policy = (SetPolicy){
                .issuer = e->issuer.issuer,
                .audience = c->host_name,
                .keys = keys,
                .n_keys = e->n_keys,
                .ceiling = c->ceiling,
                .groups_allowed = c->groups_allowed,
                .revokes = e->issuer.policy.revokes,
                .roots = e->issuer.policy.roots,
                .n_roots = e->issuer.policy.n_roots,
                .root_threshold = e->issuer.policy.root_threshold,
                .fresh_max_sec = e->issuer.policy.fresh_max_sec,
        };
        return 0;
}

static int complete_issuers(ConfigBuild *b)
{
        Config *c = b->config;

        c->issuers = config_alloc(c, b->n_issuers * sizeof(Issuer));
        if (!c->issuers)
                return -ENOMEM;
        for (size_t i = 0; i < b->n_issuers; i++) {
                int r = complete_issuer(b, &b->issuers[i]);

                if (r < 0)
                        return r;
                c->issuers[c->n_issuers++] = b->issuers[i].issuer;
        }
        return 0;
}

/* A misspelt class gates nothing, which nobody would notice: a word without wildcards is a class.
 */
static int check_gate(ConfigBuild *b, const GateEntry *g)
{
        const StrList *classes = &g->gate.services;

        for (size_t i = 0; i < classes->n; i++) {
                if (strpbrk(classes->items[i], "*?[") || service_class_is_valid(classes->items[i]))
                        continue;
                b->file = g->origin.file;
                return config_fail(b, g->origin.line, "gates.services",
                                   "\"%s\" is no service class: ssh, sudo, su, cron, at, login, "
                                   "unit, systemd-user, pam:NAME, or a pattern such as *",
                                   classes->items[i]);
        }
        if (g->gate.accounts.n == 0 && g->gate.groups.n == 0)
                return fail_at(b, &g->origin, "gates",
                               "the gate names neither accounts nor groups");
        return 0;
}

/* The modes that nhictl observe and enforce write win over what a gate says itself. */
static int apply_modes(ConfigBuild *b)
{
        for (size_t i = 0; i < b->n_modes; i++) {
                bool found = false;

                for (size_t j = 0; j < b->n_gates; j++) {
                        if (!streq(b->gates[j].gate.name, b->modes[i].gate))
                                continue;
                        b->gates[j].gate.mode = b->modes[i].mode;
                        found = true;
                }
                if (!found)
                        return fail_at(b, &b->modes[i].origin, "modes",
                                       "sets the mode of a gate that no file defines; remove the "
                                       "line or define the gate");
        }
        return 0;
}

static int complete_gates(ConfigBuild *b)
{
        Config *c = b->config;
        int r = apply_modes(b);

        if (r < 0)
                return r;
        c->gates = config_alloc(c, (b->n_gates + 1) * sizeof(GateRule));
        if (!c->gates)
                return -ENOMEM;
        for (size_t i = 0; i < b->n_gates; i++) {
                r = check_gate(b, &b->gates[i]);
                if (r < 0)
                        return r;
                c->gates[c->n_gates++] = b->gates[i].gate;
        }
        return 0;
}

int config_complete(ConfigBuild *b)
{
        Config *c = b->config;
        int r;

        if (!c->host_name)
                return config_fail(b, 0, "host.name",
                                   "missing: nhictl init --local writes it, or set the name that "
                                   "grant sets for this host carry as aud");
        if (streq(c->host_name, "revocations") || streq(c->host_name, "keys"))
                return config_fail(b, 0, "host.name",
                                   "is the name of the list beside the sets: choose another");
        if (b->n_issuers == 0)
                return config_fail(
                        b, 0, "issuers",
                        "missing: without an issuer no grant set can be believed; nhictl "
                        "init --local makes this host its own");
        c->ceiling.sign_accounts = c->ceiling.sign_ssh_keys = c->ceiling.sign_grants = true;
        r = complete_issuers(b);
        return r < 0 ? r : complete_gates(b);
}
