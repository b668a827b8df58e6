/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's end of lib/wire/feed.h for a whole fleet (scale-fleet.c): believes everything, says
 * when it came.
 *
 *   scale-feed SOCK      a line a set on stdout: "HOST NS SIZE", nanoseconds since the epoch */

#include "lib/base/macro.h"
#include "lib/wire/feed.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define BACKLOG 4096

static _Noreturn void die(const char *what)
{
        (void)fprintf(stderr, "scale-feed: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static unsigned long long now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

static int listen_at(const char *path)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (fd < 0 || strlen(path) >= sizeof(at.sun_path))
                die(path);
        memcpy(at.sun_path, path, strlen(path) + 1);
        (void)unlink(path);
        if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, 0600) < 0 ||
            listen(fd, BACKLOG) < 0)
                die(path);
        return fd;
}

/* The descriptor that came with the header; -EBADF: it makes no sense. */
static int receive(int peer, FeedHeader *ret)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = { ret, sizeof(*ret) };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        const struct cmsghdr *c;
        int fd = -EBADF;

        if (recvmsg(peer, &message, MSG_CMSG_CLOEXEC) != sizeof(*ret) ||
            memcmp(ret->magic, FEED_MAGIC, sizeof(ret->magic)) != 0)
                return -EBADF;
        c = CMSG_FIRSTHDR(&message);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        return fd;
}

static void serve(int peer)
{
        static const char answer[] = "accepted 0 0";
        FeedHeader header = { 0 };
        _cleanup_close_ int fd = receive(peer, &header);
        const unsigned long long ns = now_ns();
        const uint8_t *host = header.issuer_index_le;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                die("what came is no set");
        printf("%u %llu %lld\n",
               host[0] | (unsigned)host[1] << 8 | (unsigned)host[2] << 16 | (unsigned)host[3] << 24,
               ns, (long long)st.st_size);
        (void)send(peer, answer, strlen(answer), MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
        int listener;

        if (argc != 2) {
                (void)fputs("usage: scale-feed SOCK\n", stderr);
                return 2;
        }
        listener = listen_at(argv[1]);
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        for (;;) {
                _cleanup_close_ int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                if (peer >= 0)
                        serve(peer);
                else if (errno != EINTR && errno != ECONNABORTED)
                        die("accept");
        }
}
