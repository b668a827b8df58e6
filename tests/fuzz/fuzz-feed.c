/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One message on the feed's socket (A06): bytes, descriptors and flags as the input says, and a
 * descriptor that is a sealed memfd or is not. A set is offered only for one lawful header with one
 * sealed descriptor, tidings are taken only without one and of places that there are; no descriptor
 * is kept; the peer is answered, closed or held, once. */

#include "lib/base/macro.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/listener.h"
#include "nhi-agentd/set-bytes.h"
#include "nhi-agentd/sets.h"
#include "tests/fuzz/fuzz.h"

#include <sys/socket.h>

#define FD_FIRST 1000

static struct {
        Input in;
        union {
                FeedHeader header;
                FeedTidings tidings;
                uint8_t bytes[sizeof(FeedTidings) + (FEED_TIDINGS_MAX + 1) * sizeof(FeedTiding)];
        };
        size_t n_bytes;
        int flags, error, map_error, offer_error;
        unsigned n_fds, n_open, n_control;
        unsigned n_replies, n_closed, n_offered, n_bytes_live;
        bool held, gone_early, answers_at_once;
        void (*gone)(void *userdata);
        void *gone_userdata;
        SetsDone done;
        void *done_userdata;
} w;

static const char *urls[] = { "https://a", "https://b/{host}" };
static const TrustedKey key = { .reach = { .sign_revocations = true } };
static Issuer issuer = { .issuer = (char *)"i",
                         .policy = { .keys = &key, .n_keys = 1 },
                         .source = { .type = (char *)"https",
                                     .urls = { urls, ELEMENTSOF(urls) } } };
static Config config = { .issuers = &issuer, .n_issuers = 1 };
static IssuerState issuer_state;
static Agent agent = { .config = &config, .issuers = &issuer_state };

int __wrap_peer_fd(const Peer *p);
Agent *__wrap_peer_agent(const Peer *p);
void __wrap_peer_hold(Peer *p, void (*gone)(void *userdata), void *userdata);
void __wrap_peer_extend(Peer *p, uint64_t usec);
int __wrap_peer_reply(Peer *p, const void *data, size_t size);
void __wrap_peer_close(Peer *p);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
int __wrap_close(int fd);
int __wrap_set_bytes_map(int fd, size_t size_max, SetBytes **ret);
SetBytes *__wrap_set_bytes_free(SetBytes *b);
int __wrap_sets_offer_bytes(Sets *s, uint32_t label, SetBytes *bytes, SetsDone done,
                            void *userdata);

int __wrap_peer_fd(const Peer *p)
{
        (void)p;
        return 7;
}

Agent *__wrap_peer_agent(const Peer *p)
{
        (void)p;
        return &agent;
}

void __wrap_peer_hold(Peer *p, void (*gone)(void *userdata), void *userdata)
{
        (void)p;
        w.held = gone != NULL;
        w.gone = gone;
        w.gone_userdata = userdata;
}

void __wrap_peer_extend(Peer *p, uint64_t usec)
{
        (void)p;
        FUZZ_HOLDS(usec <= UINT64_C(600000000), "no feed holds a place for long");
}

int __wrap_peer_reply(Peer *p, const void *data, size_t size)
{
        (void)p;
        FUZZ_HOLDS(size > 0 && size <= FEED_REPLY_MAX && !memchr(data, '\n', size),
                   "an answer is one line");
        w.n_replies++;
        return 0;
}

void __wrap_peer_close(Peer *p)
{
        (void)p;
        w.n_closed++;
}

/* Descriptors in one control message or one each, as the buffer has room for. */
static void fds_put(struct msghdr *m)
{
        struct cmsghdr *c = CMSG_FIRSTHDR(m);
        size_t n = w.n_fds;

        if (n == 0 || !c) {
                m->msg_controllen = 0;
                return;
        }
        while (CMSG_LEN(n * sizeof(int)) > m->msg_controllen) {
                n--;
                m->msg_flags |= MSG_CTRUNC;
        }
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (size_t i = 0; i < n; i++) {
                int fd = FD_FIRST + (int)w.n_open++;

                memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
        }
        m->msg_controllen = CMSG_SPACE(n * sizeof(int));
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
        size_t n = w.n_bytes;

        (void)fd;
        FUZZ_HOLDS(flags & MSG_DONTWAIT && flags & MSG_CMSG_CLOEXEC, "read without blocking");
        if (w.error) {
                errno = w.error;
                return -1;
        }
        m->msg_flags = w.flags;
        if (n > m->msg_iov[0].iov_len) {
                n = m->msg_iov[0].iov_len;
                m->msg_flags |= MSG_TRUNC;
        }
        memcpy(m->msg_iov[0].iov_base, w.bytes, n);
        fds_put(m);
        return (ssize_t)n;
}

