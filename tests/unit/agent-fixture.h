/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A real Agent below the test root: directories, local files, one issuer with its key, and sets
 * signed with it. The clock is the machine's own: grants are minted around now. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhi-agentd/agent.h"
#include "nhi-agentd/ended.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/writer.h"
#include "tests/root.h"

#include <assert.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define FIXTURE_KEY    PATH_ROOT "/etc/nhi/trust/test.jwk"
#define FIXTURE_ISSUER "https://grants.test"
#define FIXTURE_HOST   "host.test"

typedef struct Fixture {
        sd_event *event;
        Agent *agent;
        SigningKey key;
        char line[512]; /* the last answer to an offered set */
        bool answered;
        int64_t base_sec; /* when the fixture began: versions count from here, or a second that
                             turns in the midst of a test would reorder them */
} Fixture;

static inline void fixture_write(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false),
                         0);
}

static inline void fixture_clean(void)
{
        static const char *const dirs[] = { PATH_ROOT "/etc", PATH_ROOT "/run", PATH_ROOT "/var" };

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                assert_int_equal(root_remove(dirs[i], false), 0);
}

static inline void fixture_dirs(void)
{
        assert_int_equal(root_make_dirs(), 0);
}

static inline void fixture_files(Fixture *f)
{
        char *jwk = NULL;

        fixture_write(PATH_ROOT "/etc/passwd", "root:x:0:0::/root:/bin/sh\n"
                                               "alice:x:1000:1000::/home/alice:/bin/sh\n"
                                               "postgres:x:110:115::/var/lib/postgres:/bin/sh\n");
        fixture_write(PATH_ROOT "/etc/group", "root:x:0:\nalice:x:1000:\npostgres:x:115:\n"
                                              "operators:x:1500:alice\nnhi-managed:x:990:\n");
        assert_int_equal(jwk_format(&f->key.public, &jwk), 0);
        fixture_write(FIXTURE_KEY, jwk);
        free(jwk);
        fixture_write(PATH_CONF_FILE,
                      "host: { name = \"" FIXTURE_HOST "\"; };\n"
                      "issuers = ( { issuer = \"" FIXTURE_ISSUER "\";\n"
                      "  source: { type = \"file\"; path = \"/nowhere\"; };\n"
                      "  keys = ( { file = \"" FIXTURE_KEY "\";\n"
                      "    reach: { sign = [ \"accounts\", \"ssh_keys\", \"grants\",\n"
                      "        \"revocations\" ];\n"
                      "      accounts = [ \"*\" ]; services = [ \"*\" ]; groups = [ \"*\" ];\n"
                      "      run_as = [ \"*\" ]; lifetime_max = \"24h\"; }; } ); } );\n"
                      "gates = ( { name = \"ops\"; mode = \"enforce\"; services = [ \"sudo\" ];\n"
                      "  accounts = [ \"op-*\" ]; groups = [ \"operators\" ]; } );\n");
}

