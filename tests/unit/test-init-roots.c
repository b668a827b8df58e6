/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init --source --root: a host believes what its issuer's roots say, and only after they
 * were seen to say something at that very source. */

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhi-agentd/config/config.h"
#include "nhictl/fingerprint.h"
#include "nhictl/init.h"
#include "nhictl/key.h"
#include "tests/unit/keylist-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#define ISSUER "https://g.example.org"
#define NOW    1763760000ll
#define CONFIG PATH_CONF_DIR "/" INIT_SOURCE_CONF
#define GIVEN  PATH_ROOT "/given-roots"
#define SOURCE PATH_ROOT "/source-roots"
#define MIRROR PATH_ROOT "/mirror-roots"
#define LIST   "/" KEYLIST_NAME ".jws"
#define N      3

static SigningKey root[N], signer;
static char file[N][sizeof(GIVEN) + 16], hex[N][FINGERPRINT_HEX_SIZE];
static const char *roots[KEYLIST_ROOTS_MAX + 1], *thumbprints[N + 1], *sources[2];

static void put(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), false),
                         0);
}

static int no_root(void **state)
{
        return system("rm -rf " PATH_ETC_DIR " " GIVEN " " SOURCE " " MIRROR);
}

/* The roots' files, and a key list that the first two of them signed. */
static char *list_of(long long ver, unsigned threshold, const char *iss)
{
        _cleanup_free_ char *key = jwk_reaching(&signer), *a = jwk_with(&root[0], ""),
                            *b = jwk_with(&root[1], ""), *c = jwk_with(&root[2], "");
        char *text = NULL;

        assert_true(asprintf(&text,
                             "{\"format\":1,\"iss\":\"%s\",\"aud\":\"*\",\"iat\":%lld,\"ver\":%lld,"
                             "\"keys\":[%s],\"roots\":[%s,%s,%s],\"threshold\":%u}",
                             iss, NOW, ver, key, a, b, c, threshold) > 0);
        return text;
}

static void publish(const char *place, long long ver)
{
        _cleanup_free_ char *payload = list_of(ver, 2, ISSUER);
        _cleanup_free_ char *lines = SIGNED_BY(payload, &root[0], &root[1]);

        put(place, lines);
}

static void put_root(size_t i)
{
        _cleanup_free_ char *jwk = jwk_with(&root[i], ",\"iss\":\"" ISSUER "\"");

        put(file[i], jwk);
}

static int fresh_root(void **state)
{
        static const char *const dirs[] = { PATH_ROOT, PATH_ROOT "/etc", GIVEN, SOURCE, MIRROR };

        assert_int_equal(no_root(state), 0);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                (void)mkdir(dirs[i], 0755);
        assert_int_equal(signing_key_generate(&signer), 0);
        for (size_t i = 0; i < N; i++) {
                assert_int_equal(signing_key_generate(&root[i]), 0);
                (void)snprintf(file[i], sizeof(file[i]), GIVEN "/%zu.jwk", i);
                put_root(i);
                roots[i] = file[i];
                thumbprints[i] = fingerprint_hex(&root[i].public, hex[i]);
        }
        publish(SOURCE LIST, NOW * 1000);
        sources[0] = SOURCE;
        return 0;
}

static InitOptions options(void)
{
        return (InitOptions){ .sources = { sources, 1 },
                              .roots = { roots, N },
                              .threshold = 2,
                              .thumbprints = { thumbprints, N },
                              .name = "web1.example.org" };
}

static int run(const InitOptions *o)
{
        const Call call = { .now_sec = NOW };

        return init_source(&call, o);
}

static void nothing_is_there(void)
{
        assert_int_equal(access(PATH_ETC_DIR, F_OK), -1);
}

static void refused(const InitOptions *o, int status)
{
        assert_int_equal(run(o), status);
        nothing_is_there();
}

/* What the agent makes of it; for config_free(). */
static Config *agent_reads(void)
{
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        if (config_load(CONFIG, PATH_ROOT "/none.d", &c, error) < 0)
                fail_msg("%s", error);
        assert_int_equal(c->n_issuers, 1);
        return c;
}

