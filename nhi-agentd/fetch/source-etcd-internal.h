/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between source-etcd.c, which reads the key, source-etcd-watch.c, which hears of its changes, and
 * source-etcd-answer.c, which says what an answer means. The promises stand in the first. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/http/etcd.h"
#include "nhi-agentd/fetch/allowance.h"
#include "nhi-agentd/fetch/etcd-link.h"
#include "nhi-agentd/fetch/line-buffer.h"

#define SENTENCE_MAX 512

typedef struct EtcdSource {
        const SourceSpec *spec;
        const SourceSink *sink;
        const SourceWaits *waits;
        char *key;
        EtcdLink link;
        sd_event_source *timer; /* the next read, or giving up on a watch that does not begin */
        unsigned n_failures;
        int64_t mod_revision;   /* of what was delivered; 0: nothing yet, or it is gone */
        bool is_delivered;      /* what stands there, and not found wanting */
        bool is_brief;          /* the read under way brings no value */
        int64_t revision;       /* the newest that the watch told of */
        int64_t asked_revision; /* that when the read under way began */
        LineBuffer lines;       /* of the watch */
        Allowance n_lines, n_bytes;
        bool is_created;
        bool has_new_token;      /* for the read under way */
        uint64_t watched_usec;   /* when the watch began */
        char over[SENTENCE_MAX]; /* why the watch ended, in the server's words; "": it did not say
                                  */
} EtcdSource;

/* When it looks again, or gives up on a watch that does not begin. */
void etcd_source_timer(EtcdSource *s, uint64_t usec);

/* ---- source-etcd-answer.c ---- */

/* W2, W3: everything that is under way is dropped; after a while the key is read anew. */
void etcd_source_begin_anew(EtcdSource *s);
/* The same at the next member, and an administrator is told. */
void etcd_source_fail(EtcdSource *s, const char *token, const char *text);
void etcd_source_fail_etcd(EtcdSource *s, const EtcdAnswer *a);
void etcd_source_fail_errno(EtcdSource *s, int r, const char *text);
/* No answer to work with: it failed so. */
bool etcd_source_call_failed(EtcdSource *s, const HttpResult *r);
/* W4: what stands there is delivered, unless it was. */
void etcd_source_take(EtcdSource *s, const EtcdAnswer *a);

/* ---- source-etcd-watch.c ---- */

/* W1: what comes after this revision. */
void etcd_source_watch(EtcdSource *s, int64_t revision);
