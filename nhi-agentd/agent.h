/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent: one struct that owns everything, on one sd-event loop. The loop never waits for disk,
 * journal, bus or hash (DESIGN section 5): files are written by the writer thread, bus calls are
 * asynchronous, the journal gets non-blocking datagrams. */

#include "nhi-agentd/config.h"
#include "nhi-agentd/event.h"
#include "nhi-agentd/session.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"

typedef struct Writer Writer;     /* writer.h: the one thread that touches the disk */
typedef struct Journal Journal;   /* journal.h: datagrams to journald */
typedef struct Listener Listener; /* listener.h: sockets, peers, limits, deadlines */
typedef struct Denials Denials;   /* denials.h: ring of last denials for `why` */

/* One issuer's current set and what is remembered of it. */
typedef struct IssuerState {
        GrantSet *set; /* NULL: none verified */
        SetFloor floor;
        int64_t accepted_sec;
        int64_t refused_sec; /* last refusal */
        SetError refused;
} IssuerState;

typedef struct Agent {
        sd_event *event;
        Config *config;
        IssuerState *issuers; /* as many as config->n_issuers, by index */
        IdMap *idmap;
        LocalDb *local;
        GrantStore store;
        StrList locked, ended; /* names and jtis, owned (names.h); persisted in state.json */
        int64_t started_sec;
        int64_t time_floor_sec; /* from verified iat only */
        Sessions *sessions;
        Writer *writer;
        Journal *journal;
        Listener *listener;
        Denials *denials;
        uint64_t generation, decision_id;
        bool sudo_plugin; /* /etc/sudo.conf names sudo_nhi.so (watched) */
        sd_event_source *expiry_real, *expiry_boot; /* the one expiry deadline, on both clocks */
} Agent;

Now agent_now(const Agent *a);
/* Anything that may change who has access has changed: rebuild the store, publish snapshot and
 * gates, review sessions, arm the expiry timer. */
int agent_refresh(Agent *a);
HostView agent_host_view(Agent *a);
void agent_record(Agent *a, const Event *e);
/* SIGHUP and the control verb "reload": take in the configuration anew. 0; or a negative errno with
 * *ret_error as config_load() words it: the old configuration stays in force. */
int agent_reload(Agent *a, char ret_error[static CONFIG_ERROR_MAX]);
