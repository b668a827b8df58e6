/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lib/wire/feed.h, the agent's side. Nothing the peer says is believed: a sealed memfd of lawful
 * size is read whole, and its signature decides. */

#include "nhi-agentd/listener.h"
#include "nhi-agentd/sets.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

typedef struct Feed {
        Peer *peer; /* NULL: gone */
} Feed;

static void refuse(Peer *p, const char *code, const char *why)
{
        char line[FEED_REPLY_MAX];
        const int n = snprintf(line, sizeof(line), "refused %s %s", code, why);

        (void)peer_reply(p, line, (size_t)n);
}

static void on_gone(void *userdata)
{
        Feed *f = userdata;

        f->peer = NULL;
}

static void on_done(void *userdata, const char *line)
{
        Feed *f = userdata;

        if (f->peer)
                (void)peer_reply(f->peer, line, strnlen(line, FEED_REPLY_MAX));
        free(f);
}

/* One header and exactly one descriptor: 0, -EAGAIN, -EBADMSG, or another negative errno. */
static int receive(Peer *p, FeedHeader *ret, int *ret_fd)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        int fds[2] = { -EBADF, -EBADF };
        size_t n_fds = 0;
        ssize_t n;

        n = recvmsg(peer_fd(p), &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
        }
        if (n_fds != 1 || n != (ssize_t)sizeof(*ret) || (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]);
                return -EBADMSG;
        }
        *ret_fd = fds[0];
        return 0;
}

static int read_sealed(int fd, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *data = NULL;
        const int seals = fcntl(fd, F_GET_SEALS);
        struct stat st;
        ssize_t n;

        if (seals < 0 || (seals & SEALS) != SEALS)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || st.st_size > (off_t)FEED_SET_MAX)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        n = pread(fd, data, (size_t)st.st_size, 0);
        if (n != st.st_size)
                return -EIO;
        data[n] = '\0';
        *ret = TAKE_PTR(data);
        *ret_size = (size_t)n;
        return 0;
}

static void offer(Peer *p, uint32_t label, char *jws, size_t size)
{
        Feed *f = calloc(1, sizeof(*f));

        if (!f) {
                free(jws);
                peer_close(p);
                return;
        }
        f->peer = p;
        peer_hold(p, on_gone, f);
        if (sets_offer(peer_agent(p)->sets, label, jws, size, on_done, f) == 0)
                return;
        free(jws);
        free(f);
        peer_hold(p, NULL, NULL);
        refuse(p, "busy", "too many sets wait to be verified");
}

void feed_serve(Peer *p)
{
        _cleanup_close_ int fd = -EBADF;
        FeedHeader header = {};
        char *jws = NULL;
        uint32_t label;
        size_t size = 0;
        int r;

        r = receive(p, &header, &fd);
        if (r == -EAGAIN || r == -EINTR)
                return;
        if (r == 0 && (memcmp(header.magic, FEED_MAGIC, sizeof(header.magic)) != 0 ||
                       memcmp(header.reserved, "\0\0\0\0", sizeof(header.reserved)) != 0))
                r = -EBADMSG;
        if (r == -EBADMSG) {
                refuse(p, "malformed", "one feed header with one descriptor is expected");
                return;
        }
        if (r < 0) {
                peer_close(p);
                return;
        }
        r = read_sealed(fd, &jws, &size);
        if (r < 0) {
                refuse(p, "unsealed",
                       r == -EFBIG ? "the set is empty or too large"
                                   : "the descriptor is not a sealed memfd");
                return;
        }
        memcpy(&label, header.issuer_index_le, sizeof(label));
        offer(p, le32toh(label), jws, size);
}
