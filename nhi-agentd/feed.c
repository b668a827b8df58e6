/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lib/wire/feed.h, the agent's side. Nothing the peer says is believed: a sealed memfd of lawful
 * size is mapped, and its signature decides. */

#include "nhi-agentd/heard.h"
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

/* One of the two messages. */
typedef struct Message {
        union {
                uint8_t magic[8];
                FeedHeader header;
                struct {
                        FeedTidings head;
                        FeedTiding each[FEED_TIDINGS_MAX];
                } tidings;
        };
        size_t size;
        int fd; /* the one that came along; -EBADF: none */
} Message;

/* 0, -EAGAIN, -EBADMSG where it was cut or more than one descriptor came, or another negative
 * errno. */
static int receive(Peer *p, Message *ret)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = &ret->tidings, .iov_len = sizeof(ret->tidings) };
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
        if (n_fds > 1 || (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]);
                return -EBADMSG;
        }
        ret->size = (size_t)n;
        ret->fd = fds[0];
        return 0;
}

static bool is_magic(const Message *m, const char *magic)
{
        return m->size >= sizeof(m->magic) && memcmp(m->magic, magic, sizeof(m->magic)) == 0;
}

static bool is_set(const Message *m)
{
        return is_magic(m, FEED_MAGIC) && m->size == sizeof(m->header) && m->fd >= 0 &&
               memcmp(m->header.reserved, "\0\0\0\0", sizeof(m->header.reserved)) == 0;
}

static bool are_tidings(const Message *m, size_t *ret_n)
{
        uint32_t n;

        if (!is_magic(m, FEED_TIDINGS_MAGIC) || m->size < sizeof(FeedTidings) || m->fd >= 0)
                return false;
        memcpy(&n, m->tidings.head.n_le, sizeof(n));
        n = le32toh(n);
        *ret_n = n;
        return n > 0 && n <= FEED_TIDINGS_MAX &&
               m->size == sizeof(FeedTidings) + n * sizeof(FeedTiding) &&
               memcmp(m->tidings.head.reserved, "\0\0\0\0", sizeof(m->tidings.head.reserved)) == 0;
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

static void serve_set(Peer *p, const Message *m)
{
        SetBytes *bytes = NULL;
        uint32_t label;
        int r;

        r = set_bytes_map(m->fd, FEED_SET_MAX, &bytes);
        if (r < 0) {
                refuse(p, "unsealed",
                       r == -EFBIG ? "the set is empty or too large"
                                   : "the descriptor is not a sealed memfd");
                return;
        }
        memcpy(&label, m->header.issuer_index_le, sizeof(label));
        offer(p, le32toh(label), bytes);
}

void feed_serve(Peer *p)
{
        Message m = { .fd = -EBADF };
        size_t n;
        int r;

        r = receive(p, &m);
        if (r == -EAGAIN || r == -EINTR)
                return;
        if (r < 0 && r != -EBADMSG) {
                peer_close(p);
        } else if (r == 0 && is_set(&m)) {
                serve_set(p, &m);
        } else if (r == 0 && are_tidings(&m, &n)) {
                heard_take(peer_agent(p), m.tidings.each, n);
                peer_close(p);
        } else {
                refuse(p, "malformed",
                       "one feed header with one descriptor is expected, or tidings without");
        }
        closep(&m.fd);
}
