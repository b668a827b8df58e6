/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a record says was allowed, against what the grant that it names allows: the members that a
 * record has, as nhi-agentd/core judged them. Where it cut a text, as far as that goes. */

#include <jansson.h>
#include <stdbool.h>

/* An answer that let somebody in, under a grant. */
bool cited_is_allowed(const json_t *record);
/* One term of the grant has its class, target, group and command. */
bool cited_terms_allow(const json_t *record, const json_t *grant);
/* Seconds; 0 where it says none. */
int64_t cited_time(const json_t *record);
/* It was made while grant and set were in force, as far as a record's time can say. set: the
 * members of the payload; set_end_sec: its end, as it was then. */
bool cited_time_allows(const json_t *record, const json_t *grant, const json_t *set,
                       int64_t set_end_sec);

/* Did the record have to cut this member? */
bool cited_was_cut(const json_t *record, const char *name);
