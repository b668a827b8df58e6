/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gates file in memory. Private to this room. */

#include "lib/gate/gate.h"

typedef struct GateRule {
        const char *name, *classes, *patterns; /* lists: comma-separated, checked */
        GateMode mode;
} GateRule;

typedef struct GateDefinition {
        const char *name;
        uid_t uid;
} GateDefinition;

/* All names point into text, which is ours. */
struct Gates {
        char *text;
        GateRule *rules;
        size_t n_rules;
        GateDefinition *accounts;
        size_t n_accounts;
};
