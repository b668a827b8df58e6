/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Statements of freshness on their way into force: the set that they name lives on as it is. */

#include "tests/unit/recorded.h"
#include "tests/unit/two-issuers.h"

#include "nhi-agentd/sets-internal.h"
#include "nhi-agentd/state.h"

#include <dirent.h>
#include <stdatomic.h>

#define FRESH_KEY  PATH_TRUST_DIR "/fresh.jwk"
#define FRESH_CONF PATH_CONF_DIR "/10-fresh.conf"
#define HOUR       INT64_C(3600)

static atomic_bool disk_fails;
static SigningKey fresh_key;

static int fail_disk(const char *thread)
{
        return disk_fails && streq(thread, "nhi-disk") ? -ENOSPC : 0;
}

/* more: members of the issuer; reach: what the second key may sign. */
static void write_conf(const char *more, const char *reach)
{
        char text[1024];

        (void)snprintf(text, sizeof(text),
                       "issuers = ( { issuer = \"" FIXTURE_ISSUER "\"; %s keys = ( { file = "
                       "\"" FRESH_KEY "\"; reach: { sign = [ \"%s\" ]; }; } ); } );\n",
                       more, reach);
        fixture_write(FRESH_CONF, text);
}

static void write_key(void)
{
        char *jwk = NULL;

        assert_int_equal(jwk_format(&fresh_key.public, &jwk), 0);
        fixture_write(FRESH_KEY, jwk);
        free(jwk);
}

/* A set of one hour whose grant lives for eight. */
static char *set_of(Fixture *f, int64_t ver_offset)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 8 * HOUR, FIXTURE_LOGIN);

        return fixture_set(f, ver_offset, FIXTURE_ACCOUNT, grant);
}

static void offer(Fixture *f, char *jws, const char *answer)
{
        fixture_offer(f, jws);
        if (strncmp(f->line, answer, strlen(answer)) != 0)
                fail_msg("%s, expected %s", f->line, answer);
        fixture_settle(f);
}

static int setup(void **state)
{
        Fixture *f;

        disk_fails = false;
        writer_inject = fail_disk;
        agent_ahead_usec = 0;
        if (fixture_setup(state) < 0 || signing_key_generate(&fresh_key) < 0)
                return -1;
        f = *state;
        write_key();
        write_conf("", "freshness");
        fixture_restart(f);
        offer(f, set_of(f, 0), "accepted ");
        return 0;
}

static int teardown(void **state)
{
        signing_key_done(&fresh_key);
        writer_inject = NULL;
        agent_ahead_usec = 0;
        return fixture_teardown(state);
}

static void pass(Fixture *f, int64_t sec)
{
        agent_ahead_usec = sec * (int64_t)USEC_PER_SEC;
        agent_time_passed(f->agent);
        fixture_settle(f);
}

static Decision ask(const Fixture *f)
{
        const AccessRequest request = { .kind = REQUEST_ACCOUNT,
                                        .account = "svc-deploy",
                                        .uid = 70001,
                                        .class = "ssh",
                                        .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &request, agent_now(f->agent));
}

static void must_allow_until(const Fixture *f, int64_t offset_sec)
{
        const Decision d = ask(f);

        if (d.verdict != VERDICT_ALLOW)
                fail_msg("%s", reason_token(d.reason));
        assert_int_equal(d.end_sec, f->base_sec + offset_sec);
}

static void must_deny(const Fixture *f)
{
        assert_int_equal(ask(f).verdict, VERDICT_DENY);
}

static const GrantSet *set_in_force(const Fixture *f)
{
        return f->agent->issuers[0].set;
}

static char *statement(const Fixture *f, const SigningKey *key, const char *set, int64_t ver,
                       int64_t iat_sec, int64_t exp_sec)
{
        char *payload = NULL, *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                             "\",\"set\":\"%s\",\"ver\":%lld,\"iat\":%lld,\"exp\":%lld}",
                             set, (long long)ver, (long long)(f->base_sec + iat_sec),
                             (long long)(f->base_sec + exp_sec)) > 0);
        assert_int_equal(jws_sign(key, JWS_TYP_FRESHNESS, payload, strlen(payload), &jws), 0);
        free(payload);
        return jws;
}

