/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Denials that come faster than anybody can read them. Each source, a real uid that asks for an
 * account and a service class, has an allowance of denials that are written down one by one; beyond
 * it they are counted, by reason, until flood_flush(). All sources of one real uid but root's share
 * a second allowance, or who goes through enough names would have one each; beyond that they are
 * counted by uid and reason alone. Pure: no clock, no log; the tables are of fixed size.
 *
 *  F1 Counts MUST be exact: what was counted is handed out once, before its place is given away.
 *  F2 What one source spends MUST NOT be missing to another uid's. */

#include "nhi-agentd/core/reason.h"

#include <stdbool.h>
#include <stdint.h>

#define FLOOD_SOURCES_MAX 512u
#define FLOOD_UID_SHARE   4u /* allowances of one source for all of one real uid */

typedef struct Flood Flood;

typedef struct FloodSource {
        uint32_t real_uid;           /* of the process that asked */
        const char *account, *class; /* NULL: "" */
} FloodSource;

/* burst at once, then per_sec. */
typedef struct FloodRate {
        uint32_t burst, per_sec;
} FloodRate;

typedef struct FloodTally {
        FloodSource source;
        uint32_t uid; /* of the account, when it was counted last */
        Reason reason;
        uint64_t n;
        int64_t first_sec, last_sec;
} FloodTally;

/* Texts are valid during the call. */
typedef void (*FloodEmit)(void *userdata, const FloodTally *t);

int flood_new(FloodEmit emit, void *userdata, Flood **ret);
/* What is counted and not flushed is forgotten. */
Flood *flood_free(Flood *f);
/* Has the source no denial left? Changes nothing. now_usec: any clock that is never set. */
bool flood_is_spent(Flood *f, const FloodSource *s, FloodRate rate, uint64_t now_usec);
/* Take one of the source's allowance: false where none is left. */
bool flood_take(Flood *f, const FloodSource *s, FloodRate rate, uint64_t now_usec);
void flood_count(Flood *f, const FloodSource *s, uint32_t uid, Reason reason, int64_t now_sec);
/* Hand out what was counted; false where there was nothing. */
bool flood_flush(Flood *f);
