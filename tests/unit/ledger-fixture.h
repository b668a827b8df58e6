/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A throw-away ledger and target directory below PATH_ROOT, for the tests of the central side. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#define FIXTURE_NOW 1795298400 /* 2026-11-21T22:00:00Z */

typedef struct Fixture {
        char root[256]; /* the temporary directory */
        char ledger[300], target[300];
} Fixture;

static inline int fixture_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
        return remove(path);
}

static inline void fixture_remove_tree(const char *path)
{
        (void)nftw(path, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* mkdir -p */
static inline void fixture_make_path(const char *path)
{
        char part[512];

        for (const char *c = path + 1;; c++) {
                if (*c != '/' && *c != '\0')
                        continue;
                (void)snprintf(part, sizeof(part), "%.*s", (int)(c - path), path);
                (void)mkdir(part, 0755);
                if (*c == '\0')
                        return;
        }
}

static inline json_t *fixture_settings(const Fixture *f)
{
        return json_pack("{s:i, s:s, s:i, s:i, s:{s:s, s:s}, s:s}", "format", 1, "issuer",
                         "test:issuer", "uid_min", 70000, "uid_max", 70009, "limits",
                         "lifetime_max", "8h", "set_lifetime", "24h", "publish", f->target);
}

static inline int fixture_setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));
        char error[LEDGER_ERROR_MAX];
        json_t *settings;
        int r;

        fixture_make_path(PATH_ROOT);
        (void)snprintf(f->root, sizeof(f->root), "%s/ledger-XXXXXX", PATH_ROOT);
        if (!mkdtemp(f->root))
                return -1;
        (void)snprintf(f->ledger, sizeof(f->ledger), "%s/ledger", f->root);
        (void)snprintf(f->target, sizeof(f->target), "%s/target", f->root);
        if (mkdir(f->target, 0750) < 0)
                return -1;
        settings = fixture_settings(f);
        r = ledger_create(f->ledger, settings, error);
        json_decref(settings);
        *state = f;
        return r;
}

static inline int fixture_teardown(void **state)
{
        Fixture *f = *state;

        fixture_remove_tree(f->root);
        free(f);
        return 0;
}

static inline Ledger *fixture_open(const Fixture *f, bool writing)
{
        char error[LEDGER_ERROR_MAX];
        Ledger *l = NULL;

        if (ledger_open(f->ledger, writing, &l, error) < 0)
                fail_msg("%s", error);
        return l;
}

static inline void fixture_write(const Fixture *f, const char *name, const char *text)
{
        char path[600];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", f->ledger, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

/* One host, one owner, one account and one grant that is active at FIXTURE_NOW. */
static inline void fixture_fill(Ledger *l)
{
        static const char *const grant =
                "{\"jti\": \"g-1\", \"account\": \"svc-deploy\", \"owner\": \"payments\", "
                "\"reason\": \"CHG-42\", \"issued_by\": \"test@here\", \"approvals\": [], "
                "\"nbf\": \"2026-11-21T21:59:00Z\", \"exp\": \"2026-11-21T22:30:00Z\", "
                "\"hosts\": [\"web1\"], \"labels\": [], \"authorization_details\": "
                "[{\"type\": \"nhi_login\", \"services\": [\"ssh\"]}]}";

        assert_int_equal(ledger_put(l, DOC_HOST, "web1",
                                    json_pack("{s:s, s:[s]}", "name", "web1", "labels", "web")),
                         0);
        assert_int_equal(
                ledger_put(l, DOC_OWNER, "payments", json_pack("{s:s}", "name", "payments")), 0);
        assert_int_equal(
                ledger_put(l, DOC_ACCOUNT, "svc-deploy",
                           json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s}", "name", "svc-deploy",
                                     "kind", "workload", "owner", "payments", "uid", 70000, "gid",
                                     70000, "home", "/var/lib/svc-deploy", "shell", "/bin/bash")),
                0);
        assert_int_equal(ledger_put(l, DOC_GRANT, "g-1", json_loads(grant, 0, NULL)), 0);
}