/* Of the set in force. */
static char *fresh(const Fixture *f, int64_t iat_sec, int64_t exp_sec)
{
        return statement(f, &fresh_key, set_in_force(f)->hash, set_in_force(f)->ver, iat_sec,
                         exp_sec);
}

static char *statement_path(const Fixture *f)
{
        char *path = NULL;

        assert_true(asprintf(&path, PATH_SETS_DIR "/%s.jws", f->agent->issuers[0].fresh->hash) > 0);
        return path;
}

static void a_set_lives_on_by_it_and_no_longer(void **state) /* V21 */
{
        Fixture *f = *state;
        const GrantSet *set;

        must_allow_until(f, HOUR);
        pass(f, HOUR / 2);
        offer(f, fresh(f, HOUR / 2, HOUR / 2 + HOUR), "accepted ");
        must_allow_until(f, HOUR / 2 + HOUR);
        set = set_in_force(f);
        assert_int_equal(set->own_exp_sec, f->base_sec + HOUR);
        assert_int_equal(set->heard_sec, f->base_sec + HOUR / 2);
        pass(f, HOUR + 60);
        must_allow_until(f, HOUR / 2 + HOUR);
        offer(f, fresh(f, HOUR + 60, 2 * HOUR + 60), "accepted ");
        pass(f, 2 * HOUR);
        must_allow_until(f, 2 * HOUR + 60);
        /* Withheld from now on: over. */
        pass(f, 2 * HOUR + 61);
        must_deny(f);
}

static void without_one_a_set_has_its_own_end(void **state) /* V21 */
{
        Fixture *f = *state;

        pass(f, HOUR + 1);
        must_deny(f);
        /* The outage is over: the very same grants hold again. */
        offer(f, fresh(f, HOUR, 2 * HOUR), "accepted ");
        must_allow_until(f, 2 * HOUR);
}

static void what_was_replayed_gives_no_more_than_it_gave(void **state) /* F3 V18 V19 */
{
        Fixture *f = *state;
        _cleanup_free_ char *first = fresh(f, 10, 10 + HOUR), *second;

        pass(f, HOUR / 2);
        offer(f, strdup(first), "accepted ");
        second = fresh(f, HOUR / 2, HOUR / 2 + HOUR);
        offer(f, strdup(second), "accepted ");
        offer(f, strdup(first), "refused version-floor ");
        offer(f, strdup(second), "unchanged ");
        offer(f, fresh(f, HOUR / 2, HOUR), "refused equivocation ");
        must_allow_until(f, HOUR / 2 + HOUR);
        /* It moves nothing in. */
        offer(f, fresh(f, HOUR / 2 + 1, HOUR), "unchanged ");
        must_allow_until(f, HOUR / 2 + HOUR);
}

static void it_is_believed_of_no_other_set(void **state) /* F1 V23 */
{
        Fixture *f = *state;
        const char *const other = "00112233445566778899aabbccddeeff"
                                  "00112233445566778899aabbccddeeff";
        _cleanup_free_ char *of_first = fresh(f, 20, 20 + HOUR);
        const int64_t ver = set_in_force(f)->ver;

        pass(f, 30);
        offer(f, statement(f, &fresh_key, other, ver, 20, 20 + HOUR), "refused equivocation ");
        offer(f, statement(f, &fresh_key, other, ver - 1, 20, 20 + HOUR), "unchanged ");
        offer(f, statement(f, &fresh_key, other, ver + 7, 20, 20 + HOUR), "accepted ");
        must_allow_until(f, HOUR);
        /* A newer set lives by its own word, whatever was said of the one before. */
        offer(f, strdup(of_first), "accepted ");
        must_allow_until(f, HOUR + 20);
        offer(f, set_of(f, 5), "accepted ");
        must_allow_until(f, HOUR);
        assert_null(f->agent->issuers[0].fresh);
        offer(f, strdup(of_first), "unchanged ");
        must_allow_until(f, HOUR);
}

