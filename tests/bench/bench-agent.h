/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who answers the benches of the request path: a real agent in a process of its own, a journal that
 * takes what it is sent, and an echo server on sd-event for comparison. They live as long as the
 * bench does. */

#include "tests/unit/agent-fixture.h"

#include "lib/wire/codec.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/listener.h"
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Two local accounts of every host, under one enforced gate. */
#define BENCH_GRANTED   "games"
#define BENCH_UNGRANTED "mail"
#define PATH_ECHO_SOCK  PATH_ROOT "/run/echo.sock"

static inline void bench_address(const char *path, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(ret->sun_path))
                bench_fail(path);
        strcpy(ret->sun_path, path);
}

static inline int bench_listen(const char *path, int type)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        bench_address(path, &address);
        (void)unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                bench_fail(path);
        if (type != SOCK_DGRAM && listen(fd, 512) < 0)
                bench_fail(path);
        return fd;
}

/* A child that ends with us. It says when it is ready; serve() never returns. */
static inline void bench_server(void (*serve)(int ready_fd))
{
        int ready[2];
        pid_t pid;
        char byte;

        if (pipe(ready) < 0)
                bench_fail("pipe");
        pid = fork();
        if (pid < 0)
                bench_fail("fork");
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)close(ready[0]);
                serve(ready[1]);
                _exit(EXIT_FAILURE);
        }
        (void)close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
                bench_fail("a server did not start");
        (void)close(ready[0]);
}

static inline void bench_ready(int ready_fd)
{
        if (write(ready_fd, "r", 1) != 1)
                _exit(EXIT_FAILURE);
        (void)close(ready_fd);
}

/* ---- the journal ---- */

static inline void bench_journal_serve(int ready_fd)
{
        static char buffer[262144];
        int fd = bench_listen(PATH_JOURNAL_SOCK, SOCK_DGRAM);

        /* Blocking: what journald does with a record is not measured here. */
        if (fcntl(fd, F_SETFL, 0) < 0)
                return;
        bench_ready(ready_fd);
        while (recv(fd, buffer, sizeof(buffer), 0) >= 0 || errno == EINTR)
                ;
}

/* ---- the echo ---- */

static inline int bench_on_echo(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        static char buffer[131072];
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

        if (n > 0)
                (void)send(fd, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        sd_event_source_disable_unref(source);
        (void)close(fd);
        return 0;
}

static inline int bench_on_echo_caller(sd_event_source *source, int fd, uint32_t revents,
                                       void *userdata)
{
        for (unsigned i = 0; i < 16; i++) {
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                sd_event_source *io = NULL;

                if (peer < 0)
                        break;
                if (sd_event_add_io(sd_event_source_get_event(source), &io, peer, EPOLLIN,
                                    bench_on_echo, NULL) < 0)
                        (void)close(peer);
        }
        return 0;
}

static inline void bench_echo_serve(int ready_fd)
{
        int fd = bench_listen(PATH_ECHO_SOCK, SOCK_SEQPACKET);
        sd_event *event = NULL;

        if (sd_event_new(&event) < 0 ||
            sd_event_add_io(event, NULL, fd, EPOLLIN, bench_on_echo_caller, NULL) < 0)
                return;
        bench_ready(ready_fd);
        (void)sd_event_loop(event);
}

/* ---- the agent ---- */

static inline void bench_agent_files(Fixture *f)
{
        fixture_files(f);
        fixture_write(PATH_ROOT "/etc/passwd",
                      "root:x:0:0::/root:/bin/sh\n" BENCH_GRANTED
                      ":x:5:60::/:/bin/sh\n" BENCH_UNGRANTED ":x:8:8::/:/bin/sh\n");
        fixture_write(PATH_ROOT "/etc/group", "root:x:0:\ngames:x:60:\nmail:x:8:\n");
        fixture_write(PATH_CONF_DIR "/bench.conf",
                      "gates = ( { name = \"bench\"; mode = \"enforce\"; services = [ \"*\" ];\n"
                      "  accounts = [ \"" BENCH_GRANTED "\", \"" BENCH_UNGRANTED "\" ]; } );\n");
}

static inline void bench_agent_grant(Fixture *f)
{
        _cleanup_free_ char *grant = fixture_grant("g-bench", BENCH_GRANTED, 7200, FIXTURE_LOGIN);
        const char *line = fixture_offer(f, fixture_set(f, 0, "", grant));

        if (strncmp(line, "accepted ", 9) != 0)
                bench_fail(line);
}

static inline void bench_agent_serve(int ready_fd)
{
        Fixture f = { .base_sec = fixture_now() };

        if (sodium_init() < 0 || signing_key_generate(&f.key) != 0)
                return;
        bench_agent_files(&f);
        fixture_agent(&f);
        fixture_load(&f);
        bench_agent_grant(&f);
        if (listener_add(f.agent->listener, PEER_PAM, bench_listen(PATH_PAM_SOCK, SOCK_SEQPACKET)) <
                    0 ||
            listener_start(f.agent->listener) < 0)
                return;
        bench_ready(ready_fd);
        (void)sd_event_loop(f.event);
}

/* Everything that a bench of the request path needs. */
static inline void bench_servers(void)
{
        if (geteuid() != 0) {
                errno = EPERM;
                bench_fail("only root may ask the agent");
        }
        fixture_clean();
        fixture_dirs();
        bench_server(bench_journal_serve);
        bench_server(bench_echo_serve);
        bench_server(bench_agent_serve);
}

/* ---- one connection ---- */

typedef struct BenchQuestion {
        struct sockaddr_un address;
        uint8_t data[1024];
        size_t size;
} BenchQuestion;

/* What pam_nhi asks in its account phase. */
static inline void bench_question(const char *path, const char *account, uint32_t uid,
                                  BenchQuestion *ret)
{
        uint8_t gids[4] = { 60 };
        WireRequest q = {
                .type = WIRE_PAM,
                .nonce = 1,
                .phase = WIRE_PHASE_ACCOUNT,
                .mode = WIRE_MODE_ENFORCE,
                .service = wire_text("sshd"),
                .subject = wire_text(account),
                .subject_uid = uid,
                .target = wire_text(account),
                .rhost = wire_text("192.0.2.7"),
                .tty = wire_text("ssh"),
                .gids = { .bytes = { .data = gids, .size = sizeof(gids) }, .n = 1 },
        };

        bench_address(path, &ret->address);
        if (wire_request_encode(&q, ret->data, sizeof(ret->data), &ret->size) != 0)
                bench_fail("a request");
}

/* Connect, ask, wait, hang up: the size of the answer in reply. */
static inline size_t bench_ask(const BenchQuestion *q, uint8_t *reply, size_t capacity)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        ssize_t n = -1;

        if (fd >= 0 && connect(fd, (const struct sockaddr *)&q->address, sizeof(q->address)) == 0 &&
            send(fd, q->data, q->size, MSG_NOSIGNAL) == (ssize_t)q->size)
                n = recv(fd, reply, capacity, 0);
        if (n <= 0)
                bench_fail("no answer");
        (void)close(fd);
        return (size_t)n;
}
