/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/store/client.h: many requests at a time; and a service that has no network. */

#include "nhictl/store/client.h"

#include "lib/base/macro.h"
#include "nhictl/store/store.h"
#include "tests/unit/https-server.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

/* What RestrictAddressFamilies=AF_UNIX does: socket() of another family is not supported. */
static bool deny_network(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog filter = { ELEMENTSOF(code), code };

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static bool is_told_what_to_do(const char *to)
{
        const StoreAccess access_to = { 0 };
        const StoreOptions o = { .url = to, .access = &access_to, .issuer = "i", .size_max = 1 };
        char error[LEDGER_ERROR_MAX];
        Store *s = NULL;

        return store_open(&o, &s, error) == -ENETUNREACH && strstr(error, to) &&
               strstr(error, "systemctl enable --now nhi-publish.timer");
}

static void a_service_without_network_says_which_one_has_it(void **state)
{
        const StoreAccess access_to = { 0 };
        const StoreOptions here = { .url = "/tmp", .access = &access_to, .size_max = 1 };
        char error[LEDGER_ERROR_MAX];
        pid_t pid = fork();
        int status = -1;

        if (pid == 0) {
                Store *s = NULL;
                bool ok = deny_network() && is_told_what_to_do("etcd://a.example:2379") &&
                          is_told_what_to_do("https://a.example/sets");

                ok = ok && store_open(&here, &s, error) == 0; /* a directory needs none */
                store_free(s);
                _exit(ok ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
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
                cmocka_unit_test(a_service_without_network_says_which_one_has_it),
        };

        return cmocka_run_group_tests_name("store-client", tests, server_begin, server_end);
}
