/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host of the targets that are about grant sets: one issuer with one key (RFC 8037 A.1, known
 * to everybody), some local accounts, one account that another issuer owns. */

#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake-etc.h"

#include <sodium.h>

#define T0  INT64_C(1763760000)
#define SEC INT64_C(1000000)

typedef struct SetHost {
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        SetFloor floor;
        LocalDb *local;
        IdMap *idmap;
        Now now;
} SetHost;

static const char set_host_key[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                                   "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
                                   "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

static const char set_host_uids[] = "user svc-old 70050 70050 https://grants.example.org\n"
                                    "user svc-theirs 70060 70060 https://other.example.org\n"
                                    "group pay-ops-old 99998\n"
                                    "end 3\n";

static inline int set_host_init(SetHost *h)
{
        static const char *any[] = { "*" };
        static const char *restricted[] = { "ssh", "sudo", "unit", "cron", "pam:*" };
        const StrList all = { any, 1 };
        FakeEtc etc;
        int r;

        *h = (SetHost){ .now = { (T0 + 10) * SEC, 500 * SEC } };
        if (sodium_init() < 0 || fake_etc_init(&etc) < 0 || fake_etc_fill(&etc) < 0)
                return -1;
        r = localdb_load(etc.dir, &h->local);
        fake_etc_done(&etc);
        if (r < 0 || signing_key_parse(set_host_key, strlen(set_host_key), &h->key) < 0 ||
            idmap_parse(set_host_uids, strlen(set_host_uids), &h->idmap) < 0)
                return -1;
        h->trusted = (TrustedKey){ .jwk = h->key.public,
                                   .reach = { .sign_accounts = true,
                                              .sign_ssh_keys = true,
                                              .sign_grants = true,
                                              .accounts = all,
                                              .services = all,
                                              .groups = all,
                                              .run_as = all,
                                              .lifetime_max_sec = 86400 } };
        h->policy = (SetPolicy){ .issuer = "https://grants.example.org",
                                 .audience = "web1.example.org",
                                 .keys = &h->trusted,
                                 .n_keys = 1,
                                 .ceiling = h->trusted.reach };
        h->policy.ceiling.services =
                (StrList){ restricted, sizeof(restricted) / sizeof(restricted[0]) };
        h->floor = (SetFloor){ .ver = (T0 - 100) * 1000, .hash = "00" };
        return 0;
}
