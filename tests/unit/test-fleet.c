/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises F1 to F4 and F6 of nhictl/fleet/report.h: reports as they are judged, and as they are
 * read from each kind of place. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "nhictl/fleet/report.h"
#include "nhictl/key.h"
#include "nhictl/verb.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/object-server.h"
#include "tests/unit/report-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>

#define HOST    "web1"
#define ISSUER  "test:issuer"
#define N_HOSTS 20

static SigningKey host_key, other_key;
static Identity ca, leaf;
static HttpsServer server;
static Objects objects;
static char url[160], ca_file[300], dir[300];
static Fixture *fixture;
static Ledger *ledger;

static const ReportSpec usual = {
        .host = HOST,
        .issuer = ISSUER,
        .iat_sec = FIXTURE_NOW - 60,
        .seq = 100,
        .ver = 5000,
        .log_seq = 40,
};

/* ---- the world ---- */

static void give_key(const char *name, const Jwk *key)
{
        json_t *doc = json_deep_copy(ledger_get(ledger, DOC_HOST, name));

        assert_int_equal(json_object_set_new(doc, "key", key_public_document(key, NULL)), 0);
        assert_int_equal(ledger_put(ledger, DOC_HOST, name, doc), 0);
}

static int setup(void **state)
{
        if (fixture_setup(state) < 0)
                return -1;
        fixture = *state;
        ledger = fixture_open(fixture, true);
        fixture_fill(ledger);
        give_key(HOST, &host_key.public);
        (void)snprintf(dir, sizeof(dir), "%s/reports", fixture->root);
        assert_int_equal(mkdir(dir, 0750), 0);
        ledger->settings.reports = dir;
        return 0;
}

