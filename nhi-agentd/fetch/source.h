/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A source of grant sets: where bytes come from. A type is one file that fills in one SourceType;
 * the fetcher knows nothing else of it. Everything runs on the loop; nothing blocks it.
 *
 * What a source delivers is not believed by anybody: the agent judges the bytes by their signature.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/wire/feed.h"

#define SOURCE_URLS_MAX 8u

/* One entry of sources.json, as the agent wrote it from agentd.conf(5), where each is explained.
 * Texts may be NULL where the type has no use for them. */
typedef struct SourceSpec {
        uint32_t index;     /* position of the issuer in agentd.conf */
        const char *issuer; /* a label */
        const char *type;   /* "file", "https", "etcd" */
        FeedObject object;  /* what it brings */
        const char *path;   /* of a file */
        const char *host;   /* what {host} stands for */
        bool is_optional;   /* that there is none is nothing to tell */
        const char *urls[SOURCE_URLS_MAX];
        uint32_t places[SOURCE_URLS_MAX]; /* of each: its position among its issuer's URLs */
        size_t n_urls;
        const char *etcd_key;
        const char *report;      /* where reports go; of a file source a directory. NULL: nowhere */
        const char *report_file; /* where the agent puts them */
        const char *ca_file, *pins;
        /* Names of credentials. */
        const char *certificate, *certificate_key, *token, *user, *password;
        uint64_t interval_usec, wait_usec, timeout_usec;
        uint64_t size_max; /* bytes, at most FEED_SET_MAX */
} SourceSpec;

/* How long a source waits where a server did not do as it should. */
typedef struct SourceWaits {
        uint64_t next_member_usec;                 /* to the next member of a cluster */
        uint64_t retry_first_usec, retry_max_usec; /* from one round of all of them to the next */
        uint64_t created_usec;                     /* for a watch to begin */
} SourceWaits;

/* What a source needs of the fetcher. */
typedef struct SourceSink {
        void *userdata;
        /* Hand over one whole set, as it is; bytes are borrowed for the call. 0, or a negative
         * errno: it was not taken, and is delivered again at the next look, changed or not. */
        int (*deliver)(void *userdata, const void *bytes, size_t size);
        /* Something an administrator should know, one sentence: said when it changes, not each
         * time. NULL: it has just said what its newest set is, and all is well. */
        void (*report)(void *userdata, const char *sentence);
        /* It looks again so many microseconds from now. NULL: nobody wants to know. */
        void (*next)(void *userdata, uint64_t usec);
        struct HttpPool *pool;    /* connections that are shared (http-pool.h); NULL: none are */
        const SourceWaits *waits; /* of etcd; NULL: source_etcd_waits */
} SourceSink;

static inline void sink_next(const SourceSink *s, uint64_t usec)
{
        if (s->next)
                s->next(s->userdata, usec);
}

typedef struct SourceType {
        const char *name;
        /* Each URL is a source of its own, and the spec that start() gets has just that one. */
        bool is_per_url;
        /* Begin to watch; spec and sink outlive the source. What is there already is delivered from
         * the loop, never from within. A source whose object is absent is well and waits: only what
         * can never work is a negative errno. */
        int (*start)(sd_event *event, const SourceSpec *spec, const SourceSink *sink, void **ret);
        void (*stop)(void *source);
        /* It hears of every change by itself: while it is well, it has just answered. */
        bool is_told;
} SourceType;

extern const SourceType source_file, source_https, source_etcd;

extern const SourceWaits source_etcd_waits;

/* Where a source of etcd is logged in: the place of the member among its URLs and an owned token,
 * for who would only log in once more, which costs etcd much. false: nowhere. */
bool source_etcd_lend(const void *source, size_t *ret_member, char **ret_token);
