/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-agentd/metrics: the counts, the text, the page of a real agent and its file. */

#include "tests/unit/agent-fixture.h"
#include "tests/unit/openmetrics.h"

#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/metrics/page.h"
#include "nhi-agentd/metrics/text.h"

#include <sys/stat.h>

#define METRICS_FILE PATH_ROOT "/run/nhi/nhi.prom"
#define USEC         ((int64_t)USEC_PER_SEC)

static int setup(void **state)
{
        int r = fixture_setup(state);

        agent_ahead_usec = 0;
        fixture_load(*state);
        return r;
}

static int teardown(void **state)
{
        agent_ahead_usec = 0;
        return fixture_teardown(state);
}

/* ---- the reader that judges the others ---- */

static void the_reader_refuses_what_either_format_does(void **state)
{
        static const char *const good[] = {
                "# EOF\n",
                "# TYPE a gauge\n# HELP a b c\na 1\n# EOF\n",
                "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds x\n"
                "a_seconds{b=\"c\\\\d\\\"e\\nf\"} -1.5\n# EOF\n",
                "# TYPE a counter\n# HELP a x\na_total{b=\"1\"} 1\na_total{b=\"2\"} 1\n# EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"0.1\"} 1\na_bucket{le=\"+Inf\"} 2\n"
                "a_count 2\na_sum 0.5\n# EOF\n",
        };
        static const char *const bad[] = {
                "",
                "# EOF",
                "# EOF\n\n",
                "# EOF\n# EOF\n",
                "\n# EOF\n",
                "a 1\n# EOF\n",
                "# TYPE a info\n# HELP a x\na_info 1\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na 1 1763760000\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na  1\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na nan\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na 1e3\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na 1\na 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na{b=\"1\",b=\"1\"} 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na{b=\"\x1b\"} 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na{b=\"\xff\"} 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na{b=\"\\x1b\"} 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na{b=\"1\" } 2\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\nb 1\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na_total 1\n# EOF\n",
                "# TYPE a gauge\n# HELP a x\na 1\n# TYPE a gauge\n# HELP a x\n# EOF\n",
                "# TYPE a gauge\na 1\n# HELP a x\n# EOF\n",
                "# TYPE a gauge\n# UNIT a seconds\n# HELP a x\na 1\n# EOF\n",
                "# TYPE a counter\n# HELP a x\na 1\n# EOF\n",
                "# TYPE a counter\n# HELP a x\na_total -1\n# EOF\n",
                "# TYPE a_total counter\n# HELP a_total x\na_total_total 1\n# EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"0.1\"} 1\na_count 1\na_sum 1\n# "
                "EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"0.2\"} 1\na_bucket{le=\"0.1\"} 1\n"
                "a_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n# EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"0.1\"} 2\na_bucket{le=\"+Inf\"} 1\n"
                "a_count 1\na_sum 1\n# EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n# "
                "EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\n"
                "a_count 1\na_sum 1\n# EOF\n",
                "# TYPE a histogram\n# HELP a x\na_bucket{le=\"+Inf\"} 1\na_count 1\n# EOF\n",
        };
        static OpenMetrics o;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!om_read(&o, good[i]))
                        fail_msg("%s", o.error);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (om_read(&o, bad[i]))
                        fail_msg("taken: %s", bad[i]);
}

/* ---- counts ---- */

