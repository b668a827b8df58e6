/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent whose clocks are the test's, what it sends to the journal, and a source that is silent
 * unless the test offers a set. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/journal.h"

#include <sys/socket.h>
#include <sys/un.h>

#define USEC ((int64_t)USEC_PER_SEC)
#define HOUR ((int64_t)3600)

typedef struct Outage {
        Fixture *f;
        int journal;        /* what the agent sends there */
        int64_t start_usec; /* of the real clock: when the sets begin */
} Outage;

static inline void journal_listen(Outage *t)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        assert_true(strlen(PATH_JOURNAL_SOCK) < sizeof(address.sun_path));
        strcpy(address.sun_path, PATH_JOURNAL_SOCK);
        (void)unlink(PATH_JOURNAL_SOCK);
        t->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(t->journal >= 0);
        assert_int_equal(bind(t->journal, (struct sockaddr *)&address, sizeof(address)), 0);
}

static inline int outage_setup(void **state)
{
        Outage *t = calloc(1, sizeof(*t));

        agent_ahead_usec = 0;
        assert_int_equal(fixture_setup((void **)&t->f), 0);
        (void)mkdir(PATH_ROOT "/run/systemd", 0755);
        (void)mkdir(PATH_ROOT "/run/systemd/journal", 0755);
        journal_listen(t);
        fixture_load(t->f);
        t->start_usec = t->f->base_sec * USEC;
        *state = t;
        return 0;
}

static inline int outage_teardown(void **state)
{
        Outage *t = *state;
        Fixture *f = t->f;

        agent_ahead_usec = 0;
        (void)close(t->journal);
        free(t);
        return fixture_teardown((void **)&f);
}

/* How many events of this name came since the last call, with this code (NULL: any). */
static inline unsigned told(Outage *t, const char *event, const char *code)
{
        static char entry[JOURNAL_ENTRY_MAX];
        char name[64], with[64];
        unsigned n = 0;
        ssize_t size;

        fixture_settle(t->f);
        (void)snprintf(name, sizeof(name), "\nNHI_EVENT=%s\n", event);
        (void)snprintf(with, sizeof(with), "\nNHI_CODE=%s\n", code ? code : "");
        while ((size = recv(t->journal, entry, sizeof(entry) - 1, 0)) > 0) {
                entry[size] = '\0';
                n += strstr(entry, name) && (!code || strstr(entry, with));
        }
        return n;
}

static inline void listen_anew(Outage *t)
{
        static char entry[JOURNAL_ENTRY_MAX];

        while (recv(t->journal, entry, sizeof(entry), 0) > 0)
                ;
}

/* So far behind the beginning, on both clocks; whatever is due happens. */
static inline void at(Outage *t, int64_t sec)
{
        agent_ahead_usec = t->start_usec + sec * USEC - now_realtime_usec();
        agent_time_passed(t->f->agent);
}

/* A set that is good for life_sec, its version that of the hour in which it was made. */
static inline char *set_made(Outage *t, int64_t at_sec, int64_t life_sec, const char *grants)
{
        const long long iat = t->f->base_sec + at_sec;
        char *payload = NULL, *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                             "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\","
                             "\"accounts\":[" FIXTURE_ACCOUNT "],\"grants\":[%s]}",
                             iat, iat + (long long)life_sec, iat * 1000, grants) > 0);
        assert_int_equal(jws_sign(&t->f->key, JWS_TYP_GRANTS, payload, strlen(payload), &jws), 0);
        free(payload);
        return jws;
}

static inline void take_set(Outage *t, int64_t at_sec, int64_t life_sec)
{
        const char *line = fixture_offer(t->f, set_made(t, at_sec, life_sec, ""));

        if (strncmp(line, "accepted ", 9) != 0)
                fail_msg("%s", line);
}
