/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sudo_nhi as sudo's front end meets it: the plugin itself, loaded, and an agent that answers by a
 * script. S1 to S4 of plugin.c; P10 P19 P27 for commands. */

#include "lib/base/io.h"
#include "tests/fake-agent.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sudo_plugin.h>

#include <cmocka.h>

#define MODULE PATH_ROOT "/../tmod/sudo_nhi.so"

#define GATES_ENFORCE "nhi-gates 1\naccount svc-deploy 70001\nend 1\n"
#define GATES_OBSERVE "nhi-gates 1\ngate ops observe sudo svc-*\nend 1\n"

static struct approval_plugin *plugin;
static FakeAgent agent;
static const char *errstr;
static char printed[4096];

static __attribute__((format(printf, 2, 3))) int print(int type, const char *format, ...)
{
        size_t used = strlen(printed);
        va_list args;

        (void)type;
        va_start(args, format);
        (void)vsnprintf(printed + used, sizeof(printed) - used, format, args);
        va_end(args);
        return 0;
}

static const char *const user_info[] = { "user=svc-deploy", "uid=70001", "gid=70001", "egid=70001",
                                         "tty=/dev/pts/3",  "cwd=/srv",  NULL };
static const char *const command_info[] = { "command=/usr/bin/id", "runas_user=daemon",
                                            "runas_uid=1", "runas_gid=1", NULL };
static const char *const run_argv[] = { "id", "-u", NULL };

static int plugin_open_as(const char *const info[], const char *const options[])
{
        errstr = NULL;
        printed[0] = '\0';
        return plugin->open(SUDO_API_VERSION, NULL, print, NULL, (char *const *)info, 0, NULL, NULL,
                            (char *const *)options, &errstr);
}

static int check(const char *const info[], const char *const argv[])
{
        int r;

        assert_int_equal(plugin_open_as(user_info, NULL), 1);
        r = plugin->check((char *const *)info, (char *const *)argv, NULL, &errstr);
        plugin->close();
        return r;
}

/* The same, with an agent that answers so. */
static int check_with(FakeAnswer answer, const char *const info[], const char *const argv[])
{
        int r;

        agent.answer = answer;
        assert_int_equal(fake_agent_start(&agent, PATH_PAM_SOCK), 0);
        r = check(info, argv);
        fake_agent_stop(&agent);
        return r;
}

static void assert_text(WireText t, const char *expected)
{
        char text[WIRE_TEXT_MAX + 1];

        assert_int_equal(wire_text_copy(t, text, sizeof(text)), 0);
        assert_string_equal(text, expected);
}

static void assert_list(WireList l, const char *const *expected)
{
        WireText item;
        size_t pos = 0;

        for (; *expected; expected++) {
                assert_true(wire_list_next(&l, &pos, &item));
                assert_text(item, *expected);
        }
        assert_false(wire_list_next(&l, &pos, &item));
}

static int setup(void **state)
{
        (void)state;
        agent.message = NULL;
        fake_agent_folders();
        return fake_file(PATH_GATES_RUN, GATES_ENFORCE);
}

static int teardown(void **state)
{
        (void)state;
        (void)fake_file(PATH_PAM_SOCK, NULL);
        (void)fake_file(PATH_EXEMPT_FILE, NULL);
        return fake_file(PATH_GATES_RUN, NULL);
}

/* ---- open ---- */

static void S1_open_gives_minus_one_whenever_it_does_not_know_who_asks(void **state)
{
        static const char *const bad[][4] = {
                { NULL },
                { "uid=1", "gid=1", NULL },
                { "user=", "uid=1", "gid=1", NULL },
                { "user=a\nb", "uid=1", "gid=1", NULL },
                { "user=a", "gid=1", NULL },
                { "user=a", "uid=", "gid=1", NULL },
                { "user=a", "uid=-1", "gid=1", NULL },
                { "user=a", "uid=4294967295", "gid=1", NULL },
                { "user=a", "uid=18446744073709551617", "gid=1", NULL },
                { "user=a", "uid=1x", "gid=1", NULL },
                { "user=a", "uid=1", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(plugin_open_as(bad[i], NULL), -1);
                assert_non_null(errstr);
        }
        assert_int_equal(plugin_open_as(NULL, NULL), -1);
        assert_int_equal(plugin->open(SUDO_API_MKVERSION(2, 0), NULL, print, NULL,
                                      (char *const *)user_info, 0, NULL, NULL, NULL, &errstr),
                         -1);
        assert_int_equal(plugin_open_as(user_info, NULL), 1);
        plugin->close();
}

/* ---- who is asked about ---- */

static void S3_ungated_is_allowed_and_the_agent_not_asked(void **state)
{
        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        assert_int_equal(check(command_info, run_argv), 1);
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 1);
        assert_int_equal(agent.n_requests, 0);
        assert_int_equal(check_with(FAKE_NOT_READING, command_info, run_argv), 1);
        assert_string_equal(printed, "");
}