static void each_decision_is_counted_by_verdict_and_class(void **state)
{
        Tally t = {};
        Event e = { .kind = EVENT_DECISION,
                    .class = "ssh",
                    .decision = { .verdict = VERDICT_ALLOW, .reason = REASON_GRANTED } };

        tally_event(&t, &e);
        e = (Event){ .kind = EVENT_DENIAL,
                     .class = "pam:polkit-1",
                     .decision.reason = REASON_EXPIRED };
        tally_event(&t, &e);
        e.class = "pam:other";
        tally_event(&t, &e);
        e = (Event){ .kind = EVENT_DENIALS, .decision.reason = REASON_FLOOD, .n_denials = 1000 };
        tally_event(&t, &e);
        e = (Event){ .kind = EVENT_WOULD_DENY, .class = "sudo", .decision.reason = REASON_NO_SET };
        tally_event(&t, &e);
        e = (Event){ .kind = EVENT_EXEMPTION, .class = "login" };
        tally_event(&t, &e);

        assert_int_equal(t.decisions[TALLY_ALLOW][0], 1);
        assert_int_equal(t.decisions[TALLY_DENY][TALLY_CLASS_N - 2], 2);
        assert_int_equal(t.decisions[TALLY_DENY][TALLY_CLASS_N - 1], 1000);
        assert_int_equal(t.decisions[TALLY_WOULD_DENY][1], 1);
        assert_int_equal(t.decisions[TALLY_EXEMPT][5], 1);
        e = (Event){ .kind = EVENT_SET_REFUSED, .code = "key" };
        tally_event(&t, &e);
        e.n_denials = 500; /* counted together */
        tally_event(&t, &e);
        assert_int_equal(t.n_sets_refused, 501);
        assert_int_equal(t.denials[REASON_EXPIRED], 2);
        assert_int_equal(t.denials[REASON_FLOOD], 1000);
        assert_int_equal(t.would_deny[REASON_NO_SET], 1);
        assert_int_equal(t.denials[REASON_NO_SET], 0);
        assert_int_equal(t.denials[REASON_GRANTED], 0);
}

static void a_class_is_one_of_few_whatever_is_asked_for(void **state) /* A04 */
{
        Tally t = {};
        char class[64];
        uint64_t sum = 0;

        for (int i = 0; i < 100; i++) {
                const Event e = { .kind = EVENT_DENIAL,
                                  .class = class,
                                  .decision.reason = i % 2 ? REASON_NO_GRANT : (Reason)9999 };

                (void)snprintf(class, sizeof(class), i % 2 ? "pam:x%d" : "x%d", i);
                tally_event(&t, &e);
        }
        for (size_t i = 0; i < TALLY_CLASS_N; i++)
                sum += t.decisions[TALLY_DENY][i];
        assert_int_equal(sum, 100);
        assert_int_equal(t.denials[REASON_BAD_REQUEST], 50);
}

static void an_end_falls_into_the_bucket_of_its_bound_and_not_the_next(void **state)
{
        Tally t = {};

        for (size_t i = 0; i < TALLY_BUCKET_N; i++)
                for (int more = 0; more < 2; more++)
                        tally_event(&t,
                                    &(Event){ .kind = EVENT_SESSION_END,
                                              .took_usec = tally_buckets_msec[i] * 1000 + more });
        tally_event(&t, &(Event){ .kind = EVENT_SESSION_END });
        tally_event(&t, &(Event){ .kind = EVENT_SURVIVOR, .n_survivors = 3 });
        assert_int_equal(t.ended_in[0], 1);
        for (size_t i = 1; i < TALLY_BUCKET_N; i++)
                assert_int_equal(t.ended_in[i], 2);
        assert_int_equal(t.ended_in[TALLY_BUCKET_N], 1);
        assert_int_equal(t.n_ended, 2 * TALLY_BUCKET_N + 1);
        assert_int_equal(t.n_survivors, 3);
}

/* ---- the text ---- */

static void text_is(void (*make)(MetricText *t), const char *wanted)
{
        char *text = NULL;
        size_t size = 0;
        MetricText t = { .out = open_memstream(&text, &size) };
        static OpenMetrics o;

        assert_non_null(t.out);
        make(&t);
        metric_end(&t);
        assert_int_equal(fclose(t.out), 0);
        assert_string_equal(text, wanted);
        if (!om_read(&o, text))
                fail_msg("%s", o.error);
        free(text);
}

static void make_hostile(MetricText *t)
{
        metric_family(t, "x", METRIC_GAUGE, "", "X.");
        metric_sample(t, &(MetricLabel){ "l", "a\"b\\c\nd\x1b[m\xff\xc3\xa4\xe2\x80\xae" }, 1,
                      INT64_MIN);
}

