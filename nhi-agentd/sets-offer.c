/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One offer: where it comes from and where it goes, whatever became of it. */

#include "nhi-agentd/sets-internal.h"

#include <stdarg.h>
#include <stdio.h>

Offer *offer_new(Sets *s)
{
        Offer *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        o->sets = s;
        o->archive_fd = -EBADF;
        return o;
}

static void *bytes_release(void *object)
{
        return set_bytes_free(object);
}

static void *set_release(void *object)
{
        return grant_set_free(object);
}

static void *standing_release(void *object)
{
        return standing_free(object);
}

/* What is large is given back off the loop; the standing before the set that it points into. */
Offer *offer_free(Offer *o)
{
        Publisher *p;

        if (!o)
                return NULL;
        p = o->sets->agent->publisher;
        publish_forget(p, &o->published);
        publish_retire(p, standing_release, o->standing);
        publish_retire(p, set_release, o->set);
        publish_retire(p, bytes_release, o->bytes);
        set_bytes_free(o->statement);
        freshness_free(o->fresh);
        revocation_list_free(o->list);
        for (size_t i = 0; o->lists && i < o->n_lists; i++)
                revocation_list_free(o->lists[i].list);
        for (size_t i = 0; o->key_lists && i < o->n_lists; i++)
                key_list_free(o->key_lists[i].keys);
        key_list_free(o->keys);
        free(o->lists);
        free(o->key_lists);
        config_free(o->config);
        idmap_free(o->idmap);
        state_unshare(o->sets->agent->state, &o->state);
        closep(&o->archive_fd);
        free(o->gone.grants);
        for (size_t i = 0; i < o->n_left; i++)
                free(o->left[i].grants);
        free(o->left);
        free(o->narrowed.items);
        free(o->withheld.items);
        free(o->lessened.grants);
        free(o->path);
        free(o->uids);
        free(o);
        return NULL;
}

void offer_answer(Offer *o, const char *format, ...)
{
        char line[SET_DETAIL_MAX + 256];
        va_list args;

        if (!o->done)
                return;
        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        o->done(o->userdata, line);
        o->done = NULL;
}
