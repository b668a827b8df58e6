/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/tidings.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/wire/feed.h"

#include <endian.h>
#include <stdio.h>
#include <sys/socket.h>

struct Tidings {
        sd_event *event;
        TidingsConfig config;
        sd_event_source *timer;
        uint64_t sent_usec; /* 0: not yet */
};

typedef struct Message {
        FeedTidings head;
        FeedTiding each[FEED_TIDINGS_MAX];
} Message;

static void put(uint8_t ret_le[static 4], uint32_t n)
{
        n = htole32(n);
        memcpy(ret_le, &n, sizeof(n));
}

static void put16(uint8_t ret_le[static 2], uint16_t n)
{
        n = htole16(n);
        memcpy(ret_le, &n, sizeof(n));
}

static uint32_t seconds(int64_t usec)
{
        const int64_t sec = usec > 0 ? usec / (int64_t)USEC_PER_SEC : 0;

        return sec < FEED_NOT_KNOWN ? (uint32_t)sec : FEED_NOT_KNOWN - 1;
}

static FeedTiding tiding_encode(const Tiding *t, int64_t now_usec)
{
        FeedTiding ret = {};

        put(ret.issuer_index_le, t->issuer_index);
        put16(ret.place_le, t->place);
        put16(ret.object_le, t->object);
        put(ret.answered_sec_le,
            t->answered_usec > 0 ? seconds(now_usec - t->answered_usec) : FEED_NOT_KNOWN);
        put(ret.next_sec_le, t->next_usec > 0 ? seconds(t->next_usec - now_usec) : FEED_NOT_KNOWN);
        text_visible(ret.trouble, sizeof(ret.trouble), t->trouble);
        return ret;
}

static void send_message(const Tidings *t, Message *m, size_t n)
{
        _cleanup_close_ int fd = -EBADF;

        memcpy(m->head.magic, FEED_TIDINGS_MAGIC, sizeof(m->head.magic));
        put(m->head.n_le, (uint32_t)n);
        if (unix_connect(t->config.sock_path, SOCK_SEQPACKET, t->config.owner, &fd) == 0)
                (void)datagram_send(fd, m, sizeof(m->head) + n * sizeof(m->each[0]),
                                    now_monotonic_usec());
}

static void send_all(Tidings *t)
{
        const int64_t now_usec = now_boottime_usec();
        Message m = {};
        size_t n = 0;
        Tiding one;

        for (size_t i = 0; t->config.source(t->config.userdata, i, &one); i++) {
                m.each[n++] = tiding_encode(&one, now_usec);
                if (n < FEED_TIDINGS_MAX)
                        continue;
                send_message(t, &m, n);
                n = 0;
        }
        if (n > 0)
                send_message(t, &m, n);
}

static void send_after(Tidings *t, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(t->timer, usec);
        (void)sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Tidings *t = userdata;

        t->sent_usec = now_monotonic_usec();
        send_all(t);
        send_after(t, t->config.interval_usec);
        return 0;
}

DEFINE_CLEANUP(Tidings *, tidings_free)

int tidings_new(sd_event *event, const TidingsConfig *config, Tidings **ret)
{
        _cleanup_(tidings_freep) Tidings *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->event = sd_event_ref(event);
        t->config = *config;
        r = sd_event_add_time_relative(event, &t->timer, CLOCK_MONOTONIC, config->interval_usec, 0,
                                       on_timer, t);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(t->timer, "tidings");
        *ret = TAKE_PTR(t);
        return 0;
}

Tidings *tidings_free(Tidings *t)
{
        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->timer);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

void tidings_soon(Tidings *t)
{
        const uint64_t now = now_monotonic_usec();
        uint64_t since;

        if (!t)
                return;
        since = t->sent_usec > 0 ? now - t->sent_usec : UINT64_MAX;
        send_after(t, since < t->config.spacing_usec ? t->config.spacing_usec - since : 0);
}
