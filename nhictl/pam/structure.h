/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the gate stands in the stacks of the services by which people and jobs come in. */

#include <stdbool.h>

#define PAM_GATE_MODULE "pam_nhi.so"

/* NULL ends them; not all are on every host. */
extern const char *const pam_gated_services[];

/* Where these services exist: the gate stands in the account stack, required or requisite, and no
 * line before it could end the stack or jump over it; and in the session stack, behind pam_systemd.
 * Says what is not so. */
bool pam_structure_holds(const char *root);

/* True where libpam can find the module's file. */
bool pam_module_is_there(const char *root);

/* The lines of the files in /etc/pam.d that name the module; said one by one where tell. The unit's
 * own service (nhi-unit) is left out: it goes with the module. */
unsigned pam_lines_remaining(const char *root, bool tell);