static int setup_server(void **state, const char *before, const char *after)
{
        if (setup(state) < 0)
                return -1;
        (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", fixture->root);
        identity_save(&ca, ca_file, NULL);
        objects = (Objects){ .lock = PTHREAD_MUTEX_INITIALIZER, .revision = 1 };
        server = (HttpsServer){ .handle = object_serve, .userdata = &objects };
        if (https_start(&server, &leaf) < 0)
                return -1;
        (void)snprintf(url, sizeof(url), "%s%d%s", before, server.port, after);
        ledger->settings.reports = url;
        ledger->settings.access.ca_file = ca_file;
        return 0;
}

static int setup_https(void **state)
{
        return setup_server(state, "https://localhost:", "/nhi/reports/{host}");
}

static int setup_etcd(void **state)
{
        return setup_server(state, "etcd://localhost:", "");
}

static int teardown(void **state)
{
        https_stop(&server);
        objects_done(&objects);
        ledger = ledger_free(ledger);
        return fixture_teardown(state);
}

static HostStanding judged(const char *jws)
{
        HostReport r;
        HostStanding standing;

        assert_int_equal(host_report_open(ledger, HOST, jws, jws ? strlen(jws) : 0, &r), 0);
        standing = r.standing;
        host_report_done(&r);
        return standing;
}

static HostStanding judged_spec(const SigningKey *key, ReportSpec spec)
{
        _cleanup_free_ char *jws = report_jws(key, &spec);

        return judged(jws);
}

/* A report with one member changed; value NULL: without it. */
static HostStanding judged_with(const char *member, json_t *value)
{
        json_t *payload = report_payload(&usual);
        _cleanup_free_ char *jws = NULL;

        if (value)
                assert_int_equal(json_object_set_new(payload, member, value), 0);
        else
                assert_int_equal(json_object_del(payload, member), 0);
        jws = report_sign(&host_key, REPORT_TYP, payload);
        return judged(jws);
}

/* ---- F1 ---- */

static void a_report_of_the_hosts_own_key_is_verified_and_read(void **state)
{
        _cleanup_free_ char *jws = report_jws(&host_key, &usual);
        HostReport r;

        assert_int_equal(host_report_open(ledger, HOST, jws, strlen(jws), &r), 0);
        assert_int_equal(r.standing, HOST_VERIFIED);
        assert_int_equal(r.ver, usual.ver);
        assert_int_equal(r.seq, usual.seq);
        assert_int_equal(r.iat_sec, usual.iat_sec);
        assert_int_equal(r.log_seq, usual.log_seq);
        assert_string_equal(r.log_id, REPORT_LOG_ID);
        host_report_done(&r);
        assert_int_equal(judged(NULL), HOST_ABSENT);
}

static void another_key_is_not_believed(void **state)
{
        assert_int_equal(judged_spec(&other_key, usual), HOST_OTHER_KEY);
}

static void without_a_key_in_the_ledger_nothing_is_believed(void **state)
{
        json_t *doc = json_deep_copy(ledger_get(ledger, DOC_HOST, HOST));

        assert_int_equal(json_object_set_new(doc, "key", json_string("x")), 0);
        assert_int_equal(ledger_put(ledger, DOC_HOST, HOST, json_deep_copy(doc)), 0);
        assert_int_equal(judged_spec(&host_key, usual), HOST_NO_KEY);
        assert_int_equal(json_object_del(doc, "key"), 0);
        assert_int_equal(ledger_put(ledger, DOC_HOST, HOST, doc), 0);
        assert_int_equal(judged_spec(&host_key, usual), HOST_NO_KEY);
}

static void a_report_that_was_changed_is_not_believed(void **state)
{
        _cleanup_free_ char *jws = report_jws(&host_key, &usual);
        const size_t at = strcspn(jws, ".") + 20;

        jws[at] = jws[at] == 'A' ? 'B' : 'A';
        assert_int_equal(judged(jws), HOST_BAD_SIGNATURE);
}

static void a_signed_head_or_set_is_no_report(void **state)
{
        _cleanup_free_ char *head = report_sign(&host_key, "nhi-head+jws", report_payload(&usual));
        _cleanup_free_ char *set = report_sign(&host_key, JWS_TYP_GRANTS, report_payload(&usual));

        assert_int_equal(judged(head), HOST_MALFORMED);
        assert_int_equal(judged(set), HOST_MALFORMED);
        assert_int_equal(judged("no JWS at all"), HOST_MALFORMED);
        assert_int_equal(judged(""), HOST_MALFORMED);
}

static void another_hosts_report_in_its_place_is_told(void **state)
{
        ReportSpec spec = usual;

        spec.host = "web2";
        assert_int_equal(judged_spec(&host_key, spec), HOST_OTHER_HOST);
        spec.host = HOST;
        spec.issuer = "test:other";
        assert_int_equal(judged_spec(&host_key, spec), HOST_OTHER_ISSUER);
}

static void a_report_that_lacks_what_counts_is_malformed(void **state)
{
        static const char *const needed[] = { "format", "iat", "seq", "set", "log" };

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                assert_int_equal(judged_with(needed[i], NULL), HOST_MALFORMED);
        assert_int_equal(judged_with("format", json_integer(2)), HOST_MALFORMED);
        assert_int_equal(judged_with("seq", json_integer(0)), HOST_MALFORMED);
        assert_int_equal(judged_with("seq", json_real(5)), HOST_MALFORMED);
        assert_int_equal(judged_with("iat", json_string("now")), HOST_MALFORMED);
        assert_int_equal(judged_with("set", json_pack("{s:i, s:s}", "ver", 1, "hash", "ff")),
                         HOST_MALFORMED);
        assert_int_equal(judged_with("log", json_pack("{s:s, s:i}", "id", "x", "seq", -1)),
                         HOST_MALFORMED);
        assert_int_equal(judged_with("set", json_null()), HOST_VERIFIED);
        assert_int_equal(judged_with("more", json_true()), HOST_VERIFIED);
}

static void a_report_over_its_bound_is_not_opened(void **state)
{
        char *text = calloc(1, REPORT_SIZE_MAX);
        json_t *payload = report_payload(&usual);
        _cleanup_free_ char *jws = NULL;

        memset(text, 'x', REPORT_SIZE_MAX - 1);
        assert_int_equal(json_object_set_new(payload, "agent", json_string(text)), 0);
        jws = report_sign(&host_key, REPORT_TYP, payload);
        assert_int_equal(judged(jws), HOST_MALFORMED);
        free(text);
}

/* ---- what was seen ---- */

static HostReport see(ReportSpec spec)
{
        _cleanup_free_ char *jws = report_jws(&host_key, &spec);
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        HostReport r, copy;

        if (seen_open(ledger, &seen, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(host_report_open(ledger, HOST, jws, strlen(jws), &r), 0);
        assert_int_equal(seen_judge(seen, HOST, FIXTURE_NOW, &r), 0);
        assert_int_equal(seen_save(seen), 0);
        copy = (HostReport){ .standing = r.standing, .log = r.log };
        host_report_done(&r);
        return copy;
}

static void an_older_report_is_one_played_again(void **state) /* F2 */
{
        ReportSpec spec = usual;

        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        spec.seq = 101;
        spec.log_seq = 41;
        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        assert_int_equal(see(usual).standing, HOST_REPLAYED);
        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
}

static void two_reports_of_one_number_are_told(void **state) /* F2 */
{
        ReportSpec spec = usual;

        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        spec.ver++;
        assert_int_equal(see(spec).standing, HOST_AMBIGUOUS);
}

static LogTrouble see_nothing(const char *jws)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        LogTrouble t;
        HostReport r;

        assert_int_equal(seen_open(ledger, &seen, error), 0);
        assert_int_equal(host_report_open(ledger, HOST, jws, jws ? strlen(jws) : 0, &r), 0);
        assert_int_not_equal(r.standing, HOST_VERIFIED);
        assert_int_equal(seen_judge(seen, HOST, FIXTURE_NOW, &r), 0);
        t = r.log;
        host_report_done(&r);
        return t;
}

static void who_keeps_reports_cannot_hide_a_log_that_was_cut(void **state) /* F3 */
{
        ReportSpec spec = usual;
        HostReport again;

        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        assert_int_equal(see_nothing(NULL), LOG_TROUBLE_NONE);
        spec.seq++;
        spec.log_seq--;
        assert_int_equal(see(spec).log, LOG_TROUBLE_CUT);
        again = see(usual); /* played again */
        assert_int_equal(again.standing, HOST_REPLAYED);
        assert_int_equal(again.log, LOG_TROUBLE_CUT);
        spec.ver++; /* another of the same number */
        again = see(spec);
        assert_int_equal(again.standing, HOST_AMBIGUOUS);
        assert_int_equal(again.log, LOG_TROUBLE_CUT);
        assert_int_equal(see_nothing(NULL), LOG_TROUBLE_CUT);
        assert_int_equal(see_nothing("no report"), LOG_TROUBLE_CUT);
}

/* U02 U03: as far as the central side can see. */
static void a_log_that_is_shorter_than_it_was_is_told_until_that_is_known(void **state) /* F3 */
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        ReportSpec spec = usual;

        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        spec.seq++;
        spec.log_seq = usual.log_seq - 1;
        assert_int_equal(see(spec).log, LOG_TROUBLE_CUT);
        spec.seq++;
        spec.log_seq = usual.log_seq + 100;
        assert_int_equal(see(spec).log, LOG_TROUBLE_CUT);

        assert_int_equal(seen_open(ledger, &seen, error), 0);
        assert_true(seen_forget(seen, HOST));
        assert_false(seen_forget(seen, HOST));
        assert_int_equal(seen_save(seen), 0);
        seen = seen_free(seen);
        spec.seq++;
        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
}

static void a_log_that_says_another_thing_than_before_is_told(void **state) /* F3 */
{
        ReportSpec spec = usual;

        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        spec.seq++;
        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        spec.seq++;
        spec.log_digit = 'b';
        assert_int_equal(see(spec).log, LOG_TROUBLE_FORKED);
}

static void a_log_that_was_begun_anew_is_told(void **state) /* F3 */
{
        ReportSpec spec = usual;

        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        spec.seq++;
        spec.log_seq = 1000;
        spec.log_id = "fedcba9876543210fedcba9876543210";
        assert_int_equal(see(spec).log, LOG_TROUBLE_ANEW);
}

static void a_host_with_a_new_key_begins_anew(void **state)
{
        ReportSpec spec = usual;
        SigningKey old = host_key;

        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        host_key = other_key;
        give_key(HOST, &host_key.public);
        spec.seq = 1;
        spec.log_seq = 1;
        spec.log_id = "fedcba9876543210fedcba9876543210";
        assert_int_equal(see(spec).standing, HOST_VERIFIED);
        assert_int_equal(see(spec).log, LOG_TROUBLE_NONE);
        host_key = old;
}

static int64_t use_of(const char *jti)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];

        assert_int_equal(seen_open(ledger, &seen, error), 0);
        return seen_use(seen, jti);
}

