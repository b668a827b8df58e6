/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Heads of a log (lib/log/head.h) that were kept where the log is not, and the keys by which they
 * are believed.
 *
 *  J1 A head whose signature does not verify MUST NOT count, and MUST be said. */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "lib/log/head.h"

#include <stdbool.h>

/* What a head contradicts is found by each of them; only what is believed says that the log is as
 * it was. */
typedef enum LogHeadTrust {
        LOG_HEAD_UNCHECKED = 0, /* no key of ours is named in it */
        LOG_HEAD_BESIDE,        /* unsigned, in a file of the host whose log it is */
        LOG_HEAD_SIGNED,        /* by a key of ours */
        LOG_HEAD_GIVEN,         /* by who asks, or by the agent that writes the log just now */
} LogHeadTrust;

static inline bool log_head_is_believed(LogHeadTrust t)
{
        return t >= LOG_HEAD_SIGNED;
}

typedef struct LogHeadKept {
        LogHead head; /* log_id "": whatever log it is */
        LogHeadTrust trust;
        const char *from; /* "journal", "--head", ... */
} LogHeadKept;

typedef struct LogHeads {
        LogHeadKept *items; /* by seq, after log_heads_sort() */
        size_t n, capacity;
        Jwk keys[4];
        size_t n_keys;
        size_t n_unchecked; /* of items: UNCHECKED ones */
        size_t n_bad;  /* not among the items: the signature is wrong, or it is no head at all */
        char bad[256]; /* the first of these, in words */
} LogHeads;

void log_heads_done(LogHeads *h);

/* A key that heads may be signed with. */
void log_heads_trust(LogHeads *h, const Jwk *key);
/* A compact JWS as it stands in the journal or was handed on. What is wrong with it is counted. 0
 * or -ENOMEM. */
int log_heads_add(LogHeads *h, const char *jws, size_t size, const char *from);
/* A head that needs no signature. */
int log_heads_give(LogHeads *h, const LogHead *head, const char *from);
/* A head that has none where it ought to. */
int log_heads_give_beside(LogHeads *h, const LogHead *head, const char *from);
/* --head: a JWS, SEQ:HASH, or a file of these, one a line. 0; -EINVAL and a sentence; -ENOMEM. */
int log_heads_parse(LogHeads *h, const char *text, char ret_error[static 256]);
/* By seq; the same ones once. */
void log_heads_sort(LogHeads *h);

/* --key: a file with a public JWK, or its x. 0 or -EINVAL and a sentence. */
int log_heads_parse_key(const char *text, Jwk *ret, char ret_error[static 256]);
