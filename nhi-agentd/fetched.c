/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetched.h"

#include "lib/base/macro.h"
#include "nhi-agentd/heard.h"

/* Where an object stands beside the sets of the fleet: in place of a host's name. */
#define HOST_PLACE "{host}"

/* Where roots say which keys there are nobody knows yet which may sign it. */
static bool may_have(const Issuer *issuer, size_t reach_offset)
{
        if (issuer->policy.n_roots > 0)
                return true;
        for (size_t i = 0; i < issuer->policy.n_keys; i++) {
                const uint8_t *reach = (const uint8_t *)&issuer->policy.keys[i].reach;

                if (*(const bool *)(reach + reach_offset))
                        return true;
        }
        return false;
}

static bool is_wanted(const Issuer *issuer, uint32_t object)
{
        switch (object) {
        case FEED_SET:
                return true;
        case FEED_KEYS:
                return issuer->policy.n_roots > 0;
        case FEED_REVOCATIONS:
                return may_have(issuer, offsetof(Reach, sign_revocations));
        case FEED_FRESHNESS:
                return issuer->policy.fresh_max_sec > 0 &&
                       may_have(issuer, offsetof(Reach, sign_freshness));
        default:
                return false;
        }
}

/* A place that names one object only has none beside it; a file's directory has. */
static bool has_name(const SourceConfig *s, size_t place)
{
        if (s->urls.n == 0)
                return true;
        if (streq(s->type, "etcd"))
                return strstr(s->etcd_key, HOST_PLACE);
        return strstr(s->urls.items[place], HOST_PLACE);
}

bool fetched_from(const Issuer *issuer, uint32_t object, size_t place)
{
        return place < heard_n_places(&issuer->source) && is_wanted(issuer, object) &&
               (object == FEED_SET || has_name(&issuer->source, place));
}

bool fetched_at_all(const Issuer *issuer, uint32_t object)
{
        for (size_t i = 0; i < HEARD_PLACES_MAX; i++)
                if (fetched_from(issuer, object, i))
                        return true;
        return false;
}
