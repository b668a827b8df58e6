/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* NHI_GRANT and NHI_EXPIRES (RFC 3339, UTC) in the PAM environment of a session under a grant, from
 * which its first process gets them. For the person and for scripts only: nothing of nhi reads
 * them, for whoever runs the session can change them. */

#include "pam_nhi/call.h"

/* "2026-11-22T14:55:00Z". Of this module's own, because gmtime(3) reads TZ and files. sec is
 * seconds since the epoch, before the year 10000; false for others. */
#define EXPIRES_SIZE 32
bool expires_format(uint64_t sec, char ret[static EXPIRES_SIZE]);

/* For open_session that a grant allowed; else nothing. An environment that cannot be changed is no
 * reason to deny. */
void environ_put(const Call *c, Cause cause);
