/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the active grants of a host need from it. */

#include "nhictl/doctor/doctor.h"

/* Does any term of an active grant carry a non-empty list called member ("groups", "ssh_keys")? */
bool grants_carry(const DoctorHost *h, const char *member);
/* Is there a grant for sudo that is narrower than root without limits? Those need sudo_nhi. */
bool grants_are_narrow(const DoctorHost *h);
/* An account of an active grant, number i of them; NULL behind the last. */
const char *grants_account(const DoctorHost *h, size_t i);
