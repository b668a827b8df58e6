/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small HTTPS server in threads of the test, with certificates of its own making: what a source
 * may do, well or badly, is one handler. HTTP/1.1, one thread a connection. */

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#define HTTPS_CONNECTIONS_MAX 256
#define HTTPS_REQUEST_MAX     (256 * 1024)

/* ---- certificates ---- */

typedef struct Identity {
        EVP_PKEY *key;
        X509 *certificate;
} Identity;

typedef struct IdentitySpec {
        const char *name;   /* subjectAltName, such as "DNS:localhost,IP:127.0.0.1"; NULL: a CA */
        const Identity *ca; /* NULL: self-signed */
        long from_sec, to_sec; /* of its life, from now */
        const char *common_name;
} IdentitySpec;

static inline void identity_extension(X509 *certificate, int nid, const char *value)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;

        X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        (void)X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

static inline Identity identity_new(const IdentitySpec *spec)
{
        static long serial = 1;
        Identity id = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
        X509 *c = id.certificate;
        X509_NAME *name = X509_get_subject_name(c);

        (void)X509_set_version(c, 2);
        (void)ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
        (void)X509_gmtime_adj(X509_getm_notBefore(c), spec->from_sec);
        (void)X509_gmtime_adj(X509_getm_notAfter(c), spec->to_sec);
        (void)X509_set_pubkey(c, id.key);
        (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         (const uint8_t *)spec->common_name, -1, -1, 0);
        (void)X509_set_issuer_name(c,
                                   spec->ca ? X509_get_subject_name(spec->ca->certificate) : name);
        if (spec->name)
                identity_extension(c, NID_subject_alt_name, spec->name);
        else
                identity_extension(c, NID_basic_constraints, "critical,CA:TRUE");
        (void)X509_sign(c, spec->ca ? spec->ca->key : id.key, EVP_sha256());
        return id;
}

static inline void identity_done(Identity *id)
{
        EVP_PKEY_free(id->key);
        X509_free(id->certificate);
        *id = (Identity){ 0 };
}

/* PEM files; NULL: not that one. */
static inline void identity_save(const Identity *id, const char *certificate, const char *key)
{
        FILE *f;

        if (certificate && (f = fopen(certificate, "we"))) {
                (void)PEM_write_X509(f, id->certificate);
                (void)fclose(f);
        }
        if (key && (f = fopen(key, "we"))) {
                (void)PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL);
                (void)fclose(f);
        }
}

/* "sha256//BASE64" of the public key. */
static inline void identity_pin(const Identity *id, char ret[static 64])
{
        uint8_t *der = NULL, digest[32];
        const int n = i2d_PUBKEY(id->key, &der);

        (void)EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL);
        OPENSSL_free(der);
        strcpy(ret, "sha256//");
        (void)EVP_EncodeBlock((uint8_t *)ret + 8, digest, sizeof(digest));
}

/* ---- the server ---- */

typedef struct HttpsServer HttpsServer;

typedef struct HttpsPeer {
        HttpsServer *server;
        SSL *ssl;
        pthread_t thread;
        _Atomic int fd; /* shut down to end it */
        const char *method, *path, *headers, *body;
        char request[HTTPS_REQUEST_MAX];
} HttpsPeer;

struct HttpsServer {
        /* One request; false hangs up. Runs in the connection's thread. */
        bool (*handle)(HttpsPeer *peer);
        void *userdata;
        const Identity *client_ca; /* clients must show a certificate of it; NULL: they need none */
        bool is_mute;              /* accepts connections and says nothing */
        int tls_max;               /* the newest it speaks, TLS1_1_VERSION; 0: what there is */
        char protocols[64];        /* ALPN's list of the last client, as it came */

        unsigned short port;
        int holder; /* bound to it, so that it is nobody else's while nobody listens; 0: none */
        int listener;
        SSL_CTX *context;
        pthread_t thread;
        atomic_bool is_stopping;
        atomic_uint n_requests, n_connections;
        HttpsPeer *peers[HTTPS_CONNECTIONS_MAX];
};

static inline bool https_write(HttpsPeer *p, const void *data, size_t size)
{
        return size == 0 || SSL_write(p->ssl, data, (int)size) == (int)size;
}

__attribute__((format(printf, 2, 3))) static inline bool https_print(HttpsPeer *p,
                                                                     const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        return n >= 0 && https_write(p, text, (size_t)n);
}

/* A whole answer. fields: further header lines, each with its "\r\n". */
static inline bool https_answer(HttpsPeer *p, unsigned status, const char *fields, const char *body)
{
        if (status == 304)
                return https_print(p, "HTTP/1.1 304 Not Modified\r\n%s\r\n", fields);
        return https_print(p, "HTTP/1.1 %u Said\r\n%sContent-Length: %zu\r\n\r\n%s", status, fields,
                           strlen(body), body);
}

/* One chunk of an answer whose headers said "Transfer-Encoding: chunked". */
static inline bool https_chunk(HttpsPeer *p, const char *text)
{
        return https_print(p, "%zx\r\n%s\r\n", strlen(text), text);
}

/* The value of a request's header; false: it has none. */
static inline bool https_header(const HttpsPeer *p, const char *name, char *ret, size_t size)
{
        const size_t n = strlen(name);

        for (const char *line = p->headers; *line;) {
                const size_t length = strcspn(line, "\r\n");

                if (length > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
                        const char *value = line + n + 1 + strspn(line + n + 1, " ");

                        (void)snprintf(ret, size, "%.*s", (int)(line + length - value), value);
                        return true;
                }
                line += length;
                line += strspn(line, "\r\n");
        }
        return false;
}

