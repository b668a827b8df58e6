/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The identity snapshot's bytes from what is in force. In time that grows with users, groups and
 * grants together: sorted lists are walked side by side. Runs on a thread. */

#include "nhi-agentd/config/config.h"
#include "nhi-agentd/member/list.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "nhi-agentd/set/revocations.h"
#include "nhi-agentd/state.h"

/* Local group that every active account of ours is a member of (sshd's Match block). */
#define PUBLISH_MANAGED_GROUP "nhi-managed"

/* What there is to publish, as it is at one instant. Nothing that it points to changes or goes
 * before the image is made. */
typedef struct PublishView {
        GrantStore store;
        const Config *config;
        const IdMap *idmap;
        const LocalDb *local;
        State state;                         /* a share: ended, locked */
        StrList narrowed[STATE_ISSUERS_MAX]; /* by issuer, sorted */
        Revoker revokers[STATE_ISSUERS_MAX]; /* two for each issuer */
        size_t n_revokers;
        Now now;
        uint64_t generation;
} PublishView;

/* ret_n_active: grants in force now that nothing on this host holds back. ret_given: the
 * memberships that it gives by grants' group terms to accounts whose uid is known here, sorted; of
 * the first MEMBERS_N_MAX: no others are given, for what nobody remembers nobody can end. */
int snapshot_image(const PublishView *view, uint8_t **ret, size_t *ret_size, size_t *ret_n_active,
                   MemberList *ret_given);
