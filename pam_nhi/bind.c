/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/bind.h"

#include "lib/base/macro.h"

#include <stdio.h>

static void on_data_end(pam_handle_t *pamh, void *data, int status)
{
        (void)pamh;
        (void)status;
        free(data);
}

void bind_user(Binding *b, const char *user)
{
        if (!user)
                user = "";
        /* A decision is about one account. */
        if (strncmp(b->user, user, sizeof(b->user) - 1) != 0)
                b->decision = 0;
        (void)snprintf(b->user, sizeof(b->user), "%s", user);
}

Binding *bind_subject(pam_handle_t *pamh, const char *user, uid_t real_uid)
{
        _cleanup_free_ Binding *b = NULL;
        const void *found = NULL;

        if (pam_get_data(pamh, BIND_KEY, &found) == PAM_SUCCESS && found)
                return (Binding *)found;

        b = calloc(1, sizeof(*b));
        if (!b)
                return NULL;
        bind_user(b, user);
        b->real_uid = real_uid;
        if (pam_set_data(pamh, BIND_KEY, b, on_data_end) != PAM_SUCCESS)
                return NULL;
        return TAKE_PTR(b);
}