static void only_its_key_may_sign_it_and_nothing_else(void **state) /* V26 V38 */
{
        Fixture *f = *state;
        const SigningKey own = f->key;
        const GrantSet *set = set_in_force(f);

        offer(f, statement(f, &f->key, set->hash, set->ver, 20, 20 + HOUR), "refused reach ");
        f->key = fresh_key;
        offer(f, fixture_set(f, 9, "", ""), "refused reach ");
        offer(f, fixture_list(f, 9, "{\"kind\":\"account\",\"name\":\"svc-deploy\"}"),
              "refused reach ");
        f->key = own;
        must_allow_until(f, HOUR);
}

static void fresh_max_ends_what_statements_keep(void **state) /* F4 */
{
        Fixture *f = *state;

        write_conf("fresh_max = \"90m\";", "freshness");
        fixture_restart(f);
        pass(f, HOUR / 2 + 60);
        offer(f, fresh(f, HOUR / 2 + 60, 9 * HOUR), "accepted ");
        must_allow_until(f, HOUR * 3 / 2);
        pass(f, HOUR * 3 / 2);
        must_deny(f);
        offer(f, fresh(f, HOUR * 3 / 2, 9 * HOUR), "refused lifetime ");
        must_deny(f);
        write_conf("fresh_max = \"0s\";", "freshness");
        fixture_restart(f);
        offer(f, fresh(f, HOUR * 3 / 2, 9 * HOUR), "refused reach ");
}

static void it_outlives_a_restart(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *first = fresh(f, 10, 10 + HOUR), *path = NULL;

        pass(f, 30);
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        fixture_restart(f);
        must_allow_until(f, HOUR + 20);
        offer(f, strdup(first), "refused version-floor ");
        /* Without its archive the set has its own end, until the source brings it again. */
        path = statement_path(f);
        assert_int_equal(unlink(path), 0);
        fixture_restart(f);
        must_allow_until(f, HOUR);
        assert_string_equal(f->agent->issuers[0].fresh_refused.code, "archive");
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        must_allow_until(f, HOUR + 20);
        free(path);
        path = statement_path(f);
        fixture_write(path, first);
        fixture_restart(f);
        must_allow_until(f, HOUR);
}

static void what_cannot_be_saved_keeps_nothing(void **state) /* W1 */
{
        Fixture *f = *state;

        pass(f, 30);
        disk_fails = true;
        fixture_offer(f, fresh(f, 20, 20 + HOUR));
        assert_memory_equal(f->line, "refused not-saved ", 18);
        must_allow_until(f, HOUR);
        assert_null(state_fresh_floor(f->agent->state, FIXTURE_ISSUER));
        disk_fails = false;
        fixture_settle(f);
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        must_allow_until(f, HOUR + 20);
}

static void a_set_that_is_over_by_itself_comes_into_force_by_it(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *next = set_of(f, 7);
        char hash[65];

        content_hash(next, strlen(next), hash);
        pass(f, HOUR + 60);
        offer(f, strdup(next), "refused expired ");
        offer(f, statement(f, &fresh_key, hash, f->base_sec * 1000 + 7, HOUR, 2 * HOUR),
              "accepted ");
        must_deny(f);
        offer(f, strdup(next), "accepted ");
        must_allow_until(f, 2 * HOUR);
        fixture_settle(f);
        fixture_restart(f);
        must_allow_until(f, 2 * HOUR);
}

static bool is_its_own_end(void *userdata)
{
        const Fixture *f = userdata;

        return set_in_force(f)->exp_sec == f->base_sec + HOUR;
}

static void a_key_that_is_trusted_no_more_keeps_nothing(void **state) /* V26 */
{
        Fixture *f = *state;

        pass(f, 30);
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        write_conf("", "revocations");
        assert_int_equal(agent_reload(f->agent), 0);
        fixture_settle(f);
        assert_true(fixture_until(f, is_its_own_end, f));
        must_allow_until(f, HOUR);
}

