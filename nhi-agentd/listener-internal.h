/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between listener.c (sockets) and peer.c (connections). */

#include "nhi-agentd/listener.h"

#include <sys/socket.h>

typedef struct PeerType {
        const char *name; /* FileDescriptorName= */
        int type;
        void (*serve)(Peer *p);
        int64_t priority; /* of its event sources */
} PeerType;

typedef struct Door {
        Listener *listener;
        PeerKind kind;
        int fd;
        sd_event_source *source, *pause;
        Peer *peers;
        size_t n_peers;
} Door;

struct Listener {
        Agent *agent;
        Door doors[PEER_N];
};

struct Peer {
        Door *door;
        Peer *next, **self;
        int fd;
        struct ucred credentials;
        uid_t owner; /* whose place it takes: peer_owner() */
        bool is_known;
        sd_event_source *io, *deadline;
        const PeerType *type;
        void (*gone)(void *userdata);
        void *userdata;
        char *in; /* of a stream: the line so far */
        size_t in_size;
        char *out; /* of a stream */
        size_t out_size, out_pos;
};

/* A connection that was let in. Owns fd, on failure too. */
int peer_new(Door *d, int fd, const struct ucred *who, const PeerType *type);
/* Is there a place for who connects? Every door keeps some for root, and nobody else has more than
 * limits.peers_per_uid_max (place.c). */
bool place_is_free(Door *d, const struct ucred *who);

/* Close every connection of a door; who works on an answer is told. */
void peers_close(Door *d);
