/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Service classes: the one alias table from PAM service names to the words that grants, gates and
 * exemptions use. A class is a string: "ssh" "sudo" "su" "cron" "at" "login" "unit" "systemd-user",
 * or "pam:NAME" for every other PAM service. */

#include "lib/base/name.h"

#include <stdbool.h>

/* The class of a PAM service. Known classes are static strings; any other is formatted into buf as
 * "pam:NAME". NULL, empty, overlong or insane names give NULL, which callers treat as deny. */
const char *service_class(const char *pam_service, char buf[static SERVICE_SIZE_MAX + 1]);

/* True for services in which somebody becomes somebody else (sudo, sudo-i, su, su-l, runuser,
 * runuser-l, polkit-1, doas, ...): there the subject is the real uid, never PAM_USER. */
bool service_is_elevation(const char *pam_service);

/* True for a word that may stand in a grant's "services": a known class or a well-formed
 * "pam:NAME". Globs are for gates and exemptions only. */
bool service_class_is_valid(const char *word);
