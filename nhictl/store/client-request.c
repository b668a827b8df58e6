/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request: what is sent, and what of the answer is kept. */

#include "nhictl/store/client-request.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <stdio.h>

#define CONNECT_USEC (10 * USEC_PER_SEC)
#define SLOW_SEC     20u

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

void client_request_reset(ClientRequest *r)
{
        r->error = NULL;
        r->text[0] = r->etag[0] = '\0';
        r->status = 0;
        r->n = r->n_headers = 0;
        r->retry_after_sec = 0;
        r->is_too_large = false;
}

void client_request_end(Client *c, ClientRequest *r)
{
        if (r->easy) {
                (void)curl_multi_remove_handle(c->multi, r->easy);
                curl_easy_cleanup(r->easy);
        }
        curl_slist_free_all(r->lines);
        r->easy = r->lines = NULL;
}

int client_request_begin(Client *c, ClientRequest *r)
{
        const StoreAccess *a = c->options.access;
        const HttpTrust trust = { a->ca_file, a->pins, a->certificate, a->certificate_key };
        const HttpLimits limits = { .body_max = c->options.answers_max,
                                    .connect_usec = CONNECT_USEC,
                                    .total_usec = c->options.total_usec,
                                    .slow_sec = SLOW_SEC };

        c->n_held -= r->n;
        client_request_reset(r);
        r->client = c;
        r->easy = curl_easy_init();
        if (!r->easy)
                return -ENOMEM;
        set_callbacks(r);
        if (!http_setup_manners(r->easy, "nhictl/" NHI_VERSION) ||
            !http_setup_trust(r->easy, &trust) || !http_setup_limits(r->easy, &limits, false) ||
            curl_easy_setopt(r->easy, CURLOPT_URL, r->url) != CURLE_OK || !set_body(r) ||
            !set_headers(c, r) || curl_multi_add_handle(c->multi, r->easy) != CURLM_OK) {
                client_request_end(c, r);
                return -ENOMEM;
        }
        return 0;
}

void client_request_finish(Client *c, ClientRequest *r, CURLcode code)
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
        client_request_end(c, r);
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
                             : r->status == 409                   ? ": is its directory there?"
                             : r->status == 412 ? ": the ETag that it gave is not its own"
                             : r->status == 413 ? ": it does not take that much"
                                                : "";

        if (r->error)
                (void)snprintf(ret, CLIENT_ERROR_MAX, "%s: %.*s", r->error, CLIENT_ERROR_MAX - 64,
                               r->text);
        else
                (void)snprintf(ret, CLIENT_ERROR_MAX, "status-%u%s", r->status, advice);
        return ret;
}
