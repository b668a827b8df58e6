/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An enforcement that waits for its confirmation: the record that says how to undo it,
 * /var/lib/nhi/confirm.json, 0600 root. It is there before anything is enforced and goes when the
 * enforcement was confirmed or undone, so it alone says that something is pending.
 *
 *   { "format": 1, "gates": ["operators"], "before": TEXT OF 50-modes.conf OR null, "by":
 * "root@web1", "boot_id": "32 hex digits", "begun": SECONDS SINCE THE EPOCH, "deadline": THE SAME,
 *     "deadline_monotonic_usec": CLOCK_MONOTONIC, "in_force_monotonic_usec": THE SAME, 0: not yet }
 *
 * The monotonic times hold only in the boot of that id; in any other the deadline is over: whoever
 * restarts a host within the window was locked out. The id is ours, /run/nhi/boot: the kernel's
 * stays the same when a container is restarted, and is hidden from a confined unit of one. */

#include "lib/base/path.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PATH_PENDING      PATH_STATE_DIR "/confirm.json"
#define PATH_CONFIRMED    PATH_STATE_DIR "/confirmed.json" /* the last confirmation, 0600 */
#define PATH_BOOT_ID      PATH_RUN_DIR "/boot"             /* 0644; gone with the boot */
#define PATH_PENDING_LOCK PATH_STATE_DIR "/confirm.lock"
#define PENDING_SIZE_MAX  (256u * 1024)
#define PENDING_ID_SIZE   33

typedef struct Pending {
        json_t *gates; /* owned: names */
        char *before;  /* owned; NULL: there was no 50-modes.conf */
        char *by;      /* owned */
        char boot_id[PENDING_ID_SIZE];
        int64_t begun_sec, deadline_sec;
        int64_t deadline_monotonic_usec, in_force_monotonic_usec;
} Pending;

/* 0 and an owned *ret; -ENOENT where nothing is pending; -EACCES for others than root; -EBADMSG for
 * a record that is not ours; or another negative errno. */
int pending_load(Pending *ret);
/* Durable: 0, or a negative errno and what was there before. */
int pending_save(const Pending *p);
/* Durable; 0 too where there is none. */
int pending_remove(void);
void pending_done(Pending *p);

/* True in the boot in which it was written. */
bool pending_is_of_boot(const Pending *p, const char *boot_id);
/* Microseconds until it undoes itself; 0: it is over. */
int64_t pending_left_usec(const Pending *p, const char *boot_id, int64_t now_monotonic_usec);
bool pending_names(const Pending *p, const char *gate);
/* "operators,jobs", cut to size. Returns ret. */
char *pending_gates_text(const Pending *p, char *ret, size_t size);

/* This boot's id; "" where nobody has asked for one in this boot. */
void boot_id_read(char ret[static PENDING_ID_SIZE]);
/* The same, made where there is none: 0 or a negative errno. */
int boot_id_make(char ret[static PENDING_ID_SIZE]);

/* One nhictl at a time changes modes: 0 and an owned descriptor that holds the lock; -EBUSY after
 * usec; or another negative errno. */
int pending_lock(uint64_t usec, int *ret_fd);

/* What status shows: {gates, deadline, left_sec, in_force, by}; NULL where nothing is pending, or
 * only root may know. */
json_t *pending_document(void);
