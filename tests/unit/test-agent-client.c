/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/agent-client.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/control.h"
#include "nhictl/verb.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SOCKET_PATH PATH_ROOT "/agent-client.sock"

/* An agent that answers one request with these bytes, and hangs before it closes where told so. */
static pid_t agent_start(const char *reply, size_t size, bool hang)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
        char request[256];
        pid_t pid;

        (void)mkdir(PATH_ROOT, 0755);
        (void)unlink(SOCKET_PATH);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", SOCKET_PATH);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
                (void)close(fd);
                return pid;
        }
        peer = accept(fd, NULL, NULL);
        if (read(peer, request, sizeof(request)) <= 0)
                _exit(1);
        for (size_t i = 0; i < size;) {
                ssize_t n = write(peer, reply + i, size - i);

                if (n <= 0)
                        _exit(1);
                i += (size_t)n;
        }
        if (hang)
                (void)pause();
        _exit(0);
}

static int call(const char *reply, bool hang, uint64_t usec, json_t **ret)
{
        pid_t pid = agent_start(reply, strlen(reply), hang);
        json_t *request = json_pack("{s:s}", "verb", "status");
        int r = agent_call_at(SOCKET_PATH, geteuid(), request, usec, ret);

        json_decref(request);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)unlink(SOCKET_PATH);
        return r;
}

#define SECONDS(n) ((uint64_t)(n)*1000000)

static void a_line_that_is_an_object_is_the_reply(void **state)
{
        json_t *reply = NULL;

        assert_int_equal(call("{\"ok\": false, \"code\": \"denied\"}\n", false, SECONDS(5), &reply),
                         0);
        assert_string_equal(json_string_value(json_object_get(reply, "code")), "denied");
        json_decref(reply);
}

static void a_large_reply_arrives_whole(void **state)
{
        size_t size = 1000000;
        char *text = malloc(size + 16);
        json_t *reply = NULL;

        assert_non_null(text);
        memcpy(text, "{\"x\":\"", 6);
        memset(text + 6, 'a', size);
        memcpy(text + 6 + size, "\"}\n", 4);
        assert_int_equal(call(text, false, SECONDS(10), &reply), 0);
        assert_int_equal(json_string_length(json_object_get(reply, "x")), size);
        json_decref(reply);
        free(text);
}

static void what_breaks_the_protocol_is_no_reply(void **state)
{
        static const char *const bad[] = {
                "{\"ok\": true}", /* no line feed: cut short */
                "[]\n",           "{\n", "{\"a\": 1, \"a\": 2}\n", "{} {}\n", "\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *reply = NULL;

                assert_int_equal(call(bad[i], false, SECONDS(5), &reply), -EBADMSG);
                assert_null(reply);
        }
}

static int listen_for_one(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)mkdir(PATH_ROOT, 0755);
        (void)unlink(SOCKET_PATH);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", SOCKET_PATH);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 0), 0);
        return fd;
}

static void answer_after_the_crowd(int listener, int n)
{
        static const char reply[] = "{\"ok\": true}\n";
        char request[256];
        int peer = -1;

        (void)poll(NULL, 0, 20);
        for (int i = 0; i <= n; i++)
                peer = accept(listener, NULL, NULL);
        (void)read(peer, request, sizeof(request));
        _exit(write(peer, reply, sizeof(reply) - 1) > 0 ? 0 : 1);
}

/* A04: a crowd at the door is no reason to give up before the deadline. */
static void a_full_backlog_is_waited_out(void **state)
{
        int listener = listen_for_one(), held[8], n = 0;
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;
        pid_t pid;

        while (n < 8 && unix_connect(SOCKET_PATH, SOCK_STREAM, geteuid(), &held[n]) == 0)
                n++;
        assert_in_range(n, 1, 7);
        assert_int_equal(agent_call_at(SOCKET_PATH, geteuid(), request, SECONDS(1) / 100, &reply),
                         -EAGAIN);
        pid = fork();
        if (pid == 0)
                answer_after_the_crowd(listener, n);
        assert_int_equal(agent_call_at(SOCKET_PATH, geteuid(), request, SECONDS(20), &reply), 0);
        json_decref(reply);
        json_decref(request);
        (void)waitpid(pid, NULL, 0);
        while (n-- > 0)
                (void)close(held[n]);
        (void)close(listener);
        (void)unlink(SOCKET_PATH);
}

static void silence_ends_at_the_deadline(void **state)
{
        json_t *reply = NULL;

        assert_int_equal(call("", false, SECONDS(5), &reply), -ECONNRESET);
        assert_int_equal(call("{\"ok\": true}\n", true, SECONDS(1) / 10, &reply), -ETIMEDOUT);
        assert_null(reply);
}

static void nobody_there_is_said_by_errno(void **state)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;

        (void)unlink(SOCKET_PATH);
        assert_int_equal(agent_call_at(SOCKET_PATH, geteuid(), request, SECONDS(1), &reply),
                         -ENOENT);
        json_decref(request);
}

static void a_host_is_set_up_when_a_part_of_the_configuration_is_there(void **state)
{
        static const char part[] = PATH_CONF_DIR "/10-local.conf";

        (void)unlink(part);
        (void)rmdir(PATH_CONF_DIR);
        assert_false(agent_is_set_up());
        (void)mkdir(PATH_ROOT, 0755);
        (void)mkdir(PATH_ROOT "/etc", 0755);
        (void)mkdir(PATH_ETC_DIR, 0755);
        assert_int_equal(mkdir(PATH_CONF_DIR, 0755), 0);
        assert_false(agent_is_set_up());
        (void)close(open(part, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        assert_true(agent_is_set_up());
        (void)unlink(part);
        (void)rmdir(PATH_CONF_DIR);
}

static void a_request_reaches_its_limit(void **state)
{
        size_t room = CONTROL_REQUEST_MAX - strlen("{\"x\":\"\"}\n");
        char *text = calloc(1, room + 2);
        json_t *request, *reply = NULL;

        assert_non_null(text);
        (void)unlink(SOCKET_PATH);
        memset(text, 'a', room);
        request = json_pack("{s:s}", "x", text);
        assert_int_equal(agent_call_at(SOCKET_PATH, geteuid(), request, SECONDS(1), &reply),
                         -ENOENT); /* it fits: only the agent is missing */
        json_decref(request);
        text[room] = 'a';
        request = json_pack("{s:s}", "x", text);
        assert_int_equal(agent_call_at(SOCKET_PATH, geteuid(), request, SECONDS(1), &reply),
                         -EMSGSIZE);
        json_decref(request);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_that_is_an_object_is_the_reply),
                cmocka_unit_test(a_large_reply_arrives_whole),
                cmocka_unit_test(what_breaks_the_protocol_is_no_reply),
                cmocka_unit_test(a_full_backlog_is_waited_out),
                cmocka_unit_test(silence_ends_at_the_deadline),
                cmocka_unit_test(nobody_there_is_said_by_errno),
                cmocka_unit_test(a_host_is_set_up_when_a_part_of_the_configuration_is_there),
                cmocka_unit_test(a_request_reaches_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
