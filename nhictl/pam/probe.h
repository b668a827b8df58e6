/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking PAM itself: would this account pass the account phase of this service? */

#include <sys/types.h>

/* How long one question may take. */
#define PAM_PROBE_SEC 10u

/* pam_start() and pam_acct_mgmt(PAM_SILENT) in a child, without a conversation, as root with this
 * real uid (sudo and su are asked that way). The PAM code; or a negative errno: -ETIMEDOUT, -EPIPE
 * where a signal ended it. */
int pam_probe(const char *service, const char *user, uid_t real_uid);
