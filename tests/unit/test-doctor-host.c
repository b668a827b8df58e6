/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: the agent, its source, the clock and the gates. */

#include "doctor-fixture.h"

#include "nhictl/doctor/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GATES_OBSERVED "nhi-gates 1\ngate ops observe sudo %operators\nend 1\n"
#define GATES_ENFORCED "nhi-gates 1\ngate ops enforce sudo %operators\nend 1\n"
#define GATES_MANAGED  "nhi-gates 1\naccount svc-deploy 70001\nend 1\n"
#define STATUS_WELL                                                                                \
        "{\"version\": \"" NHI_VERSION "\", \"host\": \"web1\", \"bus\": true, "                   \
        "\"clock_behind\": false, \"config_error\": null, \"journal_dropped\": 0}"

typedef struct Host {
        DoctorFixture x;
        json_t *status, *gates;
} Host;

static int setup(void **state)
{
        Host *t = calloc(1, sizeof(*t));

        fixture_init(&t->x);
        fixture_file(&t->x, "/etc/passwd",
                     "root:x:0:0:root:/root:/bin/bash\n"
                     "olga:x:1000:1000::/home/olga:/bin/bash\n");
        fixture_file(&t->x, "/etc/group", "root:x:0:\nolga:x:1000:\noperators:x:1001:olga\n");
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Host *t = *state;

        json_decref(t->status);
        json_decref(t->gates);
        fixture_done(&t->x);
        free(t);
        return 0;
}

static void set_status(Host *t, const char *text)
{
        json_decref(t->status);
        t->status = text ? json_loads(text, 0, NULL) : NULL;
        assert_true(!text || t->status);
        t->x.host.status = t->status;
}

static void set_gates(Host *t, const char *text)
{
        json_decref(t->gates);
        t->gates = text ? json_loads(text, 0, NULL) : NULL;
        assert_true(!text || t->gates);
        t->x.host.gates = t->gates;
}

static void set_gate(Host *t, const char *mode, const char *service, const char *account)
{
        char text[512];

        (void)snprintf(text, sizeof(text),
                       "[{\"name\": \"ops\", \"mode\": \"%s\", \"services\": [\"%s\"], "
                       "\"accounts\": [\"%s\"]}]",
                       mode, service, account);
        set_gates(t, text);
        (void)snprintf(text, sizeof(text), "nhi-gates 1\ngate ops %s %s %s\nend 1\n", mode, service,
                       account);
        fixture_file(&t->x, "/run/nhi/gates", text);
}

/* ---- agent ---- */

static void a_silent_agent_fails_only_where_somebody_would_be_denied(void **state)
{
        Host *t = *state;

        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_WARN, "not set up"));

        fixture_file(&t->x, "/etc/nhi/agentd.conf.d/10-local.conf", "");
        fixture_file(&t->x, "/run/nhi/gates", GATES_OBSERVED);
        set_gate(t, "observe", "sudo", "%operators");
        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_WARN, "nobody is denied"));

        set_gate(t, "enforce", "sudo", "%operators");
        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "does not answer"));

        set_gates(t, "[]");
        fixture_file(&t->x, "/run/nhi/gates", GATES_MANAGED);
        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "does not answer"));

        set_gates(t, NULL);
        fixture_file(&t->x, "/run/nhi/gates", "damaged\n");
        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "does not answer"));
}

/* What was published is there still, and no agent would start. */
static void after_an_init_that_was_undone_init_is_the_advice(void **state)
{
        Host *t = *state;

        set_gate(t, "enforce", "sudo", "%operators");
        fixture_check(&t->x, "agent");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "does not answer"));
        assert_non_null(strstr(t->x.findings.items[0].advice, "nhictl init --local"));
        assert_null(strstr(t->x.findings.items[0].advice, "systemctl"));
        fixture_file(&t->x, "/etc/nhi/agentd.conf.d/10-local.conf", "");
        fixture_check(&t->x, "agent");
        assert_non_null(strstr(t->x.findings.items[0].advice, "systemctl restart nhi-agentd"));
}

