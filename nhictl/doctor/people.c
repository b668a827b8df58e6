/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/people.h"

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/base/path.h"

#include <stdio.h>

#define PASSWD_SIZE_MAX (16u * 1024 * 1024)
#define ENTRY_SIZE      8192u
#define PASSWD_FIELDS   7
#define GROUP_FIELDS    4
#define GROUPS_MAX      65536u

DEFINE_CLEANUP(Gates *, gates_free)

const char *const people_classes[] = { "ssh", "login", "sudo", "su", "cron", "at", "unit", NULL };

/* ---- adding ---- */

static int person_add(People *p, const Person *who)
{
        Person *grown, copy = *who;

        if (p->n == PEOPLE_MAX) {
                p->n_more++;
                return 0;
        }
        grown = reallocarray(p->items, p->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->items = grown;
        copy.name = strdup(who->name);
        copy.home = strdup(who->home ? who->home : "");
        copy.shell = strdup(who->shell ? who->shell : "");
        p->items[p->n++] = copy;
        return copy.name && copy.home && copy.shell ? 0 : -ENOMEM;
}

static int group_add(People *p, const char *name, gid_t gid, const char *members)
{
        PeopleGroup *grown;

        if (p->n_groups == GROUPS_MAX)
                return 0;
        grown = reallocarray(p->groups, p->n_groups + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->groups = grown;
        p->groups[p->n_groups] =
                (PeopleGroup){ .name = strdup(name), .gid = gid, .members = strdup(members) };
        p->n_groups++;
        return grown[p->n_groups - 1].name && grown[p->n_groups - 1].members ? 0 : -ENOMEM;
}

static bool id_parse(const char *text, unsigned *ret)
{
        char *end;
        unsigned long v;

        errno = 0;
        v = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end || v > UINT32_MAX)
                return false;
        *ret = (unsigned)v;
        return true;
}

/* name:x:uid:gid:gecos:home:shell, cut in place; false for a line that is no account. */
static bool passwd_parse(char *line, Person *ret)
{
        char *fields[PASSWD_FIELDS];

        if (text_fields(line, ':', fields, PASSWD_FIELDS) != PASSWD_FIELDS || !*fields[0] ||
            strchr("+-#", *fields[0]) || !id_parse(fields[2], &ret->uid) ||
            !id_parse(fields[3], &ret->gid))
                return false;
        ret->name = fields[0];
        ret->home = fields[5];
        ret->shell = fields[6];
        return true;
}

static int group_parse_add(People *p, char *line)
{
        char *fields[GROUP_FIELDS];
        unsigned gid;

        if (text_fields(line, ':', fields, GROUP_FIELDS) != GROUP_FIELDS || !*fields[0] ||
            strchr("+-#", *fields[0]) || !id_parse(fields[2], &gid))
                return 0;
        return group_add(p, fields[0], gid, fields[3]);
}

/* ---- the local files ---- */

static int load_groups(People *p)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;
        int r;

        r = doctor_read(p->host, "/etc/group", PASSWD_SIZE_MAX, &text);
        for (at = text; r == 0 && (line = text_line(&at));)
                r = group_parse_add(p, line);
        return r;
}

static int load_users(People *p)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;
        int r;

        r = doctor_read(p->host, "/etc/passwd", PASSWD_SIZE_MAX, &text);
        for (at = text; r == 0 && (line = text_line(&at));) {
                Person who = { .is_local = true };
                Person *known;

                if (!passwd_parse(line, &who))
                        continue;
                known = (Person *)people_find(p, who.name);
                if (known && known->is_managed)
                        known->is_local = true;
                else
                        r = person_add(p, &who);
        }
        return r;
}

/* ---- the gates ---- */

static void path_below(const DoctorHost *h, const char *path, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%s%s", h->root, path + strlen(PATH_ROOT));
}

GatePaths host_gate_paths(const DoctorHost *h, GatePathBuffers *b)
{
        path_below(h, PATH_GATES_RUN, b->run, sizeof(b->run));
        path_below(h, PATH_GATES_STATE, b->state, sizeof(b->state));
        path_below(h, PATH_EXEMPT_FILE, b->exempt_file, sizeof(b->exempt_file));
        path_below(h, PATH_EXEMPT_DIR, b->exempt_dir, sizeof(b->exempt_dir));
        return (GatePaths){ .run = b->run,
                            .state = b->state,
                            .exempt_file = b->exempt_file,
                            .exempt_dir = b->exempt_dir,
                            .owner = owner_trusted() };
}

