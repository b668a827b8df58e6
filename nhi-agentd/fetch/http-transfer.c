/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One transfer: what curl is told, and what is kept of the answer. */

#include "nhi-agentd/fetch/http-internal.h"

#include "lib/base/macro.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

/* A peer that is gone without a word is known after IDLE + N times INTERVAL seconds. */
#define KEEPALIVE_IDLE_SEC     10
#define KEEPALIVE_INTERVAL_SEC 5
#define KEEPALIVE_N            3

#define HTTP_ERROR_TEXT_MAX 512

static bool body_reserve(HttpTransfer *t, size_t more)
{
        size_t want = t->size + more + 1, capacity = t->capacity ? t->capacity : 16384;
        char *grown;

        if (want <= t->capacity)
                return true;
        while (capacity < want)
                capacity *= 2;
        if (capacity > t->request.limits.body_max + 1)
                capacity = t->request.limits.body_max + 1;
        grown = realloc(t->body, capacity);
        if (!grown)
                return false;
        t->body = grown;
        t->capacity = capacity;
        return true;
}

static size_t gather(HttpTransfer *t, const char *bytes, size_t size)
{
        if (size > t->request.limits.body_max - t->size) {
                t->is_too_large = true;
                return 0;
        }
        if (!body_reserve(t, size))
                return 0;
        memcpy(t->body + t->size, bytes, size);
        t->size += size;
        t->body[t->size] = '\0';
        return size;
}

/* Anything but the size is an error to curl. */
static size_t on_body(char *bytes, size_t one, size_t size, void *userdata)
{
        HttpTransfer *t = userdata;
        long status = 0;

        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        if (!t->request.chunk || status != 200)
                return gather(t, bytes, size);
        if (t->request.chunk(t->request.userdata, bytes, size))
                return size;
        t->is_unwanted = true;
        return 0;
}

/* Is "wait" among the preferences, RFC 7240 section 3? */
static bool names_wait(const char *list, size_t size)
{
        while (size > 0) {
                const char *end = memchr(list, ',', size);
                const size_t n = end ? (size_t)(end - list) + 1 : size;
                size_t blanks = 0;

                while (blanks < n && (list[blanks] == ' ' || list[blanks] == '\t'))
                        blanks++;
                if (n - blanks >= 4 && strncasecmp(list + blanks, "wait", 4) == 0 &&
                    (n - blanks == 4 || strchr("=,; \t", list[blanks + 4])))
                        return true;
                list += n;
                size -= n;
        }
        return false;
}

static void header_take(HttpTransfer *t, const char *line, size_t size)
{
        const char *value = NULL;
        size_t n = 0;

        if (http_header_value(line, size, "etag", &value, &n))
                http_header_keep(value, n, t->etag);
        else if (http_header_value(line, size, "last-modified", &value, &n))
                http_header_keep(value, n, t->last_modified);
        else if (http_header_value(line, size, "date", &value, &n))
                http_header_keep(value, n, t->date);
        else if (http_header_value(line, size, "preference-applied", &value, &n))
                t->is_wait_applied = names_wait(value, n);
        else if (http_header_value(line, size, "transfer-encoding", &value, &n))
                t->is_chunked = true;
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
        HttpTransfer *t = userdata;

        t->headers_size += size;
        if (t->headers_size > HTTP_HEADERS_MAX) {
                t->is_too_large = true;
                return 0;
        }
        if (http_header_is_packing(line, size)) {
                t->is_unwanted = true;
                return 0;
        }
        header_take(t, line, size);
        return size;
}

static int on_socket_made(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
        const int on = 1, idle = KEEPALIVE_IDLE_SEC, interval = KEEPALIVE_INTERVAL_SEC;
        const int n = KEEPALIVE_N, dead_ms = 1000 * (idle + n * interval);

        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n, sizeof(n));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
        return CURL_SOCKOPT_OK;
}

static bool set_text(HttpTransfer *t, CURLoption option, const char *text)
{
        return curl_easy_setopt(t->easy, option, text) == CURLE_OK;
}

static bool set_number(HttpTransfer *t, CURLoption option, uint64_t number)
{
        return curl_easy_setopt(t->easy, option, (long)number) == CURLE_OK;
}

