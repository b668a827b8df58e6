/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "tests/process.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cmocka.h>

typedef struct Place {
        char dir[64], path[96];
        int listener, pair[2];
} Place;

static int place_setup(void **state)
{
        static Place p;
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        snprintf(p.dir, sizeof(p.dir), "/tmp/nhi-test-io.XXXXXX");
        if (!mkdtemp(p.dir))
                return -1;
        snprintf(p.path, sizeof(p.path), "%s/sock", p.dir);
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", p.path);
        p.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (p.listener < 0 || bind(p.listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            listen(p.listener, 1) < 0)
                return -1;
        *state = &p;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p.pair);
}

static int place_teardown(void **state)
{
        Place *p = *state;

        close(p->listener);
        for (int i = 0; i < 2; i++)
                if (p->pair[i] >= 0)
                        close(p->pair[i]);
        unlink(p->path);
        return rmdir(p->dir);
}

static uint64_t soon(void)
{
        return now_monotonic_usec() + 20000;
}

static void connects_with_cloexec_and_nonblocking(void **state)
{
        Place *p = *state;
        int fd = -1;

        assert_int_equal(unix_connect(p->path, SOCK_SEQPACKET, geteuid(), &fd), 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        close(fd);
}

static void refuses_a_socket_of_another_owner_O26(void **state)
{
        Place *p = *state;
        int fd = -1;

        assert_int_equal(unix_connect(p->path, SOCK_SEQPACKET, geteuid() + 1, &fd), -EPERM);
        assert_int_equal(fd, -1);
}

static void refuses_a_peer_that_is_another_than_the_files_owner_O26(void **state)
{
        Place *p = *state;
        int fd = -1;

        if (geteuid() != 0)
                skip();
        assert_int_equal(chown(p->path, 1, 1), 0);
        assert_int_equal(unix_connect(p->path, SOCK_SEQPACKET, 1, &fd), -EPERM);
        assert_int_equal(fd, -1);
}

static void refuses_what_is_no_socket_or_not_there(void **state)
{
        Place *p = *state;
        char path[200], *deep;
        int fd = -1;

        snprintf(path, sizeof(path), "%s/none", p->dir);
        assert_int_equal(unix_connect(path, SOCK_SEQPACKET, geteuid(), &fd), -ENOENT);
        assert_int_equal(unix_connect(p->dir, SOCK_SEQPACKET, geteuid(), &fd), -EPERM);
        assert_int_equal(symlink(p->path, path), 0);
        assert_int_equal(unix_connect(path, SOCK_SEQPACKET, geteuid(), &fd), -EPERM);
        unlink(path);
        deep = memset(path, 'x', sizeof(path));
        deep[108] = '\0';
        assert_int_equal(unix_connect(deep, SOCK_SEQPACKET, geteuid(), &fd), -ENAMETOOLONG);
        deep[107] = '\0';
        assert_int_equal(unix_connect(deep, SOCK_SEQPACKET, geteuid(), &fd), -ENOENT);
        assert_int_equal(fd, -1);
}

static void a_full_backlog_is_eagain_and_not_a_wait(void **state)
{
        Place *p = *state;
        int fds[16], n = 0, r = 0;

        while (n < 16 && (r = unix_connect(p->path, SOCK_SEQPACKET, geteuid(), &fds[n])) == 0)
                n++;
        assert_int_equal(r, -EAGAIN);
        while (n-- > 0)
                close(fds[n]);
}

static void a_socket_never_takes_the_place_of_a_closed_stdin_P22(void **state)
{
        Place *p = *state;
        int stdin_copy = dup(0), fd = -1;

        close(0);
        assert_int_equal(unix_connect(p->path, SOCK_SEQPACKET, geteuid(), &fd), 0);
        assert_true(fd > 2);
        assert_int_equal(fcntl(0, F_GETFD), -1);
        assert_int_equal(dup2(stdin_copy, 0), 0);
        close(stdin_copy);
        close(fd);
}

static void a_datagram_arrives_whole(void **state)
{
        Place *p = *state;
        char in[8];
        size_t size = 0;

        assert_int_equal(datagram_send(p->pair[0], "hello", 5, soon()), 0);
        assert_int_equal(datagram_recv(p->pair[1], in, 5, soon(), &size), 0);
        assert_int_equal(size, 5);
        assert_memory_equal(in, "hello", 5);
}

static void a_datagram_over_the_capacity_is_refused(void **state)
{
        Place *p = *state;
        char in[8];
        size_t size = 77;

        assert_int_equal(datagram_send(p->pair[0], "hello!", 6, soon()), 0);
        assert_int_equal(datagram_recv(p->pair[1], in, 5, soon(), &size), -EMSGSIZE);
        assert_int_equal(size, 77);
}

static void a_silent_peer_costs_the_deadline_and_no_more(void **state)
{
        Place *p = *state;
        uint64_t begin = now_monotonic_usec(), took;
        char in[8];
        size_t size;

        assert_int_equal(datagram_recv(p->pair[1], in, sizeof(in), begin + 20000, &size),
                         -ETIMEDOUT);
        took = now_monotonic_usec() - begin;
        assert_true(took >= 20000);
        assert_true(took < 20 * USEC_PER_SEC);
        /* A deadline that has passed still takes what is there. */
        assert_int_equal(datagram_send(p->pair[0], "x", 1, 0), 0);
        assert_int_equal(datagram_recv(p->pair[1], in, sizeof(in), 0, &size), 0);
}

static void a_peer_that_is_gone_is_an_error_and_no_sigpipe_P13(void **state)
{
        Place *p = *state;
        char in[8];
        size_t size;

        close(p->pair[1]);
        p->pair[1] = -1;
        assert_int_equal(datagram_send(p->pair[0], "x", 1, soon()), -EPIPE);
        assert_int_equal(datagram_recv(p->pair[0], in, sizeof(in), soon(), &size), -ECONNRESET);
}

static void a_send_to_a_full_queue_ends_at_the_deadline(void **state)
{
        Place *p = *state;
        char out[4096] = { 0 };
        int r;

        do
                r = datagram_send(p->pair[0], out, sizeof(out), 0);
        while (r == 0);
        assert_int_equal(r, -ETIMEDOUT);
}

static void on_alarm(int number)
{
        (void)number;
}

static void interrupted_waits_go_on_until_the_deadline_P13(void **state)
{
        Place *p = *state;
        struct sigaction act = { .sa_handler = on_alarm }, before;
        struct itimerval storm = { { 0, 2000 }, { 0, 2000 } }, calm = { { 0, 0 }, { 0, 0 } };
        uint64_t begin = now_monotonic_usec();
        char in[8];
        size_t size;

        sigaction(SIGALRM, &act, &before);
        setitimer(ITIMER_REAL, &storm, NULL);
        assert_int_equal(datagram_recv(p->pair[1], in, sizeof(in), begin + 30000, &size),
                         -ETIMEDOUT);
        setitimer(ITIMER_REAL, &calm, NULL);
        sigaction(SIGALRM, &before, NULL);
        assert_true(now_monotonic_usec() - begin >= 30000);
}

static void a_descriptor_travels_with_its_datagram(void **state)
{
        Place *p = *state;
        char byte, space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
        struct iovec iov = { &byte, 1 };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = space,
                            .msg_controllen = sizeof(space) };
        int sent = memfd_create("x", MFD_CLOEXEC), got = -1;
        struct stat a, b;

        assert_int_equal(datagram_send_fd(p->pair[0], "x", 1, sent, soon()), 0);
        assert_int_equal(recvmsg(p->pair[1], &m, MSG_CMSG_CLOEXEC), 1);
        assert_non_null(CMSG_FIRSTHDR(&m));
        memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
        assert_int_equal(fstat(sent, &a), 0);
        assert_int_equal(fstat(got, &b), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        close(sent);
        close(got);
}

static void descriptors_that_nobody_asked_for_are_closed_A06(void **state)
{
        Place *p = *state;
        size_t before = count_fds();
        char in[8];
        size_t size = 0;

        assert_int_equal(datagram_send_fd(p->pair[0], "x", 1, p->listener, soon()), 0);
        assert_int_equal(datagram_recv(p->pair[1], in, sizeof(in), soon(), &size), 0);
        assert_int_equal(size, 1);
        assert_int_equal(count_fds(), before);
}

static void files_are_read_up_to_the_capacity_and_not_beyond(void **state)
{
        int fd = memfd_create("x", MFD_CLOEXEC);
        char in[8];
        size_t size = 77;

        assert_int_equal(fd_write_all(fd, "12345", 5), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read_all(fd, in, 4, &size), -EFBIG);
        assert_int_equal(size, 77);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read_all(fd, in, 5, &size), 0);
        assert_int_equal(size, 5);
        assert_memory_equal(in, "12345", 5);
        close(fd);
}

