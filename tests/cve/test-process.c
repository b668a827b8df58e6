/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a hostile process can make of itself: its name (sudo CVE-2017-1000367, O12), the address it
 * calls from (snapd CVE-2019-7304, O29), and how many descriptors it holds (nss-pam-ldapd
 * CVE-2013-0288, O24). */

#include "lib/base/io.h"
#include "nhi-agentd/caller.h"
#include "tests/scripted-agent.h"

#include "lib/base/path.h"
#include "lib/wire/client.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PATH_SOCKET PATH_ROOT "/cve.sock"

/* ---- O12: its name ----------------------------------------------------------------------------*/

static const char *const names[] = {
        "x\nUid:\t0\t0\t0", ") R 0 0 0", "a b) R 1 1", "\n0::/x.scope", "x\\nUid:\t0", "\tUid:\t0",
};

typedef struct Child {
        pid_t pid;
        int go;
} Child;

static Child child_named(const char *name)
{
        int ready[2], go[2];
        char byte;
        Child c;

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(go), 0);
        c.pid = fork();
        if (c.pid == 0) {
                (void)prctl(PR_SET_NAME, name);
                if (geteuid() == 0 && setresuid(4711, 4711, 4711) < 0)
                        _exit(1);
                (void)close(go[1]);
                if (write(ready[1], "r", 1) != 1)
                        _exit(1);
                _exit(read(go[0], &byte, 1) != 0);
        }
        (void)close(ready[1]);
        (void)close(go[0]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        c.go = go[1];
        return c;
}

static void child_end(Child c)
{
        int status = -1;

        (void)close(c.go);
        assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
        assert_int_equal(status, 0);
}

static void a_process_cannot_name_itself_another_user_O12(void **state)
{
        char own[512], its[512];

        assert_int_equal(process_cgroup(getpid(), own, sizeof(own)), 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const Child c = child_named(names[i]);
                uid_t uid = 0;

                assert_int_equal(process_real_uid(c.pid, &uid), 0);
                assert_int_equal(uid, geteuid() == 0 ? 4711 : getuid());
                assert_int_equal(process_audit_id(c.pid, "loginuid"),
                                 process_audit_id(getpid(), "loginuid"));
                assert_int_equal(process_cgroup(c.pid, its, sizeof(its)), 0);
                assert_string_equal(its, own);
                child_end(c);
        }
}

/* ---- O29: where it calls from -----------------------------------------------------------------*/

/* The address of the peer says uid 0; the kernel says who it is. */
static int call_from(const char *own, const char *path)
{
        struct sockaddr_un from = { .sun_family = AF_UNIX }, to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        size_t n = strlen(own);

        if (fd < 0)
                return -1;
        memcpy(from.sun_path, own, n);
        if (own[0] == '@')
                from.sun_path[0] = '\0';
        memcpy(to.sun_path, path, strlen(path) + 1);
        if (bind(fd, (struct sockaddr *)&from,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0 ||
            connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
                (void)close(fd);
                return -1;
        }
        return fd;
}

static void an_address_is_never_who_somebody_is_O29(void **state)
{
        static const char *const addresses[] = { "@;uid=0;", "@pid=1;uid=0;socket=/run/x",
                                                 PATH_ROOT "/;uid=0;" };
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        _cleanup_close_ int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        (void)unlink(PATH_SOCKET);
        memcpy(at.sun_path, PATH_SOCKET, sizeof(PATH_SOCKET));
        assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(chmod(PATH_SOCKET, 0666), 0);
        assert_int_equal(listen(listener, 4), 0);
        for (size_t i = 0; i < ELEMENTSOF(addresses); i++) {
                int pipes[2], accepted;
                pid_t pid;
                Caller c;

                (void)unlink(PATH_ROOT "/;uid=0;");
                assert_int_equal(pipe(pipes), 0);
                pid = fork();
                if (pid == 0) {
                        char byte;

                        (void)close(pipes[1]);
                        /* A path needs a folder that one may write. */
                        if (geteuid() == 0 && addresses[i][0] == '@' &&
                            (setresgid(4711, 4711, 4711) < 0 || setresuid(4711, 4711, 4711) < 0))
                                _exit(1);
                        if (call_from(addresses[i], PATH_SOCKET) < 0)
                                _exit(2);
                        _exit(read(pipes[0], &byte, 1) != 0);
                }
                (void)close(pipes[0]);
                accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                assert_true(accepted >= 0);
                assert_int_equal(caller_read(accepted, &c), 0);
                assert_int_equal(c.pid, pid);
                if (addresses[i][0] == '@' && geteuid() == 0)
                        assert_int_equal(c.uid, 4711);
                caller_done(&c);
                (void)close(accepted);
                (void)close(pipes[1]);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
        }
        (void)unlink(PATH_SOCKET);
        (void)unlink(PATH_ROOT "/;uid=0;");
}

/* ---- O24: how much it holds -------------------------------------------------------------------*/

#define N_HELD 1200 /* over FD_SETSIZE */

static void with_over_1024_descriptors_the_agent_is_asked_as_ever_O24(void **state)
{
        static WireExchange x;
        static ScriptedAgent agent;
        WireRequest q = { .type = WIRE_PAM,
                          .phase = WIRE_PHASE_ACCOUNT,
                          .mode = WIRE_MODE_ENFORCE,
                          .service = wire_text("sshd"),
                          .subject = wire_text("games"),
                          .target = wire_text("games") };
        struct rlimit before, more;
        int held[N_HELD];
        WireReply reply;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        if (before.rlim_max < N_HELD + 100)
                skip();
        more = before;
        more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
        assert_int_equal(agent_start(&agent, PATH_SOCKET), 0);
        for (size_t i = 0; i < N_HELD; i++) {
                held[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                assert_true(held[i] >= 0);
        }
        assert_true(held[N_HELD - 1] >= 1024);
        agent_script(&agent, SCRIPT_ALLOW);
        assert_int_equal(wire_ask(PATH_SOCKET, getuid(), &q,
                                  now_monotonic_usec() + 30 * USEC_PER_SEC, &x, &reply),
                         0);
        agent_script(&agent, SCRIPT_SILENT);
        assert_int_equal(
                wire_ask(PATH_SOCKET, getuid(), &q, now_monotonic_usec() + 50000, &x, &reply),
                -ETIMEDOUT);
        for (size_t i = 0; i < N_HELD; i++)
                (void)close(held[i]);
        agent_stop(&agent);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_process_cannot_name_itself_another_user_O12),
                cmocka_unit_test(an_address_is_never_who_somebody_is_O29),
                cmocka_unit_test(with_over_1024_descriptors_the_agent_is_asked_as_ever_O24),
        };

        (void)mkdir(PATH_ROOT, 0755);
        return cmocka_run_group_tests_name("cve-process", tests, NULL, NULL);
}
