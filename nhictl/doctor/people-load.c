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
        const char *const paths[] = { BELOW_ROOT(PATH_GATES_RUN), BELOW_ROOT(PATH_GATES_STATE) };
        bool absent = true;

        for (size_t i = 0; i < ELEMENTSOF(paths) && !p->gates; i++) {
                _cleanup_free_ char *text = NULL;
                char full[512];
                size_t size = 0;
                int r;

                (void)snprintf(full, sizeof(full), "%s%s", p->host->root, paths[i]);
                r = file_read_trusted(full, owner_trusted(), GATES_SIZE_MAX, &text, &size);
                if (r == 0)
                        r = gates_parse(text, size, &p->gates);
                absent = absent && r == -ENOENT;
                (void)snprintf(p->gates_path, sizeof(p->gates_path), "%s", paths[i]);
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
