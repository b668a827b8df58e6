/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Does this subject need a grant for this class of service on this host? Read by pam_nhi and
 * sudo_nhi before they ask the agent, by the agent for `check`, by nhictl for doctor. */

#include "lib/gate/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum GateMode {
        GATE_ENFORCE = 0, /* zeroed means gated; the stricter mode is the smaller one */
        GATE_OBSERVE,
        GATE_UNGATED,
        GATE_EXEMPT,
} GateMode;

typedef struct Gates Gates;

/* The gid of a group by name: 0 and *ret, -ENOENT where there is no such group, or another negative
 * errno where that could not be found out. */
typedef int (*GateGroupLookup)(void *userdata, const char *group, gid_t *ret);

/* The one used where a subject brings none: getgrnam_r(3). The agent, which makes no NSS call,
 * brings its own. */
int gate_group_lookup(void *userdata, const char *group, gid_t *ret);
/* The same; and does its own entry list member? What is not there was asked for twice. */
int gate_group_find(const char *group, const char *member, gid_t *ret, bool *ret_listed);

/* One subject, resolved in the calling process. A name of NULL (not known) meets every gate and no
 * exemption. */
typedef struct GateSubject {
        const char *name;
        uid_t uid;         /* (uid_t)-1 where the name does not resolve */
        const gid_t *gids; /* all groups, primary included */
        size_t n_gids;
        GateGroupLookup lookup; /* NULL: gate_group_lookup */
        void *lookup_userdata;
} GateSubject;

typedef struct GatePaths {
        const char *run, *state, *exempt_file, *exempt_dir;
        uid_t owner; /* 0 but in tests */
} GatePaths;

/* The compiled-in paths. */
extern const GatePaths gate_paths;

/* The whole question, from the files: exempt (matched first, against the subject) > enforced
 * account or gate > observed gate > ungated. Groups named by a gate are resolved with getgrnam_r
 * only when no account pattern has answered; one that cannot be looked up (an error, not "no such
 * group") counts as matching. Never fails: what is unusable is GATE_ENFORCE (but see format.h:
 * nothing there at all is GATE_UNGATED). A class of NULL (service_class() refused the name) meets
 * every gate and no exemption. ret_gate, where not NULL, receives the name of the deciding gate
 * ("" where none), cut to fit. */
GateMode gate_mode(const GatePaths *paths, const GateSubject *subject, const char *class,
                   char *ret_gate, size_t ret_gate_size);

/* The pieces, for the agent, nhictl and tests. */

/* Parse the text of a gates file. 0 and an owned *ret, or -EBADMSG, -ENOMEM. */
int gates_parse(const char *text, size_t size, Gates **ret);
Gates *gates_free(Gates *g);
/* ENFORCE, OBSERVE or UNGATED. A definition (`account` line) matches by name or by uid. A gate on
 * class "ssh" or "login" stands before "systemd-user" too: a user manager outlives the login.
 * Enforced gates are asked before observed ones, and names before groups. */
GateMode gates_match(const Gates *g, const GateSubject *subject, const char *class, char *ret_gate,
                     size_t ret_gate_size);
/* The text of a gates file with these gates in mode observe, of the same size: everything else as
 * it is. 0 and an owned *ret, or -EBADMSG, -ENOMEM. */
int gates_text_observe(const char *text, size_t size, const char *const *names, size_t n_names,
                       char **ret);
/* True where a line of the text exempts name for class. ret_bad_line, where not NULL, receives the
 * number of the first line that does not parse, else 0. */
bool exempt_match(const char *text, const char *name, const char *class, unsigned *ret_bad_line);

/* True where a line of the text exempts name for some class. */
bool exempt_names(const char *text, const char *name);

/* True where an exempt file that may be believed exempts name for class. NULL for either is never
 * exempt. */
bool exempt_files_match(const GatePaths *paths, const char *name, const char *class);

/* True where one exempts name for any class at all. */
bool exempt_files_name(const GatePaths *paths, const char *name);

/* Is something wrong with the exempt files? True and the path (cut to fit) of the first that is,
 * with the number of its first line that does not parse, or 0 where the whole file is ignored
 * (owner, mode, type, size, a NUL in it). For doctor, and for the log of whoever was denied. */
bool exempt_problem(const GatePaths *paths, char *ret_path, size_t ret_path_size,
                    unsigned *ret_line);

/* Writer (the agent): append lines to a growing malloc'ed text. 0; -EINVAL for a field that cannot
 * stand in the file (empty, a blank, comma or control character in it) and -E2BIG for more than its
 * limits: then nothing was appended; -ENOMEM. */
typedef struct GatesText {
        char *text;
        size_t size, capacity, n_gates, n_accounts;
} GatesText;
int gates_text_begin(GatesText *t);
int gates_text_gate(GatesText *t, const char *name, GateMode mode, const char *const *classes,
                    size_t n_classes, const char *const *patterns, size_t n_patterns);
int gates_text_account(GatesText *t, const char *name, uid_t uid);
int gates_text_end(GatesText *t);
void gates_text_done(GatesText *t);