/* One connection that is being made is waited for: the server may take all questions on it. */
static bool set_request(HttpTransfer *t, const HttpRequest *request)
{
        for (const char *const *line = request->headers; line && *line; line++) {
                struct curl_slist *longer = curl_slist_append(t->headers, *line);

                if (!longer)
                        return false;
                t->headers = longer;
        }
        if (request->post && !set_text(t, CURLOPT_COPYPOSTFIELDS, request->post))
                return false;
        if (request->put && (!set_text(t, CURLOPT_COPYPOSTFIELDS, request->put) ||
                             !set_text(t, CURLOPT_CUSTOMREQUEST, "PUT")))
                return false;
        return set_text(t, CURLOPT_URL, request->url) &&
               curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
               set_number(t, CURLOPT_FRESH_CONNECT, request->is_fresh) &&
               set_number(t, CURLOPT_PIPEWAIT, !request->is_fresh);
}

static void set_callbacks(HttpTransfer *t)
{
        (void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
        (void)curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
        (void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
        (void)curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
        (void)curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
        (void)curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

DEFINE_CLEANUP(HttpTransfer *, http_transfer_free);

int http_begin(Http *h, const HttpRequest *request, HttpTransfer **ret)
{
        _cleanup_(http_transfer_freep) HttpTransfer *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->http = h;
        t->request = *request;
        t->easy = curl_easy_init();
        if (!t->easy)
                return -ENOMEM;
        set_callbacks(t);
        if (!http_setup_manners(t->easy, "nhi-fetchd/" NHI_VERSION) ||
            !http_setup_trust(t->easy, &request->trust) ||
            !http_setup_limits(t->easy, &request->limits, request->chunk) ||
            !set_request(t, request))
                return -EINVAL;
        /* What was only borrowed is not looked at again. */
        t->request.url = t->request.post = t->request.put = NULL;
        t->request.headers = NULL;
        t->request.trust = (HttpTrust){};
        if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
                return -ENOMEM;
        t->is_added = true;
        *ret = TAKE_PTR(t);
        return 0;
}

HttpTransfer *http_transfer_free(HttpTransfer *t)
{
        if (!t)
                return NULL;
        if (t->is_added)
                (void)curl_multi_remove_handle(t->http->multi, t->easy);
        curl_easy_cleanup(t->easy);
        curl_slist_free_all(t->headers);
        free(t->body);
        free(t);
        return NULL;
}

/* The token of curl's code, and a sentence about it in ret. */
static const char *error_of(const HttpTransfer *t, CURLcode code,
                            char ret[static HTTP_ERROR_TEXT_MAX])
{
        const char *advice = NULL, *token;

        if (t->is_unwanted) {
                (void)snprintf(ret, HTTP_ERROR_TEXT_MAX, "the answer makes no sense");
                return "malformed";
        }
        token = http_error_token(t->is_too_large ? CURLE_FILESIZE_EXCEEDED : code, &advice);
        (void)snprintf(ret, HTTP_ERROR_TEXT_MAX, "%s (%s)", advice,
                       *t->curl_text && !t->is_too_large ? t->curl_text : curl_easy_strerror(code));
        return token;
}

/* A body that ends with its connection may have been cut by anybody on the way: libcurl takes the
 * end of TCP for that of TLS. */
static bool is_unmeasured(const HttpTransfer *t)
{
        curl_off_t length = -1;
        long version = CURL_HTTP_VERSION_NONE;

        (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
        return t->size > 0 && length < 0 && !t->is_chunked && version < CURL_HTTP_VERSION_2_0;
}

static int64_t age_sec(const HttpTransfer *t)
{
        const time_t changed = curl_getdate(t->last_modified, NULL);
        const time_t answered = curl_getdate(t->date, NULL);

        if (changed < 0 || answered < 0)
                return -1;
        return answered > changed ? answered - changed : 0;
}

void http_transfer_done(HttpTransfer *t, CURLcode code)
{
        char text[HTTP_ERROR_TEXT_MAX] = "";
        HttpResult result = {
                .body = t->body ? t->body : "",
                .size = t->size,
                .etag = t->etag,
                .last_modified = t->last_modified,
                .age_sec = age_sec(t),
                .is_wait_applied = t->is_wait_applied,
        };
        curl_off_t retry_after = 0;
        long status = 0;

        if (code != CURLE_OK) {
                result.error = error_of(t, code, text);
                result.text = text;
        } else if (is_unmeasured(t)) {
                result.error = "cut-short";
                result.text = "the answer does not say how long it is, so anybody may have cut it";
        }
        if (curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status > 0)
                result.status = (unsigned)status;
        if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK &&
            retry_after > 0)
                result.retry_after_sec = (uint64_t)retry_after;

        (void)curl_multi_remove_handle(t->http->multi, t->easy);
        t->is_added = false;
        t->request.done(t->request.userdata, &result);
}