static void S3_exempt_is_allowed_and_the_agent_not_asked(void **state)
{
        (void)state;
        assert_int_equal(fake_file(PATH_EXEMPT_FILE, "svc-deploy sudo\n"), 0);
        assert_int_equal(check(command_info, run_argv), 1);
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 1);
        assert_int_equal(agent.n_requests, 0);
}

static void S3_observed_is_allowed_with_a_notice_and_without_waiting(void **state)
{
        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, GATES_OBSERVE), 0);
        assert_int_equal(check(command_info, run_argv), 1);
        assert_int_equal(check_with(FAKE_NOT_READING, command_info, run_argv), 1);
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 1);
        assert_int_equal(agent.n_requests, 1);
        assert_int_equal(agent.seen.type, WIRE_COMMAND);
        assert_int_equal(agent.seen.mode, WIRE_MODE_OBSERVE);
        assert_string_equal(printed, "");
        /* What cannot be put to the agent is no reason either. */
        assert_int_equal(check((const char *[]){ "command=relative", NULL }, run_argv), 1);
}

static void unusable_gates_gate_everybody(void **state)
{
        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, "rubbish"), 0);
        assert_int_equal(check(command_info, run_argv), -1);
}

/* ---- the answer ---- */

static void S2_granted_command_runs_and_the_request_says_all_of_it(void **state)
{
        (void)state;
        assert_int_equal(check_with(FAKE_ALLOW, command_info, run_argv), 1);
        assert_int_equal(agent.n_requests, 1);
        assert_int_equal(agent.seen.type, WIRE_COMMAND);
        assert_int_equal(agent.seen.mode, WIRE_MODE_ENFORCE);
        assert_text(agent.seen.service, "sudo");
        assert_text(agent.seen.subject, "svc-deploy");
        assert_int_equal(agent.seen.subject_uid, 70001);
        assert_int_equal(agent.seen.real_uid, 70001);
        assert_int_equal(agent.seen.egid, 70001);
        assert_int_equal(agent.seen.gids.n, 0); /* no gate asked for them */
        assert_text(agent.seen.target, "daemon");
        assert_text(agent.seen.target_group, "");
        assert_text(agent.seen.command, "/usr/bin/id");
        assert_list(agent.seen.argv, (const char *[]){ "-u", NULL });
        assert_int_equal(agent.seen.edit.n, 0);
        assert_text(agent.seen.cwd, "/srv");
        assert_text(agent.seen.tty, "/dev/pts/3");
}

static void S2_denied_command_says_why_in_one_line(void **state)
{
        (void)state;
        agent.message = "the grant is not for this command; run a granted one: nhictl mine";
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 0);
        assert_string_equal(errstr, "nhi: the grant is not for this command; run a granted one: "
                                    "nhictl mine");
        assert_non_null(strstr(printed, "nhictl mine\n"));
        agent.message = "\x1b[2Jgone\n";
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 0);
        assert_null(strpbrk(errstr, "\x1b\n"));
        agent.message = NULL;
        assert_int_equal(check_with(FAKE_DENY, command_info, run_argv), 0);
        assert_non_null(strstr(errstr, "no-grant"));
}

static void P10_absent_silent_and_malformed_agents_are_errors_within_two_seconds(void **state)
{
        static const FakeAnswer answers[] = { FAKE_HANG_UP,       FAKE_GARBAGE, FAKE_OTHER_NONCE,
                                              FAKE_OTHER_SUBJECT, FAKE_SILENT,  FAKE_NOT_READING };

        (void)state;
        assert_int_equal(check(command_info, run_argv), -1);
        assert_non_null(strstr(errstr, "agent-absent"));
        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                /* A machine that is busy may have held one try up, but not each. */
                for (int n = 0;; n++) {
                        const uint64_t begin = now_monotonic_usec();

                        assert_int_equal(check_with(answers[i], command_info, run_argv), -1);
                        assert_non_null(strstr(errstr, "nhi-agentd"));
                        if (now_monotonic_usec() - begin < 3 * USEC_PER_SEC)
                                break;
                        assert_true(n < 5);
                }
        }
}

/* ---- as whom ---- */

