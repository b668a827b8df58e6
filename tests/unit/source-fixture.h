/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A source of the network at work against a server of the test's own. */

#include "tests/unit/https-server.h"

#include "lib/base/io.h"
#include "nhi-agentd/fetch/source.h"
#include "tests/root.h"

#include <setjmp.h>
#include <signal.h>

#include <cmocka.h>

/* How long a condition may take, and how long nothing must happen to count as nothing. */
#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define QUIET_USEC    (300 * 1000)

typedef struct SourceFixture {
        char dir[64], ca_file[96], url[160], other_url[160];
        sd_event *event;
        const SourceType *type;
        SourceSpec spec;
        SourceSink sink;
        void *source;
        HttpsServer server, other;
        Identity ca, leaf;
        unsigned n_delivered, n_troubles;
        unsigned n_untaken; /* so many deliveries fail yet */
        char last[64];      /* what was delivered last */
        size_t last_size;
        char trouble[512];
        void *of_test;
} SourceFixture;

static inline int source_on_deliver(void *userdata, const void *bytes, size_t size)
{
        SourceFixture *f = userdata;

        if (f->n_untaken > 0) {
                f->n_untaken--;
                return -EMFILE;
        }
        f->n_delivered++;
        f->last_size = size;
        (void)snprintf(f->last, sizeof(f->last), "%.*s", (int)(size < 60 ? size : 60),
                       (const char *)bytes);
        return 0;
}

static inline void source_on_report(void *userdata, const char *sentence)
{
        SourceFixture *f = userdata;

        f->n_troubles += sentence != NULL;
        (void)snprintf(f->trouble, sizeof(f->trouble), "%s", sentence ? sentence : "");
}

static inline bool source_run(const SourceFixture *f, uint64_t deadline)
{
        return now_monotonic_usec() < deadline && sd_event_run(f->event, 20 * 1000) >= 0;
}

static inline void wait_delivered(SourceFixture *f, unsigned n)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (f->n_delivered < n && source_run(f, deadline))
                ;
        assert_int_equal(f->n_delivered, n);
}

/* Until this was delivered, however often. */
static inline void wait_text(SourceFixture *f, const char *text)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!streq(f->last, text) && source_run(f, deadline))
                ;
        assert_string_equal(f->last, text);
}

static inline void wait_trouble(SourceFixture *f, const char *word)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!strstr(f->trouble, word) && source_run(f, deadline))
                ;
        if (!strstr(f->trouble, word))
                fail_msg("\"%s\" is not in \"%s\"", word, f->trouble);
}

static inline void wait_well(SourceFixture *f)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (*f->trouble && source_run(f, deadline))
                ;
        assert_string_equal(f->trouble, "");
}

/* So many requests or more. */
static inline void wait_requests(SourceFixture *f, unsigned n)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (f->server.n_requests < n && source_run(f, deadline))
                ;
        assert_true(f->server.n_requests >= n);
}

static inline void let_pass(SourceFixture *f, uint64_t usec)
{
        const uint64_t deadline = now_monotonic_usec() + usec;

        while (source_run(f, deadline))
                ;
}

/* Nothing is delivered while everything that is due runs. */
static inline void wait_quiet(SourceFixture *f)
{
        const unsigned n = f->n_delivered;

        let_pass(f, QUIET_USEC);
        assert_int_equal(f->n_delivered, n);
}

static inline void source_serve(SourceFixture *f, HttpsServer *server)
{
        assert_int_equal(https_start(server, &f->leaf), 0);
}

static inline void source_start(SourceFixture *f)
{
        assert_int_equal(f->type->start(f->event, &f->spec, &f->sink, &f->source), 0);
        assert_int_equal(f->n_delivered, 0);
}

static inline SourceFixture *source_fixture_new(const SourceType *type,
                                                bool (*handle)(HttpsPeer *peer))
{
        SourceFixture *f = calloc(1, sizeof(*f));
        const IdentitySpec ca = { NULL, NULL, -3600, 3600, "test CA" };

        (void)signal(SIGPIPE, SIG_IGN);
        (void)snprintf(f->dir, sizeof(f->dir), "/tmp/nhi-test-source.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        (void)snprintf(f->ca_file, sizeof(f->ca_file), "%s/ca.pem", f->dir);
        f->ca = identity_new(&ca);
        f->leaf =
                identity_new(&(IdentitySpec){ "DNS:localhost", &f->ca, -3600, 3600, "the server" });
        identity_save(&f->ca, f->ca_file, NULL);
        f->type = type;
        f->server = f->other = (HttpsServer){ .handle = handle, .userdata = f };
        f->sink = (SourceSink){ .userdata = f,
                                .deliver = source_on_deliver,
                                .report = source_on_report };
        f->spec = (SourceSpec){
                .issuer = "test",
                .type = type->name,
                .host = "web/1.test",
                .ca_file = f->ca_file,
                .etcd_key = "/nhi/sets/{host}",
                .interval_usec = 100 * 1000,
                .timeout_usec = 10 * USEC_PER_SEC,
                .size_max = 1000,
        };
        assert_true(sd_event_new(&f->event) >= 0);
        return f;
}

static inline int source_fixture_free(SourceFixture *f)
{
        f->type->stop(f->source);
        https_stop(&f->server);
        https_stop(&f->other);
        identity_done(&f->leaf);
        identity_done(&f->ca);
        (void)sd_event_unref(f->event);
        (void)root_remove(f->dir, true);
        (void)root_remove(f->dir, false);
        free(f);
        return 0;
}

/* A credential; its directory is the fixture's. */
static inline void source_credential(const SourceFixture *f, const char *name, const char *text)
{
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s", f->dir, name) > 0);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->dir, 1), 0);
        assert_int_equal(file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), false),
                         0);
}
