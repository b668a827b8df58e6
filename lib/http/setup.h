/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTPS as every program of ours speaks it: what curl is told for each transfer, and what its
 * errors are called. No transfer is driven here. */

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the server is known and how we make ourselves known. NULL: nothing of the kind. */
typedef struct HttpTrust {
        const char *ca_file; /* PEM; it alone is trusted. NULL: what the system trusts */
        /* "sha256//BASE64", several parted by ';': the server's public key must be one of them.
         * Without a ca_file the key alone decides, whatever name and dates its certificate bears.
         */
        const char *pins;
        const char *certificate_file, *key_file; /* ours, PEM */
} HttpTrust;

typedef struct HttpLimits {
        size_t body_max;       /* bytes; of a stream: none */
        uint64_t connect_usec; /* name, connection and TLS together */
        uint64_t total_usec;   /* 0: a stream that may last */
        unsigned slow_sec;     /* under HTTP_SLOW_BYTES a second for so long ends it; 0: never */
} HttpLimits;

#define HTTP_SLOW_BYTES  128u          /* a second */
#define HTTP_HEADERS_MAX (32u * 1024u) /* bytes of an answer's headers */
#define HTTP_FIELD_MAX   256u          /* of one header that we keep; a longer one is left out */

/* Before the first transfer; for curl_global_cleanup(). */
bool http_init(void);
/* https only, no redirect, no proxy, nothing of the environment; agent is our name there. */
bool http_setup_manners(CURL *easy, const char *agent);
/* TLS 1.2 at least, and a server that the trust covers. false also where pins are none. */
bool http_setup_trust(CURL *easy, const HttpTrust *trust);
/* A transfer ends. body_max is the caller's to hold where the answer does not announce its size. */
bool http_setup_limits(CURL *easy, const HttpLimits *l, bool is_stream);

/* What a bearer may show (RFC 6750 section 2.1), which etcd's tokens are, too: a key or a
 * certificate that was named by mistake is none. */
bool http_token_is_valid(const char *text);
/* As in HttpTrust. */
bool http_pins_are_valid(const char *text);

/* The value of the header of this name, without blanks around it; false: the line is another. */
bool http_header_value(const char *line, size_t size, const char *name, const char **ret,
                       size_t *ret_size);
/* Is the answer packed for its transfer? Nobody asked for it, libcurl unpacks it all the same, up
 * to five times over and within one call, and the limits are of what comes out. To be refused. */
bool http_header_is_packing(const char *line, size_t size);
/* Keep it with a NUL; "" where it is too long. */
void http_header_keep(const char *value, size_t size, char ret[static HTTP_FIELD_MAX + 1]);

/* curl's code as a token that stays the same from version to version, and what to do about it. */
const char *http_error_token(CURLcode code, const char **ret_advice);
