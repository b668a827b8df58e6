/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is at the other end: promises C1 and C2 of nhi-agentd/caller.c. */

#include "nhi-agentd/caller.h"

#include "lib/base/io.h"
#include "tests/process.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* cmocka.h needs the above */
#include <cmocka.h>

/* A process that holds the other end of a socket pair and waits to be ended. SO_PEERCRED of a pair
 * names who made it, so the pair is made there. */
typedef struct Peer {
        pid_t pid;
        int fd;
} Peer;

static void peer_send_fd(int via, int fd)
{
        (void)datagram_send_fd(via, "x", 1, fd, now_monotonic_usec() + 5 * USEC_PER_SEC);
}

static int peer_receive_fd(int via)
{
        char control[CMSG_SPACE(sizeof(int))], byte;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control) };
        int fd = -1;

        assert_true(recvmsg(via, &m, MSG_CMSG_CLOEXEC) == 1);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        return fd;
}

static int peer_setup(void **state)
{
        Peer *p = calloc(1, sizeof(*p));
        int via[2], pair[2];

        assert_non_null(p);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, via), 0);
        p->pid = fork();
        if (p->pid == 0) {
                (void)close(via[0]);
                if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
                        _exit(1);
                peer_send_fd(via[1], pair[0]);
                (void)close(pair[0]);
                (void)close(via[1]);
                for (;;)
                        (void)pause();
        }
        (void)close(via[1]);
        p->fd = peer_receive_fd(via[0]);
        (void)close(via[0]);
        *state = p;
        return 0;
}

static void peer_end(Peer *p)
{
        if (p->pid <= 0)
                return;
        (void)kill(p->pid, SIGKILL);
        (void)waitpid(p->pid, NULL, 0);
        p->pid = 0;
}

static int peer_teardown(void **state)
{
        Peer *p = *state;

        caller_peerpidfd_errno = 0;
        peer_end(p);
        (void)close(p->fd);
        free(p);
        return 0;
}

