/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request on the control socket. Input: who asks, then the line. Who is neither root nor an
 * administrator learns nothing of another's account (C2) and changes nothing of it (C4); unlock and
 * reload are root's; every request that is JSON has an answer of the protocol. */

#include "nhi-agentd/control/control.h"
#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/publish.h"

#include "lib/jose/json.h"
#include "lib/wire/control.h"
#include "tests/fuzz/set-host.h"

#define OWN_UID   70001u
#define OTHER     "other" /* stands in everything that belongs to the other account */
#define ADMIN_UID 1000u

static SetHost host;
static Agent agent;
static Config config;
static Issuer issuer;
static IssuerState issuer_state;
static uid_t asking;

/* ---- what stands in for the rest of the agent ---- */

Now agent_now(const Agent *a)
{
        (void)a;
        return host.now;
}

HostView agent_host_view(Agent *a)
{
        return (HostView){ .locked = &a->locked };
}

bool agent_has_ended(const Agent *a, const Grant *g)
{
        (void)a;
        (void)g;
        return false;
}

void agent_record(Agent *a, const Event *e)
{
        (void)a;
        (void)e;
}

static const Jwk host_key = { .kid = "kid" };

void evidence_view(const Evidence *v, EvidenceView *ret)
{
        (void)v;
        *ret = (EvidenceView){ .key = &host_key };
}

uint32_t evidence_n_uses(const Evidence *v, const Grant *g)
{
        (void)v;
        (void)g;
        return 0;
}

int evidence_resume(Evidence *v, const Event *e)
{
        (void)v;
        (void)e;
        FUZZ_HOLDS(asking == 0, "the log is resumed by root");
        return -EALREADY;
}

void publish_progress(const Publisher *p, uint64_t *ret_changed, uint64_t *ret_published)
{
        (void)p;
        *ret_changed = 8;
        *ret_published = 7;
}

int agent_reload(Agent *a)
{
        (void)a;
        FUZZ_HOLDS(asking == 0, "reload is root's");
        return 0;
}

int agent_give_back(Agent *a, const char *jti)
{
        (void)a;
        FUZZ_HOLDS(asking == 0 || asking == ADMIN_UID || (asking == OWN_UID && !strstr(jti, OTHER)),
                   "a grant is given back by its holder");
        return 0;
}

int agent_lock(Agent *a, const char *name, bool locked, bool *ret_changed)
{
        (void)a;
        (void)name;
        FUZZ_HOLDS(asking == 0, "locks are root's");
        *ret_changed = locked;
        return 0;
}

size_t sessions_count(const Sessions *s)
{
        (void)s;
        return 2;
}

size_t sessions_list(const Sessions *s, SessionView *ret, size_t n)
{
        const SessionView views[] = {
                { .id = "s1",
                  .account = "svc-deploy",
                  .jti = "g-01",
                  .class = "ssh",
                  .service = "sshd",
                  .rhost = "10.0.0.9",
                  .uid = OWN_UID,
                  .started_sec = T0,
                  .end_sec = T0 + 1800 },
                { .id = "s2",
                  .account = "svc-" OTHER,
                  .jti = "g-" OTHER,
                  .class = "ssh",
                  .service = "sshd",
                  .rhost = OTHER,
                  .uid = 70002,
                  .started_sec = T0,
                  .end_sec = T0 + 1800 },
        };

        (void)s;
        n = n < ELEMENTSOF(views) ? n : ELEMENTSOF(views);
        memcpy(ret, views, n * sizeof(*ret));
        return n;
}

uint32_t sessions_of_grant(const Sessions *s, const char *jti)
{
        (void)s;
        (void)jti;
        return 1;
}

bool metrics_view(const Metrics *m, MetricsView *ret)
{
        (void)m;
        (void)ret;
        return false;
}

Means sessions_means(const Sessions *s)
{
        (void)s;
        return MEANS_PID1;
}

const char *means_name(Means m)
{
        (void)m;
        return "pid1";
}

bool sessions_have_bus(const Sessions *s)
{
        (void)s;
        return true;
}

int session_end(Sessions *s, const char *id, const char *why)
{
        (void)s;
        (void)why;
        FUZZ_HOLDS(asking == 0 || asking == ADMIN_UID || (asking == OWN_UID && streq(id, "s1")),
                   "a session is ended by its holder");
        return 0;
}

uint64_t journal_dropped(const Journal *j)
{
        (void)j;
        return 3;
}

/* ---- the world ---- */

