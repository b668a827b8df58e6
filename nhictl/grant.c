/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl grant */

#include "nhictl/grant.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/fleet/report.h"
#include "nhictl/ledger/state.h"
#include "nhictl/texts.h"
#include "nhictl/when.h"
#include "nhictl/who.h"

/* Hosts of the ledger whose names are like that, as they are now. */
static int choose_glob(const Ledger *l, const char *glob, json_t *hosts)
{
        const HostSelection selection = { &glob, 1, NULL, 0 };
        const char *name;
        json_t *host;
        size_t n = 0;

        json_object_foreach(l->docs[DOC_HOST], name, host) {
                if (!host_is_selected(&selection, name, host))
                        continue;
                n++;
                if (!document_list_has(hosts, name) &&
                    json_array_append_new(hosts, json_string(name)) < 0)
                        return fail(VERB_FAILED, "out of memory");
        }
        if (n == 0)
                return fail(VERB_USAGE, "no host's name is like %s: nhictl host list", glob);
        say("%s: %zu hosts, as the ledger has them now", glob, n);
        return VERB_OK;
}

static int choose_host(const Ledger *l, const char *name, json_t *hosts)
{
        if (host_glob_is(name))
                return choose_glob(l, name, hosts);
        if (!ledger_get(l, DOC_HOST, name))
                return fail(VERB_USAGE, "there is no host %s: nhictl host add %s", name, name);
        if (!document_list_has(hosts, name) && json_array_append_new(hosts, json_string(name)) < 0)
                return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

static int choose_only_host(const Ledger *l, json_t *hosts)
{
        const char *only = json_object_iter_key(json_object_iter(l->docs[DOC_HOST]));

        if (json_object_size(l->docs[DOC_HOST]) != 1)
                return fail(VERB_USAGE,
                            "the ledger has %zu hosts (nhictl host list): --host H or --label L",
                            json_object_size(l->docs[DOC_HOST]));
        return json_array_append_new(hosts, json_string(only)) < 0
                       ? fail(VERB_FAILED, "out of memory")
                       : VERB_OK;
}

/* The hosts it is for: named, like a name, by label, or the ledger's only one. */
static int choose_hosts(const Ledger *l, const GrantOptions *o, json_t *doc)
{
        json_t *hosts = json_array();
        int r = hosts ? VERB_OK : fail(VERB_FAILED, "out of memory");

        for (size_t i = 0; r == VERB_OK && i < o->hosts.n; i++)
                r = choose_host(l, o->hosts.items[i], hosts);
        if (r == VERB_OK && o->hosts.n == 0 && o->labels.n == 0)
                r = choose_only_host(l, hosts);
        if (r != VERB_OK) {
                json_decref(hosts);
                return r;
        }
        if (json_object_set_new(doc, "hosts", hosts) < 0 ||
            json_object_set_new(doc, "labels", texts_new(&o->labels)) < 0)
                return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

static void say_labels(const Ledger *l, const GrantOptions *o)
{
        for (size_t i = 0; i < o->labels.n; i++) {
                const char *name;
                json_t *host;
                bool found = false;

                json_object_foreach(l->docs[DOC_HOST], name, host)
                        found |= document_list_has(json_object_get(host, "labels"),
                                                   o->labels.items[i]);
                if (!found)
                        say("no host has the label %s yet", o->labels.items[i]);
        }
}

static int choose_times(const Ledger *l, const Call *call, const GrantOptions *o, json_t *doc)
{
        int64_t nbf_sec = o->not_before_sec ? o->not_before_sec : call->now_sec;
        int64_t exp_sec = o->until_sec ? o->until_sec : nbf_sec + o->for_sec;
        char limit[WHEN_DURATION_SIZE];

        if ((o->for_sec != 0) == (o->until_sec != 0))
                return fail(VERB_USAGE, "a grant needs its end: --for 30m or --until T");
        if (exp_sec <= call->now_sec || exp_sec <= nbf_sec)
                return fail(VERB_USAGE, "this grant would be over before it begins");
        if (exp_sec - nbf_sec > l->settings.lifetime_max_sec)
                return fail(VERB_USAGE, "that is longer than this ledger's lifetime_max, %s",
                            when_format_duration(limit, l->settings.lifetime_max_sec));
        if (json_object_set_new(doc, "nbf", document_time_new(nbf_sec)) < 0 ||
            json_object_set_new(doc, "exp", document_time_new(exp_sec)) < 0)
                return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

static int check_people(const Ledger *l, const GrantOptions *o, const char *account)
{
        const json_t *owner = ledger_get(l, DOC_OWNER, o->owner);
        const json_t *doc = ledger_get(l, DOC_ACCOUNT, account);

        if (!owner)
                return fail(VERB_USAGE, "there is no owner %s: nhictl owner add %s", o->owner,
                            o->owner);
        if (document_is_disabled(owner))
                return fail(VERB_USAGE, "the owner %s is disabled", o->owner);
        if (doc && document_is_disabled(doc))
                return fail(VERB_USAGE, "the account %s is disabled", account);
        if (!doc && ledger_has_file(l, DOC_ACCOUNT, account))
                return fail(VERB_FAILED, "the document of %s cannot be read: nhictl ledger check",
                            account);
        if (!doc)
                say("%s is no account of the ledger: it has to exist on the hosts, local or from "
                    "a directory",
                    account);
        return VERB_OK;
}

/* The first --act is who acts now, the next who acted before. RFC 8693 section 4.1. */
static json_t *actor_chain(const ArgList *act)
{
        json_t *chain = NULL;

        for (size_t i = act->n; i > 0; i--) {
                json_t *actor = json_pack("{s:s, s:o*}", "sub", act->items[i - 1], "act", chain);

                if (!actor)
                        return NULL;
                chain = actor;
        }
        return chain;
}

static json_t *document_new(const Call *call, const GrantOptions *o, const char *jti, json_t *terms)
{
        char who[WHO_SIZE];
        json_t *act = actor_chain(&o->act);
        json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:o*, s:s, s:[], s:O, s:o}",
                                "jti", jti, "account", call->operands.items[0], "owner", o->owner,
                                "reason", o->reason, "ticket", o->ticket, "sub", o->sub, "act", act,
                                "issued_by", who_am_i(who), "approvals", "authorization_details",
                                terms, "created", central_mark(call->now_sec, NULL));

        if (!doc || (o->act.n > 0 && !act) ||
            (o->windows.n > 0 && json_object_set_new(doc, "windows", texts_new(&o->windows)) < 0) ||
            (o->sessions > 0 &&
             json_object_set_new(doc, "max_sessions", json_integer(o->sessions)) < 0)) {
                json_decref(doc);
                return NULL;
        }
        return doc;
}

/* What no host can prevent is said where it is granted (docs/THREATS.md). */
static void say_limits(const GrantOptions *o)
{
        for (size_t i = 0; i < o->run_as.n; i++) {
                if (!streq(o->run_as.items[i], "*") && !streq(o->run_as.items[i], "root"))
                        continue;
                say("as root somebody can plant what starts after the grant's end (a crontab, a "
                    "unit): that is found, not prevented%s",
                    o->commands.n > 0 || o->edit.n > 0
                            ? ""
                            : "; without --command this grant is unbounded");
                return;
        }
}

/* How many of the ledger's hosts the grant reaches; *ret_here: is the named one among them? */
static size_t count_hosts(const Ledger *l, const json_t *doc, const char *here, bool *ret_here)
{
        const char *name;
        json_t *host;
        size_t n = 0;

        *ret_here = false;
        json_object_foreach(l->docs[DOC_HOST], name, host) {
                if (!grant_reaches(doc, host))
                        continue;
                *ret_here |= streq(name, here);
                n++;
        }
        return n;
}

/* By what the hosts report. */
static int wait_for_reports(const Ledger *l, const char *jti, const json_t *versions,
                            int64_t wait_sec)
{
        json_t *targets = json_object();
        int r;

        if (!targets || hosts_wait_add(l, ledger_get(l, DOC_GRANT, jti), versions, targets) < 0)
                r = fail(VERB_FAILED, "out of memory");
        else
                r = hosts_wait(l, targets, jti, wait_sec);
        json_decref(targets);
        return r;
}

/* Where hosts do not report only this host's agent can be asked. */
static int wait_for_host(const Ledger *l, const char *jti, int64_t wait_sec)
{
        char here[LEDGER_NAME_MAX + 56] = "";
        bool reaches_here;
        size_t n;

        if (grant_host_here(here, sizeof(here))) {
                n = count_hosts(l, ledger_get(l, DOC_GRANT, jti), here, &reaches_here);
                if (!reaches_here)
                        return fail(VERB_FAILED,
                                    "%s is not for this host, %s: other hosts cannot be seen from "
                                    "here",
                                    jti, here);
                if (n > 1)
                        say("%zu other hosts cannot be seen from here: only %s is waited for",
                            n - 1, here);
        }
        return grant_wait(jti, wait_sec);
}

static int write_grant(const Call *call, Ledger *l, const char *jti, json_t *doc)
{
        const GrantOptions *o = call->options;
        char error[LEDGER_ERROR_MAX];
        int r;

        r = choose_hosts(l, o, doc);
        if (r == VERB_OK)
                r = choose_times(l, call, o, doc);
        if (r == VERB_OK && mint_check_grant(l, doc, call->now_sec, error) < 0)
                r = fail(VERB_USAGE, "hosts would not take this grant: %s", error);
        if (r != VERB_OK) {
                json_decref(doc);
                return r;
        }
        return central_change(l, HISTORY_GRANTED, DOC_GRANT, jti, doc, o->reason);
}

static int make(const Call *call, const GrantOptions *o, json_t *terms, const char *jti)
{
        _cleanup_(ledger_freep) Ledger *l = NULL;
        json_t *doc, *versions = NULL;
        int r;

        r = central_open(call, &o->central, true, &l);
        if (r == VERB_OK)
                r = check_people(l, o, call->operands.items[0]);
        if (r != VERB_OK)
                return r;
        doc = document_new(call, o, jti, terms);
        if (!doc)
                return fail(VERB_USAGE, "an option's value is no UTF-8");
        r = write_grant(call, l, jti, doc);
        if (r != VERB_OK)
                return r;
        say_labels(l, o);
        say_limits(o);
        r = central_finish_versions(call, &o->central, l, &versions);
        if (call->out.json)
                (void)output_document(json_pack("{s:b, s:s}", "changed", 1, "jti", jti));
        else if (puts(jti) == EOF || fflush(stdout) == EOF)
                r = VERB_FAILED;
        if (r == VERB_OK && o->wait_sec > 0) {
                /* Waiting is no reason to keep other administrators out. */
                closep(&l->lock_fd);
                l->lock_fd = -EBADF;
                r = versions && l->settings.reports
                            ? wait_for_reports(l, jti, versions, o->wait_sec)
                            : wait_for_host(l, jti, o->wait_sec);
        }
        json_decref(versions);
        return r;
}

static VerbStatus run(Call *call)
{
        const GrantOptions *o = call->options;
        char jti[GRANT_ID_SIZE];
        json_t *terms = NULL;
        int r;

        if (central_check_name(DOC_ACCOUNT, call->operands.items[0]) != VERB_OK)
                return VERB_USAGE;
        if (!o->owner || !o->reason)
                return fail(VERB_USAGE, "a grant needs --owner O and --reason R");
        r = grant_terms(o, &terms);
        if (r != VERB_OK)
                return r;
        grant_id_new(now_realtime_usec(), jti);
        r = make(call, o, terms, jti);
        json_decref(terms);
        return r;
}

#define AT(member) offsetof(GrantOptions, member)
static const Option options[] = {
        { "for", 0, OPTION_DURATION, AT(for_sec), "T", "how long, from its beginning: 30m" },
        { "until", 0, OPTION_TIME, AT(until_sec), "T", "or until when: 2026-11-21T22:00:00Z" },
        { "not-before", 0, OPTION_TIME, AT(not_before_sec), "T", "its beginning (default: now)" },
        { "owner", 0, OPTION_STRING, AT(owner), "O", "who answers for it (required)" },
        { "reason", 0, OPTION_STRING, AT(reason), "R", "why (required)" },
        { "ticket", 0, OPTION_STRING, AT(ticket), "T", "the ticket behind it" },
        { "host", 0, OPTION_LIST, AT(hosts), "H", "on this host, or hosts: 'web*'" },
        { "label", 0, OPTION_LIST, AT(labels), "L", "on every host that has one of the labels" },
        { "service", 0, OPTION_LIST, AT(services), "CLASS",
          "ssh, sudo, su, cron, at, login or pam:NAME" },
        { "from", 0, OPTION_LIST, AT(from), "CIDR", "logins only from these addresses" },
        { "ssh-key", 0, OPTION_LIST, AT(ssh_keys), "FILE", "a public key file, or the key itself" },
        { "user-manager", 0, OPTION_FLAG, AT(user_manager), NULL,
          "allow a user manager (systemd --user)" },
        { "run-as", 0, OPTION_LIST, AT(run_as), "U", "sudo, su: become this user; '*' any" },
        { "run-as-group", 0, OPTION_LIST, AT(run_as_groups), "G", "sudo -g: with this group" },
        { "command", 0, OPTION_LIST, AT(commands), "'PATH ARG...'",
          "sudo: exactly this command; words are split at blanks, quotes and \\ keep them" },
        { "edit", 0, OPTION_LIST, AT(edit), "FILE",
          "sudoedit: this file; without --command nothing else" },
        { "unit", 0, OPTION_LIST, AT(units), "U", "start as this systemd unit (PAMName=)" },
        { "group", 0, OPTION_LIST, AT(groups), "G", "be a member of this group" },
        { "window", 0, OPTION_LIST, AT(windows), "W", "only then: \"Sat,Sun 01:00..05:00 UTC\"" },
        { "sessions", 0, OPTION_NUMBER, AT(sessions), "N", "at most this many sessions in all" },
        { "sub", 0, OPTION_STRING, AT(sub), "S", "on whose behalf (default: the account)" },
        { "act", 0, OPTION_LIST, AT(act), "A", "who acts for them now; again: who acted before" },
        { "wait", 0, OPTION_DURATION, AT(wait_sec), "T", "until the hosts have it, at most T" },
        CENTRAL_OPTIONS(GrantOptions, central),
        OPTION_END,
};

const Verb verb_grant = {
        .name = "grant",
        .synopsis = "ACCOUNT --for T|--until T --owner O --reason R [--service CLASS]... [...]",
        .help = "grant access for a time; prints the grant's id\n"
                "Each grant stands alone: grants of one account never combine.",
        .options = options,
        .options_size = sizeof(GrantOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
