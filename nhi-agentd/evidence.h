/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The step between decide and answer: an event goes in, and only when its record is on the disk
 * does the request go on, which then decides again, since time has passed. Always asynchronous.
 *
 *  E1 Nobody MUST be told 0 whose record is not in the decision log, durably.
 *  E2 A log that has failed MUST stay failed until an administrator resumes it, over restarts, too.
 *
 * What nobody waits for (sessions, sets, exemptions) is written likewise; while the log has failed,
 * to the first half of the reserve; then it is kept in memory, up to a bound, and written when the
 * log is resumed. What is dropped is counted, over a clean stop, too, and the record of the resume
 * says how many. */

#include "nhi-agentd/config/config.h"
#include "nhi-agentd/event.h"

#include "lib/jose/jose.h"
#include "lib/log/head.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct Agent Agent;
typedef struct Evidence Evidence;

#define EVIDENCE_ERROR_MAX        512u
#define EVIDENCE_CARRIED_MAX      1024u /* records that are kept while the log has failed */
#define EVIDENCE_CARRIED_SIZE_MAX (2u * 1024 * 1024)

/* r: 0, or the negative errno for which the answer must be a denial. */
typedef void (*EvidenceDone)(void *userdata, int r);

int evidence_new(Agent *a, Evidence **ret);
/* Open the log, with the agent's configuration; until then nothing is recorded, and who asks is
 * denied. 0 also where the log cannot be written: that is said, and denies; a negative errno and
 * one sentence where the agent must not start. */
int evidence_open(Evidence *v, char ret_error[static EVIDENCE_ERROR_MAX]);
/* What waits is written, and whoever still waits is answered with -ECANCELED. */
Evidence *evidence_free(Evidence *v);

/* Texts of e are used before this returns. done is called once, never from within; a negative errno
 * from the call itself: done is not called, deny. */
int evidence_append(Evidence *v, const Event *e, EvidenceDone done, void *userdata);
/* The same for the answer that lets a session of e's grant in, where the grant says how many it may
 * have: the record says the how many-th it is. It counts from now on, and for good once the record
 * is in the log, whatever becomes of the answer. */
int evidence_append_use(Evidence *v, const Event *e, EvidenceDone done, void *userdata);
/* Sessions of a counted grant that were let in, or wait for their record: as the log has it, over
 * every restart. */
uint32_t evidence_n_uses(const Evidence *v, const Grant *g);
/* Forget grants that were over before before_sec, and that no set has any more. */
void evidence_forget_uses(Evidence *v, int64_t before_sec);

/* As evidence_append(), where nobody waits. */
void evidence_note(Evidence *v, const Event *e);
/* Tell those whose records are on the disk by now; the loop tells all others in its next turn. For
 * who has just taken requests in, at the end of that: it spares them a turn of the loop. */
void evidence_settle(Evidence *v);

/* Other limits are in force than those of before: segments end by them, and heads are signed as
 * often as they say. Another log.dir waits for the next start, and that is said. */
void evidence_config_changed(Evidence *v, const Config *before);

/* Keep the archived set of this hash beside the log, as long as the log cites it. */
void evidence_keep_set(Evidence *v, const char *hash);

/* An administrator's act, after a failure: e is its record. 0 where it was begun, and then
 * evidence_view() says what came of it; -EALREADY where the log has not failed. */
int evidence_resume(Evidence *v, const Event *e);

/* Sign with the host's key: as jws_sign(). */
int evidence_sign(const Evidence *v, const char *typ, const char *text, size_t size, char **ret);

typedef struct EvidenceView {
        LogHead head;    /* the last record */
        int error;       /* 0: it can be written */
        const char *why; /* where it cannot */
        const Jwk *key;  /* the host's, public */
        size_t n_carried;
        uint64_t n_lost; /* not kept while it has failed: in the journal only */
} EvidenceView;
void evidence_view(const Evidence *v, EvidenceView *ret);

#ifdef NHI_TEST
extern bool evidence_is_slow; /* nobody is told before the loop's next turn */
#endif
