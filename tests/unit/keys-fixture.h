/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ledger whose key list two roots sign, for whole command lines of nhictl key and publish. */

#include "nhictl/key-list.h"
#include "nhictl/key.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <fcntl.h>
#include <sodium.h>
#include <time.h>

#define LEDGER   PATH_ROOT "/ledger-keys"
#define TARGET   PATH_ROOT "/source-keys"
#define OFFLINE  PATH_ROOT "/offline"
#define DOCUMENT LEDGER "/" KEYS_DOCUMENT
#define SIGNED   LEDGER "/" KEYS_SIGNED
#define PART     SIGNED KEYS_PART

static inline void make_key(const char *name)
{
        char path[300], public[300];
        SigningKey key = { 0 };
        char *jwk = NULL;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s.key", OFFLINE, name);
        (void)snprintf(public, sizeof(public), "%s/%s.jwk", OFFLINE, name);
        OK("key", "new", "--root", "--key", path);
        assert_int_equal(key_create(path), -EEXIST);
        f = fopen(path, "re");
        assert_non_null(f);
        char text[1024] = "";
        assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(signing_key_parse(text, strlen(text), &key), 0);
        assert_int_equal(jwk_format(&key.public, &jwk), 0);
        f = fopen(public, "we");
        assert_non_null(f);
        assert_true(fputs(jwk, f) >= 0);
        assert_int_equal(fclose(f), 0);
        free(jwk);
}

static inline int clean(void **state)
{
        fixture_remove_tree(LEDGER);
        fixture_remove_tree(TARGET);
        fixture_remove_tree(OFFLINE);
        return 0;
}

static inline int setup(void **state)
{
        static const char *const names[] = { "root-a", "root-b", "root-c", "one", "two" };
        char error[LEDGER_ERROR_MAX];
        json_t *settings;

        (void)clean(state);
        fixture_make_path(PATH_ROOT);
        fixture_make_path(OFFLINE);
        fixture_make_path(TARGET);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                make_key(names[i]);
        settings = json_pack("{s:i, s:s, s:i, s:i, s:{s:s, s:s}, s:s}", "format", 1, "issuer",
                             "test:issuer", "uid_min", 70000, "uid_max", 70009, "limits",
                             "lifetime_max", "8h", "set_lifetime", "24h", "publish", TARGET);
        assert_int_equal(ledger_create(LEDGER, settings, error), 0);
        json_decref(settings);
        OK("host", "add", "web1", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("owner", "add", "payments", "--ledger", LEDGER, "--key", OFFLINE "/one.key");
        OK("account", "add", "svc-deploy", "--owner", "payments", "--ledger", LEDGER, "--key",
           OFFLINE "/one.key");
        return 0;
}

static inline void kid_of(const char *name, char ret[static JWK_KID_SIZE + 1])
{
        _cleanup_free_ char *text = NULL;
        char path[300];
        size_t size;
        Jwk key;

        (void)snprintf(path, sizeof(path), "%s/%s.jwk", OFFLINE, name);
        assert_int_equal(document_read(AT_FDCWD, path, 1024, &text, &size), 0);
        assert_int_equal(jwk_parse(text, size, &key), 0);
        memcpy(ret, key.kid, sizeof(key.kid));
}

/* Both roots, one key. */
static inline void begin(void)
{
        OK("key", "rotate", "--ledger", LEDGER, "--root", OFFLINE "/root-a.jwk", "--root",
           OFFLINE "/root-b.jwk", "--threshold", "2", "--add", OFFLINE "/one.jwk");
}

static inline void both_sign(void)
{
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-a.key");
        OK("key", "sign", "--ledger", LEDGER, "--key", OFFLINE "/root-b.key");
}

static inline KeyList *published(void)
{
        _cleanup_free_ char *text = NULL;
        KeyList *list = NULL;
        size_t size = 0;
        SetError e;

        if (document_read(AT_FDCWD, TARGET "/keys.jws", KEYLIST_SIZE_MAX, &text, &size) < 0)
                return NULL;
        if (keylist_check(text, size, "test:issuer", time(NULL), &list, &e) < 0)
                fail_msg("%s: %s", e.code, e.detail);
        return list;
}

/* By whom the set of web1 is signed. */
static inline void set_is_by(const char *name)
{
        _cleanup_free_ char *text = NULL, *jwk = NULL, *payload = NULL;
        char path[300];
        const Jwk *trusted;
        size_t size = 0, signer = 0, payload_size = 0;
        Jwk key;

        (void)snprintf(path, sizeof(path), "%s/%s.jwk", OFFLINE, name);
        assert_int_equal(document_read(AT_FDCWD, path, 1024, &jwk, &size), 0);
        assert_int_equal(jwk_parse(jwk, size, &key), 0);
        assert_int_equal(document_read(AT_FDCWD, TARGET "/web1.jws", 1u << 20, &text, &size), 0);
        trusted = &key;
        assert_int_equal(
                jws_open(text, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &payload, &payload_size),
                JWS_OK);
}
