/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/listener-internal.h"

#include "nhi-agentd/evidence.h"

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
        if (gone && p->io)
                (void)sd_event_source_set_enabled(p->io, SD_EVENT_OFF);
}

void peer_extend(Peer *p, uint64_t usec)
{
        if (p->deadline)
                (void)sd_event_source_set_time_relative(p->deadline, usec);
        else
                p->patience_usec = usec;
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

/* The deadline has passed, or it cannot be watched: who works on an answer is told. */
static void peer_drop(Peer *p)
{
        void (*gone)(void *u) = p->gone;
        void *u = p->userdata;

        peer_close(p);
        if (gone)
                gone(u);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        peer_drop(userdata);
        return 0;
}

/* What only waits for its record is answered at once: who asked waits. The peer may be gone. */
static void peer_serve(Peer *p)
{
        Agent *a = peer_agent(p);

        p->type->serve(p);
        evidence_settle(a->evidence);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Peer *p = userdata;

        peer_serve(p);
        return 0;
}

/* While somebody works on its answer nothing more is read (A02). */
static int peer_watch(Peer *p)
{
        const Agent *a = peer_agent(p);
        int r;

        r = sd_event_add_time_relative(a->event, &p->deadline, CLOCK_MONOTONIC, p->patience_usec,
                                       1000, on_deadline, p);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(p->deadline, "peer-deadline");
        p->is_watched = true;
        if (p->gone)
                return 0;
        r = sd_event_add_io(a->event, &p->io, p->fd, EPOLLIN, on_readable, p);
        if (r >= 0)
                r = sd_event_source_set_priority(p->io, p->type->priority);
        if (r >= 0)
                (void)sd_event_source_set_description(p->io, p->type->name);
        return r;
}

static void peer_enlist(Peer *p, Door *d)
{
        p->next = d->peers;
        p->self = &d->peers;
        if (p->next)
                p->next->self = &p->next;
        d->peers = p;
        d->n_peers++;
}

void peer_admit(Door *d, int fd, const struct ucred *who, const PeerType *type)
{
        Peer *p = calloc(1, sizeof(*p));

        if (!p) {
                (void)close(fd);
                return;
        }
        *p = (Peer){
                .door = d,
                .fd = fd,
                .credentials = *who,
                .type = type,
                .patience_usec = d->listener->agent->config->peer_deadline_usec,
        };
        peer_enlist(p, d);
        if (type->at_once)
                peer_serve(p);
}

void peers_watch(Door *d)
{
        /* Who came last stands first: behind the first that is watched all are. */
        for (Peer *p = d->peers, *next; p && !p->is_watched; p = next) {
                next = p->next;
                if (peer_watch(p) < 0)
                        peer_drop(p);
        }
}

void peers_close(Door *d)
{
        while (d->peers)
                peer_drop(d->peers);
}
