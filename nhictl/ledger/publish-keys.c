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
        if (r == 0 && !key_list_signs(*ret, key->public.kid)) {
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

/* The list that stands there, as hosts hold it that took it once. NULL: they would not have. */
static int former_list(const Publication *p, KeyList **ret)
{
        const SetPolicy policy = { .issuer = p->l->settings.issuer };
        const char *bytes = p->targets.keys;
        KeyList *claimed = NULL;
        SetError e;
        int r;

        *ret = NULL;
        if (!bytes)
                return 0;
        r = read_unsigned(bytes, strlen(bytes), &policy, (Now){ 0 }, &claimed, &e);
        if (r == 0)
                r = keylist_check(bytes, strlen(bytes), policy.issuer, claimed->iat_sec, ret, &e);
        key_list_free(claimed);
        return r == SET_E_REFUSED || r == -EBADMSG ? 0 : r;
}

/* SET_E_REFUSED and *ret_error, or another error. */
static int succeeds(const Publication *p, const KeyList *former, SetError *ret_error)
{
        const SetPolicy policy = { .issuer = p->l->settings.issuer,
                                   .roots = former->roots,
                                   .n_roots = former->n_roots,
                                   .root_threshold = former->threshold };
        const Now now = { .real_usec = p->now_sec * 1000000 };
        static const SetFloor none;
        KeyList *list = NULL;
        int r = keylist_verify(p->keys, strlen(p->keys), &policy, &none, now, KEYLIST_OFFERED,
                               &list, ret_error);

        key_list_free(list);
        return r;
}

/* "KID, KID" */
static void name_roots(const KeyList *l, char *ret, size_t size)
{
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < l->n_roots && n < size; i++)
                n += (size_t)snprintf(ret + n, size - n, "%s%s", i > 0 ? ", " : "",
                                      l->roots[i].kid);
}

#define SUCCESSION                                                                                 \
        "hosts that have the key list which stands at %s would refuse " KEYS_SIGNED ": %s: %s. "   \
        "Roots of that list have to sign, too (%u of %s): nhictl key sign --key ROOT"
/* Who may write there can make one up: nobody here knows which roots hosts had. */
#define FOREIGN "Where no host has it, or those are no roots of yours: nhictl publish --replace %s"

static int refuse_succession(Publication *p, Target *t, const KeyList *former, const SetError *e)
{
        char roots[300]; /* six of them */

        name_roots(former, roots, sizeof(roots));
        if (!key_list_signs(former, p->key->public.kid)) {
                (void)snprintf(
                        p->error, LEDGER_ERROR_MAX,
                        SUCCESSION ". Until then --key is to be one that both lists name. " FOREIGN,
                        p->place, e->code, e->detail, former->threshold, roots, t->published.hash);
                return -EKEYREJECTED;
        }
        publication_note(p, SUCCESSION ". " FOREIGN, p->place, e->code, e->detail,
                         former->threshold, roots, t->published.hash);
        t->is_told = true;
        return -EPERM;
}

int publish_keys_succeed(Publication *p, Target *t)
{
        KeyList *former = NULL;
        SetError e = { 0 };
        int r;

        if (!t->published.exists || (t->published.ours && t->published.ver >= p->others->ver))
                return 0;
        r = former_list(p, &former);
        if (r == 0 && !former && !t->published.ours)
                publication_note(p,
                                 "%s: what stands at %s is no key list that hosts would take: it "
                                 "is overwritten",
                                 t->name, p->place);
        if (r == 0 && former)
                r = succeeds(p, former, &e);
        if (r == SET_E_REFUSED)
                r = refuse_succession(p, t, former, &e);
        key_list_free(former);
        return r;
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
