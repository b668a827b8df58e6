/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/key-exec.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/memfd.h"
#include "nhictl/command.h"
#include "nhictl/output.h"
#include "nhictl/texts.h"

#include <sodium.h>
#include <stdio.h>

#define ANSWER_SIZE 8192u
#define SIGN_USEC   (60 * USEC_PER_SEC) /* somebody may have to touch a token */

bool key_exec_is(const char *key)
{
        return strncmp(key, KEY_EXEC_PREFIX, strlen(KEY_EXEC_PREFIX)) == 0;
}

/* COMMAND, its words, and the one that says what is wanted. */
static int ask(const json_t *command, const char *what, int input_fd, char answer[ANSWER_SIZE])
{
        const size_t n = json_array_size(command);
        _cleanup_free_ const char **words = calloc(n + 2, sizeof(*words));
        size_t size;
        int r;

        if (!words)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                words[i] = json_string_value(json_array_get(command, i));
        words[n] = what;
        if (lseek(input_fd, 0, SEEK_SET) < 0)
                return -errno;
        r = command_run_fed(words, input_fd, SIGN_USEC, answer, ANSWER_SIZE);
        size = strlen(answer);
        if (size > 0 && answer[size - 1] == '\n')
                answer[size - 1] = '\0';
        return r > 0 ? -EREMOTEIO : r;
}

static int sign(const char *text, size_t size, uint8_t ret[static JWS_SIGNATURE_SIZE],
                void *userdata)
{
        _cleanup_close_ int fd = -EBADF;
        char answer[ANSWER_SIZE] = "";
        size_t n = 0;
        int r = memfd_sealed("nhi-signing-input", text, size, &fd);

        if (r == 0)
                r = ask(userdata, "sign", fd, answer);
        if (r == 0)
                r = base64url_decode(answer, strlen(answer), ret, JWS_SIGNATURE_SIZE, &n);
        if (r == -EREMOTEIO)
                say("the command of --key failed: nothing is signed");
        return r == 0 && n != JWS_SIGNATURE_SIZE ? -EBADMSG : r;
}

static int ask_public(const json_t *command, Jwk *ret)
{
        _cleanup_close_ int fd = -EBADF;
        char answer[ANSWER_SIZE] = "";
        int r = memfd_sealed("nhi-nothing", "", 0, &fd);

        if (r == 0)
                r = ask(command, "public", fd, answer);
        return r == 0 ? jwk_parse(answer, strlen(answer), ret) : r;
}

int key_exec_open(const char *key, SigningKey *ret, char ret_error[static KEY_EXEC_ERROR_MAX])
{
        const char *line = key + strlen(KEY_EXEC_PREFIX);
        json_t *command = NULL;
        int r = texts_split(line, &command);

        if (r == 0 && *json_string_value(json_array_get(command, 0)) != '/')
                r = -EINVAL;
        *ret = (SigningKey){ .sign = sign };
        if (r == 0)
                r = ask_public(command, &ret->public);
        ret->userdata = command;
        if (r == -EINVAL)
                (void)snprintf(ret_error, KEY_EXEC_ERROR_MAX,
                               "--key %s: must be exec: and the absolute path of a command", key);
        else if (r == -EBADMSG)
                (void)snprintf(ret_error, KEY_EXEC_ERROR_MAX,
                               "\"%s public\" does not print an Ed25519 public key as a JWK", line);
        else if (r < 0)
                (void)snprintf(ret_error, KEY_EXEC_ERROR_MAX, "\"%s public\": %s", line,
                               strerror(-r));
        if (r < 0)
                key_done(ret);
        return r;
}

void key_done(SigningKey *key)
{
        if (key->sign == sign)
                json_decref(key->userdata);
        (void)sodium_munlock(key, sizeof(*key)); /* wipes it, locked or not */
}