static const struct {
        const char *info[7];
        const char *target, *group;
} targets[] = {
        /* the name that belongs to the ids */
        { { "runas_user=root", "runas_uid=0", "runas_gid=0" }, "root", "" },
        { { "runas_uid=0", "runas_gid=0" }, "root", "" },
        /* a name that does not: what the ids say */
        { { "runas_user=daemon", "runas_uid=0", "runas_gid=0" }, "root", "" },
        { { "runas_user=nobody-here", "runas_uid=0", "runas_gid=0" }, "root", "" },
        { { "runas_user=daemon", "runas_uid=1", "runas_euid=0", "runas_gid=0" }, NULL, NULL },
        { { "runas_user=root", "runas_uid=70001", "runas_euid=0", "runas_gid=0" }, "root", "" },
        /* P27: an id without a name */
        { { "runas_user=#70999", "runas_uid=70999", "runas_gid=0" }, "#70999", "root" },
        { { "runas_user=daemon", "runas_uid=70999", "runas_gid=70999" }, "#70999", "#70999" },
        /* -g */
        { { "runas_user=daemon", "runas_uid=1", "runas_gid=0", "runas_group=root" },
          "daemon",
          "root" },
        { { "runas_user=daemon", "runas_uid=1", "runas_gid=0" }, "daemon", "root" },
        { { "runas_user=daemon", "runas_uid=1", "runas_gid=0", "runas_group=daemon" },
          "daemon",
          "root" },
        { { "runas_user=daemon", "runas_uid=1", "runas_gid=1", "runas_egid=0" }, NULL, NULL },
        { { "runas_user=daemon", "runas_uid=1", "runas_gid=70001", "runas_egid=0" },
          "daemon",
          "root" },
        /* not said, or not understood */
        { { "runas_user=root", "runas_gid=0" }, NULL, NULL },
        { { "runas_user=root", "runas_uid=0" }, NULL, NULL },
        { { "runas_user=root", "runas_uid=-1", "runas_gid=0" }, NULL, NULL },
        { { "runas_user=root", "runas_uid=4294967295", "runas_gid=0" }, NULL, NULL },
};

static void S4_target_is_the_name_of_the_ids_that_sudo_will_use(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                const char *info[9] = { "command=/usr/bin/id" };

                memcpy(info + 1, targets[i].info, sizeof(targets[i].info));
                if (!targets[i].target) {
                        assert_int_equal(check_with(FAKE_ALLOW, info, run_argv), -1);
                        assert_int_equal(agent.n_requests, 0);
                        continue;
                }
                assert_int_equal(check_with(FAKE_ALLOW, info, run_argv), 1);
                assert_text(agent.seen.target, targets[i].target);
                assert_text(agent.seen.target_group, targets[i].group);
        }
}

/* ---- what ---- */

static void chroot_is_denied_and_the_agent_not_asked(void **state)
{
        const char *info[] = { "command=/usr/bin/id", "runas_uid=1", "runas_gid=1", "chroot=/srv",
                               NULL };

        (void)state;
        assert_int_equal(check_with(FAKE_ALLOW, info, run_argv), 0);
        assert_int_equal(agent.n_requests, 0);
        assert_non_null(strstr(errstr, "-R"));
}

static void missing_or_relative_command_is_an_error(void **state)
{
        const char *none[] = { "runas_uid=1", "runas_gid=1", NULL };
        const char *relative[] = { "command=id", "runas_uid=1", "runas_gid=1", NULL };
        const char *nothing[] = { NULL };

        (void)state;
        assert_int_equal(check_with(FAKE_ALLOW, none, run_argv), -1);
        assert_int_equal(check_with(FAKE_ALLOW, relative, run_argv), -1);
        assert_int_equal(check_with(FAKE_ALLOW, command_info, nothing), -1);
        assert_int_equal(check_with(FAKE_ALLOW, NULL, NULL), -1);
        assert_int_equal(agent.n_requests, 0);
}

static void command_line_that_does_not_fit_is_an_error(void **state)
{
        static char word[WIRE_MSG_MAX];
        const char *argv[] = { "id", word, NULL };

        (void)state;
        memset(word, 'x', sizeof(word) - 1);
        assert_int_equal(check_with(FAKE_ALLOW, command_info, argv), -1);
        assert_int_equal(agent.n_requests, 0);
}

