/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/listener-internal.h"

#include "lib/base/macro.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#define ACCEPT_BATCH 16u     /* connections taken before others have their turn */
#define PAUSE_USEC   100000u /* no descriptors left: let the backlog wait */

/* Everybody may knock at control: what comes in there waits for all else. */
static const PeerType types[PEER_N] = {
        [PEER_PAM] = { "pam", SOCK_SEQPACKET, pam_serve, SD_EVENT_PRIORITY_NORMAL, true },
        [PEER_CONTROL] = { "control", SOCK_STREAM, control_serve, SD_EVENT_PRIORITY_IDLE, false },
        [PEER_KEYS] = { "keys", SOCK_SEQPACKET, keys_serve, SD_EVENT_PRIORITY_NORMAL, false },
        [PEER_FEED] = { "feed", SOCK_SEQPACKET, feed_serve, SD_EVENT_PRIORITY_NORMAL, false },
};

static void admit(Door *d, int fd)
{
        struct ucred who = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
        socklen_t size = sizeof(who);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || size != sizeof(who) ||
            who.pid <= 0 || !place_is_free(d, &who))
                (void)close(fd);
        else
                peer_admit(d, fd, &who, &types[d->kind]);
}

/* A17: out of descriptors or memory the socket stays readable; look again in a while. */
static void door_pause(Door *d)
{
        (void)sd_event_source_set_enabled(d->source, SD_EVENT_OFF);
        if (sd_event_source_set_time_relative(d->pause, PAUSE_USEC) < 0 ||
            sd_event_source_set_enabled(d->pause, SD_EVENT_ONESHOT) < 0)
                (void)sd_event_source_set_enabled(d->source, SD_EVENT_ON);
}

static int on_resume(sd_event_source *source, uint64_t usec, void *userdata)
{
        Door *d = userdata;

        /* There may still be no memory to watch it with: not watched, it is deaf for good. */
        if (sd_event_source_set_enabled(d->source, SD_EVENT_ON) < 0)
                door_pause(d);
        return 0;
}

/* Asked, because an accept() in vain costs as much as one that succeeds. */
static bool another_waits(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Door *d = userdata;

        for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
                const int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (peer < 0 && errno != ECONNABORTED && errno != EINTR) {
                        if (errno != EAGAIN)
                                door_pause(d);
                        break;
                }
                if (peer >= 0)
                        admit(d, peer);
                if (!another_waits(fd))
                        break;
        }
        peers_watch(d);
        return 0;
}

int listener_new(Agent *a, Listener **ret)
{
        Listener *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->agent = a;
        for (unsigned i = 0; i < PEER_N; i++)
                l->doors[i] = (Door){ .listener = l, .kind = (PeerKind)i, .fd = -EBADF };
        *ret = l;
        return 0;
}

static void door_stop(Door *d)
{
        d->source = sd_event_source_disable_unref(d->source);
        d->pause = sd_event_source_disable_unref(d->pause);
}

static void door_close(Door *d)
{
        peers_close(d);
        door_stop(d);
        if (d->fd >= 0)
                (void)close(d->fd);
}

Listener *listener_free(Listener *l)
{
        for (unsigned i = 0; l && i < PEER_N; i++)
                door_close(&l->doors[i]);
        free(l);
        return NULL;
}

int listener_add(Listener *l, PeerKind kind, int fd)
{
        if (l->doors[kind].fd >= 0)
                return -EEXIST;
        if (sd_is_socket(fd, AF_UNIX, types[kind].type, 1) <= 0)
                return -EINVAL;
        /* systemd hands over blocking sockets, and the last accept of a batch would wait for the
         * next caller with the whole loop. */
        if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
                return -errno;
        l->doors[kind].fd = fd;
        return 0;
}

static int add_named(Listener *l, const char *name, int fd)
{
        for (unsigned k = 0; k < PEER_N; k++)
                if (streq(types[k].name, name))
                        return listener_add(l, (PeerKind)k, fd);
        return -ENOENT;
}

int listener_take_fds(Listener *l, char ret_error[static AGENT_ERROR_MAX])
{
        char **names = NULL;
        const int n = sd_listen_fds_with_names(1, &names);
        int r = 0;

        for (int i = 0; i < n; i++) {
                const int fd = SD_LISTEN_FDS_START + i;
                const int added = r == 0 ? add_named(l, names[i], fd) : r;

                if (added < 0) {
                        (void)close(fd);
                        if (r == 0)
                                (void)snprintf(ret_error, AGENT_ERROR_MAX,
                                               "socket %d (%s): %s; the nhi-agentd-*.socket units "
                                               "name them pam, control, keys and feed",
                                               fd, names[i], strerror(-added));
                        r = added;
                }
                free(names[i]);
        }
        free(names);
        for (unsigned k = 0; r == 0 && k < PEER_N; k++)
                if (l->doors[k].fd < 0) {
                        (void)snprintf(ret_error, AGENT_ERROR_MAX,
                                       "no %s socket: nhi-agentd is started by systemd, which "
                                       "holds its sockets: systemctl start nhi-agentd.service",
                                       types[k].name);
                        r = -ENOTSOCK;
                }
        return r;
}

int listener_start(Listener *l)
{
        for (unsigned i = 0; i < PEER_N; i++) {
                Door *d = &l->doors[i];
                int r;

                if (d->fd < 0)
                        continue;
                r = sd_event_add_io(l->agent->event, &d->source, d->fd, EPOLLIN, on_connection, d);
                if (r < 0)
                        return r;
                (void)sd_event_source_set_description(d->source, types[i].name);
                r = sd_event_source_set_priority(d->source, types[i].priority);
                if (r < 0)
                        return r;
                r = sd_event_add_time_relative(l->agent->event, &d->pause, CLOCK_MONOTONIC,
                                               PAUSE_USEC, 0, on_resume, d);
                if (r < 0)
                        return r;
                r = sd_event_source_set_enabled(d->pause, SD_EVENT_OFF);
                if (r < 0)
                        return r;
        }
        return 0;
}

void listener_stop(Listener *l)
{
        for (unsigned i = 0; i < PEER_N; i++)
                door_stop(&l->doors[i]);
}

size_t listener_n_peers(const Listener *l, PeerKind kind)
{
        return l->doors[kind].n_peers;
}
