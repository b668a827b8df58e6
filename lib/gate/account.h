/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gates' question about an account whose passwd entry is known, with its groups looked up only
 * when a gate names one (in a process that may make NSS calls; the agent may not). */

#include "lib/gate/gate.h"

typedef struct GateAccount {
        const char *name; /* borrowed */
        uid_t uid;
        gid_t gid;
        gid_t *gids; /* owned; NULL: not looked up yet */
        size_t n_gids;
        int no_groups;  /* 0; or the answer to every question about its groups: -ENOENT where passwd
                         * knows no such account, another negative errno where passwd cannot be asked
                         */
        bool is_absent; /* passwd has said twice that it knows no such account */
} GateAccount;

/* All groups, primary included: 0; -E2BIG for more than a request carries (WIRE_GIDS_MAX); -ENOMEM,
 * -EMFILE, -ENFILE or -EIO, also where a service ran into it and its groups are missing. */
int gate_account_load_gids(GateAccount *a);
void gate_account_done(GateAccount *a);

/* gate_mode() over the compiled-in paths, for a service class. */
GateMode gate_account_mode(GateAccount *a, const char *class);
/* The same for another spelling of its name (NULL: not known); ret_gate as in gate_mode(). */
GateMode gate_account_mode_as(GateAccount *a, const char *spelling, const char *class,
                              char *ret_gate, size_t ret_gate_size);