static const struct {
        const char *argv[8];
        const char *count;
        const char *edit[4]; /* none: an error */
        const char *rest[4];
} edits[] = {
        { { "vi", "--", "/etc/app.conf" }, NULL, { "/etc/app.conf" }, { NULL } },
        { { "vi", "-n", "--", "/a", "b/../c" }, NULL, { "/a", "/srv/b/../c" }, { "-n" } },
        { { "vi", "--", "/a", "/b" }, "sudoedit_nfiles=2", { "/a", "/b" }, { NULL } },
        { { "vi", "--", "/a", "--", "/b" },
          "sudoedit_nfiles=3",
          { "/a", "/srv/--", "/b" },
          { NULL } },
        { { "vi", "--", "/etc/shadow", "--", "/a" }, "sudoedit_nfiles=1", { NULL }, { NULL } },
        { { "vi", "--", "/a" }, "sudoedit_nfiles=x", { NULL }, { NULL } },
        { { "vi", "/a" }, NULL, { NULL }, { NULL } },
        { { "vi", "--" }, NULL, { NULL }, { NULL } },
        { { "--", "/a" }, NULL, { NULL }, { NULL } },
        { { "vi", "--", "" }, NULL, { NULL }, { NULL } },
};

static void sudoedit_asks_for_the_files_and_not_the_editor(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(edits); i++) {
                const char *info[] = { "command=/usr/bin/vi", "runas_uid=0",  "runas_gid=0",
                                       "sudoedit=true",       edits[i].count, NULL };

                if (!edits[i].edit[0]) {
                        assert_int_equal(check_with(FAKE_ALLOW, info, edits[i].argv), -1);
                        assert_int_equal(agent.n_requests, 0);
                        continue;
                }
                assert_int_equal(check_with(FAKE_ALLOW, info, edits[i].argv), 1);
                assert_list(agent.seen.edit, edits[i].edit);
                assert_list(agent.seen.argv, edits[i].rest);
        }
}

static void unknown_option_of_the_plugin_stops_the_gated_only(void **state)
{
        const char *options[] = { "fail_open=true", NULL };

        (void)state;
        agent.answer = FAKE_ALLOW;
        assert_int_equal(fake_agent_start(&agent, PATH_PAM_SOCK), 0);
        assert_int_equal(plugin_open_as(user_info, options), 1);
        assert_int_equal(
                plugin->check((char *const *)command_info, (char *const *)run_argv, NULL, &errstr),
                -1);
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        assert_int_equal(
                plugin->check((char *const *)command_info, (char *const *)run_argv, NULL, &errstr),
                1);
        plugin->close();
        fake_agent_stop(&agent);
        assert_int_equal(agent.n_requests, 0);
}

static void plugin_exports_one_symbol_and_needs_libc_only(void **state)
{
        char line[512];
        size_t n_exported = 0, n_needed = 0;
        FILE *p = popen("nm -D --defined-only " MODULE " && readelf -d " MODULE, "re");

        (void)state;
        assert_non_null(p);
        while (fgets(line, sizeof(line), p)) {
                if (strstr(line, " T ") || strstr(line, " D ")) {
                        assert_non_null(strstr(line, " sudo_nhi_approval\n"));
                        n_exported++;
                }
                if (strstr(line, "(NEEDED)") && !strstr(line, "san.so")) {
                        assert_non_null(strstr(line, "[libc.so.6]"));
                        n_needed++;
                }
        }
        assert_int_equal(pclose(p), 0);
        assert_int_equal(n_exported, 1);
        assert_int_equal(n_needed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(S1_open_gives_minus_one_whenever_it_does_not_know_who_asks),
                TEST(S3_ungated_is_allowed_and_the_agent_not_asked),
                TEST(S3_exempt_is_allowed_and_the_agent_not_asked),
                TEST(S3_observed_is_allowed_with_a_notice_and_without_waiting),
                TEST(unusable_gates_gate_everybody),
                TEST(S2_granted_command_runs_and_the_request_says_all_of_it),
                TEST(S2_denied_command_says_why_in_one_line),
                TEST(P10_absent_silent_and_malformed_agents_are_errors_within_two_seconds),
                TEST(S4_target_is_the_name_of_the_ids_that_sudo_will_use),
                TEST(chroot_is_denied_and_the_agent_not_asked),
                TEST(missing_or_relative_command_is_an_error),
                TEST(command_line_that_does_not_fit_is_an_error),
                TEST(sudoedit_asks_for_the_files_and_not_the_editor),
                TEST(unknown_option_of_the_plugin_stops_the_gated_only),
                cmocka_unit_test(plugin_exports_one_symbol_and_needs_libc_only),
        };
        void *handle;

        fake_agent_folders();
        handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        plugin = handle ? dlsym(handle, "sudo_nhi_approval") : NULL;
        if (!plugin) {
                (void)fprintf(stderr, "%s\n", dlerror());
                return 1;
        }
        assert_int_equal(plugin->type, SUDO_APPROVAL_PLUGIN);
        return cmocka_run_group_tests_name("sudo-plugin", tests, NULL, NULL);
}