static void each_ailment_of_the_agent_is_said(void **state)
{
        static const struct {
                const char *status, *text;
                FindingLevel level;
        } ailments[] = {
                { "{\"version\": \"0.0.9\"}", "0.0.9 runs", FINDING_WARN },
                { "{\"version\": \"" NHI_VERSION "\", \"config_error\": \"x.conf:3: gates\"}",
                  "x.conf:3", FINDING_FAIL },
                { "{\"version\": \"" NHI_VERSION "\", \"bus\": false}", "no system bus",
                  FINDING_FAIL },
                { "{\"version\": \"" NHI_VERSION "\", \"log\": {\"error\": \"no space\"}}",
                  "cannot be written and gates deny everybody: no space", FINDING_FAIL },
                { "{\"version\": \"" NHI_VERSION "\", \"journal_dropped\": 7}", "7 events",
                  FINDING_WARN },
                { "{\"version\": \"" NHI_VERSION "\", \"quarantine\": [{\"entry\": \"grant g-1\", "
                  "\"issuer\": \"i\", \"code\": \"uid-reserved\", \"detail\": \"uid 5\"}]}",
                  "grant g-1 of i is quarantined", FINDING_WARN },
                { "{\"version\": \"" NHI_VERSION "\", \"locked\": [\"svc-x\"]}", "svc-x is locked",
                  FINDING_WARN },
        };
        Host *t = *state;

        set_status(t, STATUS_WELL);
        fixture_check(&t->x, "agent");
        assert_true(fixture_is_well(&t->x));
        for (size_t i = 0; i < ELEMENTSOF(ailments); i++) {
                set_status(t, ailments[i].status);
                fixture_check(&t->x, "agent");
                assert_int_equal(t->x.findings.n, 1);
                assert_true(fixture_says(&t->x, ailments[i].level, ailments[i].text));
        }
}

static void so_many_findings_are_shown_and_the_rest_is_counted(void **state)
{
        Host *t = *state;
        json_t *list = json_array();

        set_status(t, STATUS_WELL);
        for (unsigned i = 0; i < 12; i++)
                (void)json_array_append_new(list, json_sprintf("account-%u", i));
        (void)json_object_set_new(t->status, "locked", list);
        fixture_check(&t->x, "agent");
        assert_int_equal(t->x.findings.n, 11);
        assert_true(fixture_says(&t->x, FINDING_WARN, "and 2 more"));
}

/* ---- source ---- */

static void set_issuer(Host *t, int64_t age_sec, int64_t life_sec, const char *more)
{
        char text[1024];
        int64_t iat = (int64_t)t->x.host.now_sec - age_sec;

        (void)snprintf(text, sizeof(text),
                       "{\"issuers\": [{\"issuer\": \"https://i\", \"source\": \"/s/web1.jws\", "
                       "\"ver\": 1, \"accepted\": %lld, \"iat\": %lld, \"exp\": %lld%s}]}",
                       (long long)iat, (long long)iat, (long long)(iat + life_sec), more);
        set_status(t, text);
}

static void a_set_ages_from_well_to_warning_to_failure(void **state)
{
        static const struct {
                int64_t age_sec;
                FindingLevel level;
        } ages[] = { { 0, FINDING_OK },      { 500, FINDING_OK },   { 510, FINDING_WARN },
                     { 800, FINDING_WARN },  { 810, FINDING_FAIL }, { 999, FINDING_FAIL },
                     { 1000, FINDING_FAIL }, { 9999, FINDING_FAIL } };
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < ELEMENTSOF(ages); i++) {
                set_issuer(t, ages[i].age_sec, 1000, "");
                fixture_check(&t->x, "source");
                assert_true(fixture_says(&t->x, ages[i].level, "the set of https://i"));
        }
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "is over"));
}

