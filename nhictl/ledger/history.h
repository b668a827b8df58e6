/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ledger's history: who granted, extended, revoked, published, added, changed, disabled or
 * removed what, when and why. This header is its specification, nhi-grants(5) says the same to
 * people.
 *
 * The file `history` is lines, each one JSON object of at most HISTORY_LINE_MAX bytes with its
 * newline, with the members that it has of
 *
 *   time    RFC 3339, UTC        who     who ran nhictl, a label that the issuer asserts
 *   action  a word of HISTORY_ACTIONS
 *   file    the document it is about, below the ledger's directory: "grants/g-1.json"
 *   account, until               of a grant
 *   reason  why, as it was given
 *   to, hosts, n_hosts           of a publication: where, and for which hosts
 *   torn    of a line that a crash cut short: its BLAKE2b-256
 *   before  BLAKE2b-256 of the document's bytes before; absent where there was none
 *   after   the same afterwards; absent where it was removed
 *   last    hashes of the lines that recorded this document last; several after a merge
 *   prev    hashes of the lines that it follows; several after a merge, none at the beginning
 *
 * A line's hash is the BLAKE2b-256 of its bytes without the newline. A line that no other follows
 * is a head. The file is merged by union, as git does it: two branches then have a head each, and
 * the next line follows both, so that the lines are a graph like that of git's commits. A line
 * stands behind those that it follows.
 *
 * Promises, cited by tests/unit/test-ledger-history.c:
 *  L4 A change that may give access MUST stand in history, on the disk, before its document does.
 *     One that takes access away MUST be made also where history cannot be written.
 *  L5 What documents and history disagree about (a crash in between, an edit by hand) MUST be
 *     recorded as what it is by the next that writes.
 *  L6 Whatever was put in, a line MUST be one bounded line of valid JSON.
 *  L7 A line that was changed, taken out, moved or cut off the end MUST be named by check, if the
 *     line or one after it was followed by a line, noted in revisions or named by a published set.
 *     A set names the line that its documents came from, not the one that says it was published. */

#include "nhictl/ledger/document.h"

#include "lib/base/macro.h"

#define HISTORY_FILE     "history"
#define HISTORY_LINE_MAX 8192u
#define HISTORY_HASH     65  /* hex BLAKE2b-256 and NUL */
#define HISTORY_PREV_MAX 32u /* of one line */
#define HISTORY_LAST_MAX 16u
#define HISTORY_NONE     SIZE_MAX

/* X(NAME, "word", does it only take access away, or only say what is already there?) */
#define HISTORY_ACTIONS(X)                                                                         \
        X(GRANTED, "granted", false)                                                               \
        X(EXTENDED, "extended", false)                                                             \
        X(REVOKED, "revoked", true)                                                                \
        X(ADDED, "added", false)                                                                   \
        X(CHANGED, "changed", false)                                                               \
        X(ENABLED, "enabled", false) /* again: it was disabled */                                  \
        X(DISABLED, "disabled", true)                                                              \
        X(REMOVED, "removed", true)                                                                \
        X(PUBLISHED, "published", true)                                                            \
        X(ADOPTED, "adopted", true)   /* stood there when the history began */                     \
        X(EDITED, "edited", true)     /* by hand, or by a merge; who is who recorded it */         \
        X(REVERTED, "reverted", true) /* is again, or still, what it was before `last` */          \
        X(JOINED, "joined", true)     /* branches were merged */                                   \
        X(TORN, "torn", true)         /* the line before was cut short by a crash */

typedef enum HistoryAction {
#define HISTORY_ACTION_ENUM(name, word, harmless) HISTORY_##name,
        HISTORY_ACTIONS(HISTORY_ACTION_ENUM)
#undef HISTORY_ACTION_ENUM
                HISTORY_ACTION_N
} HistoryAction;

const char *history_action_name(HistoryAction a);
/* L4: may it be made where its line cannot be written? */
bool history_action_is_harmless(HistoryAction a);

typedef struct HistoryLine {
        char hash[HISTORY_HASH];
        char before[HISTORY_HASH], after[HISTORY_HASH]; /* "" where it has none */
        char *file;                                     /* NULL: about no document */
        size_t number;                                  /* in the file, from 1 */
        size_t offset, size; /* in the text; 0, 0 where it was added since */
        size_t next_tip;     /* another that recorded the same document last, or HISTORY_NONE */
        size_t base;         /* place of history_base(); set by history_add() */
        bool followed, superseded;
        bool is_publication; /* and says nothing of a document */
} HistoryLine;

typedef struct History {
        char *text;
        HistoryLine *lines; /* valid ones, in the order of the file */
        size_t n_lines, n_heads, n_numbers, capacity;
        json_t *index;           /* object: hash -> place in lines */
        json_t *tips;            /* object: file -> place of the first line that recorded it last */
        json_t *problems;        /* array of sentences that begin with "history:NUMBER: " */
        bool is_there, is_open;  /* is_open: it does not end with a newline */
        char torn[HISTORY_HASH]; /* of a last line that a crash cut short; "" */
} History;

/* Read and link the history below dir_fd; where there is no file an empty one. 0 and an owned *ret;
 * or a negative errno: it cannot be read. What is wrong inside is listed in problems. */
int history_load(int dir_fd, History **ret);
/* The same for a text, which is taken over (also on failure). */
int history_parse(char *text, size_t size, History **ret);
History *history_free(History *h);
DEFINE_CLEANUP(History *, history_free);

/* The line with this hash, or NULL. */
const HistoryLine *history_find(const History *h, const char *hash);
/* The first of the lines that recorded a document last, and the next of them; HISTORY_NONE ends. */
size_t history_tip(const History *h, const char *file);
size_t history_tip_next(const History *h, size_t tip);
/* The hash of the line that h->lines holds under this hash, or of the last one below it where it
 * says no more than that sets were published: what the documents are is the same in both. Where one
 * follows several lines it is its own. NULL: there is no such line. */
const char *history_base(const History *h, const char *hash);
/* Some of the heads, at most max, the last first; returns how many there are. */
size_t history_heads(const History *h, const char **ret, size_t max);
/* Add a line at the end and link it: what it follows and supersedes is no head and no tip any more.
 * Strings are copied. 0 or -ENOMEM. */
typedef struct HistoryLinks {
        const char *prev[HISTORY_PREV_MAX];
        size_t n_prev;
        size_t last[HISTORY_LAST_MAX]; /* places in lines */
        size_t n_last;
} HistoryLinks;
int history_add(History *h, const HistoryLine *line, const HistoryLinks *links);

/* What a line says; NULL and "" are left out. */
typedef struct HistoryEntry {
        HistoryAction action;
        const char *who, *file, *account, *until, *reason, *to, *torn, *before, *after;
        const char *const *hosts;
        size_t n_hosts;
        int64_t at_sec;
} HistoryEntry;

/* L6: the line without its newline, malloc'ed; NULL: memory. Texts that are too long are cut. */
char *history_format(const HistoryEntry *e, const History *h, const HistoryLinks *links);
