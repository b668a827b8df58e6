/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/pam-tool against an authselect that is a script: the profile with our lines for the one
 * that is there, its features kept, and back. */

#include "nhictl/pam/tool.h"

#include "tests/unit/pam-fixture.h"

#define AUTHSELECT      "/usr/bin/authselect"
#define PAM_AUTH_UPDATE "/usr/sbin/pam-auth-update"
#define CURRENT         PATH_ROOT "/current"

static const char authselect_text[] =
        "#!/bin/sh\n"
        "case $1 in\n"
        "current) cat " CURRENT " ;;\n"
        "select) shift; [ ! -e " PATH_ROOT "/refuses ] && echo \"$*\" >" CURRENT " ;;\n"
        "esac\n";

static void script(const char *path, const char *text)
{
        char full[sizeof(root)];

        put(path, text);
        assert_true(snprintf(full, sizeof(full), PATH_ROOT "%s", path) < (int)sizeof(full));
        assert_int_equal(chmod(full, 0755), 0);
}

static int host_make(void **state)
{
        (void)mkdir(PATH_ROOT, 0755);
        (void)snprintf(root, sizeof(root), "%s", PATH_ROOT);
        (void)unlink(PATH_ROOT PAM_AUTH_UPDATE);
        (void)unlink(PATH_ROOT "/refuses");
        script(AUTHSELECT, authselect_text);
        put("/usr/share/authselect/default/sssd/system-auth", "");
        put("/usr/share/authselect/default/local/system-auth", "");
        return 0;
}

static int host_drop(void **state)
{
        (void)unlink(PATH_ROOT AUTHSELECT);
        (void)unlink(PATH_ROOT PAM_AUTH_UPDATE);
        return system("rm -rf " PATH_ROOT "/usr/share/authselect " CURRENT " " PATH_ROOT
                      "/refuses");
}

static void expect_current(const char *text)
{
        char found[256] = "";
        FILE *f = fopen(CURRENT, "re");

        assert_non_null(f);
        assert_non_null(fgets(found, sizeof(found), f));
        (void)fclose(f);
        assert_string_equal(found, text);
}

static void authselect_keeps_the_features_there_and_back(void **state)
{
        const PamTool *t = pam_tool_find();

        assert_non_null(t);
        assert_string_equal(t->name, "authselect");
        put("/current", "sssd with-mkhomedir with-sudo\n");
        assert_int_equal(t->enable(), VERB_OK);
        expect_current("nhi-sssd with-mkhomedir with-sudo\n");
        assert_int_equal(t->enable(), VERB_OK);
        expect_current("nhi-sssd with-mkhomedir with-sudo\n");
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("sssd with-mkhomedir with-sudo\n");
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("sssd with-mkhomedir with-sudo\n");
}

static void the_profile_without_directory_service_has_two_names(void **state)
{
        const PamTool *t = pam_tool_find();

        put("/current", "local\n");
        assert_int_equal(t->enable(), VERB_OK);
        expect_current("nhi-local\n");
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("local\n");
        assert_int_equal(system("rm -rf " PATH_ROOT "/usr/share/authselect/default/local"), 0);
        put("/usr/share/authselect/default/minimal/system-auth", "");
        put("/current", "nhi-local with-silent-lastlog\n");
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("minimal with-silent-lastlog\n");
}

static void a_profile_without_ours_is_refused_and_left(void **state)
{
        const PamTool *t = pam_tool_find();

        put("/current", "winbind with-x\n");
        assert_int_equal(t->enable(), VERB_FAILED);
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("winbind with-x\n");
        put("/current", "custom/nhi-sssd\n");
        assert_int_equal(t->enable(), VERB_FAILED);
}

static void a_tool_that_fails_is_told(void **state)
{
        const PamTool *t = pam_tool_find();

        put("/current", "sssd\n");
        put("/refuses", "");
        assert_int_equal(t->enable(), VERB_FAILED);
        put("/current", "\n");
        assert_int_equal(t->enable(), VERB_FAILED);
        assert_int_equal(t->disable(), VERB_FAILED);
}

/* The profiles' names, for a package's remove nothing in silence, and never --force. */
static void pam_auth_update_is_asked_for_both_profiles(void **state)
{
        const PamTool *t;

        script(PAM_AUTH_UPDATE, "#!/bin/sh\necho \"$DEBIAN_FRONTEND $*\" >" CURRENT "\n");
        t = pam_tool_find();
        assert_string_equal(t->name, "pam-auth-update");
        assert_int_equal(t->enable(), VERB_OK);
        expect_current("noninteractive --enable nhi nhi-session\n");
        assert_int_equal(t->disable(), VERB_OK);
        expect_current("noninteractive --disable nhi nhi-session\n");
}

/* After lines were deleted by hand, the next run of the tool would write them back. */
static void what_the_tool_remembers_of_us_is_seen(void **state)
{
        assert_false(pam_tool_keeps_us());
        put("/var/lib/pam/session", "Module: unix\nrequired\tpam_unix.so\nModule: nhi-session\n");
        assert_true(pam_tool_keeps_us());
        put("/var/lib/pam/session", "Module: unix\nrequired\tpam_unix.so\n");
        assert_false(pam_tool_keeps_us());
        put("/etc/authselect/authselect.conf", "nhi-sssd\nwith-mkhomedir\n");
        assert_true(pam_tool_keeps_us());
        put("/etc/authselect/authselect.conf", "sssd\nwith-mkhomedir\n");
        assert_false(pam_tool_keeps_us());
}

static void without_a_tool_it_is_said(void **state)
{
        assert_int_equal(unlink(PATH_ROOT AUTHSELECT), 0);
        assert_null(pam_tool_find());
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_make, host_drop)

int main(void)
{
        const struct CMUnitTest tests[] = {
                HOST_TEST(authselect_keeps_the_features_there_and_back),
                HOST_TEST(the_profile_without_directory_service_has_two_names),
                HOST_TEST(a_profile_without_ours_is_refused_and_left),
                HOST_TEST(a_tool_that_fails_is_told),
                HOST_TEST(pam_auth_update_is_asked_for_both_profiles),
                HOST_TEST(what_the_tool_remembers_of_us_is_seen),
                HOST_TEST(without_a_tool_it_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
