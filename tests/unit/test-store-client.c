/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/store/client.h: many requests at a time. */

#include "nhictl/store/client.h"

#include "lib/base/macro.h"
#include "tests/unit/https-server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_REQUESTS 60u /* of which no more than a few are under way at a time */

static Identity ca, leaf;
static HttpsServer server;
static char ca_file[300];
static unsigned n_waits;

CURLMcode __real_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned n, int ms,
                                 int *ret);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned n, int ms,
                                 int *ret);

/* An answer that is there is taken before anything is waited for. */
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned n, int ms,
                                 int *ret)
{
        int n_left = 0;

        n_waits++;
        if (curl_multi_info_read(multi, &n_left))
                fail_msg("wait %u began with an answer at hand", n_waits);
        return __real_curl_multi_poll(multi, more, n, ms, ret);
}

static bool serve(HttpsPeer *p)
{
        return https_answer(p, 200, "", "fine");
}

static void one_that_has_ended_makes_room_for_the_next_at_once(void **state)
{
        const StoreAccess access_to = { .ca_file = ca_file };
        const ClientOptions options = {
                .access = &access_to, .answers_max = 1000, .n_tries = 1, .total_usec = 30000000
        };
        ClientRequest requests[N_REQUESTS] = { 0 };
        Client *c = NULL;

        for (size_t i = 0; i < N_REQUESTS; i++) {
                requests[i].method = "GET";
                assert_true(asprintf(&requests[i].url, "https://localhost:%d/%zu", server.port, i) >
                            0);
        }
        n_waits = 0;
        assert_int_equal(client_new(&options, &c), 0);
        assert_int_equal(client_do(c, requests, N_REQUESTS), 0);
        assert_true(n_waits > 0);
        for (size_t i = 0; i < N_REQUESTS; i++) {
                assert_null(requests[i].error);
                assert_int_equal(requests[i].status, 200);
                assert_string_equal(requests[i].answer, "fine");
                client_request_done(&requests[i]);
        }
        (void)client_free(c);
}

static int server_begin(void **state)
{
        const IdentitySpec of_ca = { .to_sec = 3600, .common_name = "test-ca" };
        const IdentitySpec of_leaf = {
                .name = "DNS:localhost", .ca = &ca, .to_sec = 3600, .common_name = "localhost"
        };
        char dir[] = "/tmp/nhi-store-client-XXXXXX";

        (void)signal(SIGPIPE, SIG_IGN);
        if (!mkdtemp(dir))
                return -1;
        (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
        ca = identity_new(&of_ca);
        leaf = identity_new(&of_leaf);
        identity_save(&ca, ca_file, NULL);
        server = (HttpsServer){ .handle = serve };
        return https_start(&server, &leaf);
}

static int server_end(void **state)
{
        https_stop(&server);
        identity_done(&ca);
        identity_done(&leaf);
        (void)unlink(ca_file);
        *strrchr(ca_file, '/') = '\0';
        return rmdir(ca_file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_that_has_ended_makes_room_for_the_next_at_once),
        };

        return cmocka_run_group_tests_name("store-client", tests, server_begin, server_end);
}
