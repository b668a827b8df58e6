/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state.json, on its way to the disk. */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

typedef struct StateSave {
        Sets *sets;
        State share;
        uint64_t believed; /* share names this list, which is being saved; 0: none */
        State before;      /* the same without it */
} StateSave;

static void state_save_free(StateSave *save)
{
        state_unshare(save->sets->agent->state, &save->share);
        state_unshare(save->sets->agent->state, &save->before);
        free(save);
}

static void on_state_saved(void *userdata, int r)
{
        StateSave *save = userdata;
        Sets *s = save->sets;

        s->n_state_saves--;
        if (r == 0)
                sets_recovered(s);
        if (r < 0 && r != -ECANCELED) {
                const Event e = { .kind = EVENT_SET_REFUSED,
                                  .code = "state-not-saved",
                                  .detail = PATH_STATE_FILE };

                agent_record(s->agent, &e);
                s->state_dirty = true;
                sets_retry_later(s);
        }
        state_save_free(save);
}

static int write_state(void *userdata)
{
        const StateSave *save = userdata;
        const OnDisk *d = &save->sets->on_disk;
        const State *s =
                save->believed == 0 || save->believed == d->believed ? &save->share : &save->before;
        const SetFloor *floor = d->issuer ? state_floor(s, d->issuer) : NULL;
        const bool is_behind = d->issuer && (!floor || floor->ver < d->floor.ver);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        /* Shared before a set was saved, written after it: no floor is lowered by that. */
        r = state_format(s, is_behind ? d->issuer : NULL, &d->floor,
                         d->time_floor_sec > s->time_floor_sec ? d->time_floor_sec
                                                               : s->time_floor_sec,
                         &text, &size);
        return r == 0 ? file_replace(PATH_STATE_FILE, text, size, 0600, geteuid(), getegid(), true)
                      : r;
}

/* While a list is being saved it is not known yet which of the two the disk will have (W1). */
static int share_both(StateSave *save)
{
        Sets *s = save->sets;
        int r;

        save->believed = s->current ? s->current->believed : 0;
        r = save->believed > 0 ? believed_share_before(s->current, &save->before) : 0;
        return r == 0 ? state_share(s->agent->state, &save->share) : r;
}

static int save_state_now(Sets *s)
{
        StateSave *save = calloc(1, sizeof(*save));
        int r;

        if (!save)
                return -ENOMEM;
        save->sets = s;
        r = share_both(save);
        if (r == 0)
                r = writer_call(s->agent->writer, write_state, on_state_saved, save);
        if (r < 0) {
                state_save_free(save);
                return r;
        }
        s->n_state_saves++;
        return 0;
}

void sets_save_state(Sets *s)
{
        if (s->current)
                s->state_dirty = true;
        else
                s->state_dirty = save_state_now(s) < 0;
        if (!s->current && s->state_dirty)
                sets_retry_later(s);
}

/* What waits for a set to be saved does not wait for the next agent. */
void sets_stop(Sets *s)
{
        if (!s || s->stopping)
                return;
        s->stopping = true;
        sets_flush_refused(s);
        if (s->state_dirty)
                s->state_dirty = save_state_now(s) < 0;
}
