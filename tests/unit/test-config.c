/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/config/dump.h"
#include "nhi-agentd/config/keys.h"

#define GOOD_ISSUER                                                                                \
        "issuers = ( { issuer = \"https://a\"; source: { path = \"/s\"; };\n"                      \
        "  keys = ( { file = \"" FIXTURE_KEY "\"; reach: { sign = [ \"grants\" ]; }; } ); } );\n"
#define GOOD "host: { name = \"h\"; };\n" GOOD_ISSUER

#define SOURCE(members)                                                                            \
        "host: { name = \"h\"; };\n"                                                               \
        "issuers = ( { issuer = \"https://a\"; source: { " members " };\n"                         \
        "  keys = ( { file = \"" FIXTURE_KEY "\"; reach: { sign = [ \"grants\" ]; }; } ); } );\n"
#define HTTPS(members) SOURCE("type = \"https\"; urls = [ \"https://a/{host}\" ]; " members)
#define ETCD(members)  SOURCE("type = \"etcd\"; urls = [ \"https://a\" ]; " members)
#define MEMBER(url)    SOURCE("type = \"etcd\"; urls = [ \"https://b/\", \"" url "\" ];")
#define URL(url)       SOURCE("type = \"https\"; urls = [ \"" url "\" ];")
#define PIN(pin)       HTTPS("pins = [ \"" pin "\" ];")

static int load(const char *text, Config **ret, char *error)
{
        fixture_write(PATH_CONF_FILE, text);
        return config_load(PATH_CONF_FILE, PATH_CONF_DIR, ret, error);
}