/* A set of four days whose issuer said again and again that it is the newest. */
static void a_set_that_is_kept_fresh_is_as_old_as_what_was_said_last(void **state)
{
        static const struct {
                int64_t heard_ago_sec;
                FindingLevel level;
                const char *text;
        } cases[] = {
                { 3600, FINDING_OK, "is 4d old, said to be the newest 1h ago and good for 23h" },
                { 43200, FINDING_OK, "and good for 12h" },
                { 44100, FINDING_WARN, "it was not renewed" },
                { 70000, FINDING_FAIL, "no grant holds any more in" },
                { 86400, FINDING_FAIL, "is over" },
        };
        Host *t = *state;
        char more[64];

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const int64_t age_sec = 4 * 86400, heard_ago = cases[i].heard_ago_sec;

                (void)snprintf(more, sizeof(more), ", \"heard\": %lld",
                               (long long)((int64_t)t->x.host.now_sec - heard_ago));
                set_issuer(t, age_sec, age_sec - heard_ago + 86400, more);
                fixture_check(&t->x, "source");
                assert_true(fixture_says(&t->x, cases[i].level, cases[i].text));
        }
}

static void a_source_that_was_never_read_fails_where_gates_are_enforced(void **state)
{
        Host *t = *state;

        set_status(t, "{\"issuers\": [{\"issuer\": \"i\", \"source\": \"/s\", \"ver\": null}]}");
        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN, "no verified set"));
        set_gate(t, "enforce", "sudo", "%operators");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "no verified set"));
}

/* What is no time says nothing, and everything after it is still looked at. */
static void a_set_whose_times_are_none_is_over(void **state)
{
        static const char *const times[] = { "-9223372036854775808", "9223372036854775807", "-1" };
        Host *t = *state;
        char text[512];

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                const char *at = times[i];

                (void)snprintf(
                        text, sizeof(text),
                        "{\"started\": %s, \"issuers\": [{\"issuer\": \"i\", \"ver\": 1, "
                        "\"source\": \"/s\", \"iat\": %s, \"exp\": %s, \"heard\": %s, "
                        "\"keys\": {\"exp\": %s}}], "
                        "\"metrics\": {\"file\": \"/m\", \"written\": %s, \"interval\": %s}}",
                        at, at, at, at, at, at, at);
                set_status(t, text);
                fixture_check(&t->x, "source");
                assert_true(fixture_says(&t->x, FINDING_FAIL, "the set of i is over"));
                fixture_check(&t->x, "metrics");
                assert_true(fixture_says(&t->x, FINDING_WARN, "/m was not written for"));
        }
}

static void a_refusal_is_said_until_a_newer_set_is_accepted(void **state)
{
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        set_issuer(t, 10, 1000,
                   ", \"last_refusal\": {\"time\": 1699999995, \"code\": \"bad-signature\"}");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN, "bad-signature"));
        set_issuer(t, 10, 1000,
                   ", \"last_refusal\": {\"time\": 1699999900, \"code\": \"bad-signature\"}");
        fixture_check(&t->x, "source");
        assert_true(fixture_is_well(&t->x));
}

static void a_list_that_could_not_be_saved_fails(void **state)
{
        static const char *const lists[][2] = { { "revocations", "the revocation list of" },
                                                { "keys", "the key list of" } };
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < 2 * ELEMENTSOF(lists); i++) {
                const bool unsaved = i < ELEMENTSOF(lists);
                const char *const *l = lists[i % ELEMENTSOF(lists)];
                _cleanup_free_ char *more = NULL;

                assert_true(asprintf(&more, ", \"%s\": {\"ver\": 1, \"unsaved\": %s}", l[0],
                                     unsaved ? "true" : "false") > 0);
                set_issuer(t, 10, 1000, more);
                fixture_check(&t->x, "source");
                assert_int_equal(fixture_says(&t->x, FINDING_FAIL, l[1]), unsaved);
                assert_int_equal(fixture_is_well(&t->x), !unsaved);
        }
}

