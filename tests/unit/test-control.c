/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The control verbs over an agent that is filled in by hand: the store and the local files are
 * real, sessions and the agent's own functions are stood in for below. */

#include "nhi-agentd/control/control.h"
#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/publish.h"

#include "lib/base/macro.h"
#include "lib/wire/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NOW_SEC  INT64_C(1763760000) /* a Friday, 21:20 UTC */
#define USEC     INT64_C(1000000)
#define SVC_UID  70001u
#define OPS_UID  1000u
#define ADM_UID  1001u
#define JOHN_UID 200000u /* of a directory: in no local file */
#define LOST_UID 4711u
#define ADM_GID  900u

static struct World {
        char dir[64];
        Agent agent;
        Config config;
        IssuerState issuer_state;
        Issuer issuer;
        GateRule gates[2];
        GrantSet set;
        const Grant *grants[8];
        const Account *accounts[1];
        SessionView sessions[4];
        size_t n_sessions;
        int64_t now_sec;
        bool has_metrics;
        unsigned n_reloads, n_recorded;
        char ended_session[32], ended_why[256], given_back[4][32], locked[32];
        size_t n_given_back;
        const char *ended_jti;
        bool is_locked, have_bus, log_has_failed;
        char resumed[128];
        char recorded_code[64], recorded_detail[512], recorded_grant[64];
} w;

/* ---- what stands in for the rest of the agent
 * ----------------------------------------------------- */

Now agent_now(const Agent *a)
{
        return (Now){ w.now_sec * USEC, 1000 * USEC };
}

HostView agent_host_view(Agent *a)
{
        return (HostView){ .locked = &a->locked };
}

bool agent_has_ended(const Agent *a, const Grant *g)
{
        return w.ended_jti && streq(w.ended_jti, g->jti);
}

void agent_record(Agent *a, const Event *e)
{
        w.n_recorded++;
        (void)snprintf(w.recorded_code, sizeof(w.recorded_code), "%s", e->code ? e->code : "");
        (void)snprintf(w.recorded_detail, sizeof(w.recorded_detail), "%s",
                       e->detail ? e->detail : "");
        (void)snprintf(w.recorded_grant, sizeof(w.recorded_grant), "%s",
                       e->grant ? e->grant->jti : "");
}

static const Jwk host_key = { .kid = "kid" };

void evidence_view(const Evidence *v, EvidenceView *ret)
{
        *ret = (EvidenceView){ .key = &host_key, .head = { .chain = { .seq = 41 } } };
        if (w.log_has_failed) {
                ret->error = -ENOSPC;
                ret->why = "/var/log/nhi/decisions.log: write: No space left on device";
        }
}

uint32_t evidence_n_uses(const Evidence *v, const Grant *g)
{
        return 0;
}

int evidence_resume(Evidence *v, const Event *e)
{
        if (!w.log_has_failed)
                return -EALREADY;
        (void)snprintf(w.resumed, sizeof(w.resumed), "%s", e->detail);
        w.log_has_failed = false;
        return 0;
}

void publish_progress(const Publisher *p, uint64_t *ret_changed, uint64_t *ret_published)
{
        *ret_changed = 8;
        *ret_published = 7;
}

int agent_reload(Agent *a)
{
        w.n_reloads++;
        return 0;
}

int agent_give_back(Agent *a, const char *jti)
{
        snprintf(w.given_back[w.n_given_back++], sizeof(w.given_back[0]), "%s", jti);
        return 0;
}

int agent_lock(Agent *a, const char *name, bool locked, bool *ret_changed)
{
        snprintf(w.locked, sizeof(w.locked), "%s", name);
        *ret_changed = locked != w.is_locked;
        w.is_locked = locked;
        return 0;
}

size_t sessions_count(const Sessions *s)
{
        return w.n_sessions;
}

size_t sessions_list(const Sessions *s, SessionView *ret, size_t n)
{
        n = n < w.n_sessions ? n : w.n_sessions;
        memcpy(ret, w.sessions, n * sizeof(*ret));
        return n;
}

uint32_t sessions_of_grant(const Sessions *s, const char *jti)
{
        uint32_t n = 0;

        for (size_t i = 0; i < w.n_sessions; i++)
                n += streq(w.sessions[i].jti, jti);
        return n;
}

bool metrics_view(const Metrics *m, MetricsView *ret)
{
        if (!w.has_metrics)
                return false;
        *ret = (MetricsView){ .path = "/run/nhi/nhi.prom", .interval_sec = 15, .error = "full" };
        return true;
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
        return w.have_bus;
}

int session_end(Sessions *s, const char *id, const char *why)
{
        snprintf(w.ended_session, sizeof(w.ended_session), "%s", id);
        snprintf(w.ended_why, sizeof(w.ended_why), "%s", why);
        return 0;
}

uint64_t journal_dropped(const Journal *j)
{
        return 3;
}

/* ---- the world
 * ------------------------------------------------------------------------------------- */

static const char *const ssh_class[] = { "ssh" }, *const sudo_class[] = { "sudo" };
static const char *const postgres[] = { "postgres" }, *const saturday[] = {
        "Sat 01:00..05:00 UTC"
};
static const char *const svc_globs[] = { "ops*" }, *const any_class[] = { "*" };
static const char *const operators[] = { "operators" };

static const Term terms[] = {
        { .type = TERM_LOGIN, .services = { (const char **)ssh_class, 1 } },
        { .type = TERM_ELEVATE,
          .services = { (const char **)sudo_class, 1 },
          .run_as = { (const char **)postgres, 1 } },
};
static const Window saturday_night = { .days = 1 << 5, .begin = 60, .end = 300 };

