/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every check once, in the order of the report. From this table come the prototypes, the list that
 * doctor runs and `nhictl doctor --list`; the manual's table is proved against it. */

#include "nhictl/doctor/doctor.h"

/* X(function, "name", "what it looks at") */
#define DOCTOR_CHECKS(X)                                                                           \
        X(check_agent, "agent",                                                                    \
          "nhi-agentd answers, took its configuration, and quarantined nothing")                   \
        X(check_source, "source",                                                                  \
          "grant sets arrive and are fresh; the fetcher and the renewal run")                      \
        X(check_clock, "clock", "the clock is synchronised and not behind the source")             \
        X(check_gates, "gates",                                                                    \
          "gates are enforced, published, and name accounts and classes that exist")               \
        X(check_nss_cache, "nss-cache", "nscd answers for accounts or groups from a cache")

#define DOCTOR_CHECK_PROTOTYPE(function, name, help)                                               \
        void function(const DoctorHost *h, Findings *f);
DOCTOR_CHECKS(DOCTOR_CHECK_PROTOTYPE)
#undef DOCTOR_CHECK_PROTOTYPE
