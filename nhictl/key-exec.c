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
#define TOO_LONG                                                                                   \
        "took longer than a minute and was ended. Does it wait for a token, a PIN or a network? "  \
        "Try it by hand"

typedef struct ExecKey {
        json_t *command; /* its words */
        uint64_t usec;
} ExecKey;

bool key_exec_is(const char *key)
{
        return strncmp(key, KEY_EXEC_PREFIX, strlen(KEY_EXEC_PREFIX)) == 0;
}

/* COMMAND, its words, and the one that says what is wanted. */
static int ask(const ExecKey *k, const char *what, int input_fd, char answer[ANSWER_SIZE])
{
        const size_t n = json_array_size(k->command);
        _cleanup_free_ const char **words = calloc(n + 2, sizeof(*words));
        size_t size;
        int r;

        if (!words)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                words[i] = json_string_value(json_array_get(k->command, i));
        words[n] = what;
        if (lseek(input_fd, 0, SEEK_SET) < 0)
                return -errno;
        r = command_run_fed(words, input_fd, k->usec, answer, ANSWER_SIZE);
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
        if (r == -EPIPE)
                say("the command of --key was ended by a signal: nothing is signed");
        if (r == -ETIMEDOUT)
                say("the command of --key " TOO_LONG ": nothing is signed");
        return r == 0 && n != JWS_SIGNATURE_SIZE ? -EBADMSG : r;
}

static int ask_public(const ExecKey *k, Jwk *ret)
{
        _cleanup_close_ int fd = -EBADF;
        char answer[ANSWER_SIZE] = "";
        int r = memfd_sealed("nhi-nothing", "", 0, &fd);

        if (r == 0)
                r = ask(k, "public", fd, answer);
        return r == 0 ? jwk_parse(answer, strlen(answer), ret) : r;
}

static ExecKey *exec_key_free(ExecKey *k)
{
        if (k)
                json_decref(k->command);
        free(k);
        return NULL;
}

static int exec_key_new(const char *line, uint64_t usec, ExecKey **ret)
{
        ExecKey *k = calloc(1, sizeof(*k));
        int r = k ? texts_split(line, &k->command) : -ENOMEM;

        if (r == 0 && *json_string_value(json_array_get(k->command, 0)) != '/')
                r = -EINVAL;
        if (r < 0) {
                exec_key_free(k);
                return r;
        }
        k->usec = usec;
        *ret = k;
        return 0;
}

static void say_why(const char *line, int r, char ret_error[static KEY_EXEC_ERROR_MAX])
{
        const char *why = r == -EBADMSG     ? "it does not print an Ed25519 public key as a JWK"
                          : r == -ETIMEDOUT ? "it " TOO_LONG
                                            : strerror(-r);

        if (r == -EINVAL)
                (void)snprintf(ret_error, KEY_EXEC_ERROR_MAX,
                               "--key " KEY_EXEC_PREFIX
                               "%.300s: must be exec: and the absolute path of a command",
                               line);
        else
                (void)snprintf(ret_error, KEY_EXEC_ERROR_MAX, "\"%.300s public\": %s", line, why);
}

int key_exec_open_within(const char *key, uint64_t usec, SigningKey *ret,
                         char ret_error[static KEY_EXEC_ERROR_MAX])
{
        const char *line = key + strlen(KEY_EXEC_PREFIX);
        ExecKey *k = NULL;
        int r;

        *ret = (SigningKey){ .sign = sign };
        r = exec_key_new(line, usec, &k);
        ret->userdata = k;
        if (r == 0)
                r = ask_public(k, &ret->public);
        if (r < 0) {
                say_why(line, r, ret_error);
                key_done(ret);
        }
        return r;
}

int key_exec_open(const char *key, SigningKey *ret, char ret_error[static KEY_EXEC_ERROR_MAX])
{
        return key_exec_open_within(key, SIGN_USEC, ret, ret_error);
}

void key_done(SigningKey *key)
{
        if (key->sign == sign)
                exec_key_free(key->userdata);
        (void)sodium_munlock(key, sizeof(*key)); /* wipes it, locked or not */
}
