/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent protocol on /run/nhi/pam.sock and /run/nhi/keys.sock. This header is its specification.
 *
 * SOCK_SEQPACKET over AF_UNIX. A connection carries exactly one request and at most one reply, then
 * it is closed: SO_PEERCRED is frozen at connect(), so a descriptor that was passed on must be
 * worth nothing (F6). All integers are little endian.
 *
 *   message := header field*
 *   header  := magic u32 | version u16 | type u16 | size u32 | nonce u64        (20 bytes)
 *   field   := tag u16 | size u32 | size bytes
 *
 * - magic is WIRE_MAGIC, version WIRE_VERSION; size counts the whole message and equals the
 *   datagram's length. Anything else is refused; there is no negotiation: an old module with a
 *   newer agent is denied with REASON "bad-request", never guessed at.
 * - Each tag stands at most once (ARGV and PATHS carry their lists inside). An unknown tag, a tag
 *   that the message type does not know (table in schema.c), trailing bytes, a NUL inside a text
 *   and a length over the tag's limit refuse the message.
 * - The reply echoes nonce and SUBJECT; a client that finds either different treats the reply as
 *   malformed (O10).
 * - Whatever a client cannot parse is AUTHINFO_UNAVAIL to it, never a verdict.
 * - A text field that the type requires is not empty.
 * - Text is bytes without NUL, not assumed to be UTF-8. Lists are u32 count, then per item u32 size
 *   and bytes. GIDS is u32 each. */

#include <stdint.h>

#define WIRE_MAGIC       0x5149484eu /* "NHIQ" */
#define WIRE_VERSION     1u
#define WIRE_HEADER_SIZE 20u
#define WIRE_FIELD_SIZE  6u      /* tag and size of a field */
#define WIRE_MSG_MAX     131072u /* a whole message */
#define WIRE_TEXT_MAX    4096u   /* one text field */
#define WIRE_GIDS_MAX    8192u   /* gids in GIDS */
#define WIRE_LIST_MAX    4096u   /* items in ARGV or PATHS */

typedef enum WireType {
        WIRE_PAM = 1,   /* request: one PAM phase (pam_nhi) */
        WIRE_COMMAND,   /* request: one sudo command (sudo_nhi) */
        WIRE_KEYS,      /* request: the ssh keys of an account (keys.sock only) */
        WIRE_VERDICT,   /* reply to PAM and COMMAND */
        WIRE_KEYS_LIST, /* reply to KEYS */
} WireType;

/* Which part of a login asks. */
typedef enum WirePhase {
        WIRE_PHASE_AUTHENTICATE = 1,
        WIRE_PHASE_ACCOUNT,
        WIRE_PHASE_OPEN_SESSION,
        WIRE_PHASE_CLOSE_SESSION,
} WirePhase;

/* Why the client asks: what its own reading of gates and exemptions said. Only ENFORCE waits for
 * the reply; the two others are notices that are sent without blocking and never answered. */
typedef enum WireMode {
        WIRE_MODE_ENFORCE = 1,
        WIRE_MODE_OBSERVE, /* record what would have been denied */
        WIRE_MODE_EXEMPT,  /* record that an exemption was used */
} WireMode;

/* X(tag, number, kind, struct member, limit in bytes or items)
 * kinds: U32, U64, TEXT, LIST (of texts), GIDS */
#define WIRE_REQUEST_FIELDS(X)                                                                     \
        X(PHASE, 1, U32, phase, 0)                                                                 \
        X(MODE, 2, U32, mode, 0)                                                                   \
        X(SERVICE, 3, TEXT, service, 256)       /* PAM service name, as the caller gave it */      \
        X(SUBJECT, 4, TEXT, subject, 256)       /* whose grant is asked for */                     \
        X(SUBJECT_UID, 5, U32, subject_uid, 0)  /* resolved in the calling process */              \
        X(GIDS, 6, GIDS, gids, WIRE_GIDS_MAX)   /* its groups, where a gate had them looked up */  \
        X(TARGET, 7, TEXT, target, 256)         /* PAM_USER; COMMAND: the run-as user */           \
        X(REAL_UID, 8, U32, real_uid, 0)        /* getuid() of the caller */                       \
        X(EFFECTIVE_GID, 9, U32, egid, 0)       /* getegid() of the caller */                      \
        X(RUSER, 10, TEXT, ruser, 256)          /* PAM_RUSER: a label */                           \
        X(RHOST, 11, TEXT, rhost, 1024)         /* PAM_RHOST: address for "from" */                \
        X(TTY, 12, TEXT, tty, 256)              /* PAM_TTY: a label */                             \
        X(AUTH_INFO, 13, TEXT, auth_info, 4096) /* SSH_AUTH_INFO_0 from the PAM environment */     \
        X(TARGET_GROUP, 14, TEXT, target_group, 256) /* COMMAND: the run-as group, or empty */     \
        X(COMMAND, 15, TEXT, command, 4096)          /* COMMAND: absolute path */                  \
        X(ARGV, 16, LIST, argv, WIRE_LIST_MAX)       /* COMMAND: argv[1..] */                      \
        X(EDIT, 17, LIST, edit, WIRE_LIST_MAX)       /* COMMAND: sudoedit's files; empty if not */ \
        X(CWD, 18, TEXT, cwd, 4096)                                                                \
        X(DECISION, 19, U64, decision, 0) /* id of the account phase's decision, or 0 */

#define WIRE_REPLY_FIELDS(X)                                                                       \
        X(SUBJECT, 4, TEXT, subject, 256)      /* echo */                                          \
        X(VERDICT, 32, U32, verdict, 0)        /* Verdict of core/decide.h: 0 deny, 1 allow */     \
        X(REASON, 33, TEXT, reason, 64)        /* reason token of core/reason.h */                 \
        X(MESSAGE, 34, TEXT, message, 1024)    /* one line for the person, or empty */             \
        X(DECISION, 19, U64, decision, 0)      /* id to send with open_session */                  \
        X(JTI, 35, TEXT, jti, 64)              /* the grant that allowed */                        \
        X(UNTIL, 36, U64, until_sec, 0)        /* when it ends, seconds since the epoch; 0 none */ \
        X(KEYS, 37, LIST, keys, WIRE_LIST_MAX) /* KEYS_LIST: authorized_keys lines */
