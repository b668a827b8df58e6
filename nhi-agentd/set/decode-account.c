/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accounts that exist by us. What this host refuses of them: O11, O17, O19, O22; V28 V30 V33 V34.
 */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "nhi-agentd/set/value.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>

#define GECOS_SIZE_MAX 256u
#define OWNER_SIZE_MAX 256u

static int read_kind(Decode *d, const Member *m, const json_t *v, void *ret)
{
        static const AccountKind kinds[] = { KIND_WORKLOAD, KIND_HUMAN, KIND_AGENT };
        int r;

        r = check_text(d, m, v);
        if (r != 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(account_kind_name(kinds[i]), json_string_value(v))) {
                        *(AccountKind *)ret = kinds[i];
                        return 0;
                }
        return decode_problem(d, "member-value", "member \"%s\" is none of workload, human, agent",
                              m->name);
}

static const Member account_members[] = {
        { .name = "name",
          .read = read_text,
          .offset = offsetof(Account, name),
          .required = true,
          .valid = name_is_strict,
          .expects = "a name of a-z, 0-9, _ and -, at most 32 long" },
        { .name = "kind", .read = read_kind, .offset = offsetof(Account, kind), .required = true },
        { .name = "owner",
          .read = read_text,
          .offset = offsetof(Account, owner),
          .required = true,
          .limit = OWNER_SIZE_MAX },
        { .name = "uid", .read = read_id, .offset = offsetof(Account, uid), .required = true },
        { .name = "gid", .read = read_id, .offset = offsetof(Account, gid), .required = true },
        { .name = "gecos",
          .read = read_text,
          .offset = offsetof(Account, gecos),
          .may_be_empty = true,
          .limit = GECOS_SIZE_MAX,
          .valid = gecos_is_valid,
          .expects = "free of ':'" },
        { .name = "home",
          .read = read_text,
          .offset = offsetof(Account, home),
          .valid = path_is_plain,
          .expects = "a plain absolute path" },
        { .name = "shell",
          .read = read_text,
          .offset = offsetof(Account, shell),
          .valid = path_is_plain,
          .expects = "a plain absolute path" },
};

static int check_range(Decode *d, const char *what, uint32_t id)
{
        if (!id_is_assignable(id))
                return decode_problem(d, "uid-range", "%s %u is not in %u..%u", what, id, ID_MIN,
                                      ID_MAX);
        if (localdb_id_is_subordinate(d->local, id))
                return decode_problem(d, "uid-subordinate",
                                      "%s %u is handed out by /etc/subuid or /etc/subgid", what,
                                      id);
        return 0;
}

static int check_local(Decode *d, const Account *a)
{
        const char *name;
        uint32_t uid, gid;

        if (localdb_user(d->local, a->name, &uid, &gid))
                return decode_problem(d, "name-local", "%s is a local account with uid %u", a->name,
                                      uid);
        if (localdb_group(d->local, a->name, &gid) && gid != a->gid)
                return decode_problem(d, "name-local", "%s is a local group with gid %u", a->name,
                                      gid);
        name = localdb_user_name(d->local, a->uid);
        if (name)
                return decode_problem(d, "uid-local", "uid %u is the local account %s", a->uid,
                                      name);
        name = localdb_group_name(d->local, a->gid);
        if (name && !streq(name, a->name))
                return decode_problem(d, "gid-local", "gid %u is the local group %s", a->gid, name);
        return 0;
}

/* The first issuer that defined a name or id here owns it, for good (V33). */
static int check_history(Decode *d, const Account *a)
{
        const char *owner;
        IdMapUser known;

        if (idmap_user_by_name(d->idmap, a->name, &known)) {
                if (!streq(known.issuer, a->issuer))
                        return decode_problem(d, "name-owned", "%s belongs to issuer %.150s",
                                              a->name, known.issuer);
                if (known.uid != a->uid || known.gid != a->gid)
                        return decode_problem(d, "uid-changed",
                                              "%s has had uid %u and gid %u on this host", a->name,
                                              known.uid, known.gid);
        }
        if (idmap_user_by_uid(d->idmap, a->uid, &known) && !streq(known.name, a->name))
                return decode_problem(d, "uid-tombstone", "uid %u has been %s on this host", a->uid,
                                      known.name);
        owner = idmap_gid_owner(d->idmap, a->gid);
        if (owner && !streq(owner, a->name))
                return decode_problem(d, "gid-tombstone", "gid %u has been %s on this host", a->gid,
                                      owner);
        return 0;
}

static int check_account(Decode *d, const Account *a)
{
        int r;

        r = check_range(d, "uid", a->uid);
        if (r == 0)
                r = check_range(d, "gid", a->gid);
        if (r == 0)
                r = check_local(d, a);
        if (r == 0)
                r = check_history(d, a);
        if (r == 0)
                r = reach_check_account(d, a);
        return r;
}

static int fill_defaults(Decode *d, Account *a)
{
        char home[PATH_MAX];

        if (!a->gecos)
                a->gecos = "";
        if (!a->shell)
                a->shell = "/bin/sh";
        if (a->home)
                return 0;
        snprintf(home, sizeof(home), "/var/lib/%s", a->name);
        a->home = arena_text(d->arena, home);
        return a->home ? 0 : -ENOMEM;
}

int account_decode(Decode *d, const json_t *v, AccountEntry *ret)
{
        Account *a = &ret->account;
        int r;

        a->issuer = d->set->issuer;
        r = entry_peek(d, v, "name", name_is_strict, &a->name);
        if (r == 0)
                r = members_read(d, v, account_members, ELEMENTSOF(account_members), a);
        if (r == 0) {
                ret->decoded = true;
                r = fill_defaults(d, a);
        }
        if (r == 0)
                r = check_account(d, a);
        return r == DECODE_E_PROBLEM ? entry_refuse(d, &ret->problem) : r;
}