static void the_last_use_of_a_grant_outlives_the_agents_restart(void **state)
{
        ReportSpec spec = usual;

        spec.used = "g-1";
        spec.used_sec = FIXTURE_NOW - 100;
        (void)see(spec);
        assert_int_equal(use_of("g-1"), FIXTURE_NOW - 100);
        spec.seq++;
        spec.used = NULL;
        (void)see(spec);
        assert_int_equal(use_of("g-1"), FIXTURE_NOW - 100);
        spec.seq++;
        spec.used = "g-1";
        spec.used_sec = FIXTURE_NOW - 500;
        (void)see(spec);
        assert_int_equal(use_of("g-1"), FIXTURE_NOW - 100);
}

static void a_host_cannot_fill_the_ledger_with_uses(void **state)
{
        ReportSpec spec = usual;

        spec.used = "g-unknown";
        spec.used_sec = 5;
        (void)see(spec);
        assert_int_equal(use_of("g-unknown"), 0);
}

static void claim_use(int64_t seq, const char *jti, int64_t at_sec)
{
        ReportSpec spec = usual;

        spec.seq = seq;
        spec.used = jti;
        spec.used_sec = at_sec;
        (void)see(spec);
}

static void give_to_another_host(const char *jti)
{
        json_t *grant = json_deep_copy(ledger_get(ledger, DOC_GRANT, "g-1"));

        assert_int_equal(json_object_set_new(grant, "jti", json_string(jti)), 0);
        assert_int_equal(json_object_set_new(grant, "hosts", json_pack("[s]", "web2")), 0);
        assert_int_equal(ledger_put(ledger, DOC_GRANT, jti, grant), 0);
}