#define GRANT(jti_, account_, nbf, exp)                                                            \
        .jti = (jti_), .account = (account_), .sub = (account_), .owner = "payments",              \
        .reason = "CHG-42", .ticket = "", .issued_by = "me", .nbf_sec = NOW_SEC + (nbf),           \
        .exp_sec = NOW_SEC + (exp), .set_exp_sec = NOW_SEC + 86400, .boot_end_usec = 5000 * USEC,  \
        .terms = terms, .n_terms = 2, .issuer = "iss", .set_hash = "ab",                           \
        .terms_json = "[{\"type\":\"nhi_login\",\"services\":[\"ssh\"]}]"

static const Actor robot = { .sub = "agent:bot", .prior = &(const Actor){ .sub = "ci" } };
static const Grant grants[] = {
        { GRANT("g-ops", "ops1", -60, 1800) },
        { GRANT("g-active", "svc", -60, 1800), .act = &robot },
        { GRANT("g-ended", "svc", -3600, 0) },
        { GRANT("g-future", "svc", 61, 1800) },
        { GRANT("g-window", "svc", -60, 1800), .windows = &saturday_night, .n_windows = 1,
          .windows_text = { (const char **)saturday, 1 } },
};
static const Account svc = { .name = "svc", .uid = SVC_UID, .gid = SVC_UID };

static void spit(const char *name, const char *text)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", w.dir, name);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path, 0644), 0);
}

static void local_files(void)
{
        snprintf(w.dir, sizeof(w.dir), "/tmp/nhi-test-control.XXXXXX");
        assert_non_null(mkdtemp(w.dir));
        spit("passwd", "root:x:0:0::/root:/bin/sh\nops1:x:1000:1000::/:/bin/sh\n"
                       "adm1:x:1001:1001::/:/bin/sh\nplain:x:1002:1002::/:/bin/sh\n");
        spit("group", "root:x:0:\nnhi-admin:x:900:adm1\noperators:x:901:plain\n");
        assert_int_equal(localdb_load(w.dir, &w.agent.local), 0);
}

static const SessionView session_of_svc = {
        .id = "s1",
        .account = "svc",
        .jti = "g-active",
        .class = "ssh",
        .service = "sshd",
        .rhost = "10.0.0.9",
        .uid = SVC_UID,
        .leader = 77,
        .started_sec = NOW_SEC - 5,
        .end_sec = NOW_SEC + 1800,
};

static int setup(void **state)
{
        static const char ids[] = "user svc 70001 70001 iss\nend 1\n";

        memset(&w, 0, sizeof(w));
        local_files();
        assert_int_equal(idmap_parse(ids, strlen(ids), &w.agent.idmap), 0);
        assert_int_equal(denials_new(&w.agent.denials), 0);

        for (size_t i = 0; i < ELEMENTSOF(grants); i++)
                w.grants[i] = &grants[i];
        w.accounts[0] = &svc;
        w.agent.store = (GrantStore){ .grants = w.grants,
                                      .n_grants = ELEMENTSOF(grants),
                                      .accounts = w.accounts,
                                      .n_accounts = 1,
                                      .set_exp_sec = NOW_SEC + 86400 };

        w.gates[0] = (GateRule){ .name = (char *)"watch",
                                 .mode = GATE_OBSERVE,
                                 .services = { (const char **)any_class, 1 },
                                 .accounts = { (const char **)svc_globs, 1 } };
        w.gates[1] = (GateRule){ .name = (char *)"elevate",
                                 .mode = GATE_ENFORCE,
                                 .services = { (const char **)sudo_class, 1 },
                                 .groups = { (const char **)operators, 1 } };
        w.issuer = (Issuer){ .issuer = (char *)"iss",
                             .policy.issuer = "iss",
                             .source = { .type = (char *)"file", .path = (char *)"/s" } };
        w.config = (Config){ .host_name = (char *)"web1",
                             .issuers = &w.issuer,
                             .n_issuers = 1,
                             .gates = w.gates,
                             .n_gates = 2 };
        w.agent.config = &w.config;
        w.agent.issuers = &w.issuer_state;
        w.sessions[w.n_sessions++] = session_of_svc;
        w.now_sec = NOW_SEC;
        w.have_bus = true;
        return 0;
}

static int teardown(void **state)
{
        char path[128];

        denials_free(w.agent.denials);
        idmap_free(w.agent.idmap);
        localdb_free(w.agent.local);
        snprintf(path, sizeof(path), "%s/passwd", w.dir);
        unlink(path);
        snprintf(path, sizeof(path), "%s/group", w.dir);
        unlink(path);
        return rmdir(w.dir);
}

/* ---- asking
 * -------------------------------------------------------------------------------------- */

static json_t *ask_as(uid_t uid, gid_t gid, const char *text)
{
        json_t *request = json_loads(text, 0, NULL), *reply = NULL;
        char *dump;

        assert_non_null(request);
        assert_int_equal(control_answer(&w.agent, uid, gid, 1, request, &reply), 0);
        json_decref(request);
        assert_int_equal(json_integer_value(json_object_get(reply, "schema")), 1);
        dump = json_dumps(reply, 0);
        assert_non_null(dump);
        free(dump);
        return reply;
}

static json_t *ask(uid_t uid, const char *text)
{
        return ask_as(uid, uid, text);
}

static void refused(uid_t uid, const char *text, const char *code)
{
        json_t *reply = ask(uid, text);

        assert_true(json_is_false(json_object_get(reply, "ok")));
        assert_string_equal(json_string_value(json_object_get(reply, "code")), code);
        assert_true(strlen(json_string_value(json_object_get(reply, "error"))) > 10);
        json_decref(reply);
}

static json_t *allowed(uid_t uid, const char *text)
{
        json_t *reply = ask(uid, text);

        assert_true(json_is_true(json_object_get(reply, "ok")));
        return reply;
}

