/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hand sets to the agent (lib/wire/feed.h), on the loop: a sealed memfd out, one line back. The
 * newest bytes win; what the agent did not take is offered again after a growing, jittered wait, so
 * an agent that is away costs nothing (A14).
 *
 *  D1 Nothing here MUST block the loop, whatever the agent does.
 *  D2 A set MUST be offered until the agent has answered for it.
 *  D3 No answer and no failure MUST make it try again at once.
 *  D4 A source that changes all the time MUST NOT keep the agent busy: offers are spaced.
 *  D5 What was refused for want of room, memory or disk MUST be offered again as soon as to an
 * agent that is away: it may revoke. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct FeedClient FeedClient;

typedef struct FeedClientConfig {
        const char *sock_path; /* PATH_FEED_SOCK */
        uid_t owner;           /* of socket and agent: owner_trusted() */
        uint32_t issuer_index;
        uint64_t reply_usec;       /* how long to wait for the line */
        uint64_t retry_first_usec; /* agent away, or unable: the first wait */
        uint64_t retry_max_usec;   /* and the longest */
        uint64_t refused_usec;     /* after any other refusal: clocks and policies change */
        uint64_t spacing_usec;     /* from one offer to the next, at least */
        void *userdata;
        /* The agent's line ("accepted VER HASH", ...), or a sentence that says why there is none.
         */
        void (*answered)(void *userdata, const char *line);
} FeedClientConfig;

extern const FeedClientConfig feed_client_defaults;

/* config is copied; its texts outlive the client. */
int feed_client_new(sd_event *event, const FeedClientConfig *config, FeedClient **ret);
FeedClient *feed_client_free(FeedClient *c);
/* Offer these bytes from now on, instead of whatever was offered before. They are copied. A
 * negative errno: they were not, and what was offered before still is. */
int feed_client_deliver(FeedClient *c, const void *bytes, size_t size);
