/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What outlives a restart: /var/lib/nhi/state.json.
 *
 *   { "format": 1, "time_floor": SEC,
 *     "issuers": [ { "issuer": "...", "ver": N, "hash": "...",
 *                    "list": { "ver": N, "hash": "..." },
 *                    "keys": { "ver": N, "hash": "...", "roots": "...", "own": "..." },
 *                    "fresh": { "iat": SEC, "hash": "..." } } ],
 *     "ended": [ { "jti": "...", "exp": SEC, "at": SEC, "issuer": N } ],
 *     "locked": [ "name or jti" ] }
 *
 * An issuer's ver and hash are its floor, and sets/HASH.jws is its current set: the archive is
 * written first, then this file, so after any crash the old set or the new one is named. "list" is
 * the same of its revocation list, "keys" of its key list, with what the roots of agentd.conf came
 * to when it was taken, and what its own come to (roots_digest()), and "fresh" the statement of
 * freshness that its current set lives by, one of a set before is passed over; each is left out
 * where there is none yet. A floor that a key list set below the set in force keeps that one's
 * hash; above it, it has none. An ended grant stays ended as long as it comes with an exp not over
 * the one it ended with; exp 0: given back, for good. It is the grant of one issuer, a position in
 * "issuers", left out where it is 0; null: nobody knows whose, and whoever grants that jti, it is
 * over. A file that does not parse is an error: floors are never reset in silence. */

#include "nhi-agentd/set/keylist.h"

/* Shared evenly by the issuers that there are, so that none takes another's room. Those that were
 * more, or fewer, leave at most as many behind. */
#define STATE_ENDED_MAX     200000u
#define STATE_ENDED_ALL_MAX (2 * STATE_ENDED_MAX)
#define STATE_LOCKED_MAX    4096u
#define STATE_ISSUERS_MAX   64u
#define STATE_FILE_MAX      (128u * 1024 * 1024)
#define STATE_ERROR_MAX     256

typedef struct StateEnded {
        char *jti;
        int64_t exp_sec; /* 0: given back */
        int64_t at_sec;
        unsigned issuer; /* state_issuer(); 0: not known */
} StateEnded;

typedef struct StateIssuer {
        char *issuer;
        SetFloor floor; /* ver 0: no set yet */
        SetFloor list;  /* of its revocation list; likewise */
        KeysFloor keys; /* of its key list; likewise */
        SetFloor fresh; /* of the statement of freshness in force: ver is its iat */
} StateIssuer;

typedef struct State {
        int64_t time_floor_sec; /* from verified iat only */
        StateIssuer issuers[STATE_ISSUERS_MAX];
        size_t n_issuers;
        StateEnded *ended; /* sorted by jti, then issuer */
        size_t n_ended, ended_capacity;
        size_t n_ended_of[STATE_ISSUERS_MAX + 1]; /* by issuer */
        size_t n_sharing;                         /* issuers that share the room; 0 is 1 */
        char **locked;                            /* sorted */
        size_t n_locked;
        size_t n_shares;
        char **graves; /* texts that are forgotten, but that a share may still have */
        size_t n_graves;
} State;

int state_new(State **ret);
State *state_free(State *s);
/* 0; -ENOENT where there is none yet; or a negative errno and *ret_error, what is wrong and what to
 * do. */
int state_load(const char *path, State **ret, char ret_error[static STATE_ERROR_MAX]);
int state_parse(const char *text, size_t size, State **ret);
/* The text as it is; with issuer not NULL, as if that issuer's floor and the time floor were these.
 */
int state_format(const State *s, const char *issuer, const SetFloor *floor, int64_t time_floor_sec,
                 char **ret, size_t *ret_size);

/* What s is now, for a thread to read while s changes: a copy that shares the texts, which stay
 * until it is given back. Both on the thread that changes s. */
int state_share(State *s, State *ret);
void state_unshare(State *s, State *share);
/* For state.c: a text that is no longer s's goes when no share has it; all of them go. */
void state_bury_text(State *s, char *text);
void state_free_graves(State *s);

const SetFloor *state_floor(const State *s, const char *issuer); /* NULL: none seen */
int state_set_floor(State *s, const char *issuer, const SetFloor *floor);
/* The same of its revocation list; NULL or a ver of 0 takes it back. */
const SetFloor *state_list_floor(const State *s, const char *issuer);
int state_set_list_floor(State *s, const char *issuer, const SetFloor *floor);
/* The same of its key list. */
const KeysFloor *state_keys_floor(const State *s, const char *issuer);
int state_set_keys_floor(State *s, const char *issuer, const KeysFloor *floor);
/* The same of its statement of freshness. */
const SetFloor *state_fresh_floor(const State *s, const char *issuer);
int state_set_fresh_floor(State *s, const char *issuer, const SetFloor *floor);
/* Its number, from 1; 0 where it has no floor. */
unsigned state_issuer(const State *s, const char *issuer);

/* NULL where that issuer's grant (0: anybody's) has not ended. */
const StateEnded *state_ended(const State *s, unsigned issuer, const char *jti);
/* Ended, and it has not come back since with a later exp. */
bool state_grant_is_ended(const State *s, const Grant *g);
/* -ENOSPC where the issuer's share is full. */
int state_add_ended(State *s, unsigned issuer, const char *jti, int64_t exp_sec, int64_t at_sec);
/* The same for a batch, sorted by jti, each once, texts copied, in time that grows with both: 0, or
 * -ENOMEM and nothing was added. Those that there was room for are moved to the front: *ret_n. */
int state_add_ended_batch(State *s, StateEnded *batch, size_t n, size_t *ret_n);
/* Forget what ended before before_sec and is_needed() does not claim. */
void state_prune_ended(State *s, int64_t before_sec,
                       bool (*is_needed)(void *userdata, const char *jti), void *userdata);

/* 1 where it changed something, 0 where not, -ENOSPC, -ENOMEM. */
int state_lock(State *s, const char *name, bool locked);
