/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Places on a door are few, so that the agent's memory and descriptors are bounded; who takes them
 * must not keep others out:
 *
 *  L1 One place in ROOT_SHARE MUST be left to root, whoever else comes.
 *  L2 Nobody else MUST have more than limits.peers_per_uid_max of one door. All subordinate ids
 *     together are one person: who owns a range can be as many users as it has ids.
 *  L3 On pam.sock everybody connects as uid 0, by a program such as su: there the person is the
 * real uid of that program's process, by which it decides about nothing but a place. */

#include "nhi-agentd/listener-internal.h"

#include "nhi-agentd/caller.h"

#define ROOT_SHARE      8u
#define OWNER_NOBODY    ((uid_t)-1) /* a process that is gone */
#define OWNER_CONTAINED ((uid_t)-2) /* any subordinate id */

static uid_t owner_of(const Door *d, const struct ucred *who)
{
        uid_t uid = who->uid;

        if (uid == 0 && d->kind == PEER_PAM && process_real_uid(who->pid, &uid) < 0)
                return OWNER_NOBODY;
        if (uid != 0 && localdb_id_is_subordinate(d->listener->agent->local, uid))
                return OWNER_CONTAINED;
        return uid;
}

static uid_t peer_owner(Peer *p)
{
        if (!p->is_known) {
                p->owner = owner_of(p->door, &p->credentials);
                p->is_known = true;
        }
        return p->owner;
}

static bool others_leave_room(Door *d, uid_t owner)
{
        const Config *c = d->listener->agent->config;
        size_t n_own = 0, n_others = 0;

        for (Peer *p = d->peers; p; p = p->next) {
                const uid_t theirs = peer_owner(p);

                n_own += theirs == owner;
                n_others += theirs != 0;
        }
        return n_own < c->peers_per_uid_max && n_others < c->peers_max - c->peers_max / ROOT_SHARE;
}

bool place_is_free(Door *d, const struct ucred *who)
{
        const Config *c = d->listener->agent->config;
        uid_t owner;

        if (d->n_peers >= c->peers_max)
                return false;
        /* Few are in, so nobody has too many: nobody is looked up. */
        if (d->n_peers < c->peers_per_uid_max &&
            d->n_peers < c->peers_max - c->peers_max / ROOT_SHARE)
                return true;
        owner = owner_of(d, who);
        return owner == 0 || others_leave_room(d, owner);
}
