/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tell the agent how the sources fare (lib/wire/feed.h): at intervals, and soon where something
 * changed. Nothing waits for it and nothing is lost without it: what cannot be sent is sent anew
 * the next time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define TIDINGS_INTERVAL_USEC (15u * 1000000)
#define TIDINGS_SPACING_USEC  1000000u

/* One source, as it is now. */
typedef struct Tiding {
        uint32_t issuer_index;
        uint16_t place, object;
        int64_t answered_usec; /* CLOCK_BOOTTIME; 0: not yet */
        int64_t next_usec;     /* likewise; 0: not known */
        const char *trouble;   /* "": none */
} Tiding;

typedef struct TidingsConfig {
        const char *sock_path; /* PATH_FEED_SOCK */
        uid_t owner;           /* of socket and agent: owner_trusted() */
        uint64_t interval_usec;
        uint64_t spacing_usec; /* from one time to the next, at least */
        void *userdata;
        /* Is there an i-th source, and how does it fare? */
        bool (*source)(void *userdata, size_t i, Tiding *ret);
} TidingsConfig;

typedef struct Tidings Tidings;

/* config is copied; its path outlives the tidings. */
int tidings_new(sd_event *event, const TidingsConfig *config, Tidings **ret);
Tidings *tidings_free(Tidings *t);
/* Something changed. NULL does nothing. */
void tidings_soon(Tidings *t);
