/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/feed-client.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/memfd.h"
#include "lib/base/path.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/fetch/backoff.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct FeedClient {
        sd_event *event;
        FeedClientConfig config;
        int offer;              /* sealed memfd with what is to be handed over; -EBADF: nothing */
        int socket;             /* an offer under way; -EBADF: none */
        sd_event_source *reply; /* of socket */
        sd_event_source *timer; /* the next try, or the end of waiting for the reply */
        unsigned n_failures;
        uint64_t offered_usec; /* when the last offer began; 0: none has */
};

const FeedClientConfig feed_client_defaults = {
        .sock_path = PATH_FEED_SOCK,
        .reply_usec = FEED_REPLY_USEC,
        .retry_first_usec = USEC_PER_SEC / 4,
        .retry_max_usec = 30 * USEC_PER_SEC,
        .refused_usec = 300 * USEC_PER_SEC,
        .spacing_usec = USEC_PER_SEC / 10,
};

static void hang_up(FeedClient *c)
{
        c->reply = sd_event_source_disable_unref(c->reply);
        closep(&c->socket);
        c->socket = -EBADF;
}

static void timer_set(FeedClient *c, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(c->timer, usec);
        (void)sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static void timer_off(FeedClient *c)
{
        (void)sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
}

static void answer(FeedClient *c, const char *line)
{
        if (c->config.answered)
                c->config.answered(c->config.userdata, line);
}

/* D3 */
static void try_again_soon(FeedClient *c)
{
        hang_up(c);
        timer_set(c, backoff_usec(++c->n_failures, c->config.retry_first_usec,
                                  c->config.retry_max_usec));
}

static void offer_failed(FeedClient *c, int error)
{
        char sentence[128];

        try_again_soon(c);
        (void)snprintf(sentence, sizeof(sentence), "the agent does not answer: %s",
                       strerror(error));
        answer(c, sentence);
}

static bool line_begins(const char *line, const char *word)
{
        size_t n = strlen(word);

        return strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\0');
}

/* D5: the agent had no room, no memory or no disk, which says nothing about the bytes. */
static bool is_passing(const char *line)
{
        static const char *const passing[] = { "refused busy", "refused not-verified",
                                               "refused not-saved", "refused stopping" };

        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                if (line_begins(line, passing[i]))
                        return true;
        return false;
}

static void offer_taken(FeedClient *c)
{
        hang_up(c);
        c->n_failures = 0;
        closep(&c->offer);
        c->offer = -EBADF;
        timer_off(c);
}

static void offer_refused(FeedClient *c)
{
        hang_up(c);
        c->n_failures = 0;
        timer_set(c, usec_jittered(c->config.refused_usec));
}

static void offer_answered(FeedClient *c, const char *line)
{
        if (line_begins(line, "accepted") || line_begins(line, "unchanged")) {
                offer_taken(c);
        } else if (is_passing(line)) {
                try_again_soon(c);
        } else if (line_begins(line, "refused")) {
                offer_refused(c);
        } else {
                offer_failed(c, EBADMSG);
                return;
        }
        answer(c, line);
}

static int on_reply(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        FeedClient *c = userdata;
        char line[FEED_REPLY_MAX + 1];
        ssize_t n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                offer_failed(c, n < 0 ? errno : ECONNRESET);
                return 0;
        }
        line[n] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        offer_answered(c, line);
        return 0;
}

static int offer_send(FeedClient *c)
{
        FeedHeader header = { 0 };
        int r;

        memcpy(header.magic, FEED_MAGIC, sizeof(header.magic));
        for (unsigned i = 0; i < 4; i++)
                header.issuer_index_le[i] = (uint8_t)(c->config.issuer_index >> (8 * i));

        r = unix_connect(c->config.sock_path, SOCK_SEQPACKET, c->config.owner, &c->socket);
        if (r < 0)
                return r;
        r = datagram_send_fd(c->socket, &header, sizeof(header), c->offer, now_monotonic_usec());
        if (r < 0)
                return r;
        return sd_event_add_io(c->event, &c->reply, c->socket, EPOLLIN, on_reply, c);
}

static void offer_begin(FeedClient *c)
{
        int r;

        hang_up(c);
        c->offered_usec = now_monotonic_usec();
        r = offer_send(c);
        if (r < 0) {
                offer_failed(c, -r);
                return;
        }
        (void)sd_event_source_set_description(c->reply, "feed-reply");
        timer_set(c, c->config.reply_usec);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        FeedClient *c = userdata;

        if (c->socket >= 0)
                offer_failed(c, ETIMEDOUT);
        else if (c->offer >= 0)
                offer_begin(c);
        return 0;
}

DEFINE_CLEANUP(FeedClient *, feed_client_free);

int feed_client_new(sd_event *event, const FeedClientConfig *config, FeedClient **ret)
{
        _cleanup_(feed_client_freep) FeedClient *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->config = *config;
        c->offer = c->socket = -EBADF;

        /* Exact: by default sd-event lets a timer wait a quarter of a second for others, and with
         * it every revocation. */
        r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, 0, 1, on_timer, c);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(c->timer, "feed-timer");
        timer_off(c);

        *ret = TAKE_PTR(c);
        return 0;
}

FeedClient *feed_client_free(FeedClient *c)
{
        if (!c)
                return NULL;
        hang_up(c);
        closep(&c->offer);
        (void)sd_event_source_disable_unref(c->timer);
        (void)sd_event_unref(c->event);
        free(c);
        return NULL;
}

/* D4 */
static uint64_t spacing_left(const FeedClient *c)
{
        uint64_t next_usec = c->offered_usec + c->config.spacing_usec, now = now_monotonic_usec();

        return c->offered_usec > 0 && next_usec > now ? next_usec - now : 0;
}

/* The first try is made from the loop, too, so that nobody is called back from within. */
int feed_client_deliver(FeedClient *c, const void *bytes, size_t size)
{
        int fd = -EBADF, r;

        r = memfd_sealed("nhi-grant-set", bytes, size, &fd);
        if (r < 0)
                return r;

        hang_up(c);
        closep(&c->offer);
        c->offer = fd;
        c->n_failures = 0;
        timer_set(c, spacing_left(c));
        return 0;
}
