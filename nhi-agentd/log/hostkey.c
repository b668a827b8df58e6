/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/log/hostkey.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 4096u

/* What only root may read; the mode is looked at, for nobody else may have had it. */
static int check_mode(const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return -errno;
        return (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int read_key(const char *path, SigningKey *ret)
{
        char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), KEY_FILE_MAX, &text, &size);
        if (r == 0)
                r = check_mode(path);
        if (r == 0)
                r = signing_key_parse(text, size, ret);
        if (text)
                sodium_memzero(text, size);
        free(text);
        return r;
}

static int make_key(const char *path, SigningKey *ret)
{
        SigningKey key = {};
        char *text = NULL;
        int r;

        r = signing_key_generate(&key);
        if (r == 0)
                r = signing_key_format(&key, &text);
        if (r == 0)
                r = file_create(path, text, strlen(text), 0600, geteuid(), getegid(), true);
        if (text)
                sodium_memzero(text, strlen(text));
        free(text);
        if (r == 0)
                *ret = key;
        signing_key_done(&key);
        return r;
}

int host_key_load(const char *path, SigningKey *ret, char ret_error[static HOST_KEY_ERROR_MAX])
{
        int r = read_key(path, ret);

        if (r == -ENOENT)
                r = make_key(path, ret);
        if (r < 0)
                (void)snprintf(ret_error, HOST_KEY_ERROR_MAX,
                               "%s: %s; restore it, or move it away and a new one is made", path,
                               r == -EPERM     ? "must be a file of root's that nobody else may "
                                                 "read or write"
                               : r == -EBADMSG ? "no private Ed25519 JWK"
                                               : strerror(-r));
        return r;
}
