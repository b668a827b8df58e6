/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/listener-internal.h"

#include "lib/base/macro.h"

#define PEER_READ_MAX 16384u

int peer_fd(const Peer *p)
{
        return p->fd;
}

PeerKind peer_kind(const Peer *p)
{
        return p->door->kind;
}

const struct ucred *peer_credentials(const Peer *p)
{
        return &p->credentials;
}

Agent *peer_agent(const Peer *p)
{
        return p->door->listener->agent;
}

void peer_close(Peer *p)
{
        if (p->self) {
                *p->self = p->next;
                if (p->next)
                        p->next->self = p->self;
                p->door->n_peers--;
        }
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->deadline);
        if (p->fd >= 0)
                (void)close(p->fd);
        free(p->in);
        free(p->out);
        free(p);
}

void peer_hold(Peer *p, void (*gone)(void *userdata), void *userdata)
{
        p->gone = gone;
        p->userdata = userdata;
        /* Nothing more is read: a second request on this connection is nobody's (A02). */
        if (gone)
                (void)sd_event_source_set_enabled(p->io, SD_EVENT_OFF);
}

void peer_extend(Peer *p, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(p->deadline, usec);
}

int peer_read_line(Peer *p, size_t max, char **ret, size_t *ret_size)
{
        const size_t room = max - p->in_size;
        char *grown, *end;
        ssize_t n;

        if (room == 0)
                return -EMSGSIZE;
        grown = realloc(p->in, p->in_size + (room < PEER_READ_MAX ? room : PEER_READ_MAX));
        if (!grown)
                return -ENOMEM;
        p->in = grown;
        n = recv(p->fd, p->in + p->in_size, room < PEER_READ_MAX ? room : PEER_READ_MAX,
                 MSG_DONTWAIT);
        if (n <= 0)
                return n == 0 ? -ECONNRESET : errno == EINTR ? -EAGAIN : -errno;
        end = memchr(p->in + p->in_size, '\n', (size_t)n);
        p->in_size += (size_t)n;
        if (!end)
                return p->in_size == max ? -EMSGSIZE : -EAGAIN;
        *ret = p->in;
        *ret_size = (size_t)(end - p->in);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Peer *p = userdata;
        void (*gone)(void *u) = p->gone;
        void *u = p->userdata;

        peer_close(p);
        if (gone)
                gone(u);
        return 0;
}

int peer_reply(Peer *p, const void *data, size_t size)
{
        const ssize_t n = send(p->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        const int r = n < 0 ? -errno : (size_t)n != size ? -EIO : 0;

        peer_close(p);
        return r;
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Peer *p = userdata;
        const ssize_t n = send(fd, p->out + p->out_pos, p->out_size - p->out_pos,
                               MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                p->out_pos += (size_t)n;
        if (n < 0 || p->out_pos == p->out_size)
                peer_close(p);
        return 0;
}

void peer_reply_stream(Peer *p, char *data, size_t size)
{
        const uint64_t deadline = peer_agent(p)->config->peer_deadline_usec;

        p->gone = NULL;
        p->out = data;
        p->out_size = size;
        sd_event_source_disable_unref(TAKE_PTR(p->io));
        if (sd_event_add_io(peer_agent(p)->event, &p->io, p->fd, EPOLLOUT, on_writable, p) < 0 ||
            sd_event_source_set_priority(p->io, p->type->priority) < 0 ||
            sd_event_source_set_time_relative(p->deadline, deadline) < 0)
                peer_close(p);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Peer *p = userdata;

        p->type->serve(p);
        return 0;
}

int peer_new(Door *d, int fd, const struct ucred *who, const PeerType *type)
{
        const Agent *a = d->listener->agent;
        Peer *p = calloc(1, sizeof(*p));
        int r;

        if (!p) {
                (void)close(fd);
                return -ENOMEM;
        }
        *p = (Peer){ .door = d, .fd = fd, .credentials = *who, .type = type };
        r = sd_event_add_io(a->event, &p->io, fd, EPOLLIN, on_readable, p);
        if (r >= 0)
                r = sd_event_source_set_priority(p->io, type->priority);
        if (r >= 0)
                r = sd_event_add_time_relative(a->event, &p->deadline, CLOCK_MONOTONIC,
                                               a->config->peer_deadline_usec, 1000, on_deadline, p);
        if (r < 0) {
                peer_close(p);
                return r;
        }
        (void)sd_event_source_set_description(p->io, type->name);
        (void)sd_event_source_set_description(p->deadline, "peer-deadline");
        p->next = d->peers;
        p->self = &d->peers;
        if (p->next)
                p->next->self = &p->next;
        d->peers = p;
        d->n_peers++;
        return 0;
}

void peers_close(Door *d)
{
        while (d->peers) {
                Peer *p = d->peers;
                void (*gone)(void *u) = p->gone;
                void *u = p->userdata;

                peer_close(p);
                if (gone)
                        gone(u);
        }
}
