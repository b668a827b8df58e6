/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises R1 to R4 of nhi-agentd/report.h. */

#include "tests/unit/agent-fixture.h"

#include "lib/jose/json.h"
#include "lib/wire/report.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/report.h"

#define HERE   "/srv/reports"
#define SECOND (int64_t) USEC_PER_SEC

/* agentd.conf with a place for reports, or without one. */
static void configure(const char *report)
{
        char *text = NULL;

        assert_true(asprintf(&text,
                             "host: { name = \"" FIXTURE_HOST "\"; };\n"
                             "issuers = ( { issuer = \"" FIXTURE_ISSUER "\";\n"
                             "  source: { type = \"file\"; path = \"/nowhere\"; report = \"%s\";\n"
                             "    report_interval = \"1h\"; };\n"
                             "  keys = ( { file = \"" FIXTURE_KEY "\";\n"
                             "    reach: { sign = [ \"accounts\", \"ssh_keys\", \"grants\" ];\n"
                             "      accounts = [ \"svc-*\" ]; services = [ \"*\" ];\n"
                             "      groups = [ \"*\" ]; run_as = [ \"*\" ];\n"
                             "      lifetime_max = \"24h\"; }; } ); } );\n"
                             "gates = ( { name = \"ops\"; mode = \"enforce\";\n"
                             "    services = [ \"sudo\" ]; accounts = [ \"op-*\" ]; },\n"
                             "  { name = \"all\"; accounts = [ \"svc-*\" ]; } );\n",
                             report) > 0);
        fixture_write(PATH_CONF_FILE, text);
        free(text);
}

static void start(Fixture *f)
{
        fixture_stop(f);
        fixture_agent(f);
        fixture_load(f);
        reports_begin(f->agent->reports);
}

static int setup(void **state)
{
        int r = fixture_setup(state);

        writer_inject = NULL;
        agent_ahead_usec = 0;
        report_spacing_usec = 50000;
        configure(HERE);
        start(*state);
        return r;
}

static int teardown(void **state)
{
        agent_ahead_usec = 0;
        return fixture_teardown(state);
}

/* ---- what there is ---- */

static char *stands(void)
{
        _cleanup_free_ char *file = NULL;
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(report_file(FIXTURE_ISSUER, &file), 0);
        if (file_read_trusted(file, owner_trusted(), REPORT_SIZE_MAX, &text, &size) < 0)
                return NULL;
        return text;
}

/* The payload, verified with the host's key. */
static json_t *open_report(const Fixture *f, const char *jws)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, signer;
        EvidenceView v;

        evidence_view(f->agent->evidence, &v);
        assert_int_equal(jws_open(jws, strlen(jws), REPORT_TYP, &v.key, 1, &signer, &text, &size),
                         JWS_OK);
        return json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
}

typedef struct Wanted {
        const char *before; /* NULL: none was there */
        char *now;
} Wanted;

static bool is_another(void *userdata)
{
        Wanted *w = userdata;

        free(w->now);
        w->now = stands();
        return w->now && !streq_ptr(w->now, w->before);
}

/* The next report, malloc'ed. */
static char *next_jws(Fixture *f, const char *before)
{
        Wanted w = { .before = before };

        assert_true(fixture_until(f, is_another, &w));
        fixture_settle(f);
        return w.now;
}

static json_t *next_report(Fixture *f, const char *before)
{
        _cleanup_free_ char *jws = next_jws(f, before);

        return open_report(f, jws);
}

static int64_t number(const json_t *object, const char *member)
{
        const json_t *value = json_object_get(object, member);

        assert_true(json_is_integer(value));
        return json_integer_value(value);
}

static const char *text_of(const json_t *object, const char *member)
{
        return json_string_value(json_object_get(object, member));
}

/* As the agent writes down that a grant let somebody in. */
static void use(Fixture *f, const char *issuer, const char *jti)
{
        const Grant g = { .jti = jti, .issuer = issuer, .account = "svc-deploy" };
        const Event e = { .kind = EVENT_DECISION,
                          .has_decision = true,
                          .decision = { .verdict = VERDICT_ALLOW, .grant = &g } };

        reports_note(f->agent->reports, &e);
}

