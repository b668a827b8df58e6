/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The law and the subject rule, on the module as it is loaded. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"

#include <dlfcn.h>
#include <nss.h>
#include <pwd.h>
#include <sys/wait.h>

static uid_t uid_of(const char *name)
{
        const struct passwd *p = getpwnam(name);

        assert_non_null(p);
        return p->pw_uid;
}

/* The real uid of a setuid program that this account started. */
static void started_by(const char *name)
{
        assert_int_equal(setresuid(name ? uid_of(name) : 0, 0, 0), 0);
}

static int authenticate(pam_handle_t *h, int flags)
{
        return pam_authenticate(h, flags);
}

static const struct {
        const char *name;
        Entry entry;
} phases[] = {
        { "authenticate", authenticate },       { "setcred", pam_setcred },
        { "account", pam_acct_mgmt },           { "open_session", pam_open_session },
        { "close_session", pam_close_session }, { "chauthtok", pam_chauthtok },
};

static void expect_column(const char *column, const char *user, const int law[6])
{
        for (size_t i = 0; i < ELEMENTSOF(phases); i++) {
                int r = phase_alone("sshd", user, phases[i].entry);

                if (r != law[i])
                        fail_msg("%s, %s: %d, the law says %d", column, phases[i].name, r, law[i]);
        }
}

static void the_law_holds_in_every_cell_P01(void **state)
{
        static const int granted[] = { IGNORED,     IGNORED,     PAM_SUCCESS,
                                       PAM_SUCCESS, PAM_SUCCESS, IGNORED };
        static const int denied[] = { PAM_PERM_DENIED, IGNORED,     PAM_PERM_DENIED,
                                      PAM_PERM_DENIED, PAM_SUCCESS, IGNORED };
        static const int fault[] = { PAM_AUTHINFO_UNAVAIL, IGNORED,     PAM_AUTHINFO_UNAVAIL,
                                     PAM_AUTHINFO_UNAVAIL, PAM_SUCCESS, IGNORED };
        static const int bad_name[] = { PAM_USER_UNKNOWN, IGNORED,     PAM_USER_UNKNOWN,
                                        PAM_PERM_DENIED,  PAM_SUCCESS, IGNORED };
        static const int left_alone[] = { IGNORED, IGNORED, IGNORED, IGNORED, IGNORED, IGNORED };
        char longest[258];

        expect_column("granted", GATED, granted);
        agent_script(&agent, SCRIPT_DENY);
        expect_column("denied", GATED, denied);
        agent_script(&agent, SCRIPT_CLOSE);
        expect_column("fault", GATED, fault);

        memset(longest, 'x', sizeof(longest));
        longest[257] = '\0';
        agent_script(&agent, SCRIPT_ALLOW);
        expect_column("no name", NULL, bad_name);
        expect_column("empty name", "", bad_name);
        expect_column("control character", "a\nb", bad_name);
        expect_column("257 bytes", longest, bad_name);
        expect_column("unresolvable", "ghost1", bad_name);
        agent_drain(&agent);
        assert_int_equal(agent.n_seen, 0);

        agent_script(&agent, SCRIPT_DENY);
        expect_column("ungated", UNGATED, left_alone);
        expect_column("exempt", EXEMPTED, left_alone);
        expect_column("observed", OBSERVED, left_alone);
        expect_column("unresolvable and ungated", "no-such-person", left_alone);
}

static void a_host_without_gates_is_left_alone_whatever_the_name_K01(void **state)
{
        assert_int_equal(unlink(PATH_GATES_RUN), 0);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", "", pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", NULL, pam_acct_mgmt), IGNORED);
        assert_int_equal(agent.n_seen, 0);
}

