/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whom an issuer's sets and lists are verified by: agentd.conf, and what its roots said since. */

#include "nhi-agentd/agent.h"

/* A view: valid while neither configuration nor key list changes, which is between sets only.
 * Where a key list is known and cannot be read, no key counts (K4). */
SetPolicy issuer_policy(const Issuer *issuer, const IssuerState *s);
