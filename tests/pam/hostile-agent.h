/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Servers on the agent's socket that an agent would never be: processes of their own, one behaviour
 * each. Every one of them would allow, if only it did it rightly. */

#include "tests/pam/pam-host.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

typedef enum Hostility {
        HOSTILE_STOPPED,      /* connections queue up, nobody is there: SIGSTOP */
        HOSTILE_RESET,        /* hangs up with the request unread */
        HOSTILE_TRUNCATED,    /* one byte more each time, never all */
        HOSTILE_NOTHING,      /* answers with a datagram of no bytes */
        HOSTILE_SLOW,         /* one byte at a time */
        HOSTILE_CHATTY,       /* denies, and then allows */
        HOSTILE_GENEROUS,     /* allows, with descriptors that nobody asked for */
        HOSTILE_OTHER_SENSE,  /* allows somebody whose name begins alike */
        HOSTILE_NOT_ROOT,     /* listens as somebody else on a socket file of root's */
        HOSTILE_FOREIGN_FILE, /* root listens on a socket file of somebody else's */
} Hostility;

typedef struct HostileAgent {
        pid_t pid;
} HostileAgent;

static inline size_t hostile_reply(const WireRequest *q, WireText subject, uint32_t verdict,
                                   uint8_t *out)
{
        WireReply r = {
                .type = WIRE_VERDICT,
                .nonce = q->nonce,
                .verdict = verdict,
                .subject = subject,
                .reason = wire_text(verdict ? "granted" : "no-grant"),
        };
        size_t size = 0;

        return wire_reply_encode(&r, out, WIRE_MSG_MAX, &size) == 0 ? size : 0;
}

static inline void hostile_send(int fd, const uint8_t *data, size_t size)
{
        (void)send(fd, data, size, MSG_NOSIGNAL);
}

static inline void hostile_send_descriptors(int fd, const uint8_t *data, size_t size)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(3 * sizeof(int))];
        } control = { .space = { 0 } };
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        const int given[] = { fd, fd, fd };

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(given));
        memcpy(CMSG_DATA(c), given, sizeof(given));
        (void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

static inline void hostile_answer(Hostility kind, int fd, const WireRequest *q, size_t turn)
{
        static uint8_t out[WIRE_MSG_MAX];
        size_t size = hostile_reply(q, q->subject, 1, out);

        switch (kind) {
        case HOSTILE_TRUNCATED:
                hostile_send(fd, out, 1 + turn % (size - 1));
                break;
        case HOSTILE_NOTHING:
                hostile_send(fd, out, 0);
                break;
        case HOSTILE_SLOW:
                for (size_t i = 0; i < size; i++)
                        hostile_send(fd, out + i, 1);
                break;
        case HOSTILE_CHATTY:
                hostile_send(fd, out, hostile_reply(q, q->subject, 0, out));
                hostile_send(fd, out, hostile_reply(q, q->subject, 1, out));
                break;
        case HOSTILE_GENEROUS:
                hostile_send_descriptors(fd, out, size);
                break;
        case HOSTILE_OTHER_SENSE:
                hostile_send(fd, out, hostile_reply(q, (WireText){ q->subject.data, 1 }, 1, out));
                break;
        case HOSTILE_STOPPED:
        case HOSTILE_RESET:
        case HOSTILE_NOT_ROOT:
        case HOSTILE_FOREIGN_FILE:
                hostile_send(fd, out, size);
                break;
        }
}

static inline void hostile_serve(Hostility kind, int listener)
{
        static uint8_t in[WIRE_MSG_MAX];

        for (size_t turn = 0;; turn++) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                struct pollfd p = { .fd = fd, .events = POLLIN };
                WireRequest q;
                ssize_t n;

                (void)poll(&p, 1, -1);
                n = kind == HOSTILE_RESET ? 0 : recv(fd, in, sizeof(in), 0);
                if (n > 0 && wire_request_decode(in, (size_t)n, &q) == 0)
                        hostile_answer(kind, fd, &q, turn);
                close(fd);
        }
}

/* Runs in the child; never returns. */
static inline void hostile_run(Hostility kind, int ready_fd)
{
        const uid_t somebody = 65534;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_PAM_SOCK);
        (void)unlink(PATH_PAM_SOCK);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                _exit(1);
        if (kind == HOSTILE_FOREIGN_FILE && chown(PATH_PAM_SOCK, somebody, somebody) < 0)
                _exit(1);
        /* A peer's credentials are those of listen(2). */
        if (kind == HOSTILE_NOT_ROOT && setresuid(somebody, somebody, somebody) < 0)
                _exit(1);
        /* Not before: setresuid(2) takes it back. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || listen(fd, 64) < 0 ||
            write(ready_fd, "r", 1) != 1)
                _exit(1);
        close(ready_fd);
        if (kind == HOSTILE_STOPPED)
                (void)raise(SIGSTOP);
        hostile_serve(kind, fd);
}

/* 0 or -1. */
static inline int hostile_start(HostileAgent *a, Hostility kind)
{
        int ready[2], status = 0;
        char byte;
        bool good;

        if (pipe(ready) < 0)
                return -1;
        a->pid = fork();
        if (a->pid < 0)
                return -1;
        if (a->pid == 0) {
                close(ready[0]);
                hostile_run(kind, ready[1]);
                _exit(1);
        }
        close(ready[1]);
        good = read(ready[0], &byte, 1) == 1;
        close(ready[0]);
        if (good && kind == HOSTILE_STOPPED)
                good = waitpid(a->pid, &status, WUNTRACED) == a->pid && WIFSTOPPED(status);
        return good ? 0 : -1;
}

static inline void hostile_stop(HostileAgent *a)
{
        if (a->pid > 0) {
                (void)kill(a->pid, SIGKILL);
                (void)waitpid(a->pid, NULL, 0);
        }
        (void)unlink(PATH_PAM_SOCK);
}
