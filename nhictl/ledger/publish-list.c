/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish-list.h"

bool publish_list_says_something(const Publication *p)
{
        return json_array_size(json_object_get(p->list, "revoked")) > 0;
}

int publish_list_content(const Publication *p, char ret[static LEDGER_HASH_SIZE])
{
        return content_of_json(json_object_get(p->list, "revoked"), ret);
}

int publish_list_make(Publication *p, const Target *t, int64_t ver, StoreSet *ret)
{
        SetError refused;
        int r = publication_signed(p, t,
                                   mint_list_sign(p->key, p->list, ver, p->revision, &ret->jws));

        if (r == 0)
                r = mint_list_verify(p->l, p->key, ret->jws, ver / 1000 + 1, &refused);
        if (r == -EBADMSG)
                publication_note(p, "hosts would refuse the revocation list: %s: %s", refused.code,
                                 refused.detail);
        return r == 0 ? published_list_parse(ret->jws, strlen(ret->jws), p->l->settings.issuer,
                                             p->key, NULL, &ret->next)
                      : r;
}
