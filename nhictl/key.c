/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key new|show */

#include "nhictl/key.h"

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/fingerprint.h"
#include "nhictl/key-exec.h"
#include "nhictl/key-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 16384u

typedef struct KeyOptions {
        CentralOptions central;
        const char *issuer;
        bool root, passphrase;
} KeyOptions;

DEFINE_CLEANUP(Passphrase *, passphrase_free);

static int create(const char *path, const Passphrase *p)
{
        SigningKey key = { 0 };
        int r;

        r = signing_key_generate(&key);
        if (r == 0)
                r = key_file_create(path, &key, p);
        signing_key_done(&key);
        return r;
}

int key_create(const char *path)
{
        return create(path, NULL);
}

json_t *key_public_document(const Jwk *public, const char *issuer)
{
        char *text = NULL;
        json_t *doc;

        if (jwk_format(public, &text) < 0)
                return NULL;
        doc = json_loads(text, 0, NULL);
        free(text);
        if (!doc || json_object_set_new(doc, "kid", json_string(public->kid)) < 0 ||
            (issuer && json_object_set_new(doc, "iss", json_string(issuer)) < 0)) {
                json_decref(doc);
                return NULL;
        }
        return doc;
}

/* A central side has nothing in /etc/nhi before its key. */
static int make_place(const KeyOptions *o)
{
        if (o->central.key || mkdir(PATH_ETC_DIR, 0755) == 0 || errno == EEXIST)
                return VERB_OK;
        return fail(VERB_FAILED, "%s: %s", PATH_ETC_DIR, strerror(errno));
}

/* Never over a key that is there: hosts trust it. */
static VerbStatus run_new(Call *call)
{
        const KeyOptions *o = call->options;
        const char *path = o->central.key ? o->central.key : PATH_ISSUER_KEY;
        _cleanup_(passphrase_freep) Passphrase *p = NULL;
        struct stat st;
        int r;

        if (o->root && !o->central.key)
                return fail(VERB_USAGE, "where is the root key to be? --key FILE, on a medium that "
                                        "is kept offline");
        if (key_exec_is(path))
                return fail(VERB_USAGE, "who signs for us makes its own key: --key FILE");
        r = make_place(o);
        if (r != VERB_OK)
                return r;
        r = lstat(path, &st) == 0 ? -EEXIST : 0;
        if (r == 0 && (o->passphrase || o->central.passphrase_file)) {
                r = passphrase_choose(path, o->central.passphrase_file, &p);
                if (r != VERB_OK)
                        return r;
        }
        if (r == 0)
                r = create(path, p);
        if (r == -EEXIST) {
                say("%s exists and stays as it is", path);
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        }
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        if (o->root)
                say("%s holds the new root key; nhictl key show --key %s prints what hosts name "
                    "under roots, and nhictl key rotate --root takes",
                    path, path);
        else
                say("%s holds the new key; nhictl key show prints what hosts have to trust", path);
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

/* ---- key show ---- */

/* A key that somebody else printed: to be compared with what its owner has. */
static int show_file(const char *path, Jwk *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = document_read(AT_FDCWD, path, KEY_FILE_MAX, &text, &size);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        return jwk_parse(text, size, ret) < 0
                       ? fail(VERB_STALE, "%s is no public Ed25519 JWK", path)
                       : VERB_OK;
}

/* The issuer's name goes with the key where the ledger is at hand: nhictl init --trust reads both
 * from one file. */
static int show_own(const KeyOptions *o, Jwk *ret, Ledger **ret_ledger)
{
        const char *path = o->central.ledger ? o->central.ledger : PATH_LEDGER_DIR;
        char error[LEDGER_ERROR_MAX];
        int r = central_public_key(&o->central, ret);

        if (r != VERB_OK)
                return r;
        if (!o->issuer && ledger_open(path, false, ret_ledger, error) < 0 && o->central.ledger)
                return fail(VERB_FAILED, "%s", error);
        return VERB_OK;
}

static int add_thumbprint(json_t *doc, const Jwk *key)
{
        char hex[FINGERPRINT_HEX_SIZE], words[FINGERPRINT_TEXT_SIZE];

        return json_object_set_new(doc, "thumbprint",
                                   json_pack("{s:s, s:s}", "hex", fingerprint_hex(key, hex),
                                             "words", fingerprint_words(key, words)));
}

static VerbStatus run_show(Call *call)
{
        const char *file = call->operands.n > 0 ? call->operands.items[0] : NULL;
        const KeyOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        json_t *doc;
        Jwk key;
        int r;

        if (file && (o->central.key || o->central.ledger))
                return fail(VERB_USAGE, "FILE, or the key of a ledger: not both");
        r = file ? show_file(file, &key) : show_own(o, &key, &l);
        if (r != VERB_OK)
                return r;
        doc = key_public_document(&key, o->issuer ? o->issuer : l ? l->settings.issuer : NULL);
        if (!doc || (call->out.json && add_thumbprint(doc, &key) < 0)) {
                json_decref(doc);
                return fail(VERB_FAILED, "out of memory");
        }
        if (call->out.json)
                return output_document(doc) < 0 ? VERB_FAILED : VERB_OK;
        fingerprint_say(&key);
        r = json_dumpf(doc, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(doc);
        return r < 0 || puts("") == EOF ? VERB_FAILED : VERB_OK;
}

static const Option new_options[] = {
        KEY_OPTION(KeyOptions, central),
        { "root", 0, OPTION_FLAG, offsetof(KeyOptions, root), NULL,
          "a root key, which signs key lists only" },
        { "passphrase", 0, OPTION_FLAG, offsetof(KeyOptions, passphrase), NULL,
          "lock it with a passphrase" },
        { "passphrase-file", 0, OPTION_STRING, offsetof(KeyOptions, central.passphrase_file),
          "FILE", "with the one in this file" },
        OPTION_END,
};
static const Option show_options[] = {
        KEY_OPTION(KeyOptions, central),
        LEDGER_OPTION(KeyOptions, central),
        { "issuer", 0, OPTION_STRING, offsetof(KeyOptions, issuer), "URI",
          "the issuer's name to print with it (default: the ledger's)" },
        OPTION_END,
};

const Verb verb_key_new = {
        .name = "key new",
        .synopsis = "[--root] [--key KEY] [--passphrase]",
        .help = "make the issuer's signing key, unless there is one",
        .options = new_options,
        .options_size = sizeof(KeyOptions),
        .run = run_new,
};
const Verb verb_key_show = {
        .name = "key show",
        .synopsis = "[FILE] [--key KEY] [--ledger DIR]",
        .help = "print the public key as a JWK: what hosts have to trust\n"
                "Its thumbprint, in hexadecimal and in words, goes to standard error: to be read "
                "out\nto whoever enrols a host. With FILE, a public key, what that one holds.",
        .options = show_options,
        .options_size = sizeof(KeyOptions),
        .operands_max = 1,
        .run = run_show,
};
