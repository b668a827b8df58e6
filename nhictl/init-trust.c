/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keys that this host is to believe, and whether they are the ones that were meant. */

#include "lib/base/path.h"
#include "lib/base/sort.h"
#include "nhictl/fingerprint.h"
#include "nhictl/init.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#define TRUST_SIZE_MAX 8192u
#define ANSWER_SIZE    16
#define KEY_FILE       PATH_TRUST_DIR "/source.jwk"
#define ROOT_FILE                                                                                  \
        PATH_TRUST_DIR "/source-root-%s.jwk" /* by its kid: none takes another's place             \
                                              */

static bool has_private_half(const char *text, size_t size)
{
        SigningKey key = { 0 };
        const bool is_private = signing_key_parse(text, size, &key) == 0;

        signing_key_done(&key);
        return is_private || memmem(text, size, "PRIVATE KEY", strlen("PRIVATE KEY"));
}

/* ---- read ---- */

static int parse_document(const InitOptions *o, const json_t *doc, InitTrust *t, InitKey *k)
{
        const char *issuer = o->issuer ? o->issuer : document_text(doc, "iss");

        if (*issuer == '\0')
                return fail(VERB_USAGE, "%s does not name its issuer (\"iss\"): add --issuer URI",
                            k->given);
        if (t->issuer && !streq(t->issuer, issuer))
                return fail(VERB_USAGE,
                            "%s is a key of %s, and those before it are of %s: roots of one host's "
                            "issuer name one issuer",
                            k->given, issuer, t->issuer);
        if (!t->issuer)
                t->issuer = strdup(issuer);
        k->text = document_format(doc);
        if (t->threshold == 0)
                k->file = strdup(KEY_FILE);
        else if (asprintf(&k->file, ROOT_FILE, k->key.kid) < 0)
                k->file = NULL;
        return t->issuer && k->text && k->file ? VERB_OK : fail(VERB_FAILED, "out of memory");
}

static int parse_key(const InitOptions *o, const char *text, size_t size, InitTrust *t, InitKey *k)
{
        char error[DOCUMENT_ERROR_MAX];
        json_t *doc = NULL;
        int r;

        if (has_private_half(text, size))
                return fail(VERB_STALE,
                            "%s holds a private key, which stays where it signs: nhictl key show "
                            "prints there what hosts have to trust",
                            k->given);
        if (document_parse(text, size, &doc, error) < 0)
                return fail(VERB_STALE, "%s: %s", k->given, error);
        r = jwk_parse(text, size, &k->key) < 0
                    ? fail(VERB_STALE, "%s is no public Ed25519 JWK: nhictl key show prints one",
                           k->given)
                    : parse_document(o, doc, t, k);
        json_decref(doc);
        return r;
}

static int read_key(const InitOptions *o, const char *path, InitTrust *t)
{
        InitKey *k = &t->keys[t->n++];
        size_t size = 0;
        char *text = NULL;
        int r;

        k->given = path;
        r = document_read(AT_FDCWD, path, TRUST_SIZE_MAX, &text, &size);
        if (r == -EPERM)
                return fail(VERB_FAILED, "%s: must be a regular file that not everybody may write",
                            path);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        r = parse_key(o, text, size, t, k);
        sodium_memzero(text, size);
        free(text);
        for (size_t i = 0; r == VERB_OK && i + 1 < t->n; i++)
                if (streq(t->keys[i].key.kid, k->key.kid))
                        r = fail(VERB_USAGE, "%s and %s hold the same key", t->keys[i].given, path);
        return r;
}

static int compare_kids(const void *a, const void *b)
{
        return strcmp(((const InitKey *)a)->key.kid, ((const InitKey *)b)->key.kid);
}

/* In the order of their kids: which one is named first is no difference. Of several roots nobody
 * but the administrator knows how many may be lost, or stolen. */
static int read_roots(const InitOptions *o, InitTrust *ret)
{
        const ArgList *roots = &o->roots;
        int r = VERB_OK;

        if (roots->n > KEYLIST_ROOTS_MAX)
                return fail(VERB_USAGE, "more than %u roots", KEYLIST_ROOTS_MAX);
        if (roots->n > 1 && o->threshold == 0)
                return fail(VERB_USAGE,
                            "%zu roots: --threshold N says how many of them have to agree on the "
                            "key list, as nhictl key rotate --threshold does",
                            roots->n);
        if (o->threshold > (int64_t)roots->n)
                return fail(VERB_USAGE, "--threshold %lld is more than there are roots: %zu",
                            (long long)o->threshold, roots->n);
        ret->threshold = o->threshold > 0 ? (uint32_t)o->threshold : 1;
        for (size_t i = 0; r == VERB_OK && i < roots->n; i++)
                r = read_key(o, roots->items[i], ret);
        if (r == VERB_OK)
                sort_items(ret->keys, ret->n, compare_kids);
        return r;
}

int init_trust_read(const InitOptions *o, InitTrust *ret)
{
        *ret = (InitTrust){ 0 };
        if (!o->trust == (o->roots.n == 0))
                return fail(VERB_USAGE, "--source needs --trust FILE, or --root FILE for each root "
                                        "key: one of both");
        if (o->roots.n > 0)
                return read_roots(o, ret);
        return o->threshold > 0 ? fail(VERB_USAGE, "--threshold counts roots: --root FILE")
                                : read_key(o, o->trust, ret);
}

