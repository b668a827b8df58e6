/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/grant-set.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "tests/bench/bench.h"

#include <sodium.h>
#include <stdio.h>

/* "ssh-ed25519" and 32 bytes of an account's own, as in a key file. */
static void write_key(FILE *out, size_t account)
{
        static const char name[] = "\0\0\0\013ssh-ed25519\0\0\0\040";
        uint8_t blob[sizeof(name) - 1 + 32];
        char text[sodium_base64_ENCODED_LEN(sizeof(blob), sodium_base64_VARIANT_ORIGINAL)];

        memcpy(blob, name, sizeof(name) - 1);
        crypto_generichash(blob + sizeof(name) - 1, 32, (const uint8_t *)&account, sizeof(account),
                           NULL, 0);
        sodium_bin2base64(text, sizeof(text), blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
        (void)fprintf(out, "ssh-ed25519 %s svc-%05zu@build", text, account);
}

static void write_account(FILE *out, size_t i)
{
        (void)fprintf(out,
                      "{\"name\":\"svc-%05zu\",\"kind\":\"workload\",\"owner\":\"team-%02zu\","
                      "\"uid\":%u,\"gid\":%u,\"gecos\":\"service %05zu of the platform\"}",
                      i, i % 50, ID_MIN + (unsigned)i, ID_MIN + (unsigned)i, i);
}

static void write_grant(FILE *out, size_t n_accounts, size_t i)
{
        /* In no order, as nobody promises one. */
        const size_t account = i * 7919 % n_accounts;

        (void)fprintf(
                out,
                "{\"jti\":\"g-01JDAQZ3%018zu\",\"account\":\"svc-%05zu\","
                "\"sub\":\"spiffe://example.org/ns/prod/sa/svc-%05zu\",\"owner\":\"team-%02zu\","
                "\"reason\":\"CHG-%07zu roll out release %zu of payments\","
                "\"ticket\":\"CHG-%07zu\",\"issued_by\":\"ci@example.org\",\"approvals\":[],"
                "\"nbf\":%lld,\"exp\":%lld,\"authorization_details\":["
                "{\"type\":\"nhi_login\",\"services\":[\"ssh\"],\"ssh_keys\":[\"",
                i * 2654435761u % 1000000007u, account, account, account % 50, i, i % 97, i,
                (long long)BENCH_SET_BASE_SEC,
                (long long)(BENCH_SET_BASE_SEC + 3600 + (int64_t)(i % 7200)));
        write_key(out, account);
        (void)fputs("\"]},{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],"
                    "\"run_as\":[\"postgres\"],"
                    "\"commands\":[[\"/usr/bin/systemctl\",\"restart\",\"payments.service\"]]}]}",
                    out);
}

static void write_payload(FILE *out, size_t n_accounts, size_t n)
{
        (void)fprintf(out,
                      "{\"format\":1,\"iss\":\"" BENCH_SET_ISSUER "\",\"aud\":\"" BENCH_SET_HOST
                      "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld000,\"ledger\":\"bench\","
                      "\"accounts\":[",
                      (long long)BENCH_SET_BASE_SEC,
                      (long long)(BENCH_SET_BASE_SEC + BENCH_SET_LIFETIME_SEC),
                      (long long)BENCH_SET_BASE_SEC);
        for (size_t i = 0; i < n_accounts; i++) {
                (void)fputs(i > 0 ? "," : "", out);
                write_account(out, i);
        }
        (void)fputs("],\"grants\":[", out);
        for (size_t i = 0; i < n; i++) {
                (void)fputs(i > 0 ? "," : "", out);
                write_grant(out, n_accounts, i);
        }
        (void)fputs("]}", out);
}

void bench_set_mint(const SigningKey *key, size_t n_accounts, size_t n, int fd)
{
        char *payload = NULL, *jws = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&payload, &size);

        if (!out)
                bench_fail("memory for a set");
        write_payload(out, n_accounts, n);
        if (fclose(out) != 0 || jws_sign(key, JWS_TYP_GRANTS, payload, size, &jws) != 0 ||
            fd_write_all(fd, jws, strlen(jws)) < 0)
                bench_fail("write a set");
        free(payload);
        free(jws);
}
