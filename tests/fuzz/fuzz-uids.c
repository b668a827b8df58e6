/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names and ids ever seen, /var/lib/nhi/uids. Input: the file. It is read as a whole or not at
 * all: half a memory of ids would give one away twice. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/idmap.h"
#include "tests/fuzz/fuzz.h"

static void users_check(const IdMap *m)
{
        for (size_t i = 0; i < idmap_n_users(m); i++) {
                IdMapUser u = idmap_user_at(m, i), by_name, by_uid;

                FUZZ_HOLDS(name_is_strict(u.name) && id_is_assignable(u.uid) &&
                                   id_is_assignable(u.gid) && *u.issuer,
                           "a user is whole");
                FUZZ_HOLDS(idmap_user_by_name(m, u.name, &by_name) && by_name.uid == u.uid &&
                                   streq(by_name.issuer, u.issuer),
                           "a user is found by name");
                FUZZ_HOLDS(idmap_user_by_uid(m, u.uid, &by_uid) && streq(by_uid.name, u.name),
                           "no two users had one uid");
                FUZZ_HOLDS(idmap_gid_owner(m, u.gid), "its gid is taken");
        }
}

static void groups_check(const IdMap *m)
{
        for (size_t i = 0; i < idmap_n_groups(m); i++) {
                const char *name = NULL;
                uint32_t gid = 0, found = 0;

                idmap_group_at(m, i, &name, &gid);
                FUZZ_HOLDS(name_is_strict(name) && id_is_assignable(gid), "a group is whole");
                FUZZ_HOLDS(idmap_group_by_name(m, name, &found) && found == gid,
                           "a group is found by name");
                FUZZ_HOLDS(streq_ptr(idmap_gid_owner(m, gid), name), "no two groups had one gid");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        size_t n = 0, n_written = 0;
        char *text = input_rest(&in, &n), *written = NULL;
        IdMap *m = NULL, *shorter = NULL;

        if (idmap_parse(text, n, &m) == 0) {
                users_check(m);
                groups_check(m);
                FUZZ_HOLDS(idmap_format(m, &written, &n_written) == 0 && n_written == n &&
                                   memcmp(text, written, n) == 0,
                           "what is read is written as it was");
                FUZZ_HOLDS(idmap_parse(text, n - 1, &shorter) != 0, "a cut file is no file");
                idmap_free(m);
        }
        free(written);
        free(text);
        return 0;
}
