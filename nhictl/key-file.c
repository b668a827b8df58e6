/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/key-file.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "nhictl/key-lock.h"
#include "nhictl/output.h"
#include "nhictl/verb.h"

#include <sodium.h>
#include <sys/stat.h>

#define KEY_SIZE_MAX 8192u
#define N_TRIES      3u /* of a typed passphrase */

DEFINE_CLEANUP(Passphrase *, passphrase_free);

static void text_free(char *text, size_t size)
{
        if (text)
                sodium_memzero(text, size);
        free(text);
}

/* Nobody else can change it: file_read_trusted(). Whether they can sign is another matter. */
static void say_readable(const char *path)
{
        struct stat st;

        if (stat(path, &st) == 0 && (st.st_mode & 077))
                say("%s can be read by others than you, who can sign with it: chmod 0600", path);
}

static int load(const char *path, char **ret, size_t *ret_size)
{
        int r = file_read_trusted(path, geteuid(), KEY_SIZE_MAX, ret, ret_size);

        if (r == -ENOENT)
                return fail(VERB_FAILED, "there is no key at %s: nhictl key new, or --key FILE",
                            path);
        if (r < 0)
                return fail(VERB_FAILED,
                            "%s: %s (the key must be yours and writable by nobody else)", path,
                            strerror(-r));
        return VERB_OK;
}

static int say_unfit(const char *path, bool is_locked, int r)
{
        if (r == -ENOMEM)
                return fail(VERB_FAILED, "out of memory");
        return fail(VERB_FAILED,
                    is_locked ? "%s is locked in a way that this nhictl does not know, or damaged"
                              : "%s is no private Ed25519 JWK",
                    path);
}

/* ---- opening ---- */

/* VERB_PROBLEM: it is wrong, and somebody can be asked again. */
static int try_passphrase(const char *path, const LockedKey *k, const Passphrase *p,
                          SigningKey *ret)
{
        int r = locked_key_open(k, p->text, ret);

        if (r == 0)
                return VERB_OK;
        if (r == -ENOMEM)
                return fail(VERB_FAILED, "%s: its passphrase takes %llu MiB of memory to try", path,
                            (unsigned long long)(k->cost.memory >> 20));
        return fail(p->is_typed ? VERB_PROBLEM : VERB_FAILED,
                    "%s: wrong passphrase, or the file was changed", path);
}

static int unlock(const char *path, const LockedKey *k, const char *passphrase_file,
                  SigningKey *ret)
{
        int r = VERB_PROBLEM;

        for (unsigned i = 0; r == VERB_PROBLEM && i < N_TRIES; i++) {
                _cleanup_(passphrase_freep) Passphrase *p = NULL;

                r = passphrase_get(path, passphrase_file, &p);
                if (r == VERB_OK)
                        r = try_passphrase(path, k, p, ret);
        }
        return r == VERB_PROBLEM ? VERB_FAILED : r;
}

static int open_text(const char *path, const char *text, size_t size, const char *passphrase_file,
                     SigningKey *ret, bool *ret_is_locked)
{
        LockedKey k;
        int r;

        *ret_is_locked = key_lock_is(text, size);
        if (!*ret_is_locked) {
                say_readable(path);
                r = signing_key_parse(text, size, ret);
                return r == 0 ? VERB_OK : say_unfit(path, false, r);
        }
        r = locked_key_parse(text, size, &k);
        return r == 0 ? unlock(path, &k, passphrase_file, ret) : say_unfit(path, true, r);
}

int key_file_open(const char *path, const char *passphrase_file, SigningKey *ret,
                  bool *ret_is_locked)
{
        char *text = NULL;
        size_t size = 0;
        bool is_locked = false;
        int r = load(path, &text, &size);

        if (r != VERB_OK)
                return r;
        (void)sodium_mlock(ret, sizeof(*ret));
        r = open_text(path, text, size, passphrase_file, ret, &is_locked);
        text_free(text, size);
        if (r == VERB_OK && ret_is_locked)
                *ret_is_locked = is_locked;
        return r;
}

static int public_of_plain(const char *text, size_t size, Jwk *ret)
{
        SigningKey key = { 0 };
        int r = signing_key_parse(text, size, &key);

        if (r == 0)
                *ret = key.public;
        signing_key_done(&key);
        return r;
}

int key_file_public(const char *path, Jwk *ret)
{
        char *text = NULL;
        size_t size = 0;
        bool is_locked;
        LockedKey k;
        int r = load(path, &text, &size);

        if (r != VERB_OK)
                return r;
        is_locked = key_lock_is(text, size);
        r = is_locked ? locked_key_parse(text, size, &k) : public_of_plain(text, size, ret);
        if (r == 0 && is_locked)
                *ret = k.public;
        text_free(text, size);
        return r == 0 ? VERB_OK : say_unfit(path, is_locked, r);
}

/* ---- writing ---- */

/* A key that cannot be opened again would be gone. */
static int check_locked(const char *text, const char *passphrase)
{
        SigningKey key = { 0 };
        LockedKey k;
        int r = locked_key_parse(text, strlen(text), &k);

        if (r == 0)
                r = locked_key_open(&k, passphrase, &key);
        signing_key_done(&key);
        return r;
}

static int format(const SigningKey *key, const Passphrase *p, char **ret)
{
        int r;

        if (!p)
                return signing_key_format(key, ret);
        r = key_lock(key, p->text, &key_cost_default, ret);
        return r == 0 ? check_locked(*ret, p->text) : r;
}

typedef int (*PutFile)(const char *path, const void *data, size_t size, mode_t mode, uid_t uid,
                       gid_t gid, bool durable);

static int put(const char *path, const SigningKey *key, const Passphrase *p, PutFile put_file)
{
        char *text = NULL;
        int r = format(key, p, &text);

        if (r == 0)
                r = put_file(path, text, strlen(text), 0600, geteuid(), getegid(), true);
        text_free(text, text ? strlen(text) : 0);
        return r;
}

int key_file_create(const char *path, const SigningKey *key, const Passphrase *p)
{
        return put(path, key, p, file_create);
}

int key_file_replace(const char *path, const SigningKey *key, const Passphrase *p)
{
        return put(path, key, p, file_replace);
}