static void a_name_with_a_slash_is_somebody_elses_until_a_gate_names_it(void **state)
{
        assert_int_equal(phase_alone("sshd", "CORP/john", pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", "ghost/john", pam_acct_mgmt), PAM_USER_UNKNOWN);
}

static void setcred_and_chauthtok_never_ask_P04_P05(void **state)
{
        static const int flags[] = { PAM_ESTABLISH_CRED, PAM_DELETE_CRED, PAM_REINITIALIZE_CRED,
                                     PAM_REFRESH_CRED };
        Login l;

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                login_begin(&l, "sshd", GATED);
                assert_int_equal(pam_setcred(l.pamh, flags[i]), IGNORED);
                login_end(&l);
        }
        assert_int_equal(phase_alone("sshd", GATED, pam_chauthtok), IGNORED);
        assert_int_equal(agent.n_seen, 0);
}

static void alone_and_sufficient_it_never_authenticates_P07(void **state)
{
        spit(PATH_STACKS "/odd", "auth sufficient " PATH_MODULE "\n");
        assert_int_not_equal(phase_alone("odd", GATED, pam_authenticate), PAM_SUCCESS);
        assert_int_not_equal(phase_alone("odd", UNGATED, pam_authenticate), PAM_SUCCESS);
        stack_write("odd", "");
}

static void an_unknown_option_denies_the_gated_and_nobody_else_P08(void **state)
{
        stack_write("odd", "debug quiet");
        assert_int_equal(phase_alone("odd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        stack_write("odd", "debug nullok");
        assert_int_equal(phase_alone("odd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(phase_alone("odd", GATED, pam_open_session), PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(phase_alone("odd", UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("odd", EXEMPTED, pam_acct_mgmt), IGNORED);
        stack_write("odd", "");
}

static void flags_change_no_code_P03(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(pam_acct_mgmt(l.pamh, PAM_DISALLOW_NULL_AUTHTOK), PAM_PERM_DENIED);
        assert_int_equal(pam_acct_mgmt(l.pamh, PAM_SILENT), PAM_PERM_DENIED);
        login_end(&l);
}

static void the_agent_is_told_what_it_needs_to_know(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_set_item(l.pamh, PAM_RHOST, "192.0.2.7"), PAM_SUCCESS);
        assert_int_equal(pam_putenv(l.pamh, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA"),
                         PAM_SUCCESS);
        /* The process's environment is the person's: never read (O9). */
        setenv("SSH_AUTH_INFO_0", "publickey ssh-ed25519 FORGED", 1);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        unsetenv("SSH_AUTH_INFO_0");
        assert_int_equal(agent.n_seen, 1);
        assert_int_equal(agent.seen[0].type, WIRE_PAM);
        assert_int_equal(agent.seen[0].phase, WIRE_PHASE_ACCOUNT);
        assert_int_equal(agent.seen[0].mode, WIRE_MODE_ENFORCE);
        assert_int_equal(agent.seen[0].subject_uid, uid_of(GATED));
        assert_int_equal(agent.seen[0].n_gids, 0); /* no gate names a group */
        assert_string_equal(agent.seen[0].service, "sshd");
        assert_string_equal(agent.seen[0].subject, GATED);
        assert_string_equal(agent.seen[0].target, GATED);
        assert_string_equal(agent.seen[0].rhost, "192.0.2.7");
        assert_string_equal(agent.seen[0].auth_info, "publickey ssh-ed25519 AAAA");
        login_end(&l);
}

static void groups_are_told_where_a_gate_names_one(void **state)
{
        spit(PATH_GATES_RUN, "nhi-gates 1\ngate a enforce * %" GATED "\nend 1\n");
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        assert_true(agent.seen[0].n_gids >= 1);
        assert_int_equal(phase_alone("sshd", UNGATED, pam_acct_mgmt), IGNORED);
}

static void open_session_carries_the_account_phases_decision(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        agent.decision = 4711;
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
        assert_int_equal(pam_close_session(l.pamh, 0), PAM_SUCCESS);
        assert_int_equal(agent_wait(&agent, 3), 3);
        assert_true(agent.seen[0].decision == 0);
        assert_true(agent.seen[1].decision == 4711);
        assert_int_equal(agent.seen[1].phase, WIRE_PHASE_OPEN_SESSION);
        assert_int_equal(agent.seen[2].phase, WIRE_PHASE_CLOSE_SESSION);
        login_end(&l);
}

static void sudos_subject_is_the_invoker_in_every_phase_F12(void **state)
{
        Login l;

        started_by(GATED);
        login_begin(&l, "sudo", GATED);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        /* Then sudo makes PAM_USER the target, and sudoedit's real uid is 0. */
        assert_int_equal(pam_set_item(l.pamh, PAM_USER, "root"), PAM_SUCCESS);
        started_by(NULL);
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 2);
        assert_string_equal(agent.seen[1].subject, GATED);
        assert_string_equal(agent.seen[1].target, "root");
        assert_int_equal(agent.seen[1].subject_uid, uid_of(GATED));
        login_end(&l);
}

static void su_to_root_never_meets_roots_exemption_P26(void **state)
{
        spit(PATH_EXEMPT_FILE, "root *\n");
        agent_script(&agent, SCRIPT_DENY);
        started_by(GATED);
        assert_int_equal(phase_alone("su", "root", pam_acct_mgmt), PAM_PERM_DENIED);
        assert_int_equal(phase_alone("su", "root", pam_open_session), PAM_PERM_DENIED);
        started_by(NULL);
        assert_string_equal(agent.seen[0].subject, GATED);
        assert_int_equal(agent.seen[0].real_uid, uid_of(GATED));
        assert_int_equal(phase_alone("su", GATED, pam_acct_mgmt), IGNORED); /* root's own su */
}

/* Who calls su can see to it that passwd does not answer: `ulimit -v` is enough (P28). */
static void an_account_is_held_by_its_uid_where_passwd_does_not_know_it(void **state)
{
        enum { NOBODYS_UID = 61183 };

        spit(PATH_GATES_RUN, "nhi-gates 1\n"
                             "gate seen observe su *\n"
                             "account svc-held 61183\n"
                             "end 2\n");
        assert_null(getpwuid(NOBODYS_UID));
        assert_int_equal(setresuid(NOBODYS_UID, 0, 0), 0);
        assert_int_equal(phase_alone("su", UNGATED, pam_acct_mgmt), PAM_USER_UNKNOWN);
        assert_int_equal(phase_alone("su", UNGATED, pam_open_session), PAM_PERM_DENIED);
        assert_int_equal(phase_alone("atd", UNGATED, pam_acct_mgmt), PAM_USER_UNKNOWN);
        started_by(NULL);
        assert_int_equal(agent.n_seen, 0);
}

static void labels_that_the_caller_chooses_exempt_nobody_P20(void **state)
{
        Login l;

        spit(PATH_EXEMPT_FILE, "root *\n");
        agent_script(&agent, SCRIPT_DENY);
        started_by(GATED);
        login_begin(&l, "su", "root");
        assert_int_equal(pam_set_item(l.pamh, PAM_RUSER, "root"), PAM_SUCCESS);
        assert_int_equal(pam_set_item(l.pamh, PAM_TTY, "/dev/tty1"), PAM_SUCCESS);
        assert_int_equal(pam_set_item(l.pamh, PAM_RHOST, "localhost"), PAM_SUCCESS);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_PERM_DENIED);
        login_end(&l);
        started_by(NULL);
}

static void a_gated_caller_and_the_user_must_both_pass(void **state)
{
        started_by(GATED);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(phase_alone("atd", UNGATED, pam_acct_mgmt), PAM_PERM_DENIED);
        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(phase_alone("atd", UNGATED, pam_acct_mgmt), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 1);
        assert_string_equal(agent.seen[0].subject, GATED);
        started_by(NULL);

        spit(PATH_GATES_RUN, "nhi-gates 1\ngate a enforce * " GATED "," OBSERVED "\nend 1\n");
        started_by(OBSERVED);
        assert_int_equal(phase_alone("atd", GATED, pam_open_session), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 3);
        /* Only the user's own question opens a session. */
        assert_string_equal(agent.seen[1].subject, OBSERVED);
        assert_int_equal(agent.seen[1].phase, WIRE_PHASE_ACCOUNT);
        assert_string_equal(agent.seen[2].subject, GATED);
        assert_int_equal(agent.seen[2].phase, WIRE_PHASE_OPEN_SESSION);
        agent_script(&agent, SCRIPT_ALLOW);
        agent.deny_subject = OBSERVED;
        assert_int_equal(phase_alone("atd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        agent.deny_subject = GATED;
        assert_int_equal(phase_alone("atd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        started_by(NULL);
}

static void an_ungated_caller_is_not_in_the_way(void **state)
{
        started_by(UNGATED); /* atd is daemon */
        assert_int_equal(phase_alone("atd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        started_by(NULL);
        assert_int_equal(agent.n_seen, 1);
        assert_string_equal(agent.seen[0].subject, GATED);
}

/* Every login program is root: that says nothing, even where root itself is gated. */
static void a_caller_that_is_root_is_not_asked_about(void **state)
{
        spit(PATH_GATES_RUN, "nhi-gates 1\ngate a enforce * *\nend 1\n");
        agent.deny_subject = "root";
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 1);
        assert_int_equal(phase_alone("sshd", "root", pam_acct_mgmt), PAM_PERM_DENIED);
}

static int changed_to(const char *first, const char *second)
{
        Login l;
        int r;

        login_begin(&l, "sshd", first);
        (void)pam_acct_mgmt(l.pamh, 0);
        assert_int_equal(pam_set_item(l.pamh, PAM_USER, second), PAM_SUCCESS);
        r = pam_open_session(l.pamh, 0);
        login_end(&l);
        return r;
}

static void a_gated_login_keeps_its_name_P06(void **state)
{
        assert_int_equal(changed_to(GATED, GATED), PAM_SUCCESS);
        assert_int_equal(changed_to(UNGATED, GATED), PAM_PERM_DENIED);
        assert_int_equal(changed_to(GATED, UNGATED), PAM_PERM_DENIED);
        assert_int_equal(changed_to(UNGATED, EXEMPTED), IGNORED);
}

static void login_may_ask_for_another_name(void **state)
{
        Login l;

        login_begin(&l, "sshd", UNGATED);
        assert_int_equal(pam_authenticate(l.pamh, 0), IGNORED);
        assert_int_equal(pam_set_item(l.pamh, PAM_USER, GATED), PAM_SUCCESS);
        assert_int_equal(pam_authenticate(l.pamh, 0), IGNORED);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        login_end(&l);
}

/* A directory that ignores case answers for GAMES too; while it cannot be asked, that is not known.
 */
static void a_spelling_that_passwd_cannot_explain_meets_every_gate(void **state)
{
        int status = -1;
        pid_t pid = fork();

        if (pid == 0) {
                if (__nss_configure_lookup("passwd", "nhi_no_such_service") != 0)
                        _exit(1);
                _exit(phase_alone("sshd", "GAMES", pam_acct_mgmt) != PAM_AUTHINFO_UNAVAIL ||
                      phase_alone("sshd", EXEMPTED, pam_acct_mgmt) != IGNORED);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(phase_alone("sshd", "GAMES", pam_acct_mgmt), IGNORED);
}

static void a_decision_is_forgotten_with_the_name_it_was_about(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        agent.decision = 4711;
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        assert_int_equal(pam_authenticate(l.pamh, 0), IGNORED);
        assert_true(agent.seen[1].decision == 4711);
        assert_int_equal(pam_set_item(l.pamh, PAM_USER, "daemon"), PAM_SUCCESS);
        (void)pam_authenticate(l.pamh, 0);
        assert_int_equal(pam_set_item(l.pamh, PAM_USER, GATED), PAM_SUCCESS);
        assert_int_equal(pam_authenticate(l.pamh, 0), IGNORED);
        assert_int_equal(agent.n_seen, 3);
        assert_true(agent.seen[2].decision == 0);
        login_end(&l);
}

static void the_user_manager_opens_a_session_that_its_grant_ends(void **state)
{
        spit(PATH_GATES_RUN, "nhi-gates 1\ngate a enforce ssh " GATED "\nend 1\n");
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(phase_alone("systemd-user", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(phase_alone("systemd-user", GATED, pam_open_session), PAM_SUCCESS);
        assert_string_equal(agent.seen[0].service, "systemd-user");
        assert_int_equal(agent.seen[0].phase, WIRE_PHASE_OPEN_SESSION);
        assert_int_equal(phase_alone("systemd-user", UNGATED, pam_acct_mgmt), IGNORED);
}

static void callers_that_are_not_root_are_left_alone(void **state)
{
        Login l;

        login_begin(&l, "odd", GATED);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(seteuid(uid_of(UNGATED)), 0);
        for (size_t i = 0; i < ELEMENTSOF(phases); i++)
                assert_int_equal(phases[i].entry(l.pamh, 0), IGNORED);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(agent.n_seen, 0);
        login_end(&l);
}

static void an_observed_login_is_noted_in_passing(void **state)
{
        Login l;

        login_begin(&l, "sshd", OBSERVED);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), IGNORED);
        assert_int_equal(pam_open_session(l.pamh, 0), IGNORED);
        assert_int_equal(agent_wait(&agent, 2), 2);
        assert_int_equal(agent.seen[0].mode, WIRE_MODE_OBSERVE);
        assert_int_equal(agent.seen[1].phase, WIRE_PHASE_OPEN_SESSION);
        assert_int_equal(l.talk.n_lines, 0);
        login_end(&l);
}

static void an_exempt_login_is_noted_once(void **state)
{
        Login l;

        login_begin(&l, "sshd", EXEMPTED);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), IGNORED);
        assert_int_equal(pam_open_session(l.pamh, 0), IGNORED);
        assert_int_equal(agent_wait(&agent, 1), 1);
        login_end(&l);
        /* The next question comes behind whatever was sent before it. */
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 2);
        assert_int_equal(agent.seen[0].mode, WIRE_MODE_EXEMPT);
        assert_int_equal(agent.seen[1].mode, WIRE_MODE_ENFORCE);
}

static void the_denied_person_is_told_why_in_one_line(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        agent_script(&agent, SCRIPT_DENY);
        agent.message = "there is no active grant\nfor \033[2Jthis account";
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_PERM_DENIED);
        assert_int_equal(l.talk.n_lines, 1);
        assert_string_equal(l.talk.last,
                            "nhi: there is no active grant for  [2Jthis account (no-grant)");
        agent.message = NULL;
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_PERM_DENIED);
        assert_non_null(strstr(l.talk.last, "(no-grant)"));
        agent_script(&agent, SCRIPT_CLOSE);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_AUTHINFO_UNAVAIL);
        assert_non_null(strstr(l.talk.last, "(agent-absent)"));
        assert_non_null(strstr(l.talk.last, "systemctl status nhi-agentd"));
        assert_int_equal(l.talk.n_lines, 3);
        login_end(&l);
}

static void who_is_silent_or_a_stranger_is_told_nothing_P02_A09(void **state)
{
        Login l;

        login_begin(&l, "sshd", GATED);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(pam_acct_mgmt(l.pamh, PAM_SILENT), PAM_PERM_DENIED);
        assert_int_equal(pam_open_session(l.pamh, PAM_SILENT), PAM_PERM_DENIED);
        assert_int_equal(pam_authenticate(l.pamh, 0), PAM_PERM_DENIED);
        assert_int_equal(l.talk.n_lines, 0);
        login_end(&l);
}

static void a_conversation_that_fails_or_is_not_there_changes_nothing_P09(void **state)
{
        Login l;

        agent_script(&agent, SCRIPT_DENY);
        login_begin(&l, "sshd", GATED);
        l.talk.result = PAM_CONV_ERR;
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_PERM_DENIED);
        login_end(&l);

        l = (Login){ 0 };
        assert_int_equal(pam_start_confdir("sshd", GATED, &l.conv, PATH_STACKS, &l.pamh),
                         PAM_SUCCESS);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_PERM_DENIED);
        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        login_end(&l);
}

static void a_child_that_ends_the_handle_takes_nothing_from_the_parent_P24(void **state)
{
        int status = -1;
        Login l;
        pid_t pid;

        login_begin(&l, "sshd", GATED);
        agent.decision = 4711;
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        pid = fork();
        if (pid == 0)
                _exit(pam_end(l.pamh, PAM_SUCCESS | PAM_DATA_SILENT));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
        assert_true(agent.seen[1].decision == 4711);
        login_end(&l);
}

static void the_module_is_whole_and_shows_six_symbols(void **state)
{
        static const char *const entries[] = { "pam_sm_authenticate",  "pam_sm_setcred",
                                               "pam_sm_acct_mgmt",     "pam_sm_open_session",
                                               "pam_sm_close_session", "pam_sm_chauthtok" };
        static const char *const inside[] = { "wire_ask",   "gate_mode",    "law_code",
                                              "glob_match", "file_replace", "bind_subject" };
        void *module = dlopen(PATH_MODULE, RTLD_NOW | RTLD_LOCAL);

        if (!module)
                fail_msg("%s", dlerror());
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                assert_non_null(dlsym(module, entries[i]));
        for (size_t i = 0; i < ELEMENTSOF(inside); i++)
                assert_null(dlsym(module, inside[i]));
        dlclose(module);
}

#define HOST_TEST(f) cmocka_unit_test_setup(f, host_reset)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                HOST_TEST(the_law_holds_in_every_cell_P01),
                HOST_TEST(a_host_without_gates_is_left_alone_whatever_the_name_K01),
                HOST_TEST(a_name_with_a_slash_is_somebody_elses_until_a_gate_names_it),
                HOST_TEST(setcred_and_chauthtok_never_ask_P04_P05),
                HOST_TEST(alone_and_sufficient_it_never_authenticates_P07),
                HOST_TEST(an_unknown_option_denies_the_gated_and_nobody_else_P08),
                HOST_TEST(flags_change_no_code_P03),
                HOST_TEST(the_agent_is_told_what_it_needs_to_know),
                HOST_TEST(groups_are_told_where_a_gate_names_one),
                HOST_TEST(open_session_carries_the_account_phases_decision),
                HOST_TEST(sudos_subject_is_the_invoker_in_every_phase_F12),
                HOST_TEST(su_to_root_never_meets_roots_exemption_P26),
                HOST_TEST(an_account_is_held_by_its_uid_where_passwd_does_not_know_it),
                HOST_TEST(labels_that_the_caller_chooses_exempt_nobody_P20),
                HOST_TEST(a_gated_caller_and_the_user_must_both_pass),
                HOST_TEST(an_ungated_caller_is_not_in_the_way),
                HOST_TEST(a_caller_that_is_root_is_not_asked_about),
                HOST_TEST(a_gated_login_keeps_its_name_P06),
                HOST_TEST(login_may_ask_for_another_name),
                HOST_TEST(a_spelling_that_passwd_cannot_explain_meets_every_gate),
                HOST_TEST(a_decision_is_forgotten_with_the_name_it_was_about),
                HOST_TEST(the_user_manager_opens_a_session_that_its_grant_ends),
                HOST_TEST(callers_that_are_not_root_are_left_alone),
                HOST_TEST(an_observed_login_is_noted_in_passing),
                HOST_TEST(an_exempt_login_is_noted_once),
                HOST_TEST(the_denied_person_is_told_why_in_one_line),
                HOST_TEST(who_is_silent_or_a_stranger_is_told_nothing_P02_A09),
                HOST_TEST(a_conversation_that_fails_or_is_not_there_changes_nothing_P09),
                HOST_TEST(a_child_that_ends_the_handle_takes_nothing_from_the_parent_P24),
                HOST_TEST(the_module_is_whole_and_shows_six_symbols),
        };

        if (geteuid() != 0) {
                printf("skipped: pam_nhi leaves callers alone that are not root\n");
                return 0;
        }
        return cmocka_run_group_tests_name("pam", tests, host_setup, host_teardown);
}
