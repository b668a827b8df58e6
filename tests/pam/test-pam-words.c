/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said to pam_nhi and by it: names that are prompted for, labels and messages of any
 * content, options and files that make no sense. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"

#include <pwd.h>

/* ---- a name that nobody has given yet ---- */

static unsigned n_prompts;

static int give_name(int n, const struct pam_message **messages, struct pam_response **ret,
                     void *userdata)
{
        const char *name = userdata;

        *ret = calloc((size_t)n, sizeof(**ret));
        if (!*ret)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++) {
                if (messages[i]->msg_style != PAM_PROMPT_ECHO_ON)
                        continue;
                n_prompts++;
                (*ret)[i].resp = strdup(name);
        }
        return PAM_SUCCESS;
}

static int authenticate_nameless(const char *name, Entry phase)
{
        const struct pam_conv conv = { give_name, (void *)name };
        pam_handle_t *pamh = NULL;
        int r;

        n_prompts = 0;
        assert_int_equal(pam_start_confdir("sshd", NULL, &conv, PATH_STACKS, &pamh), PAM_SUCCESS);
        r = phase(pamh, 0);
        pam_end(pamh, PAM_SUCCESS);
        return r;
}

static void the_name_that_was_asked_for_is_the_one_that_counts(void **state)
{
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(authenticate_nameless(GATED, pam_authenticate), PAM_PERM_DENIED);
        assert_int_equal(n_prompts, 1);
        assert_int_equal(agent.n_seen, 1);
        assert_string_equal(agent.seen[0].subject, GATED);
        assert_int_equal(authenticate_nameless(UNGATED, pam_authenticate), IGNORED);
}

static void no_phase_but_the_first_asks_for_a_name(void **state)
{
        assert_int_equal(authenticate_nameless(GATED, pam_open_session), PAM_PERM_DENIED);
        assert_int_equal(n_prompts, 0);
        assert_int_equal(agent.n_seen, 0);
}

/* ---- labels ---- */

static int with_host(size_t size)
{
        char *host = malloc(size + 1);
        Login l;
        int r;

        assert_non_null(host);
        memset(host, 'h', size);
        host[size] = '\0';
        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_set_item(l.pamh, PAM_RHOST, host), PAM_SUCCESS);
        assert_int_equal(pam_set_item(l.pamh, PAM_TTY, host), PAM_SUCCESS);
        r = pam_acct_mgmt(l.pamh, 0);
        login_end(&l);
        free(host);
        return r;
}

/* A label decides nothing, and must not be a way to be denied. */
static void a_label_of_any_length_is_cut_and_keeps_nobody_out(void **state)
{
        static const size_t sizes[] = { 1, 256, 257, 1024, 1025, 4096 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                agent_script(&agent, SCRIPT_ALLOW);
                assert_int_equal(with_host(sizes[i]), PAM_SUCCESS);
                assert_int_equal(agent.n_seen, 1);
                assert_int_equal(strlen(agent.seen[0].rhost), sizes[i] < 1024 ? sizes[i] : 1024);
        }
}

/* ---- options and files ---- */

static void options_that_nobody_knows_keep_the_gated_out_however_many_P08(void **state)
{
        stack_write("odd", "fast sloppy debug");
        assert_int_equal(phase_alone("odd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(phase_alone("odd", UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(agent.n_seen, 0);
        stack_write("odd", "");
}

static void an_exemption_that_does_not_parse_exempts_nobody(void **state)
{
        static const char *const files[] = { GATED "\n", "# all\n" GATED " * today\n",
                                             GATED "\t\n" GATED };

        agent_script(&agent, SCRIPT_DENY);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                spit(PATH_EXEMPT_FILE, files[i]);
                assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        }
        spit(PATH_EXEMPT_FILE, GATED " *\n");
        assert_int_equal(chmod(PATH_EXEMPT_FILE, 0666), 0);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        assert_int_equal(chmod(PATH_EXEMPT_FILE, 0644), 0);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), IGNORED);
}

/* ---- what the person reads ---- */

static const char *told(Script script, const char *reason, const char *message, Entry phase)
{
        static char line[1200];
        Login l;

        agent_script(&agent, script);
        agent.reason = reason;
        agent.message = message;
        login_begin(&l, "sshd", GATED);
        (void)phase(l.pamh, 0);
        (void)snprintf(line, sizeof(line), "%s", l.talk.n_lines == 1 ? l.talk.last : "");
        login_end(&l);
        agent.reason = agent.message = NULL;
        return line;
}

static void a_reason_is_told_once(void **state)
{
        assert_string_equal(told(SCRIPT_DENY, "expired", "it is over", pam_acct_mgmt),
                            "nhi: it is over (expired)");
        assert_string_equal(told(SCRIPT_DENY, "expired", "it has expired", pam_acct_mgmt),
                            "nhi: it has expired");
        assert_non_null(strstr(told(SCRIPT_DENY, "expired", NULL, pam_acct_mgmt), "(expired)"));
}