static void a_host_uses_no_grant_that_is_not_for_it(void **state) /* F6 */
{
        give_to_another_host("g-2");
        claim_use(100, "g-2", FIXTURE_NOW - 100);
        assert_int_equal(use_of("g-2"), 0);
        claim_use(101, "g-1", FIXTURE_NOW - 100);
        assert_int_equal(use_of("g-1"), FIXTURE_NOW - 100);
}

/* At N and N+1: 60 s ahead of the clock, and the moment that the grant begins. */
static void a_use_is_neither_of_the_future_nor_of_before_the_grant(void **state) /* F6 */
{
        const json_t *grant = ledger_get(ledger, DOC_GRANT, "g-1");
        int64_t nbf_sec;

        assert_int_equal(document_time(grant, "nbf", &nbf_sec), 0);
        claim_use(100, "g-1", nbf_sec - 61);
        assert_int_equal(use_of("g-1"), 0);
        claim_use(101, "g-1", nbf_sec - 60);
        assert_int_equal(use_of("g-1"), nbf_sec - 60);
        claim_use(102, "g-1", INT64_C(253402300799));
        claim_use(103, "g-1", FIXTURE_NOW + 61);
        assert_int_equal(use_of("g-1"), nbf_sec - 60);
        claim_use(104, "g-1", FIXTURE_NOW + 60);
        assert_int_equal(use_of("g-1"), FIXTURE_NOW + 60);
}

static void what_was_seen_is_not_begun_anew_where_it_is_damaged(void **state)
{
        Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];

        fixture_write(fixture, SEEN_FILE, "{\"hosts\":[]}");
        assert_int_equal(chmod(fixture->ledger, 0700), 0);
        assert_int_equal(seen_open(ledger, &seen, error), -EBADMSG);
        assert_non_null(strstr(error, "damaged"));
        assert_non_null(strstr(error, SEEN_FILE));
}

/* ---- read ---- */

static void put_jws(const char *name, const char *jws)
{
        char place[400], key[64];

        if (ledger->settings.reports == dir) {
                (void)snprintf(place, sizeof(place), "%s/%s.jws", dir, name);
                assert_int_equal(
                        file_replace(place, jws, strlen(jws), 0640, geteuid(), getegid(), false),
                        0);
                return;
        }
        (void)snprintf(key, sizeof(key), "/nhi/reports/%s", name);
        (void)pthread_mutex_lock(&objects.lock);
        objects.revision++;
        object_put(&objects, key, jws, strlen(jws));
        (void)pthread_mutex_unlock(&objects.lock);
}

