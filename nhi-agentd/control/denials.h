/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last denials, for `nhictl why`: a list of fixed size, in memory only. Texts are copied,
 * escaped and cut; an account's name is kept whole, and escaped only where nobody can have it.
 *
 * A flood of one account does not push out what others want to know: what was counted together
 * (EVENT_DENIALS) stands once as long as it goes on, and where the list is full an account that has
 * DENIALS_SHARE of it gives up its own oldest. */

#include "nhi-agentd/event.h"

#define DENIALS_MAX   256u
#define DENIALS_SHARE 32u
#define DENIALS_LULL  10 /* seconds after which a flood is another one */

typedef struct Denials Denials;

typedef struct DenialView {
        int64_t time_sec;
        uint32_t uid; /* the account's, as its caller resolved it; (uint32_t)-1: unknown */
        const char *account, *class, *service, *phase, *target, *command, *jti, *mode;
        Reason reason;
        uint64_t decision_id;
        uint64_t n;        /* how many: 1 but in a flood */
        int64_t first_sec; /* the first of them; time_sec is the last's */
} DenialView;

int denials_new(Denials **ret);
Denials *denials_free(Denials *d);
/* Take an EVENT_DENIAL, EVENT_DENIALS or EVENT_WOULD_DENY; others are ignored. */
void denials_add(Denials *d, const Event *e, int64_t now_sec);
/* Newest first; account NULL: everybody's. At most n are stored; the number stored. Views are valid
 * until the next denials_add(). */
size_t denials_list(const Denials *d, const char *account, DenialView *ret, size_t n);