static bool has_root(const Config *c, const SigningKey *key)
{
        const SetPolicy *p = &c->issuers[0].policy;

        for (size_t i = 0; i < p->n_roots; i++)
                if (streq(p->roots[i].kid, key->public.kid))
                        return true;
        return false;
}

static void the_agent_reads_the_roots_and_their_threshold(void **state)
{
        InitOptions o = options();
        Config *c;

        assert_int_equal(run(&o), VERB_OK);
        c = agent_reads();
        assert_string_equal(c->issuers[0].issuer, ISSUER);
        assert_string_equal(c->host_name, "web1.example.org");
        assert_int_equal(c->issuers[0].policy.n_keys, 0);
        assert_int_equal(c->issuers[0].policy.n_roots, N);
        assert_int_equal(c->issuers[0].policy.root_threshold, 2);
        for (size_t i = 0; i < N; i++)
                assert_true(has_root(c, &root[i]));
        config_free(c);
}

static void a_single_root_needs_no_threshold(void **state)
{
        InitOptions o = options();
        Config *c;

        o.roots.n = o.thumbprints.n = 1;
        o.threshold = 0;
        assert_int_equal(run(&o), VERB_OK);
        c = agent_reads();
        assert_int_equal(c->issuers[0].policy.n_roots, 1);
        assert_int_equal(c->issuers[0].policy.root_threshold, 1);
        config_free(c);
}

static void of_several_somebody_says_how_many(void **state)
{
        InitOptions o = options();

        o.threshold = 0;
        refused(&o, VERB_USAGE);
        o.threshold = N + 1;
        refused(&o, VERB_USAGE);
        o.threshold = N; /* of which the list has two signatures */
        refused(&o, VERB_STALE);
        o.threshold = 2;
        assert_int_equal(run(&o), VERB_OK);
}

static void roots_or_a_key_and_not_both(void **state)
{
        InitOptions o = options();

        o.trust = file[0];
        refused(&o, VERB_USAGE);
        o.roots.n = 0;
        refused(&o, VERB_USAGE); /* a threshold, and no roots */
        o.threshold = 0;
        o.trust = NULL;
        refused(&o, VERB_USAGE);
}

static void as_many_roots_as_the_agent_takes(void **state)
{
        InitOptions o = options();
        for (size_t i = N; i <= KEYLIST_ROOTS_MAX; i++)
                roots[i] = roots[0];
        o.roots.n = KEYLIST_ROOTS_MAX + 1;
        refused(&o, VERB_USAGE);
        o.roots.n = KEYLIST_ROOTS_MAX;
        refused(&o, VERB_USAGE); /* the same key twice is no second root */
        o.roots.n = N;
        assert_int_equal(run(&o), VERB_OK);
}

static void bad_files_are_refused_whichever_they_are(void **state)
{
        InitOptions o = options();
        char *private = NULL;

        put(file[2], "{\"kty\":\"OKP\"}");
        refused(&o, VERB_STALE);
        put(file[2], "no json");
        refused(&o, VERB_STALE);
        assert_int_equal(signing_key_format(&root[2], &private), 0);
        put(file[2], private);
        refused(&o, VERB_STALE);
        free(private);
        put(file[2], "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"iss\":\"https://evil.example.org\","
                     "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
        refused(&o, VERB_USAGE);
        roots[2] = GIVEN "/none";
        refused(&o, VERB_FAILED);
}

/* ---- by eye ---- */

static void each_root_is_compared(void **state)
{
        InitOptions o = options();
        const char *last = thumbprints[N - 1];

        thumbprints[N - 1] = hex[0];
        refused(&o, VERB_STALE);
        o.thumbprints.n = N - 1;
        refused(&o, VERB_STALE);
        thumbprints[N - 1] = "90fa cafe";
        o.thumbprints.n = N;
        refused(&o, VERB_USAGE);
        thumbprints[N - 1] = last;
        assert_int_equal(run(&o), VERB_OK);
}

/* Left out, it would lower how many have to agree. */
static void a_root_that_was_told_and_is_not_given_is_missed(void **state)
{
        InitOptions o = options();

        o.roots.n = 2;
        refused(&o, VERB_STALE);
        o.thumbprints.n = 2;
        assert_int_equal(run(&o), VERB_OK);
}

static void nobody_is_asked_about_what_agentd_conf_believes(void **state)
{
        InitOptions o = options();
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), input = dup(STDIN_FILENO);
        const char *first = roots[0];

        assert_true(dup2(null, STDIN_FILENO) == STDIN_FILENO);
        o.thumbprints.n = 0;
        refused(&o, VERB_USAGE);
        o.yes = true;
        assert_int_equal(run(&o), VERB_OK);
        o.yes = false;
        roots[0] = roots[1]; /* in another order they are the same */
        roots[1] = first;
        assert_int_equal(run(&o), VERB_OK);
        /* A file that is left over is no consent. */
        assert_int_equal(unlink(CONFIG), 0);
        assert_int_equal(run(&o), VERB_USAGE);
        assert_int_equal(access(CONFIG, F_OK), -1);
        (void)dup2(input, STDIN_FILENO);
        (void)close(input);
        (void)close(null);
}

