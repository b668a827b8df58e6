/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init that did not get to its end, and the same once more: a host is set up, or it is as it
 * was, and what runs is what is written. systemctl is a script here, and the agent a few answers.
 */

#include "tests/unit/init-fixture.h"

#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CALLS     PATH_ROOT "/systemctl-calls"
#define FAILS     PATH_ROOT "/systemctl-fails" /* its reload does */
#define DEAF      PATH_ROOT "/systemctl-deaf"  /* the agent does not read its configuration */
#define SYSTEMCTL PATH_ROOT "/usr/bin/systemctl"

static const char script[] = "#!/bin/sh\n"
                             "echo \"$*\" >> " CALLS "\n"
                             "[ \"$1\" != reload ] || ! [ -e " FAILS " ] || exit 1\n"
                             "[ \"$1\" != reload ] || [ -e " DEAF " ] || {\n"
                             "        echo > " PATH_SOURCES_RUN ".new; mv " PATH_SOURCES_RUN
                             ".new " PATH_SOURCES_RUN "; }\n"
                             "exit 0\n";

static pid_t agent;

static void no_agent(void)
{
        if (agent <= 0)
                return;
        assert_int_equal(kill(agent, SIGKILL), 0);
        assert_int_equal(waitpid(agent, NULL, 0), agent);
        agent = 0;
}

static int no_world(void **state)
{
        no_agent();
        (void)system("rm -rf " PATH_ROOT "/run/systemd " PATH_ROOT "/usr " PATH_RUN_DIR " " CALLS
                     " " FAILS " " DEAF);
        return no_root(state);
}

static int world(void **state)
{
        if (no_world(state) != 0 || fresh_root(state) != 0)
                return -1;
        assert_int_equal(system("mkdir -p " PATH_ROOT "/run/systemd/system " PATH_ROOT
                                "/usr/bin " PATH_RUN_DIR),
                         0);
        put(SYSTEMCTL, script);
        assert_int_equal(chmod(SYSTEMCTL, 0755), 0);
        return 0;
}

/* It answers every question so. */
static void agent_says(const char *issuer)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char request[4096], reply[1024];
        const int n = snprintf(reply, sizeof(reply),
                               "{\"schema\":1,\"ok\":true,\"accounts\":1,\"grants\":1,\"issuers\":"
                               "[{\"issuer\":\"https://g.example.org\",%s}]}\n",
                               issuer);

        no_agent();
        (void)unlink(PATH_CONTROL_SOCK);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_CONTROL_SOCK);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        agent = fork();
        assert_true(agent >= 0);
        if (agent == 0)
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (agent == 0) {
                int peer = accept(fd, NULL, NULL);

                if (read(peer, request, sizeof(request)) <= 0 || write(peer, reply, (size_t)n) < 0)
                        _exit(1);
                (void)close(peer);
        }
        (void)close(fd);
}

/* What init said: on stdout "changed\n", "unchanged\n" or nothing; the sentences on stderr. */
static char said[64], told[8192];

static int redirect(FILE *stream, int *saved)
{
        int fd = open(PATH_ROOT, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        (void)fflush(stream);
        *saved = dup(fileno(stream));
        assert_true(fd >= 0 && dup2(fd, fileno(stream)) >= 0);
        return fd;
}

static void restore(FILE *stream, int saved, int fd, char *text, size_t size)
{
        ssize_t n;

        (void)fflush(stream);
        (void)dup2(saved, fileno(stream));
        (void)close(saved);
        n = pread(fd, text, size - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        (void)close(fd);
}

static int run_saying(const InitOptions *o)
{
        int r, out_saved, err_saved, out = redirect(stdout, &out_saved),
                                     err = redirect(stderr, &err_saved);

        (void)unlink(CALLS);
        r = run(o);
        restore(stderr, err_saved, err, told, sizeof(told));
        restore(stdout, out_saved, out, said, sizeof(said));
        return r;
}

static bool was_called(const char *words)
{
        const char *calls = content(CALLS);

        return calls && strstr(calls, words);
}

static InitOptions at_a(void)
{
        static const char *urls[] = { "https://a.example.org/" };
        InitOptions o = options((ArgList){ urls, 1 });

        o.no_wait = true;
        return o;
}

/* Of a host that was set up before: another source, key and token. */
static InitOptions anew(void)
{
        static const char *urls[] = { "https://b.example.org/" };
        InitOptions o = at_a();

        assert_int_equal(run_saying(&o), VERB_OK);
        o = options((ArgList){ urls, 1 });
        put(GIVEN "key.jwk", OTHER_KEY);
        o.thumbprints.n = 0;
        o.yes = o.replace = true;
        o.access.token_file = GIVEN "token";
        o.no_wait = true;
        return o;
}

/* ---- what runs is what is written ---- */

static void the_same_again_changes_nothing_and_restarts_nothing(void **state)
{
        InitOptions o = at_a();

        o.access.token_file = GIVEN "token";
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "changed\n");
        assert_true(was_called("daemon-reload"));
        assert_true(was_called("restart nhi-fetchd.service"));
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "unchanged\n");
        assert_false(was_called("restart"));
        assert_true(was_called("reload nhi-agentd.service")); /* an administrator may have edited */
        assert_int_equal(access(INIT_UNFINISHED, F_OK), -1);
}

