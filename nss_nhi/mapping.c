/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lock is only ever tried. A child that was forked while another thread held it inherits a lock
 * that nobody will release: it opens the file in each call, and never hangs. */

#include "nss_nhi/mapping.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <stdatomic.h>
#include <time.h>

static atomic_flag lock = ATOMIC_FLAG_INIT;
static Snapshot shared; /* under the lock; map NULL: none yet */

static bool lock_try(void)
{
        return !atomic_flag_test_and_set_explicit(&lock, memory_order_acquire);
}

static void lock_release(void)
{
        atomic_flag_clear_explicit(&lock, memory_order_release);
}

int published_open(Snapshot *ret)
{
        int r = snapshot_open(PATH_SNAPSHOT, owner_trusted(), ret);

        return r > 0 ? -ENOENT : r;
}

static bool clock_read(clockid_t clock, int64_t *ret_usec)
{
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return false;
        *ret_usec = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
        return true;
}

SnapshotNow clocks_now(void)
{
        SnapshotNow now = { .real_usec = INT64_MAX, .boot_usec = INT64_MAX };

        (void)clock_read(CLOCK_REALTIME, &now.real_usec);
        (void)clock_read(CLOCK_BOOTTIME, &now.boot_usec);
        return now;
}

/* With the lock held: make the newest file the process's mapping. Between the marking of the old
 * file and the renaming of the new one the path still has the old one: that serves this one call
 * and is not kept. */
static int shared_renew(Lookup *ret)
{
        Snapshot fresh;
        int r;

        snapshot_close(&shared);
        r = published_open(&fresh);
        if (r < 0)
                return r;
        ret->snapshot = fresh;
        ret->is_shared = !snapshot_is_superseded(&fresh);
        if (ret->is_shared)
                shared = fresh;
        return 0;
}

/* Without the lock: for this call alone. */
static int own_open(Lookup *ret)
{
        int r = published_open(&ret->snapshot);

        if (r == 0)
                ret->is_shared = false;
        return r;
}

int lookup_begin(Lookup *ret)
{
        int r;

        if (!lock_try())
                return own_open(ret);
        if (shared.map && !snapshot_is_superseded(&shared)) {
                ret->snapshot = shared;
                ret->is_shared = true;
                return 0;
        }
        r = shared_renew(ret);
        if (r < 0 || !ret->is_shared)
                lock_release();
        return r;
}

void lookup_end(Lookup *l)
{
        if (l->is_shared)
                lock_release();
        else
                snapshot_close(&l->snapshot);
}

/* So that dlclose() leaves no mapping behind. The lock stays taken: whoever still looks something
 * up while the process ends opens the file for itself. */
__attribute__((destructor)) static void shared_forget(void)
{
        if (lock_try())
                snapshot_close(&shared);
}

enum nss_status nss_answer(int r, int saved_errno, int *errnop)
{
        errno = saved_errno;
        if (r == 0)
                return NSS_STATUS_SUCCESS;
        if (r == NSS_E_NONE)
                return NSS_STATUS_NOTFOUND;
        *errnop = -r;
        return r == -ERANGE || r == -EAGAIN || r == -ENOMEM ? NSS_STATUS_TRYAGAIN
                                                            : NSS_STATUS_UNAVAIL;
}