static void clocks_run(void **state)
{
        uint64_t a = now_monotonic_usec();

        assert_true(now_monotonic_usec() >= a);
        assert_true(now_boottime_usec() >= (int64_t)a);
        assert_true(now_realtime_usec() > 1700000000 * (int64_t)USEC_PER_SEC);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                PLACE_TEST(connects_with_cloexec_and_nonblocking),
                PLACE_TEST(refuses_a_socket_of_another_owner_O26),
                PLACE_TEST(refuses_a_peer_that_is_another_than_the_files_owner_O26),
                PLACE_TEST(refuses_what_is_no_socket_or_not_there),
                PLACE_TEST(a_full_backlog_is_eagain_and_not_a_wait),
                PLACE_TEST(a_socket_never_takes_the_place_of_a_closed_stdin_P22),
                PLACE_TEST(a_datagram_arrives_whole),
                PLACE_TEST(a_datagram_over_the_capacity_is_refused),
                PLACE_TEST(a_silent_peer_costs_the_deadline_and_no_more),
                PLACE_TEST(a_peer_that_is_gone_is_an_error_and_no_sigpipe_P13),
                PLACE_TEST(a_send_to_a_full_queue_ends_at_the_deadline),
                PLACE_TEST(interrupted_waits_go_on_until_the_deadline_P13),
                PLACE_TEST(a_descriptor_travels_with_its_datagram),
                PLACE_TEST(descriptors_that_nobody_asked_for_are_closed_A06),
                cmocka_unit_test(files_are_read_up_to_the_capacity_and_not_beyond),
                cmocka_unit_test(clocks_run),
        };

        return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
