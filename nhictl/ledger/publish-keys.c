/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish-keys.h"

#include <fcntl.h>
#include <stdio.h>

/* As hosts read what they archived: without asking who signed. */
static int read_unsigned(const char *bytes, size_t size, const SetPolicy *policy, Now now,
                         KeyList **ret, SetError *ret_error)
{
        const char *text = memchr(bytes, '.', size), *end;
        SetFloor floor = { .ver = 1 };

        text = text ? text + 1 : bytes;
        end = memchr(text, '.', (size_t)(bytes + size - text));
        content_hash(text, end ? (size_t)(end - text) : 0, floor.hash);
        return keylist_verify(bytes, size, policy, &floor, now, KEYLIST_KEPT, ret, ret_error);
}

int keylist_check(const char *bytes, size_t size, const char *issuer, int64_t now_sec,
                  KeyList **ret, SetError *ret_error)
{
        const Now now = { .real_usec = now_sec * 1000000 };
        SetPolicy policy = { .issuer = issuer };
        static const SetFloor none;
        KeyList *claimed = NULL;
        int r;

        *ret_error = (SetError){ 0 };
        r = read_unsigned(bytes, size, &policy, now, &claimed, ret_error);
        if (r == 0) {
                policy.roots = claimed->roots;
                policy.n_roots = claimed->n_roots;
                policy.root_threshold = claimed->threshold;
                r = keylist_verify(bytes, size, &policy, &none, now, KEYLIST_OFFERED, ret,
                                   ret_error);
        }
        key_list_free(claimed);
        return r == SET_E_REFUSED ? -EBADMSG : r;
}

static bool may_sign(const KeyList *l, const char *kid)
{
        for (size_t i = 0; i < l->n_signing; i++)
                if (streq(l->keys[i].jwk.kid, kid))
                        return true;
        return false;
}

static int check(const Ledger *l, const SigningKey *key, int64_t now_sec, const char *path,
                 const char *bytes, size_t size, KeyList **ret,
                 char ret_error[static LEDGER_ERROR_MAX])
{
        SetError e;
        int r = keylist_check(bytes, size, l->settings.issuer, now_sec, ret, &e);

        if (r == -EBADMSG)
                (void)snprintf(ret_error, LEDGER_ERROR_MAX,
                               "%s: hosts would refuse the key list: %s: %s", path, e.code,
                               e.detail);
        if (r == 0 && !may_sign(*ret, key->public.kid)) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX,
                               "%s does not name the key %s: hosts would refuse what it signs; "
                               "--key another, or nhictl key rotate --add it",
                               path, key->public.kid);
                r = -EBADMSG;
        }
        return r;
}

int ledger_keys_read(const Ledger *l, const SigningKey *key, int64_t now_sec, char **ret_bytes,
                     KeyList **ret, char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_free_ char *path = NULL;
        size_t size = 0;
        int r;

        if (asprintf(&path, "%s/%s", l->path, KEYS_SIGNED) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = document_read(AT_FDCWD, path, KEYLIST_SIZE_MAX, ret_bytes, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s: %s", path, strerror(-r));
                return r;
        }
        while (size > 0 && (*ret_bytes)[size - 1] == '\n')
                (*ret_bytes)[--size] = '\0';
        return check(l, key, now_sec, path, *ret_bytes, size, ret, ret_error);
}

int publish_keys_read(Publication *p)
{
        return ledger_keys_read(p->l, p->key, p->now_sec, &p->keys, &p->others, p->error);
}

int publish_keys_content(const Publication *p, char ret[static LEDGER_HASH_SIZE])
{
        content_hash(p->keys, strlen(p->keys), ret);
        return 0;
}

int publish_keys_make(const Publication *p, StoreSet *ret)
{
        ret->jws = strdup(p->keys);
        return ret->jws ? published_keys_parse(ret->jws, strlen(ret->jws), p->others, p->now_sec,
                                               &ret->next)
                        : -ENOMEM;
}
