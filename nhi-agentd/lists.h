/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the issuers' revocation lists in force say (set/revocations.h), and what their key lists
 * retired (set/keylist.h). Any of them is enough. */

#include "nhi-agentd/agent.h"

/* *ret_title: of the list that speaks; *ret_entry: what names the grant. Both may be NULL, and are
 * valid until the next list is in force. */
ListVerdict agent_lists(const Agent *a, const Grant *g, const char **ret_title,
                        const Revocation **ret_entry);
/* The issuer's set in force; NULL where there is none, or nobody of that name in agentd.conf, or
 * issuer is NULL. */
const GrantSet *agent_set(const Agent *a, const char *issuer);
/* A grant as it was when it let something in, as the lists judge it now: its key is that of its
 * issuer's set in force; without one, its kid counts, of the newest set that had it (NULL: not
 * known). */
Grant agent_as_signed(const Agent *a, const Grant *tied);
/* Does one of them name it? One that is lost names nothing: what it said is not known. */
bool agent_lists_name(const Agent *a, const Grant *tied);
/* Sets, revocation lists and statements of this issuer under this key are not taken any more. */
bool agent_key_is_revoked(const Agent *a, const char *issuer, const char *kid);
/* "account svc-deploy: REASON; the revocation list of ISS, version N" into ret; "" where no list
 * names it. */
void agent_lists_explain(const Agent *a, const Grant *g, char *ret, size_t size);
/* The same for an entry at hand. */
void revocation_explain(const Revocation *e, const char *title, char *ret, size_t size);
/* Its revocation list, its key list is in force and not on the disk: the next agent would not know
 * of it. */
bool issuer_list_is_unsaved(const IssuerState *s);
bool issuer_keys_are_unsaved(const IssuerState *s);
/* How the issuers stand, for who judges on another thread: at most n of
 * them, two for each. */
size_t agent_revokers(const Agent *a, Revoker *ret, size_t n);
