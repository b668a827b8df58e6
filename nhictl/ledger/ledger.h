/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ledger: a directory of JSON documents that also works as a git checkout.
 *
 *   ledger.json            issuer, uid range, limits, where to publish
 *   accounts/NAME.json     owners/NAME.json     hosts/NAME.json     grants/JTI.json
 *   history                who changed what, when and why: history.h; merged by union
 *   revisions              one line per revision that was ever published or changed here:
 *                          "HASH TIME head WHO", HASH being a line of history; merged by union.
 *                          "HASH TIME WHO", where HASH is of all documents, where history could not
 *                          be written or is younger
 *   .lock                  flock(2): writers one at a time, readers together
 *
 * Promises, cited by tests/unit/test-ledger.c:
 *  L1 Two writers at once MUST lose nothing: who opens for writing holds the lock until free.
 *  L2 A document MUST be old or new after any crash, never in between.
 *  L3 A document that cannot be read or understood MUST grant nothing: it is left out and listed in
 *     problems; it never keeps the others from being changed, published or revoked. */

#include "nhictl/ledger/history.h"
#include "nhictl/store/access.h"

#include "lib/base/macro.h"

/* Of .gitattributes. -text: a line's hash is of its very bytes. */
#define LEDGER_HISTORY_ATTRIBUTES "history merge=union -text\n"

/* Of revisions, behind the time: it is a line of history. */
#define LEDGER_REVISION_HEAD "head "

#define LEDGER_FORMAT    1
#define LEDGER_ERROR_MAX 1024
#define LEDGER_HASH_SIZE 65  /* hex BLAKE2b-256 and NUL */
#define LEDGER_NAME_MAX  200 /* of a host: a file name with suffix */

typedef enum DocKind {
        DOC_ACCOUNT,
        DOC_OWNER,
        DOC_HOST,
        DOC_GRANT,
        DOC_N,
} DocKind;

typedef struct LedgerSettings {
        const char *issuer;
        const char *publish;   /* absolute directory or URL; NULL: nowhere */
        const char *reports;   /* where hosts' reports are; NULL: they report nowhere */
        StoreAccess access;    /* of those places */
        const json_t *revoked; /* entries of the revocation list; NULL: none */
        int64_t uid_min, uid_max;
        int64_t lifetime_max_sec, set_lifetime_sec;
        int64_t fresh_max_sec; /* how old a set is re-dated; hosts have a fresh_max of their own */
} LedgerSettings;

typedef struct Ledger {
        char *path;
        int dir_fd, lock_fd;
        bool writable;
        LedgerSettings settings;
        json_t *settings_doc;
        json_t *docs[DOC_N]; /* objects: name -> document */
        json_t *hashes;      /* object: file below path -> hash of its bytes */
        json_t *problems;    /* array of strings: what was left out, and why */
        char *revisions;     /* the file's text */

        /* For writers. */
        History *history;
        int history_error; /* a negative errno: it cannot be read, or not be written */
        bool history_is_noted;
        bool is_settled;  /* history says what the documents are */
        size_t n_settled; /* lines that settling wrote, since the last change or
                             ledger_note_settled() */
        char *who;        /* as whom lines are written, and when */
        int64_t now_sec;
        json_t *notes; /* array of sentences to be said: ledger_notes_take() */
} Ledger;

/* Open and load. writing: hold the lock alone until ledger_free(). 0 and an owned *ret, or a
 * negative errno and a sentence. */
int ledger_open(const char *path, bool writing, Ledger **ret,
                char ret_error[static LEDGER_ERROR_MAX]);
/* What was read stays as it is; others may write from now on. */
void ledger_unlock(Ledger *l);
Ledger *ledger_free(Ledger *l);
DEFINE_CLEANUP(Ledger *, ledger_free);

/* Make an empty ledger with these settings (borrowed): directory 0700 and folders, as far as they
 * are missing. -EEXIST where there is a ledger.json already. */
int ledger_create(const char *path, const json_t *settings,
                  char ret_error[static LEDGER_ERROR_MAX]);

/* What git has to know of a ledger in this directory, as far as there is no such file. */
int ledger_write_git_files(const char *path);

/* A document, borrowed; NULL where there is none. */
json_t *ledger_get(const Ledger *l, DocKind kind, const char *name);
/* Is there a file for it, readable or not? */
bool ledger_has_file(const Ledger *l, DocKind kind, const char *name);
/* Write a document durably, and nothing in history: that is ledger_change()'s. Steals doc, also on
 * failure (NULL is -ENOMEM). */
int ledger_put(Ledger *l, DocKind kind, const char *name, json_t *doc);
int ledger_remove(Ledger *l, DocKind kind, const char *name);
/* "FOLDER/NAME.json" into ret, LEDGER_FILE_MAX bytes. */
char *ledger_file(DocKind kind, const char *name, char *ret);

/* Who changes the ledger from now on, as history will say. -ENOMEM. */
int ledger_author(Ledger *l, int64_t now_sec, const char *who);
/* Change a document (doc NULL: remove it), its line in history first: L4. Steals doc, also on
 * failure. */
int ledger_change(Ledger *l, HistoryAction action, DocKind kind, const char *name, json_t *doc,
                  const char *reason);
/* L5: record what documents and history disagree about, with this reason, and join branches. At the
 * very first everything that stands here is adopted. *ret_n lines were written. Harmless where
 * nothing is to be done; an error is remembered in history_error and noted. */
int ledger_settle(Ledger *l, const char *reason, size_t *ret_n);
/* Record that these hosts' sets are published to a directory. Errors as above. */
int ledger_record_publication(Ledger *l, const char *to, const char *const *hosts, size_t n_hosts);
/* The revision of what settling wrote is published: who knows it not is refused from now on. Note,
 * once, that those lines are to be kept; who made a change, too, keeps the ledger anyway. */
void ledger_note_settled(Ledger *l);
/* Sentences for the administrator since the last call, an owned array. */
json_t *ledger_notes_take(Ledger *l);

/* The names of a kind's documents, sorted, malloc'ed, borrowed texts; NULL: memory. */
const char **ledger_names(const Ledger *l, DocKind kind, size_t *ret_n);
/* The same of its files whose document could not be read or understood (L3). */
const char **ledger_unread(const Ledger *l, DocKind kind, size_t *ret_n);

/* The grammar of a name: accounts strict, grants as jti_is_valid(), owners and labels likewise,
 * hosts as DNS names. */
bool ledger_name_is_valid(DocKind kind, const char *name);
/* "account", "owner", "host", "grant" */
const char *ledger_kind_name(DocKind kind);

/* Read settings out of a ledger.json document. -EBADMSG and "MEMBER: what is wrong". */
int ledger_settings_read(const json_t *doc, LedgerSettings *ret,
                         char ret_error[static DOCUMENT_ERROR_MAX]);

/* What a set that is published now names as its `ledger`: history_base() of the head of history;
 * where that could not be written the hash of all documents. */
int ledger_revision(const Ledger *l, char ret[static LEDGER_HASH_SIZE]);
/* Settle, and append the present revision to revisions where it does not stand there, and the head
 * of history unless it is the last one; durable. */
int ledger_commit(Ledger *l, int64_t now_sec, const char *who);
/* True where the revision stands in revisions. */
bool ledger_knows(const Ledger *l, const char *hash);
