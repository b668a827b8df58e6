/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The report that a host gives each of its issuers: what is applied here, and how far the decision
 * log is. A compact JWS (lib/jose) of type REPORT_TYP, signed with the host's own key
 * (PATH_HOST_KEY), whose payload is the JSON object
 *
 *   format       1
 *   iss          the host's name
 *   aud          the issuer it is for; it is told of its own sets, grants and accounts only
 *   iat          when it was made, seconds since the epoch
 *   seq          higher than in every report of this host before: an older one is one played again
 *   boot         the host's boot id
 *   agent        the agent's version
 *   set          null, or the set in force: {ver, hash, iat, exp, accepted}, hash as in the
 *                decision log
 *   refused      null, or what became of a newer one that is not in force: {time, code}
 *   quarantine   [{entry, code}] entries of the set that the host did not take, at most
 *                REPORT_QUARANTINE_MAX; quarantined: how many there are
 *   gates        [{name, mode}], at most REPORT_GATES_MAX
 *   used         [{jti, at}] the last use of each grant since used_since (the agent's start), at
 *                most REPORT_USES_MAX, those used last
 *   sessions     how many there are under grants
 *   log          {id, seq, head, error}: the head of the decision log (lib/log/head.h); error:
 *                true while it cannot be written
 *
 * and nothing else. The agent writes it to PATH_REPORTS_DIR, nhi-fetchd carries it; neither it nor
 * the place where reports are kept is believed: they can withhold one or show an old one again, and
 * seq, iat and the log's head tell. */

#include <stdint.h>

#define REPORT_TYP            "nhi-report+jwt"
#define REPORT_FORMAT         1
#define REPORT_SIZE_MAX       (64u * 1024) /* of the JWS */
#define REPORT_USES_MAX       200u
#define REPORT_QUARANTINE_MAX 100u
#define REPORT_GATES_MAX      64u
