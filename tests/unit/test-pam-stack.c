/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/pam-stack over folders as Debian and Fedora ship them (F1: what stands before the gate).
 */

#include "nhictl/pam/stack.h"

#include "tests/unit/pam-fixture.h"

/* "file:line silent control|module|args" of each line. */
static char *stack_text(const char *service, PamKind kind)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        assert_int_equal(pam_stack_read(root, service, kind, &s), 0);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        for (size_t i = 0; i < s.n; i++)
                fprintf(f, "%s:%u %s%s|%s|%s\n", s.lines[i].file, s.lines[i].line,
                        s.lines[i].silent ? "-" : "", s.lines[i].control, s.lines[i].module,
                        s.lines[i].args);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void expect(const char *service, PamKind kind, const char *text)
{
        _cleanup_free_ char *found = stack_text(service, kind);

        assert_string_equal(found, text);
}

/* ---- as the distributions have it ---- */

#define DEBIAN_ACCOUNT                                                                             \
        "#\n# /etc/pam.d/common-account - authorization settings common to all services\n#\n\n"    \
        "# here are the per-package modules (the \"Primary\" block)\n"                             \
        "account\trequisite\tpam_nhi.so\n"                                                         \
        "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \n"                \
        "# here's the fallback if no module succeeds\n"                                            \
        "account\trequisite\t\t\tpam_deny.so\n"                                                    \
        "account\trequired\t\t\tpam_permit.so\n"                                                   \
        "# end of pam-auth-update config\n"

static void debians_service_with_common_files_is_read_in_order(void **state)
{
        put("/etc/pam.d/common-account", DEBIAN_ACCOUNT);
        put("/etc/pam.d/common-auth", "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n");
        put("/etc/pam.d/sshd", "# PAM configuration for the Secure Shell service\n\n"
                               "@include common-auth\n\n"
                               "account    required     pam_nologin.so\n\n"
                               "# account  required     pam_access.so\n\n"
                               "@include common-account\n\n"
                               "session [success=ok ignore=ignore module_unknown=ignore "
                               "default=bad]        pam_selinux.so close\n");
        expect("sshd", PAM_KIND_ACCOUNT,
               "/etc/pam.d/sshd:5 required|pam_nologin.so|\n"
               "/etc/pam.d/common-account:6 requisite|pam_nhi.so|\n"
               "/etc/pam.d/common-account:7 [success=1 new_authtok_reqd=done default=ignore]"
               "|pam_unix.so|\n"
               "/etc/pam.d/common-account:9 requisite|pam_deny.so|\n"
               "/etc/pam.d/common-account:10 required|pam_permit.so|\n");
        expect("sshd", PAM_KIND_AUTH,
               "/etc/pam.d/common-auth:1 [success=1 default=ignore]|pam_unix.so|nullok\n");
        expect("sshd", PAM_KIND_SESSION,
               "/etc/pam.d/sshd:11 [success=ok ignore=ignore module_unknown=ignore default=bad]"
               "|pam_selinux.so|close\n");
}

static void fedoras_substacks_and_includes_are_followed(void **state)
{
        put("/etc/pam.d/password-auth",
            "auth        required      pam_env.so\n"
            "account     requisite     pam_nhi.so\n"
            "account     required      pam_unix.so\n"
            "account     sufficient    pam_localuser.so\n"
            "-session    optional      pam_systemd.so\n"
            "session     [success=1 default=ignore] pam_succeed_if.so service in crond quiet "
            "use_uid\n");
        put("/etc/pam.d/sshd", "#%PAM-1.0\n"
                               "auth       substack     password-auth\n"
                               "auth       include      postlogin\n"
                               "account    required     pam_sepermit.so\n"
                               "account    include      password-auth\n"
                               "session    include      password-auth\n");
        put("/etc/pam.d/postlogin", "auth optional pam_faildelay.so\n");
        expect("sshd", PAM_KIND_AUTH,
               "/etc/pam.d/password-auth:1 required|pam_env.so|\n"
               "/etc/pam.d/postlogin:1 optional|pam_faildelay.so|\n");
        expect("sshd", PAM_KIND_ACCOUNT,
               "/etc/pam.d/sshd:4 required|pam_sepermit.so|\n"
               "/etc/pam.d/password-auth:2 requisite|pam_nhi.so|\n"
               "/etc/pam.d/password-auth:3 required|pam_unix.so|\n"
               "/etc/pam.d/password-auth:4 sufficient|pam_localuser.so|\n");
        expect("sshd", PAM_KIND_SESSION,
               "/etc/pam.d/password-auth:5 -optional|pam_systemd.so|\n"
               "/etc/pam.d/password-auth:6 [success=1 default=ignore]|pam_succeed_if.so"
               "|service in crond quiet use_uid\n");
}