static void after_a_reload_that_failed_the_same_again_goes_on(void **state)
{
        InitOptions o = anew();

        put(FAILS, "");
        assert_int_equal(run_saying(&o), VERB_FAILED);
        assert_int_equal(unlink(FAILS), 0);
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "changed\n");
        assert_true(was_called("daemon-reload"));
        assert_true(was_called("restart nhi-fetchd.service"));
        assert_true(was_called("reload nhi-agentd.service"));
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "unchanged\n");
}

/* Killed between its last file and systemctl. */
static void after_an_interruption_the_same_again_goes_on(void **state)
{
        InitOptions o = anew();

        assert_int_equal(unlink(SYSTEMCTL), 0);
        assert_int_equal(run_saying(&o), VERB_FAILED);
        put(SYSTEMCTL, script);
        assert_int_equal(chmod(SYSTEMCTL, 0755), 0);
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "changed\n");
        assert_true(was_called("restart nhi-fetchd.service"));
}

/* ---- what answered is what was changed ---- */

static void a_set_of_before_is_no_answer_of_another_source(void **state)
{
        InitOptions o = anew();

        o.no_wait = false;
        o.wait_sec = 1;
        agent_says("\"ver\":7,\"exp\":1763770000,\"accepted\":5,\"offered\":null");
        assert_int_equal(run_saying(&o), VERB_STALE);
        assert_string_equal(said, "changed\n");
        assert_int_equal(access(INIT_UNFINISHED, F_OK), 0);
        assert_int_equal(run_saying(&o), VERB_STALE); /* nor is it when it is asked again */
        agent_says("\"ver\":8,\"exp\":1763770000,\"accepted\":9,\"offered\":9");
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "changed\n");
        assert_int_equal(access(INIT_UNFINISHED, F_OK), -1);
}

static void what_came_under_the_former_configuration_is_no_answer(void **state)
{
        InitOptions o = anew();

        o.no_wait = false;
        o.wait_sec = 1;
        put(DEAF, "");
        agent_says("\"ver\":7,\"exp\":1763770000,\"accepted\":5,\"offered\":6");
        assert_int_equal(run_saying(&o), VERB_STALE);
        assert_int_equal(unlink(DEAF), 0);
        assert_int_equal(run_saying(&o), VERB_OK);
}

static void what_is_in_the_way_now_is_told(void **state)
{
        InitOptions o = anew();

        o.no_wait = false;
        o.wait_sec = 1;
        agent_says("\"ver\":7,\"exp\":1763770000,\"offered\":null,\"sources\":[{\"trouble\":null},"
                   "{\"trouble\":\"https://b: absent\"}],\"last_refusal\":{\"time\":5,\"code\":"
                   "\"version-floor\"}");
        assert_int_equal(run_saying(&o), VERB_STALE);
        assert_non_null(strstr(told, "https://b: absent"));
        assert_null(strstr(told, "version-floor"));
        assert_non_null(strstr(told, "Set 7 of before holds"));
        assert_null(strstr(told, "No grant holds"));
        agent_says("\"ver\":null,\"sources\":[{\"trouble\":\"https://b: timeout\"}],"
                   "\"last_refusal\":{\"time\":99999999999,\"code\":\"signature\"}");
        assert_int_equal(run_saying(&o), VERB_STALE);
        assert_non_null(strstr(told, "refused: signature"));
        agent_says("\"ver\":null,\"sources\":[{\"trouble\":null}],\"beside\":["
                   "{\"object\":\"keys\",\"trouble\":\"https://b/keys.jws: status-403\"}]");
        assert_int_equal(run_saying(&o), VERB_STALE);
        assert_non_null(strstr(told, "https://b/keys.jws: status-403"));
        assert_non_null(strstr(told, "No grant holds"));
}

/* A source that is down just now is no reason to fail where nothing had to be done. */
static void where_nothing_was_changed_a_set_of_before_will_do(void **state)
{
        InitOptions o = at_a();

        assert_int_equal(run_saying(&o), VERB_OK);
        o.no_wait = false;
        o.wait_sec = 1;
        agent_says("\"ver\":7,\"exp\":1763770000,\"accepted\":5,\"offered\":null");
        assert_int_equal(run_saying(&o), VERB_OK);
        assert_string_equal(said, "unchanged\n");
        agent_says("\"ver\":null,\"sources\":[{\"trouble\":\"timeout\"}]");
        assert_int_equal(run_saying(&o), VERB_STALE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, world)
        const struct CMUnitTest tests[] = {
                T(the_same_again_changes_nothing_and_restarts_nothing),
                T(after_a_reload_that_failed_the_same_again_goes_on),
                T(after_an_interruption_the_same_again_goes_on),
                T(a_set_of_before_is_no_answer_of_another_source),
                T(what_came_under_the_former_configuration_is_no_answer),
                T(what_is_in_the_way_now_is_told),
                T(where_nothing_was_changed_a_set_of_before_will_do),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, no_world);
}
