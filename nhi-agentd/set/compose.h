/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Entries of a believed set: each is taken or quarantined, none delays another (S3). */

#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/document.h"

/* 0 and d->set has them; DECODE_E_PROBLEM where one is no JSON; -ENOMEM. */
int compose_entries(Decode *d, Payload *p, const Outline *o);
