/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sudo_nhi/invoker.h"

#include "lib/base/macro.h"
#include "sudo_nhi/vector.h"

/* A label; what does not fit is as good as absent. */
static void copy_value(char *ret, size_t size, const char *value)
{
        if (value && strlen(value) < size)
                memcpy(ret, value, strlen(value) + 1);
        else
                ret[0] = '\0';
}

int invoker_init(Invoker *i, char *const user_info[])
{
        const char *name = vector_value(user_info, "user");
        GateAccount a = { .name = i->name };

        if (!label_is_sane(name) || !vector_id(user_info, "uid", &a.uid) ||
            !vector_id(user_info, "gid", &a.gid))
                return -EINVAL;
        *i = (Invoker){ .account = a, .egid = a.gid };
        (void)vector_id(user_info, "egid", &i->egid);
        copy_value(i->name, sizeof(i->name), name);
        copy_value(i->tty, sizeof(i->tty), vector_value(user_info, "tty"));
        copy_value(i->cwd, sizeof(i->cwd), vector_value(user_info, "cwd"));
        if (i->cwd[0] != '/')
                i->cwd[0] = '\0';
        return 0;
}

void invoker_done(Invoker *i)
{
        gate_account_done(&i->account);
}