static inline void fixture_agent(Fixture *f)
{
        char error[CONFIG_ERROR_MAX] = "";
        Config *config = NULL;

        assert_true(sd_event_new(&f->event) >= 0);
        if (config_load(PATH_CONF_FILE, PATH_CONF_DIR, &config, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(agent_new(f->event, config, &f->agent), 0);
}

static inline int fixture_setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_true(f && sodium_init() >= 0);
        f->base_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        fixture_clean();
        fixture_dirs();
        assert_int_equal(signing_key_generate(&f->key), 0);
        fixture_files(f);
        fixture_agent(f);
        *state = f;
        return 0;
}

static inline void fixture_stop(Fixture *f)
{
        f->agent = agent_free(f->agent);
        f->event = sd_event_unref(f->event);
}

static inline int fixture_teardown(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        signing_key_done(&f->key);
        free(f);
        fixture_clean();
        return 0;
}

/* Run the loop until done() says so. The bound only ends a test that would never pass. */
static inline bool fixture_until(Fixture *f, bool (*done)(void *userdata), void *userdata)
{
        const uint64_t deadline = now_monotonic_usec() + 60 * USEC_PER_SEC;

        while (!done(userdata) && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        return done(userdata);
}

static inline bool fixture_is_true(void *userdata)
{
        return *(bool *)userdata;
}

static inline bool fixture_is_settled(void *userdata)
{
        const Agent *a = ((Fixture *)userdata)->agent;

        return sets_are_settled(a->sets) && publish_is_settled(a->publisher) &&
               ended_is_settled(a->ended) && writer_n_pending(a->writer) == 0;
}

/* Wait until nothing is under way: what is to be saved is saved, what is in force is published. */
static inline void fixture_settle(Fixture *f)
{
        assert_true(fixture_until(f, fixture_is_settled, f));
}

static inline void fixture_load(Fixture *f)
{
        char error[AGENT_ERROR_MAX] = "";

        if (agent_load(f->agent, error) < 0)
                fail_msg("%s", error);
        f->agent->reconciled = true;
        assert_int_equal(sessions_new(f->event, &(SessionsHost){ .userdata = f->agent },
                                      PATH_SESSIONS_RUN, &f->agent->sessions),
                         0);
        agent_refresh(f->agent);
        fixture_settle(f);
}

/* Another agent on what the one before left. */
static inline void fixture_restart(Fixture *f)
{
        fixture_stop(f);
        fixture_agent(f);
        fixture_load(f);
}

static inline int64_t fixture_now(void)
{
        return now_realtime_usec() / (int64_t)USEC_PER_SEC;
}

#define FIXTURE_ACCOUNT                                                                            \
        "{\"name\":\"svc-deploy\",\"kind\":\"workload\",\"owner\":\"payments\",\"uid\":70001,"     \
        "\"gid\":70001,\"gecos\":\"deploys\",\"home\":\"/var/lib/svc-deploy\","                    \
        "\"shell\":\"/bin/bash\"}"
#define FIXTURE_LOGIN "{\"type\":\"nhi_login\",\"services\":[\"ssh\",\"cron\"]}"

/* One grant, malloc'ed, from now on for lifetime_sec. */
static inline char *fixture_grant(const char *jti, const char *account, int64_t lifetime_sec,
                                  const char *terms)
{
        char *text = NULL;

        assert_true(asprintf(&text,
                             "{\"jti\":\"%s\",\"account\":\"%s\",\"owner\":\"payments\","
                             "\"reason\":\"CHG-42\",\"nbf\":%lld,\"exp\":%lld,"
                             "\"authorization_details\":[%s]}",
                             jti, account, (long long)fixture_now() - 1,
                             (long long)(fixture_now() + lifetime_sec), terms) > 0);
        return text;
}

/* A signed set of this version (milliseconds from base_sec), malloc'ed. */
static inline char *fixture_set(Fixture *f, int64_t ver_offset, const char *accounts,
                                const char *grants)
{
        const long long now = f->base_sec;
        char *payload = NULL, *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                             "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\","
                             "\"accounts\":[%s],\"grants\":[%s]}",
                             now, now + 3600, now * 1000 + (long long)ver_offset, accounts,
                             grants) > 0);
        assert_int_equal(jws_sign(&f->key, JWS_TYP_GRANTS, payload, strlen(payload), &jws), 0);
        free(payload);
        return jws;
}

/* A signed revocation list of this version, malloc'ed. */
static inline char *fixture_list(Fixture *f, int64_t ver_offset, const char *entries)
{
        const long long now = f->base_sec;
        char *payload = NULL, *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"*\","
                             "\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"revoked\":[%s]}",
                             now, now + 3600, now * 1000 + (long long)ver_offset, entries) > 0);
        assert_int_equal(jws_sign(&f->key, JWS_TYP_REVOCATIONS, payload, strlen(payload), &jws), 0);
        free(payload);
        return jws;
}

static inline void fixture_on_offered(void *userdata, const char *line)
{
        Fixture *f = userdata;

        (void)snprintf(f->line, sizeof(f->line), "%s", line);
        f->answered = true;
}

static inline bool fixture_is_answered(void *userdata)
{
        return ((Fixture *)userdata)->answered;
}

/* Offer jws (owned) and wait for the answer's line. */
static inline const char *fixture_offer(Fixture *f, char *jws)
{
        f->answered = false;
        assert_int_equal(sets_offer(f->agent->sets, 0, jws, strlen(jws), fixture_on_offered, f), 0);
        assert_true(fixture_until(f, fixture_is_answered, f));
        return f->line;
}

/* svc-deploy with one ssh grant. */
static inline void fixture_deploy(Fixture *f, const char *jti, int64_t ver_offset)
{
        _cleanup_free_ char *grant = fixture_grant(jti, "svc-deploy", 600, FIXTURE_LOGIN);
        const char *line = fixture_offer(f, fixture_set(f, ver_offset, FIXTURE_ACCOUNT, grant));

        if (strncmp(line, "accepted ", 9) != 0)
                fail_msg("%s", line);
}