static size_t count(uid_t uid, const char *text, const char *member)
{
        json_t *reply = allowed(uid, text);
        size_t n = json_array_size(json_object_get(reply, member));

        assert_true(json_is_array(json_object_get(reply, member)));
        json_decref(reply);
        return n;
}

static const char *text_at(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

/* ---- C3
 * -------------------------------------------------------------------------------------------- */

static void unknown_verbs_and_members_are_refused_C3(void **state)
{
        static const char *const bad[] = {
                "{}",
                "[]",
                "{\"verb\":1}",
                "{\"verb\":\"grant\"}",
                "{\"verb\":\"\"}",
                "{\"verb\":\"status\",\"all\":true}",
                "{\"verb\":\"list\",\"all\":1}",
                "{\"verb\":\"list\",\"account\":7}",
                "{\"verb\":\"list\",\"uid\":0}",
                "{\"verb\":\"mine\",\"account\":\"svc\"}",
                "{\"verb\":\"why\",\"n\":\"1\"}",
                "{\"verb\":\"why\",\"n\":1.0}",
                "{\"verb\":\"check\",\"account\":\"svc\"}",
                "{\"verb\":\"check\",\"class\":\"ssh\"}",
                "{\"verb\":\"end\"}",
                "{\"verb\":\"done\",\"account\":\"svc\"}",
                "{\"verb\":\"lock\"}",
                "{\"verb\":\"unlock\"}",
                "{\"verb\":\"reload\",\"x\":null}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                refused(0, bad[i], "usage");
        assert_int_equal(w.n_reloads, 0);
}

/* ---- C1, C2
 * ----------------------------------------------------------------------------------------- */

static void everybody_sees_only_what_is_theirs_C2(void **state)
{
        static const char *const others[] = {
                "{\"verb\":\"list\",\"account\":\"ops1\"}",
                "{\"verb\":\"why\",\"account\":\"ops1\"}",
                "{\"verb\":\"sessions\",\"account\":\"ops1\"}",
                "{\"verb\":\"check\",\"account\":\"ops1\",\"class\":\"ssh\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                refused(SVC_UID, others[i], "denied");
        assert_int_equal(count(SVC_UID, "{\"verb\":\"list\",\"all\":true}", "grants"), 4);
        assert_int_equal(count(OPS_UID, "{\"verb\":\"list\",\"all\":true}", "grants"), 1);
        assert_int_equal(count(OPS_UID, "{\"verb\":\"sessions\"}", "sessions"), 0);
        assert_int_equal(count(SVC_UID, "{\"verb\":\"sessions\"}", "sessions"), 1);
}

static void root_and_admins_see_everything_C2(void **state)
{
        json_t *reply;

        assert_int_equal(count(0, "{\"verb\":\"list\",\"all\":true}", "grants"), 5);
        assert_int_equal(count(ADM_UID, "{\"verb\":\"list\",\"all\":true}", "grants"), 5);
        assert_int_equal(count(ADM_UID, "{\"verb\":\"sessions\"}", "sessions"), 1);
        assert_int_equal(count(0, "{\"verb\":\"list\",\"account\":\"ops1\"}", "grants"), 1);

        /* sg nhi-admin: the kernel says so. */
        reply = ask_as(OPS_UID, ADM_GID, "{\"verb\":\"list\",\"all\":true}");
        assert_int_equal(json_array_size(json_object_get(reply, "grants")), 5);
        assert_int_equal(json_integer_value(json_object_get(reply, "changed")), 8);
        assert_int_equal(json_integer_value(json_object_get(reply, "published")), 7);
        json_decref(reply);
}

static void a_uid_without_account_sees_nothing_C1(void **state)
{
        refused(LOST_UID, "{\"verb\":\"mine\"}", "absent");
        refused(LOST_UID, "{\"verb\":\"list\"}", "absent");
        refused(LOST_UID, "{\"verb\":\"why\"}", "absent");
        refused(LOST_UID, "{\"verb\":\"done\"}", "absent");
        refused(LOST_UID, "{\"verb\":\"list\",\"account\":\"svc\"}", "absent");
}

static void a_person_of_a_directory_is_known_by_the_uid_a_module_resolved(void **state)
{
        Event e = {
                .kind = EVENT_DENIAL, .account = "CORP\\john", .uid = JOHN_UID, .class = "ssh"
        };
        json_t *reply;

        refused(JOHN_UID, "{\"verb\":\"why\"}", "absent");
        denials_add(w.agent.denials, &e, NOW_SEC);
        assert_int_equal(count(JOHN_UID, "{\"verb\":\"why\"}", "denials"), 1);

        w.sessions[0].account = "john.doe";
        w.sessions[0].uid = JOHN_UID;
        reply = allowed(JOHN_UID, "{\"verb\":\"mine\"}");
        assert_string_equal(text_at(reply, "account"), "john.doe");
        json_decref(reply);
}

static void what_widens_is_roots_C4(void **state)
{
        refused(ADM_UID, "{\"verb\":\"lock\",\"name\":\"svc\"}", "denied");
        refused(ADM_UID, "{\"verb\":\"unlock\",\"name\":\"svc\"}", "denied");
        refused(ADM_UID, "{\"verb\":\"reload\"}", "denied");
        refused(SVC_UID, "{\"verb\":\"reload\"}", "denied");
        assert_int_equal(w.n_reloads, 0);
        assert_false(w.is_locked);
}

/* ---- reading
 * -------------------------------------------------------------------------------------- */

static void status_says_what_it_must(void **state)
{
        static const Quarantine q = { "grant g-x", "reach", "too far" };
        json_t *reply, *issuer;

        w.set = (GrantSet){ .issuer = "iss",
                            .iat_sec = NOW_SEC - 60,
                            .heard_sec = NOW_SEC - 60,
                            .exp_sec = NOW_SEC + 60,
                            .ver = 9,
                            .quarantine = &q,
                            .n_quarantine = 1,
                            .n_quarantined = 1 };
        w.issuer_state.set = &w.set;
        reply = allowed(0, "{\"verb\":\"status\"}");
        issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        assert_string_equal(text_at(reply, "host"), "web1");
        assert_int_equal(json_integer_value(json_object_get(reply, "grants")), 2);
        assert_int_equal(json_integer_value(json_object_get(reply, "sessions")), 1);
        assert_int_equal(json_integer_value(json_object_get(reply, "journal_dropped")), 3);
        assert_true(json_is_true(json_object_get(reply, "bus")));
        assert_int_equal(json_integer_value(json_object_get(issuer, "age_sec")), 60);
        assert_int_equal(json_integer_value(json_object_get(issuer, "limit_sec")), 120);
        assert_int_equal(json_integer_value(json_object_get(issuer, "left_sec")), 60);
        assert_true(json_is_null(json_object_get(issuer, "offered")));
        assert_int_equal(json_array_size(json_object_get(reply, "gates")), 2);
        assert_int_equal(json_array_size(json_object_get(reply, "quarantine")), 1);
        assert_true(json_is_array(json_object_get(reply, "locked")));
        json_decref(reply);

        w.issuer_state.offered_sec = NOW_SEC - 5;
        reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
        issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        assert_int_equal(json_integer_value(json_object_get(issuer, "offered")), NOW_SEC - 5);
        assert_null(json_object_get(reply, "quarantine"));
        assert_null(json_object_get(reply, "locked"));
        json_decref(reply);
}

static void status_of_a_host_without_a_set_says_so(void **state)
{
        json_t *reply, *issuer;

        w.issuer_state.refused_sec = NOW_SEC;
        strcpy(w.issuer_state.refused.code, "signature");
        w.have_bus = false;
        strcpy(w.agent.config_error, "agentd.conf:3: gates: wrong");
        reply = allowed(0, "{\"verb\":\"status\"}");
        issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        assert_true(json_is_null(json_object_get(issuer, "ver")));
        assert_string_equal(text_at(json_object_get(issuer, "last_refusal"), "code"), "signature");
        assert_true(json_is_false(json_object_get(reply, "bus")));
        assert_string_equal(text_at(reply, "config_error"), "agentd.conf:3: gates: wrong");
        assert_true(json_is_false(json_object_get(reply, "reloading")));
        json_decref(reply);
        w.agent.n_reloads = 1;
        reply = allowed(0, "{\"verb\":\"status\"}");
        assert_true(json_is_true(json_object_get(reply, "reloading")));
        json_decref(reply);
}

static json_t *unsaved_of(const char *list)
{
        json_t *reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
        json_t *issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        json_t *is = json_incref(json_object_get(json_object_get(issuer, list), "unsaved"));

        json_decref(reply);
        return is; /* true and false are nobody's */
}

static void status_says_which_list_could_not_be_saved(void **state)
{
        IssuerState *s = &w.issuer_state;
        RevocationList list = { .hash = "aa" };
        KeyList keys = { .hash = "bb" };

        assert_null(unsaved_of("revocations"));
        s->list = &list;
        s->keys = &keys;
        assert_true(json_is_true(unsaved_of("revocations")));
        assert_true(json_is_true(unsaved_of("keys")));
        strcpy(s->list_floor.hash, list.hash);
        strcpy(s->keys_floor.floor.hash, keys.hash);
        assert_true(json_is_false(unsaved_of("revocations")));
        assert_true(json_is_false(unsaved_of("keys")));
        s->list = NULL;
        s->keys = NULL;
}

static void status_speaks_of_metrics_where_they_are_wanted(void **state)
{
        json_t *reply = allowed(0, "{\"verb\":\"status\"}"), *metrics;

        assert_null(json_object_get(reply, "metrics"));
        json_decref(reply);
        w.has_metrics = true;
        reply = allowed(0, "{\"verb\":\"status\"}");
        w.has_metrics = false;
        metrics = json_object_get(reply, "metrics");
        assert_string_equal(text_at(metrics, "file"), "/run/nhi/nhi.prom");
        assert_string_equal(text_at(metrics, "error"), "full");
        assert_int_equal(json_integer_value(json_object_get(metrics, "interval")), 15);
        json_decref(reply);
}

static void status_says_how_the_sources_fare(void **state)
{
        Heard *h = &w.issuer_state.heard[FEED_SET][0];
        json_t *reply, *issuer, *place;

        for (int i = 0; i < 3; i++) {
                reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
                issuer = json_array_get(json_object_get(reply, "issuers"), 0);
                place = json_array_get(json_object_get(issuer, "sources"), 0);
                assert_int_equal(json_array_size(json_object_get(issuer, "sources")), 1);
                assert_string_equal(text_at(place, "place"), "/s");
                assert_true(json_is_null(json_object_get(issuer, "limit_sec")));
                assert_int_equal(json_is_null(json_object_get(issuer, "answered_sec")), i == 0);
                assert_int_equal(json_integer_value(json_object_get(place, "answered_sec")),
                                 i == 0 ? 0 : 40);
                assert_int_equal(json_integer_value(json_object_get(place, "next_sec")),
                                 i == 1 ? 20 : 0);
                assert_int_equal(json_is_null(json_object_get(place, "next_sec")), i != 1);
                assert_int_equal(json_is_null(json_object_get(place, "trouble")), i != 2);
                json_decref(reply);
                *h = (Heard){ .has_answered = true,
                              .answered_usec = 960 * USEC,
                              .next_usec = i == 0 ? 1020 * USEC : 999 * USEC };
                if (i == 1)
                        strcpy(h->trouble, "timeout");
        }
        *h = (Heard){};
}

static void status_says_how_what_stands_beside_the_sets_fares(void **state)
{
        static const TrustedKey key = { .reach = { .sign_revocations = true } };
        Heard *h = &w.issuer_state.heard[FEED_REVOCATIONS][0];
        json_t *reply, *issuer, *place;

        reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
        issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        assert_int_equal(json_array_size(json_object_get(issuer, "beside")), 0);
        json_decref(reply);
        w.issuer.policy.keys = &key;
        w.issuer.policy.n_keys = 1;
        *h = (Heard){ .has_answered = true, .answered_usec = 960 * USEC, .trouble = "status-403" };
        reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
        issuer = json_array_get(json_object_get(reply, "issuers"), 0);
        place = json_array_get(json_object_get(issuer, "beside"), 0);
        assert_int_equal(json_array_size(json_object_get(issuer, "beside")), 1);
        assert_string_equal(text_at(place, "object"), "revocations");
        assert_string_equal(text_at(place, "place"), "/s");
        assert_string_equal(text_at(place, "trouble"), "status-403");
        assert_int_equal(json_integer_value(json_object_get(place, "answered_sec")), 40);
        assert_true(json_is_null(
                json_object_get(json_array_get(json_object_get(issuer, "sources"), 0), "trouble")));
        json_decref(reply);
        *h = (Heard){};
}

static void a_grant_is_shown_as_it_is(void **state)
{
        json_t *reply = allowed(SVC_UID, "{\"verb\":\"list\"}"), *g;

        assert_int_equal(json_array_size(json_object_get(reply, "grants")), 1);
        g = json_array_get(json_object_get(reply, "grants"), 0);
        assert_string_equal(text_at(g, "jti"), "g-active");
        assert_string_equal(text_at(g, "owner"), "payments");
        assert_string_equal(json_string_value(json_array_get(json_object_get(g, "act"), 1)), "ci");
        assert_int_equal(json_integer_value(json_object_get(g, "until")), NOW_SEC + 1800);
        assert_int_equal(json_integer_value(json_object_get(g, "sessions")), 1);
        assert_string_equal(
                text_at(json_array_get(json_object_get(g, "authorization_details"), 0), "type"),
                "nhi_login");
        json_decref(reply);
}

static const char *state_of(const char *jti, char ret[static 64])
{
        json_t *reply = allowed(0, "{\"verb\":\"list\",\"account\":\"svc\",\"all\":true}"), *g;
        size_t i;

        strcpy(ret, "absent");
        json_array_foreach(json_object_get(reply, "grants"), i, g)
                if (streq(text_at(g, "jti"), jti)) {
                        snprintf(ret, 64, "%s", text_at(g, "state"));
                        assert_int_equal(json_is_true(json_object_get(g, "active")),
                                         streq(ret, "granted"));
                }
        json_decref(reply);
        return ret;
}

static void each_grant_says_where_it_stands(void **state)
{
        static const char *const names[] = { "svc" };
        char text[64];

        assert_string_equal(state_of("g-active", text), "granted");
        assert_string_equal(state_of("g-ended", text), "expired"); /* T07 */
        assert_string_equal(state_of("g-future", text), "not-yet");
        assert_string_equal(state_of("g-window", text), "outside-window");

        w.now_sec = NOW_SEC + 1; /* T06: nbf has a minute of leeway */
        assert_string_equal(state_of("g-future", text), "granted");
        w.agent.locked = (StrList){ (const char **)names, 1 };
        assert_string_equal(state_of("g-active", text), "locked");
        w.ended_jti = "g-active";
        assert_string_equal(state_of("g-active", text), "given-back");
}

/* n grants that are in force, all of svc. */
static void store_many(size_t n)
{
        const Grant **store = calloc(n, sizeof(*store));

        assert_non_null(store);
        for (size_t i = 0; i < n; i++)
                store[i] = &grants[1];
        w.agent.store.grants = store;
        w.agent.store.n_grants = n;
}

static void store_many_done(void)
{
        free((void *)w.agent.store.grants);
        w.agent.store.n_grants = 0;
}

static void lists_at_most(uid_t uid, const char *request, size_t max)
{
        for (size_t n = max; n <= max + 1; n++) {
                json_t *reply;

                store_many(n);
                reply = allowed(uid, request);
                assert_int_equal(json_array_size(json_object_get(reply, "grants")), max);
                assert_int_equal(json_is_true(json_object_get(reply, "truncated")), n > max);
                json_decref(reply);
                store_many_done();
        }
}

static void so_many_grants_are_listed_and_no_more(void **state)
{
        lists_at_most(0, "{\"verb\":\"list\"}", 10000);
        lists_at_most(SVC_UID, "{\"verb\":\"list\"}", 200);
        lists_at_most(SVC_UID, "{\"verb\":\"mine\"}", 200);
}

/* A04: what anybody may ask for takes no walk over all grants of a large host. */
static void status_counts_so_many_grants_itself_and_no_more(void **state)
{
        w.agent.n_active = 4711;
        for (size_t n = 1000; n <= 1001; n++) {
                json_t *reply;

                store_many(n);
                reply = allowed(SVC_UID, "{\"verb\":\"status\"}");
                assert_int_equal(json_integer_value(json_object_get(reply, "grants")),
                                 n == 1000 ? 1000 : 4711);
                json_decref(reply);
                store_many_done();
        }
}

static void why_says_reason_and_advice(void **state)
{
        Event e = { .kind = EVENT_DENIAL,
                    .account = "svc",
                    .uid = SVC_UID,
                    .class = "sudo",
                    .target = "ro\xff\xfe",
                    .has_decision = true,
                    .decision = { .reason = REASON_RUN_AS_NOT_GRANTED, .grant = &grants[1] } };
        json_t *reply, *d;

        denials_add(w.agent.denials, &e, NOW_SEC);
        e.account = "ops1";
        e.uid = OPS_UID;
        denials_add(w.agent.denials, &e, NOW_SEC);

        reply = allowed(SVC_UID, "{\"verb\":\"why\"}");
        assert_int_equal(json_array_size(json_object_get(reply, "denials")), 1);
        d = json_array_get(json_object_get(reply, "denials"), 0);
        assert_string_equal(text_at(d, "reason"), "run-as-not-granted");
        assert_string_equal(text_at(d, "jti"), "g-active");
        assert_true(*text_at(d, "sentence") && *text_at(d, "advice"));
        assert_non_null(text_at(d, "target")); /* bytes that are no UTF-8 are escaped (U09) */
        json_decref(reply);
        assert_int_equal(count(0, "{\"verb\":\"why\"}", "denials"), 2);
        assert_int_equal(count(0, "{\"verb\":\"why\",\"account\":\"ops1\"}", "denials"), 1);
}

static void why_takes_a_number_in_range(void **state)
{
        Event e = { .kind = EVENT_DENIAL, .account = "svc", .uid = SVC_UID };

        for (size_t i = 0; i < 12; i++)
                denials_add(w.agent.denials, &e, NOW_SEC);
        assert_int_equal(count(0, "{\"verb\":\"why\"}", "denials"), 10);
        assert_int_equal(count(0, "{\"verb\":\"why\",\"n\":1}", "denials"), 1);
        assert_int_equal(count(0, "{\"verb\":\"why\",\"n\":256}", "denials"), 12);
        refused(0, "{\"verb\":\"why\",\"n\":257}", "usage");
        refused(0, "{\"verb\":\"why\",\"n\":0}", "usage");
}

static void a_session_is_shown_with_its_grants_reason(void **state)
{
        json_t *reply = allowed(0, "{\"verb\":\"sessions\",\"account\":\"svc\"}"), *s;

        s = json_array_get(json_object_get(reply, "sessions"), 0);
        assert_string_equal(text_at(s, "id"), "s1");
        assert_string_equal(text_at(s, "reason"), "CHG-42");
        assert_string_equal(text_at(s, "owner"), "payments");
        assert_true(json_is_null(json_object_get(s, "tty")));
        json_decref(reply);
}

/* ---- check
 * ---------------------------------------------------------------------------------------- */

static void checked(const char *members, const char *verdict, const char *reason, const char *mode)
{
        char text[512];
        json_t *reply;

        snprintf(text, sizeof(text), "{\"verb\":\"check\",%s}", members);
        reply = allowed(0, text);
        assert_string_equal(text_at(reply, "verdict"), verdict);
        assert_string_equal(text_at(reply, "reason"), reason);
        assert_string_equal(text_at(json_object_get(reply, "gate"), "mode"), mode);
        json_decref(reply);
}

static void check_gives_the_verdict_that_would_be_given(void **state)
{
#define SVC "\"account\":\"svc\",\"class\":"
        checked(SVC "\"ssh\"", "allow", "granted", "enforce");
        checked(SVC "\"ssh\",\"uid\":70002", "deny", "uid-mismatch", "enforce");
        checked(SVC "\"cron\"", "deny", "service-not-granted", "enforce");
        checked(SVC "\"sudo\",\"run_as\":\"root\"", "deny", "run-as-not-granted", "enforce");
        checked(SVC "\"sudo\",\"run_as\":\"postgres\"", "deny", "sudo-plugin-missing", "enforce");
        w.agent.sudo_plugin = true;
        checked(SVC "\"sudo\",\"run_as\":\"postgres\"", "allow", "granted", "enforce");
        checked(SVC "\"sudo\",\"run_as\":\"postgres\",\"command\":[\"/bin/id\"]", "allow",
                "granted", "enforce");
        checked(SVC "\"sudo\",\"command\":[\"/bin/id\"]", "deny", "run-as-not-granted", "enforce");
        checked(SVC "\"ssh\",\"at\":1763761800", "deny", "expired", "enforce");
        checked(SVC "\"ssh\",\"at\":1763761799", "allow", "granted", "enforce");
}

static void check_names_the_gate(void **state)
{
        checked("\"account\":\"ops1\",\"class\":\"ssh\"", "allow", "granted", "observe");
        checked("\"account\":\"plain\",\"class\":\"ssh\"", "deny", "no-grant", "ungated");
        checked("\"account\":\"plain\",\"class\":\"sudo\"", "deny", "no-grant", "enforce");
        checked("\"account\":\"john.doe\",\"class\":\"sudo\"", "deny", "no-grant", "ungated");
        checked("\"account\":\"john.doe\",\"class\":\"sudo\",\"gids\":[7,901]", "deny", "no-grant",
                "enforce");
        /* the uid of an account of ours under another name */
        checked("\"account\":\"alias\",\"class\":\"at\",\"uid\":70001", "deny", "no-grant",
                "enforce");
}

static void check_tells_rule_by_rule(void **state)
{
        json_t *reply = allowed(0, "{\"verb\":\"check\",\"account\":\"ops1\",\"class\":\"cron\"}");
        json_t *rules, *rule;
        size_t i, n_failed = 0;

        rules = json_object_get(json_array_get(json_object_get(reply, "grants"), 0), "rules");
        assert_true(json_array_size(rules) >= 2);
        json_array_foreach(rules, i, rule) {
                assert_true(*text_at(rule, "rule"));
                if (json_is_true(json_object_get(rule, "held")))
                        continue;
                n_failed++;
                assert_int_equal(i, json_array_size(rules) - 1);
                assert_string_equal(text_at(rule, "rule"), "service");
        }
        assert_int_equal(n_failed, 1);
        json_decref(reply);
}

static void check_refuses_what_it_cannot_judge(void **state)
{
        static const char *const bad[] = {
                "\"account\":\"a/b\",\"class\":\"ssh\"",
                "\"account\":\"\",\"class\":\"ssh\"",
                "\"account\":\"svc\",\"class\":\"nonsense\"",
                "\"account\":\"svc\",\"class\":\"ssh\",\"from\":\"example.org\"",
                "\"account\":\"svc\",\"class\":\"ssh\",\"gids\":[-1]",
                "\"account\":\"svc\",\"class\":\"ssh\",\"gids\":[4294967295]",
                "\"account\":\"svc\",\"class\":\"ssh\",\"gids\":[\"1\"]",
                "\"account\":\"svc\",\"class\":\"ssh\",\"at\":-1",
                "\"account\":\"svc\",\"class\":\"ssh\",\"at\":9223372036854775807",
                "\"account\":\"svc\",\"class\":\"sudo\",\"command\":[1]",
                "\"account\":\"svc\",\"class\":\"sudo\",\"edit\":[null]",
        };
        char text[256];

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                snprintf(text, sizeof(text), "{\"verb\":\"check\",%s}", bad[i]);
                refused(0, text, "usage");
        }
}

static void a_command_has_so_many_words_and_no_more(void **state)
{
        for (int n = 256; n <= 257; n++) {
                json_t *request = json_pack("{s:s, s:s, s:s, s:[]}", "verb", "check", "account",
                                            "svc", "class", "sudo", "command"),
                       *reply = NULL;

                for (int i = 0; i < n; i++)
                        json_array_append_new(json_object_get(request, "command"),
                                              json_string("x"));
                assert_int_equal(control_answer(&w.agent, 0, 0, 1, request, &reply), 0);
                assert_int_equal(json_is_true(json_object_get(reply, "ok")), n == 256);
                json_decref(request);
                json_decref(reply);
        }
}

/* ---- changing
 * ------------------------------------------------------------------------------------- */

static void a_session_is_ended_by_its_holder_or_root(void **state)
{
        refused(OPS_UID, "{\"verb\":\"end\",\"session\":\"s1\"}", "absent");
        refused(ADM_UID, "{\"verb\":\"end\",\"session\":\"s1\"}", "absent");
        refused(0, "{\"verb\":\"end\",\"session\":\"s2\"}", "absent");
        assert_string_equal(w.ended_session, "");
        json_decref(allowed(SVC_UID, "{\"verb\":\"end\",\"session\":\"s1\"}"));
        assert_string_equal(w.ended_session, "s1");
        assert_string_equal(w.ended_why, "ended by svc with nhictl end");
        w.ended_session[0] = '\0';
        json_decref(allowed(0, "{\"verb\":\"end\",\"session\":\"s1\",\"reason\":\"r\"}"));
        assert_string_equal(w.ended_session, "s1");
        assert_string_equal(w.ended_why, "ended by root: r");
}

static void the_holder_gives_back_all_that_is_not_over(void **state)
{
        assert_int_equal(count(SVC_UID, "{\"verb\":\"done\"}", "ended"), 3);
        assert_int_equal(w.n_given_back, 3);
        for (size_t i = 0; i < 3; i++)
                assert_string_not_equal(w.given_back[i], "g-ended");
}

static void the_holder_gives_back_one(void **state)
{
        assert_int_equal(count(SVC_UID, "{\"verb\":\"done\",\"jti\":\"g-active\"}", "ended"), 1);
        assert_string_equal(w.given_back[0], "g-active");
        w.ended_jti = "g-window";
        assert_int_equal(count(SVC_UID, "{\"verb\":\"done\",\"jti\":\"g-window\"}", "ended"), 0);
        assert_int_equal(w.n_given_back, 1);
}

static void nobody_gives_back_what_is_anothers(void **state)
{
        refused(OPS_UID, "{\"verb\":\"done\",\"jti\":\"g-active\"}", "absent");
        refused(0, "{\"verb\":\"done\",\"jti\":\"g-active\"}", "absent");
        refused(ADM_UID, "{\"verb\":\"done\",\"jti\":\"g-active\"}", "absent");
        assert_int_equal(w.n_given_back, 0);
}

static void a_lock_is_set_once_and_recorded(void **state)
{
        json_t *reply = allowed(0, "{\"verb\":\"lock\",\"name\":\"svc\",\"reason\":\"x\"}");

        assert_true(json_is_true(json_object_get(reply, "changed")));
        json_decref(reply);
        assert_true(w.is_locked);
        assert_int_equal(w.n_recorded, 1);

        reply = allowed(0, "{\"verb\":\"lock\",\"name\":\"svc\"}");
        assert_true(json_is_false(json_object_get(reply, "changed")));
        json_decref(reply);
        assert_int_equal(w.n_recorded, 1);

        json_decref(allowed(0, "{\"verb\":\"unlock\",\"name\":\"svc\"}"));
        assert_false(w.is_locked);
        assert_int_equal(w.n_recorded, 2);
        refused(0, "{\"verb\":\"lock\",\"name\":\"a/b\"}", "usage");
        refused(0, "{\"verb\":\"lock\",\"name\":\"\"}", "usage");
}

static void reload_is_passed_on(void **state)
{
        json_decref(allowed(0, "{\"verb\":\"reload\"}"));
        assert_int_equal(w.n_reloads, 1);
}

static void the_log_is_resumed_by_root_alone_who_is_named(void **state)
{
        json_t *reply;

        w.log_has_failed = true;
        refused(ADM_UID, "{\"verb\":\"log-resume\"}", "denied");
        refused(SVC_UID, "{\"verb\":\"log-resume\"}", "denied");
        assert_true(w.log_has_failed);
        reply = allowed(0, "{\"verb\":\"status\"}");
        assert_non_null(strstr(text_at(json_object_get(reply, "log"), "error"), "No space"));
        json_decref(reply);
        reply = allowed(0, "{\"verb\":\"log-resume\",\"reason\":\"disk grown\"}");
        assert_true(json_is_true(json_object_get(reply, "changed")));
        json_decref(reply);
        assert_string_equal(w.resumed, "by uid 0: disk grown");
        reply = allowed(0, "{\"verb\":\"log-resume\"}");
        assert_true(json_is_false(json_object_get(reply, "changed")));
        json_decref(reply);
        reply = allowed(0, "{\"verb\":\"status\"}");
        assert_true(json_is_null(json_object_get(json_object_get(reply, "log"), "error")));
        assert_int_equal(json_integer_value(json_object_get(json_object_get(reply, "log"), "seq")),
                         41);
        assert_string_equal(text_at(json_object_get(reply, "host_key"), "kid"), "kid");
        json_decref(reply);
}

#define LEFTOVER                                                                                   \
        "{\"kind\":\"setuid-file\",\"what\":\"/tmp/copy\",\"owner\":70001,\"since\":1763759000,"   \
        "\"uid\":70001,\"account\":\"svc\",\"grant\":\"g-1\",\"session\":\"s1\",\"others\":2,"     \
        "\"why\":\"because\",\"advice\":\"remove it\"}"

/* S12 */
static void what_was_left_behind_is_roots_to_tell_and_written_down(void **state)
{
        json_t *reply;

        refused(ADM_UID, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[" LEFTOVER "]}", "denied");
        refused(SVC_UID, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[" LEFTOVER "]}", "denied");
        assert_int_equal(w.n_recorded, 0);
        reply = allowed(0, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[" LEFTOVER "]}");
        assert_int_equal(json_integer_value(json_object_get(reply, "recorded")), 1);
        json_decref(reply);
        assert_int_equal(w.n_recorded, 1);
        assert_string_equal(w.recorded_code, "setuid-file");
        assert_string_equal(w.recorded_grant, "g-1");
        assert_string_equal(w.recorded_detail,
                            "/tmp/copy (uid 70001, since 2025-11-21T21:03:20Z, and 2 others could "
                            "have): because; remove it");
        json_decref(allowed(0, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[],\"more\":7}"));
        assert_int_equal(w.n_recorded, 2);
        assert_string_equal(w.recorded_code, "more");
        json_decref(allowed(0, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[],\"cut\":true}"));
        assert_string_equal(w.recorded_code, "incomplete");
        assert_int_equal(w.n_recorded, 3);
        json_decref(allowed(0, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[],\"cut\":false}"));
        assert_int_equal(w.n_recorded, 3);
}

static void leftovers_that_say_nothing_are_refused_all_of_them(void **state)
{
        char text[CONTROL_LEFTOVERS_MAX * sizeof(LEFTOVER) + 256];
        size_t used;

        for (unsigned n = CONTROL_LEFTOVERS_MAX; n <= CONTROL_LEFTOVERS_MAX + 1; n++) {
                used = (size_t)snprintf(text, sizeof(text),
                                        "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[");
                for (unsigned i = 0; i < n; i++)
                        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                                 i > 0 ? "," : "", LEFTOVER);
                (void)snprintf(text + used, sizeof(text) - used, "]}");
                if (n > CONTROL_LEFTOVERS_MAX)
                        refused(0, text, "usage");
                else
                        json_decref(allowed(0, text));
        }
        assert_int_equal(w.n_recorded, CONTROL_LEFTOVERS_MAX);
        refused(0,
                "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[" LEFTOVER
                ",{\"kind\":\"x\",\"what\":\"y\",\"account\":\"svc\"}]}",
                "usage");
        refused(0, "{\"verb\":\"leftovers\",\"begin\":1,\"found\":[7]}", "usage");
        refused(0, "{\"verb\":\"leftovers\",\"begin\":-9223372036854775808,\"found\":[]}", "usage");
        assert_int_equal(w.n_recorded, CONTROL_LEFTOVERS_MAX);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(unknown_verbs_and_members_are_refused_C3),
                CASE(everybody_sees_only_what_is_theirs_C2),
                CASE(root_and_admins_see_everything_C2),
                CASE(a_uid_without_account_sees_nothing_C1),
                CASE(a_person_of_a_directory_is_known_by_the_uid_a_module_resolved),
                CASE(what_widens_is_roots_C4),
                CASE(status_says_what_it_must),
                CASE(status_of_a_host_without_a_set_says_so),
                CASE(status_says_how_the_sources_fare),
                CASE(status_says_which_list_could_not_be_saved),
                CASE(status_says_how_what_stands_beside_the_sets_fares),
                CASE(status_speaks_of_metrics_where_they_are_wanted),
                CASE(a_grant_is_shown_as_it_is),
                CASE(each_grant_says_where_it_stands),
                CASE(so_many_grants_are_listed_and_no_more),
                CASE(status_counts_so_many_grants_itself_and_no_more),
                CASE(why_says_reason_and_advice),
                CASE(why_takes_a_number_in_range),
                CASE(a_session_is_shown_with_its_grants_reason),
                CASE(check_gives_the_verdict_that_would_be_given),
                CASE(check_names_the_gate),
                CASE(check_tells_rule_by_rule),
                CASE(check_refuses_what_it_cannot_judge),
                CASE(a_command_has_so_many_words_and_no_more),
                CASE(a_session_is_ended_by_its_holder_or_root),
                CASE(the_holder_gives_back_all_that_is_not_over),
                CASE(the_holder_gives_back_one),
                CASE(nobody_gives_back_what_is_anothers),
                CASE(a_lock_is_set_once_and_recorded),
                CASE(reload_is_passed_on),
                CASE(the_log_is_resumed_by_root_alone_who_is_named),
                CASE(what_was_left_behind_is_roots_to_tell_and_written_down),
                CASE(leftovers_that_say_nothing_are_refused_all_of_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