static void no_message_moves_the_terminals_cursor_O13(void **state)
{
        assert_string_equal(told(SCRIPT_DENY, "no\033grant\n", "over", pam_acct_mgmt),
                            "nhi: over (no grant )");
        assert_non_null(strstr(told(SCRIPT_DENY, "\177x", NULL, pam_acct_mgmt), "( x)"));
        assert_string_equal(told(SCRIPT_DENY, "no-grant",
                                 "a\033[2Jb\rc\nd\x7f"
                                 "e",
                                 pam_acct_mgmt),
                            "nhi: a [2Jb c d e (no-grant)");
        assert_string_equal(told(SCRIPT_ALLOW, "granted", "until\n12:00\x7f", pam_open_session),
                            "nhi: until 12:00 ");
}

static void whoever_gets_in_is_told_when_the_session_opens_and_only_then(void **state)
{
        assert_string_equal(told(SCRIPT_ALLOW, "granted", "until 12:00", pam_acct_mgmt), "");
        assert_string_equal(told(SCRIPT_ALLOW, "granted", "until 12:00", pam_open_session),
                            "nhi: until 12:00");
        assert_string_equal(told(SCRIPT_ALLOW, "granted", NULL, pam_open_session), "");
}

/* Who asks for more than they have has logged in: they are no stranger (A09). */
static void elevation_is_told_why_from_the_first_phase_on(void **state)
{
        const struct passwd *p = getpwnam(GATED);
        Login l;
        int r;

        assert_non_null(p);
        agent_script(&agent, SCRIPT_DENY);
        login_begin(&l, "sudo", GATED);
        assert_int_equal(setresuid(p->pw_uid, (uid_t)-1, (uid_t)-1), 0);
        r = pam_authenticate(l.pamh, 0);
        assert_int_equal(setresuid(0, (uid_t)-1, (uid_t)-1), 0);
        assert_int_equal(r, PAM_PERM_DENIED);
        assert_int_equal(l.talk.n_lines, 1);
        login_end(&l);

        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_authenticate(l.pamh, 0), PAM_PERM_DENIED);
        assert_int_equal(l.talk.n_lines, 0);
        login_end(&l);
}

/* ---- a service that has no class ---- */

static void a_service_name_that_is_no_name_lets_nobody_gated_in_and_says_nothing(void **state)
{
        static const char service[] = "ss\thd";
        char path[512];

        stack_write(service, "");
        assert_int_equal(phase_alone(service, GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        assert_int_equal(phase_alone(service, GATED, pam_open_session), PAM_PERM_DENIED);
        assert_int_equal(phase_alone(service, UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone(service, UNGATED, pam_open_session), IGNORED);
        assert_int_equal(agent.n_seen, 0);
        (void)snprintf(path, sizeof(path), "%s/%s", PATH_STACKS, service);
        assert_int_equal(unlink(path), 0);
}

/* ---- a gated caller ---- */

/* What ends is the session of the user, whom nobody gated. */
static void a_gated_callers_session_closes_and_nobody_is_told(void **state)
{
        const struct passwd *p = getpwnam(GATED);
        int r;

        assert_non_null(p);
        assert_int_equal(setresuid(p->pw_uid, (uid_t)-1, (uid_t)-1), 0);
        r = phase_alone("atd", UNGATED, pam_close_session);
        assert_int_equal(setresuid(0, (uid_t)-1, (uid_t)-1), 0);
        assert_int_equal(r, PAM_SUCCESS);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        assert_int_equal(agent.n_seen, 1);
}

#define HOST_TEST(f) cmocka_unit_test_setup(f, host_reset)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                HOST_TEST(the_name_that_was_asked_for_is_the_one_that_counts),
                HOST_TEST(no_phase_but_the_first_asks_for_a_name),
                HOST_TEST(a_label_of_any_length_is_cut_and_keeps_nobody_out),
                HOST_TEST(options_that_nobody_knows_keep_the_gated_out_however_many_P08),
                HOST_TEST(an_exemption_that_does_not_parse_exempts_nobody),
                HOST_TEST(a_reason_is_told_once),
                HOST_TEST(no_message_moves_the_terminals_cursor_O13),
                HOST_TEST(whoever_gets_in_is_told_when_the_session_opens_and_only_then),
                HOST_TEST(elevation_is_told_why_from_the_first_phase_on),
                HOST_TEST(a_service_name_that_is_no_name_lets_nobody_gated_in_and_says_nothing),
                HOST_TEST(a_gated_callers_session_closes_and_nobody_is_told),
        };

        if (geteuid() != 0) {
                printf("skipped: pam_nhi leaves callers alone that are not root\n");
                return 0;
        }
        return cmocka_run_group_tests_name("pam-words", tests, host_setup, host_teardown);
}
