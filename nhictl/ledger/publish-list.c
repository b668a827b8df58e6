/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish-list.h"

#include "lib/base/file.h"
#include "nhictl/ledger/document.h"

#include <fcntl.h>
#include <stdio.h>

#define PUBLISHED_MODE 0640

static int64_t integer(const json_t *payload, const char *member)
{
        return json_integer_value(json_object_get(payload, member));
}

int published_list_read(const Ledger *l, const SigningKey *key, const char *dir, PublishedList *ret)
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *jws = NULL, *text = NULL;
        size_t size = 0, text_size = 0, signer = 0;
        int r;

        *ret = (PublishedList){ 0 };
        if (asprintf(&ret->path, "%s/" PUBLISH_LIST_NAME ".jws", dir) < 0) {
                ret->path = NULL;
                return -ENOMEM;
        }
        r = document_read(AT_FDCWD, ret->path, REVOCATIONS_SIZE_MAX, &jws, &size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        ret->exists = true;
        content_hash(jws, size, ret->hash);
        if (jws_open(jws, size, JWS_TYP_REVOCATIONS, &trusted, 1, &signer, &text, &text_size) ==
            JWS_OK)
                ret->payload = json_loadb(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (!streq(document_text(ret->payload, "iss"), l->settings.issuer)) {
                json_decref(ret->payload);
                ret->payload = NULL;
        }
        return 0;
}

void published_list_done(PublishedList *p)
{
        json_decref(p->payload);
        free(p->path);
        *p = (PublishedList){ 0 };
}

const char *published_list_revision(const PublishedList *p)
{
        return p->payload ? document_text(p->payload, "ledger") : "";
}

static bool is_due(const json_t *before, int64_t now_sec)
{
        const int64_t iat_sec = integer(before, "iat"), age_sec = now_sec - iat_sec;

        return age_sec < 0 || age_sec > (integer(before, "exp") - iat_sec) / 4;
}

static bool is_wanted(const PublishedList *before, const json_t *payload, PublishMode mode,
                      int64_t now_sec)
{
        const json_t *entries = json_object_get(payload, "revoked");

        if (!before->exists)
                return json_array_size(entries) > 0;
        return mode == PUBLISH_ALL || is_due(before->payload, now_sec) ||
               (mode == PUBLISH_CHANGED &&
                !json_equal(json_object_get(before->payload, "revoked"), entries));
}

static int write_list(const Ledger *l, const SigningKey *key, const PublishedList *before,
                      json_t *payload, int64_t now_usec, const char *revision, gid_t gid,
                      SetError *ret_error)
{
        const int64_t old = integer(before->payload, "ver"), now = now_usec / 1000;
        const int64_t ver = old < now ? now : old + 1;
        _cleanup_free_ char *jws = NULL;
        int r;

        r = mint_list_sign(key, payload, ver, revision, &jws);
        if (r == 0)
                r = mint_list_verify(l, key, jws, ver / 1000 + 1, ret_error);
        return r == 0 ? file_replace(before->path, jws, strlen(jws), PUBLISHED_MODE, geteuid(), gid,
                                     true)
                      : r;
}

int publish_list(const Ledger *l, const SigningKey *key, const PublishRequest *request,
                 const PublishedList *before, const char *revision, gid_t gid, bool *ret_written,
                 SetError *ret_error)
{
        const int64_t now_sec = request->now_usec / 1000000;
        json_t *payload = NULL;
        int r;

        *ret_error = (SetError){ 0 };
        *ret_written = false;
        r = mint_list_payload(l, now_sec, &payload);
        if (r == 0 && is_wanted(before, payload, request->mode, now_sec)) {
                r = write_list(l, key, before, payload, request->now_usec, revision, gid,
                               ret_error);
                *ret_written = r == 0;
        }
        json_decref(payload);
        return r;
}
