/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The key that this host is to believe, and whether it is the one that was meant. */

#include "nhictl/fingerprint.h"
#include "nhictl/init.h"

#include <fcntl.h>
#include <sodium.h>

#define TRUST_SIZE_MAX 8192u
#define ANSWER_SIZE    16

static bool has_private_half(const char *text, size_t size)
{
        SigningKey key = { 0 };
        const bool is_private = signing_key_parse(text, size, &key) == 0;

        signing_key_done(&key);
        return is_private || memmem(text, size, "PRIVATE KEY", strlen("PRIVATE KEY"));
}

static int trust_parse(const InitOptions *o, const char *text, size_t size, InitTrust *ret)
{
        char error[DOCUMENT_ERROR_MAX];
        json_t *doc = NULL;

        if (has_private_half(text, size))
                return fail(VERB_STALE,
                            "%s holds a private key, which stays where it signs: nhictl key show "
                            "prints there what hosts have to trust",
                            o->trust);
        if (document_parse(text, size, &doc, error) < 0)
                return fail(VERB_STALE, "%s: %s", o->trust, error);
        if (jwk_parse(text, size, &ret->key) < 0) {
                json_decref(doc);
                return fail(VERB_STALE, "%s is no public Ed25519 JWK: nhictl key show prints one",
                            o->trust);
        }
        ret->issuer = strdup(o->issuer ? o->issuer : document_text(doc, "iss"));
        ret->text = document_format(doc);
        json_decref(doc);
        if (!ret->issuer || !ret->text)
                return fail(VERB_FAILED, "out of memory");
        if (*ret->issuer == '\0')
                return fail(VERB_USAGE, "%s does not name its issuer (\"iss\"): add --issuer URI",
                            o->trust);
        return VERB_OK;
}

int init_trust_read(const InitOptions *o, InitTrust *ret)
{
        size_t size = 0;
        char *text = NULL;
        int r;

        *ret = (InitTrust){ 0 };
        r = document_read(AT_FDCWD, o->trust, TRUST_SIZE_MAX, &text, &size);
        if (r == -EPERM)
                return fail(VERB_FAILED,
                            "--trust %s: must be a regular file that not everybody may write",
                            o->trust);
        if (r < 0)
                return fail(VERB_FAILED, "--trust %s: %s", o->trust, strerror(-r));
        r = trust_parse(o, text, size, ret);
        sodium_memzero(text, size);
        free(text);
        return r;
}

void init_trust_done(InitTrust *t)
{
        free(t->text);
        free(t->issuer);
        *t = (InitTrust){ 0 };
}

static int check_thumbprint(const InitOptions *o, const InitTrust *t)
{
        uint8_t wanted[FINGERPRINT_SIZE];

        if (fingerprint_parse(o->thumbprint, wanted) < 0)
                return fail(VERB_USAGE,
                            "--thumbprint: neither 64 hexadecimal digits nor 32 words of the list: "
                            "nhictl key show prints both");
        if (fingerprint_is(&t->key, wanted))
                return VERB_OK;
        fingerprint_say(&t->key);
        return fail(VERB_STALE,
                    "%s is another key than --thumbprint says: somebody put it there, or it was "
                    "renewed. Nothing was changed",
                    o->trust);
}

/* What file holds was compared when it came there. */
static bool is_trusted_already(const InitTrust *t, const char *file)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        Jwk key;

        return document_read(AT_FDCWD, file, TRUST_SIZE_MAX, &text, &size) == 0 &&
               jwk_parse(text, size, &key) == 0 && streq(key.kid, t->key.kid);
}

static int ask(const InitOptions *o)
{
        char answer[ANSWER_SIZE] = "";

        say("is that what nhictl key show prints where the key is kept? Ask there, by another way "
            "than %s came",
            o->trust);
        (void)fputs("nhictl: type yes to believe it: ", stderr);
        (void)fflush(stderr);
        if (!fgets(answer, sizeof(answer), stdin) || !streq(answer, "yes\n"))
                return fail(VERB_STALE, "not confirmed. Nothing was changed");
        return VERB_OK;
}

int init_trust_confirm(const InitOptions *o, const InitTrust *t, const char *file)
{
        if (o->thumbprint)
                return check_thumbprint(o, t);
        if (is_trusted_already(t, file))
                return VERB_OK;
        fingerprint_say(&t->key);
        if (o->yes) {
                say("believed as it stands in %s: --yes compares with nothing", o->trust);
                return VERB_OK;
        }
        if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
                return fail(VERB_USAGE,
                            "nobody is here to compare the key: give --thumbprint, in hexadecimal "
                            "or in words (nhictl key show prints both), or --yes to believe %s as "
                            "it stands. Nothing was changed",
                            o->trust);
        return ask(o);
}
