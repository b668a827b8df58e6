/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connections of sources that ask the same servers in the same way are the same: a host that is
 * given its set, lists and keys by one server is one connection to it, and not one for each. What
 * is shared is shared by those alone whose trust and credentials are equal. */

#include "nhi-agentd/fetch/http.h"
#include "nhi-agentd/fetch/source.h"

typedef struct HttpPool HttpPool;

int http_pool_new(HttpPool **ret);
/* After those who took something out of it. */
HttpPool *http_pool_free(HttpPool *p);

/* The Http for what is asked of url's server as spec says, for http_pool_put(). p NULL: one of the
 * caller's own. */
int http_pool_take(HttpPool *p, sd_event *event, const SourceSpec *spec, const char *url,
                   Http **ret);
/* After one's transfers, and not from within a transfer's callback. is_spoiled: whoever takes one
 * next gets another, with connections of its own; those who have this one keep it. Returns NULL;
 * NULL does nothing. */
Http *http_pool_put(HttpPool *p, Http *http, bool is_spoiled);
/* Which of n servers to begin with: any, and the same for all sources of the pool. */
size_t http_pool_member(const HttpPool *p, size_t n);
