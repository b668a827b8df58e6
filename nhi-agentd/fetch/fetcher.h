/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fetcher: one struct that owns everything. It reads what the agent wants fetched, runs one
 * source and one feed client for each entry, and begins anew whenever the agent rewrites the list:
 * an agent that was restarted is offered everything again. It holds no key and no privilege, and
 * nobody believes it. */

#include "nhi-agentd/fetch/feed-client.h"
#include "nhi-agentd/fetch/tidings.h"

typedef struct Fetcher Fetcher;

typedef struct FetcherConfig {
        const char *sources_path; /* PATH_SOURCES_RUN */
        uid_t owner;              /* who must have written it: owner_trusted() */
        FeedClientConfig feed;    /* index and callback are the fetcher's */
        /* How often the agent is told how the sources fare; 0: never. */
        uint64_t tidings_usec;
        /* One line for the service manager whenever it changes; NULL: none wanted. */
        void (*status)(const char *line);
        /* One line for the journal, with a syslog priority. */
        void (*say)(int priority, const char *line);
} FetcherConfig;

int fetcher_new(sd_event *event, const FetcherConfig *config, Fetcher **ret);
Fetcher *fetcher_free(Fetcher *f);
/* Read the list again and offer everything again (SIGHUP). */
void fetcher_reload(Fetcher *f);