static void put_report(const char *name, ReportSpec spec)
{
        _cleanup_free_ char *jws = NULL;

        spec.host = name;
        jws = report_jws(&host_key, &spec);
        put_jws(name, jws);
}

/* One of so many bytes, and some more. */
static void put_long_report(const char *name, size_t size)
{
        _cleanup_free_ char *text = calloc(1, size + 1), *jws = NULL;
        ReportSpec spec = usual;
        json_t *payload;

        spec.host = name;
        payload = report_payload(&spec);
        memset(text, 'x', size * 3 / 4 - 700); /* Base64 makes four of three */
        assert_int_equal(json_object_set_new(payload, "agent", json_string(text)), 0);
        jws = report_sign(&host_key, REPORT_TYP, payload);
        put_jws(name, jws);
}

/* web1 to webN, all with the one key. */
static const char *const *many(size_t n)
{
        static char names[N_HOSTS][32];
        static const char *list[N_HOSTS];

        for (size_t i = 0; i < n; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "web%zu", i + 1);
                list[i] = names[i];
                if (i == 0)
                        continue;
                assert_int_equal(ledger_put(ledger, DOC_HOST, names[i],
                                            json_pack("{s:s, s:[]}", "name", names[i], "labels")),
                                 0);
                give_key(names[i], &host_key.public);
        }
        return list;
}

static void read_many(const char *const *names, size_t n, HostReport *ret)
{
        _cleanup_(host_reports_freep) HostReports *place = NULL;
        char error[LEDGER_ERROR_MAX];

        if (host_reports_open(ledger, &place, error) < 0 ||
            host_reports_read(place, names, n, FIXTURE_NOW, ret, error) < 0)
                fail_msg("%s", error);
}

static void done_many(HostReport *reports, size_t n)
{
        for (size_t i = 0; i < n; i++)
                host_report_done(&reports[i]);
}

static void reports_are_read_in_the_order_that_was_asked_for(void **state)
{
        const char *const *names = many(3);
        HostReport r[3];

        put_report("web1", usual);
        put_report("web3", usual);
        read_many(names, 3, r);
        assert_int_equal(r[0].standing, HOST_VERIFIED);
        assert_int_equal(r[1].standing, HOST_ABSENT);
        assert_int_equal(r[2].standing, HOST_VERIFIED);
        done_many(r, 3);
}

static void a_large_fleet_is_read_and_others_reports_are_passed_over(void **state)
{
        const char *const *names = many(N_HOSTS);
        HostReport r[N_HOSTS];

        for (size_t i = 0; i < N_HOSTS; i++)
                put_report(names[i], usual);
        put_report("stranger", usual);
        read_many(names, N_HOSTS, r);
        for (size_t i = 0; i < N_HOSTS; i++)
                assert_int_equal(r[i].standing, HOST_VERIFIED);
        done_many(r, N_HOSTS);
}

static void one_report_in_anothers_place_counts_for_neither(void **state)
{
        const char *const *names = many(2);
        _cleanup_free_ char *jws = report_jws(&host_key, &usual);
        HostReport r[2];

        objects.revision++;
        object_put(&objects, "/nhi/reports/web2", jws, strlen(jws));
        read_many(names, 2, r);
        assert_int_equal(r[0].standing, HOST_ABSENT);
        assert_int_equal(r[1].standing, HOST_OTHER_HOST);
        done_many(r, 2);
}

static void what_is_no_report_at_one_place_keeps_no_other_from_being_read(void **state) /* F4 */
{
        const char *const *names = many(2);
        char path[400];
        HostReport r[2];

        put_report("web2", usual);
        (void)snprintf(path, sizeof(path), "%s/web1.jws", dir);
        assert_int_equal(mkdir(path, 0700), 0);
        read_many(names, 2, r);
        assert_int_equal(r[0].standing, HOST_UNREADABLE);
        assert_int_equal(r[1].standing, HOST_VERIFIED);
        done_many(r, 2);
}

static void an_endless_answer_keeps_no_other_from_being_read(void **state) /* F4 */
{
        const char *const *names = many(2);
        char *text = calloc(1, 2 * REPORT_SIZE_MAX);
        HostReport r[2];

        memset(text, 'x', 2 * REPORT_SIZE_MAX - 1);
        object_put(&objects, "/nhi/reports/web1", text, strlen(text));
        put_report("web2", usual);
        read_many(names, 2, r);
        assert_int_equal(r[0].standing, HOST_UNREADABLE);
        assert_int_equal(r[1].standing, HOST_VERIFIED);
        done_many(r, 2);
        free(text);
}