/* ---- tests ---- */

static void a_report_says_what_is_applied_and_how_far_the_log_is(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        const GrantSet *set;
        EvidenceView v;
        json_t *report;

        fixture_deploy(f, "g-1", 0);
        report = next_report(f, first);
        set = f->agent->issuers[0].set;
        assert_int_equal(number(report, "format"), 1);
        assert_string_equal(text_of(report, "iss"), FIXTURE_HOST);
        assert_string_equal(text_of(report, "aud"), FIXTURE_ISSUER);
        assert_true(number(report, "iat") >= f->base_sec);
        assert_int_equal(number(json_object_get(report, "set"), "ver"), set->ver);
        assert_string_equal(text_of(json_object_get(report, "set"), "hash"), set->hash);
        assert_true(json_is_null(json_object_get(report, "refused")));
        assert_string_equal(text_of(report, "agent"), NHI_VERSION);
        assert_int_equal(number(report, "sessions"), 0);
        evidence_view(f->agent->evidence, &v);
        assert_string_equal(text_of(json_object_get(report, "log"), "id"), v.head.log_id);
        assert_true(number(json_object_get(report, "log"), "seq") > 0);
        assert_true(json_is_false(json_object_get(json_object_get(report, "log"), "error")));
        json_decref(report);
}

static void gates_are_told_with_their_modes_and_without_their_accounts(void **state)
{
        json_t *report = next_report(*state, NULL);
        const json_t *gates = json_object_get(report, "gates");
        _cleanup_free_ char *text = json_write(report, 0);

        assert_int_equal(json_array_size(gates), 2);
        assert_string_equal(text_of(json_array_get(gates, 0), "name"), "ops");
        assert_string_equal(text_of(json_array_get(gates, 0), "mode"), "enforce");
        assert_string_equal(text_of(json_array_get(gates, 1), "mode"), "observe");
        assert_null(strstr(text, "op-*"));
        json_decref(report);
}

static void a_set_that_is_refused_is_reported_and_the_one_before_stays(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL), *before = NULL;
        json_t *report;

        fixture_deploy(f, "g-1", 0);
        before = next_jws(f, first);
        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, -5000, "", "")), "refused ", 8),
                         0);
        report = next_report(f, before);
        assert_string_equal(text_of(json_object_get(report, "refused"), "code"), "version-floor");
        assert_int_equal(number(json_object_get(report, "set"), "ver"),
                         f->agent->issuers[0].set->ver);
        json_decref(report);
}

static void what_is_quarantined_is_told_with_its_reason_only(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        _cleanup_free_ char *grant = fixture_grant("g-9", "other", 600, FIXTURE_LOGIN);
        const json_t *entry;
        json_t *report;

        assert_int_equal(strncmp(fixture_offer(f, fixture_set(f, 0, "", grant)), "accepted ", 9),
                         0);
        report = next_report(f, first);
        assert_int_equal(number(report, "quarantined"), 1);
        entry = json_array_get(json_object_get(report, "quarantine"), 0);
        assert_string_equal(text_of(entry, "entry"), "grant g-9");
        assert_string_equal(text_of(entry, "code"), "reach");
        assert_int_equal(json_object_size(entry), 2);
        json_decref(report);
}

static void the_last_use_of_each_grant_is_told_once(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        const json_t *used;
        json_t *report;

        use(f, FIXTURE_ISSUER, "g-1");
        agent_ahead_usec = 10 * SECOND;
        use(f, FIXTURE_ISSUER, "g-2");
        agent_ahead_usec = 20 * SECOND;
        use(f, FIXTURE_ISSUER, "g-1");
        reports_changed(f->agent->reports, 0);
        report = next_report(f, first);
        used = json_object_get(report, "used");
        assert_int_equal(json_array_size(used), 2);
        assert_string_equal(text_of(json_array_get(used, 0), "jti"), "g-1");
        assert_string_equal(text_of(json_array_get(used, 1), "jti"), "g-2");
        assert_true(number(json_array_get(used, 0), "at") > number(json_array_get(used, 1), "at"));
        json_decref(report);
}

