/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init --source, on a root of its own where no systemd runs. Whatever is refused is refused
 * before anything is there. */

#include "nhictl/fingerprint.h"
#include "nhictl/key.h"
#include "tests/unit/init-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <libconfig.h>
#include <pty.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>

static void nothing_is_there(void)
{
        assert_int_equal(access(PATH_ETC_DIR, F_OK), -1);
        assert_int_equal(access(DROP_IN, F_OK), -1);
}

/* What agentd.conf says, by libconfig's own reader. */
static void config_says(const char *place, const char *text)
{
        const char *found = NULL;
        config_t config;

        config_init(&config);
        assert_true(config_read_file(&config, CONFIG));
        assert_true(config_lookup_string(&config, place, &found));
        assert_string_equal(found, text);
        config_destroy(&config);
}

static void urls_are_what_publishing_calls_them(void **state)
{
        InitOptions o =
                options(URLS("https://a.example.org/sets/", "https://b.example.org/{host}.x"));

        assert_int_equal(run(&o), VERB_OK);
        config_says("host.name", "web1.example.org");
        config_says("issuers.[0].issuer", "https://g.example.org");
        config_says("issuers.[0].source.type", "https");
        config_says("issuers.[0].source.urls.[0]", "https://a.example.org/sets/{host}.jws");
        config_says("issuers.[0].source.urls.[1]", "https://b.example.org/{host}.x");
        config_says("issuers.[0].keys.[0].file", TRUST);
        assert_non_null(strstr(content(TRUST), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
}

static void members_of_etcd_stand_in_one_url(void **state)
{
        InitOptions o =
                options(URLS("etcd://e1.example.org:2379,e2.example.org:2379/fleet/{host}"));

        assert_int_equal(run(&o), VERB_OK);
        config_says("issuers.[0].source.type", "etcd");
        config_says("issuers.[0].source.urls.[1]", "https://e2.example.org:2379");
        config_says("issuers.[0].source.etcd_key", "/fleet/{host}");
}

static void a_directory_holds_this_host_s_file(void **state)
{
        InitOptions o = options(URLS("file://" PATH_ROOT));

        assert_int_equal(run(&o), VERB_OK);
        config_says("issuers.[0].source.path", PATH_ROOT "/web1.example.org.jws");
}

static void urls_that_cannot_be_are_refused_before_anything_changes(void **state)
{
        static const struct {
                const char *url, *second;
                bool with_token;
        } cases[] = {
                { .url = "http://grants.example.org/sets/" },
                { .url = "ftp://grants.example.org/sets/" },
                { .url = "https://user:secret@grants.example.org/" },
                { .url = "https://" },
                { .url = "https://grants.example.org/{host}/{host}" },
                { .url = "https://grants.example.org/a?key=secret" },
                { .url = "https://grants.example.org/\"; keys = ( ); x = \"" },
                { .url = "relative/path" },
                { .url = "etcd://" },
                { .url = "etcd://,b:2379" },
                { .url = "etcd://a:2379", .second = "etcd://b:2379" },
                { .url = "https://a.example.org/", .second = "etcd://b:2379" },
                { .url = "https://a.example.org/", .second = "http://b.example.org/" },
                { .url = "/srv/sets", .with_token = true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *urls[] = { cases[i].url, cases[i].second };
                InitOptions o = options((ArgList){ urls, cases[i].second ? 2 : 1 });

                if (cases[i].with_token)
                        o.access.token_file = GIVEN "token";
                assert_int_equal(run(&o), VERB_USAGE);
                nothing_is_there();
        }
}

/* ---- the key ---- */

static void the_thumbprint_decides(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        char words[FINGERPRINT_TEXT_SIZE];
        Jwk key;

        thumbprints[0] = "80facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89";
        assert_int_equal(run(&o), VERB_STALE);
        nothing_is_there();
        o.yes = true; /* it outranks --yes */
        assert_int_equal(run(&o), VERB_STALE);
        nothing_is_there();
        thumbprints[0] = "90fa cafe";
        assert_int_equal(run(&o), VERB_USAGE);
        nothing_is_there();

        assert_int_equal(jwk_parse(jwk, strlen(jwk), &key), 0);
        thumbprints[0] = fingerprint_words(&key, words);
        o.yes = false;
        assert_int_equal(run(&o), VERB_OK);
}

/* The master of a terminal; the slave is our standard input and error until it is taken back. */
typedef struct Terminal {
        int master, input, error;
} Terminal;

static void sit_down(Terminal *t, const char *answer)
{
        int slave;

        assert_int_equal(openpty(&t->master, &slave, NULL, NULL, NULL), 0);
        t->input = dup(STDIN_FILENO);
        t->error = dup(STDERR_FILENO);
        assert_true(dup2(slave, STDIN_FILENO) == STDIN_FILENO);
        assert_true(dup2(slave, STDERR_FILENO) == STDERR_FILENO);
        (void)close(slave);
        clearerr(stdin);
        assert_int_equal(write(t->master, answer, strlen(answer)), strlen(answer));
}

static void leave(Terminal *t)
{
        (void)dup2(t->input, STDIN_FILENO);
        (void)dup2(t->error, STDERR_FILENO);
        (void)close(t->input);
        (void)close(t->error);
        (void)close(t->master);
}

static void nobody_at_the_terminal_is_no_consent(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), input = dup(STDIN_FILENO);

        o.thumbprints.n = 0;
        assert_true(dup2(null, STDIN_FILENO) == STDIN_FILENO);
        assert_int_equal(run(&o), VERB_USAGE);
        nothing_is_there();
        o.yes = true;
        assert_int_equal(run(&o), VERB_OK);
        (void)dup2(input, STDIN_FILENO);
        (void)close(input);
        (void)close(null);
}

static void who_sits_there_is_asked_and_only_yes_is_yes(void **state)
{
        static const char *const no[] = { "\n", "y\n", "YES\n", "no\n", "yes please\n", "\004" };
        InitOptions o = options(URLS("https://a.example.org/"));
        Terminal t;
        int r;

        o.thumbprints.n = 0;
        for (size_t i = 0; i < ELEMENTSOF(no); i++) {
                sit_down(&t, no[i]);
                r = run(&o);
                leave(&t);
                assert_int_equal(r, VERB_STALE);
                nothing_is_there();
        }
        sit_down(&t, "yes\n");
        r = run(&o);
        leave(&t);
        assert_int_equal(r, VERB_OK);
}

static void a_key_that_is_believed_already_is_not_asked_about(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), input = dup(STDIN_FILENO);

        assert_int_equal(run(&o), VERB_OK);
        o.thumbprints.n = 0;
        assert_true(dup2(null, STDIN_FILENO) == STDIN_FILENO);
        assert_int_equal(run(&o), VERB_OK);
        (void)dup2(input, STDIN_FILENO);
        (void)close(input);
        (void)close(null);
}

static void a_private_key_is_refused_and_goes_nowhere(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        SigningKey key = { 0 };
        char *text = NULL;

        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(signing_key_format(&key, &text), 0);
        put(GIVEN "key.jwk", text);
        o.issuer = "https://g.example.org";
        o.thumbprints.n = 0;
        o.yes = true;
        assert_int_equal(run(&o), VERB_STALE);
        nothing_is_there();
        free(text);
        put(GIVEN "key.jwk", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
        assert_int_equal(run(&o), VERB_STALE);
        nothing_is_there();
}

static void what_is_no_key_is_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "{}",
                "not json",
                "{\"kty\":\"RSA\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        };
        InitOptions o = options(URLS("https://a.example.org/"));

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                put(GIVEN "key.jwk", texts[i]);
                assert_int_equal(run(&o), VERB_STALE);
                nothing_is_there();
        }
        o.trust = GIVEN "none";
        assert_int_equal(run(&o), VERB_FAILED);
        nothing_is_there();
}

