/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key sign: a root key signs the key list. Roots that never meet sign one after the other,
 * each where it is kept. */

#include "nhictl/key-list.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/key-exec.h"

#include <fcntl.h>
#include <stdio.h>

typedef struct SignOptions {
        CentralOptions central;
        const char *from, *to;
} SignOptions;

/* The lines that are there and over the same payload, malloc'ed; "" where there are none. */
static int load_lines(const char *path, const char *line, char **ret)
{
        const char *payload = strchr(line, '.') + 1;
        const size_t payload_size = strcspn(payload, ".");
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        const char *found;
        int r = document_read(AT_FDCWD, path, KEYLIST_SIZE_MAX, &text, &size);

        if (r < 0 && r != -ENOENT)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        while (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';
        found = text ? strchr(text, '.') : NULL;
        if (found &&
            (strncmp(found + 1, payload, payload_size) != 0 || found[1 + payload_size] != '.')) {
                say("%s held signatures of another list: they are replaced", path);
                found = NULL;
        }
        *ret = found ? TAKE_PTR(text) : strdup("");
        return *ret ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

static int append(char **lines, const char *line, bool *changed)
{
        char *grown = NULL;

        *changed = strstr(*lines, line) == NULL;
        if (!*changed)
                return VERB_OK;
        if (asprintf(&grown, "%s%s%s", *lines, **lines ? "\n" : "", line) < 0)
                return fail(VERB_FAILED, "out of memory");
        free(*lines);
        *lines = grown;
        return VERB_OK;
}

static bool is_root_of(const json_t *doc, const char *kid)
{
        const json_t *root;
        size_t i;

        json_array_foreach(json_object_get(doc, "roots"), i, root)
                if (streq(document_text(root, "kid"), kid))
                        return true;
        return false;
}

/* What hosts would say of it that know the roots that it names. */
static int say_verdict(const char *lines, const json_t *doc, int64_t now_sec)
{
        KeyList *list = NULL;
        SetError e;
        int r = keylist_check(lines, strlen(lines), document_text(doc, "iss"), now_sec, &list, &e);

        if (r == 0 && list->n_skipped > 0)
                r = fail(VERB_STALE, "hosts would leave a key out: %s", list->skipped[0]);
        else if (r == 0)
                say("enough of its roots have signed: nhictl publish");
        else if (r == -EBADMSG && streq(e.code, "root-threshold"))
                say("signed; more roots are needed: %s", e.detail);
        else if (r == -EBADMSG)
                r = fail(VERB_STALE, "hosts would refuse it: %s: %s", e.code, e.detail);
        else
                r = fail(VERB_FAILED, "out of memory");
        key_list_free(list);
        return r < 0 ? VERB_OK : r;
}

static int sign_lines(const SigningKey *key, const json_t *doc, const char *to, int64_t now_sec,
                      bool *changed)
{
        _cleanup_free_ char *payload = key_list_payload(doc), *line = NULL, *lines = NULL;
        int r = payload ? jws_sign(key, JWS_TYP_KEYS, payload, strlen(payload), &line) : -ENOMEM;

        if (r < 0)
                return fail(VERB_FAILED, "it could not be signed: %s", strerror(-r));
        r = load_lines(to, line, &lines);
        if (r == VERB_OK)
                r = append(&lines, line, changed);
        if (r == VERB_OK)
                r = say_verdict(lines, doc, now_sec);
        if (r != VERB_OK || !*changed)
                return r;
        r = file_replace(to, lines, strlen(lines), 0644, geteuid(), getegid(), true);
        return r < 0 ? fail(VERB_FAILED, "%s: %s", to, strerror(-r)) : VERB_OK;
}

static VerbStatus run(Call *call)
{
        const SignOptions *o = call->options;
        _cleanup_free_ char *from =
                o->from ? strdup(o->from) : key_list_path(&o->central, KEYS_DOCUMENT);
        _cleanup_free_ char *to = o->to ? strdup(o->to) : key_list_path(&o->central, KEYS_SIGNED);
        SigningKey key = { 0 };
        bool changed = false;
        json_t *doc = NULL;
        int r;

        if (!from || !to)
                return fail(VERB_FAILED, "out of memory");
        if (!o->central.key)
                return fail(VERB_USAGE, "which root signs? --key FILE");
        r = key_list_load(from, &doc);
        if (r == VERB_OK)
                r = central_key(&o->central, &key);
        if (r == VERB_OK && !is_root_of(doc, key.public.kid))
                say("this key is none of the roots that the list names: it counts only where it is "
                    "one until now");
        if (r == VERB_OK)
                r = sign_lines(&key, doc, to, call->now_sec, &changed);
        key_done(&key);
        json_decref(doc);
        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                r = VERB_FAILED;
        return r;
}

#define AT(member) offsetof(SignOptions, member)
static const Option options[] = {
        KEY_OPTION(SignOptions, central),
        LEDGER_OPTION(SignOptions, central),
        { "from", 0, OPTION_STRING, AT(from), "FILE",
          "the list to sign (default keys.json in the ledger)" },
        { "to", 0, OPTION_STRING, AT(to), "FILE",
          "where its signatures are gathered (default keys.jws in the ledger)" },
        OPTION_END,
};

const Verb verb_key_sign = {
        .name = "key sign",
        .synopsis = "--key ROOT [--from FILE] [--to FILE]",
        .help = "sign the key list with a root key\n"
                "Where the root is kept offline, --from and --to carry both files there and back.",
        .options = options,
        .options_size = sizeof(SignOptions),
        .run = run,
};
