/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PAM's services on a host, and our lines in them. */

#include "nhictl/doctor/doctor.h"
#include "nhictl/pam/stack.h"

#define PAM_MODULE "pam_nhi.so"

typedef enum PamRole {
        PAM_ROLE_UNKNOWN = 0, /* not in our table: perhaps a way in */
        PAM_ROLE_WAY_IN,      /* starts something as somebody */
        PAM_ROLE_NO_WAY_IN,   /* changes passwords, or is root's alone */
        PAM_ROLE_FRAGMENT,    /* included by others: common-account, system-auth */
        PAM_ROLE_BACKUP,      /* left behind by an editor or a package manager */
} PamRole;

PamRole pam_service_role(const char *name);

/* The names of every file of pam.d, in /etc and in /usr/lib, each once, without backups: 0 and an
 * owned *ret for doctor_names_free(), or a negative errno (-ENOENT: no folder at all). */
int pam_names(const DoctorHost *h, char ***ret);

/* A line that names PAM_MODULE. */
typedef struct PamOwn {
        PamLine line; /* owned */
        PamKind kind;
} PamOwn;

typedef struct PamOwnList {
        PamOwn *items;
        size_t n;
} PamOwnList;

/* All of them, each once, in the files that libpam reads: 0 and an owned *ret, or a negative errno.
 */
int pam_own_load(const DoctorHost *h, PamOwnList *ret);
void pam_own_done(PamOwnList *l);
const char *pam_kind_text(PamKind kind);

/* Could line i, which stands before target, end the stack well or jump over target? */
bool pam_stack_skips(const PamStack *s, size_t i, size_t target);

/* What libpam does when the module answers value ("perm_denied"): "ok", "ignore", "bad", "die",
 * "done", "reset" or a number. Returns ret. */
#define PAM_ACTION_SIZE 16
const char *pam_control_action(const char *control, const char *value,
                               char ret[static PAM_ACTION_SIZE]);

/* Is any gate of this host enforced? */
bool doctor_gate_is_enforced(const DoctorHost *h);