static void a_denial_is_no_use(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        const Grant g = { .jti = "g-1", .issuer = FIXTURE_ISSUER };
        const Event e = { .kind = EVENT_DENIAL,
                          .has_decision = true,
                          .decision = { .verdict = VERDICT_DENY, .grant = &g } };
        json_t *report;

        reports_note(f->agent->reports, &e);
        reports_changed(f->agent->reports, 0);
        report = next_report(f, first);
        assert_int_equal(json_array_size(json_object_get(report, "used")), 0);
        json_decref(report);
}

static void nothing_is_said_of_another_issuers_grants(void **state) /* R1 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        json_t *report;

        use(f, "https://elsewhere.test", "g-secret");
        reports_changed(f->agent->reports, 0);
        report = next_report(f, first);
        assert_int_equal(json_array_size(json_object_get(report, "used")), 0);
        json_decref(report);
}

static void a_report_is_bounded_whatever_was_used(void **state) /* R2 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        _cleanup_free_ char *jws = NULL;
        char jti[65];
        json_t *report;

        for (int i = 0; i < 1000; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%062d", i);
                use(f, FIXTURE_ISSUER, jti);
        }
        reports_changed(f->agent->reports, 0);
        jws = next_jws(f, first);
        assert_true(strlen(jws) < REPORT_SIZE_MAX / 2);
        report = open_report(f, jws);
        assert_int_equal(json_array_size(json_object_get(report, "used")), REPORT_USES_MAX);
        assert_string_equal(text_of(json_array_get(json_object_get(report, "used"), 0), "jti"),
                            jti);
        json_decref(report);
}

static void the_largest_report_there_can_be_fits(void **state) /* R2 */
{
        Fixture *f = *state;
        static Quarantine quarantine[REPORT_QUARANTINE_MAX + 1];
        static ReportUse uses[REPORT_USES_MAX + 1];
        char entry[400], *jws = NULL;
        GrantSet set = { .ver = INT64_MAX,
                         .iat_sec = INT64_MAX,
                         .exp_sec = INT64_MAX,
                         .quarantine = quarantine,
                         .n_quarantine = ELEMENTSOF(quarantine),
                         .n_quarantined = 1000000 };
        const ReportFacts facts = { .seq = INT64_MAX, .uses = uses, .n_uses = ELEMENTSOF(uses) };
        GrantSet *own = f->agent->issuers[0].set;
        json_t *report;

        /* Each character of it takes the most room there is. */
        memset(entry, '"', sizeof(entry) - 1);
        entry[sizeof(entry) - 1] = '\0';
        memset(set.hash, 'f', sizeof(set.hash) - 1);
        for (size_t i = 0; i < ELEMENTSOF(quarantine); i++)
                quarantine[i] = (Quarantine){ .entry = entry, .code = "group-root-equivalent" };
        for (size_t i = 0; i < ELEMENTSOF(uses); i++) {
                memset(uses[i].jti, 'j', sizeof(uses[i].jti) - 1);
                uses[i].at_sec = INT64_MAX;
        }
        f->agent->issuers[0].set = &set;
        assert_int_equal(report_make(f->agent, 0, &facts, &jws), 0);
        f->agent->issuers[0].set = own;
        assert_true(strlen(jws) < REPORT_SIZE_MAX * 9 / 10);
        report = open_report(f, jws);
        assert_int_equal(json_array_size(json_object_get(report, "quarantine")),
                         REPORT_QUARANTINE_MAX);
        assert_int_equal(json_array_size(json_object_get(report, "used")), REPORT_USES_MAX);
        json_decref(report);
        free(jws);
}

