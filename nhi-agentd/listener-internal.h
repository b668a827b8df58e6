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
        bool at_once;     /* served right when it is let in: most have sent already */
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
        bool is_watched;                /* it stayed: from now on the loop looks after it */
        uint64_t patience_usec;         /* until its deadline, from when it is watched */
        sd_event_source *io, *deadline; /* NULL: not watched; nothing is read any more */
        const PeerType *type;
        void (*gone)(void *userdata);
        void *userdata;
        char *in; /* of a stream: the line so far */
        size_t in_size;
        char *out; /* of a stream */
        size_t out_size, out_pos;
};

/* A connection that was let in: served, where its kind is at once. Owns fd, on failure too. */
void peer_admit(Door *d, int fd, const struct ucred *who, const PeerType *type);
/* Have the loop watch who stays: once all were admitted. */
void peers_watch(Door *d);
/* Is there a place for who connects? Every door keeps some for root, and nobody else has more than
 * limits.peers_per_uid_max (place.c). */
bool place_is_free(Door *d, const struct ucred *who);

/* Close every connection of a door; who works on an answer is told. */
void peers_close(Door *d);