void init_trust_done(InitTrust *t)
{
        for (size_t i = 0; i < t->n; i++) {
                free(t->keys[i].text);
                free(t->keys[i].file);
        }
        free(t->issuer);
        *t = (InitTrust){ 0 };
}

int init_trust_stage(const InitTrust *t, InitFiles *f)
{
        int r = VERB_OK;

        for (size_t i = 0; r == VERB_OK && i < t->n; i++)
                r = init_files_add(f, t->keys[i].file, t->keys[i].text, 0644);
        return r;
}

/* ---- what this host believes until now ---- */

/* The key that agentd.conf has in the file where this one is to stand. */
static bool read_believed(const InitKey *k, Jwk *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        return init_config_names(k->file) &&
               document_read(AT_FDCWD, k->file, TRUST_SIZE_MAX, &text, &size) == 0 &&
               jwk_parse(text, size, ret) == 0;
}

int init_trust_check(const InitOptions *o, const InitTrust *t)
{
        char before[FINGERPRINT_HEX_SIZE], given[FINGERPRINT_HEX_SIZE];

        for (size_t i = 0; i < t->n && !o->replace; i++) {
                const InitKey *k = &t->keys[i];
                Jwk key;

                if (read_believed(k, &key) && !streq(key.kid, k->key.kid))
                        return fail(VERB_FAILED,
                                    "this host believes the key in %s, thumbprint %s, and %s holds "
                                    "another one, thumbprint %s: --replace has it believed in its "
                                    "place. Nothing was changed",
                                    k->file, fingerprint_hex(&key, before), k->given,
                                    fingerprint_hex(&k->key, given));
        }
        return VERB_OK;
}

/* ---- compare ---- */

static void show_key(const InitTrust *t, size_t i)
{
        if (t->threshold > 0)
                say("root key %zu of %zu, %s", i + 1, t->n, t->keys[i].given);
        fingerprint_say(&t->keys[i].key);
}

/* Each key is one that was told, and each that was told is there: a root that was compared and then
 * left out is missed. */
static int check_thumbprints(const InitOptions *o, const InitTrust *t)
{
        bool is_told[KEYLIST_ROOTS_MAX] = { false };
        const char *missed = NULL;

        for (size_t i = 0; i < o->thumbprints.n; i++) {
                uint8_t wanted[FINGERPRINT_SIZE];
                bool is_there = false;

                if (fingerprint_parse(o->thumbprints.items[i], wanted) < 0)
                        return fail(VERB_USAGE,
                                    "--thumbprint: neither 64 hexadecimal digits nor 32 words of "
                                    "the list: nhictl key show prints both");
                for (size_t k = 0; k < t->n; k++)
                        if (fingerprint_is(&t->keys[k].key, wanted))
                                is_there = is_told[k] = true;
                if (!is_there)
                        missed = o->thumbprints.items[i];
        }
        for (size_t k = 0; k < t->n; k++) {
                if (is_told[k])
                        continue;
                show_key(t, k);
                return fail(VERB_STALE,
                            "%s is another key than --thumbprint says: somebody put it there, or "
                            "it was renewed. Nothing was changed",
                            t->keys[k].given);
        }
        return missed ? fail(VERB_STALE,
                             "no file holds the key of --thumbprint \"%s\". Nothing was changed",
                             missed)
                      : VERB_OK;
}

/* What agentd.conf believes was compared when it came there. */
static bool is_trusted_already(const InitKey *k)
{
        Jwk key;

        return read_believed(k, &key) && streq(key.kid, k->key.kid);
}

static int ask(const char *given)
{
        char answer[ANSWER_SIZE] = "";

        say("is that what nhictl key show prints where the key is kept? Ask there, by another way "
            "than %s came",
            given);
        (void)fputs("nhictl: type yes to believe it: ", stderr);
        (void)fflush(stderr);
        if (!fgets(answer, sizeof(answer), stdin) || !streq(answer, "yes\n"))
                return fail(VERB_STALE, "not confirmed. Nothing was changed");
        return VERB_OK;
}

static int confirm(const InitOptions *o, const InitTrust *t, size_t i)
{
        const char *given = t->keys[i].given;

        if (is_trusted_already(&t->keys[i]))
                return VERB_OK;
        show_key(t, i);
        if (o->yes) {
                say("believed as it stands in %s: --yes compares with nothing", given);
                return VERB_OK;
        }
        if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
                return fail(VERB_USAGE,
                            "nobody is here to compare the key: give --thumbprint, in hexadecimal "
                            "or in words (nhictl key show prints both), or --yes to believe %s as "
                            "it stands. Nothing was changed",
                            given);
        return ask(given);
}

int init_trust_confirm(const InitOptions *o, const InitTrust *t)
{
        int r = VERB_OK;

        if (o->thumbprints.n > 0)
                return check_thumbprints(o, t);
        for (size_t i = 0; r == VERB_OK && i < t->n; i++)
                r = confirm(o, t, i);
        return r;
}
