/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why pam-auth-update leaves /etc/pam.d alone: what an administrator has written into the part of
 * common-* that it keeps. It says only that there is something. */

/* Says each such line, and each file without the comments that mark the part; how many. root is ""
 * or a folder. */
unsigned pam_local_edits(const char *root);
