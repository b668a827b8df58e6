/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last denials, for `nhictl why`: a ring of fixed size, in memory only. Texts are copied,
 * escaped and cut; an account's name is kept whole, and escaped only where nobody can have it. */

#include "nhi-agentd/event.h"

#define DENIALS_MAX 256u

typedef struct Denials Denials;

typedef struct DenialView {
        int64_t time_sec;
        uint32_t uid; /* the account's, as its caller resolved it; (uint32_t)-1: unknown */
        const char *account, *class, *service, *phase, *target, *command, *jti, *mode;
        Reason reason;
        uint64_t decision_id;
} DenialView;

int denials_new(Denials **ret);
Denials *denials_free(Denials *d);
/* Take an EVENT_DENIAL or EVENT_WOULD_DENY; others are ignored. */
void denials_add(Denials *d, const Event *e, int64_t now_sec);
/* Newest first; account NULL: everybody's. At most n are stored; the number stored. Views are valid
 * until the next denials_add(). */
size_t denials_list(const Denials *d, const char *account, DenialView *ret, size_t n);
