/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the control protocol: control.c (table, who may ask what), control/show.c
 * and control/check.c (verbs that read), control/change.c (verbs that change), control/leftovers.c,
 * control/views.c (how grants, sessions and denials look in JSON). */

#include "nhi-agentd/control/control.h"
#include "nhi-agentd/control/denials.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/wire/control.h"

/* Who asks, as the kernel and the local files say. */
typedef struct Peer {
        uid_t uid;
        bool sees_all;                    /* uid 0 or member of nhi-admin */
        char account[LABEL_SIZE_MAX + 1]; /* the account of that uid; "" where it has none */
} Peer;

/* A handler gives 0 and *ret_reply, or a negative errno. Members were checked for name and JSON
 * type before; *ret_reply is made by reply_ok() or reply_refuse(). */
typedef int (*ControlHandler)(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);

int control_status(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_list(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_mine(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_why(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_sessions(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_check(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_end(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_done(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_lock(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_unlock(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_log_resume(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_leftovers(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);
int control_reload(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply);

/* body (an object, stolen, NULL allowed: -ENOMEM) with schema and ok added. */
int reply_ok(json_t *body, json_t **ret_reply);
/* code is one of denied, usage, absent, failed. */
int reply_refuse(json_t **ret_reply, const char *code, const char *format, ...) _printf_(3, 4);

/* For a peer whose uid has no account. */
int reply_no_account(const Peer *peer, json_t **ret_reply);

/* A member that the request may leave out: NULL then. */
const char *request_text(json_t *request, const char *member);
int64_t request_number(json_t *request, const char *member, int64_t otherwise);

/* The account that a reading verb is about: the one asked for, where the peer may; else the peer's
 * own. 0 and *ret_account (NULL: everybody's), or CONTROL_E_REFUSED and *ret_reply. */
#define CONTROL_E_REFUSED 1
int request_account(const Peer *peer, json_t *request, const char **ret_account,
                    json_t **ret_reply);

/* Views: new references, NULL where memory is out. */
json_t *json_text(const char *text); /* NULL gives null; bytes that are no UTF-8 are escaped */
json_t *grant_view(Agent *a, const Grant *g, Now now);
json_t *session_view(const Agent *a, const SessionView *s);
json_t *denial_view_json(const DenialView *d);
/* Add to an issuer's view how old its set is and how its sources fare. Negative: out of memory. */
int put_sources(json_t *view, const Issuer *i, const IssuerState *s, Now now);
/* Where this grant stands: REASON_GRANTED while it is active, else what stops it. */
Reason grant_state(const Agent *a, const Grant *g, Now now);
/* The grant of this account with this id, NULL where there is none. */
const Grant *grant_of(const GrantStore *s, const char *account, const char *jti);
/* Hand a new element to an array; -ENOMEM where either is missing. */
int array_take(json_t *array, json_t *element);
/* Every session there is: a malloc'ed array, NULL where there is none. */
int sessions_snapshot(const Agent *a, SessionView **ret, size_t *ret_n);
