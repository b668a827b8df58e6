/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Refused offers, and what is told of accepted ones (entries left out, grants that went, lists),
 * that come faster than anybody can read them: who makes offers (a fetcher in somebody else's
 * hands, a hostile source behind an honest one, who holds an issuer's key) must not fill the
 * decision log. Each code of one issuer has an allowance of them that are written down one by one;
 * beyond it they are counted, until refusals_next(). Of one code's noise no other code falls
 * silent. Pure: no clock, no log; of fixed size.
 *
 *  C1 The first refusals of a code MUST be written down at once, each by itself.
 *  C2 Counts MUST be exact: what was counted is handed out once. */

#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/ration.h"
#include "nhi-agentd/set/set.h"

#define REFUSALS_BURST     20u
#define REFUSALS_ENTRIES   SET_QUARANTINE_MAX /* the same of entries: all that one set tells */
#define REFUSALS_LISTS     1024u              /* of revocation lists; of the grants they take */
#define REFUSALS_GRANTS    16384u             /* of grants that are over */
#define REFUSALS_BACK_USEC INT64_C(60000000)  /* in which one of them comes back, or a 1024th */
#define REFUSALS_CODES_MAX 16u                /* at a time; what is over is one, REFUSALS_OTHERS */
#define REFUSALS_OTHERS    "others"

typedef struct Refusal {
        char code[sizeof(((SetError *)0)->code)]; /* "": free */
        Ration ration;                            /* the allowance */
        uint64_t n;                               /* counted */
        int64_t first_sec, last_sec;              /* of those */
} Refusal;

/* One issuer's. All zero: nothing was refused. */
typedef struct Refusals {
        Refusal codes[REFUSALS_CODES_MAX];
} Refusals;

/* True: it is counted. Else it is the caller's to write down. burst: the whole allowance, the same
 * at each call. */
bool refusals_counted(Refusals *r, const char *code, uint32_t burst, Now now);
/* Hand out what was counted of one code; false where nothing is left. */
bool refusals_next(Refusals *r, Refusal *ret);
