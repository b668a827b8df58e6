/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hosts' reports (lib/wire/report.h) on the central side: read from where they are kept, verified
 * with the keys that the ledger has of its hosts, and held against what was seen before. Promises,
 * cited by tests/unit/test-fleet.c:
 *
 *  F1 Nothing MUST be believed of a report that is not signed with the key that the ledger has of
 *     this host, or that is of another host or for another issuer.
 *  F2 A report that is older than one seen before MUST be told as played again, and believed in
 *     nothing.
 *  F3 A decision log that went back, or says another thing than before, MUST be told, and go on
 *     being told until an administrator says that it is known.
 *  F4 One host's trouble MUST NOT keep another host's report from being read.
 *  F5 A store that shows an older set than it was given MUST be told, and MUST NOT make a host that
 *     has the older one look current.
 *  F6 A host's word MUST NOT make a grant look used that does not reach it, nor at a time that is
 *     before the grant or still to come. */

#include "lib/jose/jose.h"
#include "nhictl/ledger/ledger.h"

/* X(NAME, "word", "what it means and what to do") */
#define HOST_STANDINGS(X)                                                                          \
        X(ABSENT, "absent", "there is no report of it: is source.report set there?")               \
        X(VERIFIED, "verified", "")                                                                \
        X(UNREADABLE, "unreadable", "its report cannot be read")                                   \
        X(NO_KEY, "no-key",                                                                        \
          "the ledger has no key of it, so its report cannot be verified: nhictl host key")        \
        X(OTHER_KEY, "other-key",                                                                  \
          "its report is signed with another key than the ledger has of it: was it installed "     \
          "anew, or is this somebody else?")                                                       \
        X(BAD_SIGNATURE, "bad-signature", "the signature of its report does not verify")           \
        X(MALFORMED, "malformed", "its report is none that this version understands")              \
        X(OTHER_HOST, "other-host", "the report in its place is another host's")                   \
        X(OTHER_ISSUER, "other-issuer", "the report in its place is for another issuer")           \
        X(REPLAYED, "replayed", "its report is older than one seen before: who keeps it there?")   \
        X(AMBIGUOUS, "ambiguous",                                                                  \
          "two reports have one number and say different things: does another machine have its "   \
          "key?")

typedef enum HostStanding {
#define HOST_STANDING_ENUM(name, word, text) HOST_##name,
        HOST_STANDINGS(HOST_STANDING_ENUM)
#undef HOST_STANDING_ENUM
                HOST_STANDING_N
} HostStanding;

const char *host_standing_name(HostStanding s);
const char *host_standing_text(HostStanding s);

/* F3 */
#define LOG_TROUBLES(X)                                                                            \
        X(NONE, "", "")                                                                            \
        X(CUT, "log-cut", "its decision log is shorter than it was")                               \
        X(FORKED, "log-forked", "its decision log says another thing at a number seen before")     \
        X(ANEW, "log-anew", "its decision log was begun anew")

typedef enum LogTrouble {
#define LOG_TROUBLE_ENUM(name, word, text) LOG_TROUBLE_##name,
        LOG_TROUBLES(LOG_TROUBLE_ENUM)
#undef LOG_TROUBLE_ENUM
                LOG_TROUBLE_N
} LogTrouble;

const char *log_trouble_name(LogTrouble t);
const char *log_trouble_text(LogTrouble t);

typedef struct HostReport {
        HostStanding standing;
        /* Of a verified one; texts are the payload's. */
        json_t *payload;
        char kid[64], hash[LEDGER_HASH_SIZE]; /* of the key; of the report's bytes */
        int64_t iat_sec, seq;
        int64_t ver; /* of the set in force; 0: none is */
        const char *set_hash;
        const char *log_id, *log_head;
        int64_t log_seq;
        LogTrouble log; /* seen_judge() */
} HostReport;

/* Judge one report (jws NULL: there is none) by the host's document in the ledger: F1. 0 or
 * -ENOMEM; for host_report_done(). */
int host_report_open(const Ledger *l, const char *name, const char *jws, size_t size,
                     HostReport *ret);
void host_report_done(HostReport *r);

/* The public key in a host's document: 0, -ENOENT, -EBADMSG. */
int host_key_read(const json_t *host, Jwk *ret);

/* ---- seen.c ---- */

#define SEEN_FILE ".reports" /* in the ledger; of this machine, no part of its history */

/* What was seen of each host: the number of its last report, the head of its log, the last use of
 * grants, the highest version that was published for it. */
typedef struct Seen Seen;

/* Read it, and keep others out until seen_free(). 0 also where there is none yet; -EBADMSG: it is
 * damaged; another negative errno. With a sentence. */
int seen_open(const Ledger *l, Seen **ret, char ret_error[static LEDGER_ERROR_MAX]);
Seen *seen_free(Seen *s);
DEFINE_CLEANUP(Seen *, seen_free);
/* F2, F3: a verified report may turn out not to be one. What it says is remembered; a log's trouble
 * of before is told of any report, and of none. -ENOMEM. */
int seen_judge(Seen *s, const char *name, int64_t now_sec, HostReport *report);
/* These versions are published ({kid: {name: version}}): the highest of each host is remembered for
 * that key alone. -ENOMEM. */
int seen_published(Seen *s, const json_t *by_key);
/* Of no other keys than these anything is remembered any more. */
void seen_keep_keys(Seen *s, const json_t *by_key);
/* F5: none of the ledger's hosts has a lower version ({name: version}) than was remembered of one
 * of these keys, none of which is retired: a thief's versions are outbid by nobody. *ret_n: how
 * many had. -ENOMEM. */
int seen_raise(const Seen *s, const json_t *by_key, json_t *versions, size_t *ret_n);
/* What was seen of this host does not count any more: false where there was nothing. */
bool seen_forget(Seen *s, const char *name);
/* The last use of a grant that any host told of; 0: none did. */
int64_t seen_use(const Seen *s, const char *jti);
/* Durable, where something changed. */
int seen_save(Seen *s);

/* ---- read.c ---- */

/* The place where reports are. */
typedef struct HostReports HostReports;
int host_reports_open(const Ledger *l, HostReports **ret, char ret_error[static LEDGER_ERROR_MAX]);
HostReports *host_reports_free(HostReports *r);
DEFINE_CLEANUP(HostReports *, host_reports_free);
/* Read and judge the reports of these hosts, in their order, into ret, for host_report_done(); what
 * was seen before is taken into account and brought up to date. A negative errno and a sentence
 * where the place cannot be read at all. */
int host_reports_read(HostReports *r, const char *const *names, size_t n, int64_t now_sec,
                      HostReport *ret, char ret_error[static LEDGER_ERROR_MAX]);

/* ---- wait.c ---- */

/* Add the hosts that a grant reaches, with their versions of {name: version} (NULL: nothing is
 * known of them), to targets. -ENOMEM. */
int hosts_wait_add(const Ledger *l, const json_t *grant, const json_t *versions, json_t *targets);
/* Wait until each of these hosts ({name: version}) has reported that version or a newer one, and
 * did not leave this grant out of it (jti NULL: whatever it left out), at most wait_sec. A
 * VerbStatus: VERB_PROBLEM where some left it out, which ends the wait when all others have it;
 * VERB_STALE where some have not reported it; their names are said. */
int hosts_wait(const Ledger *l, const json_t *versions, const char *jti, int64_t wait_sec);
