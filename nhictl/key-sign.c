/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl key sign: a root key signs the key list. Roots that never meet sign one after the other,
 * each where it is kept. What is published stays as it is until enough of them have: meanwhile
 * their signatures stand beside it. */

#include "nhictl/key-list.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/key-exec.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct SignOptions {
        CentralOptions central;
        ArgList with;
        const char *from, *to;
} SignOptions;

/* The signatures of one list. */
typedef struct Gathering {
        char *of;    /* what they are over, as a line without a signature */
        char *part;  /* the file where they come together */
        char *whole; /* where they go once enough have signed; NULL: they stay, --to */
        char *part_lines, *whole_lines; /* what stood there; NULL: nothing */
        char *lines;
        KeyList *former; /* the list that whole holds until then; NULL: none that hosts take */
} Gathering;

static void gathering_done(Gathering *g)
{
        free(g->of);
        free(g->part);
        free(g->whole);
        free(g->part_lines);
        free(g->whole_lines);
        free(g->lines);
        key_list_free(g->former);
}

static bool is_same_file(const char *a, const char *b)
{
        struct stat one, other;

        return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
               one.st_ino == other.st_ino;
}

/* --to that names the ledger's own list means what goes without saying. */
static int find_files(Gathering *g, const SignOptions *o)
{
        _cleanup_free_ char *whole = key_list_path(&o->central, KEYS_SIGNED);
        const bool is_apart = whole && o->to && !is_same_file(o->to, whole);

        g->part = is_apart ? strdup(o->to) : key_list_path(&o->central, KEYS_SIGNED KEYS_PART);
        if (!is_apart)
                g->whole = TAKE_PTR(whole);
        return g->part && (g->whole || is_apart) ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

static int gathering_init(Gathering *g, const SignOptions *o, const char *payload)
{
        const size_t size = strlen(payload);
        _cleanup_free_ char *text = malloc(base64url_size(size) + 1);

        if (text)
                base64url_encode((const uint8_t *)payload, size, text);
        if (!text || asprintf(&g->of, ".%s.", text) < 0)
                g->of = NULL;
        g->lines = strdup("");
        return g->of && g->lines ? find_files(g, o) : fail(VERB_FAILED, "out of memory");
}

static int add_line(Gathering *g, const char *line)
{
        char *grown = NULL;

        if (strstr(g->lines, line))
                return VERB_OK;
        if (asprintf(&grown, "%s%s%s", g->lines, *g->lines ? "\n" : "", line) < 0)
                return fail(VERB_FAILED, "out of memory");
        free(g->lines);
        g->lines = grown;
        return VERB_OK;
}

static int add_lines(Gathering *g, const char *lines)
{
        _cleanup_free_ char *copy = strdup(lines);
        char *rest = copy;
        int r = copy ? VERB_OK : fail(VERB_FAILED, "out of memory");

        while (r == VERB_OK && rest)
                r = add_line(g, strsep(&rest, "\n"));
        return r;
}

/* A file that may be absent; *ret_others: it holds signatures of another list. */
static int add_file(Gathering *g, const char *path, char **ret, bool *ret_others)
{
        int r = keys_read_lines(path, ret);

        *ret_others = false;
        if (r == -ENOENT)
                return VERB_OK;
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        *ret_others = **ret && !keylist_same(*ret, g->of);
        return *ret_others ? VERB_OK : add_lines(g, *ret);
}

static int add_carried(Gathering *g, const ArgList *with)
{
        int r = VERB_OK;

        for (size_t i = 0; r == VERB_OK && i < with->n; i++) {
                _cleanup_free_ char *lines = NULL;
                bool is_others;

                r = add_file(g, with->items[i], &lines, &is_others);
                if (r == VERB_OK && (!lines || is_others))
                        r = fail(VERB_STALE,
                                 "%s holds no signatures of this list: nothing was changed",
                                 with->items[i]);
        }
        return r;
}

/* What is there already. */
static int gather(Gathering *g, const SignOptions *o, const KeyList *list)
{
        bool is_others = false;
        int r = add_file(g, g->part, &g->part_lines, &is_others);

        if (r == VERB_OK && is_others)
                say("%s held signatures of another list: they are replaced", g->part);
        if (r == VERB_OK && g->whole)
                r = add_file(g, g->whole, &g->whole_lines, &is_others);
        if (r == VERB_OK && g->whole && is_others &&
            keylist_former(g->whole_lines, list->issuer, &g->former) < 0)
                r = fail(VERB_FAILED, "out of memory");
        if (r == VERB_OK && g->former && g->former->ver >= list->ver)
                r = fail(VERB_STALE,
                         "%s holds a list of version %lld, which hosts would keep: nhictl key "
                         "rotate makes a newer one",
                         g->whole, (long long)g->former->ver);
        return r == VERB_OK ? add_carried(g, &o->with) : r;
}

/* Enough of its roots have signed; hosts that have the list of before ask those of that one. */
static int check_former(const Gathering *g, int64_t now_sec, bool *ret_enough)
{
        char roots[KEYLIST_ROOTS_TEXT];
        SetError e;
        int r = g->former ? keylist_succeeds(g->former, g->lines, now_sec, &e) : 0;

        if (r < 0 && r != -EBADMSG)
                return fail(VERB_FAILED, "out of memory");
        *ret_enough = r == 0;
        if (r == 0) {
                say("enough of its roots have signed: %s",
                    g->whole ? "nhictl publish"
                             : "nhictl key sign --with FILE brings them into the ledger");
                return VERB_OK;
        }
        keylist_name_roots(g->former, roots, sizeof(roots));
        say("hosts that have the list in %s would refuse it: %s: %s. Roots of that list have to "
            "sign, too (%u of %s). Where no host has it, remove it, then: nhictl key sign --with "
            "%s",
            g->whole, e.code, e.detail, g->former->threshold, roots, g->part);
        return VERB_OK;
}

static int check(const Gathering *g, const char *issuer, int64_t now_sec, bool *ret_enough)
{
        KeyList *list = NULL;
        SetError e;
        int r = keylist_check(g->lines, strlen(g->lines), issuer, now_sec, &list, &e);

        *ret_enough = false;
        if (r == 0)
                r = check_former(g, now_sec, ret_enough);
        else if (r == -EBADMSG && streq(e.code, "root-threshold")) {
                say("more roots have to sign: %s", e.detail);
                r = VERB_OK;
        } else if (r == -EBADMSG)
                r = fail(VERB_STALE, "hosts would refuse it: %s: %s", e.code, e.detail);
        else
                r = fail(VERB_FAILED, "out of memory");
        key_list_free(list);
        return r;
}

static int put(const char *path, const char *lines, const char *before, bool *changed)
{
        int r;

        *changed = !before || !streq(lines, before);
        if (!*changed)
                return VERB_OK;
        r = file_replace(path, lines, strlen(lines), 0644, geteuid(), getegid(), true);
        return r < 0 ? fail(VERB_FAILED, "%s: %s", path, strerror(-r)) : VERB_OK;
}

static int save(const Gathering *g, bool is_enough, bool *changed)
{
        int r;

        if (!is_enough || !g->whole) {
                r = put(g->part, g->lines, g->part_lines, changed);
                if (r == VERB_OK)
                        say("the signatures stand in %s%s", g->part,
                            g->whole ? "; what hosts have stays in force" : "");
                return r;
        }
        r = put(g->whole, g->lines, g->whole_lines, changed);
        if (r == VERB_OK && unlink(g->part) < 0 && errno != ENOENT)
                r = fail(VERB_FAILED, "%s: %s", g->part, strerror(errno));
        return r;
}

static int add_signature(Gathering *g, const SignOptions *o, const char *payload,
                         const KeyList *list)
{
        _cleanup_free_ char *line = NULL;
        SigningKey key = { 0 };
        bool is_root = false;
        int r;

        if (!o->central.key)
                return VERB_OK;
        r = central_key(&o->central, &key);
        if (r != VERB_OK)
                return r;
        for (size_t i = 0; i < list->n_roots; i++)
                is_root |= streq(list->roots[i].kid, key.public.kid);
        if (!is_root)
                say("this key is none of the roots that the list names: it counts only where it is "
                    "one until now");
        r = jws_sign(&key, JWS_TYP_KEYS, payload, strlen(payload), &line);
        key_done(&key);
        return r < 0 ? fail(VERB_FAILED, "it could not be signed: %s", strerror(-r))
                     : add_line(g, line);
}

/* As hosts will read it, and as the one who signs it has to see it. */
static int read_list(const char *from, const Gathering *g, const json_t *doc, KeyList **ret)
{
        SetError e;
        int r = keylist_read(g->of, strlen(g->of), document_text(doc, "iss"), ret, &e);

        if (r == -EBADMSG)
                return fail(VERB_STALE, "%s: hosts would refuse it: %s: %s", from, e.code,
                            e.detail);
        if (r < 0)
                return fail(VERB_FAILED, "out of memory");
        if ((*ret)->n_skipped > 0)
                return fail(VERB_STALE, "%s: hosts would leave a key out: %s", from,
                            (*ret)->skipped[0]);
        key_list_say(*ret);
        return VERB_OK;
}

static int sign(const SignOptions *o, const char *from, int64_t now_sec, bool *changed)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;
        _cleanup_free_ char *payload = NULL;
        Gathering g = { 0 };
        KeyList *list = NULL;
        bool is_enough;
        int r = key_list_load(from, &doc);

        if (r != VERB_OK)
                return r;
        payload = key_list_payload(doc);
        r = payload ? gathering_init(&g, o, payload) : fail(VERB_FAILED, "out of memory");
        if (r == VERB_OK)
                r = read_list(from, &g, doc, &list);
        if (r == VERB_OK)
                r = gather(&g, o, list);
        if (r == VERB_OK)
                r = add_signature(&g, o, payload, list);
        if (r == VERB_OK)
                r = check(&g, list->issuer, now_sec, &is_enough);
        if (r == VERB_OK)
                r = save(&g, is_enough, changed);
        key_list_free(list);
        gathering_done(&g);
        return r;
}

