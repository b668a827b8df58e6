/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation lists that state.json names: at start, and for issuers that a configuration adds.
 */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

void list_read(const State *state, const SetPolicy *policy, Now now, ListRead *ret)
{
        const SetFloor *floor = state_list_floor(state, policy->issuer);
        _cleanup_free_ char *bytes = NULL;
        char path[sizeof(PATH_SETS_DIR) + 80];
        SetError *e = &ret->error;
        size_t size = 0;
        int r;

        *ret = (ListRead){};
        if (!floor)
                return;
        ret->floor = *floor;
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->hash);
        r = file_read_trusted(path, owner_trusted(), REVOCATIONS_SIZE_MAX, &bytes, &size);
        if (r == 0)
                r = revocations_verify(bytes, size, policy, floor, now, REVOCATIONS_KEPT,
                                       &ret->list, e);
        if (r == 0)
                return;
        ret->list = NULL;
        (void)set_refused(e, "archive",
                          "%s: %s; until its source brings the list again nothing that it may name "
                          "is allowed",
                          path, r < 0 ? strerror(-r) : "not what was archived");
}

void list_put(Agent *a, size_t index, ListRead *read)
{
        IssuerState *s = &a->issuers[index];

        if (read->floor.ver == 0)
                return;
        s->list_floor = read->floor;
        s->list = TAKE_PTR(read->list);
        s->list_is_lost = !s->list;
        if (s->list_is_lost) {
                believed_record_refused(a, &list_kind, index, &read->error);
        } else if (!s->list->is_trusted) {
                const SetError e = { .code = "key",
                                     .detail = "its key is trusted no longer; what it took stays "
                                               "taken until a newer list is there" };

                believed_record_refused(a, &list_kind, index, &e);
        }
}
