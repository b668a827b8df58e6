/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the verifier: lines are read and hashed by many threads (verify-line.c,
 * verify-crew.c), and judged in their order by one (verify-chain.c, verify-segment.c,
 * verify-heads.c). */

#include "nhictl/log/verify.h"

typedef enum VerifyEvent {
        VERIFY_EVENT_OTHER = 0,
        VERIFY_EVENT_CREATED,
        VERIFY_EVENT_SEGMENT,
        VERIFY_EVENT_SEGMENT_END,
        VERIFY_EVENT_TORN,
        VERIFY_EVENT_PRUNED,
} VerifyEvent;

/* A line, and what can be said of it without any other. */
typedef struct VerifyLine {
        const char *data; /* without its newline */
        size_t size;
        uint8_t hash[LOG_HASH_SIZE];
        bool is_record; /* the rest counts only then */
        VerifyEvent event;
        const char *set; /* LOG_HASH_TEXT_SIZE digits, or so it seems; NULL */
        LogLine record;
} VerifyLine;

/* data and size are set: find out the rest. */
void verify_line_read(VerifyLine *l);
/* Is what follows the first three members of a record (LogLine's body) the rest of a JSON object?
 * *ret_set: the text of its member set, LOG_HASH_TEXT_SIZE long, or NULL. */
bool verify_body_is_json(const char *body, size_t size, const char **ret_set);

/* Hashes, each with the ways in which it was met. */
typedef struct VerifySets {
        struct VerifySet {
                uint8_t hash[LOG_HASH_SIZE];
                uint8_t met;
        } * items; /* open addressing */
        size_t n, capacity;
} VerifySets;

#define VERIFY_SET_CITED  1u
#define VERIFY_SET_LISTED 2u
int verify_sets_add(VerifySets *s, const uint8_t hash[static LOG_HASH_SIZE], uint8_t met);
/* How many were met in one way alone. */
size_t verify_sets_odd(const VerifySets *s);
void verify_sets_clear(VerifySets *s);

typedef struct VerifyPlace {
        char file[LOG_NAME_SIZE + 1];
        uint64_t line;
} VerifyPlace;

/* The judge. */
typedef struct Verify {
        VerifyReport *report;
        const LogHeads *heads;
        size_t head_at;      /* the first whose record has not come yet */
        uint64_t agreed_seq; /* of the last that agrees, believed or not; 0: none */
        int error;           /* of memory */

        LogChain chain;          /* the last record */
        VerifyPlace first, last; /* where the log's first and that one stand */
        bool has_begun;
        uint64_t begin_seq; /* of the log's first line, record or not */
        bool is_lost;       /* the line before was no record: what follows it is not known */
        bool is_blamed;     /* the last record has been named as changed: its hash says nothing */
        bool is_torn_next;  /* the line before is a fragment, this one is to be its log-torn */
        size_t suspect; /* 1 + the problem of a prev that did not fit, of the record before this */

        VerifyPlace here;
        LogFileKind kind;
        uint64_t name_seq;    /* the first seq that the file's name says; 0 */
        uint64_t file_seq;    /* that its first record says */
        uint64_t file_before; /* that of the file before */
        uint64_t void_from;   /* of the active one: the reserve's first seq; 0 */
        uint64_t n_file_lines, n_file_records;
        bool is_void;  /* all that is left of it */
        bool is_ended; /* its last record is segment-end */
        VerifySets sets;
        char last_set[LOG_HASH_TEXT_SIZE]; /* mostly the next record's, too */
} Verify;

/* The record that is expected at the line that has been come to. */
uint64_t verify_expected(const Verify *v);
/* That was none: what follows it is not known. */
void verify_lose(Verify *v);

VerifyProblem *verify_problem(Verify *v, VerifyCode code, const VerifyPlace *place, uint64_t seq,
                              const char *format, ...) _printf_(5, 6);

/* In their order. next: the line behind it in the file, or NULL. */
void verify_judge(Verify *v, const VerifyLine *l, const VerifyLine *next);

void verify_file_begin(Verify *v, const char *name, const LogSegment *segment, uint64_t void_from);
/* rest_size: bytes behind the last line. */
void verify_file_end(Verify *v, size_t rest_size);
/* It is not to be read further. */
void verify_file_unread(Verify *v, int r);
/* A record, after the chain was checked: what it says about its segment. */
void verify_segment_record(Verify *v, const VerifyLine *l);

/* The record that the chain has come to, and the end of all. */
void verify_heads_record(Verify *v, const VerifyLine *l);
void verify_heads_end(Verify *v);

/* Lines in, judged in the same order. n_threads 1: by the caller alone. */
typedef struct VerifyCrew VerifyCrew;
int verify_crew_new(Verify *v, unsigned n_threads, VerifyCrew **ret);
VerifyCrew *verify_crew_free(VerifyCrew *c);
DEFINE_CLEANUP(VerifyCrew *, verify_crew_free);
/* A line, copied. 0 or -ENOMEM. */
int verify_crew_add(VerifyCrew *c, const char *line, size_t size);
/* The file's last line was added: judge all that is left. */
int verify_crew_flush(VerifyCrew *c);