static void a_source_that_is_silent_for_over_half_of_its_limit_is_warned_of(void **state)
{
        static const struct {
                const char *answered;
                int64_t up_sec;
                bool is_silent;
        } cases[] = {
                { "500", 0, false },    { "501", 0, true },    { "0", 9999, false },
                { "null", 500, false }, { "null", 501, true },
        };
        Host *t = *state;
        char text[1024];

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const long long now = (long long)t->x.host.now_sec;

                (void)snprintf(text, sizeof(text),
                               "{\"started\": %lld, \"issuers\": [{\"issuer\": \"https://i\", "
                               "\"ver\": 1, \"iat\": %lld, \"exp\": %lld, \"limit_sec\": 1000, "
                               "\"sources\": [{\"place\": \"https://ok\", \"answered_sec\": 1, "
                               "\"trouble\": null}, {\"place\": \"https://b\", "
                               "\"answered_sec\": %s, \"trouble\": \"timeout\"}]}]}",
                               now - (long long)cases[i].up_sec, now - 10, now + 990,
                               cases[i].answered);
                set_status(t, text);
                fixture_check(&t->x, "source");
                if (cases[i].is_silent)
                        assert_true(fixture_says(&t->x, FINDING_WARN,
                                                 "https://b of https://i has not answered for "
                                                 "8m21s, more than half of the time for which its "
                                                 "set is good: timeout"));
                else
                        assert_true(fixture_is_well(&t->x));
        }
}

/* Its sets come, and what it revokes is not heard of. */
static void trouble_with_what_stands_beside_the_sets_is_warned_of(void **state)
{
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        set_issuer(t, 10, 1000,
                   ", \"beside\": [{\"object\": \"revocations\", \"place\": \"https://a\", "
                   "\"answered_sec\": 300, \"trouble\": null}]");
        fixture_check(&t->x, "source");
        assert_true(fixture_is_well(&t->x));
        set_issuer(t, 10, 1000,
                   ", \"beside\": [{\"object\": \"keys\", \"place\": \"https://a\", "
                   "\"answered_sec\": 1, \"trouble\": null}, {\"object\": \"revocations\", "
                   "\"place\": \"https://a\", \"answered_sec\": 300, "
                   "\"trouble\": \"status-403\"}]");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN,
                                 "the revocation list of https://i was not to be had from "
                                 "https://a for 5m: status-403"));
}

static void a_list_whose_end_has_passed_is_warned_of(void **state)
{
        static const struct {
                const char *object, *more, *says;
                int64_t left_sec;
        } cases[] = {
                { "revocations", "", NULL, 1 },
                { "revocations", "", "the revocation list of https://i is over for 1m", -60 },
                { "freshness", "", NULL, -60 }, /* not fetched any more */
                { "keys", "", NULL, -60 },
                { "keys", ", \"keys\": {\"ver\": 1, \"exp\": 0}", NULL, -60 },
                { "keys", ", \"keys\": {\"ver\": 1, \"exp\": 1}", "no key of it signs anything new",
                  -60 },
        };
        Host *t = *state;
        char more[512];

        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                (void)snprintf(more, sizeof(more),
                               ", \"revocations\": {\"ver\": 1, \"exp\": %lld}%s, \"beside\": "
                               "[{\"object\": \"%s\", \"place\": \"/a\", \"answered_sec\": 1}]",
                               (long long)t->x.host.now_sec + cases[i].left_sec, cases[i].more,
                               cases[i].object);
                set_issuer(t, 10, 1000, more);
                fixture_check(&t->x, "source");
                if (cases[i].says)
                        assert_true(fixture_says(&t->x, FINDING_WARN, cases[i].says));
                else
                        assert_true(fixture_is_well(&t->x));
        }
}

static void a_fetcher_or_renewal_that_does_not_run_fails(void **state)
{
        Host *t = *state;

        set_issuer(t, 10, 1000, "");
        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        fixture_runs(&t->x, "/usr/bin/systemctl is-active nhi-fetchd.service", "inactive\n", 3);
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "nhi-fetchd.service is inactive"));

        fixture_runs(&t->x, "/usr/bin/systemctl is-active nhi-fetchd.service", "active\n", 0);
        fixture_runs(&t->x, "/usr/bin/systemctl is-active nhi-publish.timer", "inactive\n", 3);
        fixture_runs(&t->x, "/usr/bin/systemctl is-active nhi-renew.timer", "failed\n", 3);
        fixture_check(&t->x, "source");
        assert_true(fixture_is_well(&t->x)); /* no ledger here: nothing to renew */
        fixture_file(&t->x, "/var/lib/nhi-ledger/ledger.json", "{}");
        fixture_file(&t->x, "/etc/nhi/issuer.key", "{}");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "nhi-renew.timer is failed"));
}

