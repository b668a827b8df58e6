/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of TLS is spoken (V36): with an OpenSSL that would speak anything, so that nobody but us
 * refuses. */

#include "tests/unit/https-server.h"

#include "lib/base/io.h"
#include "lib/http/setup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>

#include <cmocka.h>

typedef struct Fixture {
        char dir[64], ca_file[96];
        HttpsServer server;
        Identity ca, leaf;
} Fixture;

static bool handle(HttpsPeer *p)
{
        return https_answer(p, 200, "", "hello");
}

static int setup(void **state)
{
        static const IdentitySpec ca = { NULL, NULL, -3600, 3600, "test CA" };
        Fixture *f = calloc(1, sizeof(*f));
        const IdentitySpec leaf = { "DNS:localhost", &f->ca, -3600, 3600, "leaf" };

        (void)signal(SIGPIPE, SIG_IGN);
        (void)snprintf(f->dir, sizeof(f->dir), "/tmp/nhi-test-tls.XXXXXX");
        if (!mkdtemp(f->dir))
                return -1;
        (void)snprintf(f->ca_file, sizeof(f->ca_file), "%s/ca.pem", f->dir);
        f->ca = identity_new(&ca);
        f->leaf = identity_new(&leaf);
        identity_save(&f->ca, f->ca_file, NULL);
        f->server = (HttpsServer){ .handle = handle, .userdata = f };
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        https_stop(&f->server);
        identity_done(&f->leaf);
        identity_done(&f->ca);
        (void)unlink(f->ca_file);
        (void)rmdir(f->dir);
        free(f);
        return 0;
}

static size_t drop(char *bytes, size_t one, size_t size, void *userdata)
{
        return size;
}

/* As every program of ours asks; or, not is_ours, as curl does by itself with nothing but the CA
 * and no least version of TLS. */
static CURLcode ask(Fixture *f, int tls_max, bool is_ours)
{
        const HttpTrust trust = { .ca_file = f->ca_file };
        const HttpLimits limits = { 1000, 20 * USEC_PER_SEC, 20 * USEC_PER_SEC, 0 };
        CURL *easy = curl_easy_init();
        char url[64];
        CURLcode code;

        f->server.tls_max = tls_max;
        assert_int_equal(https_start(&f->server, &f->leaf), 0);
        (void)snprintf(url, sizeof(url), "https://localhost:%u/", f->server.port);
        assert_true(http_setup_manners(easy, "test") && http_setup_trust(easy, &trust) &&
                    http_setup_limits(easy, &limits, false));
        (void)curl_easy_setopt(easy, CURLOPT_URL, url);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
        if (!is_ours)
                (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0);
        code = curl_easy_perform(easy);
        curl_easy_cleanup(easy);
        https_stop(&f->server);
        f->server.port = 0;
        return code;
}

static void a_server_that_speaks_nothing_newer_than_tls_1_1_is_not_asked_V36(void **state)
{
        static const int old[] = { TLS1_VERSION, TLS1_1_VERSION };

        for (size_t i = 0; i < ELEMENTSOF(old); i++) {
                /* It could be asked, by others. */
                assert_int_equal(ask(*state, old[i], false), CURLE_OK);
                assert_int_equal(ask(*state, old[i], true), CURLE_SSL_CONNECT_ERROR);
        }
}

static void tls_1_2_and_1_3_are_spoken(void **state)
{
        assert_int_equal(ask(*state, TLS1_2_VERSION, true), CURLE_OK);
        assert_int_equal(ask(*state, TLS1_3_VERSION, true), CURLE_OK);
}

static void http_2_is_offered_and_not_insisted_upon(void **state)
{
        Fixture *f = *state;

        assert_int_equal(ask(f, 0, true), CURLE_OK);
        assert_non_null(strstr(f->server.protocols, "h2"));
        assert_non_null(strstr(f->server.protocols, "http/1.1"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Before OpenSSL is asked for anything: it reads this once. */
static int weaken_openssl(char path[static 64])
{
        static const char text[] = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                                   "[c]\nMinProtocol = TLSv1\nCipherString = DEFAULT:@SECLEVEL=0\n";
        int fd;

        (void)snprintf(path, 64, "/tmp/nhi-test-tls-conf.XXXXXX");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0 || fd_write_all(fd, text, sizeof(text) - 1) < 0 || close(fd) < 0)
                return -1;
        return setenv("OPENSSL_CONF", path, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(a_server_that_speaks_nothing_newer_than_tls_1_1_is_not_asked_V36),
                CASE(tls_1_2_and_1_3_are_spoken),
                CASE(http_2_is_offered_and_not_insisted_upon),
        };
        char conf[64];
        int n_failed;

        if (weaken_openssl(conf) < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return 1;
        n_failed = cmocka_run_group_tests_name("http-tls", tests, NULL, NULL);
        curl_global_cleanup();
        (void)unlink(conf);
        return n_failed;
}
