/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Standing access: what an account has for good, each kind behind one class of the gates. */

#include "nhictl/doctor/people.h"

typedef enum StandingKind {
        STANDING_PASSWORD = 0,
        STANDING_KEYS,
        STANDING_SUDOERS,
        STANDING_CRONTAB,
        STANDING_AT_JOB,
        STANDING_LINGER,
        STANDING_N,
} StandingKind;

typedef struct Standing {
        bool has[STANDING_N];
        bool unknown[STANDING_N]; /* it could not be looked at */
} Standing;

/* What one account has. */
void standing_find(const People *p, const Person *who, Standing *ret);

const char *standing_word(StandingKind k); /* "password", "authorized_keys", ... */
/* The class that stands before it; a password opens two (standing_class_too(), or NULL). */
const char *standing_class(StandingKind k);
const char *standing_class_too(StandingKind k);
