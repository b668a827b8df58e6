/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/config/trust.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <stdio.h>

const char *trust_error_text(int r)
{
        switch (r) {
        case -ENOENT:
                return "not there";
        case -EPERM:
                return "must be a regular file, owned by root and writable by nobody else";
        case -ELOOP:
                return "must not be a symbolic link";
        case -EFBIG:
                return "too large";
        default:
                return strerror(-r);
        }
}

int trust_key_load(const char *path, Jwk *ret, char ret_error[static TRUST_ERROR_MAX])
{
        _cleanup_free_ char *json = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), TRUST_FILE_MAX, &json, &size);
        if (r < 0) {
                (void)snprintf(ret_error, TRUST_ERROR_MAX, "%s: %s", path, trust_error_text(r));
                return r;
        }
        r = jwk_parse(json, size, ret);
        if (r < 0)
                (void)snprintf(
                        ret_error, TRUST_ERROR_MAX,
                        "%s: not a public Ed25519 JWK (RFC 8037); nhictl key show prints one",
                        path);
        return r;
}
