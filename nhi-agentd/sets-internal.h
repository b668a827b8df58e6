/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between sets.c (queue, configuration, state), sets-verify.c (bytes to a set) and sets-accept.c
 * (a set into force). */

#include "lib/base/macro.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/writer.h"

typedef struct Offer {
        struct Offer *next;
        Sets *sets;
        uint32_t label;
        bool again; /* what is in force already, under another policy */
        char *jws;
        size_t size;
        SetsDone done; /* NULL: nobody waits */
        void *userdata;

        /* verified: */
        Now now;
        int r; /* 0, SET_E_*, or a negative errno */
        size_t index;
        GrantSet *set;
        SetError error;

        /* being saved: */
        IdMap *idmap;
        int64_t time_floor_sec;
        SetFloor floor;
        char *path, *uids, *state;
} Offer;

struct Sets {
        Agent *agent;
        Offer *current; /* NULL: idle */
        Offer *first, **last;
        size_t n_queued;
        Config *next_config;
        LocalDb *next_local;
        bool state_dirty;
        size_t n_state_saves; /* under way */
        bool stopping;
};

Offer *offer_free(Offer *o);
/* Begin with the offer that is current: sets_offer_done() is called in the end. */
int offer_begin(Offer *o);
void offer_answer(Offer *o, const char *format, ...) _printf_(2, 3);
void sets_offer_done(Sets *s);
/* Verify o->jws against the issuer its signature names; on the thread or at start. */
int offer_verify(void *offer);
/* Put o->set in force; takes set, idmap and jws. */
void offer_put_in_force(Offer *o);
void offer_record_refused(Offer *o);
