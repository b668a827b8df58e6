/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A place where sets are published, one object per host, and the issuer's revocation list as one
 * more: a directory, an HTTPS server that takes PUT, or etcd. nhictl/ledger/publish.h says what
 * publishing promises; what a store owes it, cited by tests/unit/test-publish-stores.c:
 *
 *  P1 Of two publishers at once the one that did not begin last MUST NOT write another set: its
 *     next write is refused (-EAGAIN).
 *  P2 What a publisher said it would write and did not MUST be known to the next, who writes it.
 *  P3 A set MUST be old or new for who reads it, never in between.
 *  P4 A store that cannot hold P1 MUST be refused, unless the administrator says that nobody else
 *     publishes there. */

#include "nhi-agentd/set/freshness.h"
#include "nhi-agentd/set/keylist.h"
#include "nhi-agentd/set/revocations.h"
#include "nhictl/ledger/published.h"
#include "nhictl/store/access.h"

#define STORE_LIST          REVOCATIONS_NAME /* likewise */
#define STORE_KEYS          KEYLIST_NAME     /* likewise */
#define STORE_NAME_MAX      (LEDGER_NAME_MAX + sizeof(FRESHNESS_SUFFIX) - 1)
#define STORE_PUBLICATION   "_publication" /* in the place of a host's name, which has no '_' */
#define JWS_TYP_PUBLICATION "nhi-publication+jwt"

typedef struct StoreOptions {
        const char *url; /* a directory, file:, https:// or etcd:// */
        const StoreAccess *access;
        const SigningKey *key; /* of who publishes */
        const KeyList *others; /* whose publications are ours, too; may be NULL */
        const char *issuer;
        const char *const *replace; /* hashes of publications that are written over */
        size_t n_replace;
        size_t size_max; /* 0: sets are published. Else other objects are only read(), of so many
                            bytes, and key and issuer are not needed */
} StoreOptions;

/* Who is told what stands there. 0, or an error that ends it. */
typedef struct StoreSink {
        void *userdata;
        /* The set of a host; jws NULL: there is none. must_write: P2. *ret is what it says. */
        int (*set)(void *userdata, const char *name, const char *jws, size_t size, bool must_write,
                   Published *ret);
        /* The same, as our own list has it; its hash is "". */
        int (*known)(void *userdata, const char *name, const Published *p);
        /* It cannot be read. why: more than error says, borrowed; may be NULL. */
        int (*failed)(void *userdata, const char *name, bool must_write, int error,
                      const char *why);
} StoreSink;

typedef struct StoreSet {
        const char *name;
        char *jws;
        Published next; /* what it says */
        int error;      /* put: what kept it from being written; -EAGAIN: P1 */
        char *why;      /* put: a sentence of that, malloc'ed; NULL: none of its own */
} StoreSet;

void store_set_done(StoreSet *s);

typedef struct Store {
        const struct StoreType *type;
        StoreOptions o;
        char revision[LEDGER_HASH_SIZE]; /* load: whose publication stands there; "": it is not said
                                          */
        bool is_publication_lost; /* load: what stands in its place is none; begin() writes it anew
                                   */
        char error[LEDGER_ERROR_MAX]; /* a sentence where an operation failed; "" otherwise */
} Store;

typedef struct StoreType {
        bool has_publication; /* begin() is due whenever our revision is another than load()'s */
        int (*open)(const StoreOptions *o, Store **ret, char *error);
        /* Everything that stands there; of names at least whether. */
        int (*load)(Store *s, const char *const *names, size_t n, const StoreSink *sink);
        /* Of these the sets themselves, where load() only told what is known of them. May be NULL.
         */
        int (*look)(Store *s, const char *const *names, size_t n, const StoreSink *sink);
        /* From here on it is ours to write these. -EAGAIN: somebody else began since load(). */
        int (*begin)(Store *s, const char *revision, const char *const *names, size_t n);
        /* 0 also where single sets failed. -EAGAIN: P1. */
        int (*put)(Store *s, StoreSet *sets, size_t n);
        /* After sets were written. */
        int (*finish)(Store *s);
        /* The objects of these names, whatever they are: set() is told of those that are there. */
        int (*read)(Store *s, const char *const *names, size_t n, const StoreSink *sink);
        void (*free)(Store *s);
} StoreType;

extern const StoreType store_file, store_https, store_etcd;

/* The type of a URL; NULL: there is none for it. */
const StoreType *store_type(const char *url);
/* Of store_url_is_valid(), for administrators. */
#define STORE_URL_WANTED                                                                           \
        "an absolute directory (/DIR, file:/DIR or file:///DIR) or an https:// or etcd:// URL "    \
        "without user, password and query"
/* Is a URL, or its directory, well-formed as far as can be told without asking? */
bool store_url_is_valid(const char *url);
/* Where a URL is a directory's, that; else NULL. */
const char *store_directory(const char *url);

int store_open(const StoreOptions *o, Store **ret, char ret_error[static LEDGER_ERROR_MAX]);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free);

/* Set s->error and return r. */
int store_failed(Store *s, int r, const char *format, ...) _printf_(3, 4);

/* "BEFORE{host}AFTER", or a text that gets tail behind it where it has no "{host}". */
typedef struct StoreNames {
        char *before, *after;
} StoreNames;
int store_names_split(const char *text, size_t size, const char *tail, StoreNames *ret);
void store_names_done(StoreNames *n);
/* malloc'ed; NULL: memory. */
char *store_name_of(const StoreNames *n, const char *host);
/* May an object have this in place of a host's name? A host's, that of its statement of freshness,
 * or the revocation list's. */
bool store_object_is_valid(const char *name);
/* The host of a name as above, into ret; false: it is none. */
bool store_name_parse(const StoreNames *n, const char *name, size_t size,
                      char ret[static STORE_NAME_MAX + 1]);

/* What a publisher writes down first, signed: from which revision, and where sets cannot be listed
 * also what was written and what is to be. hosts and pending: objects by name, or NULL. */
int publication_sign(const StoreOptions *o, const char *revision, const json_t *hosts,
                     const json_t *pending, char **ret);
/* -EBADMSG: it is none of ours; -EKEYREVOKED: a key signed it that is retired. *ret_hosts and
 * *ret_pending are owned, may be NULL. */
int publication_open(const StoreOptions *o, const char *jws, size_t size,
                     char ret_revision[static LEDGER_HASH_SIZE], json_t **ret_hosts,
                     json_t **ret_pending);
/* publication_open() of what stands at `where`, into s. What nobody signed, or a retired key, is as
 * good as absent: who could write it could remove it, and sets still say what they were published
 * from. -EPERM, said: it is somebody else's. */
int publication_load(Store *s, const char *where, const char *text, size_t size, json_t **ret_hosts,
                     json_t **ret_pending);
json_t *publication_entry(const Published *p);
int publication_entry_read(const json_t *entry, const char *revision, Published *ret);
