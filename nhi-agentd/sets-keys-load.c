/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The key lists that state.json names: at start, and under another configuration. */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

/* The roots of agentd.conf are those of before, or those that the list named since. Others are an
 * administrator's new word: the list of before counts only if enough of them signed it, and then
 * its end and the clock take nothing of it back (K4). */
bool keys_are_of_roots(const KeysFloor *floor, const SetPolicy *policy)
{
        char digest[65];

        roots_digest(policy->roots, policy->n_roots, policy->root_threshold, digest);
        return streq(digest, floor->roots) || streq(digest, floor->own);
}

static void read_bytes(const KeysFloor *floor, const SetPolicy *policy, Now now, KeysRead *ret)
{
        const bool is_kept = keys_are_of_roots(floor, policy);
        _cleanup_free_ char *bytes = NULL;
        char path[sizeof(PATH_SETS_DIR) + 80];
        SetError *e = &ret->error;
        size_t size = 0;
        int r;

        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->floor.hash);
        r = file_read_trusted(path, owner_trusted(), KEYLIST_SIZE_MAX, &bytes, &size);
        if (r == 0)
                r = keylist_verify(bytes, size, policy, &floor->floor, now,
                                   is_kept ? KEYLIST_KEPT : KEYLIST_AGAIN, &ret->keys, e);
        ret->roots_are_conf = r == 0 && !is_kept;
        if (r == 0)
                return;
        ret->keys = NULL;
        /* Whether other roots stand by it, only its own bytes say. */
        ret->is_lost = is_kept || r < 0 || !streq(e->code, "root-threshold");
        if (ret->is_lost)
                (void)set_refused(e, "archive",
                                  "%s: %s; until its source brings the list again, or a newer "
                                  "one, no key of the issuer counts",
                                  path, r < 0 ? strerror(-r) : "not what was archived");
        else
                (void)set_refused(e, "root-threshold",
                                  "agentd.conf names other roots than those that signed the key "
                                  "list of before: it counts no longer");
}

void keys_read(const State *state, const Issuer *issuer, Now now, KeysRead *ret)
{
        const KeysFloor *floor = state_keys_floor(state, issuer->issuer);

        *ret = (KeysRead){ .was_read = true };
        if (!floor || issuer->policy.n_roots == 0)
                return;
        ret->floor = *floor;
        read_bytes(floor, &issuer->policy, now, ret);
        if (ret->keys || ret->is_lost)
                return;
        ret->floor = (KeysFloor){};
}

void keys_put(Agent *a, size_t index, KeysRead *read)
{
        IssuerState *s = &a->issuers[index];

        if (!read->was_read)
                return;
        publish_retire(a->publisher, key_list_release, s->keys);
        s->keys = TAKE_PTR(read->keys);
        s->keys_floor = read->floor;
        s->keys_are_lost = read->is_lost;
        s->roots_are_conf = read->roots_are_conf;
        believed_offer_unsaved(a, &key_list_kind, index);
        if (*read->error.code)
                believed_record_refused(a, &key_list_kind, index, &read->error);
}
