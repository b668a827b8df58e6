/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The subject rule:
 *
 *  S1 In elevation services the subject MUST be the real uid of the first phase, whatever PAM_USER
 *     says then or later; in all others it is PAM_USER.
 *  S2 Where the real uid is not 0 and its account is gated too, both MUST pass.
 *  S3 PAM_RUSER, PAM_RHOST and PAM_TTY MUST NOT decide anything here. */

#include "pam_nhi/call.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <security/pam_ext.h>

#define PHASE_TIME_USEC (2 * USEC_PER_SEC)

static const char *item_text(pam_handle_t *pamh, int item)
{
        const void *text = NULL;

        return pam_get_item(pamh, item, &text) == PAM_SUCCESS ? text : NULL;
}

/* Only authenticate may prompt for a name that nobody has given yet. */
static const char *call_user(const Call *c)
{
        const char *user = item_text(c->pamh, PAM_USER);

        if (user || c->phase != PHASE_AUTHENTICATE)
                return user;
        return pam_get_user(c->pamh, &user, NULL) == PAM_SUCCESS ? user : NULL;
}

static void call_subjects(Call *c)
{
        uid_t bound_uid = c->binding ? c->binding->real_uid : c->real_uid;

        c->caller_mode = GATE_UNGATED;
        if (c->elevation) {
                subject_init_uid(&c->subject, bound_uid);
        } else {
                subject_init_name(&c->subject, c->user);
                if (c->real_uid != 0 && c->real_uid != c->subject.account.uid) {
                        subject_init_uid(&c->caller, c->real_uid);
                        c->caller_mode = subject_mode(&c->caller, c->class, NULL, 0);
                }
        }
        c->mode = subject_mode(&c->subject, c->class, c->gate, sizeof(c->gate));
}

void call_init(Call *c, pam_handle_t *pamh, Phase phase, int flags, int argc, const char **argv)
{
        *c = (Call){
                .pamh = pamh,
                .phase = phase,
                .silent = flags & PAM_SILENT,
                .options = options_parse(argc, argv),
                .deadline_usec = now_monotonic_usec() + PHASE_TIME_USEC,
                .real_uid = getuid(),
        };
        c->service = item_text(pamh, PAM_SERVICE);
        c->user = call_user(c);
        c->class = service_class(c->service, c->class_text);
        c->elevation = service_is_elevation(c->service);
        c->binding = bind_subject(pamh, c->user, c->real_uid);
        if (c->binding && phase == PHASE_AUTHENTICATE)
                bind_user(c->binding, c->user);
        call_subjects(c);
}

void call_done(Call *c)
{
        subject_done(&c->subject);
        subject_done(&c->caller);
}
