/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What state.json names, at start: verified from its archive before anybody is served. */

#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "lib/wire/feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

static void fd_close(int *fd)
{
        closep(fd);
        *fd = -EBADF;
}

static void load_refused(Offer *o)
{
        offer_record_refused(o);
        /* What is not in force is the source's to bring back. */
        fd_close(&o->sets->agent->issuers[o->index].archive_fd);
}

/* Its archive stays for the next try: without what is to be saved with it, it is not in force. */
static void load_not_saved(Offer *o, int r)
{
        (void)set_refused(&o->error, "not-saved", "%s: %s; it is tried again", PATH_STATE_DIR,
                          strerror(-r));
        offer_record_refused(o);
        sets_again_later(o->sets);
}

static void load_prepared(Offer *o, const char *path)
{
        int r;

        if (o->r < 0)
                (void)set_refused(&o->error, "archive", "%s: %s", path, strerror(-o->r));
        if (o->r != 0) {
                load_refused(o);
                return;
        }
        r = offer_save(o);
        if (r < 0)
                load_not_saved(o, r);
        else
                offer_put_in_force(o);
}

static int load_one(Sets *s, size_t index)
{
        Agent *a = s->agent;
        IssuerState *issuer = &a->issuers[index];
        const SetFloor *floor = state_floor(a->state, a->config->issuers[index].issuer);
        char path[sizeof(PATH_SETS_DIR) + 80];
        size_t size = 0;
        Offer *o;
        int r;

        if (!floor)
                return 0;
        issuer->floor = *floor;
        if (!*floor->hash) /* a key list set it, and no set has come since */
                return 0;
        fresh_load(a, index);
        o = offer_new(s);
        if (!o)
                return -ENOMEM;
        o->label = (uint32_t)index;
        o->again = true;
        o->now = agent_judging_now(a);
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->hash);
        r = file_open_trusted(AT_FDCWD, path, owner_trusted(), &issuer->archive_fd, &size);
        if (r == 0)
                (void)offer_prepare(o);
        else
                o->r = r;
        o->index = index;
        load_prepared(o, path);
        offer_free(o);
        return 0;
}

/* The keys first: the others are verified by them. */
static void load_lists(Agent *a, size_t index)
{
        const Issuer *issuer = &a->config->issuers[index];
        SetPolicy policy;
        KeysRead keys;
        ListRead read;

        keys_read(a->state, issuer, agent_now(a), &keys);
        keys_put(a, index, &keys);
        policy = issuer_policy(issuer, &a->issuers[index]);
        list_read(a->state, &policy, agent_now(a), &read);
        list_put(a, index, &read);
}

/* What any issuer took first: no set, and no statement that it lives by, is loaded under a key that
 * the list of an issuer behind it names. */
int sets_load_archived(Sets *s)
{
        Agent *a = s->agent;
        int r = 0;

        a->state->n_sharing = a->config->n_issuers;
        for (size_t i = 0; i < a->config->n_issuers; i++)
                load_lists(a, i);
        for (size_t i = 0; r == 0 && i < a->config->n_issuers; i++) {
                (void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%u", FEED_REPLY_USEC);
                r = load_one(s, i);
        }
        return r;
}
