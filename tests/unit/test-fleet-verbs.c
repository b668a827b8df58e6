/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts' reports as an administrator meets them: nhictl host key, fleet, grant and revoke --wait,
 * whole command lines through nhictl_main(). */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "nhictl/fleet/report.h"
#include "nhictl/key-file.h"
#include "nhictl/key-lock.h"
#include "nhictl/verb.h"
#include "tests/unit/keylist-fixture.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/report-fixture.h"

#include <fcntl.h>
#include <sodium.h>

#define OUTPUT_MAX 65536
#define HOST       "web1"
#define ISSUER     "nhi-local:web1"
#define REPORTS    PATH_ROOT "/reports"
#define KEY_FILE   PATH_ROOT "/host.jwk"

static char out[OUTPUT_MAX], err[OUTPUT_MAX];
static SigningKey host_key;
static int64_t seq = 5000;

/* ---- the world ---- */

static void slurp(int fd, char *text)
{
        ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        (void)close(fd);
}

static int redirect(FILE *stream, int *saved)
{
        int fd = open(PATH_ROOT, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        (void)fflush(stream);
        *saved = dup(fileno(stream));
        assert_true(dup2(fd, fileno(stream)) >= 0);
        return fd;
}

static void restore(FILE *stream, int saved)
{
        (void)fflush(stream);
        (void)dup2(saved, fileno(stream));
        (void)close(saved);
}

static int run_words(const char *const *words)
{
        int argc = 0, status, saved_out, saved_err, out_fd, err_fd;

        while (words[argc])
                argc++;
        out_fd = redirect(stdout, &saved_out);
        err_fd = redirect(stderr, &saved_err);
        status = nhictl_main(argc, (char **)words);
        restore(stdout, saved_out);
        restore(stderr, saved_err);
        slurp(out_fd, out);
        slurp(err_fd, err);
        return status;
}
#define RUN(...) run_words((const char *const[]){ "nhictl", __VA_ARGS__, NULL })

static void assert_status(int status, int wanted)
{
        if (status != wanted)
                fail_msg("exit status %d, not %d\nstdout: %s\nstderr: %s", status, wanted, out,
                         err);
}
#define OK(...)           assert_status(RUN(__VA_ARGS__), VERB_OK)
#define ENDS(status, ...) assert_status(RUN(__VA_ARGS__), status)

static void assert_in(const char *where, const char *text)
{
        if (!strstr(where, text))
                fail_msg("\"%s\" is not in: %s", text, where);
}

#define GRANT_WORDS                                                                                \
        "grant", "svc-deploy", "--owner", "payments", "--reason", "CHG-42", "--service", "ssh",    \
                "--for", "30m"

static int teardown(void **state)
{
        static const char *const places[] = { PATH_ETC_DIR, PATH_LEDGER_DIR, PATH_PUBLISHED_DIR,
                                              PATH_RUN_DIR, REPORTS,         KEY_FILE };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                fixture_remove_tree(places[i]);
        return 0;
}

static void edit_settings(const char *member, json_t *value)
{
        json_t *doc = json_load_file(PATH_LEDGER_DIR "/ledger.json", 0, NULL);

        assert_int_equal(json_object_set_new(doc, member, value), 0);
        assert_int_equal(json_dump_file(doc, PATH_LEDGER_DIR "/ledger.json", JSON_INDENT(2)), 0);
        json_decref(doc);
}

static int setup(void **state)
{
        char *text = NULL;

        (void)teardown(state);
        fixture_make_path(PATH_ROOT "/etc");
        fixture_make_path(PATH_ROOT "/var/lib");
        fixture_make_path(REPORTS);
        OK("init", "--local", "--name", HOST);
        edit_settings("reports", json_string(REPORTS));
        OK("owner", "add", "payments");
        OK("account", "add", "svc-deploy", "--owner", "payments");
        assert_int_equal(jwk_format(&host_key.public, &text), 0);
        assert_int_equal(
                file_replace(KEY_FILE, text, strlen(text), 0644, geteuid(), getegid(), false), 0);
        free(text);
        return 0;
}

static int setup_known(void **state)
{
        int r = setup(state);

        OK("host", "key", HOST, KEY_FILE);
        return r;
}

/* Reports are numbered as they are made. ver 0: newer than whatever is published. */
static void report_with(int64_t ver, int64_t age_sec, void (*change)(json_t *payload))
{
        const int64_t now = now_realtime_usec() / 1000000;
        const ReportSpec spec = { .host = HOST,
                                  .issuer = ISSUER,
                                  .iat_sec = now - age_sec,
                                  .seq = seq,
                                  .ver = ver ? ver : (now + 3600) * 1000,
                                  .log_seq = 100 + seq };
        json_t *payload = report_payload(&spec);
        _cleanup_free_ char *jws = NULL;

        seq++;
        if (change)
                change(payload);
        jws = report_sign(&host_key, REPORT_TYP, payload);
        assert_int_equal(file_replace(REPORTS "/" HOST ".jws", jws, strlen(jws), 0640, geteuid(),
                                      getegid(), false),
                         0);
}

static void report(int64_t ver, int64_t age_sec)
{
        report_with(ver, age_sec, NULL);
}

/* ---- host key ---- */

static void the_ledger_takes_and_shows_a_hosts_key(void **state)
{
        ENDS(VERB_PROBLEM, "host", "key", HOST);
        assert_in(err, "nhictl host key web1 FILE");
        OK("host", "key", HOST, KEY_FILE);
        assert_string_equal(out, "changed\n");
        OK("host", "key", HOST, KEY_FILE);
        assert_string_equal(out, "unchanged\n");
        OK("host", "key", HOST);
        assert_in(out, host_key.public.kid);
        OK("host", "list");
        OK("ledger", "check");
}

static void a_host_is_added_with_its_key(void **state)
{
        OK("host", "add", "web2", "--label", "web", "--host-key", KEY_FILE);
        OK("host", "key", "web2");
        assert_in(out, host_key.public.kid);
        OK("host", "add", "web2", "--label", "db");
        OK("host", "key", "web2");
        assert_in(out, host_key.public.kid);
        ENDS(VERB_USAGE, "host", "add", "web3", "web4", "--host-key", KEY_FILE);
        assert_in(err, "one host's");
}

static void what_is_no_public_key_is_refused(void **state)
{
        ENDS(VERB_USAGE, "host", "key", "nobody", KEY_FILE);
        assert_in(err, "there is no host nobody");
        ENDS(VERB_USAGE, "host", "key", HOST, PATH_ISSUER_KEY); /* a private one */
        assert_in(err, "no public Ed25519 JWK");
        ENDS(VERB_USAGE, "host", "key", HOST, PATH_LEDGER_DIR "/ledger.json");
        ENDS(VERB_FAILED, "host", "key", HOST, "/nowhere");
        ENDS(VERB_PROBLEM, "host", "key", HOST);
}

static void another_key_takes_the_place_of_the_first_and_that_is_said(void **state)
{
        OK("host", "key", HOST, KEY_FILE);
        OK("key", "show");
        assert_int_equal(
                file_replace(KEY_FILE, out, strlen(out), 0644, geteuid(), getegid(), false), 0);
        OK("host", "key", HOST, KEY_FILE);
        assert_in(err, "had another key");
}

/* ---- fleet ---- */

static void a_fleet_that_is_well_is_shown_with_status_0(void **state)
{
        report(0, 5);
        OK("fleet");
        assert_in(out, "current");
        assert_in(out, "verified");
        assert_in(out, "1 of 1 enforced");
        assert_string_equal(err, "");
}

static void what_is_not_to_be_believed_is_status_4_and_says_what_to_do(void **state)
{
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "absent");
        assert_in(err, "source.report");
        report(0, 5);
        OK("host", "add", "web2");
        ENDS(VERB_STALE, "fleet");
        OK("fleet", "--host", "web1");
        OK("fleet", "--host", "w*1");
        ENDS(VERB_USAGE, "fleet", "--label", "none");
}

