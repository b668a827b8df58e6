/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the verbs of key lists share. */

#include "nhictl/key-list.h"

#include "lib/base/path.h"
#include "nhictl/key.h"

#include <fcntl.h>
#include <stdio.h>

char *key_list_path(const CentralOptions *o, const char *name)
{
        char *path = NULL;

        return asprintf(&path, "%s/%s", o->ledger ? o->ledger : PATH_LEDGER_DIR, name) < 0 ? NULL
                                                                                           : path;
}

int key_list_load(const char *path, json_t **ret)
{
        _cleanup_free_ char *text = NULL;
        char error[DOCUMENT_ERROR_MAX];
        size_t size = 0;
        int r = document_read(AT_FDCWD, path, KEYLIST_SIZE_MAX, &text, &size);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        return document_parse(text, size, ret, error) < 0 ? fail(VERB_FAILED, "%s: %s", path, error)
                                                          : VERB_OK;
}

char *key_list_payload(const json_t *doc)
{
        return json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
}

json_t *key_list_find(const json_t *list, const char *kid, size_t *ret_at)
{
        json_t *key;
        size_t at;

        json_array_foreach(list, at, key) {
                if (!streq(document_text(key, "kid"), kid))
                        continue;
                *ret_at = at;
                return key;
        }
        return NULL;
}

static json_t *known_jwk(const json_t *doc, const char *kid)
{
        static const char *const lists[] = { "keys", "retired", "roots" };
        json_t *found = NULL;
        size_t at;

        for (size_t i = 0; !found && i < ELEMENTSOF(lists); i++)
                found = key_list_find(json_object_get(doc, lists[i]), kid, &at);
        return found ? json_deep_copy(found) : NULL;
}

int key_list_jwk(const char *file_or_kid, const json_t *doc, json_t **ret)
{
        _cleanup_free_ char *text = NULL;
        json_t *read = NULL, *reach;
        size_t size = 0;
        Jwk key;
        int r;

        *ret = known_jwk(doc, file_or_kid);
        if (*ret)
                return VERB_OK;
        r = document_read(AT_FDCWD, file_or_kid, KEYLIST_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail(VERB_FAILED, "%s: no key of the list has this kid, and as a file: %s",
                            file_or_kid, strerror(-r));
        if (jwk_parse(text, size, &key) < 0)
                return fail(VERB_STALE, "%s is no public Ed25519 JWK: nhictl key show prints one",
                            file_or_kid);
        read = json_loadb(text, size, 0, NULL);
        reach = json_object_get(read, "reach");
        *ret = key_public_document(&key, NULL);
        if (*ret && reach)
                (void)json_object_set(*ret, "reach", reach);
        json_decref(read);
        return *ret ? VERB_OK : fail(VERB_FAILED, "out of memory");
}
