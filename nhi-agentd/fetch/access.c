/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/access.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/fetch/credential.h"

#include <stdio.h>

#define CONNECT_USEC (10 * USEC_PER_SEC)
#define SLOW_SEC     20u

static int load_one(const char *name, int (*load)(const char *name, char **ret), char **ret,
                    char ret_error[static ACCESS_ERROR_MAX])
{
        int r;

        if (!name || !*name)
                return 0;
        r = load(name, ret);
        if (r == -ENOENT)
                (void)snprintf(ret_error, ACCESS_ERROR_MAX,
                               "there is no credential %s: give it to nhi-fetchd.service with "
                               "LoadCredential=%s:FILE, nhi-fetchd(8)",
                               name, name);
        else if (r == -EBADMSG)
                (void)snprintf(ret_error, ACCESS_ERROR_MAX,
                               "the credential %s is not one line of text, or is no token", name);
        else if (r < 0)
                (void)snprintf(ret_error, ACCESS_ERROR_MAX, "the credential %s: %s", name,
                               strerror(-r));
        return r;
}

int access_load(const SourceSpec *spec, Access *ret, char ret_error[static ACCESS_ERROR_MAX])
{
        const struct {
                const char *name;
                int (*load)(const char *name, char **ret);
                char **at;
        } wanted[] = {
                { spec->certificate, credential_path, &ret->certificate_file },
                { spec->certificate_key, credential_path, &ret->key_file },
                { spec->token, credential_read_token, &ret->token },
                { spec->user, credential_read, &ret->user },
                { spec->password, credential_read, &ret->password },
        };

        *ret = (Access){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                int r = load_one(wanted[i].name, wanted[i].load, wanted[i].at, ret_error);

                if (r < 0)
                        return r;
        }
        ret->trust = (HttpTrust){
                .ca_file = spec->ca_file && *spec->ca_file ? spec->ca_file : NULL,
                .pins = spec->pins && *spec->pins ? spec->pins : NULL,
                .certificate_file = ret->certificate_file,
                .key_file = ret->key_file,
        };
        return 0;
}

void access_done(Access *a)
{
        free(a->certificate_file);
        free(a->key_file);
        credential_free(a->token);
        credential_free(a->user);
        credential_free(a->password);
        *a = (Access){ 0 };
}

HttpLimits access_limits(const SourceSpec *spec, uint64_t wait_usec)
{
        return (HttpLimits){
                .body_max = (size_t)spec->size_max,
                .connect_usec =
                        CONNECT_USEC < spec->timeout_usec ? CONNECT_USEC : spec->timeout_usec,
                .total_usec = spec->timeout_usec + wait_usec,
                .slow_sec = SLOW_SEC + (unsigned)(wait_usec / USEC_PER_SEC),
        };
}

void access_sentence(char *ret, size_t size, const char *url, const char *token, const char *text)
{
        (void)snprintf(ret, size, "%.*s: %s: %s", (int)strcspn(url, "?"), url, token, text);
}
