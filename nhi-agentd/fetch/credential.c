/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/credential.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/http/setup.h"

#include <fcntl.h>
#include <stdio.h>

int credential_path(const char *name, char **ret)
{
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;

        if (!dir || dir[0] != '/' || name[0] == '.' || strchr(name, '/'))
                return -ENOENT;
        if (asprintf(&path, "%s/%s", dir, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (access(path, R_OK) < 0)
                return -errno;
        *ret = TAKE_PTR(path);
        return 0;
}

static bool text_is_printable(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        return false;
        return size > 0;
}

DEFINE_CLEANUP(char *, credential_free);

int credential_read(const char *name, char **ret)
{
        _cleanup_(credential_freep) char *text = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size = 0;
        int r;

        r = credential_path(name, &path);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        text = calloc(1, CREDENTIAL_SIZE_MAX + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, CREDENTIAL_SIZE_MAX, &size);
        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        if (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';
        if (!text_is_printable(text, size))
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

int credential_read_token(const char *name, char **ret)
{
        int r = credential_read(name, ret);

        if (r < 0 || http_token_is_valid(*ret))
                return r;
        credential_free(TAKE_PTR(*ret));
        return -EBADMSG;
}

/* No text of ours is longer, and every one has room for the longest. */
void credential_free(char *text)
{
        if (text)
                explicit_bzero(text, CREDENTIAL_SIZE_MAX + 1);
        free(text);
}