static void a_key_that_a_list_names_keeps_nothing(void **state) /* V26 */
{
        Fixture *f = *state;
        char entry[128];

        pass(f, 30);
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        (void)snprintf(entry, sizeof(entry), "{\"kind\":\"key\",\"name\":\"%s\"}",
                       fresh_key.public.kid);
        offer(f, fixture_list(f, 1, entry), "accepted ");
        fixture_settle(f);
        must_allow_until(f, HOUR);
        offer(f, fresh(f, 30, 30 + HOUR), "refused key-revoked ");
        must_allow_until(f, HOUR);
}

/* The list is of an issuer behind the set's, and nothing offers it anew. */
static void a_restart_gives_a_named_key_nothing_back(void **state) /* V26 */
{
        Fixture *f = *state;
        char entry[256];
        SigningKey other;

        revoking_issuer(&other);
        fixture_restart(f);
        pass(f, 30);
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        must_allow_until(f, HOUR + 20);
        (void)snprintf(entry, sizeof(entry),
                       "{\"kind\":\"key\",\"name\":\"%s\",\"issuer\":\"" FIXTURE_ISSUER "\"}",
                       fresh_key.public.kid);
        offer(f, other_list(f, &other, 1, entry), "accepted ");
        must_allow_until(f, HOUR);
        fixture_restart(f);
        must_allow_until(f, HOUR);
        signing_key_done(&other);
}

static int64_t boot_end_sec(const Fixture *f)
{
        return agent_grant(f->agent, "g-1")->boot_end_usec / (int64_t)USEC_PER_SEC;
}

static void a_clock_set_back_since_moves_no_end_out_with_it(void **state) /* T01 */
{
        Fixture *f = *state;
        int64_t end_sec;

        pass(f, 30);
        end_sec = boot_end_sec(f);
        offer(f, fresh(f, 10, 10 + HOUR), "accepted ");
        assert_in_range(boot_end_sec(f), end_sec + 9, end_sec + 11);
        end_sec = boot_end_sec(f);
        /* The set was judged five minutes from here, says the wall clock. */
        f->agent->issuers[0].judged.real_usec += 300 * (int64_t)USEC_PER_SEC;
        offer(f, fresh(f, 20, 20 + HOUR), "accepted ");
        assert_in_range(boot_end_sec(f), end_sec + 9 - 300, end_sec + 11 - 300);
}

#define TO_COME                                                                                    \
        "00112233445566778899aabbccddeeff"                                                         \
        "00112233445566778899aabbccddeeff"

static char *of_a_set_to_come(const Fixture *f, int64_t ver_offset)
{
        return statement(f, &fresh_key, TO_COME, f->base_sec * 1000 + ver_offset, 20, 20 + HOUR);
}

static void what_waits_under_a_key_that_is_gone_holds_nothing_up(void **state) /* V26 */
{
        Fixture *f = *state;
        const Config *before = f->agent->config;

        pass(f, 30);
        offer(f, of_a_set_to_come(f, 50000), "accepted ");
        offer(f, of_a_set_to_come(f, 7), "unchanged ");
        signing_key_done(&fresh_key);
        assert_int_equal(signing_key_generate(&fresh_key), 0);
        write_key();
        assert_int_equal(agent_reload(f->agent), 0);
        for (unsigned i = 0; i < 500 && f->agent->config == before; i++)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        fixture_settle(f);
        offer(f, of_a_set_to_come(f, 7), "accepted ");
        assert_string_equal(f->agent->issuers[0].fresh_next->kid, fresh_key.public.kid);
}

static void nobody_asks_for_it_where_no_key_signs_it(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, geteuid(), 65536, &text, &size), 0);
        assert_non_null(strstr(text, "/" FIXTURE_HOST "_fresh.jws"));
        free(TAKE_PTR(text));
        write_conf("", "revocations");
        fixture_restart(f);
        assert_int_equal(publish_sources(f->agent->config), 0);
        assert_int_equal(file_read_trusted(PATH_SOURCES_RUN, geteuid(), 65536, &text, &size), 0);
        assert_null(strstr(text, "_fresh"));
}

/* ---- those that come too fast ---- */

#define BURST 16 /* that are taken at once; then one a minute */

