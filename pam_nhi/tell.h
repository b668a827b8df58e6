/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is said about an outcome: to the log through pam_syslog(3), and one line to the person. */

#include "pam_nhi/call.h"

void tell_log(const Call *c, Cause cause);
/* For whoever is kept out: the first exempt file that is ignored or has a line that does not parse.
 */
void tell_exempt_problem(const Call *c, Cause cause);
/* Nothing where PAM_SILENT or the option "quiet" stands; a conversation that is not there or fails
 * changes nothing. */
void tell_person(const Call *c, Cause cause);