static void config_errors_name_file_line_and_key(void **state)
{
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "", ": host.name: missing" }, /* O20 */
                { "host: { name = \"h\"; };\n", ": issuers: missing" },
                { "host: { name = 3; };\n", ":1: host.name: must be a text" },
                { "host: { name = \"\"; };\n", ":1: host.name: must have 1 to 253" },
                { "host: { name = \"a\\x01\"; };\n", ":1: host.name: must have no control" },
                { "\nhost: { nam = \"h\"; };\n", ":2: host.nam: unknown key" },
                { "wrong = 1;\n", ":1: wrong: unknown key" },
                { "host = 1;\n", ":1: host: must be a group" },
                { "host: { name = \"h\"\n", ": syntax: " },
                { "@include \"/etc/passwd\"\n", ":1: @include: not supported" },
                { "policy: { lifetime_max = \"59s\"; };\n", ":1: policy.lifetime_max: must be 60" },
                { "policy: { lifetime_max = \"604801s\"; };\n", "policy.lifetime_max: must be 60" },
                { "policy: { lifetime_max = 60; };\n", "policy.lifetime_max: must be a duration" },
                { "policy: { lifetime_max = \"1w\"; };\n", "policy.lifetime_max: must be a dur" },
                { "policy: { services = \"ssh\"; };\n", ":1: policy.services: must be a list" },
                { "policy: { services = [ \"a b\" ]; };\n", "policy.services: entry 1 must be" },
                { "policy: { services = [ \"%a\" ]; };\n", "policy.services: entry 1 must be" },
                { "limits: { peers_max = 15; };\n", ":1: limits.peers_max: must be 16 to 4096" },
                { "limits: { peers_max = 4097; };\n", "limits.peers_max: must be 16 to 4096" },
                { "limits: { peers_max = 20.5; };\n", "limits.peers_max: must be a whole number" },
                { "snapshot: { enumerate = 1; };\n", "snapshot.enumerate: must be true or false" },
                { "issuers = [ \"a\" ];\n", ":1: issuers: must be a list of groups" },
                { "issuers = ( 1 );\n", ":1: issuers[0]: must be a group" },
                { "issuers = ( { } );\n", ":1: issuers[0]: has no issuer" },
                { "issuers = ( { issuer = \"a\"; bad = 1; } );\n", "issuers[0].bad: unknown key" },
                { "host: { name = \"h\"; };\nissuers = ( { issuer = \"a\"; } );\n",
                  ":2: issuers.source.path: missing: the file" },
                { "host: { name = \"h\"; };\n"
                  "issuers = ( { issuer = \"a\"; source: { path = \"/s\"; }; } );\n",
                  ":2: issuers.keys: missing" },
                { "host: { name = \"h\"; };\n"
                  "issuers = ( { issuer = \"a\"; source: { type = \"https\"; path = \"/s\"; };\n"
                  "  keys = ( ); } );\n",
                  ":2: issuers.source.path: has no meaning" },
                { "issuers = ( { issuer = \"a\"; source: { path = \"s\"; }; } );\n",
                  "issuers[0].source.path: must be an absolute path" },
                { "host: { name = \"h\"; };\n"
                  "issuers = ( { issuer = \"a\"; source: { path = \"/s\"; };\n"
                  "  keys = ( { file = \"/nowhere\"; reach: { sign = [ \"grants\" ]; }; } ); } "
                  ");\n",
                  ":3: issuers.keys.file: /nowhere: not there" },
                { "host: { name = \"h\"; };\n"
                  "issuers = ( { issuer = \"a\"; source: { path = \"/s\"; };\n"
                  "  keys = ( { file = \"" FIXTURE_KEY "\"; } ); } );\n",
                  ":3: issuers.keys.reach.sign: missing" },
                { "host: { name = \"h\"; };\n"
                  "issuers = ( { issuer = \"a\"; source: { path = \"/s\"; };\n"
                  "  keys = ( { file = \"" FIXTURE_KEY
                  "\"; reach: { sign = [ \"all\" ]; }; } ); } );\n",
                  ":3: issuers.keys.reach.sign: knows only" },
                { SOURCE("type = \"ftp\"; path = \"/s\";"), ":2: issuers.source.type: must be" },
                { SOURCE("type = \"https\";"), ":2: issuers.source.urls: missing" },
                { SOURCE("type = \"etcd\";"), ":2: issuers.source.urls: missing" },
                { SOURCE("path = \"/s\"; urls = [ \"https://a\" ];"), "source.urls: has no mean" },
                { SOURCE("path = \"/s\"; ca_file = \"/c\";"), "source.ca_file: has no meaning" },
                { SOURCE("path = \"/s\"; token = \"t\";"), "source.token: has no meaning" },
                { HTTPS("user = \"u\"; password = \"p\";"), "source.user: has no meaning" },
                { HTTPS("certificate_key = \"k\";"), "source.certificate: missing" },
                { MEMBER("https://a:2379/nhi"), "issuers.source.urls: etcd's are its members" },
                { MEMBER("https://a:2379?x"), "issuers.source.urls: etcd's are its members" },
                { MEMBER("https://{host}:2379"), "issuers.source.urls: etcd's are its members" },
                { ETCD("user = \"u\";"), "source.user: user and password come together" },
                { ETCD("password = \"p\";"), "source.user: user and password come together" },
                { ETCD("user = \"u\"; password = \"p\"; token = \"t\";"),
                  "source.token: a token or" },
                { HTTPS("token = \"../etc\";"), "source.token: may have only letters" },
                { HTTPS("interval = \"999ms\";"), "source.interval: must be 1000 to" },
                { HTTPS("size_max = 1025;"), "source.size_max: must be 1 to 1024" },
                { HTTPS("ca_file = \"c\";"), "source.ca_file: must be an absolute path" },
                { URL("http://a/s"), "issuers[0].source.urls: entry 1 must begin with https://" },
                { URL("file:///s"), "urls: entry 1 must begin with https://" },
                { URL("https://"), "urls: entry 1 names no server" },
                { URL("https:///s"), "urls: entry 1 names no server" },
                { URL("https://:443/s"), "urls: entry 1 names no server" },
                { URL("https://u:p@a/s"), "urls: entry 1 holds a user" },
                { URL("https://a/s t"), "urls: entry 1 holds what no URL may" },
                { URL("https://a/s#t"), "urls: entry 1 holds what no URL may" },
                { URL("https://a/\\xc3\\xa4"), "urls: entry 1 holds what no URL may" },
                { URL("https://a/{name}"), "urls: entry 1 may have {host} in braces" },
                { URL("https://a/host}"), "urls: entry 1 may have {host} in braces" },
                { PIN("sha256//short="), "issuers[0].source.pins: entry 1 must be sha256//" },
                { PIN("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA;"), "pins: entry 1" },
                { PIN("sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "pins: entry 1" },
                { GOOD "gates = ( { name = \"g\"; } );\n", ":4: gates: the gate names neither" },
                { GOOD "gates = ( { name = \"g\"; services = [ \"s*\", \"sudoo\" ];\n"
                       "  accounts = [ \"a\" ]; } );\n",
                  ":4: gates.services: \"sudoo\" is no service class" },
                { GOOD "gates = ( { name = \"g\"; services = [ \"pam:sshd\" ]; } );\n",
                  ":4: gates.services: \"pam:sshd\" is no" },
                { GOOD "gates = ( { name = \"g\"; mode = \"on\"; } );\n",
                  ":4: gates[0].mode: must be \"observe\" or \"enforce\"" },
                { GOOD "gates = ( { name = \"a b\"; } );\n", ":4: gates[0].name: may have only" },
                { GOOD "modes: { ops = \"enforce\"; };\n", ":4: modes: sets the mode of a gate" },
                { GOOD "modes: { ops = 1; };\n", ":4: modes.ops: must be" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char error[CONFIG_ERROR_MAX] = "";
                Config *c = NULL;

                assert_true(load(cases[i].text, &c, error) < 0);
                assert_null(c);
                assert_int_equal(strncmp(error, PATH_CONF_FILE, strlen(PATH_CONF_FILE)), 0);
                if (!strstr(error, cases[i].error))
                        fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].error, error);
        }
}