static void make_micro(MetricText *t)
{
        metric_family(t, "x_seconds", METRIC_GAUGE, "seconds", "X.");
        for (int64_t v = -1500000; v <= 1500000; v += 1500000) {
                char text[8];

                (void)snprintf(text, sizeof(text), "%d", v > 0 ? 1 : v < 0 ? -1 : 0);
                metric_sample_micro(t, &(MetricLabel){ "n", text }, 1, v);
        }
        metric_sample_micro(t, &(MetricLabel){ "n", "max" }, 1, INT64_MAX);
}

static void make_histogram(MetricText *t)
{
        static const int64_t bounds[] = { 50, 1000 };
        static const uint64_t counts[] = { 1, 2, 4 };

        metric_family(t, "x_seconds", METRIC_HISTOGRAM, "seconds", "X.");
        metric_histogram(t, bounds, counts, 2, 9000001);
}

static void labels_numbers_and_histograms_are_as_both_formats_want(void **state) /* U09 */
{
        text_is(make_hostile,
                "# TYPE x gauge\n# HELP x X.\n"
                "x{l=\"a\\\"b\\\\c\\\\x0ad\\\\x1b[m\\\\xff\xc3\xa4\\\\xe2\\\\x80\\\\xae\"} "
                "-9223372036854775808\n# EOF\n");
        text_is(make_micro, "# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n"
                            "# HELP x_seconds X.\n"
                            "x_seconds{n=\"-1\"} -1.500000\nx_seconds{n=\"0\"} 0.000000\n"
                            "x_seconds{n=\"1\"} 1.500000\n"
                            "x_seconds{n=\"max\"} 9223372036854.775807\n# EOF\n");
        text_is(make_histogram, "# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n"
                                "# HELP x_seconds X.\n"
                                "x_seconds_bucket{le=\"0.050\"} 1\n"
                                "x_seconds_bucket{le=\"1.000\"} 3\n"
                                "x_seconds_bucket{le=\"+Inf\"} 7\n"
                                "x_seconds_count 7\nx_seconds_sum 9.000001\n# EOF\n");
}

/* ---- the page ---- */

static char *page(Fixture *f)
{
        static OpenMetrics o;
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(metrics_page(f->agent, agent_now(f->agent), &text, &size), 0);
        assert_int_equal(strlen(text), size);
        if (!om_read(&o, text))
                fail_msg("%s", o.error);
        return text;
}

