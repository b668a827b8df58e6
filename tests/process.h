/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests ask about the process they are. */

#include <dirent.h>
#include <stdlib.h>

/* Whether a sanitizer is at work, whose memory, descriptors and calls are beyond every limit. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* To be compared with itself: what looks is counted, too. */
static inline size_t count_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        if (!d)
                abort();
        while (readdir(d))
                n++;
        (void)closedir(d);
        return n;
}
