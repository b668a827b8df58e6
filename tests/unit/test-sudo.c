/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl sudo: the text of sudo.conf, and the verbs against a sudo that is a script. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/sudo-probe.h"
#include "nhictl/verb.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define BLOCK                                                                                      \
        SUDO_CONF_BEGIN                                                                            \
        "Plugin sudo_nhi_approval sudo_nhi.so\nSet group_source dynamic\n" SUDO_CONF_END
#define PLUGIN_DIR  PATH_ROOT "/usr/libexec/sudo"
#define PLUGIN_FILE PLUGIN_DIR "/sudo_nhi.so"
#define BACKUP      PATH_SUDO_CONF ".nhi-backup"
#define SUDO_FILE   PATH_ROOT "/usr/bin/sudo"
#define VISUDO_FILE PATH_ROOT "/usr/sbin/visudo"
#define BROKEN      PATH_ROOT "/sudo-is-broken"
#define PICKY       PATH_ROOT "/sudo-hates-plugins"

/* ---- the text ---- */

static const struct {
        const char *before, *enabled, *disabled;
} texts[] = {
        { "", BLOCK, "" },
        { "# comment\n", "# comment\n" BLOCK, "# comment\n" },
        { "Debug x", "Debug x\n" BLOCK, "Debug x" },
        /* the administrator's own group_source comes before ours, which is the last */
        { "Set group_source static\n", "Set group_source static\n" BLOCK,
          "Set group_source static\n" },
        { "set Group_Source Dynamic\n",
          "set Group_Source Dynamic\n" SUDO_CONF_BEGIN
          "Plugin sudo_nhi_approval sudo_nhi.so\n" SUDO_CONF_END,
          "set Group_Source Dynamic\n" },
        { "Set group_source dynamic\nSet group_source static\n",
          "Set group_source dynamic\nSet group_source static\n" BLOCK,
          "Set group_source dynamic\nSet group_source static\n" },
        /* what is there already is not added, and disable takes out every line that loads it */
        { "Plugin sudo_nhi_approval /opt/sudo_nhi.so\n",
          "Plugin sudo_nhi_approval /opt/sudo_nhi.so\n" SUDO_CONF_BEGIN
          "Set group_source dynamic\n" SUDO_CONF_END,
          "" },
        { " plugin\tsudo_nhi_approval  sudo_nhi.so\nSet group_source dynamic\n",
          " plugin\tsudo_nhi_approval  sudo_nhi.so\nSet group_source dynamic\n",
          "Set group_source dynamic\n" },
        { BLOCK, BLOCK, "" },
        { "a\n" BLOCK "b\n", "a\n" BLOCK "b\n", "a\nb\n" },
        /* looks like it and is not */
        { "#Plugin x sudo_nhi.so\nPlugin x not_sudo_nhi.so\n",
          "#Plugin x sudo_nhi.so\nPlugin x not_sudo_nhi.so\n" BLOCK,
          "#Plugin x sudo_nhi.so\nPlugin x not_sudo_nhi.so\n" },
        /* a block that was not closed is not ours to take out */
        { SUDO_CONF_BEGIN "Path x y\n", SUDO_CONF_BEGIN "Path x y\n" BLOCK, NULL },
};

static void enable_adds_what_is_missing_once_and_disable_takes_it_out(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *once = NULL, *twice = NULL, *off = NULL;
                SudoConf c;

                assert_int_equal(sudo_conf_enable(texts[i].before, &once), 0);
                assert_string_equal(once, texts[i].enabled);
                assert_int_equal(sudo_conf_enable(once, &twice), 0);
                assert_string_equal(twice, once);
                sudo_conf_read(once, &c);
                assert_true(c.has_plugin && c.is_dynamic);
                assert_int_equal(sudo_conf_disable(texts[i].before, &off), 0);
                if (texts[i].disabled)
                        assert_string_equal(off, texts[i].disabled);
                sudo_conf_read(off, &c);
                assert_false(c.has_plugin);
        }
}

