/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libcurl's multi handle driven by the loop. */

#include "nhi-agentd/fetch/http-internal.h"

#include "lib/base/macro.h"

#include <sys/epoll.h>

/* Tell the owners of what has ended. Nothing of a transfer is touched after it was told. */
static void reap(Http *h)
{
        const CURLMsg *m;
        int n_left = 0;

        while ((m = curl_multi_info_read(h->multi, &n_left))) {
                CURLcode code = m->data.result;
                char *userdata = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &userdata) == CURLE_OK)
                        http_transfer_done((HttpTransfer *)(void *)userdata, code);
        }
}

static void act(Http *h, curl_socket_t fd, int events)
{
        int n_running = 0;

        (void)curl_multi_socket_action(h->multi, fd, events, &n_running);
        reap(h);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        int events = 0;

        if (revents & EPOLLIN)
                events |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                events |= CURL_CSELECT_OUT;
        if (revents & (EPOLLERR | EPOLLHUP))
                events |= CURL_CSELECT_ERR;
        act(userdata, fd, events);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

/* curl says what it wants to know of a socket; its event source is curl's private pointer. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *of_socket)
{
        Http *h = userdata;
        sd_event_source *source = of_socket;
        uint32_t events = 0;

        if (what == CURL_POLL_REMOVE) {
                (void)sd_event_source_disable_unref(source);
                (void)curl_multi_assign(h->multi, fd, NULL);
                return 0;
        }
        if (what & CURL_POLL_IN)
                events |= EPOLLIN;
        if (what & CURL_POLL_OUT)
                events |= EPOLLOUT;
        if (source)
                return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;

        if (sd_event_add_io(h->event, &source, fd, events, on_io, h) < 0)
                return -1;
        (void)sd_event_source_set_description(source, "http-socket");
        if (curl_multi_assign(h->multi, fd, source) == CURLM_OK)
                return 0;
        (void)sd_event_source_disable_unref(source);
        return -1;
}

/* Never acted upon from within: the loop comes back for it. */
static int on_timeout_wanted(CURLM *multi, long ms, void *userdata)
{
        const Http *h = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(h->timer, (uint64_t)ms * 1000) < 0 ||
            sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT) < 0)
                return -1;
        return 0;
}

static int multi_init(Http *h)
{
        h->multi = curl_multi_init();
        if (!h->multi)
                return -ENOMEM;
        (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
        (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
        (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
        (void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 4L);
        (void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
        return 0;
}

DEFINE_CLEANUP(Http *, http_free);

int http_new(sd_event *event, Http **ret)
{
        _cleanup_(http_freep) Http *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        if (!http_init()) {
                free(TAKE_PTR(h));
                return -ENOMEM;
        }
        h->event = sd_event_ref(event);
        r = sd_event_add_time_relative(event, &h->timer, CLOCK_MONOTONIC, 0, 0, on_timer, h);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(h->timer, "http-timer");
        (void)sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        r = multi_init(h);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(h);
        return 0;
}

Http *http_free(Http *h)
{
        if (!h)
                return NULL;
        if (h->multi)
                (void)curl_multi_cleanup(h->multi);
        (void)sd_event_source_disable_unref(h->timer);
        (void)sd_event_unref(h->event);
        curl_global_cleanup();
        free(h);
        return NULL;
}