static void config_has_the_defaults_of_the_table(void **state)
{
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        assert_int_equal(load(GOOD, &c, error), 0);
        assert_string_equal(c->host_name, "h");
        assert_int_equal(c->ceiling.lifetime_max_sec, 86400);
        assert_int_equal(c->ceiling.services.n, 1);
        assert_int_equal(c->groups_allowed.n, 0);
        assert_false(c->enumerate);
        assert_int_equal(c->session_grace_usec, 2000000);
        assert_int_equal(c->peers_max, 256);
        assert_int_equal(c->n_issuers, 1);
        assert_string_equal(c->issuers[0].source.type, "file");
        assert_string_equal(c->issuers[0].policy.audience, "h");
        assert_int_equal(c->issuers[0].policy.n_keys, 1);
        config_free(c);
}

static void a_source_of_the_network_is_taken_with_its_defaults(void **state)
{
        char error[CONFIG_ERROR_MAX] = "";
        const SourceConfig *s;
        Config *c = NULL;

        if (load(SOURCE("type = \"https\"; urls = [ \"https://[::1]:8443/{host}?a=%20b,c\" ];"
                        "pins = [ \"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/+=\" ];"
                        "wait = \"0s\";"),
                 &c, error) < 0)
                fail_msg("%s", error);
        s = &c->issuers[0].source;
        assert_string_equal(s->urls.items[0], "https://[::1]:8443/{host}?a=%20b,c");
        assert_int_equal(s->pins.n, 1);
        assert_string_equal(s->etcd_key, "/nhi/sets/{host}");
        assert_int_equal(s->interval_usec, 60000000);
        assert_int_equal(s->wait_usec, 0);
        assert_int_equal(s->size_max_mib, 64);
        config_free(c);
}

static void a_reach_that_is_not_spelled_out_allows_nothing(void **state)
{
        char error[CONFIG_ERROR_MAX] = "";
        const Reach *reach;
        Config *c = NULL;

        assert_int_equal(load(GOOD, &c, error), 0);
        reach = &c->issuers[0].policy.keys[0].reach;
        assert_true(reach->sign_grants);
        assert_false(reach->sign_accounts || reach->sign_ssh_keys);
        assert_int_equal(reach->accounts.n + reach->services.n + reach->groups.n + reach->run_as.n,
                         0);
        config_free(c);
}

