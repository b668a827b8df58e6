/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of the central side share: which ledger, which key, and what happens after a
 * change: the revision is noted and, where the ledger says where, the sets are published. */

#include "nhictl/ledger/publish.h"
#include "nhictl/ledger/selection.h"
#include "nhictl/verb.h"

typedef struct CentralOptions {
        const char *ledger, *key, *passphrase_file;
        bool no_publish;
} CentralOptions;

#define LEDGER_OPTION(type, member)                                                                \
        {                                                                                          \
                "ledger", 0, OPTION_STRING, offsetof(type, member.ledger), "DIR",                  \
                        "the ledger (default " PATH_LEDGER_DIR ")"                                 \
        }
#define KEY_OPTION(type, member)                                                                   \
        {                                                                                          \
                "key", 0, OPTION_STRING, offsetof(type, member.key), "KEY",                        \
                        "the issuer's private key: a file, or exec:COMMAND "                       \
                        "(default " PATH_ISSUER_KEY ")"                                            \
        }
/* For verbs that sign with it. */
#define PASSPHRASE_OPTION(type, member)                                                            \
        {                                                                                          \
                "passphrase-file", 0, OPTION_STRING, offsetof(type, member.passphrase_file),       \
                        "FILE", "a file with the key's passphrase (default: the terminal asks)"    \
        }
/* For verbs that change the ledger. */
#define CENTRAL_OPTIONS(type, member)                                                              \
        LEDGER_OPTION(type, member), KEY_OPTION(type, member), PASSPHRASE_OPTION(type, member),    \
        {                                                                                          \
                "no-publish", 0, OPTION_FLAG, offsetof(type, member.no_publish), NULL,             \
                        "change the ledger only: nhictl publish follows"                           \
        }

/* Open the ledger; what was left out of it is said, and where it is opened for writing what is
 * wrong with its history, too. VERB_OK and an owned *ret, or a status. */
int central_open(const Call *call, const CentralOptions *o, bool writing, Ledger **ret);
/* Read the private key, with its passphrase where it has one, or find who signs with it
 * (key-exec.h): for key_done(). */
int central_key(const CentralOptions *o, SigningKey *ret);
/* Its public half alone: no passphrase is asked for. */
int central_public_key(const CentralOptions *o, Jwk *ret);

/* Note the revision and publish, also where this call changed nothing: what an earlier one could
 * not publish goes out now. The status is not VERB_OK where something that should have been
 * published was not. */
int central_finish(const Call *call, const CentralOptions *o, Ledger *l);
/* The same; *ret_versions is NULL where nothing was to be published, or an owned {host: version}:
 * what stands there now for each host whose set was looked at. */
int central_finish_versions(const Call *call, const CentralOptions *o, Ledger *l,
                            json_t **ret_versions);
/* The same for verbs whose result is "changed": prints it. */
int central_done(const Call *call, const CentralOptions *o, Ledger *l, bool changed);

/* Publish and say what came of it. ret_result, where it is not NULL: NULL where nothing could be
 * published, or an owned {changed, published, unchanged, failed, hosts: those that were written or
 * should have been}. */
int central_publish(const CentralOptions *o, Ledger *l, const PublishRequest *request,
                    json_t **ret_result);

/* The same for statements of freshness (refresh.h) under the key at hand, of sets that the key in
 * issuer_jwk signed. */
int central_refresh(const CentralOptions *o, Ledger *l, const char *issuer_jwk,
                    const PublishRequest *request, json_t **ret_result);

/* Change a document (ledger_change()) and say what went wrong: VERB_OK or VERB_FAILED. Steals doc;
 * NULL removes it. */
int central_change(Ledger *l, HistoryAction action, DocKind kind, const char *name, json_t *doc,
                   const char *reason);
/* Say what the ledger has to tell about itself. */
void central_say_notes(Ledger *l);

/* VERB_OK where name may name such a document, else VERB_USAGE, said. */
int central_check_name(DocKind kind, const char *name);

/* {"at": TIME, "by": WHO, "reason": REASON} for marks such as disabled and revoked; reason may be
 * NULL, and any bytes. */
json_t *central_mark(int64_t now_sec, const char *reason);
/* Give a document the action's mark ("disabled", "revoked") and write it: 0 and *ret_changed. One
 * that has it stays as it is. */
int central_mark_document(Ledger *l, HistoryAction action, DocKind kind, const char *name,
                          int64_t now_sec, const char *reason, bool *ret_changed);

/* List a kind's documents: a table made by row(), or {"HOSTs": [documents]}. */
int central_list(const Call *call, const CentralOptions *o, DocKind kind,
                 const char *const *headings, int (*row)(Table *t, const json_t *doc));
/* The same of those hosts that are selected. */
int central_list_hosts(const Call *call, const CentralOptions *o, const HostSelection *selection,
                       const char *const *headings, int (*row)(Table *t, const json_t *doc));