static const char payload[] =
        "{\"format\":1,\"iss\":\"https://grants.example.org\",\"aud\":\"web1.example.org\","
        "\"iat\":1763760000,\"exp\":1763846400,\"ver\":1763760000123,\"ledger\":\"3f9c\","
        "\"accounts\":["
        "{\"name\":\"svc-deploy\",\"kind\":\"workload\",\"owner\":\"payments\",\"uid\":70001,"
        "\"gid\":70001,\"gecos\":\"\",\"home\":\"/d\",\"shell\":\"/bin/sh\"},"
        "{\"name\":\"svc-" OTHER "\",\"kind\":\"workload\",\"owner\":\"" OTHER "\",\"uid\":70002,"
        "\"gid\":70002,\"gecos\":\"" OTHER "\",\"home\":\"/" OTHER "\",\"shell\":\"/bin/sh\"}],"
        "\"grants\":["
        "{\"jti\":\"g-01\",\"account\":\"svc-deploy\",\"owner\":\"payments\",\"reason\":\"CHG-42\","
        "\"nbf\":1763760000,\"exp\":1763761800,\"authorization_details\":["
        "{\"type\":\"nhi_login\",\"services\":[\"ssh\"]}]},"
        "{\"jti\":\"g-" OTHER "\",\"account\":\"svc-" OTHER "\",\"owner\":\"" OTHER "\","
        "\"reason\":\"" OTHER "\",\"nbf\":1763760000,\"exp\":1763761800,"
        "\"authorization_details\":[{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],"
        "\"run_as\":[\"" OTHER "\"],\"commands\":[[\"/" OTHER "\"]]}]}]}";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        SetError error = { "", "" };
        const GrantSet *sets[1];
        char *jws = NULL;

        (void)argc;
        (void)argv;
        if (set_host_init(&host) < 0 ||
            jws_sign(&host.key, JWS_TYP_GRANTS, payload, strlen(payload), &jws) < 0 ||
            grant_set_verify(jws, strlen(jws), &host.policy, &host.floor, host.local, host.idmap,
                             host.now, false, &issuer_state.set, &error) != 0) {
                fprintf(stderr, "%s %s\n", error.code, error.detail);
                return -1;
        }
        free(jws);
        sets[0] = issuer_state.set;
        FUZZ_HOLDS(issuer_state.set->n_quarantine == 0, "the world is as it should be");
        issuer = (Issuer){ .issuer = (char *)"https://grants.example.org",
                           .source = { .type = (char *)"file", .path = (char *)"/s" } };
        config = (Config){ .host_name = (char *)"web1", .issuers = &issuer, .n_issuers = 1 };
        agent = (Agent){ .config = &config,
                         .issuers = &issuer_state,
                         .idmap = host.idmap,
                         .local = host.local };
        if (denials_new(&agent.denials) < 0)
                return -1;
        return grant_store_build(sets, 1, &agent.store) < 0 ? -1 : 0;
}

static void answer_check(const json_t *reply, const char *line)
{
        static const char *const codes[] = { "denied", "usage", "absent", "failed" };
        const char *code = json_string_value(json_object_get(reply, "code"));
        bool known = json_is_true(json_object_get(reply, "ok"));
        char *text = json_dumps(reply, JSON_COMPACT);

        FUZZ_HOLDS(json_integer_value(json_object_get(reply, "schema")) == CONTROL_SCHEMA,
                   "an answer has its schema");
        for (size_t i = 0; code && i < ELEMENTSOF(codes); i++)
                known |= streq(codes[i], code);
        FUZZ_HOLDS(known && text && strlen(text) < CONTROL_REPLY_MAX, "a code of the protocol");
        if (asking != 0 && asking != ADMIN_UID)
                FUZZ_HOLDS(strstr(line, OTHER) || strchr(line, '\\') || !strstr(text, OTHER),
                           "nothing of another's account (C2)");
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uid_t uids[] = { 0, OWN_UID, 110, 4711 };
        Input in = { data, size };
        json_error_t error;
        json_t *request, *reply = NULL;
        size_t n;
        char *line;

        asking = uids[input_u8(&in) % ELEMENTSOF(uids)];
        line = input_rest(&in, &n);
        request = json_read(line, n, JSON_REJECT_DUPLICATES, &error);
        if (json_is_object(request)) {
                FUZZ_HOLDS(control_answer(&agent, asking, asking, 1, request, &reply) == 0 && reply,
                           "every request has an answer");
                answer_check(reply, line);
        }
        json_decref(reply);
        json_decref(request);
        free(line);
        return 0;
}
