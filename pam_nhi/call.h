/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One call of one entry point: what it knows, gathered once. */

#include "lib/base/service.h"
#include "pam_nhi/bind.h"
#include "pam_nhi/law.h"
#include "pam_nhi/options.h"
#include "pam_nhi/subject.h"

#define GATE_NAME_SIZE 64

typedef struct Call {
        pam_handle_t *pamh;
        Phase phase;
        bool silent; /* PAM_SILENT: no word to the person */
        Options options;
        uint64_t deadline_usec;

        const char *service, *user; /* items of the handle; may be NULL */
        const char *class;          /* NULL: the service's name is unusable */
        char class_text[SERVICE_SIZE_MAX + 1];
        bool elevation;
        uid_t real_uid;
        Binding *binding; /* NULL: no memory */

        Subject subject; /* whose grant is asked for */
        Subject caller;  /* the real uid's account, where it is not root's and no elevation */
        GateMode mode, caller_mode;
        char gate[GATE_NAME_SIZE];

        char reason[65];    /* the agent's reason token, where it answered */
        char message[1025]; /* the agent's words for the person */
        char jti[65];       /* the grant that the subject's session is tied to; "" none */
        uint64_t until_sec; /* when it ends, seconds since the epoch; 0 unknown */
} Call;

void call_init(Call *c, pam_handle_t *pamh, Phase phase, int flags, int argc, const char **argv);
void call_done(Call *c);
