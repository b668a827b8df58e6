/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* curl's codes as tokens that stay the same from version to version, and what to do about each. */

#include "lib/http/setup.h"

#include "lib/base/macro.h"

static const struct {
        CURLcode code;
        const char *token, *advice;
} errors[] = {
        { CURLE_UNSUPPORTED_PROTOCOL, "not-https", "only https is fetched" },
        { CURLE_URL_MALFORMAT, "bad-url", "look at the URL that is configured" },
        { CURLE_LOGIN_DENIED, "bad-url", "a URL must hold no user and no password" },
        { CURLE_COULDNT_RESOLVE_HOST, "no-name", "the name does not resolve" },
        { CURLE_COULDNT_CONNECT, "no-connection", "is the server up and the way to it open?" },
        { CURLE_OPERATION_TIMEDOUT, "timeout", "the server or the network is too slow" },
        { CURLE_SSL_CONNECT_ERROR, "no-tls", "the TLS handshake failed" },
        { CURLE_PEER_FAILED_VERIFICATION, "untrusted",
          "its certificate is expired, for another name, or of a CA that is not trusted here" },
        { CURLE_SSL_PINNEDPUBKEYNOTMATCH, "wrong-pin",
          "its public key is none of those that are configured: was it replaced, or is this "
          "another server?" },
        { CURLE_SSL_CACERT_BADFILE, "no-ca-file", "look at the CA file that is configured" },
        { CURLE_SSL_CERTPROBLEM, "no-certificate",
          "our own certificate cannot be used: look at the credentials" },
        { CURLE_FILESIZE_EXCEEDED, "too-large",
          "the answer is larger than it may be (source.size_max)" },
        { CURLE_PARTIAL_FILE, "cut-short", "the answer ended before its time" },
        { CURLE_GOT_NOTHING, "cut-short", "the server hung up without an answer" },
        { CURLE_RECV_ERROR, "cut-short", "the connection broke" },
        { CURLE_SEND_ERROR, "cut-short", "the connection broke" },
        { CURLE_HTTP2, "cut-short", "the connection broke" },
        { CURLE_HTTP2_STREAM, "cut-short", "the server gave up the answer" },
        { CURLE_OUT_OF_MEMORY, "no-memory", "out of memory" },
};

const char *http_error_token(CURLcode code, const char **ret_advice)
{
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == code) {
                        *ret_advice = errors[i].advice;
                        return errors[i].token;
                }
        *ret_advice = "the transfer failed";
        return "failed";
}
