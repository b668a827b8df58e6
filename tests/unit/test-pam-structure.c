/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/pam-structure and pam-local: where the gate stands, and what keeps it from being put
 * there (F1, F2). */

#include "nhictl/pam/local.h"
#include "nhictl/pam/structure.h"

#include "tests/unit/pam-fixture.h"

#define GATE    "account requisite pam_nhi.so\n"
#define UNIX    "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
#define SESSION "session optional pam_systemd.so\nsession required pam_nhi.so\n"

static void stacks_are_judged_by_what_could_skip_the_gate(void **state)
{
        static const struct {
                const char *sshd;
                bool holds;
        } stacks[] = {
                { GATE UNIX SESSION, true },
                { "account required pam_nologin.so\n" GATE UNIX SESSION, true },
                { "account required pam_nhi.so\n" UNIX "session required pam_nhi.so\n", true },
                { UNIX GATE SESSION, false },
                { "account sufficient pam_localuser.so\n" GATE SESSION, false },
                { UNIX SESSION, false },
                { "# " GATE UNIX SESSION, false },
                { "-" GATE UNIX SESSION, false },
                { "account optional pam_nhi.so\n" UNIX SESSION, false },
                { "account [success=ok module_unknown=ignore default=die] pam_nhi.so\n" SESSION,
                  false },
                { GATE UNIX "session optional pam_systemd.so\n", false },
                { GATE UNIX "session required pam_nhi.so\nsession optional pam_systemd.so\n",
                  false },
                { "@include itself\n", false },
        };

        put("/etc/pam.d/itself", "@include itself\n");
        for (size_t i = 0; i < ELEMENTSOF(stacks); i++) {
                put("/etc/pam.d/sshd", stacks[i].sshd);
                assert_int_equal(pam_structure_holds(root), stacks[i].holds);
        }
}

static void services_that_are_not_there_are_not_judged(void **state)
{
        put("/etc/pam.d/sudo", GATE SESSION);
        assert_true(pam_structure_holds(root));
        put("/etc/pam.d/cron", UNIX SESSION);
        assert_false(pam_structure_holds(root));
}

static void the_module_is_looked_for_where_libpam_looks(void **state)
{
        put("/usr/lib/security/pam_other.so", "");
        assert_false(pam_module_is_there(root));
        put("/usr/lib/x86_64-linux-gnu/security/pam_nhi.so", "");
        assert_true(pam_module_is_there(root));
}

static void remaining_lines_are_counted_where_they_stand(void **state)
{
        put("/etc/pam.d/common-account", GATE);
        put("/etc/pam.d/sshd", "@include common-account\n");
        put("/etc/pam.d/sudo", "@include common-account\nsession required pam_nhi.so\n");
        put("/etc/pam.d/common-account.pam-old", GATE);
        put("/etc/pam.d/sudo.dpkg-dist", GATE);
        put("/etc/pam.d/nhi-unit", GATE SESSION);
        put("/etc/pam.d/su", "# " GATE);
        assert_int_equal(pam_lines_remaining(root, true), 2);
        put("/etc/pam.d/my.service", GATE);
        assert_int_equal(pam_lines_remaining(root, true), 3);
}

/* ---- pam-auth-update ---- */

#define PRIMARY  "# here are the per-package modules (the \"Primary\" block)\n"
#define FALLBACK "# here's the fallback if no module succeeds\n"
#define EXTRA    "# and here are more per-package modules (the \"Additional\" block)\n"
#define END      "# end of pam-auth-update config\n"

static void put_kind(const char *kind, const char *word, const char *own)
{
        char path[64], text[1024];

        (void)snprintf(path, sizeof(path), "/etc/pam.d/common-%s", kind);
        (void)snprintf(text, sizeof(text),
                       "# mine\n%s required pam_mine.so\n" PRIMARY "%s\t[success=1 default=ignore]"
                       "\tpam_unix.so nullok try_first_pass\n%s" FALLBACK "%s requisite "
                       "pam_deny.so\n" EXTRA "%s optional pam_cap.so\n" END "%s optional x.so\n",
                       word, word, own, word, word, word);
        put(path, text);
        (void)snprintf(path, sizeof(path), "/var/lib/pam/%s", kind);
        put(path, "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n"
                  "Module: capability\noptional\tpam_cap.so\n");
}

static void put_all(void)
{
        put_kind("auth", "auth", "");
        put_kind("account", "account", "");
        put_kind("password", "password", "");
        put_kind("session", "session", "");
        put_kind("session-noninteractive", "session", "");
}

static void lines_outside_of_the_kept_part_are_no_edits(void **state)
{
        put_all();
        assert_int_equal(pam_local_edits(root), 0);
}

static void an_edit_in_the_kept_part_is_found(void **state)
{
        put_all();
        put_kind("account", "account", "account required pam_access.so\n# why\n");
        assert_int_equal(pam_local_edits(root), 2);
        put_kind("account", "account", "account [success=7 default=bad] pam_unix.so\n");
        assert_int_equal(pam_local_edits(root), 1);
}

static void a_file_without_its_marks_or_notes_is_found(void **state)
{
        put_all();
        put("/etc/pam.d/common-auth", "auth required pam_unix.so\n");
        assert_int_equal(pam_local_edits(root), 1);
        put("/etc/pam.d/common-password", PRIMARY FALLBACK);
        assert_int_equal(pam_local_edits(root), 2);
        put_kind("auth", "auth", "");
        put_kind("password", "password", "");
        put("/var/lib/pam/auth", "");
        assert_int_equal(pam_local_edits(root), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(stacks_are_judged_by_what_could_skip_the_gate),
                TEST(services_that_are_not_there_are_not_judged),
                TEST(the_module_is_looked_for_where_libpam_looks),
                TEST(remaining_lines_are_counted_where_they_stand),
                TEST(lines_outside_of_the_kept_part_are_no_edits),
                TEST(an_edit_in_the_kept_part_is_found),
                TEST(a_file_without_its_marks_or_notes_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