static void says(const char *text, const char *line)
{
        char whole[512];

        (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
        if (!strstr(text, whole))
                fail_msg("no line \"%s\" in:\n%s", line, text);
}

static double value_of(const char *text, const char *sample)
{
        char begin[512];
        const char *line;

        (void)snprintf(begin, sizeof(begin), "\n%s ", sample);
        line = strstr(text, begin);
        if (!line)
                fail_msg("no sample \"%s\" in:\n%s", sample, text);
        return strtod(line + strlen(begin), NULL);
}

static void a_page_without_a_set_says_so_and_reads_in_both_formats(void **state)
{
        _cleanup_free_ char *text = page(*state);

        says(text, "nhi_issuer_verified{issuer=\"" FIXTURE_ISSUER "\"} 0");
        says(text, "nhi_source_failing{issuer=\"" FIXTURE_ISSUER "\",source=\"/nowhere\"} 0");
        says(text, "nhi_decisions_total{verdict=\"allow\",class=\"ssh\"} 0");
        says(text, "nhi_denials_total{reason=\"no-grant\"} 0");
        says(text, "nhi_gates{mode=\"enforce\"} 1");
        says(text, "nhi_log_failed 0");
        says(text, "nhi_session_end_seconds_bucket{le=\"+Inf\"} 0");
        says(text, "nhi_build_info{version=\"" NHI_VERSION "\"} 1");
        assert_null(strstr(text, "nhi_set_expires_timestamp_seconds{"));
        assert_null(strstr(text, "nhi_source_answered_timestamp_seconds{"));
}

static void lists_that_could_not_be_saved_are_counted(void **state)
{
        Fixture *f = *state;
        IssuerState *s = &f->agent->issuers[0];
        RevocationList list = { .hash = "aa" };
        KeyList keys = { .hash = "bb" };

        for (int n = 2; n >= 0; n--) {
                _cleanup_free_ char *text = NULL, *line = NULL;

                s->list = &list;
                s->keys = &keys;
                text = page(f);
                s->list = NULL;
                s->keys = NULL;
                assert_true(asprintf(&line, "nhi_lists_unsaved{issuer=\"" FIXTURE_ISSUER "\"} %d",
                                     n) > 0);
                says(text, line);
                strcpy(n == 2 ? s->list_floor.hash : s->keys_floor.floor.hash,
                       n == 2 ? list.hash : keys.hash);
        }
}

static void a_page_with_a_set_says_when_it_ends_and_names_nobody(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        char line[256];

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        text = page(f);
        (void)snprintf(line, sizeof(line),
                       "nhi_set_expires_timestamp_seconds{issuer=\"" FIXTURE_ISSUER "\"} %lld",
                       (long long)f->agent->issuers[0].set->exp_sec);
        says(text, line);
        says(text, "nhi_grants 1");
        says(text, "nhi_accounts 1");
        says(text, "nhi_sets_total{result=\"accepted\"} 1");
        assert_null(strstr(text, "svc-deploy"));
        assert_null(strstr(text, "g-1"));
        assert_null(strstr(text, "payments"));
}

static void what_is_hidden_in_an_issuers_name_is_escaped(void **state)
{
        Fixture *f = *state;
        char *issuer = f->agent->config->issuers[0].issuer;
        _cleanup_free_ char *text = NULL;

        f->agent->config->issuers[0].issuer = (char *)"a\"} 1\nevil 2\n\\\x9b";
        text = page(f);
        f->agent->config->issuers[0].issuer = issuer;
        says(text, "nhi_issuer_verified{issuer=\"a\\\"} 1\\\\x0aevil 2\\\\x0a\\\\\\\\x9b\"} 0");
}

static void mirrors_of_one_server_are_two_sources(void **state)
{
        Fixture *f = *state;
        SourceConfig *s = &f->agent->config->issuers[0].source;
        const SourceConfig before = *s;
        const char *urls[] = { "https://a.test/1?k=secret", "https://a.test/2" };
        const int64_t answered_usec = agent_now(f->agent).boot_usec - 100 * USEC;
        _cleanup_free_ char *text = NULL;
        double age;

        s->type = (char *)"https";
        s->urls = (StrList){ .items = urls, .n = 2 };
        f->agent->issuers[0].heard[FEED_SET][1] = (Heard){ .has_answered = true,
                                                           .answered_usec = answered_usec,
                                                           .trouble = "timeout" };
        text = page(f);
        *s = before;
        says(text, "nhi_source_failing{issuer=\"" FIXTURE_ISSUER "\",source=\"https://a.test\"} 0");
        says(text,
             "nhi_source_failing{issuer=\"" FIXTURE_ISSUER "\",source=\"https://a.test#2\"} 1");
        age = value_of(text, "nhi_source_age_seconds{issuer=\"" FIXTURE_ISSUER
                             "\",source=\"https://a.test#2\"}");
        assert_true(age >= 100);
        assert_true(age * USEC <= (double)(agent_now(f->agent).boot_usec - answered_usec));
        assert_null(strstr(text, "secret"));
}

/* The series of the sets have the labels that they had. */
static void what_stands_beside_the_sets_is_told_with_what_it_is(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *before = page(f), *text = NULL;
        RevocationList list = { .exp_sec = 1234 };

        says(before, "nhi_source_failing{issuer=\"" FIXTURE_ISSUER
                     "\",source=\"/nowhere\",object=\"revocations\"} 0");
        assert_null(strstr(before, "object=\"keys\""));
        assert_null(strstr(before, "nhi_revocations_expires_timestamp_seconds{"));
        f->agent->issuers[0].heard[FEED_REVOCATIONS][0] =
                (Heard){ .has_answered = true,
                         .answered_usec = agent_now(f->agent).boot_usec - 100 * USEC,
                         .trouble = "status-403" };
        f->agent->issuers[0].list = &list;
        text = page(f);
        f->agent->issuers[0].list = NULL;
        says(text, "nhi_source_failing{issuer=\"" FIXTURE_ISSUER "\",source=\"/nowhere\"} 0");
        says(text, "nhi_source_failing{issuer=\"" FIXTURE_ISSUER
                   "\",source=\"/nowhere\",object=\"revocations\"} 1");
        assert_non_null(strstr(text, "nhi_source_age_seconds{issuer=\"" FIXTURE_ISSUER
                                     "\",source=\"/nowhere\",object=\"revocations\"} 100."));
        says(text, "nhi_revocations_expires_timestamp_seconds{issuer=\"" FIXTURE_ISSUER "\"} 1234");
}

static void a_source_that_never_answered_is_as_old_as_the_agent(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        double age;

        f->agent->started_sec -= 1000;
        text = page(f);
        age = value_of(text,
                       "nhi_source_age_seconds{issuer=\"" FIXTURE_ISSUER "\",source=\"/nowhere\"}");
        assert_true(age >= 1000);
        assert_true(age <= (double)(fixture_now() + 1 - f->agent->started_sec));
}

static void the_life_used_is_what_the_events_go_by(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        int64_t begin_sec;
        double used;

        fixture_deploy(f, "g-1", 0);
        fixture_settle(f);
        begin_sec = fixture_now();
        agent_ahead_usec = f->base_sec * USEC + 1800 * USEC - now_realtime_usec();
        text = page(f);
        used = value_of(text, "nhi_set_life_used_ratio{issuer=\"" FIXTURE_ISSUER "\"}");
        assert_true(used >= 0.5);
        assert_true(used <= 0.501 + (double)(fixture_now() - begin_sec) / 3600);
}

/* ---- the file ---- */

static void metrics_want(Fixture *f, const char *path)
{
        f->agent->config->metrics_file = (char *)path;
        metrics_configure(f->agent->metrics);
}

static bool is_written(void *userdata)
{
        MetricsView v;

        return metrics_view(((Fixture *)userdata)->agent->metrics, &v) && v.written_sec > 0;
}

static bool is_gone(void *userdata)
{
        return !is_written(userdata);
}

static bool has_failed(void *userdata)
{
        MetricsView v;

        return metrics_view(((Fixture *)userdata)->agent->metrics, &v) && v.error;
}

static bool is_settled(void *userdata)
{
        return metrics_is_settled(((Fixture *)userdata)->agent->metrics);
}

static bool file_is_there(const char *path)
{
        return access(path, F_OK) == 0;
}

static void nothing_is_written_where_nothing_is_wanted(void **state)
{
        Fixture *f = *state;
        MetricsView v;

        metrics_configure(f->agent->metrics);
        assert_false(metrics_view(f->agent->metrics, &v));
        assert_false(metrics_view(NULL, &v));
        metrics_configure(NULL);
        assert_true(fixture_until(f, is_settled, f));
        assert_false(file_is_there(METRICS_FILE));
}

static void the_file_is_for_everybody_and_whole(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        static OpenMetrics o;
        struct stat st;
        size_t size = 0;

        metrics_want(f, METRICS_FILE);
        assert_true(fixture_until(f, is_written, f));
        assert_int_equal(stat(METRICS_FILE, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(file_read_trusted(METRICS_FILE, geteuid(), 1 << 20, &text, &size), 0);
        if (!om_read(&o, text))
                fail_msg("%s", o.error);
        assert_true(o.n_samples > 100);
}

static bool has_grant(void *userdata)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        return file_read_trusted(METRICS_FILE, geteuid(), 1 << 20, &text, &size) == 0 &&
               strstr(text, "\nnhi_grants 1\n");
}

static void it_is_written_again_and_again(void **state)
{
        Fixture *f = *state;

        f->agent->config->metrics_interval_usec = 10000;
        metrics_want(f, METRICS_FILE);
        assert_true(fixture_until(f, is_written, f));
        assert_false(has_grant(f));
        fixture_deploy(f, "g-1", 0);
        assert_true(fixture_until(f, has_grant, f));
}

static void another_path_takes_the_old_file_away(void **state)
{
        Fixture *f = *state;

        metrics_want(f, METRICS_FILE);
        assert_true(fixture_until(f, is_written, f));
        metrics_want(f, METRICS_FILE ".other");
        assert_true(fixture_until(f, is_written, f));
        assert_false(file_is_there(METRICS_FILE));
        metrics_want(f, "");
        assert_true(fixture_until(f, is_settled, f));
        assert_false(file_is_there(METRICS_FILE ".other"));
}

static void a_new_configuration_begins_and_ends_it(void **state)
{
        Fixture *f = *state;

        fixture_write(PATH_CONF_DIR "/60-metrics.conf",
                      "metrics: { file = \"" METRICS_FILE "\"; interval = \"1s\"; };\n");
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_written, f));
        assert_int_equal(unlink(PATH_CONF_DIR "/60-metrics.conf"), 0);
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, is_gone, f));
        assert_true(fixture_until(f, is_settled, f));
        assert_false(file_is_there(METRICS_FILE));
}

