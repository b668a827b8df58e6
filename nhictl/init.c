/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init */

#include "nhictl/init.h"

#include "lib/base/path.h"

static int check_source_only(const InitOptions *o)
{
        const StoreAccess *a = &o->access;

        if (o->trust || o->roots.n > 0 || o->threshold > 0)
                return fail(VERB_USAGE, "--trust, --root and --threshold go with --source");
        if (o->thumbprints.n > 0 || o->yes || a->ca_file || a->pins || a->certificate ||
            a->certificate_key || a->token_file || a->user_file || a->password_file ||
            o->wait_sec > 0 || o->no_wait)
                return fail(VERB_USAGE, "a host that is its own source has nobody to compare with, "
                                        "to log in to or to wait for: those options go with "
                                        "--source");
        return VERB_OK;
}

static VerbStatus run(Call *call)
{
        const InitOptions *o = call->options;

        if (geteuid() != 0)
                return fail(VERB_FAILED, "init is root's: sudo nhictl init");
        if (o->local == (o->sources.n > 0))
                return fail(VERB_USAGE, "init wants --local, or --source URL and --trust FILE or "
                                        "--root FILE");
        if (o->wait_sec > 0 && o->no_wait)
                return fail(VERB_USAGE, "--wait or --no-wait: not both");
        if (!o->local)
                return init_source(call, o);
        return check_source_only(o) == VERB_OK ? init_local(call, o) : VERB_USAGE;
}

#define AT(member) offsetof(InitOptions, member)
static const Option options[] = {
        { "local", 0, OPTION_FLAG, AT(local), NULL, "this host is its own source" },
        { "source", 0, OPTION_LIST, AT(sources), "URL",
          "where this host's sets come from, as nhictl publish --to has it; mirrors too" },
        { "trust", 0, OPTION_STRING, AT(trust), "FILE", "the key to believe: nhictl key show" },
        { "root", 0, OPTION_LIST, AT(roots), "FILE",
          "in its place: a root key, whose key list says which keys sign; each of them" },
        { "threshold", 0, OPTION_NUMBER, AT(threshold), "N",
          "how many of several roots have to agree on the key list" },
        { "thumbprint", 0, OPTION_LIST, AT(thumbprints), "TEXT",
          "the key must be this one: hexadecimal or words, from nhictl key show; one for each" },
        { "yes", 0, OPTION_FLAG, AT(yes), NULL, "believe FILE as it stands, compared by nobody" },
        { "name", 0, OPTION_STRING, AT(name), "HOST", "this host's name (default: its FQDN)" },
        { "issuer", 0, OPTION_STRING, AT(issuer), "URI", "the issuer's name" },
        { "ca-file", 0, OPTION_STRING, AT(access.ca_file), "FILE",
          "the CA that the servers' certificates must be of" },
        { "pins", 0, OPTION_STRING, AT(access.pins), "PINS",
          "sha256//BASE64 of the servers' public keys; several parted by ';'" },
        { "certificate", 0, OPTION_STRING, AT(access.certificate), "FILE",
          "this host's certificate, to be shown to the servers" },
        { "certificate-key", 0, OPTION_STRING, AT(access.certificate_key), "FILE",
          "its private key" },
        { "token-file", 0, OPTION_STRING, AT(access.token_file), "FILE",
          "a file with a bearer token (https) or an etcd token" },
        { "user-file", 0, OPTION_STRING, AT(access.user_file), "FILE",
          "etcd: a file with the user's name" },
        { "password-file", 0, OPTION_STRING, AT(access.password_file), "FILE",
          "etcd: a file with the password" },
        { "wait", 0, OPTION_DURATION, AT(wait_sec), "T",
          "how long to wait for the first verified set (default 1m)" },
        { "no-wait", 0, OPTION_FLAG, AT(no_wait), NULL,
          "do not wait for it, nor ask the source for its key list" },
        { "replace", 0, OPTION_FLAG, AT(replace), NULL,
          "put aside what an earlier init set up, and write it anew" },
        LEDGER_OPTION(InitOptions, central),
        KEY_OPTION(InitOptions, central),
        PASSPHRASE_OPTION(InitOptions, central),
        OPTION_END,
};

const Verb verb_init = {
        .name = "init",
        .synopsis = "--local [--name HOST] | --source URL --trust FILE|--root FILE... "
                    "[--threshold N] [--thumbprint TEXT]... [--name HOST]",
        .help = "set this host up, with itself or with a central ledger as its source\n"
                "It changes no login: nothing is gated until an administrator says so.",
        .options = options,
        .options_size = sizeof(InitOptions),
        .run = run,
};
