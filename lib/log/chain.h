/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The chain: each record carries the hash of the line before. Needs sodium_init() once. */

#include "lib/log/format.h"

#define LOG_HASH_SIZE      32u /* BLAKE2b-256 */
#define LOG_HASH_TEXT_SIZE 64u

/* The last record there is. All zero: none yet. */
typedef struct LogChain {
        uint64_t seq;
        uint8_t hash[LOG_HASH_SIZE];
} LogChain;

void log_hash(const void *data, size_t size, uint8_t ret[static LOG_HASH_SIZE]);
void log_hash_format(const uint8_t hash[static LOG_HASH_SIZE],
                     char ret[static LOG_HASH_TEXT_SIZE + 1]);
/* Lower case only, exactly LOG_HASH_TEXT_SIZE digits: 0 or -EBADMSG. */
int log_hash_parse(const char *text, size_t size, uint8_t ret[static LOG_HASH_SIZE]);

/* The next record of the chain: body is a LogBody's, done. Writes the line with its newline to ret
 * and moves the chain on. 0; -ENOBUFS, or -EOVERFLOW after LOG_SEQ_MAX: nothing has changed. */
int log_line_make(LogChain *chain, int64_t real_usec, const char *body, size_t body_size, char *ret,
                  size_t capacity, size_t *ret_size);

/* What stands first in every record, read without a JSON parser. */
typedef struct LogLine {
        uint64_t seq;
        int64_t real_usec;
        uint8_t prev[LOG_HASH_SIZE];
        const char *event; /* a view into the line */
        size_t event_size;
        const char *body; /* what log_line_make() was given */
        size_t body_size;
} LogLine;

/* Read a line without its newline: 0, or -EBADMSG where it does not begin as a record does, does
 * not end as one, is too long, or has a NUL or control character in it. It may be no JSON for all
 * that; that what it says is true only the chain says. */
int log_line_parse(const char *line, size_t size, LogLine *ret);

/* A string member of a line that log_line_parse() took, still encoded: a view without its quotes;
 * or NULL. Members of LOG_FIELDS only, found by their place at the object's own level. */
const char *log_line_text(const LogLine *l, LogField f, size_t *ret_size);
/* A number likewise: 0 or -ENOENT. */
int log_line_number(const LogLine *l, LogField f, int64_t *ret);

/* Does this record follow that one? */
#define LOG_FOLLOWS    0
#define LOG_E_SEQUENCE 1 /* its seq is not the next */
#define LOG_E_CHAIN    2 /* prev is not the hash of the line before */
int log_chain_check(const LogChain *chain, const LogLine *line);
/* And then this line is the last. */
void log_chain_follow(LogChain *chain, uint64_t seq, const char *line, size_t size);
