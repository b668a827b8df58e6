/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/people.h"

#include "lib/base/file.h"

#include <stdio.h>

const char *const people_classes[] = { "ssh", "login", "sudo", "su", "cron", "at", "unit", NULL };

void people_done(People *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->items[i].name);
                free(p->items[i].home);
                free(p->items[i].shell);
                free(p->items[i].gids);
        }
        for (size_t i = 0; i < p->n_groups; i++) {
                free(p->groups[i].name);
                free(p->groups[i].members);
        }
        free(p->items);
        free(p->groups);
        gates_free(p->gates);
        *p = (People){ .host = NULL };
}

/* ---- questions ---- */

const Person *people_find(const People *p, const char *name)
{
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->items[i].name, name))
                        return &p->items[i];
        return NULL;
}

const Person *people_find_uid(const People *p, uid_t uid)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->items[i].uid == uid)
                        return &p->items[i];
        return NULL;
}

bool person_in_group(const Person *who, const PeopleGroup *g)
{
        return (who->gid != (gid_t)-1 && who->gid == g->gid) || list_has(g->members, who->name);
}

static int on_group(void *userdata, const char *group, gid_t *ret)
{
        const People *p = userdata;

        for (size_t i = 0; i < p->n_groups; i++)
                if (streq(p->groups[i].name, group)) {
                        *ret = p->groups[i].gid;
                        return 0;
                }
        return -ENOENT;
}

GateMode person_mode(const People *p, const Person *who, const char *class)
{
        GatePathBuffers buffers;
        GatePaths paths = host_gate_paths(p->host, &buffers);
        GateSubject subject = { .name = who->name,
                                .uid = who->uid,
                                .gids = who->gids,
                                .n_gids = who->n_gids,
                                .lookup = on_group,
                                .lookup_userdata = (void *)p };

        if (exempt_files_match(&paths, who->name, class))
                return GATE_EXEMPT;
        if (p->gates)
                return gates_match(p->gates, &subject, class, NULL, 0);
        return p->gates_error == -ENOENT ? GATE_UNGATED : GATE_ENFORCE;
}

GateMode person_mode_any(const People *p, const Person *who)
{
        GateMode strictest = GATE_EXEMPT;

        for (const char *const *c = people_classes; *c; c++) {
                GateMode mode = person_mode(p, who, *c);

                if (mode < strictest)
                        strictest = mode;
        }
        return strictest;
}

size_t people_n_managed(const People *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++)
                n += p->items[i].is_managed;
        return n;
}

bool people_is_enforced(const People *p)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(p->host->gates, i, gate)
                if (!streq_ptr(json_string_value(json_object_get(gate, "mode")), "observe"))
                        return true;
        return people_n_managed(p) > 0 || p->gates_error == -EBADMSG;
}

/* ---- small tools ---- */

static void path_below(const DoctorHost *h, const char *path, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%s%s", h->root, path);
}

GatePaths host_gate_paths(const DoctorHost *h, GatePathBuffers *b)
{
        path_below(h, BELOW_ROOT(PATH_GATES_RUN), b->run, sizeof(b->run));
        path_below(h, BELOW_ROOT(PATH_GATES_STATE), b->state, sizeof(b->state));
        path_below(h, BELOW_ROOT(PATH_EXEMPT_FILE), b->exempt_file, sizeof(b->exempt_file));
        path_below(h, BELOW_ROOT(PATH_EXEMPT_DIR), b->exempt_dir, sizeof(b->exempt_dir));
        return (GatePaths){ .run = b->run,
                            .state = b->state,
                            .exempt_file = b->exempt_file,
                            .exempt_dir = b->exempt_dir,
                            .owner = owner_trusted() };
}

bool host_getent(const DoctorHost *h, const char *database, const char *key, char *ret, size_t size,
                 int *ret_error)
{
        const char *const words[] = { "/usr/bin/getent", database, "--", key, NULL };
        int r = h->run(words, ret, size);

        ret[strcspn(ret, "\n")] = '\0';
        if (ret_error)
                *ret_error = r < 0 ? r : 0;
        return r == 0 && *ret;
}

char *text_line(char **at)
{
        return *at && **at ? strsep(at, "\n") : NULL;
}

size_t text_fields(char *line, char sep, char **ret, size_t max)
{
        size_t n = 0;

        ret[n++] = line;
        while (n < max && (line = strchr(line, sep))) {
                *line++ = '\0';
                ret[n++] = line;
        }
        return n;
}

bool list_has(const char *list, const char *item)
{
        size_t size = strlen(item);

        for (const char *at = list; *at;) {
                size_t here = strcspn(at, ",");

                if (here == size && strncmp(at, item, size) == 0)
                        return true;
                at += here + (at[here] == ',');
        }
        return false;
}

void tally_more(const Tally *t, Findings *f, const char *check, const char *what)
{
        if (t->n > TALLY_MAX)
                finding_warn(f, check, "mend these and ask again", "and %zu more %s",
                             t->n - TALLY_MAX, what);
}
