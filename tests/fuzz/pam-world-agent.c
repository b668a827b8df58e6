/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world-internal.h"

#include "lib/base/path.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define NONCE     UINT64_C(0x1122334455667788)
#define FD_SOCKET 1100
#define FD_LOW    1 /* where a host has closed its own */

/* What the input makes of a system call: mostly nothing. */
static int misfortune(const int *errors, size_t n)
{
        uint8_t chance = input_u8(&world.in);

        return chance < 192 ? 0 : errors[chance % n];
}

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ret)
{
        (void)clock;
        *ret = (struct timespec){ .tv_sec = (time_t)(world.clock_usec / 1000000),
                                  .tv_nsec = (long)(world.clock_usec % 1000000) * 1000 };
        return 0;
}

WRAP(ssize_t, getrandom, void *ret, size_t n, unsigned flags)
{
        const uint64_t nonce = NONCE;

        FUZZ_HOLDS(n == sizeof(nonce) && flags & GRND_NONBLOCK, "a nonce is not waited for");
        if (input_u8(&world.in) > 250)
                return fail(EAGAIN);
        memcpy(ret, &nonce, n);
        return (ssize_t)n;
}

WRAP(int, lstat, const char *path, struct stat *ret)
{
        uint8_t kind = input_u8(&world.in);

        FUZZ_HOLDS(streq(path, PATH_PAM_SOCK), "no socket but the agent's");
        if (kind > 240)
                return fail(ENOENT);
        *ret = (struct stat){ .st_mode = kind > 230 ? S_IFREG | 0600 : S_IFSOCK | 0600,
                              .st_uid = kind > 220 ? OWNER_OTHER : world.euid };
        return 0;
}

WRAP(int, socket, int domain, int type, int protocol)
{
        uint8_t kind = input_u8(&world.in);

        (void)protocol;
        FUZZ_HOLDS(domain == AF_UNIX && type & SOCK_CLOEXEC && type & SOCK_NONBLOCK,
                   "a socket that nobody inherits and that does not block");
        if (kind > 240)
                return fail(EMFILE);
        world.n_open++;
        return kind > 220 ? FD_LOW : FD_SOCKET;
}

WRAP(int, fcntl, int fd, int command, ...)
{
        FUZZ_HOLDS(fd == FD_LOW && command == F_DUPFD_CLOEXEC, "a low descriptor is moved up");
        if (input_u8(&world.in) > 240)
                return fail(EMFILE);
        world.n_open++;
        return FD_SOCKET;
}

WRAP(int, connect, int fd, const struct sockaddr *address, socklen_t size)
{
        static const int errors[] = { EAGAIN, ECONNREFUSED, ENOENT, EACCES, EINTR };
        int error = misfortune(errors, ELEMENTSOF(errors));

        (void)address;
        (void)size;
        FUZZ_HOLDS(fd == FD_SOCKET, "no standard descriptor is connected");
        world.n_connects++;
        return error ? fail(error) : 0;
}

WRAP(int, getsockopt, int fd, int level, int name, void *ret, socklen_t *size)
{
        uint8_t kind = input_u8(&world.in);
        struct ucred *peer = ret;

        (void)fd;
        FUZZ_HOLDS(level == SOL_SOCKET && name == SO_PEERCRED && *size == sizeof(*peer),
                   "the agent is asked who it is");
        if (kind > 250)
                return fail(ENOPROTOOPT);
        *peer = (struct ucred){ .uid = kind > 240 ? OWNER_OTHER : world.euid };
        world.asked = kind <= 240;
        return 0;
}