/* ---- at the source ---- */

static void without_a_list_that_they_signed_nothing_is_written(void **state) /* K1 */
{
        InitOptions o = options();
        _cleanup_free_ char *payload = list_of(NOW * 1000, 2, ISSUER),
                            *foreign = list_of(NOW * 1000, 2, "https://evil.example.org"),
                            *early = list_of((NOW + 3600) * 1000, 2, ISSUER), *lines = NULL;

        assert_int_equal(unlink(SOURCE LIST), 0);
        refused(&o, VERB_FAILED);
        put(SOURCE LIST, "no list");
        refused(&o, VERB_STALE);
        lines = SIGNED_BY(payload, &root[0]);
        put(SOURCE LIST, lines);
        refused(&o, VERB_STALE);
        free(lines);
        lines = SIGNED_BY(payload, &root[0], &signer);
        put(SOURCE LIST, lines);
        refused(&o, VERB_STALE);
        free(lines);
        lines = SIGNED_BY(foreign, &root[0], &root[1]);
        put(SOURCE LIST, lines);
        refused(&o, VERB_STALE);
        free(lines);
        lines = SIGNED_BY(early, &root[0], &root[1]);
        put(SOURCE LIST, lines);
        refused(&o, VERB_STALE);
        sources[0] = GIVEN "/none/web1.jws";
        refused(&o, VERB_FAILED);
}

static void a_set_s_file_stands_for_its_directory(void **state)
{
        InitOptions o = options();
        Config *c;

        sources[0] = "file://" SOURCE "/web1.example.org.jws";
        assert_int_equal(run(&o), VERB_OK);
        c = agent_reads();
        assert_string_equal(c->issuers[0].source.path, SOURCE "/web1.example.org.jws");
        config_free(c);
}

static void of_all_mirrors_the_newest_list_counts(void **state)
{
        const Call call = { .now_sec = NOW };
        InitOptions o = options();
        InitTrust trust = { 0 };
        KeyList *list = NULL;

        sources[1] = MIRROR;
        o.sources.n = 2;
        assert_int_equal(init_trust_read(&o, &trust), VERB_OK);
        assert_int_equal(init_keylist_read(&call, &o, &trust, &list), VERB_OK);
        assert_int_equal(list->ver, NOW * 1000);
        list = key_list_free(list);
        put(MIRROR LIST, "no list"); /* and one that lies keeps nobody from the others */
        assert_int_equal(init_keylist_read(&call, &o, &trust, &list), VERB_OK);
        list = key_list_free(list);
        publish(MIRROR LIST, NOW * 1000 + 1);
        assert_int_equal(init_keylist_read(&call, &o, &trust, &list), VERB_OK);
        assert_int_equal(list->ver, NOW * 1000 + 1);
        assert_int_equal(list->n_signing, 1);
        key_list_free(list);
        publish(SOURCE LIST, NOW * 1000 + 2);
        assert_int_equal(init_keylist_read(&call, &o, &trust, &list), VERB_OK);
        assert_int_equal(list->ver, NOW * 1000 + 2);
        key_list_free(list);
        init_trust_done(&trust);
}