/* ---- credentials ---- */

static void secrets_are_credentials_and_never_configuration(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        struct stat st;

        o.access = (StoreAccess){ .ca_file = GIVEN "ca.pem",
                                  .certificate = GIVEN "ca.pem",
                                  .certificate_key = GIVEN "key.pem",
                                  .token_file = GIVEN "token" };
        assert_int_equal(run(&o), VERB_OK);
        config_says("issuers.[0].source.token", "source-token");
        config_says("issuers.[0].source.certificate", "source-certificate");
        config_says("issuers.[0].source.certificate_key", "source-certificate-key");
        config_says("issuers.[0].source.ca_file", PATH_TRUST_DIR "/source-ca.pem");
        assert_null(strstr(content(CONFIG), "s3cret"));
        assert_string_equal(content(PATH_PRIVATE_DIR "/source-token"), "s3cret");
        assert_non_null(strstr(content(DROP_IN),
                               "LoadCredential=source-token:" PATH_PRIVATE_DIR "/source-token\n"));
        assert_null(strstr(content(DROP_IN), "source-user"));
        assert_int_equal(stat(PATH_PRIVATE_DIR, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(stat(PATH_PRIVATE_DIR "/source-token", &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(stat(PATH_TRUST_DIR "/source-ca.pem", &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
}

static void a_renewed_secret_takes_the_place_of_the_old(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        o.access.token_file = GIVEN "token";
        assert_int_equal(run(&o), VERB_OK);
        put(GIVEN "token", "renewed\n");
        assert_int_equal(run(&o), VERB_OK);
        assert_string_equal(content(PATH_PRIVATE_DIR "/source-token"), "renewed");
}

static void credentials_that_cannot_serve_are_refused(void **state)
{
        static const struct {
                StoreAccess access;
                int status;
        } cases[] = {
                { { .ca_file = GIVEN "key.pem" }, VERB_USAGE },
                { { .ca_file = GIVEN "none" }, VERB_FAILED },
                { { .certificate_key = GIVEN "key.pem" }, VERB_USAGE },
                { { .certificate = GIVEN "ca.pem" }, VERB_USAGE }, /* no key in it */
                { { .certificate = GIVEN "ca.pem", .certificate_key = GIVEN "ca.pem" },
                  VERB_USAGE },
                { { .certificate = GIVEN "ca.pem", .certificate_key = GIVEN "locked.pem" },
                  VERB_USAGE },
                { { .token_file = GIVEN "two-lines" }, VERB_FAILED },
                { { .token_file = GIVEN "none" }, VERB_FAILED },
                { { .user_file = GIVEN "token", .password_file = GIVEN "token" }, VERB_USAGE },
                { { .pins = "sha256//\"" }, VERB_USAGE },
        };

        put(GIVEN "two-lines", "one\ntwo\n");
        put(GIVEN "locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                InitOptions o = options(URLS("https://a.example.org/"));

                o.access = cases[i].access;
                assert_int_equal(run(&o), cases[i].status);
                nothing_is_there();
        }
}

/* ---- what is there already ---- */

static void a_host_of_a_fleet_takes_the_revocation_list(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        assert_int_equal(run(&o), VERB_OK);
        assert_non_null(strstr(content(CONFIG), "\"grants\", \"revocations\" ];"));
}

static void the_same_again_keeps_what_an_administrator_narrowed(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        _cleanup_free_ char *narrowed = NULL;
        char *reach;

        assert_int_equal(run(&o), VERB_OK);
        narrowed = strdup(content(CONFIG));
        reach = strstr(narrowed, "\"24h\"");
        memcpy(reach, "\"08h\"", 5);
        put(CONFIG, narrowed);
        assert_int_equal(run(&o), VERB_OK);
        assert_string_equal(content(CONFIG), narrowed);
}

static void another_source_is_refused_unless_told(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/")),
                    other = options(URLS("https://evil.example.org/"));

        o.access.token_file = GIVEN "token";
        assert_int_equal(run(&o), VERB_OK);
        assert_int_equal(run(&other), VERB_FAILED);
        config_says("issuers.[0].source.urls.[0]", "https://a.example.org/{host}.jws");
        other.replace = true;
        assert_int_equal(run(&other), VERB_OK);
        config_says("issuers.[0].source.urls.[0]", "https://evil.example.org/{host}.jws");
        assert_non_null(strstr(content(CONFIG ".replaced"), "a.example.org"));
        /* And the other server is not told the secret of the first. */
        assert_null(content(DROP_IN));
        assert_null(content(PATH_PRIVATE_DIR "/source-token"));
}

static void what_is_done_anew_names_nothing_that_is_gone(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        o.access = (StoreAccess){ .ca_file = GIVEN "ca.pem",
                                  .token_file = GIVEN "token",
                                  .pins = "sha256//AAAA" };
        assert_int_equal(run(&o), VERB_OK);
        o.access = (StoreAccess){ 0 };
        assert_int_equal(run(&o), VERB_OK); /* what it says more stays, */
        config_says("issuers.[0].source.token", "source-token");
        assert_non_null(content(PATH_PRIVATE_DIR "/source-token"));
        o.replace = true; /* unless it is told otherwise */
        assert_int_equal(run(&o), VERB_OK);
        assert_null(strstr(content(CONFIG), "token"));
        assert_null(strstr(content(CONFIG), "ca_file"));
        assert_null(strstr(content(CONFIG), "pins"));
        assert_non_null(strstr(content(CONFIG ".replaced"), "source-token"));
        assert_null(content(PATH_PRIVATE_DIR "/source-token"));
        assert_null(content(PATH_TRUST_DIR "/source-ca.pem"));
        assert_null(content(DROP_IN));
        assert_int_equal(unlink(CONFIG ".replaced"), 0);
        assert_int_equal(run(&o), VERB_OK);
        assert_null(content(CONFIG ".replaced")); /* the same again is no change */
}

static void a_full_disk_leaves_the_host_as_it_was(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/")),
                    other = options(URLS("https://b.example.org/"));
        const char *const absent[] = { CONFIG ".replaced", CONFIG ".new", TRUST ".new", DROP_IN,
                                       PATH_PRIVATE_DIR "/source-token" };
        _cleanup_free_ char *config = NULL, *key = NULL;
        struct rlimit before, small;
        int r;

        assert_int_equal(run(&o), VERB_OK);
        config = strdup(content(CONFIG));
        key = strdup(content(TRUST));
        put(GIVEN "key.jwk", OTHER_KEY);
        other.thumbprints.n = 0;
        other.yes = other.replace = true;
        other.access.token_file = GIVEN "token";
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = (struct rlimit){ .rlim_cur = 320, .rlim_max = before.rlim_max };
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0); /* there is room for a key */
        r = run(&other);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, VERB_FAILED);
        assert_string_equal(content(CONFIG) ?: "", config);
        assert_string_equal(content(TRUST), key);
        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                assert_null(content(absent[i]));
        assert_int_equal(run(&other), VERB_OK);
        assert_string_equal(content(CONFIG ".replaced"), config);
        config_says("issuers.[0].source.urls.[0]", "https://b.example.org/{host}.jws");
        assert_string_not_equal(content(TRUST), key);
}

/* Whoever says yes to it: --yes was meant for a host that believes nobody yet. */
static void another_key_is_refused_unless_told(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));
        char other[FINGERPRINT_HEX_SIZE], before[FINGERPRINT_HEX_SIZE];
        _cleanup_free_ char *config = NULL;
        int saved, fd, r;
        Jwk key;

        assert_int_equal(run(&o), VERB_OK);
        config = strdup(content(CONFIG));
        put(GIVEN "key.jwk", OTHER_KEY);
        o.thumbprints.n = 0;
        o.yes = true;
        fd = redirect(stderr, &saved);
        r = run(&o);
        restore(stderr, saved);
        slurp(fd, err);
        assert_int_equal(r, VERB_FAILED);
        assert_said("--replace");
        assert_int_equal(jwk_parse(OTHER_KEY, strlen(OTHER_KEY), &key), 0);
        assert_said(fingerprint_hex(&key, other));
        assert_int_equal(jwk_parse(jwk, strlen(jwk), &key), 0);
        assert_said(fingerprint_hex(&key, before));
        assert_non_null(strstr(content(TRUST), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        thumbprints[0] = other; /* nor is it enough that somebody compared it */
        o.thumbprints.n = 1;
        assert_int_equal(run(&o), VERB_FAILED);
        o.replace = true;
        assert_int_equal(run(&o), VERB_OK);
        assert_non_null(strstr(content(TRUST), "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"));
        assert_string_equal(content(CONFIG), config);
        o.replace = false;
        assert_int_equal(run(&o), VERB_OK);
}

/* What stands there is no key: the same call mends it. */
static void a_key_that_was_damaged_is_written_anew(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        assert_int_equal(run(&o), VERB_OK);
        put(TRUST, "");
        assert_int_equal(run(&o), VERB_OK);
        assert_non_null(strstr(content(TRUST), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
}

static void a_local_setup_is_not_mixed_with_a_central_one(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        (void)mkdir(PATH_ETC_DIR, 0755);
        (void)mkdir(PATH_CONF_DIR, 0755);
        put(LOCAL, "host: { name = \"web1.example.org\"; };\n");
        assert_int_equal(run(&o), VERB_FAILED);
        assert_null(content(CONFIG));
        assert_null(content(TRUST));
        o.replace = true;
        assert_int_equal(run(&o), VERB_OK);
        assert_null(content(LOCAL));
        assert_non_null(content(LOCAL ".replaced"));
        assert_non_null(content(CONFIG));
}

static void a_new_name_is_taken_where_the_old_setup_gives_way(void **state)
{
        InitOptions o = options(URLS("https://a.example.org/"));

        assert_int_equal(run(&o), VERB_OK);
        o.name = "web2.example.org";
        assert_int_equal(run(&o), VERB_FAILED);
        o.replace = true;
        assert_int_equal(run(&o), VERB_OK);
        config_says("host.name", "web2.example.org");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_root)
        const struct CMUnitTest tests[] = {
                T(urls_are_what_publishing_calls_them),
                T(members_of_etcd_stand_in_one_url),
                T(a_directory_holds_this_host_s_file),
                T(urls_that_cannot_be_are_refused_before_anything_changes),
                T(the_thumbprint_decides),
                T(nobody_at_the_terminal_is_no_consent),
                T(who_sits_there_is_asked_and_only_yes_is_yes),
                T(a_key_that_is_believed_already_is_not_asked_about),
                T(a_private_key_is_refused_and_goes_nowhere),
                T(what_is_no_key_is_refused),
                T(secrets_are_credentials_and_never_configuration),
                T(a_renewed_secret_takes_the_place_of_the_old),
                T(credentials_that_cannot_serve_are_refused),
                T(a_host_of_a_fleet_takes_the_revocation_list),
                T(the_same_again_keeps_what_an_administrator_narrowed),
                T(another_source_is_refused_unless_told),
                T(what_is_done_anew_names_nothing_that_is_gone),
                T(a_full_disk_leaves_the_host_as_it_was),
                T(another_key_is_refused_unless_told),
                T(a_key_that_was_damaged_is_written_anew),
                T(a_local_setup_is_not_mixed_with_a_central_one),
                T(a_new_name_is_taken_where_the_old_setup_gives_way),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, no_root);
}