static void an_agent_that_stops_leaves_no_numbers(void **state)
{
        Fixture *f = *state;

        metrics_want(f, METRICS_FILE);
        assert_true(fixture_until(f, is_written, f));
        fixture_stop(f);
        assert_false(file_is_there(METRICS_FILE));
        fixture_agent(f);
        fixture_load(f);
}

static void a_directory_that_others_may_write_is_refused(void **state) /* A13 */
{
        Fixture *f = *state;
        MetricsView v;

        assert_int_equal(mkdir(PATH_ROOT "/run/open", 0755), 0);
        assert_int_equal(chmod(PATH_ROOT "/run/open", 0777), 0);
        metrics_want(f, PATH_ROOT "/run/open/nhi.prom");
        assert_true(fixture_until(f, has_failed, f));
        assert_true(metrics_view(f->agent->metrics, &v));
        assert_non_null(strstr(v.error, "writable by nobody else"));
        assert_false(file_is_there(PATH_ROOT "/run/open/nhi.prom"));
}

static void a_directory_that_is_not_there_is_said_until_it_is(void **state)
{
        Fixture *f = *state;

        f->agent->config->metrics_interval_usec = 10000;
        metrics_want(f, PATH_ROOT "/run/later/nhi.prom");
        assert_true(fixture_until(f, has_failed, f));
        assert_int_equal(mkdir(PATH_ROOT "/run/later", 0755), 0);
        assert_true(fixture_until(f, is_written, f));
        assert_false(has_failed(f));
}

