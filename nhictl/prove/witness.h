/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The witnesses, each in a file of its own: what they say goes into the proof. What can be read at
 * all can be read in pieces, so that tests plant each. */

#include "nhictl/log/config.h"
#include "nhictl/log/verify.h"
#include "nhictl/prove/prove.h"

#include <jansson.h>

/* ---- the log (witness-log.c, witness-chain.c) ---- */

/* One record, in the order of the log; json has its members. */
void log_take(Proof *p, uint64_t seq, int64_t time_usec, const json_t *json);
/* What the verifier found. A log that does not verify, or whose heads do not, is no evidence, and
 * nor is an empty one; behind the last head that is believed there is a gap. */
void log_judge(Proof *p, const char *dir, const LogHeads *heads, const VerifyReport *v);
/* Verify the chain, against the heads that this host has kept where the log is its own, and take
 * all records: 0 or a negative errno. A log that is no evidence is no error (log_wrong). */
int witness_log(Proof *p, const char *dir, bool is_own);

/* ---- grant sets (witness-sets.c) ---- */

/* The payload of a set that the log cites, its signature verified: 0, -EBADMSG or -ENOMEM. */
int set_take(Proof *p, SetFact *f, const json_t *payload);
/* Read DIR/sets/HASH.jws for each set that is not known yet and makes a difference to a stay. What
 * is not there, or not signed with a key of its issuer, stays unknown. */
void witness_sets(Proof *p, const char *dir, const LogKeys *keys);

/* ---- the journal (witness-journal.c, journal-entry.c) ---- */

/* A field of the current entry, cut to size; false where there is none. */
typedef bool (*EntryGetter)(void *userdata, const char *field, char *ret, size_t size);
typedef struct JournalEntry {
        EntryGetter get;
        void *userdata;
        int64_t real_usec, mono_usec;
        const char *boot;   /* the journal's id of the boot */
        const char *cursor; /* how the entry is found again */
} JournalEntry;
/* What of the journal is read: MESSAGE_IDs of logind, PID 1 and journald. */
#define ENTRY_SESSION_NEW     "8d45620c1a4348dbb17410da57c60c66"
#define ENTRY_SESSION_REMOVED "3354939424b4456d9802ca8333ed424a"
#define ENTRY_UNIT_EXIT       "98e322203f7a4ed290d09fe03c09fe15"
#define ENTRY_UNIT_STARTING   "7d4958e842da4a758f6c1cdc7b36dcc5"
#define ENTRY_UNIT_STARTED    "39f53479d3a045ac8e11786248231fbf"
#define ENTRY_UNIT_STOPPED    "9d1aaa27d60140bd96365438aad20286"
#define ENTRY_UNIT_SUCCESS    "7ad2d189f7e94e70a38c781354912448"
#define ENTRY_UNIT_FAILURE    "d9b373ed55a64feb8242e02dbe79a49c"
#define ENTRY_TIME_CHANGED    "c7a787079b354eaaa9e77b371893cd27"
#define ENTRY_SUPPRESSED      "a596d6fe7bfa4994828e72309e95d61e"
#define ENTRY_JOURNAL_START   "f77379a8490b408bbe5f6940505a777b"
#define ENTRY_JOURNAL_STOP    "d93fb3c9c24d451a97cea615ce59c00b"
/* What the last entry said of the clocks, and whether the journal was there. */
typedef struct EntryClock {
        char boot[33];
        int64_t real_usec, mono_usec;
        int64_t stopped_usec; /* and in this boot it has not begun again; 0 */
} EntryClock;
void entry_take(Proof *p, const JournalEntry *e, EntryClock *clock);
/* Behind the last one. */
void entry_end(Proof *p, const EntryClock *clock);
/* "pam_unix(sshd:session): session opened for user olga(uid=1002) by (uid=0)": false for any other
 * text. */
typedef struct PamMessage {
        bool is_open;
        char service[65], user[257];
} PamMessage;
bool pam_message_parse(const char *text, PamMessage *ret);
/* "Accepted publickey for olga from 10.0.0.1 port 22 ssh2: ...": the user, or false. */
bool sshd_message_parse(const char *text, char *ret_user, size_t size);
int witness_journal(Proof *p);

/* ---- wtmp (witness-wtmp.c) ---- */

/* The bytes of one file; older files first. */
void wtmp_take(Proof *p, const char *path, const void *data, size_t size);
/* At the end: who is not logged out is still there, or nobody saw the end. */
void witness_wtmp(Proof *p, const char *dir, bool has_utmp, bool has_wtmpdb);

/* ---- what is there now (witness-now.c) ---- */

void witness_sessions(Proof *p);
/* Everything below proc ("/proc"); boot_usec: the realtime of the boot. */
void witness_processes(Proof *p, const char *proc, int64_t boot_usec);
/* The unit of a cgroup path: its first component that is no slice. Returns ret. */
const char *cgroup_unit(const char *path, char *ret, size_t size);