static void a_host_without_a_key_is_never_verified(void **state)
{
        report(0, 5);
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "no-key");
        assert_in(err, "nhictl host key");
}

static void an_old_report_is_told(void **state)
{
        report(0, 3600);
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "old");
        OK("fleet", "--stale", "2h");
        report(0, -3600);
        ENDS(VERB_STALE, "fleet");
        assert_in(err, "one of the two clocks");
}

static void a_host_with_an_older_set_is_behind(void **state)
{
        OK(GRANT_WORDS);
        report(1000, 5);
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "behind");
}

static int64_t published_version(void)
{
        json_t *doc = json_loads(out, 0, NULL);
        const json_t *host = json_array_get(json_object_get(doc, "hosts"), 0);
        const int64_t ver = json_integer_value(json_object_get(host, "published"));

        json_decref(doc);
        return ver;
}

#define SET  PATH_PUBLISHED_DIR "/" HOST ".jws"
#define KEPT PATH_PUBLISHED_DIR "/kept"

static void what_was_published_cannot_be_taken_back_unseen(void **state) /* F5, V18 */
{
        char jti[64];
        int64_t ver;

        OK(GRANT_WORDS);
        (void)snprintf(jti, sizeof(jti), "%.*s", (int)strcspn(out, "\n"), out);
        report(0, 5);
        OK("fleet", "--json");
        ver = published_version();
        assert_true(ver > 0);
        report(ver, 5);
        OK("fleet");
        assert_int_equal(rename(SET, KEPT), 0);
        OK("revoke", jti, "--reason", "stolen");
        assert_int_equal(rename(KEPT, SET), 0);
        /* It has what is shown, and that is what was revoked. */
        report(ver, 5);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "behind");
        assert_in(err, "who took it back");
        assert_int_equal(unlink(SET), 0);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "behind");
        OK("publish");
        ENDS(VERB_STALE, "fleet");
        report(0, 5);
        OK("fleet");
        assert_int_equal(unlink(SET), 0);
        OK("fleet", "--forget", HOST);
        OK("fleet");
}

