/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fixture's agent with all four doors open, and a thread that asks as the modules do while the
 * loop runs. */

#include "tests/unit/agent-fixture.h"

#include "lib/wire/client.h"
#include "nhi-agentd/listener.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a peer may take, unless the test is about that: a disk that is busy holds a record up. */
#define DOORS_PATIENCE_USEC (30 * USEC_PER_SEC)

static const struct {
        PeerKind kind;
        const char *path;
        int type;
} fixture_doors[] = {
        { PEER_PAM, PATH_PAM_SOCK, SOCK_SEQPACKET },
        { PEER_CONTROL, PATH_CONTROL_SOCK, SOCK_STREAM },
        { PEER_KEYS, PATH_KEYS_SOCK, SOCK_SEQPACKET },
        { PEER_FEED, PATH_FEED_SOCK, SOCK_SEQPACKET },
};

static inline void address_of(const char *path, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        assert_true(strlen(path) < sizeof(ret->sun_path));
        strcpy(ret->sun_path, path);
}

static inline int dial(const char *path, int type)
{
        struct sockaddr_un address;
        const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        address_of(path, &address);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static inline void listen_all(Fixture *f)
{
        f->agent->config->peer_deadline_usec = DOORS_PATIENCE_USEC;
        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++) {
                const int fd =
                        socket(AF_UNIX, fixture_doors[i].type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                struct sockaddr_un address;

                address_of(fixture_doors[i].path, &address);
                assert_true(fd >= 0);
                assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
                assert_int_equal(listen(fd, 512), 0);
                assert_int_equal(listener_add(f->agent->listener, fixture_doors[i].kind, fd), 0);
        }
        assert_int_equal(listener_start(f->agent->listener), 0);
}

static inline int setup(void **state)
{
        int r = fixture_setup(state);

        fixture_load(*state);
        listen_all(*state);
        return r;
}

/* ---- asking while the loop runs ---- */

typedef struct Ask {
        const char *path;
        WireRequest request;
        WireExchange *x;
        WireReply reply;
        int r;
        atomic_bool done;
} Ask;

static inline void *ask_main(void *userdata)
{
        Ask *a = userdata;

        a->r = wire_ask(a->path, geteuid(), &a->request, now_monotonic_usec() + DOORS_PATIENCE_USEC,
                        a->x, &a->reply);
        atomic_store(&a->done, true);
        return NULL;
}

static inline bool ask_is_done(void *userdata)
{
        return atomic_load(&((Ask *)userdata)->done);
}

static inline void ask(Fixture *f, const char *path, const WireRequest *request, Ask *ret)
{
        pthread_t thread;

        *ret = (Ask){ .path = path, .request = *request, .x = malloc(sizeof(WireExchange)) };
        assert_non_null(ret->x);
        assert_int_equal(pthread_create(&thread, NULL, ask_main, ret), 0);
        assert_true(fixture_until(f, ask_is_done, ret));
        assert_int_equal(pthread_join(thread, NULL), 0);
}

static inline WireRequest pam(const char *service, const char *subject, uint32_t uid,
                              uint32_t phase)
{
        return (WireRequest){
                .type = WIRE_PAM,
                .phase = phase,
                .mode = WIRE_MODE_ENFORCE,
                .service = wire_text(service),
                .subject = wire_text(subject),
                .subject_uid = uid,
                .target = wire_text(subject),
        };
}
