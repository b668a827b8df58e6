/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ownership idiom shared by every room: a local owns what it names until TAKE_* hands it on.
 * Modelled on systemd's and c-stdaux's conventions; see HACKING.md. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

#define _cleanup_(f)   __attribute__((__cleanup__(f)))
#define _printf_(a, b) __attribute__((__format__(__printf__, a, b)))

/* Read a pointer or descriptor and leave the empty value behind: ownership moves to the reader. */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) *take_from_ = &(p);                                                  \
                __typeof__(p) taken_ = *take_from_;                                                \
                *take_from_ = NULL;                                                                \
                taken_;                                                                            \
        })
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *take_from_ = &(fd);                                                           \
                int taken_ = *take_from_;                                                          \
                *take_from_ = -EBADF;                                                              \
                taken_;                                                                            \
        })

/* Define a cleanup function for _cleanup_(): DEFINE_CLEANUP(Thing *, thing_free) makes
 * thing_freep(Thing **). */
#define DEFINE_CLEANUP(type, func)                                                                 \
        static inline void func##p(type *p)                                                        \
        {                                                                                          \
                if (*p)                                                                            \
                        func(*p);                                                                  \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                (void)close(*fd);
        errno = saved;
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* NULL equals only NULL. */
static inline bool streq_ptr(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}