#define OTHER_KEY PATH_ETC_DIR "/issuer-2.key"

/* The set that stands there is put back over what revokes it. */
static void revoke_in_vain(const char *jti)
{
        assert_int_equal(rename(SET, KEPT), 0);
        OK("revoke", jti, "--reason", "stolen");
        assert_int_equal(rename(KEPT, SET), 0);
}

static void grant_and_show(char jti[static 64])
{
        OK(GRANT_WORDS);
        (void)snprintf(jti, 64, "%.*s", (int)strcspn(out, "\n"), out);
        report(0, 5);
        OK("fleet", "--json");
        report(published_version(), 5);
        OK("fleet");
}

static void to_look_with_another_key_forgets_nothing(void **state) /* F5 */
{
        char jti[64];

        OK("key", "new", "--key", OTHER_KEY);
        grant_and_show(jti);
        revoke_in_vain(jti);
        ENDS(VERB_PROBLEM, "fleet");
        OK("fleet", "--key", OTHER_KEY); /* none of these sets is that key's */
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "behind");
        assert_in(err, "who took it back");
}

/* A list by one root that names both keys; or one, and the issuer's as retired. */
static void name_keys(const SigningKey *root, bool is_retired)
{
        const int64_t now_sec = now_realtime_usec() / 1000000;
        SigningKey one = { 0 }, two = { 0 };
        char *a, *b, *of_root, *payload = NULL, *lines;

        assert_int_equal(key_file_open(PATH_ISSUER_KEY, NULL, &one, NULL), VERB_OK);
        assert_int_equal(key_file_open(OTHER_KEY, NULL, &two, NULL), VERB_OK);
        a = is_retired ? jwk_with(&one, "") : jwk_reaching(&one);
        b = jwk_reaching(&two);
        of_root = jwk_with(root, "");
        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"*\",\"iat\":%lld,"
                             "\"ver\":%lld,\"keys\":[%s%s%s],\"retired\":[%s],\"roots\":[%s],"
                             "\"threshold\":1}",
                             (long long)now_sec, (long long)now_sec * 1000 + is_retired, b,
                             is_retired ? "" : ",", is_retired ? "" : a, is_retired ? a : "",
                             of_root) > 0);
        lines = SIGNED_BY(payload, root);
        assert_int_equal(file_replace(PATH_LEDGER_DIR "/keys.jws", lines, strlen(lines), 0644,
                                      geteuid(), getegid(), false),
                         0);
        free(a);
        free(b);
        free(of_root);
        free(payload);
        free(lines);
        signing_key_done(&one);
        signing_key_done(&two);
}

