/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The messages of etcd's v3 JSON gateway that sources and publishers need: bytes in, values out, no
 * socket. 64-bit integers are strings, keys and values are base64, defaults are left out, a stream
 * is one object a line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETCD_PATH_AUTH  "/v3/auth/authenticate"
#define ETCD_PATH_RANGE "/v3/kv/range"
#define ETCD_PATH_WATCH "/v3/watch"
#define ETCD_PATH_TXN   "/v3/kv/txn"

#define ETCD_UNAUTHENTICATED 16u /* gRPC's code for a token that is none any more */
#define ETCD_ERROR_MAX       256

/* Bodies of requests, malloc'ed; NULL: out of memory, or a text that is no UTF-8. */
char *etcd_auth_request(const char *user, const char *password);
char *etcd_range_request(const char *key);
char *etcd_watch_request(const char *key, int64_t from_revision);

typedef struct EtcdAnswer {
        int64_t revision; /* of the cluster */
        bool has_value;   /* the key holds one; of a watch: now does */
        bool is_deleted;  /* of a watch: the key is gone */
        int64_t mod_revision;
        uint8_t *value;
        size_t size;
        bool is_created; /* of a watch: it has begun */
        bool is_canceled;
        int64_t compact_revision; /* not 0: canceled because history was compacted to here */
        bool is_error;
        unsigned code; /* gRPC's, of an error */
        char error[ETCD_ERROR_MAX];
} EtcdAnswer;

/* An answer, or one line of a watch: 0 and *ret for etcd_answer_done(); -EBADMSG; -ENOMEM. An error
 * is an answer too. Of several events of the key the last counts. */
int etcd_range_parse(const char *text, size_t size, EtcdAnswer *ret);
int etcd_watch_parse(const char *text, size_t size, const char *key, EtcdAnswer *ret);
void etcd_answer_done(EtcdAnswer *a);
/* An error that a token has run out, or is older than the cluster's users: another one mends it. */
bool etcd_wants_new_token(unsigned code, const char *error);
/* The token of an authentication, malloc'ed; NULL: there is none. */
char *etcd_auth_parse(const char *text, size_t size);

/* Keys that begin with prefix, from the one after `after` (of n bytes; NULL: the first), at most
 * limit, as of a revision (0: now). */
char *etcd_list_request(const char *prefix, const char *after, size_t n, unsigned limit,
                        int64_t revision);
/* The names of those that were written after a revision, at most limit. */
char *etcd_changes_request(const char *prefix, unsigned limit, int64_t after_revision);
typedef struct EtcdPair {
        char *key; /* key_size bytes, which may hold NULs, and a NUL */
        size_t key_size;
        uint8_t *value;
        size_t size;
        int64_t mod_revision;
} EtcdPair;
typedef struct EtcdList {
        EtcdPair *pairs;
        size_t n;
        int64_t revision; /* of the cluster */
        bool has_more;
        bool is_error;
        unsigned code;
        char error[ETCD_ERROR_MAX];
} EtcdList;
/* As etcd_range_parse(); for etcd_list_done(). */
int etcd_list_parse(const char *text, size_t size, EtcdList *ret);
void etcd_list_done(EtcdList *l);

/* Put all, and only where the guard's last change is of guard_revision (0: there is no such key).
 */
typedef struct EtcdPut {
        const char *key, *value;
} EtcdPut;
char *etcd_put_request(const char *guard, int64_t guard_revision, const EtcdPut *puts, size_t n);
typedef struct EtcdPutAnswer {
        bool is_put;
        int64_t revision;
        bool is_error;
        unsigned code;
        char error[ETCD_ERROR_MAX];
} EtcdPutAnswer;
int etcd_put_parse(const char *text, size_t size, EtcdPutAnswer *ret);