static unsigned n_files(const char *path)
{
        DIR *dir = opendir(path);
        unsigned n = 0;

        assert_non_null(dir);
        for (const struct dirent *e; (e = readdir(dir));)
                n += strstr(e->d_name, ".jws") != NULL;
        (void)closedir(dir);
        return n;
}

static unsigned n_kept(Fixture *f)
{
        (void)recorded_n(f);
        return n_files(PATH_LOG_DIR "/sets");
}

/* Each is of a second later, and gives a second more. */
static void offer_many(Fixture *f, int64_t from_sec, int n, int64_t end_sec)
{
        for (int i = 1; i <= n; i++)
                offer(f, fresh(f, from_sec + i, end_sec + i), "accepted ");
}

static void a_freshness_key_fills_neither_the_log_nor_the_disk(void **state) /* A5, A14 */
{
        Fixture *f = *state;
        const uint64_t n_before = recorded_n(f);
        const unsigned n_sets = n_kept(f);

        pass(f, 10);
        offer_many(f, 0, 50, HOUR);
        assert_int_equal(recorded_n(f), n_before + BURST);
        assert_int_equal(n_kept(f), n_sets + BURST); /* what a record cites, and no more */
        must_allow_until(f, HOUR + BURST);
        /* The newest has waited for its turn. */
        pass(f, 75);
        must_allow_until(f, HOUR + 50);
        assert_int_equal(recorded_n(f), n_before + BURST + 1);
        for (int minute = 2; minute <= 5; minute++) {
                pass(f, 60 * minute - 20);
                offer_many(f, 60 * minute - 30, 20, HOUR + 60 * minute - 30);
                pass(f, 60 * minute + 15);
                must_allow_until(f, HOUR + 60 * minute - 10);
        }
        assert_int_equal(recorded_n(f), n_before + BURST + 1 + 4);
        assert_int_equal(n_files(PATH_SETS_DIR), 1 + 1);
}

static void of_statements_the_newest_stays_archived(void **state)
{
        Fixture *f = *state;

        offer(f, set_of(f, 1), "accepted ");
        for (int i = 1; i <= 5; i++) {
                _cleanup_free_ char *path = NULL;

                pass(f, 60 * i);
                offer(f, fresh(f, 60 * i, 60 * i + HOUR), "accepted ");
                path = statement_path(f);
                assert_int_equal(access(path, F_OK), 0);
                assert_int_equal(n_files(PATH_SETS_DIR), 2 + 1); /* both sets */
        }
        fixture_restart(f);
        must_allow_until(f, 5 * 60 + HOUR);
        /* Of a set before, it is named until state.json is written again. */
        offer(f, set_of(f, 2), "accepted ");
        fixture_restart(f);
        assert_string_equal(f->agent->issuers[0].fresh_refused.code, "");
}

static void what_waits_for_its_turn_takes_it_whatever_happens_meanwhile(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *last = fresh(f, BURST + 5, HOUR + BURST + 5);

        pass(f, 10);
        offer_many(f, 0, BURST, HOUR);
        offer(f, strdup(last), "accepted ");
        /* Said again, or overtaken. */
        offer(f, strdup(last), "accepted ");
        offer(f, fresh(f, BURST + 4, HOUR + BURST + 4), "refused version-floor ");
        offer(f, fresh(f, BURST + 6, HOUR + BURST + 5), "unchanged ");
        must_allow_until(f, HOUR + BURST);
        /* It cannot be saved at first. */
        disk_fails = true;
        pass(f, 75);
        must_allow_until(f, HOUR + BURST);
        disk_fails = false;
        pass(f, 140);
        must_allow_until(f, HOUR + BURST + 5);
        assert_null(f->agent->issuers[0].fresh_later);
}

static void what_waits_for_its_turn_goes_with_its_set(void **state)
{
        Fixture *f = *state;

        pass(f, 10);
        offer_many(f, 0, BURST + 5, HOUR);
        assert_non_null(f->agent->issuers[0].fresh_later);
        offer(f, set_of(f, 7), "accepted ");
        assert_null(f->agent->issuers[0].fresh_later);
        pass(f, 75);
        must_allow_until(f, HOUR);
}

