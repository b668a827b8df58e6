/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The accounts of a host and how the gates stand to them, judged as the modules judge it: from the
 * published gates and the exempt files. Known are the local accounts, those that grant sets
 * defined, and whom the gates name; no directory is enumerated. */

#include "lib/base/path.h"
#include "lib/gate/gate.h"
#include "nhictl/doctor/doctor.h"

/* A compiled-in path as checks name it: below the host's root. */
#define BELOW_ROOT(path) (&(path)[sizeof(PATH_ROOT) - 1])

/* So many accounts are looked at; the rest is counted. */
#define PEOPLE_MAX 512u

typedef struct Person {
        char *name, *home, *shell; /* owned; home and shell "" where there are none */
        uid_t uid;                 /* (uid_t)-1: the name does not resolve */
        gid_t gid;
        gid_t *gids; /* owned: of the groups below */
        size_t n_gids;
        bool is_local;   /* in /etc/passwd */
        bool is_managed; /* a grant set defined it here */
} Person;

typedef struct PeopleGroup {
        char *name, *members; /* owned; members comma-separated */
        gid_t gid;
} PeopleGroup;

typedef struct People {
        const DoctorHost *host;
        Person *items;
        size_t n, n_more;
        PeopleGroup *groups; /* local ones, and those that gates name */
        size_t n_groups;
        Gates *gates;    /* NULL: see gates_error */
        int gates_error; /* 0; -ENOENT: never published, nobody is gated; else: unusable */
        char gates_path[64];
} People;

/* 0 and an owned *ret, or a negative errno (/etc/passwd or /etc/group cannot be read). */
int people_load(const DoctorHost *h, People *ret);
void people_done(People *p);

const Person *people_find(const People *p, const char *name);
const Person *people_find_uid(const People *p, uid_t uid);
bool person_in_group(const Person *who, const PeopleGroup *g);

/* How the gates stand to somebody for a service class (gate_mode()). */
GateMode person_mode(const People *p, const Person *who, const char *class);
/* The strictest of the classes that one acts by (people_classes). */
GateMode person_mode_any(const People *p, const Person *who);
/* "ssh", "login", "sudo", "su", "cron", "at", "unit"; NULL ends it. */
extern const char *const people_classes[];

/* A grant set defined an account, or a gate is enforced: somebody would be denied. */
bool people_is_enforced(const People *p);
size_t people_n_managed(const People *p);

/* The paths of gate_mode() on this host; they point into buffers of *b. */
typedef struct GatePathBuffers {
        char run[512], state[512], exempt_file[512], exempt_dir[512];
} GatePathBuffers;
GatePaths host_gate_paths(const DoctorHost *h, GatePathBuffers *b);

/* Ask getent(1): true where the database knows the key, and its line in ret. *ret_error, where not
 * NULL: 0, or a negative errno where it could not be asked. */
bool host_getent(const DoctorHost *h, const char *database, const char *key, char *ret, size_t size,
                 int *ret_error);

/* The next line of a text, cut in place; NULL at its end. Empty lines are given, too. */
char *text_line(char **at);
/* Cut line at every sep into at most max fields (the last keeps the rest): how many. */
size_t text_fields(char *line, char sep, char **ret, size_t max);
/* True where item stands in a comma-separated list. */
bool list_has(const char *list, const char *item);

/* At most TALLY_MAX findings of one kind are shown; tally_more() says how many there were beyond.
 */
#define TALLY_MAX 10u
typedef struct Tally {
        size_t n;
} Tally;
static inline bool tally_take(Tally *t)
{
        return t->n++ < TALLY_MAX;
}
void tally_more(const Tally *t, Findings *f, const char *check, const char *what);