/* nhi-renew.service has no network. */
static void a_ledger_that_is_published_over_a_network_wants_the_timer_that_has_one(void **state)
{
        static const char renew[] = "/usr/bin/systemctl is-active nhi-renew.timer",
                          fleet[] = "/usr/bin/systemctl is-active nhi-publish.timer";
        Host *t = *state;

        set_issuer(t, 10, 1000, "");
        fixture_runs(&t->x, "/usr/bin/systemctl is-active", "active\n", 0);
        fixture_runs(&t->x, fleet, "inactive\n", 3);
        fixture_file(&t->x, "/etc/nhi/issuer.key", "{}");
        fixture_file(&t->x, "/var/lib/nhi-ledger/ledger.json", "{\"publish\": \"etcd://a:2379\"}");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "nhi-publish.timer is inactive"));

        fixture_runs(&t->x, fleet, "active\n", 0);
        fixture_runs(&t->x, renew, "inactive\n", 3);
        fixture_check(&t->x, "source");
        assert_true(fixture_is_well(&t->x));
        fixture_file(&t->x, "/var/lib/nhi-ledger/ledger.json", "{\"publish\": \"/srv/nhi\"}");
        fixture_check(&t->x, "source");
        assert_true(fixture_is_well(&t->x)); /* it can write directories, too */
        fixture_runs(&t->x, fleet, "inactive\n", 3);
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "nhi-renew.timer is inactive"));
}

static void a_source_that_cannot_be_looked_at_is_no_ok(void **state)
{
        Host *t = *state;

        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN, "no agent answers"));
        set_status(t, "{\"issuers\": []}");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN, "no issuer"));
        set_issuer(t, 10, 1000, "");
        fixture_check(&t->x, "source");
        assert_true(fixture_says(&t->x, FINDING_WARN, "cannot say whether nhi-fetchd"));
}

/* ---- clock ---- */

static void clock_with(Host *t, ClockState s)
{
        findings_done(&t->x.findings);
        clock_judge(&t->x.host, s, &t->x.findings);
}

static void a_clock_is_well_only_when_the_kernel_says_so(void **state)
{
        Host *t = *state;

        clock_with(t, CLOCK_SYNCHRONISED);
        assert_true(fixture_is_well(&t->x));
        clock_with(t, CLOCK_UNSYNCHRONISED);
        assert_true(fixture_says(&t->x, FINDING_WARN, "not synchronised"));
        clock_with(t, CLOCK_UNKNOWN);
        assert_true(fixture_says(&t->x, FINDING_WARN, "does not say"));
        set_status(t, "{\"clock_behind\": true}");
        clock_with(t, CLOCK_SYNCHRONISED);
        assert_int_equal(t->x.findings.n, 1);
        assert_true(fixture_says(&t->x, FINDING_FAIL, "behind"));
}

/* ---- gates ---- */

static void an_observing_gate_is_not_enforcing(void **state)
{
        Host *t = *state;

        set_gate(t, "observe", "sudo", "%operators");
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "NOT ENFORCING: gate ops"));
        set_gate(t, "enforce", "sudo", "%operators");
        fixture_check(&t->x, "gates");
        assert_true(fixture_is_well(&t->x));
        set_gates(t, "[]");
        fixture_file(&t->x, "/run/nhi/gates", "nhi-gates 1\nend 0\n");
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "no gate and no managed account"));
        fixture_file(&t->x, "/run/nhi/gates", GATES_MANAGED);
        fixture_check(&t->x, "gates");
        assert_true(fixture_is_well(&t->x));
}