static void what_waits_under_a_key_that_is_named_meanwhile_gives_nothing(void **state) /* V26 */
{
        Fixture *f = *state;
        char entry[128];

        pass(f, 10);
        offer_many(f, 0, BURST + 5, HOUR);
        (void)snprintf(entry, sizeof(entry), "{\"kind\":\"key\",\"name\":\"%s\"}",
                       fresh_key.public.kid);
        offer(f, fixture_list(f, 1, entry), "accepted ");
        pass(f, 75);
        assert_null(f->agent->issuers[0].fresh_later);
        must_allow_until(f, HOUR);
}

/* However many came: a set that is about to be over does not wait for a turn. */
static void the_last_one_before_an_end_is_taken_at_once(void **state) /* A5 */
{
        Fixture *f = *state;

        pass(f, HOUR - 30);
        offer_many(f, HOUR - 30, BURST, HOUR);
        must_allow_until(f, HOUR + BURST);
        offer(f, fresh(f, HOUR - 10, HOUR + BURST + 1), "accepted ");
        must_allow_until(f, HOUR + BURST);
        offer(f, fresh(f, HOUR - 9, 2 * HOUR - 9), "accepted ");
        must_allow_until(f, 2 * HOUR - 9);
}

static char *short_set(Fixture *f, int64_t life_sec)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 8 * HOUR, FIXTURE_LOGIN);
        _cleanup_free_ char *payload = NULL;
        char *jws = NULL;

        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                             "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\","
                             "\"accounts\":[" FIXTURE_ACCOUNT "],\"grants\":[%s]}",
                             (long long)f->base_sec, (long long)(f->base_sec + life_sec),
                             (long long)(f->base_sec * 1000 + 5), grant) > 0);
        assert_int_equal(jws_sign(&f->key, JWS_TYP_GRANTS, payload, strlen(payload), &jws), 0);
        return jws;
}

static void a_set_of_a_short_life_is_kept_by_as_many(void **state)
{
        enum { LIFE = 160 };
        Fixture *f = *state;

        offer(f, short_set(f, LIFE), "accepted ");
        /* Twice as many as in its life are taken at once. */
        for (int i = 1; i <= 40; i++) {
                pass(f, i * LIFE / 8);
                offer(f, fresh(f, i * LIFE / 8, i * LIFE / 8 + LIFE), "accepted ");
                must_allow_until(f, i * LIFE / 8 + LIFE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(a_set_lives_on_by_it_and_no_longer),
                TEST(without_one_a_set_has_its_own_end),
                TEST(what_was_replayed_gives_no_more_than_it_gave),
                TEST(it_is_believed_of_no_other_set),
                TEST(only_its_key_may_sign_it_and_nothing_else),
                TEST(fresh_max_ends_what_statements_keep),
                TEST(it_outlives_a_restart),
                TEST(what_cannot_be_saved_keeps_nothing),
                TEST(a_set_that_is_over_by_itself_comes_into_force_by_it),
                TEST(a_key_that_is_trusted_no_more_keeps_nothing),
                TEST(a_key_that_a_list_names_keeps_nothing),
                TEST(a_restart_gives_a_named_key_nothing_back),
                TEST(a_clock_set_back_since_moves_no_end_out_with_it),
                TEST(what_waits_under_a_key_that_is_gone_holds_nothing_up),
                TEST(nobody_asks_for_it_where_no_key_signs_it),
                TEST(a_freshness_key_fills_neither_the_log_nor_the_disk),
                TEST(of_statements_the_newest_stays_archived),
                TEST(what_waits_for_its_turn_takes_it_whatever_happens_meanwhile),
                TEST(what_waits_for_its_turn_goes_with_its_set),
                TEST(what_waits_under_a_key_that_is_named_meanwhile_gives_nothing),
                TEST(the_last_one_before_an_end_is_taken_at_once),
                TEST(a_set_of_a_short_life_is_kept_by_as_many),
#undef TEST
        };

        return cmocka_run_group_tests_name("sets-fresh", tests, NULL, NULL);
}