/* Each has the whole of REPORT_SIZE_MAX, whatever the others have. */
static void long_reports_take_no_room_from_others(void **state) /* F4 */
{
        const char *const *names = many(N_HOSTS);
        HostReport r[N_HOSTS];

        for (size_t i = 0; i < N_HOSTS; i++)
                put_long_report(names[i], 6000);
        put_long_report("web5", REPORT_SIZE_MAX - 1000);
        put_long_report("web7", 2 * REPORT_SIZE_MAX);
        read_many(names, N_HOSTS, r);
        for (size_t i = 0; i < N_HOSTS; i++)
                assert_int_equal(r[i].standing == HOST_VERIFIED, !streq(names[i], "web7"));
        done_many(r, N_HOSTS);
}

static void reports_that_fit_are_asked_for_once_each(void **state)
{
        const char *const *names = many(N_HOSTS);
        HostReport r[N_HOSTS];

        for (size_t i = 0; i < N_HOSTS; i++)
                put_report(names[i], usual);
        read_many(names, N_HOSTS, r);
        done_many(r, N_HOSTS);
        assert_int_equal(server.n_requests, N_HOSTS);
}

static void a_place_that_cannot_be_reached_is_said(void **state)
{
        _cleanup_(host_reports_freep) HostReports *place = NULL;
        const char *names[] = { HOST };
        char error[LEDGER_ERROR_MAX];
        HostReport r[1];

        https_stop(&server);
        assert_int_equal(host_reports_open(ledger, &place, error), 0);
        assert_true(host_reports_read(place, names, 1, FIXTURE_NOW, r, error) < 0);
        assert_non_null(strstr(error, "no-connection"));
}

static void a_ledger_that_names_no_place_says_what_to_do(void **state)
{
        HostReports *place = NULL;
        char error[LEDGER_ERROR_MAX];

        ledger->settings.reports = NULL;
        assert_int_equal(host_reports_open(ledger, &place, error), -ENOENT);
        assert_non_null(strstr(error, "source.report"));
}

static void a_replayed_report_is_told_by_each_kind_of_place(void **state) /* F2 */
{
        const char *const names[] = { HOST };
        ReportSpec spec = usual;
        HostReport r[1];

        spec.seq = 200;
        put_report(HOST, spec);
        read_many(names, 1, r);
        assert_int_equal(r[0].standing, HOST_VERIFIED);
        done_many(r, 1);
        put_report(HOST, usual);
        read_many(names, 1, r);
        assert_int_equal(r[0].standing, HOST_REPLAYED);
        done_many(r, 1);
}

/* ---- wait ---- */

static int wait_for_grant(const char *const *names, size_t n, int64_t ver, const char *jti,
                          int64_t wait_sec)
{
        json_t *versions = json_object();
        int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

        for (size_t i = 0; i < n; i++)
                assert_int_equal(json_object_set_new(versions, names[i], json_integer(ver)), 0);
        assert_true(saved >= 0 && dup2(null, STDERR_FILENO) >= 0);
        r = hosts_wait(ledger, versions, jti, wait_sec);
        (void)dup2(saved, STDERR_FILENO);
        (void)close(saved);
        (void)close(null);
        json_decref(versions);
        return r;
}

static int wait_for(const char *const *names, size_t n, int64_t ver, int64_t wait_sec)
{
        return wait_for_grant(names, n, ver, NULL, wait_sec);
}

/* A report whose quarantine names one entry, of so many that there are. */
static void put_without(const char *name, const char *entry, int64_t n_quarantined)
{
        ReportSpec spec = usual;
        json_t *payload;
        _cleanup_free_ char *jws = NULL;
        char path[400];

        spec.host = name;
        payload = report_payload(&spec);
        assert_int_equal(json_object_set_new(
                                 payload, "quarantine",
                                 json_pack("[{s:s, s:s}]", "entry", entry, "code", "run-as-reach")),
                         0);
        assert_int_equal(json_object_set_new(payload, "quarantined", json_integer(n_quarantined)),
                         0);
        jws = report_sign(&host_key, REPORT_TYP, payload);
        (void)snprintf(path, sizeof(path), "%s/%s.jws", dir, name);
        assert_int_equal(file_replace(path, jws, strlen(jws), 0644, geteuid(), getegid(), false),
                         0);
}