static void versions_are_judged(void **state)
{
        static const struct {
                const char *output;
                SudoRefusal expected;
        } rows[] = {
                { "Sudo version 1.9.13p3\nConfigure options\n", SUDO_REFUSAL_NONE },
                { "Sudo version 1.9.0\n", SUDO_REFUSAL_NONE },
                { "Sudo version 1.10\n", SUDO_REFUSAL_NONE },
                { "Sudo version 2.0\n", SUDO_REFUSAL_NONE },
                { "Sudo version 1.8.31p2\n", SUDO_REFUSAL_OLD },
                { "sudo-rs 0.2.5\n", SUDO_REFUSAL_RS },
                { "doas\n", SUDO_REFUSAL_UNKNOWN },
                { "", SUDO_REFUSAL_UNKNOWN },
        };
        SudoVersion v;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(sudo_version_parse(rows[i].output, &v), rows[i].expected);
}

/* ---- the verbs ---- */

static void put(const char *path, const char *text, mode_t mode)
{
        assert_int_equal(file_replace(path, text, strlen(text), mode, geteuid(), getegid(), false),
                         0);
}

static int setup(void **state)
{
        static const char *const folders[] = {
                PATH_ROOT,
                PATH_ROOT "/etc",
                PATH_ROOT "/usr",
                PATH_ROOT "/usr/bin",
                PATH_ROOT "/usr/sbin",
                PATH_ROOT "/usr/libexec",
                PLUGIN_DIR,
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                (void)mkdir(folders[i], 0755);
        put(SUDO_FILE,
            "#!/bin/sh\n"
            "has() { grep -q '^Plugin.*sudo_nhi.so' " PATH_SUDO_CONF " 2>/dev/null; }\n"
            "case $1 in\n"
            "--version) echo Sudo version 1.9.13p3;;\n"
            "-V) echo Sudo version 1.9.13p3; ! has || echo nhi approval plugin version 1;;\n"
            "*) test ! -e " BROKEN " && { ! has || test -e " PLUGIN_FILE " -a ! -e " PICKY "; };;\n"
            "esac\n",
            0755);
        put(VISUDO_FILE, "#!/bin/sh\nexit 0\n", 0755);
        put(PLUGIN_DIR "/sudoers.so", "", 0644);
        put(PLUGIN_FILE, "", 0644);
        return 0;
}

static int teardown(void **state)
{
        static const char *const files[] = { SUDO_FILE,   VISUDO_FILE,   PLUGIN_DIR "/sudoers.so",
                                             PLUGIN_FILE, BROKEN,        PICKY,
                                             BACKUP,      PATH_SUDO_CONF };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void)unlink(files[i]);
        return 0;
}