static void check_caller(Peer *p)
{
        Caller c;

        assert_int_equal(caller_read(p->fd, &c), 0);
        assert_int_equal(c.pid, p->pid);
        assert_int_equal(c.uid, getuid());
        assert_int_equal(c.gid, getgid());
        assert_true(c.pidfd >= 0);
        assert_true((fcntl(c.pidfd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_true(caller_is_alive(&c));
        assert_true(c.cgroup[0] == '/' || c.cgroup[0] == '\0');
        assert_string_equal(c.unit, "");
        peer_end(p);
        assert_false(caller_is_alive(&c));
        caller_done(&c);
        assert_int_equal(c.pidfd, -EBADF);
        caller_done(&c);
}

static void caller_is_read_with_the_socket_option(void **state)
{
        check_caller(*state);
}

/* F11: SO_PEERPIDFD is there from Linux 6.5 on. */
static void caller_is_read_without_the_socket_option(void **state)
{
        caller_peerpidfd_errno = ENOPROTOOPT;
        check_caller(*state);
}

/* C1 */
static void caller_that_is_gone_is_refused(void **state)
{
        size_t before = count_fds();
        Peer *p = *state;
        Caller c = { .uid = 4711 };

        peer_end(p);
        assert_int_equal(caller_read(p->fd, &c), -ESRCH);
        caller_peerpidfd_errno = ENOPROTOOPT;
        assert_int_equal(caller_read(p->fd, &c), -ESRCH);
        assert_int_equal(c.uid, 4711);
        assert_int_equal(count_fds(), before);
}

/* C1: a number alone is not enough; its holder must hold the connection, too. */
static void caller_without_the_option_must_still_hold_the_connection(void **state)
{
        Caller c;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        caller_peerpidfd_errno = ENOPROTOOPT;
        assert_int_equal(caller_read(pair[0], &c), 0); /* we are the peer, and alive */
        caller_done(&c);
        (void)close(pair[1]);
        assert_int_equal(caller_read(pair[0], &c), -ESRCH);
        (void)close(pair[0]);
}

/* C2 */
static void a_failed_look_leaves_no_credentials(void **state)
{
        Caller c = { .uid = 4711, .pidfd = -EBADF };
        int pipe_fd[2];

        assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
        assert_int_equal(caller_read(pipe_fd[0], &c), -ENOTSOCK);
        assert_int_equal(c.uid, 4711);
        caller_peerpidfd_errno = EPERM;
        assert_int_equal(caller_read(((Peer *)*state)->fd, &c), -EPERM);
        assert_int_equal(c.uid, 4711);
        (void)close(pipe_fd[0]);
        (void)close(pipe_fd[1]);
}

static void unreadable_audit_ids_are_unset(void **state)
{
        assert_int_equal(process_audit_id(1 << 23, "loginuid"), (uint32_t)-1);
        assert_int_equal(process_audit_id(getpid(), "comm"), (uint32_t)-1);
}

static void scopes_are_known_only_directly_below_a_user_slice(void **state)
{
        static const struct {
                const char *path, *scope;
        } rows[] = {
                { "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
                { "/user.slice/user-1000.slice/session-c1.scope/init", "session-c1.scope" },
                { "/user.slice/user-70001.slice/nhi-g-1.a-2.scope", "nhi-g-1.a-2.scope" },
                { "/user.slice/user-0.slice/session-1.scope", "session-1.scope" },
                { NULL, NULL },
                { "", NULL },
                { "/", NULL },
                { "/user.slice/user-1000.slice", NULL },
                { "/user.slice/user-1000.slice/", NULL },
                { "/user.slice/user-1000.slice/session-3.scop", NULL },
                { "/user.slice/user-1000.slice/session-3.scope.d", NULL },
                { "/user.slice/user-1000.slice/.scope", NULL },
                { "/user.slice/user-1000.slice/app-x.scope", NULL },
                { "/user.slice/user-1000.slice/session-3.service", NULL },
                { "/user.slice/user-.slice/session-3.scope", NULL },
                { "/user.slice/user-1x.slice/session-3.scope", NULL },
                { "/user.slice/user-12345678901.slice/session-3.scope", NULL },
                { "/user.slice/nhi-x.scope", NULL },
                { "/system.slice/nhi-x.scope", NULL },
                { "/machine.slice/user.slice/user-1000.slice/session-3.scope", NULL },
                /* A user's own manager names what it makes */
                { "/user.slice/user-1000.slice/user@1000.service/app.slice/nhi-x.scope", NULL },
                { "/user.slice/user-1000.slice/user@1000.service/session-3.scope", NULL },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/user-0.slice/"
                  "session-1.scope",
                  NULL },
        };
        const char *scope;
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                n = 0;
                scope = cgroup_scope(rows[i].path, &n);
                if (!rows[i].scope) {
                        assert_null(scope);
                        continue;
                }
                assert_non_null(scope);
                assert_int_equal(n, strlen(rows[i].scope));
                assert_memory_equal(scope, rows[i].scope, n);
                assert_ptr_equal(cgroup_scope(rows[i].path, NULL), scope);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(caller_is_read_with_the_socket_option, peer_setup,
                                                peer_teardown),
                cmocka_unit_test_setup_teardown(caller_is_read_without_the_socket_option,
                                                peer_setup, peer_teardown),
                cmocka_unit_test_setup_teardown(caller_that_is_gone_is_refused, peer_setup,
                                                peer_teardown),
                cmocka_unit_test_setup_teardown(
                        caller_without_the_option_must_still_hold_the_connection, peer_setup,
                        peer_teardown),
                cmocka_unit_test_setup_teardown(a_failed_look_leaves_no_credentials, peer_setup,
                                                peer_teardown),
                cmocka_unit_test(unreadable_audit_ids_are_unset),
                cmocka_unit_test(scopes_are_known_only_directly_below_a_user_slice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
