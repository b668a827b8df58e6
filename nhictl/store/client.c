/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/client-request.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#define AT_ONCE          16u
#define POLL_MS          50
#define RETRY_FIRST_USEC (USEC_PER_SEC / 2)
#define RETRY_AFTER_SEC  60u /* that we wait for at most */

static size_t reap(Client *c)
{
        const CURLMsg *m;
        int n_left = 0;
        size_t n = 0;

        while ((m = curl_multi_info_read(c->multi, &n_left))) {
                char *request = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &request);
                client_request_finish(c, (ClientRequest *)(void *)request, m->data.result);
                n++;
        }
        return n;
}

static bool is_to_be_tried(const ClientRequest *r)
{
        static const unsigned busy[] = { 429, 500, 502, 503, 504 };

        if (r->error)
                return streq(r->error, "no-connection") || streq(r->error, "cut-short") ||
                       streq(r->error, "timeout") || streq(r->error, "no-name");
        for (size_t i = 0; i < ELEMENTSOF(busy); i++)
                if (r->status == busy[i])
                        return true;
        return r->status == 0;
}

/* One round: what was not tried yet, or is worth another try. Where one has ended, the next begins
 * before anything is waited for; and of several answers on one connection libcurl may hold one in
 * its hands without saying so, so that the wait is short. */
static int round_of(Client *c, ClientRequest *requests, size_t n, size_t *ret_n)
{
        size_t next = 0, n_running = 0, n_done;
        int r = 0, n_curl = 0;

        *ret_n = 0;
        while (r == 0 && (next < n || n_running > 0)) {
                for (; r == 0 && next < n && n_running < AT_ONCE; next++) {
                        if (!is_to_be_tried(&requests[next]))
                                continue;
                        r = client_request_begin(c, &requests[next]);
                        n_running += r == 0;
                        *ret_n += r == 0;
                }
                if (curl_multi_perform(c->multi, &n_curl) != CURLM_OK)
                        r = -ENOMEM;
                n_done = reap(c);
                n_running -= n_done;
                if (r == 0 && n_done == 0 && n_curl > 0 &&
                    curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
                        r = -ENOMEM;
        }
        for (size_t i = 0; i < n; i++)
                client_request_end(c, &requests[i]);
        return r;
}

/* What the servers asked for, within bounds, and longer each time. */
static uint64_t pause_usec(const ClientRequest *requests, size_t n, unsigned try)
{
        uint64_t usec = RETRY_FIRST_USEC << try, sec = 0;

        for (size_t i = 0; i < n; i++)
                if (is_to_be_tried(&requests[i]) && requests[i].retry_after_sec > sec)
                        sec = requests[i].retry_after_sec;
        if (sec > RETRY_AFTER_SEC)
                sec = RETRY_AFTER_SEC;
        return sec * USEC_PER_SEC > usec ? sec * USEC_PER_SEC : usec;
}

static void pause_for(uint64_t usec)
{
        struct timespec left = { (time_t)(usec / USEC_PER_SEC),
                                 (long)(usec % USEC_PER_SEC) * 1000 };

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

static int do_all(Client *c, ClientRequest *requests, size_t n)
{
        size_t n_tried = 0;
        int r = 0;

        c->n_held = 0;
        for (size_t i = 0; i < n; i++)
                client_request_reset(&requests[i]);
        for (unsigned try = 0; r == 0 && try < c->options.n_tries; try++) {
                bool again = try == 0;

                for (size_t i = 0; i < n && !again; i++)
                        again = is_to_be_tried(&requests[i]);
                if (!again)
                        break;
                if (try > 0)
                        pause_for(pause_usec(requests, n, try - 1));
                r = round_of(c, requests, n, &n_tried);
        }
        return r;
}

/* Versions of libcurl before 7.87 let OpenSSL write to a socket whose other end is gone. */
int client_do(Client *c, ClientRequest *requests, size_t n)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct sigaction before;
        int r;

        if (sigaction(SIGPIPE, &ignore, &before) < 0)
                return -errno;
        r = do_all(c, requests, n);
        (void)sigaction(SIGPIPE, &before, NULL);
        return r;
}

int client_authorize(Client *c, const char *value)
{
        secret_free(TAKE_PTR(c->authorization));
        if (value && asprintf(&c->authorization, "Authorization: %s", value) < 0) {
                c->authorization = NULL;
                return -ENOMEM;
        }
        return 0;
}

int client_new(const ClientOptions *o, Client **ret)
{
        Client *c = calloc(1, sizeof(*c));

        if (!c || !http_init()) {
                free(c);
                return -ENOMEM;
        }
        c->options = *o;
        c->multi = curl_multi_init();
        if (!c->multi) {
                client_free(c);
                return -ENOMEM;
        }
        (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)AT_ONCE);
        (void)curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
        *ret = c;
        return 0;
}

Client *client_free(Client *c)
{
        if (!c)
                return NULL;
        if (c->multi)
                (void)curl_multi_cleanup(c->multi);
        curl_global_cleanup();
        secret_free(c->authorization);
        free(c);
        return NULL;
}
