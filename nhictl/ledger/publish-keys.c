/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish-keys.h"

#include "nhictl/ledger/history-batch.h"

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

int keylist_read(const char *bytes, size_t size, const char *issuer, KeyList **ret,
                 SetError *ret_error)
{
        const SetPolicy policy = { .issuer = issuer };
        int r;

        *ret_error = (SetError){ 0 };
        r = read_unsigned(bytes, size, &policy, (Now){ 0 }, ret, ret_error);
        return r == SET_E_REFUSED ? -EBADMSG : r;
}

bool keylist_same(const char *a, const char *b)
{
        const char *one = strchr(a, '.'), *other = strchr(b, '.');
        size_t size;

        if (!one || !other)
                return false;
        size = strcspn(one + 1, ".\n") + 1;
        return strncmp(one, other, size) == 0 && one[size] == '.' && other[size] == '.';
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
                               "%s: hosts would refuse the key list: %s: %s%s", path, e.code,
                               e.detail,
                               streq(e.code, "root-threshold")
                                       ? ". Put the list of before back there, or: nhictl key "
                                         "sign --key ROOT, for each that is missing"
                                       : "");
        if (r == 0 && !key_list_signs(*ret, key->public.kid)) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX,
                               "%s does not name the key %s: hosts would refuse what it signs; "
                               "--key another, or nhictl key rotate --add it",
                               path, key->public.kid);
                r = -EBADMSG;
        }
        return r;
}

int keys_read_lines(const char *path, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = document_read(AT_FDCWD, path, KEYLIST_SIZE_MAX, &text, &size);

        if (r < 0)
                return r;
        while (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

static int read_of_ledger(const Ledger *l, const char *name, char **ret_path, char **ret)
{
        if (asprintf(ret_path, "%s/%s", l->path, name) < 0) {
                *ret_path = NULL;
                return -ENOMEM;
        }
        return keys_read_lines(*ret_path, ret);
}

int ledger_keys_read(const Ledger *l, const SigningKey *key, int64_t now_sec, char **ret_bytes,
                     KeyList **ret, char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_free_ char *path = NULL;
        int r = read_of_ledger(l, KEYS_SIGNED, &path, ret_bytes);

        if (r == -ENOENT)
                return 0;
        if (r < 0 && path)
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s: %s", path, strerror(-r));
        return r < 0 ? r
                     : check(l, key, now_sec, path, *ret_bytes, strlen(*ret_bytes), ret, ret_error);
}

static json_int_t version_of_lines(const char *lines)
{
        json_t *payload = lines ? document_unverified(lines, strlen(lines), JWS_TYP_KEYS) : NULL;
        const json_int_t ver = json_integer_value(json_object_get(payload, "ver"));

        json_decref(payload);
        return ver;
}

bool keys_is_newer(const json_t *doc, const char *lines)
{
        return json_integer_value(json_object_get(doc, "ver")) > version_of_lines(lines);
}

static void note_part(const Publication *p, const char *path)
{
        ledger_note(p->l,
                    "%s: a key list waits there for more of the roots, and is not published: "
                    "nhictl key sign --key ROOT",
                    path);
}

static void note_document(const Publication *p, const char *path, const json_t *doc)
{
        ledger_note(p->l,
                    "%s: a key list waits there for %lld of %zu roots, and is not published: "
                    "nhictl key sign --key ROOT for each, then nhictl publish",
                    path, (long long)json_integer_value(json_object_get(doc, "threshold")),
                    json_array_size(json_object_get(doc, "roots")));
}

/* Hosts do not hear of it yet: neither of a key that it retires. Of what can be read; key sign
 * says what is wrong with it. */
static void note_waiting(const Publication *p)
{
        _cleanup_free_ char *path = NULL, *text = NULL, *part_path = NULL, *part = NULL;
        char error[DOCUMENT_ERROR_MAX];
        json_t *doc = NULL;

        if (read_of_ledger(p->l, KEYS_DOCUMENT, &path, &text) == 0)
                (void)document_parse(text, strlen(text), &doc, error);
        (void)read_of_ledger(p->l, KEYS_SIGNED KEYS_PART, &part_path, &part);
        if (part && !keys_is_newer(doc, part)) {
                if (!p->keys || !keylist_same(part, p->keys))
                        note_part(p, part_path);
        } else if (keys_is_newer(doc, p->keys))
                note_document(p, path, doc);
        json_decref(doc);
}

int publish_keys_read(Publication *p)
{
        int r = ledger_keys_read(p->l, p->key, p->now_sec, &p->keys, &p->others, p->error);

        note_waiting(p); /* also of the list that would name this key */
        return r;
}

int keylist_former(const char *bytes, const char *issuer, KeyList **ret)
{
        KeyList *claimed = NULL, *former = NULL;
        SetError e;
        int r = keylist_read(bytes, strlen(bytes), issuer, &claimed, &e);

        if (r == 0)
                r = keylist_check(bytes, strlen(bytes), issuer, claimed->iat_sec, &former, &e);
        key_list_free(claimed);
        if (r < 0 && r != -EBADMSG)
                return r;
        *ret = former;
        return 0;
}

int keylist_succeeds(const KeyList *former, const char *bytes, int64_t now_sec, SetError *ret_error)
{
        const SetPolicy policy = { .issuer = former->issuer,
                                   .roots = former->roots,
                                   .n_roots = former->n_roots,
                                   .root_threshold = former->threshold };
        const Now now = { .real_usec = now_sec * 1000000 };
        static const SetFloor none;
        KeyList *list = NULL;
        int r = keylist_verify(bytes, strlen(bytes), &policy, &none, now, KEYLIST_OFFERED, &list,
                               ret_error);

        key_list_free(list);
        return r == SET_E_REFUSED ? -EBADMSG : r;
}

void keylist_name_roots(const KeyList *l, char *ret, size_t size)
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
        char roots[KEYLIST_ROOTS_TEXT];

        keylist_name_roots(former, roots, sizeof(roots));
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
        int r = 0;

        if (!t->published.exists || (t->published.ours && t->published.ver >= p->others->ver))
                return 0;
        if (p->targets.keys)
                r = keylist_former(p->targets.keys, p->l->settings.issuer, &former);
        if (r == 0 && !former && !t->published.ours)
                publication_note(p,
                                 "%s: what stands at %s is no key list that hosts would take: it "
                                 "is overwritten",
                                 t->name, p->place);
        if (r == 0 && former)
                r = keylist_succeeds(former, p->keys, p->now_sec, &e);
        if (r == -EBADMSG)
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