static void later_files_win_and_entries_merge_by_name(void **state)
{
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        fixture_write(PATH_CONF_DIR "/10-a.conf",
                      "limits: { peers_max = 32; };\n"
                      "gates = ( { name = \"g\"; accounts = [ \"b\" ]; } );\n");
        fixture_write(PATH_CONF_DIR "/50-modes.conf", "modes: { g = \"enforce\"; };\n");
        fixture_write(PATH_CONF_DIR "/60-z.conf.dpkg-old", "not read\n");
        assert_int_equal(load(GOOD "limits: { peers_max = 64; };\n"
                                   "gates = ( { name = \"g\"; services = [ \"su\" ]; "
                                   "accounts = [ \"a\" ]; } );\n",
                              &c, error),
                         0);
        assert_int_equal(c->peers_max, 32);
        assert_int_equal(c->n_gates, 1);
        assert_int_equal(c->gates[0].mode, GATE_ENFORCE);
        assert_string_equal(c->gates[0].services.items[0], "su");
        assert_string_equal(c->gates[0].accounts.items[0], "b");
        config_free(c);
}

static void config_refuses_what_others_may_write(void **state) /* O3 */
{
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        fixture_write(PATH_CONF_FILE, GOOD);
        assert_int_equal(chmod(PATH_CONF_FILE, 0666), 0);
        assert_int_equal(config_load(PATH_CONF_FILE, PATH_CONF_DIR, &c, error), -EPERM);
        assert_non_null(strstr(error, "writable by nobody else"));
        assert_int_equal(chmod(PATH_CONF_FILE, 0644), 0);
        assert_int_equal(chmod(FIXTURE_KEY, 0666), 0);
        assert_int_equal(config_load(PATH_CONF_FILE, PATH_CONF_DIR, &c, error), -EBADMSG);
        assert_non_null(strstr(error, FIXTURE_KEY));
        assert_int_equal(chmod(FIXTURE_KEY, 0644), 0);
        assert_int_equal(unlink(PATH_CONF_FILE), 0);
        assert_int_equal(config_load(PATH_CONF_FILE, PATH_CONF_DIR, &c, error), -ENOENT);
}

static char *dump(const Config *c)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        config_dump(c, out);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void what_is_dumped_loads_to_the_same(void **state)
{
        _cleanup_free_ char *first = NULL, *second = NULL;
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        assert_int_equal(load(GOOD "gates = ( { name = \"g\"; accounts = [ \"a\" ]; } );\n"
                                   "session: { grace = \"250ms\"; };\n",
                              &c, error),
                         0);
        first = dump(c);
        config_free(c);
        assert_int_equal(load(first, &c, error), 0);
        assert_int_equal(c->session_grace_usec, 250000);
        second = dump(c);
        config_free(c);
        assert_string_equal(first, second);
}

static void the_shipped_file_is_the_table_and_every_key_is_in_it(void **state)
{
        _cleanup_free_ char *defaults = dump(NULL), *shipped = NULL;
        char path[] = "conf/agentd.conf";
        FILE *in = fopen(path, "re");
        size_t size = 0;

        for (size_t i = 0; i < config_n_keys; i++)
                assert_non_null(strstr(defaults, config_keys[i].help));
        if (!in)
                skip(); /* not run from the top of the tree */
        assert_true(getdelim(&shipped, &size, '\0', in) > 0);
        assert_int_equal(fclose(in), 0);
        assert_string_equal(shipped, defaults);
}

static void the_shipped_file_loads_beside_what_init_writes(void **state)
{
        _cleanup_free_ char *defaults = dump(NULL);
        char error[CONFIG_ERROR_MAX] = "";
        Config *c = NULL;

        fixture_write(PATH_CONF_DIR "/10-local.conf", GOOD);
        if (load(defaults, &c, error) < 0)
                fail_msg("%s", error);
        config_free(c);
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_true(f && sodium_init() >= 0);
        fixture_clean();
        fixture_dirs();
        assert_int_equal(signing_key_generate(&f->key), 0);
        fixture_files(f);
        *state = f;
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(config_errors_name_file_line_and_key, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(config_has_the_defaults_of_the_table, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_source_of_the_network_is_taken_with_its_defaults,
                                                setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(a_reach_that_is_not_spelled_out_allows_nothing,
                                                setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(later_files_win_and_entries_merge_by_name, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(config_refuses_what_others_may_write, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(what_is_dumped_loads_to_the_same, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(
                        the_shipped_file_is_the_table_and_every_key_is_in_it, setup,
                        fixture_teardown),
                cmocka_unit_test_setup_teardown(the_shipped_file_loads_beside_what_init_writes,
                                                setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
