/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init: what it is told and what an earlier init wrote. */

#include "nhictl/init.h"

#include "lib/base/path.h"

#include "tests/unit/verb-fixture.h"

#include <sys/stat.h>

#define CONFIG PATH_CONF_DIR "/10-local.conf"

static void config_says(const char *text)
{
        int fd;

        (void)mkdir(PATH_ROOT, 0755);
        (void)mkdir(PATH_ROOT "/etc", 0755);
        (void)mkdir(PATH_ETC_DIR, 0755);
        (void)mkdir(PATH_CONF_DIR, 0755);
        (void)unlink(CONFIG);
        if (!text)
                return;
        fd = open(CONFIG, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
}

static void the_name_is_the_told_one_else_the_one_before(void **state)
{
        const InitOptions told = { .name = "web1.example.org" }, untold = { 0 };
        char name[LEDGER_NAME_MAX + 56];

        config_says(NULL);
        assert_int_equal(init_host_name(&told, name), VERB_OK);
        assert_string_equal(name, "web1.example.org");
        config_says("host: { name = \"db1.example.org\"; };\n");
        assert_int_equal(init_host_name(&untold, name), VERB_OK);
        assert_string_equal(name, "db1.example.org");
        config_says(NULL);
}

/* The first step fails, so that no ledger gets a second host that every grant would have to name.
 */
static void another_name_than_before_is_refused_before_anything_changes(void **state)
{
        const InitOptions other = { .name = "web1.example.org" },
                          same = { .name = "db1.example.org" };
        char name[LEDGER_NAME_MAX + 56];

        config_says("host: { name = \"db1.example.org\"; };\n");
        assert_int_equal(init_host_name(&other, name), VERB_FAILED);
        assert_int_equal(init_host_name(&same, name), VERB_OK);
        assert_string_equal(name, "db1.example.org");
        config_says(NULL);
}

/* No name is hidden behind others. */
static void all_of_a_reach_that_was_narrowed_is_told(void **state)
{
        const InitConfig config = { .file = INIT_LOCAL_CONF, .issuer = "test:issuer" };
        char text[8192], name[32];
        size_t used;
        int saved, fd;

        used = (size_t)snprintf(text, sizeof(text),
                                "issuers = ( { keys = ( { reach: { sign = [ \"grants\" ]; "
                                "lifetime_max = \"2h\"; services = [ \"*\" ]; accounts = [ ");
        for (int i = 0; i < 200; i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"svc-%05d\"",
                                         i > 0 ? ", " : "", i);
        (void)snprintf(text + used, sizeof(text) - used, " ]; }; } ); } );\n");
        config_says(text);
        fd = redirect(stderr, &saved);
        init_config_tell(&config);
        restore(stderr, saved);
        slurp(fd, err);
        for (int i = 0; i < 200; i++) {
                (void)snprintf(name, sizeof(name), "svc-%05d", i);
                assert_said(name);
        }
        assert_said("test:issuer may sign for this host");
        assert_said("  sign: grants\n");
        assert_said("  services: *\n");
        assert_said("  run_as: none\n");
        assert_said("  lifetime_max: 2h\n");
        config_says(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_name_is_the_told_one_else_the_one_before),
                cmocka_unit_test(another_name_than_before_is_refused_before_anything_changes),
                cmocka_unit_test(all_of_a_reach_that_was_narrowed_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
