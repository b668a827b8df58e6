/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key passphrase */

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/key-exec.h"
#include "nhictl/key-file.h"

typedef struct PassphraseOptions {
        CentralOptions central;
        const char *new_file;
        bool remove;
} PassphraseOptions;

DEFINE_CLEANUP(Passphrase *, passphrase_free);

/* What once lay on a disk in the clear may be found there still. */
static void say_what_remains(const char *path, bool was_locked, bool is_locked)
{
        if (!is_locked)
                say("%s has no passphrase any more: who reads the file can sign", path);
        else if (!was_locked)
                say("backups and free blocks of the disk may hold the key as it was: where that "
                    "matters, make a new one");
        if (is_locked && streq(path, PATH_ISSUER_KEY))
                say("nhi-renew.service and nhi-publish.service need the passphrase as their "
                    "credential " PASSPHRASE_CREDENTIAL ": nhictl(1), PASSPHRASES");
}

static int change(const char *path, const PassphraseOptions *o, const SigningKey *key,
                  bool was_locked)
{
        _cleanup_(passphrase_freep) Passphrase *p = NULL;
        int r = o->remove ? VERB_OK : passphrase_choose(path, o->new_file, &p);

        if (r != VERB_OK)
                return r;
        r = key_file_replace(path, key, p);
        if (r < 0)
                return fail(VERB_FAILED, "%s stays as it is: %s", path, strerror(-r));
        say_what_remains(path, was_locked, p);
        return VERB_OK;
}

static VerbStatus run(Call *call)
{
        const PassphraseOptions *o = call->options;
        const char *path = o->central.key ? o->central.key : PATH_ISSUER_KEY;
        bool was_locked = false, changes;
        SigningKey key = { 0 };
        int r;

        if (key_exec_is(path))
                return fail(VERB_USAGE, "who signs for us keeps its own key: --key FILE");
        if (o->remove && o->new_file)
                return fail(VERB_USAGE, "--remove leaves none: no --new-passphrase-file");
        r = key_file_open(path, o->central.passphrase_file, &key, &was_locked);
        if (r != VERB_OK)
                return r;
        changes = was_locked || !o->remove;
        if (changes)
                r = change(path, o, &key, was_locked);
        key_done(&key);
        return r == VERB_OK && output_changed(&call->out, changes) < 0 ? VERB_FAILED : r;
}

static const Option options[] = {
        KEY_OPTION(PassphraseOptions, central),
        PASSPHRASE_OPTION(PassphraseOptions, central),
        { "new-passphrase-file", 0, OPTION_STRING, offsetof(PassphraseOptions, new_file), "FILE",
          "a file with the new one (default: the terminal asks)" },
        { "remove", 0, OPTION_FLAG, offsetof(PassphraseOptions, remove), NULL,
          "leave the key without one" },
        OPTION_END,
};

const Verb verb_key_passphrase = {
        .name = "key passphrase",
        .synopsis = "[--key FILE] [--remove]",
        .help = "give the issuer's private key a passphrase, another one, or none",
        .options = options,
        .options_size = sizeof(PassphraseOptions),
        .run = run,
};