/* Run the program in a child that says nothing to the terminal: its exit status, its stdout. */
static int nhictl(const char *action, char ret_out[static 256])
{
        const char *argv[] = { "nhictl", "sudo", action, NULL };
        FILE *f = tmpfile();
        int status = 0;
        pid_t pid;

        assert_non_null(f);
        (void)fflush(NULL);
        pid = fork();
        if (pid == 0) {
                (void)dup2(fileno(f), STDOUT_FILENO);
                if (!freopen("/dev/null", "w", stderr))
                        _exit(99);
                status = nhictl_main(3, (char **)argv);
                (void)fflush(stdout);
                _exit(status);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        rewind(f);
        ret_out[fread(ret_out, 1, 255, f)] = '\0';
        (void)fclose(f);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_nhictl(const char *action, int expected, const char *expected_out)
{
        char out[256];

        assert_int_equal(nhictl(action, out), expected);
        assert_string_equal(out, expected_out);
}

static void assert_conf(const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = file_read_trusted(PATH_SUDO_CONF, geteuid(), 65536, &text, &size);

        if (!expected) {
                assert_int_equal(r, -ENOENT);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(text, expected);
}

static void enable_and_disable_say_changed_and_give_the_file_back_to_the_byte(void **state)
{
        static const char *const befores[] = { NULL, "# mine\n", "# no newline" };
        struct stat st;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(befores); i++) {
                if (befores[i])
                        put(PATH_SUDO_CONF, befores[i], 0640);
                assert_nhictl("disable", VERB_OK, "unchanged\n");
                assert_nhictl("enable", VERB_OK, "changed\n");
                assert_nhictl("enable", VERB_OK, "unchanged\n");
                assert_int_equal(stat(PATH_SUDO_CONF, &st), 0);
                assert_int_equal(st.st_mode & 07777, befores[i] ? 0640 : 0644);
                assert_nhictl("disable", VERB_OK, "changed\n");
                assert_conf(befores[i]);
                assert_int_equal(access(BACKUP, F_OK), -1);
        }
}

static void edit_made_in_between_survives_disable(void **state)
{
        (void)state;
        put(PATH_SUDO_CONF, "# mine", 0644);
        assert_nhictl("enable", VERB_OK, "changed\n");
        put(PATH_SUDO_CONF, "# mine\n" BLOCK "# later\n", 0644);
        assert_nhictl("disable", VERB_OK, "changed\n");
        assert_conf("# mine\n# later\n");
}

static void enable_refuses_without_a_plugin_that_sudo_would_load(void **state)
{
        (void)state;
        put(PATH_SUDO_CONF, "# mine\n", 0644);
        assert_int_equal(chmod(PLUGIN_FILE, 0664), 0);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_int_equal(unlink(PLUGIN_FILE), 0);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_conf("# mine\n");
}

static void enable_refuses_sudo_rs_old_and_absent_sudo(void **state)
{
        (void)state;
        put(SUDO_FILE, "#!/bin/sh\necho sudo-rs 0.2.5\n", 0755);
        assert_nhictl("enable", VERB_FAILED, "");
        put(SUDO_FILE, "#!/bin/sh\necho Sudo version 1.8.31\n", 0755);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_int_equal(unlink(SUDO_FILE), 0);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_conf(NULL);
}

static void file_is_put_back_where_sudo_does_not_work_with_it(void **state)
{
        (void)state;
        put(PICKY, "", 0644);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_conf(NULL);
        put(PATH_SUDO_CONF, "# mine\n", 0644);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_conf("# mine\n");
}

static void enable_changes_nothing_where_sudo_is_broken_before(void **state)
{
        (void)state;
        put(BROKEN, "", 0644);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_conf(NULL);
}

static void disable_mends_a_sudo_that_the_missing_plugin_broke(void **state)
{
        char out[256];

        (void)state;
        put(PATH_SUDO_CONF, "# mine\n", 0644);
        assert_nhictl("enable", VERB_OK, "changed\n");
        assert_int_equal(unlink(PLUGIN_FILE), 0);
        assert_int_equal(nhictl("status", out), VERB_PROBLEM);
        assert_non_null(strstr(out, "BROKEN"));
        assert_nhictl("disable", VERB_OK, "changed\n");
        assert_conf("# mine\n");
}

static void file_that_others_may_write_or_that_is_a_link_is_refused(void **state)
{
        (void)state;
        put(PATH_SUDO_CONF, "# mine\n", 0666);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_int_equal(unlink(PATH_SUDO_CONF), 0);
        assert_int_equal(symlink("/dev/null", PATH_SUDO_CONF), 0);
        assert_nhictl("enable", VERB_FAILED, "");
        assert_nhictl("disable", VERB_FAILED, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(enable_adds_what_is_missing_once_and_disable_takes_it_out),
                cmocka_unit_test(versions_are_judged),
                TEST(enable_and_disable_say_changed_and_give_the_file_back_to_the_byte),
                TEST(edit_made_in_between_survives_disable),
                TEST(enable_refuses_without_a_plugin_that_sudo_would_load),
                TEST(enable_refuses_sudo_rs_old_and_absent_sudo),
                TEST(file_is_put_back_where_sudo_does_not_work_with_it),
                TEST(enable_changes_nothing_where_sudo_is_broken_before),
                TEST(disable_mends_a_sudo_that_the_missing_plugin_broke),
                TEST(file_that_others_may_write_or_that_is_a_link_is_refused),
        };

        return cmocka_run_group_tests_name("sudo", tests, NULL, NULL);
}
