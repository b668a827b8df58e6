/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hosts by name, glob and label. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct HostSelection {
        const char *const *globs; /* of names, as glob_match() has them */
        size_t n_globs;
        const char *const *labels;
        size_t n_labels;
} HostSelection;

/* Any of them does; where there are none of both, every host is. host is its document, or NULL. */
bool host_is_selected(const HostSelection *s, const char *name, const json_t *host);
/* Is it more than a name? No name of a host has such characters. */
bool host_glob_is(const char *text);
