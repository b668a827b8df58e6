/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small text files that the modules read themselves, without asking anybody. This header is their
 * specification.
 *
 * The gates file, /run/nhi/gates (copy: /var/lib/nhi/gates), written by the agent, 0644 root,
 * replaced by rename:
 *
 *     nhi-gates 1
 *     gate NAME observe|enforce CLASSES PATTERNS
 *     account NAME UID
 *     end N
 *
 * One blank between fields, no other white space, lines end in '\n'. CLASSES is a comma-separated
 * list of globs over service classes (lib/base/service.h). PATTERNS is a comma-separated list of
 * globs over account names, or %GROUP for the members of a group. `account` names an account that a
 * grant set has ever defined here: it is gated and enforced for every class, whatever the gates
 * say. N in the last line is the number of gate and account lines. Anything else makes the whole
 * file unusable.
 *
 * - The run file is read first; only where it is absent (ENOENT) or unusable the state copy is.
 * - Neither present: nothing was ever configured, nobody is gated.
 * - Present but unusable (wrong owner, damaged, unreadable): everybody is treated as gated and
 *   enforced; exemptions still hold.
 *
 * The exempt files, /etc/nhi/exempt and the *.conf files of /etc/nhi/exempt.d, written by
 * administrators, root-owned:
 *
 *     # comment
 *     ACCOUNT-GLOB CLASS-GLOB
 *
 * Fields are separated by blanks or tabs. A line that does not parse exempts nobody and is reported
 * by doctor and syslog; the other lines hold. A file with wrong owner or mode is ignored.
 *
 * The memberships, /run/nhi/members, written by the agent before the snapshot that gives them,
 * 0644 root, replaced by rename: its memory of who was put into which group by which grant, and
 * what pam_nhi tells at a login.
 *
 *     nhi-members 2 BOOT-ID
 *     member NAME UID GROUP GID SINCE END BOOT-END NBF KID JTI ISSUER
 *     end N
 *
 * One blank between fields; ISSUER is the rest of the line. SINCE and BOOT-END are microseconds of
 * CLOCK_BOOTTIME, END and the grant's NBF seconds since the epoch. KID is the key that signed the
 * newest set which had the grant, "-" where it is not known. "nhi-members 1" has neither NBF (0:
 * not known) nor KID, and is read, too. A line stays until what carried the group is dead, be its
 * end over. Nothing is decided by this file, and it is no part of the gates file for that: a module
 * that does not know it, or cannot read it, gates nobody more and nobody less. */

#define GATES_HEADER        "nhi-gates 1"
#define GATES_SIZE_MAX      (4u * 1024 * 1024)
#define GATES_N_MAX         256u
#define GATES_ACCOUNTS_MAX  65536u
#define MEMBERS_HEADER      "nhi-members 2"
#define MEMBERS_HEADER_OLD  "nhi-members 1"
#define MEMBERS_SIZE_MAX    (112u * 1024 * 1024)
#define MEMBERS_N_MAX       65536u              /* given at once */
#define MEMBERS_LINES_MAX   (2 * MEMBERS_N_MAX) /* with those that are being ended */
#define EXEMPT_SIZE_MAX     (256u * 1024)
#define EXEMPT_DIR_FILE_MAX 64u