WRAP(int, poll, struct pollfd *p, nfds_t n, int timeout)
{
        uint8_t kind = input_u8(&world.in);

        world.n_polls++;
        world.n_waits += timeout > 0;
        FUZZ_HOLDS(timeout >= 0 && timeout <= 2001, "no wait beyond the deadline");
        FUZZ_HOLDS(world.n_polls < 5000, "no end of waiting");
        if (kind > 240) {
                world.clock_usec += (uint64_t)timeout * 500;
                return fail(EINTR);
        }
        if (n == 0 || kind > 128) {
                world.clock_usec += (uint64_t)timeout * 1000;
                return 0;
        }
        p->revents = kind > 120 ? POLLHUP : kind > 112 ? POLLNVAL : p->events;
        return 1;
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *m, int flags)
{
        static const int errors[] = { EAGAIN, EPIPE, ECONNRESET, ENOBUFS, EINTR };
        int error = misfortune(errors, ELEMENTSOF(errors));
        size_t size = m->msg_iov[0].iov_len;

        FUZZ_HOLDS(fd == FD_SOCKET && flags & MSG_NOSIGNAL && flags & MSG_DONTWAIT,
                   "sent without a signal and without blocking");
        FUZZ_HOLDS(world.asked, "to an agent whose owner was asked for");
        if (error)
                return fail(error);
        memcpy(world.message, m->msg_iov[0].iov_base, size);
        FUZZ_HOLDS(wire_request_decode(world.message, size, &world.request) == 0,
                   "a lawful request");
        FUZZ_HOLDS(world.request.real_uid == world.uid, "that says who asks");
        world.n_asked++;
        return (ssize_t)size;
}

/* The reply: lawful, or about another question, or from another type, or bytes of the input. */
static size_t reply_make(uint8_t kind, uint8_t *ret, size_t capacity)
{
        WireReply reply = { .type = WIRE_VERDICT,
                            .nonce = world.request.nonce,
                            .subject = world.request.subject,
                            .verdict = kind % 2,
                            .reason = wire_text(kind % 2 ? "granted" : "no-grant"),
                            .decision = 7 };
        char *message = NULL;
        size_t size = 0, at;

        if (kind & 2)
                reply.message = wire_text(message = input_until(&world.in, 0x1e, NULL));
        if (kind >> 2 == 1)
                reply.nonce++;
        if (kind >> 2 == 2)
                reply.subject = wire_text("root");
        if (kind >> 2 == 3)
                reply.type = WIRE_KEYS_LIST;
        if (wire_reply_encode(&reply, ret, capacity, &size) != 0)
                size = 0;
        for (at = 0; kind >> 2 == 4 && at < 4 && size > 0; at++)
                ret[input_u8(&world.in) % size] ^= input_u8(&world.in);
        if (kind >> 2 == 5)
                size = input_u8(&world.in) % (size + 1);
        free(message);
        return size;
}

/* Would anybody say that these bytes allow what was asked? */
static void reply_judge(const uint8_t *data, size_t size)
{
        const WireText *subject = &world.request.subject;
        WireReply r;

        if (wire_reply_decode(data, size, &r) != 0 || r.type != WIRE_VERDICT || r.verdict != 1 ||
            r.nonce != world.request.nonce || r.subject.size != subject->size ||
            memcmp(r.subject.data, subject->data, subject->size) != 0 || world.n_allowed >= 2)
                return;
        FUZZ_HOLDS(world.request.mode == WIRE_MODE_ENFORCE,
                   "only an enforced question is waited for");
        (void)wire_text_copy(*subject, world.allowed[world.n_allowed],
                             sizeof(world.allowed[world.n_allowed]));
        world.n_allowed++;
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *m, int flags)
{
        static const int errors[] = { EAGAIN, ECONNRESET, EINTR, ENOMEM };
        int error = misfortune(errors, ELEMENTSOF(errors));
        uint8_t kind;
        size_t size;

        FUZZ_HOLDS(fd == FD_SOCKET && flags & MSG_DONTWAIT && flags & MSG_CMSG_CLOEXEC,
                   "received without blocking");
        FUZZ_HOLDS(world.n_asked > 0, "what was asked for");
        if (error)
                return fail(error);
        kind = input_u8(&world.in) % 32;
        m->msg_flags = 0;
        size = reply_make(kind, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
        if (kind == 31)
                m->msg_flags = MSG_TRUNC;
        else
                reply_judge(m->msg_iov[0].iov_base, size);
        return (ssize_t)size;
}
