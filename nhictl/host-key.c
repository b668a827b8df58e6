/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl host key: on a host the key that its reports and its log's heads are signed with; in the
 * ledger the key that a host's reports are verified with. */

#include "nhictl/host-key.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/agent-client.h"
#include "nhictl/central.h"
#include "nhictl/fleet/report.h"
#include "nhictl/key.h"

#include <fcntl.h>

#define KEY_FILE_MAX 4096u

typedef struct HostKeyOptions {
        CentralOptions central;
} HostKeyOptions;

static int read_text(const char *file, char **ret, size_t *ret_size)
{
        char *text;
        int r;

        if (!streq(file, "-"))
                return document_read(AT_FDCWD, file, KEY_FILE_MAX, ret, ret_size);
        text = calloc(1, KEY_FILE_MAX + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(STDIN_FILENO, text, KEY_FILE_MAX, ret_size);
        if (r < 0)
                free(text);
        else
                *ret = text;
        return r;
}

int host_key_file(const char *file, json_t **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        Jwk key;
        int r = read_text(file, &text, &size);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", file, strerror(-r));
        if (jwk_parse(text, size, &key) < 0)
                return fail(VERB_USAGE,
                            "%s is no public Ed25519 JWK: nhictl host key prints it on the host",
                            file);
        *ret = key_public_document(&key, NULL);
        return *ret ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

static int print_key(const Call *call, const Jwk *key)
{
        json_t *doc = key_public_document(key, NULL);
        int r;

        if (!doc)
                return fail(VERB_FAILED, "out of memory");
        if (call->out.json)
                return output_document(doc) < 0 ? VERB_FAILED : VERB_OK;
        r = json_dumpf(doc, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(doc);
        return r < 0 || puts("") == EOF ? VERB_FAILED : VERB_OK;
}

static int print_own(const Call *call)
{
        json_t *reply = NULL, *shaped;
        Jwk key;
        int r = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);

        if (r != VERB_OK)
                return r;
        shaped = json_pack("{s:O*}", "key", json_object_get(reply, "host_key"));
        r = host_key_read(shaped, &key);
        json_decref(shaped);
        json_decref(reply);
        return r < 0 ? fail(VERB_FAILED, "the agent does not tell its key: is it of this version?")
                     : print_key(call, &key);
}

static int print_one(const Call *call, const Ledger *l, const char *name)
{
        const json_t *host = ledger_get(l, DOC_HOST, name);
        Jwk key;
        int r = host ? host_key_read(host, &key) : -ENOENT;

        if (!host)
                return fail(VERB_USAGE, "there is no host %s: nhictl host add %s", name, name);
        if (r == -ENOENT)
                return fail(VERB_PROBLEM,
                            "the ledger has no key of %s: nhictl host key on the host prints it, "
                            "nhictl host key %s FILE adds it",
                            name, name);
        return r < 0 ? fail(VERB_FAILED, "the key of %s in the ledger is no public Ed25519 JWK",
                            name)
                     : print_key(call, &key);
}

static int put_key(Ledger *l, const char *name, const json_t *key, bool *ret_changed)
{
        const json_t *old = ledger_get(l, DOC_HOST, name);
        json_t *doc;

        if (!old)
                return fail(VERB_USAGE, "there is no host %s: nhictl host add %s", name, name);
        if (json_equal(json_object_get(old, "key"), key))
                return VERB_OK;
        if (json_object_get(old, "key"))
                say("%s had another key: only reports that are signed with the new one count now",
                    name);
        doc = json_copy((json_t *)(uintptr_t)old);
        if (!doc || json_object_set(doc, "key", (json_t *)(uintptr_t)key) < 0) {
                json_decref(doc);
                return fail(VERB_FAILED, "out of memory");
        }
        *ret_changed = true;
        return central_change(l, HISTORY_CHANGED, DOC_HOST, name, doc, NULL);
}

static int set_one(const Call *call, const HostKeyOptions *o, const char *name, const char *file)
{
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        json_t *key = NULL;
        int r = host_key_file(file, &key);

        if (r == VERB_OK)
                r = central_open(call, &o->central, true, &l);
        if (r == VERB_OK)
                r = put_key(l, name, key, &changed);
        json_decref(key);
        return r == VERB_OK ? central_done(call, &o->central, l, changed) : r;
}

static VerbStatus run(Call *call)
{
        const HostKeyOptions *o = call->options;
        const char *const *words = call->operands.items;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        if (call->operands.n == 0)
                return print_own(call);
        if (central_check_name(DOC_HOST, words[0]) != VERB_OK)
                return VERB_USAGE;
        if (call->operands.n == 2)
                return set_one(call, o, words[0], words[1]);
        r = central_open(call, &o->central, false, &l);
        return r == VERB_OK ? print_one(call, l, words[0]) : r;
}

static const Option options[] = { CENTRAL_OPTIONS(HostKeyOptions, central), OPTION_END };

const Verb verb_host_key = {
        .name = "host key",
        .synopsis = "[NAME [FILE]]",
        .help = "print this host's public key, or a host's in the ledger, or set that\n"
                "Reports of a host are verified with the key that the ledger has of it. FILE is "
                "what\nnhictl host key printed on the host; -: standard input.",
        .options = options,
        .options_size = sizeof(HostKeyOptions),
        .operands_max = 2,
        .run = run,
};