/* Between two keys of one list: what either published counts for both. */
static void in_an_overlap_the_sets_of_either_key_count(void **state) /* F5 */
{
        SigningKey root;
        char jti[64];
        int64_t ver;

        assert_int_equal(signing_key_generate(&root), 0);
        OK("key", "new", "--key", OTHER_KEY);
        grant_and_show(jti);
        name_keys(&root, false);
        OK("publish", "--key", OTHER_KEY);
        OK("publish", "--key", OTHER_KEY, "--all");
        report(1000, 5);
        ENDS(VERB_STALE, "fleet"); /* by the key of before */
        assert_in(out, "behind");
        report(0, 5);
        OK("fleet", "--json");
        ver = published_version();
        report(ver, 5);
        OK("fleet");
        OK("fleet", "--key", OTHER_KEY);

        assert_int_equal(rename(SET, KEPT), 0);
        OK("revoke", jti, "--reason", "stolen", "--key", OTHER_KEY);
        assert_int_equal(rename(KEPT, SET), 0);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "behind");
        ENDS(VERB_PROBLEM, "fleet", "--key", OTHER_KEY);
        ENDS(VERB_PROBLEM, "fleet");
        signing_key_done(&root);
}

static size_t n_keys_seen(void)
{
        json_t *doc = json_load_file(PATH_LEDGER_DIR "/" SEEN_FILE, 0, NULL);
        const size_t n = json_object_size(json_object_get(doc, "published"));

        json_decref(doc);
        return n;
}

/* A thief's version is outbid by nobody. */
static void what_a_retired_key_published_counts_for_no_other(void **state) /* F5 */
{
        SigningKey root;
        char jti[64];

        assert_int_equal(signing_key_generate(&root), 0);
        OK("key", "new", "--key", OTHER_KEY);
        grant_and_show(jti);
        revoke_in_vain(jti);
        name_keys(&root, false);
        ENDS(VERB_PROBLEM, "fleet", "--key", OTHER_KEY);
        name_keys(&root, true);
        OK("fleet", "--key", OTHER_KEY);
        assert_int_equal(n_keys_seen(), 1);
        OK("publish", "--key", OTHER_KEY);
        OK("publish", "--key", OTHER_KEY, "--all");
        assert_int_equal(n_keys_seen(), 1);
        report(0, 5);
        OK("fleet", "--key", OTHER_KEY);
        signing_key_done(&root);
}

static void without_the_issuers_key_nobody_says_who_is_behind(void **state)
{
        report(1000, 5);
        assert_int_equal(rename(PATH_ISSUER_KEY, PATH_ETC_DIR "/elsewhere"), 0);
        OK("fleet");
        assert_in(err, "--key");
        ENDS(VERB_STALE, "fleet", "--key", PATH_ETC_DIR "/elsewhere");
        assert_in(out, "behind");
}

