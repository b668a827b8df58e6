/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between http.c and http-transfer.c. */

#include "nhi-agentd/fetch/http.h"

struct Http {
        sd_event *event;
        sd_event_source *timer;
        CURLM *multi;
};

struct HttpTransfer {
        Http *http;
        CURL *easy;
        bool is_added; /* to the multi handle */
        struct curl_slist *headers;
        HttpRequest request; /* its texts are curl's copies, or NULL */
        char *body;
        size_t size, capacity, headers_size;
        bool is_too_large, is_unwanted; /* why we ended it */
        bool is_wait_applied, is_chunked;
        char etag[HTTP_FIELD_MAX + 1], last_modified[HTTP_FIELD_MAX + 1], date[HTTP_FIELD_MAX + 1];
        char curl_text[CURL_ERROR_SIZE];
};

/* The multi handle is done with it: tell its owner (http-transfer.c). t may be gone afterwards. */
void http_transfer_done(HttpTransfer *t, CURLcode code);
