/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Doors beside the gated one. Somebody who needs a grant for sudo and none for pkexec has not been
 * gated; nor has who may write to docker's socket. */

#include "nhictl/doctor/bypass.h"
#include "lib/base/name.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/door.h"
#include "nhictl/doctor/people.h"

#include <stdio.h>

#define CHECK       "bypass"
#define NAMES_SIZE  256u
#define NAMES_SHOWN 4u

/* ---- who has such a door ---- */

static bool is_enforced_for(const People *p, const Person *who, SideKind kind)
{
        static const char *const classes[][8] = {
                [SIDE_ELEVATION] = { "sudo", "su", NULL },
                [SIDE_LOGIN] = { "ssh", "login", NULL },
                [SIDE_JOB] = { "ssh", "login", "cron", "at", NULL },
        };

        for (const char *const *c = classes[kind]; *c; c++)
                if (person_mode(p, who, *c) == GATE_ENFORCE)
                        return true;
        return false;
}

/* root needs no way to become root, and nobody logs in as an account without a shell. */
static bool has_side_door(const People *p, const Person *who, const SideDoor *d)
{
        if (who->uid == 0 || !is_enforced_for(p, who, d->kind) ||
            (d->kind == SIDE_LOGIN && !account_has_shell(who)))
                return false;
        if (!d->class)
                return true;
        switch (person_mode(p, who, d->class)) {
        case GATE_UNGATED:
        case GATE_OBSERVE:
                return true;
        default: /* an exemption is meant */
                return false;
        }
}

typedef struct Names {
        char words[NAMES_SIZE];
        size_t n;
} Names;

static void names_add(Names *names, const char *name)
{
        size_t used = strlen(names->words);

        if (names->n++ < NAMES_SHOWN)
                (void)snprintf(names->words + used, sizeof(names->words) - used, "%s%s",
                               used ? ", " : "", name);
}

static void names_end(Names *names)
{
        size_t used = strlen(names->words);

        if (names->n > NAMES_SHOWN)
                (void)snprintf(names->words + used, sizeof(names->words) - used, " and %zu more",
                               names->n - NAMES_SHOWN);
}

static const char *door_path(const DoctorHost *h, const SideDoor *d)
{
        if (d->needed && !doctor_exists(h, d->needed))
                return NULL;
        for (size_t i = 0; i < SIDE_PATHS_MAX && d->paths[i]; i++)
                if (doctor_exists(h, d->paths[i]))
                        return d->paths[i];
        return NULL;
}

static void say_door(const People *p, const SideDoor *d, Findings *f)
{
        const char *path = door_path(p->host, d);
        Names names = { .words = "" };

        if (!path)
                return;
        for (size_t i = 0; i < p->n; i++)
                if (has_side_door(p, &p->items[i], d))
                        names_add(&names, p->items[i].name);
        if (names.n == 0)
                return;
        names_end(&names);
        if (d->class)
                finding_warn(f, CHECK, d->advice,
                             "%s (%s) stands beside the gate: class %s is not enforced for %s",
                             d->name, path, d->class, names.words);
        else
                finding_warn(f, CHECK, d->advice,
                             "%s (%s) is installed, asks no PAM module and so knows no gate for %s",
                             d->name, path, names.words);
}

/* ---- groups that amount to root ---- */

/* Membership of sudo and wheel means sudo and su, which have gates of their own. */
static bool group_is_open_door(const char *name)
{
        static const char *const open[] = { "docker",      "podman", "lxd",     "incus",
                                            "incus-admin", "disk",   "libvirt", "kmem",
                                            "microk8s",    "shadow", "root" };

        for (size_t i = 0; i < ELEMENTSOF(open); i++)
                if (streq(name, open[i]))
                        return true;
        return false;
}

static void say_group(const People *p, const PeopleGroup *g, Findings *f)
{
        Names names = { .words = "" };
        char advice[NAMES_SIZE + 128];

        if (!group_is_open_door(g->name))
                return;
        for (size_t i = 0; i < p->n; i++) {
                const Person *who = &p->items[i];

                /* A service's own account with such a primary group is no person to gate. */
                if (who->uid != 0 && list_has(g->members, who->name) &&
                    is_enforced_for(p, who, SIDE_ELEVATION))
                        names_add(&names, who->name);
        }
        if (names.n == 0)
                return;
        names_end(&names);
        (void)snprintf(advice, sizeof(advice),
                       "gpasswd -d NAME %s, and grant the group: nhictl grant ... --group %s",
                       g->name, g->name);
        finding_fail(f, CHECK, advice,
                     "group %s amounts to root, and %s, gated for sudo or su, is in it for good",
                     g->name, names.words);
}

/* ---- at ---- */

/* atd asks PAM with the uid of daemon, and where that is gated nobody's job starts. */
static void say_daemon(const People *p, Findings *f)
{
        const Person *daemon = people_find_uid(p, 1);

        if (daemon && doctor_exists(p->host, "/usr/sbin/atd") &&
            person_mode(p, daemon, "at") == GATE_ENFORCE)
                finding_fail(f, CHECK,
                             "add this line to /etc/nhi/exempt: daemon at (the job's owner is "
                             "still asked "
                             "for)",
                             "atd asks as %s, which a gate covers: no at job of anybody starts",
                             daemon->name);
}

void check_bypass(const DoctorHost *h, Findings *f)
{
        People p = { .host = h };
        size_t before = f->n;
        int r = people_load(h, &p);

        if (r < 0) {
                finding_warn(f, CHECK, "mend /etc/passwd and /etc/group",
                             "the local accounts cannot be read: %s", strerror(-r));
                return;
        }
        for (const SideDoor *d = side_doors; d->name; d++)
                say_door(&p, d, f);
        for (size_t i = 0; i < p.n_groups; i++)
                say_group(&p, &p.groups[i], f);
        say_daemon(&p, f);
        if (p.n_more > 0)
                finding_warn(f, CHECK, "nhictl check ACCOUNT CLASS answers for one account",
                             "%zu further accounts were not looked at", p.n_more);
        if (f->n == before)
                finding_ok(f, CHECK, "no door is known beside the gates");
        people_done(&p);
}