static void the_number_rises_over_a_restart_with_a_clock_that_was_set_back(void **state) /* R3 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = NULL;
        json_t *report;
        int64_t seq;

        first = next_jws(f, NULL);
        agent_ahead_usec = 3600 * SECOND;
        reports_changed(f->agent->reports, 0);
        report = next_report(f, first);
        seq = number(report, "seq");
        json_decref(report);

        agent_ahead_usec = -3600 * SECOND;
        free(first);
        first = stands();
        start(f);
        report = next_report(f, first);
        assert_true(number(report, "seq") > seq);
        json_decref(report);
}

static void a_lost_number_is_made_up_for_by_the_clock(void **state) /* R3 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL);
        json_t *report = open_report(f, first);
        const int64_t seq = number(report, "seq");

        json_decref(report);
        assert_int_equal(unlink(PATH_REPORT_SEQ), 0);
        start(f);
        report = next_report(f, first);
        assert_true(number(report, "seq") > seq);
        json_decref(report);
}

/* With a clock that was set back the numbers count the reports. */
static void a_burst_of_changes_is_one_report(void **state) /* R4 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL), *still = NULL, *second = NULL;
        json_t *one = open_report(f, first), *other;

        report_spacing_usec = 3600 * USEC_PER_SEC;
        agent_ahead_usec = -3600 * SECOND;
        for (int i = 0; i < 100; i++) {
                reports_changed(f->agent->reports, 0);
                assert_true(sd_event_run(f->event, 1000) >= 0);
        }
        fixture_settle(f);
        still = stands();
        assert_string_equal(still, first);
        /* As if it were over. */
        report_spacing_usec = USEC_PER_SEC / 2;
        reports_changed(f->agent->reports, 0);
        second = next_jws(f, first);
        other = open_report(f, second);
        assert_int_equal(number(other, "seq"), number(one, "seq") + 1);
        json_decref(one);
        json_decref(other);
}

static void nobody_but_the_fetcher_may_read_it(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *file = NULL;
        struct stat st;

        free(next_jws(f, NULL));
        assert_int_equal(report_file(FIXTURE_ISSUER, &file), 0);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600); /* there is no group nhi-fetch here */
}

static void without_a_place_there_are_no_reports_and_old_ones_go(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *later = NULL;

        free(next_jws(f, NULL));
        configure("");
        start(f);
        reports_changed(f->agent->reports, 0);
        for (int i = 0; i < 10; i++)
                assert_true(sd_event_run(f->event, 10000) >= 0);
        later = stands();
        assert_null(later);
}

static void a_disk_that_is_full_keeps_no_report_back(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = next_jws(f, NULL), *second = NULL;

        /* Where the number is kept nothing can be written. */
        assert_int_equal(unlink(PATH_REPORT_SEQ), 0);
        assert_int_equal(mkdir(PATH_REPORT_SEQ, 0700), 0);
        reports_changed(f->agent->reports, 0);
        second = next_jws(f, first);
        assert_non_null(second);
        assert_int_equal(rmdir(PATH_REPORT_SEQ), 0);
}

static void the_fetcher_is_told_where_a_report_is_and_where_it_goes(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL, *file = NULL;
        size_t size;
        json_t *list;
        const json_t *source;

        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, owner_trusted(), 65536, &text, &size),
                         0);
        list = json_read(text, size, 0, NULL);
        source = json_array_get(json_object_get(list, "sources"), 0);
        assert_int_equal(report_file(FIXTURE_ISSUER, &file), 0);
        assert_string_equal(text_of(source, "report"), HERE);
        assert_string_equal(text_of(source, "report_file"), file);
        assert_string_equal(text_of(source, "host"), FIXTURE_HOST);
        json_decref(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_report_says_what_is_applied_and_how_far_the_log_is),
                TEST(gates_are_told_with_their_modes_and_without_their_accounts),
                TEST(a_set_that_is_refused_is_reported_and_the_one_before_stays),
                TEST(what_is_quarantined_is_told_with_its_reason_only),
                TEST(the_last_use_of_each_grant_is_told_once),
                TEST(a_denial_is_no_use),
                TEST(nothing_is_said_of_another_issuers_grants),
                TEST(a_report_is_bounded_whatever_was_used),
                TEST(the_largest_report_there_can_be_fits),
                TEST(the_number_rises_over_a_restart_with_a_clock_that_was_set_back),
                TEST(a_lost_number_is_made_up_for_by_the_clock),
                TEST(a_burst_of_changes_is_one_report),
                TEST(nobody_but_the_fetcher_may_read_it),
                TEST(without_a_place_there_are_no_reports_and_old_ones_go),
                TEST(a_disk_that_is_full_keeps_no_report_back),
                TEST(the_fetcher_is_told_where_a_report_is_and_where_it_goes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
