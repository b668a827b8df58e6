/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nss_nhi/enumeration.h"

#include <errno.h>

static bool lock_try(Enumeration *e)
{
        return !atomic_flag_test_and_set_explicit(&e->lock, memory_order_acquire);
}

void enumeration_leave(Enumeration *e)
{
        atomic_flag_clear_explicit(&e->lock, memory_order_release);
}

int enumeration_reset(Enumeration *e)
{
        if (!lock_try(e))
                return -EAGAIN;
        snapshot_close(&e->snapshot);
        e->cursor = 0;
        enumeration_leave(e);
        return 0;
}

int enumeration_enter(Enumeration *e)
{
        int r = 0;

        if (!lock_try(e))
                return -EAGAIN;
        if (!e->snapshot.map)
                r = published_open(&e->snapshot);
        if (r == 0 && !snapshot_enumerates(&e->snapshot))
                r = NSS_E_NONE;
        if (r != 0)
                enumeration_leave(e);
        return r;
}
