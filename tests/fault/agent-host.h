/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent for fault loops. On disk it starts with the old set (svc-old under g-old); the new one
 * has svc-new under g-new and no g-old any more. What is right at any moment: old, new, or nothing
 * at all; never both, and never the old one again once the new one was in force. */

#include "tests/fault/fault.h"
#include "tests/unit/doors-fixture.h"

#include "nhi-agentd/core/decide.h"

/* scenario->data of those that ask. */
typedef struct Question {
        const char *account;
        uint32_t uid;
        bool allowed;
} Question;

typedef struct Known {
        bool old, new;
} Known;

extern Fixture host;
extern char *host_old_set, *host_new_set; /* signed, as a source would offer them */

/* In the parent: files, and the old set accepted. */
void host_prepare(void);
/* In the child: an agent that serves, started from disk, or stopped again. The first must not be
 * used while calls fail. */
void host_start(void);
/* The same where somebody asks without a pause, so that it is never idle. */
void host_start_at_work(void);
void host_stop(void);
/* The same with whatever fails: 0, or a negative errno as the agent's main() would exit with. */
int host_try_start(void);
/* Run the loop until done() says so, or 10 seconds have passed, or it has ended: then the process
 * would exit, and be started again. */
void host_run_until(bool (*done)(void));
/* The same, for what a fault may have ended: then only until nothing happens any more. */
void host_run_expecting(bool (*done)(void));
/* Until nothing happens any more. */
void host_run_idle(void);
bool host_has_exited(void);

/* Somebody else, in a process of its own: host_next_question() waits there until host_ask() lets it
 * go, and fault->answered says that it is through. host_ask() runs the loop meanwhile. */
void host_helper(void (*serve)(void));
unsigned host_next_question(unsigned last);
void host_ask(void);
/* Such a one: asks scenario->data as pam_nhi does; fault->verdict is -1 where there was no answer.
 */
void host_ask_accounts(void);

bool host_allows(const char *account, uint32_t uid);
Known host_known(void);
/* Offer a set when nothing fails any more; its answer. */
const char *host_offer(const char *jws);
/* Whatever is in the snapshot's place is a whole one, or there is none. */
void host_check_snapshot(void);
/* What is on disk now serves an agent that starts anew: old set or new, floors and ids as they
 * were or further on. */
void host_check_restart(void);
/* The old set is in force, the new one is accepted, and the old one is not any more. */
void host_check_progress(void);