static int fail_metrics(const char *thread)
{
        return streq(thread, "nhi-metrics") ? -EIO : 0;
}

static void a_write_that_fails_is_said_and_holds_nothing_up(void **state)
{
        Fixture *f = *state;

        writer_inject = fail_metrics;
        metrics_want(f, METRICS_FILE);
        assert_true(fixture_until(f, has_failed, f));
        fixture_deploy(f, "g-1", 0);
        writer_inject = NULL;
        assert_non_null(agent_grant(f->agent, "g-1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_reader_refuses_what_either_format_does),
                cmocka_unit_test(each_decision_is_counted_by_verdict_and_class),
                cmocka_unit_test(a_class_is_one_of_few_whatever_is_asked_for),
                cmocka_unit_test(an_end_falls_into_the_bucket_of_its_bound_and_not_the_next),
                cmocka_unit_test(labels_numbers_and_histograms_are_as_both_formats_want),
                TEST(a_page_without_a_set_says_so_and_reads_in_both_formats),
                TEST(lists_that_could_not_be_saved_are_counted),
                TEST(a_page_with_a_set_says_when_it_ends_and_names_nobody),
                TEST(what_is_hidden_in_an_issuers_name_is_escaped),
                TEST(mirrors_of_one_server_are_two_sources),
                TEST(what_stands_beside_the_sets_is_told_with_what_it_is),
                TEST(a_source_that_never_answered_is_as_old_as_the_agent),
                TEST(the_life_used_is_what_the_events_go_by),
                TEST(nothing_is_written_where_nothing_is_wanted),
                TEST(the_file_is_for_everybody_and_whole),
                TEST(it_is_written_again_and_again),
                TEST(another_path_takes_the_old_file_away),
                TEST(a_new_configuration_begins_and_ends_it),
                TEST(an_agent_that_stops_leaves_no_numbers),
                TEST(a_directory_that_others_may_write_is_refused),
                TEST(a_directory_that_is_not_there_is_said_until_it_is),
                TEST(a_write_that_fails_is_said_and_holds_nothing_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
