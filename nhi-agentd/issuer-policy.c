/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/issuer-policy.h"

SetPolicy issuer_policy(const Issuer *issuer, const IssuerState *s)
{
        SetPolicy p = issuer->policy;

        if (p.n_roots == 0)
                return p;
        if (s->keys_are_lost)
                p.n_keys = 0;
        if (!s->keys)
                return p;
        p.keys = s->keys->keys;
        p.n_keys = s->keys->n_keys;
        if (s->roots_are_conf)
                return p;
        p.roots = s->keys->roots;
        p.n_roots = s->keys->n_roots;
        p.root_threshold = s->keys->threshold;
        return p;
}