static void to_see_the_fleet_takes_no_passphrase(void **state)
{
        static const KeyCost cheap = { 1, KEY_LOCK_MEMORY_MIN };
        SigningKey issuer = { 0 };
        char *locked = NULL;

        report(1000, 5);
        assert_int_equal(key_file_open(PATH_ISSUER_KEY, NULL, &issuer, NULL), VERB_OK);
        assert_int_equal(key_lock(&issuer, "correct horse battery staple", &cheap, &locked), 0);
        assert_int_equal(file_replace(PATH_ISSUER_KEY, locked, strlen(locked), 0600, geteuid(),
                                      getegid(), false),
                         0);
        free(locked);
        signing_key_done(&issuer);
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "behind");
        assert_null(strstr(err, "passphrase"));
}

static void quarantine_it(json_t *payload)
{
        (void)json_object_set_new(payload, "quarantined", json_integer(2));
        (void)json_object_set_new(
                payload, "quarantine",
                json_pack("[{s:s, s:s}]", "entry", "grant g-\033[2J", "code", "reach"));
}

static void refuse_it(json_t *payload)
{
        (void)json_object_set_new(payload, "refused",
                                  json_pack("{s:i, s:s}", "time", 5, "code", "version-floor"));
}

static void fail_its_log(json_t *payload)
{
        (void)json_object_set_new(json_object_get(payload, "log"), "error", json_true());
}

static void shorten_its_log(json_t *payload)
{
        (void)json_object_set_new(json_object_get(payload, "log"), "seq", json_integer(3));
}

static void what_a_host_did_not_take_is_status_1(void **state)
{
        report_with(0, 5, quarantine_it);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(err, "reach, and others");
        assert_null(strstr(err, "\033")); /* O13 */
        report_with(0, 5, refuse_it);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(err, "version-floor");
        report_with(0, 5, fail_its_log);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "failed");
}

static void a_log_that_was_cut_is_status_1_until_it_is_known(void **state) /* U02 */
{
        report(0, 5);
        OK("fleet");
        report_with(0, 5, shorten_its_log);
        ENDS(VERB_PROBLEM, "fleet");
        assert_in(out, "log-cut");
        assert_in(err, "nhictl log verify");
        report(0, 5);
        ENDS(VERB_PROBLEM, "fleet");
        OK("fleet", "--forget", HOST);
}

static void a_report_played_again_is_status_4(void **state)
{
        report(0, 5);
        OK("fleet");
        seq -= 1000;
        report(0, 5);
        ENDS(VERB_STALE, "fleet");
        assert_in(out, "replayed");
        seq += 1000;
}

static void programs_read_the_fleet_as_json(void **state)
{
        json_t *doc;
        const json_t *host;

        report(0, 5);
        OK("fleet", "--json");
        doc = json_loads(out, 0, NULL);
        assert_non_null(doc);
        host = json_array_get(json_object_get(doc, "hosts"), 0);
        assert_string_equal(document_text(host, "host"), HOST);
        assert_string_equal(document_text(host, "report"), "verified");
        assert_true(json_is_true(json_object_get(host, "well")));
        assert_true(json_is_false(json_object_get(host, "behind")));
        assert_true(json_is_null(json_object_get(host, "log_trouble")));
        assert_int_equal(json_integer_value(json_object_get(host, "sessions")), 2);
        json_decref(doc);
}

static char used_jti[64];

static void use_it(json_t *payload)
{
        (void)json_object_set_new(payload, "used",
                                  json_pack("[{s:s, s:I}]", "jti", used_jti, "at",
                                            (json_int_t)(now_realtime_usec() / 1000000)));
}

static void grants_that_nobody_uses_are_found(void **state)
{
        OK(GRANT_WORDS);
        (void)snprintf(used_jti, sizeof(used_jti), "%.*s", (int)strcspn(out, "\n"), out);
        OK("ledger", "--unused");
        assert_in(out, used_jti);
        report_with(0, 5, use_it);
        OK("fleet");
        OK("ledger", "--unused");
        assert_null(strstr(out, used_jti));
        OK("ledger");
        assert_in(out, used_jti);
}

/* ---- waiting ---- */

