/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl publish */

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "lib/http/setup.h"
#include "nhictl/central.h"
#include "nhictl/store/store.h"
#include "nhictl/who.h"

typedef struct PublishOptions {
        CentralOptions central;
        const char *to;
        const char *trust;
        bool renew, all, refresh;
        ArgList replace, hosts, labels;
        StoreAccess access;
} PublishOptions;

static bool has_access(const StoreAccess *a)
{
        return a->ca_file || a->pins || a->certificate || a->certificate_key || a->token_file ||
               a->user_file || a->password_file || a->single_publisher;
}

/* What ledger.json says of its place is not told to another one. */
static int check_options(const PublishOptions *o)
{
        if (o->to && !store_url_is_valid(o->to))
                return fail(VERB_USAGE, "--to %s: must be " STORE_URL_WANTED, o->to);
        if (o->access.pins && !http_pins_are_valid(o->access.pins))
                return fail(VERB_USAGE,
                            "--pins: must be sha256//BASE64 of the server's public key, "
                            "several parted by ';' (agentd.conf(5))");
        if (!o->to && has_access(&o->access))
                return fail(VERB_USAGE, "how ledger.json's own place is reached stands there, in "
                                        "\"publish_with\": these options need --to");
        if (o->refresh && o->renew)
                return fail(VERB_USAGE, "--renew signs sets anew with the issuer's key, --refresh "
                                        "leaves them as they are: one of both");
        if (o->trust && !o->refresh)
                return fail(VERB_USAGE, "--trust needs --refresh");
        if (o->access.certificate_key && !o->access.certificate)
                return fail(VERB_USAGE, "--certificate-key needs --certificate");
        if (!o->access.user_file != !o->access.password_file)
                return fail(VERB_USAGE, "--user-file and --password-file need each other");
        return VERB_OK;
}

/* Nothing of the ledger changes: it is only read, and the issuer's key is not there. */
static int refresh(const PublishOptions *o, Ledger *l, const PublishRequest *request,
                   json_t **ret_result)
{
        CentralOptions central = o->central;

        if (!central.key)
                central.key = PATH_FRESH_KEY;
        ledger_unlock(l); /* a revocation does not wait for a network */
        return central_refresh(&central, l, o->trust ? o->trust : PATH_ISSUER_JWK, request,
                               ret_result);
}

static int publish(const Call *call, const PublishOptions *o, Ledger *l, PublishRequest *request,
                   json_t **ret_result)
{
        char who[WHO_SIZE];
        int r = ledger_commit(l, call->now_sec, who_am_i(who));

        central_say_notes(l);
        if (r < 0)
                return fail(VERB_FAILED, "%s/revisions: %s", l->path, strerror(-r));
        request->now_usec = now_realtime_usec();
        return central_publish(&o->central, l, request, ret_result);
}

static VerbStatus run(Call *call)
{
        const PublishOptions *o = call->options;
        PublishRequest request = { .mode = o->all     ? PUBLISH_ALL
                                           : o->renew ? PUBLISH_RENEW
                                                      : PUBLISH_CHANGED,
                                   .target = o->to,
                                   .access = o->to ? &o->access : NULL,
                                   .hosts = o->hosts.items,
                                   .n_hosts = o->hosts.n,
                                   .labels = o->labels.items,
                                   .n_labels = o->labels.n,
                                   .replace = o->replace.items,
                                   .n_replace = o->replace.n };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        json_t *result = NULL;
        int r;

        r = check_options(o);
        if (r == VERB_OK)
                r = central_open(call, &o->central, !o->refresh, &l);
        if (r != VERB_OK)
                return r;
        request.now_usec = now_realtime_usec();
        r = o->refresh ? refresh(o, l, &request, &result) : publish(call, o, l, &request, &result);
        if (!result)
                return r;
        if (call->out.json) {
                if (output_document(result) < 0)
                        return VERB_FAILED;
                return r;
        }
        if (r == VERB_OK &&
            output_changed(&call->out, json_is_true(json_object_get(result, "changed"))) < 0)
                r = VERB_FAILED;
        json_decref(result);
        return r;
}

#define AT(member) offsetof(PublishOptions, member)
static const Option options[] = {
        { "to", 0, OPTION_STRING, AT(to), "URL", "publish there instead of where the ledger says" },
        { "host", 0, OPTION_LIST, AT(hosts), "GLOB", "hosts of this name" },
        { "label", 0, OPTION_LIST, AT(labels), "L", "and hosts with this label, only" },
        { "renew", 0, OPTION_FLAG, AT(renew), NULL,
          "only sets that are over a quarter of their lifetime or grant what is revoked by now "
          "(for "
          "the timer)" },
        { "all", 0, OPTION_FLAG, AT(all), NULL, "every host, also where nothing changed" },
        { "refresh", 0, OPTION_FLAG, AT(refresh), NULL,
          "only say, with a freshness key, that sets which have not changed are the newest" },
        { "trust", 0, OPTION_STRING, AT(trust), "FILE",
          "the issuer's public key, for --refresh (default " PATH_ISSUER_JWK ")" },
        { "replace", 0, OPTION_LIST, AT(replace), "REVISION",
          "overwrite sets of this revision, which the ledger does not know" },
        { "ca-file", 0, OPTION_STRING, AT(access.ca_file), "FILE",
          "the CA that the server's certificate must be of" },
        { "pins", 0, OPTION_STRING, AT(access.pins), "PINS",
          "sha256//BASE64 of the server's public key; several parted by ';'" },
        { "certificate", 0, OPTION_STRING, AT(access.certificate), "FILE",
          "our certificate, to be shown to the server" },
        { "certificate-key", 0, OPTION_STRING, AT(access.certificate_key), "FILE",
          "its private key" },
        { "token-file", 0, OPTION_STRING, AT(access.token_file), "FILE",
          "a file with a bearer token (https) or an etcd token" },
        { "user-file", 0, OPTION_STRING, AT(access.user_file), "FILE",
          "etcd: a file with the user's name" },
        { "password-file", 0, OPTION_STRING, AT(access.password_file), "FILE",
          "etcd: a file with the password" },
        { "single-publisher", 0, OPTION_FLAG, AT(access.single_publisher), NULL,
          "https: nobody else publishes there, so conditions are not needed" },
        LEDGER_OPTION(PublishOptions, central),
        KEY_OPTION(PublishOptions, central),
        PASSPHRASE_OPTION(PublishOptions, central),
        OPTION_END,
};

const Verb verb_publish = {
        .name = "publish",
        .synopsis = "[--to URL] [--host GLOB]... [--label L]... [--renew|--all] "
                    "[--refresh [--trust FILE]] [--replace "
                    "REVISION]...",
        .help = "sign and publish the grant sets of hosts whose grants changed\n"
                "URL is a directory, https://SERVER/PATH or etcd://MEMBER,MEMBER/KEYS.\n"
                "A ledger that is older than what is published is refused: an older checkout must "
                "not un-revoke.",
        .options = options,
        .options_size = sizeof(PublishOptions),
        .run = run,
};
