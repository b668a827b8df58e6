/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grant sets on their way into force, one at a time:
 *
 *   offered -> verified (on the writer thread) -> what it revokes is denied at once -> archived,
 *   uids and state saved, in this order -> in force -> answered
 *
 *  W1 A set MUST NOT be in force before its archive, the ids it defines and its floor are on disk.
 *  W2 What a verified set revokes MUST be over without waiting for the disk, and stays over if the
 *     disk fails.
 *  W3 Configuration and local files change only between sets; every set in force is then verified
 *     anew, since policy is applied when a set is decoded. */

#include "nhi-agentd/agent.h"

#define SETS_QUEUE_MAX 32u

/* line: "accepted VER HASH", "unchanged VER HASH" or "refused CODE explanation". */
typedef void (*SetsDone)(void *userdata, const char *line);

int sets_new(Agent *a, Sets **ret);
/* After writer_free(). Whoever waits is answered. */
Sets *sets_free(Sets *s);

/* At start, before anybody is served: verify what state.json names, from the archive. What is
 * missing or refused is written down and does not stop the start. */
int sets_load_archived(Sets *s);

/* Take jws (malloc'ed; owned on success). label is the position of the source it came from. 0: done
 * is called once, perhaps from within; -EBUSY. */
int sets_offer(Sets *s, uint32_t label, char *jws, size_t size, SetsDone done, void *userdata);

/* Owned. In force between sets. */
void sets_change_config(Sets *s, Config *config);
void sets_change_local(Sets *s, LocalDb *local);

/* Save state.json soon; what is being saved with a set goes first. */
void sets_save_state(Sets *s);
/* True for a grant that a verified set, which could not be saved, no longer has. */
bool sets_is_narrowed(const Sets *s, const char *jti);
void sets_clear_narrowed(IssuerState *s);