static VerbStatus run(Call *call)
{
        const SignOptions *o = call->options;
        _cleanup_free_ char *from =
                o->from ? strdup(o->from) : key_list_path(&o->central, KEYS_DOCUMENT);
        bool changed = false;
        int r;

        if (!from)
                return fail(VERB_FAILED, "out of memory");
        if (!o->central.key && o->with.n == 0)
                return fail(VERB_USAGE, "which root signs? --key FILE");
        r = sign(o, from, call->now_sec, &changed);
        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                r = VERB_FAILED;
        return r;
}

#define AT(member) offsetof(SignOptions, member)
static const Option options[] = {
        { "key", 0, OPTION_STRING, AT(central.key), "KEY",
          "the root key: a file, or exec:COMMAND" },
        LEDGER_OPTION(SignOptions, central),
        { "from", 0, OPTION_STRING, AT(from), "FILE",
          "the list to sign (default keys.json in the ledger)" },
        { "to", 0, OPTION_STRING, AT(to), "FILE",
          "where its signatures are gathered (default keys.jws.part in the ledger, and keys.jws "
          "once enough have signed)" },
        { "with", 0, OPTION_LIST, AT(with), "FILE",
          "signatures that were gathered elsewhere, to be added" },
        OPTION_END,
};

const Verb verb_key_sign = {
        .name = "key sign",
        .synopsis = "[--key ROOT] [--from FILE] [--to FILE] [--with FILE]...",
        .help = "sign the key list with a root key\n"
                "Who signs is shown what it says first. Where the root is kept offline, --from "
                "and\n"
                "--to carry list and signatures there, and --with brings these back.",
        .options = options,
        .options_size = sizeof(SignOptions),
        .run = run,
};
