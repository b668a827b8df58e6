/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lib/wire/feed.h, the agent's side. Nothing the peer says is believed: a sealed memfd of lawful
 * size is mapped, and its signature decides. */

#include "nhi-agentd/listener.h"
#include "nhi-agentd/sets.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"

#include <endian.h>
#include <stdio.h>
#include <sys/socket.h>

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

static void offer(Peer *p, uint32_t label, SetBytes *bytes)
{
        Feed *f = calloc(1, sizeof(*f));

        if (!f) {
                set_bytes_free(bytes);
                peer_close(p);
                return;
        }
        f->peer = p;
        peer_hold(p, on_gone, f);
        peer_extend(p, FEED_REPLY_USEC);
        if (sets_offer_bytes(peer_agent(p)->sets, label, bytes, on_done, f) == 0)
                return;
        set_bytes_free(bytes);
        free(f);
        peer_hold(p, NULL, NULL);
        refuse(p, "busy", "too many sets wait to be verified");
}

void feed_serve(Peer *p)
{
        _cleanup_close_ int fd = -EBADF;
        FeedHeader header = {};
        SetBytes *bytes = NULL;
        uint32_t label;
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
        r = set_bytes_map(fd, FEED_SET_MAX, &bytes);
        if (r < 0) {
                refuse(p, "unsealed",
                       r == -EFBIG ? "the set is empty or too large"
                                   : "the descriptor is not a sealed memfd");
                return;
        }
        memcpy(&label, header.issuer_index_le, sizeof(label));
        offer(p, le32toh(label), bytes);
}
