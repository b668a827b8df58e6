/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/jose/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local bool is_starved;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *allocate(size_t size)
{
        void *p = malloc(size);

        if (!p)
                is_starved = true;
        return p;
}

static void watch_memory(void)
{
        json_set_alloc_funcs(allocate, free);
}

json_t *json_read(const char *text, size_t size, size_t flags, json_error_t *ret_error)
{
        json_error_t error = { .text = "" };
        json_t *v;

        (void)pthread_once(&once, watch_memory);
        is_starved = false;
        v = json_loadb(text, size, flags, &error);
        if (is_starved) {
                json_decref(v);
                v = NULL;
                (void)snprintf(error.text, sizeof(error.text) - 1, "out of memory");
        }
        if (ret_error)
                *ret_error = error;
        if (!v)
                errno = is_starved ? ENOMEM : EBADMSG;
        return v;
}

char *json_write(const json_t *v, size_t flags)
{
        char *text;

        (void)pthread_once(&once, watch_memory);
        is_starved = false;
        text = json_dumps(v, flags);
        if (is_starved) {
                free(text);
                text = NULL;
        }
        return text;
}
