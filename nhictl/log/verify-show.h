/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What verifying a log came to, for people and for programs. */

#include "nhictl/log/verify.h"
#include "nhictl/output.h"

typedef struct VerifyResult {
        const char *dir;
        const LogHeads *heads;
        VerifyReport report;
} VerifyResult;

bool verify_is_whole(const VerifyResult *v);
/* 0, -ENOMEM, -EIO. */
int verify_show(const Output *o, const VerifyResult *v);