/* Wait, but not when the server is to stop: false then. */
static inline bool https_wait(const HttpsPeer *p, unsigned ms)
{
        for (unsigned i = 0; i < ms && !p->server->is_stopping; i += 5)
                (void)poll(NULL, 0, 5);
        return !p->server->is_stopping;
}

static inline bool https_read_request(HttpsPeer *p)
{
        size_t n = 0, need = 0;
        char *end = NULL, *rest = NULL, length[32];

        while (!end || n < need) {
                const int got = SSL_read(p->ssl, p->request + n, (int)(sizeof(p->request) - 1 - n));

                if (got <= 0)
                        return false;
                n += (size_t)got;
                p->request[n] = '\0';
                if (end)
                        continue;
                end = strstr(p->request, "\r\n\r\n");
                if (!end)
                        continue;
                p->headers = strstr(p->request, "\r\n") + 2;
                p->body = end + 4;
                need = (size_t)(end + 4 - p->request);
                if (https_header(p, "Content-Length", length, sizeof(length)))
                        need += (size_t)atol(length);
        }
        p->method = strtok_r(p->request, " ", &rest);
        p->path = strtok_r(NULL, " ", &rest);
        end[2] = '\0';
        return p->method && p->path;
}

static void *https_serve(void *userdata)
{
        HttpsPeer *p = userdata;

        if (!p->server->is_mute && SSL_accept(p->ssl) == 1)
                while (!p->server->is_stopping && https_read_request(p)) {
                        p->server->n_requests++;
                        if (!p->server->handle(p))
                                break;
                }
        while (p->server->is_mute && https_wait(p, 1000))
                ;
        /* At once and without a farewell: a test of a cut answer wants no orderly end. */
        (void)shutdown(p->fd, SHUT_RDWR);
        /* Somebody who fills our window knows nothing of it until there is room again. */
        while (read(p->fd, p->request, sizeof(p->request)) > 0)
                ;
        return NULL;
}

static void *https_run(void *userdata)
{
        HttpsServer *s = userdata;

        while (!s->is_stopping) {
                const int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
                HttpsPeer *p;

                if (fd < 0 || s->n_connections == HTTPS_CONNECTIONS_MAX) {
                        closep(&(int){ fd });
                        continue;
                }
                p = calloc(1, sizeof(*p));
                p->server = s;
                p->fd = fd;
                p->ssl = SSL_new(s->context);
                (void)SSL_set_fd(p->ssl, fd);
                /* Counted before it is served: whoever has its answer looks at once. */
                s->peers[s->n_connections++] = p;
                (void)pthread_create(&p->thread, NULL, https_serve, p);
        }
        return NULL;
}

/* A socket on *port, or on any where that is 0, which it then is; -1. */
static inline int https_bind(unsigned short *port)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
        socklen_t size = sizeof(a);
        const int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 ||
            getsockname(fd, (struct sockaddr *)&a, &size) < 0) {
                closep(&(int){ fd });
                return -1;
        }
        *port = ntohs(a.sin_port);
        return fd;
}

static inline int https_listen(HttpsServer *s)
{
        if (s->holder <= 0)
                s->holder = https_bind(&s->port);
        s->listener = https_bind(&s->port);
        return s->holder < 0 || s->listener < 0 ? -1 : listen(s->listener, 64);
}

/* What OpenSSL takes for too weak to be spoken, is spoken. */
static inline void https_weaken(SSL_CTX *context, int tls_max)
{
        SSL_CTX_set_security_level(context, 0);
        (void)SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
        (void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        (void)SSL_CTX_set_max_proto_version(context, tls_max);
}

/* Their list is kept, and nothing chosen: HTTP/1.1. */
static inline int https_on_protocols(SSL *ssl, const uint8_t **ret, uint8_t *ret_size,
                                     const uint8_t *offered, unsigned size, void *userdata)
{
        HttpsServer *s = userdata;

        (void)snprintf(s->protocols, sizeof(s->protocols), "%.*s", (int)size,
                       (const char *)offered);
        return SSL_TLSEXT_ERR_NOACK;
}

/* port 0: any; what the caller set in *s stays. 0 or -1. */
static inline int https_start(HttpsServer *s, const Identity *id)
{
        s->context = SSL_CTX_new(TLS_server_method());
        (void)SSL_CTX_use_certificate(s->context, id->certificate);
        (void)SSL_CTX_use_PrivateKey(s->context, id->key);
        if (s->client_ca) {
                (void)X509_STORE_add_cert(SSL_CTX_get_cert_store(s->context),
                                          s->client_ca->certificate);
                SSL_CTX_set_verify(s->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                   NULL);
        }
        if (s->tls_max)
                https_weaken(s->context, s->tls_max);
        SSL_CTX_set_alpn_select_cb(s->context, https_on_protocols, s);
        s->is_stopping = false;
        s->n_connections = 0;
        if (https_listen(s) < 0)
                return -1;
        return pthread_create(&s->thread, NULL, https_run, s) == 0 ? 0 : -1;
}

/* Hang up on everybody, as a server that dies does. It may be started again: its port stays its
 * own. */
static inline void https_die(HttpsServer *s)
{
        if (!s->context)
                return;
        s->is_stopping = true;
        (void)shutdown(s->listener, SHUT_RDWR);
        (void)pthread_join(s->thread, NULL);
        for (unsigned i = 0; i < s->n_connections; i++) {
                HttpsPeer *p = s->peers[i];

                (void)shutdown(p->fd, SHUT_RDWR);
                (void)pthread_join(p->thread, NULL);
                SSL_free(p->ssl);
                (void)close(p->fd);
                free(p);
        }
        (void)close(s->listener);
        SSL_CTX_free(s->context);
        s->context = NULL;
}

static inline void https_stop(HttpsServer *s)
{
        https_die(s);
        if (s->holder > 0)
                (void)close(s->holder);
        s->holder = 0;
}