/* An image is made where the source is not. */
static void who_does_not_wait_does_not_ask_the_source(void **state)
{
        InitOptions o = options();

        assert_int_equal(unlink(SOURCE LIST), 0);
        o.no_wait = true;
        assert_int_equal(run(&o), VERB_OK);
        config_free(agent_reads());
}

/* No name is hidden behind others. */
static void all_that_a_key_may_sign_is_told(void **state)
{
        static const char any[] = "\"accounts\":[\"*\"]";
        _cleanup_free_ char *payload = list_of(NOW * 1000, 2, ISSUER), *narrow = NULL,
                            *lines = NULL;
        const char *at = strstr(payload, any);
        InitOptions o = options();
        char names[8192], name[32];
        size_t used = 0;
        int saved, fd, r;

        for (int i = 0; i < 200; i++)
                used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\"svc-%05d\"",
                                         i > 0 ? "," : "", i);
        assert_true(asprintf(&narrow, "%.*s\"accounts\":[%s]%s", (int)(at - payload), payload,
                             names, at + strlen(any)) > 0);
        lines = SIGNED_BY(narrow, &root[0], &root[1]);
        put(SOURCE LIST, lines);
        fd = redirect(stderr, &saved);
        r = run(&o);
        restore(stderr, saved);
        slurp(fd, err);
        assert_int_equal(r, VERB_OK);
        for (int i = 0; i < 200; i++) {
                (void)snprintf(name, sizeof(name), "svc-%05d", i);
                assert_said(name);
        }
        assert_said(signer.public.kid);
        assert_said("  sign: accounts, ssh_keys, grants, revocations\n");
        assert_said("  run_as: *\n");
        assert_said("  lifetime_max: 1d\n");
}

/* ---- what is there already ---- */

static void another_threshold_or_root_is_another_setup(void **state)
{
        InitOptions o = options();
        Config *c;

        assert_int_equal(run(&o), VERB_OK);
        o.threshold = 1;
        assert_int_equal(run(&o), VERB_FAILED);
        o.threshold = 2;
        o.roots.n = o.thumbprints.n = 2;
        assert_int_equal(run(&o), VERB_FAILED);
        c = agent_reads();
        assert_int_equal(c->issuers[0].policy.n_roots, N);
        assert_int_equal(c->issuers[0].policy.root_threshold, 2);
        config_free(c);
        o.replace = true;
        assert_int_equal(run(&o), VERB_OK);
        c = agent_reads();
        assert_int_equal(c->issuers[0].policy.n_roots, 2);
        assert_false(has_root(c, &root[2]));
        config_free(c);
}

static void from_a_key_to_its_roots_is_another_setup(void **state)
{
        InitOptions o = options(), key = options();
        Config *c;

        key.trust = file[0];
        key.roots.n = 0;
        key.threshold = 0;
        key.thumbprints.n = 1;
        assert_int_equal(run(&key), VERB_OK);
        assert_int_equal(run(&o), VERB_FAILED);
        o.replace = true;
        assert_int_equal(run(&o), VERB_OK);
        c = agent_reads();
        assert_int_equal(c->issuers[0].policy.n_keys, 0);
        config_free(c);
        assert_int_equal(run(&key), VERB_FAILED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_root)
        const struct CMUnitTest tests[] = {
                T(the_agent_reads_the_roots_and_their_threshold),
                T(a_single_root_needs_no_threshold),
                T(of_several_somebody_says_how_many),
                T(roots_or_a_key_and_not_both),
                T(as_many_roots_as_the_agent_takes),
                T(bad_files_are_refused_whichever_they_are),
                T(each_root_is_compared),
                T(a_root_that_was_told_and_is_not_given_is_missed),
                T(nobody_is_asked_about_what_agentd_conf_believes),
                T(without_a_list_that_they_signed_nothing_is_written),
                T(a_set_s_file_stands_for_its_directory),
                T(of_all_mirrors_the_newest_list_counts),
                T(who_does_not_wait_does_not_ask_the_source),
                T(all_that_a_key_may_sign_is_told),
                T(another_threshold_or_root_is_another_setup),
                T(from_a_key_to_its_roots_is_another_setup),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, no_root);
}
