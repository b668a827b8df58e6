/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-authorized-keys: K1 to K4 of nhi-agentd/keys/command.c. */

#include "nhi-agentd/keys/keys.h"
#include "tests/fake-agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#define GATES_ENFORCE "nhi-gates 1\naccount svc-deploy 70001\nend 1\n"
#define GATES_OBSERVE "nhi-gates 1\ngate ops observe ssh svc-*\nend 1\n"
#define KEY           "restrict,expiry-time=\"20300101000000Z\" ssh-ed25519 AAAA"

static FakeAgent agent;
static const KeysQuestion question = { .user = "svc-deploy" };

/* What is printed, and the result. The caller frees *ret_text. */
static int ask(const KeysQuestion *q, char **ret_text)
{
        size_t size = 0;
        FILE *f = open_memstream(ret_text, &size);
        int r;

        assert_non_null(f);
        r = keys_print(q, f);
        assert_int_equal(fclose(f), 0);
        return r;
}

static void assert_asked(FakeAnswer answer, const char *const *keys, size_t n_keys, int expected,
                         const char *expected_text)
{
        char *text = NULL;

        agent.answer = answer;
        agent.keys = keys;
        agent.n_keys = n_keys;
        assert_int_equal(fake_agent_start(&agent, PATH_KEYS_SOCK), 0);
        assert_int_equal(ask(&question, &text), expected);
        fake_agent_stop(&agent);
        assert_string_equal(text, expected_text);
        free(text);
}

static int setup(void **state)
{
        (void)state;
        fake_agent_folders();
        return fake_file(PATH_GATES_RUN, GATES_ENFORCE);
}

static int teardown(void **state)
{
        (void)state;
        (void)fake_file(PATH_KEYS_SOCK, NULL);
        (void)fake_file(PATH_EXEMPT_FILE, NULL);
        return fake_file(PATH_GATES_RUN, NULL);
}

static void keys_of_grants_are_printed_a_line_each(void **state)
{
        static const char *const keys[] = { KEY, KEY "AB" };

        (void)state;
        assert_asked(FAKE_ALLOW, keys, 2, 0, KEY "\n" KEY "AB\n");
        assert_int_equal(agent.n_requests, 1);
        assert_int_equal(agent.seen.type, WIRE_KEYS);
        assert_int_equal(agent.seen.subject.size, strlen("svc-deploy"));
}

static void no_keys_is_no_error(void **state)
{
        (void)state;
        assert_asked(FAKE_ALLOW, NULL, 0, 0, "");
}

static void K1_K4_ungated_observed_and_exempt_get_no_key_and_the_agent_is_not_asked(void **state)
{
        static const char *const keys[] = { KEY };

        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, GATES_OBSERVE), 0);
        assert_asked(FAKE_ALLOW, keys, 1, KEYS_E_UNGATED, "");
        assert_int_equal(agent.n_requests, 0);
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        assert_asked(FAKE_NOT_READING, keys, 1, KEYS_E_UNGATED, "");
        assert_int_equal(fake_file(PATH_GATES_RUN, GATES_ENFORCE), 0);
        assert_int_equal(fake_file(PATH_EXEMPT_FILE, "svc-deploy ssh\n"), 0);
        assert_asked(FAKE_ALLOW, keys, 1, KEYS_E_UNGATED, "");
        assert_int_equal(agent.n_requests, 0);
}

static void K2_errors_print_nothing(void **state)
{
        static const char *const good[] = { KEY };
        static const char *const bad[] = { KEY, "ssh-ed25519 AAAA\nssh-ed25519 BBBB" };
        static const char *const empty[] = { KEY, "" };
        char *text = NULL;

        (void)state;
        assert_true(ask(&question, &text) < 0); /* no agent */
        assert_string_equal(text, "");
        free(text);
        assert_asked(FAKE_ALLOW, bad, 2, KEYS_E_MALFORMED, "");
        assert_asked(FAKE_ALLOW, empty, 2, KEYS_E_MALFORMED, "");
        assert_asked(FAKE_GARBAGE, good, 1, KEYS_E_MALFORMED, "");
        assert_asked(FAKE_OTHER_NONCE, good, 1, KEYS_E_MALFORMED, "");
        assert_asked(FAKE_OTHER_SUBJECT, good, 1, KEYS_E_MALFORMED, "");
        assert_asked(FAKE_HANG_UP, good, 1, -ECONNRESET, "");
        assert_asked(FAKE_SILENT, good, 1, -ETIMEDOUT, "");
}

static void K2_bad_names_are_errors(void **state)
{
        static const char *const names[] = { NULL, "", "a\nb" };
        char *text = NULL;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const KeysQuestion q = { .user = names[i] };

                assert_int_equal(ask(&q, &text), -EINVAL);
                assert_string_equal(text, "");
                free(text);
        }
}

