/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/client.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

static int request_prepare(WireRequest *request, WireExchange *x, size_t *ret_size)
{
        uint64_t nonce = 0;

        /* Not a secret: it tells this reply from another, so we need not wait for entropy. */
        if (getrandom(&nonce, sizeof(nonce), GRND_NONBLOCK) != (ssize_t)sizeof(nonce))
                return -EAGAIN;
        request->nonce = nonce;
        return wire_request_encode(request, x->out, sizeof(x->out), ret_size);
}

static bool text_equal(WireText a, WireText b)
{
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Is this the answer to that question (O10)? */
static bool reply_answers(const WireReply *reply, const WireRequest *request)
{
        WireType type = request->type == WIRE_KEYS ? WIRE_KEYS_LIST : WIRE_VERDICT;

        return reply->type == type && reply->nonce == request->nonce &&
               text_equal(reply->subject, request->subject);
}

static int ask(const char *path, uid_t owner, WireRequest *request, uint64_t deadline_usec,
               WireExchange *x, WireReply *ret)
{
        _cleanup_close_ int fd = -EBADF;
        WireReply reply = { 0 };
        size_t size = 0;
        int r;

        r = request_prepare(request, x, &size);
        if (r != 0)
                return r;
        r = unix_connect_by(path, SOCK_SEQPACKET, owner, deadline_usec, &fd);
        if (r < 0)
                return r;
        r = datagram_send(fd, x->out, size, deadline_usec);
        if (r < 0)
                return r;
        /* It has not come yet, so do not look. */
        r = fd_wait(fd, POLLIN, deadline_usec);
        if (r < 0)
                return r;
        r = datagram_recv(fd, x->in, sizeof(x->in), deadline_usec, &size);
        if (r < 0)
                return r;
        r = wire_reply_decode(x->in, size, &reply);
        if (r != 0)
                return r;
        if (!reply_answers(&reply, request))
                return WIRE_E_MALFORMED;

        *ret = reply;
        return 0;
}

static int notify(const char *path, uid_t owner, WireRequest *request, WireExchange *x)
{
        _cleanup_close_ int fd = -EBADF;
        size_t size = 0;
        int r;

        r = request_prepare(request, x, &size);
        if (r != 0)
                return r;
        r = unix_connect(path, SOCK_SEQPACKET, owner, &fd);
        if (r < 0)
                return r;
        return datagram_send(fd, x->out, size, 0);
}

int wire_ask(const char *path, uid_t owner, WireRequest *request, uint64_t deadline_usec,
             WireExchange *x, WireReply *ret)
{
        int saved = errno, r = ask(path, owner, request, deadline_usec, x, ret);

        errno = saved;
        return r;
}

int wire_notify(const char *path, uid_t owner, WireRequest *request, WireExchange *x)
{
        int saved = errno, r = notify(path, owner, request, x);

        errno = saved;
        return r;
}