static void a_gate_that_matches_nobody_is_said(void **state)
{
        static const struct {
                const char *service, *account, *text;
        } gates[] = {
                { "sudo", "%operatrs", "group operatrs, which does not exist" },
                { "sudo", "ogla", "account ogla, which does not exist" },
                { "sudo", "adm-*", "adm-* matches no account" },
                { "shh", "olga", "class shh" },
        };
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/getent", "", 2);
        for (size_t i = 0; i < ELEMENTSOF(gates); i++) {
                set_gate(t, "enforce", gates[i].service, gates[i].account);
                fixture_check(&t->x, "gates");
                assert_true(fixture_says(&t->x, FINDING_WARN, gates[i].text));
        }
        set_gate(t, "enforce", "pam:*", "ol*");
        fixture_check(&t->x, "gates");
        assert_true(fixture_is_well(&t->x));
}

static void a_name_of_the_directory_is_known(void **state)
{
        Host *t = *state;

        fixture_runs(&t->x, "/usr/bin/getent group -- people", "people:*:20001:john.doe\n", 0);
        set_gate(t, "enforce", "sudo", "%people");
        fixture_check(&t->x, "gates");
        assert_true(fixture_is_well(&t->x));
        /* and where the directory cannot be asked, that is said */
        set_gate(t, "enforce", "sudo", "john.doe");
        fixture_runs(&t->x, "/usr/bin/getent passwd -- john.doe", "", -ETIMEDOUT);
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "cannot be found out"));
}

static void gates_that_are_not_published_or_damaged_fail(void **state)
{
        Host *t = *state;

        set_gate(t, "enforce", "sudo", "%operators");
        fixture_file(&t->x, "/run/nhi/gates", NULL);
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "nobody is gated"));
        fixture_file(&t->x, "/run/nhi/gates", "nhi-gates 1\n");
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "everybody but exempt"));
        fixture_file(&t->x, "/var/lib/nhi/gates", GATES_ENFORCED);
        set_status(t, STATUS_WELL);
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "older copy"));
}

/* K09 */
static void an_enforcement_that_waits_for_its_confirmation_is_said(void **state)
{
        Host *t = *state;

        set_gate(t, "enforce", "sudo", "%operators");
        fixture_file(&t->x, "/var/lib/nhi/confirm.json", "{\"deadline\": 1700000060}");
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "undoes itself in 1m"));
        fixture_file(&t->x, "/var/lib/nhi/confirm.json", "{\"deadline\": 1700000000}");
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "was not undone"));
}

static void without_passwd_no_gate_is_called_well(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/etc/passwd", NULL);
        fixture_check(&t->x, "gates");
        assert_true(fixture_says(&t->x, FINDING_WARN, "cannot be read"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_silent_agent_fails_only_where_somebody_would_be_denied),
                TEST(after_an_init_that_was_undone_init_is_the_advice),
                TEST(each_ailment_of_the_agent_is_said),
                TEST(so_many_findings_are_shown_and_the_rest_is_counted),
                TEST(a_set_ages_from_well_to_warning_to_failure),
                TEST(a_set_that_is_kept_fresh_is_as_old_as_what_was_said_last),
                TEST(a_source_that_was_never_read_fails_where_gates_are_enforced),
                TEST(a_set_whose_times_are_none_is_over),
                TEST(a_refusal_is_said_until_a_newer_set_is_accepted),
                TEST(a_list_that_could_not_be_saved_fails),
                TEST(trouble_with_what_stands_beside_the_sets_is_warned_of),
                TEST(a_list_whose_end_has_passed_is_warned_of),
                TEST(a_fetcher_or_renewal_that_does_not_run_fails),
                TEST(a_ledger_that_is_published_over_a_network_wants_the_timer_that_has_one),
                TEST(a_source_that_is_silent_for_over_half_of_its_limit_is_warned_of),
                TEST(a_source_that_cannot_be_looked_at_is_no_ok),
                TEST(a_clock_is_well_only_when_the_kernel_says_so),
                TEST(an_observing_gate_is_not_enforcing),
                TEST(a_gate_that_matches_nobody_is_said),
                TEST(a_name_of_the_directory_is_known),
                TEST(gates_that_are_not_published_or_damaged_fail),
                TEST(an_enforcement_that_waits_for_its_confirmation_is_said),
                TEST(without_passwd_no_gate_is_called_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