static void who_left_the_grant_out_has_it_not(void **state)
{
        const char *const *names = many(2);
        const uint64_t begun = now_monotonic_usec();

        put_report("web1", usual);
        put_without("web2", "grant g-1", 1);
        /* Nobody else is waited for: it is told at once. */
        assert_int_equal(wait_for_grant(names, 2, usual.ver, "g-1", 60), VERB_PROBLEM);
        assert_true(now_monotonic_usec() - begun < 30 * USEC_PER_SEC);
        assert_int_equal(wait_for_grant(names, 2, usual.ver, "g-2", 60), VERB_OK);
        assert_int_equal(wait_for(names, 2, usual.ver, 60), VERB_OK);
        /* An older set that left it out says nothing of the newer one. */
        assert_int_equal(wait_for_grant(names, 2, usual.ver + 1, "g-1", 1), VERB_STALE);
}

static void who_left_out_more_than_it_tells_may_have_left_it_out(void **state)
{
        const char *const *names = many(1);

        put_without("web1", "grant g-7", 1);
        assert_int_equal(wait_for_grant(names, 1, usual.ver, "g-1", 60), VERB_OK);
        assert_int_equal(unlinkat(ledger->dir_fd, SEEN_FILE, 0), 0);
        put_without("web1", "grant g-7", 2);
        assert_int_equal(wait_for_grant(names, 1, usual.ver, "g-1", 60), VERB_PROBLEM);
}

static void waiting_ends_when_all_have_the_version_or_a_newer_one(void **state)
{
        const char *const *names = many(2);
        ReportSpec spec = usual;

        put_report("web1", spec);
        spec.ver++;
        put_report("web2", spec);
        assert_int_equal(wait_for(names, 2, usual.ver, 60), VERB_OK);
        assert_int_equal(wait_for(names, 0, usual.ver, 60), VERB_OK);
}

static void who_has_an_older_set_or_no_report_is_waited_for_in_vain(void **state)
{
        const char *const *names = many(2);

        put_report("web1", usual);
        assert_int_equal(wait_for(names, 2, usual.ver, 1), VERB_STALE);
        assert_int_equal(wait_for(names, 1, usual.ver + 1, 1), VERB_STALE);
}

static void a_report_that_is_not_believed_is_not_waited_for_successfully(void **state)
{
        const char *const names[] = { HOST };

        put_report(HOST, usual);
        give_key(HOST, &other_key.public);
        assert_int_equal(wait_for(names, 1, usual.ver, 1), VERB_STALE);
}

static void a_report_played_again_is_not_waited_for_successfully(void **state)
{
        const char *const names[] = { HOST };
        ReportSpec spec = usual;
        HostReport r[1];

        /* A host that was given an older set since, as after a key was changed. */
        spec.seq++;
        spec.ver--;
        put_report(HOST, spec);
        read_many(names, 1, r);
        done_many(r, 1);
        put_report(HOST, usual);
        assert_int_equal(wait_for(names, 1, usual.ver, 1), VERB_STALE);
}

static void *report_later(void *userdata)
{
        usleep(300000);
        put_report(HOST, usual);
        return NULL;
}

static void who_reports_meanwhile_is_seen(void **state)
{
        const char *const names[] = { HOST };
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, report_later, NULL), 0);
        assert_int_equal(wait_for(names, 1, usual.ver, 60), VERB_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
}

