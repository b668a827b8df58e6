/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between store-etcd.c, etcd-ask.c and etcd-load.c. */

#include "lib/http/etcd.h"
#include "nhictl/store/client.h"
#include "nhictl/store/store.h"

#define MEMBERS_MAX 16u
#define PAGE        256u

typedef struct EtcdStore {
        Store s;
        Client *client;
        char *members[MEMBERS_MAX]; /* "https://HOST:PORT" */
        size_t n_members, member;
        StoreNames names;
        char *user, *password; /* NULL: none */
        char *publication;     /* its key */
        int64_t mod_revision;  /* and when it was last changed; 0: it is not there */
        int64_t revision;      /* of what load() told */
        EtcdPair last;         /* its key is where load() is */
        size_t n_keys;         /* that load() was told of */
} EtcdStore;

/* ---- etcd-ask.c ---- */

/* A request of a member that can serve it, for client_request_done(). An error of etcd's own is an
 * answer; a token that ran out meanwhile is none. Takes body. Errors, said. */
int etcd_ask(EtcdStore *e, const char *path, char *body, ClientRequest *ret);
/* For etcd_list_done() where it is 0. Takes body. */
int etcd_ask_list(EtcdStore *e, char *body, EtcdList *ret);
/* Get a token for user and password. */
int etcd_log_in(EtcdStore *e);
/* Errors, said. */
int etcd_store_fail(EtcdStore *e, unsigned code, const char *text);
int etcd_malformed(EtcdStore *e, int r);

/* ---- etcd-load.c: of StoreType ---- */

int etcd_load(Store *s, const char *const *names, size_t n, const StoreSink *sink);
int etcd_read(Store *s, const char *const *names, size_t n, const StoreSink *sink);