static void the_administrators_folder_comes_before_the_vendors(void **state)
{
        put("/usr/lib/pam.d/su", "account required pam_permit.so\n");
        expect("su", PAM_KIND_ACCOUNT, "/usr/lib/pam.d/su:1 required|pam_permit.so|\n");
        put("/etc/pam.d/su", "account required pam_unix.so\n");
        expect("su", PAM_KIND_ACCOUNT, "/etc/pam.d/su:1 required|pam_unix.so|\n");
        assert_true(pam_service_exists(root, "su"));
        assert_false(pam_service_exists(root, "sudo"));
}

/* ---- spelling ---- */

static void words_are_read_as_libpam_reads_them(void **state)
{
        put("/etc/pam.d/x", "Account REQUIRED /lib/security/pam_nhi.so  a  b # c\n"
                            "  -account\trequired \\\n"
                            "\\\n"
                            "# inside\n"
                            "   pam_unix.so \\\n"
                            " nullok\n"
                            "account [success=1 \\] default=ignore] pam_a.so [x y]\r\n"
                            "account [default=bad pam_open.so\n"
                            "accounts required pam_b.so\n"
                            "account required pam_c.so # not continued \\\n"
                            "account required pam_d.so\\");
        expect("x", PAM_KIND_ACCOUNT,
               "/etc/pam.d/x:1 REQUIRED|/lib/security/pam_nhi.so|a  b\n"
               "/etc/pam.d/x:2 -required|pam_unix.so|nullok\n"
               "/etc/pam.d/x:7 [success=1 \\] default=ignore]|pam_a.so|[x y]\n"
               "/etc/pam.d/x:8 [default=bad pam_open.so||\n"
               "/etc/pam.d/x:10 required|pam_c.so|\n"
               "/etc/pam.d/x:11 required|pam_d.so|\n");
}

static void a_module_is_known_by_its_base_name(void **state)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };

        put("/etc/pam.d/x", "account required not_pam_nhi.so\n"
                            "account include pam_nhi.so\n"
                            "account required /lib/security/pam_nhi.so\n");
        assert_int_equal(pam_stack_read(root, "x", PAM_KIND_ACCOUNT, &s), 0);
        assert_int_equal(s.n, 3);
        assert_int_equal(pam_stack_find(&s, "pam_nhi.so"), 2);
        assert_int_equal(pam_stack_find(&s, "pam_unix.so"), s.n);
}

