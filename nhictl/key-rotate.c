/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key rotate: what the next key list is to say. It needs no key: the roots sign what stands
 * here. */

#include "nhictl/key-list.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"

#include <stdio.h>

#define LIST_FORMAT 1

typedef struct RotateOptions {
        CentralOptions central;
        ArgList add, retire, drop, roots;
        int64_t threshold, floor_sec, until_sec;
        const char *issuer;
} RotateOptions;

static int issuer_of(const RotateOptions *o, char **ret)
{
        const char *path = o->central.ledger ? o->central.ledger : PATH_LEDGER_DIR;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        char error[LEDGER_ERROR_MAX];

        if (!o->issuer && ledger_open(path, false, &l, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        *ret = strdup(o->issuer ? o->issuer : l->settings.issuer);
        return *ret ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

/* What there was, or a list that says nothing yet. */
static int load_or_new(const RotateOptions *o, const char *path, json_t **ret)
{
        _cleanup_free_ char *issuer = NULL;

        if (access(path, F_OK) == 0)
                return key_list_load(path, ret);
        if (issuer_of(o, &issuer) != VERB_OK)
                return VERB_FAILED;
        *ret = json_pack("{s:i, s:s, s:s, s:[], s:[], s:[], s:i}", "format", LIST_FORMAT, "iss",
                         issuer, "aud", KEYLIST_AUDIENCE, "keys", "retired", "roots", "threshold",
                         1);
        return *ret ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

static json_t *whole_reach(void)
{
        return json_pack("{s:[s,s,s,s], s:[s], s:[s], s:[s], s:[s], s:i}", "sign", "accounts",
                         "ssh_keys", "grants", "revocations", "accounts", "*", "services", "*",
                         "groups", "*", "run_as", "*", "lifetime_max", 86400);
}

static const char *kid_of(const json_t *key)
{
        return document_text(key, "kid");
}

static void take_out(json_t *list, const char *kid)
{
        size_t at;

        if (key_list_find(list, kid, &at))
                (void)json_array_remove(list, at);
}

static int add_key(json_t *doc, const char *name, json_t *key)
{
        size_t at;

        if (key_list_find(json_object_get(doc, "retired"), kid_of(key), &at))
                return fail(VERB_USAGE, "%s is retired: make a new key", name);
        if (key_list_find(json_object_get(doc, "keys"), kid_of(key), &at))
                return VERB_OK;
        if (!json_object_get(key, "reach"))
                (void)json_object_set_new(key, "reach", whole_reach());
        return json_array_append(json_object_get(doc, "keys"), key) < 0
                       ? fail(VERB_FAILED, "out of memory")
                       : VERB_OK;
}

static int retire_key(json_t *doc, const char *name, json_t *key)
{
        json_t *list = json_object_get(doc, "retired");
        size_t at;

        (void)json_object_del(key, "reach");
        (void)json_object_del(key, "nbf");
        (void)json_object_del(key, "exp");
        take_out(json_object_get(doc, "keys"), kid_of(key));
        if (!list && json_object_set_new(doc, "retired", list = json_array()) < 0)
                return fail(VERB_FAILED, "out of memory");
        if (key_list_find(list, kid_of(key), &at))
                return VERB_OK;
        return json_array_append(list, key) < 0 ? fail(VERB_FAILED, "out of memory") : VERB_OK;
}

static int drop_key(json_t *doc, const char *name, json_t *key)
{
        take_out(json_object_get(doc, "keys"), kid_of(key));
        return VERB_OK;
}

static int add_root(json_t *doc, const char *name, json_t *key)
{
        (void)json_object_del(key, "reach");
        return json_array_append(json_object_get(doc, "roots"), key) < 0
                       ? fail(VERB_FAILED, "out of memory")
                       : VERB_OK;
}

/* known: the list of before, whose kids may be named. */
static int for_each(const ArgList *names, const json_t *known, json_t *doc,
                    int (*change)(json_t *doc, const char *name, json_t *key))
{
        int r = VERB_OK;

        for (size_t i = 0; r == VERB_OK && i < names->n; i++) {
                json_t *key = NULL;

                r = key_list_jwk(names->items[i], known, &key);
                if (r == VERB_OK)
                        r = change(doc, names->items[i], key);
                json_decref(key);
        }
        return r;
}

/* All roots are named where any is: an old one that is left out is out. */
static int change_roots(const RotateOptions *o, const json_t *known, json_t *doc)
{
        int r = VERB_OK;

        if (o->roots.n > 1 && o->threshold == 0)
                return fail(VERB_USAGE, "how many of these %zu roots have to sign? --threshold N",
                            o->roots.n);
        if (o->roots.n > 0) {
                if (json_object_set_new(doc, "roots", json_array()) < 0)
                        r = fail(VERB_FAILED, "out of memory");
                if (r == VERB_OK)
                        r = for_each(&o->roots, known, doc, add_root);
        }
        if (r == VERB_OK && o->threshold > 0)
                (void)json_object_set_new(doc, "threshold", json_integer(o->threshold));
        return r;
}

static int check_whole(const json_t *doc)
{
        const size_t n_roots = json_array_size(json_object_get(doc, "roots"));
        const json_int_t threshold = json_integer_value(json_object_get(doc, "threshold"));

        if (n_roots == 0)
                return fail(VERB_USAGE, "no root is named: --root FILE.jwk, once for each");
        if (threshold < 1 || (size_t)threshold > n_roots)
                return fail(VERB_USAGE, "a threshold of %lld and %zu roots", (long long)threshold,
                            n_roots);
        if (json_array_size(json_object_get(doc, "keys")) == 0)
                return fail(VERB_USAGE, "no key would be left that signs sets: --add FILE.jwk");
        return VERB_OK;
}

/* A version of its own, above the last unless that is one that no host takes; a floor counts for
 * this version only. */
static void stamp(const RotateOptions *o, json_t *doc, int64_t now_sec)
{
        const json_int_t before = json_integer_value(json_object_get(doc, "ver"));
        const json_int_t next = before < TIME_SEC_MAX * 1000 ? before + 1 : 0;
        const json_int_t now_msec = (json_int_t)(now_realtime_usec() / 1000);

        (void)json_object_set_new(doc, "iat", json_integer(now_sec));
        (void)json_object_set_new(doc, "ver", json_integer(now_msec > next ? now_msec : next));
        (void)json_object_del(doc, "floor");
        if (o->floor_sec > 0)
                (void)json_object_set_new(doc, "floor", json_integer(o->floor_sec * 1000));
        if (o->until_sec > 0)
                (void)json_object_set_new(doc, "exp", json_integer(o->until_sec));
}

/* Has a list that enough of its roots signed yet to take its place? */
static bool is_unsigned(const RotateOptions *o, const json_t *doc)
{
        _cleanup_free_ char *path = key_list_path(&o->central, KEYS_SIGNED), *lines = NULL;

        if (path)
                (void)keys_read_lines(path, &lines);
        return keys_is_newer(doc, lines);
}

static void say_next(const RotateOptions *o, const char *path, const json_t *doc, bool changed)
{
        const json_t *key;
        size_t i;

        json_array_foreach(json_object_get(doc, "keys"), i, key)
                say("signs sets: %s", kid_of(key));
        json_array_foreach(json_object_get(doc, "retired"), i, key)
                say("retired:    %s", kid_of(key));
        if (!changed)
                say("nothing changed: %s says so already", path);
        if (!changed && !is_unsigned(o, doc))
                return;
        say("%s is to be signed by %lld of %zu roots: nhictl key sign --key ROOT for each, then "
            "nhictl publish",
            path, (long long)json_integer_value(json_object_get(doc, "threshold")),
            json_array_size(json_object_get(doc, "roots")));
}

static int change(const RotateOptions *o, const json_t *known, json_t *doc)
{
        int r = change_roots(o, known, doc);

        if (r == VERB_OK)
                r = for_each(&o->add, known, doc, add_key);
        if (r == VERB_OK)
                r = for_each(&o->retire, known, doc, retire_key);
        if (r == VERB_OK)
                r = for_each(&o->drop, known, doc, drop_key);
        return r == VERB_OK ? check_whole(doc) : r;
}

static int save(const char *path, const json_t *doc)
{
        _cleanup_free_ char *text = document_format(doc);
        int r = text ? file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), true)
                     : -ENOMEM;

        return r < 0 ? fail(VERB_FAILED, "%s: %s", path, strerror(-r)) : VERB_OK;
}

static VerbStatus run(Call *call)
{
        const RotateOptions *o = call->options;
        _cleanup_free_ char *path = key_list_path(&o->central, KEYS_DOCUMENT);
        json_t *doc = NULL, *before = NULL;
        bool changed = false;
        int r;

        if (!path)
                return fail(VERB_FAILED, "out of memory");
        r = load_or_new(o, path, &doc);
        if (r == VERB_OK)
                before = json_deep_copy(doc);
        if (r == VERB_OK)
                r = before ? change(o, before, doc) : fail(VERB_FAILED, "out of memory");
        changed =
                r == VERB_OK && (!json_equal(before, doc) || o->floor_sec > 0 || o->until_sec > 0);
        if (changed) {
                stamp(o, doc, call->now_sec);
                r = save(path, doc);
        }
        if (r == VERB_OK)
                say_next(o, path, doc, changed);
        json_decref(before);
        json_decref(doc);
        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                r = VERB_FAILED;
        return r;
}

#define AT(member) offsetof(RotateOptions, member)
static const Option options[] = {
        { "add", 0, OPTION_LIST, AT(add), "FILE",
          "a public key that signs sets from now on; its member reach narrows it" },
        { "retire", 0, OPTION_LIST, AT(retire), "KEY",
          "a kid or FILE: it signs nothing any more, and what it signed is over" },
        { "drop", 0, OPTION_LIST, AT(drop), "KEY",
          "a kid or FILE: it signs nothing any more; no session ends by that" },
        { "root", 0, OPTION_LIST, AT(roots), "KEY",
          "the root keys from now on, all of them: kids or FILEs" },
        { "threshold", 0, OPTION_NUMBER, AT(threshold), "N",
          "how many of them have to sign: to be said where several --root are" },
        { "floor", 0, OPTION_SINCE, AT(floor_sec), "T",
          "refuse sets from before T; undo versions that a key which goes moved ahead" },
        { "until", 0, OPTION_TIME, AT(until_sec), "T", "after it the keys sign nothing new" },
        { "issuer", 0, OPTION_STRING, AT(issuer), "URI",
          "the issuer's name, for a new list (default: the ledger's)" },
        LEDGER_OPTION(RotateOptions, central),
        OPTION_END,
};

const Verb verb_key_rotate = {
        .name = "key rotate",
        .synopsis = "[--add FILE]... [--retire KEY]... [--root KEY]... [--threshold N]",
        .help = "say which keys sign for the issuer from now on\n"
                "It writes LEDGER/keys.json, for the root keys to sign: nhictl key sign.",
        .options = options,
        .options_size = sizeof(RotateOptions),
        .run = run,
};