static void a_grant_waits_for_the_hosts_it_reaches(void **state)
{
        OK("host", "add", "web2");
        report(0, 5);
        OK(GRANT_WORDS, "--host", HOST, "--wait", "30s");
        assert_int_equal(strncmp(out, "g-", 2), 0);
        ENDS(VERB_STALE, GRANT_WORDS, "--host", HOST, "--host", "web2", "--wait", "1s");
        assert_int_equal(strncmp(out, "g-", 2), 0);
        assert_in(err, "web2: ");
        assert_in(err, "1 of 2 hosts have not reported it");
}

static void a_revocation_waits_for_them_too(void **state)
{
        char jti[64];

        OK(GRANT_WORDS);
        (void)snprintf(jti, sizeof(jti), "%.*s", (int)strcspn(out, "\n"), out);
        report(1000, 5);
        ENDS(VERB_STALE, "revoke", jti, "--reason", "over", "--wait", "1s");
        assert_in(out, "changed");
        assert_in(err, "web1: it has an older set");
        report(0, 5);
        OK("revoke", jti, "--reason", "over", "--wait", "30s");
        assert_in(out, "unchanged");
        OK("revoke", "--account", "svc-deploy", "--reason", "over", "--wait", "30s");
        ENDS(VERB_FAILED, "revoke", jti, "--reason", "over", "--no-publish", "--wait", "1s");
        assert_in(err, "nothing was published");
}

static void where_hosts_report_nowhere_a_revocation_says_so(void **state)
{
        json_t *doc = json_load_file(PATH_LEDGER_DIR "/ledger.json", 0, NULL);

        (void)json_object_del(doc, "reports");
        assert_int_equal(json_dump_file(doc, PATH_LEDGER_DIR "/ledger.json", JSON_INDENT(2)), 0);
        json_decref(doc);
        OK(GRANT_WORDS);
        ENDS(VERB_FAILED, "revoke", "--account", "svc-deploy", "--reason", "over", "--wait", "1s");
        assert_in(err, "does not say where hosts report to");
        ENDS(VERB_FAILED, "fleet");
        assert_in(err, "does not say where hosts report to");
}

static void a_place_of_reports_that_makes_no_sense_is_refused(void **state)
{
        edit_settings("reports", json_string("http://insecure/"));
        ENDS(VERB_FAILED, "fleet");
        assert_in(err, "ledger.json: reports: must be");
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define KNOWN(name) cmocka_unit_test_setup_teardown(name, setup_known, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_ledger_takes_and_shows_a_hosts_key),
                TEST(a_host_is_added_with_its_key),
                TEST(what_is_no_public_key_is_refused),
                TEST(another_key_takes_the_place_of_the_first_and_that_is_said),
                KNOWN(a_fleet_that_is_well_is_shown_with_status_0),
                KNOWN(what_is_not_to_be_believed_is_status_4_and_says_what_to_do),
                TEST(a_host_without_a_key_is_never_verified),
                KNOWN(an_old_report_is_told),
                KNOWN(a_host_with_an_older_set_is_behind),
                KNOWN(what_was_published_cannot_be_taken_back_unseen),
                KNOWN(to_look_with_another_key_forgets_nothing),
                KNOWN(in_an_overlap_the_sets_of_either_key_count),
                KNOWN(what_a_retired_key_published_counts_for_no_other),
                KNOWN(without_the_issuers_key_nobody_says_who_is_behind),
                KNOWN(to_see_the_fleet_takes_no_passphrase),
                KNOWN(what_a_host_did_not_take_is_status_1),
                KNOWN(a_log_that_was_cut_is_status_1_until_it_is_known),
                KNOWN(a_report_played_again_is_status_4),
                KNOWN(programs_read_the_fleet_as_json),
                KNOWN(grants_that_nobody_uses_are_found),
                KNOWN(a_grant_waits_for_the_hosts_it_reaches),
                KNOWN(a_revocation_waits_for_them_too),
                KNOWN(where_hosts_report_nowhere_a_revocation_says_so),
                TEST(a_place_of_reports_that_makes_no_sense_is_refused),
        };

        if (sodium_init() < 0 || signing_key_generate(&host_key) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
