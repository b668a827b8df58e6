/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's sockets, held by systemd where that is PID 1: who connects, how many, for how long.
 * One request a connection; a peer whose credentials cannot be read, that is one too many or too
 * slow is closed. What a request means is decided elsewhere: request.c, authkeys.c, control.c,
 * feed.c. */

#include "nhi-agentd/agent.h"

#include <sys/socket.h> /* struct ucred */

typedef enum PeerKind {
        PEER_PAM = 0,
        PEER_CONTROL,
        PEER_KEYS,
        PEER_FEED,
        PEER_N,
} PeerKind;

int listener_new(Agent *a, Listener **ret);
Listener *listener_free(Listener *l);
/* Take what systemd hands over, by FileDescriptorName=pam|control|keys|feed: all four must be
 * there. 0, or a negative errno and *ret_error, one sentence. */
int listener_take_fds(Listener *l, char ret_error[static AGENT_ERROR_MAX]);
/* Make all four, for an agent that was started without: modes and groups as in
 * conf/units/nhi-agentd-*.socket. Only once agent_load() has the host's lock, for it takes the
 * places of those that are there. 0, or a negative errno and *ret_error. */
int listener_bind(Listener *l, char ret_error[static AGENT_ERROR_MAX]);
/* Own one listening socket. */
int listener_add(Listener *l, PeerKind kind, int fd);
/* Begin to accept. */
int listener_start(Listener *l);
/* Accept nobody any more: who is in goes on, who waits is left to the next agent. */
void listener_stop(Listener *l);
size_t listener_n_peers(const Listener *l, PeerKind kind);

/* ---- one connection ----------------------------------------------------------------------------
 */

typedef struct Peer Peer;

int peer_fd(const Peer *p);
PeerKind peer_kind(const Peer *p);
const struct ucred *peer_credentials(const Peer *p);
Agent *peer_agent(const Peer *p);
/* Whoever works on an answer owns the peer until it says peer_reply() or peer_close(); gone() tells
 * when the deadline took it before: then neither may be called. NULL: nobody works on it. */
void peer_hold(Peer *p, void (*gone)(void *userdata), void *userdata);
/* What it asked for takes longer than a connection may: the deadline is usec from now. */
void peer_extend(Peer *p, uint64_t usec);
/* Read a line of at most max bytes with its newline, in pieces as they come: 0 and a view without
 * the newline, valid until the peer is closed; -EAGAIN: not whole yet; -EMSGSIZE; or a negative
 * errno. */
int peer_read_line(Peer *p, size_t max, char **ret, size_t *ret_size);
/* Send one message and close. 0, or a negative errno where it could not be sent; closed all the
 * same. */
int peer_reply(Peer *p, const void *data, size_t size);
/* Send bytes of a stream, however long they take up to the deadline, and close. Owns data
 * (malloc'ed). */
void peer_reply_stream(Peer *p, char *data, size_t size);
void peer_close(Peer *p);

/* What the kinds do with a peer from which something can be read (feed.c, request-serve.c,
 * authkeys.c, control/peer.c): each holds, answers or closes it. Where there is nothing to read yet
 * they leave it: what is served right when it is let in may not have sent. */
void pam_serve(Peer *p);
void keys_serve(Peer *p);
void feed_serve(Peer *p);
void control_serve(Peer *p);
