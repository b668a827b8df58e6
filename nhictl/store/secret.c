/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets never stand on a command line or in ledger.json: files do, that are ours. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "nhictl/store/client.h"

#include <stdio.h>

#define SECRET_SIZE_MAX 4096u

int secret_read(const char *path, char **ret, char ret_error[static CLIENT_ERROR_MAX])
{
        char *text = NULL;
        size_t size = 0;
        bool is_fit;
        int r = file_read_trusted(path, geteuid(), SECRET_SIZE_MAX, &text, &size);

        if (r < 0) {
                (void)snprintf(ret_error, CLIENT_ERROR_MAX,
                               "%s: %s (it must be yours and writable by nobody else)", path,
                               strerror(-r));
                return r;
        }
        if (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';
        is_fit = size > 0;
        for (size_t i = 0; i < size; i++)
                is_fit = is_fit && (unsigned char)text[i] >= 0x20 && text[i] != 0x7f;
        if (!is_fit) {
                secret_free(text);
                (void)snprintf(ret_error, CLIENT_ERROR_MAX, "%s is not one line of text", path);
                return -EBADMSG;
        }
        *ret = text;
        return 0;
}

int secret_read_token(const char *path, char **ret, char ret_error[static CLIENT_ERROR_MAX])
{
        int r = secret_read(path, ret, ret_error);

        if (r < 0 || http_token_is_valid(*ret))
                return r;
        (void)snprintf(ret_error, CLIENT_ERROR_MAX,
                       "%s holds no token, which has letters, digits and -._~+/ only: is it "
                       "another file that was meant?",
                       path);
        secret_free(TAKE_PTR(*ret));
        return -EBADMSG;
}

void secret_free(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}
