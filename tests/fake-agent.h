/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent that answers by a script, for tests of the clients: a thread that serves one SEQPACKET
 * socket and keeps the last request. One a program. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/codec.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

typedef enum FakeAnswer {
        FAKE_DENY = 0,
        FAKE_ALLOW,
        FAKE_SILENT,        /* reads and never answers */
        FAKE_HANG_UP,       /* reads and closes */
        FAKE_GARBAGE,       /* bytes that are no message */
        FAKE_OTHER_NONCE,   /* allows, but somebody else's question */
        FAKE_OTHER_SUBJECT, /* allows, but somebody else */
        FAKE_NOT_READING,   /* listens and never accepts */
} FakeAnswer;

typedef struct FakeAgent {
        FakeAnswer answer;
        const char *message;     /* of a denial */
        const char *const *keys; /* for WIRE_KEYS */
        size_t n_keys;

        const char *path;
        int listen_fd, stop_fd[2];
        pthread_t thread;
        unsigned n_requests; /* read after fake_agent_stop() */
        WireRequest seen;
        uint8_t in[WIRE_MSG_MAX], out[WIRE_MSG_MAX], list[WIRE_MSG_MAX];
} FakeAgent;

static size_t fake_agent_reply(FakeAgent *a)
{
        WireReply reply = { .type = WIRE_VERDICT,
                            .nonce = a->seen.nonce,
                            .verdict = a->answer != FAKE_DENY,
                            .subject = a->seen.subject,
                            .reason = wire_text(a->answer == FAKE_DENY ? "no-grant" : "granted"),
                            .message = wire_text(a->message) };
        size_t size = 0;

        if (a->answer == FAKE_OTHER_NONCE)
                reply.nonce++;
        if (a->answer == FAKE_OTHER_SUBJECT)
                reply.subject = wire_text("somebody-else");
        if (a->seen.type == WIRE_KEYS) {
                reply.type = WIRE_KEYS_LIST;
                (void)wire_list_build(a->keys, a->n_keys, a->list, sizeof(a->list), &reply.keys);
        }
        if (a->answer == FAKE_GARBAGE) {
                memset(a->out, 0xa5, 64);
                return 64;
        }
        return wire_reply_encode(&reply, a->out, sizeof(a->out), &size) == 0 ? size : 0;
}

static void fake_agent_serve(FakeAgent *a)
{
        _cleanup_close_ int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        struct pollfd stop = { .fd = a->stop_fd[0], .events = POLLIN };
        ssize_t n;

        if (fd < 0)
                return;
        n = recv(fd, a->in, sizeof(a->in), 0);
        if (n <= 0 || wire_request_decode(a->in, (size_t)n, &a->seen) != 0)
                return;
        a->n_requests++;
        if (a->answer == FAKE_SILENT)
                (void)poll(&stop, 1, -1);
        else if (a->answer != FAKE_HANG_UP)
                (void)send(fd, a->out, fake_agent_reply(a), MSG_NOSIGNAL);
}

static void *fake_agent_run(void *userdata)
{
        FakeAgent *a = userdata;
        struct pollfd fds[] = {
                { .fd = a->stop_fd[0], .events = POLLIN },
                { .fd = a->answer == FAKE_NOT_READING ? -1 : a->listen_fd, .events = POLLIN },
        };

        while (poll(fds, ELEMENTSOF(fds), -1) > 0 && !(fds[0].revents & POLLHUP))
                fake_agent_serve(a);
        /* What was sent before we were stopped is served too: a notice does not wait. */
        fds[0].fd = -1;
        while (poll(fds, ELEMENTSOF(fds), 0) > 0)
                fake_agent_serve(a);
        return NULL;
}

/* The folders below the test root that a client's paths need. */
static inline void fake_agent_folders(void)
{
        static const char *const folders[] = {
                PATH_ROOT,        PATH_ROOT "/run",     PATH_RUN_DIR,
                PATH_ROOT "/var", PATH_ROOT "/var/lib", PATH_STATE_DIR,
                PATH_ROOT "/etc", PATH_ETC_DIR
        };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                (void)mkdir(folders[i], 0755);
}

/* 0 or -1. What the caller set in *a stays. */
static inline int fake_agent_start(FakeAgent *a, const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
        (void)unlink(path);
        a->path = path;
        a->n_requests = 0;
        a->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (a->listen_fd < 0 || pipe(a->stop_fd) < 0 ||
            bind(a->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            listen(a->listen_fd, 8) < 0)
                return -1;
        return pthread_create(&a->thread, NULL, fake_agent_run, a) == 0 ? 0 : -1;
}

static inline void fake_agent_stop(FakeAgent *a)
{
        (void)close(a->stop_fd[1]);
        (void)pthread_join(a->thread, NULL);
        (void)close(a->stop_fd[0]);
        (void)close(a->listen_fd);
        (void)unlink(a->path);
}

/* Put a text file below the test root; NULL removes it. */
static inline int fake_file(const char *path, const char *text)
{
        if (!text)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        return file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false);
}
