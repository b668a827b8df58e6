/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grant sets on their way into force, one at a time:
 *
 *   offered -> verified, and all that is put in force made of it (on the thread "nhi-verify") ->
 *   what it revokes is denied at once, then withdrawn, then ended -> archived, uids and state
 *   saved, in this order (on "nhi-disk") -> in force -> published -> answered
 *
 *  W1 A set MUST NOT be in force before its archive, the ids it defines and its floor are on disk.
 *  W2 What a verified set revokes MUST be over without waiting for the disk, and stays over if the
 *     disk fails. What it has with less is judged by both versions until then; only memberships in
 *     groups are withdrawn when it is in force.
 *  W3 Configuration and local files change only between sets; every set in force is then verified
 *     anew, since policy is applied when a set is decoded. One that is refused, or that cannot be
 *     judged by them, MUST NOT stay in force; the latter is tried again.
 *  W4 The loop MUST NOT wait for a set, however large: it exchanges pointers, and what is
 *     proportional to a set is done, written down or freed elsewhere or in small turns.
 *
 * Memory while a set is accepted: its bytes (in the memfd that they came in: not copied), twice
 * what it takes in force, since the one before goes only when this one is there, and one identity
 * snapshot. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/set-bytes.h"

/* Archived sets that stay, of each key, besides those that state.json names. */
#define SETS_KEPT_MAX 16u

#define SETS_QUEUE_MAX       32u
#define SETS_QUEUE_BYTES_MAX SET_SIZE_MAX /* of all that wait behind the one being verified */

/* line: "accepted VER HASH", "unchanged VER HASH" or "refused CODE explanation". */
typedef void (*SetsDone)(void *userdata, const char *line);

int sets_new(Agent *a, Sets **ret);
/* After the threads' writer_free(), before publisher_free(). Whoever waits is answered. */
Sets *sets_free(Sets *s);
/* The agent stops: nothing more is begun, and what is counted is written down. NULL does nothing.
 */
void sets_stop(Sets *s);

/* A grant that is over by its time, or went with a set: EVENT_GRANT_ENDED, by itself or, where they
 * come too fast, counted. */
void sets_record_ended(Sets *s, const Event *e);
/* What was counted (refusals.h) is written down now. */
void sets_flush_refused(Sets *s);
#ifdef NHI_TEST
extern uint64_t sets_refused_usec; /* else they are after so long */
#endif

/* Is nothing under way, and nothing left to save but what waits for its next try? */
bool sets_are_settled(const Sets *s);

/* At start, before anybody is served: verify what state.json names, from the archive. What is
 * missing or refused is written down and does not stop the start; nor does what cannot be saved,
 * which is tried again. */
int sets_load_archived(Sets *s);

/* Take jws (malloc'ed; owned on success). label is the position of the source it came from. 0: done
 * is called once, perhaps from within; -EBUSY. */
int sets_offer(Sets *s, uint32_t label, char *jws, size_t size, SetsDone done, void *userdata);

/* The same; bytes are owned on success. */
int sets_offer_bytes(Sets *s, uint32_t label, SetBytes *bytes, SetsDone done, void *userdata);

/* Owned. In force between sets. */
void sets_change_config(Sets *s, Config *config);
void sets_change_local(Sets *s, LocalDb *local);

/* The clocks went on: what came too fast may have its turn. */
void sets_time_passed(Sets *s);

/* Save state.json soon; what is being saved with a set goes first. */
void sets_save_state(Sets *s);
