/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent for tests of the wire and of pam_nhi: a thread that serves one socket, answers each
 * request as its script says, well or badly, and remembers what it was asked. */

#include "lib/base/io.h"
#include "lib/wire/codec.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

typedef enum Script {
        SCRIPT_ALLOW,
        SCRIPT_DENY,
        SCRIPT_SILENT,        /* takes the request and never answers */
        SCRIPT_CLOSE,         /* hangs up without an answer */
        SCRIPT_WRONG_NONCE,   /* an allow, but of another question */
        SCRIPT_WRONG_SUBJECT, /* an allow for somebody else */
        SCRIPT_WRONG_VERSION,
        SCRIPT_WRONG_LENGTH,
        SCRIPT_WRONG_TYPE,
        SCRIPT_WRONG_VERDICT, /* neither 0 nor 1 */
        SCRIPT_TRAILING,      /* an allow with a byte too many */
        SCRIPT_OVERSIZE,      /* over WIRE_MSG_MAX */
        SCRIPT_GARBAGE,
} Script;

#define SCRIPT_SEEN_MAX      16
#define SCRIPT_PATIENCE_USEC (30 * USEC_PER_SEC)

/* What a request said, copied out of its message. */
typedef struct Seen {
        uint32_t type, phase, mode, subject_uid, real_uid, n_gids;
        uint64_t decision;
        char service[257], subject[257], target[257], rhost[1025], auth_info[4097];
} Seen;

typedef struct ScriptedAgent {
        int listener;
        char path[108];
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* Set between two clients. */
        Script script;
        const char *deny_subject; /* denied whatever the script says; NULL none */
        const char *reason, *message;
        const char *jti; /* of an answer that allows; NULL none */
        uint64_t until_sec;
        uint64_t decision;
        /* What came. */
        unsigned n_seen;
        Seen seen[SCRIPT_SEEN_MAX];
} ScriptedAgent;

static inline void agent_remember(ScriptedAgent *a, const WireRequest *q)
{
        Seen *s = &a->seen[a->n_seen % SCRIPT_SEEN_MAX];

        *s = (Seen){ .type = q->type,
                     .phase = q->phase,
                     .mode = q->mode,
                     .subject_uid = q->subject_uid,
                     .real_uid = q->real_uid,
                     .n_gids = q->gids.n,
                     .decision = q->decision };
        (void)wire_text_copy(q->service, s->service, sizeof(s->service));
        (void)wire_text_copy(q->subject, s->subject, sizeof(s->subject));
        (void)wire_text_copy(q->target, s->target, sizeof(s->target));
        (void)wire_text_copy(q->rhost, s->rhost, sizeof(s->rhost));
        (void)wire_text_copy(q->auth_info, s->auth_info, sizeof(s->auth_info));
        a->n_seen++;
        pthread_cond_broadcast(&a->changed);
}

/* Spoil an encoded reply as the script says; its size afterwards. */
static inline size_t reply_spoil(Script script, uint8_t *out, size_t size)
{
        /* SUBJECT is the first field, the value of VERDICT stands behind the two heads. */
        size_t verdict_at =
                WIRE_HEADER_SIZE + WIRE_FIELD_SIZE + out[WIRE_HEADER_SIZE + 2] + WIRE_FIELD_SIZE;

        switch (script) {
        case SCRIPT_WRONG_VERSION:
                out[4]++;
                return size;
        case SCRIPT_WRONG_LENGTH:
                out[8]++;
                return size;
        case SCRIPT_TRAILING:
                out[size] = 0;
                return size + 1;
        case SCRIPT_OVERSIZE:
                return WIRE_MSG_MAX + 1;
        case SCRIPT_WRONG_VERDICT:
                out[verdict_at] = 2;
                return size;
        case SCRIPT_GARBAGE:
                memset(out, 0xa5, size);
                return size;
        default:
                return size;
        }
}

