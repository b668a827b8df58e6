/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between evidence.c (records), evidence-open.c (the log's life) and their like. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/log/heads.h"
#include "nhi-agentd/log/log.h"

/* A record that could not be written when it was made. */
typedef struct Carried {
        struct Carried *next;
        Evidence *evidence;
        int64_t real_usec;
        size_t size;
        char body[];
} Carried;

struct Evidence {
        Agent *agent;
        Log *log; /* NULL: not opened yet */
        Heads *heads;
        SigningKey key;
        char *dir;
        char boot[33];
        char why[EVIDENCE_ERROR_MAX]; /* of what failed before the log itself; "" */
        Carried *first, **last;
        size_t n_carried, carried_size; /* with those on their way to the log */
        uint64_t n_lost;
        bool is_marked; /* that the log has failed */
        LogBody body;   /* where records are made */
};

/* Keep a body for when the log is resumed, or count it as lost. */
void carry_add(Evidence *v, const char *body, size_t size);
/* Append those that were kept, as far as the log takes them. */
void carry_flush(Evidence *v);
void carry_done(Evidence *v);
/* An event of this kind is kept: who was decided upon is told, all others act without asking. */
bool carry_is_due(const Event *e);

/* E2: the marker that the log has failed is made while it has not. */
void mark_prepare(Evidence *v);
void mark_failed(Evidence *v);
void mark_clear(Evidence *v);
/* At a start: is there one? What it says was lost, is. */
bool mark_read(Evidence *v);
/* At stop, at once: have it say what was lost, and what goes with the agent. */
void mark_lost(const Evidence *v);

/* Have the sets removed that no segment cites. */
void evidence_sweep_sets(Evidence *v);
/* Have what old segments are let go removed, each with its record before. */
void evidence_prune(Evidence *v);
