/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which gate stands before this subject?
 *
 *  M1 What cannot be found out (a group that cannot be looked up, a service that has no class) MUST
 *     count as matching a gate.
 *  M2 An enforced gate MUST win over an observed one, in whatever order they stand. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gates.h"

#include <grp.h>
#include <stdio.h>

#define GROUP_SIZE_MIN 1024u
#define GROUP_SIZE_MAX (1024u * 1024)
#define ITEM_SIZE_MAX  LABEL_SIZE_MAX

static bool is_listed(const struct group *entry, const char *member)
{
        for (char **at = entry->gr_mem; member && at && *at; at++)
                if (streq(*at, member))
                        return true;
        return false;
}

/* getgrnam_r(3) with a buffer that grows to a bound. */
static int group_read(const char *group, const char *member, gid_t *ret, bool *ret_listed)
{
        for (size_t size = GROUP_SIZE_MIN; size <= GROUP_SIZE_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct group entry, *found = NULL;
                int r;

                if (!buffer)
                        return -ENOMEM;
                r = getgrnam_r(group, &entry, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                /* What nobody knows is 0 and no entry: ENOENT is what a service ran into that
                 * cannot be asked, its socket not there, where the search ends with it. */
                if (r != 0)
                        return r == ENOENT ? -EIO : -r;
                if (!found)
                        return -ENOENT;
                *ret = found->gr_gid;
                *ret_listed = is_listed(found, member);
                return 0;
        }
        return -E2BIG;
}

int gate_group_find(const char *group, const char *member, gid_t *ret, bool *ret_listed)
{
        const int r = group_read(group, member, ret, ret_listed);

        /* libc passes over a service that ran into a limit, and the next one never heard of it. */
        return r == -ENOENT ? group_read(group, member, ret, ret_listed) : r;
}

int gate_group_lookup(void *userdata, const char *group, gid_t *ret)
{
        bool listed;

        return gate_group_find(group, NULL, ret, &listed);
}

static bool group_matches(const GateSubject *subject, const char *group)
{
        GateGroupLookup lookup = subject->lookup ? subject->lookup : gate_group_lookup;
        gid_t gid = (gid_t)-1;
        int r;

        r = lookup(subject->lookup_userdata, group, &gid);
        if (r == -ENOENT)
                return false;
        if (r < 0)
                return true;
        for (size_t i = 0; i < subject->n_gids; i++)
                if (subject->gids[i] == gid)
                        return true;
        return false;
}

/* Copy the next item of a comma-separated list; false at its end. An item that is too long is cut
 * to "*": it matches (M1). */
static bool item_next(const char **list, char ret[static ITEM_SIZE_MAX + 1])
{
        size_t size = strcspn(*list, ",");

        if (size == 0)
                return false;
        if (size > ITEM_SIZE_MAX)
                (void)snprintf(ret, ITEM_SIZE_MAX + 1, "*");
        else
                (void)snprintf(ret, ITEM_SIZE_MAX + 1, "%.*s", (int)size, *list);
        *list += size;
        if (**list == ',')
                (*list)++;
        return true;
}

/* A user manager is the way to outlive a login: whoever's logins are gated, so is it. */
static bool class_item_matches(const char *item, const char *class)
{
        if (glob_match(item, class))
                return true;
        return streq(class, "systemd-user") &&
               (glob_match(item, "ssh") || glob_match(item, "login"));
}

static bool class_matches(const char *classes, const char *class)
{
        char item[ITEM_SIZE_MAX + 1];

        if (!class)
                return true;
        while (item_next(&classes, item))
                if (class_item_matches(item, class))
                        return true;
        return false;
}

/* Only the patterns over names, or only those over groups, which cost a look-up. */
static bool subject_matches(const char *patterns, const GateSubject *subject, bool by_group)
{
        char item[ITEM_SIZE_MAX + 1];

        if (!subject->name)
                return true;
        while (item_next(&patterns, item)) {
                bool is_group = item[0] == '%';

                if (is_group != by_group)
                        continue;
                if (is_group ? group_matches(subject, item + 1) : glob_match(item, subject->name))
                        return true;
        }
        return false;
}

static const GateRule *rule_find(const Gates *g, GateMode mode, const GateSubject *subject,
                                 const char *class, bool by_group)
{
        for (size_t i = 0; i < g->n_rules; i++) {
                const GateRule *rule = &g->rules[i];

                if (rule->mode == mode && class_matches(rule->classes, class) &&
                    subject_matches(rule->patterns, subject, by_group))
                        return rule;
        }
        return NULL;
}

static bool is_defined_account(const Gates *g, const GateSubject *subject)
{
        for (size_t i = 0; i < g->n_accounts; i++) {
                const GateDefinition *a = &g->accounts[i];

                if (streq_ptr(a->name, subject->name))
                        return true;
                if (subject->uid != (uid_t)-1 && a->uid == subject->uid)
                        return true;
        }
        return false;
}

GateMode gates_match(const Gates *g, const GateSubject *subject, const char *class, char *ret_gate,
                     size_t ret_gate_size)
{
        static const struct {
                GateMode mode;
                bool by_group;
        } order[] = {
                { GATE_ENFORCE, false },
                { GATE_ENFORCE, true },
                { GATE_OBSERVE, false },
                { GATE_OBSERVE, true },
        };

        if (ret_gate && ret_gate_size > 0)
                ret_gate[0] = '\0';
        if (is_defined_account(g, subject))
                return GATE_ENFORCE;
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                const GateRule *rule =
                        rule_find(g, order[i].mode, subject, class, order[i].by_group);

                if (!rule)
                        continue;
                if (ret_gate && ret_gate_size > 0)
                        (void)snprintf(ret_gate, ret_gate_size, "%s", rule->name);
                return rule->mode;
        }
        return GATE_UNGATED;
}
