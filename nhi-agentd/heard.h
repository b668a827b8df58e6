/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the sources fare, as nhi-fetchd tells it (lib/wire/feed.h): for people and for their alarms.
 * It is never believed: no access, no event and no end depends on it. What a silent source costs is
 * bounded by the set's own life, which is signed (staleness.h). */

#include "lib/wire/feed.h"
#include "nhi-agentd/config/config.h"

#define HEARD_PLACES_MAX   8u /* of one issuer: SOURCE_URLS_MAX of the fetcher */
#define HEARD_TROUBLE_SIZE sizeof(((FeedTiding *)NULL)->trouble)

/* One place that an issuer's sets come from, or what stands beside them. All zero: nothing is known
 * of it. Times are of CLOCK_BOOTTIME. */
typedef struct Heard {
        bool has_answered;
        int64_t answered_usec;            /* when it last said what it has */
        int64_t next_usec;                /* when it is asked next; 0: not known */
        char trouble[HEARD_TROUBLE_SIZE]; /* what is in the way now; "": nothing */
} Heard;

typedef struct Agent Agent;
typedef struct IssuerState IssuerState;

/* What came of the fetcher; what makes no sense is left out. One that began anew and has no answer
 * yet takes none back. */
void heard_take(Agent *a, const FeedTiding *tidings, size_t n);
/* The issuer has another configuration: what is known of other places is forgotten. */
void heard_keep(IssuerState *s, const SourceConfig *before, const SourceConfig *after);

/* An issuer's places: how many, and what to call one: its file, or the origin of its URL, without
 * what stands behind that; "#2" and so on where another place has the same one. Cut to fit. */
size_t heard_n_places(const SourceConfig *s);
char *heard_place_name(const SourceConfig *s, size_t place, char *ret, size_t size);

/* How long ago this place answered; < 0: not since the agent started. */
int64_t heard_place_age_usec(const Heard *h, Now now);
/* The same of its sets, of whichever answered last. */
int64_t heard_age_usec(const IssuerState *s, Now now);
/* The first trouble with its sets; "": none. */
const char *heard_trouble(const IssuerState *s);