/* The accounts that sets defined stand behind the gates in the same file. */
static int load_managed(People *p, char *text)
{
        char *at = text, *line;
        int r = 0;

        while (r == 0 && (line = text_line(&at))) {
                Person who = { .is_managed = true, .gid = (gid_t)-1 };
                char *fields[3];

                if (text_fields(line, ' ', fields, 3) != 3 || !streq(fields[0], "account") ||
                    !id_parse(fields[2], &who.uid))
                        continue;
                who.name = fields[1];
                r = person_add(p, &who);
        }
        return r;
}

/* The file that the modules would use (lib/gate/format.h). */
static int load_gates(People *p)
{
        const char *const paths[] = { PATH_GATES_RUN, PATH_GATES_STATE };
        bool absent = true;

        for (size_t i = 0; i < ELEMENTSOF(paths) && !p->gates; i++) {
                _cleanup_free_ char *text = NULL;
                char full[512];
                size_t size = 0;
                int r;

                path_below(p->host, paths[i], full, sizeof(full));
                r = file_read_trusted(full, owner_trusted(), GATES_SIZE_MAX, &text, &size);
                if (r == 0)
                        r = gates_parse(text, size, &p->gates);
                absent = absent && r == -ENOENT;
                (void)snprintf(p->gates_path, sizeof(p->gates_path), "%s",
                               paths[i] + strlen(PATH_ROOT));
                if (r == 0)
                        return load_managed(p, text);
        }
        p->gates_error = absent ? -ENOENT : -EBADMSG;
        return 0;
}

/* ---- whom the gates name and the files do not know ---- */

static int load_named_user(People *p, const char *name)
{
        char entry[ENTRY_SIZE];
        Person who = { .is_local = false };

        if (strpbrk(name, "*?[") || people_find(p, name) ||
            !host_getent(p->host, "passwd", name, entry, sizeof(entry), NULL) ||
            !passwd_parse(entry, &who))
                return 0;
        return person_add(p, &who);
}

static int load_named_group(People *p, const char *name)
{
        _cleanup_free_ char *members = NULL;
        char entry[ENTRY_SIZE], *at, *member;
        int r;

        if (!host_getent(p->host, "group", name, entry, sizeof(entry), NULL))
                return 0;
        r = group_parse_add(p, entry);
        if (r < 0 || p->n_groups == 0)
                return r;
        members = strdup(p->groups[p->n_groups - 1].members);
        if (!members)
                return -ENOMEM;
        for (at = members; r == 0 && (member = strsep(&at, ","));)
                if (*member)
                        r = load_named_user(p, member);
        return r;
}

static int load_named(People *p)
{
        const json_t *gate, *item;
        size_t i, k;
        int r;

        json_array_foreach(p->host->gates, i, gate) {
                json_array_foreach(json_object_get(gate, "accounts"), k, item) {
                        const char *pattern = json_string_value(item);

                        if (!pattern)
                                continue;
                        r = *pattern == '%' ? load_named_group(p, pattern + 1)
                                            : load_named_user(p, pattern);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Once for each account: every question about a gate of groups needs them. */
static int load_gids(const People *p, Person *who)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_groups; i++)
                n += person_in_group(who, &p->groups[i]);
        who->gids = calloc(n + 1, sizeof(*who->gids));
        if (!who->gids)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_groups; i++)
                if (person_in_group(who, &p->groups[i]))
                        who->gids[who->n_gids++] = p->groups[i].gid;
        return 0;
}

int people_load(const DoctorHost *h, People *ret)
{
        People p = { .host = h };
        int r;

        r = load_gates(&p);
        if (r == 0)
                r = load_users(&p);
        if (r == 0)
                r = load_groups(&p);
        if (r == 0)
                r = load_named(&p);
        for (size_t i = 0; i < p.n && r == 0; i++)
                r = load_gids(&p, &p.items[i]);
        if (r < 0) {
                people_done(&p);
                return r;
        }
        *ret = p;
        return 0;
}

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
