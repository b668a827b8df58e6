/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What verifying a log came to, for people and for programs. */

#include "nhictl/log/verify.h"
#include "nhictl/output.h"

typedef struct VerifyResult {
        const char *dir;
        bool is_own; /* it is this host's own log */
        const LogHeads *heads;
        VerifyReport report;
} VerifyResult;

/* What is there is as it was written, as far as it can tell by itself. */
bool verify_is_whole(const VerifyResult *v);
/* And a head that is believed says that what it knows is there. */
bool verify_is_proven(const VerifyResult *v);
/* 0, -ENOMEM, -EIO. */
int verify_show(const Output *o, const VerifyResult *v);
