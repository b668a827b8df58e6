/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole command lines through nhictl_main(), and what they said. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/verb.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#define OUTPUT_MAX 65536

static char out[OUTPUT_MAX], err[OUTPUT_MAX];

static inline void slurp(int fd, char *text)
{
        ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        (void)close(fd);
}

/* A file without a name that stands in for stdout or stderr; *saved is the real one. */
static inline int redirect(FILE *stream, int *saved)
{
        int fd = open(PATH_ROOT, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        (void)fflush(stream);
        *saved = dup(fileno(stream));
        assert_true(dup2(fd, fileno(stream)) >= 0);
        return fd;
}

static inline void restore(FILE *stream, int saved)
{
        (void)fflush(stream);
        (void)dup2(saved, fileno(stream));
        (void)close(saved);
}

static inline int run_words(const char *const *words)
{
        int argc = 0, status, saved_out, saved_err, out_fd, err_fd;

        while (words[argc])
                argc++;
        out_fd = redirect(stdout, &saved_out);
        err_fd = redirect(stderr, &saved_err);
        status = nhictl_main(argc, (char **)words);
        restore(stdout, saved_out);
        restore(stderr, saved_err);
        slurp(out_fd, out);
        slurp(err_fd, err);
        return status;
}
#define RUN(...) run_words((const char *const[]){ "nhictl", __VA_ARGS__, NULL })

static inline void assert_status(int status, int wanted)
{
        if (status != wanted)
                fail_msg("exit status %d, not %d\nstdout: %s\nstderr: %s", status, wanted, out,
                         err);
}
#define OK(...)           assert_status(RUN(__VA_ARGS__), VERB_OK)
#define ENDS(status, ...) assert_status(RUN(__VA_ARGS__), status)

static inline void assert_said(const char *text)
{
        if (!strstr(err, text))
                fail_msg("stderr does not say \"%s\": %s", text, err);
}