static inline void agent_answer(ScriptedAgent *a, int fd, const WireRequest *q)
{
        static uint8_t out[WIRE_MSG_MAX + 1];
        char subject[257];
        bool denied;
        size_t size = 0;
        WireReply r;

        (void)wire_text_copy(q->subject, subject, sizeof(subject));
        denied = a->script == SCRIPT_DENY ||
                 (a->deny_subject && strcmp(a->deny_subject, subject) == 0);
        r = (WireReply){
                .type = a->script == SCRIPT_WRONG_TYPE ? WIRE_KEYS_LIST : WIRE_VERDICT,
                .nonce = q->nonce + (a->script == SCRIPT_WRONG_NONCE),
                .verdict = !denied,
                .decision = a->script == SCRIPT_WRONG_TYPE ? 0 : a->decision,
                .subject = a->script == SCRIPT_WRONG_SUBJECT ? wire_text("somebody") : q->subject,
                .reason = wire_text(a->reason ? a->reason
                                    : denied  ? "no-grant"
                                              : "granted"),
                .message = wire_text(a->message),
                .jti = denied ? (WireText){ 0 } : wire_text(a->jti),
                .until_sec = denied ? 0 : a->until_sec,
        };
        if (wire_reply_encode(&r, out, WIRE_MSG_MAX, &size) != 0)
                return;
        size = reply_spoil(a->script, out, size);
        (void)datagram_send(fd, out, size, now_monotonic_usec() + SCRIPT_PATIENCE_USEC);
}

static inline void agent_serve_one(ScriptedAgent *a, int fd)
{
        static uint8_t in[WIRE_MSG_MAX];
        bool silent = false;
        WireRequest q;
        size_t size;

        if (datagram_recv(fd, in, sizeof(in), now_monotonic_usec() + SCRIPT_PATIENCE_USEC, &size) !=
                    0 ||
            wire_request_decode(in, size, &q) != 0)
                return;
        pthread_mutex_lock(&a->lock);
        silent = a->script == SCRIPT_SILENT && q.mode == WIRE_MODE_ENFORCE;
        agent_remember(a, &q);
        if (!silent && a->script != SCRIPT_CLOSE)
                agent_answer(a, fd, &q);
        pthread_mutex_unlock(&a->lock);
        /* Silence lasts until the client hangs up. */
        if (silent)
                (void)fd_wait(fd, POLLIN, now_monotonic_usec() + SCRIPT_PATIENCE_USEC);
}

static inline void *agent_serve(void *userdata)
{
        ScriptedAgent *a = userdata;
        sigset_t all;

        /* Signals are the client's. */
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        for (;;) {
                int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd < 0 && errno == EINVAL)
                        return NULL; /* agent_stop() */
                if (fd < 0) {
                        (void)poll(NULL, 0, 1); /* a test has left this process no descriptor */
                        continue;
                }
                agent_serve_one(a, fd);
                close(fd);
        }
}

static inline int agent_start(ScriptedAgent *a, const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        *a = (ScriptedAgent){ .lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER };
        if (strlen(path) >= sizeof(addr.sun_path))
                return -ENAMETOOLONG;
        snprintf(a->path, sizeof(a->path), "%s", path);
        memcpy(addr.sun_path, a->path, sizeof(addr.sun_path));
        (void)unlink(path);
        a->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (a->listener < 0 || bind(a->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            listen(a->listener, 64) < 0)
                return -errno;
        return -pthread_create(&a->thread, NULL, agent_serve, a);
}

static inline void agent_stop(ScriptedAgent *a)
{
        (void)shutdown(a->listener, SHUT_RDWR);
        (void)pthread_join(a->thread, NULL);
        (void)close(a->listener);
        (void)unlink(a->path);
}

/* Wait until every connection that was made before now has been served: the agent takes them in
 * order, and hangs up on one that says nothing. */
static inline void agent_drain(ScriptedAgent *a)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        char byte;

        memcpy(addr.sun_path, a->path, sizeof(addr.sun_path));
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
                (void)shutdown(fd, SHUT_WR);
                (void)recv(fd, &byte, 1, 0);
        }
        close(fd);
}

static inline void agent_script(ScriptedAgent *a, Script script)
{
        agent_drain(a);
        pthread_mutex_lock(&a->lock);
        a->script = script;
        a->deny_subject = a->reason = a->message = a->jti = NULL;
        a->decision = a->until_sec = 0;
        a->n_seen = 0;
        pthread_mutex_unlock(&a->lock);
}

/* Wait until n requests have come (at most half a minute): how many there are. Notices arrive after
 * the client has gone on. */
static inline unsigned agent_wait(ScriptedAgent *a, unsigned n)
{
        struct timespec until;
        unsigned seen;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(SCRIPT_PATIENCE_USEC / USEC_PER_SEC);
        pthread_mutex_lock(&a->lock);
        while (a->n_seen < n && pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0)
                ;
        seen = a->n_seen;
        pthread_mutex_unlock(&a->lock);
        return seen;
}
