/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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
