/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each verb in its own file; this table names them, in the order of the usage text. Room for a new
 * verb: declare it and add its line. */

#include "nhictl/verb.h"

/* This host. */
extern const Verb verb_status, verb_list, verb_mine, verb_why, verb_sessions, verb_end, verb_done;
extern const Verb verb_check, verb_log, verb_observe, verb_enforce, verb_lock, verb_unlock;
extern const Verb verb_feed;

const Verb *const verbs[] = {
        &verb_status,  &verb_list, &verb_mine,   &verb_why,  &verb_sessions,
        &verb_end,     &verb_done, &verb_check,  &verb_log,  &verb_observe,
        &verb_enforce, &verb_lock, &verb_unlock, &verb_feed, NULL,
};