/* F1: NOPASSWD sudo with an expired password, pam_localuser before the gate. */
static void a_line_that_could_end_the_stack_or_jump_is_told_from_one_that_cannot(void **state)
{
        static const struct {
                const char *control;
                bool may_skip;
        } lines[] = {
                { "required", false },
                { "Requisite", false },
                { "optional", false },
                { "include", false },
                { "sufficient", true },
                { "binding", true },
                { "[success=ok default=bad]", false },
                { "[success=ok ignore=ignore default=die]", false },
                { "[success=1 default=ignore]", true },
                { "[success=ok new_authtok_reqd=done default=ignore]", true },
                { "[default= 2]", true },
                { "[]", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                PamLine l = { .control = (char *)lines[i].control };

                assert_int_equal(pam_line_may_skip(&l), lines[i].may_skip);
        }
}

/* ---- what is not there ---- */

static void other_answers_for_a_service_and_for_a_kind_that_is_not_there(void **state)
{
        put("/etc/pam.d/other", "account required pam_deny.so\nauth required pam_warn.so\n");
        put("/etc/pam.d/x", "auth required pam_unix.so\n");
        expect("nosuch", PAM_KIND_ACCOUNT, "/etc/pam.d/other:1 required|pam_deny.so|\n");
        expect("x", PAM_KIND_ACCOUNT, "/etc/pam.d/other:1 required|pam_deny.so|\n");
        expect("x", PAM_KIND_AUTH, "/etc/pam.d/x:1 required|pam_unix.so|\n");
        expect("x", PAM_KIND_SESSION, "");
}

static void what_is_not_there_is_told(void **state)
{
        PamStack s = { .lines = NULL };

        assert_int_equal(pam_stack_read(root, "nosuch", PAM_KIND_ACCOUNT, &s), -ENOENT);
        assert_int_equal(pam_stack_read(root, "../x", PAM_KIND_ACCOUNT, &s), -EINVAL);
        assert_int_equal(pam_stack_read(root, "", PAM_KIND_ACCOUNT, &s), -EINVAL);
        put("/etc/pam.d/x", "auth required pam_unix.so\n");
        expect("x", PAM_KIND_ACCOUNT, "");
}

static void an_include_of_nothing_stays_in_the_stack(void **state)
{
        put("/etc/pam.d/x", "@include gone\n"
                            "account include gone-too\n"
                            "account substack /nowhere/gone\n"
                            "account include\n"
                            "session include gone-too\n");
        expect("x", PAM_KIND_ACCOUNT,
               "/etc/pam.d/x:1 @include|gone|\n"
               "/etc/pam.d/x:2 include|gone-too|\n"
               "/etc/pam.d/x:3 substack|/nowhere/gone|\n"
               "/etc/pam.d/x:4 include||\n");
}

static void an_absolute_include_is_below_the_root(void **state)
{
        put("/opt/pam", "account required pam_a.so\n");
        put("/etc/pam.d/x", "@include /opt/pam\n");
        expect("x", PAM_KIND_ACCOUNT, "/opt/pam:1 required|pam_a.so|\n");
}

/* ---- limits ---- */

static void chain(unsigned n)
{
        char name[64], text[64];

        for (unsigned i = 0; i < n; i++) {
                (void)snprintf(name, sizeof(name), "/etc/pam.d/deep%u", i);
                (void)snprintf(text, sizeof(text), "account include deep%u\n", i + 1);
                put(name, i + 1 < n ? text : "account required pam_a.so\n");
        }
}

static void includes_are_followed_to_the_depth_and_no_further(void **state)
{
        PamStack s = { .lines = NULL };

        chain(PAM_STACK_DEPTH_MAX);
        expect("deep0", PAM_KIND_ACCOUNT, "/etc/pam.d/deep15:1 required|pam_a.so|\n");
        chain(PAM_STACK_DEPTH_MAX + 1);
        assert_int_equal(pam_stack_read(root, "deep0", PAM_KIND_ACCOUNT, &s), -ELOOP);
        put("/etc/pam.d/x", "@include x\n");
        assert_int_equal(pam_stack_read(root, "x", PAM_KIND_ACCOUNT, &s), -ELOOP);
}

static int read_of(unsigned n_lines)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        for (unsigned i = 0; i < n_lines; i++)
                fprintf(f, "account required pam_%u.so\n", i);
        assert_int_equal(fclose(f), 0);
        put("/etc/pam.d/x", text);
        return pam_stack_read(root, "x", PAM_KIND_ACCOUNT, &s);
}

static void a_stack_is_read_to_its_limit_and_no_further(void **state)
{
        assert_int_equal(read_of(PAM_STACK_LINES_MAX), 0);
        assert_int_equal(read_of(PAM_STACK_LINES_MAX + 1), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(debians_service_with_common_files_is_read_in_order),
                TEST(fedoras_substacks_and_includes_are_followed),
                TEST(the_administrators_folder_comes_before_the_vendors),
                TEST(words_are_read_as_libpam_reads_them),
                TEST(a_module_is_known_by_its_base_name),
                TEST(a_line_that_could_end_the_stack_or_jump_is_told_from_one_that_cannot),
                TEST(other_answers_for_a_service_and_for_a_kind_that_is_not_there),
                TEST(what_is_not_there_is_told),
                TEST(an_include_of_nothing_stays_in_the_stack),
                TEST(an_absolute_include_is_below_the_root),
                TEST(includes_are_followed_to_the_depth_and_no_further),
                TEST(a_stack_is_read_to_its_limit_and_no_further),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
