/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/client.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#define AT_ONCE          16u
#define CONNECT_USEC     (10 * USEC_PER_SEC)
#define SLOW_SEC         20u
#define POLL_MS          1000
#define RETRY_FIRST_USEC (USEC_PER_SEC / 2)
#define RETRY_AFTER_SEC  60u /* that we wait for at most */

struct Client {
        ClientOptions options;
        CURLM *multi;
        char *authorization; /* the whole header line */
        size_t n_held;       /* bytes of answers */
};

static size_t on_body(char *bytes, size_t one, size_t size, void *userdata)
{
        ClientRequest *r = userdata;
        Client *c = r->client;

        if (size > c->options.answers_max - c->n_held) {
                r->is_too_large = true;
                return 0;
        }
        if (r->n + size + 1 > r->capacity) {
                const size_t capacity = (r->n + size + 1) * 2;
                char *grown = realloc(r->answer, capacity);

                if (!grown)
                        return 0;
                r->answer = grown;
                r->capacity = capacity;
        }
        memcpy(r->answer + r->n, bytes, size);
        c->n_held += size;
        r->n += size;
        r->answer[r->n] = '\0';
        return size;
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
        ClientRequest *r = userdata;
        const char *value = NULL;
        size_t n = 0;

        r->n_headers += size;
        if (r->n_headers > HTTP_HEADERS_MAX) {
                r->is_too_large = true;
                return 0;
        }
        if (http_header_is_packing(line, size))
                return 0;
        if (http_header_value(line, size, "etag", &value, &n))
                http_header_keep(value, n, r->etag);
        return size;
}

static bool add_line(ClientRequest *r, const char *line)
{
        struct curl_slist *longer = curl_slist_append(r->lines, line);

        if (longer)
                r->lines = longer;
        return longer;
}

/* Expect: would cost a PUT a round trip. */
static bool set_headers(Client *c, ClientRequest *r)
{
        bool ok = add_line(r, "Expect:") && (!c->authorization || add_line(r, c->authorization));

        for (size_t i = 0; i < CLIENT_HEADERS && ok; i++)
                if (*r->headers[i])
                        ok = add_line(r, r->headers[i]);
        return ok && curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->lines) == CURLE_OK;
}

static bool set_body(ClientRequest *r)
{
        if (streq(r->method, "GET"))
                return true;
        return curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->size) ==
                       CURLE_OK &&
               curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body) == CURLE_OK &&
               curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK;
}

static void set_callbacks(ClientRequest *r)
{
        (void)curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
        (void)curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->text);
        (void)curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
        (void)curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
        (void)curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
}

/* What an earlier try left. */
static void answer_reset(ClientRequest *r)
{
        r->error = NULL;
        r->text[0] = r->etag[0] = '\0';
        r->status = 0;
        r->n = r->n_headers = 0;
        r->retry_after_sec = 0;
        r->is_too_large = false;
}

static void request_end(Client *c, ClientRequest *r)
{
        if (r->easy) {
                (void)curl_multi_remove_handle(c->multi, r->easy);
                curl_easy_cleanup(r->easy);
        }
        curl_slist_free_all(r->lines);
        r->easy = r->lines = NULL;
}

static int request_begin(Client *c, ClientRequest *r)
{
        const StoreAccess *a = c->options.access;
        const HttpTrust trust = { a->ca_file, a->pins, a->certificate, a->certificate_key };
        const HttpLimits limits = { .body_max = c->options.answers_max,
                                    .connect_usec = CONNECT_USEC,
                                    .total_usec = c->options.total_usec,
                                    .slow_sec = SLOW_SEC };

        c->n_held -= r->n;
        answer_reset(r);
        r->client = c;
        r->easy = curl_easy_init();
        if (!r->easy)
                return -ENOMEM;
        set_callbacks(r);
        if (!http_setup_manners(r->easy, "nhictl/" NHI_VERSION) ||
            !http_setup_trust(r->easy, &trust) || !http_setup_limits(r->easy, &limits, false) ||
            curl_easy_setopt(r->easy, CURLOPT_URL, r->url) != CURLE_OK || !set_body(r) ||
            !set_headers(c, r) || curl_multi_add_handle(c->multi, r->easy) != CURLM_OK) {
                request_end(c, r);
                return -ENOMEM;
        }
        return 0;
}

static void request_finish(Client *c, ClientRequest *r, CURLcode code)
{
        const char *advice = "";
        char said[CLIENT_ERROR_MAX];
        curl_off_t retry_after = 0;
        long status = 0;

        if (curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK &&
            retry_after > 0)
                r->retry_after_sec = (uint64_t)retry_after;
        if (curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status > 0)
                r->status = (unsigned)status;
        if (code != CURLE_OK) {
                r->error =
                        http_error_token(r->is_too_large ? CURLE_FILESIZE_EXCEEDED : code, &advice);
                memcpy(said, r->text, sizeof(said));
                (void)snprintf(r->text, sizeof(r->text), "%s (%.300s)", advice,
                               *said ? said : curl_easy_strerror(code));
        }
        request_end(c, r);
}

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
                request_finish(c, (ClientRequest *)(void *)request, m->data.result);
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

/* One round: what was not tried yet, or is worth another try. */
static int round_of(Client *c, ClientRequest *requests, size_t n, size_t *ret_n)
{
        size_t next = 0, n_running = 0;
        int r = 0, n_curl = 0;

        *ret_n = 0;
        while (r == 0 && (next < n || n_running > 0)) {
                for (; r == 0 && next < n && n_running < AT_ONCE; next++) {
                        if (!is_to_be_tried(&requests[next]))
                                continue;
                        r = request_begin(c, &requests[next]);
                        n_running += r == 0;
                        *ret_n += r == 0;
                }
                if (curl_multi_perform(c->multi, &n_curl) != CURLM_OK ||
                    (n_curl > 0 && curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK))
                        r = -ENOMEM;
                n_running -= reap(c);
        }
        for (size_t i = 0; i < n; i++)
                request_end(c, &requests[i]);
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
                answer_reset(&requests[i]);
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

void client_request_done(ClientRequest *r)
{
        free(r->url);
        free(r->answer);
        *r = (ClientRequest){ 0 };
}

const char *client_sentence(const ClientRequest *r, char ret[static CLIENT_ERROR_MAX])
{
        const char *advice = r->status == 401 || r->status == 403 ? ": it wants other credentials"
                             : r->status == 404                   ? ": is there such a place?"
                             : r->status == 405                   ? ": it takes no PUT there"
                             : r->status == 413                   ? ": it does not take that much"
                                                                  : "";

        if (r->error)
                (void)snprintf(ret, CLIENT_ERROR_MAX, "%s: %.*s", r->error, CLIENT_ERROR_MAX - 64,
                               r->text);
        else
                (void)snprintf(ret, CLIENT_ERROR_MAX, "status-%u%s", r->status, advice);
        return ret;
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
