/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/* Start a thread that takes no signals: they are for the loop's. 0 or a negative errno. */
int thread_start(pthread_t *ret, void *(*run)(void *), void *userdata);