static void only_hosts_that_a_grant_reaches_are_waited_for(void **state)
{
        json_t *versions = json_pack("{s:i, s:i}", "web1", 7, "web2", 8), *targets = json_object();

        (void)many(3);
        assert_int_equal(
                hosts_wait_add(ledger, ledger_get(ledger, DOC_GRANT, "g-1"), versions, targets), 0);
        assert_int_equal(json_object_size(targets), 1);
        assert_int_equal(json_integer_value(json_object_get(targets, "web1")), 7);
        json_decref(versions);
        json_decref(targets);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_HTTPS(name)                                                                           \
        {                                                                                          \
#name " (https)", name, setup_https, teardown, NULL                                \
        }
#define TEST_ETCD(name)                                                                            \
        {                                                                                          \
#name " (etcd)", name, setup_etcd, teardown, NULL                                  \
        }

int main(void)
{
        const IdentitySpec authority = { NULL, NULL, -3600, 3600, "test CA" };
        const struct CMUnitTest tests[] = {
                TEST(a_report_of_the_hosts_own_key_is_verified_and_read),
                TEST(another_key_is_not_believed),
                TEST(without_a_key_in_the_ledger_nothing_is_believed),
                TEST(a_report_that_was_changed_is_not_believed),
                TEST(a_signed_head_or_set_is_no_report),
                TEST(another_hosts_report_in_its_place_is_told),
                TEST(a_report_that_lacks_what_counts_is_malformed),
                TEST(a_report_over_its_bound_is_not_opened),
                TEST(an_older_report_is_one_played_again),
                TEST(two_reports_of_one_number_are_told),
                TEST(a_log_that_is_shorter_than_it_was_is_told_until_that_is_known),
                TEST(who_keeps_reports_cannot_hide_a_log_that_was_cut),
                TEST(a_log_that_says_another_thing_than_before_is_told),
                TEST(a_log_that_was_begun_anew_is_told),
                TEST(a_host_with_a_new_key_begins_anew),
                TEST(the_last_use_of_a_grant_outlives_the_agents_restart),
                TEST(a_host_cannot_fill_the_ledger_with_uses),
                TEST(a_host_uses_no_grant_that_is_not_for_it),
                TEST(a_use_is_neither_of_the_future_nor_of_before_the_grant),
                TEST(what_was_seen_is_not_begun_anew_where_it_is_damaged),
                TEST(reports_are_read_in_the_order_that_was_asked_for),
                TEST_HTTPS(reports_are_read_in_the_order_that_was_asked_for),
                TEST_ETCD(reports_are_read_in_the_order_that_was_asked_for),
                TEST(a_large_fleet_is_read_and_others_reports_are_passed_over),
                TEST_HTTPS(a_large_fleet_is_read_and_others_reports_are_passed_over),
                TEST_ETCD(a_large_fleet_is_read_and_others_reports_are_passed_over),
                TEST_HTTPS(one_report_in_anothers_place_counts_for_neither),
                TEST_ETCD(one_report_in_anothers_place_counts_for_neither),
                TEST(what_is_no_report_at_one_place_keeps_no_other_from_being_read),
                TEST_HTTPS(an_endless_answer_keeps_no_other_from_being_read),
                TEST_ETCD(an_endless_answer_keeps_no_other_from_being_read),
                TEST_HTTPS(long_reports_take_no_room_from_others),
                TEST_ETCD(long_reports_take_no_room_from_others),
                TEST_HTTPS(reports_that_fit_are_asked_for_once_each),
                TEST_HTTPS(a_place_that_cannot_be_reached_is_said),
                TEST_ETCD(a_place_that_cannot_be_reached_is_said),
                TEST(a_ledger_that_names_no_place_says_what_to_do),
                TEST(a_replayed_report_is_told_by_each_kind_of_place),
                TEST_HTTPS(a_replayed_report_is_told_by_each_kind_of_place),
                TEST_ETCD(a_replayed_report_is_told_by_each_kind_of_place),
                TEST(waiting_ends_when_all_have_the_version_or_a_newer_one),
                TEST(who_has_an_older_set_or_no_report_is_waited_for_in_vain),
                TEST(a_report_that_is_not_believed_is_not_waited_for_successfully),
                TEST(a_report_played_again_is_not_waited_for_successfully),
                TEST(who_left_the_grant_out_has_it_not),
                TEST(who_left_out_more_than_it_tells_may_have_left_it_out),
                TEST_ETCD(who_reports_meanwhile_is_seen),
                TEST(only_hosts_that_a_grant_reaches_are_waited_for),
        };
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        if (sodium_init() < 0 || signing_key_generate(&host_key) < 0 ||
            signing_key_generate(&other_key) < 0)
                return 1;
        ca = identity_new(&authority);
        leaf = identity_new(&(IdentitySpec){ "DNS:localhost", &ca, -3600, 3600, "the server" });
        r = cmocka_run_group_tests(tests, NULL, NULL);
        identity_done(&leaf);
        identity_done(&ca);
        return r;
}
