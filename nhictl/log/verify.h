/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is this log whole? Promises, cited by tests/unit/test-log-verify.c:
 *
 *  Y1 A byte that is not as it was written, a record that was removed, swapped, inserted or moved,
 * a segment that is missing: each MUST be found, and the first bad record named. Y2 Against a head
 * that was kept elsewhere a cut tail, a log that was rolled back, one that was made anew and
 * another log in its place MUST be found, too. Y3 What could not be checked MUST be said, and MUST
 * NOT pass for checked. Y4 What rotation, retention, compression, a crash and a failed disk leave
 * behind MUST pass. Y5 Whatever the files are, it MUST end, in bounded memory.
 *
 * What the chain is worth: a line is vouched for by the hash in the next one, up to the last; that
 * one only by a head. A line must be one JSON object nevertheless: what no reader understands is no
 * record. */

#include "nhictl/log/heads.h"
#include "nhictl/log/source.h"

#include <jansson.h>

/* X(NAME, "code", "what it says of the record or file that is named") */
#define VERIFY_CODES(X)                                                                            \
        X(CHANGED, "changed", "its line is not the one that was written")                          \
        X(MISSING, "missing", "it is not there")                                                   \
        X(ORDER, "order", "it stands twice, or in another place")                                  \
        X(NO_RECORD, "no-record", "a line is no record")                                           \
        X(TORN, "torn", "a torn fragment and its log-torn do not belong together")                 \
        X(BEGINNING, "beginning", "what was before it is gone, and nothing says that it may")      \
        X(SEGMENT, "segment", "a segment does not begin, end or follow as it must")                \
        X(SETS, "sets", "segment-end names other sets than the segment cites")                     \
        X(FILE, "file", "a file cannot be read to its end")                                        \
        X(CUT, "cut", "the log ends before a record that a head knows")                            \
        X(REWRITTEN, "rewritten", "a head knows another record there")                             \
        X(OTHER_LOG, "other-log", "a head is of another log")

typedef enum VerifyCode {
#define VERIFY_CODE_ENUM(name, text, meaning) VERIFY_##name,
        VERIFY_CODES(VERIFY_CODE_ENUM)
#undef VERIFY_CODE_ENUM
                VERIFY_CODE_N
} VerifyCode;

const char *verify_code_text(VerifyCode code);

typedef struct VerifyProblem {
        VerifyCode code;
        char file[LOG_NAME_SIZE + 1]; /* "": none in particular */
        uint64_t line;                /* from 1; 0: none */
        uint64_t seq;                 /* 0: none */
        char text[320];
} VerifyProblem;

#define VERIFY_PROBLEMS_MAX 16u
#define VERIFY_CHANGES_MAX  8u

/* The first record that says another host or key than those before: allowed, and worth a look. */
typedef struct VerifyChange {
        uint64_t seq;
        const char *what; /* "host", "key" */
        char value[LOG_HOST_MAX + 1];
} VerifyChange;

typedef struct VerifyReport {
        uint64_t n_files, n_records, n_bytes, n_torn;
        uint64_t n_void; /* lines of the active segment that the reserve's records replace */
        uint64_t first_seq, last_seq; /* 0: no record */
        int64_t first_usec, last_usec;
        char log_id[LOG_ID_SIZE + 1], host[LOG_HOST_MAX + 1], key[64];
        uint64_t pruned_by;      /* the record that names what was before first_seq; 0: none */
        uint64_t n_damaged;      /* files that the agent has put aside: not read */
        char damaged[64];        /* one of them */
        size_t rest_size;        /* bytes behind the last record: being written, torn, or cut */
        uint64_t n_heads;        /* that are believed, and agree with the log */
        uint64_t n_heads_weak;   /* that agree, and are not believed */
        uint64_t n_heads_before; /* of records that were pruned: not checked */
        uint64_t head_seq;       /* the last that is believed and agrees; 0: none */
        int64_t head_usec;       /* when it was signed; 0: unknown */
        const char *head_from;   /* whose it is: "journal", ...; NULL: none */
        const char *weak_from;   /* the last of those that are not believed; NULL: none */
        VerifyProblem problems[VERIFY_PROBLEMS_MAX]; /* in the order in which they were found */
        size_t n_problems;                           /* of all: more than there is room for */
        VerifyChange changes[VERIFY_CHANGES_MAX];
        size_t n_changes;
} VerifyReport;

/* How far it is: bytes of files read so far. */
typedef void (*VerifyProgress)(void *userdata, uint64_t n_bytes);

typedef struct VerifyOptions {
        const LogHeads *heads;   /* NULL: none */
        unsigned n_threads;      /* 0: as many as there are processors, 8 at most */
        VerifyProgress progress; /* NULL: none */
        void *userdata;
} VerifyOptions;

/* Read it all. 0 and *ret, problems or not; a negative errno where there was no memory. */
int verify_log(const LogSource *source, const VerifyOptions *o, VerifyReport *ret);
