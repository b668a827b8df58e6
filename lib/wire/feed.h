/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The feed protocol on /run/nhi/feed.sock, nhi-fetchd (or `nhictl feed`) to the agent.
 *
 * SOCK_SEQPACKET, one message and one reply a connection. The message is one struct FeedHeader
 * with exactly one descriptor (SCM_RIGHTS): a memfd sealed with F_SEAL_SHRINK|GROW|WRITE|SEAL that
 * holds one JWS, compact serialisation, at most FEED_SET_MAX bytes, none of them in a hole. The
 * agent refuses anything else and believes nothing: what the bytes say is decided by their
 * signature. The reply is one line of UTF-8 text, "accepted VER HASH" or "unchanged VER HASH" or
 * "refused CODE explanation", sent when the set is in force (or is not going to be).
 *
 * Another message on a connection of its own says how the sources fare: one struct FeedTidings and
 * as many struct FeedTiding as it says, without a descriptor. It has no reply: the agent shows it
 * to people and rests nothing on it. */

#include <stddef.h>
#include <stdint.h>

#define FEED_SET_MAX   (1024u * 1024 * 1024)
#define FEED_MAGIC     "NHIFEED1"
#define FEED_REPLY_MAX 1024u
/* How long the agent works on a set before it hangs up, and how long a client waits for it: the
 * largest set on a slow machine, behind another. */
#define FEED_REPLY_USEC (300u * 1000000)

typedef struct FeedHeader {
        uint8_t magic[8];
        uint8_t issuer_index_le[4]; /* position of the source in agentd.conf; a label for the log */
        uint8_t reserved[4];        /* zero */
} FeedHeader;

/* What a source brings, and how sources.json and status call it: this host's sets, and what stands
 * beside them. */
#define FEED_OBJECTS(X)                                                                            \
        X(FEED_SET, "set")                                                                         \
        X(FEED_KEYS, "keys")                                                                       \
        X(FEED_REVOCATIONS, "revocations")                                                         \
        X(FEED_FRESHNESS, "freshness")

typedef enum FeedObject {
#define X(object, name) object,
        FEED_OBJECTS(X)
#undef X
                FEED_OBJECTS_N,
} FeedObject;

/* NULL where there is none of that number. */
static inline const char *feed_object_name(uint32_t object)
{
#define X(object, name) name,
        static const char *const names[] = { FEED_OBJECTS(X) };
#undef X

        return object < FEED_OBJECTS_N ? names[object] : NULL;
}

#define FEED_TIDINGS_MAGIC "NHITIDE1"
#define FEED_TIDINGS_MAX   32u
#define FEED_NOT_KNOWN     UINT32_MAX

typedef struct FeedTidings {
        uint8_t magic[8];
        uint8_t n_le[4];     /* 1 to FEED_TIDINGS_MAX */
        uint8_t reserved[4]; /* zero */
} FeedTidings;

/* Of one place that an issuer's sets come from, or what stands beside them. */
typedef struct FeedTiding {
        uint8_t issuer_index_le[4];
        uint8_t place_le[2];        /* position among its URLs, where each is a source of its own */
        uint8_t object_le[2];       /* FeedObject */
        uint8_t answered_sec_le[4]; /* so long ago it said what its newest set is; FEED_NOT_KNOWN:
                                       it has not yet */
        uint8_t next_sec_le[4];     /* so soon it is asked next; FEED_NOT_KNOWN */
        char trouble[240]; /* what is in the way now, in UTF-8, padded with NUL; "": nothing */
} FeedTiding;