int __wrap_close(int fd)
{
        FUZZ_HOLDS(fd >= FD_FIRST && w.n_open > 0, "what is closed was received");
        w.n_open--;
        return 0;
}

int __wrap_set_bytes_map(int fd, size_t size_max, SetBytes **ret)
{
        FUZZ_HOLDS(fd == FD_FIRST && size_max == FEED_SET_MAX, "the one descriptor is mapped");
        if (w.map_error)
                return -w.map_error;
        *ret = calloc(1, sizeof(**ret));
        w.n_bytes_live++;
        return *ret ? 0 : -ENOMEM;
}

SetBytes *__wrap_set_bytes_free(SetBytes *b)
{
        if (b)
                w.n_bytes_live--;
        free(b);
        return NULL;
}

int __wrap_sets_offer_bytes(Sets *s, uint32_t label, SetBytes *bytes, SetsDone done, void *userdata)
{
        (void)s;
        (void)label;
        FUZZ_HOLDS(memcmp(w.header.magic, FEED_MAGIC, sizeof(w.header.magic)) == 0 &&
                           w.n_bytes == sizeof(w.header) && w.n_fds == 1 && !w.map_error,
                   "a set is offered for one lawful header with one sealed descriptor");
        if (w.offer_error)
                return -w.offer_error;
        w.n_offered++;
        (void)__wrap_set_bytes_free(bytes);
        w.done = done;
        w.done_userdata = userdata;
        if (w.answers_at_once)
                done(userdata, "unchanged 1 00");
        return 0;
}

static void world_read(void)
{
        static const int errors[] = { 0, 0, 0, 0, 0, 0, EAGAIN, EINTR, ECONNRESET, EMFILE };
        static const int maps[] = { 0, 0, 0, EPERM, EFBIG, ENOMEM };
        uint8_t what = input_u8(&w.in);

        w.error = errors[input_u8(&w.in) % ELEMENTSOF(errors)];
        w.map_error = maps[input_u8(&w.in) % ELEMENTSOF(maps)];
        w.n_fds = input_u8(&w.in) % 5;
        w.flags = what & 1 ? MSG_CTRUNC : what & 2 ? MSG_TRUNC : 0;
        w.offer_error = what & 4 ? EBUSY : 0;
        w.gone_early = what & 8;
        w.answers_at_once = what & 16;
        w.n_bytes = w.in.size < sizeof(w.bytes) ? w.in.size : sizeof(w.bytes);
        if (w.n_bytes > 0)
                memcpy(w.bytes, w.in.data, w.n_bytes);
}

static void check_heard(void)
{
        bool was_heard = false;

        for (size_t i = 0; i < FEED_OBJECTS_N * HEARD_PLACES_MAX; i++) {
                const size_t object = i / HEARD_PLACES_MAX, place = i % HEARD_PLACES_MAX;
                const Heard *h = &issuer_state.heard[object][place];

                was_heard |= h->has_answered || *h->trouble;
                FUZZ_HOLDS((object == FEED_SET && place < ELEMENTSOF(urls)) ||
                                   (object == FEED_REVOCATIONS && place == 1) ||
                                   (!h->has_answered && !*h->trouble),
                           "no place that is not there is told of");
                FUZZ_HOLDS(memchr(h->trouble, 0, sizeof(h->trouble)), "words have an end");
        }
        FUZZ_HOLDS(!was_heard || (w.n_fds == 0 && w.n_closed == 1 && w.n_replies == 0 &&
                                  memcmp(w.tidings.magic, FEED_TIDINGS_MAGIC, 8) == 0),
                   "tidings are lawful, and nobody answers them");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Peer *peer = (Peer *)(void *)&agent;

        memset(&w, 0, sizeof(w));
        memset(&issuer_state, 0, sizeof(issuer_state));
        w.in = (Input){ data, size };
        world_read();
        feed_serve(peer);
        check_heard();
        FUZZ_HOLDS(w.n_open == 0, "no descriptor is kept");
        FUZZ_HOLDS(w.n_offered + w.n_closed + w.n_replies >= 1 || w.error == EAGAIN ||
                           w.error == EINTR,
                   "the peer is not forgotten");
        if (w.n_offered > 0 && !w.answers_at_once) {
                if (w.gone_early)
                        w.gone(w.gone_userdata);
                w.done(w.done_userdata, "refused signature it does not verify");
                FUZZ_HOLDS(w.n_replies == !w.gone_early, "who is gone is not answered");
        }
        FUZZ_HOLDS(w.n_replies + w.n_closed <= 1, "the peer is answered or closed once");
        FUZZ_HOLDS(w.n_bytes_live == 0, "no set is forgotten");
        return 0;
}
