/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keys of key lists. Whatever list the agent ever believed lies beside its sets, where nobody
 * but root writes or reads: no less than agentd.conf. Those of before count, too: what a key that
 * is retired now signed proves what was in force then. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhi-agentd/set/keylist.h"
#include "nhictl/ledger/document.h"
#include "nhictl/log/config.h"

#include <dirent.h>

static bool is_known(const LogKeys *k, const char *issuer, const Jwk *jwk)
{
        for (size_t i = 0; i < k->n; i++)
                if (streq(k->items[i].jwk.kid, jwk->kid) && streq(k->items[i].issuer, issuer))
                        return true;
        return false;
}

static int add_key(LogKeys *k, const char *issuer, const json_t *key)
{
        _cleanup_free_ char *text = json_dumps(key, JSON_COMPACT);
        Jwk jwk;

        if (!text)
                return -ENOMEM;
        if (jwk_parse(text, strlen(text), &jwk) < 0 || is_known(k, issuer, &jwk))
                return 0;
        return log_keys_put(k, issuer, &jwk);
}

static int add_list(LogKeys *k, const char *issuer, int dir_fd, const char *file)
{
        _cleanup_(json_decrefp) json_t *payload = NULL;
        _cleanup_free_ char *text = NULL;
        const json_t *key;
        size_t size = 0, i;
        int r = document_read(dir_fd, file, KEYLIST_SIZE_MAX, &text, &size);

        if (r < 0)
                return r == -ENOMEM ? r : 0; /* sets may be larger */
        payload = document_unverified(text, size, JWS_TYP_KEYS);
        if (!payload || !streq(document_text(payload, "iss"), issuer))
                return 0;
        json_array_foreach(json_object_get(payload, "keys"), i, key) {
                r = add_key(k, issuer, key);
                if (r < 0)
                        return r;
        }
        return 0;
}

int log_keys_of_lists(LogKeys *k, const char *issuer)
{
        DIR *dir = opendir(PATH_SETS_DIR);
        const struct dirent *entry;
        int r = 0;

        while (dir && r == 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        r = add_list(k, issuer, dirfd(dir), entry->d_name);
        if (dir)
                (void)closedir(dir);
        return r;
}