static void offered_key_goes_along_unless_it_is_too_long(void **state)
{
        static char blob[WIRE_TEXT_MAX];
        KeysQuestion q = { .user = "svc-deploy", .key_type = "ssh-ed25519", .key_blob = "AAAA" };
        char *text = NULL;

        (void)state;
        agent.answer = FAKE_ALLOW;
        agent.n_keys = 0;
        assert_int_equal(fake_agent_start(&agent, PATH_KEYS_SOCK), 0);
        assert_int_equal(ask(&q, &text), 0);
        fake_agent_stop(&agent);
        free(text);
        assert_int_equal(agent.seen.auth_info.size, strlen("publickey ssh-ed25519 AAAA"));

        memset(blob, 'A', sizeof(blob) - 1);
        q.key_blob = blob;
        assert_int_equal(fake_agent_start(&agent, PATH_KEYS_SOCK), 0);
        assert_int_equal(ask(&q, &text), 0);
        fake_agent_stop(&agent);
        free(text);
        assert_int_equal(agent.seen.auth_info.size, 0);
}

/* ---- the program ---- */

#define CHAINED PATH_ROOT "/other-keys"

/* Run it in a child, stdout into a file: its exit status, and what it printed. */
static int run(const char *const *argv, char ret_text[static 256])
{
        int argc = 0, status = 0;
        FILE *f = tmpfile();
        pid_t pid;

        assert_non_null(f);
        while (argv[argc])
                argc++;
        (void)fflush(NULL);
        pid = fork();
        if (pid == 0) {
                (void)dup2(fileno(f), STDOUT_FILENO);
                if (!freopen("/dev/null", "w", stderr))
                        _exit(99);
                _exit(keys_main(argc, (char **)argv));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        rewind(f);
        ret_text[fread(ret_text, 1, 255, f)] = '\0';
        (void)fclose(f);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *const chained[] = { "k", "svc-deploy", "--then", CHAINED, "svc-deploy", NULL };
static const char *const chained_with_key[] = { "k",      "svc-deploy", "ssh-rsa",    "AA",
                                                "--then", CHAINED,      "svc-deploy", NULL };

static void write_chained(mode_t mode)
{
        assert_int_equal(fake_file(CHAINED, "#!/bin/sh\necho key of $1\n"), 0);
        assert_int_equal(chmod(CHAINED, mode), 0);
}

static void other_command_runs_for_the_ungated_only(void **state)
{
        static const char *const alone[] = { "k", "svc-deploy", NULL };
        char text[256];

        (void)state;
        write_chained(0755);
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        assert_int_equal(run(chained, text), 0);
        assert_string_equal(text, "key of svc-deploy\n");
        assert_int_equal(run(chained_with_key, text), 0);
        assert_string_equal(text, "key of svc-deploy\n");
        assert_int_equal(run(alone, text), 0);
        assert_string_equal(text, "");

        /* K3: gated, agent dead and agent without keys */
        assert_int_equal(fake_file(PATH_GATES_RUN, GATES_ENFORCE), 0);
        assert_int_equal(run(chained, text), 1);
        assert_string_equal(text, "");
        agent.answer = FAKE_ALLOW;
        agent.n_keys = 0;
        assert_int_equal(fake_agent_start(&agent, PATH_KEYS_SOCK), 0);
        assert_int_equal(run(chained_with_key, text), 0);
        assert_string_equal(text, "");
        fake_agent_stop(&agent);
        assert_int_equal(fake_file(CHAINED, NULL), 0);
}

static void other_command_must_be_roots_own(void **state)
{
        char text[256];

        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        assert_int_equal(run(chained, text), 1); /* absent */
        write_chained(0775);
        assert_int_equal(run(chained, text), 1);
        write_chained(0757);
        assert_int_equal(run(chained, text), 1);
        write_chained(0755);
        assert_int_equal(run(chained, text), 0);
        assert_int_equal(
                run((const char *const[]){ "k", "svc-deploy", "--then", "bin/true", NULL }, text),
                1);
        assert_int_equal(fake_file(CHAINED, NULL), 0);
}

static void wrong_words_are_an_error(void **state)
{
        static const char *const rows[][6] = {
                { "k", NULL },
                { "k", "svc-deploy", "--then", NULL },
                { "k", "svc-deploy", "ssh-rsa", NULL },
                { "k", "svc-deploy", "ssh-rsa", "AA", "--then", NULL },
                { "k", "svc-deploy", "ssh-rsa", "AA", "more", NULL },
        };
        char text[256];

        (void)state;
        assert_int_equal(fake_file(PATH_GATES_RUN, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(run(rows[i], text), 1);
                assert_string_equal(text, "");
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(keys_of_grants_are_printed_a_line_each),
                TEST(no_keys_is_no_error),
                TEST(K1_K4_ungated_observed_and_exempt_get_no_key_and_the_agent_is_not_asked),
                TEST(K2_errors_print_nothing),
                TEST(K2_bad_names_are_errors),
                TEST(offered_key_goes_along_unless_it_is_too_long),
                TEST(other_command_runs_for_the_ungated_only),
                TEST(other_command_must_be_roots_own),
                TEST(wrong_words_are_an_error),
        };

        return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
