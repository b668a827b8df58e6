/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/http/setup.h"

#include "lib/base/macro.h"

#include <strings.h>

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define PIN_SCHEME   "sha256//"
#define PIN_DIGITS   43u /* base64 of 32 bytes, without its '=' */

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
        return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_number(CURL *easy, CURLoption option, uint64_t number)
{
        return curl_easy_setopt(easy, option, (long)number) == CURLE_OK;
}

/* libcurl writes the secrets of every connection where that variable says. */
bool http_init(void)
{
        return unsetenv("SSLKEYLOGFILE") == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* HTTP/2 alone may fail without harm: it is not built into every libcurl. */
bool http_setup_manners(CURL *easy, const char *agent)
{
        (void)set_number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
        return
#if LIBCURL_VERSION_NUM >= 0x075500
                set_text(easy, CURLOPT_PROTOCOLS_STR, "https") &&
#else
                set_number(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS) &&
#endif
                set_number(easy, CURLOPT_FOLLOWLOCATION, 0) && set_text(easy, CURLOPT_PROXY, "") &&
                set_text(easy, CURLOPT_NOPROXY, "*") &&
                set_number(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED) &&
                set_number(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1) &&
                set_number(easy, CURLOPT_NOSIGNAL, 1) && set_number(easy, CURLOPT_HTTPAUTH, 0) &&
                set_text(easy, CURLOPT_USERAGENT, agent);
}

/* With a CA file the system's directory of CAs, curl's default, must go. */
bool http_setup_trust(CURL *easy, const HttpTrust *trust)
{
        bool by_key_alone = trust->pins && !trust->ca_file;

        if (trust->pins && !http_pins_are_valid(trust->pins))
                return false;
        if (!set_number(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) ||
            !set_number(easy, CURLOPT_SSL_VERIFYPEER, !by_key_alone) ||
            !set_number(easy, CURLOPT_SSL_VERIFYHOST, by_key_alone ? 0 : 2))
                return false;
        if (trust->ca_file && (!set_text(easy, CURLOPT_CAINFO, trust->ca_file) ||
                               !set_text(easy, CURLOPT_CAPATH, NULL)))
                return false;
        if (trust->pins && !set_text(easy, CURLOPT_PINNEDPUBLICKEY, trust->pins))
                return false;
        if (!trust->certificate_file)
                return true;
        return set_text(easy, CURLOPT_SSLCERT, trust->certificate_file) &&
               set_text(easy, CURLOPT_SSLKEY,
                        trust->key_file ? trust->key_file : trust->certificate_file);
}

/* Without QUICK_EXIT giving up would wait for the thread that resolves the name. */
bool http_setup_limits(CURL *easy, const HttpLimits *l, bool is_stream)
{
#if LIBCURL_VERSION_NUM >= 0x075700
        if (!set_number(easy, CURLOPT_QUICK_EXIT, 1))
                return false;
#endif
        if (l->slow_sec > 0 && (!set_number(easy, CURLOPT_LOW_SPEED_LIMIT, HTTP_SLOW_BYTES) ||
                                !set_number(easy, CURLOPT_LOW_SPEED_TIME, l->slow_sec)))
                return false;
        if (!is_stream &&
            curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)l->body_max) != CURLE_OK)
                return false;
        return set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, l->connect_usec / 1000) &&
               set_number(easy, CURLOPT_TIMEOUT_MS, l->total_usec / 1000);
}

bool http_token_is_valid(const char *text)
{
        const size_t n = strspn(text, ALPHANUMERIC "-._~+/");

        return n > 0 && text[n + strspn(text + n, "=")] == '\0';
}

bool http_pins_are_valid(const char *text)
{
        for (;;) {
                if (strncmp(text, PIN_SCHEME, strlen(PIN_SCHEME)) != 0)
                        return false;
                text += strlen(PIN_SCHEME);
                if (strspn(text, ALPHANUMERIC "+/") != PIN_DIGITS || text[PIN_DIGITS] != '=')
                        return false;
                text += PIN_DIGITS + 1;
                if (*text == '\0')
                        return true;
                if (*text++ != ';')
                        return false;
        }
}

bool http_header_value(const char *line, size_t size, const char *name, const char **ret,
                       size_t *ret_size)
{
        size_t n = strlen(name);

        if (size <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
                return false;
        line += n + 1;
        size -= n + 1;
        while (size > 0 && (*line == ' ' || *line == '\t')) {
                line++;
                size--;
        }
        while (size > 0 && strchr(" \t\r\n", line[size - 1]))
                size--;
        *ret = line;
        *ret_size = size;
        return true;
}

bool http_header_is_packing(const char *line, size_t size)
{
        static const char chunked[] = "chunked";
        const char *value = NULL;
        size_t n = 0;

        return http_header_value(line, size, "transfer-encoding", &value, &n) &&
               (n != strlen(chunked) || strncasecmp(value, chunked, n) != 0);
}

void http_header_keep(const char *value, size_t size, char ret[static HTTP_FIELD_MAX + 1])
{
        if (size > HTTP_FIELD_MAX || memchr(value, '\0', size))
                size = 0;
        memcpy(ret, value, size);
        ret[size] = '\0';
}
