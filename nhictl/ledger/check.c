/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/check.h"

#include "nhictl/ledger/mint.h"
#include "nhictl/ledger/state.h"

#include <stdio.h>

typedef struct Check {
        const Ledger *l;
        int64_t now_sec;
        json_t *problems;
} Check;

static _printf_(4, 5) void add(Check *c, const char *folder, const char *name, const char *format,
                               ...)
{
        va_list ap;
        json_t *what;

        va_start(ap, format);
        what = json_vsprintf(format, ap);
        va_end(ap);
        (void)json_array_append_new(c->problems,
                                    json_sprintf("%s/%s/%s.json: %s", c->l->path, folder, name,
                                                 json_string_value(what)));
        json_decref(what);
}

static void check_owner_of(Check *c, const char *folder, const char *name, const json_t *doc)
{
        const char *owner = document_text(doc, "owner");
        const json_t *found = ledger_get(c->l, DOC_OWNER, owner);

        if (!found)
                add(c, folder, name, "owner: there is no owner \"%s\"", owner);
        else if (document_is_disabled(found) && !document_is_disabled(doc))
                add(c, folder, name, "owner: %s is disabled", owner);
}

/* The first other account with the same uid or gid: each pair is reported once. */
static void check_ids(Check *c, const char *name, const json_t *doc)
{
        const LedgerSettings *s = &c->l->settings;
        json_int_t uid = json_integer_value(json_object_get(doc, "uid"));
        const char *other_name;
        json_t *other;

        if (uid < s->uid_min || uid > s->uid_max)
                add(c, "accounts", name, "uid: %lld is outside the ledger's %lld..%lld",
                    (long long)uid, (long long)s->uid_min, (long long)s->uid_max);
        json_object_foreach(c->l->docs[DOC_ACCOUNT], other_name, other) {
                if (strcmp(name, other_name) < 0 &&
                    json_integer_value(json_object_get(other, "uid")) == uid)
                        add(c, "accounts", name, "uid: %lld is also the uid of %s", (long long)uid,
                            other_name);
        }
}

static void check_accounts(Check *c)
{
        char error[LEDGER_ERROR_MAX];
        const char *name;
        json_t *doc;

        json_object_foreach(c->l->docs[DOC_ACCOUNT], name, doc) {
                check_owner_of(c, "accounts", name, doc);
                check_ids(c, name, doc);
                if (mint_check_account(c->l, doc, c->now_sec, error) < 0)
                        add(c, "accounts", name, "%s", error);
        }
}

/* A live grant that reaches no host is a typing error more often than not. */
static void check_hosts_of(Check *c, const char *name, const json_t *doc)
{
        const char *host_name;
        const json_t *item;
        json_t *host;
        bool reached = false;
        size_t i;

        json_array_foreach(json_object_get(doc, "hosts"), i, item) {
                if (!ledger_get(c->l, DOC_HOST, json_string_value(item)))
                        add(c, "grants", name, "hosts: there is no host \"%s\"",
                            json_is_string(item) ? json_string_value(item) : "?");
        }
        json_object_foreach(c->l->docs[DOC_HOST], host_name, host)
                reached |= grant_reaches(doc, host);
        if (!reached)
                add(c, "grants", name, "hosts, labels: it reaches no host");
}

static void check_grants(Check *c)
{
        char error[LEDGER_ERROR_MAX];
        const char *name;
        json_t *doc;

        json_object_foreach(c->l->docs[DOC_GRANT], name, doc) {
                GrantState state = ledger_grant_state(c->l, doc, c->now_sec);

                if (state == GRANT_STATE_BROKEN)
                        add(c, "grants", name, "nbf, exp: missing, or no RFC 3339 time");
                if (state == GRANT_STATE_WITHDRAWN)
                        add(c, "grants", name,
                            "its owner or account is unknown or disabled: it "
                            "is not published");
                if (!grant_state_is_live(state))
                        continue;
                check_owner_of(c, "grants", name, doc);
                check_hosts_of(c, name, doc);
                if (mint_check_grant(c->l, doc, c->now_sec, error) < 0)
                        add(c, "grants", name, "%s", error);
        }
}

int ledger_check(const Ledger *l, int64_t now_sec, json_t **ret)
{
        Check c = { .l = l, .now_sec = now_sec, .problems = json_copy(l->problems) };

        if (!c.problems)
                return -ENOMEM;
        check_accounts(&c);
        check_grants(&c);
        *ret = c.problems;
        return 0;
}
