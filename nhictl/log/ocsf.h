/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Of export-ocsf.c and ocsf-member.c. */

#include <jansson.h>
#include <stdbool.h>

typedef enum OcsfClass {
        OCSF_BASE_EVENT = 0,
        OCSF_AUTHENTICATION,
        OCSF_AUTHORIZE_SESSION,
        OCSF_LIFECYCLE,
        OCSF_CLASS_N,
} OcsfClass;

/* Put v (stolen; NULL: memory) at the end of a path such as "actor.authorizations[].policy.uid",
 * whose objects are made where they are not there; "[]" is a list's first item. 0 or -ENOMEM. */
int ocsf_put(json_t *event, const char *path, json_t *v);

/* A member of a record. 0 or -ENOMEM. */
int ocsf_put_member(json_t *event, OcsfClass class, bool is_denials, const char *name,
                    const json_t *v);
