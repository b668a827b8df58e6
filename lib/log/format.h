/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The decision log: this header is its specification, docs/man/nhi-log.5 says the same to people.
 *
 *   decisions.log                    the active segment: preallocated, ends at the first NUL
 *   decisions-FIRSTSEQ.log           a closed one; FIRSTSEQ is the seq of its first record, 20
 * digits decisions-FIRSTSEQ.log.zst       the same, compressed. Where both are there, the .log
 * counts decisions-FIRSTSEQ.sets          the sets that a closed one cites, one hash a line.
 * Derived reserve.log                      preallocated; break-glass only, while nothing else can
 * be written sets/HASH.jws                    a set that a segment cites, as received
 *
 * A segment is lines that end with '\n'. A line is one record: one JSON object (RFC 8259) in UTF-8
 * without white space outside its texts, of at most LOG_LINE_MAX bytes with its newline, with the
 * members
 *
 *   seq   number: 1, 2, 3 ... over all segments, none missing, none twice
 *   time  text: when it was appended, UTC, "2026-11-22T08:15:04.123456Z". Follows the host's clock
 *         and may go back with it
 *   prev  text: 64 hexadecimal digits (lower case), BLAKE2b-256 of the line before, without its
 *         newline; 64 zeros where seq is 1
 *   event text: what happened, one of those of nhi-agentd/event.h
 *
 * in this order, and then those of LOG_FIELDS that it has, in the order of the table. Whoever reads
 * passes over members that it does not know. Control characters, line separators and bidirectional
 * overrides stand as \uXXXX, each byte that is no UTF-8 as U+FFFD. A text (or list) whose encoding
 * is longer than the table allows is cut there, between characters (or items), and "cut" names it.
 *
 * The first record of all is log-created: log (the log's id), format, host, key. Every later
 * segment begins with segment: log, format, host, key, segment (the name that the segment before
 * bears once it is closed). Then come, one for each grant of limited sessions that was used,
 * grant-used: grant, issuer, use (how many), until. A closed segment ends with one or more
 * segment-end: sets.
 *
 * After a crash the tail may be no record. What stands there from the end of the last whole record
 * to the last byte that is not NUL is the torn fragment: LOG_TORN_MAX bytes at most, since no more
 * is ever written before it is synced. It stays where it is: each NUL and newline in it becomes a
 * space, a newline ends it, and the next record is log-torn with torn_bytes and torn_hash (of the
 * fragment as it then stands, without the newline); its seq and prev follow the last whole record.
 * Nowhere else may a line be no record. */

#include <stddef.h>
#include <stdint.h>

#define LOG_FORMAT    1
#define LOG_LINE_MAX  16384u         /* with its newline */
#define LOG_BATCH_MAX (1024u * 1024) /* bytes that are written and then synced at once */
#define LOG_TORN_MAX                                                                               \
        (LOG_BATCH_MAX + 64 * 1024) /* a batch, and what a crash while it was ended left */
#define LOG_SEQ_MAX UINT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON reader */
#define LOG_ID_SIZE 32u                        /* hexadecimal digits of a log's id */

#define LOG_ACTIVE_NAME  "decisions.log"
#define LOG_RESERVE_NAME "reserve.log"
#define LOG_SETS_DIR     "sets"

/* Events that are about the log itself; the agent's table of events has them, too. */
#define LOG_EVENT_CREATED     "log-created"
#define LOG_EVENT_SEGMENT     "segment"
#define LOG_EVENT_SEGMENT_END "segment-end"
#define LOG_EVENT_TORN        "log-torn"
#define LOG_EVENT_RESUMED     "log-resumed"
#define LOG_EVENT_PRUNED      "log-pruned"
#define LOG_EVENT_USED        "grant-used"

typedef enum LogType {
        LOG_TEXT,   /* max: bytes of its encoding without the quotes */
        LOG_NUMBER, /* an integer; max: digits, with the sign */
        LOG_FLAG,   /* true, or left out */
        LOG_TEXTS,  /* a list of texts; max: bytes of its encoding with quotes and commas */
} LogType;

/* X(NAME, "name", type, max, "meaning"). The journal has the same field as NHI_NAME=, but a list
 * as one text, and not those that it has anyway (seq, time, prev, boot, cut). */
#define LOG_FIELDS(X)                                                                              \
        X(EVENT, "event", TEXT, 32, "what happened")                                               \
        X(AT, "at", TEXT, 27, "when it happened, where the record was written later")              \
        X(CARRIED, "carried", FLAG, 4, "written later than it happened: nobody waited for it")     \
        X(ACCOUNT, "account", TEXT, 512, "the login name that access was asked for")               \
        X(UID, "uid", NUMBER, 10, "its uid")                                                       \
        X(KIND, "kind", TEXT, 16, "workload, human or agent, of accounts that a set defines")      \
        X(CLASS, "class", TEXT, 96, "the service class: ssh, sudo, su, cron, ...")                 \
        X(SERVICE, "service", TEXT, 512, "the PAM service")                                        \
        X(PHASE, "phase", TEXT, 32, "account, open-session, command, keys, ...")                   \
        X(TARGET, "target", TEXT, 512, "the user to become")                                       \
        X(TARGET_GROUP, "target_group", TEXT, 512, "the group to become")                          \
        X(COMMAND, "command", TEXT, 2560, "the command as asked for")                              \
        X(MODE, "mode", TEXT, 16, "enforce, observe or exempt")                                    \
        X(VERDICT, "verdict", TEXT, 8, "allow or deny; in observe mode what it would have been")   \
        X(REASON, "reason", TEXT, 32, "the reason's code, nhi(7)")                                 \
        X(UNTIL, "until", NUMBER, 20, "when the access ends, seconds since the epoch")             \
        X(GRANT, "grant", TEXT, 64, "the grant that allows, or nearly did: its jti")               \
        X(SUBJECT, "subject", TEXT, 512, "its sub: on whose behalf")                               \
        X(ACTOR, "actor", TEXTS, 1024, "its act chain: who acts now, then who did before")         \
        X(OWNER, "owner", TEXT, 256, "its owner")                                                  \
        X(WHY, "why", TEXT, 1024, "its reason, as the issuer wrote it")                            \
        X(TICKET, "ticket", TEXT, 256, "its ticket")                                               \
        X(ISSUED_BY, "issued_by", TEXT, 512, "who issued it, as the issuer says")                  \
        X(ISSUER, "issuer", TEXT, 1024, "the iss of the set it came in")                           \
        X(SET, "set", TEXT, 64, "the set's hash: sets/HASH.jws")                                   \
        X(USE, "use", NUMBER, 10, "the how many-th session of a counted grant")                    \
        X(RHOST, "rhost", TEXT, 512, "PAM_RHOST, a label")                                         \
        X(TTY, "tty", TEXT, 256, "PAM_TTY, a label")                                               \
        X(RUSER, "ruser", TEXT, 512, "PAM_RUSER, a label")                                         \
        X(PID, "pid", NUMBER, 10, "the process that asked")                                        \
        X(UNIT, "unit", TEXT, 256, "its system unit, from PID 1")                                  \
        X(INVOCATION, "invocation", TEXT, 32, "the unit's invocation id")                          \
        X(AUDIT_SESSION, "audit_session", NUMBER, 10, "its audit session")                         \
        X(LOGINUID, "loginuid", NUMBER, 10, "its loginuid")                                        \
        X(LOGIND_SESSION, "logind_session", TEXT, 64, "its logind session")                        \
        X(BOOT, "boot", TEXT, 32, "the boot id")                                                   \
        X(SESSION, "session", TEXT, 128, "our session's id")                                       \
        X(SCOPE, "scope", TEXT, 256, "the session's scope unit")                                   \
        X(CODE, "code", TEXT, 256, "what kind of refusal, quarantine or error")                    \
        X(DETAIL, "detail", TEXT, 1536, "the same in words")                                       \
        X(TOOK_USEC, "took_usec", NUMBER, 20, "how long an end took, microseconds")                \
        X(SURVIVORS, "survivors", NUMBER, 10, "processes that are left")                           \
        X(DECISION, "decision", NUMBER, 20, "the decision's number since the agent's start")       \
        X(COUNT, "count", NUMBER, 20, "how many: denials, refusals, exemptions, records")          \
        X(FIRST, "first", NUMBER, 20, "of the first of them: seconds since the epoch, or a seq")   \
        X(LAST, "last", NUMBER, 20, "of the last of them, likewise")                               \
        X(LOG, "log", TEXT, 32, "the log's id, random")                                            \
        X(FORMAT, "format", NUMBER, 10, "LOG_FORMAT")                                              \
        X(HOST, "host", TEXT, 256, "host.name of agentd.conf")                                     \
        X(KEY, "key", TEXT, 43, "the host's key: its RFC 7638 thumbprint")                         \
        X(SEGMENT, "segment", TEXT, 64, "the file name of another segment")                        \
        X(SETS, "sets", TEXTS, 8192, "hashes of the sets that the segment cites")                  \
        X(TORN_BYTES, "torn_bytes", NUMBER, 10, "size of the torn fragment before this record")    \
        X(TORN_HASH, "torn_hash", TEXT, 64, "its BLAKE2b-256")                                     \
        X(CUT, "cut", TEXTS, 512, "names of the members that were cut")

typedef enum LogField {
#define LOG_FIELD_ENUM(name, text, type, max, meaning) LOG_FIELD_##name,
        LOG_FIELDS(LOG_FIELD_ENUM)
#undef LOG_FIELD_ENUM
                LOG_FIELD_N
} LogField;

typedef struct LogFieldInfo {
        const char *name;
        LogType type;
        size_t max;
        const char *meaning;
} LogFieldInfo;

extern const LogFieldInfo log_fields[LOG_FIELD_N];
/* -1 where the log has no such member. */
int log_field_find(const char *name, size_t size);
